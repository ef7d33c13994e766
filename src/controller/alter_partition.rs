//! AlterPartition (API key 56) at the controller.
//!
//! Modelled: every check, in Kafka's order; a leader's proposal also says that it has recovered
//! from an unclean election, as every leader's does; the end of a reassignment.
//! Source: ReplicationControlManager.alterPartition, validateAlterPartitionData (4.2); KIP-497,
//! KIP-704, KIP-841, KIP-903.

use std::sync::Arc;

use crate::controller::cluster::{Cluster, Decision, partition_change};
use crate::kafka::api::alter_partition::{
    AlterPartitionRequest, AlterPartitionResponse, AlteredPartition, IsrProposal,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::PartitionChangeCause;
use crate::kafka::ids::{BrokerEpoch, BrokerId};
use crate::kafka::metadata_records::{LeaderRecoveryState, PartitionRegistration};

/// Changes in-sync sets as their leaders ask.
pub(super) fn decide(
    cluster: &Cluster,
    request: &AlterPartitionRequest,
) -> Result<Decision<AlterPartitionResponse>, ErrorCode> {
    cluster.check_epoch(request.broker, request.broker_epoch)?;
    let mut changes = Vec::new();
    let mut partitions = Vec::with_capacity(request.partitions.len());
    for proposal in &request.partitions {
        let validated = validate(cluster, request.broker, proposal);
        let partition = match validated {
            Ok(partition) => partition,
            Err(error) => {
                partitions.push(refused(proposal, error));
                continue;
            }
        };
        let mut builder = cluster.builder(proposal.tp, partition);
        builder.target_isr = proposal.new_isr.iter().map(|(broker, _)| *broker).collect();
        builder.target_recovery = LeaderRecoveryState::Recovered;
        let built = builder.build(|broker| cluster.may_lead(proposal.tp, broker));
        let Some(built) = built else {
            partitions.push(altered(proposal, partition, None));
            continue;
        };
        // Only a change of leader can be news to the leader that asked.
        let moved = built.registration.leader != Some(request.broker);
        let error = moved.then_some(ErrorCode::NewLeaderElected);
        partitions.push(altered(proposal, &built.registration, error));
        changes.push(partition_change(
            proposal.tp,
            built,
            PartitionChangeCause::LeaderAsked,
        ));
    }
    Ok(Decision {
        changes,
        answer: AlterPartitionResponse {
            error: None,
            partitions,
        },
    })
}

/// The checks, in order; the registration that the proposal is about.
fn validate<'a>(
    cluster: &'a Cluster,
    broker: BrokerId,
    proposal: &IsrProposal,
) -> Result<&'a PartitionRegistration, ErrorCode> {
    let topic = cluster.latest.topic(proposal.tp.topic);
    topic.ok_or(ErrorCode::UnknownTopicId)?;
    let partition = cluster
        .latest
        .partition(proposal.tp)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    // A leader that knows more than this controller has a newer controller.
    if proposal.leader_epoch > partition.leader_epoch
        || proposal.partition_epoch > partition.partition_epoch
    {
        return Err(ErrorCode::NotController);
    }
    if proposal.leader_epoch < partition.leader_epoch {
        return Err(ErrorCode::FencedLeaderEpoch);
    }
    if partition.leader != Some(broker) {
        return Err(ErrorCode::InvalidRequest);
    }
    if proposal.partition_epoch < partition.partition_epoch {
        return Err(ErrorCode::InvalidUpdateVersion);
    }
    let known = |(member, _): &(BrokerId, BrokerEpoch)| partition.replicas.contains(member);
    if proposal.new_isr.is_empty() || !proposal.new_isr.iter().all(known) || repeats(proposal) {
        return Err(ErrorCode::InvalidRequest);
    }
    if !proposal.new_isr.iter().any(|(member, _)| *member == broker) {
        return Err(ErrorCode::InvalidRequest);
    }
    let eligible = |(member, epoch): &(BrokerId, BrokerEpoch)| {
        let registration = cluster.latest.brokers.get(member);
        registration.is_some_and(|r| !r.in_controlled_shutdown && !r.fenced && r.epoch == *epoch)
    };
    if !proposal.new_isr.iter().all(eligible) {
        return Err(ErrorCode::IneligibleReplica);
    }
    Ok(partition)
}

fn repeats(proposal: &IsrProposal) -> bool {
    let mut members = proposal.new_isr.iter().enumerate();
    members.any(|(i, (member, _))| {
        proposal.new_isr[..i]
            .iter()
            .any(|(other, _)| other == member)
    })
}

fn altered(
    proposal: &IsrProposal,
    registration: &PartitionRegistration,
    error: Option<ErrorCode>,
) -> AlteredPartition {
    AlteredPartition {
        tp: proposal.tp,
        error,
        leader: registration.leader,
        leader_epoch: registration.leader_epoch,
        isr: Arc::clone(&registration.isr),
        partition_epoch: registration.partition_epoch,
    }
}

/// An error carries nothing that the leader could take for news.
fn refused(proposal: &IsrProposal, error: ErrorCode) -> AlteredPartition {
    AlteredPartition {
        tp: proposal.tp,
        error: Some(error),
        leader: None,
        leader_epoch: proposal.leader_epoch,
        isr: Arc::from([]),
        partition_epoch: proposal.partition_epoch,
    }
}
