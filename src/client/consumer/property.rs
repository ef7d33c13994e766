//! The consumer against a naive Kafka: one vector per partition, leaders that move, logs that lose
//! their end or their beginning, connections that break. Whatever happens, each record is handed
//! over in order, once between two resets; when all is well again nothing is left unread.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it looks for"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;

use crate::client::consumer::{Consumer, PollResult, Timer};
use crate::delivery::{Record, RecordId};
use crate::kafka::api::fetch::{EpochEnd, FetchPartition, FetchResponse, FetchedPartition};
use crate::kafka::api::list_offsets::{ListOffsetsResponse, ListedOffset, OffsetSpec};
use crate::kafka::api::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use crate::kafka::api::offset_for_leader_epoch::{EpochAnswer, OffsetForLeaderEpochResponse};
use crate::kafka::api::produce::LeaderHint;
use crate::kafka::compression::Packing;
use crate::kafka::config::consumer::{AutoOffsetReset, ConsumerConfig};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{BrokerId, LeaderEpoch, Offset, TopicId, TopicPartition};
use crate::kafka::message::{CorrelationId, Message, Request, Response};
use crate::kafka::records::{Batch, BatchTimes, Payload, StoredBatch, TimestampType};
use crate::sim::clock::WallTime;
use crate::sim::process::{ConnectionId, Cx, Effect, HostId, HostState, Input, TimerSlot};
use crate::sim::rng::{Rng, Streams};
use crate::sim::time::{SimDuration, SimTime};

const BROKERS: u32 = 3;
const PARTITIONS: u32 = 4;

/// What happens to the naive Kafka, or to the application.
#[derive(Clone, Debug)]
enum Action {
    /// A batch is appended; it can be read when the high watermark passes it.
    Append { partition: u32, count: u32 },
    /// The high watermark reaches the log end.
    Commit { partition: u32 },
    /// Another leader, perhaps one that lacks the last records; committed ones only in a world of
    /// unclean elections.
    Elect {
        partition: u32,
        broker: u32,
        lacks: u64,
    },
    /// The partition has no leader for a while.
    Orphan { partition: u32 },
    /// The first records are removed.
    Trim { partition: u32, records: u64 },
    /// All connections to a broker break.
    Break { broker: u32 },
    /// The application pauses or resumes.
    Pause { partition: u32, paused: bool },
    /// The application does not poll for a while.
    Busy { millis: u64 },
    /// Time passes.
    Pass { millis: u64 },
}

/// One partition: what an all-knowing observer of it would say.
#[derive(Clone, Debug)]
struct Truth {
    /// Leader epoch and id of each record, from offset 0 on.
    log: Vec<(u32, u32)>,
    /// Where each batch begins.
    batches: BTreeSet<u64>,
    start: u64,
    high_watermark: u64,
    leader: Option<u32>,
    epoch: u32,
}

enum Event {
    ToClient(Input<Message, Timer>),
    ToBroker(ConnectionId, CorrelationId, Request),
    /// The long poll of a connection is over.
    Unpark(ConnectionId),
    /// Valid while the slot still holds this number.
    Timer(u64, Timer),
}

/// A connection at its broker, which works on one request at a time.
struct Connection {
    broker: u32,
    waiting: VecDeque<(CorrelationId, Request)>,
    /// The fetch that is parked, and since when.
    parked: Option<(CorrelationId, Request)>,
    last_arrival: SimTime,
}

struct World {
    unclean: bool,
    consumer: Consumer,
    host: HostState,
    rng: Rng,
    truth: Vec<Truth>,
    next_id: u32,
    connections: BTreeMap<ConnectionId, Connection>,
    events: BTreeMap<(SimTime, u64), Event>,
    sequence: u64,
    timers: BTreeMap<usize, u64>,
    busy_until: SimTime,
    max_poll_records: u32,
    /// Where the next record of each partition has to be.
    expected: Vec<Option<u64>>,
    paused: Vec<bool>,
    /// What was handed over: partition, offset, record.
    read: BTreeSet<(u32, u64, u32)>,
    /// What was at some time in a log.
    existed: BTreeSet<(u32, u64, u32)>,
}

fn tp(partition: u32) -> TopicPartition {
    TopicPartition {
        topic: TopicId(0),
        partition,
    }
}

