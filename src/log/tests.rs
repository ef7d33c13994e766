//! The log against a naive one, and its rules one by one.

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

#[test]
fn the_same_batch_again_is_answered_with_the_first_copys_offsets() {
    let mut log = log_of(5);
    assert_eq!(append(&mut log, 10, stamp(1, 0, 0)).unwrap(), "is 0..=9");
    assert_eq!(append(&mut log, 10, stamp(1, 0, 40)).unwrap(), "is 40..=49");
    assert_eq!(log.log_end(), Offset(50));
}

#[test]
fn a_duplicate_older_than_five_batches_is_out_of_order() {
    let mut log = log_of(6);
    let old = append(&mut log, 10, stamp(1, 0, 0));
    assert_eq!(old, Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(append(&mut log, 10, stamp(1, 0, 10)).unwrap(), "is 10..=19");
}

#[test]
fn a_batch_that_overlaps_an_old_one_without_equality_is_out_of_order() {
    let overlap = append(&mut log_of(2), 9, stamp(1, 0, 10));
    assert_eq!(overlap, Err(ErrorCode::OutOfOrderSequenceNumber));
}

#[test]
fn a_gap_in_the_sequence_is_out_of_order() {
    let gap = append(&mut log_of(2), 10, stamp(1, 0, 21));
    assert_eq!(gap, Err(ErrorCode::OutOfOrderSequenceNumber));
}

#[test]
fn an_older_producer_epoch_is_refused() {
    let mut log = Log::new();
    append(&mut log, 1, stamp(1, 3, 0)).unwrap();
    let old = append(&mut log, 1, stamp(1, 2, 1));
    assert_eq!(old, Err(ErrorCode::InvalidProducerEpoch));
}

#[test]
fn a_newer_producer_epoch_starts_at_sequence_zero() {
    let mut log = log_of(2);
    let late = append(&mut log, 1, stamp(1, 1, 20));
    assert_eq!(late, Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(append(&mut log, 1, stamp(1, 1, 0)).unwrap(), "at 20");
    // The old epoch's batches are forgotten with it.
    let old = append(&mut log, 10, stamp(1, 0, 10));
    assert_eq!(old, Err(ErrorCode::InvalidProducerEpoch));
}

#[test]
fn an_unknown_producer_may_begin_at_any_sequence() {
    assert_eq!(append(&mut log_of(1), 2, stamp(7, 4, 55)).unwrap(), "at 10");
}

#[test]
fn sequences_wrap_from_the_largest_to_zero() {
    let mut log = Log::new();
    append(&mut log, 2, stamp(1, 0, i32::MAX as u32 - 2)).unwrap();
    assert_eq!(
        append(&mut log, 3, stamp(1, 0, i32::MAX as u32)).unwrap(),
        "at 2"
    );
    assert_eq!(append(&mut log, 1, stamp(1, 0, 2)).unwrap(), "at 5");
    let twin = append(&mut log, 3, stamp(1, 0, i32::MAX as u32)).unwrap();
    assert_eq!(twin, "is 2..=4");
}

#[test]
fn a_refused_batch_still_leaves_its_leader_epoch_behind() {
    let mut log = log_of(1);
    let gap = log.append_as_leader(batch(1, 100, Some(stamp(1, 0, 99))), LeaderEpoch(4));
    assert!(gap.is_err());
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(4)));
}

#[test]
fn a_restart_knows_one_batch_of_each_producer() {
    for clean in [true, false] {
        let mut log = log_of(5);
        append(&mut log, 1, stamp(2, 0, 0)).unwrap();
        if clean {
            log.close();
        }
        log.recover(checkpoint(51, 0));
        assert_eq!(append(&mut log, 10, stamp(1, 0, 40)).unwrap(), "is 40..=49");
        assert_eq!(append(&mut log, 1, stamp(2, 0, 0)).unwrap(), "is 50..=50");
        let older = append(&mut log, 10, stamp(1, 0, 30));
        assert_eq!(older, Err(ErrorCode::OutOfOrderSequenceNumber));
    }
}

