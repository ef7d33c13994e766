//! Timestamps: what is found by them and what is admitted.

use crate::log::tests::*;

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
