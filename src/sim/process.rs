//! The whole contract between the engine and what runs in it: inputs in, effects out.
//!
//! A process is one host's software: it handles an input to the end, changes itself and pushes
//! effects into its [`Cx`]. It sees no clock but the host's own, no network and no other process.
//! Parts of a process (a purgatory, a client) have their own timer type and get their own `Cx`,
//! lent by [`Cx::scoped`]; a whole process is put into a larger vocabulary by [`Cx::adapted`].

use std::fmt::Debug;

use crate::sim::clock::{WallClock, WallTime};
use crate::sim::disk::Disk;
use crate::sim::time::{SimDuration, SimTime};

/// A host: one process, one disk, one wall clock, one network interface. Dense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u32);

/// One TCP connection; both ends know it by the same id. Never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// One flush or read that a process asked for; the process chooses the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlushId(pub u64);

/// A file of a host's disk; the process chooses the numbers, densely from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// An event of the run, numbered from 1 in the order in which they happened; 0 means "no event".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u64);

/// What reaches a process.
#[derive(Clone, Debug)]
pub enum Input<M, T> {
    /// The process was started, or restarted after a crash or an exit.
    Start,
    /// The process was asked to stop in good order (SIGTERM); it answers with `Effect::Exit`.
    Terminate,
    /// A connection is open; both ends hear it.
    Connected {
        /// The connection.
        on: ConnectionId,
        /// The host at the other end.
        peer: HostId,
    },
    /// A message arrived.
    Message {
        /// The connection that it came on.
        on: ConnectionId,
        /// The message.
        body: M,
    },
    /// A connection broke, was closed by the peer, or could not be opened.
    Disconnected(ConnectionId),
    /// A timer fired.
    Timer(T),
    /// What the flush covers is on stable storage, or what was read is in memory.
    Flushed(FlushId),
    /// The disk answered the flush or the read with an I/O error.
    FlushFailed(FlushId),
}

impl<M, T> Input<M, T> {
    /// The same input with another timer, for a part whose timers are of that type.
    pub fn map_timer<U>(self, timer: impl FnOnce(T) -> U) -> Input<M, U> {
        self.map(|message| message, timer)
    }

    /// The same input in a smaller vocabulary.
    pub fn map<N, U>(
        self,
        message: impl FnOnce(M) -> N,
        timer: impl FnOnce(T) -> U,
    ) -> Input<N, U> {
        match self {
            Self::Start => Input::Start,
            Self::Terminate => Input::Terminate,
            Self::Connected { on, peer } => Input::Connected { on, peer },
            Self::Message { on, body } => Input::Message {
                on,
                body: message(body),
            },
            Self::Disconnected(on) => Input::Disconnected(on),
            Self::Timer(t) => Input::Timer(timer(t)),
            Self::Flushed(id) => Input::Flushed(id),
            Self::FlushFailed(id) => Input::FlushFailed(id),
        }
    }
}

/// What a process does to the world, applied in order before the next input.
#[derive(Clone, Debug)]
pub enum Effect<M, F, T> {
    /// Opens a connection; `Connected` or `Disconnected` answers.
    Open {
        /// The id that [`Cx::open`] gave out.
        connection: ConnectionId,
        /// The host to connect to.
        to: HostId,
    },
    /// Sends a message; dropped without a word when the connection is gone.
    Send {
        /// An open connection.
        on: ConnectionId,
        /// The message.
        body: M,
    },
    /// Closes a connection; the peer sees `Disconnected` after what is on its way, we see nothing.
    Close(ConnectionId),
    /// Sets a timer; a pending one in the same slot is replaced.
    SetTimer {
        /// What comes back in `Input::Timer`.
        timer: T,
        /// How long from now.
        after: SimDuration,
    },
    /// Takes back a pending timer.
    CancelTimer(T),
    /// Writes what the page cache holds of these files to the disk.
    Flush {
        /// What comes back in `Input::Flushed` or `Input::FlushFailed`.
        id: FlushId,
        /// The file to flush.
        file: FileId,
    },
    /// Waits for a read that [`Disk::read`] has begun.
    AwaitRead {
        /// What comes back in `Input::Flushed` or `Input::FlushFailed`.
        id: FlushId,
        /// The file that is read.
        file: FileId,
        /// When the device is done.
        until: SimTime,
    },
    /// Says what happened, for observers and triggers.
    Fact(F),
    /// The process ends in good order; its page cache survives, its connections are closed.
    Exit,
}

/// How a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Crash {
    /// kill -9: memory is gone, the page cache survives.
    Kill,
    /// Power or operating system: what was not on stable storage is gone too.
    PowerLoss,
    /// The disk's content is gone.
    DiskLost,
}

