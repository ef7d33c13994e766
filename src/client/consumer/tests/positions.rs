//! Where a partition starts, resets, and validation after a new leader.

use crate::client::consumer::tests::*;

#[test]
fn a_partition_starts_where_auto_offset_reset_says() {
    for (reset, spec) in [
        (AutoOffsetReset::Earliest, OffsetSpec::Earliest),
        (AutoOffsetReset::Latest, OffsetSpec::Latest),
    ] {
        let mut rig = Rig::new(1, policy(reset));
        rig.poll();
        rig.connect();
        rig.poll();
        let metadata = rig.take();
        let body = rig.metadata();
        rig.answer(&metadata, body);
        rig.poll();
        rig.connect();
        rig.poll();
        let asked = rig.take();
        assert_eq!(asked.broker, 1);
        assert_eq!(asked.list().partitions[0].spec, spec);
        let epoch = asked.list().partitions[0].current_leader_epoch;
        assert_eq!(epoch, Some(LeaderEpoch(5)));
        rig.answer(&asked, Rig::listed(&asked, 42));
        assert_eq!(rig.resets(), [(0, None, 42)]);
        rig.poll();
        assert_eq!(rig.take().wants(), [(0, 42)]);
    }
}

#[test]
fn by_duration_asks_for_the_first_record_that_is_not_older_and_waits_when_there_is_none() {
    let mut rig = Rig::fetching(1, policy(AutoOffsetReset::ByDuration(ms(5_000))));
    let lists = |rig: &Rig| -> Vec<OffsetSpec> {
        let asked = rig.asked.iter();
        let lists = asked.filter(|asked| matches!(asked.body, Request::ListOffsets(_)));
        lists.map(|asked| asked.list().partitions[0].spec).collect()
    };
    let back =
        |rig: &Rig| OffsetSpec::AtOrAfter(WallTime(rig.state.now.as_millis() as i64 - 5_000));
    rig.answer_fetch(vec![refused(0, ErrorCode::OffsetOutOfRange)]);
    rig.poll();
    assert_eq!(lists(&rig), [back(&rig)]);
    let asked = rig.take();
    let mut none = Rig::listed(&asked, 0);
    if let Response::ListOffsets(response) = &mut none {
        response.partitions[0].offset = None;
    }
    rig.answer(&asked, none);
    rig.pass(ms(29_999));
    assert_eq!(lists(&rig), [], "it asks again after request.timeout.ms");
    rig.pass(ms(1));
    assert_eq!(lists(&rig), [back(&rig)]);
}

#[test]
fn without_a_policy_a_partition_without_a_position_is_an_exception() {
    let mut rig = Rig::new(1, policy(AutoOffsetReset::None));
    let failure = Failure {
        tp: tp(0),
        offset: None,
        why: ConsumerFailure::NoOffsetForPartition,
    };
    assert_eq!(rig.poll().0, PollResult::Failed(failure));
    assert!(matches!(
        rig.facts[..],
        [Fact::ConsumerFailed {
            why: ConsumerFailure::NoOffsetForPartition,
            ..
        }]
    ));
}

#[test]
fn an_offset_out_of_range_is_reset_by_the_policy() {
    for (reset, spec, to) in [
        (AutoOffsetReset::Earliest, OffsetSpec::Earliest, 7),
        (AutoOffsetReset::Latest, OffsetSpec::Latest, 90),
    ] {
        let mut rig = Rig::fetching(1, policy(reset));
        rig.answer_fetch(vec![refused(0, ErrorCode::OffsetOutOfRange)]);
        rig.poll();
        let asked = rig.take();
        assert_eq!(asked.list().partitions[0].spec, spec);
        rig.answer(&asked, Rig::listed(&asked, to));
        assert_eq!(rig.resets(), [(0, None, 0), (0, Some(0), to)]);
        rig.poll();
        assert_eq!(rig.take().wants(), [(0, to)]);
    }
}

#[test]
fn without_a_policy_an_offset_out_of_range_is_an_exception() {
    let mut rig = Rig::new(1, policy(AutoOffsetReset::None));
    rig.consumer.seek_to_beginning();
    rig.settle(3);
    rig.answer_fetch(vec![refused(0, ErrorCode::OffsetOutOfRange)]);
    let failure = Failure {
        tp: tp(0),
        offset: Some(Offset(3)),
        why: ConsumerFailure::OffsetOutOfRange,
    };
    assert_eq!(rig.poll().0, PollResult::Failed(failure));
}

#[test]
fn an_error_is_thrown_only_when_no_records_go_before_it() {
    let mut rig = Rig::new(2, policy(AutoOffsetReset::None));
    rig.leaders = vec![(Some(1), 5); 2];
    rig.consumer.seek_to_beginning();
    rig.settle(0);
    rig.answer_fetch(vec![
        fetched(0, 1, vec![batch(0, 1, 5)]),
        refused(1, ErrorCode::OffsetOutOfRange),
    ]);
    assert_eq!(rig.poll(), (PollResult::Records, vec![(0, 0, 1)]));
    assert!(matches!(rig.poll().0, PollResult::Failed(_)));
}

