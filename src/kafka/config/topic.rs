//! Configs of topics; what a topic leaves open, the broker's config decides.

/// A topic's config. Source: LogConfig.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicConfig {
    /// min.insync.replicas
    pub min_insync_replicas: Option<u32>,
    /// unclean.leader.election.enable
    pub unclean_leader_election_enable: Option<bool>,
    /// max.message.bytes
    pub max_message_bytes: Option<u32>,
    /// flush.messages
    pub flush_messages: Option<u64>,
}
