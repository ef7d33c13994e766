//! `retrial run`: all variants of a scenario under one seed or many, compared and judged.

#![expect(
    clippy::disallowed_types,
    reason = "the speed that is told on standard error is measured in real time"
)]

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Changes, Format, Runner, Session, charts, costs, source};
use crate::report::claims::judge;
use crate::report::survey::{self, Survey};
use crate::report::{Report, json, summary};
use crate::run::Outcome;
use crate::scenario::diagnostics::nearest;
use crate::scenario::model::{Scenario, Variant};
use crate::seeds;

/// What the results differ in when a run is done twice.
const NONDETERMINISM: u8 = 3;

/// The most seeds at a time: of each, every number is kept for the medians.
const SEEDS_MAX: u64 = 1_000_000;

/// Arguments of `retrial run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Names from the library (see `retrial list`), or paths of files that end in .toml
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<String>,
    #[command(flatten)]
    changes: Changes,
    /// Many seeds instead of one: A, A+1, … up to B-1
    #[arg(long, value_name = "A..B", value_parser = seed_range, conflicts_with = "seed")]
    seeds: Option<SeedRange>,
    /// With --seeds: how many threads; as many as there are processors if left out. The result
    /// does not depend on it
    #[arg(long, value_name = "N", requires = "seeds", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    /// The form of the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw charts (SVG) into this folder: of one seed, or with --seeds of what the claims name
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// Say besides what the result stands on
    #[arg(long, value_enum, value_name = "WHAT")]
    show: Vec<Show>,
    /// Run everything twice and compare, event by event; exit code 3 if anything differs
    #[arg(long)]
    check_determinism: bool,
}

/// What can be shown beside a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Show {
    /// The declared assumptions about network, disks and CPU, with their sources
    Costs,
}

/// Seeds from `A` up to `B - 1`; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SeedRange(Range<u64>);

/// A scenario and those of its variants that were asked for.
struct Chosen<'a> {
    target: &'a str,
    scenario: Scenario,
    variants: Vec<Variant>,
}

/// How much was done, for the line about speed.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    runs: u64,
    events: u64,
    records: u64,
    virtual_ns: u64,
}

/// Runs the subcommand. Nothing runs unless all scenarios can.
pub(super) fn run(args: &Args, session: &mut Session<'_>, out: &mut dyn Write) -> io::Result<u8> {
    let mut chosen = Vec::new();
    let mut wrong = false;
    for target in &args.scenarios {
        match choose(target, &args.changes, session) {
            Ok(choice) => chosen.push(choice),
            Err(message) => {
                session.stderr.write_all(message.as_bytes())?;
                wrong = true;
            }
        }
    }
    if args.format == Format::Json && !args.show.is_empty() {
        let message = "--show is for people: leave out --format json";
        writeln!(session.stderr, "error: {message}")?;
        wrong = true;
    }
    if wrong {
        return Ok(2);
    }
    let mut codes = Vec::new();
    for (i, choice) in chosen.iter().enumerate() {
        if i > 0 && args.format == Format::Text {
            writeln!(out)?;
        }
        codes.push(match &args.seeds {
            Some(seeds) => many(choice, args, &seeds.0, session, out)?,
            None => one(choice, args, session, out)?,
        });
        if args.show.contains(&Show::Costs) {
            let block = costs::print(&choice.variants, session.style.width);
            write!(out, "\n{block}")?;
        }
        out.flush()?;
    }
    // What was found to be wrong outranks what was not put to the test.
    Ok([NONDETERMINISM, 1, 2]
        .into_iter()
        .find(|code| codes.contains(code))
        .unwrap_or(0))
}

