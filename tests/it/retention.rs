//! What retention does to a whole cluster: memory stays flat, and deleted records are not lost.

use std::sync::Arc;

use retrial::run::Outcome;
use retrial::run::drive::{Run, run};
use retrial::sim::time::SimTime;

use crate::case::parse;

#[test]
fn what_a_cluster_keeps_stays_flat_over_simulated_time() {
    let scenario = parse(
        r#"
        question = "Does memory grow?"
        run_for = "15m"
        [cluster]
        brokers = 3
        config = { "log.retention.check.interval.ms" = "5s", "log.roll.ms" = "3s", "log.retention.ms" = "30s" }
        [topics.orders]
        partitions = 2
        replication_factor = 3
        [producers.p1]
        topic = "orders"
        rate = "20/s"
        count = 17000
        [groups.billing]
        topics = ["orders"]
        members = 1
        protocol = "assign"
        "#,
    );
    let setup = scenario.variants[0]
        .setup
        .clone()
        .expect("nothing is refused");
    let mut run = Run::new(Arc::new(setup), 1);
    let mut kept = Vec::new();
    for minute in 1..=14_u64 {
        run.advance(SimTime::from_nanos(minute * 60_000_000_000), &mut ());
        let replicas = run.cluster.replicas();
        let batches: usize = replicas
            .iter()
            .map(|replica| replica.batches().count())
            .sum();
        let slices: usize = replicas.iter().map(|replica| replica.segments.len()).sum();
        kept.push((batches, slices));
    }
    let most = |of: &[(usize, usize)]| {
        let batches = of.iter().map(|(batches, _)| *batches).max();
        (batches, of.iter().map(|(_, slices)| *slices).max())
    };
    let (early, late) = (most(&kept[..4]), most(&kept[10..]));
    let at_most = |now: Option<usize>, then: Option<usize>| now <= then.map(|then| then * 6 / 5);
    assert!(
        at_most(late.0, early.0) && at_most(late.1, early.1),
        "{kept:?}"
    );
    assert!(early.0 > Some(1_000), "{kept:?}");
}

fn purged(before: &str) -> Outcome {
    let text = r#"
        question = "Are deleted records lost?"
        run_for = "60s"
        timeline = [{ id = "purge", at = "10s", delete_records = "orders-0" BEFORE }]
        [cluster]
        brokers = 3
        [topics.orders]
        partitions = 1
        replication_factor = 3
        [producers.p1]
        topic = "orders"
        rate = "20/s"
        count = 400
        [groups.billing]
        topics = ["orders"]
        members = 1
        protocol = "assign"
        handler = { takes = "200ms" }
        config = { "max.poll.records" = 1, "max.partition.fetch.bytes" = 200 }
    "#;
    let scenario = parse(&text.replace("BEFORE", before));
    run(&scenario.variants[0], 4)
}

#[test]
fn records_that_a_client_has_deleted_are_expired_and_not_lost() {
    let outcome = purged("");
    assert!(outcome.faults[0].hit);
    assert_eq!(outcome.violations, []);
    let metrics = &outcome.metrics;
    assert_eq!(
        (metrics["commands_failed"], metrics["log_start_moves"]),
        (0, 3)
    );
    let tally = &outcome.delivery;
    assert_eq!((tally.lost, tally.expired + tally.readable), (0, 400));
    assert!((190..=201).contains(&tally.expired), "{tally:?}");
    let group = &outcome.groups["billing"];
    assert!((140..=160).contains(&group.unread_expired), "{group:?}");
    assert_eq!(group.processed + group.unread_expired, 400);
}

#[test]
fn deleting_beyond_the_high_watermark_fails_and_deletes_nothing() {
    let outcome = purged(", before = 100000");
    assert_eq!(outcome.metrics["commands_failed"], 1);
    assert_eq!(
        (outcome.delivery.expired, outcome.delivery.readable),
        (0, 400)
    );
}
