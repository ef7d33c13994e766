//! Texts out of numbers: files and flags that are nearly right.

use std::fmt::Write as _;

use retrial::kafka::config::broker::BrokerConfig;
use retrial::kafka::config::consumer::ConsumerConfig;
use retrial::kafka::config::producer::ProducerConfig;
use retrial::kafka::config::topic::TopicConfig;
use retrial::kafka::config::value::Kind;
use retrial::kafka::config::{Component, describe, names};
use retrial::scenario::keys::apps::{GROUP, PRODUCER};
use retrial::scenario::keys::event::EVENT;
use retrial::scenario::keys::hosts::{CLUSTER, COSTS, DISKS, NETWORK, TOPIC};
use retrial::scenario::keys::{ACTIONS, ALL, Key, SET_UP, TableDoc, Takes};
use retrial::scenario::moment::OF_PARTITION;

/// Numbers that were drawn before, in a circle.
pub(crate) struct Dice<'d> {
    draws: &'d [u32],
    next: usize,
}

impl<'d> Dice<'d> {
    pub(crate) fn new(draws: &'d [u32]) -> Self {
        Self { draws, next: 0 }
    }

    /// Less than `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let round = self.next / self.draws.len();
        let draw = self.draws[self.next % self.draws.len()] as usize;
        self.next += 1;
        (draw + round) % limit.max(1)
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// True once in `n` times.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }
}

/// Pieces of TOML in any order.
pub(crate) fn tokens(dice: &mut Dice<'_>) -> String {
    const TOKENS: [&str; 28] = [
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ",",
        ".",
        "\n",
        "\"",
        "'''",
        "#",
        " ",
        "\\",
        "\u{0}",
        "question",
        "topics",
        "timeline",
        "variants",
        "claims",
        "config",
        "1",
        "-9e99",
        "true",
        "\"1s\"",
        "1979-05-27",
        "\u{1f980}",
    ];
    let mut text = String::new();
    for _ in 0..dice.below(80) {
        let token = if dice.once_in(6) {
            let doc = dice.of(&ALL);
            doc.keys[dice.below(doc.keys.len())].example
        } else {
            dice.of(&TOKENS)
        };
        text.push_str(token);
    }
    text
}

/// A scenario file: the right tables, most keys right, most values good.
pub(crate) fn file(dice: &mut Dice<'_>) -> String {
    // A share of files has nothing wrong on purpose.
    let wild = dice.once_in(2);
    let mut text = String::from("question = \"?\"\n");
    let run_for = dice.of(&["1ms", "2s", "5s", "40s", "365d"]);
    line(&mut text, "run_for", &format!("\"{run_for}\""));
    let drain_for = dice.of(&["0s", "1s", "5m"]);
    line(&mut text, "drain_for", &format!("\"{drain_for}\""));
    let events = dice.below(4);
    if events > 0 {
        text.push_str("timeline = [\n");
        for i in 0..events {
            writeln!(text, "  {},", event(dice, i, wild)).expect("a string takes all");
        }
        text.push_str("]\n");
    }
    let brokers = dice.of(&["1", "3", "3", "3", "5"]);
    writeln!(text, "[cluster]\nbrokers = {brokers}").expect("a string takes all");
    config::<BrokerConfig>(&mut text, dice, wild);
    writeln!(text, "[topics.orders]").expect("a string takes all");
    line(&mut text, "partitions", dice.of(&["1", "2", "3", "7"]));
    line(
        &mut text,
        "replication_factor",
        dice.of(&["1", "1", "2", "3"]),
    );
    config::<TopicConfig>(&mut text, dice, wild);
    for name in ["p1", "p2"].iter().take(dice.below(3)) {
        writeln!(text, "[producers.{name}]\ntopic = \"orders\"").expect("a string takes all");
        let rate = dice.of(&["1/s", "100/s", "10k/s", "flood", "1/1ns"]);
        line(&mut text, "rate", &format!("\"{rate}\""));
        line(&mut text, "count", dice.of(&["1", "10", "1000", "100000"]));
        keys(
            &mut text,
            dice,
            &PRODUCER,
            &["topic", "rate", "count", "config", "start"],
            wild,
        );
        config::<ProducerConfig>(&mut text, dice, wild);
    }
    for name in ["billing", "audit"].iter().take(dice.below(3)) {
        writeln!(
            text,
            "[groups.{name}]\ntopics = [\"orders\"]\nprotocol = \"assign\""
        )
        .expect("a string takes all");
        line(&mut text, "members", dice.of(&["1", "2", "5"]));
        let done = ["topics", "protocol", "members", "config", "start", "pauses"];
        keys(&mut text, dice, &GROUP, &done, wild);
        config::<ConsumerConfig>(&mut text, dice, wild);
    }
    for doc in [&NETWORK, &DISKS, &COSTS] {
        if dice.once_in(2) {
            writeln!(text, "{}", doc.header).expect("a string takes all");
            keys(&mut text, dice, doc, &[], wild);
        }
    }
    if dice.once_in(3) {
        let flag = flag(dice).replacen('=', " = ", 1);
        writeln!(text, "[variants.other]\n{flag}").expect("a string takes all");
    }
    text
}

