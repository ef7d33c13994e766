//! L3, the KRaft controller: it decides who is registered, who leads and who is in sync.
//!
//! Modelled: a quorum of one voter: requests change the newest state at once, their records linger,
//! are flushed and so committed, and only then are answered; observers fetch what is committed;
//! sessions, fencing, elections; the end of a life and the take-over by the next one.
//! Left out: several voters (their place is `Activity`: a quorum decides who is active),
//! deletion of topics, dynamic configs of brokers, quotas, access control.
//! Source: QuorumController, KafkaRaftClient (4.2); KIP-500, KIP-595, KIP-631.

mod admin;
mod alter_partition;
mod cluster;
mod configs;
mod elections;
mod facts;
mod heartbeat;
mod log;
mod log_dirs;
pub mod placement;
mod producer_ids;
mod registration;
mod requests;
mod server;
mod sessions;

use std::sync::Arc;

use crate::controller::cluster::{Cluster, Decision};
use crate::controller::facts::announce;
use crate::controller::log::{Change, MetadataLog, Span};
use crate::controller::requests::Command;
use crate::controller::server::{Caller, Server};
use crate::kafka::api::quorum_fetch::{QuorumFetchRequest, QuorumFetchResponse};
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::{Fact, PartitionChangeCause};
use crate::kafka::ids::Offset;
use crate::kafka::message::{Message, Request, Response};
use crate::kafka::metadata_records::MetadataRecord;
use crate::metadata::image::MetadataImage;
use crate::sim::disk::Disk;
use crate::sim::process::{Crash, Cx as SimCx, FileId, FlushId, Input, TimerSlot};
use crate::sim::rng::{Rng, Streams};
use crate::sim::time::SimDuration;

/// The file of the metadata log.
const METADATA_LOG: FileId = FileId(0);

/// The log always keeps this many committed records, however small a snapshot would be.
const MIN_RECORDS_KEPT: usize = 1_024;

/// How many elections one periodic pass makes at most (QuorumController's maxElectionsPerImbalance).
const MAX_ELECTIONS_PER_PASS: usize = 1_000;

/// When a periodic pass found work, the next one comes after this (PeriodicTask).
const PASS_AGAIN_AFTER: SimDuration = SimDuration::from_millis(10);

type Cx<'a> = SimCx<'a, Message, Fact, Timer>;

/// What wakes the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The accumulated records have lingered long enough.
    Linger,
    /// A NoOp record is due.
    Idle,
    /// Look for a broker whose session ran out.
    StaleBroker,
    /// Look for leaderless partitions that may be led by anyone.
    UncleanElection,
    /// Look for partitions that are not led by their first replica.
    PreferredElection,
    /// An observer's fetch has waited long enough.
    ObserverFetch,
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        self as usize
    }
}

/// What a controller is made of.
#[derive(Clone, Debug)]
pub struct ControllerSetup {
    /// Config of all brokers and controllers.
    pub config: Arc<BrokerConfig>,
    /// The cluster as it stands at 0 s: committed, on stable storage, known to every broker.
    pub bootstrap: MetadataImage,
    /// True when eligible.leader.replicas.version is 1 (KIP-966).
    pub eligible_leader_replicas: bool,
    /// The names that topic ids stand for, of topics that do not exist yet too.
    pub topic_names: Arc<[Arc<str>]>,
    /// The run's streams of chance; the controller takes `controller/placement`.
    pub streams: Streams,
}

/// One controller node.
#[derive(Clone, Debug)]
pub struct Controller {
    config: Arc<BrokerConfig>,
    eligible_leader_replicas: bool,
    topic_names: Arc<[Arc<str>]>,
    placement: Rng,
    log: MetadataLog,
    committed: MetadataImage,
    activity: Activity,
    server: Server,
    /// True when the linger is over but the last flush is not.
    overdue: bool,
    /// True while the timer for observers' fetches is pending; it is not taken back when they are
    /// answered, it finds the next deadline when it fires.
    fetch_timer_armed: bool,
    next_flush: u64,
}

