//! The consumer's rules, one a test, against brokers that say what the test wants.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it looks for"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::client::consumer::{Consumer, Failure, PollResult, Polled, Timer};
use crate::delivery::{Record, RecordId};
use crate::kafka::api::fetch::{
    EpochEnd, FetchPartition, FetchRequest, FetchResponse, FetchedPartition, Fetcher,
};
use crate::kafka::api::list_offsets::{
    ListOffsetsRequest, ListOffsetsResponse, ListedOffset, OffsetSpec,
};
use crate::kafka::api::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use crate::kafka::api::offset_for_leader_epoch::{
    EpochAnswer, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};
use crate::kafka::api::produce::LeaderHint;
use crate::kafka::compression::Packing;
use crate::kafka::config::consumer::{AutoOffsetReset, ConsumerConfig};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::{ConsumerFailure, Fact};
use crate::kafka::ids::{BrokerId, LeaderEpoch, Offset, Rack, TopicId, TopicPartition};
use crate::kafka::message::{CorrelationId, Message, Request, Response};
use crate::kafka::records::{Batch, BatchTimes, Encoded, Payload, StoredBatch, TimestampType};
use crate::sim::clock::WallTime;
use crate::sim::process::{ConnectionId, Cx, Effect, HostId, HostState, Input};
use crate::sim::rng::Streams;
use crate::sim::time::{SimDuration, SimTime};

/// A partition of the only topic.
fn tp(partition: u32) -> TopicPartition {
    TopicPartition {
        topic: TopicId(0),
        partition,
    }
}

fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

/// A batch of `count` records at `base`.
fn batch(base: u64, count: u32, epoch: u32) -> StoredBatch {
    batch_with(base, count, epoch, Payload::Descriptor)
}

fn batch_with(base: u64, count: u32, epoch: u32, payload: Payload) -> StoredBatch {
    let records = (0..count).map(|i| Record {
        id: RecordId(base as u32 + i),
        key: None,
        value_size: 100,
        timestamp_delta: 0,
    });
    StoredBatch {
        base_offset: Offset(base),
        leader_epoch: LeaderEpoch(epoch),
        batch: Arc::new(Batch {
            records: records.collect(),
            producer: None,
            times: BatchTimes {
                base: WallTime(0),
                max: WallTime(0),
            },
            timestamp_type: TimestampType::CreateTime,
            size_bytes: 61 + 110 * count,
            packing: Packing::plain(61 + 110 * count),
            payload,
        }),
    }
}

/// What a broker answers for a partition.
fn fetched(partition: u32, high_watermark: u64, batches: Vec<StoredBatch>) -> FetchedPartition {
    FetchedPartition {
        tp: tp(partition),
        error: None,
        high_watermark: Offset(high_watermark),
        last_stable_offset: Offset(high_watermark),
        log_start_offset: Offset(0),
        diverging_epoch: None,
        current_leader: None,
        preferred_read_replica: None,
        batches,
        corrupt: None,
    }
}

fn refused(partition: u32, error: ErrorCode) -> FetchedPartition {
    FetchedPartition {
        error: Some(error),
        ..fetched(partition, 0, Vec::new())
    }
}

/// A request on its way, by the broker that it goes to.
#[derive(Clone, Debug)]
struct Asked {
    broker: u32,
    on: ConnectionId,
    correlation: CorrelationId,
    body: Request,
}

impl Asked {
    fn fetch(&self) -> &FetchRequest {
        let Request::Fetch(fetch) = &self.body else {
            panic!("not a fetch: {:?}", self.body);
        };
        fetch
    }

    /// What a fetch asks for: partition and offset.
    fn wants(&self) -> Vec<(u32, u64)> {
        let partitions = self.fetch().partitions.iter();
        partitions
            .map(|p: &FetchPartition| (p.tp.partition, p.fetch_offset.0))
            .collect()
    }

    fn list(&self) -> &ListOffsetsRequest {
        let Request::ListOffsets(list) = &self.body else {
            panic!("not a ListOffsets: {:?}", self.body);
        };
        list
    }

    fn epochs(&self) -> &OffsetForLeaderEpochRequest {
        let Request::OffsetForLeaderEpoch(epochs) = &self.body else {
            panic!("not an OffsetForLeaderEpoch: {:?}", self.body);
        };
        epochs
    }
}

/// A consumer and three brokers, `b1` to `b3`, on hosts of the same numbers.
struct Rig {
    consumer: Consumer,
    state: HostState,
    /// Leader and epoch of each partition, as metadata answers tell them.
    leaders: Vec<(Option<u32>, u32)>,
    connections: BTreeMap<ConnectionId, u32>,
    opening: Vec<ConnectionId>,
    closed: Vec<ConnectionId>,
    asked: Vec<Asked>,
    facts: Vec<Fact>,
    timers: BTreeMap<String, (SimTime, Timer)>,
}

