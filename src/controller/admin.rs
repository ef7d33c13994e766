//! What administrators ask of the active controller.
//!
//! Modelled: new topics, preferred and unclean elections on request, more partitions for a topic,
//! reassignment of replicas and its cancellation, client quotas, striking a broker off.
//! Left out: lists of replicas for new partitions, changes of the replication factor that are to be
//! refused (KIP-860), quotas of the controller.
//! Source: ReplicationControlManager.createTopics, electLeader, createPartitions,
//! changePartitionReassignment, cancelPartitionReassignment, unregisterBroker,
//! ClientQuotaControlManager.alterClientQuotas (4.2); KIP-455, KIP-460, KIP-546.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::controller::cluster::{Cluster, Decision, partition_change};
use crate::controller::elections::Election;
use crate::controller::log::Change;
use crate::controller::placement::{UsableBroker, place};
use crate::kafka::api::admin::{AdminRequest, AdminResponse, ElectionType};
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::PartitionChangeCause;
use crate::kafka::ids::{BrokerId, LeaderEpoch, PartitionEpoch, TopicId, TopicPartition};
use crate::kafka::metadata_records::{
    LeaderRecoveryState, MetadataRecord, PartitionRegistration, Reassignment,
};
use crate::kafka::quota::{Entity, QuotaChange};
use crate::sim::ratio::Ratio;

/// Does what is asked, or says why not.
pub(super) fn decide(
    cluster: &mut Cluster,
    request: &AdminRequest,
) -> Result<Decision<AdminResponse>, ErrorCode> {
    let mut reassigning = None;
    let changes = match request {
        AdminRequest::ListPartitionReassignments { tp } => {
            reassigning = Some(find(cluster, *tp)?.reassignment.is_some());
            Vec::new()
        }
        AdminRequest::ElectLeaders { tp, election } => elect(cluster, *tp, *election)?,
        AdminRequest::CreateTopics {
            topic,
            partitions,
            replication_factor,
        } => create(cluster, *topic, *partitions, *replication_factor)?,
        AdminRequest::CreatePartitions { topic, count } => grow(cluster, *topic, *count)?,
        AdminRequest::AlterPartitionReassignments { tp, target } => match target {
            Some(target) => reassign(cluster, *tp, target)?,
            None => cancel(cluster, *tp)?,
        },
        AdminRequest::AlterClientQuotas { entity, changes } => {
            alter_quotas(cluster, entity, changes)?
        }
        AdminRequest::UnregisterBroker { broker } => unregister(cluster, *broker)?,
    };
    Ok(Decision {
        changes,
        answer: AdminResponse {
            error: None,
            reassigning,
        },
    })
}

fn elect(
    cluster: &Cluster,
    tp: TopicPartition,
    election: ElectionType,
) -> Result<Vec<Change>, ErrorCode> {
    let partition = find(cluster, tp)?;
    let mut builder = cluster.builder(tp, partition);
    let (needed, none, why) = match election {
        ElectionType::Preferred => {
            builder.election = Election::Preferred;
            (
                partition.leader != partition.replicas.first().copied(),
                ErrorCode::PreferredLeaderNotAvailable,
                PartitionChangeCause::PreferredElection,
            )
        }
        ElectionType::Unclean => {
            builder.election = Election::Unclean;
            (
                partition.leader.is_none(),
                ErrorCode::EligibleLeadersNotAvailable,
                PartitionChangeCause::Asked,
            )
        }
    };
    if !needed {
        return Err(ErrorCode::ElectionNotNeeded);
    }
    let built = builder.build(|broker| cluster.may_lead(tp, broker));
    Ok(vec![partition_change(tp, built.ok_or(none)?, why)])
}

/// The new partitions have as many replicas as the topic's first one.
fn grow(cluster: &mut Cluster, topic: TopicId, count: u32) -> Result<Vec<Change>, ErrorCode> {
    let image = cluster.latest.topic(topic);
    let image = image.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let first = image.partitions.len() as u32;
    if count <= first {
        return Err(ErrorCode::InvalidPartitions);
    }
    let replicas = image.partitions.first().map_or(1, |p| p.replicas.len());
    new_partitions(cluster, topic, first..count, replicas as u32)
}

/// A new topic, with the config of the brokers.
fn create(
    cluster: &mut Cluster,
    topic: TopicId,
    partitions: u32,
    replication_factor: u32,
) -> Result<Vec<Change>, ErrorCode> {
    if cluster.latest.topic(topic).is_some() {
        return Err(ErrorCode::TopicAlreadyExists);
    }
    let name = Arc::clone(&cluster.topic_names[topic.0 as usize]);
    let mut changes = vec![Change::of(MetadataRecord::Topic {
        topic,
        name,
        config: TopicConfig::default(),
    })];
    changes.extend(new_partitions(
        cluster,
        topic,
        0..partitions,
        replication_factor,
    )?);
    Ok(changes)
}

