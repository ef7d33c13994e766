//! What administrators ask for, over the wire: from a tool to a broker to the controller and back.

use retrial::run::Outcome;
use retrial::run::drive::run;

use crate::case::parse;

/// A cluster under this timeline.
fn outcome(timeline: &str) -> Outcome {
    let text = r#"
        question = "What does the administrator get?"
        run_for = "90s"
        timeline = [ TIMELINE ]
        [cluster]
        brokers = 3
        spare_brokers = 1
        [topics.orders]
        partitions = 2
        replication_factor = 3
        [producers.p1]
        topic = "orders"
        rate = "20/s"
        count = 200
    "#;
    run(&parse(&text.replace("TIMELINE", timeline)).variants[0], 3)
}

/// Whether the event has hit, and what became of it in words.
fn fate(outcome: &Outcome, id: &str) -> (bool, String) {
    let report = outcome.faults.iter().find(|report| *report.id == *id);
    let report = report.expect("the event is in the timeline");
    (report.hit, report.what.clone())
}

#[test]
fn an_answer_with_an_error_is_no_hit_and_is_told() {
    let outcome =
        outcome(r#"{ at = "5s", elect = "orders-0" }, { at = "6s", grow = "orders", to = 2 }"#);
    let told = "elect orders-0: ELECTION_NOT_NEEDED".to_owned();
    assert_eq!(fate(&outcome, "elect"), (false, told));
    let told = "grow orders to 2: INVALID_PARTITIONS".to_owned();
    assert_eq!(fate(&outcome, "grow"), (false, told));
    let labels: Vec<&str> = outcome.marks.iter().map(|mark| &*mark.label).collect();
    assert!(labels.contains(&"elect: ELECTION_NOT_NEEDED"), "{labels:?}");
    assert_eq!(outcome.metrics["commands_failed"], 2);
}

#[test]
fn a_tool_outlives_a_broker_and_a_controller_that_are_away_for_a_while() {
    let outcome = outcome(
        r#"{ id = "broker", at = "4s", crash = "b2", for = "20s" },
           { id = "controller", at = "4s", crash = "c1", for = "20s" },
           { at = "5s", grow = "orders", to = 4 }"#,
    );
    assert_eq!(
        fate(&outcome, "grow"),
        (true, "grow orders to 4".to_owned())
    );
}

#[test]
fn a_tool_without_a_controller_gives_up_after_a_minute() {
    let outcome = outcome(
        r#"{ id = "controller", at = "4s", crash = "c1", for = "80s" },
           { at = "5s", grow = "orders", to = 4 }"#,
    );
    let told = "grow orders to 4: REQUEST_TIMED_OUT".to_owned();
    assert_eq!(fate(&outcome, "grow"), (false, told));
}

#[test]
fn brokers_that_are_all_down_answer_nobody() {
    let outcome = outcome(
        r#"{ id = "all", at = "4s", crash = ["b1", "b2", "b3"], for = "80s" },
           { at = "5s", delete_records = "orders-0" }"#,
    );
    let told = "delete records of orders-0: REQUEST_TIMED_OUT".to_owned();
    assert_eq!(fate(&outcome, "delete_records"), (false, told));
}

#[test]
fn a_reassignment_to_where_the_partition_is_does_nothing() {
    let orders = ["123", "132", "213", "231", "312", "321"];
    let moves = orders.map(|order| {
        let brokers: Vec<String> = order.chars().map(|id| format!("\"b{id}\"")).collect();
        let replicas = brokers.join(", ");
        let outcome = outcome(&format!(
            r#"{{ at = "5s", reassign = "orders-0", replicas = [{replicas}] }}"#
        ));
        fate(&outcome, "reassign").0
    });
    let hits = moves.iter().filter(|hit| **hit).count();
    assert_eq!(hits, 5, "one of the six orders is the one that it has");
}

#[test]
fn nothing_can_be_taken_back_where_nothing_is_under_way() {
    let outcome = outcome(r#"{ at = "5s", reassign = "orders-0" }"#);
    let told = "cancel reassignment of orders-0: NO_REASSIGNMENT_IN_PROGRESS".to_owned();
    assert_eq!(fate(&outcome, "reassign"), (false, told));
}

#[test]
fn unregistering_a_broker_that_is_away_strikes_it_off() {
    let outcome = outcome(r#"{ at = "4s", crash = "b3" }, { at = "20s", unregister = "b3" }"#);
    assert_eq!(
        fate(&outcome, "unregister"),
        (true, "unregister b3".to_owned())
    );
}
