//! What an application was told is stored can be read once all faults have healed, unless
//! retention removed it.
//!
//! Holds for acks=all with min.insync.replicas of 2 or more, clean elections, and faults within
//! what that survives: the in-sync replicas do not all lose the ends of their logs.
//! Source: NoCommittedRecordLostGlobally (Vanlightly's replication model), jepsen's lost-write.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::guarantees::{Breach, Breaches, name, partition_of};
use crate::delivery::{Delivery, Outcome, Parcel, RecordId};
use crate::kafka::ids::TopicPartition;
use crate::kafka::view::ReplicaView;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct AckedRecordsSurvive {
    acks: Vec<Ack>,
    breaches: Breaches,
}

#[derive(Clone, Debug)]
struct Ack {
    tp: TopicPartition,
    offset: Option<u64>,
    parcel: Parcel,
    event: EventId,
}

impl Default for AckedRecordsSurvive {
    fn default() -> Self {
        Self::new()
    }
}

impl AckedRecordsSurvive {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            acks: Vec::new(),
            breaches: Breaches::of("acked_records_survive"),
        }
    }

    /// Something happened to records.
    pub fn delivery(&mut self, _at: SimTime, event: EventId, delivery: &Delivery) {
        if let Delivery::Told {
            place,
            parcel,
            outcome: Outcome::Acked(offset),
            ..
        } = delivery
        {
            self.acks.push(Ack {
                tp: partition_of(*place),
                offset: *offset,
                parcel: Parcel::clone(parcel),
                event,
            });
        }
    }

    /// All replicas, once every fault has healed: the leaders' logs are what can be read.
    pub fn finish(&mut self, at: SimTime, views: &[ReplicaView<'_>]) {
        let mut leaders: BTreeMap<TopicPartition, &ReplicaView<'_>> = BTreeMap::new();
        for view in views.iter().filter(|view| view.is_leader) {
            let leader = leaders.entry(view.tp).or_insert(view);
            if leader.leader_epoch < view.leader_epoch {
                *leader = view;
            }
        }
        for (tp, leader) in &leaders {
            let readable = readable(leader);
            let log_start = leader.log_start.0;
            for ack in self.acks.iter().filter(|ack| ack.tp == *tp) {
                let lost = (0..).zip(ack.parcel.iter()).find(|(index, record)| {
                    let expired = ack.offset.is_some_and(|base| base + index < log_start);
                    !expired && !readable.contains(&record.id)
                });
                if let Some((_, record)) = lost {
                    let (id, broker) = (record.id.0, leader.broker);
                    let told = format!("record {id} was acknowledged in {}", name(*tp));
                    let gone = format!("{broker} leads without it");
                    let evidence = vec![(ack.event, told), (EventId::default(), gone)];
                    self.breaches.add(at, evidence);
                }
            }
        }
        let homeless = self.acks.iter().find(|ack| !leaders.contains_key(&ack.tp));
        if let Some(ack) = homeless {
            let told = format!("records were acknowledged in {}", name(ack.tp));
            let gone = "nobody leads it".to_owned();
            let evidence = vec![(ack.event, told), (EventId::default(), gone)];
            self.breaches.add(at, evidence);
        }
    }

    /// What did not hold.
    pub fn violations(&self) -> &[Breach] {
        &self.breaches.found
    }
}

/// The records below a leader's high watermark.
fn readable(leader: &ReplicaView<'_>) -> BTreeSet<RecordId> {
    let committed = leader.high_watermark;
    let batches = leader
        .batches()
        .take_while(|stored| stored.next_offset() <= committed);
    let records = batches.flat_map(|stored| stored.batch.records.iter());
    records.map(|record| record.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::guarantees::testing::{Replica, acked, breaches, views};

    fn observe(acks: &[Delivery], replicas: &[Replica]) -> String {
        let mut checker = AckedRecordsSurvive::new();
        for ack in acks {
            checker.delivery(SimTime::ZERO, EventId(1), ack);
        }
        checker.finish(SimTime::ZERO, &views(replicas));
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_the_last_leader_lacks_an_acked_record() {
        let deposed = Replica::new(1).batch(0, &[1, 2]).committed(2).leader(0);
        let leader = Replica::new(2).batch(0, &[1]).committed(1).leader(1);
        assert_eq!(
            observe(&[acked(Some(0), &[1, 2])], &[deposed, leader]),
            "record 2 was acknowledged in partition 0 of topic 0; b2 leads without it"
        );
    }

    #[test]
    fn it_fires_when_an_acked_record_cannot_be_read() {
        let leader = Replica::new(1)
            .batch(0, &[1])
            .batch(0, &[2])
            .committed(1)
            .leader(0);
        assert_ne!(observe(&[acked(Some(1), &[2])], &[leader]), "");
    }

    #[test]
    fn it_fires_when_nobody_leads() {
        assert_eq!(
            observe(&[acked(Some(1), &[2])], &[Replica::new(1)]),
            "records were acknowledged in partition 0 of topic 0; nobody leads it"
        );
    }

    #[test]
    fn it_is_silent_about_what_is_readable_or_expired() {
        let leader = Replica::new(1)
            .starts_at(2)
            .batch(0, &[3])
            .committed(3)
            .leader(0);
        let acks = [
            acked(Some(0), &[1, 2]),
            acked(Some(2), &[3]),
            acked(None, &[3]),
        ];
        assert_eq!(observe(&acks, &[leader]), "");
    }
}
