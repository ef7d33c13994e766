//! A producer against a network and brokers made by hand: the test answers each request.

mod compression;
mod placement;
mod random;

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::client::producer::*;
use crate::delivery::{KeyId, RecordId};
use crate::kafka::api::init_producer_id::InitProducerIdResponse;
use crate::kafka::api::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use crate::kafka::api::produce::{
    Acks, LeaderHint, ProducePartition, ProducePartitionResponse, ProduceResponse,
};
use crate::kafka::ids::{LeaderEpoch, ProducerEpoch, ProducerId, Sequence};
use crate::kafka::message::{CorrelationId, Request, Response};
use crate::sim::process::{ConnectionId, Effect, HostState};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;

/// A produce request that waits for its answer.
struct Arrived {
    on: ConnectionId,
    host: HostId,
    correlation: CorrelationId,
    partitions: Vec<ProducePartition>,
}

/// The producer's world: connections open at once, metadata and producer ids come at once.
struct Bench {
    producer: Producer,
    host: HostState,
    effects: Vec<Effect<Message, Fact, Timer>>,
    timers: BTreeMap<usize, (SimTime, Timer)>,
    connections: BTreeMap<ConnectionId, HostId>,
    requests: VecDeque<Arrived>,
    /// Other requests that wait behind produce requests of their connection.
    behind: VecDeque<(ConnectionId, CorrelationId, Request)>,
    facts: Vec<Fact>,
    completions: Vec<Completion>,
    /// The leader of each partition: the index of its broker, and the epoch.
    leaders: Vec<(Option<u32>, u32)>,
    answers_metadata: bool,
    connects: bool,
    next_record: u32,
}

const TOPIC: TopicId = TopicId(0);

fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

fn defaults() -> ProducerConfig {
    ProducerConfig {
        linger: SimDuration::ZERO,
        ..ProducerConfig::default()
    }
}

fn not_idempotent() -> ProducerConfig {
    ProducerConfig {
        enable_idempotence: false,
        ..defaults()
    }
}

impl Bench {
    /// Two brokers; `partitions` partitions led by the first.
    fn new(config: ProducerConfig, partitions: usize) -> Self {
        let brokers = [(BrokerId(1), HostId(10)), (BrokerId(2), HostId(20))];
        let setup = Setup {
            config,
            brokers: brokers.into(),
            topics: vec![TOPIC],
            keep_payload: true,
            compression_ratio: Ratio::percent(50),
        };
        let producer = Producer::new(setup, &Streams::new(5), "producer/0/0");
        Self {
            producer,
            host: HostState::new(HostId(0)),
            effects: Vec::new(),
            timers: BTreeMap::new(),
            connections: BTreeMap::new(),
            requests: VecDeque::new(),
            behind: VecDeque::new(),
            facts: Vec::new(),
            completions: Vec::new(),
            leaders: vec![(Some(0), 0); partitions],
            answers_metadata: true,
            connects: true,
            next_record: 0,
        }
    }

    fn started(config: ProducerConfig, partitions: usize) -> Self {
        let mut bench = Self::new(config, partitions);
        bench.input(Input::Start);
        bench
    }

    fn input(&mut self, input: Input<Message, Timer>) {
        let mut cx = Cx::new(&mut self.host, &mut self.effects);
        self.producer.handle(&mut cx, input);
        self.react();
    }

