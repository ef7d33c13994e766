//! What a broker removes from its logs, whom it tells, and how configs that change reach them.

use super::*;
use crate::kafka::api::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeletedRecords,
};
use crate::kafka::compression::Packing;
use crate::kafka::config::value::{Limit, Value};
use crate::kafka::fact::{DeletionReason, LogStartCause};
use crate::sim::process::FileId;

const MINUTE: SimDuration = SimDuration::from_secs(60);

/// A leader whose segments end after a minute and are kept for five.
fn aging() -> Lab {
    Lab::with(registration(1, 0, &[1, 2, 3]), 2, |config| {
        config.log_roll_ms = Some(MINUTE);
        config.log_retention_ms = Some(Limit(Some(MINUTE.saturating_mul(5))));
    })
}

/// A batch of one record that was made at `at` milliseconds.
fn made(at: i64) -> Arc<Batch> {
    let template = batch(1);
    let time = WallTime(at);
    Arc::new(Batch::sized(
        Arc::clone(&template.records),
        None,
        BatchTimes {
            base: time,
            max: time,
        },
        Packing::plain(crate::kafka::encoding::batch_size(&template.records)),
    ))
}

/// Lets a minute pass `minutes` times and appends a record after each.
fn append_each_minute(lab: &mut Lab, minutes: i64) {
    for _ in 0..minutes {
        lab.after(MINUTE + SimDuration::from_millis(1));
        let now = lab.host.now.as_millis() as i64;
        lab.produce(Acks::Leader, made(now));
    }
}

fn commit(lab: &mut Lab) {
    let end = lab.log_end();
    lab.follower_fetch(B2, end);
    lab.follower_fetch(B3, end);
    assert_eq!(lab.high_watermark(), end);
}

fn start(lab: &Lab) -> u64 {
    lab.view().log_start.0
}

#[test]
fn the_first_check_comes_within_an_interval_and_then_every_interval() {
    let mut lab = aging();
    let first = lab
        .timer_set(Timer::Retention)
        .expect("a standing broker checks");
    assert!(first < MINUTE.saturating_mul(5));
    lab.timer(Timer::Retention);
    assert_eq!(
        lab.timer_set(Timer::Retention),
        Some(MINUTE.saturating_mul(5))
    );
}

#[test]
fn a_rolled_segment_is_flushed_and_nobody_waits() {
    let mut lab = aging();
    append_each_minute(&mut lab, 1);
    assert!(
        !lab.effects
            .iter()
            .any(|e| matches!(e, Effect::Flush { .. }))
    );
    append_each_minute(&mut lab, 1);
    assert!(
        lab.effects
            .iter()
            .any(|e| matches!(e, Effect::Flush { .. }))
    );
    assert_eq!(lab.produce_error(), None);
    assert!(lab.produce_answer().is_some());
}

#[test]
fn old_segments_go_their_bytes_a_minute_later() {
    let mut lab = aging();
    append_each_minute(&mut lab, 8);
    commit(&mut lab);
    let size = lab.host.disk.size(FileId(0));
    lab.timer(Timer::Retention);
    assert_eq!(start(&lab), 3);
    let removals = lab.facts().into_iter().filter_map(|fact| {
        let Fact::SegmentsDeleted { removal, .. } = fact else {
            return None;
        };
        Some((removal.reason, removal.below.0, removal.batches.len()))
    });
    let told: Vec<_> = removals.collect();
    assert_eq!(told, [(DeletionReason::Time, 3, 3)]);
    assert_eq!(lab.host.disk.size(FileId(0)), size / 8 * 5);
    assert_eq!(lab.host.disk.used(), size);
    assert_eq!(lab.timer_set(Timer::DeleteFiles), Some(MINUTE));
    lab.after(MINUTE);
    lab.timer(Timer::DeleteFiles);
    assert_eq!(lab.host.disk.used(), size / 8 * 5);
}

#[test]
fn what_is_not_committed_stays_however_old() {
    let mut lab = aging();
    append_each_minute(&mut lab, 8);
    lab.follower_fetch(B2, 1);
    lab.follower_fetch(B3, 1);
    lab.timer(Timer::Retention);
    assert_eq!(start(&lab), 1);
}

#[test]
fn a_reader_below_the_log_start_is_out_of_range() {
    let mut lab = aging();
    append_each_minute(&mut lab, 8);
    commit(&mut lab);
    lab.timer(Timer::Retention);
    let on = lab.consumer_fetch(1);
    let answer = lab.fetch_answer(on).expect("an error is told at once");
    assert_eq!(answer.error, Some(ErrorCode::OffsetOutOfRange));
    let on = lab.consumer_fetch(3);
    let answer = lab.fetch_answer(on).expect("there are records");
    assert_eq!((answer.error, answer.log_start_offset), (None, Offset(3)));
}

fn delete(lab: &mut Lab, before: Option<u64>) -> ConnectionId {
    lab.request(Request::DeleteRecords(DeleteRecordsRequest {
        timeout: SimDuration::from_secs(30),
        partitions: vec![DeleteRecordsPartition {
            tp: TP,
            before: before.map(Offset),
        }],
    }))
}

fn deleted(lab: &Lab, on: ConnectionId) -> Option<(Option<ErrorCode>, Option<u64>)> {
    lab.answers().into_iter().find_map(|(to, answer)| {
        let Response::DeleteRecords(answer) = answer else {
            return None;
        };
        let DeletedRecords {
            error,
            low_watermark,
            ..
        } = answer.partitions[0];
        (to == on).then_some((error, low_watermark.map(|low| low.0)))
    })
}

