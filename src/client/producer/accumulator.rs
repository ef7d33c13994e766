//! Batches that wait to be sent, one queue per partition, in bounded memory.
//!
//! Modelled: batch.size, linger.ms, buffer.memory, readiness per broker, retry back-off and its
//! skipping after a leader change (KIP-951), draining round robin, muting, expiry after
//! delivery.timeout.ms, re-enqueueing, splitting, estimates of what compression will leave.
//! Left out: more than one application thread, so the buffer has one waiter at most.
//! Source: RecordAccumulator, BufferPool.

pub(super) mod draining;

use std::collections::VecDeque;

use crate::client::metadata::ClientMetadata;
use crate::client::producer::Outgoing;
use crate::client::producer::batch::{
    BatchId, Batches, Builder, Estimate, Packer, ProducerBatch, Slot,
};
use crate::client::producer::idempotence::Idempotence;
use crate::client::producer::partitioner::{
    Asked, Candidate, KeyTable, Keyless, QueueTail, Sticky, Weighting, next_partition,
    other_partition,
};
use crate::kafka::compression::Codec;
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::encoding;
use crate::kafka::ids::{TopicId, TopicPartition};
use crate::kafka::partitioner::PartitionerClass;
use crate::rpc;
use crate::sim::rng::Rng;
use crate::sim::time::SimTime;

/// What became of a record that was handed to the accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Append {
    /// It is in a batch; the sender has nothing new to do.
    Joined,
    /// It is in a batch that is new or full: the sender should look.
    Wakes,
    /// The topic's partitions are not known, or the producer is closed.
    UnknownTopic,
    /// There is no room in buffer.memory.
    NoMemory,
    /// The record is larger than max.request.size or buffer.memory.
    TooLarge,
}

/// The queues of a producer.
#[derive(Clone, Debug)]
pub(super) struct Accumulator {
    config: ProducerConfig,
    packer: Packer,
    rng: Rng,
    pub(super) batches: Batches,
    topics: Vec<Topic>,
    queues: Vec<Queue>,
    /// The partitions with batches: one bit for each.
    occupied: Vec<u64>,
    nodes: Vec<Node>,
    /// The largest record that may be sent.
    record_limit: u32,
    /// Bytes of buffer.memory that are free.
    available: u64,
    /// Bytes that the application thread waits for.
    waiting_for: Option<u32>,
    /// Calls of flush() that have not returned.
    flushes: u32,
    closed: bool,
    /// No batch expires before this time.
    next_expiry: SimTime,
}

#[derive(Clone, Debug)]
struct Topic {
    id: TopicId,
    /// True while its partitions are known.
    known: bool,
    slots: Vec<Slot>,
    keys: KeyTable,
    keyless: Keyless,
    sticky: Sticky,
    /// Partitions that have had a batch.
    used: u32,
    /// What compression is expected to leave, if there is any.
    estimate: Option<Estimate>,
}

#[derive(Clone, Debug)]
struct Queue {
    /// The content of the last batch while that is open.
    builder: Builder,
    tp: TopicPartition,
    batches: VecDeque<BatchId>,
    muted: bool,
    used: bool,
}

#[derive(Clone, Debug, Default)]
struct Node {
    /// The partitions that the broker leads.
    leads: Vec<Slot>,
    drain_index: usize,
    /// True within [`Accumulator::ready`] once a batch for it was found.
    is_ready: bool,
    /// When it last had batches ready, and when these could last be drained.
    ready_at: Option<SimTime>,
    drained_at: Option<SimTime>,
}

