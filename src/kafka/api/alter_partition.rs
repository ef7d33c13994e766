//! AlterPartition (API key 56): a leader asks the controller to change its in-sync set (KIP-497).

use std::sync::Arc;

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, TopicPartition};

/// All changes that one broker wants now; one request in flight per broker.
#[derive(Clone, Debug)]
pub struct AlterPartitionRequest {
    /// The asking broker.
    pub broker: BrokerId,
    /// Its epoch.
    pub broker_epoch: BrokerEpoch,
    /// The changes.
    pub partitions: Vec<IsrProposal>,
}

/// The in-sync set that a leader wants.
#[derive(Clone, Debug)]
pub struct IsrProposal {
    /// The partition.
    pub tp: TopicPartition,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// The registration that the leader knows.
    pub partition_epoch: PartitionEpoch,
    /// The members, each with the broker epoch that the leader knows (KIP-903).
    pub new_isr: Vec<(BrokerId, BrokerEpoch)>,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct AlterPartitionResponse {
    /// STALE_BROKER_EPOCH or NOT_CONTROLLER for the whole request.
    pub error: Option<ErrorCode>,
    /// The answers, in the order of the request.
    pub partitions: Vec<AlteredPartition>,
}

/// The partition as the controller has it now.
#[derive(Clone, Debug)]
pub struct AlteredPartition {
    /// The partition.
    pub tp: TopicPartition,
    /// The error, if any.
    pub error: Option<ErrorCode>,
    /// The leader.
    pub leader: Option<BrokerId>,
    /// Its epoch.
    pub leader_epoch: LeaderEpoch,
    /// The in-sync set.
    pub isr: Arc<[BrokerId]>,
    /// The registration's epoch.
    pub partition_epoch: PartitionEpoch,
}
