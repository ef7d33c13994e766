//! IncrementalAlterConfigs (API key 44): changes configs of a topic or a broker.

use std::sync::Arc;

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, TopicId};
use crate::kafka::throttled_replicas::PerSide;

/// Asks for changes of one topic's or broker's config, all of them or none.
#[derive(Clone, Debug)]
pub enum IncrementalAlterConfigsRequest {
    /// Sets configs of a topic, or takes them back.
    Topic {
        /// The topic.
        topic: TopicId,
        /// The changes.
        changes: Arc<[ConfigChange]>,
    },
    /// Adds to a topic's `leader.replication.throttled.replicas` and
    /// `follower.replication.throttled.replicas` (APPEND).
    ThrottledReplicas {
        /// The topic.
        topic: TopicId,
        /// Partitions with brokers.
        replicas: PerSide<Vec<(u32, BrokerId)>>,
    },
    /// Sets a broker's `leader.replication.throttled.rate` and `follower.replication.throttled.rate`,
    /// or takes both back.
    ThrottledRate {
        /// The broker.
        broker: BrokerId,
        /// Bytes per second, at both ends; none takes them back.
        rate: Option<u64>,
    },
}

/// A change of one config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// The config's name.
    pub name: Arc<str>,
    /// Its value (SET); none takes it back, so that the broker's holds (DELETE).
    pub value: Option<Arc<str>>,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct IncrementalAlterConfigsResponse {
    /// Why nothing was changed, if so.
    pub error: Option<ErrorCode>,
    /// What is wrong, in words.
    pub message: Option<String>,
}