    /// Applies effects until nothing more happens at this instant.
    fn react(&mut self) {
        self.completions.extend(self.producer.take_completions());
        let mut inputs = VecDeque::new();
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Open { connection, to } => {
                    self.connections.insert(connection, to);
                    if self.connects {
                        inputs.push_back(Input::Connected {
                            on: connection,
                            peer: to,
                        });
                    } else {
                        inputs.push_back(Input::Disconnected(connection));
                    }
                }
                Effect::Send { on, body } => inputs.extend(self.serve(on, body)),
                Effect::Close(connection) => {
                    self.connections.remove(&connection);
                    self.forget(connection);
                }
                Effect::SetTimer { timer, after } => {
                    let due = self.host.now + after;
                    self.timers.insert(timer.slot(), (due, timer));
                }
                Effect::CancelTimer(timer) => {
                    self.timers.remove(&timer.slot());
                }
                Effect::Fact(fact) => self.facts.push(fact),
                Effect::Flush { .. } | Effect::AwaitRead { .. } | Effect::Exit => {}
            }
        }
        for input in inputs {
            self.input(input);
        }
    }

    fn serve(&mut self, on: ConnectionId, body: Message) -> Option<Input<Message, Timer>> {
        let Message::Request { correlation, body } = body else {
            panic!("clients send requests");
        };
        let older = self
            .requests
            .iter()
            .any(|r| r.on == on && r.correlation < correlation);
        if older && !matches!(body, Request::Produce(_)) {
            self.behind.push_back((on, correlation, body));
            return None;
        }
        let answer = match body {
            Request::Metadata(_) if !self.answers_metadata => return None,
            Request::Metadata(_) => Response::Metadata(Box::new(self.describe())),
            Request::InitProducerId(_) => Response::InitProducerId(InitProducerIdResponse {
                error: None,
                producer_id: ProducerId(1000),
                producer_epoch: ProducerEpoch(0),
            }),
            Request::Produce(request) => {
                if request.acks != Acks::None {
                    self.requests.push_back(Arrived {
                        on,
                        host: self.connections[&on],
                        correlation,
                        partitions: request.partitions,
                    });
                }
                return None;
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
        Some(response(on, correlation, answer))
    }

    /// Serves what waited for the last answer.
    fn serve_behind(&mut self) {
        for (on, correlation, body) in std::mem::take(&mut self.behind) {
            let request = Message::Request { correlation, body };
            if let Some(answer) = self.serve(on, request) {
                self.input(answer);
            }
        }
    }

    fn forget(&mut self, connection: ConnectionId) {
        self.requests.retain(|request| request.on != connection);
        self.behind.retain(|(on, _, _)| *on != connection);
    }

    fn describe(&self) -> MetadataResponse {
        let partitions = self
            .leaders
            .iter()
            .map(|(leader, epoch)| PartitionMetadata {
                leader: leader.map(|index| BrokerId(index + 1)),
                leader_epoch: LeaderEpoch(*epoch),
            });
        MetadataResponse {
            brokers: vec![BrokerId(1), BrokerId(2)],
            controller: None,
            topics: vec![TopicMetadata {
                topic: TOPIC,
                error: None,
                partitions: partitions.collect(),
                replicas: Vec::new(),
            }],
        }
    }

    /// Calls send for one record of `value_size` bytes, without letting the sender run.
    fn append(&mut self, key: Option<u32>, value_size: u32) -> SendResult {
        let draft = Draft {
            id: RecordId(self.next_record),
            key: key.map(KeyId),
            value_size,
        };
        let now = self.host.now;
        let wall = self.host.clock.read(now);
        let out = Outgoing {
            draft,
            timestamp: wall,
            partition: None,
        };
        let result = self.producer.send(0, out, now);
        if result == SendResult::Accepted {
            self.next_record += 1;
        }
        result
    }

    /// Sends one record of 100 bytes to a topic of one partition.
    fn send(&mut self) {
        assert_eq!(self.append(Some(0), 100), SendResult::Accepted);
        self.run();
    }

    fn run(&mut self) {
        let mut cx = Cx::new(&mut self.host, &mut self.effects);
        self.producer.run_if_woken(&mut cx);
        self.react();
    }

    /// Lets time pass, firing timers in order.
    fn wait(&mut self, span: SimDuration) {
        let end = self.host.now + span;
        loop {
            let next = self.timers.values().map(|(due, _)| *due).min();
            let Some(due) = next.filter(|due| *due <= end) else {
                break;
            };
            self.host.now = due;
            let fired = self.timers.iter().find(|(_, (time, _))| *time == due);
            let slot = *fired.expect("a timer is due").0;
            let (_, timer) = self.timers.remove(&slot).unwrap();
            self.input(Input::Timer(timer));
        }
        self.host.now = end;
    }

    /// Answers the oldest request; every batch gets this result.
    fn answer(&mut self, result: Result<u64, ErrorCode>) {
        self.answer_with_hint(result, None);
    }

    /// Answers all requests at a host with success; says how many batches these were.
    fn answer_host(&mut self, host: HostId) -> usize {
        let mut batches = 0;
        while let Some(index) = self.requests.iter().position(|r| r.host == host) {
            let request = self.requests.remove(index).unwrap();
            batches += request.partitions.len();
            self.requests.push_front(request);
            self.answer(Ok(0));
        }
        batches
    }

    fn answer_with_hint(&mut self, result: Result<u64, ErrorCode>, hint: Option<LeaderHint>) {
        let request = self.requests.pop_front().expect("a request waits");
        let partitions = request.partitions.iter().map(|p| ProducePartitionResponse {
            tp: p.tp,
            error: result.err(),
            base_offset: result.ok().map(Offset),
            log_append_time: None,
            log_start_offset: Offset(0),
            current_leader: hint,
        });
        let answer = Response::Produce(Box::new(ProduceResponse {
            partitions: partitions.collect(),
        }));
        self.input(response(request.on, request.correlation, answer));
        self.serve_behind();
    }

    /// The connections to a host break.
    fn disconnect(&mut self, host: HostId) {
        let broken: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, h)| **h == host)
            .collect();
        let broken: Vec<_> = broken.into_iter().map(|(on, _)| *on).collect();
        for on in broken {
            self.connections.remove(&on);
            self.forget(on);
            self.input(Input::Disconnected(on));
        }
    }

    /// First record ids of the batches in requests that wait for an answer.
    fn waiting(&self) -> Vec<u32> {
        let batches = self.requests.iter().flat_map(|r| &r.partitions);
        batches.map(|p| p.batch.records[0].id.0).collect()
    }

    /// First record id and (epoch, base sequence) of these batches.
    fn sequences(&self) -> Vec<(u32, u16, u32)> {
        let batches = self.requests.iter().flat_map(|r| &r.partitions);
        batches
            .map(|p| {
                let stamp = p.batch.producer.expect("idempotent");
                let Sequence(sequence) = stamp.base_sequence;
                (p.batch.records[0].id.0, stamp.epoch.0, sequence)
            })
            .collect()
    }

    /// First record id of each completed batch and what was told.
    fn told(&mut self) -> Vec<(u32, Result<Option<u64>, ProduceError>)> {
        let completions = std::mem::take(&mut self.completions);
        let told = completions.into_iter();
        told.map(|c| (c.parcel[0].id.0, c.result.map(|o| o.map(|o| o.0))))
            .collect()
    }
}

