//! How a follower copies its leader, and what it does when the logs part ways.

use super::*;
use crate::kafka::api::fetch::EpochEnd;
use crate::kafka::api::list_offsets::{ListOffsetsResponse, ListedOffset, OffsetSpec};
use crate::kafka::api::offset_for_leader_epoch::{EpochAnswer, OffsetForLeaderEpochResponse};
use crate::kafka::fact::TruncationCause;
use crate::sim::process::FlushId;

/// A follower of b2 whose fetcher's connection is open, and the request that it sent.
struct Follower {
    lab: Lab,
    on: ConnectionId,
    correlation: CorrelationId,
    fetch: Option<FetchRequest>,
}

const NO_ANSWER: FetchedPartition = FetchedPartition {
    tp: TP,
    error: None,
    high_watermark: Offset(0),
    last_stable_offset: Offset(0),
    log_start_offset: Offset(0),
    diverging_epoch: None,
    current_leader: None,
    preferred_read_replica: None,
    batches: Vec::new(),
    corrupt: None,
};

impl Follower {
    fn new() -> Self {
        Self::of(Lab::standing(registration(2, 0, &[1, 2, 3]), 2))
    }

    fn of(mut lab: Lab) -> Self {
        let opened = lab.opened().into_iter().find(|(_, to)| *to == HostId(2));
        let (on, to) = opened.expect("the follower connects to its leader");
        lab.connected(on, to);
        let mut follower = Self {
            lab,
            on,
            correlation: CorrelationId(0),
            fetch: None,
        };
        follower.note();
        follower
    }

    /// Remembers the fetch that the last input led to, if any.
    fn note(&mut self) {
        let mut requests = self.lab.requests().into_iter();
        let sent = requests.find(|(on, ..)| *on == self.on);
        self.fetch = sent.and_then(|(_, correlation, body)| {
            self.correlation = correlation;
            let Request::Fetch(fetch) = body else {
                return None;
            };
            Some((**fetch).clone())
        });
    }

    fn asked(&self) -> &FetchPartition {
        let fetch = self.fetch.as_ref().expect("the follower fetches");
        &fetch.partitions[0]
    }

    fn answered(&mut self, answer: FetchedPartition) {
        let response = FetchResponse {
            partitions: vec![answer],
        };
        let response = Response::Fetch(Box::new(response));
        self.lab.respond(self.on, self.correlation, response);
        self.note();
    }

    fn gets(&mut self, batches: Vec<StoredBatch>, high_watermark: u64) {
        self.answered(FetchedPartition {
            high_watermark: Offset(high_watermark),
            batches,
            ..NO_ANSWER
        });
    }

    fn fails(&mut self, error: ErrorCode) {
        self.answered(FetchedPartition {
            error: Some(error),
            ..NO_ANSWER
        });
    }

    fn diverges(&mut self, epoch: u32, end_offset: u64) {
        self.answered(FetchedPartition {
            diverging_epoch: Some(EpochEnd {
                epoch: LeaderEpoch(epoch),
                end_offset: Offset(end_offset),
            }),
            ..NO_ANSWER
        });
    }

    fn truncation(&self) -> Option<(u64, u64, TruncationCause)> {
        self.lab.facts().into_iter().find_map(|fact| {
            let Fact::Truncated { to, from, why, .. } = fact else {
                return None;
            };
            Some((from.0, to.0, *why))
        })
    }
}

#[test]
fn a_follower_asks_with_its_epoch_its_log_end_and_its_last_epoch() {
    let mut follower = Follower::new();
    let fetch = follower.fetch.clone().expect("the follower fetches");
    assert_eq!(fetch.fetcher, follower_of(B1));
    assert_eq!(fetch.max_wait, SimDuration::from_millis(500));
    assert_eq!(follower.asked().last_fetched_epoch, None);
    follower.gets(vec![stored(0, 0), stored(1, 0)], 0);
    let asked = follower.asked();
    assert_eq!(asked.fetch_offset, Offset(2));
    assert_eq!(asked.current_leader_epoch, Some(LeaderEpoch(0)));
    assert_eq!(asked.last_fetched_epoch, Some(LeaderEpoch(0)));
}

