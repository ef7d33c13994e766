//! L6, what to break and when: the timeline of a run, in the words of scenario files.

pub mod apply;
pub mod course;
pub mod random;
pub mod schedule;

use std::sync::Arc;

use crate::cluster::moment::Moment;
use crate::kafka::ids::{DirectoryId, TopicPartition};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;
use crate::workload::Command;

/// One event of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id: names its random stream, and what `--set` and claims speak of.
    pub id: Arc<str>,
    /// When it happens.
    pub when: When,
    /// What happens.
    pub action: Action,
    /// How long it lasts, where it can be undone: then its undoing happens.
    pub lasts: Option<SimDuration>,
}

/// When an event of a timeline happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// At an instant of virtual time.
    At(SimDuration),
    /// At an instant drawn from the stream of the event's id, evenly between the two.
    Between(SimDuration, SimDuration),
    /// At a protocol moment.
    On {
        /// What must happen.
        moment: Moment,
        /// Which occurrence.
        occurrence: Occurrence,
        /// Not before this instant.
        after: SimDuration,
    },
}

/// Which occurrence of a moment counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// The nth, from 1; "once" is the first.
    Nth(u32),
    /// Every one.
    Every,
    /// Each one with this chance, drawn from the stream of the event's id.
    Chance(Ratio),
}

/// A node or a selector, resolved when the event fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A host by its name in the scenario: `b1`, `c1`, `p1`, `billing-1`.
    Named(Arc<str>),
    /// The broker that leads the partition by the controller's registration.
    Leader(TopicPartition),
    /// A broker that follows: the first other in-sync replica, else the first other replica.
    Follower(TopicPartition),
    /// The broker of the nth replica, from 1, in assignment order: the same one all run long.
    Replica(TopicPartition, u32),
    /// The active controller.
    Controller,
    /// Where the moment that the event waited for happened; only with [`When::On`].
    Here,
}

/// Several nodes, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Every broker.
    Brokers,
    /// Every controller.
    Controllers,
    /// Every broker and every controller.
    Site,
}

impl Set {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Brokers, Self::Controllers, Self::Site];

    /// As in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brokers => "brokers",
            Self::Controllers => "controllers",
            Self::Site => "site",
        }
    }
}

/// One or several nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One.
    One(Node),
    /// Several.
    All(Set),
    /// The brokers of a rack: those whose broker.rack this is.
    Rack(Arc<str>),
}

/// On whom an action acts: on all of them at one instant, in this order.
pub type Targets = Vec<Target>;

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// kill -9. Undone by a start.
    Crash(Targets),
    /// Power loss. Undone by a start.
    PowerLoss(Targets),
    /// The disk's content is lost, and with it the process. Undone by a start.
    LoseDisk(Targets),
    /// A stop in good order (SIGTERM, controlled shutdown). Undone by a start.
    Stop(Targets),
    /// A start after a crash or a stop.
    Start(Targets),
    /// A stop in good order and a start, one node after the other.
    RollingRestart {
        /// In this order.
        on: Targets,
        /// How long each is down, from the end of its process.
        down: SimDuration,
        /// From the start of one to the stop of the next.
        gap: SimDuration,
    },
    /// The process stands still (SIGSTOP, a long GC pause). Undone by its continuation.
    Pause(Targets),
    /// Nothing arrives from the first at the second.
    CutOneWay(Node, Node),
    /// Nothing arrives between the two.
    Cut(Node, Node),
    /// Nothing arrives between the nodes and any other host; among one another they talk on.
    Isolate(Targets),
    /// Each message from the first to the second takes longer by this much.
    SlowLink(Node, Node, SimDuration),
    /// The link between the two is cut and heals, again and again. Undone by its last healing.
    Flap {
        /// One end.
        one: Node,
        /// The other.
        other: Node,
        /// How long it is cut each time.
        down: SimDuration,
        /// How long it is whole in between.
        up: SimDuration,
    },
    /// Of the messages between the two that carry record batches, this share arrives damaged, past
    /// TCP's checksum.
    Corrupt(Node, Node, Ratio),
    /// The message that was the moment arrives damaged; only with [`Moment::ProduceSent`].
    CorruptMessage,
    /// All connections between the two are reset; what is on its way is lost.
    Reset(Node, Node),
    /// Flushes of the node's disk take this much longer.
    SlowDisk(Targets, SimDuration),
    /// The node's disk is full, or that of one log directory.
    FillDisk(Targets, Option<DirectoryId>),
    /// The node's disk fails every call, or that of one log directory.
    FailDisk(Targets, Option<DirectoryId>),
    /// The node's wall clock jumps by this many nanoseconds.
    SkewClock(Targets, i64),
    /// Somebody starts a command-line tool.
    Command(Command),
}
