//! Guarantees, one file each: what must hold, checked from facts, deliveries and views alone.
//!
//! A checker is an observer: it draws nothing, changes nothing and knows no broker code. Some hold
//! whatever happens; some hold as long as no committed data was lost in a way that the settings
//! permit (an unclean election, a log tail that was never on stable storage), which `damage` knows
//! from the facts; two more must be asked for.
//! Left out: compaction, transactions, and consumers that start from committed offsets.
//! Source: kafka-specification's Kip320 model, Vanlightly's replication models, jepsen.tests.kafka.

pub mod a_clean_leader_has_every_committed_record;
pub mod acked_by_all_is_on_every_in_sync_replica;
pub mod acked_offset_holds_the_record;
pub mod acked_records_survive;
pub mod an_offset_never_changes_its_record;
pub mod brokers_act_on_committed_metadata;
mod damage;
pub mod high_watermark_is_monotone_within_a_leader_epoch;
pub mod isr_contains_leader;
pub mod leader_epochs_increase_along_a_log;
pub mod logs_match_by_offset_and_epoch;
pub mod no_duplicates_or_reordering_per_idempotent_session;
pub mod one_leader_per_epoch;
mod pairs;
pub mod reads_are_committed;
pub mod reads_are_in_order_without_gaps;
pub mod replicas_agree_below_high_watermark;
pub mod retention_keeps_what_it_must;
#[cfg(test)]
mod testing;

use crate::check::guarantees::a_clean_leader_has_every_committed_record::ACleanLeaderHasEveryCommittedRecord;
use crate::check::guarantees::acked_by_all_is_on_every_in_sync_replica::AckedByAllIsOnEveryInSyncReplica;
use crate::check::guarantees::acked_offset_holds_the_record::AckedOffsetHoldsTheRecord;
use crate::check::guarantees::acked_records_survive::AckedRecordsSurvive;
use crate::check::guarantees::an_offset_never_changes_its_record::AnOffsetNeverChangesItsRecord;
use crate::check::guarantees::brokers_act_on_committed_metadata::BrokersActOnCommittedMetadata;
use crate::check::guarantees::high_watermark_is_monotone_within_a_leader_epoch::HighWatermarkIsMonotone;
use crate::check::guarantees::isr_contains_leader::IsrContainsLeader;
use crate::check::guarantees::leader_epochs_increase_along_a_log::LeaderEpochsIncreaseAlongALog;
use crate::check::guarantees::logs_match_by_offset_and_epoch::LogsMatchByOffsetAndEpoch;
use crate::check::guarantees::no_duplicates_or_reordering_per_idempotent_session::NoDuplicatesOrReordering;
use crate::check::guarantees::one_leader_per_epoch::OneLeaderPerEpoch;
use crate::check::guarantees::reads_are_committed::ReadsAreCommitted;
use crate::check::guarantees::reads_are_in_order_without_gaps::ReadsAreInOrderWithoutGaps;
use crate::check::guarantees::replicas_agree_below_high_watermark::ReplicasAgreeBelowHighWatermark;
use crate::check::guarantees::retention_keeps_what_it_must::RetentionKeepsWhatItMust;
use crate::delivery::{Delivery, Place};
use crate::kafka::fact::Fact;
use crate::kafka::ids::{TopicId, TopicPartition};
use crate::kafka::view::ReplicaView;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// No checker tells of more breaches than this; one is enough to fail a run.
const MOST: usize = 16;

/// A guarantee that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Its checker's name.
    pub guarantee: &'static str,
    /// When that was noticed.
    pub at: SimTime,
    /// What shows it, and in which events it happened; event 0 is "no event".
    pub evidence: Vec<(EventId, String)>,
}

/// The breaches of one guarantee.
#[derive(Clone, Debug)]
struct Breaches {
    guarantee: &'static str,
    found: Vec<Breach>,
}

impl Breaches {
    fn of(guarantee: &'static str) -> Self {
        Self {
            guarantee,
            found: Vec::new(),
        }
    }

    fn add(&mut self, at: SimTime, evidence: Vec<(EventId, String)>) {
        if self.found.len() < MOST {
            self.found.push(Breach {
                guarantee: self.guarantee,
                at,
                evidence,
            });
        }
    }
}

/// What a run is set up to keep. Each adds a guarantee that does not hold in general.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promises {
    /// Every producer waits for all in-sync replicas (acks=all).
    pub acks_all: bool,
    /// Besides, min.insync.replicas is 2 or more, and the faults stay within what that survives.
    pub acks_survive: bool,
}

