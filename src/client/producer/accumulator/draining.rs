//! The sender's side of the accumulator: which brokers can be sent something, what they get, and
//! what has waited too long.
//!
//! Modelled and left out: see the module above.
//! Source: RecordAccumulator.ready, drain, expiredBatches.

use crate::client::metadata::ClientMetadata;
use crate::client::producer::accumulator::Accumulator;
use crate::client::producer::batch::{BatchId, Slot};
use crate::client::producer::idempotence::Idempotence;
use crate::kafka::compression::Codec;
use crate::rpc::Peer;
use crate::sim::time::SimTime;

/// Which brokers can be sent something.
#[derive(Clone, Debug, Default)]
pub(in crate::client::producer) struct Ready {
    /// Brokers with a batch that can be sent, in the order of the partitions.
    pub(in crate::client::producer) peers: Vec<Peer>,
    /// When another batch will be ready at the latest, if nothing else happens.
    pub(in crate::client::producer) next_check: Option<SimTime>,
    /// True when a partition with batches has no known leader.
    pub(in crate::client::producer) unknown_leader: bool,
}

/// Whether a broker can take what is ready for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client::producer) enum Drains {
    /// It is drained now.
    Now,
    /// It is not connected or has too many requests in flight.
    Later,
}

impl Accumulator {
    /// Finds the brokers for which a batch is full, has lingered, or may not wait.
    pub(in crate::client::producer) fn ready(
        &mut self,
        metadata: &ClientMetadata,
        now: SimTime,
        ready: &mut Ready,
    ) {
        ready.peers.clear();
        ready.next_check = None;
        ready.unknown_leader = false;
        for word in 0..self.occupied.len() {
            let mut bits = self.occupied[word];
            while bits != 0 {
                let slot = Slot(word as u32 * 64 + bits.trailing_zeros());
                bits &= bits - 1;
                self.check_ready(slot, metadata, now, ready);
            }
        }
        for peer in &ready.peers {
            self.nodes[peer.0 as usize].is_ready = false;
        }
    }

    fn check_ready(
        &mut self,
        slot: Slot,
        metadata: &ClientMetadata,
        now: SimTime,
        ready: &mut Ready,
    ) {
        let queue = &self.queues[slot.0 as usize];
        let front = queue.batches.front().expect("occupied queues have batches");
        let batch = self.batches.get_mut(*front);
        batch.note_leader_epoch(metadata.leader_epoch(queue.tp));
        let Some(peer) = metadata.leader_peer(queue.tp) else {
            ready.unknown_leader = true;
            return;
        };
        let node = &mut self.nodes[peer.0 as usize];
        if node.is_ready || queue.muted {
            return;
        }
        let wait_until = if let Some(end) = batch.backs_off_until(now) {
            end
        } else {
            let lingered = batch.waiting_since() + self.config.linger;
            let urgent = self.closed || self.waiting_for.is_some() || self.flushes > 0;
            let full = queue.batches.len() > 1 || !batch.is_open() || queue.builder.is_full();
            if full || urgent || lingered <= now {
                node.is_ready = true;
                ready.peers.push(peer);
                return;
            }
            lingered
        };
        let earlier = ready.next_check.is_none_or(|check| wait_until < check);
        if earlier {
            ready.next_check = Some(wait_until);
        }
    }

    /// Notes whether a broker with ready batches can take them
    /// (partitioner.availability.timeout.ms).
    pub(in crate::client::producer) fn note_latency(
        &mut self,
        peer: Peer,
        now: SimTime,
        drains: Drains,
    ) {
        if self.config.partitioner_availability_timeout.is_zero() {
            return;
        }
        let node = &mut self.nodes[peer.0 as usize];
        node.ready_at = Some(now);
        if drains == Drains::Now || node.drained_at.is_none() {
            node.drained_at = Some(now);
        }
    }