impl Accumulator {
    /// Empty queues for these topics.
    pub(super) fn new(
        config: ProducerConfig,
        packer: Packer,
        topics: &[TopicId],
        brokers: usize,
        mut rng: Rng,
    ) -> Self {
        let class = config.partitioner_class;
        // Only the built-in partitioner looks at it.
        let ignores = class == PartitionerClass::BuiltIn && config.partitioner_ignore_keys;
        let topics = topics.iter().map(|id| Topic {
            id: *id,
            known: false,
            slots: Vec::new(),
            keys: KeyTable::new(class.key_hash().filter(|_| !ignores)),
            keyless: Keyless::new(class, &mut rng),
            sticky: Sticky::new(config.batch_size),
            used: 0,
            estimate: (packer.codec != Codec::None).then_some(Estimate::INITIAL),
        });
        Self {
            topics: topics.collect(),
            packer,
            available: config.buffer_memory,
            record_limit: u64::from(config.max_request_size).min(config.buffer_memory) as u32,
            config,
            rng,
            batches: Batches::default(),
            queues: Vec::new(),
            occupied: Vec::new(),
            nodes: vec![Node::default(); brokers],
            waiting_for: None,
            flushes: 0,
            closed: false,
            next_expiry: SimTime::NEVER,
        }
    }

    /// Takes over what the metadata says of partitions and leaders.
    pub(super) fn update(&mut self, metadata: &ClientMetadata) {
        for topic in &mut self.topics {
            let count = metadata.partition_count(topic.id);
            topic.known = count.is_some() && !self.closed;
            for partition in topic.slots.len() as u32..count.unwrap_or(0) {
                topic.slots.push(Slot(self.queues.len() as u32));
                self.queues.push(Queue {
                    builder: Builder::default(),
                    tp: TopicPartition {
                        topic: topic.id,
                        partition,
                    },
                    batches: VecDeque::new(),
                    muted: false,
                    used: false,
                });
            }
        }
        self.occupied.resize(self.queues.len().div_ceil(64), 0);
        for node in &mut self.nodes {
            node.leads.clear();
        }
        for (slot, queue) in (0..).map(Slot).zip(&self.queues) {
            if let Some(peer) = metadata.leader_peer(queue.tp) {
                self.nodes[peer.0 as usize].leads.push(slot);
            }
        }
    }

    /// How many partitions there are queues for.
    pub(super) fn slots(&self) -> usize {
        self.queues.len()
    }

    /// The partition of a slot.
    pub(super) fn tp(&self, slot: Slot) -> TopicPartition {
        self.queues[slot.0 as usize].tp
    }

    /// Puts a record of the topic at this index into a batch.
    #[inline]
    pub(super) fn append(
        &mut self,
        topic: usize,
        out: Outgoing,
        now: SimTime,
        metadata: &ClientMetadata,
    ) -> Append {
        let draft = out.draft;
        let state = &mut self.topics[topic];
        if !state.known {
            return Append::UnknownTopic;
        }
        // The bound is at most 100 bytes above the value's size.
        if draft.value_size > self.record_limit.saturating_sub(100)
            && encoding::batch_size_upper_bound(&draft.at(0)) > self.record_limit
        {
            return Append::TooLarge;
        }
        let count = state.slots.len() as u32;
        let keyed = |key| state.keys.partition(key, count);
        let partition = out.partition.or_else(|| draft.key.and_then(keyed));
        if let Some(partition) = partition {
            // A partition that the metadata does not have is waited for like a topic.
            return match state.slots.get(partition as usize) {
                Some(slot) => {
                    let slot = *slot;
                    self.append_to(slot, out, now).0
                }
                None => Append::UnknownTopic,
            };
        }
        if let Keyless::ByBytes = state.keyless {
            self.append_sticky(topic, out, now, metadata)
        } else {
            self.append_keyless(topic, out, now, metadata)
        }
    }

    fn append_sticky(
        &mut self,
        topic: usize,
        out: Outgoing,
        now: SimTime,
        metadata: &ClientMetadata,
    ) -> Append {
        let slot = self.sticky_slot(topic, metadata);
        // A switch that was put off while a batch was half full is made up for now.
        let tail = self.tail(slot);
        let overdue = tail == QueueTail::Full && self.topics[topic].sticky.appended(0, tail);
        let slot = if overdue {
            self.switch(topic, metadata);
            self.sticky_slot(topic, metadata)
        } else {
            slot
        };
        let (append, bytes) = self.append_to(slot, out, now);
        let tail = self.tail(slot);
        if self.topics[topic].sticky.appended(bytes, tail) {
            self.switch(topic, metadata);
        }
        append
    }

