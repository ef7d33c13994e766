//! This broker's blocks of producer ids.
//!
//! Modelled: the next block is asked for when nine tenths of the current one are given out, or when
//! there is none; after an error, no sooner than 50 ms.
//! Source: RPCProducerIdManager (4.2); KIP-730.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::timer::Link;
use crate::kafka::api::allocate_producer_ids::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse,
};
use crate::kafka::ids::ProducerId;
use crate::kafka::message::Request;
use crate::sim::time::{SimDuration, SimTime};

/// The pause after an error.
const RETRY_BACKOFF: SimDuration = SimDuration::from_millis(50);

/// The blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProducerIds {
    current: Block,
    next: Option<Block>,
    not_before: SimTime,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    /// The first id that is not given out.
    free: u64,
    end: u64,
    /// Giving out this id is the moment to ask for the next block.
    prefetch_at: u64,
}

impl ProducerIds {
    /// The next id, and whether it is time to ask for a block.
    fn claim(&mut self) -> (Option<ProducerId>, bool) {
        if self.current.free == self.current.end {
            match self.next.take() {
                Some(block) => self.current = block,
                None => return (None, true),
            }
        }
        let id = self.current.free;
        self.current.free += 1;
        (Some(ProducerId(id)), id == self.current.prefetch_at)
    }
}

impl Broker {
    /// Gives out a producer id, if this broker has one.
    pub(super) fn next_producer_id(&mut self, cx: BrokerCx<'_, '_>) -> Option<ProducerId> {
        let (id, wants_block) = self.producer_ids.claim();
        if wants_block {
            self.request_producer_ids(cx);
        }
        id
    }

    fn request_producer_ids(&mut self, cx: BrokerCx<'_, '_>) {
        let ids = &self.producer_ids;
        if ids.next.is_some() || cx.now() < ids.not_before || self.link(Link::ProducerIds).is_busy()
        {
            return;
        }
        let Some(broker_epoch) = self.lifecycle.epoch() else {
            return;
        };
        let request = AllocateProducerIdsRequest {
            broker: self.id,
            broker_epoch,
        };
        self.ask(cx, Link::ProducerIds, Request::AllocateProducerIds(request));
    }

    /// The controller answered.
    pub(super) fn producer_ids_allocated(
        &mut self,
        cx: BrokerCx<'_, '_>,
        response: AllocateProducerIdsResponse,
    ) {
        self.assign_replicas_to_dirs(cx);
        if response.error.is_some() {
            self.producer_ids.not_before = cx.now() + RETRY_BACKOFF;
            return;
        }
        let free = response.first.0;
        self.producer_ids.next = Some(Block {
            free,
            end: free + response.count,
            prefetch_at: free + response.count * 9 / 10,
        });
    }
}
