//! A producer application on a host made by hand, with one broker that the test switches.

mod several;

use std::collections::{BTreeMap, VecDeque};

use crate::app::sending::*;
use crate::delivery::{Record, SenderId};
use crate::kafka::api::init_producer_id::InitProducerIdResponse;
use crate::kafka::api::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use crate::kafka::api::produce::{Acks, ProducePartitionResponse, ProduceResponse};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact;
use crate::kafka::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TopicId};
use crate::kafka::message::{CorrelationId, Request, Response};
use crate::sim::process::{ConnectionId, Effect, HostState};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;
use crate::workload::{Arrivals, Behaviour, Keys, OnError, OnRestart, Placement, SendMode};

/// What the broker does with a kind of request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Serve {
    AtOnce,
    Never,
}

/// A codec takes a microsecond a byte.
const COSTS: CodecCosts = CodecCosts {
    compress: [SimDuration::from_micros(1_024); 4],
    decompress: [SimDuration::ZERO; 4],
};

struct Bench {
    app: Sending,
    host: HostState,
    effects: Vec<Effect<Message, Fact, Timer>>,
    timers: BTreeMap<usize, (SimTime, Timer)>,
    metadata: Serve,
    produce: Serve,
    /// Nothing arrives on these connections.
    silent: Vec<ConnectionId>,
    /// So many produce requests are refused before one is served.
    refusals: u32,
    next_producer_id: u64,
    /// The records that the broker was sent, with their timestamps in ms.
    received: Vec<(u32, i64)>,
    /// And the ids of the producers that sent them.
    carriers: Vec<(u32, u64)>,
    /// Deliveries in words.
    story: Vec<String>,
    exited: bool,
}

fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

fn plan(arrivals: Arrivals, count: u32) -> SendPlan {
    SendPlan {
        sender: SenderId(0),
        topic: TopicId(0),
        partitions: 1,
        first: RecordId(0),
        count,
        start: SimDuration::ZERO,
        arrivals,
        keys: Keys::Null,
        placement: Placement::Partitioner,
        value_size: 1_000,
        compression_ratio: Ratio::ONE,
        behaviour: Behaviour::default(),
        keep_payload: false,
    }
}

fn config() -> ProducerConfig {
    ProducerConfig {
        linger: SimDuration::ZERO,
        ..ProducerConfig::default()
    }
}

impl Bench {
    fn new(plan: SendPlan, config: ProducerConfig) -> Self {
        let brokers = [(BrokerId(1), HostId(1))].into();
        Self {
            app: Sending::new(plan, config, brokers, Streams::new(11), COSTS),
            host: HostState::new(HostId(0)),
            effects: Vec::new(),
            timers: BTreeMap::new(),
            metadata: Serve::AtOnce,
            produce: Serve::AtOnce,
            silent: Vec::new(),
            refusals: 0,
            next_producer_id: 0,
            received: Vec::new(),
            carriers: Vec::new(),
            story: Vec::new(),
            exited: false,
        }
    }

    fn started(plan: SendPlan, config: ProducerConfig) -> Self {
        let mut bench = Self::new(plan, config);
        bench.input(Input::Start);
        bench
    }

