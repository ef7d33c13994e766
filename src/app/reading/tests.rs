//! The reading application's rules, against one broker that says what the test wants.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it looks for"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::Fact;
use crate::app::reading::{Reading, Timer};
use crate::delivery::{Delivery, GroupId, Record, RecordId};
use crate::kafka;
use crate::kafka::api::fetch::{FetchResponse, FetchedPartition};
use crate::kafka::api::list_offsets::{ListOffsetsResponse, ListedOffset};
use crate::kafka::api::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use crate::kafka::compression::{Codec, CodecCosts, Packing};
use crate::kafka::config::consumer::{AutoOffsetReset, ConsumerConfig};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, LeaderEpoch, Offset, TopicId, TopicPartition};
use crate::kafka::message::{CorrelationId, Message, Request, Response};
use crate::kafka::records::{Batch, BatchTimes, Payload, StoredBatch, TimestampType};
use crate::sim::clock::WallTime;
use crate::sim::process::{ConnectionId, Cx, Effect, HostId, HostState, Input, TimerSlot};
use crate::sim::rng::Streams;
use crate::sim::time::{SimDuration, SimTime};
use crate::workload::ReadPlan;

/// A millisecond for each KiB.
const COSTS: CodecCosts = CodecCosts {
    compress: [SimDuration::ZERO; 4],
    decompress: [SimDuration::from_millis(1); 4],
};

const TP: TopicPartition = TopicPartition {
    topic: TopicId(0),
    partition: 0,
};

fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

fn plan(handler: SimDuration) -> ReadPlan {
    ReadPlan {
        start_at: None,
        group: GroupId(0),
        member: 0,
        partitions: Arc::new([TP]),
        rack: None,
        start: SimDuration::ZERO,
        handler,
        pauses: Vec::new(),
    }
}

/// What a test sees of a run, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// `poll` handed over `count` records from that offset on.
    Read(u64, u64, u32),
    /// The handler has finished `count` records from that offset on.
    Processed(u64, u64, u32),
    /// A fetch from that offset on was sent.
    Fetched(u64, u64),
    /// `poll` threw.
    Failed(u64),
    /// The process ended.
    Exited(u64),
}

/// A reader and one broker, on host 1, whose answers take no time.
struct Rig {
    reading: Reading,
    host: HostState,
    /// The records that can be read, by batch.
    log: Vec<StoredBatch>,
    /// Of the batches that are appended.
    codec: Codec,
    fetch: Option<(ConnectionId, CorrelationId, u64)>,
    timers: BTreeMap<usize, (SimTime, Timer)>,
    inputs: Vec<Input<Message, Timer>>,
    seen: Vec<Seen>,
}

impl Rig {
    fn new(plan: ReadPlan) -> Self {
        Self::with(plan, AutoOffsetReset::Earliest)
    }

