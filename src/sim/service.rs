//! Handler threads and pauses: when a process looks at what has reached its host.
//!
//! Modelled: a message that has been read (`network_threads`) and costs something waits for one of
//! the host's threads and is handled at the end of its service; messages of one connection are
//! worked on one after the other, so that their order is kept; a connection's end is heard after its
//! last message. A paused process looks at nothing; when it resumes it works off what came, in
//! order, before anything newer.
//! Left out: connects, timers and ends of flushes cost nothing.

use crate::sim::core::{Core, Ready};
use crate::sim::host::{Mode, Parked};
use crate::sim::network::EndState;
use crate::sim::pending::{Pending, Stage, Timer};
use crate::sim::process::{HostId, Input, Payload, TimerSlot};
use crate::sim::queue::Slot;
use crate::sim::time::SimDuration;

impl<M: Payload, T: TimerSlot> Core<M, T> {
    /// A message has reached the host of its end: handled now, or by a thread, or later.
    pub(crate) fn arrive(&mut self, slot: Slot, id: HostId) -> Option<Ready<M, T>> {
        let host = &mut self.hosts[id.0 as usize];
        if host.mode == Mode::Running && host.is_free() {
            return self.hand_over(slot, id);
        }
        let event = self.events.event_mut(slot);
        event.host = id;
        event.incarnation = host.incarnation;
        if host.mode == Mode::Behind {
            event.stage = Stage::Arrived;
            host.backlog.push_back(Parked::Event(slot));
            return None;
        }
        self.serve(slot)
    }

    /// The process looks at a message for the first time.
    pub(crate) fn serve(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let (on, side, host) = self.place_of(slot);
        let Some(connection) = self.network.find(on) else {
            return self.drop_event(slot);
        };
        let end = &mut connection.ends[side];
        if end.state == EndState::Closed {
            return self.drop_event(slot);
        }
        if end.serving {
            end.waiting.push(&mut self.events, slot);
            return None;
        }
        let is_read = self.start_reading(slot, host);
        let cost = self.cost_of(slot);
        if is_read && cost.is_zero() {
            return self.hand_over(slot, host);
        }
        end_mut(self, slot).serving = true;
        if is_read {
            self.queue_for_thread(slot, cost);
        }
        None
    }

    /// A message is done: it is handled, and its thread and its connection go on.
    pub(crate) fn served(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        if !self.is_looked_at(slot) {
            return None;
        }
        let event = self.events.event(slot);
        let (id, threaded) = (event.host, event.threaded);
        self.complete(slot, id, threaded)
    }

    /// True when the process can look at an event of its life now; one of an earlier life ends
    /// here, and during a pause it waits.
    pub(crate) fn is_looked_at(&mut self, slot: Slot) -> bool {
        let event = self.events.event(slot);
        let host = &mut self.hosts[event.host.0 as usize];
        if event.incarnation != host.incarnation || host.mode == Mode::Down {
            self.drop_event(slot);
            return false;
        }
        if host.mode == Mode::Behind {
            host.backlog.push_back(Parked::Event(slot));
            return false;
        }
        true
    }

    fn complete(&mut self, slot: Slot, id: HostId, threaded: bool) -> Option<Ready<M, T>> {
        if threaded {
            self.host_mut(id).free_thread();
            self.give_threads(id);
        }
        let (on, side, _) = self.place_of(slot);
        let Some(connection) = self.network.find(on) else {
            return self.drop_event(slot);
        };
        let end = &mut connection.ends[side];
        if end.state == EndState::Closed {
            return self.drop_event(slot);
        }
        end.serving = false;
        if let Some(next) = end.waiting.pop(&self.events) {
            end.serving = true;
            if self.start_reading(next, id) {
                let cost = self.cost_of(next);
                self.queue_for_thread(next, cost);
            }
        } else if end.finished {
            let cause = self.events.event(slot).cause;
            self.push_on(self.now, Stage::Finish, on, side, cause);
        }
        self.hand_over(slot, id)
    }

    /// Gives a thread to a message, or lets it wait for one; what costs nothing needs none. Where
    /// the queue is full, its network thread waits with it.
    pub(crate) fn queue_for_thread(&mut self, slot: Slot, cost: SimDuration) {
        let id = self.events.event(slot).host;
        let host = &mut self.hosts[id.0 as usize];
        let threaded = !cost.is_zero();
        if threaded && !host.take_thread() {
            if !host.enqueue(&mut self.events, slot) {
                self.block(slot);
            }
            return;
        }
        let event = self.events.event_mut(slot);
        event.stage = Stage::Served;
        event.threaded = threaded;
        self.events.schedule(self.now + cost, slot);
    }