impl Rig {
    /// Partitions led by `b1`, `b2`, `b3`, `b1`, … in epoch 5.
    fn new(partitions: u32, config: ConsumerConfig) -> Self {
        let config = ConsumerConfig {
            metadata_max_age: SimDuration::from_secs(10),
            ..config
        };
        let brokers = (1..=3).map(|id| (BrokerId(id), HostId(id)));
        let streams = Streams::new(7);
        let consumer = Consumer::new(
            config,
            brokers.collect(),
            (0..partitions).map(tp).collect(),
            &streams,
            "reader",
        );
        Self {
            consumer,
            state: HostState::new(HostId(9)),
            leaders: (0..partitions).map(|p| (Some(p % 3 + 1), 5)).collect(),
            connections: BTreeMap::new(),
            opening: Vec::new(),
            closed: Vec::new(),
            asked: Vec::new(),
            facts: Vec::new(),
            timers: BTreeMap::new(),
        }
    }

    /// The same with all partitions led by `b1`, positioned at 0 by ListOffsets, fetch in flight.
    fn fetching(partitions: u32, config: ConsumerConfig) -> Self {
        let mut rig = Self::new(partitions, config);
        rig.leaders = vec![(Some(1), 5); partitions as usize];
        rig.settle(0);
        rig
    }

    fn earliest() -> ConsumerConfig {
        ConsumerConfig {
            auto_offset_reset: AutoOffsetReset::Earliest,
            ..ConsumerConfig::default()
        }
    }

    /// Opens what is to be opened, answers Metadata and ListOffsets (with `offset`) until there
    /// is nothing left to answer but fetches and questions about epochs.
    fn settle(&mut self, offset: u64) {
        loop {
            self.poll();
            if self.connect() {
                continue;
            }
            let at = self.asked.iter().position(|asked| {
                matches!(asked.body, Request::Metadata(_) | Request::ListOffsets(_))
            });
            let Some(at) = at else { return };
            let asked = self.asked.remove(at);
            // Fetches before it on its connection come back empty first.
            while let Some(at) = self
                .asked
                .iter()
                .position(|other| other.on == asked.on && other.correlation < asked.correlation)
            {
                let fetch = self.asked.remove(at);
                let empty = fetch
                    .wants()
                    .into_iter()
                    .map(|(p, _)| fetched(p, 0, vec![]));
                self.answer(&fetch, Self::answered(empty.collect()));
            }
            let body = match &asked.body {
                Request::Metadata(_) => self.metadata(),
                _ => Self::listed(&asked, offset),
            };
            self.answer(&asked, body);
        }
    }

    /// Opens the connections that were asked for; false when there were none.
    fn connect(&mut self) -> bool {
        let opening = std::mem::take(&mut self.opening);
        for on in &opening {
            let peer = HostId(self.connections[on]);
            self.handle(Input::Connected { on: *on, peer });
        }
        !opening.is_empty()
    }

    fn metadata(&self) -> Response {
        let partitions = self
            .leaders
            .iter()
            .map(|(leader, epoch)| PartitionMetadata {
                leader: leader.map(BrokerId),
                leader_epoch: LeaderEpoch(*epoch),
            });
        Response::Metadata(Box::new(MetadataResponse {
            brokers: (1..=3).map(BrokerId).collect(),
            controller: None,
            topics: vec![TopicMetadata {
                topic: TopicId(0),
                error: None,
                partitions: partitions.collect(),
                replicas: Vec::new(),
            }],
        }))
    }

    fn answered(partitions: Vec<FetchedPartition>) -> Response {
        Response::Fetch(Box::new(FetchResponse { partitions }))
    }

    fn listed(asked: &Asked, offset: u64) -> Response {
        let partitions = asked.list().partitions.iter().map(|p| ListedOffset {
            tp: p.tp,
            error: None,
            offset: Some(Offset(offset)),
            timestamp: None,
            leader_epoch: None,
        });
        Response::ListOffsets(ListOffsetsResponse {
            partitions: partitions.collect(),
        })
    }

    fn handle(&mut self, input: Input<Message, Timer>) {
        let mut effects = Vec::new();
        self.consumer
            .handle(&mut Cx::new(&mut self.state, &mut effects), input);
        self.apply(effects);
    }

    /// One `poll`: what it handed over as (partition, first offset, count).
    fn poll(&mut self) -> (PollResult, Vec<(u32, u64, u32)>) {
        let mut effects = Vec::new();
        let mut out = Vec::new();
        let mut cx = Cx::new(&mut self.state, &mut effects);
        let result = self.consumer.poll(&mut cx, &mut out);
        self.apply(effects);
        let summary = |p: &Polled| {
            let first = p.base_offset.0 + u64::from(p.part.from);
            (p.tp.partition, first, p.part.to - p.part.from)
        };
        (result, out.iter().map(summary).collect())
    }

    /// What one `poll` hands over.
    fn polled(&mut self) -> Vec<(u32, u64, u32)> {
        self.poll().1
    }

    fn apply(&mut self, effects: Vec<Effect<Message, Fact, Timer>>) {
        for effect in effects {
            match effect {
                Effect::Open { connection, to } => {
                    self.connections.insert(connection, to.0);
                    self.opening.push(connection);
                }
                Effect::Send {
                    on,
                    body: Message::Request { correlation, body },
                } => self.asked.push(Asked {
                    broker: self.connections[&on],
                    on,
                    correlation,
                    body,
                }),
                Effect::SetTimer { timer, after } => {
                    let at = self.state.now + after;
                    self.timers.insert(format!("{timer:?}"), (at, timer));
                }
                Effect::CancelTimer(timer) => {
                    self.timers.remove(&format!("{timer:?}"));
                }
                Effect::Fact(fact) => self.facts.push(fact),
                Effect::Close(connection) => self.closed.push(connection),
                Effect::Send {
                    body: Message::Response { .. },
                    ..
                }
                | Effect::Flush { .. }
                | Effect::AwaitRead { .. }
                | Effect::Exit => panic!("a consumer does not {effect:?}"),
            }
        }
    }