    fn input(&mut self, input: Input<Message, Timer>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut cx = Cx::new(&mut self.host, &mut self.effects);
            self.app.handle(&mut cx, input);
            for effect in std::mem::take(&mut self.effects) {
                inputs.extend(self.apply(effect));
            }
        }
    }

    fn apply(&mut self, effect: Effect<Message, Fact, Timer>) -> Option<Input<Message, Timer>> {
        match effect {
            Effect::Open { connection, to } => {
                return Some(Input::Connected {
                    on: connection,
                    peer: to,
                });
            }
            Effect::Send { on, body } => return self.serve(on, body),
            Effect::SetTimer { timer, after } => {
                self.timers
                    .insert(timer.slot(), (self.host.now + after, timer));
            }
            Effect::CancelTimer(timer) => {
                self.timers.remove(&timer.slot());
            }
            Effect::Fact(Fact::Delivery(delivery)) => self.story.push(in_words(&delivery)),
            Effect::Fact(Fact::Kafka(fact::Fact::ProducerIdentity { id, .. })) => {
                self.story.push(format!("producer id {}", id.0));
            }
            Effect::Exit => self.exited = true,
            Effect::Fact(Fact::Kafka(_))
            | Effect::Close(_)
            | Effect::Flush { .. }
            | Effect::AwaitRead { .. } => {}
        }
        None
    }

    fn serve(&mut self, on: ConnectionId, body: Message) -> Option<Input<Message, Timer>> {
        let Message::Request { correlation, body } = body else {
            panic!("clients send requests");
        };
        if self.silent.contains(&on) {
            return None;
        }
        let answer = match body {
            Request::Metadata(_) if self.metadata == Serve::Never => return None,
            Request::Metadata(_) => Response::Metadata(Box::new(metadata())),
            Request::InitProducerId(_) => {
                self.next_producer_id += 1;
                Response::InitProducerId(InitProducerIdResponse {
                    error: None,
                    producer_id: ProducerId(self.next_producer_id),
                    producer_epoch: ProducerEpoch(0),
                })
            }
            Request::Produce(request) => {
                let batch = &request.partitions[0].batch;
                let base = batch.times.base.0;
                let time = |r: &Record| (r.id.0, base + i64::from(r.timestamp_delta));
                self.received.extend(batch.records.iter().map(time));
                if let Some(stamp) = batch.producer {
                    let carrier = |r: &Record| (r.id.0, stamp.id.0);
                    self.carriers.extend(batch.records.iter().map(carrier));
                }
                if self.produce == Serve::Never || request.acks == Acks::None {
                    return None;
                }
                let error = (self.refusals > 0).then_some(ErrorCode::NotEnoughReplicas);
                self.refusals = self.refusals.saturating_sub(1);
                Response::Produce(Box::new(ProduceResponse {
                    partitions: vec![ProducePartitionResponse {
                        tp: request.partitions[0].tp,
                        error,
                        base_offset: Some(Offset(u64::from(batch.records[0].id.0))),
                        log_append_time: None,
                        log_start_offset: Offset(0),
                        current_leader: None,
                    }],
                }))
            }
            Request::Fetch(_)
            | Request::ListOffsets(_)
            | Request::OffsetForLeaderEpoch(_)
            | Request::AlterPartition(_)
            | Request::BrokerRegistration(_)
            | Request::BrokerHeartbeat(_)
            | Request::AllocateProducerIds(_)
            | Request::AssignReplicasToDirs(_)
            | Request::DeleteRecords(_)
            | Request::IncrementalAlterConfigs(_)
            | Request::QuorumFetch(_)
            | Request::Admin(_)
            | Request::Envelope(_) => panic!("a producer does not send {body:?}"),
        };
        Some(answered(on, correlation, answer))
    }

    fn wait(&mut self, span: SimDuration) {
        let end = self.host.now + span;
        while let Some((slot, due)) = self
            .timers
            .iter()
            .map(|(slot, (due, _))| (*slot, *due))
            .min_by_key(|(slot, due)| (*due, *slot))
            && due <= end
        {
            self.host.now = due;
            let (_, timer) = self.timers.remove(&slot).unwrap();
            self.input(Input::Timer(timer));
        }
        self.host.now = end;
    }

    fn crash_and_restart(&mut self, after: SimDuration) {
        self.timers.clear();
        self.app.crash();
        self.host.now += after;
        self.input(Input::Start);
    }
}

fn answered(on: ConnectionId, correlation: CorrelationId, body: Response) -> Input<Message, Timer> {
    Input::Message {
        on,
        body: Message::answer(correlation, body),
    }
}

fn metadata() -> MetadataResponse {
    MetadataResponse {
        brokers: vec![BrokerId(1)],
        controller: None,
        topics: vec![TopicMetadata {
            topic: TopicId(0),
            error: None,
            partitions: vec![PartitionMetadata {
                leader: Some(BrokerId(1)),
                leader_epoch: LeaderEpoch(0),
            }],
            replicas: Vec::new(),
        }],
    }
}

