//! Configs of topics; what a topic leaves open, the broker's config decides.
//!
//! Left out for now: segments, retention, compaction, timestamps, compression, tiered storage.
//! Source: LogConfig (4.2).

use crate::kafka::config::entry::{Entry, entries};
use crate::kafka::config::problem::ConfigException;
use crate::kafka::config::value::Kind::{Boolean, Bytes, Count};
use crate::kafka::config::value::{int, long};
use crate::kafka::config::{Component, ComponentKind, Settings};

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

impl Component for TopicConfig {
    const KIND: ComponentKind = ComponentKind::Topic;
    const ENTRIES: &'static [Entry<Self>] = entries! {
        "LogConfig" {
            "min.insync.replicas"[?] min_insync_replicas Count(int(1)),
                "size of the ISR below which acks=all is refused and nothing becomes readable";
            "unclean.leader.election.enable"[?] unclean_leader_election_enable Boolean,
                "let a replica outside the ISR lead when no other can, at the price of records";
            "max.message.bytes"[?] max_message_bytes Bytes(int(0)),
                "bytes of the largest batch";
            "flush.messages"[?] flush_messages Count(long(1)),
                "records after which a log is flushed to disk; 2^63-1 is never";
        }
    };

    fn resolve(settings: &Settings<Self>) -> Result<Self, ConfigException> {
        Ok(*settings.values())
    }

    fn notices(_settings: &Settings<Self>) -> Vec<String> {
        Vec::new()
    }
}
