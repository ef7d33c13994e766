//! What the metadata log makes a broker do.

use super::*;
use crate::kafka::api::metadata::MetadataRequest;

fn became_leader(lab: &Lab) -> bool {
    let facts = lab.facts();
    facts
        .iter()
        .any(|fact| matches!(fact, Fact::BecameLeader { .. }))
}

#[test]
fn a_replica_leads_when_its_registration_says_so() {
    let mut lab = Lab::standing(registration(2, 0, &[1, 2, 3]), 2);
    assert!(!lab.view().is_leader);
    lab.register_partition(registration(1, 1, &[1, 3]));
    assert!(became_leader(&lab));
    let view = lab.view();
    assert!(view.is_leader);
    assert_eq!(view.leader_epoch, LeaderEpoch(1));
    assert_eq!(view.isr, [B1, B3]);
}

#[test]
fn a_change_of_the_isr_alone_is_no_new_lead() {
    let mut lab = Lab::leader();
    let mut smaller = registration(1, 0, &[1, 2]);
    smaller.partition_epoch = PartitionEpoch(1);
    lab.register_partition(smaller);
    assert!(!became_leader(&lab));
    assert_eq!(lab.view().isr, [B1, B2]);
}

#[test]
fn an_older_registration_changes_nothing() {
    let mut lab = Lab::standing(registration(1, 4, &[1, 2, 3]), 2);
    lab.register_partition(registration(2, 3, &[2]));
    assert!(lab.view().is_leader);
}

#[test]
fn the_high_watermark_may_move_when_the_isr_shrinks_to_the_leader() {
    let mut lab = Lab::standing(registration(1, 0, &[1, 2, 3]), 1);
    lab.produce(Acks::All, batch(1));
    let mut alone = registration(1, 0, &[1]);
    alone.partition_epoch = PartitionEpoch(1);
    // Its followers are fenced, or they would be waited for.
    let fenced = |broker| MetadataRecord::BrokerRegistrationChange {
        broker,
        epoch: epoch_of(broker),
        fenced: Some(true),
        in_controlled_shutdown: None,
    };
    lab.metadata(vec![
        fenced(B2),
        fenced(B3),
        MetadataRecord::Partition {
            tp: TP,
            registration: Arc::new(alone),
        },
    ]);
    assert_eq!(lab.high_watermark(), 1);
    assert!(lab.produce_answer().is_some());
}

fn fetched(lab: &mut Lab, response: QuorumFetchResponse) {
    lab.broker.links[Link::Metadata.index()].reset();
    let mut cx = Cx::new(&mut lab.host, &mut lab.effects);
    lab.broker.metadata_fetched(&mut cx, response);
}

#[test]
fn records_are_applied_when_they_are_committed() {
    let mut lab = Lab::leader();
    let end = lab.broker.image().end;
    let deposed = MetadataRecord::Partition {
        tp: TP,
        registration: Arc::new(registration(2, 1, &[2, 3])),
    };
    fetched(
        &mut lab,
        QuorumFetchResponse {
            snapshot_end: None,
            base_offset: end,
            records: vec![deposed],
            high_watermark: end,
        },
    );
    assert!(lab.view().is_leader);
    assert_eq!(lab.broker.image().end, end);
    fetched(
        &mut lab,
        QuorumFetchResponse {
            snapshot_end: None,
            base_offset: end.plus(1),
            records: Vec::new(),
            high_watermark: end.plus(1),
        },
    );
    assert!(!lab.view().is_leader);
    assert_eq!(lab.broker.image().end, end.plus(1));
}

#[test]
fn a_snapshot_replaces_the_image_and_what_changed_is_acted_on() {
    let mut lab = Lab::leader();
    let newer = image(registration(2, 7, &[2, 3]), 2);
    let end = Offset(500);
    fetched(
        &mut lab,
        QuorumFetchResponse {
            snapshot_end: Some(end),
            base_offset: end,
            records: newer.snapshot(),
            high_watermark: end,
        },
    );
    assert_eq!(lab.broker.image().end, end);
    assert!(!lab.view().is_leader);
    assert_eq!(lab.view().leader_epoch, LeaderEpoch(7));
}

#[test]
fn a_replica_that_is_moved_away_is_emptied_and_its_clients_are_sent_on() {
    let mut lab = Lab::leader();
    lab.produce(Acks::All, batch(1));
    let mut elsewhere = registration(2, 1, &[2, 3]);
    elsewhere.replicas = [B2, B3].into();
    lab.register_partition(elsewhere);
    assert_eq!(lab.produce_error(), Some(ErrorCode::NotLeaderOrFollower));
    assert!(lab.broker.view(TP).is_none(), "its log is deleted");
}

#[test]
fn a_broker_tells_clients_what_it_believes() {
    let mut lab = Lab::leader();
    lab.metadata(vec![
        MetadataRecord::BrokerRegistrationChange {
            broker: B3,
            epoch: epoch_of(B3),
            fenced: Some(true),
            in_controlled_shutdown: None,
        },
        MetadataRecord::Partition {
            tp: TP,
            registration: Arc::new(registration(2, 5, &[2])),
        },
    ]);
    lab.request(Request::Metadata(MetadataRequest {
        topics: vec![TopicId(0), TopicId(4)],
        allow_auto_topic_creation: false,
    }));
    let answers = lab.answers();
    let Response::Metadata(answer) = answers[0].1 else {
        panic!("metadata is answered: {answers:?}");
    };
    assert_eq!(answer.brokers, [B1, B2]);
    assert!(answer.controller.is_some_and(|any| any != B3), "a live one");
    let partition = answer.topics[0].partitions[0];
    assert_eq!(partition.leader, Some(B2));
    assert_eq!(partition.leader_epoch, LeaderEpoch(5));
    assert_eq!(
        answer.topics[1].error,
        Some(ErrorCode::UnknownTopicOrPartition)
    );
}