#[test]
fn a_truncation_forgets_the_sequences_that_it_cuts() {
    let mut log = log_of(8);
    assert_eq!(log.truncate_to(Offset(60)), Some(Offset(80)));
    // All five batches are known again, as they were replayed.
    assert_eq!(append(&mut log, 10, stamp(1, 0, 10)).unwrap(), "is 10..=19");
    assert_eq!(append(&mut log, 10, stamp(1, 0, 60)).unwrap(), "at 60");
}

#[test]
fn a_truncation_after_a_truncation_replays_on_top_of_the_snapshot() {
    let mut log = log_of(8);
    log.truncate_to(Offset(60));
    append(&mut log, 10, stamp(1, 0, 60)).unwrap();
    append(&mut log, 10, stamp(1, 0, 70)).unwrap();
    log.truncate_to(Offset(70));
    // The snapshot at 60 holds one batch, the replay adds one.
    assert_eq!(append(&mut log, 10, stamp(1, 0, 50)).unwrap(), "is 50..=59");
    let older = append(&mut log, 10, stamp(1, 0, 40));
    assert_eq!(older, Err(ErrorCode::OutOfOrderSequenceNumber));
}

#[test]
fn an_idle_producer_expires_by_the_timestamp_of_its_last_batch() {
    let mut log = log_of(1);
    log.expire_producers(WallTime(999), SimDuration::from_secs(1));
    assert_eq!(log.producer_count(), 1);
    log.expire_producers(WallTime(1_000), SimDuration::from_secs(1));
    assert_eq!(log.producer_count(), 0);
}

#[test]
fn reads_return_whole_batches_below_the_bound() {
    let log = log_of(4);
    assert_eq!(offsets(&log, 0, 40, 1_000, false), [0, 10, 20, 30]);
    assert_eq!(offsets(&log, 15, 35, 1_000, false), [10, 20]);
    assert_eq!(offsets(&log, 40, 40, 1_000, true), [0_u64; 0]);
    assert_eq!(offsets(&log, 0, 40, 250, false), [0, 10]);
}

#[test]
fn the_first_batch_comes_even_when_it_is_too_large() {
    let log = log_of(4);
    assert_eq!(offsets(&log, 10, 40, 99, false), [0_u64; 0]);
    assert_eq!(offsets(&log, 10, 40, 99, true), [10]);
    assert_eq!(offsets(&log, 10, 40, 0, true), [10]);
}

#[test]
fn power_loss_keeps_the_whole_batches_that_were_durable() {
    let mut log = log_of(4);
    log.advance_high_watermark(Offset(40));
    assert_eq!(log.crash_to_bytes(299), Some(Offset(40)));
    assert_eq!((log.log_end(), log.size_bytes()), (Offset(20), 200));
    log.recover(checkpoint(40, 0));
    assert_eq!(log.high_watermark(), Offset(20));
    assert_eq!(append(&mut log, 10, stamp(1, 0, 20)).unwrap(), "at 20");
}

#[test]
fn truncating_nothing_still_drops_the_epoch_of_a_leader_without_writes() {
    let mut log = log_of(2);
    log.assign_epoch(LeaderEpoch(3));
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(3)));
    assert_eq!(log.truncate_to(Offset(20)), None);
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(0)));
}

#[test]
fn a_log_that_starts_anew_has_its_high_watermark_there() {
    let mut log = log_of(2);
    assert_eq!(
        log.truncate_fully_and_start_at(Offset(70)),
        Some(Offset(20))
    );
    assert_eq!(
        (log.log_start(), log.high_watermark()),
        (Offset(70), Offset(70))
    );
    assert_eq!((log.size_bytes(), log.latest_epoch()), (0, None));
    assert_eq!(log.truncate_fully_and_start_at(Offset(70)), None);
}

