//! One replica on this broker: its log, its role, and who waits for it.
//!
//! Modelled: leader and follower, the epochs that fence them, the checks of a reader's epoch,
//! reading below the high watermark or to the log end, diverging epochs.
//! Left out: future replicas, stray replicas.
//! Source: Partition.scala (4.2); KIP-101, KIP-320, KIP-595 (truncation on fetch).

use std::collections::VecDeque;

use crate::broker::leading::{LeaderNow, Leading};
use crate::broker::mutation::Mutation;
use crate::broker::purgatory::{ParkedId, Waiter};
use crate::kafka::api::fetch::{EpochEnd, FetchPartition, Fetcher};
use crate::kafka::api::produce::LeaderHint;
use crate::kafka::compression::TopicCompression;
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Role;
use crate::kafka::ids::{
    BrokerId, DirectoryId, LeaderEpoch, Offset, PartitionEpoch, TopicPartition,
};
use crate::kafka::metadata_records::PartitionRegistration;
use crate::kafka::view::ReplicaView;
use crate::log::rules::{LogRules, Retention, RollRules, TimestampRules};
use crate::log::{Checkpoint, Log};
use crate::sim::process::FileId;
use crate::sim::time::SimTime;

/// A replica's index on this broker; also the number of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(pub(super) u32);

/// A replica.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    /// The partition.
    pub(super) tp: TopicPartition,
    /// The file of its log.
    pub(super) file: FileId,
    /// The log directory in which that lies.
    pub(super) dir: DirectoryId,
    /// Its log.
    pub(super) log: Log,
    /// True when the replica was given to another broker: its log is deleted.
    pub(super) is_gone: bool,
    /// What it does.
    pub(super) part: Part,
    /// The leader.
    pub(super) leader: Option<BrokerId>,
    /// The leader's epoch; none before the first image is applied.
    pub(super) leader_epoch: Option<LeaderEpoch>,
    /// The registration that it knows.
    pub(super) partition_epoch: PartitionEpoch,
    /// The topic's and broker's settings.
    pub(super) settings: Settings,
    /// What was last written down of it.
    pub(super) checkpoint: Checkpoint,
    /// Records appended since the last flush.
    pub(super) unflushed: u64,
    /// Produces that wait for the high watermark, in order of the offset that they need.
    pub(super) waiting_produces: VecDeque<(Offset, Waiter)>,
    /// Deletions of records that wait for followers.
    pub(super) waiting_deletes: Vec<ParkedId>,
    /// Fetches of followers that wait for an append.
    pub(super) waiting_followers: Vec<Waiter>,
    /// Fetches of consumers that wait for the high watermark.
    pub(super) waiting_consumers: Vec<Waiter>,
}

/// What a replica does.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Nothing: no image says what, or the broker is down.
    Idle,
    /// It takes writes.
    Leader(Leading),
    /// It copies.
    Follower(Following),
}

/// The state of a replica that follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Following {
    /// Who fetches for it; none without a leader, or after an error that only a new leader mends.
    pub(super) fetcher: Option<u32>,
    /// Not to be fetched before, after an error.
    pub(super) delayed_until: SimTime,
    /// Whether the last answer with records reached up to the leader's high watermark; none before
    /// the first answer.
    pub(super) caught_up: Option<bool>,
}

/// The settings that matter on every append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// min.insync.replicas
    pub(super) min_insync_replicas: u32,
    /// max.message.bytes
    pub(super) max_message_bytes: u32,
    /// compression.type
    pub(super) compression: TopicCompression,
    /// flush.messages
    pub(super) flush_messages: Option<u64>,
    /// Segments, retention, timestamps.
    pub(super) log: LogRules,
    /// The rule to break, in a test of the checkers.
    pub(super) mutation: Option<Mutation>,
}

impl Settings {
    /// The topic's, and the broker's where the topic has none.
    pub(super) fn resolve(
        topic: &TopicConfig,
        broker: &BrokerConfig,
        mutation: Option<Mutation>,
    ) -> Self {
        Self {
            min_insync_replicas: topic
                .min_insync_replicas
                .unwrap_or(broker.min_insync_replicas),
            max_message_bytes: topic.max_message_bytes.unwrap_or(broker.message_max_bytes),
            compression: topic.compression_type.unwrap_or(broker.compression_type),
            flush_messages: topic.flush_messages.or(broker.log_flush_interval_messages),
            log: log_rules(topic, broker),
            mutation,
        }
    }
}

