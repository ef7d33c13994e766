//! The swarm: random clusters, workloads and fault schedules, one a seed, under all checkers.
//!
//! Safety while faults are on, then they heal and progress is demanded: everything comes to rest,
//! and records that are sent when all is over get through. 200 seeds in a release build, as in
//! `.ci/run`; fewer in a debug build; others with `RETRIAL_SWARM=1600..1700` in the environment.
//! A seed that fails leaves its scenario file in `target/swarm/`.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::{env, fs, thread};

use retrial::check::guarantees::Promises;
use retrial::report::claims::judge;
use retrial::run::Outcome;
use retrial::run::drive::Run;
use retrial::run::guarantees::Checked;
use retrial::seeds;

use crate::swarm::file::File;

/// Which seeds, unless the environment says.
const SEEDS: Range<u64> = 0..if cfg!(debug_assertions) { 24 } else { 200 };

/// What all seeds together must have seen, or the swarm tests less than it says.
const SEEN: [&str; 8] = [
    "elections",
    "isr_changes",
    "brokers_fenced",
    "retries",
    "duplicates_detected",
    "produce_refused",
    "truncated_records",
    "told_timeout",
];

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "which seeds to try is chosen from outside"
)]
fn guarantees_hold_and_work_goes_on_after_any_faults() {
    let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let seeds = env::var("RETRIAL_SWARM").map_or(SEEDS, |range| {
        let (from, to) = range.split_once("..").expect("RETRIAL_SWARM is FROM..TO");
        from.parse().expect("a seed")..to.parse().expect("a seed")
    });
    let how_many = seeds.end - seeds.start;
    let mut failures = Vec::new();
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    let mut hit = BTreeSet::new();
    seeds::for_each(
        seeds,
        jobs,
        |seed| {
            let file = file::file(seed);
            let result = catch_unwind(AssertUnwindSafe(|| outcome(&file, seed)));
            (file, result)
        },
        |seed, (file, result)| {
            let wrong = match result {
                Ok((outcome, wrong)) => {
                    count(&mut seen, &mut hit, &outcome);
                    wrong
                }
                Err(_) => vec!["it panicked, as told above".to_owned()],
            };
            if !wrong.is_empty() {
                failures.push(failure(seed, &file, &wrong));
            }
        },
    );
    assert!(
        failures.is_empty(),
        "{} of {how_many} seeds failed\n\n{}",
        failures.len(),
        failures.join("\n")
    );
    let missing: Vec<_> = (SEEN.iter())
        .filter(|name| seen.get(**name) == Some(&0))
        .collect();
    assert!(
        how_many < 24 || missing.is_empty(),
        "no seed saw {missing:?}: {seen:?}"
    );
    assert!(
        how_many < 200 || hit.len() >= 14,
        "only these faults hit anything: {hit:?}"
    );
    eprintln!("{how_many} seeds; faults {hit:?}; in all {seen:?}");
}

/// Runs a file to its end; with what is wrong.
fn outcome(file: &File, seed: u64) -> (Outcome, Vec<String>) {
    let scenario = retrial::scenario::file::parse("swarm", &file.text, &[])
        .unwrap_or_else(|problems| panic!("{problems:?}\n{}", file.text));
    let variant = &scenario.variants[0];
    let setup = variant.setup.clone().expect("nothing is refused");
    let promises = Promises {
        acks_all: file.acks_all,
        acks_survive: file.survives,
    };
    let mut run = Run::new(Arc::new(setup), seed);
    run.checked = Checked::promising(promises);
    run.to_the_end(&mut ());
    let outcome = run.finish(&variant.name);
    let outcomes = [outcome];
    let judgement = judge(&scenario, seed, &outcomes);
    let [outcome] = outcomes;
    let mut wrong: Vec<String> = (outcome.violations.iter())
        .map(|violation| format!("{violation:?}"))
        .collect();
    wrong.extend(outcome.unsettled.iter().cloned());
    let failed = judgement
        .claims
        .iter()
        .filter(|claim| claim.held_in < claim.of);
    wrong.extend(failed.map(|claim| format!("{}: {:?}", claim.text, claim.finding)));
    (outcome, wrong)
}

/// Adds what a run has seen.
fn count(seen: &mut BTreeMap<String, i64>, hit: &mut BTreeSet<String>, outcome: &Outcome) {
    for name in SEEN {
        let number = match name {
            "told_timeout" => outcome.delivery.told_timeout as i64,
            _ => outcome.metrics[name],
        };
        *seen.entry(name.to_owned()).or_default() += number;
    }
    let fired = outcome.faults.iter().filter(|fault| fault.hit);
    // Without the nodes: `slow disk b1`.
    hit.extend(fired.filter_map(|fault| {
        let words: Vec<&str> = fault.what.split(' ').collect();
        let kind = words
            .iter()
            .take_while(|word| !word.contains(char::is_numeric));
        let kind: Vec<&str> = kind.copied().collect();
        (!kind.is_empty()).then(|| kind.join(" "))
    }));
}

/// What to say of a seed that failed; leaves its file behind.
fn failure(seed: u64, file: &File, wrong: &[String]) -> String {
    let path = format!("target/swarm/seed-{seed}.toml");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
    fs::create_dir_all(target.parent().expect("it has a folder")).expect("can be made");
    fs::write(&target, &file.text).expect("can be written");
    format!(
        "seed {seed}, shown by: retrial run {path}\n{}\n\n{}",
        wrong.join("\n"),
        file.text
    )
}
