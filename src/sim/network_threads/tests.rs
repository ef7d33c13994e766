//! The queue between network threads and handler threads, full.

use crate::sim::host::{Cost, HostSpec, QueueSeen};
use crate::sim::network_threads::NetworkThreads;
use crate::sim::process::{ConnectionId, Crash, Effect, HostId};
use crate::sim::time::SimDuration;
use crate::sim::toy::{A, B, Note, Toy, heard, ms, open, run, send, two};
use crate::sim::world::World;

/// A message that costs its handler nothing.
const FREE: usize = 1;

fn base(span: SimDuration) -> Cost {
    Cost {
        base: span,
        per_kib: SimDuration::ZERO,
    }
}

/// One handler thread, which takes 10 ms; two network threads, which take `read` to read.
fn spec(queue: Option<u32>, read: SimDuration) -> HostSpec {
    HostSpec {
        costs: vec![base(ms(10)), Cost::default()],
        network: Some(NetworkThreads {
            threads: 2,
            read: vec![base(read); 2],
            write: Vec::new(),
            queue,
        }),
        ..HostSpec::default()
    }
}

/// Nine connections from A to B, open: the even ones belong to the first network thread of B.
fn nine(spec: &HostSpec) -> World<Toy> {
    let mut world = two(spec);
    for _ in 0..9 {
        open(&mut world, A, B);
    }
    run(&mut world, 3);
    heard(&mut world, A);
    heard(&mut world, B);
    world
}

fn send_free(world: &mut World<Toy>, from: HostId, on: u32, n: u64) {
    let body = Note {
        n,
        size: 0,
        class: FREE,
    };
    let on = ConnectionId(on);
    world.perform(from, Effect::Send { on, body }, &mut ());
}

/// At 4 ms the handler has one message, the queue another, and the first network thread a third,
/// for which there is no room before 14 ms.
fn full() -> World<Toy> {
    let mut world = nine(&spec(Some(1), SimDuration::ZERO));
    for on in [0, 2, 4] {
        send(&mut world, A, on, 1);
    }
    run(&mut world, 5);
    assert!(heard(&mut world, B).is_empty());
    world
}

/// Everything comes to an end and leaves nothing.
fn drains(world: &mut World<Toy>) {
    run(world, 10_000_000);
    assert_eq!(world.core.events.stored(), 0);
}

#[test]
fn a_thread_that_met_a_full_queue_reads_nothing_else() {
    let arrivals = |queue| {
        let mut world = nine(&spec(queue, SimDuration::ZERO));
        for on in [0, 2, 4] {
            send(&mut world, A, on, 1);
        }
        send_free(&mut world, A, 6, 2);
        send_free(&mut world, A, 1, 3);
        run(&mut world, 100);
        drains(&mut world);
        (heard(&mut world, B), world.request_queue(B))
    };
    let (heard, seen) = arrivals(Some(1));
    assert_eq!(
        heard[..5],
        [
            "4ms 1 says 3",
            "14ms 0 says 1",
            "14ms 6 says 2",
            "24ms 2 says 1",
            "34ms 4 says 1",
        ]
    );
    let (longest, met_full) = (1, 1);
    assert_eq!(seen, QueueSeen { longest, met_full });
    for queue in [Some(2), None] {
        let (heard, seen) = arrivals(queue);
        assert_eq!(heard[..2], ["4ms 6 says 2", "4ms 1 says 3"]);
        let (longest, met_full) = (2, 0);
        assert_eq!(seen, QueueSeen { longest, met_full });
    }
}

#[test]
fn a_thread_that_met_a_full_queue_writes_nothing_either() {
    let mut world = full();
    send_free(&mut world, B, 6, 1);
    send_free(&mut world, B, 6, 2);
    send_free(&mut world, B, 1, 3);
    run(&mut world, 20);
    assert_eq!(
        heard(&mut world, A),
        ["6ms 1 says 3", "15ms 6 says 1", "15ms 6 says 2"]
    );
    drains(&mut world);
}

#[test]
fn a_host_that_has_opened_a_connection_is_not_held_up_on_it() {
    let mut world = two(&spec(Some(1), SimDuration::ZERO));
    for _ in 0..6 {
        open(&mut world, A, B);
    }
    let own = open(&mut world, B, A);
    assert_eq!(own, ConnectionId(6));
    run(&mut world, 3);
    for on in [0, 2, 4] {
        send(&mut world, A, on, 1);
    }
    run(&mut world, 5);
    heard(&mut world, A);
    send_free(&mut world, B, own.0, 2);
    run(&mut world, 7);
    assert_eq!(heard(&mut world, A), ["6ms 6 says 2"]);
}

