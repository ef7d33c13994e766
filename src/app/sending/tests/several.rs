//! Several producers in one application: what each has of its own, and what they share.

use std::collections::BTreeSet;

use crate::app::sending::tests::*;

/// The connections of the first and the second producer: each has one to the broker.
const FIRST: ConnectionId = ConnectionId(0);
const SECOND: ConnectionId = ConnectionId(1);

fn threads(threads: u32, producers: u32) -> Behaviour {
    Behaviour {
        threads,
        producers,
        ..Behaviour::default()
    }
}

/// A record each 10 ms, sent in such a way.
fn steady(count: u32, behaviour: Behaviour) -> SendPlan {
    let period = ms(10);
    behaving(Arrivals::Every { period }, count, behaviour)
}

fn lingering(linger: SimDuration) -> ProducerConfig {
    ProducerConfig {
        linger,
        ..ProducerConfig::default()
    }
}

/// The records that came from each producer, by its id.
fn by_producer(bench: &Bench) -> Vec<Vec<u32>> {
    let mut records: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (record, producer) in &bench.carriers {
        records.entry(*producer).or_default().push(*record);
    }
    records.into_values().collect()
}

#[test]
fn threads_take_records_in_turn_and_use_the_producers_in_turn() {
    let mut bench = Bench::started(steady(8, threads(4, 2)), config());
    bench.wait(ms(100));
    assert_eq!(by_producer(&bench), [[0, 2, 4, 6], [1, 3, 5, 7]]);
    assert!(bench.app.is_done());
    let mut bench = Bench::started(steady(8, threads(4, 3)), config());
    bench.wait(ms(100));
    // The fourth thread shares the first producer.
    assert_eq!(
        by_producer(&bench),
        [vec![0, 3, 4, 7], vec![1, 5], vec![2, 6]]
    );
}

#[test]
fn each_producer_has_buffer_memory_of_its_own_and_holds_up_its_own_threads_only() {
    let small = ProducerConfig {
        buffer_memory: 2_000,
        batch_size: 1_000,
        max_block: ms(60),
        ..config()
    };
    let mut bench = Bench::started(steady(12, threads(4, 2)), small);
    bench.wait(ms(25));
    bench.silent = vec![FIRST];
    bench.wait(ms(100));
    // The first producer holds one record more. The next one waits in send(), and with it both of
    // its threads, until it is given up.
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    producer id 2
    sent 0+1
    acked 0+1 at Some(0)
    sent 1+1
    acked 1+1 at Some(1)
    sent 2+1
    sent 3+1
    acked 3+1 at Some(3)
    sent 4+1
    sent 5+1
    acked 5+1 at Some(5)
    sent 6+1
    acked 6+1 at Some(6)
    sent 7+1
    acked 7+1 at Some(7)
    sent 8+1
    acked 8+1 at Some(8)
    sent 9+1
    acked 9+1 at Some(9)
    sent 10+1
    acked 10+1 at Some(10)
    rejected 4 timeout=true
    sent 11+1
    ");
}

#[test]
fn each_producer_has_metadata_of_its_own() {
    let mut bench = Bench::new(steady(4, threads(2, 2)), config());
    bench.silent = vec![FIRST];
    bench.input(Input::Start);
    bench.wait(ms(100));
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    sent 0+1
    sent 1+1
    acked 1+1 at Some(1)
    sent 2+1
    acked 2+1 at Some(2)
    sent 3+1
    acked 3+1 at Some(3)
    ");
    assert!(!bench.app.is_done());
}

#[test]
fn each_producer_lingers_by_a_timer_of_its_own() {
    let mut bench = Bench::started(steady(2, threads(2, 2)), lingering(ms(50)));
    bench.wait(ms(200));
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    producer id 2
    sent 0+1
    sent 1+1
    acked 0+1 at Some(0)
    acked 1+1 at Some(1)
    ");
    assert_eq!(by_producer(&bench), [[0], [1]]);
}