    fn answer(&mut self, asked: &Asked, body: Response) {
        self.handle(Input::Message {
            on: asked.on,
            body: Message::answer(asked.correlation, body),
        });
    }

    /// The only request on its way, taken off it.
    fn take(&mut self) -> Asked {
        assert_eq!(self.asked.len(), 1, "{:?}", self.asked);
        self.asked.remove(0)
    }

    /// The only request on its way to a broker, taken off it.
    fn take_from(&mut self, broker: u32) -> Asked {
        let asked = self.asked.extract_if(.., |asked| asked.broker == broker);
        let mut asked = asked.collect::<Vec<_>>();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }

    /// Answers the only request, a fetch.
    fn answer_fetch(&mut self, partitions: Vec<FetchedPartition>) {
        let asked = self.take();
        self.answer(&asked, Self::answered(partitions));
    }

    /// Lets time pass and fires what is due.
    fn pass(&mut self, span: SimDuration) {
        let until = self.state.now + span;
        loop {
            let due = self.timers.iter().filter(|(_, (at, _))| *at <= until);
            let Some((name, (at, timer))) = due.min_by_key(|(_, (at, _))| *at) else {
                break;
            };
            let (name, at, timer) = (name.clone(), *at, *timer);
            self.timers.remove(&name);
            self.state.now = at;
            self.handle(Input::Timer(timer));
            self.poll();
        }
        self.state.now = until;
    }

    /// The partition's leader changes and the consumer hears of it: by a metadata refresh after
    /// metadata.max.age.ms, so that no error is needed.
    fn tell_leader(&mut self, partition: u32, leader: u32, epoch: u32) {
        self.leaders[partition as usize] = (Some(leader), epoch);
        self.pass(SimDuration::from_secs(11));
        self.settle(0);
    }

    /// A consumer of partition 0 that has read offsets 0 to 9 in epoch 5 from `b1` and then heard
    /// that `b2` leads in epoch 6. The question about epoch 5 is on its way.
    fn moved(config: ConsumerConfig) -> (Self, Asked) {
        let mut rig = Self::fetching(1, config);
        rig.answer_fetch(vec![fetched(0, 10, vec![batch(0, 10, 5)])]);
        assert_eq!(rig.polled(), [(0, 0, 10)]);
        rig.leaders[0] = (Some(2), 6);
        let mut moved = refused(0, ErrorCode::NotLeaderOrFollower);
        moved.current_leader = Some(LeaderHint {
            leader: BrokerId(2),
            epoch: LeaderEpoch(6),
        });
        rig.answer_fetch(vec![moved]);
        rig.poll();
        // The hint is enough to turn to b2, without a metadata refresh.
        rig.connect();
        rig.poll();
        let asked = rig.take();
        (rig, asked)
    }

    fn told(end: Option<(u32, u64)>) -> Response {
        Response::OffsetForLeaderEpoch(OffsetForLeaderEpochResponse {
            partitions: vec![EpochAnswer {
                tp: tp(0),
                error: None,
                end: end.map(|(epoch, end)| EpochEnd {
                    epoch: LeaderEpoch(epoch),
                    end_offset: Offset(end),
                }),
            }],
        })
    }

    /// Where positions were moved other than by reading: (partition, from, to).
    fn resets(&self) -> Vec<(u32, Option<u64>, u64)> {
        let reset = |fact: &Fact| match fact {
            Fact::PositionReset { tp, from, to } => {
                Some((tp.partition, from.map(|from| from.0), to.0))
            }
            _ => None,
        };
        self.facts.iter().filter_map(reset).collect()
    }
}

/// Limits of one record a poll, and so on.
fn at_most(max_poll_records: u32) -> ConsumerConfig {
    ConsumerConfig {
        max_poll_records,
        ..Rig::earliest()
    }
}

fn policy(auto_offset_reset: AutoOffsetReset) -> ConsumerConfig {
    ConsumerConfig {
        auto_offset_reset,
        ..ConsumerConfig::default()
    }
}

#[test]
fn a_fetch_asks_for_all_partitions_of_a_broker_within_the_configured_limits() {
    let mut rig = Rig::new(4, Rig::earliest());
    rig.settle(0);
    assert_eq!(rig.take_from(1).wants(), [(0, 0), (3, 0)]);
    assert_eq!(rig.take_from(3).wants(), [(2, 0)]);
    let asked = rig.take_from(2);
    assert_eq!(asked.wants(), [(1, 0)]);
    let fetch = asked.fetch();
    assert_eq!(fetch.fetcher, Fetcher::Consumer);
    assert_eq!(fetch.max_wait, ms(500));
    assert_eq!((fetch.min_bytes, fetch.max_bytes), (1, 52_428_800));
    let partition = fetch.partitions[0];
    assert_eq!(partition.max_bytes, 1_048_576);
    assert_eq!(partition.current_leader_epoch, Some(LeaderEpoch(5)));
    assert_eq!(partition.last_fetched_epoch, None);
}

