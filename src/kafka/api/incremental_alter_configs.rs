//! IncrementalAlterConfigs (API key 44): sets configs of a topic, or takes them back.

use std::sync::Arc;

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::TopicId;

/// Asks for changes of one topic's config, all of them or none.
#[derive(Clone, Debug)]
pub struct IncrementalAlterConfigsRequest {
    /// The topic.
    pub topic: TopicId,
    /// The changes.
    pub changes: Arc<[ConfigChange]>,
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
