//! L3, the Kafka broker as a protocol state machine.
//!
//! Modelled: produce and fetch, replication with high watermark and in-sync set, truncation, the
//! metadata log as an observer, registration and heartbeats, controlled shutdown, crashes.
//! Left out for now: groups, transactions, tiered storage.
//! Source: KafkaApis, ReplicaManager, Partition, BrokerServer (4.2).
//!
//! Invariants: what a replica does depends on the metadata log and its own log only; a handler never
//! waits: what must wait is data in a purgatory; every answer leaves through `Broker::respond`.

mod alter_partition;
mod api;
mod codec_work;
mod connections;
pub mod controller_link;
mod disk_reads;
mod fetcher;
mod forwarding;
mod isr;
mod leading;
mod lifecycle;
mod log_dirs;
mod metadata;
pub mod mutation;
mod partition;
mod producer_ids;
mod purgatory;
mod quotas;
mod read_replica;
mod registrations;
mod replicas;
mod retention;
mod shutdown;
mod storage;
#[cfg(test)]
mod tests;
mod throttle;
pub mod timer;
mod truncation;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::alter_partition::AlterPartitions;
use crate::broker::api::fetch::Found;
use crate::broker::codec_work::CodecWork;
use crate::broker::connections::{Connections, ReplyTo};
use crate::broker::controller_link::{ControllerLink, Progress, Timer as LinkTimer};
use crate::broker::disk_reads::DiskReads;
use crate::broker::fetcher::Fetchers;
use crate::broker::forwarding::Forwarding;
use crate::broker::leading::LeaderNow;
use crate::broker::lifecycle::{Lifecycle, Stage};
use crate::broker::log_dirs::LogDirs;
use crate::broker::metadata::Metadata;
use crate::broker::mutation::Mutation;
use crate::broker::partition::{Partition, Slot};
use crate::broker::producer_ids::ProducerIds;
use crate::broker::purgatory::{ParkedDelete, ParkedFetch, ParkedProduce, Purgatory, Wait};
use crate::broker::quotas::Quotas;
use crate::broker::registrations::Registrations;
use crate::broker::replicas::Replicas;
use crate::broker::retention::LogCare;
use crate::broker::storage::{Cut, FlushTarget};
use crate::broker::throttle::Throttles;
use crate::broker::timer::{Link, Timer};
use crate::kafka::api::produce::LeaderHint;
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::cpu::{CpuCosts, NetworkCosts};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{BrokerEpoch, BrokerId, Incarnation, Rack, TopicPartition};
use crate::kafka::message::{CorrelationId, Message, Request, Response};
use crate::kafka::quota::ClientIds;
use crate::kafka::view::ReplicaView;
use crate::metadata::image::MetadataImage;
use crate::rpc::{Rpc, Settings};
use crate::sim::disk::Disk;
use crate::sim::process::{ConnectionId, Crash, Cx, FlushId, HostId, Input};
use crate::sim::rng::{Rng, Streams};
use crate::sim::time::SimDuration;

/// A broker's context.
type BrokerCx<'a, 'b> = &'a mut Cx<'b, Message, Fact, Timer>;

/// What a broker is made of.
#[derive(Clone, Debug)]
pub struct BrokerSetup {
    /// Its id.
    pub id: BrokerId,
    /// Its config.
    pub config: Arc<BrokerConfig>,
    /// Where it stands (broker.rack).
    pub rack: Option<Rack>,
    /// Where each broker of the cluster runs, this one included.
    pub brokers: Arc<[(BrokerId, HostId)]>,
    /// Where the controllers run.
    pub controllers: Arc<[HostId]>,
    /// The run's streams of chance; the broker takes those named `broker/b<id>/…`.
    pub streams: Streams,
    /// Set when the cluster stands at the first start; without, the broker registers first.
    pub bootstrap: Option<Bootstrap>,
    /// How many log directories it has (log.dirs), each on a device of its own.
    pub log_dirs: u32,
    /// What its CPU time is charged with.
    pub costs: CpuCosts,
    /// What its network threads are charged with.
    pub network: NetworkCosts,
    /// Its clients; none where nobody has a quota or gets one.
    pub clients: Option<Arc<ClientIds>>,
    /// The rule that it breaks, in a test of the checkers.
    pub mutation: Option<Mutation>,
}

/// What a broker of a standing cluster knows: it is registered and unfenced.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The epoch of its registration.
    pub epoch: BrokerEpoch,
    /// The cluster's metadata.
    pub image: MetadataImage,
}

