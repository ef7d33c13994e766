//! Who is in sync, what the leader asks the controller for, and what that means for the high watermark.

use super::*;
use crate::kafka::api::alter_partition::{
    AlterPartitionRequest, AlterPartitionResponse, AlteredPartition,
};

const LAG: SimDuration = SimDuration::from_secs(30);

fn proposal(request: &Request) -> &AlterPartitionRequest {
    let Request::AlterPartition(request) = request else {
        panic!("not an AlterPartition: {request:?}");
    };
    request
}

fn members(request: &AlterPartitionRequest) -> Vec<u32> {
    let members = request.partitions[0].new_isr.iter();
    members.map(|(broker, _)| broker.0).collect()
}

fn proposed(lab: &Lab) -> Option<Vec<u32>> {
    lab.facts().into_iter().find_map(|fact| {
        let Fact::IsrProposed { isr, .. } = fact else {
            return None;
        };
        Some(isr.iter().map(|broker| broker.0).collect())
    })
}

fn altered(error: Option<ErrorCode>, partition_epoch: u32, isr: &[u32]) -> Response {
    Response::AlterPartition(Box::new(AlterPartitionResponse {
        error: None,
        partitions: vec![AlteredPartition {
            tp: TP,
            error,
            leader: Some(B1),
            leader_epoch: LeaderEpoch(0),
            isr: isr.iter().map(|id| BrokerId(*id)).collect(),
            partition_epoch: PartitionEpoch(partition_epoch),
        }],
    }))
}

fn isr(lab: &Lab) -> Vec<u32> {
    lab.view().isr.iter().map(|broker| broker.0).collect()
}

/// Both followers fetch from the log end.
fn keep_up(lab: &mut Lab) {
    let end = lab.log_end();
    lab.follower_fetch(B2, end);
    lab.follower_fetch(B3, end);
}

#[test]
fn a_follower_leaves_the_isr_after_replica_lag_time_max() {
    let mut lab = Lab::leader();
    keep_up(&mut lab);
    lab.produce(Acks::Leader, batch(1));
    lab.after(LAG);
    lab.follower_fetch(B3, 1);
    lab.timer(Timer::ShrinkIsr);
    assert_eq!(proposed(&lab), None, "not yet longer than the limit");
    let half = SimDuration::from_secs(15);
    assert_eq!(lab.timer_set(Timer::ShrinkIsr), Some(half));
    lab.after(SimDuration::from_nanos(1));
    lab.timer(Timer::ShrinkIsr);
    assert_eq!(proposed(&lab), Some(vec![1, 3]));
}

#[test]
fn a_silent_follower_with_the_whole_log_stays_in_the_isr() {
    let mut lab = Lab::leader();
    keep_up(&mut lab);
    lab.after(SimDuration::from_secs(600));
    lab.timer(Timer::ShrinkIsr);
    assert_eq!(proposed(&lab), None);
}

#[test]
fn a_follower_that_is_always_one_fetch_behind_stays_in_the_isr() {
    let mut lab = Lab::leader();
    keep_up(&mut lab);
    for fetched in 0..6 {
        lab.produce(Acks::Leader, batch(1));
        lab.after(SimDuration::from_secs(10));
        lab.follower_fetch(B2, fetched);
        lab.follower_fetch(B3, fetched);
    }
    lab.timer(Timer::ShrinkIsr);
    assert_eq!(proposed(&lab), None);
}

#[test]
fn a_fresh_leader_gives_its_followers_time_to_show_up() {
    let mut lab = Lab::standing(registration(2, 0, &[1, 2, 3]), 2);
    lab.after(SimDuration::from_secs(100));
    lab.register_partition(registration(1, 1, &[1, 2, 3]));
    lab.produce(Acks::Leader, batch(1));
    lab.after(LAG);
    lab.timer(Timer::ShrinkIsr);
    assert_eq!(proposed(&lab), None);
    lab.after(SimDuration::from_nanos(1));
    lab.timer(Timer::ShrinkIsr);
    assert_eq!(proposed(&lab), Some(vec![1]));
}

/// A leader alone in sync with two records, the first of them committed.
fn alone() -> Lab {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 1);
    lab.produce(Acks::Leader, batch(1));
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(lab.high_watermark(), 2);
    lab
}

