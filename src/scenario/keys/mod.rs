//! Every key of a scenario file: what it takes, its range, its default and what it says.
//!
//! The reader checks by these tables, and the scenario reference of the book is printed from them.

pub mod apps;
pub mod event;
pub mod faults;
pub mod hosts;
pub mod quotas;
pub mod top;

use crate::scenario::keys::apps::{GROUP, HANDLER, KEYS, ON_ERROR, PRODUCER};
use crate::scenario::keys::event::EVENT;
use crate::scenario::keys::faults::FAULTS;
use crate::scenario::keys::hosts::{
    CLUSTER, COMPRESS, COSTS, DECOMPRESS, DISKS, FEATURES, LATENCY, NETWORK, TOPIC,
};
use crate::scenario::keys::quotas::QUOTA;
use crate::scenario::keys::top::{TEACH, TOP};
use crate::sim::time::SimDuration;

/// One kind of table of the file.
#[derive(Debug)]
pub struct TableDoc {
    /// Its header: `[topics.NAME]`.
    pub header: &'static str,
    /// What it is.
    pub says: &'static str,
    /// Its keys, in canonical order.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What holds where it is not given.
    pub absent: Absent,
    /// What it says.
    pub says: &'static str,
    /// An example, as in a file.
    pub example: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A string.
    Text,
    /// An array of strings.
    Texts,
    /// A whole number.
    Count {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A duration with a unit.
    Duration {
        /// The shortest.
        min: SimDuration,
        /// The longest.
        max: SimDuration,
    },
    /// A duration with a unit and perhaps a sign.
    SignedDuration,
    /// An instant since the start, or a range of them.
    Instant,
    /// A size with a unit.
    Size {
        /// The least, in bytes.
        min: u64,
        /// The most, in bytes.
        max: u64,
    },
    /// A size per second.
    Bandwidth {
        /// The least, in bytes per second.
        min: u64,
        /// The most, in bytes per second.
        max: u64,
    },
    /// A share: `"1%"`, `"0.01"`, `"1/100"`.
    Share,
    /// Records per time.
    Rate,
    /// One of some words.
    Word(&'static [&'static str]),
    /// `true`.
    True,
    /// A node or a selector, a set of nodes, or an array of them.
    Targets,
    /// Two nodes or selectors.
    Nodes,
    /// A table of Kafka's configs.
    Config,
    /// Something with a form of its own.
    Form(&'static str),
    /// A table, described by itself.
    Table,
}

/// What holds where a key is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It must be given.
    Required,
    /// This value, read as if it stood in the file.
    Value(&'static str),
    /// What these words say.
    Means(&'static str),
}

/// No run, fault or wait is longer.
pub const LONGEST: SimDuration = SimDuration::from_secs(365 * 86_400);
/// No handler, start or extra delay is longer.
const ONE_DAY: SimDuration = SimDuration::from_secs(86_400);
const ONE_MINUTE: SimDuration = SimDuration::from_secs(60);

const UP_TO_A_YEAR: Takes = Takes::Duration {
    min: SimDuration::ZERO,
    max: LONGEST,
};
const UP_TO_A_DAY: Takes = Takes::Duration {
    min: SimDuration::ZERO,
    max: ONE_DAY,
};
const UP_TO_A_MINUTE: Takes = Takes::Duration {
    min: SimDuration::ZERO,
    max: ONE_MINUTE,
};
const BANDWIDTH: Takes = Takes::Bandwidth {
    min: 1_000,
    max: 1_000_000_000_000,
};

/// The least time that a request and its answer take together, beside their size.
pub const LEAST_ROUND_TRIP: SimDuration = SimDuration::from_micros(1);

/// All variants of a file, the base among them.
pub const MAX_VARIANTS: usize = 100;
/// All bytes of the values that producers with `payload = "bytes"` make and keep.
pub const MAX_PAYLOAD: u64 = 1 << 30;
/// All records of all producers of a variant.
pub const MAX_RECORDS: u64 = 100_000_000;
/// All partitions of all topics of a variant, replicas counted.
pub const MAX_REPLICAS: u64 = 1_000_000;
/// All members of all groups of a variant.
pub const MAX_MEMBERS: u64 = 10_000;
/// All producers of a variant.
pub const MAX_PRODUCERS: u64 = 10_000;
/// The longest file, in bytes.
pub const MAX_FILE: usize = 1 << 20;

const fn key(
    name: &'static str,
    takes: Takes,
    absent: Absent,
    example: &'static str,
    says: &'static str,
) -> Key {
    Key {
        name,
        takes,
        absent,
        says,
        example,
    }
}

/// All tables, in canonical order.
pub static ALL: [&TableDoc; 19] = [
    &TOP,
    &EVENT,
    &FAULTS,
    &CLUSTER,
    &FEATURES,
    &TOPIC,
    &PRODUCER,
    &KEYS,
    &ON_ERROR,
    &GROUP,
    &HANDLER,
    &QUOTA,
    &NETWORK,
    &LATENCY,
    &DISKS,
    &COSTS,
    &COMPRESS,
    &DECOMPRESS,
    &TEACH,
];

/// What a variant or a `--set` may change.
pub const SET_UP: [&str; 12] = [
    "run_for",
    "drain_for",
    "timeline",
    "faults",
    "cluster",
    "topics",
    "producers",
    "groups",
    "quotas",
    "network",
    "disks",
    "costs",
];

/// What an action acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// On nodes.
    OnNodes,
    /// It is a command-line tool.
    Command,
    /// It is a request of an administrator.
    Request,
}

/// Which parts an action has, beside its node or nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionDoc {
    /// Its key.
    pub name: &'static str,
    /// It names two nodes, not any number.
    pub two_nodes: bool,
    /// The keys that it needs, or may have, beside: `delay`, `by` and the like go with no other action.
    pub needs: &'static [&'static str],
    /// It can be undone, so it may have `for`.
    pub lasts: bool,
    /// It acts on a disk: brokers and controllers only.
    pub on_disk: bool,
    /// What it acts on.
    pub kind: ActionKind,
}

