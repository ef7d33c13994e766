//! The log against a naive one, and its rules one by one.

use super::*;
use crate::delivery::{Record, RecordId};
use crate::kafka::ids::{ProducerEpoch, ProducerId, Sequence};
use crate::kafka::records::{BatchTimes, Payload, ProducerStamp};
use proptest::prelude::*;

fn batch(count: u32, size_bytes: u32, producer: Option<ProducerStamp>) -> Arc<Batch> {
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
            base: WallTime(0),
            max: WallTime(0),
        },
        size_bytes,
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
        log.recover(Offset(51));
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
    log.recover(Offset(40));
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

#[derive(Clone, Debug)]
enum Step {
    Lead {
        count: u32,
        size: u32,
        epoch_up: u32,
        times: u32,
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
        8 => (count.clone(), 70_u32..3_000, 0_u32..2, 1_u32..400)
            .prop_map(|(count, size, epoch_up, times)| Step::Lead { count, size, epoch_up, times }),
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
#[derive(Default)]
struct Naive {
    batches: Vec<StoredBatch>,
    start: u64,
    end: u64,
    high_watermark: u64,
}

impl Naive {
    fn end_of_batches(&self) -> u64 {
        let last = self.batches.last();
        last.map_or(self.start, |s| s.next_offset().0)
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
            *self = Self {
                start: end,
                end,
                high_watermark: end,
                ..Self::default()
            };
        } else if end < self.end {
            self.batches.retain(|s| s.next_offset().0 <= end);
            self.end = end;
            self.high_watermark = self.high_watermark.min(end);
        }
    }

    fn crash(&mut self, durable: u64) {
        let mut kept = 0;
        self.batches.retain(|s| {
            kept += u64::from(s.batch.size_bytes);
            kept <= durable
        });
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

fn apply(step: &Step, log: &mut Log, naive: &mut Naive, epoch: &mut u32) {
    match *step {
        Step::Lead {
            count,
            size,
            epoch_up,
            times,
        } => {
            *epoch += epoch_up;
            for _ in 0..times {
                let append = log.append_as_leader(batch(count, size, None), LeaderEpoch(*epoch));
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
        Step::StartAt { ahead } => {
            let start = naive.end + ahead;
            log.truncate_fully_and_start_at(Offset(start));
            *naive = Naive {
                start,
                end: start,
                high_watermark: start,
                ..Naive::default()
            };
        }
        Step::Crash { permille } => {
            let durable = part(naive.bytes(), permille);
            naive.crash(durable);
            log.crash_to_bytes(durable);
        }
        Step::Recover { permille } => {
            let checkpoint = part(naive.end, permille);
            log.recover(Offset(checkpoint));
            naive.end = naive.end_of_batches();
            naive.high_watermark = checkpoint.clamp(naive.start, naive.end);
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
    for stored in &naive.batches {
        assert_eq!(log.epoch_at(stored.base_offset), Some(stored.leader_epoch));
    }
    for pair in naive.batches.windows(2) {
        if pair[0].leader_epoch != pair[1].leader_epoch {
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
        let (mut log, mut naive, mut epoch) = (Log::new(), Naive::default(), 0);
        for step in &steps {
            apply(step, &mut log, &mut naive, &mut epoch);
            assert_same(&log, &naive);
            for read in &reads {
                assert_same_reads(&log, &naive, *read);
            }
        }
    }
}