#[test]
fn the_high_watermark_only_rises_and_stops_at_the_log_end() {
    let mut log = log_of(2);
    assert!(log.advance_high_watermark(Offset(10)));
    assert!(!log.advance_high_watermark(Offset(5)));
    assert!(log.advance_high_watermark(Offset(99)));
    assert_eq!(log.high_watermark(), Offset(20));
}

#[test]
fn a_copy_of_a_log_goes_its_own_way() {
    let mut log = log_of(600);
    let copy = log.clone();
    log.truncate_to(Offset(2_000));
    assert_eq!(offsets(&copy, 5_990, 6_000, 1_000, false), [5_990]);
    assert_eq!(offsets(&log, 1_990, 6_000, 1_000, false), [1_990]);
}

#[test]
fn segments_end_by_size_and_by_time_when_the_next_batch_comes() {
    assert_eq!(bases(&seconds(25)), [0, 10, 20]);
    let mut log = Log::new();
    for at in [0, 60_000, 60_001, 120_000] {
        append_at(&mut log, at);
    }
    assert_eq!(bases(&log), [0, 2]);
}

#[test]
fn a_segment_goes_when_its_newest_record_is_too_old() {
    let mut log = seconds(25);
    assert_eq!(removed(&mut log, 19_000, &keep(Some(10_000), None)), []);
    let old = removed(&mut log, 19_001, &keep(Some(10_000), None));
    assert_eq!(old, [(DeletionReason::Time, 10, 10)]);
    assert_eq!((log.log_start().0, log.log_end().0), (10, 25));
    assert_eq!(log.epochs()[0].start, Offset(10));
}

#[test]
fn one_record_of_the_future_keeps_its_segment_and_all_after_it() {
    let mut log = Log::new();
    for second in 0..30 {
        append_at(
            &mut log,
            if second == 12 {
                3_600_000
            } else {
                second * 1_000
            },
        );
    }
    log.advance_high_watermark(log.log_end());
    let old = removed(&mut log, 600_000, &keep(Some(10_000), None));
    // The record at 12 began a segment, so far ahead is it.
    assert_eq!(old, [(DeletionReason::Time, 12, 12)]);
}

#[test]
fn nothing_above_the_high_watermark_goes() {
    let mut log = Log::new();
    for second in 0..25 {
        append_at(&mut log, second * 1_000);
    }
    log.advance_high_watermark(Offset(19));
    let old = removed(&mut log, 600_000, &keep(Some(10_000), Some(0)));
    assert_eq!(old, [(DeletionReason::Size, 10, 10)]);
}

#[test]
fn an_active_segment_that_is_too_old_is_closed_and_goes_too() {
    let mut log = seconds(25);
    let old = log.delete_old_segments(WallTime(600_000), &keep(Some(10_000), None));
    assert!(old[0].rolled && old.len() == 1);
    assert_eq!((log.log_start(), log.log_end()), (Offset(25), Offset(25)));
    assert_eq!((bases(&log), log.size_bytes()), (vec![25], 0));
    assert_eq!(log.epoch_at(Offset(25)), Some(LeaderEpoch(0)));
    append_at(&mut log, 601_000);
    assert_eq!(offsets(&log, 25, 26, 1_000, false), [25]);
}

#[test]
fn retention_by_size_leaves_at_least_what_it_allows() {
    let mut log = seconds(35);
    assert_eq!(removed(&mut log, 0, &keep(None, Some(2_501))), []);
    let much = removed(&mut log, 0, &keep(None, Some(2_500)));
    assert_eq!(much, [(DeletionReason::Size, 10, 10)]);
    assert_eq!(
        removed(&mut log, 0, &keep(None, Some(500))),
        [(DeletionReason::Size, 30, 20)]
    );
    assert_eq!(removed(&mut log, i64::MAX, &keep(None, None)), []);
}

