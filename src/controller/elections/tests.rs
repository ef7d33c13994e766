//! Elections, one rule each.

use super::*;
use crate::kafka::ids::{LeaderEpoch, PartitionEpoch};

fn ids(ids: &[u32]) -> Arc<[BrokerId]> {
    ids.iter().map(|id| BrokerId(*id)).collect()
}

/// Replicas 1, 2, 3, led by 1 in epoch 5.
fn partition(isr: &[u32]) -> PartitionRegistration {
    PartitionRegistration {
        leader_epoch: LeaderEpoch(5),
        partition_epoch: PartitionEpoch(9),
        ..PartitionRegistration::led_by(1, &[1, 2, 3], isr)
    }
}

/// The change that takes `gone` out of the in-sync set, with a minimum of 2.
fn without(partition: &PartitionRegistration, gone: u32) -> PartitionChangeBuilder<'_> {
    let mut builder = PartitionChangeBuilder::new(partition, 2);
    builder
        .target_isr
        .retain(|replica| *replica != BrokerId(gone));
    builder
}

/// `leader/epoch.partition-epoch isr elr last-known recovery`, as far as it says something.
fn line(built: Option<BuiltChange>) -> String {
    let Some(built) = built else {
        return "no change".into();
    };
    let list = |ids: &[BrokerId]| {
        let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
        ids.join(",")
    };
    let r = built.registration;
    let mut words = vec![
        r.leader
            .map_or("no leader".into(), |leader| format!("leader {}", leader.0)),
        format!("epoch {}.{}", r.leader_epoch.0, r.partition_epoch.0),
        format!("isr [{}]", list(&r.isr)),
    ];
    if !r.elr.is_empty() {
        words.push(format!("elr [{}]", list(&r.elr)));
    }
    words.extend(
        r.last_known_leader
            .map(|last| format!("last known {}", last.0)),
    );
    if r.recovery == LeaderRecoveryState::Recovering {
        words.push("recovering".into());
    }
    if built.unclean {
        words.push("unclean".into());
    }
    words.join(" ")
}

fn only(alive: &[u32]) -> impl Fn(BrokerId) -> bool + use<> {
    let alive = ids(alive);
    move |broker| alive.contains(&broker)
}

#[test]
fn a_smaller_isr_alone_bumps_the_partition_epoch_only() {
    let built = without(&partition(&[1, 2, 3]), 3).build(only(&[1, 2]));
    assert_eq!(line(built), "leader 1 epoch 5.10 isr [1,2]");
}

#[test]
fn the_first_replica_in_order_of_assignment_that_is_in_sync_and_active_is_elected() {
    let built = without(&partition(&[3, 2, 1]), 1).build(only(&[2, 3]));
    assert_eq!(line(built), "leader 2 epoch 6.10 isr [3,2]");
    let built = without(&partition(&[3, 2, 1]), 1).build(only(&[3]));
    assert_eq!(line(built), "leader 3 epoch 6.10 isr [3,2]");
}

#[test]
fn nothing_changes_when_the_leader_is_valid_and_the_isr_the_same() {
    let p = partition(&[1, 2]);
    let built = PartitionChangeBuilder::new(&p, 2).build(only(&[1, 2, 3]));
    assert_eq!(line(built), "no change");
}

#[test]
fn the_last_replica_standing_stays_in_the_isr_without_a_leader() {
    let built = without(&partition(&[1]), 1).build(only(&[2, 3]));
    assert_eq!(line(built), "no leader epoch 6.10 isr [1]");
}

#[test]
fn the_last_replica_standing_leads_again_cleanly_when_it_is_back() {
    let mut p = partition(&[1]);
    p.leader = None;
    let built = PartitionChangeBuilder::new(&p, 2).build(only(&[1, 2, 3]));
    assert_eq!(line(built), "leader 1 epoch 6.10 isr [1]");
}

#[test]
fn an_unclean_election_makes_the_first_active_replica_the_whole_isr_and_recovering() {
    let p = partition(&[1]);
    let mut builder = without(&p, 1);
    builder.election = Election::Unclean;
    assert_eq!(
        line(builder.build(only(&[3]))),
        "leader 3 epoch 6.10 isr [3] recovering unclean"
    );
}

#[test]
fn an_unclean_election_is_clean_while_an_in_sync_replica_is_active() {
    let p = partition(&[1, 3]);
    let mut builder = without(&p, 1);
    builder.election = Election::Unclean;
    assert_eq!(
        line(builder.build(only(&[2, 3]))),
        "leader 3 epoch 6.10 isr [3]"
    );
}

