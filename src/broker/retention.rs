//! What a broker does to its logs by the clock: retention, deleted files, log start checkpoints.
//!
//! Modelled: the check of every log, leaders' and followers' alike, log.initial.task.delay.ms after
//! the start and then every log.retention.check.interval.ms, by the broker's own wall clock; bytes
//! of deleted segments, which stay on the disk for file.delete.delay.ms; log start offsets, which
//! reach the disk every minute only; the flush of a segment that takes no more appends.
//! Left out: the time that a check takes, compaction.
//! Source: LogManager.cleanupLogs, checkpointLogStartOffsets, UnifiedLog.roll, LocalLog (4.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::mutation::Mutation;
use crate::broker::partition::Slot;
use crate::broker::storage::FlushTarget;
use crate::broker::timer::Timer;
use crate::kafka::fact::{Fact, LogStartCause, Removal};
use crate::kafka::ids::{DirectoryId, Offset};
use crate::log::retention::Removed;
use crate::sim::clock::WallTime;
use crate::sim::rng::Streams;
use crate::sim::rng::draw;
use crate::sim::time::{SimDuration, SimTime};

/// The periodic care of the logs.
#[derive(Clone, Debug)]
pub(super) struct LogCare {
    /// When in each interval a standing broker checks.
    phase: u64,
    /// From which the logs' jitter keys are drawn.
    jitter: u64,
    /// Bytes of deleted segments that are still on the disk, by when they go and from where.
    doomed: BTreeMap<(SimTime, DirectoryId), u64>,
}

impl LogCare {
    /// Of a broker that has not started; `name` tells its stream of chance from others'.
    pub(super) fn new(streams: &Streams, name: &str) -> Self {
        let mut rng = streams.stream(name);
        Self {
            phase: rng.next_u64(),
            jitter: rng.next_u64(),
            doomed: BTreeMap::new(),
        }
    }

    /// The key of one log's jitter.
    pub(super) fn jitter_key(&self, log: u32) -> u64 {
        draw(self.jitter, u64::from(log))
    }

    /// When in an interval a broker of a cluster that has stood for a while checks first.
    pub(super) fn phase(&self, interval: SimDuration) -> SimDuration {
        let nanos = interval.as_nanos().max(1);
        SimDuration::from_nanos(self.phase % nanos)
    }

    /// The process is gone; the next one removes what it finds on the disk.
    pub(super) fn end(&mut self) {
        self.doomed.clear();
    }
}

impl Broker {
    /// Looks at every log for segments that nothing keeps.
    pub(super) fn check_retention(&mut self, cx: BrokerCx<'_, '_>) {
        for slot in self.replicas.slots() {
            if !self.is_offline(slot) {
                self.delete_old_segments(cx, slot);
            }
        }
        let interval = self.config.log_retention_check_interval;
        cx.set_timer(Timer::Retention, interval);
    }

    fn delete_old_segments(&mut self, cx: BrokerCx<'_, '_>, slot: Slot) {
        let now = cx.wall_clock();
        let partition = &mut self.replicas[slot];
        let from = partition.log.log_start();
        let rules = partition.settings.log;
        let by = match self.mutation {
            Some(Mutation::IgnoreTimestamps) => WallTime(i64::MAX),
            Some(_) | None => now,
        };
        for removed in partition.log.delete_old_segments(by, &rules) {
            self.segments_removed(cx, slot, removed, now);
        }
        if self.replicas[slot].log.log_start() > from {
            self.log_start_moved(cx, slot, from, LogStartCause::SegmentDeletion);
        }
    }

    fn segments_removed(
        &mut self,
        cx: BrokerCx<'_, '_>,
        slot: Slot,
        removed: Removed,
        now: WallTime,
    ) {
        let partition = &self.replicas[slot];
        if removed.rolled {
            cx.fact(Fact::SegmentRolled {
                broker: self.id,
                role: partition.role(),
                tp: partition.tp,
                base: partition.log.log_end(),
            });
        }
        let delay = partition.settings.log.retention.file_delete_delay;
        cx.disk().detach(partition.file, removed.bytes);
        cx.fact(Fact::SegmentsDeleted {
            broker: self.id,
            role: partition.role(),
            tp: partition.tp,
            removal: Arc::new(Removal {
                reason: removed.reason,
                segments: removed.segments,
                below: removed.below,
                high_watermark: partition.log.high_watermark(),
                now,
                retention: partition.settings.log.retention.time,
                batches: removed.batches,
            }),
        });
        let dir = partition.dir;
        let first = self.care.doomed.keys().next().map(|(first, _)| *first);
        let due = cx.now() + delay;
        *self.care.doomed.entry((due, dir)).or_default() += removed.bytes;
        if first.is_none_or(|first| due < first) {
            cx.set_timer(Timer::DeleteFiles, delay);
        }
    }

    /// A log begins later now than at `from`.
    pub(super) fn log_start_moved(
        &mut self,
        cx: BrokerCx<'_, '_>,
        slot: Slot,
        from: Offset,
        why: LogStartCause,
    ) {
        let partition = &self.replicas[slot];
        cx.fact(Fact::LogStartMoved {
            broker: self.id,
            role: partition.role(),
            tp: partition.tp,
            from,
            to: partition.log.log_start(),
            high_watermark: partition.log.high_watermark(),
            why,
        });
    }

    /// Files that were deleted long enough ago leave the disk.
    pub(super) fn delete_files(&mut self, cx: BrokerCx<'_, '_>) {
        let now = cx.now();
        while let Some(entry) = self.care.doomed.first_entry() {
            let (due, dir) = *entry.key();
            if due > now {
                let after = due.since(now);
                cx.set_timer(Timer::DeleteFiles, after);
                return;
            }
            cx.disk().free(dir.0, entry.remove());
        }
    }

    /// Writes the log start offsets down and sets the timer for the next time.
    pub(super) fn checkpoint_log_starts(&mut self, cx: BrokerCx<'_, '_>) {
        self.write_start_checkpoint();
        let interval = self.config.log_flush_start_offset_checkpoint_interval;
        if !interval.is_zero() {
            cx.set_timer(Timer::CheckpointLogStarts, interval);
        }
    }

    /// Writes the log start offsets down.
    pub(super) fn write_start_checkpoint(&mut self) {
        for partition in self.replicas.iter_mut() {
            partition.checkpoint.start = partition.log.log_start();
        }
    }

    /// A log has begun a segment: the one before goes to stable storage, and nobody waits for it.
    pub(super) fn segment_rolled(&mut self, cx: BrokerCx<'_, '_>, slot: Slot, base: Offset) {
        let partition = &self.replicas[slot];
        cx.fact(Fact::SegmentRolled {
            broker: self.id,
            role: partition.role(),
            tp: partition.tp,
            base,
        });
        self.flush(cx, slot, FlushTarget::Segment);
    }
}
