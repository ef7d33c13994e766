//! An application that reads: one thread that polls a consumer and handles what it is handed.
//!
//! Modelled: a poll loop; CPU time to decompress what `poll` returns; a handler that takes a while
//! for each record, during which nothing else happens on the thread; planned pauses of all
//! partitions; a stop in good order, which finishes the records at hand; an exception out of
//! `poll`, which ends the application.
//! After a crash or an exit it starts where a consumer without committed offsets starts: where
//! auto.offset.reset says. With `latest` it skips what was written meanwhile, with `earliest` it
//! reads all again. With `none` it seeks to the beginning, since somebody has to say where to
//! start, and ends with an exception when the log no longer has what comes next. An application
//! with a time to start at looks that up instead, each time that it starts.
//! Left out for now: commits, handlers that fail, retries and dead letters.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::app::Fact;
use crate::client::consumer;
use crate::client::consumer::{Consumer, PollResult, Polled};
use crate::delivery::{Delivery, Part, Place, ReaderId};
use crate::kafka::compression::{Codec, CodecCosts};
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::encoding;
use crate::kafka::ids::{BrokerId, Offset, Rack, TopicPartition};
use crate::kafka::message::Message;
use crate::sim::process::{Cx, HostId, Input, TimerSlot};
use crate::sim::rng::Streams;
use crate::sim::time::{SimDuration, SimTime};
use crate::workload::ReadPlan;

/// What wakes a reading application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The plan's start.
    Start,
    /// The handler has finished a record.
    Handler,
    /// A planned pause begins or ends.
    Pause,
    /// Of the consumer.
    Consumer(consumer::Timer),
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Start => 0,
            Self::Handler => 1,
            Self::Pause => 2,
            Self::Consumer(timer) => 3 + timer.slot(),
        }
    }
}

/// What the application's thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thread {
    /// Nothing: not started, or ended.
    Idle,
    /// It waits in `poll`.
    Polling,
    /// It decompresses what `poll` is to return.
    Unpacking,
    /// It handles record `record` of part `part` of what `poll` returned.
    Handling {
        /// Index of the part.
        part: usize,
        /// Index within its parcel.
        record: u32,
    },
}

/// One member of a group of readers.
#[derive(Clone, Debug)]
pub struct Reading {
    plan: ReadPlan,
    costs: CodecCosts,
    consumer: Consumer,
    thread: Thread,
    /// True when the records at hand are the last ones.
    stopping: bool,
    paused: bool,
    /// What the last `poll` returned.
    polled: Vec<Polled>,
}

impl Reading {
    /// A reader that was not started; `brokers` is bootstrap.servers.
    pub fn new(
        plan: ReadPlan,
        config: ConsumerConfig,
        brokers: Arc<[(BrokerId, HostId)]>,
        rack: Option<Rack>,
        streams: &Streams,
    ) -> Self {
        let name = format!("reader/{}/{}", plan.group.0, plan.member);
        let partitions = Arc::clone(&plan.partitions);
        let consumer = Consumer::new(config, brokers, partitions, streams, &name).in_rack(rack);
        Self {
            plan,
            costs: CodecCosts::default(),
            consumer,
            thread: Thread::Idle,
            stopping: false,
            paused: false,
            polled: Vec::new(),
        }
    }

    /// The same reader, whose thread takes so long to decompress.
    pub fn paying(self, costs: CodecCosts) -> Self {
        Self { costs, ..self }
    }

    /// Handles one input to the end.
    pub fn handle(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, input: Input<Message, Timer>) {
        let network = match input {
            Input::Start => return self.start(cx),
            Input::Timer(Timer::Start) => return self.begin(cx),
            Input::Terminate => return self.terminate(cx),
            Input::Timer(Timer::Handler) => return self.handled(cx),
            Input::Timer(Timer::Pause) => {
                self.switch_pause(cx);
                return self.poll_when_idle(cx);
            }
            Input::Connected { on, peer } => Input::Connected { on, peer },
            Input::Message { on, body } => Input::Message { on, body },
            Input::Disconnected(on) => Input::Disconnected(on),
            Input::Timer(Timer::Consumer(timer)) => Input::Timer(timer),
            Input::Flushed(_) | Input::FlushFailed(_) => return,
        };
        let consumer = &mut self.consumer;
        cx.adapted(
            |message| message,
            Fact::Kafka,
            Timer::Consumer,
            |cx| consumer.handle(cx, network),
        );
        self.poll_when_idle(cx);
    }

    /// Forgets what a dead process forgets: everything but its plan and configuration.
    pub fn crash(&mut self) {
        self.consumer.reset();
        self.thread = Thread::Idle;
        self.stopping = false;
        self.paused = false;
        self.polled.clear();
    }

    /// True while it handles records: it has something to do even if nothing else happens.
    pub fn is_handling(&self) -> bool {
        matches!(self.thread, Thread::Handling { .. } | Thread::Unpacking)
    }

    /// Its consumer.
    pub fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// True when it has handled all that is committed; `committed` says how far a partition is.
    pub fn is_done(&self, committed: impl Fn(TopicPartition) -> Option<Offset>) -> bool {
        let has_read = |tp: &TopicPartition| {
            let (position, committed) = (self.consumer.position(*tp), committed(*tp));
            // What a topic is to have one day has neither.
            position == committed
        };
        self.thread == Thread::Polling && self.plan.partitions.iter().all(has_read)
    }

