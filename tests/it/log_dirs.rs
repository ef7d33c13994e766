//! One of several disks of a broker fails: who notices, and how soon everybody is led again.

use std::sync::Arc;

use retrial::cluster::Cluster;
use retrial::kafka::ids::{BrokerId, DirectoryId, TopicPartition};
use retrial::run::Outcome;
use retrial::run::drive::{Run, run};
use retrial::scenario::model::Scenario;
use retrial::sim::time::SimTime;

use crate::case::parse;

const B1: BrokerId = BrokerId(1);

fn scenario(timeline: &str) -> Scenario {
    let text = format!(
        r#"
        question = "One disk of a broker fails: who notices?"
        run_for = "30s"
        timeline = [{timeline}]
        [cluster]
        brokers = 3
        [disks]
        log_dirs = 2
        [topics.orders]
        partitions = 6
        replication_factor = 3
        config = {{ "min.insync.replicas" = 2 }}
        [producers.p1]
        topic = "orders"
        rate = "200/s"
        count = 4000
        keys = {{ uniform = 1000 }}
        config = {{ acks = "all" }}
        [groups.billing]
        topics = ["orders"]
        members = 1
        protocol = "assign"
        "#
    );
    parse(&text)
}

fn at_second(scenario: &Scenario, second: u64) -> Run {
    let setup = scenario.variants[0].setup.clone();
    let mut run = Run::new(Arc::new(setup.expect("nothing is refused")), 1);
    run.advance(SimTime::from_nanos(second * 1_000_000_000), &mut ());
    run
}

/// Of each partition its directory on b1, and whether b1 is in sync and leads.
fn on_b1(cluster: &Cluster) -> Vec<(DirectoryId, bool, bool)> {
    let image = cluster.controller().image();
    let of = |(tp, registration): (TopicPartition, _)| {
        let registration: &Arc<retrial::kafka::metadata_records::PartitionRegistration> =
            registration;
        let dir = image.directory(tp, B1).expect("b1 has two directories");
        let in_sync = registration.isr.contains(&B1);
        (dir, in_sync, registration.leader == Some(B1))
    };
    image.partitions().map(of).collect()
}

fn keeps_everything(outcome: &Outcome) {
    assert_eq!(outcome.violations, []);
    assert_eq!(outcome.unsettled, Vec::<String>::new());
    let tally = &outcome.delivery;
    assert_eq!((tally.acked, tally.readable, tally.lost), (4_000, 4_000, 0));
    assert_eq!(outcome.groups["billing"].processed, 4_000);
}

#[test]
fn replicas_are_spread_over_the_directories() {
    let stands = at_second(&scenario(""), 1);
    let dirs: Vec<u32> = on_b1(&stands.cluster)
        .iter()
        .map(|(dir, ..)| dir.0)
        .collect();
    assert_eq!(dirs, [0, 1, 0, 1, 0, 1]);
    keeps_everything(&run(&scenario("").variants[0], 1));
}

#[test]
fn a_directory_that_fails_takes_only_its_replicas_with_it() {
    for fault in ["fail_disk", "fill_disk"] {
        let scenario = scenario(&format!(
            r#"{{ id = "disk", at = "5s", {fault} = "b1", log_dir = 2 }}"#
        ));
        let before = at_second(&scenario, 4);
        assert!(
            on_b1(&before.cluster)
                .iter()
                .all(|(_, in_sync, _)| *in_sync)
        );
        // No session has to run out for it.
        let after = at_second(&scenario, 6);
        for (was, is) in on_b1(&before.cluster).iter().zip(on_b1(&after.cluster)) {
            let works = is.0 == DirectoryId::METADATA;
            assert_eq!((is.1, is.2), (works, works && was.2), "{fault}");
        }
        assert!(after.cluster.controller().image().is_active(B1));
        let outcome = run(&scenario.variants[0], 1);
        assert!(outcome.faults[0].hit);
        assert_eq!(outcome.metrics["log_dirs_failed"], 1);
        assert_eq!(
            outcome.metrics["brokers_fenced"], 1,
            "the restart at the end"
        );
        keeps_everything(&outcome);
    }
}

#[test]
fn a_broker_halts_without_its_metadata_directory_and_without_any() {
    let events = [
        r#"{ id = "disk", at = "5s", fail_disk = "b1", log_dir = 1 }"#,
        r#"{ id = "disk", at = "5s", fail_disk = "b1" }"#,
    ];
    for event in events {
        let scenario = scenario(event);
        let run_to = at_second(&scenario, 7);
        let host = run_to.cluster.hosts.broker(B1).expect("b1 has a host");
        assert!(!run_to.cluster.world.is_running(host), "{event}");
        let later = at_second(&scenario, 17);
        assert!(on_b1(&later.cluster).iter().all(|(_, _, leads)| !leads));
        keeps_everything(&run(&scenario.variants[0], 1));
    }
}

#[test]
fn a_new_replica_is_placed_by_its_broker_which_tells_the_controller() {
    let scenario = scenario(
        r#"{ id = "grow", at = "2s", grow = "orders", to = 9 },
           { id = "disk", at = "5s", fail_disk = "b1", log_dir = 2 }"#,
    );
    let grown = at_second(&scenario, 4);
    let dirs: Vec<u32> = on_b1(&grown.cluster)
        .iter()
        .map(|(dir, ..)| dir.0)
        .collect();
    let second = dirs[6..].iter().filter(|dir| **dir == 1).count();
    assert!((1..=2).contains(&second), "{dirs:?}");
    let after = at_second(&scenario, 6);
    for (dir, in_sync, _) in on_b1(&after.cluster) {
        assert_eq!(in_sync, dir == DirectoryId::METADATA);
    }
}
