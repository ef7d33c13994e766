//! Births and deaths of a broker.

use super::*;
use crate::kafka::api::allocate_producer_ids::AllocateProducerIdsResponse;
use crate::kafka::api::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::kafka::api::broker_registration::{
    BrokerRegistrationRequest, BrokerRegistrationResponse,
};
use crate::kafka::api::init_producer_id::InitProducerIdRequest;
use crate::kafka::fact::TruncationCause;
use crate::sim::process::FileId;

const HEARTBEAT: BrokerHeartbeatResponse = BrokerHeartbeatResponse {
    error: None,
    is_caught_up: true,
    is_fenced: false,
    should_shut_down: false,
};

/// The conversation about registration and heartbeats.
struct Talk {
    on: ConnectionId,
    correlation: CorrelationId,
}

impl Lab {
    /// What the broker says about its life: the last request of that kind.
    fn said(&self) -> Option<(Talk, Request)> {
        let mut requests = self.requests().into_iter();
        let request = requests.find(|(_, _, body)| {
            matches!(
                body,
                Request::BrokerRegistration(_) | Request::BrokerHeartbeat(_)
            )
        })?;
        let (on, correlation, body) = request;
        Some((Talk { on, correlation }, body.clone()))
    }

    fn registers(&self) -> (Talk, BrokerRegistrationRequest) {
        let Some((talk, Request::BrokerRegistration(request))) = self.said() else {
            panic!("the broker registers: {:?}", self.effects);
        };
        (talk, request)
    }

    fn beats(&self) -> (Talk, BrokerHeartbeatRequest) {
        let Some((talk, Request::BrokerHeartbeat(request))) = self.said() else {
            panic!("the broker sends a heartbeat: {:?}", self.effects);
        };
        (talk, request)
    }

    fn hears(&mut self, talk: &Talk, response: BrokerHeartbeatResponse) {
        self.respond(
            talk.on,
            talk.correlation,
            Response::BrokerHeartbeat(response),
        );
    }

    fn is_told(&mut self, talk: &Talk, error: Option<ErrorCode>, epoch: u64) {
        let response = BrokerRegistrationResponse {
            error,
            broker_epoch: BrokerEpoch(epoch),
        };
        self.respond(
            talk.on,
            talk.correlation,
            Response::BrokerRegistration(response),
        );
    }

    fn crash(&mut self, kind: Crash) {
        let disk = self.host.disk.clone();
        self.broker.crash(kind, &disk);
    }

    /// Starts the process and lets its first connection, which is about its life, open.
    fn restart(&mut self) {
        self.input(Input::Start);
        let (on, to) = self.opened()[0];
        self.connected(on, to);
    }

    /// A first heartbeat on a new connection.
    fn first_heartbeat(&mut self) -> (Talk, BrokerHeartbeatRequest) {
        self.timer(Timer::Communicate);
        let (on, to) = self.opened()[0];
        self.connected(on, to);
        self.beats()
    }

    /// From a registration that succeeds to the first image.
    fn comes_back(&mut self, epoch: u64) {
        let (talk, _) = self.registers();
        self.is_told(&talk, None, epoch);
        self.timer(Timer::Communicate);
        let (talk, _) = self.beats();
        self.hears(
            &talk,
            BrokerHeartbeatResponse {
                is_fenced: true,
                ..HEARTBEAT
            },
        );
    }

    fn closes(&self, connection: ConnectionId) -> bool {
        let mut effects = self.effects.iter();
        effects.any(|effect| matches!(effect, Effect::Close(on) if *on == connection))
    }
}

#[test]
fn a_standing_broker_sends_heartbeats_without_registering() {
    let mut lab = Lab::leader();
    let first = lab
        .timer_set(Timer::Communicate)
        .expect("a heartbeat is due");
    assert!(first < SimDuration::from_secs(2));
    let (talk, heartbeat) = lab.first_heartbeat();
    assert_eq!(heartbeat.broker_epoch, epoch_of(B1));
    assert_eq!(heartbeat.metadata_offset, lab.broker.image().end);
    assert!(!heartbeat.want_fence && !heartbeat.want_shut_down);
    lab.hears(&talk, HEARTBEAT);
    let interval = SimDuration::from_secs(2);
    assert_eq!(lab.timer_set(Timer::Communicate), Some(interval));
}