    /// Appends where an older partitioner, or that of another client, places a record. What it
    /// remembers changes only when the record is in a batch.
    fn append_keyless(
        &mut self,
        topic: usize,
        out: Outgoing,
        now: SimTime,
        metadata: &ClientMetadata,
    ) -> Append {
        let mut keyless = self.topics[topic].keyless;
        let append = match &mut keyless {
            Keyless::ByBytes => unreachable!("sticky by bytes has a path of its own"),
            Keyless::Random => {
                let partition = self.draw(topic, metadata);
                self.append_at(topic, partition, out, now)
            }
            Keyless::RandomFor { current, until } => {
                if now >= *until || current.is_none() {
                    *current = Some(self.draw(topic, metadata));
                    *until = Keyless::drawn_until(now);
                }
                self.append_at(topic, current.unwrap_or(0), out, now)
            }
            Keyless::ByBatch { current } => {
                let before = if let Some(partition) = *current {
                    partition
                } else {
                    let led = self.led(topic, metadata);
                    other_partition(&mut self.rng, &led, None)
                };
                if let Some(append) = self.join(topic, before, out) {
                    *current = Some(before);
                    append
                } else {
                    let led = self.led(topic, metadata);
                    let partition = other_partition(&mut self.rng, &led, Some(before));
                    *current = Some(partition);
                    self.append_at(topic, partition, out, now)
                }
            }
            Keyless::InTurn { next, asked } => {
                let mut partition = self.nth(topic, *next, metadata);
                let joined = self.join(topic, partition, out);
                if joined.is_none() && *asked == Asked::Twice {
                    *next = next.wrapping_add(1);
                    partition = self.nth(topic, *next, metadata);
                }
                *next = next.wrapping_add(1);
                joined.unwrap_or_else(|| self.append_at(topic, partition, out, now))
            }
        };
        if append != Append::NoMemory {
            self.topics[topic].keyless = keyless;
        }
        append
    }

    /// The partitions with a known leader; all of them if there is none.
    fn led(&self, topic: usize, metadata: &ClientMetadata) -> Vec<u32> {
        let slots = &self.topics[topic].slots;
        let all = (0..).zip(slots);
        let led = all.filter(|(_, slot)| self.is_led(**slot, metadata));
        let led: Vec<u32> = led.map(|(partition, _)| partition).collect();
        if led.is_empty() {
            (0..slots.len() as u32).collect()
        } else {
            led
        }
    }

    fn is_led(&self, slot: Slot, metadata: &ClientMetadata) -> bool {
        let queue = &self.queues[slot.0 as usize];
        metadata.leader_peer(queue.tp).is_some()
    }

    /// The partition of a number that counts round those with a known leader.
    fn nth(&self, topic: usize, number: u32, metadata: &ClientMetadata) -> u32 {
        let slots = &self.topics[topic].slots;
        let number = number & 0x7fff_ffff;
        if slots.iter().all(|slot| self.is_led(*slot, metadata)) {
            return number % slots.len() as u32;
        }
        let led = self.led(topic, metadata);
        led[number as usize % led.len()]
    }

    /// Any partition; drawn again, once, if that has no leader.
    fn draw(&mut self, topic: usize, metadata: &ClientMetadata) -> u32 {
        let count = self.topics[topic].slots.len() as u64;
        let partition = self.rng.below(count) as u32;
        let slot = self.topics[topic].slots[partition as usize];
        if self.is_led(slot, metadata) {
            partition
        } else {
            self.rng.below(count) as u32
        }
    }

    fn append_at(&mut self, topic: usize, partition: u32, out: Outgoing, now: SimTime) -> Append {
        let slot = self.topics[topic].slots[partition as usize];
        self.append_to(slot, out, now).0
    }

    /// Appends to the partition's open batch; none when there is none with room.
    fn join(&mut self, topic: usize, partition: u32, out: Outgoing) -> Option<Append> {
        let slot = self.topics[topic].slots[partition as usize];
        let builder = &mut self.queues[slot.0 as usize].builder;
        builder.try_append(out.draft, out.timestamp)?;
        Some(if builder.is_full() {
            Append::Wakes
        } else {
            Append::Joined
        })
    }

