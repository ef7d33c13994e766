//! What a producer is told, and when.

use super::*;
use crate::kafka::compression::{Codec, Packing, TopicCompression};
use crate::sim::process::{FileId, FlushId};

/// A short transcript of the last step: appends, acks and answers in their order.
fn transcript(lab: &Lab) -> Vec<String> {
    let mut lines = Vec::new();
    for effect in &lab.effects {
        match effect {
            Effect::Fact(Fact::Appended { stored, .. }) => {
                lines.push(format!("appended {}", stored.base_offset));
            }
            Effect::Fact(Fact::HighWatermarkAdvanced { high_watermark, .. }) => {
                lines.push(format!("high watermark {high_watermark}"));
            }
            Effect::Fact(Fact::ProduceAcked { base_offset, .. }) => {
                lines.push(format!("acked {base_offset}"));
            }
            Effect::Fact(Fact::ProduceRefused { error, .. }) => {
                lines.push(format!("refused {}", error.name()));
            }
            Effect::Fact(Fact::DuplicateDetected { base_offset, .. }) => {
                lines.push(format!("duplicate of {base_offset}"));
            }
            Effect::Send {
                body: Message::Response { body, .. },
                ..
            } => lines.push(match body {
                Response::Produce(_) => "produce answered".to_owned(),
                Response::Fetch(answer) => {
                    let batches = answer.partitions[0].batches.len();
                    format!("fetch answered with {batches}")
                }
                Response::ListOffsets(_)
                | Response::Metadata(_)
                | Response::InitProducerId(_)
                | Response::OffsetForLeaderEpoch(_)
                | Response::AlterPartition(_)
                | Response::BrokerRegistration(_)
                | Response::BrokerHeartbeat(_)
                | Response::AllocateProducerIds(_)
                | Response::AssignReplicasToDirs(_)
                | Response::DeleteRecords(_)
                | Response::IncrementalAlterConfigs(_)
                | Response::QuorumFetch(_)
                | Response::Envelope(_)
                | Response::Admin(_) => "other answer".to_owned(),
            }),
            Effect::Flush { .. } => lines.push("flush".to_owned()),
            Effect::AwaitRead { .. } => lines.push("read".to_owned()),
            Effect::Close(_) => lines.push("closed".to_owned()),
            Effect::Exit => lines.push("exit".to_owned()),
            Effect::Open { .. }
            | Effect::Send { .. }
            | Effect::SetTimer { .. }
            | Effect::CancelTimer(_)
            | Effect::Fact(_) => {}
        }
    }
    lines
}

#[test]
fn acks_1_is_answered_after_the_append_and_before_followers_are() {
    let mut lab = Lab::leader();
    lab.follower_fetch(B2, 0);
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(
        transcript(&lab),
        [
            "appended 0",
            "acked 0",
            "produce answered",
            "fetch answered with 1"
        ]
    );
}

#[test]
fn acks_all_is_answered_when_every_in_sync_replica_has_fetched_past_the_batch() {
    let mut lab = Lab::leader();
    lab.produce(Acks::All, batch(2));
    assert_eq!(transcript(&lab), ["appended 0"]);
    lab.follower_fetch(B2, 2);
    assert_eq!(transcript(&lab), [""; 0]);
    lab.follower_fetch(B3, 2);
    assert_eq!(
        transcript(&lab),
        ["high watermark 2", "acked 0", "produce answered"]
    );
}

#[test]
fn an_ack_that_had_to_wait_names_the_event_of_its_produce() {
    let mut lab = Lab::standing(registration(1, 0, &[1, 2]), 1);
    lab.host.event.0 = 41;
    lab.produce(Acks::All, batch(1));
    lab.host.event.0 = 42;
    lab.follower_fetch(B2, 1);
    let waited = lab.facts().into_iter().any(
        |fact| matches!(fact, Fact::ProduceAcked { produced_in: Some(event), .. } if event.0 == 41),
    );
    assert!(waited, "{:?}", lab.facts());
}

#[test]
fn acks_all_with_a_leader_alone_in_sync_is_answered_at_once() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 1);
    lab.produce(Acks::All, batch(1));
    assert_eq!(
        transcript(&lab),
        [
            "appended 0",
            "high watermark 1",
            "acked 0",
            "produce answered"
        ]
    );
}

#[test]
fn acks_0_has_no_answer_and_does_not_hold_up_the_next_request() {
    let mut lab = Lab::leader();
    let on = lab.produce(Acks::None, batch(1));
    assert_eq!(transcript(&lab), ["appended 0"]);
    lab.request_on(on, produce_request(Acks::Leader, batch(1)));
    assert_eq!(
        transcript(&lab),
        ["appended 1", "acked 1", "produce answered"]
    );
}

