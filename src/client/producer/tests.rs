//! A producer against a network and brokers made by hand: the test answers each request.

mod accumulating;
mod compression;
mod lifetime;
mod placement;
mod random;
mod retrying;
mod sequences;

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