#[test]
fn a_log_start_moves_up_to_the_high_watermark_and_never_back() {
    let mut log = seconds(25);
    assert_eq!(
        log.increment_start(Offset(26)),
        Err(ErrorCode::OffsetOutOfRange)
    );
    assert_eq!(log.increment_start(Offset(15)), Ok(true));
    assert_eq!(log.increment_start(Offset(3)), Ok(false));
    assert_eq!(
        (log.log_start(), bases(&log)),
        (Offset(15), vec![0, 10, 20])
    );
    // Only whole segments leave the disk.
    let below = removed(&mut log, 0, &keep(None, None));
    assert_eq!(below, [(DeletionReason::LogStart, 10, 10)]);
    assert_eq!(log.log_start(), Offset(15));
}

#[test]
fn a_log_start_that_was_not_written_down_is_forgotten_by_a_restart() {
    let mut log = seconds(25);
    log.increment_start(Offset(15)).unwrap();
    log.recover(checkpoint(25, 0));
    assert_eq!(log.log_start(), Offset(0));
    log.increment_start(Offset(15)).unwrap();
    log.recover(checkpoint(25, 12));
    assert_eq!(log.log_start(), Offset(12));
    removed(&mut log, 0, &keep(None, None));
    log.recover(checkpoint(25, 0));
    assert_eq!(log.log_start(), Offset(10), "deleted segments stay deleted");
}

#[test]
fn a_log_that_ends_below_its_written_start_begins_there_anew() {
    let mut log = seconds(25);
    log.crash_to_bytes(500);
    log.recover(checkpoint(20, 8));
    assert_eq!((log.log_start(), log.log_end()), (Offset(8), Offset(8)));
    assert_eq!((log.high_watermark(), log.size_bytes()), (Offset(8), 0));
}

#[test]
fn the_jitter_of_a_segment_depends_on_the_log_and_on_the_segment() {
    let rules = RollRules {
        segment_jitter: SimDuration::from_secs(30),
        ..short().roll
    };
    let ends = |key| {
        let mut log = Log::open(key, &rules);
        for second in 0..200 {
            let made = made_at(second * 1_000, 1, 1, None);
            log.roll_if_due(&incoming(&log, &made), &rules);
            log.append_as_leader(made, LeaderEpoch(0)).unwrap();
        }
        bases(&log)
    };
    assert_eq!(ends(7), ends(7));
    assert_ne!(ends(7), ends(8));
    let spans: Vec<u64> = ends(7).windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        spans.iter().all(|span| (30..=61).contains(span)),
        "{spans:?}"
    );
    assert!(spans.windows(2).any(|pair| pair[0] != pair[1]), "{spans:?}");
}

#[test]
fn a_producer_whose_batches_are_gone_is_forgotten_by_a_restart_that_is_not_clean() {
    for (clean, known) in [(true, 2), (false, 1)] {
        let mut log = Log::new();
        for producer in [1, 2] {
            for sequence in 0..10 {
                let made = made_at(0, 1, 100, Some(stamp(producer, 0, sequence)));
                log.roll_if_due(&incoming(&log, &made), &short().roll);
                log.append_as_leader(made, LeaderEpoch(0)).unwrap();
            }
        }
        assert_eq!(bases(&log), [0, 10]);
        log.advance_high_watermark(log.log_end());
        removed(&mut log, 0, &keep(None, Some(500)));
        assert_eq!((log.log_start(), log.producer_count()), (Offset(10), 2));
        if clean {
            log.close();
        }
        log.recover(checkpoint(20, 0));
        assert_eq!(log.producer_count(), known);
    }
}

#[test]
fn the_first_record_at_or_after_an_instant_is_found_by_segments() {
    let mut log = seconds(25);
    let at = |log: &Log, at| {
        log.first_at_or_after(WallTime(at))
            .map(|t| (t.offset.0, t.timestamp.0))
    };
    assert_eq!(at(&log, -5), Some((0, 0)));
    assert_eq!(at(&log, 11_000), Some((11, 11_000)));
    assert_eq!(at(&log, 11_001), Some((12, 12_000)));
    assert_eq!(at(&log, 24_001), None);
    // The first segment that reaches 5 s is asked, though all its records are gone for readers.
    log.increment_start(Offset(10)).unwrap();
    assert_eq!(at(&log, 5_000), None);
    removed(&mut log, 0, &keep(None, None));
    assert_eq!(at(&log, 5_000), Some((10, 10_000)));
}