/// Places new partitions of a topic; only live replicas are in sync.
fn new_partitions(
    cluster: &mut Cluster,
    topic: TopicId,
    indices: Range<u32>,
    replication_factor: u32,
) -> Result<Vec<Change>, ErrorCode> {
    let usable: Vec<UsableBroker> = (cluster.latest.brokers.iter())
        .map(|(id, registration)| UsableBroker {
            id: *id,
            rack: registration.rack,
            fenced: registration.fenced,
        })
        .collect();
    let placed = place(
        &usable,
        indices.len() as u32,
        replication_factor,
        &mut cluster.placement,
    )?;
    let mut changes = Vec::with_capacity(placed.len());
    for (partition, replicas) in indices.zip(placed) {
        let active = |broker: &BrokerId| cluster.latest.is_active(*broker);
        let isr: Arc<[BrokerId]> = replicas.iter().copied().filter(active).collect();
        let leader = *isr.first().ok_or(ErrorCode::InvalidReplicationFactor)?;
        changes.push(Change {
            record: MetadataRecord::Partition {
                tp: TopicPartition { topic, partition },
                registration: Arc::new(PartitionRegistration {
                    replicas,
                    isr,
                    elr: Arc::new([]),
                    last_known_leader: None,
                    reassignment: None,
                    leader: Some(leader),
                    recovery: LeaderRecoveryState::Recovered,
                    leader_epoch: LeaderEpoch(0),
                    partition_epoch: PartitionEpoch(0),
                }),
            },
            why: Some(PartitionChangeCause::Asked),
        });
    }
    Ok(changes)
}

/// The target first, then who is to go: the whole list counts until the target is in sync.
fn reassign(
    cluster: &Cluster,
    tp: TopicPartition,
    target: &Arc<[BrokerId]>,
) -> Result<Vec<Change>, ErrorCode> {
    let partition = find(cluster, tp)?;
    let distinct: BTreeSet<&BrokerId> = target.iter().collect();
    let is_known = |broker: &BrokerId| cluster.latest.brokers.contains_key(broker);
    if target.is_empty() || distinct.len() < target.len() || !target.iter().all(is_known) {
        return Err(ErrorCode::InvalidReplicaAssignment);
    }
    // A reassignment under way is replaced: what it added and is not wanted now is to go.
    let reassignment = Reassignment {
        adding: without(target, &partition.replicas),
        removing: without(&partition.replicas, target),
    };
    let replicas = target.iter().chain(&reassignment.removing).copied();
    let mut builder = cluster.builder(tp, partition);
    builder.target_replicas = replicas.collect();
    let is_under_way = !reassignment.adding.is_empty() || !reassignment.removing.is_empty();
    builder.target_reassignment = is_under_way.then(|| Arc::new(reassignment));
    let built = builder.build(|broker| cluster.may_lead(tp, broker));
    let change = built.map(|built| partition_change(tp, built, PartitionChangeCause::Asked));
    Ok(change.into_iter().collect())
}

fn cancel(cluster: &Cluster, tp: TopicPartition) -> Result<Vec<Change>, ErrorCode> {
    let partition = find(cluster, tp)?;
    let reassignment = partition.reassignment.as_ref();
    let reassignment = reassignment.ok_or(ErrorCode::NoReassignmentInProgress)?;
    let mut builder = cluster.builder(tp, partition);
    builder.target_replicas = without(&partition.replicas, &reassignment.adding).into();
    builder.target_isr = without(&partition.isr, &reassignment.adding);
    builder.target_reassignment = None;
    if builder.target_isr.is_empty() {
        // Nobody of the old replicas is in sync: only an unclean election could go back.
        if builder.election != Election::Unclean {
            return Err(ErrorCode::InvalidReplicaAssignment);
        }
        builder.target_isr = builder.target_replicas.to_vec();
    }
    let built = builder.build(|broker| cluster.may_lead(tp, broker));
    let change = built.map(|built| partition_change(tp, built, PartitionChangeCause::Asked));
    Ok(change.into_iter().collect())
}

/// What is in force already, or is taken back and was never there, writes nothing.
fn alter_quotas(
    cluster: &Cluster,
    entity: &Entity,
    changes: &[QuotaChange],
) -> Result<Vec<Change>, ErrorCode> {
    let has_no_name = entity.as_ref().is_some_and(|name| name.is_empty());
    let is_twice = (1..changes.len())
        .any(|at| (changes[..at].iter()).any(|other| other.quota == changes[at].quota));
    let is_zero = |change: &QuotaChange| change.value.is_some_and(Ratio::is_zero);
    if has_no_name || is_twice || changes.iter().any(is_zero) {
        return Err(ErrorCode::InvalidRequest);
    }
    let known = cluster.latest.client_quotas.get(entity);
    let known = known.copied().unwrap_or_default();
    let news = changes
        .iter()
        .filter(|change| change.value != known.value(change.quota));
    let records = news.map(|change| MetadataRecord::ClientQuota {
        entity: entity.clone(),
        change: *change,
    });
    Ok(records.map(Change::of).collect())
}

/// The broker's partitions change hands as if it were fenced.
fn unregister(cluster: &mut Cluster, broker: BrokerId) -> Result<Vec<Change>, ErrorCode> {
    let registration = cluster.latest.brokers.get(&broker).copied();
    let registration = registration.ok_or(ErrorCode::BrokerIdNotRegistered)?;
    let mut changes = cluster.fence(broker, PartitionChangeCause::Fenced);
    changes.push(Change::of(MetadataRecord::UnregisterBroker {
        broker,
        epoch: registration.epoch,
    }));
    cluster.sessions.forget(broker);
    Ok(changes)
}

fn find(cluster: &Cluster, tp: TopicPartition) -> Result<&PartitionRegistration, ErrorCode> {
    let partition = cluster.latest.partition(tp);
    partition
        .map(AsRef::as_ref)
        .ok_or(ErrorCode::UnknownTopicOrPartition)
}

fn without(all: &[BrokerId], others: &[BrokerId]) -> Vec<BrokerId> {
    let is_other = |broker: &&BrokerId| !others.contains(broker);
    all.iter().filter(is_other).copied().collect()
}
