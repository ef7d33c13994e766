//! The controller's side of its connections: what was asked, what is answered when.
//!
//! Modelled: one request at a time per connection, as in Kafka's socket server: the next one is
//! taken up when the last one is answered; answers that wait for a commit; fetches of observers
//! that wait for news, one timer for all of them.
//! Source: SocketServer.processCompletedReceives, DeferredEventQueue, KafkaRaftClient.

use std::collections::{BTreeMap, VecDeque};

use crate::kafka::api::quorum_fetch::QuorumFetchRequest;
use crate::kafka::fact::Fact;
use crate::kafka::ids::Offset;
use crate::kafka::message::{CorrelationId, Message, Request, Response};
use crate::sim::process::{ConnectionId, Cx, TimerSlot};
use crate::sim::time::SimTime;

/// Which request an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// Its connection.
    pub(super) on: ConnectionId,
    /// Its number there.
    pub(super) correlation: CorrelationId,
}

/// All connections of one life of a controller.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    connections: BTreeMap<ConnectionId, Connection>,
    /// Requests whose connection became free, oldest first.
    ready: VecDeque<(Caller, Request)>,
    /// Answers that go out when the log is committed up to an offset, in order of it.
    deferred: VecDeque<(Offset, Caller, Response)>,
    parked: Vec<ParkedFetch>,
}

#[derive(Clone, Debug, Default)]
struct Connection {
    busy: bool,
    waiting: VecDeque<(CorrelationId, Request)>,
}

/// An observer's fetch that waits for news.
#[derive(Clone, Copy, Debug)]
pub(super) struct ParkedFetch {
    /// Who asked.
    pub(super) caller: Caller,
    /// What.
    pub(super) request: QuorumFetchRequest,
    /// When it is answered whatever happens.
    deadline: SimTime,
}

impl Server {
    /// A request arrived; it is served at once unless its connection is busy.
    pub(super) fn arrived(&mut self, caller: Caller, request: Request) {
        let connection = self.connections.entry(caller.on).or_default();
        if connection.busy {
            connection.waiting.push_back((caller.correlation, request));
        } else {
            connection.busy = true;
            self.ready.push_back((caller, request));
        }
    }

    /// The next request to serve.
    pub(super) fn next(&mut self) -> Option<(Caller, Request)> {
        self.ready.pop_front()
    }

    /// Answers now.
    pub(super) fn answer<T: TimerSlot>(
        &mut self,
        cx: &mut Cx<'_, Message, Fact, T>,
        caller: Caller,
        body: Response,
    ) {
        // Who hung up in the meantime gets no answer.
        let Some(connection) = self.connections.get_mut(&caller.on) else {
            return;
        };
        cx.send(caller.on, Message::answer(caller.correlation, body));
        match connection.waiting.pop_front() {
            Some((correlation, request)) => {
                let on = caller.on;
                self.ready.push_back((Caller { on, correlation }, request));
            }
            None => connection.busy = false,
        }
    }

    /// Answers once the log is committed up to `offset`.
    pub(super) fn answer_at(&mut self, offset: Offset, caller: Caller, body: Response) {
        let last = self.deferred.back().map_or(Offset(0), |(at, _, _)| *at);
        assert!(offset >= last, "what is decided later is committed later");
        self.deferred.push_back((offset, caller, body));
    }

    /// The log is committed up to `offset`: the answers that waited for it go out.
    pub(super) fn committed<T: TimerSlot>(
        &mut self,
        cx: &mut Cx<'_, Message, Fact, T>,
        offset: Offset,
    ) {
        while let Some((_, caller, body)) = self.deferred.pop_front_if(|(at, _, _)| *at <= offset) {
            self.answer(cx, caller, body);
        }
    }

    /// Keeps an observer's fetch for later; says whether it is the only one.
    pub(super) fn park(&mut self, caller: Caller, request: QuorumFetchRequest, now: SimTime) {
        self.parked.push(ParkedFetch {
            caller,
            request,
            deadline: now + request.max_wait,
        });
    }

    /// Takes out all parked fetches, in order of arrival.
    pub(super) fn take_parked(&mut self) -> Vec<ParkedFetch> {
        std::mem::take(&mut self.parked)
    }

    /// Takes out the parked fetches that have waited long enough.
    pub(super) fn take_overdue(&mut self, now: SimTime) -> Vec<ParkedFetch> {
        self.parked
            .extract_if(.., |fetch| fetch.deadline <= now)
            .collect()
    }

    /// When the first parked fetch has waited long enough.
    pub(super) fn next_deadline(&self) -> Option<SimTime> {
        self.parked.iter().map(|fetch| fetch.deadline).min()
    }

    /// A connection broke: what was asked on it is not answered.
    pub(super) fn disconnected(&mut self, on: ConnectionId) {
        self.connections.remove(&on);
        self.ready.retain(|(caller, _)| caller.on != on);
        self.deferred.retain(|(_, caller, _)| caller.on != on);
        self.parked.retain(|fetch| fetch.caller.on != on);
    }
}