/// A Kafka broker.
#[derive(Clone, Debug)]
pub struct Broker {
    id: BrokerId,
    config: Arc<BrokerConfig>,
    rack: Option<Rack>,
    mutation: Option<Mutation>,
    hosts: Arc<[(BrokerId, HostId)]>,
    bootstrap: Option<BrokerEpoch>,
    metadata: Metadata,
    /// Which live broker it calls the controller.
    controller_choice: Rng,
    registrations: Registrations,
    replicas: Replicas,
    connections: Connections,
    quotas: Option<Box<Quotas>>,
    costs: CpuCosts,
    network: NetworkCosts,
    codec_work: CodecWork,
    /// Answers that wait for the disk.
    disk_reads: DiskReads,
    log_dirs: LogDirs,
    produces: Purgatory<ParkedProduce>,
    fetches: Purgatory<ParkedFetch>,
    deletes: Purgatory<ParkedDelete>,
    alterations: AlterPartitions,
    fetchers: Fetchers,
    lifecycle: Lifecycle,
    producer_ids: ProducerIds,
    throttles: Throttles,
    forwarding: Forwarding,
    links: [ControllerLink; 5],
    flushes: BTreeMap<FlushId, (Slot, FlushTarget)>,
    next_flush: u64,
    cuts: Vec<Cut>,
    care: LogCare,
    /// The only log directory failed in this step.
    is_halting: bool,
    scratch: Scratch,
}

/// Buffers that are used again, empty between steps.
#[derive(Clone, Debug, Default)]
struct Scratch {
    found: Vec<Found>,
    /// Replicas that a produce appended to, and whether the high watermark moved.
    grown: Vec<(Slot, bool)>,
    waits: Vec<Vec<Wait>>,
}

impl Broker {
    /// A broker that has not started.
    #[expect(clippy::too_many_lines, reason = "every field by hand")]
    pub fn new(setup: BrokerSetup) -> Self {
        let BrokerSetup {
            id,
            config,
            rack,
            brokers,
            controllers,
            streams,
            bootstrap,
            log_dirs,
            costs,
            network,
            clients,
            mutation,
        } = setup;
        let stream = |name: &str| streams.stream(&format!("broker/{id}/{name}"));
        let epoch = bootstrap.as_ref().map(|bootstrap| bootstrap.epoch);
        let image = bootstrap.map(|bootstrap| bootstrap.image);
        let image = image.unwrap_or_default();
        let known = image.brokers.get(&id).filter(|_| epoch.is_some());
        let incarnation = known.map_or(Incarnation(1), |known| known.incarnation);
        let link = |link: Link| {
            let session = config.broker_session_timeout;
            let heartbeat_limit = SimDuration::from_nanos(session.as_nanos() / 2);
            let (timeout, give_up_after) = match link {
                Link::Lifecycle => (heartbeat_limit, Some(heartbeat_limit)),
                Link::AlterPartition => (config.request_timeout, None),
                Link::ProducerIds | Link::Forwarding => {
                    (config.request_timeout, Some(SimDuration::from_secs(60)))
                }
                Link::Metadata => (config.controller_quorum_request_timeout, None),
            };
            let rng = stream(link.name());
            ControllerLink::new(&controllers, timeout, give_up_after, rng)
        };
        let quotas = clients.map(|clients| {
            let mut quotas = Quotas::new(clients, &config);
            quotas.limit(&image);
            Box::new(quotas)
        });
        let fetcher_settings = Settings {
            request_timeout: config.replica_socket_timeout,
            reconnect_backoff: SimDuration::ZERO,
            reconnect_backoff_max: SimDuration::ZERO,
            ..Settings::default()
        };
        Self {
            id,
            rack,
            mutation,
            hosts: brokers,
            bootstrap: epoch,
            registrations: Registrations::of(&image),
            metadata: Metadata::new(image),
            controller_choice: stream("metadata/controller"),
            replicas: Replicas::default(),
            connections: Connections::default(),
            quotas,
            costs,
            network,
            codec_work: CodecWork::new(config.num_io_threads),
            disk_reads: DiskReads::default(),
            log_dirs: LogDirs::new(log_dirs),
            produces: Purgatory::default(),
            fetches: Purgatory::default(),
            deletes: Purgatory::default(),
            alterations: AlterPartitions::default(),
            fetchers: Fetchers::new(Rpc::new(fetcher_settings, stream("fetchers"))),
            lifecycle: Lifecycle::new(incarnation, stream("lifecycle")),
            producer_ids: ProducerIds::default(),
            throttles: Throttles::new(&config),
            forwarding: Forwarding::default(),
            links: Link::ALL.map(link),
            flushes: BTreeMap::new(),
            next_flush: 0,
            cuts: Vec::new(),
            care: LogCare::new(&streams, &format!("broker/{id}/logs")),
            is_halting: false,
            scratch: Scratch::default(),
            config,
        }
    }

