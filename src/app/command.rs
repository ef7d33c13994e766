//! A command-line tool that somebody starts: it asks the cluster for one thing and ends.
//!
//! Modelled: `kafka-configs --bootstrap-controller … --alter` (KIP-919), which asks a controller, and
//! `kafka-delete-records`, which asks a broker who leads and then the leader; errors that may pass and
//! lost connections are tried again for a minute.
//! Source: KafkaAdminClient, ConfigCommand, DeleteRecordsCommand (4.2).

use std::sync::Arc;

use crate::app::Fact;
use crate::kafka;
use crate::kafka::api::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest};
use crate::kafka::api::incremental_alter_configs::IncrementalAlterConfigsRequest;
use crate::kafka::api::metadata::{MetadataRequest, MetadataResponse};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, TopicPartition};
use crate::kafka::message::{Message, Request, Response};
use crate::rpc;
use crate::rpc::{Event, Peer, Rpc};
use crate::sim::process::{Cx, HostId, Input, TimerSlot};
use crate::sim::rng::Streams;
use crate::sim::time::SimDuration;
use crate::workload::Command;

/// default.api.timeout.ms
const GIVES_UP_AFTER: SimDuration = SimDuration::from_secs(60);
/// retry.backoff.ms
const RETRY_BACKOFF: SimDuration = SimDuration::from_millis(100);

/// What wakes a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// An error has passed, perhaps.
    Retry,
    /// It has tried for long enough.
    GiveUp,
    /// Of its connections.
    Rpc(rpc::Timer),
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Retry => 0,
            Self::GiveUp => 1,
            Self::Rpc(timer) => 2 + timer.slot(),
        }
    }
}

/// A tool; it runs from its start to its answer.
#[derive(Clone, Debug)]
pub struct Tool {
    command: Command,
    brokers: Arc<[(BrokerId, HostId)]>,
    rpc: Rpc<()>,
    /// Whom it asks next: a server, or the leader that one has named.
    next: Peer,
    leader: Option<Peer>,
    waiting: bool,
    running: bool,
}

impl Tool {
    /// A tool that was not started. A change of configs goes to controllers, all else to brokers.
    pub fn new(
        command: Command,
        brokers: Arc<[(BrokerId, HostId)]>,
        controllers: &[HostId],
        streams: &Streams,
        name: &str,
    ) -> Self {
        let rng = streams.stream(&format!("command/{name}"));
        let mut rpc = Rpc::new(rpc::Settings::default(), rng);
        match &command {
            Command::AlterConfig { .. } => {
                for host in controllers {
                    rpc.add_peer(*host);
                }
            }
            Command::DeleteRecords { .. } => {
                for (_, host) in brokers.iter() {
                    rpc.add_peer(*host);
                }
            }
        }
        Self {
            command,
            brokers,
            rpc,
            next: Peer(0),
            leader: None,
            waiting: false,
            running: false,
        }
    }

    /// True from its start to its end.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Handles one input to the end.
    pub fn handle(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, input: Input<Message, Timer>) {
        match input {
            Input::Start => {
                self.running = true;
                cx.set_timer(Timer::GiveUp, GIVES_UP_AFTER);
                self.ask(cx);
            }
            Input::Timer(Timer::Retry) => self.ask(cx),
            Input::Timer(Timer::GiveUp) => self.end(cx, Some(ErrorCode::RequestTimedOut)),
            Input::Terminate => self.exit(cx),
            Input::Connected { on, .. } => {
                cx.scoped(Timer::Rpc, |cx| self.rpc.connected(cx, on));
                self.ask(cx);
            }
            Input::Disconnected(on) => {
                let event = cx.scoped(Timer::Rpc, |cx| self.rpc.disconnected(cx, on));
                self.network(cx, &event);
            }
            Input::Timer(Timer::Rpc(timer)) => {
                let event = cx.scoped(Timer::Rpc, |cx| self.rpc.timer(cx, timer));
                self.network(cx, &event);
            }
            Input::Message {
                on,
                body: Message::Response { correlation, body },
            } => {
                if self.rpc.answered(on, correlation).is_some() {
                    self.waiting = false;
                    self.answered(cx, &body);
                }
            }
            Input::Message {
                body: Message::Request { .. },
                ..
            }
            | Input::Flushed(_)
            | Input::FlushFailed(_) => {}
        }
    }

    /// Forgets what a dead process forgets.
    pub fn crash(&mut self) {
        self.rpc.reset();
        self.next = Peer(0);
        self.leader = None;
        self.waiting = false;
        self.running = false;
    }

    fn network(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, event: &Event<()>) {
        match event {
            Event::Nothing => {}
            Event::MayConnect(_) => self.ask(cx),
            Event::Lost { .. } => self.try_another(cx),
        }
    }

    /// Sends what is to be asked next, or connects.
    fn ask(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        if self.waiting {
            return;
        }
        let peer = self.leader.unwrap_or(self.next);
        if !self.rpc.is_ready(peer) {
            cx.scoped(Timer::Rpc, |cx| self.rpc.connect(cx, peer));
            return;
        }
        let request = match &self.command {
            Command::AlterConfig { topic, changes } => {
                Request::IncrementalAlterConfigs(IncrementalAlterConfigsRequest {
                    topic: *topic,
                    changes: Arc::clone(changes),
                })
            }
            Command::DeleteRecords { tp, .. } if self.leader.is_none() => {
                Request::Metadata(MetadataRequest {
                    topics: vec![tp.topic],
                })
            }
            Command::DeleteRecords { tp, before } => Request::DeleteRecords(DeleteRecordsRequest {
                timeout: rpc::Settings::default().request_timeout,
                partitions: vec![DeleteRecordsPartition {
                    tp: *tp,
                    before: *before,
                }],
            }),
        };
        self.waiting = true;
        cx.scoped(Timer::Rpc, |cx| self.rpc.send(cx, peer, request, ()));
    }

    fn answered(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, body: &Response) {
        let error = match (body, &self.command) {
            (Response::IncrementalAlterConfigs(response), _) => response.error,
            (Response::DeleteRecords(response), _) => response.partitions[0].error,
            (Response::Metadata(response), Command::DeleteRecords { tp, .. }) => {
                self.leader = self.leader_in(response, *tp);
                if self.leader.is_some() {
                    return self.ask(cx);
                }
                Some(ErrorCode::LeaderNotAvailable)
            }
            (body, command) => panic!("{body:?} does not answer {command:?}"),
        };
        match error {
            Some(error) if error.is_retriable() => self.try_another(cx),
            error => self.end(cx, error),
        }
    }

    fn leader_in(&self, response: &MetadataResponse, tp: TopicPartition) -> Option<Peer> {
        let topic = response
            .topics
            .iter()
            .find(|topic| topic.topic == tp.topic)?;
        let leader = topic.partitions.get(tp.partition as usize)?.leader?;
        let index = self
            .brokers
            .iter()
            .position(|(broker, _)| *broker == leader)?;
        Some(Peer(index as u32))
    }

    fn try_another(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        self.waiting = false;
        self.leader = None;
        self.next = Peer((self.next.0 + 1) % self.rpc.peer_count());
        cx.set_timer(Timer::Retry, RETRY_BACKOFF);
    }

    fn end(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, error: Option<ErrorCode>) {
        cx.fact(Fact::Kafka(kafka::fact::Fact::CommandEnded { error }));
        self.exit(cx);
    }

    fn exit(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        self.crash();
        cx.exit();
    }
}
