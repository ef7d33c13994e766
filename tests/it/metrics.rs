//! The numbers of a run by their names: each can be claimed, and outages count in full.

use std::fmt::Write;

use retrial::report::metrics;
use retrial::run::Outcome;
use retrial::run::drive::run;
use retrial::scenario::claims::PLAIN;

use crate::case::parse;

const CRASH: &str = r#"
question = "How long is a partition with a single replica without a leader?"
run_for = "40s"
timeline = [{ id = "crash", at = "10s", crash = "leader(orders-0)", for = "20s" }]
[cluster]
brokers = 1
[topics.orders]
[producers.p1]
topic = "orders"
rate = "20/s"
count = 700
[groups.billing]
topics = ["orders"]
members = 1
protocol = "assign"
"#;

fn outcome() -> Outcome {
    run(&parse(CRASH).variants[0], 0)
}

#[test]
fn an_outage_lasts_until_the_same_leader_is_back() {
    let millis = outcome().metrics["unavailable_partition_ms"];
    assert!((20_000..22_000).contains(&millis), "{millis} ms");
}

/// Two brokers hold one partition; the follower is killed and back at once, so that the controller
/// believes in its old life for some seconds more.
const BACK_BUT_NOT_REGISTERED: &str = r#"
question = "Who leads while the new leader is back but not registered?"
run_for = "60s"
timeline = [
  { id = "kill", at = "10s", crash = "replica(orders-0, 2)", for = "1s" },
  { id = "stop", at = "12s", stop = "leader(orders-0)", for = "20s" },
]
[cluster]
brokers = 2
[topics.orders]
replication_factor = 2
[producers.p1]
topic = "orders"
rate = "20/s"
count = 700
"#;

#[test]
fn a_leader_that_is_back_but_not_registered_serves_nobody() {
    let outcome = run(&parse(BACK_BUT_NOT_REGISTERED).variants[0], 0);
    let elected = outcome.marks.iter().map(|mark| (mark.at, &mark.label));
    let millis = outcome.metrics["unavailable_partition_ms"];
    // From the stop, when the lead goes to who is not there, until the old session is over, who
    // was there is gone too, and one of them is unfenced again.
    assert!(
        (10_000..13_000).contains(&millis),
        "{millis} ms; {:?}",
        elected.collect::<Vec<_>>()
    );
    assert_eq!(outcome.metrics["unwritable_partition_ms"], millis);
}

/// A follower goes away; then the minimum changes at run time.
const TOO_FEW_IN_SYNC: &str = r#"
question = "How long could nobody write?"
run_for = "60s"
timeline = [
  { id = "stop", at = "10s", stop = "replica(orders-0, 2)", for = "20s" },
]
[cluster]
brokers = 2
[topics.orders]
replication_factor = 2
config = { "min.insync.replicas" = 2 }
[topics.single]
config = { "min.insync.replicas" = 2 }
[producers.p1]
topic = "orders"
rate = "20/s"
count = 1000
config = { acks = "all" }
[variants."one is enough"]
topics.orders.config."min.insync.replicas" = 1
[variants."one is enough from 15 s on"]
timeline.relax.at = "15s"
timeline.relax.alter_config = { topic = "orders", "min.insync.replicas" = 1 }
"#;

#[test]
fn nobody_can_write_while_too_few_are_in_sync_by_the_minimum_that_holds_then() {
    let scenario = parse(TOO_FEW_IN_SYNC);
    let of = |variant: usize| run(&scenario.variants[variant], 0).metrics;
    let strict = of(0);
    let unwritable = strict["unwritable_partition_ms"];
    assert!((20_000..23_000).contains(&unwritable), "{unwritable} ms");
    let unavailable = strict["unavailable_partition_ms"];
    assert!(unavailable < 1_000, "{unavailable} ms");
    // More than there are replicas is as much as there are: the other topic never counts.
    let lax = of(1);
    assert_eq!(
        lax["unwritable_partition_ms"],
        lax["unavailable_partition_ms"]
    );
    let relaxed = of(2)["unwritable_partition_ms"];
    assert!((4_900..5_900).contains(&relaxed), "{relaxed} ms");
}

#[test]
fn every_number_of_a_run_can_be_claimed_and_every_known_name_has_a_number() {
    let outcome = outcome();
    let names: Vec<String> = (metrics::all(&outcome).into_iter())
        .map(|(name, _)| name)
        .collect();
    let mut text = format!("{CRASH}\n[claims]\nbase = [\n");
    for name in &names {
        writeln!(text, "\"{name} >= 0\",").expect("a string takes it");
    }
    let scenario = parse(&(text + "]\n"));
    assert_eq!(scenario.claims.len(), names.len());
    for known in PLAIN {
        assert!(names.iter().any(|name| name == known), "{known}");
    }
}

#[test]
fn a_time_is_compared_in_the_unit_of_its_metric() {
    let claimed = |claim: &str| {
        let text = format!("{CRASH}\n[claims]\nbase = [\"{claim}\"]\n");
        retrial::scenario::file::parse("metrics.toml", &text, &[])
    };
    let held = |claim: &str| {
        let scenario = claimed(claim).unwrap_or_else(|problems| panic!("{problems:?}"));
        let outcomes = [outcome()];
        retrial::report::claims::judge(&scenario, 0, &outcomes).claims[0].held_in == 1
    };
    assert!(held("unavailable_partition_ms >= 20s"));
    assert!(!held("unavailable_partition_ms >= 22s"));
    assert!(held("ack_max_ns >= 20s"));
    for wrong in [
        "lost <= 1s",
        "unavailable_partition_ms <= 1us",
        "wibble == 3",
        "ack_p99 <= 1s",
    ] {
        assert!(claimed(wrong).is_err(), "{wrong}");
    }
}
