//! Configs of the Java consumer.
//!
//! Left out for now: groups and commits, isolation levels, racks, security.
//! Source: ConsumerConfig, CommonClientConfigs (4.2).

use crate::kafka::config::entry::{Entry, entries};
use crate::kafka::config::problem::ConfigException;
use crate::kafka::config::text::Text;
use crate::kafka::config::value::Kind::{
    Boolean, Bytes, Count, Millis, OffsetReset, Text as AnyText,
};
use crate::kafka::config::value::{int, long};
use crate::kafka::config::{Component, ComponentKind, Settings, backoff_notices};
use crate::sim::time::SimDuration;

/// Where to start without a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoOffsetReset {
    /// The log start offset.
    Earliest,
    /// The high watermark.
    Latest,
    /// The first record that is not older than this (KIP-1106).
    ByDuration(SimDuration),
    /// Nowhere: the application gets an error.
    None,
}

/// A consumer's config. Source: ConsumerConfig (4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// client.id; without one, or with an empty one, the application's name
    pub client_id: Option<Text>,
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
    /// allow.auto.create.topics
    pub allow_auto_create_topics: bool,
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
            client_id: None,
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
            allow_auto_create_topics: true,
            check_crcs: true,
            socket_connection_setup_timeout: SimDuration::from_secs(10),
            socket_connection_setup_timeout_max: SimDuration::from_secs(30),
        }
    }
}

impl Component for ConsumerConfig {
    const KIND: ComponentKind = ComponentKind::Consumer;
    const ENTRIES: &'static [Entry<Self>] = entries! {
        "ConsumerConfig" {
            "client.id" [?] client_id AnyText,
                "whom quotas know it as; without it the name of the group";
            "fetch.min.bytes" fetch_min_bytes Bytes(int(0)),
                "bytes for which the broker waits before it answers a fetch";
            "fetch.max.wait.ms" fetch_max_wait Millis(int(0)),
                "how long it waits for them, in ms";
            "fetch.max.bytes" fetch_max_bytes Bytes(int(0)),
                "bytes of one answer; a larger first batch comes even so";
            "max.partition.fetch.bytes" max_partition_fetch_bytes Bytes(int(0)),
                "bytes of one partition in one answer; a larger first batch comes even so";
            "max.poll.records" max_poll_records Count(int(1)),
                "records that one poll returns";
            "auto.offset.reset" auto_offset_reset OffsetReset,
                "where to start without a position, or with one that is gone";
            "request.timeout.ms" request_timeout Millis(int(0)),
                "how long an answer may take before the connection is closed, in ms";
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
            "allow.auto.create.topics" allow_auto_create_topics Boolean,
                "let the broker create a topic that is asked for and does not exist";
            "check.crcs" check_crcs Boolean,
                "check the checksum of each batch";
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
        Ok(config)
    }

    fn notices(settings: &Settings<Self>) -> Vec<String> {
        backoff_notices(settings)
    }
}