#[test]
fn the_record_with_the_largest_timestamp_need_not_be_the_last() {
    let mut log = Log::new();
    assert_eq!(log.at_largest_timestamp(), None);
    for at in [5, 90, 20, 90, 7] {
        append_at(&mut log, at);
    }
    let found = log.at_largest_timestamp().expect("there are records");
    assert_eq!((found.offset, found.timestamp), (Offset(1), WallTime(90)));
}

#[test]
fn timestamps_out_of_bounds_are_not_admitted() {
    let rules = TimestampRules {
        before_max: SimDuration::from_millis(100),
        after_max: SimDuration::from_millis(50),
        ..LogRules::default().timestamps
    };
    let admits = |at| rules.admit(&made_at(at, 3, 100, None), WallTime(1_000));
    assert!(admits(900) && admits(1_050));
    assert!(!admits(899) && !admits(1_051));
    let default = LogRules::default().timestamps;
    assert!(default.admit(&made_at(-9_000_000, 1, 100, None), WallTime(0)));
    assert!(default.admit(&made_at(3_600_000, 1, 100, None), WallTime(0)));
    assert!(!default.admit(&made_at(3_600_001, 1, 100, None), WallTime(0)));
}

#[derive(Clone, Debug)]
enum Step {
    Lead {
        count: u32,
        size: u32,
        epoch_up: u32,
        times: u32,
        at: i64,
    },
    Retain {
        now: i64,
        time: Option<u64>,
        bytes: Option<u64>,
    },
    MoveStart {
        permille: u64,
    },
    Follow {
        count: u32,
        size: u32,
        epoch_up: u32,
    },
    Truncate {
        permille: u64,
    },
    StartAt {
        ahead: u64,
    },
    Crash {
        permille: u64,
    },
    Recover {
        permille: u64,
    },
    Advance {
        permille: u64,
    },
    Copy,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let count = 1_u32..20;
    let step = prop_oneof![
        8 => (count.clone(), 70_u32..3_000, 0_u32..2, 1_u32..400, 0_i64..1_000).prop_map(
            |(count, size, epoch_up, times, at)| Step::Lead { count, size, epoch_up, times, at }
        ),
        4 => (
            0_i64..1_500,
            prop::option::of(0_u64..800),
            prop::option::of(0_u64..900_000),
        )
            .prop_map(|(now, time, bytes)| Step::Retain { now, time, bytes }),
        2 => (0_u64..1_100).prop_map(|permille| Step::MoveStart { permille }),
        4 => (count, 70_u32..3_000, 0_u32..3)
            .prop_map(|(count, size, epoch_up)| Step::Follow { count, size, epoch_up }),
        3 => (0_u64..1_100).prop_map(|permille| Step::Truncate { permille }),
        1 => (0_u64..50).prop_map(|ahead| Step::StartAt { ahead }),
        1 => (0_u64..1_000).prop_map(|permille| Step::Crash { permille }),
        1 => (0_u64..1_100).prop_map(|permille| Step::Recover { permille }),
        3 => (0_u64..1_100).prop_map(|permille| Step::Advance { permille }),
        1 => Just(Step::Copy),
    ];
    prop::collection::vec(step, 1..25)
}

/// A log as one thinks of it.
#[derive(Clone)]
struct Naive {
    batches: Vec<StoredBatch>,
    /// Where each segment begins.
    bases: Vec<u64>,
    start: u64,
    end: u64,
    high_watermark: u64,
}

