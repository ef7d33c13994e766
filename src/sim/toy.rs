//! A process for the engine's own tests: it writes down what it hears and answers if told to.

use crate::sim::disk::Disk;
use crate::sim::host::HostSpec;
use crate::sim::link::{Latency, LinkProfile};
use crate::sim::observe::{Observer, Occasion, Seen};
use crate::sim::process::{
    ConnectionId, Crash, Cx, Effect, FileId, HostId, Input, Payload, Process, TimerSlot,
};
use crate::sim::ratio::Ratio;
use crate::sim::time::{SimDuration, SimTime};
use crate::sim::world::World;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) n: u64,
    pub(crate) size: u64,
    pub(crate) class: usize,
}

impl Payload for Note {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn digest(&self) -> u64 {
        self.n
    }

    fn cost_class(&self) -> usize {
        self.class
    }

    /// Even numbers are torn, odd ones show nothing.
    fn damage(&mut self, bits: u64) -> bool {
        let shows = self.n.is_multiple_of(2);
        if shows {
            self.n = 1_000_000 + bits % 2;
        }
        shows
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alarm(pub(crate) usize);

impl TimerSlot for Alarm {
    fn slot(self) -> usize {
        self.0
    }
}

/// Added to what a toy says of what it wrote.
pub(crate) const WRITTEN: u64 = 1 << 32;

/// A moment: a message with this number is sent, or a fact with this number is said.
#[derive(Clone, Debug)]
pub(crate) enum Moment {
    Sends(u64),
    Says(u64),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Toy {
    /// Says a fact about each message and answers it with a number 1000 higher.
    pub(crate) answers: bool,
    /// Then writes to its disk and says that too, by [`WRITTEN`] and the message's number.
    pub(crate) writes: bool,
    /// Sets its timer again whenever it fires.
    pub(crate) every: Option<SimDuration>,
    pub(crate) heard: Vec<String>,
}

pub(crate) type ToyEffect = Effect<Note, u64, Alarm>;

impl Process for Toy {
    type Message = Note;
    type Fact = u64;
    type Timer = Alarm;
    type Moment = Moment;

    fn handle(&mut self, cx: &mut Cx<'_, Note, u64, Alarm>, input: Input<Note, Alarm>) {
        let heard = match &input {
            Input::Start => "start".to_owned(),
            Input::Terminate => "terminate".to_owned(),
            Input::Connected { on, peer } => format!("{} connected to {}", on.0, peer.0),
            Input::Message { on, body } => format!("{} says {}", on.0, body.n),
            Input::Disconnected(on) => format!("{} disconnected", on.0),
            Input::Timer(Alarm(slot)) => format!("timer {slot}"),
            Input::Flushed(id) => format!("flushed {}", id.0),
            Input::FlushFailed(id) => format!("not flushed {}", id.0),
        };
        self.heard
            .push(format!("{} {heard}", cx.now() - SimTime::ZERO));
        match input {
            Input::Message { on, body } if self.answers => {
                cx.fact(body.n);
                cx.send(
                    on,
                    Note {
                        n: body.n + 1000,
                        ..body
                    },
                );
                cx.set_timer(Alarm(9), SimDuration::from_secs(1));
                if self.writes {
                    let now = cx.now();
                    let room = cx.disk().append(FileId(0), 1, now);
                    room.expect("the disk is healthy");
                    cx.fact(WRITTEN + body.n);
                }
            }
            Input::Timer(timer) => {
                if let Some(after) = self.every {
                    cx.set_timer(timer, after);
                }
            }
            Input::Terminate => cx.exit(),
            Input::Start
            | Input::Connected { .. }
            | Input::Message { .. }
            | Input::Disconnected(_)
            | Input::Flushed(_)
            | Input::FlushFailed(_) => {}
        }
    }

    fn crash(&mut self, kind: Crash, disk: &Disk) {
        self.heard
            .push(format!("{kind:?}, {} durable", disk.durable(FileId(0))));
    }

    fn matches(moment: &Moment, _host: HostId, effect: &ToyEffect) -> bool {
        match (moment, effect) {
            (Moment::Sends(n), Effect::Send { body, .. }) => *n == body.n,
            (Moment::Says(n), Effect::Fact(fact)) => n == fact,
            (Moment::Sends(_) | Moment::Says(_), _) => false,
        }
    }

    fn is_written(fact: &u64) -> bool {
        *fact >= WRITTEN
    }
}

/// Writes every event and fact down.
#[derive(Debug, Default)]
pub(crate) struct Scribe {
    pub(crate) lines: Vec<String>,
}

impl Observer<Toy> for Scribe {
    fn event(&mut self, _world: &World<Toy>, seen: &Seen<'_, Toy>) {
        let Occasion {
            event,
            parent,
            host,
            ..
        } = seen.occasion;
        let kind = match seen.input {
            Input::Start => "start",
            Input::Terminate => "terminate",
            Input::Connected { .. } => "connected",
            Input::Message { .. } => "message",
            Input::Disconnected(_) => "disconnected",
            Input::Timer(_) => "timer",
            Input::Flushed(_) => "flushed",
            Input::FlushFailed(_) => "flush failed",
        };
        self.lines.push(format!(
            "e{} after e{} h{}: {kind}",
            event.0, parent.0, host.0
        ));
    }

    fn fact(&mut self, occasion: &Occasion, fact: &u64) {
        self.lines
            .push(format!("e{}: fact {fact}", occasion.event.0));
    }
}

pub(crate) const A: HostId = HostId(0);
pub(crate) const B: HostId = HostId(1);

pub(crate) const fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

pub(crate) fn at(millis: u64) -> SimTime {
    SimTime::ZERO + ms(millis)
}

pub(crate) fn note(n: u64) -> Note {
    Note {
        n,
        size: 0,
        class: 0,
    }
}

/// A path of 1 ms that loses nothing.
pub(crate) fn one_ms() -> LinkProfile {
    LinkProfile {
        latency: Latency::Constant(ms(1)),
        bandwidth: None,
        loss: Ratio::ZERO,
    }
}

/// Two started hosts, 1 ms apart; the second answers. Nothing has happened yet.
pub(crate) fn two(spec: &HostSpec) -> World<Toy> {
    let mut world = World::new(7, one_ms());
    let a = world.add_host(Toy::default(), spec);
    let b = world.add_host(
        Toy {
            answers: true,
            ..Toy::default()
        },
        spec,
    );
    world.start(a);
    world.start(b);
    world
}

/// The same two hosts with connection 0 open from A to B at 2 ms; B hears it at 3 ms.
pub(crate) fn connected() -> World<Toy> {
    let mut world = two(&HostSpec::default());
    open(&mut world, A, B);
    run(&mut world, 3);
    world
}

pub(crate) fn open(world: &mut World<Toy>, from: HostId, to: HostId) -> ConnectionId {
    let connection = world.reserve_connection();
    world.perform(from, Effect::Open { connection, to }, &mut ());
    connection
}

pub(crate) fn send(world: &mut World<Toy>, from: HostId, on: u32, n: u64) {
    world.perform(
        from,
        Effect::Send {
            on: ConnectionId(on),
            body: note(n),
        },
        &mut (),
    );
}

pub(crate) fn run(world: &mut World<Toy>, until_millis: u64) {
    world.run_until(at(until_millis), &mut ());
}

/// What a process has heard since the last time somebody asked.
pub(crate) fn heard(world: &mut World<Toy>, host: HostId) -> Vec<String> {
    std::mem::take(&mut world.process_mut(host).heard)
}
