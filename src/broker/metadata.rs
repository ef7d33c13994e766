//! Follows the metadata log and does what it says: lead, follow, or neither.
//!
//! Modelled: long polls of the controller as an observer; records are applied once they are
//! committed; each batch of changes makes this broker's replicas leaders and followers; a fetcher
//! starts anew only when the leader epoch is higher; a topic's config and a client's quota that
//! change hold at once.
//! Left out: features, configs of brokers that change but for throttles, deletion of topics.
//! Source: MetadataLoader, BrokerMetadataPublisher, ReplicaManager.applyDelta, KafkaRaftClient (4.2);
//! KIP-500, KIP-631.

// Deviation: the broker's copy of the metadata log survives the loss of its disk; fetching it anew
// would only take a moment longer.

use std::collections::{BTreeSet, VecDeque};

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::leading::LeaderNow;
use crate::broker::mutation::Mutation;
use crate::broker::partition::{Part, Settings, Slot};
use crate::broker::registrations::Registrations;
use crate::broker::storage::PRODUCER_EXPIRATION_INTERVAL;
use crate::broker::timer::{Link, Timer};
use crate::kafka::api::quorum_fetch::{QuorumFetchRequest, QuorumFetchResponse};
use crate::kafka::fact::Fact;
use crate::kafka::ids::{Offset, TopicId, TopicPartition};
use crate::kafka::message::Request;
use crate::kafka::metadata_records::{MetadataRecord, PartitionRegistration};
use crate::log::Checkpoint;
use crate::metadata::image::MetadataImage;
use crate::sim::clock::WallTime;
use crate::sim::time::SimDuration;

/// How long the controller may hold a fetch of the metadata log.
const MAX_FETCH_WAIT: SimDuration = SimDuration::from_millis(500);

/// The metadata log as this broker has it.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    image: MetadataImage,
    /// Records after the image that are not committed yet.
    uncommitted: VecDeque<MetadataRecord>,
    high_watermark: Offset,
    /// True once this life's replicas act on the image.
    published: bool,
}

impl Metadata {
    /// The log up to an image.
    pub(super) fn new(image: MetadataImage) -> Self {
        Self {
            high_watermark: image.end,
            image,
            uncommitted: VecDeque::new(),
            published: false,
        }
    }

    /// The image.
    pub(super) fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// True once this life's replicas act on the image.
    pub(super) fn is_published(&self) -> bool {
        self.published
    }

    /// The process is gone; its copy of the log stays.
    pub(super) fn end(&mut self) {
        self.uncommitted.clear();
        self.published = false;
    }

    fn end_of_log(&self) -> Offset {
        self.image.end.plus(self.uncommitted.len() as u64)
    }

    /// Takes over an answer; says what changed.
    fn advance(&mut self, response: QuorumFetchResponse) -> Changes {
        let mut changes = Changes::default();
        self.high_watermark = self.high_watermark.max(response.high_watermark);
        if let Some(end) = response.snapshot_end {
            let image = MetadataImage::restore(&response.records, end);
            let old = std::mem::replace(&mut self.image, image);
            self.uncommitted.clear();
            changes.brokers = true;
            changes.quotas = true;
            for (topic_id, topic) in self.image.topics() {
                if old.topic(topic_id).map(|old| old.config) != Some(topic.config) {
                    changes.topics.insert(topic_id);
                }
            }
            for (tp, registration) in self.image.partitions() {
                if old.partition(tp) != Some(registration) {
                    changes.partitions.insert(tp);
                }
            }
            return changes;
        }
        let at = response.base_offset.0.saturating_sub(self.image.end.0) as usize;
        if response.base_offset >= self.image.end && at <= self.uncommitted.len() {
            self.uncommitted.truncate(at);
            self.uncommitted.extend(response.records);
        }
        while self.image.end < self.high_watermark {
            let Some(record) = self.uncommitted.pop_front() else {
                break;
            };
            self.image.apply(&record);
            changes.add(&record);
        }
        changes
    }
}

/// What a part of the metadata log changes.
#[derive(Debug, Default)]
struct Changes {
    partitions: BTreeSet<TopicPartition>,
    /// Topics whose config changed.
    topics: BTreeSet<TopicId>,
    /// True when a broker's registration changed.
    brokers: bool,
    /// True when a client's quota changed.
    quotas: bool,
}

