//! Configs of brokers and controllers.
//!
//! Left out: listeners and security, quotas, coordinators, tiered storage, and what belongs to
//! parts that are not modelled yet (compaction, elections of the quorum).
//! Source: AbstractKafkaConfig and the classes that it merges, KafkaConfig.validateValues (4.2).

use crate::kafka::compression::TopicCompression;
use crate::kafka::config::entry::{
    BROKER_COMPRESSION, Entry, GZIP_LEVELS, LZ4_LEVELS, ZSTD_LEVELS, entries,
};
use crate::kafka::config::problem::ConfigException;
use crate::kafka::config::topic::MIN_SEGMENT_BYTES;
use crate::kafka::config::value::Kind::{Boolean, Bytes, Count, Millis, OneOf};
use crate::kafka::config::value::{Limit, int, long};
use crate::kafka::config::{Component, ComponentKind, Settings, level_notices};
use crate::kafka::records::TimestampType;
use crate::sim::time::SimDuration;

/// The default of replica.selector.class.
pub(in crate::kafka::config) const LEADER_SELECTOR: &str =
    "org.apache.kafka.common.replica.LeaderSelector";
/// The other one that Kafka brings along.
pub(in crate::kafka::config) const RACK_AWARE_SELECTOR: &str =
    "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// Where consumers are sent to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaSelector {
    /// To the leader.
    Leader,
    /// To a replica of their own rack.
    RackAware,
}

