//! Fetching ahead: one fetch in flight per broker, answers kept until `poll` takes them.
//!
//! Modelled: a fetch asks for all fetchable partitions of a broker that have no buffered records,
//! and waits while any fetchable partition of that broker has some (KAFKA-17182); partitions take
//! turns; leaders told in error answers (KIP-951).
//! Left out: fetch sessions (KIP-227), whose effect on the buffer is kept: an answer without
//! records and without an error is not put there.
//! Source: AbstractFetch, Fetcher, FetchBuffer (4.2).

use std::collections::VecDeque;

use crate::client::consumer::Token;
use crate::client::consumer::collector::{CompletedFetch, Redirect};
use crate::client::consumer::subscription::{PartitionIndex, SubscriptionState};
use crate::kafka::api::fetch::{FetchPartition, FetchRequest, FetchResponse, Fetcher as Who};
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{Offset, Rack};
use crate::kafka::message::{Message, Request};
use crate::rpc;
use crate::rpc::{Peer, Rpc};
use crate::sim::process::Cx;

/// What is fetched from whom, and what came and was not taken yet.
#[derive(Clone, Debug)]
pub struct Fetcher {
    /// client.rack
    rack: Option<Rack>,
    /// By peer.
    nodes: Vec<Node>,
    /// By partition.
    slots: Vec<Slot>,
    next_turn: u64,
    /// Brokers for which something changed since the last attempt to fetch from them.
    woken: Vec<Peer>,
    /// Answers in the order of their arrival.
    pub(crate) buffer: VecDeque<CompletedFetch>,
    /// The answer from which the last records were taken.
    pub(crate) next_in_line: Option<CompletedFetch>,
}

/// One broker.
#[derive(Clone, Debug, Default)]
struct Node {
    /// The partitions to fetch from it, the one whose turn it is first.
    partitions: Vec<PartitionIndex>,
    /// What the fetch in flight asks for.
    asked: Vec<(PartitionIndex, Offset)>,
    in_flight: bool,
    woken: bool,
}

/// One partition.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Whom it is fetched from.
    node: Option<Peer>,
    /// Lower comes first in a request.
    turn: u64,
    /// Answers in the buffer.
    buffered: u32,
}

impl Fetcher {
    /// Nothing fetched, nobody to fetch from.
    pub fn new(brokers: usize, partitions: usize, rack: Option<Rack>) -> Self {
        let slot = |turn| Slot {
            node: None,
            turn,
            buffered: 0,
        };
        Self {
            rack,
            nodes: vec![Node::default(); brokers],
            slots: (0..partitions as u64).map(slot).collect(),
            next_turn: partitions as u64,
            woken: Vec::new(),
            buffer: VecDeque::new(),
            next_in_line: None,
        }
    }

    /// Something changed that may allow a fetch from the broker.
    pub fn wake(&mut self, peer: Peer) {
        let node = &mut self.nodes[peer.0 as usize];
        if !node.woken {
            node.woken = true;
            self.woken.push(peer);
        }
    }

    /// Something changed that may allow to fetch the partition, or others of its broker.
    pub fn wake_partition(&mut self, index: PartitionIndex) {
        if let Some(peer) = self.slots[index.0 as usize].node {
            self.wake(peer);
        }
    }

    /// The partition is fetched from that broker from now on.
    pub fn place(&mut self, index: PartitionIndex, peer: Option<Peer>) {
        self.wake_partition(index);
        let slot = &mut self.slots[index.0 as usize];
        if slot.node == peer {
            return;
        }
        if let Some(old) = slot.node {
            let partitions = &mut self.nodes[old.0 as usize].partitions;
            partitions.retain(|other| *other != index);
        }
        slot.node = peer;
        if let Some(peer) = peer {
            let turn = slot.turn;
            let slots = &self.slots;
            let partitions = &mut self.nodes[peer.0 as usize].partitions;
            let place = partitions.partition_point(|other| slots[other.0 as usize].turn < turn);
            partitions.insert(place, index);
            self.wake(peer);
        }
    }

    /// Sends a fetch to each broker that was woken and can take one.
    pub fn send_fetches(
        &mut self,
        cx: &mut Cx<'_, Message, Fact, rpc::Timer>,
        rpc: &mut Rpc<Token>,
        subscription: &SubscriptionState,
        config: &ConsumerConfig,
    ) {
        for i in 0..self.woken.len() {
            let peer = self.woken[i];
            let node = &mut self.nodes[peer.0 as usize];
            node.woken = false;
            if node.in_flight || node.is_blocked(&self.slots, subscription) {
                continue;
            }
            let Some(partitions) = node.prepare(subscription, config) else {
                continue;
            };
            if !rpc.is_ready(peer) {
                rpc.connect(cx, peer);
                continue;
            }
            node.in_flight = true;
            let request = FetchRequest {
                fetcher: Who::Consumer,
                rack: self.rack,
                max_wait: config.fetch_max_wait,
                min_bytes: config.fetch_min_bytes,
                max_bytes: config.fetch_max_bytes,
                partitions,
            };
            rpc.send(cx, peer, Request::Fetch(Box::new(request)), Token::Fetch);
        }
        self.woken.clear();
    }

