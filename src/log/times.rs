//! Timestamps: which ones a leader accepts, and which offset has one.
//!
//! Modelled: CreateTime within message.timestamp.before.max.ms and after.max.ms, LogAppendTime, the
//! first record at or after an instant, the record with the largest timestamp.
//! Source: LogValidator.validateTimestamp, UnifiedLog.fetchOffsetByTimestamp (4.2); KIP-32, KIP-79,
//! KIP-734, KIP-937.

use crate::kafka::ids::{LeaderEpoch, Offset};
use crate::kafka::records::{Batch, StoredBatch};
use crate::log::Log;
use crate::log::rules::TimestampRules;
use crate::sim::clock::WallTime;
use crate::sim::time::SimDuration;

/// A record found by its timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOffset {
    /// Its timestamp.
    pub timestamp: WallTime,
    /// Its offset.
    pub offset: Offset,
    /// The leader epoch of its batch.
    pub leader_epoch: LeaderEpoch,
}

impl TimestampRules {
    /// True when every record of a batch was made within the bounds around `now`, by the leader's
    /// clock.
    #[inline]
    pub fn admit(&self, batch: &Batch, now: WallTime) -> bool {
        let ahead = batch.times.max.0.saturating_sub(now.0);
        if ahead > millis(self.after_max) {
            return false;
        }
        if self.before_max == SimDuration::MAX {
            return true;
        }
        let oldest = batch.timestamps().min();
        oldest.is_none_or(|oldest| now.0.saturating_sub(oldest.0) <= millis(self.before_max))
    }
}

fn millis(span: SimDuration) -> i64 {
    if span == SimDuration::MAX {
        return i64::MAX;
    }
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Log {
    /// The first record at or after `at`: of the first segment whose largest timestamp reaches it,
    /// and none when that segment's records that do are below the log start.
    pub fn first_at_or_after(&self, at: WallTime) -> Option<TimedOffset> {
        let numbers = 0..self.segments.count();
        let reaches = |number: &usize| {
            let largest = self.segments.segment(*number).largest_timestamp;
            largest.is_some_and(|largest| largest >= at)
        };
        let number = numbers.into_iter().find(reaches)?;
        let batches = self.segments.batches_of(number);
        let mut reaching = batches.filter(|stored| stored.batch.times.max >= at);
        reaching.find_map(|stored| {
            record_in(stored, |offset, timestamp| {
                offset >= self.start && timestamp >= at
            })
        })
    }

    /// The first record with the largest timestamp.
    pub fn at_largest_timestamp(&self) -> Option<TimedOffset> {
        let mut best: Option<(WallTime, usize)> = None;
        for number in 0..self.segments.count() {
            let largest = self.segments.segment(number).largest_timestamp;
            if let Some(largest) = largest
                && best.is_none_or(|(at, _)| largest > at)
            {
                best = Some((largest, number));
            }
        }
        let (largest, number) = best?;
        let mut batches = self.segments.batches_of(number);
        let stored = batches.find(|stored| stored.batch.times.max == largest)?;
        record_in(stored, |_, timestamp| timestamp == largest)
    }
}

/// The first record of a batch that fits.
fn record_in(stored: &StoredBatch, fits: impl Fn(Offset, WallTime) -> bool) -> Option<TimedOffset> {
    let records = (0..).zip(stored.batch.timestamps());
    let timed = records.map(|(delta, timestamp)| TimedOffset {
        timestamp,
        offset: stored.base_offset.plus(delta),
        leader_epoch: stored.leader_epoch,
    });
    timed.into_iter().find(|at| fits(at.offset, at.timestamp))
}
