//! BrokerRegistration (API key 62) at the controller.
//!
//! Modelled: one live session per broker id (DUPLICATE_BROKER_REGISTRATION), the registration's
//! epoch, clean-up after the broker's last life, unclean shutdown with eligible leader replicas.
//! Left out: features, listeners, log directories, cluster ids.
//! Source: ClusterControlManager.registerBroker, ReplicationControlManager.handleBrokerShutdown
//! (4.2); KIP-631, KIP-966.

use crate::controller::cluster::{Cluster, Decision, Pass};
use crate::controller::log::Change;
use crate::kafka::api::broker_registration::{
    BrokerRegistrationRequest, BrokerRegistrationResponse,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::PartitionChangeCause;
use crate::kafka::ids::BrokerEpoch;
use crate::kafka::metadata_records::MetadataRecord;
use crate::sim::time::SimTime;

/// Registers one life of a broker.
pub(super) fn decide(
    cluster: &mut Cluster,
    now: SimTime,
    request: BrokerRegistrationRequest,
) -> Result<Decision<BrokerRegistrationResponse>, ErrorCode> {
    let BrokerRegistrationRequest {
        broker,
        incarnation,
        previous_broker_epoch,
        rack,
    } = request;
    let existing = cluster.latest.brokers.get(&broker).copied();
    let again = existing.filter(|existing| existing.incarnation == incarnation);
    // The session outlasts the process, however that ended: a broker that comes back sooner is
    // taken for a second one with the same id.
    if again.is_none() && existing.is_some() && cluster.sessions.is_alive(broker, now) {
        return Err(ErrorCode::DuplicateBrokerRegistration);
    }

    let mut changes = Vec::new();
    let epoch;
    if let Some(existing) = again {
        epoch = existing.epoch;
        changes.push(Change::of(MetadataRecord::RegisterBroker {
            broker,
            epoch,
            incarnation,
            fenced: existing.fenced,
            rack,
        }));
        if existing.in_controlled_shutdown {
            changes.push(Change::of(MetadataRecord::BrokerRegistrationChange {
                broker,
                epoch,
                fenced: None,
                in_controlled_shutdown: Some(true),
            }));
        }
    } else {
        let clean =
            existing.map(|existing| existing.epoch) == previous_broker_epoch && existing.is_some();
        let pass = if cluster.eligible_leader_replicas && !clean {
            Pass::RemoveUnclean(broker)
        } else {
            Pass::Remove(broker)
        };
        // The next offset. When clean-up records come first, the registration's own is higher.
        epoch = BrokerEpoch(cluster.latest.end.0);
        changes = cluster.partition_changes(pass, PartitionChangeCause::Fenced);
        changes.push(Change::of(MetadataRecord::RegisterBroker {
            broker,
            epoch,
            incarnation,
            fenced: true,
            rack,
        }));
    }
    cluster.sessions.register(broker, epoch);
    Ok(Decision {
        changes,
        answer: BrokerRegistrationResponse {
            error: None,
            broker_epoch: epoch,
        },
    })
}
