//! A committed in-sync set names each member once and has the leader among them.
//! Holds whatever happens.
//!
//! Source: LeaderInISR of kafka-specification; PartitionChangeBuilder.

use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::fact::Fact;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct IsrContainsLeader {
    breaches: Breaches,
}

impl Default for IsrContainsLeader {
    fn default() -> Self {
        Self::new()
    }
}

impl IsrContainsLeader {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            breaches: Breaches::of("isr_contains_leader"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, at: SimTime, event: EventId, fact: &Fact) {
        let Fact::PartitionChanged {
            tp, leader, isr, ..
        } = fact
        else {
            return;
        };
        let lacks_leader = leader.is_some_and(|leader| !isr.contains(&leader));
        let mut members = isr.iter().enumerate();
        let repeats = members.any(|(i, member)| isr[..i].contains(member));
        if lacks_leader || repeats {
            let leader = leader.map_or("nobody".into(), |leader| leader.to_string());
            let isr: Vec<String> = isr.iter().map(ToString::to_string).collect();
            let (partition, isr) = (name(*tp), isr.join(", "));
            let words = format!("{leader} leads {partition}, in sync are [{isr}]");
            self.breaches.add(at, vec![(event, words)]);
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
    use crate::check::guarantees::testing::{breaches, partition_changed};

    fn observe(leader: Option<u32>, isr: &[u32]) -> String {
        let mut checker = IsrContainsLeader::new();
        checker.fact(
            SimTime::ZERO,
            EventId(1),
            &partition_changed(leader, 1, isr),
        );
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_the_leader_is_not_in_sync() {
        assert_eq!(
            observe(Some(1), &[2, 3]),
            "b1 leads partition 0 of topic 0, in sync are [b2, b3]"
        );
    }

    #[test]
    fn it_fires_when_a_member_is_named_twice() {
        assert_ne!(observe(Some(1), &[1, 2, 2]), "");
    }

    #[test]
    fn it_is_silent_about_a_leader_in_sync_and_about_none() {
        assert_eq!(observe(Some(1), &[2, 1]), "");
        assert_eq!(observe(None, &[2]), "");
        assert_eq!(observe(None, &[]), "");
    }
}
