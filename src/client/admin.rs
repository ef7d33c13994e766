//! The administrator's client, a part of the tool that uses it.
//!
//! Modelled: metadata first, from any broker of bootstrap.servers; then the call goes to any broker,
//! to the one that the metadata calls the controller (which passes it on), to a broker by its id, or
//! to a partition's leader, which is looked up; lost connections, time-outs and errors that may pass
//! are tried again with exponential back-off until default.api.timeout.ms is over.
//! Left out: bootstrap.controllers, several calls at a time, quotas of the controller.
//! Source: KafkaAdminClient, AdminMetadataManager, AdminApiDriver, PartitionLeaderStrategy (4.2);
//! KIP-580, KIP-590.

use std::sync::Arc;

use crate::client::metadata::{self, ClientMetadata, MissingTopic, node};
use crate::kafka::api::admin::{AdminRequest, AdminResponse};
use crate::kafka::api::metadata::{MetadataRequest, MetadataResponse, TopicMetadata};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, TopicPartition};
use crate::kafka::message::{CorrelationId, Message, Request, Response};
use crate::rpc;
use crate::rpc::{Event, Peer, Rpc};
use crate::sim::process::{ConnectionId, Cx, HostId, TimerSlot};
use crate::sim::rng::{Rng, Streams};
use crate::sim::time::{SimDuration, SimTime};

/// An administrator's context.
type AdminCx<'a, 'b, F> = &'a mut Cx<'b, Message, F, Timer>;

/// How long it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// default.api.timeout.ms
    pub default_api_timeout: SimDuration,
    /// request.timeout.ms
    pub request_timeout: SimDuration,
    /// retry.backoff.ms
    pub retry_backoff: SimDuration,
    /// retry.backoff.max.ms
    pub retry_backoff_max: SimDuration,
    /// metadata.max.age.ms
    pub metadata_max_age: SimDuration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_api_timeout: SimDuration::from_secs(60),
            request_timeout: SimDuration::from_secs(30),
            retry_backoff: SimDuration::from_millis(100),
            retry_backoff_max: SimDuration::from_secs(1),
            metadata_max_age: SimDuration::from_secs(300),
        }
    }
}

/// What wakes the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A back-off is over.
    Wake,
    /// The call has taken too long.
    Deadline,
    /// Of its connections.
    Rpc(rpc::Timer),
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Wake => 0,
            Self::Deadline => 1,
            Self::Rpc(timer) => 2 + timer.slot(),
        }
    }
}

/// Whom a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The least loaded broker.
    AnyBroker,
    /// The broker that the metadata calls the controller.
    Controller,
    /// This broker.
    Broker(BrokerId),
    /// Who leads the partition.
    Leader(TopicPartition),
}

/// What became of the call.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Nothing that concerns the caller.
    Nothing,
    /// The request went to this broker.
    Asked(BrokerId),
    /// It is to be tried again; none where the connection was lost or nobody answered.
    TriedInVain(Option<ErrorCode>),
    /// The answer, with its error, if it has one.
    Answered(Option<ErrorCode>),
    /// The topics that were asked for, as a broker knows them.
    Described(Vec<TopicMetadata>),
    /// Whether the partition that was asked for is still being moved.
    Reassigning(bool),
    /// default.api.timeout.ms is over.
    GivenUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Metadata,
    Lookup,
    Call,
}

#[derive(Clone, Debug)]
struct Call {
    target: Target,
    request: Request,
    tries: u32,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has no node, and gets none before this.
    Pending(SimTime),
    /// It waits for the node's connection.
    Assigned(Peer),
    InFlight,
}

/// An administrator's client: one call at a time.
#[derive(Clone, Debug)]
pub struct AdminClient {
    settings: Settings,
    metadata: ClientMetadata,
    rpc: Rpc<Token>,
    rng: Rng,
    /// True once a broker has told who the brokers are.
    ready: bool,
    controller: Option<Peer>,
    leader: Option<Peer>,
    call: Option<Call>,
}

