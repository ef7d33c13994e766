//! An application that sends the records of a plan through one producer or several.
//!
//! Modelled: threads that share a producer, have one each, or anything between; they take the next
//! record in turn. A thread blocks in send() for at most max.block.ms and then goes on; what arrived
//! meanwhile is sent at once afterwards. Producers share the process and nothing else: not memory,
//! connections, metadata, producer id, nor luck. Synchronous sends, flush() every so many records,
//! records sent again after an error, close() at SIGTERM. After a crash new producer sessions with
//! the next record that was not sent yet, or with all that were not confirmed first. Compression
//! takes the thread's time, record by record.
//! Left out: other CPU time of the application; keys that belong to a thread; a record in the hands
//! of a thread that waits behind another in send(): it is taken when the way is free; with several
//! producers, a thread that keeps a failed record to itself: the next free one sends it again.

#[cfg(test)]
mod tests;
mod work;

use std::sync::Arc;

use crate::app::Fact;
use crate::app::sending::work::{Blocked, Doing, Sent, Work};
use crate::client::producer;
use crate::client::producer::{Outgoing, ProduceError, Producer, SendResult, Wait};
use crate::delivery::{Delivery, Outcome, Place, RecordId};
use crate::kafka::compression::{Codec, CodecCosts};
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::encoding;
use crate::kafka::ids::BrokerId;
use crate::kafka::message::Message;
use crate::sim::clock::WallTime;
use crate::sim::process::{ConnectionId, Cx, HostId, Input, TimerSlot};
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
    /// One of its producers.
    Producer {
        /// So many slots are those of the producers before it.
        first_slot: u32,
        /// Its own.
        timer: producer::Timer,
    },
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Arrival => 0,
            Self::Block => 1,
            Self::Producer { first_slot, timer } => 2 + first_slot as usize + timer.slot(),
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
    costs: CodecCosts,
    generator: Generator,
    /// How many lives it has begun; each makes producers anew.
    sessions: u32,
    /// None before the application's main has begun.
    producers: Vec<Producer>,
    work: Work,
    /// When the timers are set to; they are not taken back, but look again when they fire.
    arrival_timer: Option<SimTime>,
    block_timer: Option<SimTime>,
    stopping: bool,
}

impl Sending {
    /// An application that has not started.
    pub fn new(
        plan: SendPlan,
        config: ProducerConfig,
        brokers: Arc<[(BrokerId, HostId)]>,
        streams: Streams,
        costs: CodecCosts,
    ) -> Self {
        Self {
            config,
            brokers,
            work: Work::new(plan.behaviour),
            generator: Generator::new(plan, &streams),
            streams,
            costs,
            sessions: 0,
            producers: Vec::new(),
            arrival_timer: None,
            block_timer: None,
            stopping: false,
        }
    }

    /// True when every record was sent and the fate of all that this life sent is known.
    pub fn is_done(&self) -> bool {
        let idle = self.producers.iter().all(Producer::is_idle);
        idle && self.work.is_idle() && self.generator.next_arrival().is_none()
    }

