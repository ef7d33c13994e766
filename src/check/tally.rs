//! The words of the audit, as numbers.

use crate::sim::time::{SimDuration, SimTime};

/// The words of the audit, counted over every record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The application called send.
    pub sent: u64,
    /// It was told success.
    pub acked: u64,
    /// It was told a failure, and no replica holds a copy.
    pub refused: u64,
    /// It was told a failure or nothing, and a copy exists; or it was told nothing at all.
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
    /// Times that partitions were handed out anew. A static split has none.
    pub rebalances: u64,
    /// Milliseconds for which a partition had no reader because of that, summed over partitions.
    pub paused_partition_ms: u64,
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
    /// The first moment after the peak at which at most a hundredth of it waited; none where nothing
    /// ever did.
    pub peak_gone_at: Option<SimTime>,
    /// When the lag last fell to 0, to stay there: none where the group processed nothing, or where
    /// a readable record is left that it has neither processed nor passed over.
    pub caught_up_at: Option<SimTime>,
    /// Share of all waiting during which the record's partition had no leader, in per mille.
    pub no_leader_per_mille: u32,
}