impl AdminClient {
    /// A client that has not connected yet; its streams are named after `name`.
    pub fn new(
        settings: Settings,
        brokers: Arc<[(BrokerId, HostId)]>,
        streams: &Streams,
        name: &str,
    ) -> Self {
        let stream = |part: &str| streams.stream(&format!("{name}/{part}"));
        let rpc_settings = rpc::Settings {
            request_timeout: settings.request_timeout,
            ..rpc::Settings::default()
        };
        let mut rpc = Rpc::new(rpc_settings, stream("rpc"));
        for (_, host) in brokers.iter() {
            rpc.add_peer(*host);
        }
        let of_metadata = metadata::Settings {
            max_age: settings.metadata_max_age,
            retry_backoff: settings.retry_backoff,
            retry_backoff_max: settings.retry_backoff_max,
            missing: MissingTopic::Leave,
        };
        Self {
            settings,
            metadata: ClientMetadata::new(of_metadata, brokers, Vec::new(), stream("metadata")),
            rpc,
            rng: stream("retry"),
            ready: false,
            controller: None,
            leader: None,
            call: None,
        }
    }

    /// The brokers that the metadata names, by id.
    pub fn live_brokers(&self) -> Vec<BrokerId> {
        let all = self.metadata.brokers().iter().map(|(id, _)| *id);
        all.filter(|id| {
            let peer = self.metadata.peer(*id);
            peer.is_some_and(|peer| self.metadata.is_live(peer))
        })
        .collect()
    }

    /// Begins a call; there is none under way.
    pub fn call<F>(
        &mut self,
        cx: AdminCx<'_, '_, F>,
        target: Target,
        request: Request,
    ) -> Progress {
        assert!(self.call.is_none(), "one call at a time");
        self.leader = None;
        self.call = Some(Call {
            target,
            request,
            tries: 0,
            stage: Stage::Pending(cx.now()),
        });
        cx.set_timer(Timer::Deadline, self.settings.default_api_timeout);
        self.drive(cx)
    }

    /// One of its connections is open.
    pub fn connected<F>(&mut self, cx: AdminCx<'_, '_, F>, on: ConnectionId) -> Progress {
        cx.scoped(Timer::Rpc, |cx| self.rpc.connected(cx, on));
        self.drive(cx)
    }

    /// One of its connections broke.
    pub fn disconnected<F>(&mut self, cx: AdminCx<'_, '_, F>, on: ConnectionId) -> Progress {
        let event = cx.scoped(Timer::Rpc, |cx| self.rpc.disconnected(cx, on));
        self.network(cx, &event)
    }

    /// A timer fired.
    pub fn timer<F>(&mut self, cx: AdminCx<'_, '_, F>, timer: Timer) -> Progress {
        match timer {
            Timer::Wake => self.drive(cx),
            Timer::Deadline => match self.call.take() {
                Some(_) => Progress::GivenUp,
                None => Progress::Nothing,
            },
            Timer::Rpc(timer) => {
                let event = cx.scoped(Timer::Rpc, |cx| self.rpc.timer(cx, timer));
                self.network(cx, &event)
            }
        }
    }

    /// An answer came.
    pub fn answered<F>(
        &mut self,
        cx: AdminCx<'_, '_, F>,
        on: ConnectionId,
        correlation: CorrelationId,
        body: &Response,
    ) -> Progress {
        let Some((_, token)) = self.rpc.answered(on, correlation) else {
            return Progress::Nothing;
        };
        match (token, body) {
            (Token::Metadata, Response::Metadata(response)) => {
                let controller = response.controller;
                self.controller = controller.and_then(|id| self.metadata.peer(id));
                self.ready |= !response.brokers.is_empty();
                self.metadata.update(response, cx.now());
                self.drive(cx)
            }
            (Token::Lookup, Response::Metadata(response)) => self.looked_up(cx, response),
            (Token::Call, Response::Metadata(response)) if self.call.is_some() => {
                self.call = None;
                cx.cancel_timer(Timer::Deadline);
                Progress::Described(response.topics.clone())
            }
            (
                Token::Call,
                Response::Admin(AdminResponse {
                    reassigning: Some(reassigning),
                    ..
                }),
            ) if self.call.is_some() => {
                self.call = None;
                cx.cancel_timer(Timer::Deadline);
                Progress::Reassigning(*reassigning)
            }
            (Token::Call, body) => self.call_answered(cx, error_of(body)),
            (Token::Metadata | Token::Lookup, _) => {
                unreachable!("an answer is of its request's kind")
            }
        }
    }

