//! Segments, retention and where a log starts.

use crate::log::tests::*;

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
