//! The world: all processes and everything between them, as one value.
//!
//! Modelled: one event at a time, in order of time and then of scheduling; a process handles an
//! input to the end and its effects are applied in order before the next input. Cloned, a world
//! has the same future; reseeded, another one.
//! Left out: parallelism (a run is one thread's).

use crate::sim::core::{Core, Ready};
use crate::sim::host::{HostSpec, Mode, QueueSeen, Runs};
use crate::sim::link::LinkProfile;
use crate::sim::network::Network;
use crate::sim::observe::{Observer, Occasion, Outgoing, Seen, Trip};
use crate::sim::process::{
    ConnectionId, Cx, Effect, EventId, HostId, HostState, Input, Payload, Process, Sink, TimerSlot,
};
use crate::sim::rng::Streams;
use crate::sim::time::{SimDuration, SimTime};
use crate::sim::trigger::{Times, TriggerId, Triggers};

/// What a step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A process has handled an input.
    Handled(EventId),
    /// An effect was the moment of a trigger ([`World::trip`] says more). The rest of that step
    /// waits for the caller, and is lost if the caller crashes the host.
    Tripped(TriggerId),
    /// Nothing is to happen until the time that was asked for.
    Idle,
}

/// The effects of a process of type `P`.
type EffectOf<P> = Effect<<P as Process>::Message, <P as Process>::Fact, <P as Process>::Timer>;

/// The rest of a step in which a trigger tripped.
#[derive(Clone, Debug)]
struct Suspended<P: Process> {
    occasion: Occasion,
    incarnation: u32,
    effects: Vec<EffectOf<P>>,
}

/// All processes and everything between them.
#[derive(Clone, Debug)]
pub struct World<P: Process> {
    processes: Vec<P>,
    pub(crate) states: Vec<HostState>,
    pub(crate) core: Core<P::Message, P::Timer>,
    triggers: Triggers<P>,
    trip: Option<Trip>,
    suspended: Vec<Suspended<P>>,
    /// The rest of the current step, once a trigger has tripped in it.
    rest: Vec<EffectOf<P>>,
    outbox: Vec<Outgoing<P::Message, P::Timer>>,
}