    /// Handles one input to the end.
    pub fn handle(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, input: Input<Message, Timer>) {
        match input {
            Input::Start => self.start(cx),
            Input::Terminate => self.terminate(cx),
            Input::Connected { on, peer } => self.connected(cx, on, peer),
            Input::Message { on, body } => match body {
                Message::Request { correlation, body } => {
                    self.requested(cx, on, correlation, body);
                }
                Message::Response {
                    correlation, body, ..
                } => {
                    self.answered(cx, on, correlation, body);
                }
            },
            Input::Disconnected(on) => self.disconnected(cx, on),
            Input::Timer(timer) => self.timer(cx, timer),
            Input::Flushed(id) => self.flushed(cx, id),
            Input::FlushFailed(id) => self.flush_failed(cx, id),
        }
        while let Some((to, request)) = self.connections.next_unmuted() {
            api::dispatch(self, cx, to, request);
        }
        self.take_dirs_offline(cx);
        if self.is_halting {
            self.stop(cx);
        }
    }

    fn timer(&mut self, cx: BrokerCx<'_, '_>, timer: Timer) {
        if self.lifecycle.stage() == Stage::ShuttingDown && timer != Timer::ShutdownDeadline {
            return;
        }
        match timer {
            Timer::ProducePurgatory => api::produce::expire(self, cx),
            Timer::FetchPurgatory => api::fetch::expire(self, cx),
            Timer::DeletePurgatory => api::delete_records::expire(self, cx),
            Timer::CodecWork => codec_work::done(self, cx),
            Timer::Throttle => self.end_throttling(cx),
            Timer::ShrinkIsr => self.shrink_isrs(cx),
            Timer::RetryAlterPartition => self.send_alter_partition(cx),
            Timer::CheckpointHighWatermarks => self.checkpoint_high_watermarks(cx),
            Timer::ExpireProducers => self.expire_producers(cx),
            Timer::Retention => self.check_retention(cx),
            Timer::CheckpointLogStarts => self.checkpoint_log_starts(cx),
            Timer::DeleteFiles => self.delete_files(cx),
            Timer::Communicate => self.communicate(cx),
            Timer::RegistrationDeadline => self.registration_deadline(cx),
            Timer::ShutdownDeadline => self.shutdown_deadline(cx),
            Timer::Link(link, timer) => {
                let progress = self.with_link(cx, link, |part, cx| part.timer(cx, timer));
                self.progress(cx, link, progress);
            }
            Timer::FetcherRpc(timer) => self.fetcher_rpc_timer(cx, timer),
            Timer::FetcherWake(fetcher) => self.fetcher_woke(cx, fetcher),
        }
    }

    fn start(&mut self, cx: BrokerCx<'_, '_>) {
        if !self.load_log_dirs(cx.disk()) {
            return self.stop(cx);
        }
        match self.bootstrap.take() {
            Some(epoch) => {
                self.lifecycle.stand(epoch);
                self.stand(cx);
                let interval = self.config.broker_heartbeat_interval;
                let after = self.lifecycle.phase(interval);
                cx.set_timer(Timer::Communicate, after);
            }
            None => self.register(cx),
        }
        self.fetch_metadata(cx);
    }

    fn connected(&mut self, cx: BrokerCx<'_, '_>, on: ConnectionId, peer: HostId) {
        if self.fetchers.rpc.peer_of(on).is_some() {
            self.fetcher_connected(cx, on);
        } else if let Some(link) = self.link_of(on) {
            self.with_link(cx, link, |part, cx| part.connected(cx, on));
        } else if self.lifecycle.is_serving() {
            self.connections.accept(on, self.client_of(peer));
        } else {
            // Nobody listens yet, or any more.
            cx.close(on);
        }
    }

