//! Observers: what looks at a run without touching it.
//!
//! An observer draws nothing, schedules nothing and changes nothing, so that a run is the same
//! with any observer and with none. The world is generic over it: the observer `()` costs nothing.

use crate::sim::process::{ConnectionId, EventId, HostId, Input, Process};
use crate::sim::time::SimTime;
use crate::sim::world::World;

/// When, where and why something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// Virtual time.
    pub at: SimTime,
    /// The event.
    pub event: EventId,
    /// The event that caused it.
    pub parent: EventId,
    /// The host that it happened on.
    pub host: HostId,
}

/// An event: an input that a process is about to handle.
#[derive(Debug)]
pub struct Seen<'a, P: Process> {
    /// When, where and why.
    pub occasion: Occasion,
    /// What the process will handle.
    pub input: &'a Input<P::Message, P::Timer>,
}

/// Looks at a run.
pub trait Observer<P: Process> {
    /// A process is about to handle an input.
    fn event(&mut self, world: &World<P>, seen: &Seen<'_, P>) {
        let _ = (world, seen);
    }

    /// A process has handled it, and its effects were applied.
    fn handled(&mut self, world: &World<P>, occasion: &Occasion) {
        let _ = (world, occasion);
    }

    /// A process has said something; it is still handling its input.
    fn fact(&mut self, occasion: &Occasion, fact: &P::Fact) {
        let _ = (occasion, fact);
    }
}

impl<P: Process> Observer<P> for () {}

impl<P: Process, O: Observer<P>> Observer<P> for &mut O {
    fn event(&mut self, world: &World<P>, seen: &Seen<'_, P>) {
        (**self).event(world, seen);
    }

    fn handled(&mut self, world: &World<P>, occasion: &Occasion) {
        (**self).handled(world, occasion);
    }

    fn fact(&mut self, occasion: &Occasion, fact: &P::Fact) {
        (**self).fact(occasion, fact);
    }
}

impl<P: Process, A: Observer<P>, B: Observer<P>> Observer<P> for (A, B) {
    fn event(&mut self, world: &World<P>, seen: &Seen<'_, P>) {
        self.0.event(world, seen);
        self.1.event(world, seen);
    }

    fn handled(&mut self, world: &World<P>, occasion: &Occasion) {
        self.0.handled(world, occasion);
        self.1.handled(world, occasion);
    }

    fn fact(&mut self, occasion: &Occasion, fact: &P::Fact) {
        self.0.fact(occasion, fact);
        self.1.fact(occasion, fact);
    }
}

/// Something for a host whose process runs outside of this world.
#[derive(Clone, Debug)]
pub struct Outgoing<M, T> {
    /// When, where and why.
    pub occasion: Occasion,
    /// What the process outside should handle.
    pub input: Input<M, T>,
}

/// The protocol moment that a trigger met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// The trigger.
    pub trigger: crate::sim::trigger::TriggerId,
    /// The event in which it happened.
    pub occasion: Occasion,
    /// The connection of the effect that matched, when it had one.
    pub connection: Option<ConnectionId>,
}
