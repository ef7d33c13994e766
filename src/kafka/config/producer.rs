//! Configs of the Java producer.

use crate::kafka::api::produce::Acks;
use crate::sim::time::SimDuration;

/// A producer's config, after Kafka's own cross-checks. Source: ProducerConfig (4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerConfig {
    /// acks
    pub acks: Acks,
    /// enable.idempotence, as resolved
    pub enable_idempotence: bool,
    /// retries
    pub retries: u32,
    /// max.in.flight.requests.per.connection
    pub max_in_flight_requests_per_connection: u32,
    /// batch.size
    pub batch_size: u32,
    /// linger.ms
    pub linger: SimDuration,
    /// buffer.memory
    pub buffer_memory: u64,
    /// max.block.ms
    pub max_block: SimDuration,
    /// delivery.timeout.ms, as resolved
    pub delivery_timeout: SimDuration,
    /// request.timeout.ms
    pub request_timeout: SimDuration,
    /// max.request.size
    pub max_request_size: u32,
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
    /// partitioner.adaptive.partitioning.enable
    pub partitioner_adaptive_partitioning_enable: bool,
    /// partitioner.availability.timeout.ms; zero is off
    pub partitioner_availability_timeout: SimDuration,
    /// partitioner.ignore.keys
    pub partitioner_ignore_keys: bool,
    /// socket.connection.setup.timeout.ms
    pub socket_connection_setup_timeout: SimDuration,
    /// socket.connection.setup.timeout.max.ms
    pub socket_connection_setup_timeout_max: SimDuration,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            enable_idempotence: true,
            retries: i32::MAX as u32,
            max_in_flight_requests_per_connection: 5,
            batch_size: 16_384,
            linger: SimDuration::from_millis(5),
            buffer_memory: 33_554_432,
            max_block: SimDuration::from_secs(60),
            delivery_timeout: SimDuration::from_secs(120),
            request_timeout: SimDuration::from_secs(30),
            max_request_size: 1_048_576,
            retry_backoff: SimDuration::from_millis(100),
            retry_backoff_max: SimDuration::from_secs(1),
            reconnect_backoff: SimDuration::from_millis(50),
            reconnect_backoff_max: SimDuration::from_secs(1),
            metadata_max_age: SimDuration::from_secs(300),
            partitioner_adaptive_partitioning_enable: true,
            partitioner_availability_timeout: SimDuration::ZERO,
            partitioner_ignore_keys: false,
            socket_connection_setup_timeout: SimDuration::from_secs(10),
            socket_connection_setup_timeout_max: SimDuration::from_secs(30),
        }
    }
}
