//! ListOffsets (API key 2): the earliest and the latest offset of a partition.

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{LeaderEpoch, Offset, TopicPartition};

/// Which offset is wanted. By time comes with retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The log start offset.
    Earliest,
    /// The high watermark.
    Latest,
}

/// Asks the leader of each partition.
#[derive(Clone, Debug)]
pub struct ListOffsetsRequest {
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
    /// The offset.
    pub offset: Offset,
    /// The epoch of the record there, or of the leader.
    pub leader_epoch: Option<LeaderEpoch>,
}