/// Reads a scenario and picks its variants.
fn choose<'a>(
    target: &'a str,
    changes: &Changes,
    session: &Session<'_>,
) -> Result<Chosen<'a>, String> {
    let width = session.style.width;
    let scenario = source::load(target, &changes.set_flags(), session.problem_style, width)?;
    let mut unknown = String::new();
    for name in &changes.variants {
        let known = || scenario.variants.iter().map(|variant| &*variant.name);
        if !known().any(|variant| variant == name) {
            let hint = if let Some(nearest) = nearest(name, known()) {
                format!("did you mean \"{nearest}\"?")
            } else {
                let known: Vec<String> = known().map(|name| format!("\"{name}\"")).collect();
                format!("its variants are {}", known.join(", "))
            };
            unknown.push_str(&format!(
                "error: {target} has no variant \"{name}\"; {hint}\n"
            ));
        }
    }
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let variants = (scenario.variants.iter())
        .filter(|variant| {
            changes.variants.is_empty()
                || changes.variants.iter().any(|name| **name == *variant.name)
        })
        .cloned()
        .collect();
    Ok(Chosen {
        target,
        scenario,
        variants,
    })
}

/// One seed: every variant, compared.
fn one(
    choice: &Chosen<'_>,
    args: &Args,
    session: &mut Session<'_>,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let seed = args.changes.seed.unwrap_or(choice.scenario.seed);
    let began = Instant::now();
    let (outcomes, mut differences) = choice.run(session.runner, seed, args);
    let took = began.elapsed();
    let work = Work::of(&outcomes);
    let judgement = judge(&choice.scenario, seed, &outcomes);
    let code = judgement.verdict.code();
    let report = Report {
        scenario: &choice.scenario,
        target: choice.target,
        seed,
        outcomes,
        judgement,
    };
    let text = match args.format {
        Format::Text => summary::print(&report, session.style),
        Format::Json => json::run(&report),
    };
    out.write_all(text.as_bytes())?;
    if let Some(folder) = &args.charts {
        let (scenario, variants) = (&choice.scenario, &choice.variants);
        let told = session.told();
        differences.extend(charts::one(
            folder,
            scenario,
            seed,
            variants,
            &report.outcomes,
            told,
        )?);
    }
    finish(choice, &differences, work, took, session)?;
    Ok(if differences.is_empty() {
        code
    } else {
        NONDETERMINISM
    })
}

/// Many seeds: every variant under each of them, counted.
fn many(
    choice: &Chosen<'_>,
    args: &Args,
    seeds: &Range<u64>,
    session: &mut Session<'_>,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let jobs = args
        .jobs
        .or_else(|| std::thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    let names: Vec<Arc<str>> = (choice.variants.iter())
        .map(|variant| Arc::clone(&variant.name))
        .collect();
    let mut survey = Survey::new(&choice.scenario, &names, seeds.clone());
    let ends = (seeds.start, seeds.end);
    let mut strips = charts::Strips::new(&choice.scenario, &choice.variants, ends);
    let bar = bar(seeds, session);
    let mut work = Work::default();
    let mut differences = Vec::new();
    let runner = session.runner;
    let began = Instant::now();
    seeds::for_each(
        seeds.clone(),
        jobs,
        |seed| choice.run(runner, seed, args),
        |seed, (outcomes, differing)| {
            work.add(&outcomes);
            survey.add(seed, &outcomes);
            if args.charts.is_some() {
                strips.add(&outcomes);
            }
            differences.extend(differing);
            bar.inc(1);
        },
    );
    let took = began.elapsed();
    bar.finish_and_clear();
    let report = survey.finish();
    let text = match args.format {
        Format::Text => survey::print(&report, choice.target, session.style),
        Format::Json => json::survey(&report),
    };
    out.write_all(text.as_bytes())?;
    if let Some(folder) = &args.charts {
        strips.put(folder, &choice.scenario, session.told())?;
    }
    finish(choice, &differences, work, took, session)?;
    Ok(if differences.is_empty() {
        report.judgement.verdict.code()
    } else {
        NONDETERMINISM
    })
}

/// A progress bar over seeds, hidden unless a person watches.
fn bar(seeds: &Range<u64>, session: &Session<'_>) -> ProgressBar {
    if !session.progress {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(" {pos} of {len} seeds {wide_bar} {eta} left")
        .expect("the template is well formed");
    ProgressBar::new(seeds.end - seeds.start).with_style(style)
}

/// Says on standard error what differed between two runs of the same, and how fast it went.
fn finish(
    choice: &Chosen<'_>,
    differences: &[String],
    work: Work,
    took: Duration,
    session: &mut Session<'_>,
) -> io::Result<()> {
    for difference in differences {
        writeln!(session.stderr, "nondeterminism: {difference}")?;
    }
    if session.timing {
        let name = &choice.scenario.name;
        writeln!(session.stderr, "{}", work.speed(name, took))?;
    }
    Ok(())
}

impl Chosen<'_> {
    /// Runs every variant under one seed. With `--check-determinism` twice: then also what
    /// differed.
    fn run(&self, runner: Runner, seed: u64, args: &Args) -> (Vec<Outcome>, Vec<String>) {
        let mut differences = Vec::new();
        let outcomes = (self.variants.iter())
            .map(|variant| {
                let _replay = Replay {
                    target: self.target,
                    variant: &variant.name,
                    seed,
                    sets: &args.changes.sets,
                };
                let outcome = runner(variant, seed);
                if args.check_determinism {
                    let again = runner(variant, seed);
                    let what = format!("{}, {}, seed {seed}", self.target, variant.name);
                    differences.extend(difference(&what, &outcome, &again));
                }
                outcome
            })
            .collect();
        (outcomes, differences)
    }
}

/// What two runs of the same differ in.
fn difference(what: &str, first: &Outcome, second: &Outcome) -> Option<String> {
    if first.fingerprint != second.fingerprint {
        Some(format!(
            "{what}: fingerprint {:016x}, then {:016x}",
            first.fingerprint, second.fingerprint
        ))
    } else if first != second {
        Some(format!("{what}: the same events, but another result"))
    } else {
        None
    }
}

/// When a run panics, says how to run it again: a panic is a bug of ours.
struct Replay<'a> {
    target: &'a str,
    variant: &'a str,
    seed: u64,
    sets: &'a [String],
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let mut command = format!(
            "retrial run {} --seed {} --variant '{}'",
            self.target, self.seed, self.variant
        );
        for set in self.sets {
            command.push_str(&format!(" --set '{set}'"));
        }
        // The panic itself is on its way; nothing more can be done if this can't be said.
        let _ = writeln!(
            io::stderr(),
            "this is a bug in retrial; it shows again with: {command}"
        );
    }
}

