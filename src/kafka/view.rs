//! Read-only state of brokers, for checkers and reports.
//!
//! Checkers see this and facts, never a broker's own types, so they can't share its mistakes.

use crate::kafka::ids::{BrokerId, LeaderEpoch, Offset, TopicPartition};
use crate::kafka::records::StoredBatch;

/// One replica as it stands now.
#[derive(Clone, Debug)]
pub struct ReplicaView<'a> {
    /// Its broker.
    pub broker: BrokerId,
    /// Its partition.
    pub tp: TopicPartition,
    /// True when it believes that it leads.
    pub is_leader: bool,
    /// The leader epoch that it follows.
    pub leader_epoch: LeaderEpoch,
    /// Its high watermark.
    pub high_watermark: Offset,
    /// Its first offset.
    pub log_start: Offset,
    /// Its next offset.
    pub log_end: Offset,
    /// The in-sync set that it believes in (a leader's; empty on followers).
    pub isr: &'a [BrokerId],
    /// Its batches in order of offset, in one slice per segment.
    pub segments: Vec<&'a [StoredBatch]>,
}

impl<'a> ReplicaView<'a> {
    /// All batches in order of offset.
    pub fn batches(&self) -> impl Iterator<Item = &'a StoredBatch> + use<'_, 'a> {
        self.segments.iter().flat_map(|segment| segment.iter())
    }
}