fn log_rules(topic: &TopicConfig, broker: &BrokerConfig) -> LogRules {
    let time = topic.retention_ms.map(|limit| limit.0);
    let bytes = topic.retention_bytes.unwrap_or(broker.log_retention_bytes);
    LogRules {
        roll: RollRules {
            segment_bytes: topic.segment_bytes.unwrap_or(broker.log_segment_bytes),
            segment_ms: topic.segment_ms.unwrap_or_else(|| broker.log_roll()),
            segment_jitter: topic
                .segment_jitter
                .unwrap_or_else(|| broker.log_roll_jitter()),
            index_bytes: topic
                .segment_index_bytes
                .unwrap_or(broker.log_index_size_max_bytes),
            index_interval: topic
                .index_interval_bytes
                .unwrap_or(broker.log_index_interval_bytes),
        },
        retention: Retention {
            time: time.unwrap_or_else(|| broker.log_retention()),
            bytes: bytes.0,
            file_delete_delay: topic
                .file_delete_delay
                .unwrap_or(broker.log_segment_delete_delay),
        },
        timestamps: TimestampRules {
            kind: topic
                .message_timestamp_type
                .unwrap_or(broker.log_message_timestamp_type),
            before_max: topic
                .message_timestamp_before_max
                .unwrap_or(broker.log_message_timestamp_before_max),
            after_max: topic
                .message_timestamp_after_max
                .unwrap_or(broker.log_message_timestamp_after_max),
        },
    }
}

/// What a reader may see of a replica.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readable {
    /// Records below are visible to this reader.
    pub(super) below: Offset,
    /// The high watermark when it was looked at.
    pub(super) high_watermark: Offset,
    /// Where the reader's log and this one part ways.
    pub(super) diverging: Option<EpochEnd>,
    /// Where a consumer is sent instead.
    pub(super) preferred: Option<BrokerId>,
    /// True when a follower gets nothing now: its throttle is exceeded.
    pub(super) held_back: bool,
}

impl Partition {
    /// An empty replica.
    pub(super) fn new(tp: TopicPartition, file: FileId, settings: Settings, log: Log) -> Self {
        Self {
            tp,
            file,
            dir: DirectoryId::default(),
            log,
            is_gone: false,
            part: Part::Idle,
            leader: None,
            leader_epoch: None,
            partition_epoch: PartitionEpoch::default(),
            settings,
            checkpoint: Checkpoint::default(),
            unflushed: 0,
            waiting_produces: VecDeque::new(),
            waiting_deletes: Vec::new(),
            waiting_followers: Vec::new(),
            waiting_consumers: Vec::new(),
        }
    }

    /// Goes by other settings from now on.
    pub(super) fn reconfigure(&mut self, settings: Settings) {
        self.settings = settings;
        if let Some(leading) = self.leading_mut() {
            leading.require(settings.min_insync_replicas);
        }
    }

    /// The state of a leader.
    pub(super) fn leading(&self) -> Option<&Leading> {
        match &self.part {
            Part::Leader(leading) => Some(leading),
            Part::Idle | Part::Follower(_) => None,
        }
    }

    /// The state of a leader.
    pub(super) fn leading_mut(&mut self) -> Option<&mut Leading> {
        match &mut self.part {
            Part::Leader(leading) => Some(leading),
            Part::Idle | Part::Follower(_) => None,
        }
    }

    /// True for a follower that had all that was committed when it last heard of the leader.
    pub(super) fn is_caught_up(&self) -> bool {
        match &self.part {
            Part::Follower(following) => following.caught_up == Some(true),
            Part::Idle | Part::Leader(_) => false,
        }
    }

    /// The state of a follower.
    pub(super) fn following_mut(&mut self) -> Option<&mut Following> {
        match &mut self.part {
            Part::Follower(following) => Some(following),
            Part::Idle | Part::Leader(_) => None,
        }
    }

    /// Who leads, as far as this replica knows.
    pub(super) fn leader_hint(&self) -> Option<LeaderHint> {
        Some(LeaderHint {
            leader: self.leader?,
            epoch: self.leader_epoch?,
        })
    }

    /// Becomes the leader of the registration's epoch, or takes over what changed within it. True
    /// when the epoch is new.
    pub(super) fn make_leader(
        &mut self,
        registration: &PartitionRegistration,
        own: BrokerId,
        leader: &LeaderNow<'_>,
    ) -> bool {
        let is_new_epoch = Some(registration.leader_epoch) > self.leader_epoch;
        let is_new_leader = self.leading().is_none();
        let (epoch, log_end) = (registration.leader_epoch, self.log.log_end());
        if is_new_leader {
            self.part = Part::Leader(Leading::new(epoch, log_end));
        }
        let min_insync_replicas = self.settings.min_insync_replicas;
        let Part::Leader(leading) = &mut self.part else {
            unreachable!("the part was set above");
        };
        leading.assign(own, registration, min_insync_replicas);
        if is_new_epoch {
            leading.epoch = epoch;
            leading.epoch_start = log_end;
            leading.reset_followers(is_new_leader, leader);
            // A follower may hold a later epoch than any record here: it must find this one in the
            // cache, or it could not truncate.
            self.log.assign_epoch(epoch);
        }
        self.note(registration);
        is_new_epoch
    }

    /// Becomes a follower in the registration's epoch. True when the epoch is new: only then does
    /// fetching start anew.
    pub(super) fn make_follower(&mut self, registration: &PartitionRegistration) -> bool {
        let is_new_epoch = Some(registration.leader_epoch) > self.leader_epoch;
        match self.part {
            Part::Follower(_) => {}
            Part::Idle | Part::Leader(_) => self.part = Part::Follower(Following::default()),
        }
        self.note(registration);
        is_new_epoch
    }