fn follower_starts_at(lab: &mut Lab, follower: BrokerId, offset: u64, start: u64) {
    let Request::Fetch(mut request) =
        fetch_request(follower_of(follower), offset, last_epoch(offset))
    else {
        unreachable!("a fetch was made");
    };
    request.partitions[0].log_start_offset = Offset(start);
    lab.request(Request::Fetch(request));
}

#[test]
fn deleting_records_waits_until_every_live_follower_starts_as_late() {
    let mut lab = aging();
    append_each_minute(&mut lab, 4);
    commit(&mut lab);
    let on = delete(&mut lab, Some(3));
    assert_eq!(start(&lab), 3);
    assert_eq!(deleted(&lab, on), None, "the followers do not know it");
    let why = lab.facts().into_iter().find_map(|fact| {
        let Fact::LogStartMoved { why, .. } = fact else {
            return None;
        };
        Some(*why)
    });
    assert_eq!(why, Some(LogStartCause::RecordDeletion));
    follower_starts_at(&mut lab, B2, 4, 3);
    assert_eq!(deleted(&lab, on), None);
    follower_starts_at(&mut lab, B3, 4, 3);
    assert_eq!(deleted(&lab, on), Some((None, Some(3))));
}

#[test]
fn deleting_records_up_to_nowhere_means_the_high_watermark_and_not_beyond() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 1);
    lab.produce(Acks::Leader, batch(1));
    follower_starts_at(&mut lab, B2, 0, 0);
    let on = delete(&mut lab, Some(9));
    assert_eq!(
        deleted(&lab, on),
        Some((Some(ErrorCode::OffsetOutOfRange), None))
    );
    let on = delete(&mut lab, Some(0));
    assert_eq!(deleted(&lab, on), Some((None, Some(0))));
    let committed = lab.high_watermark();
    delete(&mut lab, None);
    assert_eq!(start(&lab), committed);
}

#[test]
fn deleting_records_times_out_and_ends_with_the_leadership() {
    let mut lab = aging();
    append_each_minute(&mut lab, 4);
    commit(&mut lab);
    let on = delete(&mut lab, Some(2));
    lab.after(SimDuration::from_secs(30));
    lab.timer(Timer::DeletePurgatory);
    assert_eq!(
        deleted(&lab, on),
        Some((Some(ErrorCode::RequestTimedOut), None))
    );
    let on = delete(&mut lab, Some(3));
    lab.register_partition(registration(2, 1, &[1, 2, 3]));
    assert_eq!(
        deleted(&lab, on),
        Some((Some(ErrorCode::NotLeaderOrFollower), None))
    );
    let on = delete(&mut lab, Some(3));
    assert_eq!(
        deleted(&lab, on),
        Some((Some(ErrorCode::NotLeaderOrFollower), None))
    );
}

fn set(name: &'static str, value: i64) -> MetadataRecord {
    MetadataRecord::TopicConfig {
        topic: TopicId(0),
        name,
        value: Some(Value::Integer(value)),
    }
}

#[test]
fn a_config_that_changes_holds_from_the_next_check_on() {
    let mut lab = aging();
    append_each_minute(&mut lab, 8);
    commit(&mut lab);
    lab.metadata(vec![set("retention.ms", 3_600_000)]);
    lab.timer(Timer::Retention);
    assert_eq!(start(&lab), 0);
    lab.metadata(vec![set("retention.ms", 120_000)]);
    lab.timer(Timer::Retention);
    assert_eq!(start(&lab), 6);
    lab.metadata(vec![
        set("max.message.bytes", 10),
        set("min.insync.replicas", 3),
    ]);
    lab.produce(Acks::Leader, made(0));
    assert_eq!(lab.produce_error(), Some(ErrorCode::MessageTooLarge));
    lab.metadata(vec![set("max.message.bytes", 1_000)]);
    let mut registration = registration(1, 0, &[1, 2]);
    registration.partition_epoch = PartitionEpoch(1);
    lab.register_partition(registration);
    lab.produce(Acks::All, made(0));
    assert_eq!(lab.produce_error(), Some(ErrorCode::NotEnoughReplicas));
    lab.metadata(vec![set("min.insync.replicas", 2)]);
    lab.produce(Acks::All, made(0));
    assert_eq!(lab.produce_error(), None);
}

#[test]
fn a_leader_refuses_timestamps_too_far_ahead_or_gives_its_own() {
    let mut lab = aging();
    lab.produce(Acks::Leader, made(3_600_001));
    assert_eq!(lab.produce_error(), Some(ErrorCode::InvalidTimestamp));
    lab.produce(Acks::Leader, made(3_600_000));
    let answer = lab.produce_answer().expect("it is answered");
    assert_eq!((answer.error, answer.log_append_time), (None, None));
    lab.metadata(vec![MetadataRecord::TopicConfig {
        topic: TopicId(0),
        name: "message.timestamp.type",
        value: Some(Value::Word("LogAppendTime")),
    }]);
    lab.after(MINUTE);
    lab.produce(Acks::Leader, made(99_000_000));
    let answer = lab.produce_answer().expect("it is answered");
    assert_eq!(
        (answer.error, answer.log_append_time),
        (None, Some(WallTime(60_000)))
    );
    let view = lab.view();
    let last = view.batches().last().expect("it was appended");
    assert_eq!(last.batch.times.max, WallTime(60_000));
    assert_eq!(last.batch.timestamps().next(), Some(WallTime(60_000)));
}
