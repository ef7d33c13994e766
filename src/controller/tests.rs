//! The controller in a world of its own: a queue of timers and flushes, connections by hand.

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
        registration: Arc::new(PartitionRegistration {
            replicas: ids(&[1, 2, 3]),
            isr: ids(&[1, 2, 3]),
            elr: ids(&[]),
            last_known_leader: None,
            reassignment: None,
            leader: Some(BrokerId(1)),
            recovery: LeaderRecoveryState::Recovered,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
        }),
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

#[test]
fn configs_of_a_topic_change_together_or_not_at_all() {
    let mut lab = Lab::new();
    let both = [
        ("retention.ms", Some("60000")),
        ("min.insync.replicas", Some("2")),
    ];
    assert_eq!(alter_config(&mut lab, &both), None);
    assert_eq!(
        lab.take_facts(),
        ["26 retention.ms = 60000", "26 min.insync.replicas = 2"]
    );
    let invalid = [
        [("retention.ms", Some("1")), ("segment.bytes", Some("14"))],
        [("retention.ms", Some("1")), ("segment.bytes", Some("many"))],
        [
            ("retention.ms", Some("1")),
            ("retention.parsecs", Some("1")),
        ],
    ];
    for changes in invalid {
        assert_eq!(
            alter_config(&mut lab, &changes),
            Some(ErrorCode::InvalidConfig)
        );
    }
    // What holds already is no change.
    assert_eq!(alter_config(&mut lab, &both), None);
    assert_eq!(alter_config(&mut lab, &[("retention.ms", None)]), None);
    lab.run_for(COMMIT);
    assert_eq!(
        lab.take_facts().last().map(String::as_str),
        Some("156 retention.ms = default")
    );
    let image = lab.controller.image();
    let config = image.topic(TopicId(0)).expect("it exists").config;
    assert_eq!(
        (config.retention_ms, config.min_insync_replicas),
        (None, Some(2))
    );
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

// The metadata log.

#[test]
fn an_answer_waits_until_its_records_have_lingered_and_are_flushed() {
    let mut lab = Lab::new();
    let key = lab.ask(
        1,
        Request::AllocateProducerIds(AllocateProducerIdsRequest {
            broker: BrokerId(1),
            broker_epoch: BrokerEpoch(0),
        }),
    );
    lab.run_to(100);
    assert_eq!(lab.answers[&key].0.as_millis(), 25 + 1);
}

#[test]
fn what_is_appended_during_a_flush_is_written_after_it() {
    let mut lab = Lab::new();
    let allocate = |broker: u32| {
        Request::AllocateProducerIds(AllocateProducerIdsRequest {
            broker: BrokerId(broker),
            broker_epoch: BrokerEpoch(u64::from(broker) - 1),
        })
    };
    let first = lab.ask(1, allocate(1));
    lab.run_to(25);
    let second = lab.ask(2, allocate(2));
    lab.run_to(100);
    assert_eq!(lab.answers[&first].0.as_millis(), 26);
    assert_eq!(lab.answers[&second].0.as_millis(), 25 + 25 + 1);
}

#[test]
fn an_answer_without_records_waits_for_what_it_may_have_read() {
    let mut lab = Lab::new();
    lab.run_to(10);
    let at_once = lab.ask(1, Request::BrokerHeartbeat(beat(1, 0)));
    assert!(lab.answers.contains_key(&at_once), "nothing is uncommitted");
    lab.run_to(501);
    let later = lab.ask(1, Request::BrokerHeartbeat(beat(1, 0)));
    assert!(
        !lab.answers.contains_key(&later),
        "the NoOp of 500 ms lingers"
    );
    lab.run_to(526);
    assert_eq!(lab.answers[&later].0.as_millis(), 526);
}

#[test]
fn a_noop_record_advances_the_log_every_idle_interval() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    lab.run_to(2_100);
    assert_eq!(lab.controller.image().end.0, end + 4);
}

#[test]
fn without_an_idle_interval_there_are_no_noop_records() {
    let config = BrokerConfig {
        metadata_max_idle_interval: SimDuration::ZERO,
        ..BrokerConfig::default()
    };
    let mut lab = Lab::with(config, TopicConfig::default(), false);
    let end = lab.controller.image().end;
    lab.run_to(5_000);
    assert_eq!(lab.controller.image().end, end);
}

#[test]
fn a_kill_keeps_what_was_written_and_a_power_loss_what_was_flushed() {
    for (crash, kept) in [(Crash::Kill, 1), (Crash::PowerLoss, 0)] {
        let mut lab = Lab::new();
        let end = lab.controller.image().end.0;
        // At 525 ms the NoOp is written, at 526 ms it would be flushed.
        lab.run_to(525);
        lab.restart(crash);
        lab.run_to(530);
        let of_the_new_life = 1;
        assert_eq!(lab.controller.image().end.0, end + kept + of_the_new_life);
    }
}