#[test]
fn one_fetch_is_in_flight_per_broker() {
    let mut rig = Rig::fetching(2, Rig::earliest());
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.take().wants(), [(0, 0), (1, 0)]);
    rig.poll();
    assert!(rig.asked.is_empty(), "the first fetch has no answer yet");
}

#[test]
fn an_answer_without_records_is_asked_again_at_once() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 0, vec![])]);
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.take().wants(), [(0, 0)]);
}

#[test]
fn a_throttled_fetch_brings_nothing_and_is_asked_again_when_its_time_is_over() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    let asked = rig.take();
    rig.handle(Input::Message {
        on: asked.on,
        body: Message::Response {
            correlation: asked.correlation,
            throttle_time: ms(800),
            body: Rig::answered(Vec::new()),
        },
    });
    assert_eq!(rig.polled(), []);
    rig.pass(ms(799));
    assert_eq!(rig.polled(), []);
    assert!(rig.asked.is_empty(), "the broker reads nothing meanwhile");
    rig.pass(ms(1));
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.take().wants(), [(0, 0)]);
}

#[test]
fn records_are_fetched_ahead_of_the_application() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    assert_eq!(rig.polled(), [(0, 0, 3)]);
    assert_eq!(
        rig.take().wants(),
        [(0, 3)],
        "sent by the poll that returned records"
    );
}

#[test]
fn max_poll_records_splits_a_batch() {
    let mut rig = Rig::fetching(1, at_most(4));
    rig.answer_fetch(vec![fetched(0, 9, vec![batch(0, 6, 5), batch(6, 3, 5)])]);
    assert_eq!(rig.polled(), [(0, 0, 4)]);
    assert_eq!(rig.consumer.position(tp(0)), Some(Offset(4)));
    assert_eq!(rig.polled(), [(0, 4, 2), (0, 6, 2)]);
    assert_eq!(rig.polled(), [(0, 8, 1)]);
    assert_eq!(rig.polled(), []);
}

#[test]
fn max_poll_records_counts_over_all_partitions_one_answer_after_the_other() {
    let mut rig = Rig::fetching(2, at_most(5));
    rig.answer_fetch(vec![
        fetched(0, 3, vec![batch(0, 3, 5)]),
        fetched(1, 7, vec![batch(0, 7, 5)]),
    ]);
    assert_eq!(rig.polled(), [(0, 0, 3), (1, 0, 2)]);
    assert_eq!(rig.polled(), [(1, 2, 5)]);
}

#[test]
fn a_broker_is_not_asked_while_records_from_it_are_buffered() {
    let mut rig = Rig::fetching(2, at_most(5));
    rig.answer_fetch(vec![
        fetched(0, 3, vec![batch(0, 3, 5)]),
        fetched(1, 7, vec![batch(0, 7, 5)]),
    ]);
    rig.poll();
    assert!(rig.asked.is_empty(), "partition 1 has buffered records");
    rig.poll();
    // The Java client notices only at the next poll that an answer has no more records.
    assert!(
        rig.asked.is_empty(),
        "max.poll.records ended at the last record"
    );
    rig.poll();
    assert_eq!(rig.take().wants(), [(0, 3), (1, 7)]);
}

#[test]
fn partitions_that_brought_records_go_to_the_end_of_the_next_fetch() {
    let mut rig = Rig::fetching(3, Rig::earliest());
    rig.answer_fetch(vec![
        fetched(0, 1, vec![batch(0, 1, 5)]),
        fetched(1, 0, vec![]),
        fetched(2, 0, vec![]),
    ]);
    rig.poll();
    assert_eq!(rig.take().wants(), [(1, 0), (2, 0), (0, 1)]);
}

#[test]
fn records_before_the_fetch_offset_are_skipped() {
    let mut rig = Rig::new(1, Rig::earliest());
    rig.settle(4);
    assert_eq!(rig.asked[0].wants(), [(0, 4)]);
    rig.answer_fetch(vec![fetched(0, 10, vec![batch(0, 10, 5)])]);
    assert_eq!(rig.polled(), [(0, 4, 6)]);
}

#[test]
fn the_position_passes_over_gaps() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    let batches = vec![batch(2, 2, 5), batch(9, 1, 5)];
    rig.answer_fetch(vec![fetched(0, 10, batches)]);
    assert_eq!(rig.polled(), [(0, 2, 2), (0, 9, 1)]);
    assert_eq!(rig.consumer.position(tp(0)), Some(Offset(10)));
}

#[test]
fn lag_is_the_high_watermark_minus_the_position() {
    let mut rig = Rig::fetching(1, at_most(4));
    assert_eq!(rig.consumer.lag(tp(0)), None);
    rig.answer_fetch(vec![fetched(0, 9, vec![batch(0, 6, 5)])]);
    rig.poll();
    assert_eq!(rig.consumer.lag(tp(0)), Some(5));
}

#[test]
fn a_paused_partition_keeps_its_buffered_records() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    rig.consumer.pause(tp(0));
    assert_eq!(rig.polled(), []);
    assert!(rig.asked.is_empty(), "paused: not fetched");
    rig.consumer.resume(tp(0));
    assert_eq!(rig.polled(), [(0, 0, 3)]);
    assert_eq!(rig.take().wants(), [(0, 3)]);
}