fn in_words(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Sent { first, count, .. } => format!("sent {}+{count}", first.0),
        Delivery::Told {
            parcel, outcome, ..
        } => {
            let (first, count) = (parcel[0].id.0, parcel.len());
            match outcome {
                Outcome::Acked(offset) => format!("acked {first}+{count} at {offset:?}"),
                Outcome::Failed { timeout } => format!("failed {first}+{count} timeout={timeout}"),
            }
        }
        Delivery::Rejected { first, timeout, .. } => {
            format!("rejected {} timeout={timeout}", first.0)
        }
        Delivery::Resent { id, .. } => format!("sent again {}", id.0),
        Delivery::Read { .. } | Delivery::Processed { .. } => panic!("a producer reads nothing"),
    }
}

#[test]
fn records_are_sent_as_they_arrive_and_their_fate_is_told() {
    let period = ms(10);
    let mut bench = Bench::started(plan(Arrivals::Every { period }, 2), config());
    bench.wait(ms(25));
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    sent 0+1
    acked 0+1 at Some(0)
    sent 1+1
    acked 1+1 at Some(1)
    ");
    assert_eq!(bench.received, [(0, 10), (1, 20)]);
    assert!(bench.app.is_done());
}

#[test]
fn an_application_begins_at_its_start() {
    let period = ms(10);
    let mut late = plan(Arrivals::Every { period }, 1);
    late.start = ms(500);
    let mut bench = Bench::started(late, config());
    bench.wait(ms(509));
    assert_eq!(bench.received, []);
    bench.wait(ms(1));
    assert_eq!(bench.received, [(0, 510)]);
}

#[test]
fn a_flood_fills_buffer_memory_and_goes_on_as_batches_are_acknowledged() {
    let small = ProducerConfig {
        buffer_memory: 40_000,
        ..config()
    };
    let mut bench = Bench::started(plan(Arrivals::Flood, 100), small);
    bench.wait(ms(1_000));
    assert_eq!(bench.received.len(), 100);
    // Two batches of 16 records, the first of which waited for metadata, and one that blocks.
    assert_eq!(bench.story[..3], ["sent 0+1", "producer id 1", "sent 1+32"]);
    assert!(bench.app.is_done());
}

#[test]
fn a_send_that_waits_for_memory_fails_after_max_block_and_the_next_one_waits_anew() {
    let small = ProducerConfig {
        buffer_memory: 16_384,
        batch_size: 16_384,
        max_block: SimDuration::from_secs(2),
        ..config()
    };
    let mut bench = Bench::new(plan(Arrivals::Flood, 20), small);
    bench.produce = Serve::Never;
    bench.input(Input::Start);
    bench.wait(ms(4_100));
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    sent 0+1
    producer id 1
    sent 1+16
    rejected 16 timeout=true
    sent 17+1
    rejected 17 timeout=true
    sent 18+1
    ");
}

#[test]
fn a_send_without_metadata_fails_after_max_block() {
    let quick = ProducerConfig {
        max_block: SimDuration::from_secs(1),
        ..config()
    };
    let period = ms(400);
    let mut bench = Bench::new(plan(Arrivals::Every { period }, 3), quick);
    bench.metadata = Serve::Never;
    bench.input(Input::Start);
    bench.wait(ms(1_500));
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    sent 0+1
    rejected 0 timeout=true
    sent 1+1
    ");
}

#[test]
fn a_thread_that_compresses_sends_the_next_record_when_it_is_done() {
    let lz4 = ProducerConfig {
        compression_type: Codec::Lz4,
        ..config()
    };
    let mut bench = Bench::started(plan(Arrivals::Flood, 3), lz4);
    bench.wait(ms(100));
    let times: Vec<i64> = bench.received.iter().map(|(_, time)| *time).collect();
    // A record has about 1,000 bytes, which take about a millisecond.
    assert_eq!(times, [0, 1, 2]);
    assert!(bench.app.is_done());
}