#[test]
fn a_controller_that_cannot_write_its_log_halts_and_has_lost_nothing_committed() {
    let mut lab = Lab::new();
    lab.run_to(1_200);
    let end = lab.controller.image().end;
    lab.host.disk.set_fault(DiskFault::Full, SimTime::ZERO);
    lab.run_to(2_000);
    assert!(lab.exited && !lab.controller.is_active());
    lab.host.disk.set_fault(DiskFault::None, SimTime::ZERO);
    lab.restart(Crash::Kill);
    lab.run_for(FLUSH);
    assert!(lab.controller.is_active());
    assert_eq!(lab.controller.image().end, end.plus(1));
}

#[test]
fn a_controller_whose_flush_fails_halts() {
    let mut lab = Lab::new();
    lab.run_to(1_200);
    lab.input(Input::FlushFailed(FlushId(0)));
    assert!(lab.exited && !lab.controller.is_active());
}

#[test]
fn what_only_lingered_is_lost_with_the_process() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    lab.run_to(520);
    lab.restart(Crash::Kill);
    lab.run_to(530);
    assert_eq!(lab.controller.image().end.0, end + 1);
}

#[test]
fn a_node_whose_disk_is_lost_does_not_start() {
    let mut lab = Lab::new();
    lab.run_to(1_000);
    lab.restart(Crash::DiskLost);
    assert!(lab.exited);
    assert!(!lab.controller.is_active());
}

// Observers.

#[test]
fn an_observer_learns_a_record_when_it_is_committed() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    let key = lab.fetch(7, end);
    lab.run_to(1_000);
    let (at, response) = lab.fetched(key);
    // Its long poll ends at 500 ms; the NoOp of 500 ms is committed at 526 ms.
    assert_eq!((at.as_millis(), response.records.len()), (500, 0));
    let key = lab.fetch(7, end + 1);
    lab.run_to(1_400);
    let key_late = lab.fetch(8, end + 1);
    lab.run_to(2_000);
    let (at, response) = lab.fetched(key);
    assert_eq!((at.as_millis(), response.records.len()), (1_026, 1));
    let (at, response) = lab.fetched(key_late);
    assert_eq!((at.as_millis(), response.base_offset.0), (1_400, end + 1));
    assert_eq!(response.high_watermark.0, end + 2);
}

#[test]
fn an_observer_behind_the_log_gets_a_snapshot() {
    let mut lab = Lab::new();
    let key = lab.fetch(7, 0);
    let (_, response) = lab.fetched(key);
    let end = lab.controller.image().end;
    assert_eq!(response.snapshot_end, Some(end));
    let image = MetadataImage::restore(&response.records, end);
    assert_eq!(image.brokers, lab.controller.image().brokers);
    assert_eq!(image.partition(TP), lab.controller.image().partition(TP));
}

#[test]
fn the_log_in_memory_stays_bounded() {
    let mut lab = Lab::new();
    lab.keep_alive(&[1, 2, 3], 1_500_000);
    assert!(lab.controller.image().end.0 > 3_000);
    let end = lab.controller.image().end.0;
    let recent = lab.fetch(7, end - 1_000);
    assert_eq!(lab.fetched(recent).1.snapshot_end, None);
    let old = lab.fetch(7, 100);
    assert!(lab.fetched(old).1.snapshot_end.is_some());
}

// Connections.

#[test]
fn a_connection_is_served_one_request_at_a_time() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    let parked = lab.fetch(7, end);
    let behind = lab.ask(7, Request::BrokerHeartbeat(beat(1, 0)));
    lab.run_to(499);
    assert!(
        !lab.answers.contains_key(&behind),
        "the fetch is not answered yet"
    );
    lab.run_to(600);
    assert!(lab.answers[&behind].0 >= lab.answers[&parked].0);
}

#[test]
fn who_hung_up_gets_no_answer() {
    let mut lab = Lab::new();
    let key = lab.ask(
        7,
        Request::BrokerRegistration(BrokerRegistrationRequest {
            broker: BrokerId(4),
            incarnation: Incarnation(0),
            previous_broker_epoch: None,
            rack: None,
        }),
    );
    lab.input(Input::Disconnected(ConnectionId(7)));
    lab.run_to(100);
    assert!(!lab.answers.contains_key(&key));
    assert!(
        lab.controller.image().brokers.contains_key(&BrokerId(4)),
        "it is registered anyway"
    );
}

// Registration.

#[test]
fn the_epoch_of_a_registration_is_its_offset() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    assert_eq!(lab.register(4, 0, None), Ok(BrokerEpoch(end)));
    assert!(lab.controller.image().brokers[&BrokerId(4)].fenced);
}

