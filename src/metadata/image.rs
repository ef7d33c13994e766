//! The state that a prefix of the metadata log describes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kafka::config::topic::TopicConfig;
use crate::kafka::ids::{
    BrokerEpoch, BrokerId, Incarnation, Offset, ProducerId, TopicId, TopicPartition,
};
use crate::kafka::metadata_records::{MetadataRecord, PartitionRegistration};

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
}

/// A topic.
#[derive(Clone, Debug)]
pub struct TopicImage {
    /// Its name.
    pub name: Arc<str>,
    /// Its config.
    pub config: TopicConfig,
    /// Its partitions, by index.
    pub partitions: Vec<Arc<PartitionRegistration>>,
}

/// The cluster as of one offset of the metadata log.
#[derive(Clone, Debug, Default)]
pub struct MetadataImage {
    /// The registered brokers.
    pub brokers: BTreeMap<BrokerId, BrokerRegistration>,
    /// The topics, by id.
    pub topics: Vec<Arc<TopicImage>>,
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
        for (topic, image) in self.topics.iter().enumerate() {
            records.push(MetadataRecord::Topic {
                topic: TopicId(topic as u32),
                name: Arc::clone(&image.name),
                config: image.config,
            });
        }
        records.extend(
            self.partitions()
                .map(|(tp, registration)| MetadataRecord::Partition {
                    tp,
                    registration: Arc::clone(registration),
                }),
        );
        if self.next_producer_id != ProducerId::default() {
            records.push(MetadataRecord::ProducerIds {
                broker: BrokerId(0),
                next: self.next_producer_id,
            });
        }
        records
    }

    /// About how many records [`MetadataImage::snapshot`] has.
    pub fn snapshot_len(&self) -> usize {
        let partitions: usize = self.topics.iter().map(|topic| topic.partitions.len()).sum();
        self.brokers.len() + self.topics.len() + partitions + 1
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
            } => {
                self.brokers.insert(
                    *broker,
                    BrokerRegistration {
                        epoch: *epoch,
                        incarnation: *incarnation,
                        fenced: *fenced,
                        in_controlled_shutdown: false,
                    },
                );
            }
            MetadataRecord::BrokerRegistrationChange {
                broker,
                epoch,
                fenced,
                in_controlled_shutdown,
            } => {
                let registration = self.brokers.get_mut(broker);
                if let Some(registration) = registration.filter(|r| r.epoch == *epoch) {
                    registration.fenced = fenced.unwrap_or(registration.fenced);
                    registration.in_controlled_shutdown =
                        in_controlled_shutdown.unwrap_or(registration.in_controlled_shutdown);
                }
            }
            MetadataRecord::Topic {
                topic,
                name,
                config,
            } => {
                assert_eq!(topic.0 as usize, self.topics.len(), "topic ids are dense");
                self.topics.push(Arc::new(TopicImage {
                    name: Arc::clone(name),
                    config: *config,
                    partitions: Vec::new(),
                }));
            }
            MetadataRecord::Partition { tp, registration } => {
                let topic = Arc::make_mut(&mut self.topics[tp.topic.0 as usize]);
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

    /// A topic by id.
    pub fn topic(&self, topic: TopicId) -> Option<&TopicImage> {
        self.topics.get(topic.0 as usize).map(AsRef::as_ref)
    }

    /// A partition's registration.
    pub fn partition(&self, tp: TopicPartition) -> Option<&Arc<PartitionRegistration>> {
        self.topic(tp.topic)?.partitions.get(tp.partition as usize)
    }

    /// All partitions in order.
    pub fn partitions(
        &self,
    ) -> impl Iterator<Item = (TopicPartition, &Arc<PartitionRegistration>)> {
        self.topics.iter().enumerate().flat_map(|(topic, image)| {
            let topic = TopicId(topic as u32);
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

    /// True when the broker may lead: registered, unfenced, not shutting down.
    pub fn is_active(&self, broker: BrokerId) -> bool {
        self.brokers
            .get(&broker)
            .is_some_and(|r| !r.fenced && !r.in_controlled_shutdown)
    }
}
