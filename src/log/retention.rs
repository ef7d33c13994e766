//! What a log gives up at its begin: old segments, and records that a client had deleted.
//!
//! Modelled: retention by time and by size, oldest segments first, never above the high watermark;
//! an active segment that qualifies is closed first; a log start that a client or the leader moved.
//! Left out: compaction, tiered storage.
//! Source: UnifiedLog.deleteOldSegments, maybeIncrementLogStartOffset (4.2); KIP-107.

use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::DeletionReason;
use crate::kafka::ids::Offset;
use crate::kafka::records::StoredBatch;
use crate::log::Log;
use crate::log::rules::LogRules;
use crate::sim::clock::WallTime;

/// Segments that one rule removed at once.
#[derive(Clone, Debug)]
pub struct Removed {
    /// The rule.
    pub reason: DeletionReason,
    /// How many.
    pub segments: u32,
    /// Their bytes.
    pub bytes: u64,
    /// The offset of the first segment that is left.
    pub below: Offset,
    /// Their batches.
    pub batches: Vec<StoredBatch>,
    /// True when the active segment was among them, and another one was begun.
    pub rolled: bool,
}

impl Log {
    /// Removes the segments that nothing keeps any more at `now`, by the broker's clock: those below
    /// the log start, then what is too much, then what is too old.
    pub fn delete_old_segments(&mut self, now: WallTime, rules: &LogRules) -> Vec<Removed> {
        let mut removed = Vec::new();
        let start = self.start;
        let below_start = self.oldest(|log, number, _| {
            let next = number + 1;
            next < log.segments.count() && log.segments.segment(next).base <= start
        });
        self.remove(below_start, DeletionReason::LogStart, rules, &mut removed);
        if let Some(keep) = rules.retention.bytes {
            let excess = self.size_bytes().saturating_sub(keep);
            let too_much = self.oldest(|log, number, before| {
                excess >= before + log.segments.segment_bytes(number)
            });
            self.remove(too_much, DeletionReason::Size, rules, &mut removed);
        }
        if let Some(keep) = rules.retention.time {
            let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
            let too_old = self.oldest(|log, number, _| {
                let largest = log.segments.segment(number).largest_timestamp;
                largest.is_some_and(|at| now.0.saturating_sub(at.0) > keep)
            });
            self.remove(too_old, DeletionReason::Time, rules, &mut removed);
        }
        removed
    }

    /// How many of the oldest segments qualify: the first that does not ends the search. The rule
    /// is told the bytes of those before.
    fn oldest(&self, qualifies: impl Fn(&Self, usize, u64) -> bool) -> usize {
        let mut before = 0;
        let mut count = 0;
        while count < self.segments.count() {
            let bytes = self.segments.segment_bytes(count);
            let is_last = count + 1 == self.segments.count();
            let end = if is_last {
                self.end
            } else {
                self.segments.segment(count + 1).base
            };
            // Nothing above the high watermark goes, so that the log start never passes it.
            let deletable = self.high_watermark >= end && bytes > 0;
            if !deletable || !qualifies(self, count, before) {
                break;
            }
            before += bytes;
            count += 1;
        }
        count
    }

    fn remove(
        &mut self,
        count: usize,
        reason: DeletionReason,
        rules: &LogRules,
        out: &mut Vec<Removed>,
    ) {
        if count == 0 {
            return;
        }
        let rolled = count == self.segments.count();
        if rolled {
            self.roll(&rules.roll);
        }
        let before = self.size_bytes();
        let below = self.segments.segment(count).base;
        let batches = self.segments.remove_oldest(count);
        self.move_start(below);
        self.producers.forget_snapshots_below(below);
        out.push(Removed {
            reason,
            segments: count as u32,
            bytes: before - self.size_bytes(),
            below,
            batches,
            rolled,
        });
    }

    /// Moves the log start up to `to`, as a client or the leader asks; never above the high
    /// watermark. True when it moved.
    pub fn increment_start(&mut self, to: Offset) -> Result<bool, ErrorCode> {
        if to > self.high_watermark {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let moves = to > self.start;
        self.move_start(to);
        Ok(moves)
    }

    fn move_start(&mut self, to: Offset) {
        if to > self.start {
            self.start = to;
            self.epochs.truncate_from_start(to);
        }
    }
}
