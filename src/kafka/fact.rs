//! What happened inside the Kafka cluster, for checkers, stories, triggers and charts.

use std::sync::Arc;

use crate::kafka::config::value::Value;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{
    BrokerEpoch, BrokerId, DirectoryId, LeaderEpoch, Offset, PartitionEpoch, ProducerEpoch,
    ProducerId, TopicId, TopicPartition,
};
use crate::kafka::quota::{ClientId, Throttle};
use crate::kafka::records::StoredBatch;
use crate::sim::clock::WallTime;
use crate::sim::process::EventId;
use crate::sim::time::SimDuration;

/// Which part a replica plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It takes writes.
    Leader,
    /// It copies.
    Follower,
}

/// Something that happened. Emitted by the process that knows it first.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A replica appended a batch.
    Appended {
        /// The replica's broker.
        broker: BrokerId,
        /// Its role.
        role: Role,
        /// The partition.
        tp: TopicPartition,
        /// The batch at its place.
        stored: StoredBatch,
    },
    /// A leader recognised a batch that it already has; it answers with the first copy's offset.
    DuplicateDetected {
        /// The leader.
        broker: BrokerId,
        /// The partition.
        tp: TopicPartition,
        /// The first copy's offset.
        base_offset: Offset,
    },
    /// A leader refused a batch.
    ProduceRefused {
        /// The leader, or who was taken for it.
        broker: BrokerId,
        /// The partition.
        tp: TopicPartition,
        /// Why.
        error: ErrorCode,
    },
    /// A leader answered a produce with success.
    ProduceAcked {
        /// The leader.
        broker: BrokerId,
        /// The partition.
        tp: TopicPartition,
        /// The leader's epoch.
        leader_epoch: LeaderEpoch,
        /// The offset of the batch's first record.
        base_offset: Offset,
        /// The event in which the request arrived, when the answer had to wait.
        produced_in: Option<EventId>,
    },
    /// A replica's high watermark moved up.
    HighWatermarkAdvanced {
        /// The replica's broker.
        broker: BrokerId,
        /// Its role.
        role: Role,
        /// The partition.
        tp: TopicPartition,
        /// The leader epoch that the replica follows.
        leader_epoch: LeaderEpoch,
        /// The new high watermark.
        high_watermark: Offset,
    },
    /// A replica took the lead.
    BecameLeader {
        /// The replica's broker.
        broker: BrokerId,
        /// The partition.
        tp: TopicPartition,
        /// Its epoch.
        leader_epoch: LeaderEpoch,
        /// Its log end offset.
        log_end: Offset,
        /// Its high watermark.
        high_watermark: Offset,
    },
    /// A replica began to follow.
    BecameFollower {
        /// The replica's broker.
        broker: BrokerId,
        /// The partition.
        tp: TopicPartition,
        /// The leader's epoch.
        leader_epoch: LeaderEpoch,
        /// The leader.
        leader: Option<BrokerId>,
    },
    /// A replica cut the end of its log.
    Truncated {
        /// The replica's broker.
        broker: BrokerId,
        /// The partition.
        tp: TopicPartition,
        /// The new log end.
        to: Offset,
        /// The old log end.
        from: Offset,
        /// Why.
        why: TruncationCause,
    },
    /// A replica began a new segment of its log.
    SegmentRolled {
        /// The replica's broker.
        broker: BrokerId,
        /// Its role.
        role: Role,
        /// The partition.
        tp: TopicPartition,
        /// The offset with which the new segment begins.
        base: Offset,
    },
    /// A replica removed its oldest segments.
    SegmentsDeleted {
        /// The replica's broker.
        broker: BrokerId,
        /// Its role.
        role: Role,
        /// The partition.
        tp: TopicPartition,
        /// What went, and why.
        removal: Arc<Removal>,
    },
    /// A replica's log begins later now.
    LogStartMoved {
        /// The replica's broker.
        broker: BrokerId,
        /// Its role.
        role: Role,
        /// The partition.
        tp: TopicPartition,
        /// The first offset before.
        from: Offset,
        /// The first offset now.
        to: Offset,
        /// Its high watermark.
        high_watermark: Offset,
        /// Why.
        why: LogStartCause,
    },
    /// A command-line tool has sent what it is for.
    CommandAsked {
        /// The broker that it asked.
        broker: BrokerId,
    },
    /// A command-line tool will ask again.
    CommandTriedInVain {
        /// Why; none where the connection was lost or nobody answered.
        error: Option<ErrorCode>,
    },
    /// A client is over a quota: the broker reads no more from its connection for a while.
    ClientThrottled {
        /// The broker.
        broker: BrokerId,
        /// The client.
        client: ClientId,
        /// Why and for how long.
        throttle: Throttle,
    },
    /// A command-line tool has its answer, or has given up.
    CommandEnded {
        /// What went wrong, if anything.
        error: Option<ErrorCode>,
    },
    /// The controller committed a change of a topic's config.
    TopicConfigChanged {
        /// The topic.
        topic: TopicId,
        /// The config.
        name: &'static str,
        /// Its new value; none when it was taken back.
        value: Option<Value>,
    },
    /// The controller committed a new in-sync set or leader.
    PartitionChanged {
        /// The partition.
        tp: TopicPartition,
        /// The leader.
        leader: Option<BrokerId>,
        /// Its epoch.
        leader_epoch: LeaderEpoch,
        /// The registration's epoch.
        partition_epoch: PartitionEpoch,
        /// The in-sync set.
        isr: Arc<[BrokerId]>,
        /// The in-sync set before.
        isr_before: Arc<[BrokerId]>,
        /// How many replicas it has.
        replicas: u32,
        /// Why.
        why: PartitionChangeCause,
    },
    /// The controller answered a registration with success.
    BrokerRegistered {
        /// The broker.
        broker: BrokerId,
        /// Its new epoch.
        epoch: BrokerEpoch,
    },
    /// The controller fenced a broker: its session ran out, or it asked.
    BrokerFenced {
        /// The broker.
        broker: BrokerId,
    },
    /// The controller unfenced a broker.
    BrokerUnfenced {
        /// The broker.
        broker: BrokerId,
    },
    /// A broker finished its controlled shutdown.
    BrokerShutDown {
        /// The broker.
        broker: BrokerId,
    },
    /// A leader noticed that a follower is behind or back and asks for another in-sync set.
    IsrProposed {
        /// The leader.
        broker: BrokerId,
        /// The partition.
        tp: TopicPartition,
        /// What it wants.
        isr: Arc<[BrokerId]>,
    },
    /// A follower sent a fetch.
    FollowerFetched {
        /// The leader that received it.
        broker: BrokerId,
        /// The follower.
        follower: BrokerId,
        /// The partition.
        tp: TopicPartition,
        /// The offset that it asks for.
        fetch_offset: Offset,
    },
    /// A log directory failed: its replicas are offline until the broker starts again without it.
    LogDirFailed {
        /// The broker.
        broker: BrokerId,
        /// The directory.
        dir: DirectoryId,
        /// How many replicas lie in it.
        replicas: u32,
        /// True when the broker can't go on without it.
        halts: bool,
    },
    /// A fetch asked for records that the page cache did not hold.
    ReadFromDisk {
        /// The broker whose disk reads.
        broker: BrokerId,
        /// The follower that asks; none for a consumer.
        reader: Option<BrokerId>,
        /// The partition.
        tp: TopicPartition,
        /// The offset of the first record.
        offset: Offset,
        /// Bytes that the disk reads.
        bytes: u64,
        /// How old the first batch is by its timestamps: so far behind is the reader.
        age: SimDuration,
        /// How long the answer waits for the disk.
        takes: SimDuration,
    },
    /// A producer session began or bumped its epoch.
    ProducerIdentity {
        /// The producer id.
        id: ProducerId,
        /// Its epoch.
        epoch: ProducerEpoch,
    },
    /// A client got an error or lost a connection and sends the batch again.
    BatchRetried {
        /// The partition.
        tp: TopicPartition,
        /// Why; none for a disconnect or a time-out.
        error: Option<ErrorCode>,
        /// Attempts so far.
        attempts: u32,
    },
    /// A consumer's position moved other than by reading: reset or truncation detected.
    PositionReset {
        /// The partition.
        tp: TopicPartition,
        /// From.
        from: Option<Offset>,
        /// To.
        to: Offset,
    },
    /// A consumer's `poll` threw: the application gets no further without a seek.
    ConsumerFailed {
        /// The partition.
        tp: TopicPartition,
        /// The position, where there was one.
        offset: Option<Offset>,
        /// What it threw.
        why: ConsumerFailure,
    },
}