#[test]
fn a_second_life_is_refused_while_the_first_one_has_a_session() {
    let mut lab = Lab::new();
    lab.heartbeat(2, 1);
    assert_eq!(
        lab.register(2, 1, None),
        Err(ErrorCode::DuplicateBrokerRegistration)
    );
    lab.keep_alive(&[1, 3], 10_300);
    assert!(lab.register(2, 1, None).is_ok());
}

#[test]
fn the_session_outlasts_a_shutdown_in_good_order() {
    let mut lab = Lab::new();
    let mut last = beat(2, 1);
    last.want_shut_down = true;
    assert!(lab.beat(last).should_shut_down);
    assert_eq!(
        lab.register(2, 1, Some(BrokerEpoch(1))),
        Err(ErrorCode::DuplicateBrokerRegistration)
    );
}

#[test]
fn the_same_life_may_register_again_and_keeps_its_epoch() {
    let mut lab = Lab::new();
    lab.heartbeat(2, 1);
    assert_eq!(lab.register(2, 0, None), Ok(BrokerEpoch(1)));
    assert!(!lab.controller.image().brokers[&BrokerId(2)].fenced);
}

#[test]
fn a_new_life_loses_its_leaderships_and_its_place_in_the_isr() {
    let mut lab = Lab::new();
    // The session ends at 9 s; the check that would fence the old life comes at 10.125 s.
    lab.keep_alive(&[2, 3], 9_001);
    let epoch = lab.register(1, 1, None).expect("the session is over");
    assert_eq!(lab.partition(), "Some(2) epoch 1 isr [2, 3]");
    assert_eq!(
        lab.take_facts(),
        [
            "9026 Some(2) isr [2, 3] Fenced".to_string(),
            "9026 b1 fenced".to_string(),
            format!("9026 b1 registered {}", epoch.0),
        ]
    );
}

#[test]
fn an_unclean_shutdown_takes_a_broker_out_of_the_eligible_leader_replicas() {
    let min_isr_2 = TopicConfig {
        min_insync_replicas: Some(2),
        ..TopicConfig::default()
    };
    let elr = |lab: &Lab| -> Vec<u32> {
        let p = lab
            .controller
            .image()
            .partition(TP)
            .expect("the partition exists");
        p.elr.iter().map(|id| id.0).collect()
    };
    let of_the_last_life = BrokerEpoch(2);
    for (clean_shutdown, after) in [(Some(of_the_last_life), vec![2, 3]), (None, vec![2])] {
        let mut lab = Lab::with(BrokerConfig::default(), min_isr_2, true);
        // 1 goes while the others are enough, then 3 and at last 2.
        lab.keep_alive(&[2, 3], 10_300);
        lab.keep_alive(&[2], 20_300);
        lab.keep_alive(&[], 30_300);
        assert_eq!(lab.partition(), "None epoch 2 isr []");
        assert_eq!(elr(&lab), [2, 3]);
        lab.register(3, 1, clean_shutdown)
            .expect("the session is over");
        assert_eq!(elr(&lab), after);
    }
}

// What administrators ask.

mod administration {
    use super::*;
    use crate::kafka::api::admin::{AdminRequest, ElectionType};
    use crate::kafka::quota::{QuotaChange, QuotaType};
    use crate::kafka::throttled_replicas::PerSide;
    use crate::sim::ratio::Ratio;

    fn ask(lab: &mut Lab, request: AdminRequest) -> Result<(), ErrorCode> {
        let Response::Admin(response) = lab.call(Request::Admin(Box::new(request))) else {
            panic!("the answer fits the request");
        };
        response.error.map_or(Ok(()), Err)
    }

    fn reassign(lab: &mut Lab, target: Option<&[u32]>) -> Result<(), ErrorCode> {
        let target = target.map(ids);
        let tp = TP;
        ask(
            lab,
            AdminRequest::AlterPartitionReassignments { tp, target },
        )
    }

    /// Replicas, in-sync set, and who is to come and to go.
    fn replicas(lab: &Lab) -> String {
        let image = lab.controller.image();
        let p = image.partition(TP).expect("the partition exists");
        let line = |ids: &[BrokerId]| {
            let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
            ids.join(",")
        };
        let mut text = format!("{} isr {}", line(&p.replicas), line(&p.isr));
        if let Some(under_way) = &p.reassignment {
            let (adding, removing) = (line(&under_way.adding), line(&under_way.removing));
            text += &format!(" adding {adding} removing {removing}");
        }
        text
    }