/// What the property's logs go by.
fn naive_rules() -> LogRules {
    let rules = short();
    LogRules {
        roll: RollRules {
            segment_bytes: 100_000,
            segment_ms: SimDuration::from_millis(300),
            ..rules.roll
        },
        ..rules
    }
}

impl Naive {
    fn starting_at(start: u64) -> Self {
        Self {
            batches: Vec::new(),
            bases: vec![start],
            start,
            end: start,
            high_watermark: start,
        }
    }

    fn end_of_batches(&self) -> u64 {
        let last = self.batches.last().map_or(0, |s| s.next_offset().0);
        last.max(self.bases[self.bases.len() - 1])
    }

    fn batches_of(&self, segment: usize) -> impl Iterator<Item = &StoredBatch> {
        let from = self.bases[segment];
        let below = self.bases.get(segment + 1).copied().unwrap_or(u64::MAX);
        let inside = move |s: &&StoredBatch| (from..below).contains(&s.base_offset.0);
        self.batches.iter().filter(inside)
    }

    fn bytes_of(&self, segment: usize) -> u64 {
        let batches = self.batches_of(segment);
        batches.map(|s| u64::from(s.batch.size_bytes)).sum()
    }

    fn roll_for(&mut self, batch: &Batch) {
        let active = self.bases.len() - 1;
        let Some(first) = self.batches_of(active).next() else {
            return;
        };
        let too_large = self.bytes_of(active) + u64::from(batch.size_bytes) > 100_000;
        if too_large || batch.times.max.0 - first.batch.times.max.0 > 300 {
            self.bases.push(self.end);
        }
    }

    /// Removes the oldest segments as long as `goes`, told their largest timestamp, bytes and the
    /// next one's begin, says so.
    fn remove(&mut self, mut goes: impl FnMut(i64, u64, Option<u64>) -> bool) {
        loop {
            let Some(largest) = self.batches_of(0).map(|s| s.batch.times.max.0).max() else {
                return;
            };
            let next = self.bases.get(1).copied();
            let end = next.unwrap_or(self.end);
            if self.high_watermark < end || !goes(largest, self.bytes_of(0), next) {
                return;
            }
            self.batches.retain(|s| s.base_offset.0 >= end);
            self.bases.remove(0);
            if self.bases.is_empty() {
                self.bases.push(end);
            }
            self.start = self.start.max(end);
        }
    }

    fn retain(&mut self, now: i64, time: Option<u64>, bytes: Option<u64>) {
        let start = self.start;
        self.remove(|_, _, next| next.is_some_and(|next| next <= start));
        if let Some(bytes) = bytes {
            let mut excess = self.bytes().saturating_sub(bytes);
            self.remove(|_, size, _| {
                let goes = excess >= size;
                excess = excess.saturating_sub(size);
                goes
            });
        }
        if let Some(time) = time {
            self.remove(|largest, _, _| now - largest > time as i64);
        }
    }

    fn bytes(&self) -> u64 {
        self.batches
            .iter()
            .map(|s| u64::from(s.batch.size_bytes))
            .sum()
    }

    fn push(&mut self, stored: StoredBatch) {
        self.end = stored.next_offset().0;
        self.batches.push(stored);
    }

    fn truncate(&mut self, end: u64) {
        if end < self.start {
            *self = Self::starting_at(end);
        } else if end < self.end {
            self.batches.retain(|s| s.next_offset().0 <= end);
            let first = self.bases[0];
            self.bases.retain(|base| *base <= end.max(first));
            self.end = end;
            self.high_watermark = self.high_watermark.min(end);
        }
    }

    fn crash(&mut self, durable: u64) {
        let mut kept = 0;
        let all = self.batches.clone();
        self.batches.retain(|s| {
            kept += u64::from(s.batch.size_bytes);
            kept <= durable
        });
        let left = self.bytes();
        let position = |base: u64| -> u64 {
            let before = all.iter().filter(|s| s.base_offset.0 < base);
            before.map(|s| u64::from(s.batch.size_bytes)).sum()
        };
        self.bases.retain(|base| position(*base) <= left);
        self.end = self.end_of_batches();
        self.high_watermark = self.high_watermark.min(self.end);
    }