#[test]
fn an_unclean_election_without_any_active_replica_elects_nobody() {
    let p = partition(&[1]);
    let mut builder = without(&p, 1);
    builder.election = Election::Unclean;
    assert_eq!(
        line(builder.build(only(&[]))),
        "no leader epoch 6.10 isr [1]"
    );
}

#[test]
fn a_preferred_election_moves_the_lead_to_the_first_replica_when_it_is_in_sync() {
    let mut p = partition(&[1, 2, 3]);
    p.leader = Some(BrokerId(2));
    let mut builder = PartitionChangeBuilder::new(&p, 2);
    builder.election = Election::Preferred;
    assert_eq!(
        line(builder.build(only(&[1, 2, 3]))),
        "leader 1 epoch 6.10 isr [1,2,3]"
    );
    p.isr = ids(&[2, 3]);
    let mut builder = PartitionChangeBuilder::new(&p, 2);
    builder.election = Election::Preferred;
    assert_eq!(line(builder.build(only(&[1, 2, 3]))), "no change");
}

#[test]
fn who_leaves_the_isr_below_the_minimum_stays_eligible() {
    let p = partition(&[1, 2]);
    let mut builder = without(&p, 2);
    builder.eligible_leader_replicas = true;
    assert_eq!(
        line(builder.build(only(&[1]))),
        "leader 1 epoch 5.10 isr [1] elr [2]"
    );
}

#[test]
fn who_leaves_the_isr_at_or_above_the_minimum_is_not_eligible() {
    let p = partition(&[1, 2, 3]);
    let mut builder = without(&p, 3);
    builder.eligible_leader_replicas = true;
    assert_eq!(
        line(builder.build(only(&[1, 2]))),
        "leader 1 epoch 5.10 isr [1,2]"
    );
}

#[test]
fn with_eligible_replicas_the_isr_may_be_empty_and_the_last_leader_is_remembered() {
    let mut p = partition(&[1]);
    p.elr = ids(&[2]);
    let mut builder = without(&p, 1);
    builder.eligible_leader_replicas = true;
    assert_eq!(
        line(builder.build(only(&[3]))),
        "no leader epoch 6.10 isr [] elr [1,2] last known 1"
    );
}

#[test]
fn an_eligible_replica_leads_cleanly_when_the_isr_is_empty() {
    let mut p = partition(&[1]);
    p.elr = ids(&[2]);
    let mut builder = without(&p, 1);
    builder.eligible_leader_replicas = true;
    assert_eq!(
        line(builder.build(only(&[2, 3]))),
        "leader 2 epoch 6.10 isr [2] elr [1]"
    );
}

#[test]
fn an_unclean_shutdown_ends_eligibility() {
    let mut p = partition(&[]);
    p.leader = None;
    p.elr = ids(&[1, 2]);
    let mut builder = PartitionChangeBuilder::new(&p, 2);
    builder.eligible_leader_replicas = true;
    builder.unclean_shutdown = Some(BrokerId(2));
    assert_eq!(
        line(builder.build(only(&[]))),
        "no leader epoch 5.10 isr [] elr [1]"
    );
}

#[test]
fn the_last_known_leader_is_elected_uncleanly_when_nobody_is_in_sync_or_eligible() {
    let mut p = partition(&[]);
    p.leader = None;
    p.last_known_leader = Some(BrokerId(3));
    let mut builder = PartitionChangeBuilder::new(&p, 2);
    builder.eligible_leader_replicas = true;
    assert_eq!(line(builder.build(only(&[1, 2]))), "no change");
    let mut builder = PartitionChangeBuilder::new(&p, 2);
    builder.eligible_leader_replicas = true;
    assert_eq!(
        line(builder.build(only(&[1, 2, 3]))),
        "leader 3 epoch 6.10 isr [3] recovering unclean"
    );
}

#[test]
fn eligibility_ends_when_the_isr_reaches_the_minimum_again() {
    let mut p = partition(&[1]);
    p.elr = ids(&[3]);
    let mut builder = PartitionChangeBuilder::new(&p, 2);
    builder.eligible_leader_replicas = true;
    builder.target_isr = ids(&[1, 2]).to_vec();
    assert_eq!(
        line(builder.build(only(&[1, 2, 3]))),
        "leader 1 epoch 5.10 isr [1,2]"
    );
}