    /// Four brokers, the fourth unfenced like the others.
    fn four() -> (Lab, u64) {
        let mut lab = Lab::new();
        let epoch = lab.register(4, 0, None).expect("nobody has its id");
        lab.heartbeat(4, epoch.0);
        lab.heartbeat(4, epoch.0);
        assert!(lab.controller.image().is_active(BrokerId(4)));
        (lab, epoch.0)
    }

    fn isr(members: &[(u32, u64)], leader_epoch: u32, partition_epoch: u32) -> IsrProposal {
        IsrProposal {
            tp: TP,
            leader_epoch: LeaderEpoch(leader_epoch),
            partition_epoch: PartitionEpoch(partition_epoch),
            new_isr: (members.iter())
                .map(|(id, epoch)| (BrokerId(*id), BrokerEpoch(*epoch)))
                .collect(),
        }
    }

    #[test]
    fn a_reassignment_ends_with_the_isr_that_holds_the_whole_target() {
        let (mut lab, fourth) = four();
        assert_eq!(reassign(&mut lab, Some(&[1, 2, 4])), Ok(()));
        assert_eq!(replicas(&lab), "1,2,4,3 isr 1,2,3 adding 4 removing 3");
        let all = isr(&[(1, 0), (2, 1), (3, 2), (4, fourth)], 0, 1);
        assert_eq!(lab.alter(1, all).error, None);
        assert_eq!(replicas(&lab), "1,2,4 isr 1,2,4");
        // A replica went: the epoch is new, although the leader is the same.
        assert_eq!(lab.partition(), "Some(1) epoch 1 isr [1, 2, 4]");
    }

    #[test]
    fn a_leader_that_is_to_go_is_told_of_the_new_one() {
        let (mut lab, fourth) = four();
        assert_eq!(reassign(&mut lab, Some(&[4, 2, 3])), Ok(()));
        let all = isr(&[(1, 0), (2, 1), (3, 2), (4, fourth)], 0, 1);
        assert_eq!(lab.alter(1, all).error, Some(ErrorCode::NewLeaderElected));
        assert_eq!(lab.partition(), "Some(4) epoch 1 isr [2, 3, 4]");
    }

    #[test]
    fn a_new_order_of_the_same_replicas_needs_no_copying() {
        let mut lab = Lab::new();
        assert_eq!(reassign(&mut lab, Some(&[3, 1, 2])), Ok(()));
        assert_eq!(replicas(&lab), "3,1,2 isr 1,2,3");
        assert_eq!(lab.partition(), "Some(1) epoch 0 isr [1, 2, 3]");
    }

    #[test]
    fn a_cancelled_reassignment_leaves_the_old_replicas() {
        let (mut lab, _) = four();
        let nothing = Err(ErrorCode::NoReassignmentInProgress);
        assert_eq!(reassign(&mut lab, None), nothing);
        assert_eq!(reassign(&mut lab, Some(&[4, 2, 1])), Ok(()));
        assert_eq!(reassign(&mut lab, None), Ok(()));
        assert_eq!(replicas(&lab), "2,1,3 isr 1,2,3");
        assert_eq!(reassign(&mut lab, None), nothing);
    }

    #[test]
    fn a_target_names_known_brokers_once() {
        let mut lab = Lab::new();
        let refused = Err(ErrorCode::InvalidReplicaAssignment);
        assert_eq!(reassign(&mut lab, Some(&[1, 9])), refused);
        assert_eq!(reassign(&mut lab, Some(&[1, 1])), refused);
        assert_eq!(reassign(&mut lab, Some(&[])), refused);
    }

    #[test]
    fn more_partitions_have_as_many_replicas_and_only_active_ones_in_sync() {
        let mut lab = Lab::new();
        lab.keep_alive(&[1, 2], 10_300);
        let topic = TopicId(0);
        let grow = |count| AdminRequest::CreatePartitions { topic, count };
        let refused = Err(ErrorCode::InvalidPartitions);
        assert_eq!(ask(&mut lab, grow(1)), refused);
        assert_eq!(ask(&mut lab, grow(3)), Ok(()));
        assert_eq!(ask(&mut lab, grow(2)), refused);
        let topic = lab.controller.image().topic(topic).expect("it exists");
        assert_eq!(topic.partitions.len(), 3);
        for partition in &topic.partitions[1..] {
            assert_eq!(partition.replicas.len(), 3);
            assert_eq!(
                partition.replicas[2],
                BrokerId(3),
                "the fenced one comes last"
            );
            assert_eq!(partition.isr[..], partition.replicas[..2]);
            assert_eq!(partition.leader, Some(partition.replicas[0]));
        }
    }

