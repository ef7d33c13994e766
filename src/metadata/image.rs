//! The state that a prefix of the metadata log describes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kafka::config::topic::TopicConfig;
use crate::kafka::ids::{
    BrokerEpoch, BrokerId, DirectoryId, DirectorySet, Incarnation, Offset, ProducerId, Rack,
    TopicId, TopicPartition,
};
use crate::kafka::metadata_records::{MetadataRecord, PartitionRegistration};
use crate::kafka::quota::{Entity, Limits, QuotaChange, QuotaType};
use crate::kafka::throttled_replicas::{PerSide, Side, ThrottledReplicas};

/// A registered broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerRegistration {
    /// The epoch of its registration.
    pub epoch: BrokerEpoch,
    /// This life of it.
    pub incarnation: Incarnation,
    /// True while it must not lead or join an in-sync set.
    pub fenced: bool,
    /// True while it is shutting down in good order.
    pub in_controlled_shutdown: bool,
    /// Where it stands.
    pub rack: Option<Rack>,
}

/// A topic.
#[derive(Clone, Debug)]
pub struct TopicImage {
    /// Its name.
    pub name: Arc<str>,
    /// Its config.
    pub config: TopicConfig,
    /// Its replicas that a throttle is for.
    pub throttled: PerSide<ThrottledReplicas>,
    /// Its partitions, by index.
    pub partitions: Vec<Arc<PartitionRegistration>>,
}

/// The cluster as of one offset of the metadata log.
#[derive(Clone, Debug, Default)]
pub struct MetadataImage {
    /// The registered brokers.
    pub brokers: BTreeMap<BrokerId, BrokerRegistration>,
    /// The topics, by id; none where a topic of that id does not exist (yet).
    topics: Vec<Option<Arc<TopicImage>>>,
    /// How fast brokers copy throttled replicas, in bytes per second; none without a limit.
    pub throttled_rates: BTreeMap<BrokerId, PerSide<Option<u64>>>,
    /// What client.ids may take of each broker; nobody is there without a limit.
    pub client_quotas: BTreeMap<Entity, Limits>,
    /// Where replicas lie, of brokers with several log directories.
    directories: BTreeMap<(TopicPartition, BrokerId), DirectoryId>,
    /// The log directories that have failed.
    offline_directories: BTreeMap<BrokerId, DirectorySet>,
    /// The first producer id that no broker has.
    pub next_producer_id: ProducerId,
    /// The offset after the last applied record.
    pub end: Offset,
}

impl MetadataImage {
    /// The state that a snapshot ending at `end` describes.
    pub fn restore(records: &[MetadataRecord], end: Offset) -> Self {
        let mut image = Self::default();
        for record in records {
            image.apply(record);
        }
        image.end = end;
        image
    }

    /// Records that make this state out of nothing: a snapshot.
    pub fn snapshot(&self) -> Vec<MetadataRecord> {
        let mut records = Vec::with_capacity(self.snapshot_len());
        for (broker, registration) in &self.brokers {
            records.push(MetadataRecord::RegisterBroker {
                broker: *broker,
                epoch: registration.epoch,
                incarnation: registration.incarnation,
                fenced: registration.fenced,
                rack: registration.rack,
            });
            if registration.in_controlled_shutdown {
                records.push(MetadataRecord::BrokerRegistrationChange {
                    broker: *broker,
                    epoch: registration.epoch,
                    fenced: None,
                    in_controlled_shutdown: Some(true),
                });
            }
        }
        for (broker, offline) in &self.offline_directories {
            records.push(MetadataRecord::OfflineDirectories {
                broker: *broker,
                epoch: self.brokers[broker].epoch,
                offline: *offline,
            });
        }
        for (topic, image) in self.topics() {
            records.push(MetadataRecord::Topic {
                topic,
                name: Arc::clone(&image.name),
                config: image.config,
            });
            for side in Side::ALL {
                let replicas = image.throttled.at(side).clone();
                if replicas != ThrottledReplicas::None {
                    records.push(MetadataRecord::ThrottledReplicas {
                        topic,
                        side,
                        replicas,
                    });
                }
            }
        }
        records.extend(self.throttles());
        records.extend(self.quotas());
        records.extend(
            self.partitions()
                .map(|(tp, registration)| MetadataRecord::Partition {
                    tp,
                    registration: Arc::clone(registration),
                }),
        );
        let directories = self.directories.iter();
        records.extend(
            directories.map(|((tp, broker), dir)| MetadataRecord::ReplicaDirectory {
                tp: *tp,
                broker: *broker,
                dir: *dir,
            }),
        );
        if self.next_producer_id != ProducerId::default() {
            // Who got the last block is not part of the state.
            records.push(MetadataRecord::ProducerIds {
                broker: BrokerId(0),
                next: self.next_producer_id,
            });
        }
        records
    }

