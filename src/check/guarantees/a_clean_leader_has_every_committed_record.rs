//! A new leader's log reaches every high watermark that the partition had up to its own epoch.
//! (A broker that was asleep may take up an epoch that is over; what later leaders committed is no
//! concern of its.)
//!
//! Holds while no committed data was lost: an unclean election, or a log whose end was never on
//! stable storage, ends it.
//! Source: LeaderCompleteness, LeaderCandidateCompleteness (Vanlightly's replication model).

use std::collections::BTreeMap;

use crate::check::guarantees::damage::Damage;
use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::fact::Fact;
use crate::kafka::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct ACleanLeaderHasEveryCommittedRecord {
    damage: Damage,
    /// The highest high watermark in each leader epoch, and where it was said.
    committed: BTreeMap<(TopicPartition, LeaderEpoch), (Offset, EventId)>,
    breaches: Breaches,
}

impl Default for ACleanLeaderHasEveryCommittedRecord {
    fn default() -> Self {
        Self::new()
    }
}

impl ACleanLeaderHasEveryCommittedRecord {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            damage: Damage::default(),
            committed: BTreeMap::new(),
            breaches: Breaches::of("a_clean_leader_has_every_committed_record"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, at: SimTime, event: EventId, fact: &Fact) {
        self.damage.fact(fact);
        if let Fact::HighWatermarkAdvanced {
            tp,
            leader_epoch,
            high_watermark,
            ..
        } = fact
        {
            let said = self.committed.entry((*tp, *leader_epoch)).or_default();
            *said = (*said).max((*high_watermark, event));
        } else if let Fact::BecameLeader {
            broker,
            tp,
            leader_epoch,
            log_end,
            ..
        } = fact
            && self.damage.spares(*tp)
        {
            // Its own epoch counts too: a leader may start again and lead on in the same one.
            let earlier = (*tp, LeaderEpoch(0))..=(*tp, *leader_epoch);
            let earlier = self.committed.range(earlier).map(|(_, said)| *said);
            let (committed, before) = earlier.max().unwrap_or_default();
            if *log_end < committed {
                let was = format!("{} is committed up to {committed}", name(*tp));
                let is =
                    format!("{broker} leads in epoch {leader_epoch}, its log ends at {log_end}");
                self.breaches.add(at, vec![(before, was), (event, is)]);
            }
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
        TP, advanced, became_leader, breaches, truncated, unclean_election,
    };
    use crate::kafka::fact::{Role, TruncationCause};

    fn observe(facts: &[Fact]) -> String {
        let mut checker = ACleanLeaderHasEveryCommittedRecord::new();
        for (event, fact) in (1..).zip(facts) {
            checker.fact(SimTime::ZERO, EventId(event), fact);
        }
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_a_clean_leader_lacks_committed_records() {
        let facts = [advanced(1, Role::Leader, 0, 10), became_leader(2, 1, 9, 8)];
        assert_eq!(
            observe(&facts),
            "partition 0 of topic 0 is committed up to 10; b2 leads in epoch 1, its log ends at 9"
        );
    }

    #[test]
    fn it_is_silent_about_a_complete_leader_with_a_lower_high_watermark() {
        let facts = [advanced(1, Role::Leader, 0, 10), became_leader(2, 1, 10, 3)];
        assert_eq!(observe(&facts), "");
    }

    #[test]
    fn it_fires_when_a_leader_leads_on_in_its_epoch_with_a_shorter_log() {
        let facts = [advanced(3, Role::Leader, 3, 10), became_leader(3, 3, 9, 8)];
        assert!(observe(&facts).contains("leads in epoch 3, its log ends at 9"));
    }

    #[test]
    fn it_is_silent_about_a_broker_that_takes_up_an_epoch_that_is_over() {
        let facts = [advanced(3, Role::Leader, 3, 10), became_leader(1, 2, 8, 8)];
        assert_eq!(observe(&facts), "");
    }

    #[test]
    fn it_is_silent_after_an_unclean_election_and_after_a_power_loss() {
        for loss in [
            unclean_election(TP, 2, 1),
            truncated(2, 10, 5, TruncationCause::NotDurable),
        ] {
            let facts = [
                advanced(1, Role::Leader, 0, 10),
                loss,
                became_leader(2, 1, 5, 5),
            ];
            assert_eq!(observe(&facts), "");
        }
    }
}
