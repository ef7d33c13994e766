//! What waits to happen: one slab entry from the sending of a message to its handling.

use crate::sim::network::Side;
use crate::sim::process::{ConnectionId, EventId, HostId, Input};
use crate::sim::queue::{Queue, Slot};

/// How far an event has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A message reaches the host.
    Deliver,
    /// The last packet of a handshake reaches the acceptor.
    Ack,
    /// The orderly end of a connection reaches the host.
    Fin,
    /// The first packet of a handshake reaches the acceptor.
    Syn,
    /// The second packet of a handshake reaches the opener.
    SynAck,
    /// "No such connection" reaches the host.
    Reset,
    /// TCP sends again what was not acknowledged.
    Retry,
    /// TCP gives a connection up.
    Break,
    /// A message that reached the host while its process could not look.
    Arrived,
    /// A network thread has read a message.
    Read,
    /// A handler thread has worked on a message.
    Served,
    /// The process learns that a connection is over.
    Finish,
    /// An input that comes from the host itself.
    Local,
    /// A flush has ended.
    Flushed,
    /// The process works off what came while it was paused.
    Wake,
}

/// An event to come.
#[derive(Clone, Debug)]
pub(crate) struct Pending<M, T> {
    pub(crate) stage: Stage,
    /// The end of the connection that it happens at.
    pub(crate) side: Side,
    /// It occupies a handler thread.
    pub(crate) threaded: bool,
    pub(crate) on: ConnectionId,
    /// The number of a message among those of its link; the ticket of a flush.
    pub(crate) number: u32,
    pub(crate) host: HostId,
    /// The life of the host that it belongs to.
    pub(crate) incarnation: u32,
    /// The next in a list.
    pub(crate) next: Slot,
    pub(crate) cause: EventId,
    /// What the process will get; `None` where the stage says it all.
    pub(crate) input: Option<Input<M, T>>,
}

impl<M, T> Pending<M, T> {
    /// Something that happens to a connection.
    pub(crate) const fn on_connection(
        stage: Stage,
        on: ConnectionId,
        side: Side,
        cause: EventId,
    ) -> Self {
        Self {
            stage,
            side,
            threaded: false,
            on,
            number: 0,
            host: HostId(0),
            incarnation: 0,
            next: Slot::NONE,
            cause,
            input: None,
        }
    }

    /// Something that happens on a host.
    pub(crate) fn on_host(stage: Stage, host: HostId, incarnation: u32, cause: EventId) -> Self {
        Self {
            host,
            incarnation,
            ..Self::on_connection(stage, ConnectionId(0), 0, cause)
        }
    }
}

/// A timer that a process has used: what its alarm carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer<T> {
    pub(crate) host: HostId,
    pub(crate) timer: T,
    pub(crate) cause: EventId,
}

/// The queue of a world.
pub(crate) type Events<M, T> = Queue<Pending<M, T>, Timer<T>>;

/// A list of stored events without a time, threaded through them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    first: Slot,
    last: Slot,
}

impl Waiting {
    pub(crate) const NONE: Self = Self {
        first: Slot::NONE,
        last: Slot::NONE,
    };

    pub(crate) fn is_empty(self) -> bool {
        self.first == Slot::NONE
    }

    /// Appends an event.
    pub(crate) fn push<M, T>(&mut self, events: &mut Events<M, T>, slot: Slot) {
        events.event_mut(slot).next = Slot::NONE;
        if self.first == Slot::NONE {
            self.first = slot;
        } else {
            events.event_mut(self.last).next = slot;
        }
        self.last = slot;
    }

    /// Takes the first event.
    pub(crate) fn pop<M, T>(&mut self, events: &Events<M, T>) -> Option<Slot> {
        let first = self.first;
        if first == Slot::NONE {
            return None;
        }
        self.first = events.event(first).next;
        Some(first)
    }

    /// Inserts a message before those of its link that have a higher number.
    pub(crate) fn insert<M, T>(&mut self, events: &mut Events<M, T>, slot: Slot) {
        let number = events.event(slot).number;
        if self.first == Slot::NONE || events.event(self.last).number < number {
            return self.push(events, slot);
        }
        let mut before = Slot::NONE;
        let mut after = self.first;
        while events.event(after).number < number {
            before = after;
            after = events.event(after).next;
        }
        events.event_mut(slot).next = after;
        if before == Slot::NONE {
            self.first = slot;
        } else {
            events.event_mut(before).next = slot;
        }
    }

    /// Gives all events back.
    pub(crate) fn discard<M, T>(&mut self, events: &mut Events<M, T>) {
        while let Some(slot) = self.pop(events) {
            discard(events, slot);
        }
    }
}

/// Gives an event back that has no time, with what is in it.
pub(crate) fn discard<M, T>(events: &mut Events<M, T>, slot: Slot) {
    events.event_mut(slot).input = None;
    events.free(slot);
}
