//! Clients over their quotas: answered at once, then not read from.

use super::*;
use crate::kafka::quota::{ClientId, ClientIds, Limits, QuotaChange, QuotaType};
use crate::sim::ratio::Ratio;

/// The host of the clients in the laboratory.
const CLIENT: usize = 9;

/// b1 leads; its clients have these quotas.
fn limited(limits: Limits) -> Lab {
    let mut image = image(registration(1, 0, &[1]), 1);
    image.client_quotas.insert(None, limits);
    let epoch = epoch_of(B1);
    let mut setup = setup(Some(Bootstrap { epoch, image }));
    let mut clients = vec![None; CLIENT + 1];
    clients[CLIENT] = Some(ClientId(0));
    setup.clients = Some(Arc::new(ClientIds {
        names: Arc::new([Arc::from("p1")]),
        of_hosts: clients.into(),
    }));
    let mut lab = Lab::of(Broker::new(setup));
    lab.input(Input::Start);
    lab
}

fn producer_rate(bytes: u64) -> Lab {
    limited(Limits {
        producer_byte_rate: Some(bytes),
        ..Limits::default()
    })
}

/// The throttle times of the answers that the last input brought, in ms.
fn throttle_times(lab: &Lab) -> Vec<u64> {
    let mut times = Vec::new();
    for effect in &lab.effects {
        if let Effect::Send {
            body: Message::Response { throttle_time, .. },
            ..
        } = effect
        {
            times.push(throttle_time.as_millis());
        }
    }
    times
}

/// The bytes of a produce request with one such batch.
fn request_bytes() -> u64 {
    crate::kafka::size::of_request(&produce_request(Acks::Leader, batch(3)))
}

#[test]
fn a_producer_over_its_quota_is_answered_at_once_and_not_read_from() {
    // Ten windows of a second allow ten times the rate: less than two requests here.
    let mut lab = producer_rate(request_bytes() / 6);
    let on = lab.client();
    lab.request_on(on, produce_request(Acks::Leader, batch(3)));
    assert_eq!(throttle_times(&lab), [0]);
    lab.request_on(on, produce_request(Acks::Leader, batch(3)));
    let [time] = throttle_times(&lab)[..] else {
        panic!("it is answered at once");
    };
    // 12 s worth of bytes in windows of 10 s.
    assert!((2_000..2_100).contains(&time), "{time}");
    let time = SimDuration::from_millis(time);
    assert_eq!(lab.timer_set(Timer::Throttle), Some(time));
    let end = lab.log_end();
    lab.request_on(on, produce_request(Acks::Leader, batch(3)));
    assert!(lab.answers().is_empty());
    assert_eq!(lab.log_end(), end, "a muted channel delivers nothing");
    lab.after(time);
    lab.timer(Timer::Throttle);
    assert_eq!(lab.log_end(), end + 3);
}

#[test]
fn a_client_shares_its_quota_over_all_its_connections() {
    let mut lab = producer_rate(request_bytes() / 6);
    lab.produce(Acks::Leader, batch(3));
    assert_eq!(throttle_times(&lab), [0]);
    lab.produce(Acks::Leader, batch(3));
    assert!(throttle_times(&lab)[0] > 0);
}

#[test]
fn a_produce_without_an_answer_is_throttled_by_its_bytes_alone() {
    let mut lab = limited(Limits {
        producer_byte_rate: Some(request_bytes() / 6),
        request_percentage: Some(Ratio::percent(1)),
        ..Limits::default()
    });
    let on = lab.client();
    for expected in [3, 6] {
        lab.request_on(on, produce_request(Acks::None, batch(3)));
        assert_eq!(lab.log_end(), expected);
    }
    assert!(lab.timer_set(Timer::Throttle).is_some());
    lab.request_on(on, produce_request(Acks::None, batch(3)));
    assert_eq!(lab.log_end(), 6);
}

#[test]
fn a_throttled_fetch_brings_nothing_and_takes_no_bytes() {
    let mut lab = limited(Limits {
        consumer_byte_rate: Some(40),
        ..Limits::default()
    });
    lab.produce(Acks::Leader, batch(3));
    let on = lab.client();
    let mut brought = Vec::new();
    while brought.len() < 9 && brought.last() != Some(&(1, false)) || brought.len() < 2 {
        lab.request_on(on, fetch_request(Fetcher::Consumer, 0, None));
        let Some((_, Response::Fetch(answer))) = lab.answers().pop() else {
            panic!("a fetch is answered at once");
        };
        let records = answer.partitions.iter().map(|part| part.batches.len());
        brought.push((records.sum::<usize>(), throttle_times(&lab)[0] > 0));
        if let Some(time) = lab.timer_set(Timer::Throttle) {
            lab.after(time);
            lab.timer(Timer::Throttle);
        }
    }
    assert_eq!(brought[0], (1, false));
    assert_eq!(brought[1], (0, true));
    // When the windows have forgotten the first answer, there is room for another.
    assert_eq!(brought.last(), Some(&(1, false)));
    let elapsed = lab.host.now.as_millis();
    assert!((9_000..20_000).contains(&elapsed), "{elapsed}");
}

