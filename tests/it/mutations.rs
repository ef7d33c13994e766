//! Deliberate mistakes in the broker: each must make some checker fire, or the checker is none.

use std::sync::Arc;

use retrial::broker::mutation::Mutation;
use retrial::check::guarantees::Promises;
use retrial::run::drive::Run;
use retrial::run::guarantees::Checked;
use retrial::scenario::model::Setup;

/// A leader dies with what its followers lack, and comes back; clients retry meanwhile.
const FILE: &str = r#"
question = "Does a checker notice?"
run_for = "60s"
timeline = [
  { id = "slow", at = "1s", slow_link = ["leader(orders-0)", "follower(orders-0)"], delay = "30ms", for = "8s" },
  { id = "lost-answer", on = "produce answered orders-0", nth = 40, reset = ["p1", "leader(orders-0)"] },
  { id = "crash", at = "5s..6s", crash = "leader(orders-0)", for = "15s" },
]
[cluster]
brokers = 3
[topics.orders]
partitions = 1
replication_factor = 3
config = { "min.insync.replicas" = 2 }
[producers.p1]
topic = "orders"
rate = "400/s"
count = 6000
config = { acks = ACKS, "linger.ms" = 0 }
[groups.billing]
topics = ["orders"]
members = 1
protocol = "assign"
"#;

#[test]
fn an_honest_broker_breaks_nothing() {
    for seed in 0..12 {
        for acks in ["\"all\"", "1"] {
            assert_eq!(
                broken(None, acks, seed),
                Vec::<String>::new(),
                "acks={acks} seed {seed}"
            );
        }
    }
}

#[test]
fn ack_before_append_is_noticed() {
    noticed(Mutation::AckBeforeAppend, "\"all\"");
}

#[test]
fn a_skipped_epoch_check_is_noticed() {
    // With acks=all the producer sends the lost tail again, and the diverging logs look alike.
    noticed(Mutation::SkipEpochCheck, "1");
}

#[test]
fn an_early_high_watermark_is_noticed() {
    noticed(Mutation::AdvanceHighWatermarkEarly, "\"all\"");
}

#[test]
fn producer_state_forgotten_on_failover_is_noticed() {
    noticed(Mutation::ForgetProducerState, "\"all\"");
}

/// Segments of a few seconds, kept for half a minute.
const AGING: &str = r#"
question = "Does a checker notice?"
run_for = "60s"
[cluster]
brokers = 3
config = { "log.retention.check.interval.ms" = "5s", "log.roll.ms" = "3s", "log.retention.ms" = "30s" }
[topics.orders]
partitions = 1
replication_factor = 3
[producers.p1]
topic = "orders"
rate = "50/s"
count = 2500
[groups.billing]
topics = ["orders"]
members = 1
protocol = "assign"
"#;

#[test]
fn retention_that_ignores_timestamps_is_noticed() {
    for seed in 0..3 {
        assert_eq!(found(AGING, None, "", seed), Vec::<String>::new());
    }
    let broken = found(AGING, Some(Mutation::IgnoreTimestamps), "", 0);
    assert!(
        broken[0].starts_with("retention_keeps_what_it_must"),
        "{broken:?}"
    );
}

fn noticed(mutation: Mutation, acks: &str) {
    let survives = (0..40).all(|seed| broken(Some(mutation), acks, seed).is_empty());
    assert!(!survives, "{mutation:?} survives 40 seeds");
}

/// The guarantees that broke.
fn broken(mutation: Option<Mutation>, acks: &str, seed: u64) -> Vec<String> {
    found(FILE, mutation, acks, seed)
}

fn found(file: &str, mutation: Option<Mutation>, acks: &str, seed: u64) -> Vec<String> {
    let scenario =
        retrial::scenario::file::parse("mutation.toml", &file.replace("ACKS", acks), &[])
            .unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut setup: Setup = scenario.variants[0]
        .setup
        .clone()
        .expect("nothing is refused");
    setup.cluster.mutation = mutation;
    let mut run = Run::new(Arc::new(setup), seed);
    run.checked = Checked::promising(Promises {
        acks_all: acks != "1",
        acks_survive: acks != "1",
    });
    run.to_the_end(&mut ());
    run.checked.finish(&run.cluster);
    run.checked
        .violations()
        .iter()
        .map(|v| format!("{} {:?}", v.guarantee, v.evidence))
        .collect()
}
