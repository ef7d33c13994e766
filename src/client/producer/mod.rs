//! The Java producer 4.2: records in, batches out, and what became of them.
//!
//! Modelled: send() that may have to wait for metadata or memory, partitioners, batching, the
//! sender thread, idempotence, retries, time-outs, flush(), close().
//! Left out: transactions, interceptors, headers, forced close.
//! Source: KafkaProducer, Sender, RecordAccumulator, TransactionManager; KIP-91, KIP-98, KIP-360,
//! KIP-480, KIP-580, KIP-794, KIP-951.
//!
//! A producer is a part of an application. The application hands it every input that is not its
//! own, and after each one takes the completions. Its sender thread runs when something woke it.

mod accumulator;
mod batch;
mod idempotence;
mod partitioner;
mod sender;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::client::metadata;
use crate::client::metadata::{ClientMetadata, MissingTopic};
use crate::client::producer::accumulator::draining::Ready;
use crate::client::producer::accumulator::{Accumulator, Append};
use crate::client::producer::batch::{BatchId, Packer, Slot};
use crate::client::producer::idempotence::Idempotence;
use crate::delivery::Parcel;
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{BrokerId, Offset, TopicId, TopicPartition};
use crate::kafka::message::Message;
use crate::rpc;
use crate::rpc::{Peer, Rpc};
use crate::sim::clock::WallTime;
use crate::sim::process::{ConnectionId, Cx, HostId, Input, TimerSlot};
use crate::sim::ratio::Ratio;
use crate::sim::rng::Streams;
use crate::sim::time::SimTime;
use crate::workload::generator::Draft;

/// What wakes a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The sender: the next batch has lingered, backed off or expired, or metadata is due.
    Sender,
    /// A connection.
    Rpc(rpc::Timer),
}

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        match self {
            Self::Sender => 0,
            Self::Rpc(timer) => 1 + timer.slot(),
        }
    }
}

/// A record that is handed to `send`.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    /// The record.
    pub draft: Draft,
    /// Its CreateTime.
    pub timestamp: WallTime,
    /// The partition that the application wants; without one, the partitioner chooses.
    pub partition: Option<u32>,
}

/// What `send` did with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendResult {
    /// It is in a batch.
    Accepted,
    /// The calling thread must wait, and call again with the same record and timestamp.
    WouldBlock(Wait),
    /// It is in no batch and never will be.
    Rejected(ProduceError),
}

/// What a thread in `send` waits for, up to max.block.ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The topic's partitions are not known.
    Metadata,
    /// buffer.memory is used up.
    Memory,
}

/// Why a record failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProduceError {
    /// delivery.timeout.ms was over (TimeoutException).
    Expired,
    /// max.block.ms was over in `send` (TimeoutException, BufferExhaustedException).
    Blocked,
    /// The connection broke and no retry was left (NetworkException).
    Disconnected,
    /// The record is larger than max.request.size or buffer.memory.
    TooLarge,
    /// The producer was closed.
    Closed,
    /// The last answer's error, or REQUEST_TIMED_OUT when none came.
    Refused(ErrorCode),
}

impl ProduceError {
    /// True when the error says only that time ran out or the connection broke.
    pub const fn is_timeout(self) -> bool {
        match self {
            Self::Expired | Self::Blocked | Self::Disconnected => true,
            Self::TooLarge | Self::Closed => false,
            Self::Refused(error) => matches!(error, ErrorCode::RequestTimedOut),
        }
    }
}

/// The fate of a batch, as its records' callbacks are told.
#[derive(Clone, Debug)]
pub struct Completion {
    /// Where it went.
    pub tp: TopicPartition,
    /// Its records.
    pub parcel: Parcel,
    /// Success, with the offset of the first record unless acks=0; or the error.
    pub result: Result<Option<Offset>, ProduceError>,
}

/// What a producer has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Produce requests sent.
    pub requests: u64,
    /// Batches in them, those sent again included.
    pub batches: u64,
    /// Bytes of these batches.
    pub bytes: u64,
    /// Batches put back to be sent again.
    pub retries: u64,
    /// Batches split since the broker found them too large.
    pub splits: u64,
}

