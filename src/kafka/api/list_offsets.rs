//! ListOffsets (API key 2): the first and the last offset of a partition, or one found by time.

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::sim::clock::WallTime;

/// Which offset is wanted. Tiered storage, which is left out, knows more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The log start offset (-2).
    Earliest,
    /// The first offset on the leader's own disk (-4): without tiered storage the log start offset.
    EarliestLocal,
    /// The end of what the asker may read (-1).
    Latest,
    /// The record with the largest timestamp (-3, KIP-734).
    MaxTimestamp,
    /// The first record at or after this instant.
    AtOrAfter(WallTime),
}

/// isolation.level of a consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IsolationLevel {
    /// It reads up to the high watermark.
    #[default]
    ReadUncommitted,
    /// It reads up to the last stable offset, which is the same without transactions.
    ReadCommitted,
}

/// Asks the leader of each partition.
#[derive(Clone, Debug)]
pub struct ListOffsetsRequest {
    /// What a consumer may read; none for a replica, which may read all.
    pub isolation: Option<IsolationLevel>,
    /// The partitions.
    pub partitions: Vec<ListOffsetsPartition>,
}

/// What is asked of one partition.
#[derive(Clone, Copy, Debug)]
pub struct ListOffsetsPartition {
    /// The partition.
    pub tp: TopicPartition,
    /// Which offset.
    pub spec: OffsetSpec,
    /// The leader epoch that the client knows.
    pub current_leader_epoch: Option<LeaderEpoch>,
}

/// The answers, in the order of the request.
#[derive(Clone, Debug)]
pub struct ListOffsetsResponse {
    /// The answers.
    pub partitions: Vec<ListedOffset>,
}

/// The answer for one partition.
#[derive(Clone, Copy, Debug)]
pub struct ListedOffset {
    /// The partition.
    pub tp: TopicPartition,
    /// The error, if any.
    pub error: Option<ErrorCode>,
    /// The offset; none when no record is where the question looks for one.
    pub offset: Option<Offset>,
    /// The record's timestamp, when it was found by time.
    pub timestamp: Option<WallTime>,
    /// The epoch of the record there, or of the leader.
    pub leader_epoch: Option<LeaderEpoch>,
}