/// A broker's or controller's config. Source: ReplicationConfigs, KRaftConfigs, QuorumConfig.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one field per config")]
pub struct BrokerConfig {
    /// replica.lag.time.max.ms
    pub replica_lag_time_max: SimDuration,
    /// replica.fetch.wait.max.ms
    pub replica_fetch_wait_max: SimDuration,
    /// replica.fetch.min.bytes
    pub replica_fetch_min_bytes: u32,
    /// replica.fetch.max.bytes
    pub replica_fetch_max_bytes: u32,
    /// replica.fetch.response.max.bytes
    pub replica_fetch_response_max_bytes: u32,
    /// replica.fetch.backoff.ms
    pub replica_fetch_backoff: SimDuration,
    /// replica.socket.timeout.ms
    pub replica_socket_timeout: SimDuration,
    /// replica.high.watermark.checkpoint.interval.ms
    pub replica_high_watermark_checkpoint_interval: SimDuration,
    /// num.replica.fetchers
    pub num_replica_fetchers: u32,
    /// auto.create.topics.enable
    pub auto_create_topics_enable: bool,
    /// num.partitions of topics that are created without a number
    pub num_partitions: u32,
    /// default.replication.factor of topics that are created without one
    pub default_replication_factor: u32,
    /// min.insync.replicas, where a topic does not set its own
    pub min_insync_replicas: u32,
    /// unclean.leader.election.enable, where a topic does not set its own
    pub unclean_leader_election_enable: bool,
    /// unclean.leader.election.interval.ms
    pub unclean_leader_election_interval: SimDuration,
    /// auto.leader.rebalance.enable
    pub auto_leader_rebalance_enable: bool,
    /// leader.imbalance.check.interval.seconds
    pub leader_imbalance_check_interval_seconds: u64,
    /// replication.quota.window.num
    pub replication_quota_window_num: u32,
    /// replication.quota.window.size.seconds
    pub replication_quota_window_size_seconds: u64,
    /// replica.selector.class
    pub replica_selector: ReplicaSelector,
    /// fetch.max.bytes of the broker
    pub fetch_max_bytes: u32,
    /// broker.heartbeat.interval.ms
    pub broker_heartbeat_interval: SimDuration,
    /// broker.session.timeout.ms
    pub broker_session_timeout: SimDuration,
    /// initial.broker.registration.timeout.ms
    pub initial_broker_registration_timeout: SimDuration,
    /// controlled.shutdown.enable
    pub controlled_shutdown_enable: bool,
    /// controller.quorum.append.linger.ms
    pub controller_quorum_append_linger: SimDuration,
    /// controller.quorum.request.timeout.ms
    pub controller_quorum_request_timeout: SimDuration,
    /// metadata.max.idle.interval.ms
    pub metadata_max_idle_interval: SimDuration,
    /// quota.window.num
    pub quota_window_num: u32,
    /// quota.window.size.seconds
    pub quota_window_size_seconds: u32,
    /// num.network.threads: what reads requests and writes answers
    pub num_network_threads: u32,
    /// num.io.threads: the request handler threads
    pub num_io_threads: u32,
    /// queued.max.requests: how many requests may wait for a handler thread
    pub queued_max_requests: u32,
    /// producer.id.expiration.ms
    pub producer_id_expiration: SimDuration,
    /// log.flush.interval.messages; none is 2^63-1, never
    pub log_flush_interval_messages: Option<u64>,
    /// log.segment.bytes
    pub log_segment_bytes: u32,
    /// log.roll.ms; without it log.roll.hours holds
    pub log_roll_ms: Option<SimDuration>,
    /// log.roll.hours
    pub log_roll_hours: u32,
    /// log.roll.jitter.ms; without it log.roll.jitter.hours holds
    pub log_roll_jitter_ms: Option<SimDuration>,
    /// log.roll.jitter.hours
    pub log_roll_jitter_hours: u32,
    /// log.index.size.max.bytes
    pub log_index_size_max_bytes: u32,
    /// log.index.interval.bytes
    pub log_index_interval_bytes: u32,
    /// log.retention.ms; without it log.retention.minutes holds
    pub log_retention_ms: Option<Limit<SimDuration>>,
    /// log.retention.minutes; without it log.retention.hours holds
    pub log_retention_minutes: Option<Limit<u32>>,
    /// log.retention.hours
    pub log_retention_hours: Limit<u32>,
    /// log.retention.bytes
    pub log_retention_bytes: Limit<u64>,
    /// log.retention.check.interval.ms
    pub log_retention_check_interval: SimDuration,
    /// log.initial.task.delay.ms
    pub log_initial_task_delay: SimDuration,
    /// log.segment.delete.delay.ms
    pub log_segment_delete_delay: SimDuration,
    /// log.flush.start.offset.checkpoint.interval.ms
    pub log_flush_start_offset_checkpoint_interval: SimDuration,
    /// log.message.timestamp.type
    pub log_message_timestamp_type: TimestampType,
    /// log.message.timestamp.before.max.ms
    pub log_message_timestamp_before_max: SimDuration,
    /// log.message.timestamp.after.max.ms
    pub log_message_timestamp_after_max: SimDuration,
    /// compression.type, where a topic does not set its own
    pub compression_type: TopicCompression,
    /// compression.gzip.level, where a topic does not set its own
    pub compression_gzip_level: i32,
    /// compression.lz4.level, where a topic does not set its own
    pub compression_lz4_level: i32,
    /// compression.zstd.level, where a topic does not set its own
    pub compression_zstd_level: i32,
    /// message.max.bytes, where a topic does not set its own
    pub message_max_bytes: u32,
    /// request.timeout.ms of brokers' own requests
    pub request_timeout: SimDuration,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            replica_lag_time_max: SimDuration::from_secs(30),
            replica_fetch_wait_max: SimDuration::from_millis(500),
            replica_fetch_min_bytes: 1,
            replica_fetch_max_bytes: 1_048_576,
            replica_fetch_response_max_bytes: 10_485_760,
            replica_fetch_backoff: SimDuration::from_secs(1),
            replica_socket_timeout: SimDuration::from_secs(30),
            replica_high_watermark_checkpoint_interval: SimDuration::from_secs(5),
            num_replica_fetchers: 1,
            auto_create_topics_enable: true,
            num_partitions: 1,
            default_replication_factor: 1,
            min_insync_replicas: 1,
            unclean_leader_election_enable: false,
            unclean_leader_election_interval: SimDuration::from_secs(300),
            auto_leader_rebalance_enable: true,
            leader_imbalance_check_interval_seconds: 300,
            replication_quota_window_num: 11,
            replication_quota_window_size_seconds: 1,
            replica_selector: ReplicaSelector::Leader,
            fetch_max_bytes: 57_671_680,
            broker_heartbeat_interval: SimDuration::from_secs(2),
            broker_session_timeout: SimDuration::from_secs(9),
            initial_broker_registration_timeout: SimDuration::from_secs(60),
            controlled_shutdown_enable: true,
            controller_quorum_append_linger: SimDuration::from_millis(25),
            controller_quorum_request_timeout: SimDuration::from_secs(2),
            metadata_max_idle_interval: SimDuration::from_millis(500),
            quota_window_num: 11,
            quota_window_size_seconds: 1,
            num_network_threads: 3,
            num_io_threads: 8,
            queued_max_requests: 500,
            producer_id_expiration: SimDuration::from_secs(86_400),
            log_flush_interval_messages: None,
            log_segment_bytes: 1 << 30,
            log_roll_ms: None,
            log_roll_hours: 168,
            log_roll_jitter_ms: None,
            log_roll_jitter_hours: 0,
            log_index_size_max_bytes: 10 << 20,
            log_index_interval_bytes: 4_096,
            log_retention_ms: None,
            log_retention_minutes: None,
            log_retention_hours: Limit(Some(168)),
            log_retention_bytes: Limit(None),
            log_retention_check_interval: SimDuration::from_secs(300),
            log_initial_task_delay: SimDuration::from_secs(30),
            log_segment_delete_delay: SimDuration::from_secs(60),
            log_flush_start_offset_checkpoint_interval: SimDuration::from_secs(60),
            log_message_timestamp_type: TimestampType::CreateTime,
            log_message_timestamp_before_max: SimDuration::MAX,
            log_message_timestamp_after_max: SimDuration::from_secs(3_600),
            compression_type: TopicCompression::Producer,
            compression_gzip_level: -1,
            compression_lz4_level: 9,
            compression_zstd_level: 3,
            message_max_bytes: 1_048_588,
            request_timeout: SimDuration::from_secs(30),
        }
    }
}