#[test]
fn a_follower_takes_its_leaders_log_start_and_tells_it_with_its_next_fetch() {
    let mut follower = Follower::new();
    follower.gets(vec![stored(0, 0), stored(1, 0)], 2);
    assert_eq!(follower.asked().log_start_offset, Offset(0));
    follower.answered(FetchedPartition {
        high_watermark: Offset(2),
        log_start_offset: Offset(1),
        ..NO_ANSWER
    });
    assert_eq!(follower.lab.view().log_start, Offset(1));
    assert_eq!(follower.asked().log_start_offset, Offset(1));
}

#[test]
fn a_followers_high_watermark_is_the_leaders_but_not_beyond_its_own_log() {
    let mut follower = Follower::new();
    follower.gets(vec![stored(0, 0)], 5);
    assert_eq!(follower.lab.high_watermark(), 1);
    follower.gets(vec![stored(1, 0), stored(2, 0)], 2);
    assert_eq!(follower.lab.high_watermark(), 2);
}

#[test]
fn batches_of_an_epoch_above_the_known_one_are_ignored() {
    let mut follower = Follower::new();
    follower.gets(vec![stored(0, 0), stored(1, 1), stored(2, 1)], 0);
    assert_eq!(follower.lab.log_end(), 1);
    assert_eq!(follower.asked().fetch_offset, Offset(1));
}

#[test]
fn an_answer_to_an_older_leader_epoch_is_dropped() {
    let mut follower = Follower::new();
    follower
        .lab
        .register_partition(registration(2, 1, &[1, 2, 3]));
    follower.gets(vec![stored(0, 0)], 1);
    assert_eq!(follower.lab.log_end(), 0);
    assert_eq!(follower.asked().current_leader_epoch, Some(LeaderEpoch(1)));
}

#[test]
fn a_change_within_the_leader_epoch_does_not_restart_the_fetcher() {
    let mut follower = Follower::new();
    let mut smaller = registration(2, 0, &[1, 2]);
    smaller.partition_epoch = PartitionEpoch(1);
    follower.lab.register_partition(smaller);
    assert!(follower.lab.facts().is_empty());
    follower.gets(vec![stored(0, 0)], 1);
    assert_eq!(follower.lab.log_end(), 1);
}

#[test]
fn a_partition_that_fails_is_not_asked_for_during_the_backoff() {
    for error in [
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::UnknownLeaderEpoch,
        ErrorCode::UnknownTopicOrPartition,
    ] {
        let mut follower = Follower::new();
        follower.fails(error);
        assert!(follower.fetch.is_none());
        let wake = Timer::FetcherWake(0);
        let backoff = SimDuration::from_secs(1);
        assert_eq!(follower.lab.timer_set(wake), Some(backoff));
        follower.lab.after(backoff);
        follower.lab.timer(wake);
        follower.note();
        assert_eq!(follower.asked().fetch_offset, Offset(0));
    }
}

#[test]
fn a_partition_that_the_leader_has_fenced_waits_for_metadata() {
    let mut follower = Follower::new();
    follower.fails(ErrorCode::FencedLeaderEpoch);
    assert!(follower.fetch.is_none());
    assert_eq!(follower.lab.timer_set(Timer::FetcherWake(0)), None);
    follower
        .lab
        .register_partition(registration(2, 1, &[1, 2, 3]));
    follower.note();
    assert_eq!(follower.asked().current_leader_epoch, Some(LeaderEpoch(1)));
}

#[test]
fn a_fetcher_that_loses_its_connection_waits_and_connects_again() {
    let mut follower = Follower::new();
    follower.lab.input(Input::Disconnected(follower.on));
    let wake = Timer::FetcherWake(0);
    let backoff = SimDuration::from_secs(1);
    assert_eq!(follower.lab.timer_set(wake), Some(backoff));
    let reconnect = Timer::FetcherRpc(crate::rpc::Timer::Reconnect(crate::rpc::Peer(0)));
    assert_eq!(follower.lab.timer_set(reconnect), Some(SimDuration::ZERO));
    follower.lab.timer(reconnect);
    assert!(follower.lab.opened().is_empty());
    follower.lab.after(backoff);
    follower.lab.timer(wake);
    assert_eq!(follower.lab.opened().len(), 1);
}

