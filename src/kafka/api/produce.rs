//! Produce (API key 0), version 10 and later: errors carry the new leader (KIP-951).

use std::sync::Arc;

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, LeaderEpoch, Offset, TopicPartition};
use crate::kafka::records::Batch;
use crate::sim::clock::WallTime;
use crate::sim::time::SimDuration;

/// How many replicas must have a record before the leader answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acks {
    /// `acks=0`: no answer at all.
    None,
    /// `acks=1`: the leader's append.
    Leader,
    /// `acks=all` (-1): every in-sync replica.
    All,
}

/// Batches for partitions that one broker leads; at most one per partition.
#[derive(Clone, Debug)]
pub struct ProduceRequest {
    /// What the producer asks for.
    pub acks: Acks,
    /// How long the broker may wait for the in-sync replicas (request.timeout.ms).
    pub timeout: SimDuration,
    /// The batches.
    pub partitions: Vec<ProducePartition>,
}

/// One batch and where it goes.
#[derive(Clone, Debug)]
pub struct ProducePartition {
    /// The partition.
    pub tp: TopicPartition,
    /// The batch.
    pub batch: Arc<Batch>,
    /// True when the bytes were damaged on the wire: the checksum fails.
    pub corrupt: bool,
}

/// The answer, partition by partition, in the order of the request.
#[derive(Clone, Debug)]
pub struct ProduceResponse {
    /// The answers.
    pub partitions: Vec<ProducePartitionResponse>,
}

/// The answer for one partition.
#[derive(Clone, Debug)]
pub struct ProducePartitionResponse {
    /// The partition.
    pub tp: TopicPartition,
    /// The error, if any.
    pub error: Option<ErrorCode>,
    /// The offset of the batch's first record.
    pub base_offset: Option<Offset>,
    /// The leader's time of append, with LogAppendTime.
    pub log_append_time: Option<WallTime>,
    /// The first offset of the leader's log.
    pub log_start_offset: Offset,
    /// Who leads now, with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH.
    pub current_leader: Option<LeaderHint>,
}

/// A partition's leader as a broker knows it (KIP-951).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderHint {
    /// The leader.
    pub leader: BrokerId,
    /// Its epoch.
    pub epoch: LeaderEpoch,
}
