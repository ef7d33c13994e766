//! Configs of brokers and controllers.
//!
//! Left out: listeners and security, quotas, coordinators, tiered storage, and what belongs to
//! parts that are not modelled yet (segments, retention, compaction, elections of the quorum).
//! Source: AbstractKafkaConfig and the classes that it merges, KafkaConfig.validateValues (4.2).

use crate::kafka::config::entry::{Entry, entries};
use crate::kafka::config::problem::ConfigException;
use crate::kafka::config::value::Kind::{Boolean, Bytes, Count, Millis};
use crate::kafka::config::value::{int, long};
use crate::kafka::config::{Component, ComponentKind, Settings};
use crate::sim::time::SimDuration;

/// A broker's or controller's config. Source: ReplicationConfigs, KRaftConfigs, QuorumConfig.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// min.insync.replicas, where a topic does not set its own
    pub min_insync_replicas: u32,
    /// unclean.leader.election.enable, where a topic does not set its own
    pub unclean_leader_election_enable: bool,
    /// unclean.leader.election.interval.ms
    pub unclean_leader_election_interval: SimDuration,
    /// auto.leader.rebalance.enable
    pub auto_leader_rebalance_enable: bool,
    /// leader.imbalance.check.interval.seconds
    pub leader_imbalance_check_interval: SimDuration,
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
    /// num.io.threads: the request handler threads
    pub num_io_threads: u32,
    /// producer.id.expiration.ms
    pub producer_id_expiration: SimDuration,
    /// log.flush.interval.messages; none is 2^63-1, never
    pub log_flush_interval_messages: Option<u64>,
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
            min_insync_replicas: 1,
            unclean_leader_election_enable: false,
            unclean_leader_election_interval: SimDuration::from_secs(300),
            auto_leader_rebalance_enable: true,
            leader_imbalance_check_interval: SimDuration::from_secs(300),
            fetch_max_bytes: 57_671_680,
            broker_heartbeat_interval: SimDuration::from_secs(2),
            broker_session_timeout: SimDuration::from_secs(9),
            initial_broker_registration_timeout: SimDuration::from_secs(60),
            controlled_shutdown_enable: true,
            controller_quorum_append_linger: SimDuration::from_millis(25),
            controller_quorum_request_timeout: SimDuration::from_secs(2),
            metadata_max_idle_interval: SimDuration::from_millis(500),
            num_io_threads: 8,
            producer_id_expiration: SimDuration::from_secs(86_400),
            log_flush_interval_messages: None,
            message_max_bytes: 1_048_588,
            request_timeout: SimDuration::from_secs(30),
        }
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
            "unclean.leader.election.enable" unclean_leader_election_enable Boolean,
                "let a replica outside the ISR lead when no other can, at the price of records";
            "unclean.leader.election.interval.ms" unclean_leader_election_interval Millis(long(1)),
                "how often the controller looks for partitions that need such an election, in ms";
        }
        "LogConfig" {
            "min.insync.replicas" min_insync_replicas Count(int(1)),
                "size of the ISR below which acks=all is refused and nothing becomes readable";
            "log.flush.interval.messages" log_flush_interval_messages Count(long(1)),
                "records after which a log is flushed to disk; 2^63-1 is never";
        }
        "ServerConfigs" {
            "message.max.bytes" message_max_bytes Bytes(int(0)),
                "bytes of the largest batch";
            "fetch.max.bytes" fetch_max_bytes Bytes(int(1_024)),
                "bytes of one answer to a fetch, whatever the client allows";
            "request.timeout.ms" request_timeout Millis(int(0)),
                "how long an answer to the broker's own requests may take, in ms";
            "num.io.threads" num_io_threads Count(int(1)),
                "threads that handle requests";
            "controlled.shutdown.enable" controlled_shutdown_enable Boolean,
                "hand over leadership before stopping";
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
        Ok(config)
    }

    fn notices(settings: &Settings<Self>) -> Vec<String> {
        let config = settings.values();
        let two_beats = config.broker_heartbeat_interval.saturating_mul(2);
        if two_beats <= config.broker_session_timeout {
            return Vec::new();
        }
        vec![format!(
            "broker.heartbeat.interval.ms ({}) is more than half of broker.session.timeout.ms \
             ({}): one late heartbeat fences a broker",
            config.broker_heartbeat_interval, config.broker_session_timeout
        )]
    }
}