/// Whether this node decides. With one voter every life of it wins its own election; a quorum of
/// several would say here who does.
#[derive(Clone, Debug)]
enum Activity {
    /// Built and not started: the cluster stands, no election is needed.
    Founded,
    /// Not running.
    Down,
    /// The disk is lost and not formatted: the node does not start (no meta.properties).
    Unformatted,
    /// Elected; its first record, which ends at this offset, is not committed yet.
    Claiming(Offset),
    /// In charge.
    Active(Box<Cluster>),
}

impl Controller {
    /// A controller of a cluster that stands.
    pub fn new(setup: ControllerSetup) -> Self {
        Self {
            config: setup.config,
            eligible_leader_replicas: setup.eligible_leader_replicas,
            topic_names: setup.topic_names,
            placement: setup.streams.stream("controller/placement"),
            log: MetadataLog::new(setup.bootstrap.end),
            committed: setup.bootstrap,
            activity: Activity::Founded,
            server: Server::default(),
            overdue: false,
            fetch_timer_armed: false,
            next_flush: 0,
        }
    }

    /// The committed state.
    pub fn image(&self) -> &MetadataImage {
        &self.committed
    }

    /// True while this node decides: the active controller.
    pub fn is_active(&self) -> bool {
        matches!(self.activity, Activity::Active(_))
    }

    /// Handles one input to the end.
    pub fn handle(&mut self, cx: &mut Cx<'_>, input: Input<Message, Timer>) {
        match input {
            Input::Start => self.start(cx),
            Input::Terminate => {
                self.forget();
                cx.exit();
            }
            Input::Connected { .. } => {}
            Input::Message { on, body } => match body {
                Message::Request { correlation, body } => {
                    self.server.arrived(Caller { on, correlation }, body);
                }
                Message::Response { .. } => panic!("a lone voter asks nobody"),
            },
            Input::Disconnected(connection) => self.server.disconnected(connection),
            Input::Timer(timer) => self.timer(cx, timer),
            Input::Flushed(_) => self.flushed(cx),
            Input::FlushFailed(_) => self.halt(cx),
        }
        while let Some((caller, request)) = self.server.next() {
            self.serve(cx, caller, request);
        }
    }

    /// Forgets what this kind of crash forgets.
    pub fn crash(&mut self, kind: Crash, disk: &Disk) {
        self.log.crash(kind, disk.durable(METADATA_LOG));
        self.forget();
        if kind == Crash::DiskLost {
            self.activity = Activity::Unformatted;
        }
    }

    /// Memory is gone: connections, sessions, what was not written.
    fn forget(&mut self) {
        self.log.crash(Crash::Kill, 0);
        if !matches!(self.activity, Activity::Unformatted) {
            self.activity = Activity::Down;
        }
        self.server = Server::default();
        self.overdue = false;
        self.fetch_timer_armed = false;
    }

    fn start(&mut self, cx: &mut Cx<'_>) {
        match self.activity {
            Activity::Founded => self.activate(cx),
            Activity::Unformatted => cx.exit(),
            Activity::Down | Activity::Claiming(_) | Activity::Active(_) => {
                cx.disk().truncate(METADATA_LOG, self.log.written_bytes());
                // The leader's first record (LeaderChange) commits what the last life left; it
                // does not linger.
                self.log.append(Change::of(MetadataRecord::NoOp));
                self.activity = Activity::Claiming(self.log.end());
                self.write(cx);
            }
        }
    }

