//! Logs on disk: flushes, the high watermark checkpoint, what a crash leaves.
//!
//! Modelled: flush.messages, the checkpoint every 5 s, power loss back to the durable bytes, a disk
//! that fails or is full and takes its log directory down.
//! Left out: the recovery point, the time that recovery takes.
//! Source: UnifiedLog.append, LogManager, ReplicaManager.checkpointHighWatermarks,
//! handleLogDirFailure (4.2); KIP-112.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::api::produce;
use crate::broker::disk_reads;
use crate::broker::partition::Slot;
use crate::broker::purgatory::Waiter;
use crate::broker::timer::Timer;
use crate::kafka::fact::{Fact, TruncationCause};
use crate::kafka::ids::Offset;
use crate::log::Checkpoint;
use crate::sim::disk::Disk;
use crate::sim::process::{Crash, FlushId};
use crate::sim::time::SimDuration;

/// producer.id.expiration.check.interval.ms
pub(super) const PRODUCER_EXPIRATION_INTERVAL: SimDuration = SimDuration::from_secs(600);

/// Who waits for a flush.
#[derive(Clone, Copy, Debug)]
pub(super) enum FlushTarget {
    /// A leader's append.
    Leader {
        /// The replica.
        slot: Slot,
        /// The produce, while it is parked.
        waiter: Option<Waiter>,
    },
    /// A fetcher, which appended for a follower.
    Fetcher(u32),
    /// Nobody: a segment takes no more appends.
    Segment,
    /// The shutdown.
    Shutdown,
}

/// A power loss cut this replica's log, which is told at the next start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    slot: Slot,
    from: Offset,
}

impl Broker {
    /// Counts appended records and starts a flush when flush.messages of them are in the page cache.
    pub(super) fn flush_if_due(
        &mut self,
        cx: BrokerCx<'_, '_>,
        slot: Slot,
        records: u64,
    ) -> Option<FlushId> {
        let partition = &mut self.replicas[slot];
        partition.unflushed += records;
        let interval = partition.settings.flush_messages?;
        if partition.unflushed < interval {
            return None;
        }
        Some(self.flush(cx, slot, FlushTarget::Leader { slot, waiter: None }))
    }

    /// Starts a flush.
    pub(super) fn flush(
        &mut self,
        cx: BrokerCx<'_, '_>,
        slot: Slot,
        target: FlushTarget,
    ) -> FlushId {
        let id = FlushId(self.next_flush);
        self.next_flush += 1;
        let partition = &mut self.replicas[slot];
        partition.unflushed = 0;
        cx.flush(id, partition.file);
        self.flushes.insert(id, (slot, target));
        id
    }

    /// A flush, or a read, met an error of the device.
    pub(super) fn flush_failed(&mut self, cx: BrokerCx<'_, '_>, id: FlushId) {
        if let Some((slot, target)) = self.flushes.remove(&id) {
            self.log_dir_failed(slot);
            match target {
                _ if self.is_halting => {}
                FlushTarget::Leader { waiter, .. } => {
                    if let Some(waiter) = waiter {
                        produce::flush_failed(self, cx, waiter);
                    }
                }
                FlushTarget::Fetcher(fetcher) => self.fetcher_flushed(cx, fetcher),
                FlushTarget::Shutdown => self.end_shutdown_if_flushed(cx),
                FlushTarget::Segment => {}
            }
        } else {
            disk_reads::failed(self, cx, id);
        }
    }

    /// A flush, or a read, is done.
    pub(super) fn flushed(&mut self, cx: BrokerCx<'_, '_>, id: FlushId) {
        match self.flushes.remove(&id).map(|(_, target)| target) {
            Some(FlushTarget::Leader { slot, waiter }) => produce::flushed(self, cx, slot, waiter),
            Some(FlushTarget::Fetcher(fetcher)) => self.fetcher_flushed(cx, fetcher),
            Some(FlushTarget::Shutdown) => self.end_shutdown_if_flushed(cx),
            Some(FlushTarget::Segment) => {}
            None => disk_reads::done(self, cx, id),
        }
    }

    /// Writes all high watermarks down and sets the timer for the next time.
    pub(super) fn checkpoint_high_watermarks(&mut self, cx: BrokerCx<'_, '_>) {
        self.write_checkpoint();
        let interval = self.config.replica_high_watermark_checkpoint_interval;
        // A period of 0 is no period: KafkaScheduler runs such a task once.
        if !interval.is_zero() {
            cx.set_timer(Timer::CheckpointHighWatermarks, interval);
        }
    }

    /// Writes all high watermarks down. The file is synced, so a power loss leaves it.
    pub(super) fn write_checkpoint(&mut self) {
        for partition in self.replicas.iter_mut() {
            partition.checkpoint.high_watermark = partition.log.high_watermark();
        }
    }

    /// Forgets producers that were silent for producer.id.expiration.ms.
    pub(super) fn expire_producers(&mut self, cx: BrokerCx<'_, '_>) {
        let (now, expiration) = (cx.wall_clock(), self.config.producer_id_expiration);
        for partition in self.replicas.iter_mut() {
            partition.log.expire_producers(now, expiration);
        }
        cx.set_timer(Timer::ExpireProducers, PRODUCER_EXPIRATION_INTERVAL);
    }

    /// What this kind of death leaves on the disk.
    pub(super) fn lose_storage(&mut self, kind: Crash, disk: &Disk) {
        for slot in self.replicas.slots() {
            let partition = &mut self.replicas[slot];
            match kind {
                Crash::Kill => {}
                Crash::PowerLoss => {
                    let durable = disk.durable(partition.file);
                    if let Some(from) = partition.log.crash_to_bytes(durable) {
                        self.cuts.push(Cut { slot, from });
                    }
                }
                Crash::DiskLost => {
                    let from = partition.log.log_end();
                    partition.log.lose();
                    partition.checkpoint = Checkpoint::default();
                    if from > Offset::default() {
                        self.cuts.push(Cut { slot, from });
                    }
                }
            }
        }
        if kind == Crash::DiskLost {
            self.lifecycle.forget_clean_shutdown();
        }
    }

    /// Cuts the files where their logs end now, after a batch that is not whole, and says what the
    /// last death took.
    pub(super) fn report_cuts(&mut self, cx: BrokerCx<'_, '_>) {
        cx.disk().free_detached();
        for cut in std::mem::take(&mut self.cuts) {
            let partition = &self.replicas[cut.slot];
            cx.disk()
                .truncate(partition.file, partition.log.size_bytes());
            cx.fact(Fact::Truncated {
                broker: self.id,
                tp: partition.tp,
                to: partition.log.log_end(),
                from: cut.from,
                why: TruncationCause::NotDurable,
            });
        }
    }
}