    fn disconnected(&mut self, cx: BrokerCx<'_, '_>, on: ConnectionId) {
        if self.fetchers.rpc.peer_of(on).is_some() {
            self.fetcher_disconnected(cx, on);
        } else if let Some(link) = self.link_of(on) {
            let progress = self.with_link(cx, link, |part, cx| part.disconnected(cx, on));
            self.progress(cx, link, progress);
        } else {
            self.connections.broke(on);
        }
    }

    fn requested(
        &mut self,
        cx: BrokerCx<'_, '_>,
        on: ConnectionId,
        correlation: CorrelationId,
        body: Request,
    ) {
        if !self.lifecycle.is_serving() {
            return;
        }
        if let Some(request) = self.connections.arrived(on, correlation, body) {
            api::dispatch(self, cx, ReplyTo { on, correlation }, request);
        }
    }

    fn answered(
        &mut self,
        cx: BrokerCx<'_, '_>,
        on: ConnectionId,
        correlation: CorrelationId,
        body: Response,
    ) {
        if self.lifecycle.stage() == Stage::ShuttingDown {
            return;
        }
        if let Some((peer, ask)) = self.fetchers.rpc.answered(on, correlation) {
            self.fetcher_answered(cx, peer.0, ask, body);
        } else if let Some(link) = self.link_of(on) {
            let progress = self.with_link(cx, link, |part, cx| {
                part.answered(cx, on, correlation, body)
            });
            self.progress(cx, link, progress);
        }
    }

    /// What became of a request to the controller.
    fn progress(&mut self, cx: BrokerCx<'_, '_>, link: Link, progress: Progress) {
        match progress {
            Progress::Nothing => {}
            Progress::GivenUp => {
                if link == Link::Lifecycle {
                    self.communicate_after_failure(cx);
                } else if link == Link::Forwarding {
                    self.forwarding_given_up(cx);
                } else if link == Link::ProducerIds {
                    self.assign_replicas_to_dirs(cx);
                }
            }
            Progress::Answered(response) => match response {
                Response::AlterPartition(response) => self.alter_partition_answered(cx, &response),
                Response::BrokerRegistration(response) => self.registration_answered(cx, response),
                Response::BrokerHeartbeat(response) => self.heartbeat_answered(cx, response),
                Response::AllocateProducerIds(response) => {
                    self.producer_ids_allocated(cx, response);
                }
                Response::QuorumFetch(response) => self.metadata_fetched(cx, *response),
                Response::Envelope(response) => self.forwarded(cx, *response),
                Response::AssignReplicasToDirs(response) => self.replicas_assigned(cx, response),
                Response::Admin(_)
                | Response::Produce(_)
                | Response::Fetch(_)
                | Response::ListOffsets(_)
                | Response::Metadata(_)
                | Response::InitProducerId(_)
                | Response::OffsetForLeaderEpoch(_)
                | Response::DeleteRecords(_)
                | Response::IncrementalAlterConfigs(_) => {
                    unreachable!("a controller answers what it was asked")
                }
            },
        }
    }

    /// Forgets what dies with the process; `disk` says what is durable.
    pub fn crash(&mut self, kind: Crash, disk: &Disk) {
        self.lose_storage(kind, disk);
        self.forget();
    }

    /// Every end of the process takes this with it. The logs are then as the next start finds them.
    fn forget(&mut self) {
        self.metadata.end();
        for partition in self.replicas.iter_mut() {
            partition.forget();
            partition.log.recover(partition.checkpoint);
        }
        self.connections = Connections::default();
        self.codec_work.clear();
        self.disk_reads = DiskReads::default();
        self.log_dirs.end();
        if let Some(quotas) = &mut self.quotas {
            quotas.clear();
        }
        self.produces.clear();
        self.fetches.clear();
        self.deletes.clear();
        self.alterations.clear();
        self.fetchers.reset();
        self.lifecycle.end();
        self.producer_ids = ProducerIds::default();
        self.forwarding = Forwarding::default();
        self.throttles.reset();
        for link in &mut self.links {
            link.reset();
        }
        self.flushes.clear();
        self.care.end();
        self.is_halting = false;
        self.scratch = Scratch::default();
    }

