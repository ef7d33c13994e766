//! The records of the metadata log, `__cluster_metadata`.
//!
//! Source: metadata/src/main/resources/common/metadata/*.json; KIP-631, KIP-966.

use std::sync::Arc;

use crate::kafka::config::topic::TopicConfig;
use crate::kafka::config::value::Value;
use crate::kafka::ids::{
    BrokerEpoch, BrokerId, DirectoryId, DirectorySet, Incarnation, LeaderEpoch, PartitionEpoch,
    ProducerId, Rack, TopicId, TopicPartition,
};
use crate::kafka::quota::{Entity, QuotaChange};
use crate::kafka::throttled_replicas::{PerSide, Side, ThrottledReplicas};

/// A change of the cluster's metadata.
#[derive(Clone, Debug)]
pub enum MetadataRecord {
    /// A broker registered; it is fenced until it has caught up.
    RegisterBroker {
        /// The broker.
        broker: BrokerId,
        /// The epoch of the registration: the offset of this record.
        epoch: BrokerEpoch,
        /// This life of it.
        incarnation: Incarnation,
        /// Whether it is fenced.
        fenced: bool,
        /// Where it stands (broker.rack).
        rack: Option<Rack>,
    },
    /// A broker was struck off.
    UnregisterBroker {
        /// The broker.
        broker: BrokerId,
        /// Its epoch.
        epoch: BrokerEpoch,
    },
    /// A broker's state changed.
    BrokerRegistrationChange {
        /// The broker.
        broker: BrokerId,
        /// Its epoch.
        epoch: BrokerEpoch,
        /// The new fencing, if it changed.
        fenced: Option<bool>,
        /// True when it entered controlled shutdown.
        in_controlled_shutdown: Option<bool>,
    },
    /// Log directories of a broker failed: the part of BrokerRegistrationChangeRecord about them.
    OfflineDirectories {
        /// The broker.
        broker: BrokerId,
        /// Its epoch.
        epoch: BrokerEpoch,
        /// All that have failed in this life of it.
        offline: DirectorySet,
    },
    /// A replica lies in this directory: the part of PartitionChangeRecord about that.
    ReplicaDirectory {
        /// The partition.
        tp: TopicPartition,
        /// The replica's broker.
        broker: BrokerId,
        /// Its directory there.
        dir: DirectoryId,
    },
    /// A topic was created.
    Topic {
        /// The topic.
        topic: TopicId,
        /// Its name.
        name: Arc<str>,
        /// Its configuration.
        config: TopicConfig,
    },
    /// A config of a topic was set, or taken back.
    TopicConfig {
        /// The topic.
        topic: TopicId,
        /// The config.
        name: &'static str,
        /// Its value; none when the broker's holds again.
        value: Option<Value>,
    },
    /// The throttled replicas of a topic are others now: the whole list (ConfigRecord).
    ThrottledReplicas {
        /// The topic.
        topic: TopicId,
        /// At which end.
        side: Side,
        /// The list.
        replicas: ThrottledReplicas,
    },
    /// How fast a broker copies throttled replicas, at both ends (ConfigRecord).
    ThrottledRate {
        /// The broker.
        broker: BrokerId,
        /// Bytes per second; none without a limit.
        rate: PerSide<Option<u64>>,
    },
    /// A quota was set, or taken back (ClientQuotaRecord).
    ClientQuota {
        /// Whose.
        entity: Entity,
        /// The quota, and its new value.
        change: QuotaChange,
    },
    /// A partition was created or changed: its whole registration.
    Partition {
        /// The partition.
        tp: TopicPartition,
        /// Its registration.
        registration: Arc<PartitionRegistration>,
    },
    /// A block of producer ids was given to a broker; `next` is the first free id.
    ProducerIds {
        /// The broker.
        broker: BrokerId,
        /// The first id that is still free.
        next: ProducerId,
    },
    /// Nothing, so that offset and high watermark advance (metadata.max.idle.interval.ms).
    NoOp,
}

/// Where a partition lives and who may lead it.
///
/// PartitionChangeRecord carries only what changed; here every change carries the whole state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRegistration {
    /// The replicas in order of assignment.
    pub replicas: Arc<[BrokerId]>,
    /// The in-sync replicas.
    pub isr: Arc<[BrokerId]>,
    /// The eligible leader replicas (KIP-966); empty while the feature is off.
    pub elr: Arc<[BrokerId]>,
    /// The last leader while isr and elr are empty.
    pub last_known_leader: Option<BrokerId>,
    /// The reassignment under way, if there is one.
    pub reassignment: Option<Arc<Reassignment>>,
    /// The leader.
    pub leader: Option<BrokerId>,
    /// How the leader came to lead.
    pub recovery: LeaderRecoveryState,
    /// Its epoch.
    pub leader_epoch: LeaderEpoch,
    /// How many times this registration has changed.
    pub partition_epoch: PartitionEpoch,
}

#[cfg(test)]
impl PartitionRegistration {
    /// A partition for a test: led by this broker since epoch 0, and nothing has happened to it.
    pub(crate) fn led_by(leader: u32, replicas: &[u32], isr: &[u32]) -> Self {
        let ids = |ids: &[u32]| ids.iter().map(|id| BrokerId(*id)).collect();
        Self {
            replicas: ids(replicas),
            isr: ids(isr),
            elr: [].into(),
            last_known_leader: None,
            reassignment: None,
            leader: Some(BrokerId(leader)),
            recovery: LeaderRecoveryState::Recovered,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
        }
    }
}

/// A reassignment under way: the replicas are the target and those that are to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reassignment {
    /// Replicas that are new.
    pub adding: Vec<BrokerId>,
    /// Replicas that are to go.
    pub removing: Vec<BrokerId>,
}

/// Whether a partition's leader was elected uncleanly and has not said yet that it has recovered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeaderRecoveryState {
    /// Elected from the in-sync replicas.
    #[default]
    Recovered,
    /// Elected uncleanly.
    Recovering,
}

impl MetadataRecord {
    /// About how many bytes the record takes in the log and on the wire.
    pub fn size_bytes(&self) -> u32 {
        match self {
            Self::RegisterBroker { .. } => 200,
            Self::BrokerRegistrationChange { .. }
            | Self::OfflineDirectories { .. }
            | Self::ReplicaDirectory { .. }
            | Self::UnregisterBroker { .. } => 40,
            Self::Topic { name, .. } => 40 + name.len() as u32,
            Self::TopicConfig { name, .. } => 40 + name.len() as u32,
            Self::Partition { registration, .. } => {
                let replicas = &registration.replicas;
                let ids = replicas.len() + registration.isr.len() + registration.elr.len();
                // Each replica has a directory id besides.
                60 + 4 * ids as u32 + 16 * replicas.len() as u32
            }
            Self::ThrottledReplicas { replicas, .. } => 80 + replicas.to_string().len() as u32,
            Self::ThrottledRate { .. } => 160,
            Self::ClientQuota { entity, .. } => {
                60 + entity.as_ref().map_or(0, |name| name.len() as u32)
            }
            Self::ProducerIds { .. } => 40,
            Self::NoOp => 12,
        }
    }
}
