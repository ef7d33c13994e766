//! A host as the engine sees it: alive or not, its handler threads, what it has not looked at yet.

use std::collections::{BTreeSet, VecDeque};

use crate::sim::clock::WallClock;
use crate::sim::disk::DiskProfile;
use crate::sim::link::{Line, LinkProfile};
use crate::sim::network::ACCEPTOR;
use crate::sim::network_threads::{NetworkThreads, Reading, Threads};
use crate::sim::pending::{Events, Waiting};
use crate::sim::process::ConnectionId;
use crate::sim::queue::{AlarmId, Slot};
use crate::sim::time::{SimDuration, SimTime};

/// What a message costs the handler thread that works on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// For every message.
    pub base: SimDuration,
    /// For each 1,024 bytes of it.
    pub per_kib: SimDuration,
}

impl Cost {
    /// The service time of a message of this size.
    pub const fn of(&self, bytes: u64) -> SimDuration {
        let nanos = (self.per_kib.as_nanos() as u128 * bytes as u128) >> 10;
        let nanos = if nanos > u64::MAX as u128 {
            u64::MAX
        } else {
            nanos as u64
        };
        self.base.saturating_add(SimDuration::from_nanos(nanos))
    }
}

/// Where a host's process runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runs {
    /// In this world.
    #[default]
    Here,
    /// Outside: what reaches it is put into the outbox, and what it does comes by
    /// [`World::perform`].
    ///
    /// [`World::perform`]: crate::sim::world::World::perform
    Outside,
}

/// What a host is made of.
#[derive(Clone, Debug)]
pub struct HostSpec {
    /// Handler threads; 0 counts as 1.
    pub threads: u32,
    /// Costs by cost class; a class beyond the table is free.
    pub costs: Vec<Cost>,
    /// Threads that read and write; without them both cost nothing and nothing waits for room.
    pub network: Option<NetworkThreads>,
    /// The paths that leave this host, where no pair says otherwise.
    pub link: Option<LinkProfile>,
    /// Bytes per second that leave its network interface; `None` is without limit.
    pub interface: Option<u64>,
    /// Its disk.
    pub disk: DiskProfile,
    /// Its wall clock.
    pub clock: WallClock,
    /// Where its process runs.
    pub runs: Runs,
}

impl Default for HostSpec {
    /// One thread, nothing costs anything, a true clock.
    fn default() -> Self {
        Self {
            threads: 1,
            costs: Vec::new(),
            network: None,
            link: None,
            interface: None,
            disk: DiskProfile::default(),
            clock: WallClock::default(),
            runs: Runs::Here,
        }
    }
}

/// What a message of this class and size costs by this table.
pub(crate) fn cost_in(costs: &[Cost], class: usize, bytes: impl FnOnce() -> u64) -> SimDuration {
    match costs.get(class) {
        Some(cost) if cost.per_kib.is_zero() => cost.base,
        Some(cost) => cost.of(bytes()),
        None => SimDuration::ZERO,
    }
}

/// In a table of alarms: none.
const NO_ALARM: AlarmId = AlarmId(u32::MAX);

/// Whether a process can handle an input now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// No process runs.
    Down,
    /// It handles what comes.
    Running,
    /// It is paused, or works off what came while it was.
    Behind,
}

/// What the queue between a host's network threads and its handler threads was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSeen {
    /// How many messages waited at most.
    pub longest: u32,
    /// How many messages met a full queue, and held up their network thread.
    pub met_full: u64,
}

/// What a paused process has not looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parked {
    Event(Slot),
    Timer(AlarmId),
}

/// The engine's side of a host.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) mode: Mode,
    pub(crate) runs: Runs,
    /// Without power no kernel answers.
    pub(crate) powered: bool,
    /// How many pauses were not resumed.
    pub(crate) pauses: u32,
    /// How often its process was started.
    pub(crate) incarnation: u32,
    /// Its process was asked to end and has not ended yet.
    pub(crate) stopping: bool,
    /// When its process ended last.
    pub(crate) ended_at: SimTime,
    threads: u32,
    busy: u32,
    costs: Vec<Cost>,
    pub(crate) network: Option<Box<Threads>>,
    /// Messages that wait for a thread.
    pub(crate) ready: Waiting,
    /// How many they are.
    queued: u32,
    /// What the queue was like, in all its lives.
    pub(crate) queue: QueueSeen,
    /// What came while the process was paused.
    pub(crate) backlog: VecDeque<Parked>,
    /// A wake-up is scheduled.
    pub(crate) waking: bool,
    pub(crate) interface: Line,
    /// The timers in `backlog` that were not set again or taken back since.
    pub(crate) parked_timers: BTreeSet<AlarmId>,
    /// The alarm of each timer slot that was used, `NO_ALARM` for the others.
    alarms: Vec<AlarmId>,
}