    #[test]
    fn a_new_topic_is_placed_and_exists_once() {
        let mut lab = Lab::new();
        let topic = TopicId(1);
        let create = |replication_factor| AdminRequest::CreateTopics {
            topic,
            partitions: 2,
            replication_factor,
        };
        let refused = Err(ErrorCode::InvalidReplicationFactor);
        assert_eq!(ask(&mut lab, create(4)), refused, "there are three brokers");
        assert!(lab.controller.image().topic(topic).is_none());
        assert_eq!(ask(&mut lab, create(3)), Ok(()));
        let created = lab.controller.image().topic(topic).expect("it was created");
        assert_eq!((&*created.name, created.partitions.len()), ("refunds", 2));
        assert!(created.partitions.iter().all(|p| p.isr.len() == 3));
        let again = Err(ErrorCode::TopicAlreadyExists);
        assert_eq!(ask(&mut lab, create(3)), again);
    }

    #[test]
    fn client_quotas_are_set_and_taken_back_and_are_in_a_snapshot() {
        let mut lab = Lab::new();
        let alter = |name: Option<&str>, changes: &[(QuotaType, Option<u64>)]| {
            let changes = changes.iter().map(|(quota, bytes)| QuotaChange {
                quota: *quota,
                value: bytes.and_then(|bytes| Ratio::new(bytes, 1)),
            });
            AdminRequest::AlterClientQuotas {
                entity: name.map(Arc::from),
                changes: changes.collect(),
            }
        };
        let (sends, reads) = (QuotaType::Produce, QuotaType::Fetch);
        let both = [(sends, Some(1_000)), (reads, Some(7))];
        assert_eq!(ask(&mut lab, alter(Some("p1"), &both)), Ok(()));
        assert_eq!(ask(&mut lab, alter(None, &[(sends, Some(5))])), Ok(()));
        let image = lab.controller.image();
        let of_p1 = image.client_quotas[&Some(Arc::from("p1"))];
        assert_eq!(of_p1.producer_byte_rate, Some(1_000));
        assert_eq!(of_p1.consumer_byte_rate, Some(7));
        assert_eq!(image.client_quotas[&None].producer_byte_rate, Some(5));
        let restored = MetadataImage::restore(&image.snapshot(), image.end);
        assert_eq!(restored.client_quotas, image.client_quotas);
        // What is in force writes no record, and neither does what was never there.
        let end = image.end;
        let nothing = [(sends, Some(1_000)), (QuotaType::Request, None)];
        assert_eq!(ask(&mut lab, alter(Some("p1"), &nothing)), Ok(()));
        assert_eq!(lab.controller.image().end, end);
        let invalid = Err(ErrorCode::InvalidRequest);
        for (name, changes) in [
            ("p1", [(sends, Some(9)), (reads, Some(0))]),
            ("p1", [(sends, Some(9)), (sends, None)]),
            ("", [(sends, Some(9)), (reads, None)]),
        ] {
            assert_eq!(ask(&mut lab, alter(Some(name), &changes)), invalid);
        }
        let off = [(sends, None), (reads, None)];
        assert_eq!(ask(&mut lab, alter(Some("p1"), &off)), Ok(()));
        let left = &lab.controller.image().client_quotas;
        assert_eq!(left.keys().collect::<Vec<_>>(), [&None]);
    }

    #[test]
    fn throttled_replicas_are_added_to_and_a_rate_is_the_brokers() {
        let mut lab = Lab::new();
        let topic = TopicId(0);
        let more = |partition, broker| IncrementalAlterConfigsRequest::ThrottledReplicas {
            topic,
            replicas: PerSide {
                leader: vec![(partition, BrokerId(broker))],
                follower: Vec::new(),
            },
        };
        for request in [
            more(0, 1),
            more(1, 2),
            IncrementalAlterConfigsRequest::ThrottledRate {
                broker: BrokerId(2),
                rate: 5_000,
            },
        ] {
            lab.call(Request::IncrementalAlterConfigs(request));
        }
        let image = lab.controller.image();
        let throttled = &image.topic(topic).unwrap().throttled;
        assert_eq!(throttled.leader.to_string(), "0:1,1:2");
        assert_eq!(throttled.follower.to_string(), "");
        assert_eq!(image.throttled_rates[&BrokerId(2)].follower, Some(5_000));
        let all = [("leader.replication.throttled.replicas", Some("*"))];
        assert_eq!(alter_config(&mut lab, &all), None);
        let bad = [("leader.replication.throttled.replicas", Some("0-1"))];
        assert_eq!(alter_config(&mut lab, &bad), Some(ErrorCode::InvalidConfig));
        let image = lab.controller.image();
        assert_eq!(
            image.topic(topic).unwrap().throttled.leader.to_string(),
            "*"
        );
        let restored = MetadataImage::restore(&image.snapshot(), image.end);
        assert_eq!(restored.throttled_rates, image.throttled_rates);
        let (then, now) = (image.topic(topic).unwrap(), restored.topic(topic).unwrap());
        assert_eq!(then.throttled, now.throttled);
    }