/// What a producer is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its config.
    pub config: ProducerConfig,
    /// bootstrap.servers: all brokers.
    pub brokers: Arc<[(BrokerId, HostId)]>,
    /// The topics that it sends to.
    pub topics: Vec<TopicId>,
    /// True to make and send the payload's bytes.
    pub keep_payload: bool,
    /// What compression leaves of its records.
    pub compression_ratio: Ratio,
}

/// What the producer remembers of a request in flight.
#[derive(Clone, Debug)]
enum Token {
    Metadata,
    InitProducerId,
    Produce(Vec<BatchId>),
}

/// One producer, from its construction until it is closed or its process dies.
#[derive(Clone, Debug)]
pub struct Producer {
    config: ProducerConfig,
    keep_payload: bool,
    metadata: ClientMetadata,
    /// The version of the metadata that the accumulator knows.
    metadata_version: u32,
    rpc: Rpc<Token>,
    accumulator: Accumulator,
    idempotence: Option<Idempotence>,
    /// The broker whose connection InitProducerId waits for.
    init_peer: Option<Peer>,
    /// Batches in flight, by partition, in the order in which they were sent.
    in_flight: Vec<Vec<BatchId>>,
    ready: Ready,
    /// When the sender timer is set to; it may fire early, never late.
    wake_at: Option<SimTime>,
    /// True when the sender has something to look at.
    woken: bool,
    closed: bool,
    completions: Vec<Completion>,
    counts: Counts,
}

/// The context that a producer gets.
pub type ProducerCx<'a> = Cx<'a, Message, Fact, Timer>;

