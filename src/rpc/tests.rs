//! Connections of a client, one rule each.

use super::*;
use crate::kafka::api::metadata::MetadataRequest;
use crate::sim::process::{Effect, HostState};
use crate::sim::rng::Streams;

type Effects = Vec<Effect<Message, (), Timer>>;

/// A client of one peer, at a time that the test sets.
struct Lab {
    rpc: Rpc<u32>,
    host: HostState,
    peer: Peer,
}

impl Lab {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let mut rpc = Rpc::new(settings, Streams::new(7).stream("client"));
        let peer = rpc.add_peer(HostId(1));
        let host = HostState::new(HostId(0));
        Self { rpc, host, peer }
    }

    fn at(&mut self, millis: u64) -> &mut Self {
        self.host.now = SimTime::ZERO + SimDuration::from_millis(millis);
        self
    }

    fn run<R>(
        &mut self,
        step: impl FnOnce(&mut Rpc<u32>, &mut Cx<'_, Message, (), Timer>) -> R,
    ) -> (R, Effects) {
        let mut effects = Vec::new();
        let result = step(&mut self.rpc, &mut Cx::new(&mut self.host, &mut effects));
        (result, effects)
    }

    /// Opens the peer's connection.
    fn connect(&mut self) -> ConnectionId {
        let peer = self.peer;
        let ((), effects) = self.run(|rpc, cx| rpc.connect(cx, peer));
        let Some(Effect::Open { connection, .. }) = effects.first() else {
            panic!("a closed peer is connected: {effects:?}");
        };
        let connection = *connection;
        self.run(|rpc, cx| rpc.connected(cx, connection));
        connection
    }

    fn send(&mut self, token: u32) -> Effects {
        let peer = self.peer;
        let body = Request::Metadata(MetadataRequest {
            topics: Vec::new(),
            allow_auto_topic_creation: false,
        });
        self.run(|rpc, cx| rpc.send(cx, peer, body, token)).1
    }

    fn timer(&mut self, timer: Timer) -> (Event<u32>, Effects) {
        self.run(|rpc, cx| rpc.timer(cx, timer))
    }

    /// Breaks the open connection and says how long the back-off is.
    fn back_off(&mut self, connection: ConnectionId) -> SimDuration {
        let (_, effects) = self.run(|rpc, cx| rpc.disconnected(cx, connection));
        span_of(&effects, Timer::Reconnect(self.peer))
    }

    /// Tries to connect, fails, and says how long the set-up time-out and the back-off are.
    fn fail_to_connect(&mut self) -> (SimDuration, SimDuration) {
        let peer = self.peer;
        let ((), effects) = self.run(|rpc, cx| rpc.connect(cx, peer));
        let setup = span_of(&effects, Timer::Setup(peer));
        let (_, effects) = self.timer(Timer::Setup(peer));
        let back_off = span_of(&effects, Timer::Reconnect(peer));
        assert_eq!(
            self.timer(Timer::Reconnect(peer)).0,
            Event::MayConnect(peer)
        );
        (setup, back_off)
    }
}

fn span_of(effects: &Effects, wanted: Timer) -> SimDuration {
    let span = effects.iter().find_map(|effect| match effect {
        Effect::SetTimer { timer, after } if *timer == wanted => Some(*after),
        Effect::SetTimer { .. }
        | Effect::Open { .. }
        | Effect::Send { .. }
        | Effect::Close(_)
        | Effect::CancelTimer(_)
        | Effect::Flush { .. }
        | Effect::AwaitRead { .. }
        | Effect::Fact(())
        | Effect::Exit => None,
    });
    span.expect("the timer is set")
}

fn assert_about(span: SimDuration, millis: u64) {
    let range =
        SimDuration::from_millis(millis * 8 / 10)..=SimDuration::from_millis(millis * 12 / 10);
    assert!(range.contains(&span), "{span} is about {millis} ms");
}

#[test]
fn a_peer_has_one_connection_however_often_it_is_asked_for() {
    let mut lab = Lab::new();
    let peer = lab.peer;
    lab.run(|rpc, cx| rpc.connect(cx, peer));
    assert!(lab.rpc.is_connecting(peer));
    let ((), effects) = lab.run(|rpc, cx| rpc.connect(cx, peer));
    assert!(effects.is_empty());
}

#[test]
fn answers_give_back_what_the_caller_remembers_in_order() {
    let mut lab = Lab::new();
    let connection = lab.connect();
    lab.send(10);
    lab.send(20);
    assert_eq!(lab.rpc.in_flight(lab.peer), 2);
    let first = lab.rpc.answered(connection, CorrelationId(0));
    let second = lab.rpc.answered(connection, CorrelationId(1));
    assert_eq!(
        (first, second),
        (Some((lab.peer, 10)), Some((lab.peer, 20)))
    );
}

