//! The log against a naive one, and its rules one by one.

mod producers;
mod random;
mod reading;
mod segments;
mod timestamps;

use super::*;
use crate::delivery::{Record, RecordId};
use crate::kafka::compression::Packing;
use crate::kafka::fact::DeletionReason;
use crate::kafka::ids::{ProducerEpoch, ProducerId, Sequence};
use crate::kafka::records::{BatchTimes, Payload, ProducerStamp, TimestampType};
use crate::log::rules::{LogRules, Retention, TimestampRules};
use proptest::prelude::*;

fn batch(count: u32, size_bytes: u32, producer: Option<ProducerStamp>) -> Arc<Batch> {
    made_at(0, count, size_bytes, producer)
}

fn made_at(at: i64, count: u32, size_bytes: u32, producer: Option<ProducerStamp>) -> Arc<Batch> {
    let record = |id| Record {
        id: RecordId(id),
        key: None,
        value_size: 1,
        timestamp_delta: 0,
    };
    Arc::new(Batch {
        records: (0..count).map(record).collect(),
        producer,
        times: BatchTimes {
            base: WallTime(at),
            max: WallTime(at),
        },
        timestamp_type: TimestampType::CreateTime,
        size_bytes,
        packing: Packing::plain(size_bytes),
        payload: Payload::Descriptor,
    })
}

fn stamp(id: u64, epoch: u16, base_sequence: u32) -> ProducerStamp {
    ProducerStamp {
        id: ProducerId(id),
        epoch: ProducerEpoch(epoch),
        base_sequence: Sequence(base_sequence),
    }
}

fn checkpoint(high_watermark: u64, start: u64) -> Checkpoint {
    Checkpoint {
        high_watermark: Offset(high_watermark),
        start: Offset(start),
    }
}

/// Segments of 1,000 bytes or a minute.
fn short() -> LogRules {
    let rules = LogRules::default();
    LogRules {
        roll: RollRules {
            segment_bytes: 1_000,
            segment_ms: SimDuration::from_secs(60),
            ..rules.roll
        },
        ..rules
    }
}

fn keep(time: Option<u64>, bytes: Option<u64>) -> LogRules {
    let rules = short();
    LogRules {
        retention: Retention {
            time: time.map(SimDuration::from_millis),
            bytes,
            ..rules.retention
        },
        ..rules
    }
}

/// Appends one record of 100 bytes that was made at `at` milliseconds.
fn append_at(log: &mut Log, at: i64) {
    let made = made_at(at, 1, 100, None);
    log.roll_if_due(&incoming(log, &made), &short().roll);
    log.append_as_leader(made, LeaderEpoch(0)).unwrap();
}

fn incoming(log: &Log, batch: &Batch) -> Incoming {
    Incoming {
        bytes: u64::from(batch.size_bytes),
        max_timestamp: batch.times.max,
        last_offset: log.log_end().plus(u64::from(batch.count()) - 1),
    }
}

/// One record a second from 0 s on, all committed.
fn seconds(count: i64) -> Log {
    let mut log = Log::new();
    for second in 0..count {
        append_at(&mut log, second * 1_000);
    }
    log.advance_high_watermark(log.log_end());
    log
}

fn bases(log: &Log) -> Vec<u64> {
    let count = log.segments.count();
    (0..count).map(|n| log.segments.segment(n).base.0).collect()
}

/// The offsets below which each rule removed segments, with the rule.
fn removed(log: &mut Log, now: i64, rules: &LogRules) -> Vec<(DeletionReason, u64, u64)> {
    let removed = log.delete_old_segments(WallTime(now), rules);
    let told = removed.iter().map(|r| {
        assert_eq!(r.bytes, 100 * r.batches.len() as u64);
        (r.reason, r.below.0, r.batches.len() as u64)
    });
    told.collect()
}

/// Appends `count` records with this stamp as leader of epoch 0.
fn append(log: &mut Log, count: u32, stamp: ProducerStamp) -> Result<String, ErrorCode> {
    let append = log.append_as_leader(batch(count, 100, Some(stamp)), LeaderEpoch(0))?;
    Ok(match append {
        LeaderAppend::Appended(stored) => format!("at {}", stored.base_offset),
        LeaderAppend::Duplicate {
            base_offset,
            last_offset,
        } => format!("is {base_offset}..={last_offset}"),
    })
}

/// A log with `batches` batches of 10 records by producer 1.
fn log_of(batches: u32) -> Log {
    let mut log = Log::new();
    for i in 0..batches {
        append(&mut log, 10, stamp(1, 0, i * 10)).unwrap();
    }
    log
}

fn offsets(log: &Log, from: u64, below: u64, max_bytes: u32, at_least_one: bool) -> Vec<u64> {
    let mut out = Vec::new();
    let (from, below) = (Offset(from), Offset(below));
    let bytes = log.read(from, below, max_bytes, at_least_one, &mut out);
    let sum: u32 = out.iter().map(|s| s.batch.size_bytes).sum();
    assert_eq!(bytes, sum);
    out.iter().map(|s| s.base_offset.0).collect()
}
