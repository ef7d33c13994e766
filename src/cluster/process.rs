//! Any process of the world: a broker, a controller or an application, in one vocabulary.

use crate::app::{App, Fact as AppFact, Timer as AppTimer};
use crate::broker::Broker;
use crate::broker::timer::Timer as BrokerTimer;
use crate::cluster::message::Message;
use crate::cluster::moment::Moment;
use crate::controller::{Controller, Timer as ControllerTimer};
use crate::delivery::Delivery;
use crate::kafka::fact::Fact as KafkaFact;
use crate::kafka::message::Message as KafkaMessage;
use crate::sim::disk::Disk;
use crate::sim::process::{Crash, Cx, Effect, HostId, Input, Process, TimerSlot};

/// Something that happened, in any protocol's words or in none.
#[derive(Clone, Debug)]
pub enum Fact {
    /// Inside the Kafka cluster or one of its clients.
    Kafka(KafkaFact),
    /// To records, as applications see them.
    Delivery(Delivery),
}

/// What wakes a process.
#[derive(Clone, Copy, Debug)]
pub enum Timer {
    /// A broker.
    Broker(BrokerTimer),
    /// A controller.
    Controller(ControllerTimer),
    /// An application.
    App(AppTimer),
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Broker(timer) => timer.slot(),
            Self::Controller(timer) => timer.slot(),
            Self::App(timer) => timer.slot(),
        }
    }
}

/// A broker, a controller or an application.
#[derive(Clone, Debug)]
pub enum AnyProcess {
    /// A Kafka broker.
    Broker(Box<Broker>),
    /// A Kafka controller.
    Controller(Box<Controller>),
    /// An application with Kafka clients.
    App(Box<App>),
}

impl Process for AnyProcess {
    type Message = Message;
    type Fact = Fact;
    type Timer = Timer;
    type Moment = Moment;

    fn handle(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, input: Input<Message, Timer>) {
        match self {
            Self::Broker(broker) => {
                let input = narrow(input, |timer| match timer {
                    Timer::Broker(timer) => timer,
                    Timer::Controller(_) | Timer::App(_) => unreachable!("a broker's own timer"),
                });
                cx.adapted(Message::Kafka, Fact::Kafka, Timer::Broker, |cx| {
                    broker.handle(cx, input);
                });
            }
            Self::Controller(controller) => {
                let input = narrow(input, |timer| match timer {
                    Timer::Controller(timer) => timer,
                    Timer::Broker(_) | Timer::App(_) => unreachable!("a controller's own timer"),
                });
                cx.adapted(Message::Kafka, Fact::Kafka, Timer::Controller, |cx| {
                    controller.handle(cx, input);
                });
            }
            Self::App(app) => {
                let input = narrow(input, |timer| match timer {
                    Timer::App(timer) => timer,
                    Timer::Broker(_) | Timer::Controller(_) => {
                        unreachable!("an application's own timer")
                    }
                });
                cx.adapted(Message::Kafka, from_app, Timer::App, |cx| {
                    app.handle(cx, input);
                });
            }
        }
    }

    fn crash(&mut self, kind: Crash, disk: &Disk) {
        match self {
            Self::Broker(broker) => broker.crash(kind, disk),
            Self::Controller(controller) => controller.crash(kind, disk),
            Self::App(app) => app.crash(kind),
        }
    }

    fn matches(moment: &Moment, _host: HostId, effect: &Effect<Message, Fact, Timer>) -> bool {
        moment.is(effect)
    }

    fn is_written(fact: &Fact) -> bool {
        matches!(fact, Fact::Kafka(fact) if fact.is_written())
    }
}

fn from_app(fact: AppFact) -> Fact {
    match fact {
        AppFact::Kafka(fact) => Fact::Kafka(fact),
        AppFact::Delivery(fact) => Fact::Delivery(fact),
    }
}

/// An input in the words of one process.
fn narrow<T>(input: Input<Message, Timer>, timer: impl Fn(Timer) -> T) -> Input<KafkaMessage, T> {
    input.map(|Message::Kafka(message)| message, timer)
}