#[test]
fn an_answer_on_a_connection_that_was_given_up_is_nobodys() {
    let mut lab = Lab::new();
    let connection = lab.connect();
    lab.send(10);
    let peer = lab.peer;
    lab.run(|rpc, cx| rpc.close(cx, peer));
    assert_eq!(lab.rpc.answered(connection, CorrelationId(0)), None);
    let (event, _) = lab.run(|rpc, cx| rpc.disconnected(cx, connection));
    assert_eq!(event, Event::Nothing);
}

#[test]
fn a_request_time_out_closes_the_connection_and_fails_all_in_flight_in_order() {
    let mut lab = Lab::new();
    let peer = lab.peer;
    let connection = lab.connect();
    lab.at(1_000).send(10);
    lab.at(1_500).send(20);
    let (event, effects) = lab.at(31_000).timer(Timer::Request(peer));
    let lost = Event::Lost {
        peer,
        failed: vec![10, 20],
        timed_out: true,
    };
    assert_eq!(event, lost);
    assert!(matches!(effects[0], Effect::Close(closed) if closed == connection));
    assert!(lab.rpc.is_backing_off(peer));
}

#[test]
fn a_broken_connection_fails_all_in_flight_in_order() {
    let mut lab = Lab::new();
    let connection = lab.connect();
    lab.send(10);
    lab.send(20);
    let (event, _) = lab.run(|rpc, cx| rpc.disconnected(cx, connection));
    let lost = Event::Lost {
        peer: lab.peer,
        failed: vec![10, 20],
        timed_out: false,
    };
    assert_eq!(event, lost);
}

#[test]
fn the_request_timer_is_set_once_per_span_and_finds_later_deadlines() {
    let mut lab = Lab::new();
    let timer = Timer::Request(lab.peer);
    let connection = lab.connect();
    assert_eq!(
        span_of(&lab.at(0).send(1), timer),
        SimDuration::from_secs(30)
    );
    for token in 2..=9 {
        let effects = lab.at(u64::from(token) * 1_000).send(token);
        assert!(
            matches!(effects[..], [Effect::Send { .. }]),
            "no timer is set again"
        );
    }
    for correlation in 0..8 {
        lab.rpc.answered(connection, CorrelationId(correlation));
    }
    // The first deadline finds only the request of 9 s in flight.
    let (event, effects) = lab.at(30_000).timer(timer);
    assert_eq!(event, Event::Nothing);
    assert_eq!(span_of(&effects, timer), SimDuration::from_secs(9));
    lab.rpc.answered(connection, CorrelationId(8));
    let (event, effects) = lab.at(39_000).timer(timer);
    assert_eq!(event, Event::Nothing);
    assert!(effects.is_empty());
    assert_eq!(
        span_of(&lab.at(40_000).send(1), timer),
        SimDuration::from_secs(30)
    );
}

#[test]
fn the_back_off_doubles_with_each_failure_up_to_its_maximum() {
    let mut lab = Lab::new();
    let connection = lab.connect();
    assert_about(lab.back_off(connection), 50);
    lab.timer(Timer::Reconnect(lab.peer));
    for expected in [100, 200, 400, 800] {
        assert_about(lab.fail_to_connect().1, expected);
    }
    for _ in 0..20 {
        let (_, back_off) = lab.fail_to_connect();
        assert!(back_off <= SimDuration::from_secs(1));
        assert!(back_off >= SimDuration::from_millis(800));
    }
}

#[test]
fn the_back_off_starts_anew_once_a_connection_opens() {
    let mut lab = Lab::new();
    for _ in 0..4 {
        lab.fail_to_connect();
    }
    let connection = lab.connect();
    assert_about(lab.back_off(connection), 50);
}

#[test]
fn nothing_connects_while_the_back_off_lasts() {
    let mut lab = Lab::new();
    let peer = lab.peer;
    let connection = lab.connect();
    lab.back_off(connection);
    assert!(lab.run(|rpc, cx| rpc.connect(cx, peer)).1.is_empty());
    assert_eq!(lab.timer(Timer::Reconnect(peer)).0, Event::MayConnect(peer));
    lab.connect();
}

#[test]
fn the_setup_time_out_doubles_with_each_attempt_that_never_opened() {
    let mut lab = Lab::new();
    let connection = lab.connect();
    // A connection that broke is no failed attempt.
    lab.back_off(connection);
    lab.timer(Timer::Reconnect(lab.peer));
    assert_about(lab.fail_to_connect().0, 10_000);
    assert_about(lab.fail_to_connect().0, 20_000);
    assert!(lab.fail_to_connect().0 <= SimDuration::from_secs(30));
    lab.connect();
}

