//! Metadata (API key 3): brokers, topics, leaders.

use std::sync::Arc;

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, LeaderEpoch, TopicId};

/// Asks for topics by id; an empty list asks for brokers only.
#[derive(Clone, Debug)]
pub struct MetadataRequest {
    /// The topics.
    pub topics: Vec<TopicId>,
    /// True when a topic that does not exist may be created.
    pub allow_auto_topic_creation: bool,
}

/// What the asked broker believes.
#[derive(Clone, Debug)]
pub struct MetadataResponse {
    /// The unfenced brokers.
    pub brokers: Vec<BrokerId>,
    /// Whom to ask for what controllers do: any live broker, which passes it on; none when there is
    /// no live broker.
    pub controller: Option<BrokerId>,
    /// The topics.
    pub topics: Vec<TopicMetadata>,
}

/// One topic.
#[derive(Clone, Debug)]
pub struct TopicMetadata {
    /// The topic.
    pub topic: TopicId,
    /// UNKNOWN_TOPIC_OR_PARTITION, or nothing.
    pub error: Option<ErrorCode>,
    /// The partitions, by index.
    pub partitions: Vec<PartitionMetadata>,
    /// Their replicas, by index.
    pub replicas: Vec<Arc<[BrokerId]>>,
}

/// One partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// The leader; with none the error is LEADER_NOT_AVAILABLE.
    pub leader: Option<BrokerId>,
    /// Its epoch.
    pub leader_epoch: LeaderEpoch,
}
