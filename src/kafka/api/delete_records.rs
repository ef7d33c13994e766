//! DeleteRecords (API key 21): moves the start of a log (KIP-107).

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{Offset, TopicPartition};
use crate::sim::time::SimDuration;

/// Asks the leader of each partition.
#[derive(Clone, Debug)]
pub struct DeleteRecordsRequest {
    /// How long the leader may wait for its followers.
    pub timeout: SimDuration,
    /// The partitions.
    pub partitions: Vec<DeleteRecordsPartition>,
}

/// What is to go from one partition.
#[derive(Clone, Copy, Debug)]
pub struct DeleteRecordsPartition {
    /// The partition.
    pub tp: TopicPartition,
    /// All records before this offset; none is the high watermark (-1).
    pub before: Option<Offset>,
}

/// The answers, in the order of the request.
#[derive(Clone, Debug)]
pub struct DeleteRecordsResponse {
    /// The answers.
    pub partitions: Vec<DeletedRecords>,
}

/// The answer for one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedRecords {
    /// The partition.
    pub tp: TopicPartition,
    /// The error, if any.
    pub error: Option<ErrorCode>,
    /// The least log start offset of all live replicas; none with an error.
    pub low_watermark: Option<Offset>,
}