/// A `--set` flag.
pub(crate) fn flag(dice: &mut Dice<'_>) -> String {
    let tables: [(&str, &TableDoc); 8] = [
        ("cluster", &CLUSTER),
        ("topics.orders", &TOPIC),
        ("producers.p1", &PRODUCER),
        ("groups.billing", &GROUP),
        ("network", &NETWORK),
        ("disks", &DISKS),
        ("costs", &COSTS),
        ("timeline.crash", &EVENT),
    ];
    if dice.once_in(8) {
        let key = dice.of(&SET_UP);
        return format!("{key}={}", any_value(dice));
    }
    let (path, doc) = dice.of(&tables);
    let key = &doc.keys[dice.below(doc.keys.len())];
    if key.takes == Takes::Config {
        let (name, kind) = match path {
            "cluster" => some_config::<BrokerConfig>(dice),
            "topics.orders" => some_config::<TopicConfig>(dice),
            "producers.p1" => some_config::<ProducerConfig>(dice),
            _ => some_config::<ConsumerConfig>(dice),
        };
        return format!("{path}.config.\"{name}\"={}", config_value(kind, dice));
    }
    format!("{path}.{}={}", key.name, value(key, dice, false))
}

fn line(text: &mut String, key: &str, value: &str) {
    writeln!(text, "{key} = {value}").expect("a string takes all");
}

/// Some keys of a table that are not there yet.
fn keys(text: &mut String, dice: &mut Dice<'_>, doc: &TableDoc, done: &[&str], wild: bool) {
    for key in doc.keys.iter().filter(|key| !done.contains(&key.name)) {
        if dice.once_in(2) {
            line(text, key.name, &value(key, dice, wild));
        }
    }
    if wild && dice.once_in(12) {
        line(text, "no_such_key", "1");
    }
}

fn event(dice: &mut Dice<'_>, index: usize, wild: bool) -> String {
    let when = if dice.once_in(3) {
        let (phrase, ..) = dice.of(&OF_PARTITION);
        let more = dice.of(&["", "", ", every = true", ", nth = 3", ", after = \"1s\""]);
        format!("on = \"{phrase} orders-0\"{more}")
    } else {
        let at = dice.of(&["0s", "1ms", "500ms", "1s..2s"]);
        format!("at = \"{at}\"")
    };
    let action = dice.of(&ACTIONS);
    let node = |dice: &mut Dice<'_>| format!("\"{}\"", some_node(dice, wild));
    let on = match action.name {
        "alter_config" => "{ topic = \"orders\", \"retention.ms\" = \"1s\" }".to_owned(),
        "alter_quotas" => "{ client = \"default\", producer_byte_rate = \"1MB/s\" }".to_owned(),
        "delete_records" => "\"orders-0\"".to_owned(),
        _ if action.two_nodes => format!("[{}, {}]", node(dice), node(dice)),
        _ if dice.once_in(5) => "\"brokers\"".to_owned(),
        _ => node(dice),
    };
    let mut more = String::new();
    for key in action.needs {
        let value = match *key {
            "by" => "\"-1h\"",
            "before" => "7",
            "for" => continue,
            _ => "\"40ms\"",
        };
        write!(more, ", {key} = {value}").expect("a string takes all");
    }
    if action.needs.contains(&"for") || action.lasts && dice.once_in(2) {
        let lasts = dice.of(&["1ns", "100ms", "2s"]);
        write!(more, ", for = \"{lasts}\"").expect("a string takes all");
    }
    let id = if wild && dice.once_in(9) { 0 } else { index };
    format!("{{ id = \"e{id}\", {when}, {} = {on}{more} }}", action.name)
}

