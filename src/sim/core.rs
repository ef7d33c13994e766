//! The machine below the processes: the queue, the hosts, the network, and what they make of one
//! event. Transport is in `transport`, handler threads and pauses are in `service`.

use crate::sim::digest::Digest;
use crate::sim::disk::FlushEnd;
use crate::sim::host::{Host, Mode, Parked};
use crate::sim::network::Network;
use crate::sim::pending::{Events, Pending, Stage, Timer, discard};
use crate::sim::process::{
    ConnectionId, EventId, FileId, FlushId, HostId, HostState, Input, Payload, TimerSlot,
};
use crate::sim::queue::{Due, Queue, Slot};
use crate::sim::time::{SimDuration, SimTime};

/// An input that a process is to handle now.
pub(crate) struct Ready<M, T> {
    pub(crate) host: HostId,
    pub(crate) cause: EventId,
    pub(crate) input: Input<M, T>,
}

/// Everything of a world but its processes and what they can see of their hosts.
#[derive(Clone, Debug)]
pub(crate) struct Core<M, T> {
    pub(crate) now: SimTime,
    /// The event being handled, or the last one: the cause of what is scheduled.
    pub(crate) event: EventId,
    /// Events so far.
    pub(crate) count: u64,
    pub(crate) digest: Digest,
    pub(crate) next_connection: u32,
    pub(crate) events: Events<M, T>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) network: Network,
    /// Flushes that the current step has asked for; they begin when it ends.
    pub(crate) flushes: Vec<(FlushId, FileId, Option<SimTime>)>,
}

impl<M: Payload, T: TimerSlot> Core<M, T> {
    pub(crate) fn new(network: Network) -> Self {
        Self {
            now: SimTime::ZERO,
            event: EventId(0),
            count: 0,
            digest: Digest::default(),
            next_connection: 0,
            events: Queue::new(),
            hosts: Vec::new(),
            network,
            flushes: Vec::new(),
        }
    }

    pub(crate) fn host(&self, host: HostId) -> &Host {
        &self.hosts[host.0 as usize]
    }

    pub(crate) fn host_mut(&mut self, host: HostId) -> &mut Host {
        &mut self.hosts[host.0 as usize]
    }

    /// What is due: an input for a process, or `None` when it concerned the machine only.
    pub(crate) fn take(&mut self, due: Due, states: &mut [HostState]) -> Option<Ready<M, T>> {
        let slot = match due {
            Due::Event(slot) => slot,
            Due::Alarm(id) => {
                let Timer {
                    host, timer, cause, ..
                } = *self.events.alarm(id);
                if self.hosts[host.0 as usize].mode == Mode::Running {
                    return Some(Ready {
                        host,
                        cause,
                        input: Input::Timer(timer),
                    });
                }
                self.host_mut(host).park_timer(id);
                return None;
            }
        };
        match self.events.event(slot).stage {
            Stage::Deliver | Stage::Ack | Stage::Fin => self.deliver(slot),
            Stage::Arrived => self.serve(slot),
            Stage::Read => self.read(slot),
            Stage::Served => self.served(slot),
            Stage::Syn => self.syn(slot),
            Stage::SynAck => self.syn_ack(slot),
            Stage::Reset => self.reset_arrives(slot),
            Stage::Retry => self.retry(slot),
            Stage::Break => self.break_off(slot),
            Stage::Finish => self.finish(slot),
            Stage::Local => self.local(slot),
            Stage::Flushed => {
                let event = self.events.event(slot);
                let disk = &mut states[event.host.0 as usize].disk;
                match disk.flushed(event.number) {
                    FlushEnd::Done => self.local(slot),
                    FlushEnd::Failed => {
                        let event = self.events.event_mut(slot);
                        if let Some(Input::Flushed(id)) = event.input {
                            event.input = Some(Input::FlushFailed(id));
                        }
                        self.local(slot)
                    }
                    FlushEnd::Gone => self.drop_event(slot),
                }
            }
            Stage::Wake => self.wake(slot),
        }
    }

    /// Takes the input out of an event that ends here.
    pub(crate) fn hand_over(&mut self, slot: Slot, host: HostId) -> Option<Ready<M, T>> {
        let event = self.events.event_mut(slot);
        let cause = event.cause;
        let input = event.input.take();
        self.events.free(slot);
        input.map(|input| Ready { host, cause, input })
    }

