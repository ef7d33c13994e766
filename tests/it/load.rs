//! What load does to a whole cluster: quotas hold, threads are shared, TLS and sendfile cost.

use std::collections::BTreeMap;

use retrial::run::Outcome;
use retrial::run::drive::run;

use crate::case::parse;

/// A producer of 2 MB/s to one broker, and its reader; the variants change one thing each.
const BULK: &str = r#"
question = "What does it cost?"
run_for = "30s"
[cluster]
brokers = 1
[topics.events]
[producers.bulk]
topic = "events"
rate = "200/s"
value_size = "10KB"
[groups.readers]
topics = ["events"]
members = 1
protocol = "assign"
"#;

/// The outcomes of all variants, by name.
fn outcomes(variants: &str) -> BTreeMap<String, Outcome> {
    let text = format!("{BULK}{variants}");
    let scenario = parse(&text);
    let all = scenario.variants.iter();
    all.map(|variant| (variant.name.to_string(), run(variant, 1)))
        .collect()
}

fn metric(outcome: &Outcome, name: &str) -> i64 {
    outcome.metrics.get(name).copied().unwrap_or_default()
}

#[test]
fn a_producer_is_held_to_its_quota_and_nothing_is_lost() {
    let outcomes = outcomes(
        r#"
        [variants.quota]
        quotas.bulk.producer_byte_rate = "1MB/s"
        [variants.default]
        quotas.default.producer_byte_rate = "1MB/s"
        [variants."for others"]
        quotas.readers.producer_byte_rate = "1MB/s"
        "#,
    );
    for (name, outcome) in &outcomes {
        assert_eq!(outcome.delivery.readable, outcome.delivery.sent, "{name}");
    }
    assert_eq!(outcomes["base"].throttles, []);
    assert_eq!(outcomes["for others"].throttles, []);
    for name in ["quota", "default"] {
        let outcome = &outcomes[name];
        // 60 MB at 1 MB/s take a minute; the windows lend at most eleven seconds.
        let took = outcome.ended_at.as_millis();
        assert!((48_000..75_000).contains(&took), "{name}: {took}");
        assert!(metric(outcome, "throttled_ms.bulk") > 20_000, "{name}");
        assert_eq!(metric(outcome, "throttled_ms.readers"), 0, "{name}");
    }
}

#[test]
fn a_consumer_is_held_to_its_quota() {
    let outcomes = outcomes(
        r#"
        [variants.quota]
        quotas.readers.consumer_byte_rate = "1MB/s"
        "#,
    );
    let (free, held) = (&outcomes["base"], &outcomes["quota"]);
    assert_eq!(held.groups["readers"].processed, held.delivery.sent);
    assert!(held.groups["readers"].max_lag > 10 * free.groups["readers"].max_lag);
    let took = held.ended_at.as_millis();
    assert!((48_000..75_000).contains(&took), "{took}");
    assert!(metric(held, "throttled_ms.readers") > 0);
}

#[test]
fn a_client_is_held_to_its_share_of_the_threads() {
    let outcomes = outcomes(
        r#"
        [costs]
        produce = "1ms"
        per_kib = "20us"
        [variants.quota]
        quotas.bulk.request_percentage = "4%"
        "#,
    );
    let (free, held) = (&outcomes["base"], &outcomes["quota"]);
    assert_eq!(metric(free, "throttled_ms"), 0);
    assert!(metric(held, "throttled_ms.bulk") > 1_000);
    assert_eq!(held.delivery.readable, held.delivery.sent);
    assert!(held.ended_at > free.ended_at);
}

#[test]
fn tls_costs_time_and_takes_sendfile_away() {
    let outcomes = outcomes(
        r#"
        [network]
        latency = "100us"
        [variants.tls]
        cluster.security_protocol = "SSL"
        costs.tls_per_kib = "100us"
        [variants."tls and copies"]
        cluster.security_protocol = "SSL"
        costs.tls_per_kib = "100us"
        costs.copy_per_kib = "300us"
        [variants.copies]
        costs.copy_per_kib = "300us"
        [variants."one network thread"]
        cluster.security_protocol = "SSL"
        cluster.config."num.network.threads" = 1
        costs.tls_per_kib = "100us"
        "#,
    );
    let e2e = |name: &str| metric(&outcomes[name], "e2e_p50_ns");
    // A produce is decrypted, its fetch encrypted: 10 KB each way at 100 us a KiB.
    assert!(e2e("tls") > e2e("base") + 1_800_000);
    assert!(e2e("tls and copies") > e2e("tls") + 2_500_000);
    // What is not encrypted is not copied either.
    assert_eq!(outcomes["copies"].fingerprint, outcomes["base"].fingerprint);
    assert!(e2e("one network thread") >= e2e("tls"));
}

/// Eight producers that keep the one handler thread busy, and a quiet application beside them.
const BUSY: &str = r#"
question = "Whom does a full request queue hold up?"
run_for = "20s"
[cluster]
brokers = 1
config = { "num.network.threads" = 1, "num.io.threads" = 1 }
[costs]
produce = "20ms"
[topics.bulk]
[topics.calm]
[producers.quiet]
topic = "calm"
rate = "2/s"
[groups.quiet]
topics = ["calm"]
members = 1
protocol = "assign"
"#;

#[test]
fn a_full_request_queue_holds_up_quiet_clients_of_the_same_network_thread() {
    let mut text = BUSY.to_owned();
    for index in 1..=8 {
        text += &format!("[producers.busy-{index}]\ntopic = \"bulk\"\nrate = \"20/s\"\n");
    }
    text += r#"
        [variants.short]
        cluster.config."queued.max.requests" = 1
        [variants."short, idle"]
        cluster.config."queued.max.requests" = 1
        cluster.config."num.io.threads" = 64
    "#;
    let scenario = parse(&text);
    let all = scenario.variants.iter();
    let outcomes: BTreeMap<String, Outcome> = all
        .map(|variant| (variant.name.to_string(), run(variant, 1)))
        .collect();
    let e2e = |name: &str| metric(&outcomes[name], "groups.quiet.e2e_p50_ns");
    let queue = |name: &str| {
        let of = |metric_name| metric(&outcomes[name], metric_name);
        (of("request_queue_max"), of("request_queue_full"))
    };
    for outcome in outcomes.values() {
        assert_eq!(outcome.delivery.readable, outcome.delivery.sent);
    }
    let (longest, met_full) = queue("base");
    assert!(
        (5..500).contains(&longest) && met_full == 0,
        "{longest}, {met_full}"
    );
    let (longest, met_full) = queue("short");
    assert!(longest == 1 && met_full > 100, "{longest}, {met_full}");
    assert_eq!(queue("short, idle"), (0, 0));
    // Its requests wait for the handler as before, and its answers for the network thread too.
    let (before, after) = (e2e("base"), e2e("short"));
    assert!(after > before + before / 4, "{before} ns, {after} ns");
    assert!(e2e("short, idle") < before / 2);
}
