//! What an administrator asks the controller: CreateTopics (19), ElectLeaders (43), CreatePartitions
//! (37), AlterPartitionReassignments (45), ListPartitionReassignments (46), AlterClientQuotas (49),
//! UnregisterBroker (64), one partition, topic, broker or client.id each.

use std::sync::Arc;

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, TopicId, TopicPartition};
use crate::kafka::quota::{Entity, QuotaChange};

/// Which election is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElectionType {
    /// The first replica leads, if it is in sync.
    Preferred,
    /// Any replica leads, if there is no leader and nobody in sync.
    Unclean,
}

/// A request of an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminRequest {
    /// Elects a leader.
    ElectLeaders {
        /// The partition.
        tp: TopicPartition,
        /// How.
        election: ElectionType,
    },
    /// Creates a topic.
    CreateTopics {
        /// The topic.
        topic: TopicId,
        /// How many partitions.
        partitions: u32,
        /// How many replicas of each.
        replication_factor: u32,
    },
    /// Adds partitions to a topic.
    CreatePartitions {
        /// The topic.
        topic: TopicId,
        /// How many it shall have.
        count: u32,
    },
    /// Moves a partition to other brokers.
    AlterPartitionReassignments {
        /// The partition.
        tp: TopicPartition,
        /// The replicas that it shall have; none takes back what is under way.
        target: Option<Arc<[BrokerId]>>,
    },
    /// Changes what a client.id may take of each broker, all of it or nothing.
    AlterClientQuotas {
        /// Whose quotas.
        entity: Entity,
        /// The changes, each of another quota.
        changes: Arc<[QuotaChange]>,
    },
    /// Asks whether a partition is still being moved (ListPartitionReassignments).
    ListPartitionReassignments {
        /// The partition.
        tp: TopicPartition,
    },
    /// Strikes a broker off.
    UnregisterBroker {
        /// The broker.
        broker: BrokerId,
    },
}

/// The answer.
#[derive(Clone, Copy, Debug)]
pub struct AdminResponse {
    /// Why nothing was changed.
    pub error: Option<ErrorCode>,
    /// To ListPartitionReassignments alone: whether the partition is still being moved.
    pub reassigning: Option<bool>,
}

impl AdminResponse {
    /// Nothing was changed.
    pub const fn refused(error: Option<ErrorCode>) -> Self {
        Self {
            error,
            reassigning: None,
        }
    }
}
