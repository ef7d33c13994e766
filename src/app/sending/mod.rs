//! An application that sends the records of a plan through one producer.
//!
//! Modelled: one application thread that blocks in send() for at most max.block.ms and then goes
//! on with the next record; what arrived meanwhile is sent at once afterwards; close() at SIGTERM;
//! after a crash a new producer session with the next record that was not sent yet.
//! Left out: retries by the application itself, several threads, CPU time of the application.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::app::Fact;
use crate::client::producer;
use crate::client::producer::{ProduceError, Producer, SendResult, Wait};
use crate::delivery::{Delivery, Outcome, Place, RecordId};
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::ids::BrokerId;
use crate::kafka::message::Message;
use crate::sim::clock::WallTime;
use crate::sim::process::{Cx, HostId, Input, TimerSlot};
use crate::sim::rng::Streams;
use crate::sim::time::SimTime;
use crate::workload::SendPlan;
use crate::workload::generator::{Draft, Generator};

/// What wakes a producer application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The application starts, or the next record arrives.
    Arrival,
    /// max.block.ms is over for the record in send().
    Block,
    /// Its producer.
    Producer(producer::Timer),
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Arrival => 0,
            Self::Block => 1,
            Self::Producer(timer) => 2 + timer.slot(),
        }
    }
}

type SendingCx<'a> = Cx<'a, Message, Fact, Timer>;

/// A producer application.
#[derive(Clone, Debug)]
pub struct Sending {
    config: ProducerConfig,
    brokers: Arc<[(BrokerId, HostId)]>,
    streams: Streams,
    generator: Generator,
    /// How many producers it has made: one per life of the process.
    sessions: u32,
    producer: Option<Producer>,
    blocked: Option<Blocked>,
    /// When the timers are set to; they are not taken back, but look again when they fire.
    arrival_timer: Option<SimTime>,
    block_timer: Option<SimTime>,
    stopping: bool,
}

/// The record whose send() has not returned.
#[derive(Clone, Copy, Debug)]
struct Blocked {
    draft: Draft,
    /// Taken when send() had metadata, before it waited for memory.
    timestamp: WallTime,
    wait: Wait,
    deadline: SimTime,
}

/// Consecutive records that were sent and not yet told to observers.
#[derive(Clone, Copy, Debug)]
struct Sent {
    first: RecordId,
    count: u32,
}

impl Sending {
    /// An application that has not started.
    pub fn new(
        plan: SendPlan,
        config: ProducerConfig,
        brokers: Arc<[(BrokerId, HostId)]>,
        streams: Streams,
    ) -> Self {
        Self {
            config,
            brokers,
            generator: Generator::new(plan, &streams),
            streams,
            sessions: 0,
            producer: None,
            blocked: None,
            arrival_timer: None,
            block_timer: None,
            stopping: false,
        }
    }

    /// True when every record was sent and the fate of all that this life sent is known.
    pub fn is_done(&self) -> bool {
        let idle = self.producer.as_ref().is_none_or(Producer::is_idle);
        idle && self.blocked.is_none() && self.generator.next_arrival().is_none()
    }

    /// Its producer, once it has started.
    pub fn producer(&self) -> Option<&Producer> {
        self.producer.as_ref()
    }

    /// The process died: the records in its memory are gone, nobody is told of them.
    pub fn crash(&mut self) {
        self.producer = None;
        self.blocked = None;
        self.arrival_timer = None;
        self.block_timer = None;
        self.stopping = false;
    }