#[test]
fn a_partition_paused_between_two_polls_keeps_the_rest_of_its_answer() {
    let mut rig = Rig::fetching(1, at_most(2));
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    assert_eq!(rig.polled(), [(0, 0, 2)]);
    rig.consumer.pause(tp(0));
    assert_eq!(rig.polled(), []);
    rig.consumer.resume(tp(0));
    assert_eq!(rig.polled(), [(0, 2, 1)]);
}

#[test]
fn a_paused_partition_with_buffered_records_does_not_block_its_brokers_others() {
    let mut rig = Rig::fetching(2, Rig::earliest());
    rig.answer_fetch(vec![
        fetched(0, 3, vec![batch(0, 3, 5)]),
        fetched(1, 2, vec![batch(0, 2, 5)]),
    ]);
    rig.consumer.pause(tp(0));
    assert_eq!(rig.polled(), [(1, 0, 2)]);
    assert_eq!(rig.take().wants(), [(1, 2)]);
}

#[test]
fn a_partition_starts_where_auto_offset_reset_says() {
    for (reset, spec) in [
        (AutoOffsetReset::Earliest, OffsetSpec::Earliest),
        (AutoOffsetReset::Latest, OffsetSpec::Latest),
    ] {
        let mut rig = Rig::new(1, policy(reset));
        rig.poll();
        rig.connect();
        rig.poll();
        let metadata = rig.take();
        let body = rig.metadata();
        rig.answer(&metadata, body);
        rig.poll();
        rig.connect();
        rig.poll();
        let asked = rig.take();
        assert_eq!(asked.broker, 1);
        assert_eq!(asked.list().partitions[0].spec, spec);
        let epoch = asked.list().partitions[0].current_leader_epoch;
        assert_eq!(epoch, Some(LeaderEpoch(5)));
        rig.answer(&asked, Rig::listed(&asked, 42));
        assert_eq!(rig.resets(), [(0, None, 42)]);
        rig.poll();
        assert_eq!(rig.take().wants(), [(0, 42)]);
    }
}

#[test]
fn by_duration_asks_for_the_first_record_that_is_not_older_and_waits_when_there_is_none() {
    let mut rig = Rig::fetching(1, policy(AutoOffsetReset::ByDuration(ms(5_000))));
    let lists = |rig: &Rig| -> Vec<OffsetSpec> {
        let asked = rig.asked.iter();
        let lists = asked.filter(|asked| matches!(asked.body, Request::ListOffsets(_)));
        lists.map(|asked| asked.list().partitions[0].spec).collect()
    };
    let back =
        |rig: &Rig| OffsetSpec::AtOrAfter(WallTime(rig.state.now.as_millis() as i64 - 5_000));
    rig.answer_fetch(vec![refused(0, ErrorCode::OffsetOutOfRange)]);
    rig.poll();
    assert_eq!(lists(&rig), [back(&rig)]);
    let asked = rig.take();
    let mut none = Rig::listed(&asked, 0);
    if let Response::ListOffsets(response) = &mut none {
        response.partitions[0].offset = None;
    }
    rig.answer(&asked, none);
    rig.pass(ms(29_999));
    assert_eq!(lists(&rig), [], "it asks again after request.timeout.ms");
    rig.pass(ms(1));
    assert_eq!(lists(&rig), [back(&rig)]);
}

#[test]
fn without_a_policy_a_partition_without_a_position_is_an_exception() {
    let mut rig = Rig::new(1, policy(AutoOffsetReset::None));
    let failure = Failure {
        tp: tp(0),
        offset: None,
        why: ConsumerFailure::NoOffsetForPartition,
    };
    assert_eq!(rig.poll().0, PollResult::Failed(failure));
    assert!(matches!(
        rig.facts[..],
        [Fact::ConsumerFailed {
            why: ConsumerFailure::NoOffsetForPartition,
            ..
        }]
    ));
}

#[test]
fn an_offset_out_of_range_is_reset_by_the_policy() {
    for (reset, spec, to) in [
        (AutoOffsetReset::Earliest, OffsetSpec::Earliest, 7),
        (AutoOffsetReset::Latest, OffsetSpec::Latest, 90),
    ] {
        let mut rig = Rig::fetching(1, policy(reset));
        rig.answer_fetch(vec![refused(0, ErrorCode::OffsetOutOfRange)]);
        rig.poll();
        let asked = rig.take();
        assert_eq!(asked.list().partitions[0].spec, spec);
        rig.answer(&asked, Rig::listed(&asked, to));
        assert_eq!(rig.resets(), [(0, None, 0), (0, Some(0), to)]);
        rig.poll();
        assert_eq!(rig.take().wants(), [(0, to)]);
    }
}

#[test]
fn without_a_policy_an_offset_out_of_range_is_an_exception() {
    let mut rig = Rig::new(1, policy(AutoOffsetReset::None));
    rig.consumer.seek_to_beginning();
    rig.settle(3);
    rig.answer_fetch(vec![refused(0, ErrorCode::OffsetOutOfRange)]);
    let failure = Failure {
        tp: tp(0),
        offset: Some(Offset(3)),
        why: ConsumerFailure::OffsetOutOfRange,
    };
    assert_eq!(rig.poll().0, PollResult::Failed(failure));
}