    /// Takes at most one batch of each partition that the broker leads, round robin, up to
    /// max.request.size; the first one in any case.
    pub(in crate::client::producer) fn drain(
        &mut self,
        peer: Peer,
        metadata: &ClientMetadata,
        mut idempotence: Option<&mut Idempotence>,
        now: SimTime,
    ) -> Vec<BatchId> {
        let mut drained = Vec::new();
        let mut bytes = 0;
        let count = self.nodes[peer.0 as usize].leads.len();
        if count == 0 {
            return drained;
        }
        let start = self.nodes[peer.0 as usize].drain_index % count;
        let mut index = start;
        loop {
            let node = &mut self.nodes[peer.0 as usize];
            node.drain_index = index;
            let slot = node.leads[index];
            index = (index + 1) % count;
            if let Some(first) = self.drainable(slot, metadata, now) {
                let size = self.size(slot, first);
                let stops = |i: &&mut Idempotence| i.stops_drain(slot, first, &self.batches);
                // One partition that must wait ends the round, also for those behind it.
                if (bytes + size > self.config.max_request_size && !drained.is_empty())
                    || idempotence.as_ref().is_some_and(stops)
                {
                    break;
                }
                self.pop(slot);
                if self.packer.codec != Codec::None {
                    self.observe(slot, first);
                }
                if let Some(idempotence) = idempotence.as_deref_mut() {
                    idempotence.assign(slot, first, &mut self.batches);
                }
                bytes += size;
                drained.push(first);
            }
            if index == start {
                break;
            }
        }
        drained
    }

    /// Learns from a closed batch how well the topic's records compress.
    fn observe(&mut self, slot: Slot, id: BatchId) {
        let packing = self.batches.get(id).packing();
        let topic = self.topic_of(slot);
        topic.estimate = topic.estimate.map(|estimate| estimate.after(packing));
    }

    /// Bytes of a batch in the partition's queue.
    fn size(&self, slot: Slot, id: BatchId) -> u32 {
        let batch = self.batches.get(id);
        if batch.is_open() {
            self.queues[slot.0 as usize].builder.size()
        } else {
            batch.size()
        }
    }

    /// The partition's first batch, unless it backs off or the partition is muted.
    fn drainable(
        &mut self,
        slot: Slot,
        metadata: &ClientMetadata,
        now: SimTime,
    ) -> Option<BatchId> {
        let queue = &self.queues[slot.0 as usize];
        if queue.muted {
            return None;
        }
        let first = *queue.batches.front()?;
        let batch = self.batches.get_mut(first);
        batch.note_leader_epoch(metadata.leader_epoch(queue.tp));
        if batch.backs_off_until(now).is_some() {
            return None;
        }
        Some(first)
    }

    /// One batch in flight: no other of this partition until [`Self::unmute`].
    pub(in crate::client::producer) fn mute(&mut self, slot: Slot) {
        self.queues[slot.0 as usize].muted = true;
    }

    /// The partition's batch in flight is complete.
    pub(in crate::client::producer) fn unmute(&mut self, slot: Slot) {
        self.queues[slot.0 as usize].muted = false;
    }

    /// When a batch may expire next.
    pub(in crate::client::producer) fn next_expiry(&self) -> SimTime {
        self.next_expiry
    }

    /// Begins a search for expired batches; every batch that stays is told to
    /// [`Self::note_expiry`].
    pub(in crate::client::producer) fn forget_expiry(&mut self) {
        self.next_expiry = SimTime::NEVER;
    }

    /// A batch of this time of creation is still to expire.
    pub(in crate::client::producer) fn note_expiry(&mut self, created: SimTime) {
        let expiry = created + self.config.delivery_timeout;
        self.next_expiry = self.next_expiry.min(expiry);
    }

    /// Removes the batches of the queues that reached delivery.timeout.ms, oldest first.
    pub(in crate::client::producer) fn take_expired(&mut self, now: SimTime) -> Vec<BatchId> {
        let mut expired = Vec::new();
        for slot in (0..self.queues.len() as u32).map(Slot) {
            while let Some(first) = self.queues[slot.0 as usize].batches.front() {
                let (first, created) = (*first, self.batches.get(*first).created);
                if created + self.config.delivery_timeout > now {
                    self.note_expiry(created);
                    break;
                }
                self.pop(slot);
                expired.push(first);
            }
        }
        expired
    }
}
