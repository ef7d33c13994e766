//! The settings that a log goes by: when a segment ends, what is kept, which timestamps hold.
//!
//! Source: LogConfig, LogSegment.shouldRoll (4.2).

use crate::kafka::records::TimestampType;
use crate::sim::time::SimDuration;

/// What a topic and its broker set for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRules {
    /// When a segment ends.
    pub roll: RollRules,
    /// What is kept.
    pub retention: Retention,
    /// Which timestamps records have.
    pub timestamps: TimestampRules,
}

/// When a segment ends and the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollRules {
    /// segment.bytes
    pub segment_bytes: u32,
    /// segment.ms
    pub segment_ms: SimDuration,
    /// segment.jitter.ms
    pub segment_jitter: SimDuration,
    /// segment.index.bytes
    pub index_bytes: u32,
    /// index.interval.bytes
    pub index_interval: u32,
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// retention.ms; none is without limit.
    pub time: Option<SimDuration>,
    /// retention.bytes; none is without limit.
    pub bytes: Option<u64>,
    /// file.delete.delay.ms
    pub file_delete_delay: SimDuration,
}

/// Which timestamps records have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampRules {
    /// message.timestamp.type
    pub kind: TimestampType,
    /// message.timestamp.before.max.ms
    pub before_max: SimDuration,
    /// message.timestamp.after.max.ms
    pub after_max: SimDuration,
}

impl Default for LogRules {
    /// Kafka's defaults.
    fn default() -> Self {
        let week = SimDuration::from_secs(7 * 86_400);
        Self {
            roll: RollRules {
                segment_bytes: 1 << 30,
                segment_ms: week,
                segment_jitter: SimDuration::ZERO,
                index_bytes: 10 << 20,
                index_interval: 4_096,
            },
            retention: Retention {
                time: Some(week),
                bytes: None,
                file_delete_delay: SimDuration::from_secs(60),
            },
            timestamps: TimestampRules {
                kind: TimestampType::CreateTime,
                before_max: SimDuration::MAX,
                after_max: SimDuration::from_secs(3_600),
            },
        }
    }
}
