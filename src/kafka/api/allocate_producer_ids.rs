//! AllocateProducerIds (API key 67): a broker gets a block of 1,000 producer ids from the controller.

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerEpoch, BrokerId, ProducerId};

/// How many ids a block has.
pub const PRODUCER_ID_BLOCK_SIZE: u64 = 1_000;

/// Asks the active controller.
#[derive(Clone, Copy, Debug)]
pub struct AllocateProducerIdsRequest {
    /// The broker.
    pub broker: BrokerId,
    /// Its epoch.
    pub broker_epoch: BrokerEpoch,
}

/// The block.
#[derive(Clone, Copy, Debug)]
pub struct AllocateProducerIdsResponse {
    /// The error, if any.
    pub error: Option<ErrorCode>,
    /// The first id.
    pub first: ProducerId,
    /// How many.
    pub count: u64,
}
