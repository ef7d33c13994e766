//! Metadata (API key 3).
//!
//! Modelled: what this broker believes, which may be behind the controller and other brokers.
//! Left out: racks, topics by name, creation on request, controller id.
//! Source: KRaftMetadataCache (4.2).

use crate::broker::Broker;
use crate::kafka::api::metadata::{
    MetadataRequest, MetadataResponse, PartitionMetadata, TopicMetadata,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::TopicId;

/// Answers from the image.
pub(in crate::broker) fn handle(broker: &Broker, request: &MetadataRequest) -> MetadataResponse {
    let image = broker.image();
    let unfenced = image
        .brokers
        .iter()
        .filter(|(_, registration)| !registration.fenced);
    MetadataResponse {
        brokers: unfenced.map(|(broker, _)| *broker).collect(),
        topics: request
            .topics
            .iter()
            .map(|topic| describe(broker, *topic))
            .collect(),
    }
}

fn describe(broker: &Broker, topic: TopicId) -> TopicMetadata {
    let image = broker.image();
    let Some(found) = image.topic(topic) else {
        return TopicMetadata {
            topic,
            error: Some(ErrorCode::UnknownTopicOrPartition),
            partitions: Vec::new(),
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
    }
}
