//! Network threads: they read what comes on accepted connections and write what leaves on them.
//!
//! Modelled: each connection belongs to one thread, which does one thing after the other. A
//! message that has been read goes into the queue before the handler threads; while that is full
//! the thread waits with it, and so does whatever else the thread has to read or write. A place
//! goes to the thread that has waited longest.
//! Left out: what a thread was given to write before it had to wait leaves as if it had not.

use std::collections::VecDeque;

use crate::sim::core::{Core, Ready};
use crate::sim::host::{Cost, cost_in};
use crate::sim::network::{ACCEPTOR, EndState};
use crate::sim::pending::{Events, Pending, Stage, Waiting, discard};
use crate::sim::process::{ConnectionId, HostId, Input, Payload, TimerSlot};
use crate::sim::queue::Slot;
use crate::sim::service::end_mut;
use crate::sim::time::{SimDuration, SimTime};

/// Threads that read what comes on the connections that a host has accepted, and write what leaves
/// on them. Each connection belongs to one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkThreads {
    /// How many; 0 counts as 1.
    pub threads: u32,
    /// What reading a message costs, by its cost class.
    pub read: Vec<Cost>,
    /// What writing a message costs, by its class among those that are sent.
    pub write: Vec<Cost>,
    /// How many messages that were read may wait for a handler thread; `None` is without limit.
    pub queue: Option<u32>,
}

/// More network threads than a host has connections make no difference.
const MAX_NETWORK_THREADS: u32 = 4_096;

/// How far the reading of a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It took no time.
    Done,
    /// It lasts until then; by the thread's own time that is `read_at`.
    Until { at: SimTime, read_at: SimTime },
    /// The thread waits for room in the queue.
    HeldUp,
}

/// Until when a thread is busy: whatever there is to do comes to it in order of time, so that its
/// queue needs no events.
#[derive(Clone, Debug)]
struct Thread {
    /// By its own time, which stands still while it waits for room.
    free_at: SimTime,
    /// How long it has waited for room: so much its own time is behind.
    held_up: SimDuration,
    /// Since when it waits for room, with which message.
    blocked: Option<(SimTime, Slot)>,
    /// What came to it since then: messages to read, messages to write.
    waiting: Waiting,
}

impl Thread {
    const IDLE: Self = Self {
        free_at: SimTime::ZERO,
        held_up: SimDuration::ZERO,
        blocked: None,
        waiting: Waiting::NONE,
    };

    /// Does work that is there now: when it is done, by the thread's own time.
    fn work(&mut self, now: SimTime, cost: SimDuration) -> SimTime {
        let own = SimTime::ZERO + (now - (SimTime::ZERO + self.held_up));
        self.free_at = self.free_at.max(own) + cost;
        self.free_at
    }
}

/// The network threads of a host.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    spec: NetworkThreads,
    threads: Vec<Thread>,
    /// Those that wait for room, in order.
    blocked: VecDeque<u32>,
}

impl Threads {
    pub(crate) fn new(spec: &NetworkThreads) -> Self {
        let count = spec.threads.clamp(1, MAX_NETWORK_THREADS);
        Self {
            spec: spec.clone(),
            threads: vec![Thread::IDLE; count as usize],
            blocked: VecDeque::new(),
        }
    }

    fn index(&self, on: ConnectionId) -> usize {
        on.0 as usize % self.threads.len()
    }

    /// True when so many messages leave no room in the queue.
    pub(crate) fn is_full(&self, queued: u32) -> bool {
        self.spec.queue.is_some_and(|limit| queued >= limit)
    }

    /// True when a connection's thread waits for room.
    fn is_held_up(&self, on: ConnectionId) -> bool {
        !self.blocked.is_empty() && self.threads[self.index(on)].blocked.is_some()
    }

    /// How far the reading of a message comes that arrives now.
    pub(crate) fn read(
        &mut self,
        on: ConnectionId,
        now: SimTime,
        class: usize,
        bytes: impl FnOnce() -> u64,
    ) -> Reading {
        if self.is_held_up(on) {
            return Reading::HeldUp;
        }
        let cost = cost_in(&self.spec.read, class, bytes);
        if cost.is_zero() {
            return Reading::Done;
        }
        let index = self.index(on);
        let thread = &mut self.threads[index];
        let read_at = thread.work(now, cost);
        let at = read_at + thread.held_up;
        Reading::Until { at, read_at }
    }

    /// When a message that leaves now has been written.
    pub(crate) fn write(
        &mut self,
        on: ConnectionId,
        now: SimTime,
        class: usize,
        bytes: impl FnOnce() -> u64,
    ) -> SimTime {
        let cost = cost_in(&self.spec.write, class, bytes);
        if cost.is_zero() {
            return now;
        }
        let index = self.index(on);
        let thread = &mut self.threads[index];
        thread.work(now, cost) + thread.held_up
    }

    /// A thread has read a message for which the queue has no room.
    fn block(&mut self, on: ConnectionId, now: SimTime, slot: Slot) {
        let index = self.index(on);
        let before = self.threads[index].blocked.replace((now, slot));
        assert!(
            before.is_none(),
            "a thread that waits for room reads nothing"
        );
        self.blocked.push_back(index as u32);
    }

    /// The thread that has waited longest goes on: its number, and the message it waited with.
    pub(crate) fn unblock(&mut self, now: SimTime) -> Option<(usize, Slot)> {
        let index = self.blocked.pop_front()? as usize;
        let thread = &mut self.threads[index];
        let (since, slot) = thread.blocked.take()?;
        thread.held_up = thread.held_up.saturating_add(now - since);
        Some((index, slot))
    }