#[test]
fn an_error_with_acks_0_closes_the_connection() {
    let mut lab = Lab::standing(registration(2, 0, &[1, 2, 3]), 2);
    lab.produce(Acks::None, batch(1));
    assert_eq!(
        transcript(&lab),
        ["refused NOT_LEADER_OR_FOLLOWER", "closed"]
    );
}

#[test]
fn a_second_produce_on_a_connection_waits_until_the_first_is_answered() {
    let mut lab = Lab::standing(registration(1, 0, &[1, 2]), 1);
    let on = lab.produce(Acks::All, batch(1));
    lab.request_on(on, produce_request(Acks::All, batch(1)));
    assert_eq!(transcript(&lab), [""; 0]);
    lab.follower_fetch(B2, 1);
    assert_eq!(
        transcript(&lab),
        [
            "high watermark 1",
            "acked 0",
            "produce answered",
            "appended 1",
            "fetch answered with 1"
        ]
    );
}

#[test]
fn acks_all_below_the_minimum_of_in_sync_replicas_is_refused_before_the_append() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 2);
    lab.produce(Acks::All, batch(1));
    assert_eq!(
        transcript(&lab),
        ["refused NOT_ENOUGH_REPLICAS", "produce answered"]
    );
    assert_eq!(lab.log_end(), 0);
}

#[test]
fn acks_1_below_the_minimum_is_accepted_and_stays_invisible() {
    let mut lab = Lab::standing(registration(1, 0, &[1]), 2);
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(
        transcript(&lab),
        ["appended 0", "acked 0", "produce answered"]
    );
    assert_eq!((lab.log_end(), lab.high_watermark()), (1, 0));
}

#[test]
fn the_minimum_of_in_sync_replicas_is_at_most_the_number_of_replicas() {
    let alone = PartitionRegistration {
        replicas: [B1].into(),
        ..registration(1, 0, &[1])
    };
    let mut lab = Lab::standing(alone, 2);
    lab.produce(Acks::All, batch(1));
    assert_eq!(lab.produce_error(), None);
}

#[test]
fn a_produce_that_is_not_replicated_in_time_is_told_so_and_stays_in_the_log() {
    let mut lab = Lab::leader();
    lab.produce(Acks::All, batch(1));
    let timeout = SimDuration::from_secs(30);
    assert_eq!(lab.timer_set(Timer::ProducePurgatory), Some(timeout));
    lab.after(timeout);
    lab.timer(Timer::ProducePurgatory);
    assert_eq!(lab.produce_error(), Some(ErrorCode::RequestTimedOut));
    assert_eq!(lab.log_end(), 1);
    lab.follower_fetch(B2, 1);
    lab.follower_fetch(B3, 1);
    assert_eq!(lab.high_watermark(), 1);
}

#[test]
fn a_produce_waits_in_vain_when_the_in_sync_set_falls_below_the_minimum() {
    let mut lab = Lab::leader();
    lab.produce(Acks::All, batch(1));
    let mut shrunk = registration(1, 0, &[1]);
    shrunk.partition_epoch = PartitionEpoch(1);
    lab.register_partition(shrunk);
    assert_eq!(transcript(&lab), [""; 0], "the high watermark stands still");
    lab.after(SimDuration::from_secs(30));
    lab.timer(Timer::ProducePurgatory);
    assert_eq!(lab.produce_error(), Some(ErrorCode::RequestTimedOut));
}

#[test]
fn a_leader_that_learns_that_it_is_deposed_says_so_to_produces_that_wait() {
    let mut lab = Lab::leader();
    lab.produce(Acks::All, batch(1));
    lab.register_partition(registration(2, 1, &[2, 3]));
    let answer = lab.produce_answer().expect("the produce is answered");
    assert_eq!(answer.error, Some(ErrorCode::NotLeaderOrFollower));
    let new = LeaderHint {
        leader: B2,
        epoch: LeaderEpoch(1),
    };
    assert_eq!(answer.current_leader, Some(new));
}

#[test]
fn a_follower_refuses_and_names_the_leader() {
    let mut lab = Lab::standing(registration(2, 3, &[1, 2, 3]), 2);
    lab.produce(Acks::All, batch(1));
    let answer = lab.produce_answer().expect("the produce is answered");
    assert_eq!(answer.error, Some(ErrorCode::NotLeaderOrFollower));
    let leader = LeaderHint {
        leader: B2,
        epoch: LeaderEpoch(3),
    };
    assert_eq!(answer.current_leader, Some(leader));
}

#[test]
fn a_partition_that_no_image_has_is_unknown() {
    let mut lab = Lab::leader();
    let mut request = ProduceRequest {
        acks: Acks::All,
        timeout: SimDuration::from_secs(30),
        partitions: Vec::new(),
    };
    request.partitions.push(ProducePartition {
        tp: TopicPartition {
            topic: TopicId(5),
            partition: 0,
        },
        batch: batch(1),
        corrupt: false,
    });
    lab.request(Request::Produce(Box::new(request)));
    assert_eq!(
        lab.produce_error(),
        Some(ErrorCode::UnknownTopicOrPartition)
    );
}

