//! Triggers: protocol moments that the run waits for.
//!
//! A trigger is matched against every effect as it is applied. When one matches, the rest of that
//! step waits until the caller has applied its fault: a crash of the host swallows it, a cut
//! delays what it sends. What the process has written to its disk does not wait: it is there.

use crate::sim::observe::{Occasion, Trip};
use crate::sim::process::{ConnectionId, Effect, HostId, Process};

/// A trigger, by the order in which they were armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TriggerId(pub u32);

/// Which of the matching effects trips a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The first.
    Once,
    /// Each one.
    Every,
    /// The nth, counted from 1.
    Nth(u64),
}

#[derive(Clone, Debug)]
struct Trigger<M> {
    id: TriggerId,
    moment: M,
    times: Times,
    seen: u64,
}

/// The triggers that are armed.
#[derive(Clone, Debug)]
pub(crate) struct Triggers<P: Process> {
    armed: Vec<Trigger<P::Moment>>,
    next: u32,
    /// Trips that the caller was not told of yet, in reverse order.
    tripped: Vec<Trip>,
}

impl<P: Process> Triggers<P> {
    pub(crate) const fn new() -> Self {
        Self {
            armed: Vec::new(),
            next: 0,
            tripped: Vec::new(),
        }
    }

    pub(crate) fn arm(&mut self, moment: P::Moment, times: Times) -> TriggerId {
        let id = TriggerId(self.next);
        self.next += 1;
        self.armed.push(Trigger {
            id,
            moment,
            times,
            seen: 0,
        });
        id
    }

    pub(crate) fn disarm(&mut self, id: TriggerId) {
        self.armed.retain(|trigger| trigger.id != id);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    pub(crate) const fn has_tripped(&self) -> bool {
        !self.tripped.is_empty()
    }

    /// Matches an effect; true when it trips a trigger.
    pub(crate) fn meet(
        &mut self,
        occasion: &Occasion,
        effect: &Effect<P::Message, P::Fact, P::Timer>,
    ) -> bool {
        let before = self.tripped.len();
        let host: HostId = occasion.host;
        let tripped = &mut self.tripped;
        self.armed.retain_mut(|trigger| {
            if !P::matches(&trigger.moment, host, effect) {
                return true;
            }
            trigger.seen += 1;
            let (trips, stays) = match trigger.times {
                Times::Once => (true, false),
                Times::Every => (true, true),
                Times::Nth(nth) => (trigger.seen == nth, trigger.seen < nth),
            };
            if trips {
                let connection = connection_of(effect);
                tripped.insert(
                    0,
                    Trip {
                        trigger: trigger.id,
                        occasion: *occasion,
                        connection,
                    },
                );
            }
            stays
        });
        self.tripped.len() > before
    }

    /// The next trip that the caller has to hear of.
    pub(crate) fn next_trip(&mut self) -> Option<Trip> {
        self.tripped.pop()
    }
}

const fn connection_of<M, F, T>(effect: &Effect<M, F, T>) -> Option<ConnectionId> {
    match effect {
        Effect::Open { connection, .. } => Some(*connection),
        Effect::Send { on, .. } | Effect::Close(on) => Some(*on),
        Effect::SetTimer { .. }
        | Effect::CancelTimer(_)
        | Effect::Flush { .. }
        | Effect::AwaitRead { .. }
        | Effect::Fact(_)
        | Effect::Exit => None,
    }
}
