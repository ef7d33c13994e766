//! A stop in good order: leaderships away, logs on stable storage, the clean-shutdown file.
//!
//! Modelled: controlled shutdown with the controller, bounded by five minutes; the flush of every
//! log; the file that lets the next registration say that nothing was lost. A disk that never
//! answers a flush ends the process without that file, after five more minutes.
//! Left out: waiting for requests under way.
//! Source: BrokerServer.shutdown, LogManager.shutdown, CleanShutdownFileHandler (4.2); KIP-966.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::lifecycle::Stage;
use crate::broker::storage::FlushTarget;
use crate::broker::timer::Timer;
use crate::kafka::fact::Fact;
use crate::sim::time::SimDuration;

/// How long the controller has to move the leaderships away, and the disk to flush.
const CONTROLLED_SHUTDOWN_LIMIT: SimDuration = SimDuration::from_secs(300);

impl Broker {
    /// The process was asked to stop.
    pub(super) fn terminate(&mut self, cx: BrokerCx<'_, '_>) {
        match self.lifecycle.stage() {
            Stage::Running if self.config.controlled_shutdown_enable => {
                self.lifecycle.begin_controlled_shutdown();
                cx.set_timer(Timer::ShutdownDeadline, CONTROLLED_SHUTDOWN_LIMIT);
                self.communicate(cx);
            }
            Stage::Starting | Stage::Recovery | Stage::Running => self.flush_and_exit(cx),
            Stage::PendingControlledShutdown | Stage::ShuttingDown | Stage::Down => {}
        }
    }

    /// The controller, or then the disk, has had its time.
    pub(super) fn shutdown_deadline(&mut self, cx: BrokerCx<'_, '_>) {
        if self.lifecycle.stage() == Stage::ShuttingDown {
            self.stop(cx);
        } else {
            self.flush_and_exit(cx);
        }
    }

    /// Serves nobody any more and flushes every log; the process ends when that is done.
    pub(super) fn flush_and_exit(&mut self, cx: BrokerCx<'_, '_>) {
        if !self.metadata.is_published() {
            // The logs were never loaded: the last life's file stays as it is.
            self.stop(cx);
            return;
        }
        self.lifecycle.begin_flushing();
        cx.set_timer(Timer::ShutdownDeadline, CONTROLLED_SHUTDOWN_LIMIT);
        self.flushes.clear();
        for slot in self.replicas.slots() {
            if self.is_offline(slot) {
                continue;
            }
            self.flush(cx, slot, FlushTarget::Shutdown);
        }
        self.end_shutdown_if_flushed(cx);
    }

    /// The last flush of a shutdown ends it.
    pub(super) fn end_shutdown_if_flushed(&mut self, cx: BrokerCx<'_, '_>) {
        if !self.flushes.is_empty() {
            return;
        }
        self.write_checkpoint();
        self.write_start_checkpoint();
        for partition in self.replicas.iter_mut() {
            partition.log.close();
        }
        self.lifecycle.shut_down_cleanly();
        cx.fact(Fact::BrokerShutDown { broker: self.id });
        self.stop(cx);
    }

    /// Ends the process now.
    pub(super) fn stop(&mut self, cx: BrokerCx<'_, '_>) {
        self.forget();
        cx.exit();
    }
}