    /// The process died: the records in its memory are gone, nobody is told of them.
    pub fn crash(&mut self) {
        self.producers.clear();
        self.work.crash();
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
            Input::Timer(Timer::Producer { first_slot, timer }) => {
                let slots = self.producers.first().map_or(1, Producer::timer_slots);
                self.client(cx, (first_slot / slots) as usize, Input::Timer(timer));
            }
            Input::Connected { on, peer } => {
                self.client(cx, self.owner(on), Input::Connected { on, peer });
            }
            Input::Message { on, body } => {
                self.client(cx, self.owner(on), Input::Message { on, body });
            }
            Input::Disconnected(on) => self.client(cx, self.owner(on), Input::Disconnected(on)),
            Input::Flushed(_) | Input::FlushFailed(_) => {}
        }
        if self.stopping && self.producers.iter().all(Producer::is_closed) {
            self.work.crash();
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

    /// The application's main: makes its producers and begins to send.
    fn begin(&mut self, cx: &mut SendingCx<'_>) {
        let plan = self.generator.plan();
        let name = format!("producer/{}/{}", plan.sender.0, self.sessions);
        self.sessions += 1;
        let setup = producer::Setup {
            config: self.config.clone(),
            brokers: Arc::clone(&self.brokers),
            topics: vec![plan.topic],
            keep_payload: plan.keep_payload,
            compression_ratio: plan.compression_ratio,
        };
        let first = Producer::new(setup.clone(), &self.streams, &name);
        self.producers.push(first);
        for index in 1..self.work.producers {
            let name = format!("{name}/{index}");
            let producer = Producer::new(setup.clone(), &self.streams, &name);
            self.producers.push(producer);
        }
        self.generator.start(cx.now());
        self.work.restart(cx.now());
        for index in 0..self.producers.len() {
            self.client(cx, index, Input::Start);
        }
        self.pump(cx, None);
    }

    /// The producer that opened a connection. What nobody knows any more is the first one's, which
    /// does nothing about it.
    fn owner(&self, on: ConnectionId) -> usize {
        if self.producers.len() <= 1 {
            return 0;
        }
        let mut producers = self.producers.iter();
        let owner = producers.position(|producer| producer.has_connection(on));
        owner.unwrap_or(0)
    }

    fn arrival(&mut self, cx: &mut SendingCx<'_>) {
        self.arrival_timer = None;
        if self.producers.is_empty() {
            self.begin(cx);
        } else {
            self.pump(cx, None);
        }
    }

    /// A producer handles an input of its own; then send() and who waits for news may go on.
    fn client(
        &mut self,
        cx: &mut SendingCx<'_>,
        index: usize,
        input: Input<Message, producer::Timer>,
    ) {
        let Some(producer) = self.producers.get_mut(index) else {
            return;
        };
        with_producer(cx, index, producer, |producer, cx| {
            producer.handle(cx, input);
        });
        self.tell(cx, index);
        if self.work.holds_up(index) || self.work.listens() {
            self.pump(cx, Some(index));
        }
    }

    /// The application threads: each sends what has arrived until it has to wait. Those that wait
    /// for metadata look again at the producer that has news, or at each its own.
    fn pump(&mut self, cx: &mut SendingCx<'_>, news: Option<usize>) {
        if self.producers.is_empty() {
            return;
        }
        loop {
            self.work.wake(cx.now());
            self.resume(cx, news);
            self.send_all(cx);
            for index in 0..self.producers.len() {
                let producer = &mut self.producers[index];
                with_producer(cx, index, producer, Producer::run_if_woken);
                self.tell(cx, index);
            }
            // With acks=0 a record's fate is known when it is written.
            if !self.can_go_on(cx.now()) && !self.can_return() {
                break;
            }
        }
        self.set_timers(cx);
    }

    /// True when a thread is free that has a record to send at once.
    fn can_go_on(&self, now: SimTime) -> bool {
        !self.stopping && self.next_due().is_some_and(|at| at <= now)
    }

    /// True when a thread waits for nothing any more: in flush(), or in send() for memory.
    fn can_return(&self) -> bool {
        let mut threads = self.work.threads.iter().enumerate();
        threads.any(|(index, doing)| {
            let producer = &self.producers[index % self.work.producers];
            match doing {
                Doing::Flushing(mark) => producer.is_flushed(*mark),
                Doing::Blocked(blocked) => blocked.wait == Wait::Memory && producer.has_memory(),
                Doing::Nothing
                | Doing::Compressing(_)
                | Doing::Awaiting(_)
                | Doing::Sleeping(..) => false,
            }
        })
    }

    /// When something is to be done by a thread whose producer holds nobody up in send().
    fn next_due(&self) -> Option<SimTime> {
        let free = self.work.next_free().is_some();
        let arrival = self.generator.next_arrival().filter(|_| free);
        arrival.into_iter().chain(self.work.next_time()).min()
    }

    /// Tries again to send the records that send() waits with, and to return from flush().
    fn resume(&mut self, cx: &mut SendingCx<'_>, news: Option<usize>) {
        for (index, doing) in self.work.threads.iter_mut().enumerate() {
            let producer = &mut self.producers[index % self.work.producers];
            if let Doing::Flushing(mark) = *doing
                && producer.is_flushed(mark)
            {
                producer.end_flush();
                *doing = Doing::Nothing;
            }
        }
        for index in 0..self.work.threads.len() {
            if let Doing::Blocked(blocked) = self.work.threads[index]
                && (blocked.wait == Wait::Memory
                    || news.is_none_or(|producer| producer == index % self.work.producers))
            {
                self.send_blocked(cx, index, blocked);
            }
        }
    }

    /// A thread in send() looks whether it can go on.
    fn send_blocked(&mut self, cx: &mut SendingCx<'_>, index: usize, mut blocked: Blocked) {
        let producer = &mut self.producers[index % self.work.producers];
        match blocked.wait {
            Wait::Memory if !producer.has_memory() => return,
            Wait::Memory => {}
            Wait::Metadata => blocked.timestamp = cx.wall_clock(),
        }
        let out = outgoing(&self.generator, blocked.draft, blocked.timestamp);
        self.work.threads[index] = Doing::Nothing;
        match producer.send(0, out, cx.now()) {
            SendResult::Accepted => self.accepted(cx.now(), index, blocked.draft),
            SendResult::WouldBlock(wait) => {
                self.work.threads[index] = Doing::Blocked(Blocked { wait, ..blocked });
            }
            SendResult::Rejected(error) => self.reject(cx, blocked.draft, error),
        }
    }

    /// The threads send what has arrived: with a producer for all the first one as long as it can,
    /// since only flush() sees which thread sends; with several, each free one in its turn.
    fn send_all(&mut self, cx: &mut SendingCx<'_>) {
        if self.stopping {
            return;
        }
        if self.producers.len() > 1 {
            if let Some(index) = self.work.next_free() {
                self.send_arrived(cx, index);
            }
            return;
        }
        for index in 0..self.work.threads.len() {
            // A thread that comes while another waits for memory or metadata waits behind it.
            if !self.work.holds_up(0) {
                self.send_arrived(cx, index);
            }
        }
    }

    /// A thread sends records until it has to wait, or with several producers all threads, from
    /// this one on.
    fn send_arrived(&mut self, cx: &mut SendingCx<'_>, mut index: usize) {
        let (now, timestamp) = (cx.now(), cx.wall_clock());
        let deadline = now + self.config.max_block;
        let in_turn = self.producers.len() > 1;
        let plain = !self.work.listens() && self.config.compression_type == Codec::None;
        let mut sent = Sent::default();
        while self.work.threads[index] == Doing::Nothing {
            let draft = if let Some(draft) = self.work.take_again(now) {
                tell_sent(cx, &self.generator, &mut sent);
                tell_resent(cx, &self.generator, draft.id);
                draft
            } else if let Some(draft) = self.generator.take(now) {
                sent.add(draft.id);
                self.work.sent(draft);
                draft
            } else {
                break;
            };
            let out = outgoing(&self.generator, draft, timestamp);
            let producer = &mut self.producers[index % self.work.producers];
            let error = match producer.send(0, out, now) {
                SendResult::Accepted if plain => continue,
                SendResult::Accepted => {
                    self.accepted(now, index, draft);
                    None
                }
                SendResult::WouldBlock(wait) if deadline > now => {
                    self.work.threads[index] = Doing::Blocked(Blocked {
                        draft,
                        timestamp,
                        wait,
                        deadline,
                    });
                    None
                }
                SendResult::WouldBlock(_) => {
                    producer.stop_waiting();
                    Some(ProduceError::Blocked)
                }
                SendResult::Rejected(error) => Some(error),
            };
            if let Some(error) = error {
                tell_sent(cx, &self.generator, &mut sent);
                self.reject(cx, draft, error);
            }
            if in_turn {
                let Some(next) = self.work.pass_turn(index) else {
                    break;
                };
                index = next;
            }
        }
        tell_sent(cx, &self.generator, &mut sent);
    }

    /// A thread has put a record into a batch: what it does next.
    fn accepted(&mut self, now: SimTime, index: usize, draft: Draft) {
        let codec = self.config.compression_type;
        if codec != Codec::None {
            let bytes = encoding::record_size(&draft.at(0), 0);
            let busy = self.costs.compress(codec, bytes);
            if !busy.is_zero() {
                self.work.threads[index] = Doing::Compressing(now + busy);
            }
        }
        let flushes = self.work.accepted(index, draft.id);
        if flushes {
            let producer = &mut self.producers[index % self.work.producers];
            self.work.threads[index] = Doing::Flushing(producer.begin_flush());
        }
    }

    fn set_timers(&mut self, cx: &mut SendingCx<'_>) {
        let now = cx.now();
        let deadline = self.work.blocked().map(|(_, blocked)| blocked.deadline);
        if let Some(deadline) = deadline.min()
            && self.block_timer.is_none()
        {
            self.block_timer = Some(deadline);
            cx.set_timer(Timer::Block, deadline.since(now));
        }
        if !self.stopping
            && let Some(next) = self.next_due()
            && self.arrival_timer.is_none_or(|armed| next < armed)
        {
            self.arrival_timer = Some(next);
            cx.set_timer(Timer::Arrival, next.since(now));
        }
    }

    /// The block timer fired: it may be that of an earlier record.
    fn block_over(&mut self, cx: &mut SendingCx<'_>) {
        self.block_timer = None;
        let blocked: Vec<(usize, Blocked)> = self.work.blocked().collect();
        for (index, blocked) in blocked {
            if blocked.deadline > cx.now() {
                continue;
            }
            self.work.threads[index] = Doing::Nothing;
            self.producers[index % self.work.producers].stop_waiting();
            self.reject(cx, blocked.draft, ProduceError::Blocked);
        }
        self.pump(cx, None);
    }

    /// SIGTERM: close() the producers; a send() that still waits fails.
    fn stop(&mut self, cx: &mut SendingCx<'_>) {
        self.stopping = true;
        let blocked: Vec<(usize, Blocked)> = self.work.blocked().collect();
        for (index, blocked) in blocked {
            self.work.threads[index] = Doing::Nothing;
            self.reject(cx, blocked.draft, ProduceError::Closed);
        }
        for index in 0..self.producers.len() {
            self.client(cx, index, Input::Terminate);
        }
    }

    /// send() failed.
    fn reject(&mut self, cx: &mut SendingCx<'_>, draft: Draft, error: ProduceError) {
        cx.fact(Fact::Delivery(Delivery::Rejected {
            by: self.generator.plan().sender,
            first: draft.id,
            count: 1,
            timeout: error.is_timeout(),
        }));
        if self.work.listens() && error != ProduceError::Closed {
            self.work.failed(cx.now(), draft);
        }
    }

    /// Tells observers what a producer told the application, and the application too.
    fn tell(&mut self, cx: &mut SendingCx<'_>, index: usize) {
        let by = self.generator.plan().sender;
        let listens = self.work.listens();
        for completion in self.producers[index].take_completions() {
            let outcome = match completion.result {
                Ok(offset) => Outcome::Acked(offset.map(|offset| offset.0)),
                Err(error) => Outcome::Failed {
                    timeout: error.is_timeout(),
                },
            };
            if listens {
                self.work.told(cx.now(), &completion.parcel, outcome);
            }
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

fn outgoing(generator: &Generator, draft: Draft, timestamp: WallTime) -> Outgoing {
    Outgoing {
        draft,
        timestamp,
        partition: generator.partition_of(draft),
    }
}

fn tell_sent(cx: &mut SendingCx<'_>, generator: &Generator, sent: &mut Sent) {
    if let Some(news) = sent.take(generator.plan()) {
        cx.fact(Fact::Delivery(news));
    }
}

fn tell_resent(cx: &mut SendingCx<'_>, generator: &Generator, id: RecordId) {
    let by = generator.plan().sender;
    cx.fact(Fact::Delivery(Delivery::Resent { by, id }));
}

/// Lends the producer at this index its context.
fn with_producer(
    cx: &mut SendingCx<'_>,
    index: usize,
    producer: &mut Producer,
    part: impl FnOnce(&mut Producer, &mut producer::ProducerCx<'_>),
) {
    let first_slot = index as u32 * producer.timer_slots();
    cx.adapted(
        |message| message,
        Fact::Kafka,
        |timer| Timer::Producer { first_slot, timer },
        |cx| part(producer, cx),
    );
}
