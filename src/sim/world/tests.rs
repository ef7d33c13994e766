//! The engine as its users see it: one rule a test, with two toy hosts.

use crate::sim::clock::{WallClock, WallTime};
use crate::sim::disk::DiskFault;
use crate::sim::host::{Cost, HostSpec, Runs};
use crate::sim::link::{Latency, LinkProfile};
use crate::sim::network_threads::NetworkThreads;
use crate::sim::observe::Outgoing;
use crate::sim::process::{ConnectionId, Crash, Effect, FileId, FlushId, Input};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;
use crate::sim::toy::{
    A, Alarm, B, Moment, Note, Scribe, Toy, WRITTEN, at, connected, heard, ms, note, one_ms, open,
    run, send, two,
};
use crate::sim::trigger::{Times, TriggerId};
use crate::sim::world::{Step, World};

#[test]
fn a_handshake_takes_one_and_a_half_round_trips() {
    let mut world = connected();
    assert_eq!(heard(&mut world, A), ["0s start", "2ms 0 connected to 1"]);
    assert_eq!(heard(&mut world, B), ["0s start", "3ms 0 connected to 0"]);
}

#[test]
fn messages_of_one_connection_keep_their_order() {
    let mut world = World::new(
        7,
        LinkProfile {
            latency: Latency::Exponential {
                base: ms(1),
                tail: ms(50),
            },
            bandwidth: None,
            loss: Ratio::percent(10),
        },
    );
    let a = world.add_host(Toy::default(), &HostSpec::default());
    let b = world.add_host(Toy::default(), &HostSpec::default());
    world.start(a);
    world.start(b);
    open(&mut world, a, b);
    run(&mut world, 20_000);
    heard(&mut world, b);
    for n in 0..200 {
        send(&mut world, a, 0, n);
        let next = world.now().as_millis() + 1;
        run(&mut world, next);
    }
    run(&mut world, 300_000);
    let numbers: Vec<u64> = heard(&mut world, b)
        .iter()
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[test]
fn what_is_sent_before_the_handshake_ends_leaves_when_it_ends() {
    let mut world = two(&HostSpec::default());
    open(&mut world, A, B);
    send(&mut world, A, 0, 1);
    send(&mut world, A, 0, 2);
    run(&mut world, 4);
    assert_eq!(
        heard(&mut world, B),
        [
            "0s start",
            "3ms 0 connected to 0",
            "3ms 0 says 1",
            "3ms 0 says 2"
        ]
    );
}

#[test]
fn a_lost_transmission_costs_a_timeout_and_not_the_message() {
    let mut world = connected();
    heard(&mut world, B);
    // The profile is seen by what is sent from now on; half of all transmissions are lost.
    world.set_link(
        A,
        B,
        LinkProfile {
            loss: Ratio::percent(50),
            ..one_ms()
        },
    );
    for n in 0..4 {
        send(&mut world, A, 0, n);
    }
    run(&mut world, 100_000);
    // Message 0 is lost once, message 2 twice; the others wait behind them.
    assert_eq!(
        heard(&mut world, B)[..4],
        [
            "204ms 0 says 0",
            "204ms 0 says 1",
            "604ms 0 says 2",
            "604ms 0 says 3"
        ]
    );
}

#[test]
fn a_connection_breaks_after_15_lost_retransmissions() {
    let mut world = connected();
    heard(&mut world, A);
    world.set_link(
        A,
        B,
        LinkProfile {
            loss: Ratio::ONE,
            ..one_ms()
        },
    );
    send(&mut world, A, 0, 1);
    run(&mut world, 2_000_000);
    // 0.2 s doubling ten times is 204.6 s, then six times 120 s.
    assert_eq!(heard(&mut world, A), ["924603ms 0 disconnected"]);
}

#[test]
fn bytes_queue_behind_earlier_bytes_of_the_same_path() {
    let mut world = connected();
    heard(&mut world, B);
    world.set_link(
        A,
        B,
        LinkProfile {
            bandwidth: Some(1_000_000),
            ..one_ms()
        },
    );
    for n in 0..3 {
        let body = Note {
            n,
            size: 10_000,
            class: 0,
        };
        world.perform(
            A,
            Effect::Send {
                on: ConnectionId(0),
                body,
            },
            &mut (),
        );
    }
    run(&mut world, 100);
    // 10 kB at 1 MB/s are 10 ms; rates are kept in units of 2^-20 ns a byte.
    let times = heard(&mut world, B);
    assert_eq!(times, ["14ms 0 says 0", "24ms 0 says 1", "34ms 0 says 2"]);
}

#[test]
fn a_network_interface_is_shared_by_all_connections_of_its_host() {
    let spec = HostSpec {
        interface: Some(1_000_000),
        ..HostSpec::default()
    };
    let mut world = World::new(7, one_ms());
    for _ in 0..3 {
        let host = world.add_host(Toy::default(), &spec);
        world.start(host);
    }
    let c = crate::sim::process::HostId(2);
    open(&mut world, A, B);
    open(&mut world, A, c);
    run(&mut world, 3);
    for on in 0..2 {
        let body = Note {
            n: 0,
            size: 10_000,
            class: 0,
        };
        world.perform(
            A,
            Effect::Send {
                on: ConnectionId(on),
                body,
            },
            &mut (),
        );
    }
    run(&mut world, 100);
    assert_eq!(heard(&mut world, B).last().unwrap(), "14ms 0 says 0");
    assert_eq!(heard(&mut world, c).last().unwrap(), "24ms 1 says 0");
}

#[test]
fn a_connection_to_a_dead_process_is_refused_after_a_round_trip() {
    let mut world = two(&HostSpec::default());
    run(&mut world, 0);
    world.crash(B, Crash::Kill);
    open(&mut world, A, B);
    run(&mut world, 1_000);
    assert_eq!(heard(&mut world, A), ["0s start", "2ms 0 disconnected"]);
}

#[test]
fn a_connection_to_a_host_without_power_fails_after_six_retransmissions() {
    let mut world = two(&HostSpec::default());
    run(&mut world, 0);
    world.crash(B, Crash::PowerLoss);
    open(&mut world, A, B);
    run(&mut world, 1_000_000);
    assert_eq!(heard(&mut world, A), ["0s start", "127s 0 disconnected"]);
}

#[test]
fn a_handshake_outlives_a_short_cut_in_either_direction() {
    for (from, to) in [(A, B), (B, A)] {
        let mut world = two(&HostSpec::default());
        world.cut(from, to);
        open(&mut world, A, B);
        run(&mut world, 2_500);
        world.heal(from, to);
        run(&mut world, 10_000);
        let heard = heard(&mut world, A);
        assert!(heard[1].ends_with("0 connected to 1"), "{heard:?}");
        assert!(
            heard[1].starts_with("300"),
            "the third attempt, after 3 s: {heard:?}"
        );
    }
}

#[test]
fn a_cut_holds_messages_and_gives_them_back_after_the_heal() {
    let mut world = connected();
    heard(&mut world, B);
    send(&mut world, A, 0, 1);
    world.cut(A, B);
    run(&mut world, 10);
    send(&mut world, A, 0, 2);
    run(&mut world, 1_000);
    world.heal(A, B);
    send(&mut world, A, 0, 3);
    run(&mut world, 5_000);
    // Message 1 would have arrived at 4 ms: again at 204, 604 and, after the heal, 1404 ms.
    // Message 3 arrived at 1001 ms and had to wait for the first two.
    assert_eq!(
        heard(&mut world, B),
        [
            "1405ms 0 says 1",
            "1405ms 0 says 2",
            "1405ms 0 says 3",
            "2405ms timer 9"
        ]
    );
}

#[test]
fn a_cut_of_one_direction_leaves_the_other() {
    let mut world = connected();
    heard(&mut world, A);
    heard(&mut world, B);
    world.cut(B, A);
    send(&mut world, A, 0, 1);
    run(&mut world, 100);
    assert_eq!(heard(&mut world, B), ["4ms 0 says 1"]);
    assert!(heard(&mut world, A).is_empty(), "the answer is held");
    world.heal(B, A);
    run(&mut world, 1_000);
    assert_eq!(heard(&mut world, A), ["205ms 0 says 1001"]);
}

#[test]
fn cuts_of_one_path_add_up() {
    let mut world = connected();
    world.cut(A, B);
    world.cut(A, B);
    world.heal(A, B);
    heard(&mut world, B);
    send(&mut world, A, 0, 1);
    run(&mut world, 60_000);
    assert!(heard(&mut world, B).is_empty());
    world.heal_all();
    run(&mut world, 200_000);
    assert_eq!(heard(&mut world, B)[0], "102204ms 0 says 1");
}

#[test]
fn a_connection_cut_for_long_breaks_and_its_other_end_learns_when_it_sends() {
    let mut world = connected();
    heard(&mut world, A);
    heard(&mut world, B);
    world.cut(A, B);
    send(&mut world, A, 0, 1);
    run(&mut world, 1_000_000);
    assert_eq!(heard(&mut world, A), ["924603ms 0 disconnected"]);
    assert!(heard(&mut world, B).is_empty(), "half-open");
    world.heal(A, B);
    send(&mut world, B, 0, 5);
    run(&mut world, 1_001_000);
    assert_eq!(heard(&mut world, B), ["1000002ms 0 disconnected"]);
    assert!(heard(&mut world, A).is_empty());
}

#[test]
fn a_slow_link_delays_what_is_sent_while_it_is_slow() {
    let mut world = connected();
    heard(&mut world, B);
    world.slow(A, B, ms(40));
    send(&mut world, A, 0, 1);
    run(&mut world, 10);
    world.unslow(A, B, ms(40));
    send(&mut world, A, 0, 2);
    run(&mut world, 100);
    assert_eq!(
        heard(&mut world, B),
        ["44ms 0 says 1", "44ms 0 says 2"],
        "order is kept"
    );
}

#[test]
fn a_reset_is_seen_at_both_ends_and_loses_what_is_on_its_way() {
    let mut world = connected();
    heard(&mut world, A);
    heard(&mut world, B);
    send(&mut world, A, 0, 1);
    send(&mut world, B, 0, 2);
    world.reset_between(B, A);
    run(&mut world, 1_000);
    assert_eq!(heard(&mut world, A), ["3ms 0 disconnected"]);
    assert_eq!(heard(&mut world, B), ["3ms 0 disconnected"]);
    send(&mut world, A, 0, 3);
    run(&mut world, 2_000);
    assert!(
        heard(&mut world, B).is_empty(),
        "a connection that is gone carries nothing"
    );
}

#[test]
fn a_close_arrives_behind_what_was_sent_and_only_at_the_peer() {
    let mut world = connected();
    heard(&mut world, A);
    heard(&mut world, B);
    send(&mut world, A, 0, 1);
    world.perform(A, Effect::Close(ConnectionId(0)), &mut ());
    run(&mut world, 500);
    assert_eq!(heard(&mut world, B), ["4ms 0 says 1", "4ms 0 disconnected"]);
    assert!(
        heard(&mut world, A).is_empty(),
        "the answer met a closed end"
    );
}

#[test]
fn after_a_kill_what_was_on_its_way_arrives_and_then_the_end() {
    let mut world = connected();
    heard(&mut world, A);
    heard(&mut world, B);
    world.perform(
        B,
        Effect::SetTimer {
            timer: Alarm(1),
            after: ms(50),
        },
        &mut (),
    );
    send(&mut world, B, 0, 1);
    send(&mut world, A, 0, 2);
    world.crash(B, Crash::Kill);
    run(&mut world, 100);
    assert_eq!(heard(&mut world, A), ["4ms 0 says 1", "4ms 0 disconnected"]);
    assert_eq!(
        heard(&mut world, B),
        ["Kill, 0 durable"],
        "no message and no timer"
    );
    assert!(!world.is_running(B));
}

#[test]
fn after_a_power_loss_nothing_arrives_until_the_host_is_back_and_knows_nothing() {
    let mut world = connected();
    heard(&mut world, A);
    send(&mut world, B, 0, 1);
    world.crash(B, Crash::PowerLoss);
    run(&mut world, 100);
    assert!(
        heard(&mut world, A).is_empty(),
        "what was on its way is gone"
    );
    send(&mut world, A, 0, 2);
    run(&mut world, 1_000);
    assert!(heard(&mut world, A).is_empty(), "nobody answers");
    heard(&mut world, B);
    world.start(B);
    run(&mut world, 10_000);
    // Retransmissions at 300, 700 and 1500 ms; the last meets a kernel.
    assert_eq!(heard(&mut world, A), ["1502ms 0 disconnected"]);
    assert_eq!(heard(&mut world, B), ["1s start"]);
}

#[test]
fn a_peer_of_a_dead_host_gives_up_after_15_retransmissions() {
    let mut world = connected();
    heard(&mut world, A);
    world.crash(B, Crash::PowerLoss);
    send(&mut world, A, 0, 1);
    run(&mut world, 1_000_000);
    assert_eq!(heard(&mut world, A), ["924603ms 0 disconnected"]);
}

#[test]
fn a_power_loss_leaves_what_is_durable_and_a_kill_leaves_the_page_cache() {
    let file = FileId(0);
    let mut world = two(&HostSpec::default());
    world.states[0].disk.append(file, 100, at(0)).unwrap();
    world.perform(
        A,
        Effect::Flush {
            id: FlushId(5),
            file,
        },
        &mut (),
    );
    run(&mut world, 10);
    world.states[0].disk.append(file, 100, at(10)).unwrap();
    world.crash(A, Crash::Kill);
    assert_eq!(world.host_state(A).disk.size(file), 200);
    world.start(A);
    run(&mut world, 20);
    world.crash(A, Crash::PowerLoss);
    assert_eq!(world.host_state(A).disk.size(file), 100);
    world.crash(A, Crash::DiskLost);
    let heard = heard(&mut world, A);
    assert_eq!(
        heard,
        [
            "0s start",
            "1000100ns flushed 5",
            "Kill, 100 durable",
            "10ms start",
            "PowerLoss, 100 durable",
            "DiskLost, 0 durable"
        ]
    );
}

#[test]
fn a_restart_drops_timers_and_flushes_of_the_earlier_life() {
    let mut world = two(&HostSpec::default());
    run(&mut world, 0);
    world.perform(
        A,
        Effect::SetTimer {
            timer: Alarm(1),
            after: ms(50),
        },
        &mut (),
    );
    world.states[0].disk.append(FileId(0), 100, at(0)).unwrap();
    world.perform(
        A,
        Effect::Flush {
            id: FlushId(5),
            file: FileId(0),
        },
        &mut (),
    );
    world.crash(A, Crash::Kill);
    world.start(A);
    run(&mut world, 1_000);
    assert_eq!(
        heard(&mut world, A),
        ["0s start", "Kill, 0 durable", "0s start"]
    );
    assert_eq!(world.incarnation(A), 2);
    assert_eq!(
        world.host_state(A).disk.durable(FileId(0)),
        100,
        "the device went on"
    );
}

#[test]
fn a_terminated_process_ends_in_good_order() {
    let mut world = connected();
    heard(&mut world, A);
    send(&mut world, B, 0, 1);
    world.terminate(B);
    run(&mut world, 100);
    assert_eq!(heard(&mut world, A), ["4ms 0 says 1", "4ms 0 disconnected"]);
    assert!(!world.is_running(B));
    assert_eq!(
        heard(&mut world, B).last().unwrap(),
        "3ms terminate",
        "and no crash"
    );
}

#[test]
fn a_paused_process_works_off_what_came_in_order_when_it_resumes() {
    let mut world = connected();
    world.perform(
        B,
        Effect::SetTimer {
            timer: Alarm(1),
            after: ms(10),
        },
        &mut (),
    );
    world.perform(
        B,
        Effect::SetTimer {
            timer: Alarm(2),
            after: ms(20),
        },
        &mut (),
    );
    heard(&mut world, B);
    world.pause(B);
    for n in 0..2 {
        send(&mut world, A, 0, n);
        let next = world.now().as_millis() + 15;
        run(&mut world, next);
    }
    world.perform(A, Effect::Close(ConnectionId(0)), &mut ());
    run(&mut world, 100);
    assert!(heard(&mut world, B).is_empty());
    world.resume(B);
    run(&mut world, 200);
    assert_eq!(
        heard(&mut world, B),
        [
            "100ms 0 says 0",
            "100ms timer 1",
            "100ms 0 says 1",
            "100ms timer 2",
            "100ms 0 disconnected"
        ]
    );
}

#[test]
fn what_comes_while_a_process_works_off_a_pause_comes_after_it() {
    let mut world = connected();
    heard(&mut world, B);
    world.pause(B);
    send(&mut world, A, 0, 1);
    run(&mut world, 50);
    send(&mut world, A, 0, 2);
    // The world stands at 51 ms before message 2 was delivered.
    world.perform(
        A,
        Effect::SetTimer {
            timer: Alarm(1),
            after: ms(1),
        },
        &mut (),
    );
    world.resume(B);
    run(&mut world, 60);
    assert_eq!(heard(&mut world, B), ["50ms 0 says 1", "51ms 0 says 2"]);
}

#[test]
fn messages_wait_for_a_handler_thread() {
    let costs = vec![
        Cost {
            base: ms(10),
            per_kib: SimDuration::ZERO,
        },
        Cost::default(),
    ];
    let spec = HostSpec {
        threads: 2,
        costs,
        ..HostSpec::default()
    };
    let mut world = two(&spec);
    for _ in 0..4 {
        open(&mut world, A, B);
    }
    run(&mut world, 3);
    heard(&mut world, B);
    for on in 0..3 {
        send(&mut world, A, on, 1);
    }
    let free = Note {
        n: 5,
        size: 0,
        class: 1,
    };
    world.perform(
        A,
        Effect::Send {
            on: ConnectionId(3),
            body: free,
        },
        &mut (),
    );
    run(&mut world, 100);
    assert_eq!(
        heard(&mut world, B),
        [
            "4ms 3 says 5",
            "14ms 0 says 1",
            "14ms 1 says 1",
            "24ms 2 says 1"
        ]
    );
}

/// Two network threads; reading and writing a message takes so long.
fn network(read: SimDuration, write: SimDuration) -> HostSpec {
    let cost = |base| {
        vec![Cost {
            base,
            per_kib: SimDuration::ZERO,
        }]
    };
    HostSpec {
        network: Some(NetworkThreads {
            threads: 2,
            read: cost(read),
            write: cost(write),
            queue: None,
        }),
        ..HostSpec::default()
    }
}

/// Three connections from A to B, open.
fn three_connections(spec: &HostSpec) -> World<Toy> {
    let mut world = two(spec);
    for _ in 0..3 {
        open(&mut world, A, B);
    }
    run(&mut world, 3);
    heard(&mut world, A);
    heard(&mut world, B);
    world
}

#[test]
fn messages_are_read_by_the_network_thread_of_their_connection() {
    let mut world = three_connections(&network(ms(10), ms(0)));
    for on in 0..3 {
        send(&mut world, A, on, 1);
    }
    run(&mut world, 100);
    assert_eq!(
        heard(&mut world, B),
        ["14ms 0 says 1", "14ms 1 says 1", "24ms 2 says 1"]
    );
}

#[test]
fn messages_are_written_by_the_network_thread_of_their_connection() {
    let mut world = three_connections(&network(ms(0), ms(10)));
    for on in 0..3 {
        send(&mut world, B, on, 1);
    }
    run(&mut world, 100);
    // The thread of 0 and 2 writes one after the other; then it is 1 ms to A.
    assert_eq!(
        heard(&mut world, A),
        ["14ms 0 says 1", "14ms 1 says 1", "24ms 2 says 1"]
    );
}

#[test]
fn who_opened_a_connection_reads_and_writes_it_without_network_threads() {
    let mut world = three_connections(&network(ms(10), ms(0)));
    send(&mut world, B, 0, 1);
    run(&mut world, 100);
    assert_eq!(heard(&mut world, A), ["4ms 0 says 1"]);
}

#[test]
fn network_threads_that_cost_nothing_schedule_nothing() {
    let events = |spec: &HostSpec| {
        let mut world = three_connections(spec);
        send(&mut world, A, 0, 1);
        send(&mut world, B, 0, 1);
        run(&mut world, 100);
        (world.events(), world.fingerprint())
    };
    let free = network(SimDuration::ZERO, SimDuration::ZERO);
    assert_eq!(events(&free), events(&HostSpec::default()));
}

#[test]
fn what_is_being_read_dies_with_the_process() {
    let mut world = three_connections(&network(ms(10), ms(0)));
    send(&mut world, A, 0, 1);
    run(&mut world, 5);
    world.crash(B, Crash::Kill);
    run(&mut world, 6);
    world.start(B);
    run(&mut world, 100);
    let heard = heard(&mut world, B);
    assert!(!heard.iter().any(|line| line.contains("says")), "{heard:?}");
}

#[test]
fn a_paused_process_gets_what_was_read_when_it_goes_on() {
    let mut world = three_connections(&network(ms(10), ms(0)));
    send(&mut world, A, 0, 1);
    run(&mut world, 5);
    world.pause(B);
    run(&mut world, 50);
    assert!(heard(&mut world, B).is_empty());
    world.resume(B);
    run(&mut world, 100);
    assert_eq!(heard(&mut world, B), ["50ms 0 says 1"]);
}

#[test]
fn messages_of_one_connection_are_served_one_after_the_other_and_before_its_end() {
    let costs = vec![
        Cost {
            base: ms(10),
            per_kib: SimDuration::ZERO,
        },
        Cost {
            base: ms(1),
            per_kib: ms(1),
        },
        Cost::default(),
    ];
    let spec = HostSpec {
        threads: 8,
        costs,
        ..HostSpec::default()
    };
    let mut world = two(&spec);
    open(&mut world, A, B);
    run(&mut world, 3);
    heard(&mut world, B);
    for (class, size) in [(0, 0), (1, 2048), (2, 0)] {
        let body = Note {
            n: class as u64,
            size,
            class,
        };
        world.perform(
            A,
            Effect::Send {
                on: ConnectionId(0),
                body,
            },
            &mut (),
        );
    }
    world.perform(A, Effect::Close(ConnectionId(0)), &mut ());
    run(&mut world, 100);
    assert_eq!(
        heard(&mut world, B),
        [
            "14ms 0 says 0",
            "17ms 0 says 1",
            "17ms 0 says 2",
            "17ms 0 disconnected"
        ]
    );
}

#[test]
fn a_wall_clock_can_be_wrong() {
    let mut world = two(&HostSpec::default());
    let clock = WallClock {
        skew_nanos: -2_000_000_000,
        drift_ppm: 100,
    };
    world.set_clock(A, clock);
    run(&mut world, 10_000);
    let read = |host| world.host_state(host).clock.read(world.now());
    assert_eq!((read(A), read(B)), (WallTime(8_001), WallTime(10_000)));
}

#[test]
fn a_broken_disk_fails_what_is_flushed_and_what_was_being_flushed() {
    let mut world = two(&HostSpec::default());
    run(&mut world, 0);
    let flush = |world: &mut World<Toy>, id| {
        let (id, file) = (FlushId(id), FileId(0));
        world.perform(A, Effect::Flush { id, file }, &mut ());
    };
    flush(&mut world, 1);
    world.set_disk_fault(A, DiskFault::Failed);
    flush(&mut world, 2);
    world.set_disk_fault(A, DiskFault::None);
    run(&mut world, 1_000);
    flush(&mut world, 3);
    run(&mut world, 2_000);
    assert_eq!(
        heard(&mut world, A),
        [
            "0s start",
            "1ms not flushed 1",
            "1ms not flushed 2",
            "1001ms flushed 3"
        ]
    );
}

#[test]
fn a_timer_set_again_replaces_the_pending_one_and_can_be_taken_back() {
    let mut world = two(&HostSpec::default());
    run(&mut world, 0);
    heard(&mut world, A);
    let set = |world: &mut World<Toy>, slot, after| {
        world.perform(
            A,
            Effect::SetTimer {
                timer: Alarm(slot),
                after: ms(after),
            },
            &mut (),
        );
    };
    set(&mut world, 1, 10);
    set(&mut world, 1, 30);
    set(&mut world, 2, 20);
    set(&mut world, 3, 20);
    world.perform(A, Effect::CancelTimer(Alarm(2)), &mut ());
    world.perform(
        A,
        Effect::SetTimer {
            timer: Alarm(4),
            after: SimDuration::MAX,
        },
        &mut (),
    );
    world.run_until(crate::sim::time::SimTime::NEVER, &mut ());
    assert_eq!(heard(&mut world, A), ["20ms timer 3", "30ms timer 1"]);
}

#[test]
fn every_event_names_its_cause() {
    let mut world = two(&HostSpec::default());
    let mut scribe = Scribe::default();
    let connection = world.reserve_connection();
    world.run_until(at(0), &mut scribe);
    world.mark();
    world.perform(A, Effect::Open { connection, to: B }, &mut scribe);
    world.run_until(at(5), &mut scribe);
    world.mark();
    send(&mut world, A, 0, 7);
    world.run_until(at(100), &mut scribe);
    world.crash(B, Crash::Kill);
    world.run_until(at(200), &mut scribe);
    insta::assert_snapshot!(scribe.lines.join("\n"), @r"
    e3 after e1 h0: start
    e4 after e2 h1: start
    e6 after e5 h0: connected
    e7 after e5 h1: connected
    e9 after e8 h1: message
    e9: fact 7
    e10 after e9 h0: message
    e12 after e11 h0: disconnected
    ");
}

#[test]
fn observers_do_not_change_the_run() {
    let mut watched = connected();
    let mut alone = watched.clone();
    let mut scribe = Scribe::default();
    for world in [&mut watched, &mut alone] {
        send(world, A, 0, 7);
    }
    watched.run_until(at(10_000), &mut (&mut scribe, ()));
    alone.run_until(at(10_000), &mut ());
    assert!(!scribe.lines.is_empty());
    assert_eq!(watched.fingerprint(), alone.fingerprint());
    assert_eq!(watched.events(), alone.events());
}

#[test]
fn a_clone_has_the_same_future_and_a_reseeded_one_another() {
    let link = LinkProfile {
        latency: Latency::Exponential {
            base: ms(1),
            tail: ms(1),
        },
        ..LinkProfile::default()
    };
    let mut world = World::new(7, link);
    for _ in 0..2 {
        let host = world.add_host(
            Toy {
                every: Some(ms(3)),
                answers: true,
                ..Toy::default()
            },
            &HostSpec::default(),
        );
        world.start(host);
        world.perform(
            host,
            Effect::SetTimer {
                timer: Alarm(0),
                after: ms(1),
            },
            &mut (),
        );
    }
    open(&mut world, A, B);
    run(&mut world, 50);
    send(&mut world, A, 0, 1);
    let (mut same, mut other) = (world.clone(), world.clone());
    other.reseed(8);
    for world in [&mut world, &mut same, &mut other] {
        run(world, 500);
    }
    assert_eq!(world.fingerprint(), same.fingerprint());
    assert_eq!(heard(&mut world, A), heard(&mut same, A));
    assert_ne!(world.fingerprint(), other.fingerprint());
}

#[test]
fn a_fault_leaves_the_draws_of_other_connections_alone() {
    let run_with = |fault: bool| {
        let latency = Latency::Uniform {
            min: ms(1),
            max: ms(100),
        };
        let mut world = World::new(
            7,
            LinkProfile {
                latency,
                ..LinkProfile::default()
            },
        );
        for _ in 0..3 {
            let host = world.add_host(Toy::default(), &HostSpec::default());
            world.start(host);
        }
        let c = crate::sim::process::HostId(2);
        if fault {
            open(&mut world, A, B);
        }
        let on = open(&mut world, A, c);
        run(&mut world, 1_000);
        for n in 0..20 {
            world.perform(A, Effect::Send { on, body: note(n) }, &mut ());
            let next = world.now().as_millis() + 200;
            run(&mut world, next);
        }
        heard(&mut world, c)
            .iter()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    };
    let (one, other): (Vec<_>, Vec<_>) = (run_with(false), run_with(true));
    assert_eq!(one.len(), 22);
    assert_eq!(one, other);
}

#[test]
fn a_trigger_stops_the_step_and_a_crash_swallows_the_rest_of_it() {
    let mut world = connected();
    let trigger = world.arm(Moment::Says(1), Times::Once);
    send(&mut world, A, 0, 1);
    assert_eq!(world.run_until(at(1_000), &mut ()), Step::Tripped(trigger));
    assert_eq!(
        (world.now(), world.trip().unwrap().occasion.host),
        (at(4), B)
    );
    heard(&mut world, A);
    world.crash(B, Crash::Kill);
    run(&mut world, 10_000);
    assert_eq!(heard(&mut world, A), ["5ms 0 disconnected"], "no answer");
}

#[test]
fn what_a_tripped_step_has_written_is_told_although_a_crash_swallows_the_rest() {
    let mut world = connected();
    world.process_mut(B).writes = true;
    world.arm(Moment::Says(1), Times::Once);
    send(&mut world, A, 0, 1);
    let mut scribe = Scribe::default();
    world.run_until(at(1_000), &mut scribe);
    world.crash(B, Crash::Kill);
    world.run_until(at(10_000), &mut scribe);
    let told: Vec<&str> = (scribe.lines.iter())
        .filter_map(|line| line.split_once(": fact ").map(|(_, fact)| fact))
        .collect();
    assert_eq!(told, ["1", &(WRITTEN + 1).to_string()]);
    let heard = heard(&mut world, A);
    assert_eq!(heard.last().unwrap(), "5ms 0 disconnected", "no answer");
}

#[test]
fn after_another_fault_the_rest_of_a_tripped_step_goes_on() {
    let mut world = connected();
    world.arm(Moment::Says(1), Times::Once);
    send(&mut world, A, 0, 1);
    world.run_until(at(1_000), &mut ());
    heard(&mut world, A);
    heard(&mut world, B);
    world.cut(B, A);
    run(&mut world, 500);
    world.heal(B, A);
    run(&mut world, 2_000);
    assert_eq!(
        heard(&mut world, A),
        ["605ms 0 says 1001"],
        "held like anything sent on a cut"
    );
    assert_eq!(
        heard(&mut world, B),
        ["1004ms timer 9"],
        "and its timer was set"
    );
}

#[test]
fn a_paused_process_finishes_its_tripped_step_when_it_resumes() {
    let mut world = connected();
    world.arm(Moment::Says(1), Times::Once);
    send(&mut world, A, 0, 1);
    world.run_until(at(1_000), &mut ());
    heard(&mut world, A);
    world.pause(B);
    run(&mut world, 500);
    assert!(heard(&mut world, A).is_empty());
    world.resume(B);
    run(&mut world, 600);
    assert_eq!(heard(&mut world, A), ["501ms 0 says 1001"]);
}

#[test]
fn a_reset_as_a_message_leaves_loses_it() {
    let mut world = connected();
    world.arm(Moment::Sends(1001), Times::Once);
    send(&mut world, A, 0, 1);
    world.run_until(at(1_000), &mut ());
    heard(&mut world, A);
    let connection = world.trip().unwrap().connection.unwrap();
    world.reset(connection);
    run(&mut world, 1_000);
    assert_eq!(heard(&mut world, A), ["4ms 0 disconnected"]);
}

#[test]
fn triggers_trip_once_every_time_or_the_nth_time() {
    let mut world = connected();
    let once = world.arm(Moment::Says(1), Times::Once);
    let every = world.arm(Moment::Says(1), Times::Every);
    let third = world.arm(Moment::Says(1), Times::Nth(3));
    let mut trips: Vec<TriggerId> = Vec::new();
    for _ in 0..4 {
        send(&mut world, A, 0, 1);
        let until = world.now().as_millis() + 10;
        while let Step::Tripped(id) = world.run_until(at(until), &mut ()) {
            trips.push(id);
        }
    }
    assert_eq!(trips, [once, every, every, every, third, every]);
    world.disarm(every);
    send(&mut world, A, 0, 1);
    assert_eq!(world.run_until(at(1_000), &mut ()), Step::Idle);
    assert!(
        heard(&mut world, A)
            .iter()
            .filter(|line| line.contains("says"))
            .count()
            == 5
    );
}

#[test]
fn inputs_can_be_injected_and_are_lost_with_the_process() {
    let mut world = two(&HostSpec::default());
    run(&mut world, 0);
    heard(&mut world, A);
    world.inject(A, Input::Timer(Alarm(4)));
    run(&mut world, 1);
    assert_eq!(heard(&mut world, A), ["0s timer 4"]);
    world.inject(A, Input::Timer(Alarm(5)));
    world.crash(A, Crash::Kill);
    world.start(A);
    run(&mut world, 2);
    assert_eq!(heard(&mut world, A), ["Kill, 0 durable", "1ms start"]);
}

#[test]
fn a_process_outside_hears_by_the_outbox_and_acts_by_perform() {
    let mut world = World::new(7, one_ms());
    let a = world.add_host(
        Toy::default(),
        &HostSpec {
            runs: Runs::Outside,
            ..HostSpec::default()
        },
    );
    let b = world.add_host(
        Toy {
            answers: true,
            ..Toy::default()
        },
        &HostSpec::default(),
    );
    world.start(a);
    world.start(b);
    open(&mut world, a, b);
    run(&mut world, 3);
    send(&mut world, a, 0, 1);
    run(&mut world, 10);
    let inputs: Vec<_> = world
        .take_outbox()
        .into_iter()
        .map(|Outgoing { occasion, input }| (occasion.at.as_millis(), format!("{input:?}")))
        .collect();
    assert_eq!(inputs.len(), 3);
    assert_eq!(inputs[0], (0, "Start".to_owned()));
    assert!(inputs[2].1.contains("n: 1001"));
    assert!(heard(&mut world, a).is_empty());
}

#[test]
fn heal_all_undoes_cuts_delays_pauses_and_broken_disks() {
    let mut world = connected();
    world.cut(A, B);
    world.slow(B, A, ms(500));
    world.pause(B);
    world.set_disk_fault(B, DiskFault::Full);
    world.heal_all();
    heard(&mut world, A);
    send(&mut world, A, 0, 1);
    run(&mut world, 10);
    assert_eq!(heard(&mut world, A), ["5ms 0 says 1001"]);
    assert_eq!(world.host_state(B).disk.fault(0), DiskFault::None);
}

#[test]
fn nothing_is_left_of_connections_that_are_over() {
    let mut world = two(&HostSpec::default());
    for round in 0..50_u32 {
        let on = open(&mut world, A, B);
        let start = u64::from(round) * 10_000;
        run(&mut world, start + 5);
        send(&mut world, A, on.0, 1);
        match round % 4 {
            0 => world.perform(A, Effect::Close(on), &mut ()),
            1 => drop(world.reset(on)),
            2 => {
                world.crash(B, Crash::Kill);
                world.start(B);
            }
            _ => {
                world.crash(B, Crash::PowerLoss);
                world.start(B);
            }
        }
        run(&mut world, start + 9_999);
    }
    assert_eq!(world.core.network.connections(), 0);
    assert_eq!(world.core.events.stored(), 0);
}

/// The numbers that B hears of 200 messages, and of which A hears the answers, under `break_it`.
fn numbers(break_it: impl FnOnce(&mut World<Toy>)) -> (Vec<u64>, World<Toy>) {
    let spread = LinkProfile {
        latency: Latency::Exponential {
            base: ms(1),
            tail: ms(5),
        },
        bandwidth: None,
        loss: Ratio::percent(5),
    };
    let mut world = World::new(7, spread);
    let a = world.add_host(Toy::default(), &HostSpec::default());
    let b = world.add_host(Toy::default(), &HostSpec::default());
    world.start(a);
    world.start(b);
    open(&mut world, a, b);
    run(&mut world, 10_000);
    heard(&mut world, b);
    break_it(&mut world);
    for n in 0..200 {
        send(&mut world, a, 0, n);
    }
    run(&mut world, 900_000);
    let lines = heard(&mut world, b);
    let last = |line: &String| line.rsplit(' ').next().unwrap().parse().unwrap();
    (lines.iter().map(last).collect(), world)
}

#[test]
fn a_path_damages_a_share_of_what_can_be_damaged_and_moves_nothing_else() {
    let (whole, _) = numbers(|_| {});
    let (some, mut world) = numbers(|world| {
        world.corrupt(A, B, Ratio::percent(20));
    });
    let torn = some.iter().filter(|n| **n >= 1_000_000).count() as u64;
    assert!((10..30).contains(&torn), "{torn} of 100 even numbers");
    assert_eq!(world.damaged(A, B), torn);
    assert_eq!(world.damaged(B, A), 0);
    // All others are the same numbers in the same places.
    let differ = whole.iter().zip(&some).filter(|(a, b)| a != b).count() as u64;
    assert_eq!(differ, torn);
    assert!(
        some.iter()
            .zip(0_u64..)
            .all(|(n, i)| *n == i || i.is_multiple_of(2))
    );
    // Half as many are damaged of the same ones: a larger share draws no other bits.
    let (fewer, _) = numbers(|world| {
        world.corrupt(A, B, Ratio::percent(10));
    });
    assert!(
        fewer
            .iter()
            .zip(&some)
            .all(|(few, some)| *few < 1_000_000 || few == some)
    );
}

#[test]
fn a_share_taken_back_damages_no_more() {
    let (numbers, mut world) = numbers(|world| {
        world.corrupt(A, B, Ratio::ONE);
        world.corrupt(A, B, Ratio::ONE);
        world.uncorrupt(A, B, Ratio::ONE);
        world.uncorrupt(A, B, Ratio::ONE);
        world.corrupt(A, B, Ratio::ONE);
        world.heal_all();
    });
    assert!(numbers.iter().all(|n| *n < 200));
    assert_eq!(world.damaged(A, B), 0);
}

#[test]
fn the_message_of_a_moment_can_be_damaged_on_its_way() {
    let mut world = connected();
    heard(&mut world, B);
    send(&mut world, A, 0, 4);
    send(&mut world, A, 0, 6);
    assert!(world.corrupt_last(ConnectionId(0), A));
    send(&mut world, A, 0, 8);
    run(&mut world, 10);
    let lines = heard(&mut world, B);
    let torn: Vec<bool> = lines
        .iter()
        .map(|line| line.contains("says 100000"))
        .collect();
    assert_eq!(torn, [false, true, false], "{lines:?}");
    assert_eq!(world.damaged(A, B), 1);
    assert!(
        !world.corrupt_last(ConnectionId(7), A),
        "there is no such connection"
    );
}
