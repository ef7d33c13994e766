//! InitProducerId (API key 22), without a transactional id: any broker answers.
//!
//! Modelled: ids from this broker's block of 1,000; while it waits for its first or next block it
//! asks the client to come back.
//! Left out: transactional ids, epoch bumps of a known id.
//! Source: TransactionCoordinator.handleInitProducerId, RPCProducerIdManager (4.2); KIP-730.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::kafka::api::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{ProducerEpoch, ProducerId};

/// Gives out the next id.
pub(in crate::broker) fn handle(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    _request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let id = broker.next_producer_id(cx);
    InitProducerIdResponse {
        error: id.is_none().then_some(ErrorCode::CoordinatorLoadInProgress),
        producer_id: id.unwrap_or(ProducerId(0)),
        producer_epoch: ProducerEpoch(0),
    }
}