fn response(on: ConnectionId, correlation: CorrelationId, body: Response) -> Input<Message, Timer> {
    Input::Message {
        on,
        body: Message::answer(correlation, body),
    }
}

// send() and the accumulator.

#[test]
fn a_batch_waits_linger_for_more_records() {
    let config = ProducerConfig::default();
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.wait(ms(4));
    bench.send();
    assert!(bench.requests.is_empty());
    bench.wait(ms(1));
    assert_eq!(bench.requests.len(), 1);
    assert_eq!(bench.requests[0].partitions[0].batch.count(), 2);
}

#[test]
fn a_full_batch_does_not_linger() {
    let config = ProducerConfig {
        batch_size: 500,
        linger: SimDuration::from_secs(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    for _ in 0..5 {
        bench.send();
    }
    // A header of 61 bytes and 111 for each record: three fit, a fourth does not.
    assert_eq!(bench.requests.len(), 1);
    assert_eq!(bench.requests[0].partitions[0].batch.count(), 3);
    assert_eq!(
        bench.requests[0].partitions[0].batch.size_bytes,
        61 + 3 * 111
    );
}

#[test]
fn a_record_larger_than_the_batch_size_goes_alone() {
    let config = ProducerConfig {
        batch_size: 0,
        linger: SimDuration::from_secs(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.send();
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.requests[0].partitions[0].batch.count(), 1);
}

#[test]
fn a_record_above_max_request_size_is_rejected_by_send() {
    let mut bench = Bench::started(defaults(), 1);
    assert_eq!(
        bench.append(Some(0), 1_048_576),
        SendResult::Rejected(ProduceError::TooLarge)
    );
    assert_eq!(bench.append(Some(0), 1_048_000), SendResult::Accepted);
}

#[test]
fn send_blocks_until_the_partitions_are_known() {
    let mut bench = Bench::new(defaults(), 1);
    bench.answers_metadata = false;
    bench.input(Input::Start);
    assert_eq!(
        bench.append(None, 10),
        SendResult::WouldBlock(Wait::Metadata)
    );
}

#[test]
fn send_blocks_when_buffer_memory_is_used_up_until_a_batch_is_complete() {
    let config = ProducerConfig {
        buffer_memory: 2 * 16_384,
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    let mut blocked = false;
    for _ in 0..1_000 {
        blocked = bench.append(Some(0), 100) != SendResult::Accepted;
        if blocked {
            break;
        }
    }
    assert!(blocked);
    assert_eq!(
        bench.append(Some(0), 100),
        SendResult::WouldBlock(Wait::Memory)
    );
    bench.run();
    assert!(!bench.producer.has_memory());
    bench.answer(Ok(0));
    assert!(bench.producer.has_memory());
    assert_eq!(bench.append(Some(0), 100), SendResult::Accepted);
}

#[test]
fn a_thread_that_waits_for_memory_makes_every_batch_urgent() {
    let config = ProducerConfig {
        buffer_memory: 16_384,
        linger: SimDuration::from_secs(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 2);
    let mut key = 0;
    while bench.append(Some(key), 100) == SendResult::Accepted {
        key += 1;
    }
    bench.run();
    assert_eq!(bench.requests.len(), 1);
}

#[test]
fn one_request_carries_one_batch_of_each_partition() {
    let config = ProducerConfig {
        linger: ms(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 3);
    for key in 0..40 {
        bench.append(Some(key), 100);
    }
    bench.run();
    bench.wait(ms(10));
    assert_eq!(bench.requests.len(), 1);
    let partitions: Vec<u32> = bench.requests[0]
        .partitions
        .iter()
        .map(|p| p.tp.partition)
        .collect();
    assert_eq!(partitions, [0, 1, 2]);
}

#[test]
fn a_request_ends_before_max_request_size_and_the_next_one_goes_on_there() {
    let config = ProducerConfig {
        max_request_size: 1_000,
        linger: ms(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 3);
    for key in 0..12 {
        bench.append(Some(key), 200);
    }
    bench.run();
    bench.wait(ms(10));
    let requests: Vec<Vec<u32>> = bench
        .requests
        .iter()
        .map(|r| r.partitions.iter().map(|p| p.tp.partition).collect())
        .collect();
    assert_eq!(requests, [[0], [1], [2]]);
}

#[test]
fn at_most_max_in_flight_requests_are_under_way() {
    let mut bench = Bench::started(defaults(), 1);
    for _ in 0..7 {
        bench.send();
    }
    assert_eq!(bench.waiting(), [0, 1, 2, 3, 4]);
    bench.answer(Ok(0));
    assert_eq!(bench.waiting(), [1, 2, 3, 4, 5]);
    assert_eq!(bench.requests[4].partitions[0].batch.count(), 2);
}

#[test]
fn records_without_a_key_stay_on_one_partition_for_a_batch_of_bytes() {
    let config = ProducerConfig {
        batch_size: 1_000,
        ..defaults()
    };
    let mut bench = Bench::started(config, 8);
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for _ in 0..200 {
        bench.append(None, 100);
        bench.run();
        let request = bench.requests.back().unwrap();
        let partition = request.partitions[0].tp.partition;
        match runs.last_mut() {
            Some((last, count)) if *last == partition => *count += 1,
            Some(_) | None => runs.push((partition, 1)),
        }
        bench.answer(Ok(0));
    }
    // 172 bytes each: six of them are more than 1,000.
    assert!(runs.len() > 20, "{runs:?}");
    assert!(
        runs[..runs.len() - 1]
            .iter()
            .all(|(_, count)| count % 6 == 0)
    );
}

#[test]
fn with_ignore_keys_keyed_records_stick_to_a_partition_too() {
    let config = ProducerConfig {
        partitioner_ignore_keys: true,
        ..defaults()
    };
    let mut bench = Bench::started(config, 8);
    for key in 0..20 {
        bench.append(Some(key), 100);
    }
    bench.run();
    assert_eq!(bench.requests.len(), 1);
    assert_eq!(bench.requests[0].partitions.len(), 1);
}

#[test]
fn records_without_a_key_avoid_a_broker_that_does_not_drain_for_the_availability_timeout() {
    let config = ProducerConfig {
        batch_size: 200,
        partitioner_availability_timeout: SimDuration::from_secs(1),
        ..not_idempotent()
    };
    let mut bench = Bench::new(config, 2);
    bench.leaders[1] = (Some(1), 0);
    bench.input(Input::Start);
    // The second broker answers nothing: five requests, then its queue grows.
    let mut send = |count: usize| {
        let mut answered = 0;
        for _ in 0..count {
            assert_eq!(bench.append(None, 100), SendResult::Accepted);
            bench.run();
            answered += bench.answer_host(HostId(10));
        }
        bench.wait(ms(100));
        answered
    };
    assert!(send(60) < 50);
    for _ in 0..15 {
        send(1);
    }
    assert_eq!(send(40), 40);
}

// Acks, retries, time-outs.

#[test]
fn acks_0_is_success_as_soon_as_the_request_is_written() {
    let config = ProducerConfig {
        acks: Acks::None,
        ..not_idempotent()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    assert_eq!(bench.told(), [(0, Ok(None))]);
    assert!(bench.producer.is_idle());
}

#[test]
fn an_acknowledged_batch_has_the_offset_of_its_first_record() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Ok(17));
    assert_eq!(bench.told(), [(0, Ok(Some(17)))]);
}

#[test]
fn a_retriable_error_is_retried_after_the_back_off() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Err(ErrorCode::NotEnoughReplicas));
    bench.wait(ms(79));
    assert!(bench.requests.is_empty());
    bench.wait(ms(41));
    assert_eq!(bench.waiting(), [0]);
    assert!(bench.told().is_empty());
}

#[test]
fn an_error_that_is_not_retriable_fails_the_batch() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Err(ErrorCode::InvalidRecord));
    let error = ProduceError::Refused(ErrorCode::InvalidRecord);
    assert!(!error.is_timeout());
    assert_eq!(bench.told(), [(0, Err(error))]);
}

#[test]
fn retries_0_fails_at_the_first_error() {
    let config = ProducerConfig {
        retries: 0,
        ..not_idempotent()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.disconnect(HostId(10));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Disconnected))]);
}

