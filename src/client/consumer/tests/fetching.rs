//! What is asked for, and what a poll returns.

use crate::client::consumer::tests::*;

#[test]
fn a_fetch_asks_for_all_partitions_of_a_broker_within_the_configured_limits() {
    let mut rig = Rig::new(4, Rig::earliest());
    rig.settle(0);
    assert_eq!(rig.take_from(1).wants(), [(0, 0), (3, 0)]);
    assert_eq!(rig.take_from(3).wants(), [(2, 0)]);
    let asked = rig.take_from(2);
    assert_eq!(asked.wants(), [(1, 0)]);
    let fetch = asked.fetch();
    assert_eq!(fetch.fetcher, Fetcher::Consumer);
    assert_eq!(fetch.max_wait, ms(500));
    assert_eq!((fetch.min_bytes, fetch.max_bytes), (1, 52_428_800));
    let partition = fetch.partitions[0];
    assert_eq!(partition.max_bytes, 1_048_576);
    assert_eq!(partition.current_leader_epoch, Some(LeaderEpoch(5)));
    assert_eq!(partition.last_fetched_epoch, None);
}

#[test]
fn one_fetch_is_in_flight_per_broker() {
    let mut rig = Rig::fetching(2, Rig::earliest());
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.take().wants(), [(0, 0), (1, 0)]);
    rig.poll();
    assert!(rig.asked.is_empty(), "the first fetch has no answer yet");
}

#[test]
fn an_answer_without_records_is_asked_again_at_once() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 0, vec![])]);
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.take().wants(), [(0, 0)]);
}

#[test]
fn a_throttled_fetch_brings_nothing_and_is_asked_again_when_its_time_is_over() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    let asked = rig.take();
    rig.handle(Input::Message {
        on: asked.on,
        body: Message::Response {
            correlation: asked.correlation,
            throttle_time: ms(800),
            body: Rig::answered(Vec::new()),
        },
    });
    assert_eq!(rig.polled(), []);
    rig.pass(ms(799));
    assert_eq!(rig.polled(), []);
    assert!(rig.asked.is_empty(), "the broker reads nothing meanwhile");
    rig.pass(ms(1));
    assert_eq!(rig.polled(), []);
    assert_eq!(rig.take().wants(), [(0, 0)]);
}

#[test]
fn records_are_fetched_ahead_of_the_application() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    assert_eq!(rig.polled(), [(0, 0, 3)]);
    assert_eq!(
        rig.take().wants(),
        [(0, 3)],
        "sent by the poll that returned records"
    );
}

#[test]
fn max_poll_records_splits_a_batch() {
    let mut rig = Rig::fetching(1, at_most(4));
    rig.answer_fetch(vec![fetched(0, 9, vec![batch(0, 6, 5), batch(6, 3, 5)])]);
    assert_eq!(rig.polled(), [(0, 0, 4)]);
    assert_eq!(rig.consumer.position(tp(0)), Some(Offset(4)));
    assert_eq!(rig.polled(), [(0, 4, 2), (0, 6, 2)]);
    assert_eq!(rig.polled(), [(0, 8, 1)]);
    assert_eq!(rig.polled(), []);
}

#[test]
fn max_poll_records_counts_over_all_partitions_one_answer_after_the_other() {
    let mut rig = Rig::fetching(2, at_most(5));
    rig.answer_fetch(vec![
        fetched(0, 3, vec![batch(0, 3, 5)]),
        fetched(1, 7, vec![batch(0, 7, 5)]),
    ]);
    assert_eq!(rig.polled(), [(0, 0, 3), (1, 0, 2)]);
    assert_eq!(rig.polled(), [(1, 2, 5)]);
}

#[test]
fn a_broker_is_not_asked_while_records_from_it_are_buffered() {
    let mut rig = Rig::fetching(2, at_most(5));
    rig.answer_fetch(vec![
        fetched(0, 3, vec![batch(0, 3, 5)]),
        fetched(1, 7, vec![batch(0, 7, 5)]),
    ]);
    rig.poll();
    assert!(rig.asked.is_empty(), "partition 1 has buffered records");
    rig.poll();
    // The Java client notices only at the next poll that an answer has no more records.
    assert!(
        rig.asked.is_empty(),
        "max.poll.records ended at the last record"
    );
    rig.poll();
    assert_eq!(rig.take().wants(), [(0, 3), (1, 7)]);
}

#[test]
fn partitions_that_brought_records_go_to_the_end_of_the_next_fetch() {
    let mut rig = Rig::fetching(3, Rig::earliest());
    rig.answer_fetch(vec![
        fetched(0, 1, vec![batch(0, 1, 5)]),
        fetched(1, 0, vec![]),
        fetched(2, 0, vec![]),
    ]);
    rig.poll();
    assert_eq!(rig.take().wants(), [(1, 0), (2, 0), (0, 1)]);
}

#[test]
fn records_before_the_fetch_offset_are_skipped() {
    let mut rig = Rig::new(1, Rig::earliest());
    rig.settle(4);
    assert_eq!(rig.asked[0].wants(), [(0, 4)]);
    rig.answer_fetch(vec![fetched(0, 10, vec![batch(0, 10, 5)])]);
    assert_eq!(rig.polled(), [(0, 4, 6)]);
}

#[test]
fn the_position_passes_over_gaps() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    let batches = vec![batch(2, 2, 5), batch(9, 1, 5)];
    rig.answer_fetch(vec![fetched(0, 10, batches)]);
    assert_eq!(rig.polled(), [(0, 2, 2), (0, 9, 1)]);
    assert_eq!(rig.consumer.position(tp(0)), Some(Offset(10)));
}

#[test]
fn lag_is_the_high_watermark_minus_the_position() {
    let mut rig = Rig::fetching(1, at_most(4));
    assert_eq!(rig.consumer.lag(tp(0)), None);
    rig.answer_fetch(vec![fetched(0, 9, vec![batch(0, 6, 5)])]);
    rig.poll();
    assert_eq!(rig.consumer.lag(tp(0)), Some(5));
}

#[test]
fn a_paused_partition_keeps_its_buffered_records() {
    let mut rig = Rig::fetching(1, Rig::earliest());
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    rig.consumer.pause(tp(0));
    assert_eq!(rig.polled(), []);
    assert!(rig.asked.is_empty(), "paused: not fetched");
    rig.consumer.resume(tp(0));
    assert_eq!(rig.polled(), [(0, 0, 3)]);
    assert_eq!(rig.take().wants(), [(0, 3)]);
}

#[test]
fn a_partition_paused_between_two_polls_keeps_the_rest_of_its_answer() {
    let mut rig = Rig::fetching(1, at_most(2));
    rig.answer_fetch(vec![fetched(0, 3, vec![batch(0, 3, 5)])]);
    assert_eq!(rig.polled(), [(0, 0, 2)]);
    rig.consumer.pause(tp(0));
    assert_eq!(rig.polled(), []);
    rig.consumer.resume(tp(0));
    assert_eq!(rig.polled(), [(0, 2, 1)]);
}

#[test]
fn a_paused_partition_with_buffered_records_does_not_block_its_brokers_others() {
    let mut rig = Rig::fetching(2, Rig::earliest());
    rig.answer_fetch(vec![
        fetched(0, 3, vec![batch(0, 3, 5)]),
        fetched(1, 2, vec![batch(0, 2, 5)]),
    ]);
    rig.consumer.pause(tp(0));
    assert_eq!(rig.polled(), [(1, 0, 2)]);
    assert_eq!(rig.take().wants(), [(1, 2)]);
}