    /// Handles one input to the end.
    pub fn handle(&mut self, cx: &mut SendingCx<'_>, input: Input<Message, Timer>) {
        match input {
            Input::Start => self.start(cx),
            Input::Terminate => self.stop(cx),
            Input::Timer(Timer::Arrival) => self.arrival(cx),
            Input::Timer(Timer::Block) => self.block_over(cx),
            Input::Timer(Timer::Producer(timer)) => self.client(cx, Input::Timer(timer)),
            Input::Connected { on, peer } => self.client(cx, Input::Connected { on, peer }),
            Input::Message { on, body } => self.client(cx, Input::Message { on, body }),
            Input::Disconnected(on) => self.client(cx, Input::Disconnected(on)),
            Input::Flushed(_) | Input::FlushFailed(_) => {}
        }
        if self.stopping && self.producer.as_ref().is_none_or(Producer::is_closed) {
            cx.exit();
        }
    }

    fn start(&mut self, cx: &mut SendingCx<'_>) {
        self.crash();
        let begin = SimTime::ZERO + self.generator.plan().start;
        if begin > cx.now() {
            self.arrival_timer = Some(begin);
            cx.set_timer(Timer::Arrival, begin.since(cx.now()));
        } else {
            self.begin(cx);
        }
    }

    /// The application's main: makes a producer and begins to send.
    fn begin(&mut self, cx: &mut SendingCx<'_>) {
        let plan = self.generator.plan();
        let name = format!("producer/{}/{}", plan.sender.0, self.sessions);
        self.sessions += 1;
        let setup = producer::Setup {
            config: self.config.clone(),
            brokers: Arc::clone(&self.brokers),
            topics: vec![plan.topic],
            keep_payload: plan.keep_payload,
        };
        self.producer = Some(Producer::new(setup, &self.streams, &name));
        self.generator.start(cx.now());
        self.client(cx, Input::Start);
        self.pump(cx);
    }

    fn arrival(&mut self, cx: &mut SendingCx<'_>) {
        self.arrival_timer = None;
        if self.producer.is_some() {
            self.pump(cx);
        } else {
            self.begin(cx);
        }
    }

    /// The producer handles an input of its own; then send() may go on.
    fn client(&mut self, cx: &mut SendingCx<'_>, input: Input<Message, producer::Timer>) {
        let Some(producer) = &mut self.producer else {
            return;
        };
        with_producer(cx, |cx| producer.handle(cx, input));
        self.tell(cx);
        if self.blocked.is_some() {
            self.pump(cx);
        }
    }

    /// The application thread: sends what has arrived until send() blocks.
    fn pump(&mut self, cx: &mut SendingCx<'_>) {
        self.resume(cx);
        if self.blocked.is_none() && !self.stopping {
            self.send_arrived(cx);
        }
        let Some(producer) = &mut self.producer else {
            return;
        };
        with_producer(cx, |cx| producer.run_if_woken(cx));
        self.tell(cx);
        self.set_timers(cx);
    }

    /// Tries again to send the record that send() waits with.
    fn resume(&mut self, cx: &mut SendingCx<'_>) {
        let (Some(producer), Some(mut blocked)) = (&mut self.producer, self.blocked) else {
            return;
        };
        match blocked.wait {
            Wait::Memory if !producer.has_memory() => return,
            Wait::Memory => {}
            Wait::Metadata => blocked.timestamp = cx.wall_clock(),
        }
        self.blocked = None;
        match producer.send(0, blocked.draft, blocked.timestamp, cx.now()) {
            SendResult::Accepted => {}
            SendResult::WouldBlock(wait) => self.blocked = Some(Blocked { wait, ..blocked }),
            SendResult::Rejected(error) => self.reject(cx, blocked.draft.id, error),
        }
    }