#[test]
fn a_restarted_broker_registers_as_a_new_incarnation() {
    let mut lab = Lab::leader();
    lab.crash(Crash::Kill);
    lab.restart();
    let (_, request) = lab.registers();
    assert_eq!(request.broker, B1);
    assert_eq!(request.incarnation, Incarnation(2));
    assert_eq!(
        request.previous_broker_epoch, None,
        "the shutdown was not clean"
    );
}

#[test]
fn a_registration_is_retried_while_the_last_lifes_session_lasts() {
    let mut lab = Lab::leader();
    lab.crash(Crash::Kill);
    lab.restart();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let (talk, _) = lab.registers();
        lab.is_told(&talk, Some(ErrorCode::DuplicateBrokerRegistration), 0);
        let pause = lab.timer_set(Timer::Communicate).expect("it tries again");
        pauses.push((pause.as_millis() + 50) / 100 * 100);
        lab.timer(Timer::Communicate);
    }
    // Doubled each time, two per cent more or less, up to the session's length.
    let rounded = [100, 200, 400, 800, 1_600, 3_200];
    assert_eq!(pauses[..6], rounded);
    assert!(pauses[7] <= 9_200 && pauses[7] >= 8_800, "{pauses:?}");
}

#[test]
fn a_broker_that_cannot_register_for_a_minute_gives_up() {
    let mut lab = Lab::leader();
    lab.crash(Crash::Kill);
    lab.input(Input::Start);
    let limit = SimDuration::from_secs(60);
    assert_eq!(lab.timer_set(Timer::RegistrationDeadline), Some(limit));
    lab.timer(Timer::RegistrationDeadline);
    assert!(lab.exited());
}

#[test]
fn nobody_is_served_before_the_first_image() {
    let mut lab = Lab::leader();
    lab.crash(Crash::Kill);
    lab.restart();
    let on = lab.client();
    assert!(lab.closes(on));
    lab.restart_registration();
    let on = lab.client();
    assert!(!lab.closes(on));
    assert!(lab.view().is_leader);
}

impl Lab {
    /// Registers again from where `nobody_is_served_before_the_first_image` left off.
    fn restart_registration(&mut self) {
        let links = &mut self.broker.links[Link::Lifecycle.index()];
        links.reset();
        self.timer(Timer::Communicate);
        let (on, to) = self.opened()[0];
        self.connected(on, to);
        self.comes_back(77);
    }
}

#[test]
fn a_registered_broker_wants_to_be_fenced_until_it_has_caught_up() {
    let mut lab = Lab::leader();
    lab.crash(Crash::Kill);
    lab.restart();
    let (talk, _) = lab.registers();
    lab.is_told(&talk, None, 77);
    assert_eq!(lab.timer_set(Timer::Communicate), Some(SimDuration::ZERO));
    lab.timer(Timer::Communicate);
    let (talk, heartbeat) = lab.beats();
    assert_eq!(heartbeat.broker_epoch, BrokerEpoch(77));
    assert!(heartbeat.want_fence);
    let behind = BrokerHeartbeatResponse {
        is_caught_up: false,
        is_fenced: true,
        ..HEARTBEAT
    };
    lab.hears(&talk, behind);
    let soon = SimDuration::from_millis(10);
    assert_eq!(lab.timer_set(Timer::Communicate), Some(soon));
    lab.timer(Timer::Communicate);
    let (talk, _) = lab.beats();
    lab.hears(&talk, HEARTBEAT);
    lab.timer(Timer::Communicate);
    assert!(!lab.beats().1.want_fence);
}

#[test]
fn a_heartbeat_that_fails_is_followed_by_another_soon_and_never_by_a_registration() {
    let mut lab = Lab::leader();
    let (talk, _) = lab.first_heartbeat();
    let stale = BrokerHeartbeatResponse {
        error: Some(ErrorCode::StaleBrokerEpoch),
        ..HEARTBEAT
    };
    lab.hears(&talk, stale);
    let pause = lab.timer_set(Timer::Communicate).expect("it tries again");
    assert!(pause < SimDuration::from_millis(110));
    lab.timer(Timer::Communicate);
    lab.beats();
}

