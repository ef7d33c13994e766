//! A broker leads or follows only as a committed registration says, and not before it is committed.
//! Holds whatever happens: a broker's metadata is a prefix of the committed metadata log.
//!
//! Registrations of the start of the run are not announced; epochs below the first announced one
//! are theirs.
//! Source: MetadataLogMatching (Vanlightly's replication model).

use std::collections::BTreeMap;

use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::fact::Fact;
use crate::kafka::ids::{BrokerId, LeaderEpoch, TopicPartition};
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct BrokersActOnCommittedMetadata {
    /// The committed leader of each announced epoch, and where it was announced.
    committed: BTreeMap<TopicPartition, BTreeMap<LeaderEpoch, (Option<BrokerId>, EventId)>>,
    breaches: Breaches,
}

impl Default for BrokersActOnCommittedMetadata {
    fn default() -> Self {
        Self::new()
    }
}

impl BrokersActOnCommittedMetadata {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            committed: BTreeMap::new(),
            breaches: Breaches::of("brokers_act_on_committed_metadata"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, at: SimTime, event: EventId, fact: &Fact) {
        if let Fact::PartitionChanged {
            tp,
            leader,
            leader_epoch,
            ..
        } = fact
        {
            let announced = self.committed.entry(*tp).or_default();
            announced.entry(*leader_epoch).or_insert((*leader, event));
        } else if let Fact::BecameLeader {
            broker,
            tp,
            leader_epoch,
            ..
        } = fact
        {
            self.acts(at, event, (*tp, *leader_epoch), *broker, Some(*broker));
        } else if let Fact::BecameFollower {
            broker,
            tp,
            leader_epoch,
            leader,
        } = fact
        {
            self.acts(at, event, (*tp, *leader_epoch), *broker, *leader);
        }
    }

    fn acts(
        &mut self,
        at: SimTime,
        event: EventId,
        (tp, epoch): (TopicPartition, LeaderEpoch),
        broker: BrokerId,
        leader: Option<BrokerId>,
    ) {
        let Some(announced) = self.committed.get(&tp) else {
            return;
        };
        let words = |leader: Option<BrokerId>| match leader {
            Some(leader) => format!("{leader} leads"),
            None => "nobody leads".to_owned(),
        };
        let believes = format!(
            "{broker} believes that {} {} in epoch {epoch}",
            words(leader),
            name(tp)
        );
        let first = announced.first_key_value().map(|(first, _)| *first);
        match announced.get(&epoch) {
            Some((committed, earlier)) if *committed != leader => {
                let truth = format!("committed is that {}", words(*committed));
                let evidence = vec![(*earlier, truth), (event, believes)];
                self.breaches.add(at, evidence);
            }
            None if first.is_some_and(|first| epoch > first) => {
                let evidence = vec![(event, believes + ", which is not committed")];
                self.breaches.add(at, evidence);
            }
            Some(_) | None => {}
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
    use crate::check::guarantees::testing::{
        became_follower, became_leader, breaches, partition_changed,
    };

    fn observe(facts: &[Fact]) -> String {
        let mut checker = BrokersActOnCommittedMetadata::new();
        for (event, fact) in (1..).zip(facts) {
            checker.fact(SimTime::ZERO, EventId(event), fact);
        }
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_a_broker_leads_before_that_is_committed() {
        let facts = [
            partition_changed(Some(1), 0, &[1]),
            became_leader(2, 1, 0, 0),
        ];
        assert_eq!(
            observe(&facts),
            "b2 believes that b2 leads partition 0 of topic 0 in epoch 1, which is not committed"
        );
    }

    #[test]
    fn it_fires_when_a_broker_believes_in_another_leader() {
        let facts = [
            partition_changed(Some(1), 1, &[1]),
            became_follower(3, 1, Some(2)),
        ];
        assert_eq!(
            observe(&facts),
            "committed is that b1 leads; \
             b3 believes that b2 leads partition 0 of topic 0 in epoch 1"
        );
    }

    #[test]
    fn it_is_silent_about_brokers_that_are_behind() {
        let facts = [
            became_leader(1, 0, 0, 0),
            partition_changed(Some(1), 0, &[1, 2]),
            partition_changed(Some(2), 1, &[2]),
            partition_changed(None, 2, &[2]),
            became_leader(2, 1, 0, 0),
            became_follower(3, 1, Some(2)),
            became_follower(3, 2, None),
            became_leader(1, 0, 0, 0),
        ];
        assert_eq!(observe(&facts), "");
    }
}
