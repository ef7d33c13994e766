//! Requests that wait for something: plain data in reused places, in order of their deadlines.
//!
//! Modelled: what waits is found by its id, which the partitions that it waits for remember; one
//! timer for the oldest deadline, re-armed when it fires.
//! Left out: the timing wheel and the purge of finished operations; both are about cost.
//! Source: DelayedOperationPurgatory, DelayedProduce, DelayedFetch (4.2).

use crate::broker::connections::ReplyTo;
use crate::kafka::api::fetch::FetchRequest;
use crate::kafka::api::produce::{Acks, ProduceResponse};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{Offset, TopicPartition};
use crate::sim::process::{EventId, FlushId};
use crate::sim::time::{SimDuration, SimTime};

/// A parked request, while it is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ParkedId(u32);

/// One partition of one parked request, as the partition remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    /// The request.
    pub(super) id: ParkedId,
    /// The index of the partition in it.
    pub(super) part: u32,
}

/// A produce whose answer must wait.
#[derive(Clone, Debug)]
pub(super) struct ParkedProduce {
    /// Where the answer goes.
    pub(super) reply_to: ReplyTo,
    /// What the producer asked for.
    pub(super) acks: Acks,
    /// The event in which it arrived.
    pub(super) arrived_in: EventId,
    /// The answer as it is known so far.
    pub(super) response: Box<ProduceResponse>,
    /// What each partition waits for.
    pub(super) waits: Vec<Wait>,
    /// How many partitions still wait.
    pub(super) left: u32,
}

/// What one partition of a produce waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Nothing.
    Done,
    /// The leader's own flush (flush.messages); then for `then`, if anything.
    Flush {
        /// The flush.
        flush: FlushId,
        /// The offset that the high watermark must reach afterwards (acks=all).
        then: Option<Offset>,
    },
    /// The high watermark must reach this offset.
    Replication(Offset),
}

/// A fetch that waits for records.
#[derive(Clone, Debug)]
pub(super) struct ParkedFetch {
    /// Where the answer goes.
    pub(super) reply_to: ReplyTo,
    /// What was asked.
    pub(super) request: Box<FetchRequest>,
}

/// A deletion of records that waits for followers.
#[derive(Clone, Debug)]
pub(super) struct ParkedDelete {
    /// Where the answer goes.
    pub(super) reply_to: ReplyTo,
    /// Where each log is to begin, or why it does not.
    pub(super) waits: Vec<(TopicPartition, Result<Offset, ErrorCode>)>,
}

/// Parked requests of one kind.
#[derive(Clone, Debug)]
pub(super) struct Purgatory<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
    /// The ends of the list in order of deadlines.
    first: Option<u32>,
    last: Option<u32>,
    /// When the pending timer fires.
    armed: Option<SimTime>,
}

#[derive(Clone, Debug)]
struct Place<T> {
    value: Option<T>,
    deadline: SimTime,
    before: Option<u32>,
    after: Option<u32>,
}

impl<T> Default for Purgatory<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            first: None,
            last: None,
            armed: None,
        }
    }
}

impl<T> Purgatory<T> {
    /// Parks a request.
    pub(super) fn park(&mut self, value: T, deadline: SimTime) -> ParkedId {
        // Deadlines come nearly in order, so the place is found at the end.
        let mut before = self.last;
        while let Some(index) = before
            && self.places[index as usize].deadline > deadline
        {
            before = self.places[index as usize].before;
        }
        let after = match before {
            Some(index) => self.places[index as usize].after,
            None => self.first,
        };
        let place = Place {
            value: Some(value),
            deadline,
            before,
            after,
        };
        let index = if let Some(index) = self.free.pop() {
            self.places[index as usize] = place;
            index
        } else {
            self.places.push(place);
            self.places.len() as u32 - 1
        };
        match before {
            Some(before) => self.places[before as usize].after = Some(index),
            None => self.first = Some(index),
        }
        match after {
            Some(after) => self.places[after as usize].before = Some(index),
            None => self.last = Some(index),
        }
        ParkedId(index)
    }

    /// A parked request.
    pub(super) fn peek(&self, id: ParkedId) -> &T {
        let value = self.places[id.0 as usize].value.as_ref();
        value.expect("who waits for a partition is parked")
    }

    /// A parked request.
    pub(super) fn peek_mut(&mut self, id: ParkedId) -> &mut T {
        let value = self.places[id.0 as usize].value.as_mut();
        value.expect("who waits for a partition is parked")
    }

    /// Takes a parked request out.
    pub(super) fn take(&mut self, id: ParkedId) -> T {
        let place = &mut self.places[id.0 as usize];
        let value = place.value.take();
        let (before, after) = (place.before, place.after);
        match before {
            Some(before) => self.places[before as usize].after = after,
            None => self.first = after,
        }
        match after {
            Some(after) => self.places[after as usize].before = before,
            None => self.last = before,
        }
        self.free.push(id.0);
        value.expect("who waits for a partition is parked")
    }

    /// A request whose deadline has come.
    pub(super) fn expired(&self, now: SimTime) -> Option<ParkedId> {
        let first = self.first?;
        (self.places[first as usize].deadline <= now).then_some(ParkedId(first))
    }

    /// How long the timer must be set to, when the pending one would come too late.
    pub(super) fn arm(&mut self, now: SimTime) -> Option<SimDuration> {
        let deadline = self.places[self.first? as usize].deadline;
        if deadline == SimTime::NEVER || self.armed.is_some_and(|at| at <= deadline) {
            return None;
        }
        self.armed = Some(deadline);
        Some(deadline.since(now))
    }

    /// The timer fired.
    pub(super) fn fired(&mut self) {
        self.armed = None;
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> SimTime {
        SimTime::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn requests_expire_in_the_order_of_their_deadlines() {
        let mut purgatory = Purgatory::default();
        for (name, seconds) in [("b", 2), ("d", 4), ("a", 1), ("c", 3)] {
            purgatory.park(name, at(seconds));
        }
        let mut expired = Vec::new();
        while let Some(id) = purgatory.expired(at(3)) {
            expired.push(purgatory.take(id));
        }
        assert_eq!(expired, ["a", "b", "c"]);
    }

    #[test]
    fn a_place_is_used_again_and_the_list_stays_whole() {
        let mut purgatory = Purgatory::default();
        let a = purgatory.park("a", at(1));
        let b = purgatory.park("b", at(2));
        let c = purgatory.park("c", at(3));
        assert_eq!(purgatory.take(b), "b");
        let d = purgatory.park("d", at(4));
        assert_eq!(d, b);
        assert_eq!(purgatory.take(a), "a");
        assert_eq!(purgatory.take(d), "d");
        assert_eq!(purgatory.expired(at(9)), Some(c));
    }

    #[test]
    fn the_timer_is_set_for_the_first_deadline_and_only_when_that_comes_sooner() {
        let mut purgatory = Purgatory::default();
        assert_eq!(purgatory.arm(at(0)), None);
        let b = purgatory.park("b", at(2));
        assert_eq!(purgatory.arm(at(0)), Some(SimDuration::from_secs(2)));
        purgatory.park("c", at(3));
        assert_eq!(purgatory.arm(at(0)), None);
        purgatory.take(b);
        purgatory.fired();
        assert_eq!(purgatory.arm(at(2)), Some(SimDuration::from_secs(1)));
        purgatory.park("a", at(2));
        assert_eq!(purgatory.arm(at(2)), Some(SimDuration::ZERO));
    }
}
