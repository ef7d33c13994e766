//! Two replicas with a batch of one epoch at one offset have the same batch there, and the same
//! history before it. Holds whatever happens: a leader writes each offset once per epoch.
//!
//! Source: LogMatching (Raft, Vanlightly's replication model).

use crate::check::guarantees::pairs::{aligned, describe, pairs, same};
use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::view::ReplicaView;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct LogsMatchByOffsetAndEpoch {
    breaches: Breaches,
}

impl Default for LogsMatchByOffsetAndEpoch {
    fn default() -> Self {
        Self::new()
    }
}

impl LogsMatchByOffsetAndEpoch {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            breaches: Breaches::of("logs_match_by_offset_and_epoch"),
        }
    }

    /// All replicas, between two events.
    pub fn inspect(&mut self, at: SimTime, views: &[ReplicaView<'_>]) {
        for (one, other) in pairs(views) {
            // Once two histories have parted they must not meet again.
            let mut parted = None;
            for (a, b) in aligned(one, other) {
                let same_place = a.base_offset == b.base_offset && a.leader_epoch == b.leader_epoch;
                let same = same_place && same(a, b);
                let culprit = match parted {
                    _ if same_place && !same => Some((a, b)),
                    Some(first) if same => Some(first),
                    Some(_) | None => None,
                };
                if let Some((a, b)) = culprit {
                    let no_event = EventId::default();
                    self.breaches.add(
                        at,
                        vec![
                            (no_event, format!("two histories of {}", name(one.tp))),
                            (no_event, describe(one, a)),
                            (no_event, describe(other, b)),
                        ],
                    );
                    break;
                }
                if !same {
                    parted.get_or_insert((a, b));
                }
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
    use crate::check::guarantees::testing::{Replica, breaches, views};

    fn inspect(replicas: &[Replica]) -> String {
        let mut checker = LogsMatchByOffsetAndEpoch::new();
        checker.inspect(SimTime::ZERO, &views(replicas));
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_one_offset_and_epoch_hold_two_batches() {
        let one = Replica::new(1).batch(0, &[1]).batch(3, &[2]);
        let other = Replica::new(2).batch(0, &[1]).batch(3, &[9]);
        assert_eq!(
            inspect(&[one, other]),
            "two histories of partition 0 of topic 0; \
             b1 has records 2..=2 of epoch 3 at offset 1; \
             b2 has records 9..=9 of epoch 3 at offset 1"
        );
    }

    #[test]
    fn it_fires_when_histories_meet_again_after_they_parted() {
        let one = Replica::new(1).batch(0, &[1]).batch(3, &[2]);
        let other = Replica::new(2).batch(1, &[7]).batch(3, &[2]);
        assert_ne!(inspect(&[one, other]), "");
    }

    #[test]
    fn it_is_silent_about_tails_of_different_epochs() {
        let one = Replica::new(1).batch(0, &[1]).batch(0, &[2]).batch(0, &[3]);
        let other = Replica::new(2).batch(0, &[1]).batch(1, &[8, 9]);
        assert_eq!(inspect(&[one, other]), "");
    }

    #[test]
    fn it_is_silent_about_what_only_one_of_them_still_has() {
        let one = Replica::new(1).batch(0, &[1]).batch(0, &[2]).batch(0, &[3]);
        let other = Replica::new(2).starts_at(1).batch(0, &[2]);
        assert_eq!(inspect(&[one, other]), "");
    }
}