    fn throttles(&self) -> impl Iterator<Item = MetadataRecord> + '_ {
        (self.throttled_rates.iter()).map(|(broker, rate)| MetadataRecord::ThrottledRate {
            broker: *broker,
            rate: *rate,
        })
    }

    /// Records that set all quotas.
    fn quotas(&self) -> impl Iterator<Item = MetadataRecord> + '_ {
        self.client_quotas.iter().flat_map(|(entity, limits)| {
            let all = QuotaType::ALL.into_iter();
            all.filter_map(|quota| {
                let value = Some(limits.value(quota)?);
                Some(MetadataRecord::ClientQuota {
                    entity: entity.clone(),
                    change: QuotaChange { quota, value },
                })
            })
        })
    }

    /// About how many records [`MetadataImage::snapshot`] has.
    pub fn snapshot_len(&self) -> usize {
        let topics = self.topics().map(|(_, topic)| 1 + topic.partitions.len());
        self.brokers.len() + topics.sum::<usize>() + self.directories.len() + 1
    }

    /// Applies the next record of the log.
    pub fn apply(&mut self, record: &MetadataRecord) {
        self.end = self.end.plus(1);
        match record {
            MetadataRecord::RegisterBroker {
                broker,
                epoch,
                incarnation,
                fenced,
                rack,
            } => {
                self.offline_directories.remove(broker);
                self.brokers.insert(
                    *broker,
                    BrokerRegistration {
                        epoch: *epoch,
                        incarnation: *incarnation,
                        fenced: *fenced,
                        in_controlled_shutdown: false,
                        rack: *rack,
                    },
                );
            }
            MetadataRecord::BrokerRegistrationChange { .. }
            | MetadataRecord::UnregisterBroker { .. }
            | MetadataRecord::OfflineDirectories { .. } => self.change_broker(record),
            MetadataRecord::ReplicaDirectory { tp, broker, dir } => {
                self.directories.insert((*tp, *broker), *dir);
            }
            MetadataRecord::Topic {
                topic,
                name,
                config,
            } => {
                let index = topic.0 as usize;
                if self.topics.len() <= index {
                    self.topics.resize(index + 1, None);
                }
                assert!(self.topics[index].is_none(), "a topic is created once");
                self.topics[index] = Some(Arc::new(TopicImage {
                    name: Arc::clone(name),
                    config: *config,
                    throttled: PerSide::default(),
                    partitions: Vec::new(),
                }));
            }
            MetadataRecord::TopicConfig { topic, name, value } => {
                let known = self.topic_mut(*topic).config.alter(name, *value);
                assert!(known, "the controller writes configs that topics have");
            }
            MetadataRecord::ThrottledReplicas {
                topic,
                side,
                replicas,
            } => *self.topic_mut(*topic).throttled.at_mut(*side) = replicas.clone(),
            MetadataRecord::ThrottledRate { broker, rate } => {
                self.throttle(*broker, *rate);
            }
            MetadataRecord::ClientQuota { entity, change } => self.change_quota(entity, *change),
            MetadataRecord::Partition { tp, registration } => {
                self.forget_directories(*tp, registration);
                let topic = self.topic_mut(tp.topic);
                let index = tp.partition as usize;
                if index == topic.partitions.len() {
                    topic.partitions.push(Arc::clone(registration));
                } else {
                    topic.partitions[index] = Arc::clone(registration);
                }
            }
            MetadataRecord::ProducerIds { next, .. } => self.next_producer_id = *next,
            MetadataRecord::NoOp => {}
        }
    }

    /// A broker has a rate, or none any more.
    fn throttle(&mut self, broker: BrokerId, rate: PerSide<Option<u64>>) {
        if rate == PerSide::default() {
            self.throttled_rates.remove(&broker);
        } else {
            self.throttled_rates.insert(broker, rate);
        }
    }

    fn change_quota(&mut self, entity: &Entity, change: QuotaChange) {
        let limits = self.client_quotas.entry(entity.clone()).or_default();
        limits.change(change);
        if limits.is_empty() {
            self.client_quotas.remove(entity);
        }
    }

    /// Applies a record about one life of a broker, unless that is over.
    fn change_broker(&mut self, record: &MetadataRecord) {
        let (MetadataRecord::BrokerRegistrationChange { broker, epoch, .. }
        | MetadataRecord::UnregisterBroker { broker, epoch }
        | MetadataRecord::OfflineDirectories { broker, epoch, .. }) = record
        else {
            return;
        };
        let registration = self.brokers.get_mut(broker);
        let Some(registration) = registration.filter(|r| r.epoch == *epoch) else {
            return;
        };
        if let MetadataRecord::BrokerRegistrationChange {
            fenced,
            in_controlled_shutdown,
            ..
        } = record
        {
            registration.fenced = fenced.unwrap_or(registration.fenced);
            registration.in_controlled_shutdown =
                in_controlled_shutdown.unwrap_or(registration.in_controlled_shutdown);
        } else if let MetadataRecord::OfflineDirectories { offline, .. } = record {
            self.offline_directories.insert(*broker, *offline);
        } else {
            self.brokers.remove(broker);
            self.offline_directories.remove(broker);
        }
    }

    /// Forgets where replicas lie that the partition has no more.
    fn forget_directories(&mut self, tp: TopicPartition, partition: &PartitionRegistration) {
        if self.directories.is_empty() {
            return;
        }
        let all = (tp, BrokerId(0))..=(tp, BrokerId(u32::MAX));
        let brokers = self.directories.range(all).map(|((_, broker), _)| *broker);
        let gone: Vec<BrokerId> = brokers
            .filter(|broker| !partition.replicas.contains(broker))
            .collect();
        for broker in gone {
            self.directories.remove(&(tp, broker));
        }
    }

    /// A topic by id.
    pub fn topic(&self, topic: TopicId) -> Option<&TopicImage> {
        self.topics.get(topic.0 as usize)?.as_deref()
    }

    fn topic_mut(&mut self, topic: TopicId) -> &mut TopicImage {
        let found = self
            .topics
            .get_mut(topic.0 as usize)
            .and_then(Option::as_mut);
        Arc::make_mut(found.expect("records speak of topics that exist"))
    }

    /// The topics that exist, by id.
    pub fn topics(&self) -> impl Iterator<Item = (TopicId, &TopicImage)> {
        let all = self.topics.iter().enumerate();
        all.filter_map(|(id, topic)| Some((TopicId(id as u32), topic.as_deref()?)))
    }

    /// A partition's registration.
    pub fn partition(&self, tp: TopicPartition) -> Option<&Arc<PartitionRegistration>> {
        self.topic(tp.topic)?.partitions.get(tp.partition as usize)
    }

    /// All partitions in order.
    pub fn partitions(
        &self,
    ) -> impl Iterator<Item = (TopicPartition, &Arc<PartitionRegistration>)> {
        self.topics().flat_map(|(topic, image)| {
            image
                .partitions
                .iter()
                .enumerate()
                .map(move |(partition, registration)| {
                    (
                        TopicPartition {
                            topic,
                            partition: partition as u32,
                        },
                        registration,
                    )
                })
        })
    }

    /// Where a replica lies, if its broker has several log directories and has said so.
    pub fn directory(&self, tp: TopicPartition, broker: BrokerId) -> Option<DirectoryId> {
        self.directories.get(&(tp, broker)).copied()
    }

    /// The log directories of a broker that have failed.
    pub fn offline_directories(&self, broker: BrokerId) -> DirectorySet {
        let offline = self.offline_directories.get(&broker);
        offline.copied().unwrap_or_default()
    }

    /// True unless the replica lies in a log directory that has failed.
    pub fn is_replica_online(&self, tp: TopicPartition, broker: BrokerId) -> bool {
        let Some(offline) = self.offline_directories.get(&broker) else {
            return true;
        };
        let dir = self.directory(tp, broker);
        dir.is_none_or(|dir| !offline.contains(dir))
    }

    /// True when the broker may lead: registered, unfenced, not shutting down.
    pub fn is_active(&self, broker: BrokerId) -> bool {
        self.brokers
            .get(&broker)
            .is_some_and(|r| !r.fenced && !r.in_controlled_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::config::value::Value;

    fn register(broker: u32, epoch: u64, fenced: bool) -> MetadataRecord {
        MetadataRecord::RegisterBroker {
            broker: BrokerId(broker),
            epoch: BrokerEpoch(epoch),
            incarnation: Incarnation(0),
            fenced,
            rack: None,
        }
    }

    fn change(
        broker: u32,
        epoch: u64,
        fenced: Option<bool>,
        in_controlled_shutdown: Option<bool>,
    ) -> MetadataRecord {
        MetadataRecord::BrokerRegistrationChange {
            broker: BrokerId(broker),
            epoch: BrokerEpoch(epoch),
            fenced,
            in_controlled_shutdown,
        }
    }

    fn topic(topic: u32) -> MetadataRecord {
        MetadataRecord::Topic {
            topic: TopicId(topic),
            name: format!("t{topic}").into(),
            config: TopicConfig::default(),
        }
    }

    fn partition(topic: u32, partition: u32, leader: u32) -> MetadataRecord {
        MetadataRecord::Partition {
            tp: TopicPartition {
                topic: TopicId(topic),
                partition,
            },
            registration: Arc::new(PartitionRegistration::led_by(leader, &[1, 2], &[leader])),
        }
    }

    fn image(records: &[MetadataRecord]) -> MetadataImage {
        MetadataImage::restore(records, Offset(records.len() as u64))
    }

    #[test]
    fn every_record_moves_the_end_by_one() {
        let mut image = MetadataImage::default();
        for record in [register(1, 0, true), MetadataRecord::NoOp, topic(0)] {
            image.apply(&record);
        }
        assert_eq!(image.end, Offset(3));
    }

    #[test]
    fn a_broker_is_active_when_it_is_unfenced_and_not_shutting_down() {
        let mut image = image(&[register(1, 7, true)]);
        assert!(!image.is_active(BrokerId(1)));
        image.apply(&change(1, 7, Some(false), None));
        assert!(image.is_active(BrokerId(1)));
        image.apply(&change(1, 7, None, Some(true)));
        assert!(!image.is_active(BrokerId(1)));
        assert!(!image.is_active(BrokerId(2)), "it is not registered");
    }

    #[test]
    fn a_new_registration_ends_a_controlled_shutdown() {
        let image = image(&[
            register(1, 0, false),
            change(1, 0, None, Some(true)),
            register(1, 2, false),
        ]);
        assert!(image.is_active(BrokerId(1)));
    }

    #[test]
    fn a_change_of_an_older_registration_changes_nothing() {
        let image = image(&[register(1, 5, true), change(1, 4, Some(false), None)]);
        assert!(image.brokers[&BrokerId(1)].fenced);
    }

    #[test]
    fn a_partition_record_makes_or_replaces_the_partition() {
        let image = image(&[
            topic(0),
            partition(0, 0, 1),
            partition(0, 1, 1),
            partition(0, 0, 2),
        ]);
        let leaders: Vec<_> = image
            .partitions()
            .map(|(tp, p)| (tp.partition, p.leader))
            .collect();
        assert_eq!(leaders, [(0, Some(BrokerId(2))), (1, Some(BrokerId(1)))]);
        let beyond = TopicPartition {
            topic: TopicId(0),
            partition: 2,
        };
        assert_eq!(image.partition(beyond), None);
    }

    #[test]
    fn a_config_record_sets_one_config_of_a_topic_or_takes_it_back() {
        let set = |name, value| MetadataRecord::TopicConfig {
            topic: TopicId(0),
            name,
            value,
        };
        let mut image = image(&[
            topic(0),
            set("retention.ms", Some(Value::Integer(60_000))),
            set("min.insync.replicas", Some(Value::Integer(2))),
        ]);
        let config_of = |image: &MetadataImage| image.topic(TopicId(0)).unwrap().config;
        let config = config_of(&image);
        assert_eq!(config.value("retention.ms"), Some(Value::Integer(60_000)));
        assert_eq!(config.min_insync_replicas, Some(2));
        image.apply(&set("retention.ms", None));
        let config = config_of(&image);
        assert_eq!(config.value("retention.ms"), None);
        assert_eq!(config.min_insync_replicas, Some(2));
    }

    #[test]
    fn a_topic_may_be_created_before_one_of_a_lower_id() {
        let mut image = image(&[topic(1), partition(1, 0, 1)]);
        assert!(image.topic(TopicId(0)).is_none());
        assert_eq!(image.partitions().count(), 1);
        let restored = MetadataImage::restore(&image.snapshot(), image.end);
        assert!(restored.topic(TopicId(0)).is_none() && restored.topic(TopicId(1)).is_some());
        image.apply(&topic(0));
        assert_eq!(image.topics().count(), 2);
    }

    #[test]
    fn a_copy_of_an_image_does_not_see_later_changes() {
        let mut image = image(&[topic(0), partition(0, 0, 1)]);
        let copy = image.clone();
        image.apply(&partition(0, 0, 2));
        let tp = TopicPartition::default();
        assert_eq!(copy.partition(tp).unwrap().leader, Some(BrokerId(1)));
        assert_eq!(image.partition(tp).unwrap().leader, Some(BrokerId(2)));
    }

    #[test]
    fn a_snapshot_restores_the_whole_state() {
        let image = image(&[
            register(1, 0, false),
            register(2, 1, false),
            change(2, 1, None, Some(true)),
            topic(0),
            partition(0, 0, 1),
            topic(1),
            partition(1, 0, 2),
            partition(1, 1, 1),
            MetadataRecord::ProducerIds {
                broker: BrokerId(1),
                next: ProducerId(3_000),
            },
            MetadataRecord::NoOp,
        ]);
        let restored = MetadataImage::restore(&image.snapshot(), image.end);
        assert_eq!(restored.brokers, image.brokers);
        assert_eq!(restored.next_producer_id, image.next_producer_id);
        assert_eq!(restored.end, image.end);
        let partitions = |image: &MetadataImage| -> Vec<_> {
            image
                .partitions()
                .map(|(tp, p)| (tp, Arc::clone(p)))
                .collect()
        };
        assert_eq!(partitions(&restored), partitions(&image));
        let second = |image: &MetadataImage| image.topic(TopicId(1)).unwrap().name.clone();
        assert_eq!(second(&restored), second(&image));
    }
}