impl BrokerConfig {
    /// The time for which logs are kept, by the finest of its three names; none is without limit.
    pub fn log_retention(&self) -> Option<SimDuration> {
        let spans = |limit: Limit<u32>, each: u64| {
            let count = limit.0.map(u64::from);
            count.map(|count| SimDuration::from_secs(count * each))
        };
        match (self.log_retention_ms, self.log_retention_minutes) {
            (Some(span), _) => span.0,
            (None, Some(minutes)) => spans(minutes, 60),
            (None, None) => spans(self.log_retention_hours, 3_600),
        }
    }

    /// The time after which a log begins a new segment.
    pub fn log_roll(&self) -> SimDuration {
        let hours = SimDuration::from_secs(u64::from(self.log_roll_hours) * 3_600);
        self.log_roll_ms.unwrap_or(hours)
    }

    /// At most so much earlier.
    pub fn log_roll_jitter(&self) -> SimDuration {
        let hours = SimDuration::from_secs(u64::from(self.log_roll_jitter_hours) * 3_600);
        self.log_roll_jitter_ms.unwrap_or(hours)
    }
}

impl Component for BrokerConfig {
    const KIND: ComponentKind = ComponentKind::Broker;
    const ENTRIES: &'static [Entry<Self>] = entries! {
        "ReplicationConfigs" {
            "replica.lag.time.max.ms" replica_lag_time_max Millis(long(0)),
                "how long a follower may be behind before it leaves the ISR, in ms";
            "replica.fetch.wait.max.ms" replica_fetch_wait_max Millis(int(0)),
                "how long a leader may hold a follower's fetch, in ms";
            "replica.fetch.min.bytes" replica_fetch_min_bytes Bytes(int(0)),
                "bytes for which a leader holds a follower's fetch";
            "replica.fetch.max.bytes" replica_fetch_max_bytes Bytes(int(0)),
                "bytes of one partition in one answer to a follower";
            "replica.fetch.response.max.bytes" replica_fetch_response_max_bytes Bytes(int(0)),
                "bytes of one answer to a follower";
            "replica.fetch.backoff.ms" replica_fetch_backoff Millis(int(0)),
                "pause of a partition's fetcher after an error, in ms";
            "replica.socket.timeout.ms" replica_socket_timeout Millis(int(0)),
                "how long an answer to a follower may take, in ms";
            "replica.high.watermark.checkpoint.interval.ms" replica_high_watermark_checkpoint_interval Millis(long(0)),
                "how often high watermarks go to disk, in ms";
            "num.replica.fetchers" num_replica_fetchers Count(int(1)),
                "fetchers per source broker";
            "replica.selector.class" replica_selector OneOf(&[LEADER_SELECTOR, RACK_AWARE_SELECTOR]),
                "which replica a consumer is sent to for its reads";
            "default.replication.factor" default_replication_factor Count(int(1)),
                "replicas of each partition of a topic that is created without a number of them";
            "unclean.leader.election.enable" unclean_leader_election_enable Boolean,
                "let a replica outside the ISR lead when no other can, at the price of records";
            "unclean.leader.election.interval.ms" unclean_leader_election_interval Millis(long(1)),
                "how often the controller looks for partitions that need such an election, in ms";
            "auto.leader.rebalance.enable" auto_leader_rebalance_enable Boolean,
                "let the first replica of a partition lead again once it is in sync";
            "leader.imbalance.check.interval.seconds" leader_imbalance_check_interval_seconds Count(long(1)),
                "how often the controller looks for partitions that another replica leads, in s";
        }
        "ServerLogConfigs" {
            "num.partitions" num_partitions Count(int(1)),
                "partitions of a topic that is created without a number of them";
            "auto.create.topics.enable" auto_create_topics_enable Boolean,
                "create a topic when a client asks for its metadata and allows it";
        }
        "LogConfig" {
            "min.insync.replicas" min_insync_replicas Count(int(1)),
                "size of the ISR below which acks=all is refused and nothing becomes readable";
            "log.flush.interval.messages" log_flush_interval_messages Count(long(1)),
                "records after which a log is flushed to disk; 2^63-1 is never";
            "log.segment.bytes" log_segment_bytes Bytes(int(MIN_SEGMENT_BYTES)),
                "bytes after which a log begins a new segment";
            "log.roll.ms"[?] log_roll_ms Millis(long(1)),
                "time after which a log begins a new segment, with its next batch, in ms";
            "log.roll.hours" log_roll_hours Count(int(1)),
                "the same in hours, where log.roll.ms is not set";
            "log.roll.jitter.ms"[?] log_roll_jitter_ms Millis(long(0)),
                "at most so much earlier, by chance, in ms";
            "log.roll.jitter.hours" log_roll_jitter_hours Count(int(0)),
                "the same in hours, where log.roll.jitter.ms is not set";
            "log.index.size.max.bytes" log_index_size_max_bytes Bytes(int(4)),
                "bytes of an index after which a log begins a new segment";
            "log.index.interval.bytes" log_index_interval_bytes Bytes(int(0)),
                "bytes of records between two entries of an index";
            "log.retention.ms"[?] log_retention_ms Millis(long(-1)),
                "age of its newest record at which a segment is deleted, in ms; -1 is never";
            "log.retention.minutes"[?] log_retention_minutes Count(int(-1)),
                "the same in minutes, where log.retention.ms is not set";
            "log.retention.hours" log_retention_hours Count(int(-1)),
                "the same in hours, where log.retention.minutes is not set either";
            "log.retention.bytes" log_retention_bytes Bytes(long(-1)),
                "bytes of a partition above which old segments are deleted; -1 is no limit";
            "log.retention.check.interval.ms" log_retention_check_interval Millis(long(1)),
                "how often a broker looks for segments to delete, in ms";
            "log.initial.task.delay.ms" log_initial_task_delay Millis(long(0)),
                "how long after its start it looks for the first time, in ms";
            "log.segment.delete.delay.ms" log_segment_delete_delay Millis(long(0)),
                "how long a deleted segment stays on disk, in ms";
            "log.flush.start.offset.checkpoint.interval.ms" log_flush_start_offset_checkpoint_interval Millis(int(0)),
                "how often log start offsets go to disk, in ms";
            "log.message.timestamp.type" log_message_timestamp_type OneOf(&["CreateTime",
                "LogAppendTime"]), "whose clock a record's timestamp is of: the producer's or the leader's";
            "log.message.timestamp.before.max.ms" log_message_timestamp_before_max Millis(long(0)),
                "how far a CreateTime may lie behind the leader's clock, in ms";
            "log.message.timestamp.after.max.ms" log_message_timestamp_after_max Millis(long(0)),
                "how far a CreateTime may lie ahead of the leader's clock, in ms";
        }
        "ServerConfigs" {
            "compression.type" compression_type OneOf(BROKER_COMPRESSION),
                "how batches lie in the log: as the producer made them, or compressed by the broker";
            "compression.gzip.level" compression_gzip_level OneOf(GZIP_LEVELS),
                "level of gzip where the broker compresses; -1 is gzip's own default";
            "compression.lz4.level" compression_lz4_level Count(LZ4_LEVELS),
                "level of lz4 where the broker compresses";
            "compression.zstd.level" compression_zstd_level Count(ZSTD_LEVELS),
                "level of zstd where the broker compresses";
            "message.max.bytes" message_max_bytes Bytes(int(0)),
                "bytes of the largest batch";
            "fetch.max.bytes" fetch_max_bytes Bytes(int(1_024)),
                "bytes of one answer to a fetch, whatever the client allows";
            "request.timeout.ms" request_timeout Millis(int(0)),
                "how long an answer to the broker's own requests may take, in ms";
            "num.network.threads" num_network_threads Count(int(1)),
                "threads that read requests and write answers; they cost time where `[costs]` says so";
            "num.io.threads" num_io_threads Count(int(1)),
                "threads that handle requests";
            "queued.max.requests" queued_max_requests Count(int(1)),
                "requests that may wait for a handler thread; when they do, network threads wait too";
            "controlled.shutdown.enable" controlled_shutdown_enable Boolean,
                "hand over leadership before stopping";
        }
        "QuotaConfig" {
            "replication.quota.window.num" replication_quota_window_num Count(int(1)),
                "windows over which the rate of throttled replication is measured";
            "replication.quota.window.size.seconds" replication_quota_window_size_seconds Count(int(1)),
                "length of each of these windows, in s";
        }
        "KRaftConfigs" {
            "broker.heartbeat.interval.ms" broker_heartbeat_interval Millis(int(0)),
                "how often a broker tells the controller that it is alive, in ms";
            "broker.session.timeout.ms" broker_session_timeout Millis(int(0)),
                "silence after which the controller fences a broker, in ms";
            "initial.broker.registration.timeout.ms" initial_broker_registration_timeout Millis(int(0)),
                "how long a broker tries to register before it gives up, in ms";
        }
        "MetadataLogConfig" {
            "metadata.max.idle.interval.ms" metadata_max_idle_interval Millis(int(0)),
                "how often an idle controller writes a no-op record, in ms; 0 is never";
        }
        "QuorumConfig" {
            "controller.quorum.append.linger.ms" controller_quorum_append_linger Millis(int(0)),
                "how long the quorum's leader gathers records before it flushes them, in ms";
            "controller.quorum.request.timeout.ms" controller_quorum_request_timeout Millis(int(0)),
                "how long an answer within the quorum may take, in ms";
        }
        "QuotaConfig" {
            "quota.window.num" quota_window_num Count(int(1)),
                "windows over which a client's rate is taken for its quota, the current one among them";
            "quota.window.size.seconds" quota_window_size_seconds Count(int(1)),
                "length of such a window, in s; request_percentage throttles for at most one";
        }
        "TransactionLogConfig" {
            "producer.id.expiration.ms" producer_id_expiration Millis(int(1)),
                "how long an idle producer's sequence is remembered, in ms";
        }
    };

    fn resolve(settings: &Settings<Self>) -> Result<Self, ConfigException> {
        let config = settings.values().clone();
        if config.replica_fetch_wait_max > config.replica_socket_timeout {
            return Err(ConfigException {
                name: "replica.socket.timeout.ms",
                message: "replica.socket.timeout.ms must be at least replica.fetch.wait.max.ms, \
                          or idle fetches time out"
                    .to_owned(),
            });
        }
        if config.replica_fetch_wait_max > config.replica_lag_time_max {
            return Err(ConfigException {
                name: "replica.fetch.wait.max.ms",
                message: "replica.fetch.wait.max.ms must be at most replica.lag.time.max.ms, \
                          or idle followers leave the ISR"
                    .to_owned(),
            });
        }
        if config.log_retention() == Some(SimDuration::ZERO) {
            return Err(ConfigException {
                name: "log.retention.ms",
                message: "log.retention.ms must be unlimited (-1) or, equal or greater than 1"
                    .to_owned(),
            });
        }
        Ok(config)
    }

    fn notices(settings: &Settings<Self>) -> Vec<String> {
        let config = settings.values();
        let two_beats = config.broker_heartbeat_interval.saturating_mul(2);
        let mut notices = level_notices(settings);
        if two_beats <= config.broker_session_timeout {
            return notices;
        }
        notices.push(format!(
            "broker.heartbeat.interval.ms ({}) is more than half of broker.session.timeout.ms \
             ({}): one late heartbeat fences a broker",
            config.broker_heartbeat_interval, config.broker_session_timeout
        ));
        notices
    }
}