impl Fact {
    /// True when it tells of what a broker's logs or the metadata log now hold.
    pub fn is_written(&self) -> bool {
        matches!(
            self,
            Self::Appended { .. }
                | Self::Truncated { .. }
                | Self::SegmentRolled { .. }
                | Self::SegmentsDeleted { .. }
                | Self::LogStartMoved { .. }
                | Self::TopicConfigChanged { .. }
                | Self::PartitionChanged { .. }
                | Self::BrokerRegistered { .. }
                | Self::BrokerFenced { .. }
                | Self::BrokerUnfenced { .. }
                | Self::BrokerShutDown { .. }
        )
    }
}

/// What a consumer's `poll` throws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsumerFailure {
    /// NoOffsetForPartitionException: no position, and auto.offset.reset is none.
    NoOffsetForPartition,
    /// OffsetOutOfRangeException: the log has no such offset, and auto.offset.reset is none.
    OffsetOutOfRange,
    /// LogTruncationException: records before the position are gone, and auto.offset.reset is none.
    LogTruncation {
        /// The first offset that differs, where it is known.
        divergent: Option<Offset>,
    },
    /// KafkaException: the checksum of a batch is wrong, or the broker could not read it.
    CorruptRecord,
}

/// Segments that a replica removed at once.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Why.
    pub reason: DeletionReason,
    /// How many.
    pub segments: u32,
    /// Where the first segment begins that is left.
    pub below: Offset,
    /// The replica's high watermark.
    pub high_watermark: Offset,
    /// Its clock.
    pub now: WallTime,
    /// The retention.ms by which it went; none without a limit.
    pub retention: Option<SimDuration>,
    /// What was removed.
    pub batches: Vec<StoredBatch>,
}