    fn activate(&mut self, cx: &mut Cx<'_>) {
        let cluster = Cluster::new(
            &self.config,
            self.eligible_leader_replicas,
            &self.committed,
            self.placement.clone(),
            cx.now(),
        );
        let cluster = cluster.naming(Arc::clone(&self.topic_names));
        self.activity = Activity::Active(Box::new(cluster));
        cx.set_timer(Timer::StaleBroker, self.stale_broker_interval());
        let config = &self.config;
        let idle = config.metadata_max_idle_interval;
        if !idle.is_zero() {
            cx.set_timer(Timer::Idle, idle);
        }
        cx.set_timer(
            Timer::UncleanElection,
            config.unclean_leader_election_interval,
        );
        if config.auto_leader_rebalance_enable {
            cx.set_timer(
                Timer::PreferredElection,
                SimDuration::from_secs(config.leader_imbalance_check_interval_seconds),
            );
        }
    }

    fn stale_broker_interval(&self) -> SimDuration {
        let eighth = SimDuration::from_nanos(self.config.broker_session_timeout.as_nanos() / 8);
        eighth.max(SimDuration::from_millis(1))
    }

    fn timer(&mut self, cx: &mut Cx<'_>, timer: Timer) {
        match timer {
            Timer::Linger if self.log.is_flushing() => self.overdue = true,
            Timer::Linger => self.write(cx),
            Timer::Idle => {
                self.append(cx, vec![Change::of(MetadataRecord::NoOp)]);
                cx.set_timer(timer, self.config.metadata_max_idle_interval);
            }
            Timer::StaleBroker => {
                let found = self.fence_stale_broker(cx);
                let again = if found {
                    PASS_AGAIN_AFTER
                } else {
                    self.stale_broker_interval()
                };
                cx.set_timer(timer, again);
            }
            Timer::UncleanElection => {
                let changes = self.cluster().unclean_elections(MAX_ELECTIONS_PER_PASS);
                let interval = self.config.unclean_leader_election_interval;
                self.end_pass(cx, timer, changes, interval);
            }
            Timer::PreferredElection => {
                let changes = self.cluster().preferred_elections(MAX_ELECTIONS_PER_PASS);
                let seconds = self.config.leader_imbalance_check_interval_seconds;
                let interval = SimDuration::from_secs(seconds);
                self.end_pass(cx, timer, changes, interval);
            }
            Timer::ObserverFetch => {
                self.fetch_timer_armed = false;
                for fetch in self.server.take_overdue(cx.now()) {
                    self.answer_observer(cx, fetch.caller, fetch.request);
                }
                self.arm_fetch_timer(cx);
            }
        }
    }

    /// A pass that reached its limit goes on soon.
    fn end_pass(
        &mut self,
        cx: &mut Cx<'_>,
        timer: Timer,
        changes: Vec<Change>,
        interval: SimDuration,
    ) {
        let again = if changes.len() == MAX_ELECTIONS_PER_PASS {
            PASS_AGAIN_AFTER
        } else {
            interval
        };
        self.append(cx, changes);
        cx.set_timer(timer, again);
    }

    /// At most one per pass, so that each fencing takes effect before the next one is decided.
    fn fence_stale_broker(&mut self, cx: &mut Cx<'_>) -> bool {
        let now = cx.now();
        let cluster = self.cluster();
        let Some(broker) = cluster.sessions.take_stale(now) else {
            return false;
        };
        let changes = cluster.fence(broker, PartitionChangeCause::Fenced);
        self.append(cx, changes);
        true
    }

    fn cluster(&mut self) -> &mut Cluster {
        let Activity::Active(cluster) = &mut self.activity else {
            panic!("only an active controller has periodic passes");
        };
        cluster
    }

    /// Applies records to the newest state and lets them linger.
    fn append(&mut self, cx: &mut Cx<'_>, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let lingering = self.log.has_unwritten();
        for change in changes {
            self.cluster().latest.apply(&change.record);
            self.log.append(change);
        }
        if !lingering {
            cx.set_timer(Timer::Linger, self.config.controller_quorum_append_linger);
        }
    }

    /// A controller that cannot write its metadata log halts.
    fn halt(&mut self, cx: &mut Cx<'_>) {
        self.forget();
        cx.exit();
    }