#[test]
fn a_batch_above_max_message_bytes_is_too_large() {
    let mut lab = Lab::with(registration(1, 0, &[1, 2, 3]), 2, |config| {
        config.message_max_bytes = 250;
    });
    lab.produce(Acks::Leader, batch(3));
    assert_eq!(lab.produce_error(), Some(ErrorCode::MessageTooLarge));
    lab.produce(Acks::Leader, batch(2));
    assert_eq!(lab.produce_error(), None);
}

/// A batch of its own, as [`batch`] makes it.
fn unpacked(records: u32) -> Batch {
    Arc::into_inner(batch(records)).expect("nobody else has it")
}

/// Three records in 2 KiB, and what each codec leaves of them.
fn packed(codec: Codec) -> Arc<Batch> {
    let mut batch = unpacked(3);
    batch.packing = Packing {
        codec,
        raw_bytes: 2_048,
        packed_bytes: 512,
    };
    batch.size_bytes = batch.packing.size_bytes();
    Arc::new(batch)
}

/// The batches in the log: codec and size.
fn log(lab: &Lab) -> Vec<(Codec, u32)> {
    let view = lab.broker.view(TP).unwrap();
    let batches = view.batches();
    batches
        .map(|stored| (stored.batch.packing.codec, stored.batch.size_bytes))
        .collect()
}

#[test]
fn a_compressed_batch_is_opened_before_it_is_appended() {
    let mut lab = Lab::leader();
    lab.produce(Acks::Leader, packed(Codec::Lz4));
    assert_eq!(lab.log_end(), 0);
    // Two KiB at 2 ms each.
    lab.after(SimDuration::from_millis(3));
    lab.timer(Timer::CodecWork);
    assert_eq!(lab.log_end(), 0);
    lab.after(SimDuration::from_millis(1));
    lab.timer(Timer::CodecWork);
    assert_eq!(log(&lab), [(Codec::Lz4, 512)]);
}

#[test]
fn a_broker_compresses_what_the_topic_wants_otherwise() {
    let mut lab = Lab::with(registration(1, 0, &[1, 2, 3]), 2, |config| {
        config.compression_type = TopicCompression::To(Codec::Zstd);
    });
    for (codec, work) in [(Codec::None, 16), (Codec::Gzip, 20), (Codec::Zstd, 4)] {
        lab.produce(Acks::Leader, packed(codec));
        let before = lab.log_end();
        lab.after(SimDuration::from_millis(work - 1));
        lab.timer(Timer::CodecWork);
        assert_eq!(lab.log_end(), before, "{codec:?}");
        lab.after(SimDuration::from_millis(1));
        lab.timer(Timer::CodecWork);
        assert_eq!(lab.log_end(), before + 3, "{codec:?}");
    }
    assert_eq!(log(&lab), [(Codec::Zstd, 512); 3]);
}

#[test]
fn a_batch_that_the_broker_unpacks_must_fit_unpacked() {
    let mut lab = Lab::with(registration(1, 0, &[1, 2, 3]), 2, |config| {
        config.compression_type = TopicCompression::To(Codec::None);
        config.message_max_bytes = 1_000;
    });
    lab.produce(Acks::Leader, packed(Codec::Lz4));
    lab.after(SimDuration::from_millis(4));
    lab.timer(Timer::CodecWork);
    assert_eq!(lab.produce_error(), Some(ErrorCode::MessageTooLarge));
}

#[test]
fn as_many_batches_are_opened_at_a_time_as_there_are_threads() {
    let mut lab = Lab::with(registration(1, 0, &[1, 2, 3]), 2, |config| {
        config.num_io_threads = 2;
    });
    for _ in 0..3 {
        lab.produce(Acks::Leader, packed(Codec::Lz4));
    }
    for expected in [6, 9] {
        lab.after(SimDuration::from_millis(4));
        lab.timer(Timer::CodecWork);
        assert_eq!(lab.log_end(), expected);
    }
}

#[test]
fn a_batch_that_was_damaged_on_the_wire_is_refused() {
    let mut lab = Lab::leader();
    let part = ProducePartition {
        tp: TP,
        batch: batch(1),
        corrupt: true,
    };
    lab.request(Request::Produce(Box::new(ProduceRequest {
        acks: Acks::Leader,
        timeout: SimDuration::from_secs(30),
        partitions: vec![part],
    })));
    assert_eq!(lab.produce_error(), Some(ErrorCode::CorruptMessage));
    assert_eq!(lab.log_end(), 0);
}