    fn start(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        let start = SimTime::ZERO + self.plan.start;
        if start > cx.now() {
            cx.set_timer(Timer::Start, start.since(cx.now()));
        } else {
            self.begin(cx);
        }
    }

    fn begin(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        if let Some(start_at) = self.plan.start_at {
            self.consumer.seek_to_time(start_at.time(cx.wall_clock()));
        } else if self.consumer.needs_seek() {
            self.consumer.seek_to_beginning();
        }
        self.switch_pause(cx);
        self.thread = Thread::Polling;
        self.poll_when_idle(cx);
    }

    /// Pauses or resumes all partitions by the plan, and sets the timer for the next change.
    fn switch_pause(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        let now = cx.now().since(SimTime::ZERO);
        let pauses = &self.plan.pauses;
        let paused = pauses.iter().any(|(from, to)| *from <= now && now < *to);
        let changes = pauses.iter().flat_map(|(from, to)| [*from, *to]);
        if let Some(next) = changes.filter(|at| *at > now).min() {
            cx.set_timer(Timer::Pause, next - now);
        }
        if paused == self.paused {
            return;
        }
        self.paused = paused;
        for tp in self.plan.partitions.iter() {
            if paused {
                self.consumer.pause(*tp);
            } else {
                self.consumer.resume(*tp);
            }
        }
    }

    /// Runs the poll loop until it has to wait: for the network, or for its own handler.
    fn poll_when_idle(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        while self.thread == Thread::Polling {
            self.polled.clear();
            let (consumer, polled) = (&mut self.consumer, &mut self.polled);
            let result = cx.adapted(
                |message| message,
                Fact::Kafka,
                Timer::Consumer,
                |cx| consumer.poll(cx, polled),
            );
            match result {
                PollResult::Waiting => return,
                PollResult::Failed(_) => return self.exit(cx),
                PollResult::Records => self.unpack(cx),
            }
        }
    }

    /// There are records: those that were compressed take a while.
    fn unpack(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        let mut cost = SimDuration::ZERO;
        for polled in &self.polled {
            if polled.codec != Codec::None {
                let records = &polled.parcel[polled.part.from as usize..polled.part.to as usize];
                let bytes = encoding::batch_size(records) - encoding::BATCH_OVERHEAD;
                cost = cost.saturating_add(self.costs.decompress(polled.codec, bytes));
            }
        }
        if cost.is_zero() {
            self.take_records(cx);
        } else {
            self.thread = Thread::Unpacking;
            cx.set_timer(Timer::Handler, cost);
        }
    }

    /// Records were handed over: they are handled at once, or one after the other by timer.
    fn take_records(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        let by = self.reader();
        for polled in &self.polled {
            cx.fact(Fact::Delivery(Delivery::Read {
                by,
                place: place(polled),
                base_offset: polled.base_offset.0,
                parcel: polled.parcel.clone(),
                part: polled.part,
            }));
        }
        if !self.plan.handler.is_zero() {
            self.thread = Thread::Handling {
                part: 0,
                record: self.polled[0].part.from,
            };
            return cx.set_timer(Timer::Handler, self.plan.handler);
        }
        for polled in self.polled.drain(..) {
            cx.fact(Fact::Delivery(Delivery::Processed {
                by,
                place: place(&polled),
                base_offset: polled.base_offset.0,
                part: polled.part,
                parcel: polled.parcel,
                each: SimDuration::ZERO,
            }));
        }
    }

    /// The handler has finished a record.
    fn handled(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        let (part, record) = match self.thread {
            Thread::Handling { part, record } => (part, record),
            Thread::Unpacking => {
                self.thread = Thread::Polling;
                self.take_records(cx);
                if self.thread == Thread::Polling {
                    self.finish_or_poll(cx);
                }
                return;
            }
            Thread::Idle | Thread::Polling => return,
        };
        let polled = &self.polled[part];
        cx.fact(Fact::Delivery(Delivery::Processed {
            by: self.reader(),
            place: place(polled),
            base_offset: polled.base_offset.0,
            parcel: polled.parcel.clone(),
            part: Part {
                from: record,
                to: record + 1,
            },
            each: self.plan.handler,
        }));
        let next = if record + 1 < polled.part.to {
            Some((part, record + 1))
        } else {
            let next = self.polled.get(part + 1);
            next.map(|polled| (part + 1, polled.part.from))
        };
        if let Some((part, record)) = next {
            self.thread = Thread::Handling { part, record };
            cx.set_timer(Timer::Handler, self.plan.handler);
        } else {
            self.finish_or_poll(cx);
        }
    }

    /// All records at hand are handled.
    fn finish_or_poll(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        if self.stopping {
            self.exit(cx);
        } else {
            self.thread = Thread::Polling;
            self.poll_when_idle(cx);
        }
    }

    /// Wakes the thread out of `poll` (KafkaConsumer.wakeup); a handler finishes its records first.
    fn terminate(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        match self.thread {
            Thread::Handling { .. } | Thread::Unpacking => self.stopping = true,
            Thread::Idle | Thread::Polling => self.exit(cx),
        }
    }

    /// Closes the consumer and ends. With `assign` there is no group to leave.
    fn exit(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        self.crash();
        cx.exit();
    }

    fn reader(&self) -> ReaderId {
        ReaderId {
            group: self.plan.group,
            member: self.plan.member,
        }
    }
}

fn place(polled: &Polled) -> Place {
    Place {
        stream: polled.tp.topic.0,
        lane: polled.tp.partition,
    }
}
