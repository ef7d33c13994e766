//! L2, one partition's log: a part without time or messages, which takes and returns values.
//!
//! Modelled: append as leader and follower, the sequence check, high watermark, leader epochs,
//! truncation, segments, retention, a log start that moves, look-ups by time, what a crash keeps,
//! what a restart knows.
//! Left out for now: compaction, transactions.
//! Source: UnifiedLog, LocalLog, LogLoader (4.2); KIP-98, KIP-101, KIP-279, KIP-360.

pub mod epoch_cache;
pub mod producer_state;
pub mod retention;
pub mod rules;
pub mod segment;
pub mod segments;
pub mod times;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::kafka::api::fetch::EpochEnd;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{LeaderEpoch, Offset};
use crate::kafka::records::{Batch, StoredBatch};
use crate::log::epoch_cache::{EpochCache, EpochStart};
use crate::log::producer_state::{ProducerState, Verdict};
use crate::log::rules::RollRules;
use crate::log::segment::Incoming;
use crate::log::segments::Segments;
use crate::sim::clock::WallTime;
use crate::sim::rng;
use crate::sim::time::SimDuration;

/// The log of one replica.
#[derive(Clone, Debug, Default)]
pub struct Log {
    segments: Segments,
    epochs: EpochCache,
    producers: ProducerState,
    start: Offset,
    end: Offset,
    high_watermark: Offset,
    /// The producers' snapshot at `end` was written by a clean shutdown.
    closed: bool,
    /// From which each segment's jitter is drawn.
    jitter_key: u64,
}

/// What a restart finds in the checkpoint files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The high watermark as it was last written down.
    pub high_watermark: Offset,
    /// The log start offset as it was last written down.
    pub start: Offset,
}

/// What a leader did with a batch that it did not refuse.
#[derive(Clone, Debug)]
pub enum LeaderAppend {
    /// It is in the log now.
    Appended(StoredBatch),
    /// It was in the log before; the client gets the first copy's offsets.
    Duplicate {
        /// The offset of the first copy's first record.
        base_offset: Offset,
        /// The offset of its last record.
        last_offset: Offset,
    },
}

impl Log {
    /// An empty log that begins at offset 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty log whose segments draw their jitter (segment.jitter.ms) from `jitter_key`.
    pub fn open(jitter_key: u64, rules: &RollRules) -> Self {
        Self {
            segments: Segments::starting_at(Offset::default(), rules.index_interval),
            jitter_key,
            ..Self::default()
        }
    }

    /// Everything is lost: the log begins anew at offset 0.
    pub fn lose(&mut self) {
        let index_interval = self.segments.active().index_interval;
        *self = Self {
            segments: Segments::starting_at(Offset::default(), index_interval),
            jitter_key: self.jitter_key,
            ..Self::default()
        };
    }

    // Deviation: a segment.jitter.ms that changes holds for the active segment too; Kafka draws the
    // jitter when a segment begins.

    /// Begins a segment before `incoming` is appended, where the rules ask for one. Returns where
    /// it begins.
    #[inline]
    pub fn roll_if_due(&mut self, incoming: &Incoming, rules: &RollRules) -> Option<Offset> {
        let jitter = if rules.segment_jitter.is_zero() {
            0
        } else {
            let most = rules.segment_jitter.min(rules.segment_ms).as_millis();
            rng::scale(
                rng::draw(self.jitter_key, self.segments.active().base.0),
                most,
            )
        };
        if !self.segments.must_roll(incoming, rules, jitter) {
            return None;
        }
        self.roll(rules);
        Some(self.end)
    }

    /// Begins a segment at the log end. The producers' state goes to disk with it.
    fn roll(&mut self, rules: &RollRules) {
        self.segments.roll(self.end, rules.index_interval);
        self.producers.take_snapshot(self.start, self.end);
    }

    /// The first offset.
    pub fn log_start(&self) -> Offset {
        self.start
    }

    /// The offset that the next record gets.
    pub fn log_end(&self) -> Offset {
        self.end
    }

    /// The offset below which every in-sync replica has the records, as far as this one knows.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The bytes of the batches from log start to log end.
    pub fn size_bytes(&self) -> u64 {
        self.segments.bytes()
    }

    /// Appends a client's batch at the log end, unless the producer's sequence forbids it.
    pub fn append_as_leader(
        &mut self,
        batch: Arc<Batch>,
        epoch: LeaderEpoch,
    ) -> Result<LeaderAppend, ErrorCode> {
        // The epoch comes before the sequence check, so a refused batch leaves it behind too.
        self.epochs.assign(epoch, self.end);
        match self.producers.check(&batch)? {
            Verdict::New => {}
            Verdict::Duplicate {
                base_offset,
                last_offset,
            } => {
                return Ok(LeaderAppend::Duplicate {
                    base_offset,
                    last_offset,
                });
            }
        }
        let stored = StoredBatch {
            base_offset: self.end,
            leader_epoch: epoch,
            batch,
        };
        self.push(stored.clone());
        Ok(LeaderAppend::Appended(stored))
    }

    /// Appends a batch that the leader's log has at the same offset.
    pub fn append_as_follower(&mut self, stored: StoredBatch) -> StoredBatch {
        assert_eq!(
            stored.base_offset, self.end,
            "a follower appends at its log end"
        );
        self.epochs.assign(stored.leader_epoch, stored.base_offset);
        self.push(stored.clone());
        stored
    }

    fn push(&mut self, stored: StoredBatch) {
        self.producers.record(&stored.batch, stored.base_offset);
        self.end = stored.next_offset();
        self.closed = false;
        self.segments.push(stored);
    }

