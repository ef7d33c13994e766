//! Where keyless records go, by partitioner: two brokers, all partitions led by the first.

use crate::client::producer::tests::*;
use crate::kafka::partitioner::{PartitionerClass, partition_for_key};

/// The partitions of `count` records, of which each is a batch unless it joins the one before.
fn places(class: PartitionerClass, partitions: usize, count: u32, linger: u64) -> Vec<u32> {
    let config = ProducerConfig {
        partitioner_class: class,
        linger: ms(linger),
        ..defaults()
    };
    let mut bench = Bench::started(config, partitions);
    let mut places = vec![0; count as usize];
    for _ in 0..count {
        assert_eq!(bench.append(None, 100), SendResult::Accepted);
        bench.run();
        bench.wait(ms(1));
        while let Some(request) = bench.requests.front() {
            for part in &request.partitions {
                for record in part.batch.records.iter() {
                    places[record.id.0 as usize] = part.tp.partition;
                }
            }
            bench.answer(Ok(0));
        }
    }
    places
}

#[test]
fn round_robin_takes_one_partition_after_the_other() {
    let places = places(PartitionerClass::RoundRobin, 4, 8, 0);
    assert_eq!(places, [0, 1, 2, 3, 0, 1, 2, 3]);
}

#[test]
fn round_robin_that_is_asked_twice_skips_every_other_partition() {
    // KAFKA-9965: every record begins a batch here.
    let places = places(PartitionerClass::RoundRobinAskedTwice, 4, 8, 0);
    assert_eq!(places, [1, 3, 1, 3, 1, 3, 1, 3]);
}

#[test]
fn kafkajs_takes_turns_from_a_random_partition() {
    let places = places(PartitionerClass::KafkaJs, 5, 10, 0);
    for pair in places.windows(2) {
        assert_eq!(pair[1], (pair[0] + 1) % 5);
    }
}

#[test]
fn sticky_by_batch_moves_to_another_partition_with_every_batch() {
    let places = places(PartitionerClass::UniformSticky, 3, 60, 0);
    assert!(
        places.windows(2).all(|pair| pair[0] != pair[1]),
        "{places:?}"
    );
    // The built-in partitioner counts bytes, and these are few.
    let sticky = self::places(PartitionerClass::BuiltIn, 3, 60, 0);
    assert!(sticky.iter().all(|place| *place == sticky[0]), "{sticky:?}");
}

#[test]
fn librdkafka_draws_a_partition_for_ten_milliseconds() {
    // One record a millisecond.
    let places = places(PartitionerClass::ConsistentRandom, 50, 100, 0);
    let changes = places.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!((7..=9).contains(&changes), "{changes} {places:?}");
    let each = self::places(PartitionerClass::Random, 50, 100, 0);
    let changes = each.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 90, "{changes}");
}

#[test]
fn a_partitioner_that_is_not_built_in_passes_over_partitions_without_a_leader() {
    let config = ProducerConfig {
        partitioner_class: PartitionerClass::RoundRobin,
        ..defaults()
    };
    let mut bench = Bench::new(config, 3);
    bench.leaders[1] = (None, 0);
    bench.input(Input::Start);
    let mut places = Vec::new();
    for _ in 0..4 {
        assert_eq!(bench.append(None, 100), SendResult::Accepted);
        bench.run();
        places.push(bench.requests[0].partitions[0].tp.partition);
        bench.answer(Ok(0));
    }
    assert_eq!(places, [0, 2, 0, 2]);
}

#[test]
fn round_robin_does_not_look_at_keys_and_an_application_can_choose_itself() {
    let config = ProducerConfig {
        partitioner_class: PartitionerClass::RoundRobin,
        ..defaults()
    };
    let mut bench = Bench::started(config, 3);
    for (wanted, expected) in [(None, 0), (Some(2), 2), (None, 1)] {
        let out = Outgoing {
            draft: Draft {
                id: RecordId(bench.next_record),
                key: Some(KeyId(7)),
                value_size: 100,
            },
            timestamp: WallTime(0),
            partition: wanted,
        };
        bench.next_record += 1;
        let now = bench.host.now;
        assert_eq!(bench.producer.send(0, out, now), SendResult::Accepted);
        bench.run();
        assert_eq!(bench.requests[0].partitions[0].tp.partition, expected);
        bench.answer(Ok(0));
    }
}

#[test]
fn a_partition_that_is_not_there_is_waited_for() {
    let mut bench = Bench::started(defaults(), 3);
    let out = Outgoing {
        draft: Draft {
            id: RecordId(0),
            key: None,
            value_size: 100,
        },
        timestamp: WallTime(0),
        partition: Some(3),
    };
    let result = bench.producer.send(0, out, bench.host.now);
    assert_eq!(result, SendResult::WouldBlock(Wait::Metadata));
}

#[test]
fn producers_that_see_new_partitions_at_different_times_place_a_key_differently_meanwhile() {
    let aged = |seconds| ProducerConfig {
        metadata_max_age: SimDuration::from_secs(seconds),
        ..defaults()
    };
    let mut benches = [aged(1), aged(300)].map(|config| Bench::started(config, 3));
    let key = (0..100)
        .find(|key| partition_for_key(KeyId(*key), 3) != partition_for_key(KeyId(*key), 6))
        .unwrap();
    let places = |benches: &mut [Bench; 2]| {
        benches.each_mut().map(|bench| {
            assert_eq!(bench.append(Some(key), 100), SendResult::Accepted);
            bench.run();
            let place = bench.requests[0].partitions[0].tp.partition;
            bench.answer(Ok(0));
            place
        })
    };
    let (old, new) = (
        partition_for_key(KeyId(key), 3),
        partition_for_key(KeyId(key), 6),
    );
    assert_eq!(places(&mut benches), [old, old]);
    for bench in &mut benches {
        bench.leaders.resize(6, (Some(0), 0));
        bench.wait(SimDuration::from_secs(2));
    }
    assert_eq!(places(&mut benches), [new, old]);
    for bench in &mut benches {
        bench.wait(SimDuration::from_secs(300));
    }
    assert_eq!(places(&mut benches), [new, new]);
}
