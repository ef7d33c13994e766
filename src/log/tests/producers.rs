//! Sequences, epochs and what is remembered of producers.

use crate::log::tests::*;

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
