//! The workloads of the floors, on the engine.

use retrial::sim::disk::Disk;
use retrial::sim::host::HostSpec;
use retrial::sim::link::{Latency, LinkProfile};
use retrial::sim::process::{Crash, Cx, Effect, HostId, Input, Payload, Process, TimerSlot};
use retrial::sim::ratio::Ratio;
use retrial::sim::rng::{draw, exponential};
use retrial::sim::time::SimDuration;
use retrial::sim::world::{Step, World};

use crate::floors::hold::MEAN;

/// A message of 16 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    number: u64,
    is_request: bool,
}

impl Payload for Number {
    fn size_bytes(&self) -> u64 {
        100
    }

    fn digest(&self) -> u64 {
        self.number
    }

    fn cost_class(&self) -> usize {
        0
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor(u32);

impl TimerSlot for Actor {
    fn slot(self) -> usize {
        self.0 as usize
    }
}

/// One host's software in both workloads.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Actors that wait for a random time, again and again.
    Hold { draws: Vec<u64> },
    /// Sends a request when it has the answer to the one before.
    Client { server: HostId },
    /// Answers.
    Server,
}

impl Process for Node {
    type Message = Number;
    type Fact = ();
    type Timer = Actor;
    type Moment = ();

    fn handle(&mut self, cx: &mut Cx<'_, Number, (), Actor>, input: Input<Number, Actor>) {
        match (self, input) {
            (Self::Hold { draws }, Input::Timer(actor)) => set(cx, draws, actor),
            (Self::Hold { draws }, Input::Start) => {
                for actor in 0..draws.len() as u32 {
                    set(cx, draws, Actor(actor));
                }
            }
            (Self::Client { server }, Input::Start) => {
                let server = *server;
                cx.open(server);
            }
            (Self::Client { .. }, Input::Connected { on, .. }) => {
                cx.send(
                    on,
                    Number {
                        number: 0,
                        is_request: true,
                    },
                );
            }
            (Self::Client { .. } | Self::Server, Input::Message { on, body }) => {
                cx.send(
                    on,
                    Number {
                        number: body.number + 1,
                        is_request: !body.is_request,
                    },
                );
            }
            (_, _) => {}
        }
    }

    fn crash(&mut self, _kind: Crash, _disk: &Disk) {}

    fn matches((): &(), _host: HostId, _effect: &Effect<Number, (), Actor>) -> bool {
        false
    }
}

fn set(cx: &mut Cx<'_, Number, (), Actor>, draws: &mut [u64], actor: Actor) {
    let number = &mut draws[actor.slot()];
    *number += 1;
    let bits = draw(u64::from(cx.host().0) << 32 | u64::from(actor.0), *number);
    cx.set_timer(actor, exponential(MEAN, bits));
}

/// `hosts` hosts with `slots` actors each, in the steady state.
pub(crate) fn hold(hosts: u32, slots: usize) -> World<Node> {
    let mut world = World::new(1, LinkProfile::default());
    for _ in 0..hosts {
        let host = world.add_host(
            Node::Hold {
                draws: vec![0; slots],
            },
            &HostSpec::default(),
        );
        world.start(host);
    }
    steps(&mut world, u64::from(hosts) * (slots as u64 * 10 + 1));
    world
}

/// A server and two clients, 1.0 to 1.1 ms apart, that lose one transmission in 10,000.
pub(crate) fn round_trips() -> World<Node> {
    let link = LinkProfile {
        latency: Latency::Uniform {
            min: SimDuration::from_micros(1_000),
            max: SimDuration::from_micros(1_100),
        },
        bandwidth: None,
        loss: Ratio::new(1, 10_000).unwrap_or_default(),
    };
    let mut world = World::new(1, link);
    let server = world.add_host(Node::Server, &HostSpec::default());
    world.start(server);
    for _ in 0..2 {
        let client = world.add_host(Node::Client { server }, &HostSpec::default());
        world.start(client);
    }
    world.run_until(world.now() + SimDuration::from_secs(1), &mut ());
    world
}

/// Handles `count` events.
pub(crate) fn steps(world: &mut World<Node>, count: u64) -> u64 {
    for _ in 0..count {
        assert!(
            matches!(world.step(&mut ()), Step::Handled(_)),
            "there is always an event"
        );
    }
    world.fingerprint()
}
