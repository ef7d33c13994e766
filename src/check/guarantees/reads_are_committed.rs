//! Readers get only what a leader appended there and what some leader's high watermark has passed.
//! Holds whatever happens.
//!
//! Source: the consumer's upper bound in ReplicaManager.readFromLog; jepsen's G1a.

use std::collections::BTreeMap;

use crate::check::guarantees::{Breach, Breaches, name, partition_of};
use crate::delivery::{Delivery, Parcel};
use crate::kafka::fact::{Fact, Role};
use crate::kafka::ids::{Offset, TopicPartition};
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct ReadsAreCommitted {
    /// The highest high watermark.
    committed: BTreeMap<TopicPartition, (Offset, EventId)>,
    /// What leaders appended.
    appends: BTreeMap<(TopicPartition, Offset), Vec<Parcel>>,
    breaches: Breaches,
}

impl Default for ReadsAreCommitted {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadsAreCommitted {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            committed: BTreeMap::new(),
            appends: BTreeMap::new(),
            breaches: Breaches::of("reads_are_committed"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, _at: SimTime, event: EventId, fact: &Fact) {
        if let Fact::HighWatermarkAdvanced {
            tp, high_watermark, ..
        }
        | Fact::BecameLeader {
            tp, high_watermark, ..
        } = fact
        {
            let highest = self
                .committed
                .entry(*tp)
                .or_insert((*high_watermark, event));
            if highest.0 < *high_watermark {
                *highest = (*high_watermark, event);
            }
        } else if let Fact::Appended {
            role: Role::Leader,
            tp,
            stored,
            ..
        } = fact
        {
            let appends = self.appends.entry((*tp, stored.base_offset)).or_default();
            appends.push(Parcel::clone(&stored.batch.records));
        }
    }

    /// Something happened to records.
    pub fn delivery(&mut self, at: SimTime, event: EventId, delivery: &Delivery) {
        let Delivery::Read {
            place,
            base_offset,
            parcel,
            part,
            ..
        } = delivery
        else {
            return;
        };
        let tp = partition_of(*place);
        let end = base_offset + u64::from(part.to);
        let committed = self.committed.get(&tp).copied();
        let (committed, earlier) = committed.unwrap_or_default();
        if end > committed.0 {
            let evidence = vec![
                (
                    earlier,
                    format!("{} is committed up to {committed}", name(tp)),
                ),
                (event, format!("a reader has read up to {end}")),
            ];
            self.breaches.add(at, evidence);
        }
        let appends = self.appends.get(&(tp, Offset(*base_offset)));
        let mut appends = appends.into_iter().flatten();
        if !appends.any(|appended| appended == parcel) {
            let first = parcel.first().map_or(0, |record| record.id.0);
            let partition = name(tp);
            let words = format!(
                "record {first} is read at {base_offset} of {partition}, where no leader put it"
            );
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
    use crate::check::guarantees::testing::{advanced, appended, breaches, read};

    fn observe(facts: &[Fact], read: &Delivery) -> String {
        let mut checker = ReadsAreCommitted::new();
        for (event, fact) in (1..).zip(facts) {
            checker.fact(SimTime::ZERO, EventId(event), fact);
        }
        checker.delivery(SimTime::ZERO, EventId(99), read);
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_a_reader_is_beyond_every_high_watermark() {
        let facts = [
            appended(1, Role::Leader, 0, 0, &[1, 2]),
            advanced(1, Role::Leader, 0, 1),
        ];
        assert_eq!(
            observe(&facts, &read(0, 0, &[1, 2])),
            "partition 0 of topic 0 is committed up to 1; a reader has read up to 2"
        );
    }

    #[test]
    fn it_fires_when_nobody_appended_what_is_read() {
        let facts = [
            appended(1, Role::Leader, 0, 0, &[1, 2]),
            advanced(1, Role::Leader, 0, 2),
        ];
        assert_eq!(
            observe(&facts, &read(0, 0, &[1, 9])),
            "record 1 is read at 0 of partition 0 of topic 0, where no leader put it"
        );
    }

    #[test]
    fn it_is_silent_about_committed_reads() {
        let facts = [
            appended(1, Role::Leader, 0, 0, &[1, 2]),
            advanced(1, Role::Leader, 0, 2),
        ];
        assert_eq!(observe(&facts, &read(0, 0, &[1, 2])), "");
    }
}