    #[test]
    fn an_election_on_request_says_when_there_is_nothing_to_elect() {
        let mut lab = Lab::new();
        let elect = |election| AdminRequest::ElectLeaders { tp: TP, election };
        let preferred = || elect(ElectionType::Preferred);
        let not_needed = Err(ErrorCode::ElectionNotNeeded);
        assert_eq!(ask(&mut lab, preferred()), not_needed);
        let unclean = elect(ElectionType::Unclean);
        assert_eq!(ask(&mut lab, unclean.clone()), not_needed);
        lab.keep_alive(&[2, 3], 10_300);
        let not_there = Err(ErrorCode::PreferredLeaderNotAvailable);
        assert_eq!(ask(&mut lab, preferred()), not_there);
        // Nobody is left, and then one that was not the last.
        lab.keep_alive(&[3], 20_300);
        lab.keep_alive(&[], 30_300);
        assert_eq!(lab.partition(), "None epoch 3 isr [3]");
        let nobody = Err(ErrorCode::EligibleLeadersNotAvailable);
        assert_eq!(ask(&mut lab, unclean.clone()), nobody);
        lab.heartbeat(2, 1);
        assert_eq!(ask(&mut lab, unclean), Ok(()));
        assert_eq!(lab.partition(), "Some(2) epoch 4 isr [2]");
    }

    #[test]
    fn a_broker_that_is_struck_off_leads_nothing_and_is_unknown() {
        let mut lab = Lab::new();
        let broker = BrokerId(1);
        let strike = || AdminRequest::UnregisterBroker { broker };
        assert_eq!(ask(&mut lab, strike()), Ok(()));
        assert_eq!(lab.partition(), "Some(2) epoch 1 isr [2, 3]");
        assert!(!lab.controller.image().brokers.contains_key(&broker));
        assert_eq!(
            ask(&mut lab, strike()),
            Err(ErrorCode::BrokerIdNotRegistered)
        );
        let beat = lab.heartbeat(1, 0);
        assert_eq!(beat.error, Some(ErrorCode::StaleBrokerEpoch));
        lab.register(1, 1, None).expect("it may come back");
    }
}

// Heartbeats and sessions.

#[test]
fn a_broker_is_unfenced_once_it_has_applied_its_registration() {
    let mut lab = Lab::new();
    let epoch = lab.register(4, 0, None).expect("broker 4 is new");
    let mut early = beat(4, epoch.0);
    early.metadata_offset = Offset(epoch.0);
    let answer = lab.beat(early);
    assert!(answer.is_fenced && !answer.is_caught_up);
    early.metadata_offset = Offset(epoch.0 + 1);
    let answer = lab.beat(early);
    assert!(!answer.is_fenced && answer.is_caught_up);
}

#[test]
fn a_broker_that_wants_to_be_fenced_stays_fenced() {
    let mut lab = Lab::new();
    let epoch = lab.register(4, 0, None).expect("broker 4 is new");
    let mut request = beat(4, epoch.0);
    request.want_fence = true;
    let answer = lab.beat(request);
    assert!(answer.is_fenced && answer.is_caught_up);
}

#[test]
fn a_heartbeat_of_an_older_epoch_is_refused() {
    let mut lab = Lab::new();
    assert_eq!(lab.heartbeat(2, 7).error, Some(ErrorCode::StaleBrokerEpoch));
    assert_eq!(lab.heartbeat(9, 0).error, Some(ErrorCode::StaleBrokerEpoch));
}

#[test]
fn a_silent_broker_is_fenced_at_the_first_check_after_its_session() {
    let mut lab = Lab::new();
    lab.run_to(100);
    lab.ask(1, Request::BrokerHeartbeat(beat(1, 0)));
    lab.keep_alive(&[2, 3], 12_000);
    // Checks come each 1.125 s; the session ends at 9.1 s.
    assert_eq!(
        lab.take_facts(),
        [
            "10151 Some(2) isr [2, 3] Fenced".to_string(),
            "10151 b1 fenced".to_string(),
        ]
    );
}

#[test]
fn brokers_that_die_together_are_fenced_one_per_check() {
    let mut lab = Lab::new();
    lab.keep_alive(&[3], 10_200);
    // Their sessions end at 9 s sharp, which the check at 9 s does not count as over.
    assert_eq!(
        lab.take_facts(),
        [
            "10151 Some(2) isr [2, 3] Fenced",
            "10151 b1 fenced",
            "10151 Some(3) isr [3] Fenced",
            "10151 b2 fenced",
        ]
    );
}

