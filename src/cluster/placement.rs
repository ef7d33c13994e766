//! Which brokers get the replicas of a new topic.
//!
//! Modelled: KRaft's striped placement on one rack: brokers in random order, each partition one
//! step further, a new order after each round. Left out: racks, fenced brokers.
//! Source: StripedReplicaPlacer.

use std::sync::Arc;

use crate::kafka::ids::BrokerId;
use crate::sim::rng::Rng;

/// Replicas of each partition in order of assignment; the first is the preferred leader.
pub fn place(
    brokers: &[BrokerId],
    partitions: u32,
    replication_factor: u32,
    rng: &mut Rng,
) -> Vec<Arc<[BrokerId]>> {
    let count = brokers.len();
    assert!(
        replication_factor as usize <= count,
        "a broker holds a partition once"
    );
    let mut order = brokers.to_vec();
    let mut offset = 0;
    (0..partitions as usize)
        .map(|partition| {
            if partition % count == 0 {
                shuffle(&mut order, rng);
                offset = rng.below(count as u64) as usize;
            }
            let first = offset + partition;
            (0..replication_factor as usize)
                .map(|i| order[(first + i) % count])
                .collect()
        })
        .collect()
}

fn shuffle(order: &mut [BrokerId], rng: &mut Rng) {
    for last in (1..order.len()).rev() {
        order.swap(last, rng.below(last as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rng::Streams;

    #[test]
    fn leaders_are_spread_evenly_and_replicas_are_distinct() {
        let brokers: Vec<BrokerId> = (1..=5).map(BrokerId).collect();
        let mut rng = Streams::new(7).stream("placement");
        let placed = place(&brokers, 50, 3, &mut rng);
        for broker in &brokers {
            let led = placed
                .iter()
                .filter(|replicas| replicas[0] == *broker)
                .count();
            assert_eq!(led, 10);
        }
        for replicas in &placed {
            let mut distinct = replicas.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), 3);
        }
    }
}
