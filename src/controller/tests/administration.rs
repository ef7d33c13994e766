//! What administrators ask.

use crate::controller::tests::*;
use crate::kafka::api::admin::{AdminRequest, ElectionType};
use crate::kafka::quota::{QuotaChange, QuotaType};
use crate::kafka::throttled_replicas::PerSide;
use crate::sim::ratio::Ratio;

fn ask(lab: &mut Lab, request: AdminRequest) -> Result<(), ErrorCode> {
    let Response::Admin(response) = lab.call(Request::Admin(Box::new(request))) else {
        panic!("the answer fits the request");
    };
    response.error.map_or(Ok(()), Err)
}

fn reassign(lab: &mut Lab, target: Option<&[u32]>) -> Result<(), ErrorCode> {
    let target = target.map(ids);
    let tp = TP;
    ask(
        lab,
        AdminRequest::AlterPartitionReassignments { tp, target },
    )
}

/// Replicas, in-sync set, and who is to come and to go.
fn replicas(lab: &Lab) -> String {
    let image = lab.controller.image();
    let p = image.partition(TP).expect("the partition exists");
    let line = |ids: &[BrokerId]| {
        let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
        ids.join(",")
    };
    let mut text = format!("{} isr {}", line(&p.replicas), line(&p.isr));
    if let Some(under_way) = &p.reassignment {
        let (adding, removing) = (line(&under_way.adding), line(&under_way.removing));
        text += &format!(" adding {adding} removing {removing}");
    }
    text
}

/// Four brokers, the fourth unfenced like the others.
fn four() -> (Lab, u64) {
    let mut lab = Lab::new();
    let epoch = lab.register(4, 0, None).expect("nobody has its id");
    lab.heartbeat(4, epoch.0);
    lab.heartbeat(4, epoch.0);
    assert!(lab.controller.image().is_active(BrokerId(4)));
    (lab, epoch.0)
}

fn isr(members: &[(u32, u64)], leader_epoch: u32, partition_epoch: u32) -> IsrProposal {
    IsrProposal {
        tp: TP,
        leader_epoch: LeaderEpoch(leader_epoch),
        partition_epoch: PartitionEpoch(partition_epoch),
        new_isr: (members.iter())
            .map(|(id, epoch)| (BrokerId(*id), BrokerEpoch(*epoch)))
            .collect(),
    }
}

#[test]
fn a_reassignment_ends_with_the_isr_that_holds_the_whole_target() {
    let (mut lab, fourth) = four();
    assert_eq!(reassign(&mut lab, Some(&[1, 2, 4])), Ok(()));
    assert_eq!(replicas(&lab), "1,2,4,3 isr 1,2,3 adding 4 removing 3");
    let all = isr(&[(1, 0), (2, 1), (3, 2), (4, fourth)], 0, 1);
    assert_eq!(lab.alter(1, all).error, None);
    assert_eq!(replicas(&lab), "1,2,4 isr 1,2,4");
    // A replica went: the epoch is new, although the leader is the same.
    assert_eq!(lab.partition(), "Some(1) epoch 1 isr [1, 2, 4]");
}

#[test]
fn a_leader_that_is_to_go_is_told_of_the_new_one() {
    let (mut lab, fourth) = four();
    assert_eq!(reassign(&mut lab, Some(&[4, 2, 3])), Ok(()));
    let all = isr(&[(1, 0), (2, 1), (3, 2), (4, fourth)], 0, 1);
    assert_eq!(lab.alter(1, all).error, Some(ErrorCode::NewLeaderElected));
    assert_eq!(lab.partition(), "Some(4) epoch 1 isr [2, 3, 4]");
}

#[test]
fn a_new_order_of_the_same_replicas_needs_no_copying() {
    let mut lab = Lab::new();
    assert_eq!(reassign(&mut lab, Some(&[3, 1, 2])), Ok(()));
    assert_eq!(replicas(&lab), "3,1,2 isr 1,2,3");
    assert_eq!(lab.partition(), "Some(1) epoch 0 isr [1, 2, 3]");
}

#[test]
fn a_cancelled_reassignment_leaves_the_old_replicas() {
    let (mut lab, _) = four();
    let nothing = Err(ErrorCode::NoReassignmentInProgress);
    assert_eq!(reassign(&mut lab, None), nothing);
    assert_eq!(reassign(&mut lab, Some(&[4, 2, 1])), Ok(()));
    assert_eq!(reassign(&mut lab, None), Ok(()));
    assert_eq!(replicas(&lab), "2,1,3 isr 1,2,3");
    assert_eq!(reassign(&mut lab, None), nothing);
}

