//! The consumer's rules, one a test, against brokers that say what the test wants.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it looks for"
)]

mod failing;
mod fetching;
mod followers;
mod positions;

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