#[test]
fn a_fetcher_with_nothing_to_copy_hangs_up() {
    let mut follower = Follower::new();
    follower.lab.register_partition(registration(0, 1, &[2]));
    let closed =
        |effect: &Effect<_, _, _>| matches!(effect, Effect::Close(on) if *on == follower.on);
    assert!(follower.lab.effects.iter().any(closed));
}

#[test]
fn a_follower_changes_to_the_new_leader() {
    let mut follower = Follower::new();
    follower.lab.register_partition(registration(3, 1, &[1, 3]));
    let opened = follower.lab.opened();
    assert!(opened.iter().any(|(_, to)| *to == HostId(3)));
}

#[test]
fn a_log_that_diverges_is_cut_where_the_common_epoch_ends_in_either_log() {
    let mut follower = Follower::new();
    follower.gets(vec![stored(0, 0), stored(1, 0), stored(2, 0)], 0);
    follower.diverges(0, 1);
    let cut = (3, 1, TruncationCause::DivergingEpoch);
    assert_eq!(follower.truncation(), Some(cut));
    assert_eq!(follower.asked().fetch_offset, Offset(1));
}

#[test]
fn a_log_without_the_leaders_epoch_is_cut_step_by_step() {
    // Own epochs: 0 at 0, 2 at 2, 3 at 3. The leader has 0 at 0, 1 at 1.
    let mut lab = Lab::standing(registration(2, 3, &[1, 2, 3]), 2);
    lab.effects
        .retain(|effect| !matches!(effect, Effect::Fact(_)));
    let mut follower = Follower::of(lab);
    let log = vec![stored(0, 0), stored(1, 0), stored(2, 2), stored(3, 3)];
    follower.gets(log, 0);
    follower.diverges(1, 4);
    let step = (4, 2, TruncationCause::DivergingEpoch);
    assert_eq!(follower.truncation(), Some(step));
    assert_eq!(follower.asked().last_fetched_epoch, Some(LeaderEpoch(0)));
    follower.diverges(0, 1);
    let step = (2, 1, TruncationCause::DivergingEpoch);
    assert_eq!(follower.truncation(), Some(step));
}

#[test]
fn a_deposed_leader_truncates_what_only_it_had() {
    let mut lab = Lab::leader();
    for _ in 0..3 {
        lab.produce(Acks::Leader, batch(1));
    }
    lab.register_partition(registration(2, 1, &[2, 3]));
    let mut follower = Follower::of(lab);
    assert_eq!(follower.asked().last_fetched_epoch, Some(LeaderEpoch(0)));
    follower.diverges(0, 1);
    assert_eq!(
        follower.truncation(),
        Some((3, 1, TruncationCause::DivergingEpoch))
    );
    follower.gets(vec![stored(1, 1)], 1);
    assert_eq!(follower.lab.log_end(), 2);
}

/// Answers the question where the leader's log ends.
fn leader_ends_at(follower: &mut Follower, end_offset: u64) {
    let requests = follower.lab.requests();
    let (on, correlation, body) = requests[0];
    let Request::OffsetForLeaderEpoch(question) = body else {
        panic!("the follower asks for the leader's log end: {body:?}");
    };
    assert_eq!(question.partitions[0].leader_epoch, LeaderEpoch(0));
    let answer = EpochAnswer {
        tp: TP,
        error: None,
        end: Some(EpochEnd {
            epoch: LeaderEpoch(0),
            end_offset: Offset(end_offset),
        }),
    };
    let response = OffsetForLeaderEpochResponse {
        partitions: vec![answer],
    };
    follower
        .lab
        .respond(on, correlation, Response::OffsetForLeaderEpoch(response));
}

#[test]
fn out_of_range_beyond_the_leaders_log_is_cut_to_its_end() {
    let mut follower = Follower::new();
    follower.gets(vec![stored(0, 0), stored(1, 0)], 0);
    follower.fails(ErrorCode::OffsetOutOfRange);
    leader_ends_at(&mut follower, 1);
    assert_eq!(
        follower.truncation(),
        Some((2, 1, TruncationCause::BeyondLeader))
    );
    follower.note();
    assert_eq!(follower.asked().fetch_offset, Offset(1));
}