#[test]
fn a_target_names_known_brokers_once() {
    let mut lab = Lab::new();
    let refused = Err(ErrorCode::InvalidReplicaAssignment);
    assert_eq!(reassign(&mut lab, Some(&[1, 9])), refused);
    assert_eq!(reassign(&mut lab, Some(&[1, 1])), refused);
    assert_eq!(reassign(&mut lab, Some(&[])), refused);
}

#[test]
fn more_partitions_have_as_many_replicas_and_only_active_ones_in_sync() {
    let mut lab = Lab::new();
    lab.keep_alive(&[1, 2], 10_300);
    let topic = TopicId(0);
    let grow = |count| AdminRequest::CreatePartitions { topic, count };
    let refused = Err(ErrorCode::InvalidPartitions);
    assert_eq!(ask(&mut lab, grow(1)), refused);
    assert_eq!(ask(&mut lab, grow(3)), Ok(()));
    assert_eq!(ask(&mut lab, grow(2)), refused);
    let topic = lab.controller.image().topic(topic).expect("it exists");
    assert_eq!(topic.partitions.len(), 3);
    for partition in &topic.partitions[1..] {
        assert_eq!(partition.replicas.len(), 3);
        assert_eq!(
            partition.replicas[2],
            BrokerId(3),
            "the fenced one comes last"
        );
        assert_eq!(partition.isr[..], partition.replicas[..2]);
        assert_eq!(partition.leader, Some(partition.replicas[0]));
    }
}

#[test]
fn a_new_topic_is_placed_and_exists_once() {
    let mut lab = Lab::new();
    let topic = TopicId(1);
    let create = |replication_factor| AdminRequest::CreateTopics {
        topic,
        partitions: 2,
        replication_factor,
    };
    let refused = Err(ErrorCode::InvalidReplicationFactor);
    assert_eq!(ask(&mut lab, create(4)), refused, "there are three brokers");
    assert!(lab.controller.image().topic(topic).is_none());
    assert_eq!(ask(&mut lab, create(3)), Ok(()));
    let created = lab.controller.image().topic(topic).expect("it was created");
    assert_eq!((&*created.name, created.partitions.len()), ("refunds", 2));
    assert!(created.partitions.iter().all(|p| p.isr.len() == 3));
    let again = Err(ErrorCode::TopicAlreadyExists);
    assert_eq!(ask(&mut lab, create(3)), again);
}

#[test]
fn client_quotas_are_set_and_taken_back_and_are_in_a_snapshot() {
    let mut lab = Lab::new();
    let alter = |name: Option<&str>, changes: &[(QuotaType, Option<u64>)]| {
        let changes = changes.iter().map(|(quota, bytes)| QuotaChange {
            quota: *quota,
            value: bytes.and_then(|bytes| Ratio::new(bytes, 1)),
        });
        AdminRequest::AlterClientQuotas {
            entity: name.map(Arc::from),
            changes: changes.collect(),
        }
    };
    let (sends, reads) = (QuotaType::Produce, QuotaType::Fetch);
    let both = [(sends, Some(1_000)), (reads, Some(7))];
    assert_eq!(ask(&mut lab, alter(Some("p1"), &both)), Ok(()));
    assert_eq!(ask(&mut lab, alter(None, &[(sends, Some(5))])), Ok(()));
    let image = lab.controller.image();
    let of_p1 = image.client_quotas[&Some(Arc::from("p1"))];
    assert_eq!(of_p1.producer_byte_rate, Some(1_000));
    assert_eq!(of_p1.consumer_byte_rate, Some(7));
    assert_eq!(image.client_quotas[&None].producer_byte_rate, Some(5));
    let restored = MetadataImage::restore(&image.snapshot(), image.end);
    assert_eq!(restored.client_quotas, image.client_quotas);
    // What is in force writes no record, and neither does what was never there.
    let end = image.end;
    let nothing = [(sends, Some(1_000)), (QuotaType::Request, None)];
    assert_eq!(ask(&mut lab, alter(Some("p1"), &nothing)), Ok(()));
    assert_eq!(lab.controller.image().end, end);
    let invalid = Err(ErrorCode::InvalidRequest);
    for (name, changes) in [
        ("p1", [(sends, Some(9)), (reads, Some(0))]),
        ("p1", [(sends, Some(9)), (sends, None)]),
        ("", [(sends, Some(9)), (reads, None)]),
    ] {
        assert_eq!(ask(&mut lab, alter(Some(name), &changes)), invalid);
    }
    let off = [(sends, None), (reads, None)];
    assert_eq!(ask(&mut lab, alter(Some("p1"), &off)), Ok(()));
    let left = &lab.controller.image().client_quotas;
    assert_eq!(left.keys().collect::<Vec<_>>(), [&None]);
}

