//! Registrations of brokers.

use crate::controller::tests::*;

#[test]
fn the_epoch_of_a_registration_is_its_offset() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    assert_eq!(lab.register(4, 0, None), Ok(BrokerEpoch(end)));
    assert!(lab.controller.image().brokers[&BrokerId(4)].fenced);
}

#[test]
fn a_second_life_is_refused_while_the_first_one_has_a_session() {
    let mut lab = Lab::new();
    lab.heartbeat(2, 1);
    assert_eq!(
        lab.register(2, 1, None),
        Err(ErrorCode::DuplicateBrokerRegistration)
    );
    lab.keep_alive(&[1, 3], 10_300);
    assert!(lab.register(2, 1, None).is_ok());
}

#[test]
fn the_session_outlasts_a_shutdown_in_good_order() {
    let mut lab = Lab::new();
    let mut last = beat(2, 1);
    last.want_shut_down = true;
    assert!(lab.beat(last).should_shut_down);
    assert_eq!(
        lab.register(2, 1, Some(BrokerEpoch(1))),
        Err(ErrorCode::DuplicateBrokerRegistration)
    );
}

#[test]
fn the_same_life_may_register_again_and_keeps_its_epoch() {
    let mut lab = Lab::new();
    lab.heartbeat(2, 1);
    assert_eq!(lab.register(2, 0, None), Ok(BrokerEpoch(1)));
    assert!(!lab.controller.image().brokers[&BrokerId(2)].fenced);
}

#[test]
fn a_new_life_loses_its_leaderships_and_its_place_in_the_isr() {
    let mut lab = Lab::new();
    // The session ends at 9 s; the check that would fence the old life comes at 10.125 s.
    lab.keep_alive(&[2, 3], 9_001);
    let epoch = lab.register(1, 1, None).expect("the session is over");
    assert_eq!(lab.partition(), "Some(2) epoch 1 isr [2, 3]");
    assert_eq!(
        lab.take_facts(),
        [
            "9026 Some(2) isr [2, 3] Fenced".to_string(),
            "9026 b1 fenced".to_string(),
            format!("9026 b1 registered {}", epoch.0),
        ]
    );
}

#[test]
fn an_unclean_shutdown_takes_a_broker_out_of_the_eligible_leader_replicas() {
    let min_isr_2 = TopicConfig {
        min_insync_replicas: Some(2),
        ..TopicConfig::default()
    };
    let elr = |lab: &Lab| -> Vec<u32> {
        let p = lab
            .controller
            .image()
            .partition(TP)
            .expect("the partition exists");
        p.elr.iter().map(|id| id.0).collect()
    };
    let of_the_last_life = BrokerEpoch(2);
    for (clean_shutdown, after) in [(Some(of_the_last_life), vec![2, 3]), (None, vec![2])] {
        let mut lab = Lab::with(BrokerConfig::default(), min_isr_2, true);
        // 1 goes while the others are enough, then 3 and at last 2.
        lab.keep_alive(&[2, 3], 10_300);
        lab.keep_alive(&[2], 20_300);
        lab.keep_alive(&[], 30_300);
        assert_eq!(lab.partition(), "None epoch 2 isr []");
        assert_eq!(elr(&lab), [2, 3]);
        lab.register(3, 1, clean_shutdown)
            .expect("the session is over");
        assert_eq!(elr(&lab), after);
    }
}
