//! Which brokers get the replicas of new partitions.
//!
//! Modelled: KRaft's striped placement: the racks in turn, the brokers of each rack in turn, unfenced
//! ones first and the leader always unfenced; all in a new order after as many partitions as there
//! are unfenced brokers.
//! Source: StripedReplicaPlacer (4.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, Rack};
use crate::sim::rng::Rng;

/// A broker that may get replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsableBroker {
    /// The broker.
    pub id: BrokerId,
    /// Its rack.
    pub rack: Option<Rack>,
    /// True while it must not lead.
    pub fenced: bool,
}

/// Brokers that are taken in turn.
#[derive(Clone, Debug, Default)]
struct BrokerList {
    brokers: Vec<BrokerId>,
    offset: usize,
    index: usize,
}

impl BrokerList {
    fn shuffle(&mut self, rng: &mut Rng) {
        if self.brokers.is_empty() {
            return;
        }
        shuffle(&mut self.brokers, rng);
        self.offset = rng.below(self.brokers.len() as u64) as usize;
    }

    /// The next partition begins: one step further.
    fn next_partition(&mut self, epoch: usize) {
        self.index = 0;
        if epoch > 0 && !self.brokers.is_empty() {
            self.offset = (self.offset + 1) % self.brokers.len();
        }
    }

    fn next(&mut self) -> Option<BrokerId> {
        if self.index >= self.brokers.len() {
            return None;
        }
        self.index += 1;
        Some(self.brokers[(self.offset + self.index - 1) % self.brokers.len()])
    }
}

/// The brokers of one rack.
#[derive(Clone, Debug, Default)]
struct RackBrokers {
    unfenced: BrokerList,
    fenced: BrokerList,
}

/// Replicas of each partition in order of assignment; the first is the preferred leader.
///
/// Deviation: the brokers are shuffled before the first round too; Kafka begins with them in order.
pub fn place(
    brokers: &[UsableBroker],
    partitions: u32,
    replication_factor: u32,
    rng: &mut Rng,
) -> Result<Vec<Arc<[BrokerId]>>, ErrorCode> {
    let unfenced = brokers.iter().filter(|broker| !broker.fenced).count();
    if unfenced == 0 || replication_factor as usize > brokers.len() {
        return Err(ErrorCode::InvalidReplicationFactor);
    }
    let mut by_rack: BTreeMap<Option<Rack>, RackBrokers> = BTreeMap::new();
    for broker in brokers {
        let rack = by_rack.entry(broker.rack).or_default();
        let list = if broker.fenced {
            &mut rack.fenced
        } else {
            &mut rack.unfenced
        };
        list.brokers.push(broker.id);
    }
    let mut racks: Vec<RackBrokers> = by_rack.into_values().collect();
    let mut offset = 0;
    let placed = (0..partitions as usize).map(|partition| {
        let epoch = partition % unfenced;
        if epoch == 0 {
            for rack in &mut racks {
                rack.unfenced.shuffle(rng);
                rack.fenced.shuffle(rng);
            }
            if racks.len() > 1 {
                shuffle(&mut racks, rng);
                offset = rng.below(racks.len() as u64) as usize;
            }
        }
        for rack in &mut racks {
            rack.unfenced.next_partition(epoch);
            rack.fenced.next_partition(epoch);
        }
        let replicas = stripe(&mut racks, offset, replication_factor as usize);
        offset = (offset + 1) % racks.len();
        replicas
    });
    Ok(placed.collect())
}

/// The replicas of one partition: an unfenced leader, then one of each rack in turn.
fn stripe(racks: &mut [RackBrokers], offset: usize, replicas: usize) -> Arc<[BrokerId]> {
    let count = racks.len();
    let mut leader_rack = offset;
    let leader = loop {
        if let Some(leader) = racks[leader_rack].unfenced.next() {
            break leader;
        }
        leader_rack = (leader_rack + 1) % count;
    };
    let mut placed = vec![leader];
    // The leader's rack is passed over once.
    let mut passed = false;
    let mut at = offset;
    while placed.len() < replicas {
        if at == leader_rack && !passed {
            passed = true;
        } else {
            let rack = &mut racks[at];
            placed.extend(rack.unfenced.next().or_else(|| rack.fenced.next()));
        }
        at = (at + 1) % count;
    }
    placed.into()
}

fn shuffle<T>(order: &mut [T], rng: &mut Rng) {
    for last in (1..order.len()).rev() {
        order.swap(last, rng.below(last as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rng::Streams;
    use std::collections::BTreeSet;

    fn brokers(racks: &[Option<u32>]) -> Vec<UsableBroker> {
        let broker = |(index, rack): (usize, &Option<u32>)| UsableBroker {
            id: BrokerId(index as u32 + 1),
            rack: rack.map(Rack),
            fenced: false,
        };
        racks.iter().enumerate().map(broker).collect()
    }

    fn placed(brokers: &[UsableBroker], partitions: u32, replicas: u32) -> Vec<Arc<[BrokerId]>> {
        let mut rng = Streams::new(7).stream("placement");
        place(brokers, partitions, replicas, &mut rng).unwrap()
    }

    fn is_distinct<T: Ord>(items: impl Iterator<Item = T>, count: usize) -> bool {
        items.collect::<BTreeSet<T>>().len() == count
    }

    #[test]
    fn leaders_are_spread_evenly_and_replicas_are_distinct() {
        let brokers = brokers(&[None; 5]);
        let placed = placed(&brokers, 50, 3);
        for broker in &brokers {
            let led = placed
                .iter()
                .filter(|replicas| replicas[0] == broker.id)
                .count();
            assert_eq!(led, 10);
        }
        for replicas in &placed {
            assert!(is_distinct(replicas.iter(), 3));
        }
    }

    #[test]
    fn each_rack_has_a_replica_before_any_has_two() {
        let brokers = brokers(&[Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)]);
        for replicas in placed(&brokers, 60, 3) {
            let rack = |id: &BrokerId| brokers[id.0 as usize - 1].rack;
            assert!(is_distinct(replicas.iter().map(rack), 3), "{replicas:?}");
        }
        for replicas in placed(&brokers, 60, 5) {
            assert!(is_distinct(replicas.iter(), 5), "{replicas:?}");
        }
    }

    #[test]
    fn a_fenced_broker_never_leads_and_comes_after_the_unfenced_of_its_rack() {
        let mut brokers = brokers(&[None; 4]);
        brokers[2].fenced = true;
        for replicas in placed(&brokers, 30, 3) {
            assert!(!replicas.contains(&BrokerId(3)), "three others are there");
        }
        for replicas in placed(&brokers, 30, 4) {
            assert_eq!(replicas[3], BrokerId(3));
        }
    }

    #[test]
    fn too_few_brokers_are_an_invalid_replication_factor() {
        let mut rng = Streams::new(7).stream("placement");
        let mut two = brokers(&[None; 2]);
        let refused = Err(ErrorCode::InvalidReplicationFactor);
        assert_eq!(place(&two, 1, 3, &mut rng), refused);
        for broker in &mut two {
            broker.fenced = true;
        }
        assert_eq!(place(&two, 1, 2, &mut rng), refused);
    }
}