/// A message as the engine sees it.
pub trait Payload: Clone + Debug {
    /// Bytes on the wire.
    fn size_bytes(&self) -> u64;
    /// Kind and ids in one word, for the run's fingerprint.
    fn digest(&self) -> u64;
    /// Which declared CPU cost its receiver pays: an index into the host's table.
    fn cost_class(&self) -> usize;

    /// Which declared cost its sender's network thread pays for writing it.
    fn write_class(&self) -> usize {
        self.cost_class()
    }

    /// Changes bits of its content on the way, past TCP's checksum; `bits` choose where. False when
    /// it has nothing in it whose damage its receiver could notice.
    fn damage(&mut self, _bits: u64) -> bool {
        false
    }
}

/// A timer as the engine sees it: at most one is pending per slot.
pub trait TimerSlot: Copy + Debug {
    /// A dense number, the same for every timer that replaces this one.
    fn slot(self) -> usize;
}

/// The software of one host.
pub trait Process: Clone + Debug {
    /// What travels on connections.
    type Message: Payload;
    /// What this process tells observers.
    type Fact: Clone + Debug;
    /// What wakes it.
    type Timer: TimerSlot;
    /// A protocol moment that a trigger can wait for.
    type Moment: Clone + Debug;

    /// Handles one input to the end.
    fn handle(
        &mut self,
        cx: &mut Cx<'_, Self::Message, Self::Fact, Self::Timer>,
        input: Input<Self::Message, Self::Timer>,
    );

    /// Forgets what this kind of crash forgets; `disk` says what is durable. Called when the
    /// process dies; `Input::Start` follows when it is started again.
    fn crash(&mut self, kind: Crash, disk: &Disk);

    /// True when `effect`, pushed by `host`, is the moment.
    fn matches(
        moment: &Self::Moment,
        host: HostId,
        effect: &Effect<Self::Message, Self::Fact, Self::Timer>,
    ) -> bool;

    /// True for a fact about what the process has written to its disk: a step that a trigger has
    /// stopped tells it at once, since a crash at that moment undoes none of it.
    fn is_written(_fact: &Self::Fact) -> bool {
        false
    }
}

/// Where effects go. The world implements it; tests use a `Vec`.
///
/// Messages and facts, which are nearly all effects, have ways of their own, so that a context of
/// a smaller vocabulary passes them on without taking an [`Effect`] apart and together again.
pub trait Sink<M, F, T> {
    /// Takes the next effect.
    fn push(&mut self, effect: Effect<M, F, T>);

    /// Takes `Effect::Send`.
    fn send(&mut self, on: ConnectionId, body: M) {
        self.push(Effect::Send { on, body });
    }

    /// Takes `Effect::Fact`.
    fn fact(&mut self, fact: F) {
        self.push(Effect::Fact(fact));
    }
}

impl<M, F, T> Sink<M, F, T> for Vec<Effect<M, F, T>> {
    fn push(&mut self, effect: Effect<M, F, T>) {
        Vec::push(self, effect);
    }
}

/// What a step may know and use of its host. The world keeps one per host and lends it.
#[derive(Clone, Debug)]
pub struct HostState {
    /// Virtual time of this step.
    pub now: SimTime,
    /// The event being handled.
    pub event: EventId,
    /// The host itself.
    pub host: HostId,
    /// The next connection id of the whole world, copied in before and out after each step.
    pub next_connection: u32,
    /// The host's wall clock.
    pub clock: WallClock,
    /// The host's disk.
    pub disk: Disk,
}

impl HostState {
    /// A host at the start of time, with a true clock and an empty disk.
    pub fn new(host: HostId) -> Self {
        Self {
            now: SimTime::ZERO,
            event: EventId::default(),
            host,
            next_connection: 0,
            clock: WallClock::default(),
            disk: Disk::default(),
        }
    }
}

/// What a process may ask and do while it handles one input.
pub struct Cx<'a, M, F, T> {
    state: &'a mut HostState,
    sink: &'a mut dyn Sink<M, F, T>,
}

impl<'a, M, F, T> Cx<'a, M, F, T> {
    /// A context that reads `state` and pushes into `sink`.
    pub fn new(state: &'a mut HostState, sink: &'a mut dyn Sink<M, F, T>) -> Self {
        Self { state, sink }
    }

    /// Virtual time. For protocol timers only; records carry [`Cx::wall_clock`].
    pub fn now(&self) -> SimTime {
        self.state.now
    }

    /// What this host's clock shows, with its skew and drift.
    pub fn wall_clock(&self) -> WallTime {
        self.state.clock.read(self.state.now)
    }

