//! What a reader sees, and how long it waits.

use super::*;
use crate::broker::api::list_offsets;
use crate::kafka::api::fetch::EpochEnd;
use crate::kafka::api::list_offsets::{
    IsolationLevel, ListOffsetsPartition, ListOffsetsRequest, OffsetSpec,
};
use crate::kafka::config::broker::ReplicaSelector;
use crate::kafka::ids::Rack;

fn fetch(fetcher: Fetcher, change: impl FnOnce(&mut FetchRequest)) -> Request {
    let Request::Fetch(mut request) = fetch_request(fetcher, 0, None) else {
        unreachable!("a fetch was made");
    };
    change(&mut request);
    Request::Fetch(request)
}

/// b1 leads; `records` records are in its log, the first `committed` of them also on b2 and b3.
fn with_records(records: u32, committed: u64) -> Lab {
    let mut lab = Lab::leader();
    for _ in 0..records {
        lab.produce(Acks::Leader, batch(1));
    }
    if committed > 0 {
        lab.follower_fetch(B2, committed);
        lab.follower_fetch(B3, committed);
    }
    assert_eq!(lab.high_watermark(), committed);
    lab
}

fn offsets(answer: &FetchedPartition) -> Vec<u64> {
    answer
        .batches
        .iter()
        .map(|stored| stored.base_offset.0)
        .collect()
}

#[test]
fn a_consumer_sees_what_is_below_the_high_watermark_and_a_follower_the_whole_log() {
    let mut lab = with_records(3, 2);
    let on = lab.consumer_fetch(0);
    let answer = lab.fetch_answer(on).expect("there are records");
    assert_eq!(offsets(answer), [0, 1]);
    assert_eq!(answer.high_watermark, Offset(2));
    let on = lab.follower_fetch(B2, 0);
    assert_eq!(
        offsets(lab.fetch_answer(on).expect("there are records")),
        [0, 1, 2]
    );
}

#[test]
fn a_consumer_waits_for_the_high_watermark_not_for_the_append() {
    let mut lab = Lab::leader();
    let on = lab.consumer_fetch(0);
    assert!(lab.answers().is_empty());
    lab.produce(Acks::Leader, batch(1));
    assert!(lab.fetch_answer(on).is_none());
    lab.follower_fetch(B2, 1);
    assert!(lab.fetch_answer(on).is_none());
    lab.follower_fetch(B3, 1);
    assert_eq!(
        offsets(lab.fetch_answer(on).expect("the record is committed")),
        [0]
    );
}

#[test]
fn a_follower_waits_for_the_append() {
    let mut lab = Lab::leader();
    let on = lab.follower_fetch(B2, 0);
    assert!(lab.answers().is_empty());
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(
        offsets(lab.fetch_answer(on).expect("there is a record")),
        [0]
    );
}

#[test]
fn a_fetch_that_waits_in_vain_is_answered_with_nothing() {
    let mut lab = Lab::leader();
    let on = lab.consumer_fetch(0);
    let wait = SimDuration::from_millis(500);
    assert_eq!(lab.timer_set(Timer::FetchPurgatory), Some(wait));
    lab.after(wait);
    lab.timer(Timer::FetchPurgatory);
    let answer = lab.fetch_answer(on).expect("the wait is over");
    assert_eq!((answer.error, answer.batches.len()), (None, 0));
}

#[test]
fn a_followers_fetch_counts_even_when_it_then_waits() {
    let mut lab = with_records(1, 0);
    lab.follower_fetch(B2, 1);
    let on = lab.follower_fetch(B3, 1);
    assert!(lab.fetch_answer(on).is_none());
    assert_eq!(lab.high_watermark(), 1);
}

#[test]
fn an_answer_carries_the_high_watermark_of_before_the_fetch() {
    let mut lab = with_records(2, 0);
    lab.follower_fetch(B2, 1);
    let on = lab.follower_fetch(B3, 1);
    let answer = lab.fetch_answer(on).expect("there is a record");
    assert_eq!(answer.high_watermark, Offset(0));
    assert_eq!(lab.high_watermark(), 1);
}