impl Host {
    pub(crate) fn new(spec: &HostSpec) -> Self {
        Self {
            mode: Mode::Down,
            runs: spec.runs,
            powered: true,
            pauses: 0,
            incarnation: 0,
            stopping: false,
            ended_at: SimTime::ZERO,
            threads: spec.threads.max(1),
            busy: 0,
            costs: spec.costs.clone(),
            network: (spec.network.as_ref()).map(|spec| Box::new(Threads::new(spec))),
            ready: Waiting::NONE,
            queued: 0,
            queue: QueueSeen::default(),
            backlog: VecDeque::new(),
            waking: false,
            interface: Line::new(spec.interface),
            parked_timers: BTreeSet::new(),
            alarms: Vec::new(),
        }
    }

    /// Whether every message is handled as it arrives.
    pub(crate) const fn is_free(&self) -> bool {
        self.costs.is_empty() && self.network.is_none()
    }

    /// How far the reading of a message comes that arrives now.
    pub(crate) fn read(
        &mut self,
        on: ConnectionId,
        now: SimTime,
        class: usize,
        bytes: impl FnOnce() -> u64,
    ) -> Reading {
        match &mut self.network {
            Some(network) => network.read(on, now, class, bytes),
            None => Reading::Done,
        }
    }

    /// When a message that leaves now has been written.
    pub(crate) fn write(
        &mut self,
        on: ConnectionId,
        now: SimTime,
        class: usize,
        bytes: impl FnOnce() -> u64,
    ) -> SimTime {
        match &mut self.network {
            Some(network) => network.write(on, now, class, bytes),
            None => now,
        }
    }

    /// Lets a message that was read wait for a handler thread; false where the queue is full.
    pub(crate) fn enqueue<M, T>(&mut self, events: &mut Events<M, T>, slot: Slot) -> bool {
        if self
            .network
            .as_ref()
            .is_some_and(|n| n.is_full(self.queued))
            && events.event(slot).side == ACCEPTOR
        {
            self.queue.met_full += 1;
            return false;
        }
        self.queued += 1;
        self.queue.longest = self.queue.longest.max(self.queued);
        self.ready.push(events, slot);
        true
    }

    /// Takes the message that waits longest for a handler thread.
    pub(crate) fn dequeue<M, T>(&mut self, events: &Events<M, T>) -> Option<Slot> {
        let slot = self.ready.pop(events)?;
        self.queued -= 1;
        Some(slot)
    }

    /// The message of the network thread that has waited longest for room in the queue, if there
    /// is some now; that thread goes on.
    pub(crate) fn admit(&mut self, now: SimTime) -> Option<(usize, Slot)> {
        let network = self.network.as_mut()?;
        if network.is_full(self.queued) {
            return None;
        }
        network.unblock(now)
    }

    /// What a message of this class and size costs.
    pub(crate) fn cost(&self, class: usize, bytes: impl FnOnce() -> u64) -> SimDuration {
        cost_in(&self.costs, class, bytes)
    }

    /// Occupies a handler thread, if one is free.
    pub(crate) const fn take_thread(&mut self) -> bool {
        let is_free = self.busy < self.threads;
        if is_free {
            self.busy += 1;
        }
        is_free
    }

    pub(crate) const fn free_thread(&mut self) {
        self.busy -= 1;
    }

    /// All threads end, and what they had in hand or in their queue is lost.
    pub(crate) fn end_threads<M, T>(&mut self, events: &mut Events<M, T>) {
        self.busy = 0;
        self.queued = 0;
        self.ready.discard(events);
        if let Some(network) = &mut self.network {
            network.end(events);
        }
    }

    /// The alarm of a timer slot, if it was ever used.
    pub(crate) fn alarm(&self, slot: usize) -> Option<AlarmId> {
        self.alarms.get(slot).copied().filter(|id| *id != NO_ALARM)
    }

    pub(crate) fn set_alarm(&mut self, slot: usize, alarm: AlarmId) {
        if self.alarms.len() <= slot {
            self.alarms.resize(slot + 1, NO_ALARM);
        }
        self.alarms[slot] = alarm;
    }

    /// The alarms of all timer slots.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = AlarmId> + '_ {
        self.alarms.iter().copied().filter(|id| *id != NO_ALARM)
    }

    /// A timer goes off while the process does not look.
    pub(crate) fn park_timer(&mut self, id: AlarmId) {
        self.backlog.push_back(Parked::Timer(id));
        self.parked_timers.insert(id);
    }

    /// A timer that may have gone off unseen is set again, taken back or handled: whether it had.
    pub(crate) fn unpark_timer(&mut self, id: AlarmId) -> bool {
        !self.parked_timers.is_empty() && self.parked_timers.remove(&id)
    }
}
