//! Configs of topics; what a topic leaves open, the broker's config decides.
//!
//! Left out for now: compaction, tiered storage.
//! Source: LogConfig (4.2).

use crate::kafka::compression::TopicCompression;
use crate::kafka::config::entry::{
    BROKER_COMPRESSION, Entry, GZIP_LEVELS, LZ4_LEVELS, ZSTD_LEVELS, entries,
};
use crate::kafka::config::problem::ConfigException;
use crate::kafka::config::value::Kind::{Boolean, Bytes, Count, Millis, OneOf};
use crate::kafka::config::value::{Limit, Value, int, long};
use crate::kafka::config::{Component, ComponentKind, Settings, level_notices};
use crate::kafka::records::TimestampType;
use crate::sim::time::SimDuration;

/// The least segment.bytes (KIP-1030).
pub const MIN_SEGMENT_BYTES: i64 = 1 << 20;

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
    /// segment.bytes
    pub segment_bytes: Option<u32>,
    /// segment.ms
    pub segment_ms: Option<SimDuration>,
    /// segment.jitter.ms
    pub segment_jitter: Option<SimDuration>,
    /// segment.index.bytes
    pub segment_index_bytes: Option<u32>,
    /// index.interval.bytes
    pub index_interval_bytes: Option<u32>,
    /// retention.ms
    pub retention_ms: Option<Limit<SimDuration>>,
    /// retention.bytes
    pub retention_bytes: Option<Limit<u64>>,
    /// file.delete.delay.ms
    pub file_delete_delay: Option<SimDuration>,
    /// message.timestamp.type
    pub message_timestamp_type: Option<TimestampType>,
    /// message.timestamp.before.max.ms
    pub message_timestamp_before_max: Option<SimDuration>,
    /// message.timestamp.after.max.ms
    pub message_timestamp_after_max: Option<SimDuration>,
    /// compression.type
    pub compression_type: Option<TopicCompression>,
    /// compression.gzip.level
    pub compression_gzip_level: Option<i32>,
    /// compression.lz4.level
    pub compression_lz4_level: Option<i32>,
    /// compression.zstd.level
    pub compression_zstd_level: Option<i32>,
}

impl TopicConfig {
    /// Sets a config, or takes it back so that the broker's holds. False when topics have none of
    /// that name.
    pub fn alter(&mut self, name: &str, value: Option<Value>) -> bool {
        let mut altered = Self::default();
        let mut known = false;
        for entry in Self::ENTRIES {
            let is_it = entry.name == name;
            known |= is_it;
            let value = if is_it { value } else { (entry.get)(self) };
            if let Some(value) = value {
                (entry.set)(&mut altered, value);
            }
        }
        *self = altered;
        known
    }

    /// The value of a config; none when the broker's holds.
    pub fn value(&self, name: &str) -> Option<Value> {
        let entry = Self::ENTRIES.iter().find(|entry| entry.name == name)?;
        (entry.get)(self)
    }
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
            "segment.bytes"[?] segment_bytes Bytes(int(MIN_SEGMENT_BYTES)),
                "bytes after which a log begins a new segment";
            "segment.ms"[?] segment_ms Millis(long(1)),
                "time after which a log begins a new segment, with its next batch, in ms";
            "segment.jitter.ms"[?] segment_jitter Millis(long(0)),
                "at most so much earlier, by chance, in ms";
            "segment.index.bytes"[?] segment_index_bytes Bytes(int(4)),
                "bytes of an index after which a log begins a new segment";
            "index.interval.bytes"[?] index_interval_bytes Bytes(int(0)),
                "bytes of records between two entries of an index";
            "retention.ms"[?] retention_ms Millis(long(-1)),
                "age of its newest record at which a segment is deleted, in ms; -1 is never";
            "retention.bytes"[?] retention_bytes Bytes(long(-1)),
                "bytes of a partition above which old segments are deleted; -1 is no limit";
            "file.delete.delay.ms"[?] file_delete_delay Millis(long(0)),
                "how long a deleted segment stays on disk, in ms";
            "message.timestamp.type"[?] message_timestamp_type OneOf(&["CreateTime",
                "LogAppendTime"]), "whose clock a record's timestamp is of: the producer's or the leader's";
            "message.timestamp.before.max.ms"[?] message_timestamp_before_max Millis(long(0)),
                "how far a CreateTime may lie behind the leader's clock, in ms";
            "message.timestamp.after.max.ms"[?] message_timestamp_after_max Millis(long(0)),
                "how far a CreateTime may lie ahead of the leader's clock, in ms";
            "compression.type"[?] compression_type OneOf(BROKER_COMPRESSION),
                "how batches lie in the log: as the producer made them, or compressed by the broker";
            "compression.gzip.level"[?] compression_gzip_level OneOf(GZIP_LEVELS),
                "level of gzip where the broker compresses; -1 is gzip's own default";
            "compression.lz4.level"[?] compression_lz4_level Count(LZ4_LEVELS),
                "level of lz4 where the broker compresses";
            "compression.zstd.level"[?] compression_zstd_level Count(ZSTD_LEVELS),
                "level of zstd where the broker compresses";
        }
    };

    fn resolve(settings: &Settings<Self>) -> Result<Self, ConfigException> {
        Ok(*settings.values())
    }

    fn notices(settings: &Settings<Self>) -> Vec<String> {
        level_notices(settings)
    }
}