#[test]
fn a_heartbeat_without_an_answer_is_given_up_after_half_a_session() {
    let mut lab = Lab::leader();
    lab.first_heartbeat();
    let rpc = |timer| Timer::Link(Link::Lifecycle, LinkTimer::Rpc(timer));
    let limit = SimDuration::from_millis(4_500);
    let request = rpc(crate::rpc::Timer::Request(crate::rpc::Peer(0)));
    assert_eq!(lab.timer_set(request), Some(limit));
    lab.after(limit);
    lab.timer(request);
    assert!(
        lab.timer_set(Timer::Communicate).is_some(),
        "{:?}",
        lab.effects
    );
}

#[test]
fn a_fenced_broker_goes_on_serving() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 1);
    let (talk, _) = lab.first_heartbeat();
    lab.hears(
        &talk,
        BrokerHeartbeatResponse {
            is_fenced: true,
            ..HEARTBEAT
        },
    );
    lab.produce(Acks::All, batch(1));
    assert_eq!(lab.produce_error(), None);
    assert!(lab.produce_answer().is_some());
}

#[test]
fn a_zombie_leader_acks_with_1_and_not_with_all() {
    // The controller has another leader; nobody told this one, and nobody fetches from it.
    let mut lab = Lab::leader();
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(lab.produce_error(), None);
    lab.produce(Acks::All, batch(1));
    lab.after(SimDuration::from_secs(30));
    lab.timer(Timer::ProducePurgatory);
    assert_eq!(lab.produce_error(), Some(ErrorCode::RequestTimedOut));
}

#[test]
fn kill_keeps_the_log_and_the_checkpointed_high_watermark() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 1);
    lab.produce(Acks::All, batch(1));
    lab.timer(Timer::CheckpointHighWatermarks);
    lab.produce(Acks::All, batch(1));
    assert_eq!((lab.log_end(), lab.high_watermark()), (2, 2));
    lab.crash(Crash::Kill);
    assert_eq!((lab.log_end(), lab.high_watermark()), (2, 1));
    assert!(!lab.view().is_leader);
}

#[test]
fn power_loss_cuts_the_log_to_the_durable_bytes_and_the_next_life_says_so() {
    let mut lab = Lab::leader();
    lab.produce(Acks::Leader, batch(2));
    lab.host.now = SimTime::from_nanos(40_000_000_000);
    lab.produce(Acks::Leader, batch(3));
    assert_eq!(lab.host.disk.durable_at(FileId(0), lab.host.now), 200);
    lab.crash(Crash::PowerLoss);
    assert_eq!(lab.log_end(), 2);
    lab.restart();
    lab.comes_back(77);
    let cut = lab.facts().into_iter().find_map(|fact| {
        let Fact::Truncated { to, from, why, .. } = fact else {
            return None;
        };
        Some((from.0, to.0, *why))
    });
    assert_eq!(cut, Some((5, 2, TruncationCause::NotDurable)));
    assert_eq!(lab.host.disk.size(FileId(0)), 200);
}

#[test]
fn a_lost_disk_leaves_an_empty_log() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 1);
    lab.produce(Acks::All, batch(2));
    lab.timer(Timer::CheckpointHighWatermarks);
    lab.crash(Crash::DiskLost);
    assert_eq!((lab.log_end(), lab.high_watermark()), (0, 0));
}

/// From SIGTERM to the heartbeat that asks for the shutdown.
fn terminate(lab: &mut Lab) -> Talk {
    let (talk, _) = lab.first_heartbeat();
    lab.hears(&talk, HEARTBEAT);
    lab.input(Input::Terminate);
    let (talk, heartbeat) = lab.beats();
    assert!(heartbeat.want_shut_down);
    talk
}

const GRANTED: BrokerHeartbeatResponse = BrokerHeartbeatResponse {
    should_shut_down: true,
    ..HEARTBEAT
};

#[test]
fn a_controlled_shutdown_waits_for_the_controller_then_flushes_then_exits() {
    let mut lab = Lab::leader();
    lab.produce(Acks::Leader, batch(1));
    let talk = terminate(&mut lab);
    lab.hears(&talk, HEARTBEAT);
    let soon = SimDuration::from_millis(50);
    assert_eq!(lab.timer_set(Timer::Communicate), Some(soon));
    lab.timer(Timer::Communicate);
    let (talk, _) = lab.beats();
    lab.hears(&talk, GRANTED);
    let flush = lab.effects.iter().find_map(|effect| {
        let Effect::Flush { id, .. } = effect else {
            return None;
        };
        Some(*id)
    });
    assert!(!lab.exited());
    lab.input(Input::Flushed(flush.expect("the log is flushed")));
    assert!(lab.exited());
    let facts = lab.facts();
    assert!(
        facts
            .iter()
            .any(|fact| matches!(fact, Fact::BrokerShutDown { .. }))
    );
}

