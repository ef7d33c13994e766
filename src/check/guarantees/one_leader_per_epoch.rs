//! A leader epoch of a partition has one leader, and committed registrations only move on.
//! Holds whatever happens.
//!
//! Source: SingleLeader (Raft), the partition epoch's compare-and-set; KIP-497.

use std::collections::BTreeMap;

use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::fact::Fact;
use crate::kafka::ids::{BrokerId, LeaderEpoch, PartitionEpoch, TopicPartition};
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct OneLeaderPerEpoch {
    /// Who leads in an epoch, and where that was first said.
    leaders: BTreeMap<(TopicPartition, LeaderEpoch), (BrokerId, EventId)>,
    /// The newest registration.
    newest: BTreeMap<TopicPartition, (LeaderEpoch, PartitionEpoch, EventId)>,
    breaches: Breaches,
}

impl Default for OneLeaderPerEpoch {
    fn default() -> Self {
        Self::new()
    }
}

impl OneLeaderPerEpoch {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            leaders: BTreeMap::new(),
            newest: BTreeMap::new(),
            breaches: Breaches::of("one_leader_per_epoch"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, at: SimTime, event: EventId, fact: &Fact) {
        if let Fact::BecameLeader {
            broker,
            tp,
            leader_epoch,
            ..
        } = fact
        {
            self.leads(at, event, (*tp, *leader_epoch), *broker);
        } else if let Fact::PartitionChanged {
            tp,
            leader,
            leader_epoch,
            partition_epoch,
            ..
        } = fact
        {
            if let Some(leader) = leader {
                self.leads(at, event, (*tp, *leader_epoch), *leader);
            }
            let now = (*leader_epoch, *partition_epoch, event);
            let before = self.newest.insert(*tp, now);
            if let Some((epoch, version, earlier)) = before
                && (*leader_epoch < epoch || *partition_epoch <= version)
            {
                let was = format!("{}: epoch {epoch}, change {}", name(*tp), version.0);
                let is = format!("then epoch {leader_epoch}, change {}", partition_epoch.0);
                self.breaches.add(at, vec![(earlier, was), (event, is)]);
            }
        }
    }

    fn leads(
        &mut self,
        at: SimTime,
        event: EventId,
        (tp, epoch): (TopicPartition, LeaderEpoch),
        broker: BrokerId,
    ) {
        let (known, earlier) = *self.leaders.entry((tp, epoch)).or_insert((broker, event));
        if known != broker {
            let one = format!("{known} leads {} in epoch {epoch}", name(tp));
            let other = format!("and so does {broker}");
            self.breaches.add(at, vec![(earlier, one), (event, other)]);
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
    use crate::check::guarantees::testing::{became_leader, breaches, partition_changed};

    fn observe(facts: &[Fact]) -> String {
        let mut checker = OneLeaderPerEpoch::new();
        for (event, fact) in (1..).zip(facts) {
            checker.fact(SimTime::ZERO, EventId(event), fact);
        }
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_two_brokers_lead_in_one_epoch() {
        let facts = [became_leader(1, 3, 0, 0), became_leader(2, 3, 0, 0)];
        assert_eq!(
            observe(&facts),
            "b1 leads partition 0 of topic 0 in epoch 3; and so does b2"
        );
        let facts = [
            partition_changed(Some(1), 3, &[1]),
            became_leader(2, 3, 0, 0),
        ];
        assert_ne!(observe(&facts), "");
    }

    #[test]
    fn it_fires_when_a_registration_goes_back() {
        let facts = [
            partition_changed(Some(1), 3, &[1]),
            partition_changed(Some(2), 2, &[2]),
        ];
        assert_eq!(
            observe(&facts),
            "partition 0 of topic 0: epoch 3, change 3; then epoch 2, change 2"
        );
    }

    #[test]
    fn it_is_silent_about_one_leader_after_the_other() {
        let facts = [
            became_leader(1, 0, 0, 0),
            partition_changed(Some(2), 1, &[2]),
            became_leader(2, 1, 0, 0),
            partition_changed(None, 2, &[2]),
            partition_changed(Some(2), 3, &[2]),
            became_leader(2, 3, 0, 0),
        ];
        assert_eq!(observe(&facts), "");
    }
}