#[test]
fn throttled_replicas_are_added_to_and_a_rate_is_the_brokers() {
    let mut lab = Lab::new();
    let topic = TopicId(0);
    let more = |partition, broker| IncrementalAlterConfigsRequest::ThrottledReplicas {
        topic,
        replicas: PerSide {
            leader: vec![(partition, BrokerId(broker))],
            follower: Vec::new(),
        },
    };
    for request in [
        more(0, 1),
        more(1, 2),
        IncrementalAlterConfigsRequest::ThrottledRate {
            broker: BrokerId(2),
            rate: Some(5_000),
        },
    ] {
        lab.call(Request::IncrementalAlterConfigs(request));
    }
    let image = lab.controller.image();
    let throttled = &image.topic(topic).unwrap().throttled;
    assert_eq!(throttled.leader.to_string(), "0:1,1:2");
    assert_eq!(throttled.follower.to_string(), "");
    assert_eq!(image.throttled_rates[&BrokerId(2)].follower, Some(5_000));
    let all = [("leader.replication.throttled.replicas", Some("*"))];
    assert_eq!(alter_config(&mut lab, &all), None);
    let bad = [("leader.replication.throttled.replicas", Some("0-1"))];
    assert_eq!(alter_config(&mut lab, &bad), Some(ErrorCode::InvalidConfig));
    let image = lab.controller.image();
    assert_eq!(
        image.topic(topic).unwrap().throttled.leader.to_string(),
        "*"
    );
    let restored = MetadataImage::restore(&image.snapshot(), image.end);
    assert_eq!(restored.throttled_rates, image.throttled_rates);
    let (then, now) = (image.topic(topic).unwrap(), restored.topic(topic).unwrap());
    assert_eq!(then.throttled, now.throttled);
}

#[test]
fn an_election_on_request_says_when_there_is_nothing_to_elect() {
    let mut lab = Lab::new();
    let elect = |election| AdminRequest::ElectLeaders { tp: TP, election };
    let preferred = || elect(ElectionType::Preferred);
    let not_needed = Err(ErrorCode::ElectionNotNeeded);
    assert_eq!(ask(&mut lab, preferred()), not_needed);
    let unclean = elect(ElectionType::Unclean);
    assert_eq!(ask(&mut lab, unclean.clone()), not_needed);
    lab.keep_alive(&[2, 3], 10_300);
    let not_there = Err(ErrorCode::PreferredLeaderNotAvailable);
    assert_eq!(ask(&mut lab, preferred()), not_there);
    // Nobody is left, and then one that was not the last.
    lab.keep_alive(&[3], 20_300);
    lab.keep_alive(&[], 30_300);
    assert_eq!(lab.partition(), "None epoch 3 isr [3]");
    let nobody = Err(ErrorCode::EligibleLeadersNotAvailable);
    assert_eq!(ask(&mut lab, unclean.clone()), nobody);
    lab.heartbeat(2, 1);
    assert_eq!(ask(&mut lab, unclean), Ok(()));
    assert_eq!(lab.partition(), "Some(2) epoch 4 isr [2]");
}

#[test]
fn a_broker_that_is_struck_off_leads_nothing_and_is_unknown() {
    let mut lab = Lab::new();
    let broker = BrokerId(1);
    let strike = || AdminRequest::UnregisterBroker { broker };
    assert_eq!(ask(&mut lab, strike()), Ok(()));
    assert_eq!(lab.partition(), "Some(2) epoch 1 isr [2, 3]");
    assert!(!lab.controller.image().brokers.contains_key(&broker));
    assert_eq!(
        ask(&mut lab, strike()),
        Err(ErrorCode::BrokerIdNotRegistered)
    );
    let beat = lab.heartbeat(1, 0);
    assert_eq!(beat.error, Some(ErrorCode::StaleBrokerEpoch));
    lab.register(1, 1, None).expect("it may come back");
}