impl<P: Process> World<P> {
    /// A world without hosts, in which paths are like `link` unless something else is declared.
    pub fn new(seed: u64, link: LinkProfile) -> Self {
        Self {
            processes: Vec::new(),
            states: Vec::new(),
            core: Core::new(Network::new(seed, link)),
            triggers: Triggers::new(),
            trip: None,
            suspended: Vec::new(),
            rest: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// Adds a host with power and a process that was not started.
    pub fn add_host(&mut self, process: P, spec: &HostSpec) -> HostId {
        let host = HostId(self.processes.len() as u32);
        self.processes.push(process);
        let mut state = HostState::new(host);
        state.clock = spec.clock;
        state.disk.set_profile(spec.disk);
        // Hosts do not write back in step.
        let mut chance = Streams::new(self.core.network.seed()).stream(&format!("disk/{}", host.0));
        let interval = SimDuration::from_secs(5);
        state
            .disk
            .set_phase(chance.duration(SimDuration::ZERO, interval));
        self.states.push(state);
        self.core.hosts.push(crate::sim::host::Host::new(spec));
        if let Some(link) = spec.link {
            self.core.network.set_host(host, link);
        }
        host
    }

    /// Declares what the path from one host to another is like, in this direction.
    pub fn set_link(&mut self, from: HostId, to: HostId, link: LinkProfile) {
        self.core.network.set_pair(from, to, link);
    }

    /// Virtual time.
    pub const fn now(&self) -> SimTime {
        self.core.now
    }

    /// How many events there were, those from outside included.
    pub const fn events(&self) -> u64 {
        self.core.count
    }

    /// One word, folded from time, host, kind and ids of every event.
    pub const fn fingerprint(&self) -> u64 {
        self.core.digest.value()
    }

    /// How many hosts there are; their ids are dense.
    pub fn hosts(&self) -> u32 {
        self.processes.len() as u32
    }

    /// The process of a host.
    pub fn process(&self, host: HostId) -> &P {
        &self.processes[host.0 as usize]
    }

    /// The process of a host, for whoever builds or replays a run; observers cannot have it.
    pub fn process_mut(&mut self, host: HostId) -> &mut P {
        &mut self.processes[host.0 as usize]
    }

    /// What the process of a host knows of it: clock and disk.
    pub fn host_state(&self, host: HostId) -> &HostState {
        &self.states[host.0 as usize]
    }

    /// Whether the process of a host runs; a paused one does.
    pub fn is_running(&self, host: HostId) -> bool {
        self.core.host(host).mode != Mode::Down
    }

    /// Whether the process of a host was asked to end and has not ended yet.
    pub fn is_stopping(&self, host: HostId) -> bool {
        self.core.host(host).stopping
    }

    /// When the process of a host ended last; the start of time if it never did.
    pub fn ended_at(&self, host: HostId) -> SimTime {
        self.core.host(host).ended_at
    }

    /// What the queue before a host's handler threads was like.
    pub fn request_queue(&self, host: HostId) -> QueueSeen {
        self.core.host(host).queue
    }

    /// How often the process of a host was started.
    pub fn incarnation(&self, host: HostId) -> u32 {
        self.core.host(host).incarnation
    }

    /// When the next event comes.
    pub fn next_time(&mut self) -> Option<SimTime> {
        if self.suspended.is_empty() {
            self.core.next_time()
        } else {
            Some(self.core.now)
        }
    }

    /// Changes what the network draws from now on. What has happened stays, and so do messages
    /// that are on their way.
    pub fn reseed(&mut self, seed: u64) {
        self.core.network.reseed(seed);
    }

    /// Stops the run whenever an effect is this moment.
    pub fn arm(&mut self, moment: P::Moment, times: Times) -> TriggerId {
        self.triggers.arm(moment, times)
    }

    /// Takes a trigger back.
    pub fn disarm(&mut self, trigger: TriggerId) {
        self.triggers.disarm(trigger);
    }

    /// The moment of the last [`Step::Tripped`].
    pub const fn trip(&self) -> Option<&Trip> {
        self.trip.as_ref()
    }

    /// Schedules an input for a process, for now; lost when the process dies before.
    pub fn inject(&mut self, host: HostId, input: Input<P::Message, P::Timer>) {
        self.core.push_local(host, input);
    }

    /// Does what the process of a host that runs outside has decided.
    pub fn perform<O: Observer<P>>(&mut self, host: HostId, effect: EffectOf<P>, observer: &mut O) {
        let event = self.core.event;
        let occasion = Occasion {
            at: self.core.now,
            event,
            parent: event,
            host,
        };
        self.apply(occasion, [effect], observer);
    }

    /// Reserves a connection id for a process outside, for its [`Effect::Open`].
    pub fn reserve_connection(&mut self) -> crate::sim::process::ConnectionId {
        let id = self.core.next_connection;
        self.core.next_connection += 1;
        crate::sim::process::ConnectionId(id)
    }

    /// Takes what has reached hosts that run outside.
    pub fn take_outbox(&mut self) -> Vec<Outgoing<P::Message, P::Timer>> {
        std::mem::take(&mut self.outbox)
    }

    /// Handles the next event.
    pub fn step<O: Observer<P>>(&mut self, observer: &mut O) -> Step {
        self.step_until(SimTime::NEVER, observer)
    }

    /// Handles the next event, if it comes no later than `limit`.
    pub fn step_until<O: Observer<P>>(&mut self, limit: SimTime, observer: &mut O) -> Step {
        if let Some(trip) = self.next_trip(observer) {
            return Step::Tripped(trip);
        }
        loop {
            let Some((at, due)) = self.core.events.next(limit) else {
                return Step::Idle;
            };
            self.core.now = at;
            if let Some(ready) = self.core.take(due, &mut self.states) {
                return self.handle(ready, observer);
            }
        }
    }

    /// Handles all events until `time`, or until a trigger trips; without a trip, `time` is then
    /// the present.
    pub fn run_until<O: Observer<P>>(&mut self, time: SimTime, observer: &mut O) -> Step {
        loop {
            match self.step_until(time, observer) {
                Step::Handled(_) => {}
                Step::Tripped(trigger) => return Step::Tripped(trigger),
                Step::Idle => {
                    if time != SimTime::NEVER {
                        self.core.now = self.core.now.max(time);
                    }
                    return Step::Idle;
                }
            }
        }
    }

    /// Lets a process handle an input.
    fn handle<O: Observer<P>>(
        &mut self,
        ready: Ready<P::Message, P::Timer>,
        observer: &mut O,
    ) -> Step {
        let Ready { host, cause, input } = ready;
        let event = self.core.begin(host, &input);
        let occasion = Occasion {
            at: self.core.now,
            event,
            parent: cause,
            host,
        };
        observer.event(
            self,
            &Seen {
                occasion,
                input: &input,
            },
        );
        if self.core.host(host).runs == Runs::Outside {
            self.outbox.push(Outgoing { occasion, input });
            return Step::Handled(event);
        }
        let state = &mut self.states[host.0 as usize];
        state.now = occasion.at;
        state.event = event;
        state.next_connection = self.core.next_connection;
        let mut sink = Applying {
            core: &mut self.core,
            triggers: &mut self.triggers,
            observer,
            occasion,
            progress: Progress::Applying,
            rest: &mut self.rest,
        };
        self.processes[host.0 as usize].handle(&mut Cx::new(state, &mut sink), input);
        let progress = sink.progress;
        self.core.next_connection = state.next_connection;
        if progress != Progress::Applying || !self.core.flushes.is_empty() {
            self.end_step(occasion, progress);
        }
        observer.handled(self, &occasion);
        match self.next_known_trip() {
            Some(trigger) => Step::Tripped(trigger),
            None => Step::Handled(event),
        }
    }

    /// Applies effects that do not come out of a handler.
    fn apply<O: Observer<P>>(
        &mut self,
        occasion: Occasion,
        effects: impl IntoIterator<Item = EffectOf<P>>,
        observer: &mut O,
    ) {
        let current = std::mem::replace(&mut self.core.event, occasion.event);
        let mut sink = Applying {
            core: &mut self.core,
            triggers: &mut self.triggers,
            observer,
            occasion,
            progress: Progress::Applying,
            rest: &mut self.rest,
        };
        for effect in effects {
            sink.push(effect);
        }
        let progress = sink.progress;
        self.end_step(occasion, progress);
        self.core.event = current;
    }

    /// What has to wait until the process and its host can be touched again.
    fn end_step(&mut self, occasion: Occasion, progress: Progress) {
        let host = occasion.host;
        let mut flushes = std::mem::take(&mut self.core.flushes);
        for (id, file, read_until) in flushes.drain(..) {
            let disk = &mut self.states[host.0 as usize].disk;
            let (ticket, at) = match read_until {
                Some(until) => (disk.await_read(file), until),
                None => disk.flush(file, self.core.now),
            };
            self.core.push_flushed(host, id, ticket, at);
        }
        self.core.flushes = flushes;
        match progress {
            Progress::Applying => {}
            Progress::Exited => self.leave(host),
            Progress::Tripped => {
                let incarnation = self.core.host(host).incarnation;
                let effects = std::mem::take(&mut self.rest);
                self.suspended.push(Suspended {
                    occasion,
                    incarnation,
                    effects,
                });
            }
        }
    }

    /// The next trip to tell, after what earlier trips have held up has been done.
    fn next_trip<O: Observer<P>>(&mut self, observer: &mut O) -> Option<TriggerId> {
        if self.suspended.is_empty() && !self.triggers.has_tripped() {
            return None;
        }
        loop {
            if let Some(trigger) = self.next_known_trip() {
                return Some(trigger);
            }
            // The rest of a step waits as long as its process is paused.
            let core = &self.core;
            let index = self.suspended.iter().position(|rest| {
                let host = core.host(rest.occasion.host);
                host.pauses == 0 || host.incarnation != rest.incarnation
            })?;
            let rest = self.suspended.remove(index);
            let host = self.core.host(rest.occasion.host);
            if host.mode != Mode::Down && host.incarnation == rest.incarnation {
                self.apply(rest.occasion, rest.effects, observer);
            }
        }
    }

    fn next_known_trip(&mut self) -> Option<TriggerId> {
        let trip = self.triggers.next_trip()?;
        self.trip = Some(trip);
        Some(trip.trigger)
    }

    /// A process ends in good order.
    fn leave(&mut self, host: HostId) {
        for on in self.core.network.of_host(host) {
            self.core.close(host, on);
        }
        self.core.stop(host);
    }

    /// A process dies or is killed; what `kind` leaves is left.
    pub(crate) fn kill(&mut self, host: HostId, kind: crate::sim::process::Crash) {
        use crate::sim::process::Crash;
        let was_running = self.is_running(host);
        let connections = self.core.network.of_host(host);
        match kind {
            Crash::Kill => {
                if !was_running {
                    return;
                }
                for on in connections {
                    self.core.close(host, on);
                }
            }
            Crash::PowerLoss | Crash::DiskLost => {
                for on in connections {
                    self.core.vanish(host, on);
                }
                self.core.host_mut(host).powered = false;
                self.core.set_dark(host, true);
                let disk = &mut self.states[host.0 as usize].disk;
                if kind == Crash::DiskLost {
                    disk.lose_content();
                } else {
                    disk.lose_power(self.core.now);
                }
            }
        }
        self.core.stop(host);
        self.processes[host.0 as usize].crash(kind, &self.states[host.0 as usize].disk);
    }
}

/// How far the effects of a step have come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Each is applied as it is pushed.
    Applying,
    /// A trigger has tripped: the rest is kept for later.
    Tripped,
    /// The process has ended: the rest is lost.
    Exited,
}

/// Applies the effects of one step as the process pushes them.
struct Applying<'a, P: Process, O> {
    core: &'a mut Core<P::Message, P::Timer>,
    triggers: &'a mut Triggers<P>,
    observer: &'a mut O,
    occasion: Occasion,
    progress: Progress,
    rest: &'a mut Vec<EffectOf<P>>,
}