impl Changes {
    fn add(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::RegisterBroker { .. }
            | MetadataRecord::BrokerRegistrationChange { .. }
            | MetadataRecord::UnregisterBroker { .. } => self.brokers = true,
            MetadataRecord::Partition { tp, .. } => {
                self.partitions.insert(*tp);
            }
            MetadataRecord::TopicConfig { topic, .. } => {
                self.topics.insert(*topic);
            }
            MetadataRecord::ClientQuota { .. } => self.quotas = true,
            MetadataRecord::OfflineDirectories { .. }
            | MetadataRecord::ReplicaDirectory { .. }
            | MetadataRecord::ThrottledReplicas { .. }
            | MetadataRecord::ThrottledRate { .. }
            | MetadataRecord::Topic { .. }
            | MetadataRecord::ProducerIds { .. }
            | MetadataRecord::NoOp => {}
        }
    }
}

impl Broker {
    /// Asks for the next part of the metadata log.
    pub(super) fn fetch_metadata(&mut self, cx: BrokerCx<'_, '_>) {
        let request = QuorumFetchRequest {
            broker: self.id,
            fetch_offset: self.metadata.end_of_log(),
            known_high_watermark: self.metadata.high_watermark,
            max_wait: MAX_FETCH_WAIT,
        };
        self.ask(cx, Link::Metadata, Request::QuorumFetch(request));
    }

    /// The controller answered: applies what is committed and asks on.
    pub(super) fn metadata_fetched(&mut self, cx: BrokerCx<'_, '_>, response: QuorumFetchResponse) {
        let changes = self.metadata.advance(response);
        let image = self.metadata.image();
        let rates = image.throttled_rates.get(&self.id).copied();
        self.throttles.set_rates(rates.unwrap_or_default());
        if changes.brokers {
            self.registrations = Registrations::of(self.metadata.image());
        }
        if changes.quotas {
            self.limit_clients();
        }
        if self.metadata.published && !changes.partitions.is_empty() {
            self.apply_changes(cx, &changes.partitions);
        }
        if self.metadata.published {
            for topic in &changes.topics {
                self.reconfigure(*topic);
            }
        }
        self.fetch_metadata(cx);
    }

    /// The broker has caught up: loads the logs and acts on the whole image.
    pub(super) fn publish_first_image(&mut self, cx: BrokerCx<'_, '_>) {
        self.report_cuts(cx);
        self.lifecycle.forget_clean_shutdown();
        self.metadata.published = true;
        let all = self
            .metadata
            .image()
            .partitions()
            .map(|(tp, _)| tp)
            .collect();
        self.apply_changes(cx, &all);
        self.start_tasks(cx, Tasks::Now);
    }

    /// The cluster stands: acts on the image that came with it.
    pub(super) fn stand(&mut self, cx: BrokerCx<'_, '_>) {
        self.metadata.published = true;
        let all = self
            .metadata
            .image()
            .partitions()
            .map(|(tp, _)| tp)
            .collect();
        self.apply_changes(cx, &all);
        self.start_tasks(cx, Tasks::AtRandomPhases);
    }

    fn start_tasks(&mut self, cx: BrokerCx<'_, '_>, tasks: Tasks) {
        let half_lag = SimDuration::from_nanos(self.config.replica_lag_time_max.as_nanos() / 2);
        let checkpoint = self.config.replica_high_watermark_checkpoint_interval;
        let care_after = self.config.log_initial_task_delay;
        let retention = self.config.log_retention_check_interval;
        let (shrink_after, checkpoint_after, retention_after) = match tasks {
            Tasks::Now => (SimDuration::ZERO, checkpoint, care_after),
            Tasks::AtRandomPhases => (
                self.lifecycle.phase(half_lag),
                self.lifecycle.phase(checkpoint),
                self.care.phase(retention),
            ),
        };
        cx.set_timer(Timer::Retention, retention_after);
        cx.set_timer(Timer::CheckpointLogStarts, care_after);
        cx.set_timer(Timer::ShrinkIsr, shrink_after);
        cx.set_timer(Timer::CheckpointHighWatermarks, checkpoint_after);
        cx.set_timer(Timer::ExpireProducers, PRODUCER_EXPIRATION_INTERVAL);
    }

    /// Makes the replicas of the changed partitions do what their registrations say: leaders
    /// first, then followers.
    fn apply_changes(&mut self, cx: BrokerCx<'_, '_>, changed: &BTreeSet<TopicPartition>) {
        let own = self.id;
        let mut leaders = Vec::new();
        let mut followers = Vec::new();
        for tp in changed {
            let registration = self.metadata.image().partition(*tp);
            let registration = registration.expect("a changed partition is in the image");
            if !registration.replicas.contains(&own) {
                self.leave(cx, *tp);
            } else if registration.leader == Some(own) {
                leaders.push((*tp, registration.clone()));
            } else {
                followers.push((*tp, registration.clone()));
            }
        }
        for (tp, registration) in leaders {
            self.lead(cx, tp, &registration);
        }
        for (tp, registration) in followers {
            self.follow(cx, tp, &registration);
        }
        self.close_idle_fetchers(cx);
        self.assign_replicas_to_dirs(cx);
    }