    /// Cuts what lies at or above `end`. Returns the old log end when something was cut.
    pub fn truncate_to(&mut self, end: Offset) -> Option<Offset> {
        if end >= self.end {
            // An epoch in which this replica led without a write must not outlive its lead.
            self.epochs.truncate_from_end(self.end);
            return None;
        }
        if end < self.start {
            return self.truncate_fully_and_start_at(end);
        }
        let old_end = self.end;
        self.segments.truncate_to(end);
        self.end = end;
        self.epochs.truncate_from_end(end);
        if let Some(from) = self.producers.truncate(self.start, end) {
            self.producers.replay(self.segments.iter_from(from));
        }
        self.producers.take_snapshot(self.start, end);
        self.high_watermark = self.high_watermark.min(end);
        self.closed = false;
        Some(old_end)
    }

    /// Cuts everything and begins anew at `start`. Returns the old log end when something changed.
    pub fn truncate_fully_and_start_at(&mut self, start: Offset) -> Option<Offset> {
        let old_end = self.end;
        let changed = self.start != start || old_end != start;
        self.segments = Segments::starting_at(start, self.segments.active().index_interval);
        self.epochs.clear();
        self.producers.clear();
        self.start = start;
        self.end = start;
        self.high_watermark = start;
        self.closed = false;
        changed.then_some(old_end)
    }

    /// Power was lost: only the whole batches within the first `durable` bytes are left. Returns
    /// the old log end when something was cut. [`Self::recover`] has to follow.
    pub fn crash_to_bytes(&mut self, durable: u64) -> Option<Offset> {
        let old_end = self.end;
        self.segments.truncate_to_bytes(durable);
        self.closed = false;
        self.load_end();
        (self.end != old_end).then_some(old_end)
    }

    /// A clean shutdown: the producers' state goes to disk.
    pub fn close(&mut self) {
        self.producers.take_snapshot(self.start, self.end);
        self.closed = true;
    }

    /// A restart, clean after [`Self::close`]. High watermark and log start are the checkpointed
    /// ones as far as the batches allow; of each producer the last batch is known. What expired
    /// while the broker was down, [`Self::expire_producers`] removes.
    pub fn recover(&mut self, checkpoint: Checkpoint) {
        self.start = checkpoint.start.max(self.segments.segment(0).base);
        self.load_end();
        if self.end < self.start {
            let (start, high_watermark) = (self.start, self.start);
            self.truncate_fully_and_start_at(start);
            self.high_watermark = high_watermark;
            return;
        }
        self.high_watermark = checkpoint.high_watermark.clamp(self.start, self.end);
        self.epochs.truncate_from_start(self.start);
        if self.closed {
            self.producers.reload(self.start);
        } else {
            let from = self
                .producers
                .newest_snapshot((self.start, self.segments.active().base));
            let batches = self.segments.iter_from(from);
            self.producers.rebuild((self.start, self.end), batches);
        }
        self.closed = false;
    }

    /// The log end as a look at the batches finds it, and the epochs up to there.
    fn load_end(&mut self) {
        let last = self.segments.last().map(StoredBatch::next_offset);
        self.end = last.unwrap_or_default().max(self.segments.active().base);
        self.epochs.truncate_from_end(self.end);
        self.high_watermark = self.high_watermark.min(self.end);
    }

    /// Copies to `out` whole batches with records in `from..below`, up to `max_bytes`; the first
    /// may begin before `from`, and comes in any case when `at_least_one`. Returns their bytes.
    pub fn read(
        &self,
        from: Offset,
        below: Offset,
        max_bytes: u32,
        at_least_one: bool,
        out: &mut Vec<StoredBatch>,
    ) -> u32 {
        let range = from..below;
        self.segments.read(range, max_bytes, at_least_one, out)
    }

    /// The bytes of the batches that lie wholly below `offset`.
    pub fn bytes_below(&self, offset: Offset) -> u64 {
        self.segments.bytes_below(offset)
    }

    /// The bytes that [`Self::read`] would return without a limit.
    pub fn bytes_available(&self, from: Offset, below: Offset) -> u64 {
        if from >= below {
            return 0;
        }
        self.segments.bytes_in(from..below)
    }

    /// Raises the high watermark to `to`, at most to the log end. True when it moved.
    pub fn advance_high_watermark(&mut self, to: Offset) -> bool {
        let to = to.min(self.end);
        let moved = to > self.high_watermark;
        if moved {
            self.high_watermark = to;
        }
        moved
    }

    /// The newest leader epoch.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// The leader epoch that covers `offset`; at the log end, the newest.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.epoch_at(offset)
    }

    /// This replica leads from now on: its epoch begins at the log end.
    pub fn assign_epoch(&mut self, epoch: LeaderEpoch) {
        self.epochs.assign(epoch, self.end);
    }

    /// The largest epoch that is not above `epoch`, and where it ends here; none when unknown.
    pub fn end_offset_for(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        self.epochs.end_offset_for(epoch, self.end)
    }

    /// The leader epochs and where they begin.
    pub fn epochs(&self) -> &[EpochStart] {
        self.epochs.entries()
    }

    /// All batches in offset order, in slices.
    pub fn segments(&self) -> Vec<&[StoredBatch]> {
        self.segments.slices()
    }

    /// How many idempotent producers are remembered.
    pub fn producer_count(&self) -> usize {
        self.producers.len()
    }

    /// Forgets producers whose last batch is older than `expiration` (producer.id.expiration.ms) by
    /// the broker's clock.
    pub fn expire_producers(&mut self, now: WallTime, expiration: SimDuration) {
        self.producers.expire(now, expiration);
    }
}
