//! AssignReplicasToDirs (API key 73): a broker says in which of its log directories replicas lie.

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerEpoch, BrokerId, DirectoryId, TopicPartition};

/// Where replicas of this broker lie.
#[derive(Clone, Debug)]
pub struct AssignReplicasToDirsRequest {
    /// The broker.
    pub broker: BrokerId,
    /// Its epoch.
    pub broker_epoch: BrokerEpoch,
    /// Partitions and their directories.
    pub assignments: Vec<(TopicPartition, DirectoryId)>,
}

/// The answer.
#[derive(Clone, Copy, Debug)]
pub struct AssignReplicasToDirsResponse {
    /// STALE_BROKER_EPOCH, or nothing.
    pub error: Option<ErrorCode>,
}
