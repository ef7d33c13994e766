//! A broker's life as the controller sees it: registration, heartbeats, fencing, controlled shutdown.
//!
//! Modelled: registration of a new incarnation, retried while the session of the last one lasts;
//! heartbeats every broker.heartbeat.interval.ms; wanting to be fenced until the first image is
//! applied; back-off after failures. A broker that the controller fences goes on serving: nobody
//! tells it. Stale broker epochs are retried like any failure, as Kafka does.
//! Left out: features.
//! Source: BrokerLifecycleManager, BrokerServer (4.2); KIP-631.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::timer::{Link, Timer};
use crate::kafka::api::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::kafka::api::broker_registration::{
    BrokerRegistrationRequest, BrokerRegistrationResponse,
};
use crate::kafka::ids::{BrokerEpoch, Incarnation};
use crate::kafka::message::Request;
use crate::rpc::exponential;
use crate::sim::rng::Rng;
use crate::sim::time::SimDuration;

/// The first pause after a failure; it doubles up to broker.session.timeout.ms.
const RESEND_BACKOFF: SimDuration = SimDuration::from_millis(100);
/// Until the next heartbeat while the broker catches up.
const CATCH_UP_INTERVAL: SimDuration = SimDuration::from_millis(10);
/// Until the second heartbeat of a controlled shutdown.
const FIRST_SHUTDOWN_INTERVAL: SimDuration = SimDuration::from_millis(50);

/// Where a broker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not running.
    Down,
    /// Registering, then applying the metadata log up to its registration. Clients are turned away.
    Starting,
    /// It serves, but is fenced.
    Recovery,
    /// It serves and was unfenced.
    Running,
    /// It serves until the controller has moved its leaderships away.
    PendingControlledShutdown,
    /// It flushes its logs; nobody is served.
    ShuttingDown,
}

/// A broker's life.
#[derive(Clone, Debug)]
pub(super) struct Lifecycle {
    stage: Stage,
    incarnation: Incarnation,
    /// The epoch of this life's registration.
    epoch: Option<BrokerEpoch>,
    /// What a clean shutdown leaves on the disk: the epoch of that life.
    clean_shutdown: Option<BrokerEpoch>,
    ready_to_unfence: bool,
    failures: u32,
    /// A communication became due while another was under way.
    hurry: bool,
    asked_for_shutdown: bool,
    rng: Rng,
}

impl Lifecycle {
    /// Before the first start. The first life's incarnation is the one that is given.
    pub(super) fn new(incarnation: Incarnation, rng: Rng) -> Self {
        Self {
            stage: Stage::Down,
            incarnation,
            epoch: None,
            clean_shutdown: None,
            ready_to_unfence: false,
            failures: 0,
            hurry: false,
            asked_for_shutdown: false,
            rng,
        }
    }

    /// Where the broker is in its life.
    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// The epoch of this life's registration.
    pub(super) fn epoch(&self) -> Option<BrokerEpoch> {
        self.epoch
    }

    /// True while clients and followers are served.
    pub(super) fn is_serving(&self) -> bool {
        match self.stage {
            Stage::Recovery | Stage::Running | Stage::PendingControlledShutdown => true,
            Stage::Down | Stage::Starting | Stage::ShuttingDown => false,
        }
    }

    /// The clean-shutdown file is gone.
    pub(super) fn forget_clean_shutdown(&mut self) {
        self.clean_shutdown = None;
    }

    /// The logs are flushed: the next life may say so.
    pub(super) fn shut_down_cleanly(&mut self) {
        self.clean_shutdown = self.epoch;
    }

    /// The broker stands already, registered and unfenced.
    pub(super) fn stand(&mut self, epoch: BrokerEpoch) {
        self.stage = Stage::Running;
        self.epoch = Some(epoch);
        self.ready_to_unfence = true;
    }

    /// The controller is to move this broker's leaderships away.
    pub(super) fn begin_controlled_shutdown(&mut self) {
        self.stage = Stage::PendingControlledShutdown;
    }

    /// The shutdown's last part begins.
    pub(super) fn begin_flushing(&mut self) {
        self.stage = Stage::ShuttingDown;
    }

    /// The process is gone.
    pub(super) fn end(&mut self) {
        self.stage = Stage::Down;
        self.epoch = None;
        self.ready_to_unfence = false;
        self.failures = 0;
        self.hurry = false;
        self.asked_for_shutdown = false;
        self.incarnation.0 += 1;
    }

    /// A random span below `interval`: periodic tasks of a cluster that stands are not in step.
    pub(super) fn phase(&mut self, interval: SimDuration) -> SimDuration {
        SimDuration::from_nanos(self.rng.below(interval.as_nanos().max(1)))
    }