#[test]
fn a_constant_back_off_has_no_jitter() {
    let constant = SimDuration::from_millis(50);
    let mut lab = Lab::with(Settings {
        reconnect_backoff: constant,
        reconnect_backoff_max: constant,
        ..Settings::default()
    });
    for _ in 0..3 {
        assert_eq!(lab.fail_to_connect().1, constant);
    }
}

#[test]
fn closing_fails_what_is_in_flight_but_is_no_time_out() {
    let mut lab = Lab::new();
    let peer = lab.peer;
    lab.connect();
    lab.send(10);
    let (event, _) = lab.run(|rpc, cx| rpc.close(cx, peer));
    let lost = Event::Lost {
        peer,
        failed: vec![10],
        timed_out: false,
    };
    assert_eq!(event, lost);
    assert_eq!(lab.run(|rpc, cx| rpc.close(cx, peer)).0, Event::Nothing);
}

#[test]
fn a_reset_client_knows_its_peers_and_no_connection() {
    let mut lab = Lab::new();
    let connection = lab.connect();
    lab.send(10);
    lab.rpc.reset();
    assert_eq!(lab.rpc.peer_of(connection), None);
    assert_eq!((lab.rpc.peer_count(), lab.rpc.in_flight(lab.peer)), (1, 0));
    lab.connect();
}

#[test]
fn peers_are_found_by_their_connection() {
    let mut lab = Lab::new();
    let peers: Vec<Peer> = (0..5).map(|_| lab.rpc.add_peer(HostId(2))).collect();
    let mut connections = Vec::new();
    for peer in [3, 1, 4, 0] {
        lab.peer = peers[peer];
        connections.push((lab.connect(), peers[peer]));
    }
    let gone = connections.remove(1);
    lab.run(|rpc, cx| rpc.disconnected(cx, gone.0));
    for (connection, peer) in connections {
        assert_eq!(lab.rpc.peer_of(connection), Some(peer));
    }
    assert_eq!(lab.rpc.peer_of(gone.0), None);
}

#[test]
fn each_peer_and_kind_has_a_timer_slot_of_its_own() {
    let peers = [Peer(0), Peer(1), Peer(9)];
    let mut slots: Vec<usize> = peers
        .iter()
        .flat_map(|p| [Timer::Request(*p), Timer::Reconnect(*p), Timer::Setup(*p)])
        .map(TimerSlot::slot)
        .collect();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), 9);
}

#[test]
fn a_throttled_peer_is_sent_nothing_until_its_time_is_over() {
    let mut lab = Lab::new();
    lab.connect();
    let peer = lab.peer;
    let time = SimDuration::from_millis(300);
    let ((), effects) = lab.run(|rpc, cx| rpc.throttle(cx, peer, time));
    assert_eq!(span_of(&effects, Timer::Throttle(peer)), time);
    assert!(!lab.rpc.is_ready(peer) && lab.rpc.is_throttled(peer));
    // A shorter time changes nothing.
    let ((), effects) = lab.at(100).run(|rpc, cx| {
        rpc.throttle(cx, peer, SimDuration::from_millis(50));
    });
    assert!(effects.is_empty());
    let (event, _) = lab.at(300).timer(Timer::Throttle(peer));
    assert_eq!(event, Event::MaySend(peer));
    assert!(lab.rpc.is_ready(peer));
}

#[test]
fn what_is_in_flight_to_a_throttled_peer_may_take_longer_by_its_throttle_time() {
    let mut lab = Lab::new();
    lab.connect();
    lab.send(1);
    let peer = lab.peer;
    let time = SimDuration::from_secs(10);
    lab.run(|rpc, cx| rpc.throttle(cx, peer, time));
    let (event, effects) = lab.at(30_000).timer(Timer::Request(peer));
    assert_eq!(event, Event::Nothing);
    assert_eq!(span_of(&effects, Timer::Request(peer)), time);
}

#[test]
fn a_new_connection_is_not_throttled() {
    let mut lab = Lab::new();
    let connection = lab.connect();
    let peer = lab.peer;
    lab.run(|rpc, cx| rpc.throttle(cx, peer, SimDuration::from_secs(9)));
    // The back-off takes the place of the throttle time.
    lab.back_off(connection);
    assert_eq!(Timer::Reconnect(peer).slot(), Timer::Throttle(peer).slot());
    lab.timer(Timer::Reconnect(peer));
    lab.connect();
    assert!(lab.rpc.is_ready(peer));
}