    /// The partitions that the last fetch from the broker asked for.
    pub fn asked(&self, peer: Peer) -> impl Iterator<Item = PartitionIndex> {
        let asked = self.nodes[peer.0 as usize].asked.iter();
        asked.map(|(index, _)| *index)
    }

    /// A fetch was answered: what it brought waits for `poll`. Returns the partitions whose answer
    /// names another leader.
    pub fn answered(
        &mut self,
        peer: Peer,
        response: FetchResponse,
        subscription: &mut SubscriptionState,
    ) -> Vec<Redirect> {
        let node = &mut self.nodes[peer.0 as usize];
        node.in_flight = false;
        if response.partitions.is_empty() {
            // Throttled: it brings nothing, and the partitions are asked for again.
            self.wake(peer);
            return Vec::new();
        }
        let asked = std::mem::take(&mut node.asked);
        assert_eq!(
            asked.len(),
            response.partitions.len(),
            "each partition of a fetch is answered"
        );
        let mut redirects = Vec::new();
        for ((index, offset), fetched) in asked.iter().zip(response.partitions) {
            let partition = subscription.get(*index);
            assert_eq!(partition.tp, fetched.tp, "answers keep the request's order");
            if let Some(redirect) = Redirect::from(*index, &fetched) {
                redirects.push(redirect);
            }
            if fetched.error.is_none() && fetched.batches.is_empty() {
                let position = partition.valid_position();
                if position.is_some_and(|position| position.offset == *offset) {
                    subscription.learn(*index, fetched.high_watermark, fetched.log_start_offset);
                }
                continue;
            }
            self.slots[index.0 as usize].buffered += 1;
            self.buffer
                .push_back(CompletedFetch::new(*index, *offset, fetched));
        }
        self.nodes[peer.0 as usize].asked = asked;
        self.wake(peer);
        redirects
    }

    /// The fetch in flight to the broker has no answer. The broker is woken when its connection
    /// may be opened again.
    pub fn lost(&mut self, peer: Peer) {
        self.nodes[peer.0 as usize].in_flight = false;
    }

    /// An answer left the buffer.
    pub fn release(&mut self, index: PartitionIndex) {
        self.slots[index.0 as usize].buffered -= 1;
        self.wake_partition(index);
    }

    /// The other partitions go first in the next requests.
    pub fn move_to_end(&mut self, index: PartitionIndex) {
        let slot = &mut self.slots[index.0 as usize];
        slot.turn = self.next_turn;
        self.next_turn += 1;
        if let Some(peer) = slot.node {
            let partitions = &mut self.nodes[peer.0 as usize].partitions;
            let place = partitions.iter().position(|other| *other == index);
            let place = place.expect("a partition is listed at its node");
            partitions[place..].rotate_left(1);
        }
    }
}

impl Node {
    /// True while records of it are buffered: a fetch without their partitions would throw those
    /// out of the broker's fetch session. Partitions that can't be fetched now do not count.
    fn is_blocked(&self, slots: &[Slot], subscription: &SubscriptionState) -> bool {
        self.partitions.iter().any(|index| {
            slots[index.0 as usize].buffered > 0 && subscription.get(*index).is_fetchable()
        })
    }

    /// What to ask for: every fetchable partition. None when there is none.
    fn prepare(
        &mut self,
        subscription: &SubscriptionState,
        config: &ConsumerConfig,
    ) -> Option<Vec<FetchPartition>> {
        self.asked.clear();
        let mut partitions = Vec::with_capacity(self.partitions.len());
        for index in &self.partitions {
            let partition = subscription.get(*index);
            let position = match partition.valid_position() {
                Some(position) if !partition.is_paused() => position,
                Some(_) | None => continue,
            };
            self.asked.push((*index, position.offset));
            partitions.push(FetchPartition {
                tp: partition.tp,
                fetch_offset: position.offset,
                current_leader_epoch: position.leader.map(|leader| leader.epoch),
                // Only followers say it: a consumer validates its position by asking.
                last_fetched_epoch: None,
                log_start_offset: Offset(0),
                max_bytes: config.max_partition_fetch_bytes,
            });
        }
        (!partitions.is_empty()).then_some(partitions)
    }
}
