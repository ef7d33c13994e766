//! InitProducerId (API key 22): a producer id for an idempotent producer.

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{ProducerEpoch, ProducerId};

/// Asks any broker; a transactional id comes with transactions.
#[derive(Clone, Copy, Debug)]
pub struct InitProducerIdRequest {}

/// The id, with epoch 0.
#[derive(Clone, Copy, Debug)]
pub struct InitProducerIdResponse {
    /// The error, if any.
    pub error: Option<ErrorCode>,
    /// The producer id.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
}