#[test]
fn an_error_is_thrown_only_when_no_records_go_before_it() {
    let mut rig = Rig::new(2, policy(AutoOffsetReset::None));
    rig.leaders = vec![(Some(1), 5); 2];
    rig.consumer.seek_to_beginning();
    rig.settle(0);
    rig.answer_fetch(vec![
        fetched(0, 1, vec![batch(0, 1, 5)]),
        refused(1, ErrorCode::OffsetOutOfRange),
    ]);
    assert_eq!(rig.poll(), (PollResult::Records, vec![(0, 0, 1)]));
    assert!(matches!(rig.poll().0, PollResult::Failed(_)));
}

#[test]
fn a_new_leader_validates_the_position_before_it_is_fetched_from() {
    let (mut rig, asked) = Rig::moved(Rig::earliest());
    assert_eq!(asked.broker, 2);
    let question = asked.epochs().partitions[0];
    assert_eq!(question.leader_epoch, LeaderEpoch(5));
    assert_eq!(question.current_leader_epoch, Some(LeaderEpoch(6)));
    rig.answer(&asked, Rig::told(Some((5, 10))));
    rig.poll();
    let fetch = rig.take();
    assert_eq!((fetch.broker, fetch.wants()), (2, vec![(0, 10)]));
    let epoch = fetch.fetch().partitions[0].current_leader_epoch;
    assert_eq!(epoch, Some(LeaderEpoch(6)));
    assert_eq!(rig.resets(), [(0, None, 0)]);
}

#[test]
fn a_position_that_was_never_read_to_needs_no_validation() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 0, vec![])]);
    rig.tell_leader(0, 2, 6);
    assert_eq!(rig.take_from(2).wants(), [(0, 0)]);
}

#[test]
fn a_detected_truncation_seeks_to_the_divergence_point() {
    let (mut rig, asked) = Rig::moved(policy(AutoOffsetReset::Latest));
    rig.answer(&asked, Rig::told(Some((5, 7))));
    assert_eq!(rig.resets(), [(0, None, 0), (0, Some(10), 7)]);
    rig.poll();
    assert_eq!(rig.take().wants(), [(0, 7)]);
}

#[test]
fn a_leader_that_knows_nothing_of_the_epoch_resets_the_position() {
    let (mut rig, asked) = Rig::moved(policy(AutoOffsetReset::Latest));
    rig.answer(&asked, Rig::told(None));
    rig.poll();
    let list = rig.take();
    assert_eq!(list.list().partitions[0].spec, OffsetSpec::Latest);
    rig.answer(&list, Rig::listed(&list, 2));
    assert_eq!(rig.resets(), [(0, None, 0), (0, Some(10), 2)]);
}

#[test]
fn without_a_policy_a_detected_truncation_is_an_exception() {
    for (end, divergent) in [(Some((5, 7)), Some(Offset(7))), (None, None)] {
        let mut rig = Rig::new(1, policy(AutoOffsetReset::None));
        rig.consumer.seek_to_beginning();
        rig.settle(0);
        rig.answer_fetch(vec![fetched(0, 10, vec![batch(0, 10, 5)])]);
        rig.poll();
        rig.tell_leader(0, 2, 6);
        let asked = rig.take_from(2);
        rig.answer(&asked, Rig::told(end));
        let failure = Failure {
            tp: tp(0),
            offset: Some(Offset(10)),
            why: ConsumerFailure::LogTruncation { divergent },
        };
        assert_eq!(rig.poll().0, PollResult::Failed(failure));
    }
}

#[test]
fn an_answer_for_another_position_is_dropped() {
    let mut rig = Rig::new(2, Rig::earliest());
    rig.leaders = vec![(Some(1), 5), (Some(3), 5)];
    rig.settle(0);
    // The connection to b3 has nothing to do, so it is there for metadata.
    rig.consumer.pause(tp(1));
    let idle = rig.take_from(3);
    rig.answer(&idle, Rig::answered(vec![fetched(1, 0, vec![])]));
    rig.answer_fetch(vec![fetched(0, 10, vec![batch(0, 10, 5)])]);
    rig.poll();
    let old = rig.take();
    assert_eq!(old.wants(), [(0, 10)]);
    // While that fetch is on its way, b2 takes the lead and lacks the last three records.
    rig.tell_leader(0, 2, 6);
    let asked = rig.take_from(2);
    rig.answer(&asked, Rig::told(Some((5, 7))));
    let late = vec![fetched(0, 13, vec![batch(10, 3, 5)])];
    rig.answer(&old, Rig::answered(late));
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.consumer.position(tp(0)), Some(Offset(7)));
    assert_eq!(rig.take().wants(), [(0, 7)]);
}

#[test]
fn buffered_records_are_dropped_when_the_leader_changes() {
    let mut rig = Rig::fetching(1, at_most(4));
    rig.answer_fetch(vec![fetched(0, 10, vec![batch(0, 10, 5)])]);
    assert_eq!(rig.polled(), [(0, 0, 4)]);
    rig.consumer.pause(tp(0));
    rig.tell_leader(0, 2, 6);
    rig.consumer.resume(tp(0));
    let asked = rig.take_from(2);
    assert_eq!(rig.polled(), [], "the position awaits validation");
    rig.answer(&asked, Rig::told(Some((6, 10))));
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.take().wants(), [(0, 4)], "fetched again from b2");
}