    /// Gives a free thread to the message that waits longest, passing over closed connections, and
    /// the room in the queue to network threads that wait for it.
    fn give_threads(&mut self, id: HostId) {
        while let Some(slot) = self.hosts[id.0 as usize].dequeue(&self.events) {
            if self.is_open(slot) {
                let cost = self.cost_of(slot);
                self.queue_for_thread(slot, cost);
                break;
            }
            self.drop_event(slot);
        }
        self.admit(id);
    }

    /// Whether the end that a message has come to is still there.
    pub(crate) fn is_open(&mut self, slot: Slot) -> bool {
        let (on, side, _) = self.place_of(slot);
        let connection = self.network.find(on);
        connection.is_some_and(|connection| connection.ends[side].state != EndState::Closed)
    }

    pub(crate) fn place_of(
        &self,
        slot: Slot,
    ) -> (crate::sim::process::ConnectionId, usize, HostId) {
        let event = self.events.event(slot);
        (event.on, event.side, event.host)
    }

    /// What the message in a slot costs its host.
    pub(crate) fn cost_of(&self, slot: Slot) -> SimDuration {
        let event = self.events.event(slot);
        match &event.input {
            Some(Input::Message { body, .. }) => self
                .host(event.host)
                .cost(body.cost_class(), || body.size_bytes()),
            Some(
                Input::Start
                | Input::Terminate
                | Input::Connected { .. }
                | Input::Disconnected(_)
                | Input::Timer(_)
                | Input::Flushed(_)
                | Input::FlushFailed(_),
            )
            | None => SimDuration::ZERO,
        }
    }

    /// The process stops to look at anything.
    pub(crate) fn pause(&mut self, id: HostId) {
        let host = self.host_mut(id);
        host.pauses += 1;
        if host.mode == Mode::Running {
            host.mode = Mode::Behind;
        }
    }

    /// Ends one pause; after the last the process works off what came.
    pub(crate) fn resume(&mut self, id: HostId) {
        let host = self.host_mut(id);
        host.pauses = host.pauses.saturating_sub(1);
        if host.pauses == 0 && host.mode == Mode::Behind {
            self.go_on(id);
        }
    }

    /// Schedules the next of what came during a pause, or goes back to handling at once.
    fn go_on(&mut self, id: HostId) {
        let host = &mut self.hosts[id.0 as usize];
        if host.backlog.is_empty() {
            host.mode = Mode::Running;
        } else if !host.waking {
            host.waking = true;
            let event = Pending::on_host(Stage::Wake, id, host.incarnation, self.event);
            self.events.push(self.now, event);
        }
    }

    /// The process looks at the first of what came during a pause.
    pub(crate) fn wake(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let id = self.events.event(slot).host;
        self.drop_event(slot);
        let host = self.host_mut(id);
        host.waking = false;
        if host.mode != Mode::Behind || host.pauses > 0 {
            return None;
        }
        let first = host.backlog.pop_front();
        let ready = match first? {
            Parked::Timer(alarm) => {
                let is_wanted = host.unpark_timer(alarm);
                let Timer { cause, timer, .. } = *self.events.alarm(alarm);
                is_wanted.then_some(Ready {
                    host: id,
                    cause,
                    input: Input::Timer(timer),
                })
            }
            Parked::Event(slot) => self.look_at(slot, id),
        };
        self.go_on(id);
        ready
    }

    fn look_at(&mut self, slot: Slot, id: HostId) -> Option<Ready<M, T>> {
        let event = self.events.event(slot);
        match event.stage {
            Stage::Arrived => self.serve(slot),
            Stage::Read => {
                self.put(slot);
                None
            }
            Stage::Served => {
                let threaded = event.threaded;
                self.complete(slot, id, threaded)
            }
            Stage::Finish => self.finish_now(slot),
            Stage::Local => self.hand_over(slot, id),
            Stage::Deliver
            | Stage::Ack
            | Stage::Fin
            | Stage::Syn
            | Stage::SynAck
            | Stage::Reset
            | Stage::Retry
            | Stage::Break
            | Stage::Flushed
            | Stage::Wake => unreachable!("what waits for a process has reached its host"),
        }
    }
}

/// The end that an event happens at; the connection is there.
pub(crate) fn end_mut<M: Payload, T: TimerSlot>(
    core: &mut Core<M, T>,
    slot: Slot,
) -> &mut crate::sim::network::End {
    let (on, side, _) = core.place_of(slot);
    let connection = core.network.find(on);
    &mut connection
        .expect("a message is served while its connection is there")
        .ends[side]
}
