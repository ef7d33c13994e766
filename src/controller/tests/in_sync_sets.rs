//! Proposals of in-sync sets, and preferred leaders.

use crate::controller::tests::*;

#[test]
fn a_leader_changes_the_isr_and_keeps_its_epoch() {
    let mut lab = Lab::new();
    let answer = lab.alter(1, proposal(&[1, 3]));
    assert_eq!(answer.error, None);
    assert_eq!((answer.leader_epoch.0, answer.partition_epoch.0), (0, 1));
    assert_eq!(lab.partition(), "Some(1) epoch 0 isr [1, 3]");
}

#[test]
fn proposals_are_checked_in_kafkas_order() {
    let mut lab = Lab::new();
    let ok = proposal(&[1, 2]);
    let mut expect = |broker: u32, proposal: IsrProposal, error: ErrorCode| {
        assert_eq!(lab.alter(broker, proposal).error, Some(error));
    };
    let mut p = ok.clone();
    p.tp.topic = TopicId(1);
    p.leader_epoch = LeaderEpoch(9);
    expect(1, p, ErrorCode::UnknownTopicId);
    let mut p = ok.clone();
    p.tp.partition = 1;
    expect(1, p, ErrorCode::UnknownTopicOrPartition);
    let mut p = ok.clone();
    p.leader_epoch = LeaderEpoch(1);
    expect(2, p, ErrorCode::NotController);
    let mut p = ok.clone();
    p.partition_epoch = PartitionEpoch(1);
    expect(2, p, ErrorCode::NotController);
    expect(2, ok.clone(), ErrorCode::InvalidRequest);
    expect(1, proposal(&[1, 4]), ErrorCode::InvalidRequest);
    expect(1, proposal(&[1, 2, 2]), ErrorCode::InvalidRequest);
    expect(1, proposal(&[2, 3]), ErrorCode::InvalidRequest);
    let mut p = ok;
    p.new_isr[1].1 = BrokerEpoch(77);
    expect(1, p, ErrorCode::IneligibleReplica);
}

#[test]
fn a_proposal_from_an_older_state_is_refused() {
    let mut lab = Lab::new();
    assert_eq!(lab.alter(1, proposal(&[1, 3])).error, None);
    let answer = lab.alter(1, proposal(&[1, 2, 3]));
    assert_eq!(answer.error, Some(ErrorCode::InvalidUpdateVersion));
    lab.keep_alive(&[2, 3], lab.host.now.as_millis() + 10_300);
    let answer = lab.alter(1, proposal(&[1, 3]));
    assert_eq!(answer.error, Some(ErrorCode::FencedLeaderEpoch));
}

#[test]
fn a_fenced_replica_may_not_join_the_isr() {
    let mut lab = Lab::new();
    lab.keep_alive(&[1, 3], 10_300);
    let mut p = proposal(&[1, 2, 3]);
    p.partition_epoch = PartitionEpoch(1);
    assert_eq!(lab.alter(1, p).error, Some(ErrorCode::IneligibleReplica));
}

#[test]
fn a_leader_elected_uncleanly_has_recovered_with_its_first_proposal() {
    let unclean = TopicConfig {
        unclean_leader_election_enable: Some(true),
        ..TopicConfig::default()
    };
    let mut lab = Lab::with(BrokerConfig::default(), unclean, false);
    assert_eq!(lab.alter(1, proposal(&[1])).error, None);
    lab.keep_alive(&[2, 3], 10_300);
    assert_eq!(lab.partition(), "Some(2) epoch 1 isr [2]");
    let recovery = |lab: &Lab| lab.controller.image().partition(TP).unwrap().recovery;
    assert_eq!(recovery(&lab), LeaderRecoveryState::Recovering);
    assert!(
        lab.take_facts()
            .contains(&"10151 Some(2) isr [2] UncleanElection".to_string())
    );
    let mut p = proposal(&[2, 3]);
    p.leader_epoch = LeaderEpoch(1);
    p.partition_epoch = PartitionEpoch(2);
    assert_eq!(lab.alter(2, p).error, None);
    assert_eq!(recovery(&lab), LeaderRecoveryState::Recovered);
}

#[test]
fn the_preferred_leader_leads_again_at_the_next_imbalance_check() {
    let config = BrokerConfig {
        leader_imbalance_check_interval_seconds: 20,
        ..BrokerConfig::default()
    };
    let mut lab = Lab::with(config, TopicConfig::default(), false);
    lab.keep_alive(&[2, 3], 10_300);
    assert!(!lab.heartbeat(1, 0).is_fenced);
    let mut p = proposal(&[2, 3, 1]);
    p.leader_epoch = LeaderEpoch(1);
    p.partition_epoch = PartitionEpoch(1);
    assert_eq!(lab.alter(2, p).error, None);
    assert_eq!(lab.partition(), "Some(2) epoch 1 isr [2, 3, 1]");
    lab.keep_alive(&[1, 2, 3], 20_100);
    assert_eq!(lab.partition(), "Some(1) epoch 2 isr [2, 3, 1]");
}