/// All guarantees of a run.
#[derive(Clone, Debug)]
pub struct Guarantees {
    promises: Promises,
    clean_leader: ACleanLeaderHasEveryCommittedRecord,
    acked_by_all: AckedByAllIsOnEveryInSyncReplica,
    acked_offset: AckedOffsetHoldsTheRecord,
    acked_records: AckedRecordsSurvive,
    offsets: AnOffsetNeverChangesItsRecord,
    metadata: BrokersActOnCommittedMetadata,
    high_watermark: HighWatermarkIsMonotone,
    isr: IsrContainsLeader,
    epochs: LeaderEpochsIncreaseAlongALog,
    matching: LogsMatchByOffsetAndEpoch,
    sessions: NoDuplicatesOrReordering,
    one_leader: OneLeaderPerEpoch,
    committed_reads: ReadsAreCommitted,
    ordered_reads: ReadsAreInOrderWithoutGaps,
    agreement: ReplicasAgreeBelowHighWatermark,
    retention: RetentionKeepsWhatItMust,
}

impl Guarantees {
    /// All checkers, at the start of a run.
    pub fn new(promises: Promises) -> Self {
        Self {
            promises,
            clean_leader: ACleanLeaderHasEveryCommittedRecord::new(),
            acked_by_all: AckedByAllIsOnEveryInSyncReplica::new(),
            acked_offset: AckedOffsetHoldsTheRecord::new(),
            acked_records: AckedRecordsSurvive::new(),
            offsets: AnOffsetNeverChangesItsRecord::new(),
            metadata: BrokersActOnCommittedMetadata::new(),
            high_watermark: HighWatermarkIsMonotone::new(),
            isr: IsrContainsLeader::new(),
            epochs: LeaderEpochsIncreaseAlongALog::new(),
            matching: LogsMatchByOffsetAndEpoch::new(),
            sessions: NoDuplicatesOrReordering::new(),
            one_leader: OneLeaderPerEpoch::new(),
            committed_reads: ReadsAreCommitted::new(),
            ordered_reads: ReadsAreInOrderWithoutGaps::new(),
            agreement: ReplicasAgreeBelowHighWatermark::new(),
            retention: RetentionKeepsWhatItMust::new(),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, at: SimTime, event: EventId, fact: &Fact) {
        self.clean_leader.fact(at, event, fact);
        if self.promises.acks_all {
            self.acked_by_all.fact(at, event, fact);
        }
        self.acked_offset.fact(at, event, fact);
        self.offsets.fact(at, event, fact);
        self.metadata.fact(at, event, fact);
        self.high_watermark.fact(at, event, fact);
        self.isr.fact(at, event, fact);
        self.one_leader.fact(at, event, fact);
        self.committed_reads.fact(at, event, fact);
        self.ordered_reads.fact(at, event, fact);
        self.agreement.fact(at, event, fact);
        self.retention.fact(at, event, fact);
    }

    /// Something happened to records.
    pub fn delivery(&mut self, at: SimTime, event: EventId, delivery: &Delivery) {
        self.acked_offset.delivery(at, event, delivery);
        if self.promises.acks_survive {
            self.acked_records.delivery(at, event, delivery);
        }
        self.sessions.delivery(delivery);
        self.offsets.delivery(at, event, delivery);
        self.committed_reads.delivery(at, event, delivery);
        self.ordered_reads.delivery(at, event, delivery);
    }

    /// All replicas of living brokers, as they are between two events.
    pub fn inspect(&mut self, at: SimTime, views: &[ReplicaView<'_>]) {
        self.high_watermark.inspect(at, views);
        self.epochs.inspect(at, views);
        self.matching.inspect(at, views);
        self.sessions.inspect(at, views);
        self.agreement.inspect(at, views);
        self.retention.inspect(at, views);
    }

    /// All replicas once every fault has healed and the run has drained.
    pub fn finish(&mut self, at: SimTime, views: &[ReplicaView<'_>]) {
        self.inspect(at, views);
        if self.promises.acks_survive {
            self.acked_records.finish(at, views);
        }
    }

    /// What did not hold.
    pub fn violations(&self) -> impl Iterator<Item = &Breach> {
        [
            self.clean_leader.violations(),
            self.acked_by_all.violations(),
            self.acked_offset.violations(),
            self.acked_records.violations(),
            self.offsets.violations(),
            self.metadata.violations(),
            self.high_watermark.violations(),
            self.isr.violations(),
            self.epochs.violations(),
            self.matching.violations(),
            self.sessions.violations(),
            self.one_leader.violations(),
            self.committed_reads.violations(),
            self.ordered_reads.violations(),
            self.agreement.violations(),
            self.retention.violations(),
        ]
        .into_iter()
        .flatten()
    }
}

/// The partition that a place of records is.
fn partition_of(place: Place) -> TopicPartition {
    TopicPartition {
        topic: TopicId(place.stream),
        partition: place.lane,
    }
}

/// A partition in words.
fn name(tp: TopicPartition) -> String {
    format!("partition {} of topic {}", tp.partition, tp.topic.0)
}