    fn read(&self, from: u64, below: u64, max: u32, at_least_one: bool) -> Vec<u64> {
        let mut read = 0;
        let mut out = Vec::new();
        for stored in &self.batches {
            let size = stored.batch.size_bytes;
            if stored.next_offset().0 <= from {
                continue;
            }
            let forced = at_least_one && out.is_empty();
            if stored.next_offset().0 > below || (read + size > max && !forced) {
                break;
            }
            read += size;
            out.push(stored.base_offset.0);
        }
        out
    }
}

fn part(of: u64, permille: u64) -> u64 {
    of * permille / 1_000
}

#[expect(clippy::too_many_lines, reason = "one arm per step")]
fn apply(step: &Step, log: &mut Log, naive: &mut Naive, epoch: &mut u32) {
    match *step {
        Step::Lead {
            count,
            size,
            epoch_up,
            times,
            at,
        } => {
            *epoch += epoch_up;
            for i in 0..times {
                let made = made_at(at + i64::from(i % 7), count, size, None);
                let rolled = log.roll_if_due(&incoming(log, &made), &naive_rules().roll);
                let bases = naive.bases.len();
                naive.roll_for(&made);
                assert_eq!(rolled.is_some(), naive.bases.len() > bases);
                let append = log.append_as_leader(made, LeaderEpoch(*epoch));
                let Ok(LeaderAppend::Appended(stored)) = append else {
                    panic!("a batch without a producer is appended");
                };
                assert_eq!(stored.base_offset.0, naive.end);
                naive.push(stored);
            }
        }
        Step::Follow {
            count,
            size,
            epoch_up,
        } => {
            *epoch += epoch_up;
            naive.push(log.append_as_follower(StoredBatch {
                base_offset: log.log_end(),
                leader_epoch: LeaderEpoch(*epoch),
                batch: batch(count, size, None),
            }));
        }
        Step::Truncate { permille } => {
            let end = part(naive.end, permille);
            let old_end = naive.end;
            naive.truncate(end);
            let cut = (end < old_end).then_some(Offset(old_end));
            assert_eq!(log.truncate_to(Offset(end)), cut);
        }
        Step::Retain { now, time, bytes } => {
            let mut rules = naive_rules();
            rules.retention.time = time.map(SimDuration::from_millis);
            rules.retention.bytes = bytes;
            let before = naive.batches.clone();
            naive.retain(now, time, bytes);
            let gone = before.len() - naive.batches.len();
            let removed = log.delete_old_segments(WallTime(now), &rules);
            let found = removed.iter().flat_map(|r| &r.batches);
            let found: Vec<u64> = found.map(|s| s.base_offset.0).collect();
            let expected: Vec<u64> = before[..gone].iter().map(|s| s.base_offset.0).collect();
            assert_eq!(found, expected);
        }
        Step::MoveStart { permille } => {
            let to = naive.start + part(naive.end - naive.start, permille);
            let moved = log.increment_start(Offset(to));
            if to > naive.high_watermark {
                assert_eq!(moved, Err(ErrorCode::OffsetOutOfRange));
            } else {
                assert_eq!(moved, Ok(to > naive.start));
                naive.start = naive.start.max(to);
            }
        }
        Step::StartAt { ahead } => {
            let start = naive.end + ahead;
            log.truncate_fully_and_start_at(Offset(start));
            *naive = Naive::starting_at(start);
        }
        Step::Crash { permille } => {
            let durable = part(naive.bytes(), permille);
            naive.crash(durable);
            log.crash_to_bytes(durable);
            let at = checkpoint(naive.high_watermark, naive.start);
            log.recover(at);
            if naive.end < naive.start {
                *naive = Naive::starting_at(naive.start);
            }
            naive.high_watermark = at.high_watermark.0.clamp(naive.start, naive.end);
        }
        Step::Recover { permille } => {
            let at = part(naive.end, permille);
            log.recover(checkpoint(at, at / 2));
            naive.end = naive.end_of_batches();
            naive.start = (at / 2).max(naive.bases[0]);
            if naive.end < naive.start {
                *naive = Naive::starting_at(naive.start);
            }
            naive.high_watermark = at.clamp(naive.start, naive.end);
        }
        Step::Advance { permille } => {
            let to = part(naive.end, permille);
            let moved = to.min(naive.end) > naive.high_watermark;
            assert_eq!(log.advance_high_watermark(Offset(to)), moved);
            naive.high_watermark = naive.high_watermark.max(to.min(naive.end));
        }
        Step::Copy => *log = log.clone(),
    }
}

