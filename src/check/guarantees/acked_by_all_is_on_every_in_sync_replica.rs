//! When a produce is acknowledged, every replica of the committed in-sync set has its records.
//!
//! Holds for acks=all, while no log lost an end that was never on stable storage and no election
//! was unclean.
//! Source: ReplicationQuorumSuperset (Vanlightly's replication model); KIP-497's maximal ISR.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::guarantees::damage::Damage;
use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::fact::Fact;
use crate::kafka::ids::{BrokerId, Offset, TopicPartition};
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct AckedByAllIsOnEveryInSyncReplica {
    damage: Damage,
    /// The committed in-sync sets; those of the start of the run are not announced.
    isr: BTreeMap<TopicPartition, (Arc<[BrokerId]>, EventId)>,
    ends: BTreeMap<(TopicPartition, BrokerId), (Offset, EventId)>,
    breaches: Breaches,
}

impl Default for AckedByAllIsOnEveryInSyncReplica {
    fn default() -> Self {
        Self::new()
    }
}

impl AckedByAllIsOnEveryInSyncReplica {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            damage: Damage::default(),
            isr: BTreeMap::new(),
            ends: BTreeMap::new(),
            breaches: Breaches::of("acked_by_all_is_on_every_in_sync_replica"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, at: SimTime, event: EventId, fact: &Fact) {
        self.damage.fact(fact);
        if let Fact::PartitionChanged { tp, isr, .. } = fact {
            self.isr.insert(*tp, (Arc::clone(isr), event));
        } else if let Fact::Appended {
            broker, tp, stored, ..
        } = fact
        {
            let end = (stored.next_offset(), event);
            self.ends.insert((*tp, *broker), end);
        } else if let Fact::Truncated { broker, tp, to, .. } = fact {
            self.ends.insert((*tp, *broker), (*to, event));
        } else if let Fact::ProduceAcked {
            broker,
            tp,
            base_offset,
            ..
        } = fact
        {
            self.acked(at, event, *broker, *tp, *base_offset);
        }
    }

    fn acked(
        &mut self,
        at: SimTime,
        event: EventId,
        leader: BrokerId,
        tp: TopicPartition,
        base_offset: Offset,
    ) {
        let Some((isr, since)) = self.isr.get(&tp).filter(|_| self.damage.spares(tp)) else {
            return;
        };
        let behind = isr.iter().find_map(|member| {
            let end = self.ends.get(&(tp, *member)).copied();
            let (end, event) = end.unwrap_or_default();
            (end <= base_offset).then_some((*member, end, event))
        });
        if let Some((member, end, earlier)) = behind {
            let evidence = vec![
                (*since, format!("{member} is in sync in {}", name(tp))),
                (earlier, format!("its log ends at {end}")),
                (event, format!("{leader} acknowledges offset {base_offset}")),
            ];
            self.breaches.add(at, evidence);
        }
    }

    /// What did not hold.
    pub fn violations(&self) -> &[Breach] {
        &self.breaches.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::guarantees::testing::{TP, appended, breaches, partition_changed, truncated};
    use crate::kafka::fact::{Role, TruncationCause};
    use crate::kafka::ids::LeaderEpoch;

    fn produce_acked(offset: u64) -> Fact {
        Fact::ProduceAcked {
            broker: BrokerId(1),
            tp: TP,
            leader_epoch: LeaderEpoch(0),
            base_offset: Offset(offset),
            produced_in: None,
        }
    }

    fn observe(facts: &[Fact]) -> String {
        let mut checker = AckedByAllIsOnEveryInSyncReplica::new();
        for (event, fact) in (1..).zip(facts) {
            checker.fact(SimTime::ZERO, EventId(event), fact);
        }
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_an_in_sync_replica_lacks_the_records() {
        let facts = [
            partition_changed(Some(1), 0, &[1, 2]),
            appended(1, Role::Leader, 0, 0, &[1, 2]),
            appended(2, Role::Follower, 0, 0, &[1, 2]),
            appended(1, Role::Leader, 2, 0, &[3]),
            produce_acked(2),
        ];
        assert_eq!(
            observe(&facts),
            "b2 is in sync in partition 0 of topic 0; its log ends at 2; b1 acknowledges offset 2"
        );
    }

    #[test]
    fn it_fires_when_an_in_sync_replica_has_truncated_them() {
        let facts = [
            partition_changed(Some(1), 0, &[1, 2]),
            appended(1, Role::Leader, 0, 0, &[1]),
            appended(2, Role::Follower, 0, 0, &[1]),
            truncated(2, 1, 0, TruncationCause::DivergingEpoch),
            produce_acked(0),
        ];
        assert_ne!(observe(&facts), "");
    }

    #[test]
    fn it_is_silent_when_all_in_sync_replicas_have_them() {
        let facts = [
            partition_changed(Some(1), 0, &[1, 2]),
            appended(1, Role::Leader, 0, 0, &[1]),
            appended(2, Role::Follower, 0, 0, &[1]),
            produce_acked(0),
            partition_changed(Some(1), 1, &[1]),
            appended(1, Role::Leader, 1, 0, &[2]),
            produce_acked(1),
        ];
        assert_eq!(observe(&facts), "");
    }
}