#[test]
fn after_a_clean_shutdown_the_next_registration_names_the_last_epoch() {
    let mut lab = Lab::leader();
    let talk = terminate(&mut lab);
    lab.hears(&talk, GRANTED);
    lab.input(Input::Flushed(FlushId(0)));
    assert!(lab.exited());
    lab.restart();
    let (_, request) = lab.registers();
    assert_eq!(request.previous_broker_epoch, Some(epoch_of(B1)));
    lab.comes_back(77);
    lab.crash(Crash::Kill);
    lab.restart();
    let (_, request) = lab.registers();
    assert_eq!(request.previous_broker_epoch, None);
}

#[test]
fn a_clean_shutdown_keeps_the_newest_high_watermark() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 1);
    lab.produce(Acks::All, batch(3));
    let talk = terminate(&mut lab);
    lab.hears(&talk, GRANTED);
    lab.input(Input::Flushed(FlushId(0)));
    assert_eq!(lab.high_watermark(), 3);
}

#[test]
fn without_controlled_shutdown_a_stop_only_flushes() {
    let mut lab = Lab::with(registration(1, 0, &[1, 2, 3]), 2, |config| {
        config.controlled_shutdown_enable = false;
    });
    lab.input(Input::Terminate);
    assert!(lab.requests().is_empty());
    lab.input(Input::Flushed(FlushId(0)));
    assert!(lab.exited());
}

#[test]
fn a_controlled_shutdown_without_a_controller_ends_after_five_minutes() {
    let mut lab = Lab::leader();
    lab.input(Input::Terminate);
    let limit = SimDuration::from_secs(300);
    assert_eq!(lab.timer_set(Timer::ShutdownDeadline), Some(limit));
    lab.timer(Timer::ShutdownDeadline);
    assert!(!lab.exited());
    lab.input(Input::Flushed(FlushId(0)));
    assert!(lab.exited());
}

#[test]
fn in_a_controlled_shutdown_a_replica_that_left_the_isr_stops_copying() {
    let mut lab = Lab::leader();
    terminate(&mut lab);
    lab.register_partition(registration(2, 1, &[2, 3]));
    assert!(lab.opened().iter().all(|(_, to)| *to != HostId(2)));
    assert!(!lab.view().is_leader);
}

#[test]
fn timers_of_a_broker_that_is_shutting_down_do_nothing() {
    let mut lab = Lab::leader();
    let talk = terminate(&mut lab);
    lab.hears(&talk, GRANTED);
    lab.timer(Timer::ShrinkIsr);
    assert!(lab.effects.is_empty());
}

fn init(lab: &mut Lab) -> (Option<ErrorCode>, u64) {
    lab.request(Request::InitProducerId(InitProducerIdRequest {}));
    let answer = lab.answers().into_iter().find_map(|(_, body)| {
        let Response::InitProducerId(answer) = body else {
            return None;
        };
        Some((answer.error, answer.producer_id.0))
    });
    answer.expect("the request is answered")
}

#[test]
fn producer_ids_come_from_blocks_that_the_controller_gives_out() {
    let mut lab = Lab::leader();
    let loading = Some(ErrorCode::CoordinatorLoadInProgress);
    assert_eq!(init(&mut lab).0, loading);
    let (on, correlation, request) = lab.asked_controller();
    assert!(matches!(request, Request::AllocateProducerIds(_)));
    assert_eq!(init(&mut lab).0, loading, "the block is still on its way");
    let block = |first| {
        Response::AllocateProducerIds(AllocateProducerIdsResponse {
            error: None,
            first: ProducerId(first),
            count: 1_000,
        })
    };
    lab.respond(on, correlation, block(5_000));
    for id in 5_000..5_900 {
        assert_eq!(init(&mut lab), (None, id));
        assert!(lab.requests().is_empty());
    }
    assert_eq!(init(&mut lab), (None, 5_900));
    let (on, correlation, _) = lab.asked();
    for id in 5_901..6_000 {
        assert_eq!(init(&mut lab), (None, id));
    }
    lab.respond(on, correlation, block(9_000));
    assert_eq!(init(&mut lab), (None, 9_000));
}
