//! L2, requests and answers over connections: what Kafka's NetworkClient does for every caller.
//!
//! Modelled: one connection per peer, opened on use, reconnect back-off with jitter, connection
//! setup time-out, answers in the order of the requests, request time-out that closes the
//! connection and fails all that is in flight, silence for the throttle time of an answer. One
//! timer per peer and kind, re-armed.
//! Left out: ApiVersions and authentication handshakes.
//! Source: NetworkClient, ClusterConnectionStates, InFlightRequests; KIP-144, KIP-219, KIP-601.

use std::collections::VecDeque;

use crate::kafka::message::{CorrelationId, Message, Request};
use crate::sim::process::{ConnectionId, Cx, HostId, TimerSlot};
use crate::sim::rng::Rng;
use crate::sim::time::{SimDuration, SimTime};

/// A peer of this client: an index that [`Rpc::add_peer`] gives out, densely from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub u32);

/// What wakes a client's network part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The oldest request in flight to the peer has waited too long.
    Request(Peer),
    /// The reconnect back-off is over.
    Reconnect(Peer),
    /// The connection did not open in time.
    Setup(Peer),
    /// The peer's throttle time is over.
    Throttle(Peer),
}

/// How many timer slots a peer has.
const SLOTS: usize = 3;

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Request(peer) => peer.0 as usize * SLOTS,
            // Only a ready peer is throttled; when its connection breaks, the back-off replaces it.
            Self::Reconnect(peer) | Self::Throttle(peer) => peer.0 as usize * SLOTS + 1,
            Self::Setup(peer) => peer.0 as usize * SLOTS + 2,
        }
    }
}

/// How a client treats its connections.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// request.timeout.ms
    pub request_timeout: SimDuration,
    /// reconnect.backoff.ms
    pub reconnect_backoff: SimDuration,
    /// reconnect.backoff.max.ms
    pub reconnect_backoff_max: SimDuration,
    /// socket.connection.setup.timeout.ms
    pub setup_timeout: SimDuration,
    /// socket.connection.setup.timeout.max.ms
    pub setup_timeout_max: SimDuration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            request_timeout: SimDuration::from_secs(30),
            reconnect_backoff: SimDuration::from_millis(50),
            reconnect_backoff_max: SimDuration::from_secs(1),
            setup_timeout: SimDuration::from_secs(10),
            setup_timeout_max: SimDuration::from_secs(30),
        }
    }
}

/// What became of a peer when a timer fired or its connection broke.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<K> {
    /// Nothing that concerns the caller.
    Nothing,
    /// The back-off is over: the caller may connect again.
    MayConnect(Peer),
    /// The throttle time is over: the caller may send again.
    MaySend(Peer),
    /// The connection is gone; these requests, oldest first, have no answer.
    Lost {
        /// The peer.
        peer: Peer,
        /// What the caller remembers of each request.
        failed: Vec<K>,
        /// True when a request or the connection attempt timed out, false when an end hung up.
        timed_out: bool,
    },
}

/// The connections of one client; `K` is what the caller remembers of a request.
#[derive(Clone, Debug)]
pub struct Rpc<K> {
    settings: Settings,
    rng: Rng,
    peers: Vec<PeerState<K>>,
    /// Sorted: connections are numbered in the order in which they are opened.
    by_connection: Vec<(ConnectionId, Peer)>,
    next_correlation: u32,
}

#[derive(Clone, Debug)]
struct PeerState<K> {
    host: HostId,
    link: Link,
    /// Connections that broke or never opened since the last one that did.
    failures: u32,
    /// Connections that never opened, in a row.
    failed_setups: u32,
    last_attempt: Option<SimTime>,
    /// The end of the time in which the peer takes no request (KIP-219).
    throttled_until: Option<SimTime>,
    in_flight: VecDeque<InFlight<K>>,
    /// True while the request timer is pending. It is not taken back when answers come: it finds
    /// the deadline of a later request when it fires, so a timer is set once per time-out span.
    armed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Closed,
    BackingOff,
    Connecting(ConnectionId),
    Ready(ConnectionId),
}

#[derive(Clone, Debug)]
struct InFlight<K> {
    correlation: CorrelationId,
    deadline: SimTime,
    token: K,
}

impl<K> Rpc<K> {
    /// A client without peers; `rng` is its own stream, for jitter.
    pub fn new(settings: Settings, rng: Rng) -> Self {
        Self {
            settings,
            rng,
            peers: Vec::new(),
            by_connection: Vec::new(),
            next_correlation: 0,
        }
    }

    /// Adds a peer that listens on `host`; one host may be several peers (connections).
    pub fn add_peer(&mut self, host: HostId) -> Peer {
        let peer = Peer(self.peers.len() as u32);
        self.peers.push(PeerState {
            host,
            link: Link::Closed,
            failures: 0,
            failed_setups: 0,
            last_attempt: None,
            throttled_until: None,
            in_flight: VecDeque::new(),
            armed: false,
        });
        peer
    }

