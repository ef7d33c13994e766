//! Fuzzed scenario files and `--set` flags: whatever is written, the reader answers, soon, and what
//! it accepts runs.
//!
//! Three generators: any bytes, tables made of the keys that there are with values good and bad,
//! and paths for `--set`. What once went wrong stays in `tests/corpus`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::Config;
use retrial::cluster::process::AnyProcess;
use retrial::run::drive::Run;
use retrial::scenario::file::check;
use retrial::scenario::library::find;
use retrial::scenario::model::{Scenario, Setup};
use retrial::scenario::set::SetFlag;
use retrial::sim::observe::{Observer, Seen};
use retrial::sim::time::SimTime;
use retrial::sim::world::World;

use crate::dice::{self, Dice};

/// No more events at one instant: time would stand still.
const EVENTS_AT_ONCE: u64 = 200_000;
/// Enough of a run.
const EVENTS: u64 = 20_000;
/// How far a run goes at most, in virtual milliseconds.
const MILLIS: u64 = 3_000;

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

/// Counts events, and notices when time stands still.
#[derive(Default)]
struct Progress {
    all: u64,
    at: SimTime,
    here: u64,
}

impl Observer<AnyProcess> for Progress {
    fn event(&mut self, _world: &World<AnyProcess>, seen: &Seen<'_, AnyProcess>) {
        self.all += 1;
        if seen.occasion.at > self.at {
            (self.at, self.here) = (seen.occasion.at, 0);
        }
        self.here += 1;
        assert!(
            self.here < EVENTS_AT_ONCE,
            "time stands still at {:?}",
            self.at
        );
    }
}

/// Reads a file as every command does; runs a little of what it accepts.
fn survives(text: &str, sets: &[SetFlag]) {
    match check("fuzz.toml", text, sets) {
        Ok((scenario, _)) => runs(&scenario),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
    let _ = retrial::scenario::fmt::format("fuzz.toml", text);
}

fn runs(scenario: &Scenario) {
    assert!(!retrial::scenario::explain::explain(scenario, 100).is_empty());
    for variant in scenario.variants.iter().take(2) {
        if let Ok(setup) = &variant.setup
            && small(setup)
        {
            run_a_little(setup, scenario.seed, &variant.name);
        }
    }
}

/// What is larger is accepted, too, and takes longer than a test should.
fn small(setup: &Setup) -> bool {
    let cluster = &setup.cluster;
    let replicas = (cluster.topics.iter()).map(|t| u64::from(t.partitions * t.replication_factor));
    let records = cluster.producers.iter().map(|p| u64::from(p.plan.count));
    let members = cluster.groups.iter().map(|group| group.members.len());
    cluster.brokers <= 20
        && replicas.sum::<u64>() <= 500
        && records.sum::<u64>() <= 1_000_000
        && members.sum::<usize>() <= 50
}

fn run_a_little(setup: &Setup, seed: u64, name: &Arc<str>) {
    let mut run = Run::new(Arc::new(setup.clone()), seed);
    let mut progress = Progress::default();
    for millis in 1..=MILLIS {
        run.advance(SimTime::from_nanos(millis * 1_000_000), &mut progress);
        if progress.all > EVENTS {
            break;
        }
    }
    let outcome = run.finish(name);
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&String::from_utf8_lossy(&bytes), &[]);
    }

    #[test]
    fn any_tokens_are_answered(draws in prop::collection::vec(any::<u32>(), 1..120)) {
        survives(&dice::tokens(&mut Dice::new(&draws)), &[]);
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn any_tables_are_answered_and_what_is_accepted_runs(
        draws in prop::collection::vec(any::<u32>(), 20..200),
    ) {
        survives(&dice::file(&mut Dice::new(&draws)), &[]);
    }

    #[test]
    fn any_flags_are_answered_and_what_is_accepted_runs(
        name in prop::sample::select(vec!["leader-crash-acks1", "isr-of-one"]),
        draws in prop::collection::vec(any::<u32>(), 4..40),
        raw in "[a-z0-9.=\"'{}\\[\\] -]{0,30}",
    ) {
        let source = find(name).expect("a scenario of the library").source;
        let mut dice = Dice::new(&draws);
        let mut flags: Vec<SetFlag> = (0..=dice.below(3)).map(|_| SetFlag(dice::flag(&mut dice))).collect();
        if dice.below(4) == 0 {
            flags.push(SetFlag(raw));
        }
        survives(source, &flags);
    }
}

