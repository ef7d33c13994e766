//! Two replicas have the same batches, by the same leaders' epochs, below both high watermarks.
//!
//! Holds while no committed data was lost: after an unclean election a replica that has not
//! truncated yet still shows the other history.
//! Source: StrongISR and WeakISR of kafka-specification.

use crate::check::guarantees::damage::Damage;
use crate::check::guarantees::pairs::{aligned, common_high_watermark, describe, pairs, same};
use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::fact::Fact;
use crate::kafka::view::ReplicaView;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct ReplicasAgreeBelowHighWatermark {
    damage: Damage,
    breaches: Breaches,
}

impl Default for ReplicasAgreeBelowHighWatermark {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplicasAgreeBelowHighWatermark {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            damage: Damage::default(),
            breaches: Breaches::of("replicas_agree_below_high_watermark"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, _at: SimTime, _event: EventId, fact: &Fact) {
        self.damage.fact(fact);
    }

    /// All replicas, between two events.
    pub fn inspect(&mut self, at: SimTime, views: &[ReplicaView<'_>]) {
        for (one, other) in pairs(views) {
            if !self.damage.spares(one.tp) {
                continue;
            }
            let committed = common_high_watermark(one, other);
            let differing = aligned(one, other)
                .take_while(|(a, b)| a.base_offset.min(b.base_offset) < committed)
                .find(|(a, b)| !same(a, b) || a.leader_epoch != b.leader_epoch);
            if let Some((a, b)) = differing {
                let no_event = EventId::default();
                self.breaches.add(
                    at,
                    vec![
                        (
                            no_event,
                            format!("{} is committed up to {committed}", name(one.tp)),
                        ),
                        (no_event, describe(one, a)),
                        (no_event, describe(other, b)),
                    ],
                );
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
    use crate::check::guarantees::testing::{Replica, TP, breaches, unclean_election, views};

    fn inspect(checker: &mut ReplicasAgreeBelowHighWatermark, replicas: &[Replica]) -> String {
        checker.inspect(SimTime::ZERO, &views(replicas));
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_committed_batches_differ() {
        let one = Replica::new(1)
            .batch(0, &[1, 2])
            .batch(0, &[3])
            .committed(3);
        let other = Replica::new(2)
            .batch(0, &[1, 2])
            .batch(0, &[4])
            .committed(3);
        let mut checker = ReplicasAgreeBelowHighWatermark::new();
        assert_eq!(
            inspect(&mut checker, &[one, other]),
            "partition 0 of topic 0 is committed up to 3; \
             b1 has records 3..=3 of epoch 0 at offset 2; \
             b2 has records 4..=4 of epoch 0 at offset 2"
        );
    }

    #[test]
    fn it_fires_when_the_epochs_of_committed_batches_differ() {
        let one = Replica::new(1).batch(0, &[1]).committed(1);
        let other = Replica::new(2).batch(1, &[1]).committed(1);
        let mut checker = ReplicasAgreeBelowHighWatermark::new();
        assert_ne!(inspect(&mut checker, &[one, other]), "");
    }

    #[test]
    fn it_is_silent_about_what_is_not_committed_on_both() {
        let one = Replica::new(1)
            .batch(0, &[1, 2])
            .batch(0, &[3])
            .committed(3);
        let other = Replica::new(2)
            .batch(0, &[1, 2])
            .batch(1, &[4])
            .committed(2);
        let mut checker = ReplicasAgreeBelowHighWatermark::new();
        assert_eq!(inspect(&mut checker, &[one, other]), "");
    }

    #[test]
    fn it_is_silent_after_an_unclean_election() {
        let one = Replica::new(1).batch(0, &[1]).committed(1);
        let other = Replica::new(2).batch(1, &[2]).committed(1);
        let mut checker = ReplicasAgreeBelowHighWatermark::new();
        checker.fact(SimTime::ZERO, EventId(1), &unclean_election(TP, 2, 1));
        assert_eq!(inspect(&mut checker, &[one, other]), "");
    }
}