#[test]
fn a_consumer_beyond_the_high_watermark_is_answered_at_once_with_nothing() {
    let mut lab = with_records(3, 1);
    let on = lab.consumer_fetch(2);
    let answer = lab.fetch_answer(on).expect("it does not wait");
    assert_eq!((answer.error, answer.batches.len()), (None, 0));
}

#[test]
fn the_first_batch_comes_even_when_it_is_larger_than_the_limits() {
    let mut lab = Lab::leader();
    lab.produce(Acks::Leader, batch(5));
    lab.produce(Acks::Leader, batch(5));
    let on = lab.request(fetch(follower_of(B2), |request| request.max_bytes = 10));
    assert_eq!(
        offsets(lab.fetch_answer(on).expect("there are records")),
        [0]
    );
}

#[test]
fn an_answer_keeps_to_the_limit_of_the_partition_and_of_the_whole() {
    let mut lab = with_records(4, 0);
    let on = lab.request(fetch(follower_of(B2), |request| {
        request.partitions[0].max_bytes = 250;
    }));
    assert_eq!(
        offsets(lab.fetch_answer(on).expect("there are records")),
        [0, 1]
    );
    let on = lab.request(fetch(follower_of(B2), |request| request.max_bytes = 350));
    assert_eq!(
        offsets(lab.fetch_answer(on).expect("there are records")),
        [0, 1, 2]
    );
}

#[test]
fn a_fetch_waits_until_there_are_as_many_bytes_as_it_wants() {
    let mut lab = Lab::leader();
    let on = lab.request(fetch(follower_of(B2), |request| request.min_bytes = 300));
    for _ in 0..2 {
        lab.produce(Acks::Leader, batch(1));
        assert!(lab.fetch_answer(on).is_none());
    }
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(
        offsets(lab.fetch_answer(on).expect("there are enough")),
        [0, 1, 2]
    );
}

#[test]
fn a_fetch_without_wait_is_answered_at_once() {
    let mut lab = Lab::leader();
    let no_wait = |request: &mut FetchRequest| request.max_wait = SimDuration::ZERO;
    let on = lab.request(fetch(Fetcher::Consumer, no_wait));
    assert!(lab.fetch_answer(on).is_some());
}

fn error_of(lab: &mut Lab, fetcher: Fetcher, change: impl FnOnce(&mut FetchPartition)) -> String {
    let on = lab.request(fetch(fetcher, |request| change(&mut request.partitions[0])));
    let answer = lab.fetch_answer(on);
    let error = answer.and_then(|answer| answer.error);
    error.map_or("none", ErrorCode::name).to_owned()
}

#[test]
fn leader_epochs_fence_readers() {
    let mut lab = Lab::standing(registration(1, 4, &[1, 2, 3]), 2);
    for (epoch, error) in [
        (3, "FENCED_LEADER_EPOCH"),
        (4, "none"),
        (5, "UNKNOWN_LEADER_EPOCH"),
    ] {
        let fenced = error_of(&mut lab, Fetcher::Consumer, |asked| {
            asked.current_leader_epoch = Some(LeaderEpoch(epoch));
        });
        assert_eq!(fenced, error);
    }
}

#[test]
fn a_follower_copies_from_the_leader_only() {
    let mut lab = Lab::standing(registration(2, 0, &[1, 2, 3]), 2);
    assert_eq!(error_of(&mut lab, Fetcher::Consumer, |_| {}), "none");
    assert_eq!(
        error_of(&mut lab, follower_of(B3), |_| {}),
        "NOT_LEADER_OR_FOLLOWER"
    );
}

#[test]
fn a_broker_that_is_no_replica_is_told_that_its_metadata_may_be_newer() {
    let mut lab = Lab::leader();
    let stranger = Fetcher::Follower {
        broker: BrokerId(7),
        epoch: BrokerEpoch(7),
    };
    assert_eq!(error_of(&mut lab, stranger, |_| {}), "UNKNOWN_LEADER_EPOCH");
}

