//! Heartbeats, fencing, shutdown in good order.

use crate::controller::tests::*;

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
