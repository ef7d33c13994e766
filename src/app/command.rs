//! A command-line tool that somebody starts: it asks the cluster for one thing and ends.
//!
//! Modelled: kafka-configs, kafka-delete-records, kafka-leader-election, kafka-topics --alter,
//! kafka-reassign-partitions and kafka-cluster unregister with `--bootstrap-server`: all are calls of
//! the administrator's client, one after the other. A throttled move sets the throttle first; it stays
//! until somebody runs --verify after the move, which takes it back on the topic and on all brokers.
//! Left out: what the tools look up and print besides.
//! Source: ConfigCommand, DeleteRecordsCommand, LeaderElectionCommand, TopicCommand,
//! ReassignPartitionsCommand, ClusterTool (4.2).

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::app::Fact;
use crate::client::admin::{self, AdminClient, Progress, Settings, Target};
use crate::kafka;
use crate::kafka::api::admin::AdminRequest;
use crate::kafka::api::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest};
use crate::kafka::api::incremental_alter_configs::{ConfigChange, IncrementalAlterConfigsRequest};
use crate::kafka::api::metadata::{MetadataRequest, TopicMetadata};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, TopicId, TopicPartition};
use crate::kafka::message::{Message, Request};
use crate::kafka::throttled_replicas::{PerSide, Side};
use crate::sim::process::{Cx, HostId, Input};
use crate::sim::rng::Streams;
use crate::workload::Command;

/// What wakes a tool: its client's timers.
pub type Timer = admin::Timer;

type ToolCx<'a, 'b> = &'a mut Cx<'b, Message, Fact, Timer>;

/// A tool; it runs from its start to its answer.
#[derive(Clone, Debug)]
pub struct Tool {
    command: Command,
    client: AdminClient,
    /// The calls that are still to be made.
    calls: VecDeque<(Target, Request)>,
    running: bool,
}

impl Tool {
    /// A tool that was not started.
    pub fn new(
        command: Command,
        brokers: Arc<[(BrokerId, HostId)]>,
        streams: &Streams,
        name: &str,
    ) -> Self {
        let name = format!("command/{name}");
        Self {
            command,
            client: AdminClient::new(Settings::default(), brokers, streams, &name),
            calls: VecDeque::new(),
            running: false,
        }
    }

    /// True from its start to its end.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Handles one input to the end.
    pub fn handle(&mut self, cx: ToolCx<'_, '_>, input: Input<Message, Timer>) {
        let progress = match input {
            Input::Start => {
                self.running = true;
                self.calls = calls(&self.command);
                self.next_call(cx)
            }
            Input::Terminate => return self.exit(cx),
            Input::Timer(timer) => self.client.timer(cx, timer),
            Input::Connected { on, .. } => self.client.connected(cx, on),
            Input::Disconnected(on) => self.client.disconnected(cx, on),
            Input::Message {
                on,
                body:
                    Message::Response {
                        correlation, body, ..
                    },
            } => self.client.answered(cx, on, correlation, &body),
            Input::Message {
                body: Message::Request { .. },
                ..
            }
            | Input::Flushed(_)
            | Input::FlushFailed(_) => Progress::Nothing,
        };
        self.progress(cx, progress);
    }

    /// Forgets what a dead process forgets.
    pub fn crash(&mut self) {
        self.client.reset();
        self.calls.clear();
        self.running = false;
    }

    fn next_call(&mut self, cx: ToolCx<'_, '_>) -> Progress {
        let (target, request) = self.calls.pop_front().expect("a tool has a call");
        self.client.call(cx, target, request)
    }

    fn progress(&mut self, cx: ToolCx<'_, '_>, progress: Progress) {
        match progress {
            Progress::Nothing => {}
            Progress::Asked(broker) => tell(cx, kafka::fact::Fact::CommandAsked { broker }),
            Progress::TriedInVain(error) => {
                tell(cx, kafka::fact::Fact::CommandTriedInVain { error });
            }
            Progress::Answered(None) if !self.calls.is_empty() => {
                let progress = self.next_call(cx);
                self.progress(cx, progress);
            }
            Progress::Answered(error) => self.end(cx, error),
            // It says so, and leaves the throttle.
            Progress::Reassigning(true) => self.end(cx, None),
            Progress::Reassigning(false) => self.verified(cx),
            Progress::Described(topics) => self.described(cx, &topics),
            Progress::GivenUp => self.end(cx, Some(ErrorCode::RequestTimedOut)),
        }
    }

    /// The tool knows where the partition is, and so which brokers send and which receive.
    fn described(&mut self, cx: ToolCx<'_, '_>, topics: &[TopicMetadata]) {
        let Command::ThrottledReassignment { tp, target, rate } = &self.command else {
            unreachable!("only a move with a throttle looks where the partition is");
        };
        let partitions = topics.first().map(|topic| &topic.replicas);
        let Some(sources) = partitions.and_then(|all| all.get(tp.partition as usize)) else {
            return self.end(cx, Some(ErrorCode::UnknownTopicOrPartition));
        };
        self.calls = throttled_move(*tp, sources, target, *rate);
        let progress = self.next_call(cx);
        self.progress(cx, progress);
    }

