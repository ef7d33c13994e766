//! Who is served from memory and who from the disk, in a whole cluster.

use retrial::run::Outcome;
use retrial::run::drive::run;
use retrial::scenario::model::Scenario;

use crate::case::parse;

/// One broker; 5 MB of orders in 10 s; `group` and `extra` are the case.
fn outcomes(page_cache: &str, group: &str, extra: &str) -> Vec<Outcome> {
    let text = format!(
        r#"
        question = "Who reads from the disk?"
        run_for = "40s"
        {extra}
        [cluster]
        brokers = 1
        [disks]
        page_cache = "{page_cache}"
        bandwidth = "20MB/s"
        [topics.orders]
        config = {{ "flush.messages" = 1 }}
        [producers.p1]
        topic = "orders"
        rate = "500/s"
        count = 5000
        value_size = "1KiB"
        [groups.billing]
        topics = ["orders"]
        members = 1
        protocol = "assign"
        config = {{ "max.partition.fetch.bytes" = "256KiB" }}
        {group}
        "#
    );
    let scenario = parse(&text);
    all(&scenario)
}

fn all(scenario: &Scenario) -> Vec<Outcome> {
    (scenario.variants.iter())
        .map(|variant| run(variant, 1))
        .collect()
}

fn metric(outcome: &Outcome, name: &str) -> i64 {
    outcome.metrics[name]
}

#[test]
fn a_reader_that_keeps_up_never_reads_from_the_disk_and_one_that_stood_still_does() {
    let keeps_up = &outcomes("1MB", "", "")[0];
    let behind = &outcomes("1MB", r#"pauses = ["0s..9s"]"#, "")[0];
    let room = &outcomes("32MB", r#"pauses = ["0s..9s"]"#, "")[0];
    assert_eq!(metric(keeps_up, "disk_reads"), 0);
    assert!(metric(behind, "disk_read_bytes") > 2_000_000);
    assert_eq!(metric(room, "disk_reads"), 0);
    for outcome in [keeps_up, behind, room] {
        assert_eq!(outcome.groups["billing"].processed, 5_000);
    }
}

#[test]
fn a_reader_from_the_disk_makes_producers_wait_for_their_flushes() {
    // Waiting for 256 KiB at 20 MB/s delays a flush by 13 ms.
    let behind = &outcomes("1MB", r#"pauses = ["0s..5s"]"#, "")[0];
    let room = &outcomes("32MB", r#"pauses = ["0s..5s"]"#, "")[0];
    let slow = |outcome: &Outcome| metric(outcome, "ack_p99_ns");
    assert!(slow(behind) > slow(room) + 10_000_000);
}

#[test]
fn a_kill_leaves_the_page_cache_warm_and_a_power_loss_leaves_it_cold() {
    let pause = r#"pauses = ["0s..25s"]"#;
    let event = |kind: &str| {
        format!(r#"timeline = [{{ id = "end", at = "15s", {kind} = "b1", for = "2s" }}]"#)
    };
    let killed = &outcomes("32MB", pause, &event("crash"))[0];
    let powerless = &outcomes("32MB", pause, &event("power_loss"))[0];
    for outcome in [killed, powerless] {
        assert_eq!(outcome.delivery.lost, 0);
        assert_eq!(outcome.groups["billing"].processed, 5_000);
    }
    assert_eq!(metric(killed, "disk_reads"), 0);
    assert!(metric(powerless, "disk_read_bytes") > 2_000_000);
}