#[test]
fn out_of_range_below_the_leaders_log_start_begins_anew_there() {
    let mut follower = Follower::new();
    follower.gets(vec![stored(0, 0), stored(1, 0)], 0);
    follower.fails(ErrorCode::OffsetOutOfRange);
    leader_ends_at(&mut follower, 9);
    let (on, correlation, body) = follower.lab.asked();
    let Request::ListOffsets(question) = body else {
        panic!("the follower asks for the leader's log start: {body:?}");
    };
    assert_eq!(question.partitions[0].spec, OffsetSpec::Earliest);
    let answer = ListedOffset {
        tp: TP,
        error: None,
        offset: Some(Offset(5)),
        timestamp: None,
        leader_epoch: None,
    };
    let response = ListOffsetsResponse {
        partitions: vec![answer],
    };
    follower
        .lab
        .respond(on, correlation, Response::ListOffsets(response));
    assert_eq!(
        follower.truncation(),
        Some((2, 5, TruncationCause::BelowLogStart))
    );
    follower.note();
    assert_eq!(follower.asked().fetch_offset, Offset(5));
}

#[test]
fn with_flush_messages_1_a_follower_flushes_before_it_fetches_on() {
    let lab = Lab::with(registration(2, 0, &[1, 2, 3]), 2, |config| {
        config.log_flush_interval_messages = Some(1);
    });
    let mut follower = Follower::of(lab);
    follower.gets(vec![stored(0, 0)], 0);
    assert!(follower.fetch.is_none());
    follower.lab.input(Input::Flushed(FlushId(0)));
    follower.note();
    assert_eq!(follower.asked().fetch_offset, Offset(1));
}

#[test]
fn a_partition_that_got_records_is_asked_for_last_next_time() {
    let mut lab = Lab::standing(registration(2, 0, &[1, 2, 3]), 2);
    let opened = lab.opened();
    let other = TopicPartition {
        topic: TopicId(0),
        partition: 1,
    };
    lab.metadata(vec![MetadataRecord::Partition {
        tp: other,
        registration: Arc::new(registration(2, 0, &[1, 2, 3])),
    }]);
    let (on, to) = opened.into_iter().find(|(_, to)| *to == HostId(2)).unwrap();
    lab.connected(on, to);
    let order = |lab: &Lab| -> Vec<u32> {
        let (_, _, body) = lab.asked();
        let Request::Fetch(fetch) = body else {
            panic!("the follower fetches: {body:?}");
        };
        fetch
            .partitions
            .iter()
            .map(|asked| asked.tp.partition)
            .collect()
    };
    assert_eq!(order(&lab), [0, 1]);
    let (_, correlation, _) = lab.asked();
    let partitions = vec![
        FetchedPartition {
            batches: vec![stored(0, 0)],
            ..NO_ANSWER
        },
        FetchedPartition {
            tp: other,
            ..NO_ANSWER
        },
    ];
    let response = Response::Fetch(Box::new(FetchResponse { partitions }));
    lab.respond(on, correlation, response);
    assert_eq!(order(&lab), [1, 0]);
}

#[test]
fn a_full_disk_ends_a_follower_too() {
    let mut follower = Follower::new();
    follower.lab.host.disk.set_fault(
        crate::sim::disk::DiskFault::Full,
        crate::sim::time::SimTime::ZERO,
    );
    follower.gets(vec![stored(0, 0)], 0);
    assert!(follower.lab.exited());
    assert_eq!(follower.lab.log_end(), 0);
}

#[test]
fn a_follower_serves_consumers_up_to_the_high_watermark_that_it_knows() {
    let mut follower = Follower::new();
    follower.gets(vec![stored(0, 0), stored(1, 0)], 0);
    let on = follower.lab.consumer_fetch(0);
    assert!(
        follower.lab.fetch_answer(on).is_none(),
        "nothing is committed yet"
    );
    // The leader's next answer tells that the first record is.
    follower.gets(Vec::new(), 1);
    let answer = follower
        .lab
        .fetch_answer(on)
        .expect("a record is committed");
    assert_eq!(answer.high_watermark, Offset(1));
    assert_eq!(answer.batches.len(), 1);
    let on = follower.lab.consumer_fetch(2);
    let beyond = follower.lab.fetch_answer(on).expect("it does not wait");
    assert_eq!((beyond.error, beyond.batches.len()), (None, 0));
    let on = follower.lab.consumer_fetch(3);
    let nowhere = follower.lab.fetch_answer(on).expect("it does not wait");
    assert_eq!(nowhere.error, Some(ErrorCode::OffsetOutOfRange));
}
