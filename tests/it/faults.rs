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
fn a_rack_is_its_brokers() {
    let timeline = "{ id = \"e\", at = \"10s\", power_loss = \"rack(a)\", for = \"5s\" }";
    let more = "[cluster]\nbrokers = 3\nracks = [\"a\", \"b\"]\n";
    let outcome = run(&scenario(timeline, more).variants[0], 1);
    assert!(
        labels(&outcome).contains(&"10s power loss b1 and b3".to_owned()),
        "{:?}",
        labels(&outcome)
    );
}

#[test]
fn an_isolated_rack_talks_within_itself() {
    let leads = "[topics.inner]\nreplication_factor = 2\n";
    let timeline = "{ id = \"e\", at = \"5s\", isolate = \"rack(a)\" }";
    let more = format!("[cluster]\nbrokers = 3\nracks = [\"a\", \"b\"]\n{leads}");
    let setup = scenario(timeline, &more).variants[0].setup.clone();
    let mut run = Run::new(Arc::new(setup.expect("nothing is refused")), 1);
    run.advance(SimTime::from_nanos(6 * SECOND), &mut ());
    let (world, hosts) = (&run.cluster.world, &run.cluster.hosts);
    let [b1, b2, b3] = ["b1", "b2", "b3"].map(|name| hosts.find(name).expect("a broker"));
    assert!(!world.is_cut(b1, b3) && !world.is_cut(b3, b1));
    assert!(world.is_cut(b1, b2) && world.is_cut(b2, b3));
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
    // b1 is told to go at its second heartbeat: it is down for 3 s from there.
    assert_eq!(
        running(&until(timeline, 8 * SECOND)),
        ["c1", "b2", "b3", "p1", "billing-1"]
    );
    let outcome = outcome(timeline);
    let marks = outcome
        .marks
        .iter()
        .filter(|mark| !mark.label.contains("leads"));
    let (at, words): (Vec<u64>, Vec<&str>) = marks
        .map(|mark| (mark.at.as_millis(), mark.label.as_str()))
        .unzip();
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
    assert_eq!(
        (at[2] - at[1], at[4] - at[3]),
        (4_000, 4_000),
        "the gap: {at:?}"
    );
    assert!(at[1] - at[0] > 3_000 && at[3] - at[2] > 3_000, "{at:?}");
    assert!(outcome.faults[0].hit);
    assert_eq!(outcome.delivery.acked, 1000);
    assert_eq!((outcome.delivery.lost, outcome.delivery.duplicated), (0, 0));
    assert_eq!(outcome.metrics["unclean_elections"], 0);
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
        ["5s flap b1 and b2", "12500ms b1 and b2 stop flapping"]
    );
    // The same as the cuts that it is made of.
    let cuts = "{ id = \"a\", at = \"5s\", cut = [\"b1\", \"b2\"], for = \"1s\" },\n\
        { id = \"b\", at = \"8s\", cut = [\"b1\", \"b2\"], for = \"1s\" },\n\
        { id = \"c\", at = \"11s\", cut = [\"b1\", \"b2\"], for = \"1s\" },";
    let cut = run(&scenario(cuts, "").variants[0], 1);
    assert_eq!(outcome.fingerprint, cut.fingerprint);
}

#[test]
fn a_damaged_produce_is_refused_and_sent_again() {
    let timeline = "{ id = \"wire\", at = \"5s\", corrupt = [\"p1\", \"leader(orders-0)\"], \
        share = \"30%\", for = \"5s\" },";
    let outcome = outcome(timeline);
    assert!(outcome.faults[0].hit);
    assert!(
        outcome.metrics["produce_refused"] >= 5,
        "{:?}",
        outcome.metrics
    );
    assert!(outcome.metrics["retries"] >= outcome.metrics["produce_refused"]);
    let delivery = &outcome.delivery;
    assert_eq!((delivery.acked, delivery.lost), (1000, 0));
    assert_eq!((delivery.duplicated, delivery.reordered), (0, 0));
    let label = &labels(&outcome)[0];
    assert!(label.starts_with("5s corrupt p1 and b"), "{label}");
}

#[test]
fn a_follower_appends_nothing_damaged_and_asks_again() {
    let timeline = "{ id = \"wire\", at = \"5s\", corrupt = [\"replica(orders-0, 1)\", \
        \"replica(orders-0, 2)\"], share = \"100%\", for = \"8s\" },";
    let outcome = outcome(timeline);
    assert!(outcome.faults[0].hit);
    // Every fetch fails for 8 s, a second apart: acknowledgements wait, and all comes in the end.
    assert!(
        outcome.metrics["ack_max_ns"] > 7_000_000_000,
        "{:?}",
        outcome.metrics
    );
    assert_eq!((outcome.delivery.acked, outcome.delivery.lost), (1000, 0));
}

#[test]
fn a_consumer_stops_at_a_damaged_batch() {
    let timeline = "{ id = \"wire\", on = \"group read orders-0\", nth = 20, \
        corrupt = [\"here\", \"leader(orders-0)\"], share = \"100%\", for = \"1s\" },";
    let whole = outcome("");
    let damaged = outcome(timeline);
    assert!(damaged.faults[0].hit);
    // It ended with its exception and read on only when it was started again, at the heal.
    assert_eq!(whole.delivery.late, 0);
    assert!(damaged.delivery.late > 100, "{:?}", damaged.delivery);
    assert_eq!(damaged.delivery.readable, 1000);
}

#[test]
fn one_message_can_be_damaged_and_no_other() {
    let timeline =
        "{ id = \"third\", on = \"produce sent orders-0\", nth = 3, then = \"corrupt\" },";
    let outcome = outcome(timeline);
    assert!(outcome.faults[0].hit);
    assert_eq!(outcome.faults[0].what, "corrupt a batch of p1");
    assert_eq!(outcome.metrics["produce_refused"], 1);
    assert_eq!(outcome.delivery.acked, 1000);
}

#[test]
fn corruption_where_nothing_flows_has_hit_nothing() {
    for lasts in ["for = \"5s\"", "id = \"idle\""] {
        let timeline =
            format!("{{ at = \"5s\", corrupt = [\"p1\", \"c1\"], share = \"100%\", {lasts} }},");
        let outcome = outcome(&timeline);
        assert!(!outcome.faults[0].hit, "{lasts}");
    }
    // Without an end it is over at the heal, and what it has damaged till then counts.
    let all = "{ at = \"5s\", corrupt = [\"p1\", \"leader(orders-0)\"], share = \"10%\" },";
    assert!(outcome(all).faults[0].hit);
}

#[test]
fn a_chance_is_drawn_each_time_by_the_seed() {
    let event = |chance: &str| {
        format!(
            "{{ id = \"e\", on = \"produce answered orders-0\", {chance}, reset = [\"p1\", \"here\"] }},"
        )
    };
    let resets = |timeline: &str| labels(&outcome(timeline)).len();
    let (some, all) = (
        resets(&event("chance = \"2%\"")),
        resets(&event("chance = \"20%\"")),
    );
    assert!(0 < some && some * 2 < all, "{some} of {all}");
}
