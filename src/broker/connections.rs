//! The server's side of connections: one request of each connection at a time.
//!
//! Modelled: a connection is muted from a request's arrival until its answer is sent, so requests
//! of one client are worked on in order and a parked one holds up those behind it. What is left
//! behind a muted connection that broke is lost when its answer can't be sent.
//! A connection whose client is over a quota stays muted for its throttle time (KIP-219).
//! Left out: idle connections. Network threads and the request queue are the engine's.
//! Source: SocketServer.Processor (processCompletedReceives, processCompletedSends), Selector.

// Deviation: a request behind a muted connection has paid its CPU time when it arrived, not when
// the connection is unmuted.

use std::collections::{BTreeSet, VecDeque};

use crate::kafka::message::{CorrelationId, Request};
use crate::kafka::quota::ClientId;
use crate::sim::process::ConnectionId;
use crate::sim::time::{SimDuration, SimTime};

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplyTo {
    /// The connection.
    pub(super) on: ConnectionId,
    /// The request's correlation id.
    pub(super) correlation: CorrelationId,
}

/// The connections that clients have opened, in order of id.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    open: Vec<Connection>,
    /// Connections with requests that may be worked on now.
    unmuted: VecDeque<ConnectionId>,
    /// Connections that stay muted, by the end of their throttle time.
    throttled: BTreeSet<(SimTime, ConnectionId)>,
}

/// What the request at work has taken, as far as quotas ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Its bytes.
    pub(super) bytes: u64,
    /// The time of the threads that worked on it.
    pub(super) thread_time: SimDuration,
}

#[derive(Clone, Debug)]
struct Connection {
    id: ConnectionId,
    /// Whose it is; none for a broker's, and where nobody has a quota.
    client: Option<ClientId>,
    usage: Usage,
    muted: bool,
    /// Its client is over a quota: it stays muted when the answer is sent.
    throttled: bool,
    /// The peer is gone; what it sent before is still worked on, up to the first answer.
    broken: bool,
    waiting: VecDeque<(CorrelationId, Request)>,
}

impl Connections {
    /// A client opened a connection.
    pub(super) fn accept(&mut self, id: ConnectionId, client: Option<ClientId>) {
        if let Err(at) = self.find(id) {
            self.open.insert(
                at,
                Connection {
                    id,
                    client,
                    usage: Usage::default(),
                    muted: false,
                    throttled: false,
                    broken: false,
                    waiting: VecDeque::new(),
                },
            );
        }
    }

    /// A request arrived. It comes back, and mutes the connection, when it can be worked on now.
    pub(super) fn arrived(
        &mut self,
        id: ConnectionId,
        correlation: CorrelationId,
        body: Request,
    ) -> Option<Request> {
        let at = self.find(id).ok()?;
        let connection = &mut self.open[at];
        if connection.muted {
            connection.waiting.push_back((correlation, body));
            None
        } else {
            connection.muted = true;
            Some(body)
        }
    }

    /// The muted connection's request is answered. True when the answer can be sent.
    pub(super) fn answered(&mut self, id: ConnectionId) -> bool {
        let Ok(at) = self.find(id) else {
            return false;
        };
        let connection = &mut self.open[at];
        if connection.broken {
            self.open.remove(at);
            return false;
        }
        connection.muted = connection.throttled;
        if !connection.muted && !connection.waiting.is_empty() {
            self.unmuted.push_back(id);
        }
        true
    }

    /// The muted connection's request needs no answer (acks=0).
    pub(super) fn finished_without_answer(&mut self, id: ConnectionId) {
        if let Ok(at) = self.find(id)
            && !self.open[at].throttled
        {
            self.unmute(at);
        }
    }

    fn unmute(&mut self, at: usize) {
        let connection = &mut self.open[at];
        connection.muted = false;
        if !connection.waiting.is_empty() {
            self.unmuted.push_back(connection.id);
        } else if connection.broken {
            self.open.remove(at);
        }
    }

    /// Whose a connection is, and what its request at work has taken.
    pub(super) fn usage(&self, id: ConnectionId) -> Option<(ClientId, Usage)> {
        let connection = &self.open[self.find(id).ok()?];
        Some((connection.client?, connection.usage))
    }

    /// The muted connection's request is being worked on, by a client with a quota.
    pub(super) fn note_usage(&mut self, id: ConnectionId, usage: impl FnOnce() -> Usage) {
        if let Ok(at) = self.find(id)
            && self.open[at].client.is_some()
        {
            self.open[at].usage = usage();
        }
    }

    /// The muted connection stays muted until then, whenever its request is answered.
    pub(super) fn throttle(&mut self, id: ConnectionId, until: SimTime) {
        if let Ok(at) = self.find(id) {
            self.open[at].throttled = true;
            self.throttled.insert((until, id));
        }
    }

    /// Unmutes the connections whose throttle time is over; says when the next one's is.
    pub(super) fn end_throttling(&mut self, now: SimTime) -> Option<SimTime> {
        while let Some((until, id)) = self.throttled.first().copied() {
            if until > now {
                return Some(until);
            }
            self.throttled.pop_first();
            if let Ok(at) = self.find(id) {
                self.open[at].throttled = false;
                self.unmute(at);
            }
        }
        None
    }

