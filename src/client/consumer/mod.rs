//! The consumer of Kafka's Java client, as a part of an application.
//!
//! Modelled: the classic consumer with `assign`: metadata, positions, long-poll fetches ahead of
//! the application, max.poll.records, pause and resume, one connection per broker, time-outs and
//! back-off. It sends only from within [`Consumer::poll`], as the Java client does on its
//! application's thread: answers that come while the application is busy wait.
//! Left out for now: groups, commits, transactions, fetching from followers, quotas.
//! Source: ClassicKafkaConsumer, ConsumerNetworkClient (4.2).
//!
//! Deviation: an answer is read when it arrives, not at the next poll; nobody can tell the
//! difference but for a leader change that is noticed while the application is busy.

pub mod collector;
pub mod fetcher;
pub mod membership;
pub mod offsets;
mod replicas;
pub mod subscription;

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::client::consumer::fetcher::Fetcher;
use crate::client::consumer::membership::Membership;
use crate::client::consumer::subscription::{
    Leader, PartitionIndex, Position, Reset, SubscriptionState,
};
use crate::client::metadata;
use crate::client::metadata::{ClientMetadata, MissingTopic};
use crate::delivery::{Parcel, Part};
use crate::kafka::compression::Codec;
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::fact::{ConsumerFailure, Fact};
use crate::kafka::ids::{BrokerId, Offset, Rack, TopicPartition};
use crate::kafka::message::{Message, Response};
use crate::rpc;
use crate::rpc::{Event, Peer, Rpc};
use crate::sim::clock::WallTime;
use crate::sim::process::{Cx, HostId, Input, TimerSlot};
use crate::sim::rng::Streams;
use crate::sim::time::SimTime;

/// max.in.flight.requests.per.connection, which a consumer does not let anybody set.
const IN_FLIGHT_PER_CONNECTION: usize = 100;

/// What wakes a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A look-up of offsets has backed off long enough.
    Retry,
    /// Metadata is old, or its back-off is over.
    Metadata,
    /// Of its connections.
    Rpc(rpc::Timer),
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Retry => 0,
            Self::Metadata => 1,
            Self::Rpc(timer) => 2 + timer.slot(),
        }
    }
}

/// What a consumer remembers of a request in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// Metadata.
    Metadata,
    /// The one fetch in flight to its broker.
    Fetch,
    /// ListOffsets for these partitions.
    ListOffsets(Vec<(PartitionIndex, Reset)>),
    /// OffsetForLeaderEpoch for these positions.
    Epochs(Vec<(PartitionIndex, Position)>),
}

/// Records of one batch that `poll` handed over.
#[derive(Clone, Debug)]
pub struct Polled {
    /// Their partition.
    pub tp: TopicPartition,
    /// The offset of the parcel's first record.
    pub base_offset: Offset,
    /// The batch's records.
    pub parcel: Parcel,
    /// Which of them.
    pub part: Part,
    /// How the batch is compressed.
    pub codec: Codec,
}

/// What `poll` threw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The partition.
    pub tp: TopicPartition,
    /// The position, where there was one.
    pub offset: Option<Offset>,
    /// What it was.
    pub why: ConsumerFailure,
}

/// How a `poll` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollResult {
    /// With records.
    Records,
    /// It would wait: poll again after the next input.
    Waiting,
    /// With an exception.
    Failed(Failure),
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    config: ConsumerConfig,
    membership: Membership,
    rpc: Rpc<Token>,
    metadata: ClientMetadata,
    subscription: SubscriptionState,
    fetcher: Fetcher,
    /// client.rack
    rack: Option<Rack>,
    /// What the next `poll` throws.
    failure: Option<Failure>,
    /// The time that the application has sought.
    sought: Option<Reset>,
    retry_armed: Option<SimTime>,
    metadata_armed: Option<SimTime>,
}

impl Consumer {
    /// A consumer that was not polled yet; `brokers` is bootstrap.servers. `name` tells its random
    /// streams from those of others.
    pub fn new(
        config: ConsumerConfig,
        brokers: Arc<[(BrokerId, HostId)]>,
        partitions: Arc<[TopicPartition]>,
        streams: &Streams,
        name: &str,
    ) -> Self {
        let rng = streams.stream(&format!("{name}/connections"));
        let mut rpc = Rpc::new(rpc_settings(&config), rng);
        for (_, host) in brokers.iter() {
            rpc.add_peer(*host);
        }
        let mut topics = partitions.iter().map(|tp| tp.topic).collect::<Vec<_>>();
        topics.sort_unstable();
        topics.dedup();
        let settings = metadata::Settings {
            max_age: config.metadata_max_age,
            retry_backoff: config.retry_backoff,
            retry_backoff_max: config.retry_backoff_max,
            missing: if config.allow_auto_create_topics {
                MissingTopic::Create
            } else {
                MissingTopic::Leave
            },
        };
        let rng = streams.stream(&format!("{name}/metadata"));
        let subscription = SubscriptionState::new(&partitions, config.auto_offset_reset);
        Self {
            fetcher: Fetcher::new(brokers.len(), partitions.len(), None),
            rack: None,
            metadata: ClientMetadata::new(settings, brokers, topics, rng),
            membership: Membership::Assign { partitions },
            rpc,
            subscription,
            failure: None,
            sought: None,
            retry_armed: None,
            metadata_armed: None,
            config,
        }
    }