impl<P: Process, O> Applying<'_, P, O> {
    /// True when an effect is applied as it comes and no trigger looks at it.
    fn is_plain(&self) -> bool {
        self.progress == Progress::Applying && self.triggers.is_empty()
    }
}

impl<P: Process, O: Observer<P>> Sink<P::Message, P::Fact, P::Timer> for Applying<'_, P, O> {
    fn send(&mut self, on: ConnectionId, body: P::Message) {
        if self.is_plain() {
            self.core.send(self.occasion.host, on, body);
        } else {
            self.push(Effect::Send { on, body });
        }
    }

    fn fact(&mut self, fact: P::Fact) {
        if self.is_plain() {
            self.observer.fact(&self.occasion, &fact);
        } else {
            self.push(Effect::Fact(fact));
        }
    }

    fn push(&mut self, effect: EffectOf<P>) {
        let waits = self.progress == Progress::Tripped
            && !matches!(&effect, Effect::Fact(fact) if P::is_written(fact));
        if waits {
            self.rest.push(effect);
            return;
        }
        if self.progress == Progress::Exited {
            return;
        }
        let trips = !self.triggers.is_empty() && self.triggers.meet(&self.occasion, &effect);
        let host = self.occasion.host;
        match effect {
            Effect::Open { connection, to } => self.core.open(host, connection, to),
            Effect::Send { on, body } => self.core.send(host, on, body),
            Effect::Close(on) => self.core.close(host, on),
            Effect::SetTimer { timer, after } => self.core.set_timer(host, timer, after),
            Effect::CancelTimer(timer) => self.core.cancel_timer(host, timer),
            Effect::Flush { id, file } => self.core.flushes.push((id, file, None)),
            Effect::AwaitRead { id, file, until } => {
                self.core.flushes.push((id, file, Some(until)));
            }
            Effect::Fact(fact) => self.observer.fact(&self.occasion, &fact),
            Effect::Exit => self.progress = Progress::Exited,
        }
        if trips && self.progress == Progress::Applying {
            self.progress = Progress::Tripped;
        }
    }
}

impl<M: Payload, T: TimerSlot> Core<M, T> {
    /// Numbers an input and folds it into the digest.
    fn begin(&mut self, host: HostId, input: &Input<M, T>) -> EventId {
        self.count += 1;
        self.event = EventId(self.count);
        let (kind, ids) = match input {
            Input::Start => (1, 0),
            Input::Terminate => (2, 0),
            Input::Connected { on, peer } => (3, u64::from(on.0) << 32 | u64::from(peer.0)),
            Input::Message { on, body } => (4 | u64::from(on.0) << 8, body.digest()),
            Input::Disconnected(on) => (5, u64::from(on.0)),
            Input::Timer(timer) => (6, timer.slot() as u64),
            Input::Flushed(id) => (7, id.0),
            Input::FlushFailed(id) => (8, id.0),
        };
        self.digest.fold(self.now.as_nanos());
        self.digest.fold(u64::from(host.0).rotate_right(20) ^ kind);
        self.digest.fold(ids);
        self.event
    }
}

#[cfg(test)]
mod tests;