    fn sticky_slot(&mut self, topic: usize, metadata: &ClientMetadata) -> Slot {
        if self.topics[topic].sticky.current().is_none() {
            self.switch(topic, metadata);
        }
        let topic = &self.topics[topic];
        let partition = topic.sticky.current().expect("a partition was just chosen");
        topic.slots[partition as usize]
    }

    /// Chooses the next sticky partition. The queue lengths are those of this moment; Java reads
    /// them when its sender thread runs, which is all the time.
    fn switch(&mut self, topic: usize, metadata: &ClientMetadata) {
        let timeout = self.config.partitioner_availability_timeout;
        let state = &self.topics[topic];
        let mut available = Vec::with_capacity(state.slots.len());
        for (partition, slot) in (0..).zip(&state.slots) {
            let queue = &self.queues[slot.0 as usize];
            let Some(peer) = metadata.leader_peer(queue.tp) else {
                continue;
            };
            let node = &self.nodes[peer.0 as usize];
            let stuck = match (node.ready_at, node.drained_at) {
                (Some(ready), Some(drained)) => ready.since(drained) > timeout,
                (_, None) | (None, Some(_)) => false,
            };
            available.push(Candidate {
                partition,
                queue: queue.batches.len() as u32,
                excluded: stuck && !timeout.is_zero() && !queue.batches.is_empty(),
            });
        }
        let all = state.slots.len() as u32;
        let weighting = if self.config.partitioner_adaptive_partitioning_enable && state.used >= all
        {
            Weighting::Adaptive
        } else {
            Weighting::Uniform
        };
        let partition = next_partition(&mut self.rng, &available, all, weighting);
        self.topics[topic].sticky.switch_to(partition);
    }

    fn tail(&self, slot: Slot) -> QueueTail {
        if self.queues[slot.0 as usize].builder.is_full() {
            QueueTail::Full
        } else {
            QueueTail::Open
        }
    }

    /// Appends to the partition's open batch or a new one; also says the bytes that were added.
    #[inline]
    fn append_to(&mut self, slot: Slot, out: Outgoing, now: SimTime) -> (Append, u32) {
        let builder = &mut self.queues[slot.0 as usize].builder;
        if let Some(bytes) = builder.try_append(out.draft, out.timestamp) {
            let append = if builder.is_full() {
                Append::Wakes
            } else {
                Append::Joined
            };
            return (append, bytes);
        }
        self.append_to_new(slot, out, now)
    }

    #[cold]
    fn append_to_new(&mut self, slot: Slot, out: Outgoing, now: SimTime) -> (Append, u32) {
        self.close_open(slot);
        let queue = &mut self.queues[slot.0 as usize];
        let topic = self.topics.iter_mut().find(|t| t.id == queue.tp.topic);
        let topic = topic.expect("a queue belongs to a topic");
        topic.used += u32::from(!queue.used);
        queue.used = true;
        let buffer = self
            .config
            .batch_size
            .max(encoding::batch_size_upper_bound(&out.draft.at(0)));
        if u64::from(buffer) > self.available {
            self.waiting_for = Some(buffer);
            return (Append::NoMemory, 0);
        }
        self.waiting_for = None;
        self.available -= u64::from(buffer);
        queue
            .builder
            .open(out.draft, out.timestamp, buffer, topic.estimate);
        let bytes = queue.builder.size();
        self.note_expiry(now);
        let id = self.batches.insert(ProducerBatch::new(slot, now, buffer));
        self.push(slot, |batches| batches.push_back(id));
        (Append::Wakes, bytes)
    }

    /// Closes the partition's open batch if there is one.
    fn close_open(&mut self, slot: Slot) {
        let queue = &mut self.queues[slot.0 as usize];
        if let Some(last) = queue.batches.back() {
            let batch = self.batches.get_mut(*last);
            if batch.is_open() {
                batch.content = queue.builder.close(self.packer);
            }
        }
    }

    /// The application thread waits no longer.
    pub(super) fn stop_waiting(&mut self) {
        self.waiting_for = None;
    }