#[test]
fn a_flush_waits_for_what_its_own_producer_has() {
    let flushing = Behaviour {
        flush_every: Some(1),
        ..threads(2, 2)
    };
    let mut bench = Bench::started(steady(9, flushing), config());
    bench.wait(ms(25));
    bench.silent = vec![FIRST];
    bench.wait(ms(100));
    // The thread of the first producer flushes its second record, the other goes on.
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    producer id 2
    sent 0+1
    acked 0+1 at Some(0)
    sent 1+1
    acked 1+1 at Some(1)
    sent 2+1
    sent 3+1
    acked 3+1 at Some(3)
    sent 4+1
    acked 4+1 at Some(4)
    sent 5+1
    acked 5+1 at Some(5)
    sent 6+1
    acked 6+1 at Some(6)
    sent 7+1
    acked 7+1 at Some(7)
    sent 8+1
    acked 8+1 at Some(8)
    ");
}

#[test]
fn a_crash_loses_what_all_producers_hold_and_a_restart_makes_them_anew() {
    let slow = lingering(SimDuration::from_secs(60));
    let mut bench = Bench::started(steady(6, threads(2, 2)), slow);
    bench.wait(ms(45));
    bench.crash_and_restart(ms(1_000));
    bench.wait(ms(100));
    bench.input(Input::Terminate);
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    producer id 2
    sent 0+1
    sent 1+1
    sent 2+1
    sent 3+1
    producer id 3
    producer id 4
    sent 4+1
    sent 5+1
    acked 4+1 at Some(4)
    acked 5+1 at Some(5)
    ");
    assert_eq!(by_producer(&bench), [[4], [5]]);
}

#[test]
fn an_application_that_is_stopped_closes_all_producers_and_exits_after_the_last() {
    let slow = lingering(SimDuration::from_secs(60));
    let mut bench = Bench::started(steady(9, threads(3, 3)), slow);
    bench.wait(ms(55));
    bench.silent = vec![SECOND];
    bench.input(Input::Terminate);
    insta::assert_snapshot!(bench.story.join("\n"), @r"
    producer id 1
    producer id 2
    producer id 3
    sent 0+1
    sent 1+1
    sent 2+1
    sent 3+1
    sent 4+1
    acked 0+2 at Some(0)
    acked 2+1 at Some(2)
    ");
    assert!(!bench.exited);
    bench.silent.clear();
    // The request is sent again on another connection.
    bench.input(Input::Disconnected(SECOND));
    bench.wait(ms(1_000));
    assert_eq!(bench.story.last().unwrap(), "acked 1+2 at Some(1)");
    assert!(bench.exited);
}

#[test]
fn every_record_goes_once_through_one_producer_and_each_keeps_its_order() {
    for (count, producers) in (1..=5).flat_map(|count| (1..=count).map(move |n| (count, n))) {
        for (send, flush_every) in [(SendMode::Async, None), (SendMode::Sync, Some(3))] {
            let behaviour = Behaviour {
                send,
                flush_every,
                ..threads(count, producers)
            };
            let small = ProducerConfig {
                buffer_memory: 20_000,
                ..lingering(ms(3))
            };
            let mut bench = Bench::started(behaving(Arrivals::Flood, 200, behaviour), small);
            bench.wait(SimDuration::from_secs(30));
            let told = format!("{count} threads, {producers} producers, {send:?}");
            assert!(bench.app.is_done(), "{told}");
            let sent: BTreeSet<u32> = bench.carriers.iter().map(|(record, _)| *record).collect();
            assert_eq!((sent.len(), bench.carriers.len()), (200, 200), "{told}");
            let lists = by_producer(&bench);
            assert_eq!(lists.len(), producers as usize, "{told}");
            assert!(lists.iter().all(|list| list.is_sorted()), "{told}");
        }
    }
}