    /// Ends an event that reaches nobody.
    pub(crate) fn drop_event(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        discard(&mut self.events, slot);
        None
    }

    /// An input of the host itself: handled in the life that it belongs to, or never.
    fn local(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let event = self.events.event_mut(slot);
        let id = event.host;
        event.stage = Stage::Local;
        if !self.is_looked_at(slot) {
            return None;
        }
        self.hand_over(slot, id)
    }

    /// Schedules an input of the host itself for now.
    pub(crate) fn push_local(&mut self, host: HostId, input: Input<M, T>) {
        let incarnation = self.host(host).incarnation;
        let mut event = Pending::on_host(Stage::Local, host, incarnation, self.event);
        event.input = Some(input);
        self.events.push(self.now, event);
    }

    /// Schedules the end of a flush.
    pub(crate) fn push_flushed(&mut self, host: HostId, id: FlushId, ticket: u32, at: SimTime) {
        let incarnation = self.host(host).incarnation;
        let mut event = Pending::on_host(Stage::Flushed, host, incarnation, self.event);
        event.number = ticket;
        event.input = Some(Input::Flushed(id));
        self.events.push(at, event);
    }

    /// Sets a timer of a host.
    pub(crate) fn set_timer(&mut self, host: HostId, timer: T, after: SimDuration) {
        let slot = timer.slot();
        let carries = Timer {
            host,
            timer,
            cause: self.event,
        };
        let at = self.now + after;
        let owner = &mut self.hosts[host.0 as usize];
        let id = owner.alarm(slot).unwrap_or_else(|| {
            let id = self.events.add_alarm(carries);
            owner.set_alarm(slot, id);
            id
        });
        owner.unpark_timer(id);
        if at == SimTime::NEVER {
            self.events.clear_alarm(id);
        } else {
            self.events.set_alarm(id, at, carries);
        }
    }

    /// Takes a timer of a host back.
    pub(crate) fn cancel_timer(&mut self, host: HostId, timer: T) {
        let owner = &mut self.hosts[host.0 as usize];
        if let Some(id) = owner.alarm(timer.slot()) {
            owner.unpark_timer(id);
            self.events.clear_alarm(id);
        }
    }

    /// Forgets everything that waited for a process that is no more.
    pub(crate) fn stop(&mut self, host: HostId) {
        let stopped = &mut self.hosts[host.0 as usize];
        if stopped.mode != Mode::Down {
            stopped.ended_at = self.now;
        }
        stopped.mode = Mode::Down;
        stopped.stopping = false;
        stopped.pauses = 0;
        stopped.end_threads(&mut self.events);
        for parked in stopped.backlog.drain(..) {
            match parked {
                Parked::Event(slot) => discard(&mut self.events, slot),
                Parked::Timer(_) => {}
            }
        }
        stopped.parked_timers.clear();
        for alarm in stopped.alarms() {
            self.events.clear_alarm(alarm);
        }
    }

    /// Begins a new life of a process that is down.
    pub(crate) fn start(&mut self, host: HostId) {
        let started = self.host_mut(host);
        started.incarnation += 1;
        started.powered = true;
        started.mode = if started.pauses > 0 {
            Mode::Behind
        } else {
            Mode::Running
        };
        self.set_dark(host, false);
        self.push_local(host, Input::Start);
    }

    /// Tells all paths to a host whether it has power.
    pub(crate) fn set_dark(&mut self, host: HostId, dark: bool) {
        for path in self.network.paths.iter_mut().filter(|path| path.to == host) {
            path.set_dark(dark);
        }
    }

    /// The index of the path between two hosts.
    pub(crate) fn path(&mut self, from: HostId, to: HostId) -> u32 {
        let dark = !self.host(to).powered;
        self.network.path(from, to, dark)
    }

    /// An event of its own for what happens from outside.
    pub(crate) fn mark(&mut self, kind: u64, ids: u64) -> EventId {
        self.count += 1;
        self.event = EventId(self.count);
        self.digest.fold(self.now.as_nanos());
        self.digest.fold(kind);
        self.digest.fold(ids);
        self.event
    }

    /// Schedules something that happens to a connection.
    pub(crate) fn push_on(
        &mut self,
        at: SimTime,
        stage: Stage,
        on: ConnectionId,
        side: usize,
        cause: EventId,
    ) {
        self.events
            .push(at, Pending::on_connection(stage, on, side, cause));
    }
}