impl World {
    fn new(seed: u64, unclean: bool, reset: AutoOffsetReset, max_poll_records: u32) -> Self {
        let streams = Streams::new(seed);
        let brokers = (1..=BROKERS).map(|id| (BrokerId(id), HostId(id)));
        let config = ConsumerConfig {
            auto_offset_reset: reset,
            max_poll_records,
            max_partition_fetch_bytes: 2_000,
            metadata_max_age: SimDuration::from_secs(5),
            ..ConsumerConfig::default()
        };
        let truth = |partition| Truth {
            log: Vec::new(),
            batches: BTreeSet::new(),
            start: 0,
            high_watermark: 0,
            leader: Some(partition % BROKERS + 1),
            epoch: 1,
        };
        Self {
            unclean,
            consumer: Consumer::new(
                config,
                brokers.collect(),
                (0..PARTITIONS).map(tp).collect(),
                &streams,
                "reader",
            ),
            host: HostState::new(HostId(9)),
            rng: streams.stream("network"),
            truth: (0..PARTITIONS).map(truth).collect(),
            next_id: 0,
            connections: BTreeMap::new(),
            events: BTreeMap::new(),
            sequence: 0,
            timers: BTreeMap::new(),
            busy_until: SimTime::ZERO,
            max_poll_records,
            expected: vec![None; PARTITIONS as usize],
            paused: vec![false; PARTITIONS as usize],
            read: BTreeSet::new(),
            existed: BTreeSet::new(),
        }
    }

    fn at(&mut self, at: SimTime, event: Event) {
        self.events.insert((at, self.sequence), event);
        self.sequence += 1;
    }

