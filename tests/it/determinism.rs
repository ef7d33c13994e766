//! The same input gives the same bytes: twice in one process, in child processes, from any
//! folder, with any number of jobs, and whoever watches. `.ci/builds` compares a debug and a
//! release build.

use std::process::Command;

use retrial::cluster::process::{AnyProcess, Fact};
use retrial::report::claims::judge;
use retrial::report::{Report, json};
use retrial::run::Outcome;
use retrial::run::drive::{run, run_observed};
use retrial::sim::observe::{Observer, Occasion, Seen};
use retrial::sim::world::World;

use crate::library;

#[test]
fn a_run_repeats_itself_byte_for_byte() {
    for scenario in library::quick() {
        for variant in &scenario.variants {
            assert_eq!(
                run(variant, 11),
                run(variant, 11),
                "{} {}",
                scenario.name,
                variant.name
            );
        }
    }
}

#[test]
fn a_child_process_gives_the_bytes_of_this_one() {
    const SEED: u64 = 11;
    for scenario in library::quick() {
        let outcomes: Vec<Outcome> = (scenario.variants.iter())
            .map(|variant| run(variant, SEED))
            .collect();
        let judgement = judge(&scenario, SEED, &outcomes);
        let here = json::run(&Report {
            scenario: &scenario,
            target: &scenario.name,
            seed: SEED,
            outcomes,
            judgement,
        });
        let child = Command::new(env!("CARGO_BIN_EXE_retrial"))
            .args(["run", &scenario.name, "--format", "json", "--seed"])
            .arg(SEED.to_string())
            .output()
            .expect("the program runs");
        assert_eq!(
            String::from_utf8_lossy(&child.stdout),
            here,
            "{}",
            scenario.name
        );
    }
}

/// Looks at everything and remembers it.
#[derive(Default)]
struct Nosy {
    seen: Vec<String>,
}

impl Observer<AnyProcess> for Nosy {
    fn event(&mut self, world: &World<AnyProcess>, seen: &Seen<'_, AnyProcess>) {
        if world.events().is_multiple_of(101) {
            self.seen
                .push(format!("{:?} {:?}", seen.occasion, seen.input));
        }
    }

    fn fact(&mut self, occasion: &Occasion, fact: &Fact) {
        self.seen.push(format!("{occasion:?} {fact:?}"));
    }
}

#[test]
fn an_observer_changes_no_outcome() {
    for scenario in library::quick() {
        let variant = &scenario.variants[0];
        let mut nosy = Nosy::default();
        assert_eq!(
            run(variant, 5),
            run_observed(variant, 5, &mut nosy),
            "{}",
            scenario.name
        );
        assert!(!nosy.seen.is_empty());
    }
}

#[test]
fn stdout_is_the_same_in_every_process_folder_and_number_of_jobs() {
    let program = env!("CARGO_BIN_EXE_retrial");
    let stdout = |arguments: &[&str], folder: &std::path::Path| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .output()
            .expect("the program runs");
        assert!(
            output.status.success(),
            "{arguments:?}: {:?}",
            output.status
        );
        output.stdout
    };
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let elsewhere = std::env::temp_dir();
    for format in ["text", "json"] {
        let arguments = ["run", "leader-crash-acks1", "--format", format];
        assert_eq!(stdout(&arguments, here), stdout(&arguments, &elsewhere));
        let seeds = [
            "run",
            "leader-crash-acks1",
            "--seeds",
            "0..6",
            "--format",
            format,
        ];
        let one = [&seeds[..], &["--jobs", "1"]].concat();
        for jobs in ["2", "8"] {
            let several = [&seeds[..], &["--jobs", jobs]].concat();
            assert_eq!(stdout(&one, here), stdout(&several, &elsewhere));
        }
    }
}