    /// The same consumer in a rack (client.rack).
    pub fn in_rack(mut self, rack: Option<Rack>) -> Self {
        self.rack = rack;
        let partitions = self.membership.partitions().len();
        self.fetcher = Fetcher::new(self.metadata.brokers().len(), partitions, rack);
        self
    }

    /// Handles what concerns the consumer; sends nothing.
    pub fn handle(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, input: Input<Message, Timer>) {
        match input {
            Input::Connected { on, .. } => {
                let peer = cx.scoped(Timer::Rpc, |cx| self.rpc.connected(cx, on));
                if let Some(peer) = peer {
                    self.fetcher.wake(peer);
                }
            }
            Input::Message {
                on,
                body:
                    Message::Response {
                        correlation,
                        throttle_time,
                        body,
                    },
            } => {
                if let Some((peer, token)) = self.rpc.answered(on, correlation) {
                    cx.scoped(Timer::Rpc, |cx| self.rpc.throttle(cx, peer, throttle_time));
                    self.answered(cx, peer, token, body);
                }
            }
            Input::Disconnected(on) => {
                let event = cx.scoped(Timer::Rpc, |cx| self.rpc.disconnected(cx, on));
                self.network_event(event, cx.now());
            }
            Input::Timer(Timer::Rpc(timer)) => {
                let event = cx.scoped(Timer::Rpc, |cx| self.rpc.timer(cx, timer));
                self.network_event(event, cx.now());
            }
            Input::Timer(Timer::Retry) => self.retry_armed = None,
            Input::Timer(Timer::Metadata) => self.metadata_armed = None,
            // Nobody asks a client, and the rest is the application's.
            Input::Message {
                body: Message::Request { .. },
                ..
            }
            | Input::Start
            | Input::Terminate
            | Input::Flushed(_)
            | Input::FlushFailed(_) => {}
        }
    }

    /// Hands over at most max.poll.records records and sends what there is to send, the next
    /// fetches among it. Call it again after records, and after every input while it waits.
    pub fn poll(
        &mut self,
        cx: &mut Cx<'_, Message, Fact, Timer>,
        out: &mut Vec<Polled>,
    ) -> PollResult {
        let before = out.len();
        let mut result = self.update_positions(cx);
        if result.is_ok() {
            result = self.collect(out);
        }
        if result.is_ok() && out.len() == before {
            // An error in a fetch may have asked for a new position.
            result = self.update_positions(cx);
        }
        if let Err(failure) = result {
            cx.fact(Fact::ConsumerFailed {
                tp: failure.tp,
                offset: failure.offset,
                why: failure.why,
            });
            return PollResult::Failed(failure);
        }
        if self.subscription.lacks_leaders() {
            self.metadata.request_update();
        }
        cx.scoped(Timer::Rpc, |cx| {
            let subscription = &self.subscription;
            self.fetcher
                .send_fetches(cx, &mut self.rpc, subscription, &self.config);
        });
        self.poll_metadata(cx);
        self.arm_retry(cx);
        if out.len() == before {
            PollResult::Waiting
        } else {
            PollResult::Records
        }
    }

    /// Stops handing over records of a partition; what was fetched is kept.
    pub fn pause(&mut self, tp: TopicPartition) {
        self.set_paused(tp, true);
    }

    /// Ends a pause.
    pub fn resume(&mut self, tp: TopicPartition) {
        self.set_paused(tp, false);
    }

    /// Starts at the first offset of every partition, whatever auto.offset.reset says.
    pub fn seek_to_beginning(&mut self) {
        for index in 0..self.membership.partitions().len() as u32 {
            let index = PartitionIndex(index);
            self.subscription.request_reset(index, Reset::Earliest);
            self.fetcher.wake_partition(index);
        }
    }

    /// Starts at the first record of every partition that is not older than `time`, whatever
    /// auto.offset.reset says: offsetsForTimes, then seek; where no record is as late, seekToEnd.
    pub fn seek_to_time(&mut self, time: WallTime) {
        let reset = Reset::Since(time);
        self.sought = Some(reset);
        for index in 0..self.membership.partitions().len() as u32 {
            let index = PartitionIndex(index);
            self.subscription.request_reset(index, reset);
            self.fetcher.wake_partition(index);
        }
    }

    /// True when auto.offset.reset is none: without a seek, `poll` throws.
    pub fn needs_seek(&self) -> bool {
        self.subscription.reset_policy().is_none()
    }

    /// The next offset that `poll` hands over.
    pub fn position(&self, tp: TopicPartition) -> Option<Offset> {
        let index = self.subscription.index_of(tp)?;
        let position = self.subscription.get(index).position()?;
        Some(position.offset)
    }