#[test]
fn a_gap_in_the_sequence_is_refused() {
    let mut lab = Lab::leader();
    lab.produce(Acks::Leader, idempotent(1, 0));
    lab.produce(Acks::Leader, idempotent(1, 2));
    assert_eq!(
        lab.produce_error(),
        Some(ErrorCode::OutOfOrderSequenceNumber)
    );
}

#[test]
fn a_duplicate_waits_for_the_high_watermark_like_the_first_copy() {
    let mut lab = Lab::standing(registration(1, 0, &[1, 2]), 1);
    lab.produce(Acks::All, idempotent(1, 0));
    lab.produce(Acks::All, idempotent(1, 0));
    assert_eq!(transcript(&lab), ["duplicate of 0"]);
    assert_eq!(lab.log_end(), 1);
    lab.follower_fetch(B2, 1);
    assert_eq!(
        transcript(&lab),
        [
            "high watermark 1",
            "acked 0",
            "produce answered",
            "acked 0",
            "produce answered"
        ]
    );
}

#[test]
fn one_partition_that_fails_does_not_hold_up_the_others_nor_end_their_wait() {
    let mut lab = Lab::standing(registration(1, 0, &[1, 2]), 1);
    let elsewhere = TopicPartition {
        topic: TopicId(3),
        partition: 0,
    };
    let part = |tp| ProducePartition {
        tp,
        batch: batch(1),
        corrupt: false,
    };
    lab.request(Request::Produce(Box::new(ProduceRequest {
        acks: Acks::All,
        timeout: SimDuration::from_secs(30),
        partitions: vec![part(elsewhere), part(TP)],
    })));
    assert!(lab.answers().is_empty());
    lab.follower_fetch(B2, 1);
    let answers = lab.answers();
    let Response::Produce(answer) = answers[0].1 else {
        panic!("the produce is answered: {answers:?}");
    };
    let errors: Vec<_> = answer.partitions.iter().map(|part| part.error).collect();
    assert_eq!(errors, [Some(ErrorCode::UnknownTopicOrPartition), None]);
}

#[test]
fn with_flush_messages_1_the_answer_and_the_followers_wait_for_the_flush() {
    let mut lab = Lab::with(registration(1, 0, &[1, 2, 3]), 2, |config| {
        config.log_flush_interval_messages = Some(1);
    });
    lab.follower_fetch(B2, 0);
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(transcript(&lab), ["appended 0", "flush"]);
    lab.input(Input::Flushed(FlushId(0)));
    assert_eq!(
        transcript(&lab),
        ["acked 0", "produce answered", "fetch answered with 1"]
    );
}

#[test]
fn with_a_flush_interval_of_several_messages_most_answers_do_not_wait() {
    let mut lab = Lab::with(registration(1, 0, &[1]), 1, |config| {
        config.log_flush_interval_messages = Some(3);
    });
    lab.produce(Acks::All, batch(2));
    assert_eq!(lab.produce_error(), None);
    assert!(!transcript(&lab).contains(&"flush".to_owned()));
    lab.produce(Acks::All, batch(1));
    assert_eq!(transcript(&lab), ["appended 2", "flush"]);
    lab.input(Input::Flushed(FlushId(0)));
    assert_eq!(
        transcript(&lab),
        ["high watermark 3", "acked 2", "produce answered"]
    );
}

#[test]
fn a_produce_that_waits_for_a_flush_and_then_for_followers_is_answered_once() {
    let mut lab = Lab::with(registration(1, 0, &[1, 2]), 1, |config| {
        config.log_flush_interval_messages = Some(1);
    });
    lab.produce(Acks::All, batch(1));
    lab.input(Input::Flushed(FlushId(0)));
    assert_eq!(transcript(&lab), [""; 0]);
    lab.follower_fetch(B2, 1);
    assert_eq!(
        transcript(&lab),
        ["high watermark 1", "acked 0", "produce answered"]
    );
}

#[test]
fn a_disk_that_fails_a_flush_ends_the_broker_too() {
    let mut lab = Lab::with(registration(1, 0, &[1, 2, 3]), 2, |config| {
        config.log_flush_interval_messages = Some(1);
    });
    lab.produce(Acks::All, batch(1));
    lab.input(Input::FlushFailed(FlushId(0)));
    assert_eq!(transcript(&lab), ["exit"]);
}

#[test]
fn a_disk_that_fails_the_append_ends_the_broker_with_its_only_log_directory() {
    let mut lab = Lab::leader();
    lab.host.disk.set_fault(
        crate::sim::disk::DiskFault::Failed,
        crate::sim::time::SimTime::ZERO,
    );
    lab.produce(Acks::Leader, batch(1));
    assert_eq!(
        transcript(&lab),
        ["refused KAFKA_STORAGE_ERROR", "produce answered", "exit"]
    );
    assert_eq!(lab.log_end(), 0);
    let durable = lab.host.disk.durable(FileId(0));
    assert_eq!(durable, 0);
}