    /// Writes what has accumulated into the file and flushes it.
    fn write(&mut self, cx: &mut Cx<'_>) {
        self.overdue = false;
        let now = cx.now();
        let bytes = self.log.unwritten_bytes();
        if cx.disk().append(METADATA_LOG, bytes, now).is_err() {
            self.halt(cx);
            return;
        }
        self.log.written();
        cx.flush(FlushId(self.next_flush), METADATA_LOG);
        self.next_flush += 1;
    }

    fn flushed(&mut self, cx: &mut Cx<'_>) {
        self.log.flushed();
        let high_watermark = self.log.high_watermark();
        while self.committed.end < high_watermark {
            let change = self.log.at(self.committed.end);
            announce(cx, &self.committed, change);
            self.committed.apply(&change.record);
        }
        if let Activity::Claiming(end) = self.activity
            && end <= high_watermark
        {
            self.activate(cx);
        }
        self.server.committed(cx, high_watermark);
        for fetch in self.server.take_parked() {
            self.answer_observer(cx, fetch.caller, fetch.request);
        }
        self.log
            .trim(self.committed.snapshot_len().max(MIN_RECORDS_KEPT));
        if self.overdue {
            self.write(cx);
        }
    }

    fn serve(&mut self, cx: &mut Cx<'_>, caller: Caller, request: Request) {
        if let Request::QuorumFetch(request) = request {
            self.observe(cx, caller, request);
            return;
        }
        let Some(command) = Command::of(request) else {
            // The listener of controllers does not know other requests.
            cx.close(caller.on);
            self.server.disconnected(caller.on);
            return;
        };
        let now = cx.now();
        let decided = match &mut self.activity {
            Activity::Active(cluster) => command.decide(cluster, now),
            Activity::Founded | Activity::Down | Activity::Unformatted | Activity::Claiming(_) => {
                Err(ErrorCode::NotController)
            }
        };
        match decided {
            Ok(Decision { changes, answer }) => {
                self.append(cx, changes);
                // What was read to decide may not be committed either, so even an answer without
                // records waits for the newest one.
                let end = self.log.end();
                if end <= self.log.high_watermark() {
                    self.server.answer(cx, caller, answer);
                } else {
                    self.server.answer_at(end, caller, answer);
                }
            }
            Err(error) => self.server.answer(cx, caller, command.refusal(error)),
        }
    }

    /// An observer fetches: it is answered when there is news for it.
    fn observe(&mut self, cx: &mut Cx<'_>, caller: Caller, request: QuorumFetchRequest) {
        let high_watermark = self.log.high_watermark();
        let news =
            request.fetch_offset < high_watermark || request.known_high_watermark < high_watermark;
        if news || request.max_wait.is_zero() {
            self.answer_observer(cx, caller, request);
        } else {
            self.server.park(caller, request, cx.now());
            self.arm_fetch_timer(cx);
        }
    }

    fn answer_observer(&mut self, cx: &mut Cx<'_>, caller: Caller, request: QuorumFetchRequest) {
        let high_watermark = self.log.high_watermark();
        let response = match self.log.span(request.fetch_offset) {
            Span::Kept => QuorumFetchResponse {
                snapshot_end: None,
                base_offset: request.fetch_offset,
                records: self.log.read(request.fetch_offset),
                high_watermark,
            },
            Span::Trimmed => QuorumFetchResponse {
                snapshot_end: Some(self.committed.end),
                base_offset: self.committed.end,
                records: self.committed.snapshot(),
                high_watermark,
            },
        };
        let response = Response::QuorumFetch(Box::new(response));
        self.server.answer(cx, caller, response);
    }

    fn arm_fetch_timer(&mut self, cx: &mut Cx<'_>) {
        if let Some(deadline) = self.server.next_deadline()
            && !self.fetch_timer_armed
        {
            self.fetch_timer_armed = true;
            cx.set_timer(Timer::ObserverFetch, deadline.since(cx.now()));
        }
    }
}

#[cfg(test)]
mod tests;
