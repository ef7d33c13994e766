//! A reader goes through a partition offset by offset, but for resets of its position that it
//! announces. Holds whatever happens.
//!
//! A reader's first read may be anywhere.
//! Source: jepsen's int-poll-skip and int-nonmonotonic-poll; KIP-320.

use std::collections::BTreeMap;

use crate::check::guarantees::{Breach, Breaches, name, partition_of};
use crate::delivery::{Delivery, ReaderId};
use crate::kafka::fact::Fact;
use crate::kafka::ids::TopicPartition;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct ReadsAreInOrderWithoutGaps {
    /// Where each reader stands, how many resets of the partition it has had the chance to make,
    /// and its last read.
    next: BTreeMap<(ReaderId, TopicPartition), (u64, usize, EventId)>,
    /// The targets of all resets. They do not say which reader.
    resets: BTreeMap<TopicPartition, Vec<u64>>,
    breaches: Breaches,
}

impl Default for ReadsAreInOrderWithoutGaps {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadsAreInOrderWithoutGaps {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            next: BTreeMap::new(),
            resets: BTreeMap::new(),
            breaches: Breaches::of("reads_are_in_order_without_gaps"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, _at: SimTime, _event: EventId, fact: &Fact) {
        if let Fact::PositionReset { tp, to, .. } = fact {
            self.resets.entry(*tp).or_default().push(to.0);
        }
    }

    /// Something happened to records.
    pub fn delivery(&mut self, at: SimTime, event: EventId, delivery: &Delivery) {
        let Delivery::Read {
            by,
            place,
            base_offset,
            part,
            ..
        } = delivery
        else {
            return;
        };
        let tp = partition_of(*place);
        let from = base_offset + u64::from(part.from);
        let to = base_offset + u64::from(part.to);
        let resets = self.resets.get(&tp).map(Vec::as_slice).unwrap_or_default();
        let last = self.next.insert((*by, tp), (to, resets.len(), event));
        let Some((due, seen, earlier)) = last else {
            return;
        };
        let announced = resets[seen..].contains(&from);
        if from != due && !announced {
            let (group, member) = (by.group.0, by.member);
            let reader = format!("member {member} of group {group} has read {}", name(tp));
            let evidence = vec![
                (earlier, format!("{reader} up to {due}")),
                (event, format!("and goes on from {from}")),
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
    use crate::check::guarantees::testing::{breaches, read, reset};

    enum Step {
        Read(u32, u64, u32),
        Reset(u64),
    }
    use Step::{Read, Reset};

    fn observe(steps: &[Step]) -> String {
        let mut checker = ReadsAreInOrderWithoutGaps::new();
        for (event, step) in (1..).zip(steps) {
            let event = EventId(event);
            match step {
                Read(member, offset, count) => {
                    let ids: Vec<u32> = (0..*count).collect();
                    checker.delivery(SimTime::ZERO, event, &read(*member, *offset, &ids));
                }
                Reset(to) => checker.fact(SimTime::ZERO, event, &reset(*to)),
            }
        }
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_at_a_gap_and_at_a_step_back() {
        assert_eq!(
            observe(&[Read(0, 0, 3), Read(0, 4, 1)]),
            "member 0 of group 0 has read partition 0 of topic 0 up to 3; and goes on from 4"
        );
        assert_ne!(observe(&[Read(0, 0, 3), Read(0, 2, 1)]), "");
    }

    #[test]
    fn it_fires_when_a_reader_goes_elsewhere_than_it_announced() {
        assert_ne!(observe(&[Read(0, 0, 3), Reset(7), Read(0, 8, 1)]), "");
        assert_ne!(observe(&[Reset(7), Read(0, 0, 3), Read(0, 7, 1)]), "");
    }

    #[test]
    fn it_is_silent_about_steps_announced_resets_and_other_readers() {
        let steps = [
            Read(0, 5, 3),
            Read(1, 0, 2),
            Read(0, 8, 1),
            Reset(2),
            Read(1, 2, 1),
            Read(0, 2, 1),
            Read(0, 3, 1),
        ];
        assert_eq!(observe(&steps), "");
    }
}
