//! Configs of the Java producer.
//!
//! Modelled: the resolution of idempotence, delivery.timeout.ms and the reconnect backoff, and the
//! combinations with which the client refuses to start; partitioners of other versions and clients
//! by a name. Left out: transactions, security.
//! Source: ProducerConfig, KafkaProducer.configureDeliveryTimeout, CommonClientConfigs (4.2);
//! KIP-91, KIP-679.

use crate::kafka::api::produce::Acks;
use crate::kafka::compression::Codec;
use crate::kafka::config::entry::{CODECS, Entry, GZIP_LEVELS, LZ4_LEVELS, ZSTD_LEVELS, entries};
use crate::kafka::config::problem::ConfigException;
use crate::kafka::config::text::Text;
use crate::kafka::config::value::Kind::{Boolean, Bytes, Count, Millis, OneOf, Text as AnyText};
use crate::kafka::config::value::{int, long};
use crate::kafka::config::{Component, ComponentKind, Settings, backoff_notices, level_notices};
use crate::kafka::partitioner::{PARTITIONERS, PartitionerClass};
use crate::sim::time::SimDuration;

/// A producer's config, after Kafka's own cross-checks. Source: ProducerConfig (4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerConfig {
    /// client.id; without one, or with an empty one, the application's name
    pub client_id: Option<Text>,
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
    /// compression.type
    pub compression_type: Codec,
    /// compression.gzip.level
    pub compression_gzip_level: i32,
    /// compression.lz4.level
    pub compression_lz4_level: i32,
    /// compression.zstd.level
    pub compression_zstd_level: i32,
    /// partitioner.class
    pub partitioner_class: PartitionerClass,
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
            client_id: None,
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
            compression_type: Codec::None,
            compression_gzip_level: -1,
            compression_lz4_level: 9,
            compression_zstd_level: 3,
            partitioner_class: PartitionerClass::BuiltIn,
            partitioner_adaptive_partitioning_enable: true,
            partitioner_availability_timeout: SimDuration::ZERO,
            partitioner_ignore_keys: false,
            socket_connection_setup_timeout: SimDuration::from_secs(10),
            socket_connection_setup_timeout_max: SimDuration::from_secs(30),
        }
    }
}

/// The most requests in flight with which the broker can still put a producer's batches in order.
const MAX_IN_FLIGHT_FOR_IDEMPOTENCE: u32 = 5;