    /// Forgets all but its addresses, as the process does when it dies.
    pub fn reset(&mut self) {
        self.rpc.reset();
        self.metadata.reset();
        self.ready = false;
        self.controller = None;
        self.leader = None;
        self.call = None;
    }

    fn network<F>(&mut self, cx: AdminCx<'_, '_, F>, event: &Event<Token>) -> Progress {
        let Event::Lost { peer, failed, .. } = event else {
            return self.drive(cx);
        };
        if failed.contains(&Token::Metadata) {
            self.metadata.failed(cx.now());
        }
        self.metadata.disconnected(cx.now());
        if failed.contains(&Token::Call) || failed.contains(&Token::Lookup) {
            return self.try_again(cx, None);
        }
        if let Some(call) = &mut self.call
            && call.stage == Stage::Assigned(*peer)
        {
            call.stage = Stage::Pending(cx.now());
        }
        self.drive(cx)
    }

    /// Does what can be done now: gives the call a node, connects, sends, asks for metadata.
    fn drive<F>(&mut self, cx: AdminCx<'_, '_, F>) -> Progress {
        let asked = self.place_call(cx);
        let metadata = &mut self.metadata;
        let rpc = &mut self.rpc;
        let refresh = cx.scoped(Timer::Rpc, |cx| metadata.poll(cx, rpc, 1, Token::Metadata));
        let retry = self.call.as_ref().and_then(|call| match call.stage {
            Stage::Pending(not_before) => Some(not_before).filter(|at| *at > cx.now()),
            Stage::Assigned(_) | Stage::InFlight => None,
        });
        if let Some(at) = refresh.into_iter().chain(retry).min() {
            cx.set_timer(Timer::Wake, at.since(cx.now()));
        }
        asked
    }

    fn place_call<F>(&mut self, cx: AdminCx<'_, '_, F>) -> Progress {
        let Some(call) = &self.call else {
            return Progress::Nothing;
        };
        let target = call.target;
        let peer = match call.stage {
            Stage::Pending(not_before) if cx.now() < not_before => return Progress::Nothing,
            Stage::InFlight => return Progress::Nothing,
            Stage::Pending(_) => self.node(target),
            Stage::Assigned(peer) => Some(peer),
        };
        let Some(peer) = peer else {
            if !self.ready || target != Target::AnyBroker {
                self.metadata.request_update();
            }
            return Progress::Nothing;
        };
        let call = self.call.as_mut().expect("the call is pending");
        if !self.rpc.is_ready(peer) {
            call.stage = Stage::Assigned(peer);
            cx.scoped(Timer::Rpc, |cx| self.rpc.connect(cx, peer));
            return Progress::Nothing;
        }
        call.stage = Stage::InFlight;
        let (request, token) = match target {
            Target::Leader(tp) if self.leader.is_none() => {
                let lookup = MetadataRequest {
                    topics: vec![tp.topic],
                    allow_auto_topic_creation: false,
                };
                (Request::Metadata(lookup), Token::Lookup)
            }
            Target::AnyBroker | Target::Controller | Target::Broker(_) | Target::Leader(_) => {
                (call.request.clone(), Token::Call)
            }
        };
        cx.scoped(Timer::Rpc, |cx| self.rpc.send(cx, peer, request, token));
        match token {
            Token::Call => Progress::Asked(self.metadata.brokers()[peer.0 as usize].0),
            Token::Metadata | Token::Lookup => Progress::Nothing,
        }
    }