const fn action(
    name: &'static str,
    two_nodes: bool,
    needs: &'static [&'static str],
    lasts: bool,
    on_disk: bool,
) -> ActionDoc {
    ActionDoc {
        name,
        two_nodes,
        needs,
        lasts,
        on_disk,
        kind: ActionKind::OnNodes,
    }
}

const fn command(name: &'static str, needs: &'static [&'static str]) -> ActionDoc {
    ActionDoc {
        kind: ActionKind::Command,
        ..action(name, false, needs, false, false)
    }
}

const fn request(name: &'static str, needs: &'static [&'static str]) -> ActionDoc {
    ActionDoc {
        kind: ActionKind::Request,
        ..action(name, false, needs, false, false)
    }
}

/// The keys of an event that only some actions have, and which.
pub const COMPANIONS: [(&str, &str); 12] = [
    ("delay", "it goes with slow_link and slow_disk"),
    ("by", "it goes with skew_clock"),
    ("log_dir", "it goes with fail_disk and fill_disk"),
    ("gap", "it goes with rolling_restart"),
    ("down", "it goes with flap"),
    ("up", "it goes with flap"),
    ("share", "it goes with corrupt and two nodes"),
    ("before", "it goes with delete_records"),
    ("election", "it goes with elect"),
    ("to", "it goes with grow"),
    ("replicas", "it goes with reassign"),
    ("throttle", "it goes with reassign"),
];

/// All actions.
pub const ACTIONS: [ActionDoc; 26] = [
    action("crash", false, &[], true, false),
    action("power_loss", false, &[], true, false),
    action("lose_disk", false, &[], true, true),
    action("stop", false, &[], true, false),
    action("start", false, &[], false, false),
    action("rolling_restart", false, &["for", "gap"], true, false),
    action("pause", false, &[], true, false),
    action("cut", true, &[], true, false),
    action("cut_one_way", true, &[], true, false),
    action("isolate", false, &[], true, false),
    action("slow_link", true, &["delay"], true, false),
    action("flap", true, &["down", "up"], true, false),
    action("corrupt", true, &["share"], true, false),
    action("reset", true, &[], false, false),
    action("slow_disk", false, &["delay"], true, true),
    action("fill_disk", false, &["log_dir"], true, true),
    action("fail_disk", false, &["log_dir"], true, true),
    action("skew_clock", false, &["by"], true, false),
    command("alter_config", &[]),
    command("delete_records", &["before"]),
    command("verify_reassignment", &[]),
    request("elect", &["election"]),
    request("grow", &["to"]),
    request("reassign", &["replicas", "throttle"]),
    request("alter_quotas", &[]),
    request("unregister", &[]),
];

impl TableDoc {
    /// The key of a name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}
