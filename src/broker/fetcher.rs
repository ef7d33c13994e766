//! Copies from leaders: one fetcher per leading broker and fetcher thread.
//!
//! Modelled: one request at a time per fetcher, which asks for all its partitions and waits at the
//! leader; partitions that fail, damaged batches among them, wait replica.fetch.backoff.ms; only an
//! answer to the state that was asked for counts; batches of a leader epoch above the known one are
//! ignored; a partition that the leader has fenced waits for metadata; one that is behind is left
//! out while its throttle is exceeded.
//! Left out: fetch sessions, tiered storage.
//! Source: AbstractFetcherThread, ReplicaFetcherThread, AbstractFetcherManager (4.2); KIP-320,
//! KIP-903, KAFKA-18723.

// Deviation: a follower's high watermark never goes down; Kafka's follows its leader's, and a new
// leader may know less than the last one told.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::partition::{Part, Slot};
use crate::broker::storage::FlushTarget;
use crate::broker::timer::Timer;
use crate::kafka::api::fetch::{FetchPartition, FetchRequest, FetchedPartition, Fetcher};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::{Fact, LogStartCause, Role};
use crate::kafka::ids::{BrokerId, LeaderEpoch, Offset};
use crate::kafka::message::{Request, Response};
use crate::kafka::records::StoredBatch;
use crate::kafka::throttled_replicas::Side;
use crate::log::segment::Incoming;
use crate::rpc::{Event, Peer, Rpc};
use crate::sim::process::ConnectionId;
use crate::sim::time::SimTime;

/// All fetchers of a broker. A fetcher's index is its peer's.
#[derive(Clone, Debug)]
pub(super) struct Fetchers {
    pub(super) rpc: Rpc<Ask>,
    pub(super) all: Vec<FetcherThread>,
    /// By leading broker and fetcher number.
    by_source: Vec<Option<u32>>,
}

/// One fetcher.
#[derive(Clone, Debug, Default)]
pub(super) struct FetcherThread {
    /// Its partitions, in the order in which they are asked for.
    members: Vec<Slot>,
    /// What the fetch in flight asks for, partition by partition.
    sent: Vec<Sent>,
    /// True while a request is in flight.
    busy: bool,
    /// Flushes of appended records that must end before the next fetch.
    flushes: u32,
    /// Partitions that the leader calls out of range, and must be asked about.
    pub(super) out_of_range: Vec<Sent>,
    /// When the pending timer fires.
    wakes_at: Option<SimTime>,
}

/// The state of a replica when it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) slot: Slot,
    pub(super) epoch: LeaderEpoch,
    pub(super) offset: Offset,
}

/// What a request in flight is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Records.
    Records,
    /// Where the leader's log ends.
    LeaderEnd(Sent),
    /// Where the leader's log begins.
    LeaderStart(Sent),
}

impl Fetchers {
    /// No fetchers yet.
    pub(super) fn new(rpc: Rpc<Ask>) -> Self {
        Self {
            rpc,
            all: Vec::new(),
            by_source: Vec::new(),
        }
    }

    /// Forgets connections and partitions, as the process does when it dies.
    pub(super) fn reset(&mut self) {
        self.rpc.reset();
        self.all.fill(FetcherThread::default());
    }
}

impl Broker {
    /// Adds a follower to the fetcher of its leader.
    pub(super) fn start_fetching(&mut self, cx: BrokerCx<'_, '_>, slot: Slot, source: BrokerId) {
        let index = self.fetcher_for(slot, source);
        if let Some(following) = self.replicas[slot].following_mut() {
            following.fetcher = Some(index);
            following.delayed_until = SimTime::ZERO;
            following.caught_up = None;
        }
        self.fetchers.all[index as usize].members.push(slot);
        self.fetch_next(cx, index);
    }

    /// Takes a replica from its fetcher, if it has one.
    pub(super) fn stop_fetching(&mut self, slot: Slot) {
        let Some(following) = self.replicas[slot].following_mut() else {
            return;
        };
        if let Some(index) = following.fetcher.take() {
            let fetcher = &mut self.fetchers.all[index as usize];
            fetcher.members.retain(|member| *member != slot);
            fetcher.out_of_range.retain(|sent| sent.slot != slot);
        }
    }

