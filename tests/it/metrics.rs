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