    /// When a message sent now arrives: after 0.1 to 5 ms, never before an earlier one.
    fn arrival(&mut self, on: ConnectionId) -> SimTime {
        let latency = SimDuration::from_micros(100 + self.rng.below(4_900));
        let connection = self.connections.get_mut(&on).expect("an open connection");
        let arrival = connection.last_arrival.max(self.host.now + latency);
        connection.last_arrival = arrival;
        arrival
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Append { partition, count } => self.append(partition, count),
            Action::Commit { partition } => {
                let truth = &mut self.truth[partition as usize];
                truth.high_watermark = truth.log.len() as u64;
            }
            Action::Elect {
                partition,
                broker,
                lacks,
            } => self.elect(partition, broker, lacks),
            Action::Orphan { partition } => self.truth[partition as usize].leader = None,
            Action::Trim { partition, records } => {
                let truth = &mut self.truth[partition as usize];
                truth.start = (truth.start + records).min(truth.high_watermark);
            }
            Action::Break { broker } => {
                let of_broker = self.connections.iter().filter(|(_, c)| c.broker == broker);
                for on in of_broker.map(|(on, _)| *on).collect::<Vec<_>>() {
                    let arrival = self.arrival(on);
                    self.connections.remove(&on);
                    self.at(arrival, Event::ToClient(Input::Disconnected(on)));
                }
            }
            Action::Pause { partition, paused } => {
                self.paused[partition as usize] = paused;
                if paused {
                    self.consumer.pause(tp(partition));
                } else {
                    self.consumer.resume(tp(partition));
                }
                self.poll();
            }
            Action::Busy { millis } => {
                self.busy_until = self.host.now + SimDuration::from_millis(millis);
            }
            Action::Pass { millis } => self.pass(SimDuration::from_millis(millis)),
        }
        self.unpark();
    }

    fn append(&mut self, partition: u32, count: u32) {
        let truth = &mut self.truth[partition as usize];
        if truth.leader.is_none() {
            return;
        }
        truth.batches.insert(truth.log.len() as u64);
        for _ in 0..count {
            let entry = (partition, truth.log.len() as u64, self.next_id);
            self.existed.insert(entry);
            truth.log.push((truth.epoch, self.next_id));
            self.next_id += 1;
        }
    }

    fn elect(&mut self, partition: u32, broker: u32, lacks: u64) {
        let truth = &mut self.truth[partition as usize];
        truth.epoch += 1;
        truth.leader = Some(broker);
        // A replica ends where one of its batches ends, and never before its start.
        let least = if self.unclean {
            truth.start
        } else {
            truth.high_watermark
        };
        let wanted = (truth.log.len() as u64).saturating_sub(lacks).max(least);
        let end = truth.batches.range(..=wanted).next_back();
        let end = end.copied().unwrap_or(0).max(least);
        if lacks > 0 && end < truth.log.len() as u64 {
            truth.log.truncate(end as usize);
            truth.batches.split_off(&end);
            truth.high_watermark = truth.high_watermark.min(end);
        }
    }

    fn pass(&mut self, span: SimDuration) {
        let until = self.host.now + span;
        while let Some(entry) = self.events.first_entry() {
            let (at, _) = *entry.key();
            if at > until {
                break;
            }
            let event = entry.remove();
            self.host.now = self.host.now.max(at);
            match event {
                Event::ToClient(input) => self.input(input),
                Event::ToBroker(on, correlation, request) => {
                    if let Some(connection) = self.connections.get_mut(&on) {
                        connection.waiting.push_back((correlation, request));
                        self.serve(on);
                    }
                }
                Event::Unpark(on) => self.answer_parked(on),
                Event::Timer(number, timer) => {
                    if self.timers.get(&timer.slot()) == Some(&number) {
                        self.timers.remove(&timer.slot());
                        self.input(Input::Timer(timer));
                    }
                }
            }
        }
        self.host.now = until;
        self.poll();
    }

    fn input(&mut self, input: Input<Message, Timer>) {
        let mut effects = Vec::new();
        self.consumer
            .handle(&mut Cx::new(&mut self.host, &mut effects), input);
        self.apply(effects);
        self.poll();
    }

    /// The application's loop: polls until there is nothing, unless it is busy.
    fn poll(&mut self) {
        while self.host.now >= self.busy_until {
            let mut effects = Vec::new();
            let mut out = Vec::new();
            let mut cx = Cx::new(&mut self.host, &mut effects);
            let result = self.consumer.poll(&mut cx, &mut out);
            let records = out.iter().map(|p| p.part.to - p.part.from).sum::<u32>();
            assert!(records <= self.max_poll_records, "max.poll.records");
            for polled in &out {
                let partition = polled.tp.partition;
                assert!(!self.paused[partition as usize], "paused: no records");
                for i in polled.part.from..polled.part.to {
                    let offset = polled.base_offset.0 + u64::from(i);
                    let expected = &mut self.expected[partition as usize];
                    assert_eq!(*expected, Some(offset), "in order, without gaps");
                    *expected = Some(offset + 1);
                    let id = polled.parcel[i as usize].id.0;
                    assert!(self.existed.contains(&(partition, offset, id)));
                    self.read.insert((partition, offset, id));
                }
            }
            self.apply(effects);
            match result {
                PollResult::Records => {}
                PollResult::Waiting => return,
                PollResult::Failed(failure) => panic!("{failure:?}"),
            }
        }
        let wake = self.busy_until;
        self.at(wake, Event::ToClient(Input::Start));
    }

    fn apply(&mut self, effects: Vec<Effect<Message, Fact, Timer>>) {
        for effect in effects {
            match effect {
                Effect::Open { connection: on, to } => {
                    let connection = Connection {
                        broker: to.0,
                        waiting: VecDeque::new(),
                        parked: None,
                        last_arrival: self.host.now,
                    };
                    self.connections.insert(on, connection);
                    let arrival = self.arrival(on);
                    let connected = Input::Connected { on, peer: to };
                    self.at(arrival, Event::ToClient(connected));
                }
                Effect::Send {
                    on,
                    body: Message::Request { correlation, body },
                } => {
                    if self.connections.contains_key(&on) {
                        let arrival = self.arrival(on);
                        self.at(arrival, Event::ToBroker(on, correlation, body));
                    }
                }
                Effect::SetTimer { timer, after } => {
                    self.timers.insert(timer.slot(), self.sequence);
                    let event = Event::Timer(self.sequence, timer);
                    self.at(self.host.now + after, event);
                }
                Effect::CancelTimer(timer) => {
                    self.timers.remove(&timer.slot());
                }
                Effect::Fact(Fact::PositionReset { tp, from, to }) => {
                    let expected = &mut self.expected[tp.partition as usize];
                    assert_eq!(*expected, from.map(|from| from.0), "it was there");
                    *expected = Some(to.0);
                }
                Effect::Fact(fact) => panic!("{fact:?}"),
                Effect::Close(on) => {
                    self.connections.remove(&on);
                }
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

    /// Works on what waits on a connection, one request after the other.
    fn serve(&mut self, on: ConnectionId) {
        loop {
            let connection = self.connections.get_mut(&on).expect("an open connection");
            if connection.parked.is_some() {
                return;
            }
            let Some((correlation, request)) = connection.waiting.pop_front() else {
                return;
            };
            let broker = connection.broker;
            if let Some(body) = self.answer(broker, &request) {
                self.reply(on, correlation, body);
            } else {
                let Request::Fetch(fetch) = &request else {
                    panic!("only fetches wait");
                };
                self.at(self.host.now + fetch.max_wait, Event::Unpark(on));
                let connection = self.connections.get_mut(&on).expect("an open connection");
                connection.parked = Some((correlation, request));
            }
        }
    }

    /// Something changed: parked fetches that have an answer now get it.
    fn unpark(&mut self) {
        for on in self.connections.keys().copied().collect::<Vec<_>>() {
            let connection = &self.connections[&on];
            let Some((_, request)) = &connection.parked else {
                continue;
            };
            if self.answer(connection.broker, request).is_some() {
                self.answer_parked(on);
            }
        }
    }

    fn answer_parked(&mut self, on: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&on) else {
            return;
        };
        // The time-out of an earlier fetch may hit a later one: it is answered early, that's all.
        let Some((correlation, Request::Fetch(fetch))) = connection.parked.take() else {
            return;
        };
        let broker = connection.broker;
        let partitions = fetch.partitions.iter().map(|p| self.fetched(broker, p));
        let partitions = partitions.collect();
        let body = Response::Fetch(Box::new(FetchResponse { partitions }));
        self.reply(on, correlation, body);
        self.serve(on);
    }

    fn reply(&mut self, on: ConnectionId, correlation: CorrelationId, body: Response) {
        let arrival = self.arrival(on);
        let body = Message::answer(correlation, body);
        self.at(arrival, Event::ToClient(Input::Message { on, body }));
    }

    /// A broker's answer; none while a fetch has nothing to say.
    fn answer(&self, broker: u32, request: &Request) -> Option<Response> {
        match request {
            Request::Fetch(fetch) => {
                let partitions = fetch.partitions.iter().map(|p| self.fetched(broker, p));
                let partitions = partitions.collect::<Vec<_>>();
                let nothing = |p: &FetchedPartition| p.error.is_none() && p.batches.is_empty();
                if partitions.iter().all(nothing) {
                    return None;
                }
                Some(Response::Fetch(Box::new(FetchResponse { partitions })))
            }
            Request::Metadata(_) => Some(self.metadata()),
            Request::ListOffsets(list) => {
                let partitions = list.partitions.iter().map(|asked| {
                    let truth = &self.truth[asked.tp.partition as usize];
                    ListedOffset {
                        tp: asked.tp,
                        error: truth.error(broker, asked.current_leader_epoch),
                        offset: Some(Offset(match asked.spec {
                            OffsetSpec::Earliest | OffsetSpec::EarliestLocal => truth.start,
                            OffsetSpec::Latest => truth.high_watermark,
                            OffsetSpec::MaxTimestamp | OffsetSpec::AtOrAfter(_) => {
                                unreachable!("nobody asks by time here")
                            }
                        })),
                        timestamp: None,
                        leader_epoch: None,
                    }
                });
                Some(Response::ListOffsets(ListOffsetsResponse {
                    partitions: partitions.collect(),
                }))
            }
            Request::OffsetForLeaderEpoch(request) => {
                let partitions = request.partitions.iter().map(|asked| {
                    let truth = &self.truth[asked.tp.partition as usize];
                    EpochAnswer {
                        tp: asked.tp,
                        error: truth.error(broker, asked.current_leader_epoch),
                        end: truth.end_of(asked.leader_epoch.0),
                    }
                });
                let partitions = partitions.collect();
                Some(Response::OffsetForLeaderEpoch(
                    OffsetForLeaderEpochResponse { partitions },
                ))
            }
            other => panic!("a consumer does not ask {other:?}"),
        }
    }

    fn metadata(&self) -> Response {
        let partitions = self.truth.iter().map(|truth| PartitionMetadata {
            leader: truth.leader.map(BrokerId),
            leader_epoch: LeaderEpoch(truth.epoch),
        });
        Response::Metadata(Box::new(MetadataResponse {
            brokers: (1..=BROKERS).map(BrokerId).collect(),
            controller: None,
            topics: vec![TopicMetadata {
                topic: TopicId(0),
                error: None,
                partitions: partitions.collect(),
                replicas: Vec::new(),
            }],
        }))
    }

    fn fetched(&self, broker: u32, asked: &FetchPartition) -> FetchedPartition {
        let truth = &self.truth[asked.tp.partition as usize];
        let offset = asked.fetch_offset.0;
        let out_of_range = offset < truth.start || offset > truth.log.len() as u64;
        let error = truth
            .error(broker, asked.current_leader_epoch)
            .or(out_of_range.then_some(ErrorCode::OffsetOutOfRange));
        let hint = truth.leader.map(|leader| LeaderHint {
            leader: BrokerId(leader),
            epoch: LeaderEpoch(truth.epoch),
        });
        FetchedPartition {
            tp: asked.tp,
            error,
            high_watermark: Offset(truth.high_watermark),
            last_stable_offset: Offset(truth.high_watermark),
            log_start_offset: Offset(truth.start),
            diverging_epoch: None,
            current_leader: hint.filter(|_| {
                let elsewhere = [ErrorCode::NotLeaderOrFollower, ErrorCode::FencedLeaderEpoch];
                error.is_some_and(|error| elsewhere.contains(&error))
            }),
            preferred_read_replica: None,
            batches: match error {
                Some(_) => Vec::new(),
                None => truth.batches_from(offset, asked.max_bytes),
            },
            corrupt: None,
        }
    }
}

impl Truth {
    fn error(&self, broker: u32, current: Option<LeaderEpoch>) -> Option<ErrorCode> {
        let current = current.expect("clients of today say it").0;
        if self.leader != Some(broker) {
            Some(ErrorCode::NotLeaderOrFollower)
        } else if current < self.epoch {
            Some(ErrorCode::FencedLeaderEpoch)
        } else if current > self.epoch {
            Some(ErrorCode::UnknownLeaderEpoch)
        } else {
            None
        }
    }

    /// The largest epoch up to `epoch` and where it ends.
    fn end_of(&self, epoch: u32) -> Option<EpochEnd> {
        let kept = &self.log[self.start as usize..];
        let before = kept.iter().filter(|(e, _)| *e <= epoch).count();
        let last = kept[..before].last()?;
        Some(EpochEnd {
            epoch: LeaderEpoch(last.0),
            end_offset: Offset(self.start + before as u64),
        })
    }

    /// Whole batches below the high watermark, at least one.
    fn batches_from(&self, offset: u64, max_bytes: u32) -> Vec<StoredBatch> {
        let first = self.batches.range(..=offset).next_back();
        let mut from = first.copied().unwrap_or(0);
        let mut out = Vec::new();
        let mut room = max_bytes;
        while from < self.high_watermark {
            let next = self.batches.range(from + 1..).next();
            let to = next.copied().unwrap_or(self.log.len() as u64);
            let stored = self.stored(from, to);
            if to > self.high_watermark || (!out.is_empty() && stored.batch.size_bytes > room) {
                break;
            }
            room = room.saturating_sub(stored.batch.size_bytes);
            out.push(stored);
            from = to;
        }
        out
    }

    fn stored(&self, from: u64, to: u64) -> StoredBatch {
        let entries = &self.log[from as usize..to as usize];
        let records = entries.iter().map(|(_, id)| Record {
            id: RecordId(*id),
            key: None,
            value_size: 100,
            timestamp_delta: 0,
        });
        StoredBatch {
            base_offset: Offset(from),
            leader_epoch: LeaderEpoch(entries[0].0),
            batch: Arc::new(Batch {
                records: records.collect(),
                producer: None,
                times: BatchTimes {
                    base: WallTime(0),
                    max: WallTime(0),
                },
                timestamp_type: TimestampType::CreateTime,
                size_bytes: 61 + 110 * entries.len() as u32,
                packing: Packing::plain(61 + 110 * entries.len() as u32),
                payload: Payload::Descriptor,
            }),
        }
    }
}

fn action() -> impl Strategy<Value = Action> {
    let partition = 0..PARTITIONS;
    let broker = 1..=BROKERS;
    prop_oneof![
        6 => (partition.clone(), 1..20_u32)
            .prop_map(|(partition, count)| Action::Append { partition, count }),
        4 => partition.clone().prop_map(|partition| Action::Commit { partition }),
        2 => (partition.clone(), broker.clone(), 0..30_u64)
            .prop_map(|(partition, broker, lacks)| Action::Elect { partition, broker, lacks }),
        1 => partition.clone().prop_map(|partition| Action::Orphan { partition }),
        1 => (partition.clone(), 0..30_u64)
            .prop_map(|(partition, records)| Action::Trim { partition, records }),
        1 => broker.prop_map(|broker| Action::Break { broker }),
        1 => (partition, any::<bool>())
            .prop_map(|(partition, paused)| Action::Pause { partition, paused }),
        1 => (0..300_u64).prop_map(|millis| Action::Busy { millis }),
        8 => (0..200_u64).prop_map(|millis| Action::Pass { millis }),
    ]
}

/// All is well: everything has a leader, is committed and wanted. Then time passes.
fn heal(world: &mut World) {
    for partition in 0..PARTITIONS {
        if world.truth[partition as usize].leader.is_none() {
            world.act(&Action::Elect {
                partition,
                broker: 1,
                lacks: 0,
            });
        }
        world.act(&Action::Append {
            partition,
            count: 1,
        });
        world.act(&Action::Commit { partition });
        world.act(&Action::Pause {
            partition,
            paused: false,
        });
    }
    world.act(&Action::Pass { millis: 10_000 });
}

/// Runs the actions, heals, and checks that every position is at the high watermark.
fn run(
    seed: u64,
    unclean: bool,
    reset: AutoOffsetReset,
    max_poll_records: u32,
    actions: &[Action],
) -> World {
    let mut world = World::new(seed, unclean, reset, max_poll_records);
    for action in actions {
        world.act(action);
    }
    heal(&mut world);
    for (partition, truth) in world.truth.iter().enumerate() {
        assert_eq!(world.expected[partition], Some(truth.high_watermark));
        assert_eq!(world.consumer.lag(tp(partition as u32)), Some(0));
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn all_that_is_left_was_read_when_elections_are_clean(
        seed in any::<u64>(),
        max_poll_records in 1..40_u32,
        actions in prop::collection::vec(action(), 1..120),
    ) {
        let world = run(seed, false, AutoOffsetReset::Earliest, max_poll_records, &actions);
        for (partition, truth) in world.truth.iter().enumerate() {
            for offset in truth.start..truth.high_watermark {
                let read = (partition as u32, offset, truth.log[offset as usize].1);
                prop_assert!(world.read.contains(&read), "{:?} was passed over", read);
            }
        }
    }

    /// A record may be passed over then, in Java too: a late answer of the old leader, or a buffered
    /// one of a paused partition, brings another record at its offset.
    #[test]
    fn every_offset_that_is_left_was_read_when_elections_are_unclean(
        seed in any::<u64>(),
        max_poll_records in 1..40_u32,
        actions in prop::collection::vec(action(), 1..120),
    ) {
        let world = run(seed, true, AutoOffsetReset::Earliest, max_poll_records, &actions);
        for (partition, truth) in world.truth.iter().enumerate() {
            let partition = partition as u32;
            for offset in truth.start..truth.high_watermark {
                let mut read = world.read.range((partition, offset, 0)..(partition, offset + 1, 0));
                prop_assert!(read.next().is_some(), "{} of {} was passed over", offset, partition);
            }
        }
    }

    #[test]
    fn a_consumer_of_what_is_new_ends_at_the_high_watermark(
        seed in any::<u64>(),
        max_poll_records in 1..40_u32,
        actions in prop::collection::vec(action(), 1..120),
    ) {
        run(seed, true, AutoOffsetReset::Latest, max_poll_records, &actions);
    }
}
