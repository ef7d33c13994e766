//! One conversation with the active controller: one request at a time, sent until it is answered.
//!
//! Modelled: the request survives lost connections and NOT_CONTROLLER, which both lead to the next
//! controller of the list; a time after which the caller is told that there was no answer.
//! Left out: learning the active controller from the quorum; the list is tried in turn.
//! Source: NodeToControllerChannelManagerImpl, NodeToControllerRequestThread (4.2).

use crate::kafka::api::alter_partition::AlteredPartition;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::message::{CorrelationId, Message, Request, Response};
use crate::rpc::{Event, Peer, Rpc, Settings};
use crate::sim::process::{ConnectionId, Cx, HostId, TimerSlot};
use crate::sim::rng::Rng;
use crate::sim::time::{SimDuration, SimTime};

/// How long to wait once every controller has said that it is not the active one.
const NO_CONTROLLER_BACKOFF: SimDuration = SimDuration::from_millis(100);

type LinkCx<'a, 'b> = &'a mut Cx<'b, Message, Fact, Timer>;

/// What wakes a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Of the connections.
    Rpc(crate::rpc::Timer),
    /// No controller was the active one; try again.
    Retry,
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Retry => 0,
            Self::Rpc(timer) => 1 + timer.slot(),
        }
    }
}

/// What became of the request.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    /// Nothing that concerns the caller.
    Nothing,
    /// The answer.
    Answered(Response),
    /// The request is given up, unsent or unanswered.
    GivenUp,
}

/// A conversation with the controller.
#[derive(Clone, Debug)]
pub(super) struct ControllerLink {
    rpc: Rpc<()>,
    peers: Vec<Peer>,
    active: usize,
    /// Controllers in a row that were not the active one.
    refusals: usize,
    pending: Option<Pending>,
    give_up_after: Option<SimDuration>,
}

#[derive(Clone, Debug)]
struct Pending {
    request: Request,
    since: SimTime,
    is_sent: bool,
}

impl ControllerLink {
    /// A link that has not connected yet. A request is given up `give_up_after` it was made.
    pub(super) fn new(
        controllers: &[HostId],
        request_timeout: SimDuration,
        give_up_after: Option<SimDuration>,
        rng: Rng,
    ) -> Self {
        let settings = Settings {
            request_timeout,
            reconnect_backoff: SimDuration::from_millis(50),
            reconnect_backoff_max: SimDuration::from_millis(50),
            ..Settings::default()
        };
        let mut rpc = Rpc::new(settings, rng);
        let peers = controllers.iter().map(|host| rpc.add_peer(*host)).collect();
        Self {
            rpc,
            peers,
            active: 0,
            refusals: 0,
            pending: None,
            give_up_after,
        }
    }