#[test]
fn without_idempotence_a_retried_batch_goes_before_what_waits_but_after_what_was_sent() {
    let mut bench = Bench::started(not_idempotent(), 1);
    for _ in 0..3 {
        bench.send();
    }
    bench.answer(Err(ErrorCode::NotEnoughReplicas));
    bench.answer(Ok(0));
    bench.answer(Ok(1));
    bench.wait(ms(120));
    assert_eq!(bench.waiting(), [0]);
    let told: Vec<u32> = bench.told().into_iter().map(|(id, _)| id).collect();
    assert_eq!(told, [1, 2]);
}

#[test]
fn max_in_flight_1_keeps_the_order_without_idempotence() {
    let config = ProducerConfig {
        max_in_flight_requests_per_connection: 1,
        ..not_idempotent()
    };
    let mut bench = Bench::started(config, 1);
    for _ in 0..3 {
        bench.send();
    }
    assert_eq!(bench.waiting(), [0]);
    bench.answer(Err(ErrorCode::NotEnoughReplicas));
    assert!(bench.requests.is_empty());
    bench.wait(ms(120));
    assert_eq!(bench.waiting(), [0]);
    bench.answer(Ok(0));
    assert_eq!(bench.waiting(), [1]);
}

#[test]
fn a_new_leader_in_the_error_answer_saves_metadata_and_back_off() {
    let mut bench = Bench::started(defaults(), 1);
    bench.answers_metadata = false;
    bench.send();
    let hint = LeaderHint {
        leader: BrokerId(2),
        epoch: LeaderEpoch(1),
    };
    bench.answer_with_hint(Err(ErrorCode::NotLeaderOrFollower), Some(hint));
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.requests[0].host, HostId(20));
}