    /// The replicas on this broker's disk, in order of topic and partition.
    pub fn replicas(&self) -> impl Iterator<Item = ReplicaView<'_>> {
        let replicas = self.replicas.in_order();
        replicas
            .filter(|partition| !partition.is_gone)
            .map(|partition| partition.view(self.id))
    }

    /// The replica of one partition on this broker's disk.
    pub fn view(&self, tp: TopicPartition) -> Option<ReplicaView<'_>> {
        self.replicas
            .slot(tp)
            .filter(|slot| !self.replicas[*slot].is_gone)
            .map(|slot| self.replicas[slot].view(self.id))
    }

    /// The epoch of this life's registration; none before it.
    pub fn epoch(&self) -> Option<BrokerEpoch> {
        self.lifecycle.epoch()
    }

    /// The metadata as this broker knows it.
    pub fn image(&self) -> &MetadataImage {
        self.metadata.image()
    }

    /// Sends an answer and lets the connection's next request come.
    fn respond(&mut self, cx: BrokerCx<'_, '_>, to: ReplyTo, mut body: Response) {
        let throttle_time = self.throttle(cx, to, &mut body);
        self.meter_answer(cx, to.on, &body);
        if self.connections.answered(to.on) {
            let answer = Message::Response {
                correlation: to.correlation,
                throttle_time,
                body,
            };
            cx.send(to.on, answer);
        }
    }

    /// Closes a client's connection.
    fn hang_up(&mut self, cx: BrokerCx<'_, '_>, on: ConnectionId) {
        self.connections.remove(on);
        cx.close(on);
    }

    /// The slot of a partition, or what a client that asks for it is told.
    fn find(&self, tp: TopicPartition) -> Result<Slot, ErrorCode> {
        if self.is_halting {
            return Err(ErrorCode::KafkaStorageError);
        }
        let slot = self.replicas.slot(tp);
        if slot.is_some_and(|slot| self.is_offline(slot)) {
            return Err(ErrorCode::KafkaStorageError);
        }
        slot.ok_or_else(|| {
            if self.image().partition(tp).is_some() {
                ErrorCode::NotLeaderOrFollower
            } else {
                ErrorCode::UnknownTopicOrPartition
            }
        })
    }

    /// The replica of a partition, or what a client that asks for it is told.
    fn replica(&self, tp: TopicPartition) -> Result<&Partition, ErrorCode> {
        self.find(tp).map(|slot| &self.replicas[slot])
    }

    /// Who leads a partition, for a client that came to the wrong broker.
    fn leader_hint(&self, tp: TopicPartition) -> Option<LeaderHint> {
        if let Some(slot) = self.replicas.slot(tp) {
            return self.replicas[slot].leader_hint();
        }
        let registration = self.image().partition(tp)?;
        Some(LeaderHint {
            leader: registration.leader?,
            epoch: registration.leader_epoch,
        })
    }

    /// Raises a leader's high watermark as far as its followers allow. True when it moved.
    fn raise_high_watermark(&mut self, cx: BrokerCx<'_, '_>, slot: Slot) -> bool {
        let partition = &mut self.replicas[slot];
        let leader = LeaderNow {
            now: cx.now(),
            log_end: partition.log.log_end(),
            max_lag: self.config.replica_lag_time_max,
            registrations: &self.registrations,
        };
        let raised = partition.raise_high_watermark(&leader);
        if raised {
            cx.fact(Fact::HighWatermarkAdvanced {
                broker: self.id,
                role: partition.role(),
                tp: partition.tp,
                leader_epoch: partition.leader_epoch.unwrap_or_default(),
                high_watermark: partition.log.high_watermark(),
            });
        }
        raised
    }

    fn is_in_controlled_shutdown(&self) -> bool {
        self.lifecycle.stage() == Stage::PendingControlledShutdown
    }

    fn link(&self, link: Link) -> &ControllerLink {
        &self.links[link.index()]
    }

    fn link_of(&self, on: ConnectionId) -> Option<Link> {
        Link::ALL.into_iter().find(|link| self.link(*link).owns(on))
    }

    /// Makes a request to the controller.
    fn ask(&mut self, cx: BrokerCx<'_, '_>, link: Link, request: Request) {
        self.with_link(cx, link, |part, cx| part.ask(cx, request));
    }

    /// Lends a link its context.
    fn with_link<R>(
        &mut self,
        cx: BrokerCx<'_, '_>,
        link: Link,
        act: impl FnOnce(&mut ControllerLink, &mut Cx<'_, Message, Fact, LinkTimer>) -> R,
    ) -> R {
        let part = &mut self.links[link.index()];
        cx.scoped(|timer| Timer::Link(link, timer), |cx| act(part, cx))
    }
}
