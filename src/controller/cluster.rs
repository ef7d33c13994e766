//! What the active controller decides from: the newest state, committed or not, and the sessions.
//!
//! Modelled: a decision is a list of records, applied at once and committed later; changes of
//! leaders and in-sync sets when a broker goes or comes back; the check for unclean elections and
//! the return to preferred leaders.
//! Source: QuorumController, ReplicationControlManager.generateLeaderAndIsrUpdates (4.2).

use std::sync::Arc;

use crate::controller::elections::{BuiltChange, Election, PartitionChangeBuilder};
use crate::controller::log::Change;
use crate::controller::sessions::Sessions;
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::PartitionChangeCause;
use crate::kafka::ids::{BrokerEpoch, BrokerId, TopicId, TopicPartition};
use crate::kafka::metadata_records::{MetadataRecord, PartitionRegistration};
use crate::metadata::image::{BrokerRegistration, MetadataImage};
use crate::sim::rng::Rng;
use crate::sim::time::SimTime;

/// What was decided: records to append, and the answer that goes out once they are committed.
#[derive(Debug)]
pub(super) struct Decision<R> {
    /// The records, in order; they are committed together.
    pub(super) changes: Vec<Change>,
    /// The answer.
    pub(super) answer: R,
}

/// Which brokers a pass over the partitions is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pass {
    /// It leaves every in-sync set and leads nothing.
    Remove(BrokerId),
    /// The same, and it leaves the eligible leader replicas: its log may have lost its end.
    RemoveUnclean(BrokerId),
    /// It may lead, although its registration still says that it is fenced.
    Add(BrokerId),
}

/// The active controller's working state.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    /// The config of all brokers and controllers.
    pub(super) config: Arc<BrokerConfig>,
    /// True when eligible.leader.replicas.version is 1.
    pub(super) eligible_leader_replicas: bool,
    /// The metadata with every appended record applied.
    pub(super) latest: MetadataImage,
    /// Who was heard of, and when.
    pub(super) sessions: Sessions,
    /// Chance for the placement of new partitions.
    pub(super) placement: Rng,
    /// The names that topic ids stand for, of topics to come too.
    pub(super) topic_names: Arc<[Arc<str>]>,
}

impl Cluster {
    /// The state of a controller that became active at `now`.
    pub(super) fn new(
        config: &Arc<BrokerConfig>,
        eligible_leader_replicas: bool,
        committed: &MetadataImage,
        placement: Rng,
        now: SimTime,
    ) -> Self {
        Self {
            config: Arc::clone(config),
            eligible_leader_replicas,
            latest: committed.clone(),
            sessions: Sessions::fresh(committed, config.broker_session_timeout, now),
            placement,
            topic_names: Arc::new([]),
        }
    }

    /// It can create topics of these names.
    pub(super) fn naming(self, topic_names: Arc<[Arc<str>]>) -> Self {
        Self {
            topic_names,
            ..self
        }
    }

    /// The broker's registration, if its epoch is this one.
    pub(super) fn check_epoch(
        &self,
        broker: BrokerId,
        epoch: BrokerEpoch,
    ) -> Result<BrokerRegistration, ErrorCode> {
        let registration = self.latest.brokers.get(&broker).copied();
        registration
            .filter(|registration| registration.epoch == epoch)
            .ok_or(ErrorCode::StaleBrokerEpoch)
    }

    /// min.insync.replicas as it counts: at most the number of replicas.
    pub(super) fn effective_min_isr(
        &self,
        topic: TopicId,
        partition: &PartitionRegistration,
    ) -> usize {
        let of_topic = self
            .latest
            .topic(topic)
            .and_then(|t| t.config.min_insync_replicas);
        let min = of_topic.unwrap_or(self.config.min_insync_replicas);
        (min as usize).min(partition.replicas.len())
    }

    /// How far elections may go for a topic when a leader is needed.
    pub(super) fn election(&self, topic: TopicId) -> Election {
        let of_topic = self
            .latest
            .topic(topic)
            .and_then(|t| t.config.unclean_leader_election_enable);
        if of_topic.unwrap_or(self.config.unclean_leader_election_enable) {
            Election::Unclean
        } else {
            Election::Online
        }
    }

