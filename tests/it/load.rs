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

#[test]
fn a_quota_is_set_and_taken_back_while_the_cluster_runs() {
    let outcomes = outcomes(
        r#"
        [variants.slower]
        timeline.limit = { at = "10s", alter_quotas = { client = "bulk", producer_byte_rate = "1MB/s" } }
        [variants."for a while"]
        timeline.limit = { at = "10s", alter_quotas = { client = "bulk", producer_byte_rate = "1MB/s" } }
        timeline.free = { at = "12s", alter_quotas = { client = "bulk", producer_byte_rate = "off" } }
        [variants.default]
        timeline.limit = { at = "10s", alter_quotas = { client = "default", producer_byte_rate = "1MB/s" } }
        [variants."from the start"]
        quotas.bulk.producer_byte_rate = "1MB/s"
        [variants."until 10 s"]
        quotas.bulk.producer_byte_rate = "1MB/s"
        timeline.free = { at = "10s", alter_quotas = { client = "bulk", producer_byte_rate = "off" } }
        "#,
    );
    for (name, outcome) in &outcomes {
        assert_eq!(outcome.delivery.readable, outcome.delivery.sent, "{name}");
        assert!(outcome.faults.iter().all(|fault| fault.hit), "{name}");
    }
    let throttled = |name: &str| metric(&outcomes[name], "throttled_ms.bulk");
    let first = |name: &str| outcomes[name].throttles[0].throttled.first.as_millis();
    assert_eq!(outcomes["base"].throttles, []);
    // Nobody was measured before: the windows lend ten seconds' worth of bytes, sent in five.
    for name in ["slower", "default"] {
        assert!(
            (13_000..18_000).contains(&first(name)),
            "{name}: {}",
            first(name)
        );
        assert!(throttled(name) > 10_000, "{name}");
    }
    assert!(throttled("slower") < throttled("from the start"));
    assert_eq!(
        throttled("for a while"),
        0,
        "it was over before the windows were full"
    );
    let (whole, part) = (throttled("from the start"), throttled("until 10 s"));
    assert!(part > 0 && part < whole / 3, "{part} of {whole} ms");
    let ended_at = |name: &str| outcomes[name].ended_at;
    assert!(ended_at("until 10 s") < ended_at("slower"));
    assert!(ended_at("slower") < ended_at("from the start"));
}

#[test]
fn a_quota_that_stands_already_changes_nothing() {
    let outcomes = outcomes(
        r#"
        [variants."nobody has one"]
        timeline.free = { at = "10s", alter_quotas = { client = "bulk", producer_byte_rate = "off" } }
        [variants."the same"]
        quotas.bulk.producer_byte_rate = "1MB/s"
        timeline.again = { at = "10s", alter_quotas = { client = "bulk", producer_byte_rate = "1MB/s" } }
        [variants."one of two"]
        quotas.bulk.producer_byte_rate = "1MB/s"
        timeline.both = { at = "10s", alter_quotas = { client = "bulk", producer_byte_rate = "1MB/s", consumer_byte_rate = "1MB/s" } }
        "#,
    );
    let hit = |name: &str| outcomes[name].faults[0].hit;
    assert!(!hit("nobody has one") && !hit("the same"));
    assert!(hit("one of two"));
}

/// A broker that was away when a quota was set has it when it is back.
#[test]
fn a_broker_that_was_away_learns_of_a_quota() {
    let with = |timeline: &str| {
        let text = BULK.replace(
            "run_for = \"30s\"",
            &format!("run_for = \"60s\"\n{timeline}"),
        );
        run(&parse(&text).variants[0], 1)
    };
    let outcome = with(
        r#"timeline = [
          { id = "limit", at = "9.5s", alter_quotas = { client = "bulk", producer_byte_rate = "1MB/s" } },
          { id = "crash", at = "10s", crash = "b1", for = "5s" },
        ]"#,
    );
    assert!(outcome.faults.iter().all(|fault| fault.hit));
    assert!(metric(&outcome, "throttled_ms.bulk") > 10_000);
    assert!(outcome.throttles[0].throttled.first.as_millis() > 15_000);
}

#[test]
fn applications_with_one_client_id_share_its_quota() {
    let outcomes = outcomes(
        r#"
        [producers.other]
        topic = "events"
        rate = "200/s"
        value_size = "10KB"
        [quotas.bulk]
        producer_byte_rate = "3MB/s"
        [variants.together]
        producers.other.config."client.id" = "bulk"
        [variants.elsewhere]
        producers.bulk.config."client.id" = "other-app"
        producers.other.config."client.id" = "bulk"
        [variants.unnamed]
        producers.other.config."client.id" = ""
        "#,
    );
    // Each takes two thirds of the quota, both together more than it.
    for alone in ["base", "elsewhere", "unnamed"] {
        assert_eq!(outcomes[alone].throttles, [], "{alone}");
    }
    let together = &outcomes["together"];
    assert!(metric(together, "throttled_ms.bulk") > 5_000);
    assert!(!together.metrics.contains_key("throttled_ms.other"));
    assert!(
        outcomes["elsewhere"]
            .metrics
            .contains_key("throttled_ms.other-app")
    );
}