fn some_node(dice: &mut Dice<'_>, wild: bool) -> &'static str {
    const GOOD: [&str; 5] = [
        "b1",
        "leader(orders-0)",
        "follower(orders-0)",
        "replica(orders-0, 1)",
        "c1",
    ];
    const WILD: [&str; 6] = ["b9", "p1", "billing-1", "nobody", "", "leader(orders-99)"];
    if wild && dice.once_in(4) {
        dice.of(&WILD)
    } else {
        dice.of(&GOOD)
    }
}

/// A value that a key takes, at its bounds and between; or, if `wild`, something else now and then.
fn value(key: &Key, dice: &mut Dice<'_>, wild: bool) -> String {
    if wild && dice.once_in(10) {
        return any_value(dice);
    }
    let edge = wild && dice.once_in(6);
    let quoted = |text: String| format!("\"{text}\"");
    match key.takes {
        Takes::Count { min, max } if edge => {
            dice.of(&[min, max, max.saturating_add(1)]).to_string()
        }
        Takes::Count { min, max } => dice
            .of(&[min, (min + 1).min(max), 3.clamp(min, max)])
            .to_string(),
        Takes::Duration { min, max } if edge => quoted(dice.of(&[min, max]).to_string()),
        Takes::Duration { min, max } => {
            let zero = min.is_zero() && dice.once_in(3);
            let some = dice.of(&["1ns", "30us", "2ms", "1s"]);
            let long = retrial::sim::time::SimDuration::parse(some).is_ok_and(|span| span <= max);
            quoted(if zero || !long {
                min.to_string()
            } else {
                some.to_owned()
            })
        }
        Takes::Size { min, max } if edge => quoted(format!("{}B", dice.of(&[min, max]))),
        Takes::Size { min, .. } if min > 1_000 => {
            quoted(dice.of(&["1MB", "50MB", "1TB"]).to_owned())
        }
        Takes::Size { .. } => quoted(dice.of(&["0B", "1B", "100B", "1KiB", "1MiB"]).to_owned()),
        Takes::Bandwidth { .. } => quoted(dice.of(&["1kB/s", "1MB/s", "1TB/s"]).to_owned()),
        Takes::Share => quoted(dice.of(&["0%", "1%", "50%", "99.9999%", "1/3"]).to_owned()),
        Takes::Word(words) => quoted(dice.of(words).to_owned()),
        Takes::Form(_) if key.name == "latency" => dice
            .of(&[
                "\"1us\"",
                "\"1ms\"",
                "\"0s..1ms\"",
                "{ base = \"0s\", mean = \"1ms\" }",
            ])
            .to_owned(),
        Takes::Form(_) if key.name == "keys" => dice
            .of(&[
                "\"none\"",
                "{ uniform = 1 }",
                "{ cycle = 7 }",
                "{ uniform = 4294967295 }",
            ])
            .to_owned(),
        Takes::Table => dice
            .of(&["{ takes = \"0s\" }", "{ takes = \"2ms\" }", "{}"])
            .to_owned(),
        Takes::True => "true".to_owned(),
        Takes::Targets => quoted(some_node(dice, wild).to_owned()),
        Takes::Nodes => format!(
            "[\"{}\", \"{}\"]",
            some_node(dice, wild),
            some_node(dice, wild)
        ),
        Takes::Instant => quoted(dice.of(&["0s", "1s", "1s..2s"]).to_owned()),
        Takes::SignedDuration => quoted(dice.of(&["-1h", "+1d", "1ns"]).to_owned()),
        Takes::Rate => quoted(dice.of(&["1/s", "flood", "1k/m"]).to_owned()),
        Takes::Text | Takes::Texts | Takes::Form(_) | Takes::Config => any_value(dice),
    }
}

fn any_value(dice: &mut Dice<'_>) -> String {
    dice.of(&[
        "0",
        "-1",
        "1",
        "99999999999999999999",
        "1.5",
        "true",
        "\"\"",
        "\"off\"",
        "\"flood\"",
        "\"1s\"",
        "\"-5ns\"",
        "\"99999999d\"",
        "\"0.0000000000000000000001s\"",
        "[]",
        "[[]]",
        "{}",
        "{ a = 1 }",
        "1979-05-27",
        "\"\\u0000\"",
        "\"\u{1f980}\"",
        "nan",
    ])
    .to_owned()
}

fn config<C: Component>(text: &mut String, dice: &mut Dice<'_>, wild: bool) {
    let mut set: Vec<&str> = Vec::new();
    for _ in 0..dice.below(5) {
        let (name, kind) = some_config::<C>(dice);
        if set.contains(&name) {
            continue;
        }
        set.push(name);
        let value = if wild && dice.once_in(8) {
            any_value(dice)
        } else {
            config_value(kind, dice)
        };
        line(text, &format!("config.\"{name}\""), &value);
    }
}

fn some_config<C: Component>(dice: &mut Dice<'_>) -> (&'static str, Kind) {
    let all: Vec<&'static str> = names::<C>().collect();
    let name = dice.of(&all);
    (
        name,
        describe::<C>(name).expect("it is one of the names").kind,
    )
}

fn config_value(kind: Kind, dice: &mut Dice<'_>) -> String {
    match kind {
        Kind::Millis(bounds) | Kind::Bytes(bounds) | Kind::Count(bounds) => {
            let some = [bounds.min, bounds.min + 1, 1_000, 100_000, bounds.max];
            let number = dice.of(&some).clamp(bounds.min, bounds.max);
            number.to_string()
        }
        Kind::Boolean => dice.of(&["true", "false"]).to_owned(),
        Kind::OffsetReset => dice
            .of(&["\"earliest\"", "\"latest\"", "\"by_duration:PT1S\""])
            .to_owned(),
        Kind::Text => dice.of(&["\"\"", "\"app 1\"", "\"p1\""]).to_owned(),
        Kind::OneOf(words) => format!("\"{}\"", dice.of(words)),
    }
}
