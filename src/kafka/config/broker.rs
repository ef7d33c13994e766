//! Configs of brokers and controllers.

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
