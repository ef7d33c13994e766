//! Moves of partitions under a throttle.

use std::sync::Arc;

use retrial::kafka::ids::TopicPartition;
use retrial::run::drive::Run;
use retrial::sim::time::SimTime;

use crate::case::parse;

/// A partition of 20 MB, or one that grows by 500 KB a second, moves from b1 to b2 at 30 s.
const FILE: &str = r#"
    question = "How long does the move take?"
    run_for = "120s"
    timeline = [
      { id = "join", at = "1s", start = "b2" },
      { id = "move", at = "30s", reassign = "orders-0", replicas = ["b2"] THROTTLE },
    ]
    [cluster]
    brokers = 1
    spare_brokers = 1
    [topics.orders]
    partitions = 1
    [producers.p1]
    topic = "orders"
    rate = "RATE/s"
    count = COUNT
    value_size = "10KB"
"#;

/// The run at this second.
fn run_to(second: u64, throttle: &str, rate: u32, count: u32) -> Run {
    let text = FILE
        .replace("THROTTLE", throttle)
        .replace("RATE", &rate.to_string())
        .replace("COUNT", &count.to_string());
    let scenario = parse(&text);
    let setup = scenario.variants[0]
        .setup
        .clone()
        .expect("nothing is refused");
    let mut run = Run::new(Arc::new(setup), 1);
    run.advance(SimTime::from_nanos(second * 1_000_000_000), &mut ());
    run
}

fn is_moving(run: &Run) -> bool {
    let registration = run.cluster.registration(TopicPartition::default());
    registration
        .expect("the topic exists")
        .reassignment
        .is_some()
}

/// When b2 became the leader, in whole seconds.
fn moved_at(run: &Run) -> Option<u64> {
    let mark = run
        .watch
        .marks
        .iter()
        .find(|mark| mark.label == "b2 leads orders-0");
    mark.map(|mark| mark.at.as_nanos() / 1_000_000_000)
}

#[test]
fn a_throttled_move_takes_its_bytes_divided_by_the_rate() {
    // 2,000 records of 10 KB in 20 s.
    for (throttle, from, to) in [
        ("", 30, 31),
        (", throttle = \"4MB/s\"", 34, 36),
        (", throttle = \"1MB/s\"", 48, 52),
    ] {
        let run = run_to(100, throttle, 100, 2_000);
        let at = moved_at(&run);
        assert!(
            at.is_some_and(|at| (from..=to).contains(&at)),
            "{throttle}: {at:?}"
        );
        assert!(!is_moving(&run));
    }
}

#[test]
fn a_throttle_below_the_rate_of_the_writes_never_ends() {
    // 500 KB a second until the end.
    let below = run_to(119, ", throttle = \"250KB/s\"", 50, 5_900);
    assert!(is_moving(&below) && moved_at(&below).is_none());
    let above = run_to(119, ", throttle = \"1MB/s\"", 50, 5_900);
    assert!(!is_moving(&above), "15 MB at 500 KB/s more than is written");
    assert!(
        moved_at(&above).is_some_and(|at| (55..=70).contains(&at)),
        "{:?}",
        moved_at(&above)
    );
}

#[test]
fn a_throttle_stays_after_the_move() {
    let run = run_to(100, ", throttle = \"4MB/s\"", 100, 2_000);
    let image = run.cluster.controller().image();
    assert_eq!(image.throttled_rates.len(), 2, "both brokers");
    let topic = image
        .topic(TopicPartition::default().topic)
        .expect("it exists");
    assert_eq!(topic.throttled.leader.to_string(), "0:1");
    assert_eq!(topic.throttled.follower.to_string(), "0:2");
}

#[test]
fn verifying_takes_the_throttle_back_when_the_move_is_over() {
    let verify = |at: &str| {
        let event = format!(
            ", throttle = \"4MB/s\" }},\n{{ at = \"{at}\", verify_reassignment = \"orders-0\""
        );
        run_to(100, &event, 100, 2_000)
    };
    let rates = |run: &Run| run.cluster.controller().image().throttled_rates.len();
    let early = verify("32s");
    assert_eq!(rates(&early), 2, "20 MB take 5 s");
    let late = verify("60s");
    assert_eq!(rates(&late), 0);
    let image = late.cluster.controller().image();
    let topic = image.topic(TopicPartition::default().topic);
    let throttled = &topic.expect("it exists").throttled;
    assert_eq!(throttled.leader.to_string(), "");
    assert_eq!(throttled.follower.to_string(), "");
}

/// What is wrong with the file when its move is this.
fn problems(action: &str) -> String {
    let text = FILE.replace(
        "reassign = \"orders-0\", replicas = [\"b2\"] THROTTLE",
        action,
    );
    let text = text.replace("RATE", "100").replace("COUNT", "100");
    let parsed = retrial::scenario::file::parse("throttle.toml", &text, &[]);
    parsed.err().map_or(String::new(), |all| all.to_string())
}

#[test]
fn a_throttle_goes_with_a_move_and_has_a_unit() {
    let taken_back = problems("reassign = \"orders-0\", throttle = \"2MB/s\"");
    assert!(
        taken_back.contains("`throttle` means nothing beside"),
        "{taken_back}"
    );
    let no_unit = problems("reassign = \"orders-0\", replicas = [\"b2\"], throttle = 7");
    assert!(no_unit.contains("throttle"), "{no_unit}");
    let misspelt = problems("reassign = \"orders-0\", replicas = [\"b2\"], throtle = \"2MB/s\"");
    assert!(misspelt.contains("has no key `throtle`"), "{misspelt}");
    let list = "alter_config = { topic = \"orders\", \"leader.replication.throttled.replicas\" = ";
    assert_eq!(problems(&format!("{list}\"*\" }}")), "");
    assert!(problems(&format!("{list}\"0-1\" }}")).contains("must be the literal '*'"));
}