impl Work {
    fn of(outcomes: &[Outcome]) -> Self {
        let mut work = Self::default();
        work.add(outcomes);
        work
    }

    fn add(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            self.runs += 1;
            self.events += outcome.events;
            self.records += outcome.delivery.sent;
            self.virtual_ns = self.virtual_ns.saturating_add(outcome.ended_at.as_nanos());
        }
    }

    /// One line: how much in how long.
    fn speed(self, name: &str, took: Duration) -> String {
        let millis = took.as_millis().max(1);
        let ratio = u128::from(self.virtual_ns) / took.as_nanos().max(1);
        let per_second = u128::from(self.events) * 1_000 / millis;
        let plural = if self.runs == 1 { "" } else { "s" };
        format!(
            "{name}: {} run{plural}, {} events, {} records in {}.{:03} s, {per_second} events/s, \
             {ratio} times as fast as real time",
            self.runs,
            self.events,
            self.records,
            millis / 1_000,
            millis % 1_000,
        )
    }
}

/// Reads `A..B`.
fn seed_range(text: &str) -> Result<SeedRange, String> {
    const FORM: &str = "seeds are written A..B, as in 0..500: from A up to B-1";
    let (from, to) = text.split_once("..").ok_or(FORM)?;
    let (from, to): (u64, u64) = match (from.parse(), to.parse()) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(_), _) | (_, Err(_)) => return Err(FORM.to_owned()),
    };
    if from >= to {
        return Err(format!(
            "there is no seed from {from} up to, and not including, {to}"
        ));
    }
    if to - from > SEEDS_MAX {
        return Err(format!("at most {SEEDS_MAX} seeds at a time"));
    }
    Ok(SeedRange(from..to))
}

/// Reads a number of threads.
fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse() {
        Ok(jobs) if jobs <= const { NonZeroUsize::new(1_024).expect("1,024 is not 0") } => Ok(jobs),
        Ok(_) | Err(_) => Err("a number of threads is from 1 to 1024".to_owned()),
    }
}