#[test]
fn a_fetch_is_never_larger_than_ten_windows_allow() {
    let mut lab = limited(Limits {
        consumer_byte_rate: Some(100),
        ..Limits::default()
    });
    for _ in 0..20 {
        lab.produce(Acks::Leader, batch(3));
    }
    let on = lab.consumer_fetch(0);
    let answer = lab.fetch_answer(on).expect("it is within the quota");
    // Ten windows allow 1,000 bytes, and a batch has 300.
    assert_eq!(answer.batches.len(), 3);
}

#[test]
fn request_percentage_counts_the_time_of_threads() {
    let mut lab = limited(Limits {
        request_percentage: Some(Ratio::percent(1)),
        ..Limits::default()
    });
    // 1% of ten seconds; each request takes at least 20 µs and at most 21.
    let enough = SimDuration::from_millis(100).as_nanos() / 20_000;
    let on = lab.client();
    let mut requests = 0;
    while throttle_times(&lab).iter().all(|time| *time == 0) {
        requests += 1;
        assert!(requests <= enough + 1, "it is never throttled");
        lab.request_on(on, produce_request(Acks::Leader, batch(1)));
    }
    assert!(requests > enough * 9 / 10, "{requests}");
}

#[test]
fn request_percentage_counts_what_compression_takes_and_throttles_for_a_window_at_most() {
    let mut lab = limited(Limits {
        request_percentage: Some(Ratio::percent(1)),
        ..Limits::default()
    });
    let mut packed = Arc::into_inner(batch(3)).expect("nobody else has it");
    packed.packing = Packing {
        codec: crate::kafka::compression::Codec::Lz4,
        raw_bytes: 1_024_000,
        packed_bytes: packed.size_bytes,
    };
    lab.produce(Acks::Leader, Arc::new(packed));
    // 1,000 KiB at 2 ms are 2 s of a thread: 20% instead of 1%.
    lab.after(SimDuration::from_secs(2));
    lab.timer(Timer::CodecWork);
    assert_eq!(throttle_times(&lab), [1_000]);
}

#[test]
fn followers_are_spared() {
    let mut lab = limited(Limits {
        consumer_byte_rate: Some(1),
        request_percentage: Some(Ratio::percent(1)),
        ..Limits::default()
    });
    lab.produce(Acks::Leader, batch(3));
    let on = ConnectionId(77);
    lab.input(Input::Connected {
        on,
        peer: HostId(2),
    });
    lab.request_on(on, fetch_request(follower_of(B2), 0, None));
    assert_eq!(throttle_times(&lab), [0]);
    assert_eq!(lab.fetch_answer(on).unwrap().batches.len(), 1);
}

#[test]
fn a_restarted_broker_has_counted_nothing_yet() {
    let mut lab = producer_rate(request_bytes() / 6);
    lab.produce(Acks::Leader, batch(3));
    let quotas = lab.broker.quotas.as_mut().unwrap();
    quotas.clear();
    lab.produce(Acks::Leader, batch(3));
    assert_eq!(throttle_times(&lab), [0]);
    let throttled = |fact: &&Fact| {
        let Fact::ClientThrottled { throttle, .. } = fact else {
            return false;
        };
        throttle.quota == QuotaType::Produce
    };
    assert!(!lab.facts().iter().any(throttled));
    lab.produce(Acks::Leader, batch(3));
    assert!(lab.facts().iter().any(throttled));
}

/// The quota of everybody, or of the one client, changes.
fn alter(lab: &mut Lab, client: Option<&str>, bytes: Option<u64>) {
    lab.metadata(vec![MetadataRecord::ClientQuota {
        entity: client.map(Arc::from),
        change: QuotaChange {
            quota: QuotaType::Produce,
            value: bytes.and_then(|bytes| Ratio::new(bytes, 1)),
        },
    }]);
}

/// Whether a request is throttled; the throttle is then over.
fn is_throttled(lab: &mut Lab, on: ConnectionId) -> bool {
    lab.request_on(on, produce_request(Acks::Leader, batch(3)));
    let time = throttle_times(lab)[0];
    if let Some(time) = lab.timer_set(Timer::Throttle) {
        lab.after(time);
        lab.timer(Timer::Throttle);
    }
    time > 0
}

#[test]
fn a_quota_that_changes_holds_at_once_and_for_what_was_taken_before() {
    // Somebody has a quota, so everybody is measured.
    let mut lab = limited(Limits::default());
    alter(&mut lab, None, Some(u64::MAX / 4));
    let on = lab.client();
    assert!(!is_throttled(&mut lab, on));
    assert!(!is_throttled(&mut lab, on));
    alter(&mut lab, Some("p1"), Some(request_bytes() / 6));
    assert!(is_throttled(&mut lab, on), "three requests in ten windows");
    alter(&mut lab, Some("p1"), None);
    assert!(!is_throttled(&mut lab, on), "the default holds again");
    alter(&mut lab, None, Some(request_bytes() / 6));
    assert!(is_throttled(&mut lab, on));
    alter(&mut lab, None, None);
    assert!(!is_throttled(&mut lab, on));
}

#[test]
fn what_was_taken_while_nobody_had_a_quota_does_not_count() {
    let mut lab = limited(Limits::default());
    let on = lab.client();
    for _ in 0..3 {
        assert!(!is_throttled(&mut lab, on));
    }
    alter(&mut lab, Some("p1"), Some(request_bytes() / 6));
    assert!(!is_throttled(&mut lab, on));
    assert!(is_throttled(&mut lab, on));
}
