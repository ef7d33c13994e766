//! IncrementalAlterConfigs (API key 44) at the controller.
//!
//! Modelled: configs of topics, set or taken back; every value is checked as Kafka checks it
//! (INVALID_CONFIG) before any is written; a value that is in force already writes no record.
//! Left out: configs of brokers, appending to and subtracting from lists, policies.
//! Source: ConfigurationControlManager.incrementalAlterConfigs, LogConfig.validate (4.2); KIP-339.

use crate::controller::cluster::{Cluster, Decision};
use crate::controller::log::Change;
use crate::kafka::api::incremental_alter_configs::{
    ConfigChange, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::config::value::{ConfigValue, Value};
use crate::kafka::config::{canonical, describe};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::metadata_records::MetadataRecord;

/// Changes a topic's config.
pub(super) fn decide(
    cluster: &Cluster,
    request: &IncrementalAlterConfigsRequest,
) -> Result<Decision<IncrementalAlterConfigsResponse>, ErrorCode> {
    let topic = cluster.latest.topic(request.topic);
    let current = &topic.ok_or(ErrorCode::UnknownTopicOrPartition)?.config;
    let mut changes = Vec::new();
    for change in request.changes.iter() {
        match checked(change) {
            Ok((name, value)) if current.value(name) == value => {}
            Ok((name, value)) => changes.push(Change::of(MetadataRecord::TopicConfig {
                topic: request.topic,
                name,
                value,
            })),
            Err(message) => {
                return Ok(Decision {
                    changes: Vec::new(),
                    answer: IncrementalAlterConfigsResponse {
                        error: Some(ErrorCode::InvalidConfig),
                        message: Some(message),
                    },
                });
            }
        }
    }
    Ok(Decision {
        changes,
        answer: IncrementalAlterConfigsResponse {
            error: None,
            message: None,
        },
    })
}

fn checked(change: &ConfigChange) -> Result<(&'static str, Option<Value>), String> {
    let unknown = || format!("Unknown topic config name: {}", change.name);
    let name = describe::<TopicConfig>(&change.name)
        .ok_or_else(unknown)?
        .name;
    let Some(value) = &change.value else {
        return Ok((name, None));
    };
    let value = canonical::<TopicConfig>(name, ConfigValue::Text(value));
    value
        .map(|value| (name, Some(value)))
        .map_err(|problem| problem.to_string())
}
