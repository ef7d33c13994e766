//! What the controller tells observers of a run: only what is committed.

use std::sync::Arc;

use crate::controller::log::Change;
use crate::kafka::fact::Fact;
use crate::kafka::message::Message;
use crate::kafka::metadata_records::MetadataRecord;
use crate::metadata::image::MetadataImage;
use crate::sim::process::Cx;

/// Tells observers of the run what a record commits; `before` is the state without it.
pub(super) fn announce<T>(
    cx: &mut Cx<'_, Message, Fact, T>,
    before: &MetadataImage,
    change: &Change,
) {
    match &change.record {
        MetadataRecord::RegisterBroker {
            broker,
            epoch,
            fenced,
            ..
        } => {
            let was_unfenced = before.brokers.get(broker).is_some_and(|r| !r.fenced);
            if was_unfenced && *fenced {
                cx.fact(Fact::BrokerFenced { broker: *broker });
            }
            cx.fact(Fact::BrokerRegistered {
                broker: *broker,
                epoch: *epoch,
            });
        }
        MetadataRecord::BrokerRegistrationChange { broker, fenced, .. } => {
            let was_fenced = before.brokers.get(broker).is_some_and(|r| r.fenced);
            match fenced {
                Some(true) if !was_fenced => cx.fact(Fact::BrokerFenced { broker: *broker }),
                Some(false) if was_fenced => cx.fact(Fact::BrokerUnfenced { broker: *broker }),
                Some(_) | None => {}
            }
        }
        MetadataRecord::Partition { tp, registration } => cx.fact(Fact::PartitionChanged {
            tp: *tp,
            leader: registration.leader,
            leader_epoch: registration.leader_epoch,
            partition_epoch: registration.partition_epoch,
            isr: Arc::clone(&registration.isr),
            isr_before: before
                .partition(*tp)
                .map_or_else(|| Arc::new([]) as _, |p| Arc::clone(&p.isr)),
            replicas: registration.replicas.len() as u32,
            why: change.why.expect("a change of a partition has a cause"),
        }),
        MetadataRecord::TopicConfig { topic, name, value } => cx.fact(Fact::TopicConfigChanged {
            topic: *topic,
            name,
            value: *value,
        }),
        MetadataRecord::UnregisterBroker { .. }
        | MetadataRecord::ThrottledReplicas { .. }
        | MetadataRecord::ThrottledRate { .. }
        | MetadataRecord::ClientQuota { .. }
        | MetadataRecord::OfflineDirectories { .. }
        | MetadataRecord::ReplicaDirectory { .. }
        | MetadataRecord::Topic { .. }
        | MetadataRecord::ProducerIds { .. }
        | MetadataRecord::NoOp => {}
    }
}
