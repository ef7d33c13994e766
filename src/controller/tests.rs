//! The controller in a world of its own: a queue of timers and flushes, connections by hand.

mod administration;
mod committing;
mod configs;
mod heartbeats;
mod in_sync_sets;
mod registration;
mod requests;

use std::collections::BTreeMap;

use super::*;
use crate::kafka::api::allocate_producer_ids::AllocateProducerIdsRequest;
use crate::kafka::api::alter_partition::{AlterPartitionRequest, AlteredPartition, IsrProposal};
use crate::kafka::api::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::kafka::api::broker_registration::BrokerRegistrationRequest;
use crate::kafka::api::incremental_alter_configs::{ConfigChange, IncrementalAlterConfigsRequest};
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::ids::{
    BrokerEpoch, BrokerId, DirectorySet, Incarnation, LeaderEpoch, PartitionEpoch, ProducerId,
    TopicId, TopicPartition,
};
use crate::kafka::message::CorrelationId;
use crate::kafka::metadata_records::{LeaderRecoveryState, PartitionRegistration};
use crate::sim::disk::DiskFault;
use crate::sim::process::{ConnectionId, Effect, HostId, HostState};
use crate::sim::time::SimTime;

const TP: TopicPartition = TopicPartition {
    topic: TopicId(0),
    partition: 0,
};
const FLUSH: SimDuration = SimDuration::from_millis(1);
/// What a request costs when nothing else is lingering: linger and flush.
const COMMIT: SimDuration = SimDuration::from_millis(26);

fn ids(ids: &[u32]) -> Arc<[BrokerId]> {
    ids.iter().map(|id| BrokerId(*id)).collect()
}

/// Three brokers, epochs 0, 1, 2; one topic with one partition on all of them, led by 1.
fn bootstrap(config: TopicConfig) -> MetadataImage {
    let mut image = MetadataImage::default();
    for broker in 1..=3 {
        image.apply(&MetadataRecord::RegisterBroker {
            broker: BrokerId(broker),
            epoch: BrokerEpoch(u64::from(broker) - 1),
            incarnation: Incarnation(0),
            fenced: false,
            rack: None,
        });
    }
    image.apply(&MetadataRecord::Topic {
        topic: TopicId(0),
        name: "orders".into(),
        config,
    });
    image.apply(&MetadataRecord::Partition {
        tp: TP,
        registration: Arc::new(PartitionRegistration::led_by(1, &[1, 2, 3], &[1, 2, 3])),
    });
    image
}

struct Lab {
    controller: Controller,
    host: HostState,
    timers: BTreeMap<usize, (SimTime, Timer)>,
    flushes: Vec<(SimTime, FlushId)>,
    answers: BTreeMap<(u32, u32), (SimTime, Response)>,
    facts: Vec<(SimTime, String)>,
    exited: bool,
    next_correlation: u32,
}

impl Lab {
    fn with(config: BrokerConfig, topic: TopicConfig, eligible_leader_replicas: bool) -> Self {
        let mut lab = Self {
            controller: Controller::new(ControllerSetup {
                config: Arc::new(config),
                bootstrap: bootstrap(topic),
                eligible_leader_replicas,
                topic_names: ["orders", "refunds"].map(Arc::from).into(),
                streams: Streams::new(7),
            }),
            host: HostState::new(HostId(0)),
            timers: BTreeMap::new(),
            flushes: Vec::new(),
            answers: BTreeMap::new(),
            facts: Vec::new(),
            exited: false,
            next_correlation: 0,
        };
        lab.input(Input::Start);
        lab
    }

    fn new() -> Self {
        Self::with(BrokerConfig::default(), TopicConfig::default(), false)
    }

