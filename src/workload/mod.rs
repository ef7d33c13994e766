//! L2, what applications do: arrivals, keys, sizes; plain plans and pure generators.

pub mod generator;

use std::sync::Arc;

use crate::delivery::{GroupId, RecordId, SenderId};
use crate::kafka::api::admin::AdminRequest;
use crate::kafka::api::incremental_alter_configs::ConfigChange;
use crate::kafka::ids::{BrokerId, Offset, TopicId, TopicPartition};
use crate::sim::clock::WallTime;
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;

/// When records arrive at `send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// One each `period`, the first after one period.
    Every {
        /// Time between two records; at least 1 ns.
        period: SimDuration,
    },
    /// At random moments, `mean` apart on average (a Poisson process).
    Poisson {
        /// Mean time between two records.
        mean: SimDuration,
    },
    /// As fast as buffer.memory lets: each `send` follows the last at once.
    Flood,
}

/// Which key a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// None.
    Null,
    /// One of `count` keys, drawn at random for each record.
    Uniform {
        /// How many keys there are; at least 1.
        count: u32,
    },
    /// `count` keys in turn.
    Cycle {
        /// How many keys there are; at least 1.
        count: u32,
    },
}

/// Who chooses a record's partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The producer's partitioner.
    Partitioner,
    /// The application: always this one.
    Fixed(u32),
    /// The application: the key's number modulo the partitions; the partitioner without a key.
    KeyModulo,
    /// The application: these in turn, at least one.
    Listed(Arc<[u32]>),
}

/// How an application sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendMode {
    /// The next record at once; a callback hears of each.
    #[default]
    Async,
    /// The next record when the future of the last one is done.
    Sync,
}

/// What a restarted application begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRestart {
    /// The next record that was not sent yet; what was in memory is forgotten.
    #[default]
    Next,
    /// All that it had sent and not seen confirmed, as from an outbox.
    Resend,
}

/// What an application does when a record fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnError {
    /// How often it sends a record again at most; 0 is never.
    pub resend: u32,
    /// How long it waits before.
    pub wait: SimDuration,
}

/// What a producer application does beside calling send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// Threads that send; at least 1.
    pub threads: u32,
    /// Producers that the threads use in turn, at most one a thread; at least 1.
    pub producers: u32,
    /// How they send.
    pub send: SendMode,
    /// After how many records a thread calls flush(); none is never.
    pub flush_every: Option<u32>,
    /// What it does about errors.
    pub on_error: OnError,
    /// What it does after a crash.
    pub on_restart: OnRestart,
}

impl Default for Behaviour {
    /// One thread that sends and forgets.
    fn default() -> Self {
        Self {
            threads: 1,
            producers: 1,
            send: SendMode::Async,
            flush_every: None,
            on_error: OnError::default(),
            on_restart: OnRestart::Next,
        }
    }
}

/// What a producer application sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendPlan {
    /// The application.
    pub sender: SenderId,
    /// Where to.
    pub topic: TopicId,
    /// How many partitions the topic has.
    pub partitions: u32,
    /// The first record's id; the others follow.
    pub first: RecordId,
    /// How many records.
    pub count: u32,
    /// When the application starts.
    pub start: SimDuration,
    /// When they arrive.
    pub arrivals: Arrivals,
    /// Which keys they have.
    pub keys: Keys,
    /// Who chooses their partitions.
    pub placement: Placement,
    /// Bytes of each value.
    pub value_size: u32,
    /// What compression leaves of the records' bytes, whichever it is.
    pub compression_ratio: Ratio,
    /// What the application does beside.
    pub behaviour: Behaviour,
    /// True to make, keep and check the payload's bytes.
    pub keep_payload: bool,
}

/// What a command-line tool asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Other configs of a topic (kafka-configs --alter).
    AlterConfig {
        /// The topic.
        topic: TopicId,
        /// The changes.
        changes: Arc<[ConfigChange]>,
    },
    /// That old records go (kafka-delete-records).
    DeleteRecords {
        /// The partition.
        tp: TopicPartition,
        /// All below this offset; none is all that is committed.
        before: Option<Offset>,
    },
    /// That a partition moves, and not faster than this (kafka-reassign-partitions --throttle).
    ThrottledReassignment {
        /// The partition.
        tp: TopicPartition,
        /// The replicas that it shall have.
        target: Arc<[BrokerId]>,
        /// Bytes per second, of each broker that takes part.
        rate: u64,
    },
    /// That the throttle of a move that is over is taken back (kafka-reassign-partitions --verify).
    VerifyReassignment(TopicPartition),
    /// What only the controller does (kafka-leader-election, kafka-topics, kafka-reassign-partitions,
    /// kafka-configs --entity-type clients, kafka-cluster).
    Admin(AdminRequest),
}

/// A time from which an application wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// So long before it starts, by its own clock.
    Back(SimDuration),
    /// When a true clock shows this since the run began.
    At(SimDuration),
}

impl StartAt {
    /// The time, for an application that starts when its clock shows `now`.
    pub fn time(self, now: WallTime) -> WallTime {
        let millis = |span: SimDuration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        WallTime(match self {
            Self::Back(span) => now.0.saturating_sub(millis(span)),
            Self::At(span) => millis(span),
        })
    }
}

/// What a member of a group of readers does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPlan {
    /// Its group.
    pub group: GroupId,
    /// Its index in the group.
    pub member: u32,
    /// The partitions that it reads, fixed by its index (`protocol = "assign"`).
    pub partitions: Arc<[crate::kafka::ids::TopicPartition]>,
    /// Where it stands (client.rack).
    pub rack: Option<Arc<str>>,
    /// When it starts.
    pub start: SimDuration,
    /// From which time on it reads; without, it starts where the consumer starts by itself.
    pub start_at: Option<StartAt>,
    /// How long its handler takes for one record.
    pub handler: SimDuration,
    /// Times at which it pauses and resumes its partitions.
    pub pauses: Vec<(SimDuration, SimDuration)>,
}