#[test]
fn a_stale_leader_makes_the_producer_ask_for_metadata() {
    let mut bench = Bench::started(defaults(), 1);
    bench.wait(SimDuration::from_secs(1));
    bench.send();
    bench.leaders[0] = (Some(1), 1);
    bench.answer(Err(ErrorCode::NotLeaderOrFollower));
    bench.wait(ms(120));
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.requests[0].host, HostId(20));
}

#[test]
fn no_answer_within_request_timeout_closes_the_connection_and_retries() {
    let config = ProducerConfig {
        request_timeout: SimDuration::from_secs(3),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    let on = bench.requests[0].on;
    bench.wait(SimDuration::from_secs(3) - ms(1));
    assert!(bench.connections.contains_key(&on));
    bench.wait(ms(200));
    assert!(!bench.connections.contains_key(&on));
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
}

#[test]
fn a_batch_without_a_leader_expires_after_delivery_timeout_as_a_time_out() {
    let mut bench = Bench::started(defaults(), 1);
    bench.leaders[0] = (None, 1);
    bench.producer.metadata.request_update();
    bench.wait(ms(200));
    bench.run();
    bench.send();
    bench.wait(SimDuration::from_secs(120) - ms(1));
    assert!(bench.told().is_empty());
    bench.wait(ms(1));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Expired))]);
    assert!(ProduceError::Expired.is_timeout());
}

