//! In a log, the batches of one producer id and epoch follow each other: each sequence number once
//! and in order, a new epoch from zero, records in the order of sending. Holds whatever happens.
//!
//! Across epochs nothing is said about records: a producer that bumps its epoch after
//! OUT_OF_ORDER_SEQUENCE_NUMBER sends again what may be in the log. That takes no exotic fault: a
//! restarted leader remembers only the last batch of each producer. Nor is anything said of records
//! that the application itself sends again: to the producer they are new ones.
//! Left out: producer state that expired (producer.id.expiration.ms), after which any sequence is
//! taken.
//! Source: KIP-98, KIP-360.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::guarantees::{Breach, Breaches, name};
use crate::delivery::{Delivery, RecordId};
use crate::kafka::ids::{Offset, ProducerEpoch, ProducerId, Sequence};
use crate::kafka::records::StoredBatch;
use crate::kafka::view::ReplicaView;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct NoDuplicatesOrReordering {
    /// What applications have sent more than once.
    resent: BTreeSet<RecordId>,
    breaches: Breaches,
}

/// The last batch of a producer.
#[derive(Clone, Copy)]
struct Last {
    epoch: ProducerEpoch,
    next: Sequence,
    /// The last record that the application sent once only.
    record: Option<RecordId>,
    at: Offset,
}

impl Default for NoDuplicatesOrReordering {
    fn default() -> Self {
        Self::new()
    }
}

impl NoDuplicatesOrReordering {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            resent: BTreeSet::new(),
            breaches: Breaches::of("no_duplicates_or_reordering_per_idempotent_session"),
        }
    }

    /// Something happened to records.
    pub fn delivery(&mut self, delivery: &Delivery) {
        if let Delivery::Resent { id, .. } = delivery {
            self.resent.insert(*id);
        }
    }

    /// All replicas, between two events.
    pub fn inspect(&mut self, at: SimTime, views: &[ReplicaView<'_>]) {
        for view in views {
            let mut producers: BTreeMap<ProducerId, Last> = BTreeMap::new();
            for stored in view.batches() {
                let Some(stamp) = stored.batch.producer else {
                    continue;
                };
                let before = producers.get(&stamp.id).copied();
                let records = stored.batch.records.iter().map(|record| record.id);
                let mut own = records.filter(|id| !self.resent.contains(id));
                let first = own.next();
                let now = Last {
                    epoch: stamp.epoch,
                    next: stamp.base_sequence.plus(stored.batch.count()),
                    record: (own.next_back().or(first)).or(before.and_then(|last| last.record)),
                    at: stored.base_offset,
                };
                producers.insert(stamp.id, now);
                if let Some(problem) = before.and_then(|before| problem(before, stored, first)) {
                    let where_ = format!("{} on {}", name(view.tp), view.broker);
                    let who = format!("producer {}, {problem}", stamp.id.0);
                    let no_event = EventId::default();
                    self.breaches
                        .add(at, vec![(no_event, where_), (no_event, who)]);
                    break;
                }
            }
        }
    }

    /// What did not hold.
    pub fn violations(&self) -> &[Breach] {
        &self.breaches.found
    }
}

fn problem(before: Last, stored: &StoredBatch, first: Option<RecordId>) -> Option<String> {
    let stamp = stored.batch.producer?;
    let (there, here) = (before.at, stored.base_offset);
    if stamp.epoch < before.epoch {
        let (old, new) = (before.epoch.0, stamp.epoch.0);
        Some(format!(
            "epoch {new} at {here} after epoch {old} at {there}"
        ))
    } else if stamp.epoch == before.epoch && stamp.base_sequence != before.next {
        let (is, due) = (stamp.base_sequence.0, before.next.0);
        Some(format!("sequence {is} at {here} in place of {due}"))
    } else if stamp.epoch > before.epoch && stamp.base_sequence != Sequence(0) {
        let (epoch, is) = (stamp.epoch.0, stamp.base_sequence.0);
        Some(format!("epoch {epoch} begins with sequence {is} at {here}"))
    } else if stamp.epoch == before.epoch
        && let (Some(first), Some(last)) = (first, before.record)
        && first <= last
    {
        let (record, last) = (first.0, last.0);
        Some(format!(
            "record {record} at {here} after record {last} at {there}"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::guarantees::testing::{Replica, breaches, views};

    fn inspect(replica: Replica) -> String {
        let mut checker = NoDuplicatesOrReordering::new();
        checker.inspect(SimTime::ZERO, &views(&[replica]));
        let found = breaches(checker.violations());
        found.replace("partition 0 of topic 0 on b1; ", "")
    }

    #[test]
    fn a_record_that_the_application_sends_again_may_be_there_twice_but_no_other() {
        let log = |last| {
            Replica::new(1)
                .stamped(7, 0, 0, &[1, 2])
                .stamped(7, 0, 2, &[3])
                .stamped(7, 0, 3, &[last])
        };
        let mut checker = NoDuplicatesOrReordering::new();
        let by = crate::delivery::SenderId(0);
        let id = RecordId(1);
        checker.delivery(&Delivery::Resent { by, id });
        checker.inspect(SimTime::ZERO, &views(&[log(1)]));
        assert_eq!(checker.violations().len(), 0);
        checker.inspect(SimTime::ZERO, &views(&[log(2)]));
        assert_eq!(checker.violations().len(), 1);
    }

    #[test]
    fn it_fires_when_a_batch_is_there_twice() {
        let replica = Replica::new(1)
            .stamped(7, 0, 0, &[1, 2])
            .stamped(7, 0, 0, &[1, 2]);
        assert_eq!(
            inspect(replica),
            "producer 7, sequence 0 at 2 in place of 2"
        );
    }

    #[test]
    fn it_fires_at_a_gap_of_sequences() {
        let replica = Replica::new(1)
            .stamped(7, 0, 0, &[1, 2])
            .stamped(7, 0, 3, &[4]);
        assert_eq!(
            inspect(replica),
            "producer 7, sequence 3 at 2 in place of 2"
        );
    }

    #[test]
    fn it_fires_when_records_are_not_in_the_order_of_sending() {
        let replica = Replica::new(1)
            .stamped(7, 0, 0, &[3, 4])
            .stamped(7, 0, 2, &[1, 2]);
        assert_eq!(
            inspect(replica),
            "producer 7, record 1 at 2 after record 4 at 0"
        );
    }

    #[test]
    fn it_fires_when_an_old_epoch_comes_back_or_a_new_one_does_not_begin_at_zero() {
        let replica = Replica::new(1)
            .stamped(7, 1, 0, &[1])
            .stamped(7, 0, 1, &[2]);
        assert_eq!(
            inspect(replica),
            "producer 7, epoch 0 at 1 after epoch 1 at 0"
        );
        let replica = Replica::new(1)
            .stamped(7, 0, 0, &[1])
            .stamped(7, 1, 1, &[2]);
        assert_eq!(
            inspect(replica),
            "producer 7, epoch 1 begins with sequence 1 at 1"
        );
    }

    #[test]
    fn it_is_silent_about_several_producers_a_bumped_epoch_and_wrapped_sequences() {
        let replica = Replica::new(1)
            .stamped(7, 0, i32::MAX as u32, &[1])
            .stamped(8, 0, 0, &[50])
            .stamped(7, 0, 0, &[2])
            .batch(0, &[90])
            .batch(0, &[90])
            .stamped(7, 1, 0, &[2, 5])
            .stamped(8, 0, 1, &[51]);
        assert_eq!(inspect(replica), "");
    }
}