    /// True when the record that waits for memory would get it now, or none waits.
    pub(super) fn has_memory(&self) -> bool {
        self.waiting_for
            .is_none_or(|bytes| u64::from(bytes) <= self.available)
    }

    /// Everything is sent without further delay until [`Self::end_flush`]. Returns the number of
    /// the next batch.
    pub(super) fn begin_flush(&mut self) -> u64 {
        self.flushes += 1;
        self.batches.next_number()
    }

    /// A flush() returns.
    pub(super) fn end_flush(&mut self) {
        self.flushes -= 1;
    }

    /// Everything is sent without further delay from now on.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.waiting_for = None;
        for topic in &mut self.topics {
            topic.known = false;
        }
    }

    /// True when no batch waits in a queue.
    pub(super) fn is_empty(&self) -> bool {
        self.occupied.iter().all(|word| *word == 0)
    }

    fn topic_of(&mut self, slot: Slot) -> &mut Topic {
        let id = self.queues[slot.0 as usize].tp.topic;
        let topic = self.topics.iter_mut().find(|topic| topic.id == id);
        topic.expect("a queue belongs to a topic")
    }

    /// Puts a batch back to be sent again: with idempotence where its sequence belongs, else in
    /// front, also of batches that were sent before it.
    pub(super) fn reenqueue(&mut self, id: BatchId, now: SimTime) {
        let config = &self.config;
        let batch = self.batches.get_mut(id);
        let wait = rpc::backoff(
            config.retry_backoff,
            config.retry_backoff_max,
            batch.attempts,
            &mut self.rng,
        );
        batch.reenqueued(now, wait);
        let created = batch.created;
        self.put_back(id);
        self.note_expiry(created);
    }

    /// Puts the pieces of a batch that was too large for the broker in its place. They count as
    /// never sent, though with idempotence they have its sequence numbers.
    pub(super) fn split(&mut self, id: BatchId, mut idempotence: Option<&mut Idempotence>) {
        let batch = self.batches.get(id);
        let (slot, packing) = (batch.slot, batch.packing());
        let topic = self.topic_of(slot);
        topic.estimate = topic.estimate.map(|_| Estimate::after_split(packing));
        let estimate = topic.estimate;
        let batch = self.batches.get(id);
        let pieces = batch.split(self.config.batch_size, self.packer, estimate);
        for piece in pieces.into_iter().rev() {
            let slot = piece.slot;
            let id = self.batches.insert(piece);
            if let Some(idempotence) = idempotence.as_deref_mut() {
                idempotence.track(slot, id, &self.batches);
            }
            self.put_back(id);
        }
    }

    fn put_back(&mut self, id: BatchId) {
        let batch = self.batches.get(id);
        let slot = batch.slot;
        let queue = &self.queues[slot.0 as usize].batches;
        let place = match batch.base_sequence() {
            None => 0,
            Some(sequence) => queue
                .iter()
                .take_while(|other| {
                    let other = self.batches.get(**other).base_sequence();
                    other.is_some_and(|other| other < sequence)
                })
                .count(),
        };
        self.push(slot, |batches| batches.insert(place, id));
    }

    /// Gives the memory of a batch back.
    pub(super) fn deallocate(&mut self, id: BatchId) {
        let batch = self.batches.get_mut(id);
        self.available += u64::from(std::mem::take(&mut batch.buffer));
    }

    fn push(&mut self, slot: Slot, how: impl FnOnce(&mut VecDeque<BatchId>)) {
        how(&mut self.queues[slot.0 as usize].batches);
        self.occupied[slot.0 as usize / 64] |= 1 << (slot.0 % 64);
    }

    /// Takes the first batch out of the queue, closed.
    fn pop(&mut self, slot: Slot) {
        if self.queues[slot.0 as usize].batches.len() == 1 {
            self.close_open(slot);
        }
        let batches = &mut self.queues[slot.0 as usize].batches;
        batches.pop_front();
        if batches.is_empty() {
            self.occupied[slot.0 as usize / 64] &= !(1 << (slot.0 % 64));
        }
    }
}