#[test]
fn threads_that_wait_for_room_get_it_in_turn() {
    let mut world = full();
    for on in [1, 6] {
        send(&mut world, A, on, 1);
    }
    run(&mut world, 100);
    // 1 is with the second thread before the first one comes to 6.
    let heard: Vec<String> = (heard(&mut world, B).into_iter())
        .filter(|line| line.contains("says"))
        .collect();
    assert_eq!(
        heard,
        [
            "14ms 0 says 1",
            "24ms 2 says 1",
            "34ms 4 says 1",
            "44ms 1 says 1",
            "54ms 6 says 1",
        ]
    );
    drains(&mut world);
}

#[test]
fn what_a_thread_was_to_read_takes_its_time_after_the_wait() {
    let mut world = nine(&spec(Some(1), ms(2)));
    for on in [0, 2, 4] {
        send(&mut world, A, on, 1);
    }
    // Read by 12 ms, if 4 had found room at 10 ms.
    send_free(&mut world, A, 6, 2);
    run(&mut world, 11);
    send_free(&mut world, A, 8, 3);
    run(&mut world, 30);
    assert_eq!(
        heard(&mut world, B),
        [
            "16ms 0 says 1",
            "18ms 6 says 2",
            "20ms 8 says 3",
            "26ms 2 says 1"
        ]
    );
    drains(&mut world);
}

#[test]
fn a_queue_that_is_never_full_changes_nothing() {
    let fingerprint = |queue, read| {
        let mut world = nine(&spec(queue, read));
        for on in 0..9 {
            send(&mut world, A, on, 1);
        }
        run(&mut world, 1_000);
        world.fingerprint()
    };
    for read in [ms(0), ms(2)] {
        assert_eq!(fingerprint(Some(8), read), fingerprint(None, read));
        assert_ne!(fingerprint(Some(2), read), fingerprint(None, read));
    }
}

#[test]
fn a_crash_ends_the_wait_and_what_waited() {
    for kind in [Crash::Kill, Crash::PowerLoss] {
        let mut world = full();
        send_free(&mut world, A, 6, 2);
        send(&mut world, B, 8, 3);
        run(&mut world, 7);
        world.crash(B, kind);
        run(&mut world, 50);
        heard(&mut world, B);
        let lines = heard(&mut world, A);
        assert!(!lines.iter().any(|line| line.contains("says")), "{lines:?}");
        world.start(B);
        let on = open(&mut world, A, B).0;
        run(&mut world, 60);
        heard(&mut world, B);
        send(&mut world, A, on, 5);
        run(&mut world, 100);
        assert_eq!(heard(&mut world, B), [format!("71ms {on} says 5")]);
        for on in 0..9 {
            send(&mut world, A, on, 6);
        }
        drains(&mut world);
    }
}

#[test]
fn a_pause_lasts_longer_than_the_wait() {
    let mut world = full();
    send_free(&mut world, A, 6, 2);
    world.pause(B);
    run(&mut world, 50);
    assert!(heard(&mut world, B).is_empty());
    world.resume(B);
    run(&mut world, 100);
    assert_eq!(
        heard(&mut world, B)[..4],
        [
            "50ms 0 says 1",
            "50ms 6 says 2",
            "60ms 2 says 1",
            "70ms 4 says 1"
        ]
    );
    drains(&mut world);
}

#[test]
fn a_connection_that_its_host_closes_leaves_nothing_with_its_thread() {
    for closed in [[0, 1], [2, 6], [4, 8]] {
        let mut world = full();
        for on in [6, 8] {
            send(&mut world, A, on, 1);
            send(&mut world, B, on, 2);
        }
        run(&mut world, 7);
        for on in closed {
            world.perform(B, Effect::Close(ConnectionId(on)), &mut ());
        }
        run(&mut world, 200);
        let said = heard(&mut world, B);
        for on in [0, 2, 4, 6, 8] {
            let line = format!(" {on} says 1");
            let is_there = said.iter().any(|said| said.ends_with(&line));
            assert_eq!(is_there, !closed.contains(&on), "{on} of {closed:?}");
        }
        drains(&mut world);
    }
}

#[test]
fn a_connection_that_its_peer_closes_ends_after_what_was_read() {
    let mut world = full();
    for on in [4, 6] {
        send_free(&mut world, A, on, 2);
        world.perform(A, Effect::Close(ConnectionId(on)), &mut ());
    }
    send(&mut world, B, 6, 3);
    run(&mut world, 200);
    let heard: Vec<String> = (heard(&mut world, B).into_iter())
        .filter(|line| !line.contains("timer"))
        .collect();
    assert_eq!(
        heard,
        [
            "14ms 0 says 1",
            "14ms 6 says 2",
            "14ms 6 disconnected",
            "24ms 2 says 1",
            "34ms 4 says 1",
            "34ms 4 says 2",
            "34ms 4 disconnected",
        ]
    );
    drains(&mut world);
}