#[test]
fn a_batch_in_flight_expires_too_and_its_late_answer_changes_nothing() {
    let config = ProducerConfig {
        delivery_timeout: SimDuration::from_secs(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.wait(SimDuration::from_secs(10));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Expired))]);
    bench.answer(Ok(5));
    assert!(bench.told().is_empty());
    assert!(bench.producer.is_idle());
}

#[test]
fn an_expired_batch_in_flight_holds_its_memory_until_the_request_is_over() {
    let config = ProducerConfig {
        delivery_timeout: SimDuration::from_secs(10),
        buffer_memory: 16_384,
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.wait(SimDuration::from_secs(10));
    assert_eq!(
        bench.append(Some(0), 100),
        SendResult::WouldBlock(Wait::Memory)
    );
    bench.answer(Ok(0));
    assert_eq!(bench.append(Some(0), 100), SendResult::Accepted);
}

#[test]
fn a_batch_that_is_too_large_for_the_broker_is_split_and_keeps_its_sequences() {
    let config = ProducerConfig {
        batch_size: 400,
        linger: ms(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.send();
    bench.wait(ms(1));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.answer(Err(ErrorCode::MessageTooLarge));
    // The pieces are as large as the batch was; they are halved when they are refused again.
    bench.answer(Err(ErrorCode::MessageTooLarge));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.answer(Ok(0));
    assert_eq!(bench.sequences(), [(1, 0, 1)]);
    bench.answer(Ok(1));
    assert_eq!(bench.told(), [(0, Ok(Some(0))), (1, Ok(Some(1)))]);
}

#[test]
fn a_single_record_that_is_too_large_fails() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Err(ErrorCode::MessageTooLarge));
    let error = ProduceError::Refused(ErrorCode::MessageTooLarge);
    assert_eq!(bench.told(), [(0, Err(error))]);
}

// Idempotence.

#[test]
fn nothing_is_sent_before_the_producer_id_is_there() {
    let mut bench = Bench::new(defaults(), 1);
    bench.connects = false;
    bench.input(Input::Start);
    bench.connects = true;
    assert!(bench.requests.is_empty());
    bench.wait(SimDuration::from_secs(2));
    bench.send();
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
}

#[test]
fn sequences_count_the_records_of_a_partition() {
    let config = ProducerConfig {
        linger: ms(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    for count in [3, 1, 2] {
        for _ in 0..count {
            bench.append(Some(0), 10);
        }
        bench.run();
        bench.wait(ms(1));
    }
    assert_eq!(bench.sequences(), [(0, 0, 0), (3, 0, 3), (4, 0, 4)]);
}

#[test]
fn retried_batches_are_sent_in_sequence_one_at_a_time() {
    let mut bench = Bench::started(defaults(), 1);
    for _ in 0..3 {
        bench.send();
    }
    for _ in 0..3 {
        bench.answer(Err(ErrorCode::NotEnoughReplicas));
    }
    bench.wait(ms(120));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.answer(Ok(0));
    assert_eq!(bench.sequences(), [(1, 0, 1)]);
    bench.answer(Ok(1));
    assert_eq!(bench.sequences(), [(2, 0, 2)]);
}

#[test]
fn a_later_batch_that_is_out_of_order_is_retried_without_an_epoch_bump() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.send();
    bench.answer(Err(ErrorCode::NotEnoughReplicas));
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(ms(120));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.answer(Ok(0));
    assert_eq!(bench.sequences(), [(1, 0, 1)]);
}

#[test]
fn the_next_batch_out_of_order_bumps_the_epoch_and_restarts_its_partition_at_0() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Ok(0));
    bench.send();
    bench.send();
    assert_eq!(bench.sequences(), [(1, 0, 1), (2, 0, 2)]);
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(ms(120));
    assert_eq!(bench.sequences(), [(1, 1, 0)]);
    bench.answer(Ok(1));
    assert_eq!(bench.sequences(), [(2, 1, 1)]);
}

