//! Producer ids, sequences and epochs.

use crate::client::producer::tests::*;

#[test]
fn nothing_is_sent_before_the_producer_id_is_there() {
    let mut bench = Bench::new(defaults(), 1);
    bench.connects = false;
    bench.input(Input::Start);
    bench.connects = true;
    assert!(bench.requests.is_empty());
    bench.wait(SimDuration::from_secs(2));
    bench.send();
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
}

#[test]
fn sequences_count_the_records_of_a_partition() {
    let config = ProducerConfig {
        linger: ms(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    for count in [3, 1, 2] {
        for _ in 0..count {
            bench.append(Some(0), 10);
        }
        bench.run();
        bench.wait(ms(1));
    }
    assert_eq!(bench.sequences(), [(0, 0, 0), (3, 0, 3), (4, 0, 4)]);
}

#[test]
fn retried_batches_are_sent_in_sequence_one_at_a_time() {
    let mut bench = Bench::started(defaults(), 1);
    for _ in 0..3 {
        bench.send();
    }
    for _ in 0..3 {
        bench.answer(Err(ErrorCode::NotEnoughReplicas));
    }
    bench.wait(ms(120));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.answer(Ok(0));
    assert_eq!(bench.sequences(), [(1, 0, 1)]);
    bench.answer(Ok(1));
    assert_eq!(bench.sequences(), [(2, 0, 2)]);
}

#[test]
fn a_later_batch_that_is_out_of_order_is_retried_without_an_epoch_bump() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.send();
    bench.answer(Err(ErrorCode::NotEnoughReplicas));
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(ms(120));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.answer(Ok(0));
    assert_eq!(bench.sequences(), [(1, 0, 1)]);
}

#[test]
fn the_next_batch_out_of_order_bumps_the_epoch_and_restarts_its_partition_at_0() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Ok(0));
    bench.send();
    bench.send();
    assert_eq!(bench.sequences(), [(1, 0, 1), (2, 0, 2)]);
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(ms(120));
    assert_eq!(bench.sequences(), [(1, 1, 0)]);
    bench.answer(Ok(1));
    assert_eq!(bench.sequences(), [(2, 1, 1)]);
}

#[test]
fn another_partition_keeps_its_epoch_until_nothing_of_it_is_in_flight() {
    let mut bench = Bench::started(defaults(), 2);
    let keys = two_keys();
    bench.append(Some(keys[0]), 10);
    bench.run();
    bench.answer(Ok(0));
    bench.append(Some(keys[0]), 10);
    bench.run();
    bench.append(Some(keys[1]), 10);
    bench.run();
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(bench.sequences(), [(2, 0, 0)]);
    bench.append(Some(keys[1]), 10);
    bench.run();
    // Its new batch waits for the one in flight under epoch 0 ...
    assert_eq!(bench.sequences(), [(2, 0, 0)]);
    bench.answer(Ok(0));
    // ... and starts the partition anew.
    assert_eq!(bench.sequences(), [(3, 1, 0)]);
}

#[test]
fn a_batch_that_failed_for_good_makes_way_by_an_epoch_bump() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.send();
    bench.answer(Err(ErrorCode::InvalidRecord));
    bench.answer(Err(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(ms(120));
    assert_eq!(bench.sequences(), [(1, 1, 0)]);
}

#[test]
fn after_a_retried_batch_expired_new_ones_wait_until_nothing_is_in_flight() {
    let config = ProducerConfig {
        delivery_timeout: SimDuration::from_secs(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.disconnect(HostId(10));
    bench.wait(SimDuration::from_secs(9));
    assert_eq!(bench.sequences(), [(0, 0, 0)]);
    bench.send();
    assert_eq!(bench.sequences(), [(0, 0, 0), (1, 0, 1)]);
    bench.wait(SimDuration::from_secs(1));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Expired))]);
    bench.send();
    assert_eq!(bench.sequences(), [(0, 0, 0), (1, 0, 1)]);
    // Both reached the broker after all: the sequences join up, no bump.
    bench.answer(Ok(0));
    bench.answer(Ok(1));
    assert_eq!(bench.sequences(), [(2, 0, 2)]);
}

#[test]
fn an_expired_batch_that_left_a_gap_bumps_the_epoch() {
    let config = ProducerConfig {
        delivery_timeout: SimDuration::from_secs(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.disconnect(HostId(10));
    bench.connects = false;
    bench.wait(SimDuration::from_secs(10));
    assert_eq!(bench.told(), [(0, Err(ProduceError::Expired))]);
    bench.connects = true;
    bench.wait(SimDuration::from_secs(2));
    bench.send();
    assert_eq!(bench.sequences(), [(1, 1, 0)]);
}
