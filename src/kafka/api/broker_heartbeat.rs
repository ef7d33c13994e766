//! BrokerHeartbeat (API key 63): a registered broker keeps its session and asks to change state.

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerEpoch, BrokerId, DirectorySet, Offset};

/// Sent every broker.heartbeat.interval.ms.
#[derive(Clone, Copy, Debug)]
pub struct BrokerHeartbeatRequest {
    /// The broker.
    pub broker: BrokerId,
    /// Its epoch.
    pub broker_epoch: BrokerEpoch,
    /// How far it has applied the metadata log: the offset after the last applied record.
    pub metadata_offset: Offset,
    /// True while it must not lead.
    pub want_fence: bool,
    /// True when it asks for a controlled shutdown.
    pub want_shut_down: bool,
    /// Its log directories that have failed.
    pub offline_log_dirs: DirectorySet,
}

/// The answer.
#[derive(Clone, Copy, Debug)]
pub struct BrokerHeartbeatResponse {
    /// STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED, or nothing.
    pub error: Option<ErrorCode>,
    /// True when the broker has applied its own registration.
    pub is_caught_up: bool,
    /// True while the broker is fenced.
    pub is_fenced: bool,
    /// True when a controlled shutdown is done.
    pub should_shut_down: bool,
}
