//! Moments of a protocol that a trigger can wait for, matched against what a process says and
//! sends while it does so.

use crate::cluster::message::Message;
use crate::cluster::process::{Fact, Timer};
use crate::delivery::Delivery;
use crate::kafka::fact::{Fact as Kafka, Role};
use crate::kafka::ids::TopicPartition;
use crate::kafka::message::{Message as KafkaMessage, Request};
use crate::sim::process::Effect;

/// A moment of the protocol. It stops the step in which it happens: what the step has not sent
/// yet is never sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A producer has sent a batch of a partition; it is on its way.
    ProduceSent(TopicPartition),
    /// The leader of a partition has appended a batch (nothing is answered yet).
    LeaderAppended(TopicPartition),
    /// A follower of a partition has appended a batch.
    FollowerAppended(TopicPartition),
    /// The leader is about to answer a produce for the partition with success.
    ProduceAnswered(TopicPartition),
    /// The leader's high watermark of a partition has advanced.
    HighWatermarkAdvanced(TopicPartition),
    /// The controller has committed a smaller in-sync set.
    IsrShrunk(TopicPartition),
    /// The controller has committed a larger in-sync set.
    IsrExpanded(TopicPartition),
    /// A replica has taken the lead.
    LeaderElected(TopicPartition),
    /// A replica has truncated.
    Truncated(TopicPartition),
    /// The controller has fenced a broker, by its number.
    Fenced(u32),
    /// A group of readers was handed records of a partition.
    Read(TopicPartition),
}

impl Moment {
    /// True when the effect is this moment.
    pub fn is(&self, effect: &Effect<Message, Fact, Timer>) -> bool {
        if let (Self::ProduceSent(at), Effect::Send { body, .. }) = (self, effect) {
            return is_produce(body, *at);
        }
        let Effect::Fact(fact) = effect else {
            return false;
        };
        match (self, fact) {
            (Self::LeaderAppended(at), Fact::Kafka(Kafka::Appended { role, tp, .. })) => {
                at == tp && *role == Role::Leader
            }
            (Self::FollowerAppended(at), Fact::Kafka(Kafka::Appended { role, tp, .. })) => {
                at == tp && *role == Role::Follower
            }
            (Self::ProduceAnswered(at), Fact::Kafka(Kafka::ProduceAcked { tp, .. })) => at == tp,
            (
                Self::HighWatermarkAdvanced(at),
                Fact::Kafka(Kafka::HighWatermarkAdvanced { role, tp, .. }),
            ) => at == tp && *role == Role::Leader,
            (
                Self::IsrShrunk(at),
                Fact::Kafka(Kafka::PartitionChanged {
                    tp,
                    isr,
                    isr_before,
                    ..
                }),
            ) => at == tp && isr.len() < isr_before.len(),
            (
                Self::IsrExpanded(at),
                Fact::Kafka(Kafka::PartitionChanged {
                    tp,
                    isr,
                    isr_before,
                    ..
                }),
            ) => at == tp && isr.len() > isr_before.len(),
            (Self::LeaderElected(at), Fact::Kafka(Kafka::BecameLeader { tp, .. })) => at == tp,
            (Self::Truncated(at), Fact::Kafka(Kafka::Truncated { tp, .. })) => at == tp,
            (Self::Fenced(at), Fact::Kafka(Kafka::BrokerFenced { broker })) => *at == broker.0,
            (Self::Read(at), Fact::Delivery(Delivery::Read { place, .. })) => {
                at.topic.0 == place.stream && at.partition == place.lane
            }
            (_, _) => false,
        }
    }
}

/// True for a request with a batch for the partition.
fn is_produce(message: &Message, tp: TopicPartition) -> bool {
    let Message::Kafka(message) = message;
    match message {
        KafkaMessage::Request {
            body: Request::Produce(produce),
            ..
        } => produce.partitions.iter().any(|part| part.tp == tp),
        KafkaMessage::Request { .. } | KafkaMessage::Response { .. } => false,
    }
}