    /// How many peers there are.
    pub fn peer_count(&self) -> u32 {
        self.peers.len() as u32
    }

    /// How many timer slots its peers have.
    pub fn timer_slots(&self) -> u32 {
        self.peer_count() * SLOTS as u32
    }

    /// True when a request can be sent now.
    pub fn is_ready(&self, peer: Peer) -> bool {
        let state = &self.peers[peer.0 as usize];
        matches!(state.link, Link::Ready(_)) && state.throttled_until.is_none()
    }

    /// True while the peer has asked for silence.
    pub fn is_throttled(&self, peer: Peer) -> bool {
        self.peers[peer.0 as usize].throttled_until.is_some()
    }

    /// An answer carried a throttle time: nothing is sent to the peer for so long. What is in
    /// flight may take longer by as much.
    pub fn throttle<M, F>(&mut self, cx: &mut Cx<'_, M, F, Timer>, peer: Peer, time: SimDuration) {
        let state = &mut self.peers[peer.0 as usize];
        if time.is_zero() || !matches!(state.link, Link::Ready(_)) {
            return;
        }
        for request in &mut state.in_flight {
            request.deadline += time;
        }
        let until = cx.now() + time;
        if state.throttled_until.is_none_or(|old| old < until) {
            state.throttled_until = Some(until);
            cx.set_timer(Timer::Throttle(peer), time);
        }
    }

    /// True while the last attempt's back-off lasts.
    pub fn is_backing_off(&self, peer: Peer) -> bool {
        self.peers[peer.0 as usize].link == Link::BackingOff
    }

    /// True while a connection is being opened.
    pub fn is_connecting(&self, peer: Peer) -> bool {
        matches!(self.peers[peer.0 as usize].link, Link::Connecting(_))
    }

    /// When a connection was last tried.
    pub fn last_attempt(&self, peer: Peer) -> Option<SimTime> {
        self.peers[peer.0 as usize].last_attempt
    }

    /// Requests without an answer yet.
    pub fn in_flight(&self, peer: Peer) -> usize {
        self.peers[peer.0 as usize].in_flight.len()
    }

    /// The peer of a connection that this client opened.
    pub fn peer_of(&self, connection: ConnectionId) -> Option<Peer> {
        let found = self
            .by_connection
            .binary_search_by_key(&connection, |(id, _)| *id);
        found.ok().map(|at| self.by_connection[at].1)
    }

    /// Opens the peer's connection unless it is open, opening, or backing off.
    pub fn connect<M, F>(&mut self, cx: &mut Cx<'_, M, F, Timer>, peer: Peer) {
        let state = &mut self.peers[peer.0 as usize];
        if state.link == Link::Closed {
            let connection = cx.open(state.host);
            state.link = Link::Connecting(connection);
            state.last_attempt = Some(cx.now());
            assert!(
                self.by_connection
                    .last()
                    .is_none_or(|(newest, _)| *newest < connection),
                "a new connection has the highest number"
            );
            self.by_connection.push((connection, peer));
            let after = backoff(
                self.settings.setup_timeout,
                self.settings.setup_timeout_max,
                state.failed_setups,
                &mut self.rng,
            );
            cx.set_timer(Timer::Setup(peer), after);
        }
    }

    /// A connection opened; says which peer is ready now.
    pub fn connected<M, F>(
        &mut self,
        cx: &mut Cx<'_, M, F, Timer>,
        connection: ConnectionId,
    ) -> Option<Peer> {
        let peer = self.peer_of(connection)?;
        let state = &mut self.peers[peer.0 as usize];
        state.link = Link::Ready(connection);
        state.failures = 0;
        state.failed_setups = 0;
        cx.cancel_timer(Timer::Setup(peer));
        Some(peer)
    }

    /// Sends a request to a ready peer.
    pub fn send<F>(
        &mut self,
        cx: &mut Cx<'_, Message, F, Timer>,
        peer: Peer,
        body: Request,
        token: K,
    ) {
        let deadline = cx.now() + self.settings.request_timeout;
        let correlation = self.send_without_answer(cx, peer, body);
        let state = &mut self.peers[peer.0 as usize];
        if !state.armed {
            state.armed = true;
            cx.set_timer(Timer::Request(peer), self.settings.request_timeout);
        }
        state.in_flight.push_back(InFlight {
            correlation,
            deadline,
            token,
        });
    }

    /// Sends a request that has no answer (acks=0).
    pub fn send_without_answer<F>(
        &mut self,
        cx: &mut Cx<'_, Message, F, Timer>,
        peer: Peer,
        body: Request,
    ) -> CorrelationId {
        let Link::Ready(connection) = self.peers[peer.0 as usize].link else {
            panic!("requests go to ready peers only");
        };
        let correlation = CorrelationId(self.next_correlation);
        self.next_correlation = self.next_correlation.wrapping_add(1);
        cx.send(connection, Message::Request { correlation, body });
        correlation
    }

