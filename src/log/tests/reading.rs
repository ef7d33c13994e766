//! Reads, truncation, power loss, the high watermark.

use crate::log::tests::*;

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