    /// The move is over: its throttle goes.
    fn verified(&mut self, cx: ToolCx<'_, '_>) {
        let Command::VerifyReassignment(tp) = &self.command else {
            unreachable!("only --verify looks whether a move is over");
        };
        self.calls = unthrottled(tp.topic, self.client.live_brokers());
        let progress = self.next_call(cx);
        self.progress(cx, progress);
    }

    fn end(&mut self, cx: ToolCx<'_, '_>, error: Option<ErrorCode>) {
        tell(cx, kafka::fact::Fact::CommandEnded { error });
        self.exit(cx);
    }

    fn exit(&mut self, cx: ToolCx<'_, '_>) {
        self.crash();
        cx.exit();
    }
}

fn tell(cx: ToolCx<'_, '_>, fact: kafka::fact::Fact) {
    cx.fact(Fact::Kafka(fact));
}

/// The calls of a command, in order.
fn calls(command: &Command) -> VecDeque<(Target, Request)> {
    let call = match command {
        Command::AlterConfig { topic, changes } => {
            let request = IncrementalAlterConfigsRequest::Topic {
                topic: *topic,
                changes: Arc::clone(changes),
            };
            (Target::AnyBroker, Request::IncrementalAlterConfigs(request))
        }
        Command::DeleteRecords { tp, before } => {
            let request = DeleteRecordsRequest {
                timeout: Settings::default().request_timeout,
                partitions: vec![DeleteRecordsPartition {
                    tp: *tp,
                    before: *before,
                }],
            };
            (Target::Leader(*tp), Request::DeleteRecords(request))
        }
        Command::ThrottledReassignment { tp, .. } => {
            let request = MetadataRequest {
                topics: vec![tp.topic],
                allow_auto_topic_creation: false,
            };
            (Target::AnyBroker, Request::Metadata(request))
        }
        Command::Admin(request) => {
            let target = match request {
                AdminRequest::AlterClientQuotas { .. } | AdminRequest::UnregisterBroker { .. } => {
                    Target::AnyBroker
                }
                AdminRequest::ElectLeaders { .. }
                | AdminRequest::CreateTopics { .. }
                | AdminRequest::CreatePartitions { .. }
                | AdminRequest::AlterPartitionReassignments { .. }
                | AdminRequest::ListPartitionReassignments { .. } => Target::Controller,
            };
            (target, Request::Admin(Box::new(request.clone())))
        }
        Command::VerifyReassignment(tp) => {
            let request = AdminRequest::ListPartitionReassignments { tp: *tp };
            (Target::Controller, Request::Admin(Box::new(request)))
        }
    };
    VecDeque::from([call])
}

/// First the throttle, on the topic and on every broker that takes part, then the move.
fn throttled_move(
    tp: TopicPartition,
    sources: &[BrokerId],
    target: &Arc<[BrokerId]>,
    rate: u64,
) -> VecDeque<(Target, Request)> {
    let on = |broker: &BrokerId| (tp.partition, *broker);
    let new: Vec<BrokerId> = (target.iter().copied())
        .filter(|broker| !sources.contains(broker))
        .collect();
    let alter = Request::IncrementalAlterConfigs;
    // The tool sets the whole list, of this move and of those under way; adding to it is the same.
    let listed = alter(IncrementalAlterConfigsRequest::ThrottledReplicas {
        topic: tp.topic,
        replicas: PerSide {
            leader: sources.iter().map(on).collect(),
            follower: new.iter().map(on).collect(),
        },
    });
    let mut calls = VecDeque::from([(Target::AnyBroker, listed)]);
    let brokers: BTreeSet<BrokerId> = sources.iter().chain(&new).copied().collect();
    for broker in brokers {
        let rate = Some(rate);
        let limit = alter(IncrementalAlterConfigsRequest::ThrottledRate { broker, rate });
        calls.push_back((Target::Broker(broker), limit));
    }
    let target = Some(Arc::clone(target));
    let request = AdminRequest::AlterPartitionReassignments { tp, target };
    calls.push_back((Target::Controller, Request::Admin(Box::new(request))));
    calls
}

/// Takes the throttle of all moves back, from every broker and then from the topic.
fn unthrottled(topic: TopicId, brokers: Vec<BrokerId>) -> VecDeque<(Target, Request)> {
    let alter = Request::IncrementalAlterConfigs;
    let rates = brokers.into_iter().map(|broker| {
        let rate = None;
        let request = IncrementalAlterConfigsRequest::ThrottledRate { broker, rate };
        (Target::Broker(broker), alter(request))
    });
    let changes = Side::ALL.map(|side| ConfigChange {
        name: side.replicas_config().into(),
        value: None,
    });
    let changes = Arc::from(changes);
    let lists = alter(IncrementalAlterConfigsRequest::Topic { topic, changes });
    rates.chain([(Target::AnyBroker, lists)]).collect()
}