#[test]
fn an_offset_beyond_the_log_end_is_out_of_range() {
    let mut lab = with_records(1, 0);
    let error = error_of(&mut lab, Fetcher::Consumer, |asked| {
        asked.fetch_offset = Offset(2);
    });
    assert_eq!(error, "OFFSET_OUT_OF_RANGE");
}

#[test]
fn a_fetch_of_a_followers_last_life_does_not_count() {
    let mut lab = with_records(1, 0);
    lab.metadata(vec![MetadataRecord::RegisterBroker {
        broker: B2,
        epoch: BrokerEpoch(50),
        incarnation: Incarnation(2),
        fenced: false,
        rack: None,
    }]);
    assert_eq!(
        error_of(&mut lab, follower_of(B2), |asked| asked.fetch_offset =
            Offset(1)),
        "NOT_LEADER_OR_FOLLOWER"
    );
    lab.follower_fetch(B3, 1);
    assert_eq!(lab.high_watermark(), 0);
}

#[test]
fn a_follower_whose_last_epoch_ended_earlier_here_is_told_where() {
    let mut lab = with_records(2, 0);
    lab.register_partition(registration(2, 1, &[1, 2, 3]));
    lab.register_partition(registration(1, 2, &[1, 2, 3]));
    lab.produce(Acks::Leader, batch(1));
    let fetch = fetch(follower_of(B2), |request| {
        request.partitions[0].fetch_offset = Offset(4);
        request.partitions[0].last_fetched_epoch = Some(LeaderEpoch(1));
    });
    let on = lab.request(fetch);
    let answer = lab.fetch_answer(on).expect("it does not wait");
    let end = EpochEnd {
        epoch: LeaderEpoch(0),
        end_offset: Offset(2),
    };
    assert_eq!(answer.diverging_epoch, Some(end));
    assert_eq!((answer.error, answer.batches.len()), (None, 0));
    assert_eq!(
        lab.high_watermark(),
        0,
        "a diverging follower does not count"
    );
}

#[test]
fn readers_that_wait_are_answered_when_their_leader_is_deposed() {
    let mut lab = Lab::leader();
    let consumer = lab.request(fetch(Fetcher::Consumer, |request| {
        request.partitions[0].current_leader_epoch = Some(LeaderEpoch(0));
    }));
    let follower = lab.follower_fetch(B3, 0);
    lab.register_partition(registration(2, 1, &[2, 3]));
    for (on, error) in [
        (consumer, ErrorCode::FencedLeaderEpoch),
        (follower, ErrorCode::NotLeaderOrFollower),
    ] {
        let answer = lab.fetch_answer(on).expect("the fetch is answered");
        assert_eq!(answer.error, Some(error));
        assert_eq!(answer.current_leader.map(|hint| hint.leader), Some(B2));
    }
}

#[test]
fn a_new_leader_does_not_say_latest_before_its_high_watermark_has_reached_its_epoch() {
    let mut lab = with_records(2, 1);
    lab.register_partition(registration(2, 1, &[1, 2, 3]));
    lab.register_partition(registration(1, 2, &[1, 2, 3]));
    let ask = |lab: &Lab, spec| {
        let request = ListOffsetsRequest {
            isolation: Some(IsolationLevel::ReadUncommitted),
            partitions: vec![ListOffsetsPartition {
                tp: TP,
                spec,
                current_leader_epoch: None,
            }],
        };
        list_offsets::handle(&lab.broker, &request).partitions[0]
    };
    let latest = ask(&lab, OffsetSpec::Latest);
    assert_eq!(latest.error, Some(ErrorCode::OffsetNotAvailable));
    // The record at 1 may be as late, and is not readable yet.
    let late = ask(&lab, OffsetSpec::AtOrAfter(WallTime(1)));
    assert_eq!(late.error, Some(ErrorCode::OffsetNotAvailable));
    let first = ask(&lab, OffsetSpec::AtOrAfter(WallTime(0)));
    assert_eq!(
        (first.offset, first.timestamp),
        (Some(Offset(0)), Some(WallTime(0)))
    );
    let earliest = ask(&lab, OffsetSpec::Earliest);
    assert_eq!((earliest.error, earliest.offset), (None, Some(Offset(0))));
    lab.follower_fetch(B2, 2);
    lab.follower_fetch(B3, 2);
    let late = ask(&lab, OffsetSpec::AtOrAfter(WallTime(1)));
    assert_eq!((late.error, late.offset), (None, None));
    let largest = ask(&lab, OffsetSpec::MaxTimestamp);
    assert_eq!((largest.error, largest.offset), (None, Some(Offset(0))));
    let latest = ask(&lab, OffsetSpec::Latest);
    assert_eq!((latest.error, latest.offset), (None, Some(Offset(2))));
}