#[test]
fn errors_of_a_fetch_refresh_metadata_and_do_not_delay_the_next_fetch() {
    for error in [
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::FencedLeaderEpoch,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::KafkaStorageError,
        ErrorCode::OffsetNotAvailable,
    ] {
        let mut rig = Rig::fetching(1, Rig::earliest());
        rig.pass(SimDuration::from_secs(1));
        rig.answer_fetch(vec![refused(0, error)]);
        rig.poll();
        assert_eq!(rig.asked[0].wants(), [(0, 0)]);
        assert!(matches!(rig.asked[1].body, Request::Metadata(_)));
    }
}

#[test]
fn a_metadata_refresh_that_told_nothing_new_backs_off() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.pass(SimDuration::from_secs(1));
    let mut refreshes = Vec::new();
    for _ in 0..1_000 {
        for asked in std::mem::take(&mut rig.asked) {
            let body = if matches!(asked.body, Request::Metadata(_)) {
                refreshes.push(rig.state.now.as_millis() - 1_000);
                rig.metadata()
            } else {
                Rig::answered(vec![refused(0, ErrorCode::NotLeaderOrFollower)])
            };
            rig.answer(&asked, body);
        }
        rig.poll();
        rig.pass(ms(1));
    }
    // retry.backoff.ms with 20 % jitter, doubled: 0, 100, 300, 700, …
    let steps = refreshes.windows(2).map(|pair| pair[1] - pair[0]);
    assert_eq!(refreshes.len(), 4, "{refreshes:?}");
    for (step, expected) in steps.zip([100, 200, 400]) {
        let (least, most) = (expected * 8 / 10, expected * 12 / 10 + 2);
        assert!((least..=most).contains(&step), "{refreshes:?}");
    }
}

#[test]
fn an_unknown_leader_epoch_is_asked_again_without_a_refresh() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.pass(SimDuration::from_secs(1));
    rig.answer_fetch(vec![refused(0, ErrorCode::UnknownLeaderEpoch)]);
    rig.poll();
    assert_eq!(rig.take().wants(), [(0, 0)]);
}

#[test]
fn look_ups_that_fail_back_off_and_refresh_metadata() {
    let mut rig = Rig::new(1, Rig::earliest());
    rig.pass(SimDuration::from_secs(1));
    rig.poll();
    rig.connect();
    rig.poll();
    let metadata = rig.take();
    let body = rig.metadata();
    rig.answer(&metadata, body);
    rig.poll();
    rig.connect();
    rig.poll();
    let list = rig.take();
    rig.pass(SimDuration::from_secs(2));
    let mut body = Rig::listed(&list, 0);
    if let Response::ListOffsets(response) = &mut body {
        response.partitions[0].error = Some(ErrorCode::NotLeaderOrFollower);
    }
    rig.answer(&list, body);
    rig.poll();
    assert!(matches!(rig.take().body, Request::Metadata(_)));
    rig.pass(ms(99));
    assert!(rig.asked.is_empty(), "retry.backoff.ms is 100");
    rig.pass(ms(1));
    assert_eq!(rig.take().list().partitions[0].tp, tp(0));
}

#[test]
fn a_partition_without_a_leader_waits_for_metadata() {
    let mut rig = Rig::new(1, Rig::earliest());
    rig.leaders[0] = (None, 5);
    rig.poll();
    rig.connect();
    rig.poll();
    let metadata = rig.take();
    let body = rig.metadata();
    rig.answer(&metadata, body);
    rig.poll();
    assert!(rig.asked.is_empty());
    rig.leaders[0] = (Some(3), 6);
    rig.pass(ms(121));
    assert!(matches!(rig.asked[0].body, Request::Metadata(_)));
    rig.settle(0);
    let fetch = rig.take();
    assert_eq!((fetch.broker, fetch.wants()), (3, vec![(0, 0)]));
}

#[test]
fn a_lost_connection_fails_the_fetch_and_is_opened_again_after_the_back_off() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.pass(SimDuration::from_secs(1));
    let lost = rig.take();
    rig.handle(Input::Disconnected(lost.on));
    rig.poll();
    rig.settle(0);
    let back_off = (0..10_000).find(|_| {
        rig.pass(ms(1));
        rig.settle(0);
        !rig.asked.is_empty()
    });
    // reconnect.backoff.ms is 50, with 20 % jitter.
    assert!((40..=61).contains(&back_off.expect("it comes back")));
    let fetch = rig.take();
    assert_ne!(fetch.on, lost.on);
    assert_eq!((fetch.broker, fetch.wants()), (1, vec![(0, 0)]));
}

#[test]
fn a_fetch_without_an_answer_times_out() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    let silent = rig.take();
    rig.pass(ms(30_000));
    assert!(
        rig.closed.contains(&silent.on),
        "request.timeout.ms is 30 s"
    );
}

#[test]
fn nothing_is_sent_outside_poll() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    assert!(rig.asked.is_empty(), "the application is busy");
}

