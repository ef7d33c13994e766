//! L8, one run: a set-up and a seed in, an outcome out. The one entry for the command line and tests.

pub mod drive;
pub mod guarantees;
pub mod metrics;
pub mod record;
pub mod serving;
pub mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::tally::{GroupTally, LagSeries, Tally};
use crate::kafka::ids::BrokerId;
use crate::kafka::quota::QuotaType;
use crate::run::watch::{DiskReads, Throttled};
use crate::scenario::model::RefusedConfig;
use crate::sim::time::SimTime;

/// What one variant did under one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The variant.
    pub variant: Arc<str>,
    /// The configuration error that kept it from running, if any; all else is empty then.
    pub refused: Option<RefusedConfig>,
    /// The digest of every event.
    pub fingerprint: u64,
    /// Virtual time at the end.
    pub ended_at: SimTime,
    /// How many events ran.
    pub events: u64,
    /// The counts of the audit.
    pub delivery: Tally,
    /// The counts of each group of readers, by name.
    pub groups: BTreeMap<Arc<str>, GroupTally>,
    /// Everything else that can be claimed: integers, durations in ns.
    pub metrics: BTreeMap<String, i64>,
    /// What became of each event of the timeline, in the file's order.
    pub faults: Vec<FaultReport>,
    /// Guarantees that broke.
    pub violations: Vec<Violation>,
    /// The lag of each group over time, by name.
    pub lag: BTreeMap<Arc<str>, LagSeries>,
    /// Moments worth a label on a time axis: faults and changes of leader.
    pub marks: Vec<Mark>,
    /// Clients that were throttled, and how.
    pub throttles: Vec<ThrottleReport>,
    /// Readers whose records no page cache held any more, and how long their answers waited.
    pub disk_reads: Vec<DiskReadReport>,
    /// False when the run was still busy when its drain was over; `unsettled` says with what.
    pub settled: bool,
    /// What never drained.
    pub unsettled: Vec<String>,
}

/// What became of an event of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultReport {
    /// Its id.
    pub id: Arc<str>,
    /// True when it happened and had something to act on.
    pub hit: bool,
    /// When it first happened.
    pub at: Option<SimTime>,
    /// In words: `crash b1`.
    pub what: String,
}

/// A guarantee that must hold whatever the settings, and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The guarantee, by its checker's name.
    pub guarantee: &'static str,
    /// When it was noticed.
    pub at: SimTime,
    /// What shows it, in words.
    pub evidence: Vec<String>,
}

/// How a client was throttled for a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleReport {
    /// Its client.id.
    pub client: Arc<str>,
    /// The quota.
    pub quota: QuotaType,
    /// How often and how long.
    pub throttled: Throttled,
}

/// What a disk read for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskReadReport {
    /// Whose disk.
    pub broker: BrokerId,
    /// The follower that asked; none for consumers.
    pub reader: Option<BrokerId>,
    /// As in `orders-0`.
    pub partition: String,
    /// How often and how long.
    pub reads: DiskReads,
}

/// A label on the time axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: SimTime,
    /// What: `crash b1`, `b2 leads orders-0`.
    pub label: String,
}

impl Outcome {
    /// What comes of a variant that a Kafka client refuses to start.
    pub fn refused(variant: &Arc<str>, refused: &RefusedConfig) -> Self {
        Self {
            variant: Arc::clone(variant),
            refused: Some(refused.clone()),
            fingerprint: 0,
            ended_at: SimTime::ZERO,
            events: 0,
            delivery: Tally::default(),
            groups: BTreeMap::new(),
            metrics: BTreeMap::new(),
            faults: Vec::new(),
            violations: Vec::new(),
            lag: BTreeMap::new(),
            marks: Vec::new(),
            throttles: Vec::new(),
            disk_reads: Vec::new(),
            settled: true,
            unsettled: Vec::new(),
        }
    }
}