    fn send_arrived(&mut self, cx: &mut SendingCx<'_>) {
        let Some(producer) = &mut self.producer else {
            return;
        };
        let (now, timestamp) = (cx.now(), cx.wall_clock());
        let mut sent: Option<Sent> = None;
        while let Some(draft) = self.generator.take(now) {
            match &mut sent {
                Some(sent) => sent.count += 1,
                None => {
                    sent = Some(Sent {
                        first: draft.id,
                        count: 1,
                    });
                }
            }
            let deadline = now + self.config.max_block;
            let error = match producer.send(0, draft, timestamp, now) {
                SendResult::Accepted => continue,
                SendResult::WouldBlock(wait) if deadline > now => {
                    self.blocked = Some(Blocked {
                        draft,
                        timestamp,
                        wait,
                        deadline,
                    });
                    break;
                }
                SendResult::WouldBlock(_) => {
                    producer.stop_waiting();
                    ProduceError::Blocked
                }
                SendResult::Rejected(error) => error,
            };
            tell_sent(cx, &self.generator, sent.take());
            tell_rejected(cx, &self.generator, draft.id, error);
        }
        tell_sent(cx, &self.generator, sent);
    }

    fn set_timers(&mut self, cx: &mut SendingCx<'_>) {
        let now = cx.now();
        if let Some(blocked) = self.blocked {
            if self.block_timer.is_none() {
                self.block_timer = Some(blocked.deadline);
                cx.set_timer(Timer::Block, blocked.deadline.since(now));
            }
        } else if !self.stopping
            && let Some(next) = self.generator.next_arrival()
            && self.arrival_timer.is_none_or(|armed| next < armed)
        {
            self.arrival_timer = Some(next);
            cx.set_timer(Timer::Arrival, next.since(now));
        }
    }

    /// The block timer fired: it may be that of an earlier record.
    fn block_over(&mut self, cx: &mut SendingCx<'_>) {
        self.block_timer = None;
        if let Some(blocked) = self.blocked
            && blocked.deadline <= cx.now()
        {
            self.blocked = None;
            if let Some(producer) = &mut self.producer {
                producer.stop_waiting();
            }
            self.reject(cx, blocked.draft.id, ProduceError::Blocked);
        }
        self.pump(cx);
    }

    /// SIGTERM: close() the producer; a send() that still waits fails.
    fn stop(&mut self, cx: &mut SendingCx<'_>) {
        self.stopping = true;
        if let Some(blocked) = self.blocked.take() {
            self.reject(cx, blocked.draft.id, ProduceError::Closed);
        }
        self.client(cx, Input::Terminate);
    }

    fn reject(&self, cx: &mut SendingCx<'_>, id: RecordId, error: ProduceError) {
        tell_rejected(cx, &self.generator, id, error);
    }

    /// Tells observers what the producer told the application.
    fn tell(&mut self, cx: &mut SendingCx<'_>) {
        let by = self.generator.plan().sender;
        let Some(producer) = &mut self.producer else {
            return;
        };
        for completion in producer.take_completions() {
            let outcome = match completion.result {
                Ok(offset) => Outcome::Acked(offset.map(|offset| offset.0)),
                Err(error) => Outcome::Failed {
                    timeout: error.is_timeout(),
                },
            };
            cx.fact(Fact::Delivery(Delivery::Told {
                by,
                place: Place {
                    stream: completion.tp.topic.0,
                    lane: completion.tp.partition,
                },
                parcel: completion.parcel,
                outcome,
            }));
        }
    }
}

fn tell_sent(cx: &mut SendingCx<'_>, generator: &Generator, sent: Option<Sent>) {
    if let Some(Sent { first, count }) = sent {
        cx.fact(Fact::Delivery(Delivery::Sent {
            by: generator.plan().sender,
            stream: generator.plan().topic.0,
            first,
            count,
        }));
    }
}

fn tell_rejected(
    cx: &mut SendingCx<'_>,
    generator: &Generator,
    first: RecordId,
    error: ProduceError,
) {
    cx.fact(Fact::Delivery(Delivery::Rejected {
        by: generator.plan().sender,
        first,
        count: 1,
        timeout: error.is_timeout(),
    }));
}

/// Lends the producer its context.
fn with_producer(cx: &mut SendingCx<'_>, part: impl FnOnce(&mut producer::ProducerCx<'_>)) {
    cx.adapted(|message| message, Fact::Kafka, Timer::Producer, part);
}