    fn input(&mut self, input: Input<Message, Timer>) {
        let mut effects = Vec::new();
        self.controller
            .handle(&mut SimCx::new(&mut self.host, &mut effects), input);
        let now = self.host.now;
        for effect in effects {
            match effect {
                Effect::Send { on, body } => match body {
                    Message::Response {
                        correlation, body, ..
                    } => {
                        self.answers.insert((on.0, correlation.0), (now, body));
                    }
                    Message::Request { .. } => panic!("a controller asks nobody"),
                },
                Effect::SetTimer { timer, after } => {
                    self.timers.insert(timer.slot(), (now + after, timer));
                }
                Effect::CancelTimer(timer) => {
                    self.timers.remove(&timer.slot());
                }
                Effect::Flush { id, .. } => self.flushes.push((now + FLUSH, id)),
                Effect::AwaitRead { .. } => unreachable!("a controller reads nothing"),
                Effect::Fact(fact) => self.facts.push((now, say(&fact))),
                Effect::Exit => {
                    self.exited = true;
                    self.timers.clear();
                    self.flushes.clear();
                }
                Effect::Open { .. } | Effect::Close(_) => {}
            }
        }
    }

    /// Runs timers and flushes up to `millis` after the start.
    fn run_to(&mut self, millis: u64) {
        let end = SimTime::ZERO + SimDuration::from_millis(millis);
        loop {
            let timer = self.timers.values().map(|(at, timer)| (*at, *timer));
            let timer = timer.min_by_key(|(at, timer)| (*at, timer.slot()));
            let flush = self.flushes.first().copied();
            let flush_first = match (timer, flush) {
                (Some((timer_at, _)), Some((flush_at, _))) => flush_at <= timer_at,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            let at = if flush_first {
                flush.map(|f| f.0)
            } else {
                timer.map(|t| t.0)
            };
            match at {
                Some(at) if at <= end => self.host.now = at,
                Some(_) | None => break,
            }
            if flush_first {
                let (_, id) = self.flushes.remove(0);
                self.input(Input::Flushed(id));
            } else if let Some((_, timer)) = timer {
                self.timers.remove(&timer.slot());
                self.input(Input::Timer(timer));
            }
        }
        self.host.now = end;
    }

    fn run_for(&mut self, span: SimDuration) {
        self.run_to((self.host.now + span).as_millis());
    }

    /// Sends a request on a connection of its own number; says under which key its answer comes.
    fn ask(&mut self, on: u32, body: Request) -> (u32, u32) {
        let correlation = CorrelationId(self.next_correlation);
        self.next_correlation += 1;
        self.input(Input::Message {
            on: ConnectionId(on),
            body: Message::Request { correlation, body },
        });
        (on, correlation.0)
    }

    /// Asks and waits for the commit.
    fn call(&mut self, body: Request) -> Response {
        let key = self.ask(99, body);
        self.run_for(COMMIT);
        self.answers
            .remove(&key)
            .expect("an answer after a commit")
            .1
    }

    fn register(
        &mut self,
        broker: u32,
        incarnation: u32,
        previous: Option<BrokerEpoch>,
    ) -> Result<BrokerEpoch, ErrorCode> {
        let response = self.call(Request::BrokerRegistration(BrokerRegistrationRequest {
            broker: BrokerId(broker),
            incarnation: Incarnation(incarnation),
            previous_broker_epoch: previous,
            rack: None,
        }));
        let Response::BrokerRegistration(response) = response else {
            panic!("the answer fits the request");
        };
        response.error.map_or(Ok(response.broker_epoch), Err)
    }

    /// A heartbeat of a broker that has applied everything.
    fn heartbeat(&mut self, broker: u32, epoch: u64) -> BrokerHeartbeatResponse {
        self.beat(beat(broker, epoch))
    }

    fn beat(&mut self, request: BrokerHeartbeatRequest) -> BrokerHeartbeatResponse {
        let response = self.call(Request::BrokerHeartbeat(request));
        let Response::BrokerHeartbeat(response) = response else {
            panic!("the answer fits the request");
        };
        response
    }

    fn alter(&mut self, broker: u32, proposal: IsrProposal) -> AlteredPartition {
        let response = self.call(Request::AlterPartition(Box::new(AlterPartitionRequest {
            broker: BrokerId(broker),
            broker_epoch: BrokerEpoch(u64::from(broker) - 1),
            partitions: vec![proposal],
        })));
        let Response::AlterPartition(mut response) = response else {
            panic!("the answer fits the request");
        };
        response.partitions.remove(0)
    }

    fn fetch(&mut self, on: u32, from: u64) -> (u32, u32) {
        let request = QuorumFetchRequest {
            broker: BrokerId(1),
            fetch_offset: Offset(from),
            known_high_watermark: Offset(from),
            max_wait: SimDuration::from_millis(500),
        };
        self.ask(on, Request::QuorumFetch(request))
    }

    fn fetched(&mut self, key: (u32, u32)) -> (SimTime, QuorumFetchResponse) {
        let (at, response) = self.answers.remove(&key).expect("the fetch is answered");
        let Response::QuorumFetch(response) = response else {
            panic!("the answer fits the request");
        };
        (at, *response)
    }

    /// Lets the brokers that are not named die at once, and the others live.
    fn keep_alive(&mut self, brokers: &[u32], until_millis: u64) {
        while self.host.now.as_millis() < until_millis {
            for broker in brokers {
                self.ask(
                    *broker,
                    Request::BrokerHeartbeat(beat(*broker, u64::from(*broker) - 1)),
                );
            }
            let next = (self.host.now.as_millis() + 1_000).min(until_millis);
            self.run_to(next);
        }
    }

    fn restart(&mut self, kind: Crash) {
        self.controller.crash(kind, &Disk::default());
        self.timers.clear();
        self.flushes.clear();
        self.answers.clear();
        self.input(Input::Start);
    }

    fn partition(&self) -> String {
        let p = self
            .controller
            .image()
            .partition(TP)
            .expect("the partition exists");
        let isr: Vec<u32> = p.isr.iter().map(|id| id.0).collect();
        format!(
            "{:?} epoch {} isr {isr:?}",
            p.leader.map(|id| id.0),
            p.leader_epoch.0
        )
    }

    fn take_facts(&mut self) -> Vec<String> {
        let facts = std::mem::take(&mut self.facts);
        facts
            .into_iter()
            .map(|(at, fact)| format!("{} {fact}", at.as_millis()))
            .collect()
    }
}

fn beat(broker: u32, epoch: u64) -> BrokerHeartbeatRequest {
    BrokerHeartbeatRequest {
        offline_log_dirs: DirectorySet::default(),
        broker: BrokerId(broker),
        broker_epoch: BrokerEpoch(epoch),
        metadata_offset: Offset(1_000_000),
        want_fence: false,
        want_shut_down: false,
    }
}

fn say(fact: &Fact) -> String {
    if let Fact::PartitionChanged {
        leader, isr, why, ..
    } = fact
    {
        let isr: Vec<u32> = isr.iter().map(|id| id.0).collect();
        format!("{:?} isr {isr:?} {why:?}", leader.map(|id| id.0))
    } else if let Fact::BrokerRegistered { broker, epoch } = fact {
        format!("{broker} registered {}", epoch.0)
    } else if let Fact::BrokerFenced { broker } = fact {
        format!("{broker} fenced")
    } else if let Fact::BrokerUnfenced { broker } = fact {
        format!("{broker} unfenced")
    } else if let Fact::TopicConfigChanged { name, value, .. } = fact {
        let value = value.map_or("default".to_owned(), |value| value.to_string());
        format!("{name} = {value}")
    } else {
        panic!("a controller does not say {fact:?}")
    }
}

/// What the leader knows, with this in-sync set.
fn proposal(isr: &[u32]) -> IsrProposal {
    IsrProposal {
        tp: TP,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        new_isr: isr
            .iter()
            .map(|id| (BrokerId(*id), BrokerEpoch(u64::from(*id) - 1)))
            .collect(),
    }
}

fn alter_config(lab: &mut Lab, changes: &[(&str, Option<&str>)]) -> Option<ErrorCode> {
    let changes = changes.iter().map(|(name, value)| ConfigChange {
        name: (*name).into(),
        value: value.map(Into::into),
    });
    let request = IncrementalAlterConfigsRequest::Topic {
        topic: TopicId(0),
        changes: changes.collect(),
    };
    let response = lab.call(Request::IncrementalAlterConfigs(request));
    let Response::IncrementalAlterConfigs(response) = response else {
        panic!("the answer fits the request");
    };
    assert_eq!(
        response.error == Some(ErrorCode::InvalidConfig),
        response.message.is_some()
    );
    response.error
}