    /// The fetcher that copies a replica from a broker; made now if there is none.
    fn fetcher_for(&mut self, slot: Slot, source: BrokerId) -> u32 {
        let threads = self.config.num_replica_fetchers.max(1);
        let thread = self.fetcher_number(slot) % threads;
        let key = (source.0 * threads + thread) as usize;
        let fetchers = &mut self.fetchers;
        if fetchers.by_source.len() <= key {
            fetchers.by_source.resize(key + 1, None);
        }
        if let Some(index) = fetchers.by_source[key] {
            return index;
        }
        let host = self.hosts.iter().find(|(broker, _)| *broker == source);
        let (_, host) = host.expect("every broker has a host");
        let peer = fetchers.rpc.add_peer(*host);
        fetchers.all.push(FetcherThread::default());
        fetchers.by_source[key] = Some(peer.0);
        peer.0
    }

    /// Java's hash of topic name and partition, which spreads partitions over fetcher threads.
    fn fetcher_number(&self, slot: Slot) -> u32 {
        let tp = self.replicas[slot].tp;
        let topic = self.image().topic(tp.topic).expect("a replica has a topic");
        let name = topic.name.bytes().fold(0_u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        name.wrapping_mul(31).wrapping_add(tp.partition) & i32::MAX as u32
    }

    /// Hangs up where there is nothing left to copy.
    pub(super) fn close_idle_fetchers(&mut self, cx: BrokerCx<'_, '_>) {
        for index in 0..self.fetchers.all.len() {
            if self.fetchers.all[index].members.is_empty() {
                let peer = Peer(index as u32);
                let rpc = &mut self.fetchers.rpc;
                cx.scoped(Timer::FetcherRpc, |cx| rpc.close(cx, peer));
                let fetcher = &mut self.fetchers.all[index];
                fetcher.busy = false;
                fetcher.sent.clear();
            }
        }
    }

    /// Sends the fetcher's next request, or connects, or waits for partitions that are delayed.
    pub(super) fn fetch_next(&mut self, cx: BrokerCx<'_, '_>, index: u32) {
        let peer = Peer(index);
        let fetcher = &self.fetchers.all[index as usize];
        if fetcher.busy || fetcher.flushes > 0 || fetcher.members.is_empty() {
            return;
        }
        if !self.lifecycle.is_serving() {
            return;
        }
        if !self.fetchers.rpc.is_ready(peer) {
            if self.has_ready_member(cx.now(), index) {
                let rpc = &mut self.fetchers.rpc;
                cx.scoped(Timer::FetcherRpc, |cx| rpc.connect(cx, peer));
            } else {
                self.wake_when_delay_is_over(cx, index);
            }
            return;
        }
        if self.ask_about_range(cx, index) {
            return;
        }
        let held = self.held_by_throttle(cx.now(), index);
        let partitions = self.next_partitions(cx.now(), index, &held);
        if partitions.is_empty() {
            if !held.is_empty() {
                self.wake_at(cx, index, cx.now() + self.config.replica_fetch_backoff);
            }
            self.wake_when_delay_is_over(cx, index);
            return;
        }
        let request = FetchRequest {
            fetcher: Fetcher::Follower {
                broker: self.id,
                epoch: self.lifecycle.epoch().unwrap_or_default(),
            },
            rack: None,
            max_wait: self.config.replica_fetch_wait_max,
            min_bytes: self.config.replica_fetch_min_bytes,
            max_bytes: self.config.replica_fetch_response_max_bytes,
            partitions,
        };
        self.send_from_fetcher(cx, index, Request::Fetch(Box::new(request)), Ask::Records);
    }

    /// Sends a request on the fetcher's open connection.
    pub(super) fn send_from_fetcher(
        &mut self,
        cx: BrokerCx<'_, '_>,
        index: u32,
        request: Request,
        ask: Ask,
    ) {
        self.fetchers.all[index as usize].busy = true;
        let rpc = &mut self.fetchers.rpc;
        cx.scoped(Timer::FetcherRpc, |cx| {
            rpc.send(cx, Peer(index), request, ask);
        });
    }

    /// The partitions to ask for, which are also noted as asked for.
    fn next_partitions(&mut self, now: SimTime, index: u32, held: &[Slot]) -> Vec<FetchPartition> {
        let fetcher = &mut self.fetchers.all[index as usize];
        fetcher.sent.clear();
        let mut partitions = Vec::with_capacity(fetcher.members.len());
        for &slot in &fetcher.members {
            let partition = &self.replicas[slot];
            let Part::Follower(following) = partition.part else {
                continue;
            };
            if held.contains(&slot) {
                continue;
            }
            let Some(epoch) = partition
                .leader_epoch
                .filter(|_| following.delayed_until <= now)
            else {
                continue;
            };
            let log = &partition.log;
            fetcher.sent.push(Sent {
                slot,
                epoch,
                offset: log.log_end(),
            });
            partitions.push(FetchPartition {
                tp: partition.tp,
                fetch_offset: log.log_end(),
                current_leader_epoch: Some(epoch),
                last_fetched_epoch: log.latest_epoch(),
                log_start_offset: log.log_start(),
                max_bytes: self.config.replica_fetch_max_bytes,
            });
        }
        partitions
    }

    /// The partitions that are not asked for because their throttle is exceeded.
    fn held_by_throttle(&self, now: SimTime, index: u32) -> Vec<Slot> {
        if !self.throttles.is_exceeded(Side::Follower, now) {
            return Vec::new();
        }
        let members = self.fetchers.all[index as usize].members.iter().copied();
        members
            .filter(|slot| self.waits_for_throttle(*slot, now))
            .collect()
    }

    fn delays(&self, index: u32) -> impl Iterator<Item = SimTime> {
        let members = self.fetchers.all[index as usize].members.iter();
        members.filter_map(|slot| match self.replicas[*slot].part {
            Part::Follower(following) => Some(following.delayed_until),
            Part::Idle | Part::Leader(_) => None,
        })
    }

    fn has_ready_member(&self, now: SimTime, index: u32) -> bool {
        self.delays(index).any(|until| until <= now)
    }

    fn wake_when_delay_is_over(&mut self, cx: BrokerCx<'_, '_>, index: u32) {
        let now = cx.now();
        if let Some(first) = self.delays(index).filter(|until| *until > now).min() {
            self.wake_at(cx, index, first);
        }
    }

    fn wake_at(&mut self, cx: BrokerCx<'_, '_>, index: u32, first: SimTime) {
        let fetcher = &mut self.fetchers.all[index as usize];
        if fetcher.wakes_at.is_none_or(|at| at > first) {
            fetcher.wakes_at = Some(first);
            cx.set_timer(Timer::FetcherWake(index), first.since(cx.now()));
        }
    }

    /// A delay is over.
    pub(super) fn fetcher_woke(&mut self, cx: BrokerCx<'_, '_>, index: u32) {
        self.fetchers.all[index as usize].wakes_at = None;
        self.fetch_next(cx, index);
    }

    /// A flush of appended records is done.
    pub(super) fn fetcher_flushed(&mut self, cx: BrokerCx<'_, '_>, index: u32) {
        self.fetchers.all[index as usize].flushes -= 1;
        self.fetch_next(cx, index);
    }

    /// A fetcher's connection is open.
    pub(super) fn fetcher_connected(&mut self, cx: BrokerCx<'_, '_>, connection: ConnectionId) {
        let rpc = &mut self.fetchers.rpc;
        let peer = cx.scoped(Timer::FetcherRpc, |cx| rpc.connected(cx, connection));
        if let Some(peer) = peer {
            self.fetch_next(cx, peer.0);
        }
    }

    /// A fetcher's connection broke.
    pub(super) fn fetcher_disconnected(&mut self, cx: BrokerCx<'_, '_>, connection: ConnectionId) {
        let rpc = &mut self.fetchers.rpc;
        let event = cx.scoped(Timer::FetcherRpc, |cx| rpc.disconnected(cx, connection));
        self.fetcher_event(cx, &event);
    }

    /// A timer of a fetcher's connection fired.
    pub(super) fn fetcher_rpc_timer(&mut self, cx: BrokerCx<'_, '_>, timer: crate::rpc::Timer) {
        let rpc = &mut self.fetchers.rpc;
        let event = cx.scoped(Timer::FetcherRpc, |cx| rpc.timer(cx, timer));
        self.fetcher_event(cx, &event);
    }

    fn fetcher_event(&mut self, cx: BrokerCx<'_, '_>, event: &Event<Ask>) {
        match event {
            Event::Nothing => {}
            Event::MayConnect(peer) | Event::MaySend(peer) => self.fetch_next(cx, peer.0),
            Event::Lost { peer, .. } => {
                let fetcher = &mut self.fetchers.all[peer.0 as usize];
                fetcher.busy = false;
                fetcher.sent.clear();
                fetcher.out_of_range.clear();
                for member in 0..self.fetchers.all[peer.0 as usize].members.len() {
                    let slot = self.fetchers.all[peer.0 as usize].members[member];
                    self.delay(cx.now(), slot);
                }
                self.fetch_next(cx, peer.0);
            }
        }
    }

    /// The partition is not asked for during replica.fetch.backoff.ms.
    pub(super) fn delay(&mut self, now: SimTime, slot: Slot) {
        let until = now + self.config.replica_fetch_backoff;
        if let Some(following) = self.replicas[slot].following_mut() {
            following.delayed_until = until;
        }
    }

    /// A leader answered a fetcher.
    pub(super) fn fetcher_answered(
        &mut self,
        cx: BrokerCx<'_, '_>,
        index: u32,
        ask: Ask,
        response: Response,
    ) {
        self.fetchers.all[index as usize].busy = false;
        match (ask, response) {
            (Ask::Records, Response::Fetch(response)) => {
                self.records_fetched(cx, index, response.partitions);
            }
            (Ask::LeaderEnd(sent), Response::OffsetForLeaderEpoch(response)) => {
                self.leader_end_answered(cx, index, sent, &response);
            }
            (Ask::LeaderStart(sent), Response::ListOffsets(response)) => {
                self.leader_start_answered(cx, sent, &response);
            }
            (Ask::Records | Ask::LeaderEnd(_) | Ask::LeaderStart(_), _) => {
                unreachable!("an answer is of its request's kind")
            }
        }
        self.fetch_next(cx, index);
    }

    fn records_fetched(
        &mut self,
        cx: BrokerCx<'_, '_>,
        index: u32,
        answers: Vec<FetchedPartition>,
    ) {
        let mut sent = std::mem::take(&mut self.fetchers.all[index as usize].sent);
        let mut last_with_records = None;
        for (sent, answer) in sent.iter().zip(answers) {
            if self.is_current(cx.now(), index, *sent) {
                if !answer.batches.is_empty() {
                    last_with_records = Some(sent.slot);
                }
                self.partition_fetched(cx, index, *sent, answer);
            }
        }
        sent.clear();
        let fetcher = &mut self.fetchers.all[index as usize];
        fetcher.sent = sent;
        // Who got records goes to the end, so that the limit of a whole answer starves nobody.
        let at = last_with_records
            .and_then(|last| fetcher.members.iter().position(|member| *member == last));
        if let Some(at) = at {
            fetcher.members.rotate_left(at + 1);
        }
    }

    /// True when the replica is as it was when it was asked for.
    pub(super) fn is_current(&self, now: SimTime, index: u32, sent: Sent) -> bool {
        let partition = &self.replicas[sent.slot];
        match partition.part {
            Part::Follower(following) => {
                following.fetcher == Some(index)
                    && following.delayed_until <= now
                    && partition.leader_epoch == Some(sent.epoch)
                    && partition.log.log_end() == sent.offset
            }
            Part::Idle | Part::Leader(_) => false,
        }
    }

    fn partition_fetched(
        &mut self,
        cx: BrokerCx<'_, '_>,
        index: u32,
        sent: Sent,
        answer: FetchedPartition,
    ) {
        match answer.error {
            None => match answer.diverging_epoch {
                Some(leader) => self.truncate_to_common_epoch(cx, sent.slot, leader),
                None => self.append_fetched(cx, index, sent, answer),
            },
            Some(ErrorCode::OffsetOutOfRange) => {
                self.fetchers.all[index as usize].out_of_range.push(sent);
            }
            // The leader is in a later epoch. Only metadata can help.
            Some(ErrorCode::FencedLeaderEpoch) => self.stop_fetching(sent.slot),
            Some(_) => self.delay(cx.now(), sent.slot),
        }
    }

    /// Appends what came and takes over the high watermark.
    fn append_fetched(
        &mut self,
        cx: BrokerCx<'_, '_>,
        index: u32,
        sent: Sent,
        answer: FetchedPartition,
    ) {
        let slot = sent.slot;
        // The leader may have changed between the fetch and its answer, and the answer may hold
        // records of the new epoch above a part of the old one that the new leader does not have.
        let usable = |stored: &StoredBatch| stored.leader_epoch <= sent.epoch;
        let count = answer
            .batches
            .iter()
            .take_while(|stored| usable(stored))
            .count();
        let mut batches = answer.batches;
        batches.truncate(count);
        if batches
            .first()
            .is_some_and(|first| first.base_offset != sent.offset)
        {
            self.stop_fetching(slot);
            return;
        }
        if answer.corrupt.is_some_and(|index| (index as usize) < count) {
            // The checksum fails: nothing is appended, and the partition is asked for again later.
            self.delay(cx.now(), slot);
            return;
        }
        let now = cx.now();
        let bytes = batches
            .iter()
            .map(|stored| u64::from(stored.batch.size_bytes))
            .sum();
        self.roll_for_fetched(cx, slot, &batches, bytes);
        let partition = &mut self.replicas[slot];
        let tp = partition.tp;
        if bytes > 0 && cx.disk().append(partition.file, bytes, now).is_err() {
            self.log_dir_failed(slot);
            self.stop_fetching(slot);
            return;
        }
        let mut records = 0;
        for stored in batches {
            records += u64::from(stored.batch.count());
            let stored = partition.log.append_as_follower(stored);
            cx.fact(Fact::Appended {
                broker: self.id,
                role: Role::Follower,
                tp: partition.tp,
                stored,
            });
        }
        let caught_up = partition.log.log_end() >= answer.high_watermark;
        if let Some(following) = partition.following_mut()
            && (bytes > 0 || following.caught_up.is_none())
        {
            following.caught_up = Some(caught_up);
        }
        if partition.log.advance_high_watermark(answer.high_watermark) {
            cx.fact(Fact::HighWatermarkAdvanced {
                broker: self.id,
                role: Role::Follower,
                tp: partition.tp,
                leader_epoch: sent.epoch,
                high_watermark: partition.log.high_watermark(),
            });
        }
        let from = partition.log.log_start();
        if partition.log.increment_start(answer.log_start_offset) == Ok(true) {
            self.log_start_moved(cx, slot, from, LogStartCause::Leader);
        }
        if !self.replicas[slot].waiting_consumers.is_empty() {
            self.wake_consumers(cx, slot);
        }
        self.count_copied(Side::Follower, tp, bytes, now);
        self.flush_follower_if_due(cx, index, slot, records);
    }

    /// Begins a segment where what came does not belong into the active one. All of it is one
    /// append, so segments of followers end elsewhere than the leader's.
    fn roll_for_fetched(
        &mut self,
        cx: BrokerCx<'_, '_>,
        slot: Slot,
        batches: &[StoredBatch],
        bytes: u64,
    ) {
        let newest = batches.iter().map(|stored| stored.batch.times.max).max();
        let (Some(last), Some(max_timestamp)) = (batches.last(), newest) else {
            return;
        };
        let incoming = Incoming {
            bytes,
            max_timestamp,
            last_offset: Offset(last.next_offset().0 - 1),
        };
        let partition = &mut self.replicas[slot];
        let rolled = partition
            .log
            .roll_if_due(&incoming, &partition.settings.log.roll);
        if let Some(base) = rolled {
            self.segment_rolled(cx, slot, base);
        }
    }

    fn flush_follower_if_due(
        &mut self,
        cx: BrokerCx<'_, '_>,
        index: u32,
        slot: Slot,
        records: u64,
    ) {
        let partition = &mut self.replicas[slot];
        partition.unflushed += records;
        if partition
            .settings
            .flush_messages
            .is_some_and(|interval| partition.unflushed >= interval)
        {
            self.flush(cx, slot, FlushTarget::Fetcher(index));
            self.fetchers.all[index as usize].flushes += 1;
        }
    }
}
