//! The schema against a validator: it takes what `check` takes and knows every key.

use std::path::Path;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::Value;

use crate::scenario::file::parse;
use crate::scenario::keys::{ALL, TableDoc};
use crate::scenario::library::library;
use crate::scenario::schema::schema;
use crate::scenario::tests::{bad_files, flags, properties};
use crate::scenario::write::write;

fn validator() -> Validator {
    let schema = schema();
    assert!(
        jsonschema::draft7::meta::is_valid(&schema),
        "it is a schema itself"
    );
    jsonschema::draft7::new(&schema).expect("the schema is well formed")
}

/// A TOML text as JSON, as an editor hands it to its validator; none for what is no TOML.
fn json(text: &str) -> Option<Value> {
    let table: toml::Table = text.parse().ok()?;
    serde_json::to_value(table).ok()
}

fn assert_valid(validator: &Validator, text: &str) {
    let json = json(text).expect("the text is TOML");
    let errors: Vec<String> = (validator.iter_errors(&json))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}\n{text}", errors.join("\n"));
}

#[test]
fn every_scenario_of_the_library_is_valid() {
    let validator = validator();
    for entry in library() {
        assert_valid(&validator, entry.source);
    }
}

#[test]
fn a_bad_file_with_an_unknown_key_or_word_is_not_valid() {
    let validator = validator();
    let mut refused = 0;
    for path in bad_files() {
        let text = std::fs::read_to_string(&path).expect("the test's own input is sound");
        if !flags(&text).is_empty() {
            continue;
        }
        let problems = parse("x", &text, &[]).unwrap_err();
        let mut codes = problems
            .problems
            .iter()
            .map(|located| located.problem.code());
        let by_name = ["unknown_key", "unknown_config", "wrong_type"];
        if !codes.any(|code| by_name.contains(&code)) {
            continue;
        }
        let json = json(&text).expect("such a file is TOML");
        assert!(!validator.is_valid(&json), "{}", path.display());
        refused += 1;
    }
    assert!(refused >= 5, "only {refused} bad files were looked at");
}

/// Every example stands in the schema's descriptions, so each must be valid where it belongs.
#[test]
fn every_example_is_valid_where_it_belongs() {
    let validator = validator();
    for doc in ALL {
        for key in doc.keys {
            let Some(text) = around(doc, key.name, key.example) else {
                continue;
            };
            assert_valid(&validator, &text);
            let unknown = text.replacen(key.example, "no_such_key = 1", 1);
            let unknown = json(&unknown).expect("still TOML");
            assert!(
                !validator.is_valid(&unknown),
                "{}: an unknown key",
                doc.header
            );
        }
    }
}

/// A file with the example in its table; none for headers, which other examples bring along.
fn around(doc: &TableDoc, name: &str, example: &str) -> Option<String> {
    if example.starts_with('[') {
        return None;
    }
    let question = if name == "question" {
        ""
    } else {
        "question = \"?\"\n"
    };
    let producer = |more: &str| {
        let has = |key: &str| more.starts_with(key);
        let topic = if has("topic ") {
            ""
        } else {
            "topic = \"orders\"\n"
        };
        let rate = if has("rate ") { "" } else { "rate = \"1/s\"\n" };
        format!("{question}[producers.p1]\n{topic}{rate}{more}\n")
    };
    let group = |more: &str| {
        let has = |key: &str| more.starts_with(key);
        let topics = if has("topics ") {
            ""
        } else {
            "topics = [\"orders\"]\n"
        };
        let protocol = if has("protocol ") {
            ""
        } else {
            "protocol = \"assign\"\n"
        };
        format!("{question}[groups.billing]\n{topics}{protocol}{more}\n")
    };
    Some(match doc.header {
        "top of the file" => format!("{question}{example}\n"),
        "[producers.NAME]" => producer(example),
        "`keys` of [producers.NAME]" => producer(&format!("keys = {{ {example} }}")),
        "[groups.NAME]" => group(example),
        "`on_error` of [producers.NAME]" => producer(&format!("on_error = {{ {example} }}")),
        "`compress` of [costs]" => format!("{question}[costs]\ncompress = {{ {example} }}\n"),
        "`decompress` of [costs]" => format!("{question}[costs]\ndecompress = {{ {example} }}\n"),
        "`handler` of [groups.NAME]" => group(&format!("handler = {{ {example} }}")),
        "an event of `timeline`" => event(name, example),
        "`features` of [cluster]" => format!("{question}[cluster.features]\n{example}\n"),
        "`latency` of [network]" => {
            let other = if name == "base" {
                "mean = \"1ms\""
            } else {
                "base = \"1ms\""
            };
            format!("{question}[network]\nlatency = {{ {example}, {other} }}\n")
        }
        header => format!(
            "{question}{}\n{example}\n",
            header.replace("NAME", "orders")
        ),
    })
}

