//! Metadata (API key 3).
//!
//! Modelled: what this broker believes, which may be behind the controller and other brokers; a topic
//! that does not exist is asked for at the controller, where client and broker allow it, and is unknown
//! until it is there.
//! Left out: racks, topics by name.
//! Source: KafkaApis.getTopicMetadata, KRaftMetadataCache (4.2).

use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::kafka::api::metadata::{
    MetadataRequest, MetadataResponse, PartitionMetadata, TopicMetadata,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerId, TopicId};

/// Answers from the image.
pub(in crate::broker) fn handle(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    request: &MetadataRequest,
) -> MetadataResponse {
    if request.allow_auto_topic_creation && broker.config.auto_create_topics_enable {
        for topic in &request.topics {
            if broker.image().topic(*topic).is_none() {
                broker.create_topic(cx, *topic);
            }
        }
    }
    let controller = random_live(broker);
    let image = broker.image();
    let unfenced = image
        .brokers
        .iter()
        .filter(|(_, registration)| !registration.fenced);
    MetadataResponse {
        brokers: unfenced.map(|(broker, _)| *broker).collect(),
        controller,
        topics: request
            .topics
            .iter()
            .map(|topic| describe(broker, *topic))
            .collect(),
    }
}

/// Any live broker will do: it forwards what only the controller does (KIP-590).
fn random_live(broker: &mut Broker) -> Option<BrokerId> {
    let brokers = &broker.metadata.image().brokers;
    let live = || brokers.iter().filter(|(_, known)| !known.fenced);
    let count = live().count() as u64;
    if count == 0 {
        return None;
    }
    let nth = broker.controller_choice.below(count) as usize;
    live().nth(nth).map(|(id, _)| *id)
}

fn describe(broker: &Broker, topic: TopicId) -> TopicMetadata {
    let image = broker.image();
    let Some(found) = image.topic(topic) else {
        return TopicMetadata {
            topic,
            error: Some(ErrorCode::UnknownTopicOrPartition),
            partitions: Vec::new(),
            replicas: Vec::new(),
        };
    };
    let partitions = found
        .partitions
        .iter()
        .map(|registration| PartitionMetadata {
            leader: registration
                .leader
                .filter(|leader| image.brokers.contains_key(leader)),
            leader_epoch: registration.leader_epoch,
        });
    TopicMetadata {
        topic,
        error: None,
        partitions: partitions.collect(),
        replicas: (found.partitions.iter())
            .map(|registration| Arc::clone(&registration.replicas))
            .collect(),
    }
}