    fn node(&mut self, target: Target) -> Option<Peer> {
        if !self.ready {
            return None;
        }
        match target {
            Target::Controller => self.controller,
            Target::Broker(id) => {
                let peer = self.metadata.peer(id);
                peer.filter(|peer| self.metadata.is_live(*peer))
            }
            Target::Leader(_) if self.leader.is_some() => self.leader,
            Target::AnyBroker | Target::Leader(_) => {
                let rpc = &self.rpc;
                let found = self.metadata.least_loaded(|peer| node(rpc, peer, 1));
                found.map(|(peer, _)| peer)
            }
        }
    }

    fn looked_up<F>(&mut self, cx: AdminCx<'_, '_, F>, response: &MetadataResponse) -> Progress {
        let call = self.call.as_mut();
        let Some((call, tp)) = call.and_then(|call| match call.target {
            Target::Leader(tp) => Some((call, tp)),
            Target::AnyBroker | Target::Controller | Target::Broker(_) => None,
        }) else {
            return Progress::Nothing;
        };
        let topic = response.topics.first();
        let partition = topic.and_then(|topic| topic.partitions.get(tp.partition as usize));
        let leader = partition.and_then(|partition| partition.leader);
        self.leader = leader.and_then(|leader| self.metadata.peer(leader));
        if self.leader.is_some() {
            call.stage = Stage::Pending(cx.now());
            return self.drive(cx);
        }
        let unknown = topic.and_then(|topic| topic.error);
        self.try_again(cx, Some(unknown.unwrap_or(ErrorCode::LeaderNotAvailable)))
    }

    fn call_answered<F>(&mut self, cx: AdminCx<'_, '_, F>, error: Option<ErrorCode>) -> Progress {
        let Some(call) = &self.call else {
            return Progress::Nothing;
        };
        if error.is_some_and(|error| may_pass(call, error)) {
            if error == Some(ErrorCode::NotController) {
                self.controller = None;
                self.metadata.request_update();
            }
            self.leader = None;
            return self.try_again(cx, error);
        }
        self.call = None;
        cx.cancel_timer(Timer::Deadline);
        Progress::Answered(error)
    }

    /// The call goes back into the queue, behind a back-off.
    fn try_again<F>(&mut self, cx: AdminCx<'_, '_, F>, error: Option<ErrorCode>) -> Progress {
        let Some(call) = &mut self.call else {
            return Progress::Nothing;
        };
        let settings = self.settings;
        let (first, max) = (settings.retry_backoff, settings.retry_backoff_max);
        let after = rpc::backoff(first, max, call.tries, &mut self.rng);
        call.tries += 1;
        call.stage = Stage::Pending(cx.now() + after);
        if error.is_none() {
            self.leader = None;
        }
        self.drive(cx);
        Progress::TriedInVain(error)
    }
}

/// Which errors are tried again: those of a leader that is another one now, a node that is not the
/// controller, and a time-out of UnregisterBroker; all else is the caller's.
fn may_pass(call: &Call, error: ErrorCode) -> bool {
    match call.target {
        Target::Leader(_) => error.is_retriable(),
        Target::AnyBroker | Target::Controller | Target::Broker(_) => {
            let unregisters = matches!(&call.request, Request::Admin(request)
                if matches!(**request, AdminRequest::UnregisterBroker { .. }));
            error == ErrorCode::NotController
                || (unregisters && error == ErrorCode::RequestTimedOut)
        }
    }
}

fn error_of(body: &Response) -> Option<ErrorCode> {
    match body {
        Response::Admin(response) => response.error,
        Response::IncrementalAlterConfigs(response) => response.error,
        Response::DeleteRecords(response) => response.partitions[0].error,
        // Nobody waits for it any more.
        Response::Metadata(_) => None,
        Response::Produce(_)
        | Response::Fetch(_)
        | Response::ListOffsets(_)
        | Response::InitProducerId(_)
        | Response::OffsetForLeaderEpoch(_)
        | Response::AlterPartition(_)
        | Response::BrokerRegistration(_)
        | Response::BrokerHeartbeat(_)
        | Response::AllocateProducerIds(_)
        | Response::AssignReplicasToDirs(_)
        | Response::QuorumFetch(_)
        | Response::Envelope(_) => unreachable!("no administrator asks for {body:?}"),
    }
}

#[cfg(test)]
mod tests;