#[test]
fn a_broker_that_comes_back_leads_what_has_no_leader() {
    let mut lab = Lab::new();
    lab.keep_alive(&[1], 11_000);
    assert_eq!(lab.partition(), "Some(1) epoch 0 isr [1]");
    lab.run_to(22_000);
    assert_eq!(lab.partition(), "None epoch 1 isr [1]");
    // It was only cut off: its next heartbeat finds it fenced.
    assert!(!lab.heartbeat(1, 0).is_fenced);
    assert_eq!(lab.partition(), "Some(1) epoch 2 isr [1]");
}

#[test]
fn a_new_life_of_the_controller_gives_every_unfenced_broker_a_fresh_session() {
    let mut lab = Lab::new();
    lab.run_to(8_000);
    lab.restart(Crash::Kill);
    lab.run_to(17_000);
    assert_eq!(lab.take_facts(), Vec::<String>::new());
    lab.run_to(18_300);
    assert!(lab.take_facts().contains(&"18152 b1 fenced".to_string()));
}

#[test]
fn a_controller_that_has_not_committed_its_first_record_is_not_in_charge() {
    let mut lab = Lab::new();
    lab.run_to(5_000);
    lab.restart(Crash::PowerLoss);
    let key = lab.ask(1, Request::BrokerHeartbeat(beat(1, 0)));
    let Response::BrokerHeartbeat(answer) = &lab.answers[&key].1 else {
        panic!("the answer fits the request");
    };
    assert_eq!(answer.error, Some(ErrorCode::NotController));
    lab.run_to(5_001);
    assert!(lab.controller.is_active());
    assert_eq!(lab.heartbeat(1, 0).error, None);
}

#[test]
fn a_shutdown_in_good_order_waits_until_the_others_know_the_new_leaders() {
    let mut lab = Lab::new();
    let known = lab.controller.image().end;
    for broker in [2, 3] {
        let mut request = beat(broker, u64::from(broker) - 1);
        request.metadata_offset = known;
        lab.beat(request);
    }
    let mut request = beat(1, 0);
    request.want_shut_down = true;
    let answer = lab.beat(request);
    assert!(!answer.should_shut_down && !answer.is_fenced);
    assert_eq!(lab.partition(), "Some(2) epoch 1 isr [2, 3]");
    assert!(lab.controller.image().brokers[&BrokerId(1)].in_controlled_shutdown);
    assert!(
        !lab.beat(request).should_shut_down,
        "2 and 3 have not applied it"
    );
    lab.heartbeat(2, 1);
    assert!(!lab.beat(request).should_shut_down, "3 has not applied it");
    lab.heartbeat(3, 2);
    let answer = lab.beat(request);
    assert!(answer.should_shut_down && answer.is_fenced);
    assert!(lab.controller.image().brokers[&BrokerId(1)].fenced);
}

#[test]
fn a_broker_that_leads_nothing_may_shut_down_at_once() {
    let mut lab = Lab::new();
    let mut request = beat(2, 1);
    request.want_shut_down = true;
    assert!(lab.beat(request).should_shut_down);
    assert_eq!(lab.partition(), "Some(1) epoch 0 isr [1, 3]");
}

// In-sync sets.

#[test]
fn a_leader_changes_the_isr_and_keeps_its_epoch() {
    let mut lab = Lab::new();
    let answer = lab.alter(1, proposal(&[1, 3]));
    assert_eq!(answer.error, None);
    assert_eq!((answer.leader_epoch.0, answer.partition_epoch.0), (0, 1));
    assert_eq!(lab.partition(), "Some(1) epoch 0 isr [1, 3]");
}

#[test]
fn proposals_are_checked_in_kafkas_order() {
    let mut lab = Lab::new();
    let ok = proposal(&[1, 2]);
    let mut expect = |broker: u32, proposal: IsrProposal, error: ErrorCode| {
        assert_eq!(lab.alter(broker, proposal).error, Some(error));
    };
    let mut p = ok.clone();
    p.tp.topic = TopicId(1);
    p.leader_epoch = LeaderEpoch(9);
    expect(1, p, ErrorCode::UnknownTopicId);
    let mut p = ok.clone();
    p.tp.partition = 1;
    expect(1, p, ErrorCode::UnknownTopicOrPartition);
    let mut p = ok.clone();
    p.leader_epoch = LeaderEpoch(1);
    expect(2, p, ErrorCode::NotController);
    let mut p = ok.clone();
    p.partition_epoch = PartitionEpoch(1);
    expect(2, p, ErrorCode::NotController);
    expect(2, ok.clone(), ErrorCode::InvalidRequest);
    expect(1, proposal(&[1, 4]), ErrorCode::InvalidRequest);
    expect(1, proposal(&[1, 2, 2]), ErrorCode::InvalidRequest);
    expect(1, proposal(&[2, 3]), ErrorCode::InvalidRequest);
    let mut p = ok;
    p.new_isr[1].1 = BrokerEpoch(77);
    expect(1, p, ErrorCode::IneligibleReplica);
}