#[test]
fn another_partition_keeps_its_epoch_until_nothing_of_it_is_in_flight() {
    let mut bench = Bench::started(defaults(), 2);
    let keys = two_keys();
    bench.append(Some(keys[0]), 10);
    bench.run();
    bench.answer(Ok(0));
    bench.append(Some(keys[0]), 10);
    bench.run();
    bench.append(Some(keys[1]), 10);
    bench.run();
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(bench.sequences(), [(2, 0, 0)]);
    bench.append(Some(keys[1]), 10);
    bench.run();
    // Its new batch waits for the one in flight under epoch 0 ...
    assert_eq!(bench.sequences(), [(2, 0, 0)]);
    bench.answer(Ok(0));
    // ... and starts the partition anew.
    assert_eq!(bench.sequences(), [(3, 1, 0)]);
}

#[test]
fn a_batch_that_failed_for_good_makes_way_by_an_epoch_bump() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.send();
    bench.answer(Err(ErrorCode::InvalidRecord));
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(ms(120));
    assert_eq!(bench.sequences(), [(1, 1, 0)]);
}

#[test]
fn after_a_retried_batch_expired_new_ones_wait_until_nothing_is_in_flight() {
    let config = ProducerConfig {
        delivery_timeout: SimDuration::from_secs(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.disconnect(HostId(10));
    bench.wait(SimDuration::from_secs(9));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.send();
    assert_eq!(bench.sequences(), [(0, 0, 0), (1, 0, 1)]);
    bench.wait(SimDuration::from_secs(1));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Expired))]);
    bench.send();
    assert_eq!(bench.sequences(), [(0, 0, 0), (1, 0, 1)]);
    // Both reached the broker after all: the sequences join up, no bump.
    bench.answer(Ok(0));
    bench.answer(Ok(1));
    assert_eq!(bench.sequences(), [(2, 0, 2)]);
}

#[test]
fn an_expired_batch_that_left_a_gap_bumps_the_epoch() {
    let config = ProducerConfig {
        delivery_timeout: SimDuration::from_secs(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.disconnect(HostId(10));
    bench.connects = false;
    bench.wait(SimDuration::from_secs(10));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Expired))]);
    bench.connects = true;
    bench.wait(SimDuration::from_secs(2));
    bench.send();
    assert_eq!(bench.sequences(), [(1, 1, 0)]);
}

// Start and end.

#[test]
fn when_no_broker_can_be_reached_the_producer_starts_again_from_its_bootstrap_servers() {
    let mut bench = Bench::started(defaults(), 1);
    bench.connects = false;
    bench.disconnect(HostId(10));
    bench.disconnect(HostId(20));
    bench.send();
    bench.wait(SimDuration::from_secs(60));
    assert_eq!(
        bench.append(Some(0), 10),
        SendResult::WouldBlock(Wait::Metadata)
    );
    bench.connects = true;
    bench.wait(SimDuration::from_secs(2));
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.append(Some(0), 10), SendResult::Accepted);
}

#[test]
fn close_sends_what_lingers_and_is_over_when_it_is_answered() {
    let config = ProducerConfig {
        linger: SimDuration::from_secs(60),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.input(Input::Terminate);
    assert_eq!(bench.waiting(), [0]);
    assert!(!bench.producer.is_closed());
    bench.answer(Ok(0));
    assert!(bench.producer.is_closed());
    assert_eq!(
        bench.append(Some(0), 1),
        SendResult::Rejected(ProduceError::Closed)
    );
}

#[test]
fn an_idle_producer_sets_one_timer_for_the_age_of_its_metadata() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Ok(0));
    // Timers of requests and batches that are done find nothing to do when they fire.
    bench.wait(SimDuration::from_secs(299));
    assert_eq!(bench.timers.len(), 1);
}

/// Two keys of different partitions of two.
fn two_keys() -> [u32; 2] {
    let mut bench = Bench::started(defaults(), 2);
    let mut keys = [None; 2];
    for key in 0..20 {
        assert_eq!(bench.append(Some(key), 1), SendResult::Accepted);
        bench.run();
        let partition = bench.requests[0].partitions[0].tp.partition as usize;
        bench.answer(Ok(0));
        keys[partition].get_or_insert(key);
    }
    keys.map(|key| key.expect("twenty keys hit both partitions"))
}
