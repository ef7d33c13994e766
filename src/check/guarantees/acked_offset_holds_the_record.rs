//! The offset that an application is told is where a leader appended its records: also when the
//! batch came twice and only its first copy was kept. Holds whatever happens.
//!
//! Source: KIP-98 (a duplicate is answered with the original's offset).

use std::collections::BTreeMap;

use crate::check::guarantees::{Breach, Breaches, name, partition_of};
use crate::delivery::{Delivery, Outcome, Parcel};
use crate::kafka::fact::{Fact, Role};
use crate::kafka::ids::{Offset, TopicPartition};
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct AckedOffsetHoldsTheRecord {
    /// What leaders appended at an offset; more than one batch where a later leader wrote it anew.
    appends: BTreeMap<(TopicPartition, Offset), Vec<(Parcel, EventId)>>,
    breaches: Breaches,
}

impl Default for AckedOffsetHoldsTheRecord {
    fn default() -> Self {
        Self::new()
    }
}

impl AckedOffsetHoldsTheRecord {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            appends: BTreeMap::new(),
            breaches: Breaches::of("acked_offset_holds_the_record"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, _at: SimTime, event: EventId, fact: &Fact) {
        if let Fact::Appended {
            role: Role::Leader,
            tp,
            stored,
            ..
        } = fact
        {
            let appends = self.appends.entry((*tp, stored.base_offset)).or_default();
            appends.push((Parcel::clone(&stored.batch.records), event));
        }
    }

    /// Something happened to records.
    pub fn delivery(&mut self, at: SimTime, event: EventId, delivery: &Delivery) {
        let Delivery::Told {
            place,
            parcel,
            outcome: Outcome::Acked(Some(offset)),
            ..
        } = delivery
        else {
            return;
        };
        let tp = partition_of(*place);
        let appends = self.appends.get(&(tp, Offset(*offset)));
        let appends = appends.map(Vec::as_slice).unwrap_or_default();
        if appends.iter().any(|(records, _)| records == parcel) {
            return;
        }
        let first = parcel.first().map_or(0, |record| record.id.0);
        let told = format!("told: record {first} at offset {offset} of {}", name(tp));
        let mut evidence = vec![(event, told)];
        evidence.extend(appends.iter().map(|(records, event)| {
            let first = records.first().map_or(0, |record| record.id.0);
            (*event, format!("appended there: record {first}"))
        }));
        self.breaches.add(at, evidence);
    }

    /// What did not hold.
    pub fn violations(&self) -> &[Breach] {
        &self.breaches.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::guarantees::testing::{acked, appended, breaches};

    fn observe(facts: &[Fact], told: &Delivery) -> String {
        let mut checker = AckedOffsetHoldsTheRecord::new();
        for (event, fact) in (1..).zip(facts) {
            checker.fact(SimTime::ZERO, EventId(event), fact);
        }
        checker.delivery(SimTime::ZERO, EventId(99), told);
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_other_records_lie_at_the_offset() {
        let facts = [appended(1, Role::Leader, 0, 0, &[1, 2])];
        assert_eq!(
            observe(&facts, &acked(Some(0), &[7, 8])),
            "told: record 7 at offset 0 of partition 0 of topic 0; appended there: record 1"
        );
    }

    #[test]
    fn it_fires_when_no_leader_appended_at_the_offset() {
        let facts = [
            appended(1, Role::Leader, 0, 0, &[1, 2]),
            appended(2, Role::Follower, 5, 0, &[1, 2]),
        ];
        assert_ne!(observe(&facts, &acked(Some(5), &[1, 2])), "");
    }

    #[test]
    fn it_is_silent_when_a_leader_appended_the_records_there() {
        let facts = [
            appended(1, Role::Leader, 0, 0, &[1, 2]),
            appended(2, Role::Leader, 0, 1, &[7]),
        ];
        assert_eq!(observe(&facts, &acked(Some(0), &[1, 2])), "");
        assert_eq!(observe(&facts, &acked(Some(0), &[7])), "");
        assert_eq!(observe(&facts, &acked(None, &[9])), "");
    }
}