/// Flags under which more than so many events came at one instant.
#[test]
fn flags_that_were_too_much_at_once() {
    let draws = [
        343_905_655,
        10_845_904,
        236_021_386,
        293_152_305,
        0,
        3_418_400,
        3_443_589_528,
        4_094_004_712,
        1_602_374_707,
        220_770_310,
        296_287_933,
    ];
    let mut dice = Dice::new(&draws);
    let flags: Vec<SetFlag> = (0..=dice.below(3))
        .map(|_| SetFlag(dice::flag(&mut dice)))
        .collect();
    eprintln!("{flags:?}");
    let source = find("leader-crash-acks1")
        .expect("a scenario of the library")
        .source;
    survives(source, &flags);
}

/// The generator is worth its time only if it gets past the reader often enough.
#[test]
fn many_generated_files_are_accepted_and_many_refused() {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..400_u32 {
        let draws: Vec<u32> = (0..150_u32)
            .map(|i| {
                (seed * 1_000 + i)
                    .wrapping_mul(2_654_435_761)
                    .rotate_left(13)
            })
            .map(|x| (x ^ (x >> 15)).wrapping_mul(2_246_822_519) ^ x)
            .collect();
        match check("fuzz.toml", &dice::file(&mut Dice::new(&draws)), &[]) {
            Ok(_) => accepted += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(
        accepted >= 10 && refused >= 10,
        "{accepted} accepted, {refused} refused"
    );
}

#[test]
fn the_corpus_is_answered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = (fs::read_dir(folder).expect("the corpus is there"))
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let bytes = fs::read(&path).expect("readable");
        survives(&String::from_utf8_lossy(&bytes), &[]);
    }
}

/// Requests and answers would go round for ever at one instant.
#[test]
fn a_cluster_where_nothing_takes_time_is_refused() {
    let text = include_str!("../corpus/nothing-takes-time.toml");
    let problems = check("fuzz.toml", text, &[]).unwrap_err().to_string();
    assert!(problems.contains("less than 1us"), "{problems}");
}

/// Files of the largest size, made to hurt: each is refused, or read, in time and memory
/// that grow as the file does; else this test takes for ever.
#[test]
fn large_files_made_to_hurt_are_answered() {
    const ROOM: usize = 1_000_000;
    let many = |text: &str| text.repeat(ROOM / text.len());
    let numbered = |before: &str, one: &dyn Fn(usize) -> String| {
        let mut text = format!("question = \"?\"\n{before}");
        for i in 0.. {
            let next = one(i);
            if text.len() + next.len() > ROOM {
                break;
            }
            text.push_str(&next);
        }
        text
    };
    let files = [
        ("nested arrays", format!("a = {}", many("["))),
        ("nested tables", format!("a = {}", many("{a="))),
        ("a deep dotted key", format!("{}a = 1", many("a."))),
        ("a deep header", format!("[{}a]", many("a."))),
        ("many headers", many("[[a]]\n")),
        ("many tables", numbered("", &|i| format!("[t{i}]\n"))),
        (
            "many unknown keys",
            numbered("", &|i| format!("k{i} = 1\n")),
        ),
        (
            "many variants",
            numbered("[variants]\n", &|i| format!("v{i} = {{}}\n")),
        ),
        (
            "many topics",
            numbered("[topics]\n", &|i| format!("t{i}.partitions = 1\n")),
        ),
        (
            "many events",
            numbered("timeline = [\n", &|_| {
                "{ at = \"1s\", crash = \"b1\" },\n".to_owned()
            }) + "]",
        ),
        (
            "many claims",
            numbered("claims.base = [\n", &|_| "\"lost == 0\",\n".to_owned()) + "]",
        ),
        ("a long string", format!("question = \"{}\"", many("x"))),
        ("a long number", format!("seed = {}", many("9"))),
        ("a long duration", format!("run_for = \"{}s\"", many("9"))),
        ("many quotes", many("\"")),
        ("many dots", many(".")),
        ("line ends", many("\r")),
    ];
    for (what, text) in files {
        match check("fuzz.toml", &text, &[]) {
            Ok(_) => {}
            Err(problems) => assert!(problems.to_string().len() < 4 * ROOM, "{what}"),
        }
    }
}
