//! Readers that begin at a time, and not where auto.offset.reset says.

use retrial::run::Outcome;
use retrial::run::drive::run;

use crate::case::parse;

/// 20 records a second for 60 s; the reader starts at 40 s.
fn outcome(start_at: &str, timeline: &str) -> Outcome {
    let text = format!(
        r#"
        question = "What does the last hour hold?"
        run_for = "90s"
        timeline = [{timeline}]
        [topics.orders]
        partitions = 2
        [producers.p1]
        topic = "orders"
        rate = "20/s"
        count = 1200
        keys = {{ uniform = 100 }}
        [groups.report]
        topics = ["orders"]
        members = 1
        protocol = "assign"
        start = "40s"
        {start_at}
        "#
    );
    let scenario = parse(&text);
    let outcome = run(&scenario.variants[0], 1);
    assert_eq!(outcome.violations, []);
    outcome
}

fn processed(start_at: &str, timeline: &str) -> u64 {
    outcome(start_at, timeline).groups["report"].processed
}

#[test]
fn a_reader_begins_with_the_first_record_that_is_not_older() {
    assert_eq!(processed("", ""), 1_200);
    // 400 come after 40 s, and 200 came in the 10 s before.
    let back = processed(r#"start_at = "-10s""#, "");
    assert!((598..=602).contains(&back), "{back}");
    let since = processed(r#"start_at = "30s""#, "");
    assert!((598..=602).contains(&since), "{since}");
    assert_eq!(processed(r#"start_at = "-1h""#, ""), 1_200);
}

#[test]
fn a_reader_goes_to_the_end_where_no_record_is_as_late() {
    let read = processed(r#"start_at = "50s""#, "");
    assert!((398..=402).contains(&read), "{read}");
}

#[test]
fn how_long_ago_is_by_the_reader_s_own_clock() {
    let fast = r#"{ id = "skew", at = "1s", skew_clock = "report-1", by = "5s" }"#;
    let read = processed(r#"start_at = "-10s""#, fast);
    assert!((498..=502).contains(&read), "{read}");
}

#[test]
fn a_reader_that_is_started_again_looks_the_time_up_again() {
    let crash = r#"{ id = "crash", at = "50s", crash = "report-1", for = "2s" }"#;
    let group = &outcome(r#"start_at = "-10s""#, crash).groups["report"];
    // Until 50 s it read from 30 s on, after 52 s from 42 s on.
    assert!((598..=602).contains(&group.processed), "{group:?}");
    assert!((155..=165).contains(&group.reprocessed), "{group:?}");
}
