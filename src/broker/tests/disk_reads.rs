//! Who waits for the disk, and who doesn't.

use super::*;
use crate::sim::disk::{DiskFault, DiskProfile};

/// b1 leads `records` committed records of 100 bytes each; its page cache holds 64 of them.
fn with_records(records: u64) -> Lab {
    let mut lab = Lab::leader();
    lab.host.disk.set_profile(DiskProfile {
        read_latency: SimDuration::from_millis(8),
        bandwidth: Some(1_000_000),
        page_cache: Some(6_400),
        ..DiskProfile::default()
    });
    for _ in 0..records {
        lab.produce(Acks::Leader, batch(1));
    }
    lab.follower_fetch(B2, records);
    lab.follower_fetch(B3, records);
    lab
}

/// The bytes that the last input made the disk read, and for whom.
fn reads(lab: &Lab) -> Vec<(Option<BrokerId>, u64)> {
    let read = lab.facts().into_iter().filter_map(|fact| {
        let Fact::ReadFromDisk { reader, bytes, .. } = fact else {
            return None;
        };
        Some((*reader, *bytes))
    });
    read.collect()
}

/// The read that the last input began to wait for, and its end.
fn awaited(lab: &Lab) -> Option<(FlushId, SimTime)> {
    lab.effects.iter().find_map(|effect| {
        let Effect::AwaitRead { id, until, .. } = effect else {
            return None;
        };
        Some((*id, *until))
    })
}

#[test]
fn a_reader_that_is_caught_up_causes_no_read() {
    let mut lab = with_records(200);
    let on = lab.consumer_fetch(190);
    assert!(lab.fetch_answer(on).is_some());
    assert_eq!(reads(&lab), []);
    assert_eq!(awaited(&lab), None);
}

#[test]
fn a_reader_far_behind_waits_for_the_disk() {
    let mut lab = with_records(200);
    let on = lab.consumer_fetch(0);
    assert_eq!(reads(&lab), [(None, 1_000)]);
    assert!(lab.answers().is_empty());
    let takes = SimDuration::from_millis(9);
    let (id, until) = awaited(&lab).unwrap();
    assert_eq!(until - lab.host.now, takes);
    lab.input(Input::Flushed(id));
    let answer = lab.fetch_answer(on).expect("the disk has read it");
    assert_eq!(answer.batches.len(), 10);
    let on = lab.consumer_fetch(0);
    assert!(lab.fetch_answer(on).is_some(), "it is in memory now");
}

#[test]
fn readers_far_behind_wait_for_each_other_and_flushes_for_them() {
    let mut lab = with_records(200);
    let consumer = lab.consumer_fetch(0);
    let (id, _) = awaited(&lab).unwrap();
    let follower = lab.follower_fetch(B2, 50);
    assert_eq!(reads(&lab), [(Some(B2), 1_000)]);
    let now = lab.host.now;
    let file = lab.broker.replicas.in_order().next().unwrap().file;
    let (_, flushed) = lab.host.disk.flush(file, now);
    assert!(flushed - now > SimDuration::from_millis(18));
    let (_, until) = awaited(&lab).unwrap();
    assert_eq!(until - now, SimDuration::from_millis(18));
    lab.input(Input::Flushed(id));
    assert!(lab.fetch_answer(consumer).is_some());
    assert!(lab.fetch_answer(follower).is_none());
}

#[test]
fn a_disk_that_fails_meanwhile_costs_the_reader_its_connection() {
    let mut lab = with_records(200);
    let on = lab.consumer_fetch(0);
    let (id, _) = awaited(&lab).unwrap();
    lab.input(Input::FlushFailed(id));
    let closed = |effect: &Effect<_, _, _>| matches!(effect, Effect::Close(c) if *c == on);
    assert!(lab.answers().is_empty());
    assert!(lab.effects.iter().any(closed));
}

#[test]
fn a_broker_that_cannot_read_its_only_disk_halts() {
    let mut lab = with_records(200);
    let now = lab.host.now;
    lab.host.disk.set_fault(DiskFault::Failed, now);
    let on = lab.consumer_fetch(190);
    assert!(lab.fetch_answer(on).is_some(), "that is in memory");
    let on = lab.consumer_fetch(0);
    let answer = lab.fetch_answer(on).expect("it is refused");
    assert_eq!(answer.error, Some(ErrorCode::KafkaStorageError));
    assert!(lab.exited());
}
