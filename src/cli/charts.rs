//! `run --charts DIR`: pictures of what was run, and their words, into a folder.
//!
//! Runs are recorded by doing them once more under an observer, which must not change them. Files
//! of an earlier time are replaced, each in one step; what somebody else put there stays.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::output::replace;
use crate::report::chart::seeds::Strip;
use crate::report::chart::{Chart, Recorded, of_run, of_seeds};
use crate::report::metrics;
use crate::run::Outcome;
use crate::run::record::record;
use crate::scenario::model::{ClaimKind, Scenario, Variant};

/// The first line of every file that is written here.
const OURS: &str = "Drawn by retrial";
/// The most metrics that are drawn over seeds.
const METRICS_MAX: usize = 8;

/// Draws the charts of one seed. What the recorded runs differ in from the runs that were reported
/// is nondeterminism.
pub(super) fn one(
    folder: &Path,
    scenario: &Scenario,
    seed: u64,
    variants: &[Variant],
    outcomes: &[Outcome],
    stderr: Option<&mut dyn Write>,
) -> io::Result<Vec<String>> {
    let mut differences = Vec::new();
    let mut recorded = Recorded {
        scenario: &scenario.name,
        seed,
        variants: Vec::new(),
    };
    for (variant, outcome) in variants.iter().zip(outcomes) {
        let recording = record(variant, seed);
        if let Some(recording) = &recording
            && recording.outcome.fingerprint != outcome.fingerprint
        {
            differences.push(format!(
                "{}, {}, seed {seed}: fingerprint {:016x}, and {:016x} when recorded",
                scenario.name, variant.name, outcome.fingerprint, recording.outcome.fingerprint
            ));
        }
        recorded
            .variants
            .push((Arc::clone(&variant.name), recording));
    }
    let title = format!("{}, seed {seed}", scenario.name);
    put(folder, &scenario.name, &title, &of_run(&recorded), stderr)?;
    Ok(differences)
}

/// Numbers of many seeds, as they come in.
#[derive(Clone, Debug)]
pub(super) struct Strips {
    strips: Vec<Strip>,
}

impl Strips {
    /// A strip for each metric that a claim speaks of; without any, for lost records.
    pub(super) fn new(scenario: &Scenario, variants: &[Variant], seeds: (u64, u64)) -> Self {
        let mut names: Vec<&str> = Vec::new();
        for claim in &scenario.claims {
            if let ClaimKind::Compare { metric, .. } = &claim.kind
                && !names.contains(&&**metric)
            {
                names.push(metric);
            }
        }
        if names.is_empty() {
            names.push("lost");
        }
        names.truncate(METRICS_MAX);
        let strip = |name: &&str| Strip {
            metric: (*name).to_owned(),
            seeds,
            variants: (variants.iter())
                .map(|variant| (Arc::clone(&variant.name), Vec::new()))
                .collect(),
        };
        Self {
            strips: names.iter().map(strip).collect(),
        }
    }

    /// Takes the numbers of one seed.
    pub(super) fn add(&mut self, outcomes: &[Outcome]) {
        for strip in &mut self.strips {
            for ((_, values), outcome) in strip.variants.iter_mut().zip(outcomes) {
                values.extend(metrics::find(outcome, &strip.metric));
            }
        }
    }

    /// Draws them.
    pub(super) fn put(
        &self,
        folder: &Path,
        scenario: &Scenario,
        stderr: Option<&mut dyn Write>,
    ) -> io::Result<()> {
        let charts: Vec<Chart> = (self.strips.iter())
            .map(|strip| of_seeds(&scenario.name, strip))
            .collect();
        let name = format!("{}-seeds", scenario.name);
        let title = format!("{}, many seeds", scenario.name);
        let charts: Vec<Chart> = (charts.into_iter())
            .map(|chart| Chart {
                name: chart.name.trim_start_matches("seeds-").to_owned(),
                ..chart
            })
            .collect();
        put(folder, &name, &title, &charts, stderr)
    }
}

/// Writes charts and their words; nothing at all when a file of somebody else is in the way.
fn put(
    folder: &Path,
    stem: &str,
    title: &str,
    charts: &[Chart],
    stderr: Option<&mut dyn Write>,
) -> io::Result<()> {
    let mut words = format!("{OURS}: {title}\n");
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for chart in charts {
        let name = format!("{stem}-{}.svg", chart.name);
        words.push_str(&format!("\n{name}\n{}\n{}\n", chart.title, chart.says));
        files.push((folder.join(name), format!("<!-- {OURS} -->\n{}", chart.svg)));
    }
    files.push((folder.join(format!("{stem}-charts.txt")), words));
    fs::create_dir_all(folder).map_err(|error| named("make the folder", folder, &error))?;
    for (path, _) in &files {
        if !replaceable(path)? {
            let error = io::Error::new(
                ErrorKind::AlreadyExists,
                "a file that is not a chart of retrial is in its place; no chart was written",
            );
            return Err(named("write", path, &error));
        }
    }
    for (path, text) in &files {
        replace(path, text.as_bytes()).map_err(|error| named("write", path, &error))?;
    }
    if let Some(stderr) = stderr {
        let last = files.last().map(|(path, _)| path.display().to_string());
        let pictures = files.len() - 1;
        writeln!(
            stderr,
            "{pictures} charts, in words in {}",
            last.unwrap_or_default()
        )?;
    }
    Ok(())
}

/// True where there is no file, or one that was written here.
fn replaceable(path: &Path) -> io::Result<bool> {
    match fs::read(path) {
        Ok(bytes) => {
            let first = bytes
                .split(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default();
            Ok(String::from_utf8_lossy(first).contains(OURS))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(named("read", path, &error)),
    }
}

fn named(what: &str, path: &Path, error: &io::Error) -> io::Error {
    let message = format!("cannot {what} {}: {error}", path.display());
    io::Error::new(error.kind(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(name: &str) -> Chart {
        Chart {
            name: name.to_owned(),
            title: "a title".to_owned(),
            svg: "<svg/>\n".to_owned(),
            says: "nothing".to_owned(),
        }
    }

    #[test]
    fn own_files_are_replaced_and_those_of_others_stay() {
        let folder = std::env::temp_dir().join(format!("retrial-charts-{}", std::process::id()));
        let deep = folder.join("a/b");
        let put = |charts: &[Chart]| put(&deep, "x", "x, seed 1", charts, None);
        put(&[chart("one")]).unwrap();
        put(&[chart("one"), chart("two")]).unwrap();
        let words = fs::read_to_string(deep.join("x-charts.txt")).unwrap();
        assert_eq!(
            words,
            "Drawn by retrial: x, seed 1\n\nx-one.svg\na title\nnothing\n\nx-two.svg\na title\nnothing\n"
        );
        fs::write(deep.join("x-three.svg"), "<svg>mine</svg>").unwrap();
        let before = fs::read(deep.join("x-one.svg")).unwrap();
        let error = put(&[chart("one"), chart("three")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("x-three.svg: a file that is not a chart of retrial"),
            "{error}"
        );
        assert_eq!(
            fs::read_to_string(deep.join("x-three.svg")).unwrap(),
            "<svg>mine</svg>"
        );
        assert_eq!(fs::read(deep.join("x-one.svg")).unwrap(), before);
        let below_a_file = deep.join("x-one.svg/below");
        let error = super::put(&below_a_file, "x", "x", &[], None)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("cannot make the folder "), "{error}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
