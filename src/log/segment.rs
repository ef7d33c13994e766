//! One segment of a log: what its roll and its retention depend on.
//!
//! Modelled: first and largest timestamp, how full the two sparse indexes are (KIP-32, KIP-33), the
//! rules by which the next append begins another segment.
//! Source: LogSegment, OffsetIndex, TimeIndex (4.2).

use crate::kafka::ids::Offset;
use crate::kafka::records::StoredBatch;
use crate::log::rules::RollRules;
use crate::sim::clock::WallTime;

/// Bytes of an entry of the offset index.
const OFFSET_ENTRY: u32 = 8;
/// Bytes of an entry of the time index.
const TIME_ENTRY: u32 = 12;

/// index.interval.bytes where nobody says otherwise.
const INDEX_INTERVAL: u32 = 4_096;

/// A segment; its bytes follow from where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The offset that its first record has or will have.
    pub base: Offset,
    /// Bytes of the log before it, removed ones too.
    pub position: u64,
    /// The largest timestamp; none while it is empty.
    pub largest_timestamp: Option<WallTime>,
    /// The largest timestamp of its first batch.
    first_timestamp: WallTime,
    /// index.interval.bytes when it was made.
    pub index_interval: u32,
    /// Bytes appended since the last index entry.
    since_entry: u64,
    offset_entries: u32,
    time_entries: u32,
    /// The timestamp of the last entry of the time index.
    indexed_timestamp: Option<WallTime>,
}

impl Default for Segment {
    fn default() -> Self {
        Self::new(Offset::default(), 0, INDEX_INTERVAL)
    }
}

/// What is about to be appended.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    /// Its bytes.
    pub bytes: u64,
    /// Its largest timestamp.
    pub max_timestamp: WallTime,
    /// The offset of its last record.
    pub last_offset: Offset,
}

impl Segment {
    /// An empty segment.
    pub fn new(base: Offset, position: u64, index_interval: u32) -> Self {
        Self {
            base,
            position,
            largest_timestamp: None,
            first_timestamp: WallTime(0),
            index_interval,
            since_entry: 0,
            offset_entries: 0,
            time_entries: 0,
            indexed_timestamp: None,
        }
    }

    /// Takes note of a batch at its end.
    #[inline]
    pub fn note(&mut self, stored: &StoredBatch) {
        let max = stored.batch.times.max;
        if self.largest_timestamp.is_none() {
            self.first_timestamp = max;
        }
        self.largest_timestamp = self.largest_timestamp.max(Some(max));
        if self.since_entry > u64::from(self.index_interval) {
            self.offset_entries += 1;
            if self.largest_timestamp > self.indexed_timestamp {
                self.time_entries += 1;
                self.indexed_timestamp = self.largest_timestamp;
            }
            self.since_entry = 0;
        }
        self.since_entry += u64::from(stored.batch.size_bytes);
    }

    /// True when one of the indexes takes no more entries.
    fn is_index_full(&self, index_bytes: u32) -> bool {
        self.offset_entries >= index_bytes / OFFSET_ENTRY
            // The last place is kept for the entry that a roll adds.
            || self.time_entries + 1 >= index_bytes / TIME_ENTRY
    }

    /// True when what comes must begin another segment: `size` is this one's, `jitter` its jitter in
    /// milliseconds.
    #[inline]
    pub fn must_roll(
        &self,
        size: u64,
        incoming: &Incoming,
        rules: &RollRules,
        jitter: u64,
    ) -> bool {
        if size == 0 {
            return false;
        }
        let waited = incoming
            .max_timestamp
            .0
            .saturating_sub(self.first_timestamp.0);
        let limit = rules.segment_ms.as_millis() - jitter;
        size + incoming.bytes > u64::from(rules.segment_bytes)
            || waited > i64::try_from(limit).unwrap_or(i64::MAX)
            || self.is_index_full(rules.index_bytes)
            // Offsets in a segment are kept relative to its base, in 31 bits.
            || incoming.last_offset.0 - self.base.0 > i32::MAX as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::rules::LogRules;
    use crate::sim::time::SimDuration;

    fn rules() -> RollRules {
        RollRules {
            segment_bytes: 1_000,
            segment_ms: SimDuration::from_secs(60),
            ..LogRules::default().roll
        }
    }

    fn incoming(bytes: u64, at: i64) -> Incoming {
        Incoming {
            bytes,
            max_timestamp: WallTime(at),
            last_offset: Offset(9),
        }
    }

    /// A segment whose first batch has the timestamp 0.
    fn begun() -> Segment {
        Segment {
            largest_timestamp: Some(WallTime(0)),
            ..Segment::default()
        }
    }

    #[test]
    fn a_segment_ends_before_it_would_exceed_segment_bytes() {
        assert!(!begun().must_roll(900, &incoming(100, 0), &rules(), 0));
        assert!(begun().must_roll(901, &incoming(100, 0), &rules(), 0));
    }

    #[test]
    fn a_segment_ends_when_timestamps_span_more_than_segment_ms() {
        assert!(!begun().must_roll(10, &incoming(10, 60_000), &rules(), 0));
        assert!(begun().must_roll(10, &incoming(10, 60_001), &rules(), 0));
    }

    #[test]
    fn the_jitter_shortens_segment_ms() {
        assert!(!begun().must_roll(10, &incoming(10, 50_000), &rules(), 10_000));
        assert!(begun().must_roll(10, &incoming(10, 50_001), &rules(), 10_000));
    }

    #[test]
    fn an_empty_segment_does_not_end() {
        assert!(!begun().must_roll(0, &incoming(2_000, 90_000), &rules(), 0));
    }

    #[test]
    fn a_segment_ends_when_an_offset_no_longer_fits() {
        let mut far = incoming(10, 0);
        far.last_offset = Offset(i32::MAX as u64);
        assert!(!begun().must_roll(10, &far, &rules(), 0));
        far.last_offset = Offset(i32::MAX as u64 + 1);
        assert!(begun().must_roll(10, &far, &rules(), 0));
    }

    #[test]
    fn a_segment_ends_when_an_index_is_full() {
        let mut segment = begun();
        let rules = RollRules {
            index_bytes: 48,
            ..rules()
        };
        segment.offset_entries = 5;
        segment.time_entries = 2;
        assert!(!segment.must_roll(10, &incoming(10, 0), &rules, 0));
        segment.time_entries = 3;
        assert!(segment.must_roll(10, &incoming(10, 0), &rules, 0));
        segment.time_entries = 0;
        segment.offset_entries = 6;
        assert!(segment.must_roll(10, &incoming(10, 0), &rules, 0));
    }
}
