//! Configs of the Java consumer.

use crate::sim::time::SimDuration;

/// Where to start without a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoOffsetReset {
    /// The log start offset.
    Earliest,
    /// The high watermark.
    Latest,
    /// Nowhere: the application gets an error.
    None,
}

/// A consumer's config. Source: ConsumerConfig (4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// fetch.min.bytes
    pub fetch_min_bytes: u32,
    /// fetch.max.wait.ms
    pub fetch_max_wait: SimDuration,
    /// fetch.max.bytes
    pub fetch_max_bytes: u32,
    /// max.partition.fetch.bytes
    pub max_partition_fetch_bytes: u32,
    /// max.poll.records
    pub max_poll_records: u32,
    /// auto.offset.reset
    pub auto_offset_reset: AutoOffsetReset,
    /// request.timeout.ms
    pub request_timeout: SimDuration,
    /// retry.backoff.ms
    pub retry_backoff: SimDuration,
    /// retry.backoff.max.ms
    pub retry_backoff_max: SimDuration,
    /// reconnect.backoff.ms
    pub reconnect_backoff: SimDuration,
    /// reconnect.backoff.max.ms
    pub reconnect_backoff_max: SimDuration,
    /// metadata.max.age.ms
    pub metadata_max_age: SimDuration,
    /// check.crcs
    pub check_crcs: bool,
    /// socket.connection.setup.timeout.ms
    pub socket_connection_setup_timeout: SimDuration,
    /// socket.connection.setup.timeout.max.ms
    pub socket_connection_setup_timeout_max: SimDuration,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            fetch_min_bytes: 1,
            fetch_max_wait: SimDuration::from_millis(500),
            fetch_max_bytes: 52_428_800,
            max_partition_fetch_bytes: 1_048_576,
            max_poll_records: 500,
            auto_offset_reset: AutoOffsetReset::Latest,
            request_timeout: SimDuration::from_secs(30),
            retry_backoff: SimDuration::from_millis(100),
            retry_backoff_max: SimDuration::from_secs(1),
            reconnect_backoff: SimDuration::from_millis(50),
            reconnect_backoff_max: SimDuration::from_secs(1),
            metadata_max_age: SimDuration::from_secs(300),
            check_crcs: true,
            socket_connection_setup_timeout: SimDuration::from_secs(10),
            socket_connection_setup_timeout_max: SimDuration::from_secs(30),
        }
    }
}
