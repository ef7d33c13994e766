//! Reading from a follower that the leader names.

use crate::client::consumer::tests::*;

/// A consumer of partition 0 that `b1`, the leader, has sent to `b2`; the fetch to `b2` is on its
/// way.
fn sent_away() -> Rig {
    let mut rig = Rig::new(1, Rig::earliest());
    rig.consumer = rig.consumer.clone().in_rack(Some(Rack(7)));
    rig.settle(0);
    let asked = rig.take();
    assert_eq!((asked.broker, asked.fetch().rack), (1, Some(Rack(7))));
    let mut elsewhere = fetched(0, 5, vec![]);
    elsewhere.preferred_read_replica = Some(BrokerId(2));
    rig.answer(&asked, Rig::answered(vec![elsewhere]));
    rig.poll();
    rig.connect();
    rig.poll();
    rig
}

#[test]
fn a_consumer_reads_from_the_replica_that_the_leader_names() {
    let mut rig = sent_away();
    let asked = rig.take_from(2);
    assert_eq!(asked.wants(), [(0, 0)]);
    rig.answer(
        &asked,
        Rig::answered(vec![fetched(0, 5, vec![batch(0, 5, 5)])]),
    );
    assert_eq!(rig.polled(), [(0, 0, 5)]);
    rig.poll();
    assert_eq!(rig.take_from(2).wants(), [(0, 5)], "and stays there");
}

#[test]
fn an_offset_out_of_range_at_a_follower_leads_back_to_the_leader_without_a_reset() {
    let mut rig = sent_away();
    let asked = rig.take_from(2);
    rig.answer(
        &asked,
        Rig::answered(vec![refused(0, ErrorCode::OffsetOutOfRange)]),
    );
    rig.poll();
    assert_eq!(rig.take_from(1).wants(), [(0, 0)]);
    assert_eq!(rig.facts.len(), 1, "but for the start: {:?}", rig.facts);
}

#[test]
fn a_follower_that_hangs_up_is_left_for_the_leader() {
    let mut rig = sent_away();
    let asked = rig.take_from(2);
    rig.handle(Input::Disconnected(asked.on));
    rig.poll();
    let fetches = rig
        .asked
        .iter()
        .filter(|asked| matches!(asked.body, Request::Fetch(_)));
    let brokers: Vec<u32> = fetches.map(|asked| asked.broker).collect();
    assert_eq!(brokers, [1]);
}

#[test]
fn after_metadata_max_age_the_leader_is_asked_again() {
    let mut rig = sent_away();
    rig.pass(SimDuration::from_secs(11));
    let fetch = |asked: &mut Asked| matches!(asked.body, Request::Fetch(_));
    let asked: Vec<Asked> = rig.asked.extract_if(.., fetch).collect();
    assert_eq!(asked.len(), 1);
    rig.answer(&asked[0], Rig::answered(vec![fetched(0, 5, vec![])]));
    rig.poll();
    let asked: Vec<Asked> = rig.asked.extract_if(.., fetch).collect();
    assert_eq!(
        asked.iter().map(|asked| asked.broker).collect::<Vec<_>>(),
        [1]
    );
}