    fn settings_of(&self, topic: TopicId) -> Settings {
        let topic = self.metadata.image().topic(topic);
        let topic = topic.expect("a partition has a topic");
        Settings::resolve(&topic.config, &self.config, self.mutation)
    }

    /// A topic's config changed: its replicas go by the new one from now on.
    fn reconfigure(&mut self, topic: TopicId) {
        let settings = self.settings_of(topic);
        for slot in self.replicas.slots() {
            if self.replicas[slot].tp.topic == topic {
                self.replicas[slot].reconfigure(settings);
            }
        }
    }

    fn slot_or_new(&mut self, cx: BrokerCx<'_, '_>, tp: TopicPartition) -> Slot {
        let known = self.replicas.slot(tp);
        if let Some(slot) = known.filter(|slot| !self.replicas[*slot].is_gone) {
            return slot;
        }
        let settings = self.settings_of(tp.topic);
        let care = &self.care;
        let slot = self
            .replicas
            .slot_or_new(tp, settings, |log| care.jitter_key(log));
        self.replicas[slot].is_gone = false;
        self.place_in_dir(cx, slot);
        slot
    }

    fn lead(
        &mut self,
        cx: BrokerCx<'_, '_>,
        tp: TopicPartition,
        registration: &PartitionRegistration,
    ) {
        let slot = self.slot_or_new(cx, tp);
        if self.is_offline(slot) {
            return;
        }
        self.stop_fetching(slot);
        let own = self.id;
        let partition = &mut self.replicas[slot];
        if registration.partition_epoch < partition.partition_epoch {
            return;
        }
        let leader = LeaderNow {
            now: cx.now(),
            log_end: partition.log.log_end(),
            max_lag: self.config.replica_lag_time_max,
            registrations: &self.registrations,
        };
        if partition.make_leader(registration, own, &leader) {
            if self.mutation == Some(Mutation::ForgetProducerState) {
                partition
                    .log
                    .expire_producers(WallTime(i64::MAX), SimDuration::ZERO);
            }
            cx.fact(Fact::BecameLeader {
                broker: own,
                tp,
                leader_epoch: registration.leader_epoch,
                log_end: partition.log.log_end(),
                high_watermark: partition.log.high_watermark(),
            });
        }
        // The in-sync set could be down to the leader.
        if self.raise_high_watermark(cx, slot) {
            self.high_watermark_raised(cx, slot);
        }
    }

    fn follow(
        &mut self,
        cx: BrokerCx<'_, '_>,
        tp: TopicPartition,
        registration: &PartitionRegistration,
    ) {
        let slot = self.slot_or_new(cx, tp);
        if self.is_offline(slot) {
            return;
        }
        let partition = &mut self.replicas[slot];
        if registration.partition_epoch < partition.partition_epoch {
            return;
        }
        if partition.make_follower(registration) {
            cx.fact(Fact::BecameFollower {
                broker: self.id,
                tp,
                leader_epoch: registration.leader_epoch,
                leader: registration.leader,
            });
            self.stop_fetching(slot);
            let source = registration.leader;
            let source = source.filter(|leader| self.registrations.find(*leader).is_some());
            if let Some(source) = source.filter(|_| !self.is_leaving(registration)) {
                self.start_fetching(cx, slot, source);
            }
        } else if self.is_leaving(registration) {
            self.stop_fetching(slot);
        }
        self.deposed(cx, slot);
    }

    /// During a controlled shutdown a replica that is out of the in-sync set stops copying.
    fn is_leaving(&self, registration: &PartitionRegistration) -> bool {
        self.is_in_controlled_shutdown()
            && (registration.leader.is_none() || !registration.isr.contains(&self.id))
    }

    /// The replica is another broker's now.
    fn leave(&mut self, cx: BrokerCx<'_, '_>, tp: TopicPartition) {
        let Some(slot) = self.replicas.slot(tp) else {
            return;
        };
        self.stop_fetching(slot);
        let partition = &mut self.replicas[slot];
        partition.part = Part::Idle;
        self.deposed(cx, slot);
        self.replicas[slot].forget();
        // A replica that comes back begins again with an empty log.
        self.replicas[slot].log.lose();
        self.replicas[slot].checkpoint = Checkpoint::default();
        self.replicas[slot].is_gone = true;
        cx.disk().truncate(self.replicas[slot].file, 0);
    }
}

/// When the periodic tasks run first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tasks {
    /// As after a start.
    Now,
    /// As in a cluster whose brokers were started at different times.
    AtRandomPhases,
}