#[test]
fn a_follower_joins_the_isr_when_it_has_what_is_committed() {
    let mut lab = alone();
    lab.follower_fetch(B2, 1);
    assert_eq!(proposed(&lab), None);
    lab.follower_fetch(B2, 2);
    assert_eq!(proposed(&lab), Some(vec![1, 2]));
    let (_, _, request) = lab.asked_controller();
    let request = proposal(&request);
    assert_eq!(members(request), [1, 2]);
    assert_eq!(request.broker_epoch, epoch_of(B1));
    let epochs = request.partitions[0].new_isr.iter();
    assert!(
        epochs
            .into_iter()
            .all(|(broker, epoch)| *epoch == epoch_of(*broker))
    );
}

#[test]
fn a_follower_below_the_start_of_the_leaders_epoch_does_not_join() {
    let mut lab = Lab::leader();
    lab.produce(Acks::Leader, batch(1));
    lab.register_partition(registration(2, 1, &[1, 2]));
    lab.register_partition(registration(1, 2, &[1, 2]));
    assert_eq!(lab.high_watermark(), 0);
    lab.follower_fetch(B3, 0);
    assert_eq!(
        proposed(&lab),
        None,
        "it has what is committed, but epoch 2 begins at 1"
    );
    lab.follower_fetch(B3, 1);
    assert_eq!(proposed(&lab), Some(vec![1, 2, 3]));
}

fn change_of_b2(fenced: Option<bool>, in_controlled_shutdown: Option<bool>) -> MetadataRecord {
    MetadataRecord::BrokerRegistrationChange {
        broker: B2,
        epoch: epoch_of(B2),
        fenced,
        in_controlled_shutdown,
    }
}

#[test]
fn a_fenced_follower_does_not_join() {
    let mut lab = alone();
    lab.metadata(vec![change_of_b2(Some(true), None)]);
    lab.follower_fetch(B2, 2);
    assert_eq!(proposed(&lab), None);
}

#[test]
fn a_follower_in_controlled_shutdown_does_not_join() {
    let mut lab = alone();
    lab.metadata(vec![change_of_b2(None, Some(true))]);
    lab.follower_fetch(B2, 2);
    assert_eq!(proposed(&lab), None);
}

#[test]
fn a_follower_whose_broker_epoch_is_not_the_registered_one_does_not_join() {
    let mut lab = alone();
    let newer = Fetcher::Follower {
        broker: B2,
        epoch: BrokerEpoch(99),
    };
    lab.request(fetch_request(newer, 2, last_epoch(2)));
    assert_eq!(proposed(&lab), None);
}

#[test]
fn one_change_of_the_isr_is_under_way_at_a_time() {
    let mut lab = alone();
    lab.follower_fetch(B2, 2);
    assert_eq!(proposed(&lab), Some(vec![1, 2]));
    lab.follower_fetch(B3, 2);
    assert_eq!(proposed(&lab), None);
}

#[test]
fn who_is_about_to_join_counts_for_the_high_watermark_at_once() {
    let mut lab = alone();
    lab.follower_fetch(B2, 2);
    lab.produce(Acks::All, batch(1));
    assert_eq!(lab.high_watermark(), 2);
    assert!(lab.produce_answer().is_none());
    lab.after(SimDuration::from_secs(100));
    lab.produce(Acks::All, batch(1));
    assert_eq!(lab.high_watermark(), 2, "also when it then lags behind");
    lab.follower_fetch(B2, 4);
    assert_eq!(lab.high_watermark(), 4);
}

#[test]
fn a_follower_that_is_caught_up_and_may_join_is_waited_for() {
    let mut lab = alone();
    lab.follower_fetch(B2, 2);
    let (on, correlation, _) = lab.asked_controller();
    lab.respond(
        on,
        correlation,
        altered(Some(ErrorCode::IneligibleReplica), 0, &[1]),
    );
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(lab.high_watermark(), 2);
    lab.metadata(vec![change_of_b2(Some(true), None)]);
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(lab.high_watermark(), 4, "a fenced one is not");
}

#[test]
fn while_a_member_is_about_to_leave_it_still_counts() {
    let mut lab = Lab::leader();
    keep_up(&mut lab);
    lab.produce(Acks::All, batch(1));
    lab.after(LAG + SimDuration::from_secs(1));
    lab.follower_fetch(B2, 1);
    lab.timer(Timer::ShrinkIsr);
    assert_eq!(proposed(&lab), Some(vec![1, 2]));
    let (on, correlation, _) = lab.asked_controller();
    assert_eq!(lab.high_watermark(), 0);
    lab.respond(on, correlation, altered(None, 1, &[1, 2]));
    assert_eq!(lab.high_watermark(), 1);
    assert_eq!(lab.produce_error(), None);
    assert!(
        lab.produce_answer().is_some(),
        "the produce waited for b3 only"
    );
    assert_eq!(isr(&lab), [1, 2]);
}