    fn note(&mut self, registration: &PartitionRegistration) {
        self.leader = registration.leader;
        self.leader_epoch = Some(registration.leader_epoch);
        self.partition_epoch = registration.partition_epoch;
    }

    /// Raises a leader's high watermark as far as its followers allow. True when it moved.
    pub(super) fn raise_high_watermark(&mut self, leader: &LeaderNow<'_>) -> bool {
        let replicated = self
            .leading()
            .and_then(|leading| leading.replicated(leader));
        let replicated = match self.settings.mutation {
            Some(Mutation::AdvanceHighWatermarkEarly) => replicated.map(|_| self.log.log_end()),
            Some(_) | None => replicated,
        };
        replicated.is_some_and(|replicated| self.log.advance_high_watermark(replicated))
    }

    /// Compares the epoch that a client knows with ours.
    pub(super) fn check_epoch(&self, known: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
        match known {
            Some(known) if Some(known) < self.leader_epoch => Err(ErrorCode::FencedLeaderEpoch),
            Some(known) if Some(known) > self.leader_epoch => Err(ErrorCode::UnknownLeaderEpoch),
            Some(_) | None => Ok(()),
        }
    }

    /// The state of a leader, for a client that knows this epoch.
    pub(super) fn leading_in(&self, known: Option<LeaderEpoch>) -> Result<&Leading, ErrorCode> {
        self.check_epoch(known)?;
        self.leading().ok_or(ErrorCode::NotLeaderOrFollower)
    }

    /// What a fetch may see here.
    /// A consumer that knows the epoch is served by any replica, up to what that replica knows to
    /// be committed (KIP-392); a follower by the leader only.
    pub(super) fn readable(
        &self,
        fetcher: Fetcher,
        asked: &FetchPartition,
    ) -> Result<Readable, ErrorCode> {
        self.check_epoch(asked.current_leader_epoch)?;
        let log_end = self.log.log_end();
        let high_watermark = self.log.high_watermark();
        let below = match fetcher {
            Fetcher::Consumer if matches!(self.part, Part::Idle) => {
                return Err(ErrorCode::NotLeaderOrFollower);
            }
            Fetcher::Consumer => high_watermark,
            Fetcher::Follower { broker, .. } => {
                let leading = self.leading().ok_or(ErrorCode::NotLeaderOrFollower)?;
                // Not among the replicas that we know: our metadata may be behind the follower's.
                let position = leading.position(broker);
                position.ok_or(ErrorCode::UnknownLeaderEpoch)?;
                log_end
            }
        };
        let mut diverging = None;
        let checks_epochs = self.settings.mutation != Some(Mutation::SkipEpochCheck);
        if let Some(epoch) = asked.last_fetched_epoch.filter(|_| checks_epochs) {
            // The usual case needs no search: the same epoch, and not beyond its end.
            if self.log.latest_epoch() != Some(epoch) || asked.fetch_offset > log_end {
                let end = self
                    .log
                    .end_offset_for(epoch)
                    .ok_or(ErrorCode::OffsetOutOfRange)?;
                if asked.fetch_offset < self.log.log_start() {
                    return Err(ErrorCode::OffsetOutOfRange);
                }
                let parts = end.epoch < epoch || end.end_offset < asked.fetch_offset;
                diverging = parts.then_some(end);
            }
        }
        let range = self.log.log_start()..=log_end;
        if diverging.is_none() && !range.contains(&asked.fetch_offset) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        Ok(Readable {
            below,
            high_watermark,
            diverging,
            preferred: None,
            held_back: false,
        })
    }

    /// The replica's role, for facts.
    pub(super) fn role(&self) -> Role {
        match self.part {
            Part::Leader(_) => Role::Leader,
            Part::Idle | Part::Follower(_) => Role::Follower,
        }
    }

    /// The replica as checkers see it.
    pub(super) fn view(&self, broker: BrokerId) -> ReplicaView<'_> {
        ReplicaView {
            broker,
            tp: self.tp,
            is_leader: self.leading().is_some(),
            leader_epoch: self
                .leader_epoch
                .or(self.log.latest_epoch())
                .unwrap_or_default(),
            high_watermark: self.log.high_watermark(),
            log_start: self.log.log_start(),
            log_end: self.log.log_end(),
            isr: self.leading().map_or(&[], |leading| &leading.isr),
            segments: self.log.segments(),
        }
    }

    /// Forgets what any death of the process takes with it.
    pub(super) fn forget(&mut self) {
        self.part = Part::Idle;
        self.leader = None;
        self.leader_epoch = None;
        self.partition_epoch = PartitionEpoch::default();
        self.unflushed = 0;
        self.waiting_produces.clear();
        self.waiting_deletes.clear();
        self.waiting_followers.clear();
        self.waiting_consumers.clear();
    }
}