#[test]
fn a_new_leader_validates_the_position_before_it_is_fetched_from() {
    let (mut rig, asked) = Rig::moved(Rig::earliest());
    assert_eq!(asked.broker, 2);
    let question = asked.epochs().partitions[0];
    assert_eq!(question.leader_epoch, LeaderEpoch(5));
    assert_eq!(question.current_leader_epoch, Some(LeaderEpoch(6)));
    rig.answer(&asked, Rig::told(Some((5, 10))));
    rig.poll();
    let fetch = rig.take();
    assert_eq!((fetch.broker, fetch.wants()), (2, vec![(0, 10)]));
    let epoch = fetch.fetch().partitions[0].current_leader_epoch;
    assert_eq!(epoch, Some(LeaderEpoch(6)));
    assert_eq!(rig.resets(), [(0, None, 0)]);
}

#[test]
fn a_position_that_was_never_read_to_needs_no_validation() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 0, vec![])]);
    rig.tell_leader(0, 2, 6);
    assert_eq!(rig.take_from(2).wants(), [(0, 0)]);
}

#[test]
fn a_detected_truncation_seeks_to_the_divergence_point() {
    let (mut rig, asked) = Rig::moved(policy(AutoOffsetReset::Latest));
    rig.answer(&asked, Rig::told(Some((5, 7))));
    assert_eq!(rig.resets(), [(0, None, 0), (0, Some(10), 7)]);
    rig.poll();
    assert_eq!(rig.take().wants(), [(0, 7)]);
}

#[test]
fn a_leader_that_knows_nothing_of_the_epoch_resets_the_position() {
    let (mut rig, asked) = Rig::moved(policy(AutoOffsetReset::Latest));
    rig.answer(&asked, Rig::told(None));
    rig.poll();
    let list = rig.take();
    assert_eq!(list.list().partitions[0].spec, OffsetSpec::Latest);
    rig.answer(&list, Rig::listed(&list, 2));
    assert_eq!(rig.resets(), [(0, None, 0), (0, Some(10), 2)]);
}

#[test]
fn without_a_policy_a_detected_truncation_is_an_exception() {
    for (end, divergent) in [(Some((5, 7)), Some(Offset(7))), (None, None)] {
        let mut rig = Rig::new(1, policy(AutoOffsetReset::None));
        rig.consumer.seek_to_beginning();
        rig.settle(0);
        rig.answer_fetch(vec![fetched(0, 10, vec![batch(0, 10, 5)])]);
        rig.poll();
        rig.tell_leader(0, 2, 6);
        let asked = rig.take_from(2);
        rig.answer(&asked, Rig::told(end));
        let failure = Failure {
            tp: tp(0),
            offset: Some(Offset(10)),
            why: ConsumerFailure::LogTruncation { divergent },
        };
        assert_eq!(rig.poll().0, PollResult::Failed(failure));
    }
}

#[test]
fn an_answer_for_another_position_is_dropped() {
    let mut rig = Rig::new(2, Rig::earliest());
    rig.leaders = vec![(Some(1), 5), (Some(3), 5)];
    rig.settle(0);
    // The connection to b3 has nothing to do, so it is there for metadata.
    rig.consumer.pause(tp(1));
    let idle = rig.take_from(3);
    rig.answer(&idle, Rig::answered(vec![fetched(1, 0, vec![])]));
    rig.answer_fetch(vec![fetched(0, 10, vec![batch(0, 10, 5)])]);
    rig.poll();
    let old = rig.take();
    assert_eq!(old.wants(), [(0, 10)]);
    // While that fetch is on its way, b2 takes the lead and lacks the last three records.
    rig.tell_leader(0, 2, 6);
    let asked = rig.take_from(2);
    rig.answer(&asked, Rig::told(Some((5, 7))));
    let late = vec![fetched(0, 13, vec![batch(10, 3, 5)])];
    rig.answer(&old, Rig::answered(late));
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.consumer.position(tp(0)), Some(Offset(7)));
    assert_eq!(rig.take().wants(), [(0, 7)]);
}

#[test]
fn buffered_records_are_dropped_when_the_leader_changes() {
    let mut rig = Rig::fetching(1, at_most(4));
    rig.answer_fetch(vec![fetched(0, 10, vec![batch(0, 10, 5)])]);
    assert_eq!(rig.polled(), [(0, 0, 4)]);
    rig.consumer.pause(tp(0));
    rig.tell_leader(0, 2, 6);
    rig.consumer.resume(tp(0));
    let asked = rig.take_from(2);
    assert_eq!(rig.polled(), [], "the position awaits validation");
    rig.answer(&asked, Rig::told(Some((6, 10))));
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.take().wants(), [(0, 4)], "fetched again from b2");
}
