//! L4, application hosts: one crash domain each, with the threads of an application and its clients.

pub mod command;
pub mod reading;
pub mod sending;

use crate::app::command::Tool;
use crate::app::reading::Reading;
use crate::app::sending::Sending;
use crate::delivery::Delivery;
use crate::kafka;
use crate::kafka::ids::{Offset, TopicPartition};
use crate::kafka::message::Message;
use crate::sim::process::{Crash, Cx, Input, TimerSlot};

/// What an application host tells observers.
#[derive(Clone, Debug)]
pub enum Fact {
    /// What its clients did.
    Kafka(kafka::fact::Fact),
    /// What happened to records.
    Delivery(Delivery),
}

/// What wakes an application host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A producer application.
    Sending(sending::Timer),
    /// A member of a group of readers.
    Reading(reading::Timer),
    /// A command-line tool.
    Tool(command::Timer),
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Sending(timer) => timer.slot(),
            Self::Reading(timer) => timer.slot(),
            Self::Tool(timer) => timer.slot(),
        }
    }
}

/// One application host.
#[derive(Clone, Debug)]
pub enum App {
    /// It sends records.
    Sending(Box<Sending>),
    /// It reads records.
    Reading(Box<Reading>),
    /// It asks for one thing and ends.
    Tool(Box<Tool>),
}

impl App {
    /// Handles one input to the end.
    pub fn handle(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, input: Input<Message, Timer>) {
        match self {
            Self::Sending(sending) => {
                let input = input.map_timer(|timer| match timer {
                    Timer::Sending(timer) => timer,
                    Timer::Reading(_) | Timer::Tool(_) => unreachable!("a sender's own timer"),
                });
                cx.scoped(Timer::Sending, |cx| sending.handle(cx, input));
            }
            Self::Reading(reading) => {
                let input = input.map_timer(|timer| match timer {
                    Timer::Reading(timer) => timer,
                    Timer::Sending(_) | Timer::Tool(_) => unreachable!("a reader's own timer"),
                });
                cx.scoped(Timer::Reading, |cx| reading.handle(cx, input));
            }
            Self::Tool(tool) => {
                let input = input.map_timer(|timer| match timer {
                    Timer::Tool(timer) => timer,
                    Timer::Sending(_) | Timer::Reading(_) => unreachable!("a tool's own timer"),
                });
                cx.scoped(Timer::Tool, |cx| tool.handle(cx, input));
            }
        }
    }

    /// Forgets what a dying process forgets: all but the plan and how far it came.
    pub fn crash(&mut self, _kind: Crash) {
        match self {
            Self::Sending(sending) => sending.crash(),
            Self::Reading(reading) => reading.crash(),
            Self::Tool(tool) => tool.crash(),
        }
    }

    /// True when it owes nothing: all is sent and answered, or all that is committed was read
    /// and handled. `committed` says how far a partition is committed.
    pub fn is_at_rest(&self, committed: impl Fn(TopicPartition) -> Option<Offset>) -> bool {
        match self {
            Self::Sending(sending) => sending.is_done(),
            Self::Reading(reading) => reading.is_done(committed),
            Self::Tool(tool) => !tool.is_running(),
        }
    }
}