#[test]
fn a_proposal_from_an_older_state_is_refused() {
    let mut lab = Lab::new();
    assert_eq!(lab.alter(1, proposal(&[1, 3])).error, None);
    let answer = lab.alter(1, proposal(&[1, 2, 3]));
    assert_eq!(answer.error, Some(ErrorCode::InvalidUpdateVersion));
    lab.keep_alive(&[2, 3], lab.host.now.as_millis() + 10_300);
    let answer = lab.alter(1, proposal(&[1, 3]));
    assert_eq!(answer.error, Some(ErrorCode::FencedLeaderEpoch));
}

#[test]
fn a_fenced_replica_may_not_join_the_isr() {
    let mut lab = Lab::new();
    lab.keep_alive(&[1, 3], 10_300);
    let mut p = proposal(&[1, 2, 3]);
    p.partition_epoch = PartitionEpoch(1);
    assert_eq!(lab.alter(1, p).error, Some(ErrorCode::IneligibleReplica));
}

#[test]
fn a_leader_elected_uncleanly_has_recovered_with_its_first_proposal() {
    let unclean = TopicConfig {
        unclean_leader_election_enable: Some(true),
        ..TopicConfig::default()
    };
    let mut lab = Lab::with(BrokerConfig::default(), unclean, false);
    assert_eq!(lab.alter(1, proposal(&[1])).error, None);
    lab.keep_alive(&[2, 3], 10_300);
    assert_eq!(lab.partition(), "Some(2) epoch 1 isr [2]");
    let recovery = |lab: &Lab| lab.controller.image().partition(TP).unwrap().recovery;
    assert_eq!(recovery(&lab), LeaderRecoveryState::Recovering);
    assert!(
        lab.take_facts()
            .contains(&"10151 Some(2) isr [2] UncleanElection".to_string())
    );
    let mut p = proposal(&[2, 3]);
    p.leader_epoch = LeaderEpoch(1);
    p.partition_epoch = PartitionEpoch(2);
    assert_eq!(lab.alter(2, p).error, None);
    assert_eq!(recovery(&lab), LeaderRecoveryState::Recovered);
}

#[test]
fn the_preferred_leader_leads_again_at_the_next_imbalance_check() {
    let config = BrokerConfig {
        leader_imbalance_check_interval_seconds: 20,
        ..BrokerConfig::default()
    };
    let mut lab = Lab::with(config, TopicConfig::default(), false);
    lab.keep_alive(&[2, 3], 10_300);
    assert!(!lab.heartbeat(1, 0).is_fenced);
    let mut p = proposal(&[2, 3, 1]);
    p.leader_epoch = LeaderEpoch(1);
    p.partition_epoch = PartitionEpoch(1);
    assert_eq!(lab.alter(2, p).error, None);
    assert_eq!(lab.partition(), "Some(2) epoch 1 isr [2, 3, 1]");
    lab.keep_alive(&[1, 2, 3], 20_100);
    assert_eq!(lab.partition(), "Some(1) epoch 2 isr [2, 3, 1]");
}

// Producer ids.

#[test]
fn blocks_of_producer_ids_never_overlap() {
    let mut lab = Lab::new();
    for block in 0..3 {
        let response = lab.call(Request::AllocateProducerIds(AllocateProducerIdsRequest {
            broker: BrokerId(1),
            broker_epoch: BrokerEpoch(0),
        }));
        let Response::AllocateProducerIds(response) = response else {
            panic!("the answer fits the request");
        };
        assert_eq!(
            (response.first, response.count),
            (ProducerId(block * 1_000), 1_000)
        );
        if block == 1 {
            lab.restart(Crash::Kill);
            lab.run_for(COMMIT);
        }
    }
}

#[test]
fn a_request_that_controllers_do_not_know_ends_the_connection() {
    let mut host = HostState::new(HostId(0));
    let mut controller = Lab::new().controller;
    let mut effects: Vec<Effect<Message, Fact, Timer>> = Vec::new();
    let body = Request::Metadata(crate::kafka::api::metadata::MetadataRequest {
        topics: vec![],
        allow_auto_topic_creation: false,
    });
    let correlation = CorrelationId(0);
    controller.handle(
        &mut SimCx::new(&mut host, &mut effects),
        Input::Message {
            on: ConnectionId(5),
            body: Message::Request { correlation, body },
        },
    );
    assert!(matches!(effects[..], [Effect::Close(ConnectionId(5))]));
}
