//! Topics that do not exist until a client asks for them.

use retrial::run::Outcome;
use retrial::run::drive::run;

fn parse(text: &str) -> Result<retrial::scenario::model::Scenario, String> {
    retrial::scenario::file::parse("auto-creation.toml", text, &[])
        .map_err(|problems| format!("{problems}"))
}

const FILE: &str = r#"
    question = "Does the topic come into being?"
    run_for = "60s"
    [cluster]
    brokers = 3
    config = { CLUSTER }
    [topics.orders]
    auto_create = true
    [topics.refunds]
    partitions = 2
    [producers.p1]
    topic = "orders"
    rate = "10/s"
    count = 20
    keys = { uniform = 100 }
    config = { "max.block.ms" = "5s" }
    [groups.billing]
    topics = ["orders"]
    members = 1
    protocol = "assign"
    config = { GROUP }
"#;

fn outcome(cluster: &str, group: &str) -> Outcome {
    let text = FILE.replace("CLUSTER", cluster).replace("GROUP", group);
    let scenario = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    run(&scenario.variants[0], 1)
}

#[test]
fn a_topic_that_is_asked_for_comes_into_being_and_the_client_retries() {
    let outcome = outcome(
        r#""num.partitions" = 3, "default.replication.factor" = 3"#,
        "",
    );
    assert_eq!(outcome.delivery.acked, 20);
    assert_eq!(outcome.delivery.readable, 20);
    let brokers = (1..=3).map(|id| outcome.metrics.get(&format!("appended_records.b{id}")));
    let leading = brokers.filter(|records| records.is_some_and(|records| *records > 0));
    assert_eq!(leading.count(), 3, "three partitions, led by three brokers");
    assert_eq!(outcome.groups["billing"].processed, 20);
    assert!(outcome.settled, "{:?}", outcome.unsettled);
}

#[test]
fn without_auto_create_topics_enable_send_fails_after_max_block_ms() {
    let outcome = outcome(r#""auto.create.topics.enable" = false"#, "");
    let delivery = &outcome.delivery;
    assert_eq!(
        (delivery.sent, delivery.acked, delivery.readable),
        (20, 0, 0)
    );
    assert_eq!(delivery.refused, 20);
    assert_eq!(delivery.told_timeout, 20, "TimeoutException");
    // Each send blocks for 5 s, one after the other.
    assert!(outcome.ended_at.as_nanos() >= 100_000_000_000);
}

#[test]
fn too_few_brokers_for_the_default_replication_factor_create_nothing() {
    let outcome = outcome(r#""default.replication.factor" = 4"#, "");
    assert_eq!(outcome.delivery.acked, 0);
}

#[test]
fn a_consumer_creates_a_topic_unless_it_must_not() {
    let silent = FILE.replace("count = 20", "count = 1\n    start = \"50s\"");
    let created = |group: &str| {
        let text = silent.replace("CLUSTER", "").replace("GROUP", group);
        let scenario = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let setup = scenario.variants[0]
            .setup
            .clone()
            .expect("nothing is refused");
        let mut run = retrial::run::drive::Run::new(std::sync::Arc::new(setup), 1);
        run.advance(
            retrial::sim::time::SimTime::from_nanos(40_000_000_000),
            &mut (),
        );
        let image = run.cluster.controller().image();
        image.topic(retrial::kafka::ids::TopicId(0)).is_some()
    };
    assert!(created(""));
    assert!(!created(r#""allow.auto.create.topics" = false"#));
}

#[test]
fn a_misspelt_topic_is_still_told_with_the_nearest_name() {
    let text = FILE.replace("CLUSTER", "").replace("GROUP", "");
    let problems = parse(&text.replace("topic = \"orders\"", "topic = \"order\"")).unwrap_err();
    assert!(problems.contains("there is no topic `order`"), "{problems}");
    let beside = text.replace(
        "auto_create = true",
        "auto_create = true\n    partitions = 3",
    );
    let problems = parse(&beside).unwrap_err();
    assert!(
        problems.contains("`partitions` means nothing beside `auto_create`"),
        "{problems}"
    );
}
