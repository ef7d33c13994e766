//! The format key by key, and its page in the book.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it looks for"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::report::claims::judge;
use crate::report::hand_made::{outcome, scenario, with_lost};
use crate::report::survey::Survey;
use crate::report::{Report, json, metrics};
use crate::run::{Outcome, Violation, drive};
use crate::scenario::file::parse;
use crate::scenario::library::find;
use crate::scenario::model::{RefusedConfig, Scenario};
use crate::sim::time::SimTime;

fn line(scenario: &Scenario, outcomes: Vec<Outcome>) -> String {
    let judgement = judge(scenario, 7, &outcomes);
    json::run(&Report {
        scenario,
        target: "hand-made",
        seed: 7,
        outcomes,
        judgement,
    })
}

/// Broken at commas into short lines.
fn laid_out(line: &str) -> String {
    assert_eq!(line.matches('\n').count(), 1, "one object a line");
    let mut lines = vec![String::new()];
    for piece in line.trim_end().split_inclusive(',') {
        let last = lines.last_mut().expect("there is one from the start");
        if !last.is_empty() && last.len() + piece.len() > 84 {
            lines.push(piece.to_owned());
        } else {
            last.push_str(piece);
        }
    }
    lines.join("\n")
}

#[test]
fn one_seed_has_every_key_in_its_order() {
    let mut broken = with_lost("other", 0);
    broken.violations.push(Violation {
        guarantee: "high_watermark_is_monotone",
        at: SimTime::from_nanos(5),
        evidence: vec!["b1 went from 9 to 7".to_owned()],
    });
    let claims = "base = [\"lost >= 1 in any seed\", \"hit crash\"]\nother = [\"lost == 0\"]";
    let line = line(&scenario(claims), vec![outcome("base"), broken]);
    let value: Value = serde_json::from_str(&line).unwrap();
    let run = value["run"].as_str().unwrap();
    assert!(run.len() == 16 && run.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // The identity of the run changes with every version.
    let line = line.replace(run, "16 hex digits");
    insta::assert_snapshot!(laid_out(&line), @r#"
    {"format":1,"scenario":"hand-made","seed":7,"run":"16 hex digits",
    "variants":[{"name":"base","fingerprint":"0123456789abcdef",
    "virtual_ns":41000000000,"events":31234,"delivery":{"sent":1000,"acked":1000,
    "refused":0,"unknown":0,"readable":998,"lost":2,"expired":0,"duplicated":0,
    "reordered":0,"late":0},"groups":{"billing":{"processed":998,"reprocessed":0,
    "skipped":0,"max_lag":680,"rebalances":0,"paused_partition_ms":0}},
    "metrics":{"e2e_p99_ns":8610000000,"groups.billing.unread_expired":0,
    "reordered_keys":0,"requests":4711,"told_timeout":1,"unsettled":0},
    "faults":[{"id":"crash","hit":true}],"violations":[]},{"name":"other",
    "fingerprint":"0123456789abcdef","virtual_ns":41000000000,"events":31234,
    "delivery":{"sent":1000,"acked":1000,"refused":0,"unknown":0,"readable":1000,
    "lost":0,"expired":0,"duplicated":0,"reordered":0,"late":0},
    "groups":{"billing":{"processed":998,"reprocessed":0,"skipped":0,"max_lag":680,
    "rebalances":0,"paused_partition_ms":0}},"metrics":{"e2e_p99_ns":8610000000,
    "groups.billing.unread_expired":0,"reordered_keys":0,"requests":4711,
    "told_timeout":1,"unsettled":0},"faults":[{"id":"crash","hit":true}],
    "violations":[{"guarantee":"high_watermark_is_monotone","at_ns":5,
    "evidence":["b1 went from 9 to 7"]}]}],"claims":[{"variant":"base",
    "claim":"lost >= 1 in any seed","held":true,"actual":2},{"variant":"base",
    "claim":"hit crash","held":true,"actual":1},{"variant":"other","claim":"lost == 0",
    "held":true,"actual":0}],"verdict":"failed"}
    "#);
}

#[test]
fn what_compared_nothing_has_no_number_and_a_refused_config_is_named() {
    let refused = RefusedConfig {
        name: "acks".into(),
        message: "must be all".into(),
    };
    let outcomes = vec![outcome("base"), Outcome::refused(&"other".into(), &refused)];
    let line = line(&scenario("other = [\"lost == 0\"]"), outcomes);
    let value: Value = serde_json::from_str(&line).unwrap();
    let variant = &value["variants"][1];
    let expected = serde_json::json!({ "name": "acks", "message": "must be all" });
    assert_eq!(variant["refused_config"], expected);
    assert_eq!(variant["metrics"], serde_json::json!({}));
    assert_eq!(value["claims"][0]["actual"], Value::Null);
    assert_eq!(value["claims"][0]["held"], false);
    assert_eq!(value["verdict"], "vacuous");
}

#[test]
fn many_seeds_have_every_key_in_its_order() {
    let scenario = scenario("base = [\"lost == 0 in >= 60% of seeds\", \"hit crash\"]");
    let mut survey = Survey::new(&scenario, &[Arc::from("base")], 10..13);
    for (seed, lost) in [(10, 0), (11, 4), (12, 4)] {
        let mut outcome = with_lost("base", lost);
        outcome.groups.clear();
        outcome.metrics.clear();
        survey.add(seed, &[outcome]);
    }
    insta::assert_snapshot!(laid_out(&json::survey(&survey.finish())), @r#"
    {"format":1,"scenario":"hand-made","seeds":[10,13],"variants":[{"name":"base",
    "metrics":{"acked":{"seeds_over_zero":3,"min":1000,"median":1000,"max":1000,
    "worst_seed":10},"duplicated":{"seeds_over_zero":0,"min":0,"median":0,"max":0,
    "worst_seed":10},"events":{"seeds_over_zero":3,"min":31234,"median":31234,
    "max":31234,"worst_seed":10},"expired":{"seeds_over_zero":0,"min":0,"median":0,
    "max":0,"worst_seed":10},"faults.crash.hit":{"seeds_over_zero":3,"min":1,"median":1,
    "max":1,"worst_seed":10},"late":{"seeds_over_zero":0,"min":0,"median":0,"max":0,
    "worst_seed":10},"lost":{"seeds_over_zero":2,"min":0,"median":4,"max":4,
    "worst_seed":11},"readable":{"seeds_over_zero":3,"min":996,"median":996,"max":1000,
    "worst_seed":11},"refused":{"seeds_over_zero":0,"min":0,"median":0,"max":0,
    "worst_seed":10},"reordered":{"seeds_over_zero":0,"min":0,"median":0,"max":0,
    "worst_seed":10},"reordered_keys":{"seeds_over_zero":0,"min":0,"median":0,"max":0,
    "worst_seed":10},"sent":{"seeds_over_zero":3,"min":1000,"median":1000,"max":1000,
    "worst_seed":10},"told_timeout":{"seeds_over_zero":3,"min":1,"median":1,"max":1,
    "worst_seed":10},"unknown":{"seeds_over_zero":0,"min":0,"median":0,"max":0,
    "worst_seed":10},"unsettled":{"seeds_over_zero":0,"min":0,"median":0,"max":0,
    "worst_seed":10},"violations":{"seeds_over_zero":0,"min":0,"median":0,"max":0,
    "worst_seed":10},"virtual_ns":{"seeds_over_zero":3,"min":41000000000,
    "median":41000000000,"max":41000000000,"worst_seed":10}}}],
    "claims":[{"variant":"base","claim":"lost == 0 in >= 60% of seeds","held":false,
    "actual":1,"held_in":1,"of":3,"first_against":11},{"variant":"base",
    "claim":"hit crash","held":true,"actual":3,"held_in":3,"of":3,
    "first_against":null}],"verdict":"failed"}
    "#);
}

#[test]
fn one_seed_of_many_has_the_keys_of_many() {
    let scenario = scenario("base = [\"lost == 0\"]");
    let mut survey = Survey::new(&scenario, &[Arc::from("base")], 4..5);
    survey.add(4, &[with_lost("base", 1)]);
    let value: Value = serde_json::from_str(&json::survey(&survey.finish())).unwrap();
    assert_eq!(value["seeds"], serde_json::json!([4, 5]));
    let claim = &value["claims"][0];
    assert_eq!(
        (&claim["held_in"], &claim["of"]),
        (&Value::from(0), &Value::from(1))
    );
    assert_eq!(claim["first_against"], 4);
}

#[test]
fn every_number_that_a_claim_may_name_is_in_the_json() {
    let outcome = outcome("base");
    let line = line(&scenario(""), vec![outcome.clone()]);
    let value: Value = serde_json::from_str(&line).unwrap();
    let variant = &value["variants"][0];
    for (name, expected) in metrics::all(&outcome) {
        let place = match name.split('.').collect::<Vec<_>>()[..] {
            ["groups", group, word] if !variant["groups"][group][word].is_null() => {
                &variant["groups"][group][word]
            }
            ["faults", _, "hit"] => &variant["faults"][0]["hit"],
            _ => [&variant["delivery"], &variant["metrics"], variant]
                .map(|table| &table[&name])
                .into_iter()
                .find(|found| !found.is_null())
                .unwrap_or(&Value::Null),
        };
        let number = match place {
            Value::Bool(hit) => Some(i64::from(*hit)),
            Value::Array(list) => Some(list.len() as i64),
            other => other.as_i64(),
        };
        assert_eq!(number, Some(expected), "{name}");
    }
}

#[test]
fn the_page_on_the_result_has_every_number_and_every_key() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/result.md");
    let page = std::fs::read_to_string(page).unwrap();
    let entry = find("leader-crash-acks1").unwrap();
    let scenario = parse(entry.name, entry.source, &[]).unwrap();
    let outcomes = vec![drive::run(&scenario.variants[0], 7)];
    let names = metrics::all(&outcomes[0]).into_iter().map(|(name, _)| {
        match name.splitn(3, '.').collect::<Vec<_>>()[..] {
            ["groups", _, word] => format!("`groups.NAME.{word}`"),
            ["appended_records", _] => "`appended_records.BROKER`".to_owned(),
            ["faults", _, word] => format!("`faults.EVENT.{word}`"),
            _ => format!("`{name}`"),
        }
    });
    let mut survey = Survey::new(&scenario, &[Arc::clone(&scenario.variants[0].name)], 7..8);
    survey.add(7, &outcomes);
    let mut keys = BTreeSet::new();
    for line in [
        json::survey(&survey.finish()),
        line(&scenario, outcomes.clone()),
    ] {
        all_keys(&serde_json::from_str(&line).unwrap(), &mut keys);
    }
    let own = |key: &String| key.contains('.') || scenario_names(&outcomes).contains(key);
    let keys = keys.into_iter().filter(|key| !own(key));
    let missing: Vec<String> = names
        .filter(|name| !page.contains(name))
        .chain(keys.filter(|key| {
            !page.contains(&format!("\"{key}\"")) && !page.contains(&format!("`{key}`"))
        }))
        .collect();
    assert!(missing.is_empty(), "not in book/src/result.md: {missing:?}");
}

/// Names of the scenario, which are no keys of the format.
fn scenario_names(outcomes: &[Outcome]) -> BTreeSet<String> {
    outcomes
        .iter()
        .flat_map(|outcome| outcome.groups.keys())
        .map(ToString::to_string)
        .collect()
}

fn all_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                keys.insert(key.clone());
                all_keys(inner, keys);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| all_keys(inner, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