#[test]
fn a_batch_with_a_wrong_checksum_is_an_exception_after_the_records_before_it() {
    for (check_crcs, expected) in [(true, vec![(0, 0, 2)]), (false, vec![(0, 0, 2), (0, 2, 1)])] {
        let config = ConsumerConfig {
            check_crcs,
            ..Rig::earliest()
        };
        let mut rig = Rig::fetching(1, config);
        let damaged = Payload::Bytes(Box::new(Encoded {
            records: Arc::new(vec![1, 2, 3]),
            crc: 4,
        }));
        let batches = vec![batch(0, 2, 5), batch_with(2, 1, 5, damaged)];
        rig.answer_fetch(vec![fetched(0, 3, batches)]);
        assert_eq!(rig.polled(), expected);
        let failed = rig.poll().0;
        let failure = Failure {
            tp: tp(0),
            offset: Some(Offset(2)),
            why: ConsumerFailure::CorruptRecord,
        };
        assert_eq!(failed == PollResult::Failed(failure), check_crcs);
    }
}

#[test]
fn a_batch_damaged_on_the_wire_is_an_exception_unless_nobody_looks() {
    for (check_crcs, expected) in [(true, vec![(0, 0, 2)]), (false, vec![(0, 0, 2), (0, 2, 1)])] {
        let config = ConsumerConfig {
            check_crcs,
            ..Rig::earliest()
        };
        let mut rig = Rig::fetching(1, config);
        let damaged = FetchedPartition {
            corrupt: Some(1),
            ..fetched(0, 3, vec![batch(0, 2, 5), batch(2, 1, 5)])
        };
        rig.answer_fetch(vec![damaged]);
        assert_eq!(rig.polled(), expected);
        let failed = matches!(rig.poll().0, PollResult::Failed(_));
        assert_eq!(failed, check_crcs);
    }
}

#[test]
fn a_dead_consumer_starts_again_by_its_policy() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    rig.poll();
    rig.consumer.reset();
    rig.asked.clear();
    rig.timers.clear();
    assert_eq!(rig.consumer.position(tp(0)), None);
    rig.settle(1);
    assert_eq!(rig.take().wants(), [(0, 1)]);
    assert_eq!(rig.resets(), [(0, None, 0), (0, None, 1)]);
}

/// A consumer of partition 0 that `b1`, the leader, has sent to `b2`; the fetch to `b2` is on its
/// way.
fn sent_away() -> Rig {
    let mut rig = Rig::new(1, Rig::earliest());
    rig.consumer = rig.consumer.clone().in_rack(Some(Rack(7)));
    rig.settle(0);
    let asked = rig.take();
    assert_eq!((asked.broker, asked.fetch().rack), (1, Some(Rack(7))));
    let mut elsewhere = fetched(0, 5, vec![]);
    elsewhere.preferred_read_replica = Some(BrokerId(2));
    rig.answer(&asked, Rig::answered(vec![elsewhere]));
    rig.poll();
    rig.connect();
    rig.poll();
    rig
}

#[test]
fn a_consumer_reads_from_the_replica_that_the_leader_names() {
    let mut rig = sent_away();
    let asked = rig.take_from(2);
    assert_eq!(asked.wants(), [(0, 0)]);
    rig.answer(
        &asked,
        Rig::answered(vec![fetched(0, 5, vec![batch(0, 5, 5)])]),
    );
    assert_eq!(rig.polled(), [(0, 0, 5)]);
    rig.poll();
    assert_eq!(rig.take_from(2).wants(), [(0, 5)], "and stays there");
}

#[test]
fn an_offset_out_of_range_at_a_follower_leads_back_to_the_leader_without_a_reset() {
    let mut rig = sent_away();
    let asked = rig.take_from(2);
    rig.answer(
        &asked,
        Rig::answered(vec![refused(0, ErrorCode::OffsetOutOfRange)]),
    );
    rig.poll();
    assert_eq!(rig.take_from(1).wants(), [(0, 0)]);
    assert_eq!(rig.facts.len(), 1, "but for the start: {:?}", rig.facts);
}

#[test]
fn a_follower_that_hangs_up_is_left_for_the_leader() {
    let mut rig = sent_away();
    let asked = rig.take_from(2);
    rig.handle(Input::Disconnected(asked.on));
    rig.poll();
    let fetches = rig
        .asked
        .iter()
        .filter(|asked| matches!(asked.body, Request::Fetch(_)));
    let brokers: Vec<u32> = fetches.map(|asked| asked.broker).collect();
    assert_eq!(brokers, [1]);
}

#[test]
fn after_metadata_max_age_the_leader_is_asked_again() {
    let mut rig = sent_away();
    rig.pass(SimDuration::from_secs(11));
    let fetch = |asked: &mut Asked| matches!(asked.body, Request::Fetch(_));
    let asked: Vec<Asked> = rig.asked.extract_if(.., fetch).collect();
    assert_eq!(asked.len(), 1);
    rig.answer(&asked[0], Rig::answered(vec![fetched(0, 5, vec![])]));
    rig.poll();
    let asked: Vec<Asked> = rig.asked.extract_if(.., fetch).collect();
    assert_eq!(
        asked.iter().map(|asked| asked.broker).collect::<Vec<_>>(),
        [1]
    );
}