impl Producer {
    /// A new producer. `name` tells its random streams from those of others.
    pub fn new(setup: Setup, streams: &Streams, name: &str) -> Self {
        let Setup {
            config,
            brokers,
            topics,
            keep_payload,
            compression_ratio,
        } = setup;
        let settings = rpc::Settings {
            request_timeout: config.request_timeout,
            reconnect_backoff: config.reconnect_backoff,
            reconnect_backoff_max: config.reconnect_backoff_max,
            setup_timeout: config.socket_connection_setup_timeout,
            setup_timeout_max: config.socket_connection_setup_timeout_max,
        };
        let mut rpc = Rpc::new(settings, streams.stream(&format!("{name}/connections")));
        for (_, host) in brokers.iter() {
            rpc.add_peer(*host);
        }
        let accumulator = Accumulator::new(
            config.clone(),
            Packer {
                codec: config.compression_type,
                ratio: compression_ratio,
            },
            &topics,
            brokers.len(),
            streams.stream(&format!("{name}/accumulator")),
        );
        let settings = metadata::Settings {
            max_age: config.metadata_max_age,
            retry_backoff: config.retry_backoff,
            retry_backoff_max: config.retry_backoff_max,
            missing: MissingTopic::Create,
        };
        let rng = streams.stream(&format!("{name}/metadata"));
        Self {
            idempotence: config.enable_idempotence.then(Idempotence::new),
            config,
            keep_payload,
            metadata: ClientMetadata::new(settings, brokers, topics, rng),
            metadata_version: 0,
            rpc,
            accumulator,
            init_peer: None,
            in_flight: Vec::new(),
            ready: Ready::default(),
            wake_at: None,
            woken: false,
            closed: false,
            completions: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Sends a record to the topic at this index of its set-up. After a
    /// number of calls, [`Producer::run_if_woken`] lets the sender thread see the records.
    #[inline]
    pub fn send(&mut self, topic: usize, out: Outgoing, now: SimTime) -> SendResult {
        let append = self.accumulator.append(topic, out, now, &self.metadata);
        match append {
            Append::Joined => SendResult::Accepted,
            Append::Wakes => {
                self.woken = true;
                SendResult::Accepted
            }
            Append::TooLarge => SendResult::Rejected(ProduceError::TooLarge),
            Append::UnknownTopic if self.closed => SendResult::Rejected(ProduceError::Closed),
            Append::UnknownTopic => {
                self.metadata.request_update();
                self.woken = true;
                SendResult::WouldBlock(Wait::Metadata)
            }
            Append::NoMemory => {
                self.woken = true;
                SendResult::WouldBlock(Wait::Memory)
            }
        }
    }

    /// True when a thread that waited for memory in `send` can go on.
    pub fn has_memory(&self) -> bool {
        self.accumulator.has_memory()
    }

    /// The thread in `send` gives up: max.block.ms is over.
    pub fn stop_waiting(&mut self) {
        self.accumulator.stop_waiting();
    }

    /// flush(): everything sent so far goes out without further delay. Returns what
    /// [`Producer::is_flushed`] needs to know.
    pub fn begin_flush(&mut self) -> u64 {
        self.woken = true;
        self.accumulator.begin_flush()
    }

    /// True when flush() can return: what it waits for is complete.
    pub fn is_flushed(&self, mark: u64) -> bool {
        self.accumulator.batches.are_complete_before(mark)
    }

    /// flush() returns.
    pub fn end_flush(&mut self) {
        self.accumulator.end_flush();
    }

    /// Lets the sender thread run if a call of `send` woke it.
    pub fn run_if_woken(&mut self, cx: &mut ProducerCx<'_>) {
        if self.woken {
            self.run(cx);
        }
    }

    /// Handles an input of one of the producer's connections or timers.
    pub fn handle(&mut self, cx: &mut ProducerCx<'_>, input: Input<Message, Timer>) {
        match input {
            Input::Start => {}
            Input::Terminate => self.close(),
            Input::Connected { on, .. } => {
                cx.scoped(Timer::Rpc, |cx| self.rpc.connected(cx, on));
            }
            Input::Message {
                on,
                body:
                    Message::Response {
                        correlation,
                        throttle_time,
                        body,
                    },
            } => {
                if let Some((peer, token)) = self.rpc.answered(on, correlation) {
                    cx.scoped(Timer::Rpc, |cx| self.rpc.throttle(cx, peer, throttle_time));
                    self.answered(cx, token, body);
                }
            }
            Input::Message {
                body: Message::Request { .. },
                ..
            } => panic!("a client is sent answers only"),
            Input::Disconnected(on) => {
                let event = cx.scoped(Timer::Rpc, |cx| self.rpc.disconnected(cx, on));
                self.connection_event(cx, event);
            }
            Input::Timer(Timer::Sender) => self.wake_at = None,
            Input::Timer(Timer::Rpc(timer)) => {
                let event = cx.scoped(Timer::Rpc, |cx| self.rpc.timer(cx, timer));
                self.connection_event(cx, event);
            }
            Input::Flushed(_) | Input::FlushFailed(_) => return,
        }
        self.run(cx);
    }

    /// True for a connection that it has opened and that is not closed.
    pub fn has_connection(&self, connection: ConnectionId) -> bool {
        self.rpc.peer_of(connection).is_some()
    }

    /// How many timer slots it uses.
    pub fn timer_slots(&self) -> u32 {
        1 + self.rpc.timer_slots()
    }

    /// Takes no more records and sends what it has without further delay.
    pub fn close(&mut self) {
        self.closed = true;
        self.accumulator.close();
        self.woken = true;
    }

    /// True when no batch waits or is in flight.
    pub fn is_idle(&self) -> bool {
        self.accumulator.is_empty() && self.in_flight.iter().all(Vec::is_empty)
    }

    /// True when it was closed and nothing is left to do: close() returns.
    pub fn is_closed(&self) -> bool {
        let mut peers = (0..self.rpc.peer_count()).map(Peer);
        self.closed && self.is_idle() && peers.all(|peer| self.rpc.in_flight(peer) == 0)
    }

    /// Batches whose fate is known since the last call, in the order in which it became known.
    pub fn take_completions(&mut self) -> impl Iterator<Item = Completion> + '_ {
        self.completions.drain(..)
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What it believes of brokers and leaders.
    pub fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// Takes over new partitions and leaders.
    fn learn_partitions(&mut self) {
        self.metadata_version = self.metadata.version();
        self.accumulator.update(&self.metadata);
        let slots = self.accumulator.slots();
        self.in_flight.resize(slots, Vec::new());
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.grow(slots);
        }
    }

    /// Tells the application what became of a batch.
    fn complete(&mut self, id: BatchId, result: Result<Option<Offset>, ProduceError>) {
        let batch = self.accumulator.batches.get_mut(id);
        batch.done = true;
        let parcel = Arc::clone(batch.parcel());
        let tp = self.accumulator.tp(self.slot(id));
        self.completions.push(Completion { tp, parcel, result });
    }

    fn slot(&self, id: BatchId) -> Slot {
        self.accumulator.batches.get(id).slot
    }
}