impl Component for ProducerConfig {
    const KIND: ComponentKind = ComponentKind::Producer;
    const ENTRIES: &'static [Entry<Self>] = entries! {
        "ProducerConfig" {
            "client.id" [?] client_id AnyText,
                "whom quotas know it as; without it the name of the producer";
            "acks" acks OneOf(&["all", "-1", "1", "0"]),
                "whose copy a success means: all in-sync replicas', the leader's, nobody's";
            "enable.idempotence" enable_idempotence Boolean,
                "number the batches so that the broker drops duplicates and keeps the order";
            "retries" retries Count(int(0)),
                "how often a batch is sent again at most; delivery.timeout.ms is the usual limit";
            "max.in.flight.requests.per.connection" max_in_flight_requests_per_connection Count(int(1)),
                "produce requests without an answer per broker";
            "batch.size" batch_size Bytes(int(0)),
                "bytes at which a batch is closed";
            "linger.ms" linger Millis(long(0)),
                "how long a batch waits for more records, in ms";
            "buffer.memory" buffer_memory Bytes(long(0)),
                "bytes of unsent records; send blocks beyond that";
            "max.block.ms" max_block Millis(long(0)),
                "how long send may block for metadata and memory, in ms";
            "delivery.timeout.ms" delivery_timeout Millis(int(0)),
                "time from send to success or failure, retries included, in ms";
            "request.timeout.ms" request_timeout Millis(int(0)),
                "how long an answer may take before the connection is closed, in ms";
            "max.request.size" max_request_size Bytes(int(0)),
                "bytes of one request, and of one uncompressed record";
            "retry.backoff.ms" retry_backoff Millis(long(0)),
                "pause before the first retry, in ms; doubles with each";
            "retry.backoff.max.ms" retry_backoff_max Millis(long(0)),
                "longest pause before a retry, in ms";
            "reconnect.backoff.ms" reconnect_backoff Millis(long(0)),
                "pause before the first reconnect, in ms; doubles with each";
            "reconnect.backoff.max.ms" reconnect_backoff_max Millis(long(0)),
                "longest pause before a reconnect, in ms";
            "metadata.max.age.ms" metadata_max_age Millis(long(0)),
                "age at which metadata is fetched again, in ms";
            "compression.type" compression_type OneOf(CODECS),
                "how the producer compresses its batches";
            "compression.gzip.level" compression_gzip_level OneOf(GZIP_LEVELS),
                "level of gzip; -1 is gzip's own default";
            "compression.lz4.level" compression_lz4_level Count(LZ4_LEVELS),
                "level of lz4";
            "compression.zstd.level" compression_zstd_level Count(ZSTD_LEVELS),
                "level of zstd";
            "partitioner.class" partitioner_class OneOf(PARTITIONERS),
                "who places records: null is the built-in partitioner of 3.3 and later";
            "partitioner.adaptive.partitioning.enable" partitioner_adaptive_partitioning_enable Boolean,
                "give fewer keyless records to partitions with long queues";
            "partitioner.availability.timeout.ms" partitioner_availability_timeout Millis(long(0)),
                "stuck this long, in ms, a partition gets no keyless records; 0 is off";
            "partitioner.ignore.keys" partitioner_ignore_keys Boolean,
                "place keyed records like keyless ones";
            "socket.connection.setup.timeout.ms" socket_connection_setup_timeout Millis(long(0)),
                "how long the first connection attempt may take, in ms; doubles with each";
            "socket.connection.setup.timeout.max.ms" socket_connection_setup_timeout_max Millis(long(0)),
                "longest a connection attempt may take, in ms";
        }
    };

    fn resolve(settings: &Settings<Self>) -> Result<Self, ConfigException> {
        let mut config = settings.values().clone();
        if settings.lacks_reconnect_maximum() {
            config.reconnect_backoff_max = config.reconnect_backoff;
        }
        config.enable_idempotence = idempotence(settings)?;
        // An INT in milliseconds, so Kafka caps the sum there.
        let cap = SimDuration::from_millis(i32::MAX as u64);
        let least = (config.linger.min(cap) + config.request_timeout).min(cap);
        if config.delivery_timeout < least {
            if settings.is_set("delivery.timeout.ms") {
                return Err(ConfigException {
                    name: "delivery.timeout.ms",
                    message: format!(
                        "delivery.timeout.ms is {}, less than linger.ms + request.timeout.ms, \
                         which is {least}",
                        config.delivery_timeout
                    ),
                });
            }
            config.delivery_timeout = least;
        }
        Ok(config)
    }

    fn notices(settings: &Settings<Self>) -> Vec<String> {
        let values = settings.values();
        let mut notices = backoff_notices(settings);
        notices.extend(level_notices(settings));
        let Ok(resolved) = settings.resolve() else {
            return notices;
        };
        if values.enable_idempotence && !resolved.enable_idempotence {
            let cause = if values.retries == 0 {
                "retries"
            } else {
                "acks"
            };
            let value = settings.get(cause).map(|value| value.to_string());
            notices.push(format!(
                "enable.idempotence is off, as {cause} is {}",
                value.unwrap_or_default()
            ));
        }
        if resolved.delivery_timeout != values.delivery_timeout {
            notices.push(format!(
                "delivery.timeout.ms is raised to linger.ms + request.timeout.ms, {}",
                resolved.delivery_timeout
            ));
        }
        notices
    }
}

/// Whether the producer is idempotent in the end. Unless it was asked for by name, what contradicts
/// it turns it off; only more than five requests in flight are refused even then, and even where
/// something else turns it off.
fn idempotence(settings: &Settings<ProducerConfig>) -> Result<bool, ConfigException> {
    let config = settings.values();
    if !config.enable_idempotence {
        return Ok(false);
    }
    let asked_for = settings.is_set("enable.idempotence");
    let refuse = |name, message: String| Err(ConfigException { name, message });
    if config.retries == 0 && asked_for {
        let message = "an idempotent producer needs retries above 0".to_owned();
        return refuse("retries", message);
    }
    if config.acks != Acks::All && asked_for {
        let message = "an idempotent producer needs acks=all; with less it guarantees nothing";
        return refuse("acks", message.to_owned());
    }
    let in_flight = config.max_in_flight_requests_per_connection;
    if in_flight > MAX_IN_FLIGHT_FOR_IDEMPOTENCE {
        let message = format!(
            "an idempotent producer allows at most {MAX_IN_FLIGHT_FOR_IDEMPOTENCE} \
             max.in.flight.requests.per.connection, not {in_flight}"
        );
        return refuse("max.in.flight.requests.per.connection", message);
    }
    Ok(config.retries > 0 && config.acks == Acks::All)
}