#[test]
fn what_arrived_while_send_was_blocked_is_sent_at_once_afterwards() {
    let period = ms(10);
    let mut bench = Bench::new(plan(Arrivals::Every { period }, 9), config());
    bench.metadata = Serve::Never;
    bench.input(Input::Start);
    bench.wait(ms(45));
    assert_eq!(bench.story, ["producer id 1", "sent 0+1"]);
    // The connection breaks, and the next one is answered.
    bench.metadata = Serve::AtOnce;
    bench.input(Input::Disconnected(ConnectionId(0)));
    bench.wait(ms(200));
    let times: Vec<i64> = bench.received[..9].iter().map(|(_, time)| *time).collect();
    assert!(times[0] > 90, "CreateTime is when metadata came: {times:?}");
    assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
}

#[test]
fn a_restarted_application_goes_on_with_the_next_record_in_a_new_producer_session() {
    let period = ms(10);
    let mut bench = Bench::new(plan(Arrivals::Every { period }, 4), config());
    bench.produce = Serve::Never;
    bench.input(Input::Start);
    bench.wait(ms(25));
    bench.produce = Serve::AtOnce;
    bench.crash_and_restart(ms(1_000));
    bench.wait(ms(100));
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    sent 0+1
    sent 1+1
    producer id 2
    sent 2+1
    acked 2+1 at Some(2)
    sent 3+1
    acked 3+1 at Some(3)
    ");
}

#[test]
fn an_application_that_is_stopped_sends_what_it_has_and_exits() {
    let lingering = ProducerConfig {
        linger: SimDuration::from_secs(60),
        ..ProducerConfig::default()
    };
    let period = ms(10);
    let mut bench = Bench::started(plan(Arrivals::Every { period }, 9), lingering);
    bench.wait(ms(35));
    assert_eq!(bench.received, []);
    bench.input(Input::Terminate);
    assert_eq!(bench.story.last().unwrap(), "acked 0+3 at Some(0)");
    assert!(bench.exited);
}

#[test]
fn a_send_that_is_blocked_when_the_application_stops_fails() {
    let mut bench = Bench::new(plan(Arrivals::Flood, 3), config());
    bench.metadata = Serve::Never;
    bench.input(Input::Start);
    bench.input(Input::Terminate);
    assert_eq!(bench.story.last().unwrap(), "rejected 0 timeout=false");
}

/// One attempt per send, and no linger.
fn no_retries() -> ProducerConfig {
    ProducerConfig {
        retries: 0,
        enable_idempotence: false,
        ..config()
    }
}

fn behaving(arrivals: Arrivals, count: u32, behaviour: Behaviour) -> SendPlan {
    SendPlan {
        behaviour,
        ..plan(arrivals, count)
    }
}

#[test]
fn an_application_sends_a_record_that_failed_again_and_gives_up_in_the_end() {
    let on_error = OnError {
        resend: 2,
        wait: ms(100),
    };
    let behaviour = Behaviour {
        on_error,
        ..Behaviour::default()
    };
    let period = ms(30);
    let plan = behaving(Arrivals::Every { period }, 2, behaviour);
    let mut bench = Bench::new(plan, no_retries());
    bench.refusals = 4;
    bench.input(Input::Start);
    bench.wait(ms(1_000));
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    sent 0+1
    failed 0+1 timeout=false
    sent 1+1
    failed 1+1 timeout=false
    sent again 0
    failed 0+1 timeout=false
    sent again 1
    failed 1+1 timeout=false
    sent again 0
    acked 0+1 at Some(0)
    sent again 1
    acked 1+1 at Some(1)
    ");
    assert!(bench.app.is_done());
    bench.refusals = 9;
    let mut hopeless = Bench::new(behaving(Arrivals::Flood, 1, behaviour), no_retries());
    hopeless.refusals = 9;
    hopeless.input(Input::Start);
    hopeless.wait(ms(1_000));
    assert_eq!(hopeless.received.len(), 3);
    assert!(hopeless.app.is_done());
}

