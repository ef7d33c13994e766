//! AssignReplicasToDirs (API key 73) and offline directories in heartbeats, at the controller.
//!
//! Modelled: which replica lies in which directory; a directory that fails takes its replicas out
//! of in-sync sets and leaderships, as if their broker were gone for these partitions only.
//! Source: ReplicationControlManager.handleAssignReplicasToDirs, handleDirectoriesOffline (4.2);
//! KIP-858.

use crate::controller::cluster::{Cluster, Decision, partition_change};
use crate::controller::log::Change;
use crate::kafka::api::assign_replicas_to_dirs::{
    AssignReplicasToDirsRequest, AssignReplicasToDirsResponse,
};
use crate::kafka::api::broker_heartbeat::BrokerHeartbeatRequest;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::PartitionChangeCause;
use crate::kafka::metadata_records::MetadataRecord;

/// Takes note of where replicas lie.
pub(super) fn assign(
    cluster: &Cluster,
    request: &AssignReplicasToDirsRequest,
) -> Result<Decision<AssignReplicasToDirsResponse>, ErrorCode> {
    cluster.check_epoch(request.broker, request.broker_epoch)?;
    let assignments = request.assignments.iter().filter(|(tp, dir)| {
        cluster.latest.directory(*tp, request.broker) != Some(*dir)
            && (cluster.latest.partition(*tp))
                .is_some_and(|partition| partition.replicas.contains(&request.broker))
    });
    let changes = assignments.map(|(tp, dir)| {
        Change::of(MetadataRecord::ReplicaDirectory {
            tp: *tp,
            broker: request.broker,
            dir: *dir,
        })
    });
    Ok(Decision {
        changes: changes.collect(),
        answer: AssignReplicasToDirsResponse { error: None },
    })
}

/// What becomes of the partitions when a heartbeat tells of directories that failed.
pub(super) fn offline(cluster: &Cluster, request: BrokerHeartbeatRequest) -> Vec<Change> {
    let broker = request.broker;
    let offline = request.offline_log_dirs;
    if offline == cluster.latest.offline_directories(broker) {
        return Vec::new();
    }
    let mut changes = vec![Change::of(MetadataRecord::OfflineDirectories {
        broker,
        epoch: request.broker_epoch,
        offline,
    })];
    for (tp, partition) in cluster.latest.partitions() {
        let lies_there =
            (cluster.latest.directory(tp, broker)).is_some_and(|dir| offline.contains(dir));
        if !lies_there || !partition.isr.contains(&broker) {
            continue;
        }
        let mut builder = cluster.builder(tp, partition);
        builder.target_isr.retain(|replica| *replica != broker);
        let built = builder.build(|other| other != broker && cluster.may_lead(tp, other));
        if let Some(built) = built {
            changes.push(partition_change(
                tp,
                built,
                PartitionChangeCause::LogDirFailed,
            ));
        }
    }
    changes
}
