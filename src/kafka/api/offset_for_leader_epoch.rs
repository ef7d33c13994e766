//! OffsetForLeaderEpoch (API key 23): where an epoch ends in the leader's log (KIP-320).

use crate::kafka::api::fetch::EpochEnd;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{LeaderEpoch, TopicPartition};

/// Asks the leader of each partition.
#[derive(Clone, Debug)]
pub struct OffsetForLeaderEpochRequest {
    /// The partitions.
    pub partitions: Vec<EpochQuestion>,
}

/// What is asked of one partition.
#[derive(Clone, Copy, Debug)]
pub struct EpochQuestion {
    /// The partition.
    pub tp: TopicPartition,
    /// The leader epoch that the client knows.
    pub current_leader_epoch: Option<LeaderEpoch>,
    /// The epoch whose end is wanted.
    pub leader_epoch: LeaderEpoch,
}

/// The answers, in the order of the request.
#[derive(Clone, Debug)]
pub struct OffsetForLeaderEpochResponse {
    /// The answers.
    pub partitions: Vec<EpochAnswer>,
}

/// The answer for one partition.
#[derive(Clone, Copy, Debug)]
pub struct EpochAnswer {
    /// The partition.
    pub tp: TopicPartition,
    /// The error, if any.
    pub error: Option<ErrorCode>,
    /// The epoch and its end; none when it is undefined (-1, -1).
    pub end: Option<EpochEnd>,
}
