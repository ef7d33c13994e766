//! L8, one run: a set-up and a seed in, an outcome out. The one entry for the command line and tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sim::time::{SimDuration, SimTime};

/// What one variant did under one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The variant.
    pub variant: Arc<str>,
    /// The configuration error that kept it from running, if any; all else is empty then.
    pub refused: Option<crate::scenario::model::RefusedConfig>,
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
    /// False when the run was still busy when its drain was over; `unsettled` says with what.
    pub settled: bool,
    /// What never drained.
    pub unsettled: Vec<String>,
}

/// The words of the audit, counted over every record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The application called send.
    pub sent: u64,
    /// It was told success.
    pub acked: u64,
    /// It was told a failure, and no replica holds a copy.
    pub refused: u64,
    /// It was told a failure or nothing, and a copy exists.
    pub unknown: u64,
    /// It was told a time-out.
    pub told_timeout: u64,
    /// Distinct records that a consumer can read in the end.
    pub readable: u64,
    /// Acked, not readable, not expired.
    pub lost: u64,
    /// Removed by retention after it had been readable.
    pub expired: u64,
    /// Surplus copies in the log.
    pub duplicated: u64,
    /// Read after a record that the same producer sent later to that partition.
    pub reordered: u64,
    /// The same per key, across partitions.
    pub reordered_keys: u64,
    /// First read only after the heal.
    pub late: u64,
}

/// What a group of readers did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupTally {
    /// Distinct records processed.
    pub processed: u64,
    /// Processed again.
    pub reprocessed: u64,
    /// Readable, but passed over: never processed although a later one of its partition was.
    pub skipped: u64,
    /// Expired before it was read.
    pub unread_expired: u64,
    /// The largest lag: records sent that it will process and has not yet.
    pub max_lag: u64,
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

/// How many records a group had still to process, at equal steps from 0 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LagSeries {
    /// The step.
    pub step: SimDuration,
    /// The lag at 0, one step, two steps, …
    pub values: Vec<u64>,
    /// The exact peak.
    pub peak: u64,
    /// When it was reached.
    pub peak_at: SimTime,
    /// Share of all waiting during which the record's partition had no leader, in per mille.
    pub no_leader_per_mille: u32,
}

/// A label on the time axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: SimTime,
    /// What: `crash b1`, `b2 leads orders-0`.
    pub label: String,
}