    fn with(plan: ReadPlan, auto_offset_reset: AutoOffsetReset) -> Self {
        let config = ConsumerConfig {
            auto_offset_reset,
            ..ConsumerConfig::default()
        };
        let brokers = Arc::new([(BrokerId(1), HostId(1))]);
        Self {
            reading: Reading::new(plan, config, brokers, None, &Streams::new(1)).paying(COSTS),
            host: HostState::new(HostId(9)),
            log: Vec::new(),
            codec: Codec::None,
            fetch: None,
            timers: BTreeMap::new(),
            inputs: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Appends a batch and answers a fetch that waits for it.
    fn append(&mut self, count: u32) {
        let base = self.log.last().map_or(Offset(0), StoredBatch::next_offset);
        let records = (0..count).map(|i| Record {
            id: RecordId(base.0 as u32 + i),
            key: None,
            value_size: 100,
            timestamp_delta: 0,
        });
        self.log.push(StoredBatch {
            base_offset: base,
            leader_epoch: LeaderEpoch(1),
            batch: Arc::new(Batch {
                records: records.collect(),
                producer: None,
                times: BatchTimes {
                    base: WallTime(0),
                    max: WallTime(0),
                },
                timestamp_type: TimestampType::CreateTime,
                size_bytes: 61 + 110 * count,
                packing: Packing {
                    codec: self.codec,
                    ..Packing::plain(61 + 110 * count)
                },
                payload: Payload::Descriptor,
            }),
        });
        self.serve_fetch(None);
    }

    fn serve_fetch(&mut self, error: Option<ErrorCode>) {
        let Some((on, correlation, offset)) = self.fetch else {
            return;
        };
        let unread = self.log.iter().filter(|b| b.next_offset().0 > offset);
        let batches = unread.cloned().collect::<Vec<_>>();
        if batches.is_empty() && error.is_none() {
            return;
        }
        self.fetch = None;
        let end = self.log.last().map_or(Offset(0), StoredBatch::next_offset);
        let body = Response::Fetch(Box::new(FetchResponse {
            partitions: vec![FetchedPartition {
                tp: TP,
                error,
                high_watermark: end,
                last_stable_offset: end,
                log_start_offset: Offset(0),
                diverging_epoch: None,
                current_leader: None,
                preferred_read_replica: None,
                batches,
                corrupt: None,
            }],
        }));
        let body = Message::answer(correlation, body);
        self.input(Input::Message { on, body });
    }

    fn input(&mut self, input: Input<Message, Timer>) {
        self.inputs.push(input);
        while !self.inputs.is_empty() {
            let input = self.inputs.remove(0);
            let mut effects = Vec::new();
            self.reading
                .handle(&mut Cx::new(&mut self.host, &mut effects), input);
            for effect in effects {
                self.apply(effect);
            }
        }
    }

    fn apply(&mut self, effect: Effect<Message, Fact, Timer>) {
        let now = self.host.now.as_millis();
        match effect {
            Effect::Open { connection, to } => self.inputs.push(Input::Connected {
                on: connection,
                peer: to,
            }),
            Effect::Send {
                on,
                body: Message::Request { correlation, body },
            } => self.serve(on, correlation, &body),
            Effect::SetTimer { timer, after } => {
                self.timers
                    .insert(timer.slot(), (self.host.now + after, timer));
            }
            Effect::CancelTimer(timer) => {
                self.timers.remove(&timer.slot());
            }
            Effect::Fact(Fact::Delivery(Delivery::Read {
                base_offset, part, ..
            })) => {
                let from = base_offset + u64::from(part.from);
                self.seen.push(Seen::Read(now, from, part.to - part.from));
            }
            Effect::Fact(Fact::Delivery(Delivery::Processed {
                base_offset, part, ..
            })) => {
                let from = base_offset + u64::from(part.from);
                self.seen
                    .push(Seen::Processed(now, from, part.to - part.from));
            }
            Effect::Fact(Fact::Kafka(kafka::fact::Fact::ConsumerFailed { .. })) => {
                self.seen.push(Seen::Failed(now));
            }
            Effect::Fact(_) => {}
            Effect::Exit => {
                self.seen.push(Seen::Exited(now));
                self.timers.clear();
            }
            other => panic!("a reader does not {other:?}"),
        }
    }

    fn serve(&mut self, on: ConnectionId, correlation: CorrelationId, request: &Request) {
        let body = match request {
            Request::Metadata(_) => Response::Metadata(Box::new(MetadataResponse {
                brokers: vec![BrokerId(1)],
                controller: None,
                topics: vec![TopicMetadata {
                    topic: TopicId(0),
                    error: None,
                    partitions: vec![PartitionMetadata {
                        leader: Some(BrokerId(1)),
                        leader_epoch: LeaderEpoch(1),
                    }],
                    replicas: Vec::new(),
                }],
            })),
            Request::ListOffsets(_) => Response::ListOffsets(ListOffsetsResponse {
                partitions: vec![ListedOffset {
                    tp: TP,
                    error: None,
                    offset: Some(Offset(0)),
                    timestamp: None,
                    leader_epoch: None,
                }],
            }),
            Request::Fetch(fetch) => {
                let offset = fetch.partitions[0].fetch_offset.0;
                let now = self.host.now.as_millis();
                self.seen.push(Seen::Fetched(now, offset));
                self.fetch = Some((on, correlation, offset));
                let end = self.log.last().map_or(0, |b| b.next_offset().0);
                if offset >= end {
                    return;
                }
                let batches = self.log.iter().filter(|b| b.next_offset().0 > offset);
                self.fetch = None;
                Response::Fetch(Box::new(FetchResponse {
                    partitions: vec![FetchedPartition {
                        tp: TP,
                        error: None,
                        high_watermark: Offset(end),
                        last_stable_offset: Offset(end),
                        log_start_offset: Offset(0),
                        diverging_epoch: None,
                        current_leader: None,
                        preferred_read_replica: None,
                        batches: batches.cloned().collect(),
                        corrupt: None,
                    }],
                }))
            }
            other => panic!("{other:?}"),
        };
        let body = Message::answer(correlation, body);
        self.inputs.push(Input::Message { on, body });
    }

    /// Lets time pass until `millis` after the start.
    fn until(&mut self, millis: u64) {
        let until = SimTime::ZERO + ms(millis);
        loop {
            let due = self.timers.values().filter(|(at, _)| *at <= until);
            let Some((at, timer)) = due.min_by_key(|(at, _)| *at).copied() else {
                break;
            };
            self.timers.remove(&timer.slot());
            self.host.now = at;
            self.input(Input::Timer(timer));
        }
        self.host.now = until;
    }

    fn seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }
}

#[test]
fn without_handler_time_records_are_processed_as_they_are_read() {
    let mut rig = Rig::new(plan(SimDuration::ZERO));
    rig.input(Input::Start);
    rig.until(10);
    rig.append(700);
    assert_eq!(
        rig.seen(),
        [
            Seen::Fetched(0, 0),
            Seen::Read(10, 0, 500),
            Seen::Processed(10, 0, 500),
            Seen::Fetched(10, 700),
            Seen::Read(10, 500, 200),
            Seen::Processed(10, 500, 200),
        ]
    );
    assert!(!rig.timers.contains_key(&Timer::Handler.slot()));
}

#[test]
fn compressed_records_are_read_when_they_have_been_decompressed() {
    let mut rig = Rig::new(plan(SimDuration::ZERO));
    rig.codec = Codec::Lz4;
    rig.input(Input::Start);
    rig.until(10);
    // 500 records of 109 or 110 bytes are 53 KiB, and then 10 more.
    rig.append(510);
    rig.until(100);
    assert_eq!(
        rig.seen(),
        [
            Seen::Fetched(0, 0),
            Seen::Read(63, 0, 500),
            Seen::Processed(63, 0, 500),
            Seen::Fetched(63, 510),
            Seen::Read(64, 500, 10),
            Seen::Processed(64, 500, 10),
        ]
    );
}

#[test]
fn a_handler_takes_its_time_for_each_record_while_the_next_fetch_is_on_its_way() {
    let mut rig = Rig::new(plan(ms(2)));
    rig.input(Input::Start);
    rig.append(1);
    rig.append(2);
    rig.until(100);
    assert_eq!(
        rig.seen(),
        [
            Seen::Fetched(0, 0),
            Seen::Fetched(0, 1),
            Seen::Read(0, 0, 1),
            Seen::Processed(2, 0, 1),
            Seen::Fetched(2, 3),
            Seen::Read(2, 1, 2),
            Seen::Processed(4, 1, 1),
            Seen::Processed(6, 2, 1),
        ]
    );
}

#[test]
fn a_crash_in_the_middle_leaves_the_rest_of_what_was_read_unprocessed() {
    let mut rig = Rig::new(plan(ms(2)));
    rig.input(Input::Start);
    rig.append(3);
    rig.until(5);
    rig.reading.crash();
    rig.timers.clear();
    rig.fetch = None;
    rig.until(50);
    rig.seen();
    rig.input(Input::Start);
    rig.until(60);
    assert_eq!(
        rig.seen(),
        [
            Seen::Fetched(50, 0),
            Seen::Fetched(50, 3),
            Seen::Read(50, 0, 3),
            Seen::Processed(52, 0, 1),
            Seen::Processed(54, 1, 1),
            Seen::Processed(56, 2, 1),
        ],
        "nothing is committed: it starts again at auto.offset.reset"
    );
}

#[test]
fn nothing_is_read_during_a_pause() {
    let mut plan = plan(SimDuration::ZERO);
    plan.pauses = vec![(ms(10), ms(30)), (ms(20), ms(40))];
    let mut rig = Rig::new(plan);
    rig.input(Input::Start);
    rig.until(5);
    rig.append(1);
    rig.until(15);
    rig.append(1);
    rig.until(100);
    assert_eq!(
        rig.seen(),
        [
            Seen::Fetched(0, 0),
            Seen::Fetched(5, 1),
            Seen::Read(5, 0, 1),
            Seen::Processed(5, 0, 1),
            // The fetch of before the pause was answered at 15 ms; its record waited.
            Seen::Fetched(40, 2),
            Seen::Read(40, 1, 1),
            Seen::Processed(40, 1, 1),
        ]
    );
}

#[test]
fn a_reader_starts_when_its_plan_says() {
    let mut late = plan(SimDuration::ZERO);
    late.start = ms(30);
    let mut rig = Rig::new(late);
    rig.append(1);
    rig.input(Input::Start);
    rig.until(29);
    assert_eq!(rig.seen(), []);
    rig.until(30);
    assert_eq!(rig.seen()[0], Seen::Fetched(30, 0));
}

#[test]
fn a_reader_that_waits_stops_at_once() {
    let mut rig = Rig::new(plan(ms(2)));
    rig.input(Input::Start);
    rig.until(3);
    rig.input(Input::Terminate);
    assert_eq!(rig.seen(), [Seen::Fetched(0, 0), Seen::Exited(3)]);
}

#[test]
fn a_busy_reader_finishes_the_records_at_hand_before_it_stops() {
    let mut rig = Rig::new(plan(ms(2)));
    rig.input(Input::Start);
    rig.append(2);
    rig.until(1);
    rig.seen();
    rig.input(Input::Terminate);
    rig.until(100);
    assert_eq!(
        rig.seen(),
        [
            Seen::Processed(2, 0, 1),
            Seen::Processed(4, 1, 1),
            Seen::Exited(4)
        ]
    );
}

#[test]
fn an_exception_ends_the_reader() {
    let mut rig = Rig::with(plan(SimDuration::ZERO), AutoOffsetReset::None);
    rig.input(Input::Start);
    rig.until(1);
    rig.append(2);
    rig.until(2);
    rig.serve_fetch(Some(ErrorCode::OffsetOutOfRange));
    assert_eq!(
        rig.seen(),
        [
            Seen::Fetched(0, 0),
            Seen::Fetched(1, 2),
            Seen::Read(1, 0, 2),
            Seen::Processed(1, 0, 2),
            Seen::Failed(2),
            Seen::Exited(2),
        ],
        "auto.offset.reset=none: it sought to the beginning, then has nowhere to go"
    );
}