/// An event that has the key and whatever else it then needs.
fn event(name: &str, example: &str) -> String {
    let waits = ["on", "nth", "every", "chance", "after", "then"].contains(&name);
    let when = match name {
        "at" | "on" => "",
        _ if waits => "on = \"isr shrunk orders-0\", ",
        _ => "at = \"1s\", ",
    };
    let needs = match name {
        "slow_link" | "slow_disk" => ", delay = \"1ms\"",
        "skew_clock" => ", by = \"1s\"",
        "flap" => ", down = \"1s\", up = \"1s\"",
        "down" => ", flap = [\"b1\", \"b2\"], up = \"1s\"",
        "up" => ", flap = [\"b1\", \"b2\"], down = \"1s\"",
        "rolling_restart" => ", for = \"1s\", gap = \"1s\"",
        "gap" => ", rolling_restart = \"brokers\", for = \"1s\"",
        "corrupt" => ", share = \"1%\"",
        "log_dir" => ", fail_disk = \"b1\"",
        "share" => ", corrupt = [\"p1\", \"b1\"]",
        "grow" => ", to = 8",
        "to" => ", grow = \"orders\"",
        "election" => ", elect = \"orders-0\"",
        "throttle" => ", reassign = \"orders-0\", replicas = [\"b1\"]",
        "replicas" => ", reassign = \"orders-0\"",
        "before" => ", delete_records = \"orders-0\"",
        "delay" => ", slow_disk = \"b1\"",
        "by" => ", skew_clock = \"b1\"",
        "id" | "at" | "on" | "nth" | "every" | "chance" | "after" | "for" => ", crash = \"b1\"",
        _ => "",
    };
    format!("question = \"?\"\ntimeline = [{{ {when}{example}{needs} }}]\n")
}

#[test]
fn an_event_does_one_thing_at_one_time() {
    let validator = validator();
    for event in [
        "at = \"1s\"",
        "crash = \"b1\"",
        "at = \"1s\", crash = \"b1\", stop = \"b1\"",
        "at = \"1s\", on = \"isr shrunk orders-0\", crash = \"b1\"",
        "at = \"1s\", slow_disk = \"b1\"",
        "on = \"leader shrugged orders-0\", crash = \"b1\"",
    ] {
        let text = format!("question = \"?\"\ntimeline = [{{ {event} }}]\n");
        let json = json(&text).expect("the text is TOML");
        assert!(!validator.is_valid(&json), "{event}");
    }
}

#[test]
fn kafkas_names_are_completed_and_others_refused() {
    let validator = validator();
    let topic = |config: &str| format!("question = \"?\"\n[topics.orders]\n{config}\n");
    assert_valid(
        &validator,
        &topic("config = { \"min.insync.replicas\" = 2 }"),
    );
    assert_valid(&validator, &topic("config.min.insync.replicas = 2"));
    let wrong = json(&topic("config = { \"min.insync.replica\" = 2 }")).expect("the text is TOML");
    assert!(!validator.is_valid(&wrong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_valid(scenario in properties::scenario()) {
        let text = write(&scenario).expect("the test's own input is sound");
        assert_valid(&validator(), &text);
    }
}

#[test]
fn the_schema_names_a_file_in_the_reference() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/scenario-reference.md");
    let page = std::fs::read_to_string(page).expect("the page exists");
    assert!(
        page.contains("retrial schema"),
        "the page says how an editor gets it"
    );
}