    /// A change of one partition, with what its topic and the cluster set.
    pub(super) fn builder<'a>(
        &self,
        tp: TopicPartition,
        partition: &'a PartitionRegistration,
    ) -> PartitionChangeBuilder<'a> {
        PartitionChangeBuilder {
            election: self.election(tp.topic),
            eligible_leader_replicas: self.eligible_leader_replicas,
            ..PartitionChangeBuilder::new(partition, self.effective_min_isr(tp.topic, partition))
        }
    }

    /// What becomes of the partitions when a broker goes or comes back.
    pub(super) fn partition_changes(&self, pass: Pass, why: PartitionChangeCause) -> Vec<Change> {
        let (gone, back) = match pass {
            Pass::Remove(broker) | Pass::RemoveUnclean(broker) => (Some(broker), None),
            Pass::Add(broker) => (None, Some(broker)),
        };
        let acceptable = |broker: BrokerId| {
            Some(broker) != gone && (Some(broker) == back || self.latest.is_active(broker))
        };
        let concerned = |partition: &PartitionRegistration| match pass {
            Pass::Remove(broker) => partition.isr.contains(&broker),
            Pass::RemoveUnclean(broker) => {
                partition.isr.contains(&broker) || partition.elr.contains(&broker)
            }
            Pass::Add(_) => partition.leader.is_none(),
        };
        let partitions = self.latest.partitions();
        partitions
            .filter(|(_, partition)| concerned(partition))
            .filter_map(|(tp, partition)| {
                let mut builder = self.builder(tp, partition);
                builder.target_isr.retain(|replica| Some(*replica) != gone);
                if let Pass::RemoveUnclean(broker) = pass {
                    builder.unclean_shutdown = Some(broker);
                }
                let online = |broker| self.latest.is_replica_online(tp, broker);
                let built = builder.build(|broker| acceptable(broker) && online(broker))?;
                Some(partition_change(tp, built, why))
            })
            .collect()
    }

    /// Unclean elections of leaderless partitions whose topics allow it; at most `limit`.
    pub(super) fn unclean_elections(&self, limit: usize) -> Vec<Change> {
        let leaderless = self.latest.partitions().filter(|(tp, partition)| {
            partition.leader.is_none() && self.election(tp.topic) == Election::Unclean
        });
        leaderless
            .filter_map(|(tp, partition)| {
                let built = self
                    .builder(tp, partition)
                    .build(|broker| self.may_lead(tp, broker))?;
                Some(partition_change(
                    tp,
                    built,
                    PartitionChangeCause::UncleanElection,
                ))
            })
            .take(limit)
            .collect()
    }

    /// Elections of first replicas that are in sync and do not lead; at most `limit`.
    pub(super) fn preferred_elections(&self, limit: usize) -> Vec<Change> {
        let imbalanced = self
            .latest
            .partitions()
            .filter(|(_, partition)| partition.leader != partition.replicas.first().copied());
        imbalanced
            .filter_map(|(tp, partition)| {
                let mut builder = self.builder(tp, partition);
                builder.election = Election::Preferred;
                let built = builder.build(|broker| self.may_lead(tp, broker))?;
                Some(partition_change(
                    tp,
                    built,
                    PartitionChangeCause::PreferredElection,
                ))
            })
            .take(limit)
            .collect()
    }

    /// True when the broker may lead this partition: active, and its replica's directory works.
    pub(super) fn may_lead(&self, tp: TopicPartition, broker: BrokerId) -> bool {
        self.latest.is_active(broker) && self.latest.is_replica_online(tp, broker)
    }

    /// True when the broker leads a partition.
    pub(super) fn has_leaderships(&self, broker: BrokerId) -> bool {
        let mut partitions = self.latest.partitions();
        partitions.any(|(_, partition)| partition.leader == Some(broker))
    }

    /// The records that fence a broker: first its partitions change hands, then it is fenced.
    pub(super) fn fence(&self, broker: BrokerId, why: PartitionChangeCause) -> Vec<Change> {
        let mut changes = self.partition_changes(Pass::Remove(broker), why);
        let registration = self.latest.brokers[&broker];
        changes.push(Change::of(MetadataRecord::BrokerRegistrationChange {
            broker,
            epoch: registration.epoch,
            fenced: Some(true),
            in_controlled_shutdown: None,
        }));
        changes
    }
}

/// The record of a built change; an unclean election is named as such, whatever led to it.
pub(super) fn partition_change(
    tp: TopicPartition,
    built: BuiltChange,
    why: PartitionChangeCause,
) -> Change {
    Change {
        record: MetadataRecord::Partition {
            tp,
            registration: Arc::new(built.registration),
        },
        why: Some(if built.unclean {
            PartitionChangeCause::UncleanElection
        } else {
            why
        }),
    }
}
