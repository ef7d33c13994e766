//! What each fault of a timeline does to a run, told from scenario files.

use std::sync::Arc;

use retrial::run::Outcome;
use retrial::run::drive::{Run, run};
use retrial::scenario::file::parse;
use retrial::scenario::model::Scenario;
use retrial::sim::time::SimTime;

/// Three brokers, one topic on all of them, a thousand records in 20 s, under this timeline.
fn scenario(timeline: &str, more: &str) -> Scenario {
    let text = format!(
        "question = \"?\"\nrun_for = \"60s\"\ntimeline = [\n{timeline}\n]\n{more}\n\
         [topics.orders]\npartitions = 3\nreplication_factor = 3\n\
         config = {{ \"min.insync.replicas\" = 2 }}\n\
         [producers.p1]\ntopic = \"orders\"\nrate = \"50/s\"\ncount = 1000\n\
         [groups.billing]\ntopics = [\"orders\"]\nmembers = 1\nprotocol = \"assign\"\n"
    );
    parse("faults.toml", &text, &[]).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))
}

/// What came of it with seed 1, at rest and without any broken guarantee.
fn outcome(timeline: &str) -> Outcome {
    let outcome = run(&scenario(timeline, "").variants[0], 1);
    assert!(outcome.settled, "{:?}", outcome.unsettled);
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    outcome
}

/// The labels of a run but for changes of leaders: `10s crash b1`.
fn labels(outcome: &Outcome) -> Vec<String> {
    let marks = outcome
        .marks
        .iter()
        .filter(|mark| !mark.label.contains("leads"));
    marks
        .map(|mark| format!("{} {}", mark.at.since(SimTime::ZERO), mark.label))
        .collect()
}

/// The run half-way.
fn until(timeline: &str, nanos: u64) -> Run {
    let setup = scenario(timeline, "").variants[0]
        .setup
        .clone()
        .expect("nothing is refused");
    let mut run = Run::new(Arc::new(setup), 1);
    run.advance(SimTime::from_nanos(nanos), &mut ());
    run
}

