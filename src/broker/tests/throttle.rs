//! What a leader holds back from a throttled follower.

use super::*;
use crate::kafka::throttled_replicas::{PerSide, Side, ThrottledReplicas};

fn throttle(lab: &mut Lab, replicas: ThrottledReplicas) {
    lab.metadata(vec![
        MetadataRecord::ThrottledReplicas {
            topic: TP.topic,
            side: Side::Leader,
            replicas,
        },
        MetadataRecord::ThrottledRate {
            broker: B1,
            rate: PerSide {
                leader: Some(1),
                follower: None,
            },
        },
    ]);
}

fn batches(lab: &Lab, on: ConnectionId) -> Option<usize> {
    Some(lab.fetch_answer(on)?.batches.len())
}

#[test]
fn a_leader_holds_back_what_is_listed_and_not_in_sync_once_its_limit_is_exceeded() {
    let mut lab = Lab::standing(registration(1, 0, &[1, 2]), 1);
    throttle(&mut lab, ThrottledReplicas::All);
    lab.produce(Acks::Leader, batch(1));
    let first = lab.follower_fetch(B3, 0);
    assert_eq!(batches(&lab, first), Some(1), "nothing was copied before");
    lab.produce(Acks::Leader, batch(1));
    let held = lab.follower_fetch(B3, 1);
    assert_eq!(batches(&lab, held), None, "it waits");
    let in_sync = lab.follower_fetch(B2, 0);
    assert_eq!(batches(&lab, in_sync), Some(2));
}

#[test]
fn a_replica_that_is_not_listed_is_not_held_back() {
    let mut lab = Lab::standing(registration(1, 0, &[1, 2]), 1);
    throttle(&mut lab, ThrottledReplicas::of(vec![(1, B1), (0, B2)]));
    for offset in 0..3 {
        lab.produce(Acks::Leader, batch(1));
        let on = lab.follower_fetch(B3, offset);
        assert_eq!(batches(&lab, on), Some(1));
    }
}
