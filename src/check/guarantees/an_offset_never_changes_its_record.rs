//! Whoever reads an offset reads the same record.
//!
//! Holds while no committed data was lost: after an unclean election offsets are written anew.
//! Source: jepsen's inconsistent-offsets; ConsistentRead (Vanlightly's replication model).

use std::collections::BTreeMap;

use crate::check::guarantees::damage::Damage;
use crate::check::guarantees::{Breach, Breaches, name, partition_of};
use crate::delivery::{Delivery, Parcel, Place};
use crate::kafka::fact::Fact;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct AnOffsetNeverChangesItsRecord {
    damage: Damage,
    /// The batches that were read, by the offset of their first record.
    read: BTreeMap<Place, BTreeMap<u64, (Parcel, EventId)>>,
    breaches: Breaches,
}

impl Default for AnOffsetNeverChangesItsRecord {
    fn default() -> Self {
        Self::new()
    }
}

impl AnOffsetNeverChangesItsRecord {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            damage: Damage::default(),
            read: BTreeMap::new(),
            breaches: Breaches::of("an_offset_never_changes_its_record"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, _at: SimTime, _event: EventId, fact: &Fact) {
        self.damage.fact(fact);
    }

    /// Something happened to records.
    pub fn delivery(&mut self, at: SimTime, event: EventId, delivery: &Delivery) {
        let Delivery::Read {
            place,
            base_offset,
            parcel,
            ..
        } = delivery
        else {
            return;
        };
        let tp = partition_of(*place);
        if !self.damage.spares(tp) {
            return;
        }
        let batches = self.read.entry(*place).or_default();
        let end = base_offset + parcel.len() as u64;
        // Batches do not overlap, so the last one that begins before our end is the only one that
        // can lie where we do without beginning where we do.
        let other = batches
            .range(..end)
            .next_back()
            .filter(|(base, (other, _))| {
                *base + other.len() as u64 > *base_offset
                    && (*base != base_offset || other != parcel)
            })
            .map(|(base, (other, event))| (*base, Parcel::clone(other), *event));
        if let Some((base, other, earlier)) = other {
            let first = |parcel: &Parcel| parcel.first().map_or(0, |record| record.id.0);
            let (before, now) = (first(&other), first(parcel));
            let evidence = vec![
                (
                    earlier,
                    format!("record {before} was read at {base} of {}", name(tp)),
                ),
                (event, format!("record {now} is read at {base_offset}")),
            ];
            self.breaches.add(at, evidence);
        } else {
            batches
                .entry(*base_offset)
                .or_insert_with(|| (Parcel::clone(parcel), event));
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
    use crate::check::guarantees::testing::{TP, breaches, read, unclean_election};

    fn observe(checker: &mut AnOffsetNeverChangesItsRecord, reads: &[Delivery]) -> String {
        for (event, read) in (1..).zip(reads) {
            checker.delivery(SimTime::ZERO, EventId(event), read);
        }
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_two_readers_find_different_records_at_an_offset() {
        let mut checker = AnOffsetNeverChangesItsRecord::new();
        assert_eq!(
            observe(&mut checker, &[read(0, 5, &[1, 2]), read(1, 5, &[1, 3])]),
            "record 1 was read at 5 of partition 0 of topic 0; record 1 is read at 5"
        );
    }

    #[test]
    fn it_fires_when_batches_overlap() {
        for other in [
            read(1, 4, &[8, 9]),
            read(1, 6, &[8, 9]),
            read(1, 4, &[7, 8, 9, 10]),
        ] {
            let mut checker = AnOffsetNeverChangesItsRecord::new();
            assert_ne!(observe(&mut checker, &[read(0, 5, &[1, 2]), other]), "");
        }
    }

    #[test]
    fn it_is_silent_about_the_same_batch_read_again_and_about_its_neighbours() {
        let mut checker = AnOffsetNeverChangesItsRecord::new();
        let reads = [
            read(0, 5, &[1, 2]),
            read(1, 5, &[1, 2]),
            read(0, 7, &[3]),
            read(0, 3, &[8, 9]),
        ];
        assert_eq!(observe(&mut checker, &reads), "");
    }

    #[test]
    fn it_is_silent_after_an_unclean_election() {
        let mut checker = AnOffsetNeverChangesItsRecord::new();
        observe(&mut checker, &[read(0, 5, &[1])]);
        checker.fact(SimTime::ZERO, EventId(2), &unclean_election(TP, 2, 1));
        assert_eq!(observe(&mut checker, &[read(0, 5, &[9])]), "");
    }
}