#[test]
fn a_synchronous_send_waits_for_its_record_before_the_next_one() {
    let sync = Behaviour {
        send: SendMode::Sync,
        ..Behaviour::default()
    };
    let lingering = ProducerConfig {
        linger: ms(5),
        ..config()
    };
    let mut bench = Bench::started(behaving(Arrivals::Flood, 3, sync), lingering.clone());
    bench.wait(ms(100));
    let times: Vec<i64> = bench.received.iter().map(|(_, time)| *time).collect();
    // Each waits out the linger alone.
    assert_eq!(times, [0, 5, 10]);
    // Threads wait side by side, and their records share batches.
    let threads = Behaviour { threads: 3, ..sync };
    let mut bench = Bench::started(behaving(Arrivals::Flood, 6, threads), lingering);
    bench.wait(ms(100));
    let times: Vec<i64> = bench.received.iter().map(|(_, time)| *time).collect();
    assert_eq!(times, [0, 0, 0, 5, 5, 5]);
    assert!(bench.app.is_done());
}

#[test]
fn a_synchronous_sender_sleeps_and_tries_its_record_again_before_the_next_one() {
    let behaviour = Behaviour {
        send: SendMode::Sync,
        on_error: OnError {
            resend: 1,
            wait: ms(50),
        },
        ..Behaviour::default()
    };
    let mut bench = Bench::new(behaving(Arrivals::Flood, 2, behaviour), no_retries());
    bench.refusals = 1;
    bench.input(Input::Start);
    bench.wait(ms(100));
    assert_eq!(bench.received, [(0, 0), (0, 50), (1, 50)]);
}

#[test]
fn a_flush_sends_what_lingers_and_holds_the_thread_up() {
    let flushing = Behaviour {
        flush_every: Some(2),
        ..Behaviour::default()
    };
    let lingering = ProducerConfig {
        linger: SimDuration::from_secs(60),
        ..ProducerConfig::default()
    };
    let period = ms(10);
    let plan = behaving(Arrivals::Every { period }, 5, flushing);
    let mut bench = Bench::started(plan, lingering);
    bench.wait(ms(100));
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    sent 0+1
    sent 1+1
    acked 0+2 at Some(0)
    sent 2+1
    sent 3+1
    acked 2+2 at Some(2)
    sent 4+1
    ");
}

#[test]
fn an_application_with_an_outbox_sends_what_was_not_confirmed_again_after_a_crash() {
    let outbox = Behaviour {
        on_restart: OnRestart::Resend,
        ..Behaviour::default()
    };
    let period = ms(10);
    let plan = behaving(Arrivals::Every { period }, 4, outbox);
    let mut bench = Bench::started(plan, config());
    bench.wait(ms(15));
    bench.produce = Serve::Never;
    bench.wait(ms(20));
    bench.produce = Serve::AtOnce;
    bench.crash_and_restart(ms(1_000));
    bench.wait(ms(100));
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    sent 0+1
    acked 0+1 at Some(0)
    sent 1+1
    sent 2+1
    sent again 1
    producer id 2
    sent again 2
    acked 1+2 at Some(1)
    sent 3+1
    acked 3+1 at Some(3)
    ");
}

#[test]
fn without_acks_a_flush_returns_when_its_batches_are_written() {
    let flushing = Behaviour {
        flush_every: Some(2),
        ..Behaviour::default()
    };
    let plan = behaving(Arrivals::Flood, 6, flushing);
    let mut bench = Bench::started(plan, no_acks());
    bench.wait(ms(100));
    assert_eq!(bench.received.len(), 6);
    assert!(bench.app.is_done());
}

#[test]
fn without_acks_memory_is_free_when_batches_are_written() {
    let small = ProducerConfig {
        buffer_memory: 20_000,
        ..no_acks()
    };
    let mut bench = Bench::started(plan(Arrivals::Flood, 100), small);
    bench.wait(ms(100));
    assert_eq!(bench.received.len(), 100);
    assert!(bench.app.is_done());
}

fn no_acks() -> ProducerConfig {
    ProducerConfig {
        acks: Acks::None,
        ..no_retries()
    }
}