    /// All threads end with what they have in hand.
    pub(crate) fn end<M, T>(&mut self, events: &mut Events<M, T>) {
        self.blocked.clear();
        for thread in &mut self.threads {
            if let Some((_, slot)) = thread.blocked {
                discard(events, slot);
            }
            thread.waiting.discard(events);
            *thread = Thread::IDLE;
        }
    }
}

impl<M: Payload, T: TimerSlot> Core<M, T> {
    /// Gives a message to its connection's network thread; true where that has read it at once.
    pub(crate) fn start_reading(&mut self, slot: Slot, id: HostId) -> bool {
        let now = self.now;
        let host = &mut self.hosts[id.0 as usize];
        let event = self.events.event_mut(slot);
        let Some(Input::Message { on, body }) = &event.input else {
            return true;
        };
        if event.side != ACCEPTOR {
            return true;
        }
        let on = *on;
        match host.read(on, now, body.cost_class(), || body.size_bytes()) {
            Reading::Done => true,
            Reading::Until { at, read_at } => {
                event.stage = Stage::Read;
                self.events.schedule(at, slot);
                end_mut(self, slot).read_at = read_at;
                false
            }
            Reading::HeldUp => {
                event.stage = Stage::Arrived;
                self.park(id, on, slot);
                false
            }
        }
    }

    /// A network thread has read a message: it waits for a handler thread.
    pub(crate) fn read(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        if self.is_looked_at(slot) {
            self.put(slot);
        }
        None
    }

    /// Puts a message that was read into the queue, unless its thread had to wait meanwhile.
    pub(crate) fn put(&mut self, slot: Slot) {
        let (on, side, id) = self.place_of(slot);
        if self.host(id).is_held_up(on) {
            return self.park(id, on, slot);
        }
        let read_at = self.network.find(on).map(|found| found.ends[side].read_at);
        if let (Some(read_at), Some(network)) = (read_at, &self.hosts[id.0 as usize].network) {
            let at = read_at + network.threads[network.index(on)].held_up;
            if at > self.now {
                return self.events.schedule(at, slot);
            }
        }
        let cost = self.cost_of(slot);
        self.queue_for_thread(slot, cost);
    }

    /// The queue has no room for a message: its network thread waits with it.
    pub(crate) fn block(&mut self, slot: Slot) {
        let (on, _, id) = self.place_of(slot);
        let now = self.now;
        if let Some(network) = &mut self.hosts[id.0 as usize].network {
            network.block(on, now, slot);
        }
    }

    /// Leaves something to a network thread that waits for room.
    fn park(&mut self, id: HostId, on: ConnectionId, slot: Slot) {
        if let Some(network) = &mut self.hosts[id.0 as usize].network {
            let index = network.index(on);
            network.threads[index].waiting.push(&mut self.events, slot);
        }
    }

    /// Leaves a message to a network thread that waits for room; it is sent when that goes on, if
    /// its connection is still there.
    pub(crate) fn park_write(&mut self, from: HostId, on: ConnectionId, body: M) {
        let mut event = Pending::on_connection(Stage::Deliver, on, ACCEPTOR, self.event);
        event.input = Some(Input::Message { on, body });
        let slot = self.events.store(event);
        self.park(from, on, slot);
    }

    /// Gives the room in a host's queue to the network threads that wait for it.
    pub(crate) fn admit(&mut self, id: HostId) {
        while let Some((thread, slot)) = self.hosts[id.0 as usize].admit(self.now) {
            if self.is_open(slot) {
                let cost = self.cost_of(slot);
                self.queue_for_thread(slot, cost);
            } else {
                self.drop_event(slot);
            }
            self.catch_up(id, thread);
        }
    }

    /// A network thread does what has come to it while it waited, until it has to wait again.
    fn catch_up(&mut self, id: HostId, thread: usize) {
        while let Some(slot) = self.next_parked(id, thread) {
            let Pending { on, stage, .. } = *self.events.event(slot);
            let is_there = (self.network.find(on))
                .is_some_and(|connection| connection.ends[ACCEPTOR].state != EndState::Closed);
            if !is_there {
                self.drop_event(slot);
            } else if stage == Stage::Read {
                self.put(slot);
            } else if stage == Stage::Deliver {
                self.write_parked(slot, id, on);
            } else if self.start_reading(slot, id) {
                let cost = self.cost_of(slot);
                self.queue_for_thread(slot, cost);
            }
        }
    }

    /// A message that has waited for its network thread leaves.
    fn write_parked(&mut self, slot: Slot, id: HostId, on: ConnectionId) {
        let event = self.events.event_mut(slot);
        let (cause, input) = (event.cause, event.input.take());
        self.events.free(slot);
        if let Some(Input::Message { body, .. }) = input {
            self.send_for(cause, id, on, body);
        }
    }

    fn next_parked(&mut self, id: HostId, thread: usize) -> Option<Slot> {
        let network = self.hosts[id.0 as usize].network.as_mut()?;
        let thread = &mut network.threads[thread];
        if thread.blocked.is_some() {
            return None;
        }
        thread.waiting.pop(&self.events)
    }
}

impl crate::sim::host::Host {
    /// True when the network thread of a connection waits for room in the queue.
    pub(crate) fn is_held_up(&self, on: ConnectionId) -> bool {
        self.network.as_ref().is_some_and(|n| n.is_held_up(on))
    }
}

#[cfg(test)]
mod tests;