    /// Records between the position and the high watermark of the last fetch (records-lag).
    pub fn lag(&self, tp: TopicPartition) -> Option<u64> {
        self.subscription.get(self.subscription.index_of(tp)?).lag()
    }

    /// The partitions that it reads.
    pub fn partitions(&self) -> &Arc<[TopicPartition]> {
        self.membership.partitions()
    }

    /// Forgets everything but its configuration, as a process does when it dies.
    pub fn reset(&mut self) {
        let partitions = self.membership.partitions();
        self.subscription = SubscriptionState::new(partitions, self.config.auto_offset_reset);
        self.fetcher = Fetcher::new(self.metadata.brokers().len(), partitions.len(), self.rack);
        self.rpc.reset();
        self.metadata.reset();
        self.failure = None;
        self.retry_armed = None;
        self.metadata_armed = None;
    }

    fn set_paused(&mut self, tp: TopicPartition, paused: bool) {
        let index = self.subscription.index_of(tp);
        let index = index.expect("only assigned partitions are paused and resumed");
        self.subscription.set_paused(index, paused);
        self.fetcher.wake_partition(index);
    }

    fn collect(&mut self, out: &mut Vec<Polled>) -> Result<(), Failure> {
        let Self {
            fetcher,
            subscription,
            metadata,
            config,
            ..
        } = self;
        fetcher.collect(subscription, metadata, config, out)
    }

    fn poll_metadata(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        let next = cx.scoped(Timer::Rpc, |cx| {
            self.metadata
                .poll(cx, &mut self.rpc, IN_FLIGHT_PER_CONNECTION, Token::Metadata)
        });
        if let Some(at) = next.filter(|_| next != self.metadata_armed) {
            self.metadata_armed = next;
            cx.set_timer(Timer::Metadata, at.since(cx.now()));
        }
    }

    fn answered(
        &mut self,
        cx: &mut Cx<'_, Message, Fact, Timer>,
        peer: Peer,
        token: Token,
        body: Response,
    ) {
        match (token, body) {
            (Token::Fetch, Response::Fetch(response)) => {
                if self.rack.is_some() {
                    self.choose_replicas(cx.now(), peer, &response);
                }
                let redirects = self
                    .fetcher
                    .answered(peer, *response, &mut self.subscription);
                for redirect in redirects {
                    let tp = self.subscription.get(redirect.index).tp;
                    if self.metadata.apply_hint(tp, redirect.hint) {
                        self.follow_leader(redirect.index);
                    }
                }
            }
            (Token::Metadata, Response::Metadata(response)) => {
                let changed = self.metadata.update(&response, cx.now());
                self.leave_missing_replicas();
                if !changed.is_empty() {
                    for index in 0..self.membership.partitions().len() as u32 {
                        self.follow_leader(PartitionIndex(index));
                    }
                }
            }
            (Token::ListOffsets(asked), Response::ListOffsets(response)) => {
                self.offsets_listed(cx, &asked, &response);
            }
            (Token::Epochs(asked), Response::OffsetForLeaderEpoch(response)) => {
                self.epochs_told(cx, &asked, &response);
            }
            (token, body) => panic!("{body:?} does not answer {token:?}"),
        }
    }

    fn network_event(&mut self, event: Event<Token>, now: SimTime) {
        match event {
            Event::Nothing => {}
            Event::MayConnect(peer) | Event::MaySend(peer) => self.fetcher.wake(peer),
            Event::Lost { peer, failed, .. } => {
                for token in failed {
                    match token {
                        Token::Metadata => self.metadata.failed(now),
                        Token::Fetch => {
                            self.leave_replica(peer);
                            self.fetcher.lost(peer);
                        }
                        Token::ListOffsets(asked) => {
                            for (index, _) in asked {
                                self.lookup_failed(index, now);
                            }
                        }
                        Token::Epochs(asked) => {
                            for (index, _) in asked {
                                self.lookup_failed(index, now);
                            }
                        }
                    }
                }
                self.metadata.disconnected(now);
            }
        }
    }

    /// Compares a position's leader with the metadata's.
    fn follow_leader(&mut self, index: PartitionIndex) {
        let leader = self.leader(self.subscription.get(index).tp);
        if self.subscription.follow_leader(index, leader) {
            self.fetcher
                .place(index, self.subscription.read_from(index));
        }
    }

    fn leader(&self, tp: TopicPartition) -> Option<Leader> {
        let (_, epoch) = self.metadata.leader(tp)?;
        let peer = self.metadata.leader_peer(tp)?;
        Some(Leader { peer, epoch })
    }
}

fn rpc_settings(config: &ConsumerConfig) -> rpc::Settings {
    rpc::Settings {
        request_timeout: config.request_timeout,
        reconnect_backoff: config.reconnect_backoff,
        reconnect_backoff_max: config.reconnect_backoff_max,
        setup_timeout: config.socket_connection_setup_timeout,
        setup_timeout_max: config.socket_connection_setup_timeout_max,
    }
}