fn assert_same(log: &Log, naive: &Naive) {
    assert_eq!(log.log_start().0, naive.start);
    assert_eq!(log.log_end().0, naive.end);
    assert_eq!(log.high_watermark().0, naive.high_watermark);
    assert_eq!(log.size_bytes(), naive.bytes());
    assert_eq!(bases(log), naive.bases);
    let all: Vec<u64> = naive.batches.iter().map(|s| s.base_offset.0).collect();
    let slices = log.segments();
    let found: Vec<u64> = slices
        .iter()
        .copied()
        .flatten()
        .map(|s| s.base_offset.0)
        .collect();
    assert_eq!(found, all);
    // The epochs are those of the batches, and perhaps one more that has no batch.
    let is_kept = |stored: &&StoredBatch| stored.next_offset().0 > naive.start;
    let kept: Vec<&StoredBatch> = naive.batches.iter().filter(is_kept).collect();
    for stored in &kept {
        let at = stored.base_offset.max(log.log_start());
        // A restart may take the log start back, but not what the cache has forgotten below it.
        if log.epochs().first().is_some_and(|first| first.start <= at) {
            assert_eq!(log.epoch_at(at), Some(stored.leader_epoch));
        }
    }
    for pair in kept.windows(2) {
        let known = log.epochs().first().map(|first| first.start);
        let is_known = known.is_some_and(|first| first <= pair[0].base_offset);
        if is_known && pair[0].leader_epoch != pair[1].leader_epoch {
            let end = log
                .end_offset_for(pair[0].leader_epoch)
                .expect("an epoch of the log");
            // Equal, unless a cut inside a batch left a gap between the two.
            assert!(end.end_offset >= pair[0].next_offset());
            assert!(end.end_offset <= pair[1].base_offset);
        }
    }
}

fn assert_same_reads(log: &Log, naive: &Naive, at: (u64, u64, u32)) {
    let span = naive.end - naive.start + 2;
    let from = naive.start + part(span, at.0);
    let below = naive.start + part(span, at.1);
    for at_least_one in [true, false] {
        let expected = naive.read(from, below, at.2, at_least_one);
        assert_eq!(offsets(log, from, below, at.2, at_least_one), expected);
    }
    let all = naive.read(from, below, u32::MAX, false);
    let batches = naive
        .batches
        .iter()
        .filter(|s| all.contains(&s.base_offset.0));
    let bytes: u64 = batches.map(|s| u64::from(s.batch.size_bytes)).sum();
    assert_eq!(log.bytes_available(Offset(from), Offset(below)), bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_log_does_what_a_naive_log_does(
        steps in steps(),
        reads in prop::collection::vec((0_u64..1_000, 0_u64..=1_000, 0_u32..400_000), 4),
    ) {
        let (mut log, mut naive, mut epoch) = (Log::new(), Naive::starting_at(0), 0);
        for step in &steps {
            apply(step, &mut log, &mut naive, &mut epoch);
            assert_same(&log, &naive);
            for read in &reads {
                assert_same_reads(&log, &naive, *read);
            }
        }
    }
}
