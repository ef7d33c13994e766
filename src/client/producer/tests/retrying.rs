//! What becomes of a batch: acks, errors, retries, expiry, splitting.

use crate::client::producer::tests::*;

#[test]
fn acks_0_is_success_as_soon_as_the_request_is_written() {
    let config = ProducerConfig {
        acks: Acks::None,
        ..not_idempotent()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    assert_eq!(bench.told(), [(0, Ok(None))]);
    assert!(bench.producer.is_idle());
}

#[test]
fn an_acknowledged_batch_has_the_offset_of_its_first_record() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Ok(17));
    assert_eq!(bench.told(), [(0, Ok(Some(17)))]);
}

#[test]
fn a_retriable_error_is_retried_after_the_back_off() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Err(ErrorCode::NotEnoughReplicas));
    bench.wait(ms(79));
    assert!(bench.requests.is_empty());
    bench.wait(ms(41));
    assert_eq!(bench.waiting(), [0]);
    assert!(bench.told().is_empty());
}

#[test]
fn an_error_that_is_not_retriable_fails_the_batch() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Err(ErrorCode::InvalidRecord));
    let error = ProduceError::Refused(ErrorCode::InvalidRecord);
    assert!(!error.is_timeout());
    assert_eq!(bench.told(), [(0, Err(error))]);
}

#[test]
fn retries_0_fails_at_the_first_error() {
    let config = ProducerConfig {
        retries: 0,
        ..not_idempotent()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.disconnect(HostId(10));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Disconnected))]);
}

#[test]
fn without_idempotence_a_retried_batch_goes_before_what_waits_but_after_what_was_sent() {
    let mut bench = Bench::started(not_idempotent(), 1);
    for _ in 0..3 {
        bench.send();
    }
    bench.answer(Err(ErrorCode::NotEnoughReplicas));
    bench.answer(Ok(0));
    bench.answer(Ok(1));
    bench.wait(ms(120));
    assert_eq!(bench.waiting(), [0]);
    let told: Vec<u32> = bench.told().into_iter().map(|(id, _)| id).collect();
    assert_eq!(told, [1, 2]);
}

#[test]
fn max_in_flight_1_keeps_the_order_without_idempotence() {
    let config = ProducerConfig {
        max_in_flight_requests_per_connection: 1,
        ..not_idempotent()
    };
    let mut bench = Bench::started(config, 1);
    for _ in 0..3 {
        bench.send();
    }
    assert_eq!(bench.waiting(), [0]);
    bench.answer(Err(ErrorCode::NotEnoughReplicas));
    assert!(bench.requests.is_empty());
    bench.wait(ms(120));
    assert_eq!(bench.waiting(), [0]);
    bench.answer(Ok(0));
    assert_eq!(bench.waiting(), [1]);
}

#[test]
fn a_new_leader_in_the_error_answer_saves_metadata_and_back_off() {
    let mut bench = Bench::started(defaults(), 1);
    bench.answers_metadata = false;
    bench.send();
    let hint = LeaderHint {
        leader: BrokerId(2),
        epoch: LeaderEpoch(1),
    };
    bench.answer_with_hint(Err(ErrorCode::NotLeaderOrFollower), Some(hint));
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.requests[0].host, HostId(20));
}

#[test]
fn a_stale_leader_makes_the_producer_ask_for_metadata() {
    let mut bench = Bench::started(defaults(), 1);
    bench.wait(SimDuration::from_secs(1));
    bench.send();
    bench.leaders[0] = (Some(1), 1);
    bench.answer(Err(ErrorCode::NotLeaderOrFollower));
    bench.wait(ms(120));
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.requests[0].host, HostId(20));
}

#[test]
fn no_answer_within_request_timeout_closes_the_connection_and_retries() {
    let config = ProducerConfig {
        request_timeout: SimDuration::from_secs(3),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    let on = bench.requests[0].on;
    bench.wait(SimDuration::from_secs(3) - ms(1));
    assert!(bench.connections.contains_key(&on));
    bench.wait(ms(200));
    assert!(!bench.connections.contains_key(&on));
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
}

#[test]
fn a_batch_without_a_leader_expires_after_delivery_timeout_as_a_time_out() {
    let mut bench = Bench::started(defaults(), 1);
    bench.leaders[0] = (None, 1);
    bench.producer.metadata.request_update();
    bench.wait(ms(200));
    bench.run();
    bench.send();
    bench.wait(SimDuration::from_secs(120) - ms(1));
    assert!(bench.told().is_empty());
    bench.wait(ms(1));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Expired))]);
    assert!(ProduceError::Expired.is_timeout());
}

#[test]
fn a_batch_in_flight_expires_too_and_its_late_answer_changes_nothing() {
    let config = ProducerConfig {
        delivery_timeout: SimDuration::from_secs(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.wait(SimDuration::from_secs(10));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Expired))]);
    bench.answer(Ok(5));
    assert!(bench.told().is_empty());
    assert!(bench.producer.is_idle());
}

#[test]
fn an_expired_batch_in_flight_holds_its_memory_until_the_request_is_over() {
    let config = ProducerConfig {
        delivery_timeout: SimDuration::from_secs(10),
        buffer_memory: 16_384,
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.wait(SimDuration::from_secs(10));
    assert_eq!(
        bench.append(Some(0), 100),
        SendResult::WouldBlock(Wait::Memory)
    );
    bench.answer(Ok(0));
    assert_eq!(bench.append(Some(0), 100), SendResult::Accepted);
}

#[test]
fn a_batch_that_is_too_large_for_the_broker_is_split_and_keeps_its_sequences() {
    let config = ProducerConfig {
        batch_size: 400,
        linger: ms(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.send();
    bench.wait(ms(1));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.answer(Err(ErrorCode::MessageTooLarge));
    // The pieces are as large as the batch was; they are halved when they are refused again.
    bench.answer(Err(ErrorCode::MessageTooLarge));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.answer(Ok(0));
    assert_eq!(bench.sequences(), [(1, 0, 1)]);
    bench.answer(Ok(1));
    assert_eq!(bench.told(), [(0, Ok(Some(0))), (1, Ok(Some(1)))]);
}

#[test]
fn a_single_record_that_is_too_large_fails() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Err(ErrorCode::MessageTooLarge));
    let error = ProduceError::Refused(ErrorCode::MessageTooLarge);
    assert_eq!(bench.told(), [(0, Err(error))]);
}
