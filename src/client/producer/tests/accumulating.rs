//! Records in, batches out: when send() blocks and when a batch goes.

use crate::client::producer::tests::*;

#[test]
fn a_batch_waits_linger_for_more_records() {
    let config = ProducerConfig::default();
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.wait(ms(4));
    bench.send();
    assert!(bench.requests.is_empty());
    bench.wait(ms(1));
    assert_eq!(bench.requests.len(), 1);
    assert_eq!(bench.requests[0].partitions[0].batch.count(), 2);
}

#[test]
fn a_full_batch_does_not_linger() {
    let config = ProducerConfig {
        batch_size: 500,
        linger: SimDuration::from_secs(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    for _ in 0..5 {
        bench.send();
    }
    // A header of 61 bytes and 111 for each record: three fit, a fourth does not.
    assert_eq!(bench.requests.len(), 1);
    assert_eq!(bench.requests[0].partitions[0].batch.count(), 3);
    assert_eq!(
        bench.requests[0].partitions[0].batch.size_bytes,
        61 + 3 * 111
    );
}

#[test]
fn a_record_larger_than_the_batch_size_goes_alone() {
    let config = ProducerConfig {
        batch_size: 0,
        linger: SimDuration::from_secs(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.send();
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.requests[0].partitions[0].batch.count(), 1);
}

#[test]
fn a_record_above_max_request_size_is_rejected_by_send() {
    let mut bench = Bench::started(defaults(), 1);
    assert_eq!(
        bench.append(Some(0), 1_048_576),
        SendResult::Rejected(ProduceError::TooLarge)
    );
    assert_eq!(bench.append(Some(0), 1_048_000), SendResult::Accepted);
}

#[test]
fn send_blocks_until_the_partitions_are_known() {
    let mut bench = Bench::new(defaults(), 1);
    bench.answers_metadata = false;
    bench.input(Input::Start);
    assert_eq!(
        bench.append(None, 10),
        SendResult::WouldBlock(Wait::Metadata)
    );
}

#[test]
fn send_blocks_when_buffer_memory_is_used_up_until_a_batch_is_complete() {
    let config = ProducerConfig {
        buffer_memory: 2 * 16_384,
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    let mut blocked = false;
    for _ in 0..1_000 {
        blocked = bench.append(Some(0), 100) != SendResult::Accepted;
        if blocked {
            break;
        }
    }
    assert!(blocked);
    assert_eq!(
        bench.append(Some(0), 100),
        SendResult::WouldBlock(Wait::Memory)
    );
    bench.run();
    assert!(!bench.producer.has_memory());
    bench.answer(Ok(0));
    assert!(bench.producer.has_memory());
    assert_eq!(bench.append(Some(0), 100), SendResult::Accepted);
}

#[test]
fn a_thread_that_waits_for_memory_makes_every_batch_urgent() {
    let config = ProducerConfig {
        buffer_memory: 16_384,
        linger: SimDuration::from_secs(1),
        ..defaults()
    };
    let mut bench = Bench::started(config, 2);
    let mut key = 0;
    while bench.append(Some(key), 100) == SendResult::Accepted {
        key += 1;
    }
    bench.run();
    assert_eq!(bench.requests.len(), 1);
}

#[test]
fn one_request_carries_one_batch_of_each_partition() {
    let config = ProducerConfig {
        linger: ms(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 3);
    for key in 0..40 {
        bench.append(Some(key), 100);
    }
    bench.run();
    bench.wait(ms(10));
    assert_eq!(bench.requests.len(), 1);
    let partitions: Vec<u32> = bench.requests[0]
        .partitions
        .iter()
        .map(|p| p.tp.partition)
        .collect();
    assert_eq!(partitions, [0, 1, 2]);
}

#[test]
fn a_request_ends_before_max_request_size_and_the_next_one_goes_on_there() {
    let config = ProducerConfig {
        max_request_size: 1_000,
        linger: ms(10),
        ..defaults()
    };
    let mut bench = Bench::started(config, 3);
    for key in 0..12 {
        bench.append(Some(key), 200);
    }
    bench.run();
    bench.wait(ms(10));
    let requests: Vec<Vec<u32>> = bench
        .requests
        .iter()
        .map(|r| r.partitions.iter().map(|p| p.tp.partition).collect())
        .collect();
    assert_eq!(requests, [[0], [1], [2]]);
}

#[test]
fn at_most_max_in_flight_requests_are_under_way() {
    let mut bench = Bench::started(defaults(), 1);
    for _ in 0..7 {
        bench.send();
    }
    assert_eq!(bench.waiting(), [0, 1, 2, 3, 4]);
    bench.answer(Ok(0));
    assert_eq!(bench.waiting(), [1, 2, 3, 4, 5]);
    assert_eq!(bench.requests[4].partitions[0].batch.count(), 2);
}

#[test]
fn records_without_a_key_stay_on_one_partition_for_a_batch_of_bytes() {
    let config = ProducerConfig {
        batch_size: 1_000,
        ..defaults()
    };
    let mut bench = Bench::started(config, 8);
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for _ in 0..200 {
        bench.append(None, 100);
        bench.run();
        let request = bench.requests.back().unwrap();
        let partition = request.partitions[0].tp.partition;
        match runs.last_mut() {
            Some((last, count)) if *last == partition => *count += 1,
            Some(_) | None => runs.push((partition, 1)),
        }
        bench.answer(Ok(0));
    }
    // 172 bytes each: six of them are more than 1,000.
    assert!(runs.len() > 20, "{runs:?}");
    assert!(
        runs[..runs.len() - 1]
            .iter()
            .all(|(_, count)| count % 6 == 0)
    );
}

#[test]
fn with_ignore_keys_keyed_records_stick_to_a_partition_too() {
    let config = ProducerConfig {
        partitioner_ignore_keys: true,
        ..defaults()
    };
    let mut bench = Bench::started(config, 8);
    for key in 0..20 {
        bench.append(Some(key), 100);
    }
    bench.run();
    assert_eq!(bench.requests.len(), 1);
    assert_eq!(bench.requests[0].partitions.len(), 1);
}

#[test]
fn records_without_a_key_avoid_a_broker_that_does_not_drain_for_the_availability_timeout() {
    let config = ProducerConfig {
        batch_size: 200,
        partitioner_availability_timeout: SimDuration::from_secs(1),
        ..not_idempotent()
    };
    let mut bench = Bench::new(config, 2);
    bench.leaders[1] = (Some(1), 0);
    bench.input(Input::Start);
    // The second broker answers nothing: five requests, then its queue grows.
    let mut send = |count: usize| {
        let mut answered = 0;
        for _ in 0..count {
            assert_eq!(bench.append(None, 100), SendResult::Accepted);
            bench.run();
            answered += bench.answer_host(HostId(10));
        }
        bench.wait(ms(100));
        answered
    };
    assert!(send(60) < 50);
    for _ in 0..15 {
        send(1);
    }
    assert_eq!(send(40), 40);
}
