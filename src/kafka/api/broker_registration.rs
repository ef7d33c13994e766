//! BrokerRegistration (API key 62): a started broker makes itself known to the controller.

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerEpoch, BrokerId, Incarnation, Rack};

/// Registers one life of a broker.
#[derive(Clone, Copy, Debug)]
pub struct BrokerRegistrationRequest {
    /// The broker.
    pub broker: BrokerId,
    /// This life of it.
    pub incarnation: Incarnation,
    /// The epoch of its last life if that ended in good order (clean-shutdown file), else none.
    pub previous_broker_epoch: Option<BrokerEpoch>,
    /// Where it stands (broker.rack).
    pub rack: Option<Rack>,
}

/// The answer.
#[derive(Clone, Copy, Debug)]
pub struct BrokerRegistrationResponse {
    /// DUPLICATE_BROKER_REGISTRATION while the session of another life lasts.
    pub error: Option<ErrorCode>,
    /// The broker's epoch.
    pub broker_epoch: BrokerEpoch,
}