    /// An answer arrived: what the caller remembers of its request. None when the connection is
    /// not ours any more.
    pub fn answered(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
    ) -> Option<(Peer, K)> {
        let peer = self.peer_of(connection)?;
        let in_flight = &mut self.peers[peer.0 as usize].in_flight;
        let oldest = in_flight.pop_front().expect("an answer has a request");
        assert_eq!(
            oldest.correlation, correlation,
            "answers come in the order of requests"
        );
        Some((peer, oldest.token))
    }

    /// A connection broke. `Nothing` when it is not ours.
    pub fn disconnected<M, F>(
        &mut self,
        cx: &mut Cx<'_, M, F, Timer>,
        connection: ConnectionId,
    ) -> Event<K> {
        match self.peer_of(connection) {
            Some(peer) => self.lose(cx, peer, false),
            None => Event::Nothing,
        }
    }

    /// A timer fired.
    pub fn timer<M, F>(&mut self, cx: &mut Cx<'_, M, F, Timer>, timer: Timer) -> Event<K> {
        match timer {
            Timer::Reconnect(peer) => {
                self.peers[peer.0 as usize].link = Link::Closed;
                Event::MayConnect(peer)
            }
            Timer::Throttle(peer) => {
                self.peers[peer.0 as usize].throttled_until = None;
                Event::MaySend(peer)
            }
            Timer::Setup(peer) => self.hang_up(cx, peer, true),
            Timer::Request(peer) => {
                let state = &mut self.peers[peer.0 as usize];
                state.armed = false;
                let Some(oldest) = state.in_flight.front() else {
                    return Event::Nothing;
                };
                if oldest.deadline > cx.now() {
                    state.armed = true;
                    cx.set_timer(timer, oldest.deadline.since(cx.now()));
                    return Event::Nothing;
                }
                self.hang_up(cx, peer, true)
            }
        }
    }

    /// Closes the peer's connection on our side; the requests in flight come back as failed.
    pub fn close<M, F>(&mut self, cx: &mut Cx<'_, M, F, Timer>, peer: Peer) -> Event<K> {
        self.hang_up(cx, peer, false)
    }

    /// Forgets all connections, as the process does when it dies.
    pub fn reset(&mut self) {
        self.by_connection.clear();
        for peer in &mut self.peers {
            peer.link = Link::Closed;
            peer.failures = 0;
            peer.failed_setups = 0;
            peer.last_attempt = None;
            peer.throttled_until = None;
            peer.in_flight.clear();
            peer.armed = false;
        }
    }

    fn hang_up<M, F>(
        &mut self,
        cx: &mut Cx<'_, M, F, Timer>,
        peer: Peer,
        timed_out: bool,
    ) -> Event<K> {
        match self.peers[peer.0 as usize].link {
            Link::Connecting(connection) | Link::Ready(connection) => {
                cx.close(connection);
                self.lose(cx, peer, timed_out)
            }
            Link::Closed | Link::BackingOff => Event::Nothing,
        }
    }

    fn lose<M, F>(
        &mut self,
        cx: &mut Cx<'_, M, F, Timer>,
        peer: Peer,
        timed_out: bool,
    ) -> Event<K> {
        let state = &mut self.peers[peer.0 as usize];
        match state.link {
            Link::Connecting(_) => state.failed_setups += 1,
            Link::Ready(_) => state.failed_setups = 0,
            Link::Closed | Link::BackingOff => {}
        }
        self.by_connection.retain(|(_, of)| *of != peer);
        let failed = state
            .in_flight
            .drain(..)
            .map(|request| request.token)
            .collect();
        let after = backoff(
            self.settings.reconnect_backoff,
            self.settings.reconnect_backoff_max,
            state.failures,
            &mut self.rng,
        );
        state.failures += 1;
        state.link = Link::BackingOff;
        state.armed = false;
        state.throttled_until = None;
        cx.cancel_timer(Timer::Request(peer));
        cx.cancel_timer(Timer::Setup(peer));
        cx.set_timer(Timer::Reconnect(peer), after);
        Event::Lost {
            peer,
            failed,
            timed_out,
        }
    }
}

/// Kafka's exponential back-off without jitter: `initial · 2^failures`, at most `max`.
pub fn exponential(initial: SimDuration, max: SimDuration, failures: u32) -> SimDuration {
    initial.saturating_mul(1_u64 << failures.min(32)).min(max)
}

/// `base` times a random factor from 0.8 to 1.2 (KIP-580).
pub fn jittered(base: SimDuration, rng: &mut Rng) -> SimDuration {
    SimDuration::from_nanos(base.as_nanos() / 1_000 * (800 + rng.below(401)))
}

/// Kafka's back-off after `failures` earlier ones: exponential, with jitter, never above `max`;
/// constant and without jitter when `max` leaves no room to grow (KIP-580).
pub fn backoff(
    initial: SimDuration,
    max: SimDuration,
    failures: u32,
    rng: &mut Rng,
) -> SimDuration {
    if max <= initial {
        return max;
    }
    jittered(exponential(initial, max, failures), rng).min(max)
}

#[cfg(test)]
mod tests;