fn running(run: &Run) -> Vec<String> {
    let hosts = run.cluster.hosts.all();
    hosts
        .filter(|(host, _)| run.cluster.world.is_running(*host))
        .map(|(host, _)| run.cluster.hosts.name(host).to_string())
        .collect()
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn several_nodes_break_at_one_instant_and_come_back_together() {
    let timeline = "{ id = \"dark\", at = \"5s\", power_loss = [\"b3\", \"b1\"], for = \"4s\" },";
    assert_eq!(running(&until(timeline, 5 * SECOND - 1)).len(), 6);
    assert_eq!(
        running(&until(timeline, 6 * SECOND)),
        ["c1", "b2", "p1", "billing-1"]
    );
    let outcome = outcome(timeline);
    assert_eq!(
        labels(&outcome),
        ["5s power loss b3 and b1", "9s b3 and b1 back"]
    );
    assert_eq!(outcome.faults[0].what, "power loss b3 and b1");
    assert!(outcome.faults[0].hit);
}

#[test]
fn a_site_is_every_broker_and_controller() {
    let timeline = "{ id = \"dark\", at = \"5s\", crash = \"site\", for = \"4s\" },";
    assert_eq!(running(&until(timeline, 6 * SECOND)), ["p1", "billing-1"]);
    let outcome = outcome(timeline);
    assert_eq!(
        labels(&outcome),
        ["5s crash c1, b1, b2 and b3", "9s c1, b1, b2 and b3 back"]
    );
    assert_eq!(outcome.delivery.lost, 0);
    let brokers = "{ id = \"dark\", at = \"5s\", crash = \"brokers\", for = \"4s\" },";
    assert_eq!(
        running(&until(brokers, 6 * SECOND)),
        ["c1", "p1", "billing-1"]
    );
    let controllers = "{ id = \"dark\", at = \"5s\", crash = \"controllers\", for = \"4s\" },";
    assert_eq!(running(&until(controllers, 6 * SECOND)).len(), 5);
}

#[test]
fn an_event_has_hit_when_one_of_its_nodes_was_there_to_be_hit() {
    let timeline = "{ id = \"first\", at = \"5s\", crash = \"b1\", for = \"8s\" },\n\
        { id = \"both\", at = \"6s\", crash = [\"b1\", \"b2\", \"replica(orders-0, 2)\"], \
          for = \"1s\" },\n\
        { id = \"none\", at = \"6500ms\", pause = \"b1\", for = \"1s\" },";
    let outcome = outcome(timeline);
    let hits: Vec<bool> = outcome.faults.iter().map(|fault| fault.hit).collect();
    assert_eq!(hits, [true, true, false]);
    assert_eq!(outcome.faults[2].what, "pause: nothing to act on");
    assert!(
        outcome.faults[1].what.starts_with("crash b2"),
        "{}",
        outcome.faults[1].what
    );
}

#[test]
fn a_rolling_restart_takes_the_next_node_when_the_last_has_ended_and_come_back() {
    let timeline = "{ id = \"deploy\", at = \"5s\", rolling_restart = \"brokers\", for = \"3s\", gap = \"4s\" },";
    // A controlled shutdown takes a moment: each is down for 3 s from its end.
    assert_eq!(
        running(&until(timeline, 7 * SECOND)),
        ["c1", "b2", "b3", "p1", "billing-1"]
    );
    let outcome = outcome(timeline);
    let labels = labels(&outcome);
    let words: Vec<&str> = labels
        .iter()
        .map(|l| l.split_once(' ').expect("a time").1)
        .collect();
    assert_eq!(
        words,
        [
            "rolling restart b1, b2 and b3",
            "b1 back",
            "stop b2",
            "b2 back",
            "stop b3",
            "b3 back"
        ]
    );
    insta::assert_debug_snapshot!(labels, @"");
    assert!(outcome.faults[0].hit);
    assert_eq!(outcome.delivery.acked, 1000);
    assert_eq!((outcome.delivery.lost, outcome.delivery.duplicated), (0, 0));
    // Nobody was fenced: each handed its partitions over before it went.
    assert_eq!(outcome.metrics["brokers_fenced"], 0);
}

#[test]
fn a_node_that_is_down_at_its_turn_is_left_out() {
    let timeline = "{ id = \"crash\", at = \"6s\", crash = \"b2\", for = \"20s\" },\n\
        { id = \"deploy\", at = \"5s\", rolling_restart = [\"b1\", \"b2\"], for = \"3s\", gap = \"4s\" },";
    let outcome = outcome(timeline);
    let labels = labels(&outcome);
    assert_eq!(
        labels
            .iter()
            .filter(|label| label.contains("b2 back"))
            .count(),
        1,
        "{labels:?}"
    );
    assert!(
        !labels.iter().any(|label| label.ends_with("stop b2")),
        "{labels:?}"
    );
}

#[test]
fn a_stop_that_takes_longer_than_its_time_is_followed_by_the_start() {
    // A millisecond is no time for a controlled shutdown.
    let timeline = "{ id = \"stop\", at = \"5s\", stop = \"b1\", for = \"1ms\" },";
    let outcome = outcome(timeline);
    let labels = labels(&outcome);
    assert_eq!(labels.len(), 2, "{labels:?}");
    assert!(labels[1].ends_with("b1 back"), "{labels:?}");
    let last_moment = "{ id = \"stop\", at = \"59999ms\", stop = \"b1\" },";
    assert!(run(&scenario(last_moment, "").variants[0], 1).settled);
}

#[test]
fn a_flapping_link_is_cut_and_heals_until_it_is_over() {
    let timeline = "{ id = \"flap\", at = \"5s\", flap = [\"b1\", \"b2\"], down = \"1s\", up = \"2s\", \
        for = \"7500ms\" },";
    let outcome = outcome(timeline);
    assert_eq!(
        labels(&outcome),
        ["5s flap b1 and b2", "12.5s b1 and b2 stop flapping"]
    );
    // The same as the cuts that it is made of.
    let cuts = "{ id = \"a\", at = \"5s\", cut = [\"b1\", \"b2\"], for = \"1s\" },\n\
        { id = \"b\", at = \"8s\", cut = [\"b1\", \"b2\"], for = \"1s\" },\n\
        { id = \"c\", at = \"11s\", cut = [\"b1\", \"b2\"], for = \"1s\" },";
    let cut = run(&scenario(cuts, "").variants[0], 1);
    assert_eq!(outcome.fingerprint, cut.fingerprint);
}
