//! Errors, back-off, lost connections, damage, death.

use crate::client::consumer::tests::*;

#[test]
fn errors_of_a_fetch_refresh_metadata_and_do_not_delay_the_next_fetch() {
    for error in [
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::FencedLeaderEpoch,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::KafkaStorageError,
        ErrorCode::OffsetNotAvailable,
    ] {
        let mut rig = Rig::fetching(1, Rig::earliest());
        rig.pass(SimDuration::from_secs(1));
        rig.answer_fetch(vec![refused(0, error)]);
        rig.poll();
        assert_eq!(rig.asked[0].wants(), [(0, 0)]);
        assert!(matches!(rig.asked[1].body, Request::Metadata(_)));
    }
}

#[test]
fn a_metadata_refresh_that_told_nothing_new_backs_off() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.pass(SimDuration::from_secs(1));
    let mut refreshes = Vec::new();
    for _ in 0..1_000 {
        for asked in std::mem::take(&mut rig.asked) {
            let body = if matches!(asked.body, Request::Metadata(_)) {
                refreshes.push(rig.state.now.as_millis() - 1_000);
                rig.metadata()
            } else {
                Rig::answered(vec![refused(0, ErrorCode::NotLeaderOrFollower)])
            };
            rig.answer(&asked, body);
        }
        rig.poll();
        rig.pass(ms(1));
    }
    // retry.backoff.ms with 20 % jitter, doubled: 0, 100, 300, 700, …
    let steps = refreshes.windows(2).map(|pair| pair[1] - pair[0]);
    assert_eq!(refreshes.len(), 4, "{refreshes:?}");
    for (step, expected) in steps.zip([100, 200, 400]) {
        let (least, most) = (expected * 8 / 10, expected * 12 / 10 + 2);
        assert!((least..=most).contains(&step), "{refreshes:?}");
    }
}

#[test]
fn an_unknown_leader_epoch_is_asked_again_without_a_refresh() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.pass(SimDuration::from_secs(1));
    rig.answer_fetch(vec![refused(0, ErrorCode::UnknownLeaderEpoch)]);
    rig.poll();
    assert_eq!(rig.take().wants(), [(0, 0)]);
}

#[test]
fn look_ups_that_fail_back_off_and_refresh_metadata() {
    let mut rig = Rig::new(1, Rig::earliest());
    rig.pass(SimDuration::from_secs(1));
    rig.poll();
    rig.connect();
    rig.poll();
    let metadata = rig.take();
    let body = rig.metadata();
    rig.answer(&metadata, body);
    rig.poll();
    rig.connect();
    rig.poll();
    let list = rig.take();
    rig.pass(SimDuration::from_secs(2));
    let mut body = Rig::listed(&list, 0);
    if let Response::ListOffsets(response) = &mut body {
        response.partitions[0].error = Some(ErrorCode::NotLeaderOrFollower);
    }
    rig.answer(&list, body);
    rig.poll();
    assert!(matches!(rig.take().body, Request::Metadata(_)));
    rig.pass(ms(99));
    assert!(rig.asked.is_empty(), "retry.backoff.ms is 100");
    rig.pass(ms(1));
    assert_eq!(rig.take().list().partitions[0].tp, tp(0));
}

#[test]
fn a_partition_without_a_leader_waits_for_metadata() {
    let mut rig = Rig::new(1, Rig::earliest());
    rig.leaders[0] = (None, 5);
    rig.poll();
    rig.connect();
    rig.poll();
    let metadata = rig.take();
    let body = rig.metadata();
    rig.answer(&metadata, body);
    rig.poll();
    assert!(rig.asked.is_empty());
    rig.leaders[0] = (Some(3), 6);
    rig.pass(ms(121));
    assert!(matches!(rig.asked[0].body, Request::Metadata(_)));
    rig.settle(0);
    let fetch = rig.take();
    assert_eq!((fetch.broker, fetch.wants()), (3, vec![(0, 0)]));
}

#[test]
fn a_lost_connection_fails_the_fetch_and_is_opened_again_after_the_back_off() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.pass(SimDuration::from_secs(1));
    let lost = rig.take();
    rig.handle(Input::Disconnected(lost.on));
    rig.poll();
    rig.settle(0);
    let back_off = (0..10_000).find(|_| {
        rig.pass(ms(1));
        rig.settle(0);
        !rig.asked.is_empty()
    });
    // reconnect.backoff.ms is 50, with 20 % jitter.
    assert!((40..=61).contains(&back_off.expect("it comes back")));
    let fetch = rig.take();
    assert_ne!(fetch.on, lost.on);
    assert_eq!((fetch.broker, fetch.wants()), (1, vec![(0, 0)]));
}

#[test]
fn a_fetch_without_an_answer_times_out() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    let silent = rig.take();
    rig.pass(ms(30_000));
    assert!(
        rig.closed.contains(&silent.on),
        "request.timeout.ms is 30 s"
    );
}

#[test]
fn nothing_is_sent_outside_poll() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    assert!(rig.asked.is_empty(), "the application is busy");
}

#[test]
fn a_batch_with_a_wrong_checksum_is_an_exception_after_the_records_before_it() {
    for (check_crcs, expected) in [(true, vec![(0, 0, 2)]), (false, vec![(0, 0, 2), (0, 2, 1)])] {
        let config = ConsumerConfig {
            check_crcs,
            ..Rig::earliest()
        };
        let mut rig = Rig::fetching(1, config);
        let damaged = Payload::Bytes(Box::new(Encoded {
            records: Arc::new(vec![1, 2, 3]),
            crc: 4,
        }));
        let batches = vec![batch(0, 2, 5), batch_with(2, 1, 5, damaged)];
        rig.answer_fetch(vec![fetched(0, 3, batches)]);
        assert_eq!(rig.polled(), expected);
        let failed = rig.poll().0;
        let failure = Failure {
            tp: tp(0),
            offset: Some(Offset(2)),
            why: ConsumerFailure::CorruptRecord,
        };
        assert_eq!(failed == PollResult::Failed(failure), check_crcs);
    }
}

#[test]
fn a_batch_damaged_on_the_wire_is_an_exception_unless_nobody_looks() {
    for (check_crcs, expected) in [(true, vec![(0, 0, 2)]), (false, vec![(0, 0, 2), (0, 2, 1)])] {
        let config = ConsumerConfig {
            check_crcs,
            ..Rig::earliest()
        };
        let mut rig = Rig::fetching(1, config);
        let damaged = FetchedPartition {
            corrupt: Some(1),
            ..fetched(0, 3, vec![batch(0, 2, 5), batch(2, 1, 5)])
        };
        rig.answer_fetch(vec![damaged]);
        assert_eq!(rig.polled(), expected);
        let failed = matches!(rig.poll().0, PollResult::Failed(_));
        assert_eq!(failed, check_crcs);
    }
}

#[test]
fn a_dead_consumer_starts_again_by_its_policy() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    rig.poll();
    rig.consumer.reset();
    rig.asked.clear();
    rig.timers.clear();
    assert_eq!(rig.consumer.position(tp(0)), None);
    rig.settle(1);
    assert_eq!(rig.take().wants(), [(0, 1)]);
    assert_eq!(rig.resets(), [(0, None, 0), (0, None, 1)]);
}