/// Which rule removed segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeletionReason {
    /// They lie wholly below the log start.
    LogStart,
    /// retention.bytes
    Size,
    /// retention.ms
    Time,
}

/// Why a log begins later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogStartCause {
    /// Segments were removed.
    SegmentDeletion,
    /// A client asked for it (DeleteRecords).
    RecordDeletion,
    /// The leader's log begins there.
    Leader,
}

/// Why a replica truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TruncationCause {
    /// The leader answered a fetch with a diverging epoch.
    DivergingEpoch,
    /// The leader's log is shorter than the follower's (offset out of range).
    BeyondLeader,
    /// The follower was below the leader's log start.
    BelowLogStart,
    /// Power was lost: the tail was never on stable storage.
    NotDurable,
}

/// Why the controller changed a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartitionChangeCause {
    /// The leader asked (AlterPartition).
    LeaderAsked,
    /// A broker was fenced.
    Fenced,
    /// A broker is shutting down.
    ControlledShutdown,
    /// A broker came back.
    Unfenced,
    /// The log directory of a replica failed.
    LogDirFailed,
    /// An administrator asked.
    Asked,
    /// A leader was elected that was not in sync.
    UncleanElection,
    /// The first replica is in sync again and leads again (auto.leader.rebalance.enable).
    PreferredElection,
}