#[test]
fn a_parked_fetch_leaves_no_trace_when_it_is_answered() {
    let mut lab = Lab::leader();
    for round in 0..3 {
        lab.consumer_fetch(0);
        lab.follower_fetch(B2, 0);
        lab.after(SimDuration::from_secs(1));
        lab.timer(Timer::FetchPurgatory);
        assert_eq!(lab.answers().len(), 2, "round {round}");
    }
}

/// The leader b1 stands in rack 1, b2 in rack 2, b3 in rack 3; three records, two of them
/// committed and known to all.
fn in_racks() -> Lab {
    let mut partition = image(registration(1, 0, &[1, 2, 3]), 2);
    for (broker, registration) in &mut partition.brokers {
        registration.rack = Some(Rack(broker.0));
    }
    let mut setup = setup(Some(Bootstrap {
        epoch: epoch_of(B1),
        image: partition,
    }));
    setup.rack = Some(Rack(1));
    Arc::make_mut(&mut setup.config).replica_selector = ReplicaSelector::RackAware;
    let mut lab = Lab::of(Broker::new(setup));
    lab.input(Input::Start);
    for _ in 0..3 {
        lab.produce(Acks::Leader, batch(1));
    }
    lab.follower_fetch(B2, 2);
    lab.follower_fetch(B3, 2);
    assert_eq!(lab.high_watermark(), 2);
    lab
}

/// Whom the leader names to a consumer of this rack, and how many batches it sends.
fn sent_to(lab: &mut Lab, rack: u32, offset: u64) -> (Option<u32>, usize) {
    let on = lab.request(fetch(Fetcher::Consumer, |request| {
        request.rack = Some(Rack(rack));
        request.partitions[0].fetch_offset = Offset(offset);
    }));
    let answer = lab.fetch_answer(on).expect("it is answered at once");
    assert_eq!(answer.error, None);
    let preferred = answer.preferred_read_replica.map(|broker| broker.0);
    (preferred, answer.batches.len())
}

#[test]
fn a_consumer_is_sent_to_the_in_sync_replica_of_its_rack() {
    let mut lab = in_racks();
    assert_eq!(sent_to(&mut lab, 2, 0), (Some(2), 0));
    assert_eq!(
        sent_to(&mut lab, 3, 2),
        (Some(3), 0),
        "even where it has to wait"
    );
    assert_eq!(sent_to(&mut lab, 1, 0), (None, 2), "the leader is near");
    assert_eq!(sent_to(&mut lab, 9, 0), (None, 2), "nobody is near");
    lab.register_partition(PartitionRegistration {
        partition_epoch: PartitionEpoch(1),
        ..registration(1, 0, &[1, 3])
    });
    assert_eq!(sent_to(&mut lab, 2, 0), (None, 2), "it fell out of sync");
}

#[test]
fn with_the_leader_selector_everybody_reads_from_the_leader() {
    let mut lab = in_racks();
    Arc::make_mut(&mut lab.broker.config).replica_selector = ReplicaSelector::Leader;
    assert_eq!(sent_to(&mut lab, 2, 0), (None, 2));
}