#[test]
fn an_answer_of_an_older_partition_epoch_changes_nothing() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 1);
    let mut newer = registration(1, 0, &[1]);
    newer.partition_epoch = PartitionEpoch(5);
    lab.register_partition(newer);
    lab.follower_fetch(B2, 0);
    let (on, correlation, _) = lab.asked_controller();
    lab.respond(on, correlation, altered(None, 4, &[1, 2]));
    assert_eq!(isr(&lab), [1]);
}

#[test]
fn an_ineligible_member_ends_the_proposal() {
    let mut lab = alone();
    lab.follower_fetch(B2, 2);
    let (on, correlation, _) = lab.asked_controller();
    lab.respond(
        on,
        correlation,
        altered(Some(ErrorCode::IneligibleReplica), 0, &[1]),
    );
    lab.follower_fetch(B3, 2);
    assert_eq!(proposed(&lab), Some(vec![1, 3]));
}

#[test]
fn after_an_error_that_metadata_must_settle_the_proposal_stays_until_then() {
    let mut lab = alone();
    lab.follower_fetch(B2, 2);
    let (on, correlation, _) = lab.asked_controller();
    lab.respond(
        on,
        correlation,
        altered(Some(ErrorCode::InvalidUpdateVersion), 0, &[1]),
    );
    lab.follower_fetch(B3, 2);
    assert_eq!(proposed(&lab), None);
    let mut newer = registration(1, 0, &[1, 2]);
    newer.partition_epoch = PartitionEpoch(1);
    lab.register_partition(newer);
    lab.follower_fetch(B3, 2);
    assert_eq!(proposed(&lab), Some(vec![1, 2, 3]));
}

#[test]
fn an_error_of_the_whole_request_is_retried_after_50_ms() {
    let mut lab = alone();
    lab.follower_fetch(B2, 2);
    let (on, correlation, _) = lab.asked_controller();
    let refused = AlterPartitionResponse {
        error: Some(ErrorCode::StaleBrokerEpoch),
        partitions: Vec::new(),
    };
    lab.respond(on, correlation, Response::AlterPartition(Box::new(refused)));
    let pause = SimDuration::from_millis(50);
    assert_eq!(lab.timer_set(Timer::RetryAlterPartition), Some(pause));
    lab.timer(Timer::RetryAlterPartition);
    let (_, _, request) = lab.asked();
    assert_eq!(members(proposal(&request)), [1, 2]);
}

#[test]
fn metadata_that_comes_before_the_answer_makes_the_answer_void() {
    let mut lab = alone();
    lab.follower_fetch(B2, 2);
    let (on, correlation, _) = lab.asked_controller();
    let mut newer = registration(1, 0, &[1, 2]);
    newer.partition_epoch = PartitionEpoch(1);
    lab.register_partition(newer);
    assert_eq!(isr(&lab), [1, 2]);
    lab.respond(on, correlation, altered(None, 9, &[1]));
    assert_eq!(isr(&lab), [1, 2]);
}

#[test]
fn proposals_of_several_partitions_travel_in_one_request_after_the_first() {
    let mut lab = alone();
    let second = TopicPartition {
        topic: TopicId(0),
        partition: 1,
    };
    let third = TopicPartition {
        topic: TopicId(0),
        partition: 2,
    };
    let record = |tp| MetadataRecord::Partition {
        tp,
        registration: Arc::new(registration(1, 0, &[1])),
    };
    lab.metadata(vec![record(second), record(third)]);
    lab.follower_fetch(B2, 2);
    let (on, correlation, _) = lab.asked_controller();
    for tp in [second, third] {
        let Request::Fetch(mut request) = fetch_request(follower_of(B2), 0, None) else {
            unreachable!("a fetch was made");
        };
        request.partitions[0].tp = tp;
        lab.request(Request::Fetch(request));
    }
    lab.respond(on, correlation, altered(None, 1, &[1, 2]));
    let (_, _, request) = lab.asked();
    let tps: Vec<_> = proposal(&request).partitions.iter().map(|p| p.tp).collect();
    assert_eq!(tps, [second, third]);
}

#[test]
fn below_the_minimum_the_high_watermark_stands_still_until_somebody_joins() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 2);
    lab.produce(Acks::Leader, batch(1));
    lab.follower_fetch(B2, 1);
    assert_eq!(lab.high_watermark(), 0);
    let (on, correlation, _) = lab.asked_controller();
    lab.respond(on, correlation, altered(None, 1, &[1, 2]));
    assert_eq!(lab.high_watermark(), 1);
}