    /// The event being handled: the cause of everything pushed here.
    pub fn cause(&self) -> EventId {
        self.state.event
    }

    /// The host that this process runs on.
    pub fn host(&self) -> HostId {
        self.state.host
    }

    /// The host's disk: appends to the page cache happen at once, only a flush takes time.
    pub fn disk(&mut self) -> &mut Disk {
        &mut self.state.disk
    }

    /// Opens a connection and says its id; `Connected` or `Disconnected` follows.
    pub fn open(&mut self, to: HostId) -> ConnectionId {
        let connection = ConnectionId(self.state.next_connection);
        self.state.next_connection += 1;
        self.sink.push(Effect::Open { connection, to });
        connection
    }

    /// Sends a message.
    pub fn send(&mut self, on: ConnectionId, body: M) {
        self.sink.send(on, body);
    }

    /// Closes a connection; nothing more arrives from it.
    pub fn close(&mut self, connection: ConnectionId) {
        self.sink.push(Effect::Close(connection));
    }

    /// Sets a timer, replacing a pending one of the same slot.
    pub fn set_timer(&mut self, timer: T, after: SimDuration) {
        self.sink.push(Effect::SetTimer { timer, after });
    }

    /// Takes back a pending timer, if there is one.
    pub fn cancel_timer(&mut self, timer: T) {
        self.sink.push(Effect::CancelTimer(timer));
    }

    /// Starts a flush of a file; `Flushed(id)` or `FlushFailed(id)` follows.
    pub fn flush(&mut self, id: FlushId, file: FileId) {
        self.sink.push(Effect::Flush { id, file });
    }

    /// Waits for a read that the disk has begun; `Flushed(id)` or `FlushFailed(id)` follows.
    pub fn await_read(&mut self, id: FlushId, file: FileId, until: SimTime) {
        self.sink.push(Effect::AwaitRead { id, file, until });
    }

    /// Says what happened.
    pub fn fact(&mut self, fact: F) {
        self.sink.fact(fact);
    }

    /// Ends this process in good order.
    pub fn exit(&mut self) {
        self.sink.push(Effect::Exit);
    }

    /// Lends a context to a part whose timers are `U`; `wrap` makes them ours.
    pub fn scoped<U, R>(
        &mut self,
        wrap: impl Fn(U) -> T,
        part: impl FnOnce(&mut Cx<'_, M, F, U>) -> R,
    ) -> R {
        let mut sink = Adapter {
            message: |m| m,
            fact: |f| f,
            timer: wrap,
            into: self.sink,
        };
        part(&mut Cx {
            state: self.state,
            sink: &mut sink,
        })
    }

    /// Lends a context to a process of a smaller vocabulary.
    pub fn adapted<N, G, U, R>(
        &mut self,
        message: impl Fn(N) -> M,
        fact: impl Fn(G) -> F,
        timer: impl Fn(U) -> T,
        part: impl FnOnce(&mut Cx<'_, N, G, U>) -> R,
    ) -> R {
        let mut sink = Adapter {
            message,
            fact,
            timer,
            into: self.sink,
        };
        part(&mut Cx {
            state: self.state,
            sink: &mut sink,
        })
    }
}

/// Puts the effects of a smaller vocabulary into a larger one.
struct Adapter<'a, M, F, T, A, B, C> {
    message: A,
    fact: B,
    timer: C,
    into: &'a mut dyn Sink<M, F, T>,
}

impl<M, F, T, N, G, U, A, B, C> Sink<N, G, U> for Adapter<'_, M, F, T, A, B, C>
where
    A: Fn(N) -> M,
    B: Fn(G) -> F,
    C: Fn(U) -> T,
{
    fn send(&mut self, on: ConnectionId, body: N) {
        self.into.send(on, (self.message)(body));
    }

    fn fact(&mut self, fact: G) {
        self.into.fact((self.fact)(fact));
    }

    fn push(&mut self, effect: Effect<N, G, U>) {
        self.into.push(match effect {
            Effect::Open { connection, to } => Effect::Open { connection, to },
            Effect::Send { on, body } => Effect::Send {
                on,
                body: (self.message)(body),
            },
            Effect::Close(connection) => Effect::Close(connection),
            Effect::SetTimer { timer, after } => Effect::SetTimer {
                timer: (self.timer)(timer),
                after,
            },
            Effect::CancelTimer(timer) => Effect::CancelTimer((self.timer)(timer)),
            Effect::Flush { id, file } => Effect::Flush { id, file },
            Effect::AwaitRead { id, file, until } => Effect::AwaitRead { id, file, until },
            Effect::Fact(fact) => Effect::Fact((self.fact)(fact)),
            Effect::Exit => Effect::Exit,
        });
    }
}