    /// The pause after a failure: doubled each time, two per cent more or less.
    fn backoff(&mut self, max: SimDuration) -> SimDuration {
        let base = exponential(RESEND_BACKOFF, max, self.failures);
        self.failures += 1;
        let percent_of_100 = 9_800 + self.rng.below(401);
        SimDuration::from_nanos(base.as_nanos() / 10_000 * percent_of_100)
    }
}

impl Broker {
    /// A life begins.
    pub(super) fn register(&mut self, cx: BrokerCx<'_, '_>) {
        self.lifecycle.stage = Stage::Starting;
        let limit = self.config.initial_broker_registration_timeout;
        cx.set_timer(Timer::RegistrationDeadline, limit);
        self.communicate(cx);
    }

    /// Time for a registration or a heartbeat.
    pub(super) fn communicate(&mut self, cx: BrokerCx<'_, '_>) {
        match self.lifecycle.stage {
            Stage::Starting
            | Stage::Recovery
            | Stage::Running
            | Stage::PendingControlledShutdown => {}
            Stage::Down | Stage::ShuttingDown => return,
        }
        if self.link(Link::Lifecycle).is_busy() {
            self.lifecycle.hurry = true;
            return;
        }
        let offline_log_dirs = self.offline_log_dirs();
        let request = match self.lifecycle.epoch {
            None => Request::BrokerRegistration(BrokerRegistrationRequest {
                broker: self.id,
                incarnation: self.lifecycle.incarnation,
                previous_broker_epoch: self.lifecycle.clean_shutdown,
                rack: self.rack,
            }),
            Some(broker_epoch) => Request::BrokerHeartbeat(BrokerHeartbeatRequest {
                broker: self.id,
                broker_epoch,
                metadata_offset: self.image().end,
                want_fence: !self.lifecycle.ready_to_unfence,
                want_shut_down: self.lifecycle.stage == Stage::PendingControlledShutdown,
                offline_log_dirs,
            }),
        };
        self.ask(cx, Link::Lifecycle, request);
    }

    /// Sets the time of the next communication; at once when one became due meanwhile.
    fn communicate_after(&mut self, cx: BrokerCx<'_, '_>, after: SimDuration) {
        let hurry = std::mem::take(&mut self.lifecycle.hurry);
        let after = if hurry { SimDuration::ZERO } else { after };
        cx.set_timer(Timer::Communicate, after);
    }

    /// The communication failed.
    pub(super) fn communicate_after_failure(&mut self, cx: BrokerCx<'_, '_>) {
        if self.failure_stays_untold(cx.now()) {
            return self.stop(cx);
        }
        let after = self.lifecycle.backoff(self.config.broker_session_timeout);
        self.communicate_after(cx, after);
    }

    /// The controller answered a registration.
    pub(super) fn registration_answered(
        &mut self,
        cx: BrokerCx<'_, '_>,
        response: BrokerRegistrationResponse,
    ) {
        if response.error.is_some() {
            self.communicate_after_failure(cx);
            return;
        }
        self.lifecycle.failures = 0;
        self.lifecycle.epoch = Some(response.broker_epoch);
        cx.cancel_timer(Timer::RegistrationDeadline);
        self.communicate_after(cx, SimDuration::ZERO);
    }

    /// The controller did not register this broker in time: it gives up.
    pub(super) fn registration_deadline(&mut self, cx: BrokerCx<'_, '_>) {
        if self.lifecycle.epoch.is_none() {
            self.stop(cx);
        }
    }

    /// The controller answered a heartbeat.
    pub(super) fn heartbeat_answered(
        &mut self,
        cx: BrokerCx<'_, '_>,
        response: BrokerHeartbeatResponse,
    ) {
        if response.error.is_some() {
            self.communicate_after_failure(cx);
            return;
        }
        self.lifecycle.failures = 0;
        self.log_dirs_told();
        let interval = self.config.broker_heartbeat_interval;
        match self.lifecycle.stage {
            Stage::Starting => {
                if response.is_caught_up {
                    self.lifecycle.stage = Stage::Recovery;
                    self.publish_first_image(cx);
                    self.lifecycle.ready_to_unfence = true;
                    self.communicate_after(cx, SimDuration::ZERO);
                } else {
                    self.communicate_after(cx, CATCH_UP_INTERVAL);
                }
            }
            Stage::Recovery => {
                if !response.is_fenced {
                    self.lifecycle.stage = Stage::Running;
                }
                self.communicate_after(cx, interval);
            }
            Stage::Running => self.communicate_after(cx, interval),
            Stage::PendingControlledShutdown if response.should_shut_down => {
                self.flush_and_exit(cx);
            }
            Stage::PendingControlledShutdown => {
                let is_first = !std::mem::replace(&mut self.lifecycle.asked_for_shutdown, true);
                let after = if is_first {
                    FIRST_SHUTDOWN_INTERVAL
                } else {
                    interval
                };
                self.communicate_after(cx, after);
            }
            Stage::ShuttingDown | Stage::Down => {}
        }
    }
}
