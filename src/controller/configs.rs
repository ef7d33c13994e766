//! IncrementalAlterConfigs (API key 44) at the controller.
//!
//! Modelled: configs of topics, set or taken back; every value is checked as Kafka checks it
//! (INVALID_CONFIG) before any is written; a value that is in force already writes no record; the
//! throttles of replication, of topics and brokers.
//! Left out: other configs of brokers, subtracting from lists, policies.
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
use crate::kafka::ids::TopicId;
use crate::kafka::metadata_records::MetadataRecord;
use crate::kafka::throttled_replicas::{PerSide, Side, ThrottledReplicas};

/// Changes a topic's or a broker's config.
pub(super) fn decide(
    cluster: &Cluster,
    request: &IncrementalAlterConfigsRequest,
) -> Result<Decision<IncrementalAlterConfigsResponse>, ErrorCode> {
    let (changes, message) = match request {
        IncrementalAlterConfigsRequest::Topic { topic, changes } => {
            match of_topic(cluster, *topic, changes)? {
                Ok(changes) => (changes, None),
                Err(message) => (Vec::new(), Some(message)),
            }
        }
        IncrementalAlterConfigsRequest::ThrottledReplicas { topic, replicas } => {
            let known = cluster.latest.topic(*topic);
            let known = &known.ok_or(ErrorCode::UnknownTopicOrPartition)?.throttled;
            let sides = Side::ALL.into_iter();
            let changes = sides.filter_map(|side| {
                let list = known.at(side).with(replicas.at(side));
                (list != *known.at(side)).then(|| throttled(*topic, side, list))
            });
            (changes.collect(), None)
        }
        IncrementalAlterConfigsRequest::ThrottledRate { broker, rate } => {
            let (broker, rate) = (*broker, *rate);
            let rate = PerSide {
                leader: rate,
                follower: rate,
            };
            let known = cluster.latest.throttled_rates.get(&broker).copied();
            let is_news = known.unwrap_or_default() != rate;
            let change =
                is_news.then(|| Change::of(MetadataRecord::ThrottledRate { broker, rate }));
            (change.into_iter().collect(), None)
        }
    };
    Ok(Decision {
        changes,
        answer: IncrementalAlterConfigsResponse {
            error: message.is_some().then_some(ErrorCode::InvalidConfig),
            message,
        },
    })
}

/// The records of a topic's changes, or what is wrong with the first that is.
fn of_topic(
    cluster: &Cluster,
    topic: TopicId,
    asked: &[ConfigChange],
) -> Result<Result<Vec<Change>, String>, ErrorCode> {
    let known = cluster.latest.topic(topic);
    let known = known.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let mut changes = Vec::new();
    for change in asked {
        if let Some(side) = Side::of_replicas_config(&change.name) {
            match ThrottledReplicas::parse(change.value.as_deref().unwrap_or_default()) {
                Ok(list) if list == *known.throttled.at(side) => {}
                Ok(list) => changes.push(throttled(topic, side, list)),
                Err(why) => return Ok(Err(format!("{} {why}", change.name))),
            }
            continue;
        }
        match checked(change) {
            Ok((name, value)) if known.config.value(name) == value => {}
            Ok((name, value)) => changes.push(Change::of(MetadataRecord::TopicConfig {
                topic,
                name,
                value,
            })),
            Err(message) => return Ok(Err(message)),
        }
    }
    Ok(Ok(changes))
}

fn throttled(topic: TopicId, side: Side, replicas: ThrottledReplicas) -> Change {
    Change::of(MetadataRecord::ThrottledReplicas {
        topic,
        side,
        replicas,
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