    /// The next request that waited behind a muted connection; mutes it again.
    pub(super) fn next_unmuted(&mut self) -> Option<(ReplyTo, Request)> {
        while let Some(id) = self.unmuted.pop_front() {
            let Ok(at) = self.find(id) else {
                continue;
            };
            let connection = &mut self.open[at];
            if connection.muted {
                continue;
            }
            if let Some((correlation, body)) = connection.waiting.pop_front() {
                connection.muted = true;
                let on = id;
                return Some((ReplyTo { on, correlation }, body));
            }
        }
        None
    }

    /// True when an answer on this connection would reach somebody.
    pub(super) fn is_open(&self, id: ConnectionId) -> bool {
        self.find(id).is_ok_and(|at| !self.open[at].broken)
    }

    /// The connection broke.
    pub(super) fn broke(&mut self, id: ConnectionId) {
        if let Ok(at) = self.find(id) {
            if self.open[at].muted {
                self.open[at].broken = true;
            } else {
                self.open.remove(at);
            }
        }
    }

    /// We close the connection, with all that waits behind it.
    pub(super) fn remove(&mut self, id: ConnectionId) {
        if let Ok(at) = self.find(id) {
            self.open.remove(at);
        }
    }

    fn find(&self, id: ConnectionId) -> Result<usize, usize> {
        self.open
            .binary_search_by_key(&id, |connection| connection.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::api::metadata::MetadataRequest;

    const C: ConnectionId = ConnectionId(4);

    fn request() -> Request {
        Request::Metadata(MetadataRequest {
            topics: Vec::new(),
            allow_auto_topic_creation: false,
        })
    }

    fn arrive(connections: &mut Connections, correlation: u32) -> bool {
        let now = connections.arrived(C, CorrelationId(correlation), request());
        now.is_some()
    }

    fn next(connections: &mut Connections) -> Option<u32> {
        let (to, _) = connections.next_unmuted()?;
        Some(to.correlation.0)
    }

    #[test]
    fn a_connection_has_one_request_at_a_time_and_keeps_their_order() {
        let mut connections = Connections::default();
        connections.accept(C, None);
        assert!(arrive(&mut connections, 0));
        assert!(!arrive(&mut connections, 1));
        assert!(!arrive(&mut connections, 2));
        assert_eq!(next(&mut connections), None);
        assert!(connections.answered(C));
        assert_eq!(next(&mut connections), Some(1));
        assert_eq!(next(&mut connections), None);
        assert!(connections.answered(C));
        assert_eq!(next(&mut connections), Some(2));
        assert!(connections.answered(C));
        assert!(arrive(&mut connections, 3));
    }

    #[test]
    fn what_waits_behind_a_broken_connection_is_lost_with_the_first_answer() {
        let mut connections = Connections::default();
        connections.accept(C, None);
        assert!(arrive(&mut connections, 0));
        assert!(!arrive(&mut connections, 1));
        connections.broke(C);
        assert!(!connections.is_open(C));
        assert!(!connections.answered(C));
        assert_eq!(next(&mut connections), None);
    }

    #[test]
    fn requests_without_answer_are_worked_on_after_the_connection_broke() {
        let mut connections = Connections::default();
        connections.accept(C, None);
        assert!(arrive(&mut connections, 0));
        assert!(!arrive(&mut connections, 1));
        connections.broke(C);
        connections.finished_without_answer(C);
        assert_eq!(next(&mut connections), Some(1));
        connections.finished_without_answer(C);
        assert!(!arrive(&mut connections, 2));
    }

    const LATER: SimTime = SimTime::from_nanos(5_000_000);

    #[test]
    fn nothing_is_read_from_a_throttled_connection_until_its_time_is_over() {
        let mut connections = Connections::default();
        connections.accept(C, Some(ClientId(0)));
        assert!(arrive(&mut connections, 0));
        assert!(!arrive(&mut connections, 1));
        connections.throttle(C, LATER);
        assert!(connections.answered(C), "the answer goes out at once");
        assert_eq!(next(&mut connections), None);
        assert!(!arrive(&mut connections, 2));
        assert_eq!(connections.end_throttling(SimTime::ZERO), Some(LATER));
        assert_eq!(next(&mut connections), None);
        assert_eq!(connections.end_throttling(LATER), None);
        assert_eq!(next(&mut connections), Some(1));
        assert_eq!(next(&mut connections), None);
    }

    #[test]
    fn what_waits_behind_a_throttled_connection_that_broke_is_still_read() {
        let mut connections = Connections::default();
        connections.accept(C, Some(ClientId(0)));
        assert!(arrive(&mut connections, 0));
        assert!(!arrive(&mut connections, 1));
        assert!(!arrive(&mut connections, 2));
        connections.throttle(C, LATER);
        assert!(connections.answered(C));
        connections.broke(C);
        connections.end_throttling(LATER);
        assert_eq!(next(&mut connections), Some(1));
        assert!(!connections.answered(C), "nobody is there for the answer");
        assert_eq!(next(&mut connections), None);
    }

    #[test]
    fn a_request_on_an_unknown_connection_is_dropped() {
        let mut connections = Connections::default();
        assert!(!arrive(&mut connections, 0));
    }
}