    /// True while a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.pending.is_some()
    }

    /// True when the connection is this link's.
    pub(super) fn owns(&self, connection: ConnectionId) -> bool {
        self.rpc.peer_of(connection).is_some()
    }

    /// Makes a request; there is none under way.
    pub(super) fn ask(&mut self, cx: LinkCx<'_, '_>, request: Request) {
        assert!(
            self.pending.is_none(),
            "a link carries one request at a time"
        );
        self.pending = Some(Pending {
            request,
            since: cx.now(),
            is_sent: false,
        });
        self.push(cx);
    }

    /// Forgets connections and requests, as the process does when it dies.
    pub(super) fn reset(&mut self) {
        self.rpc.reset();
        self.pending = None;
        self.refusals = 0;
    }

    /// One of this link's connections is open.
    pub(super) fn connected(&mut self, cx: LinkCx<'_, '_>, connection: ConnectionId) {
        cx.scoped(Timer::Rpc, |cx| self.rpc.connected(cx, connection));
        self.push(cx);
    }

    /// One of this link's connections broke.
    pub(super) fn disconnected(
        &mut self,
        cx: LinkCx<'_, '_>,
        connection: ConnectionId,
    ) -> Progress {
        let event = cx.scoped(Timer::Rpc, |cx| self.rpc.disconnected(cx, connection));
        self.after(cx, &event)
    }

    /// A timer fired.
    pub(super) fn timer(&mut self, cx: LinkCx<'_, '_>, timer: Timer) -> Progress {
        match timer {
            Timer::Retry => {
                self.push(cx);
                Progress::Nothing
            }
            Timer::Rpc(timer) => {
                let event = cx.scoped(Timer::Rpc, |cx| self.rpc.timer(cx, timer));
                self.after(cx, &event)
            }
        }
    }

    /// An answer came on one of this link's connections.
    pub(super) fn answered(
        &mut self,
        cx: LinkCx<'_, '_>,
        connection: ConnectionId,
        correlation: CorrelationId,
        response: Response,
    ) -> Progress {
        if self.rpc.answered(connection, correlation).is_none() {
            return Progress::Nothing;
        }
        if error_of(&response) == Some(ErrorCode::NotController) {
            self.refused(cx);
            return Progress::Nothing;
        }
        self.refusals = 0;
        self.pending = None;
        Progress::Answered(response)
    }

    /// The controller is not the active one: ask the next, after a pause once all were asked.
    fn refused(&mut self, cx: LinkCx<'_, '_>) {
        if let Some(pending) = &mut self.pending {
            pending.is_sent = false;
        }
        self.rotate();
        self.refusals += 1;
        if self.refusals.is_multiple_of(self.peers.len()) {
            cx.set_timer(Timer::Retry, NO_CONTROLLER_BACKOFF);
        } else {
            self.push(cx);
        }
    }

    fn after(&mut self, cx: LinkCx<'_, '_>, event: &Event<()>) -> Progress {
        match event {
            Event::Nothing => Progress::Nothing,
            Event::MayConnect(_) | Event::MaySend(_) => self.push_or_give_up(cx),
            Event::Lost { peer, .. } => {
                if self.peers[self.active] == *peer {
                    self.rotate();
                    if let Some(pending) = &mut self.pending {
                        pending.is_sent = false;
                    }
                }
                self.push_or_give_up(cx)
            }
        }
    }

    fn push_or_give_up(&mut self, cx: LinkCx<'_, '_>) -> Progress {
        let now = cx.now();
        let is_late = |pending: &Pending| {
            self.give_up_after
                .is_some_and(|limit| !pending.is_sent && now.since(pending.since) >= limit)
        };
        if self.pending.as_ref().is_some_and(is_late) {
            self.pending = None;
            return Progress::GivenUp;
        }
        self.push(cx);
        Progress::Nothing
    }

    fn push(&mut self, cx: LinkCx<'_, '_>) {
        let Some(pending) = self.pending.as_mut().filter(|pending| !pending.is_sent) else {
            return;
        };
        let peer = self.peers[self.active];
        if self.rpc.is_ready(peer) {
            pending.is_sent = true;
            let request = pending.request.clone();
            cx.scoped(Timer::Rpc, |cx| self.rpc.send(cx, peer, request, ()));
        } else {
            cx.scoped(Timer::Rpc, |cx| self.rpc.connect(cx, peer));
        }
    }

    fn rotate(&mut self) {
        self.active = (self.active + 1) % self.peers.len();
    }
}

/// The error of a controller's whole answer. One partition is enough to say that it is not the
/// active controller.
fn error_of(response: &Response) -> Option<ErrorCode> {
    match response {
        Response::AlterPartition(response) => {
            let of_partition = |altered: &AlteredPartition| {
                altered
                    .error
                    .filter(|error| *error == ErrorCode::NotController)
            };
            response
                .error
                .or_else(|| response.partitions.iter().find_map(of_partition))
        }
        Response::BrokerRegistration(response) => response.error,
        Response::BrokerHeartbeat(response) => response.error,
        Response::AllocateProducerIds(response) => response.error,
        Response::Envelope(response) => response.error,
        Response::AssignReplicasToDirs(response) => response.error,
        Response::Admin(_)
        | Response::Produce(_)
        | Response::Fetch(_)
        | Response::ListOffsets(_)
        | Response::Metadata(_)
        | Response::InitProducerId(_)
        | Response::OffsetForLeaderEpoch(_)
        | Response::DeleteRecords(_)
        | Response::IncrementalAlterConfigs(_)
        | Response::QuorumFetch(_) => None,
    }
}
