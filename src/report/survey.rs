//! What many seeds found: how often, how much, and the worst seed of each number.
//!
//! Seeds are folded in one after the other, in order, so that the result does not depend on how
//! many ran at a time, and an outcome is dropped as soon as its numbers are taken.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::report::claims::{Judge, Judgement};
use crate::report::numbers::{metric, thousands};
use crate::report::style::{Style, Tone, columns};
use crate::report::summary::{judgement, teaching};
use crate::report::table::{Cell, Row, Table};
use crate::report::{answer, metrics};
use crate::run::{Outcome, Violation};
use crate::scenario::model::{ClaimKind, RefusedConfig, Scenario};

/// Numbers of many seeds, as they come in.
#[derive(Clone, Debug)]
pub struct Survey<'a> {
    scenario: &'a Scenario,
    seeds: Range<u64>,
    judge: Judge<'a>,
    variants: Vec<VariantSurvey>,
}

/// What many seeds found.
#[derive(Clone, Debug)]
pub struct SurveyReport<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The seeds.
    pub seeds: Range<u64>,
    /// By variant, in the file's order.
    pub variants: Vec<VariantSurvey>,
    /// What became of the claims.
    pub judgement: Judgement,
}

/// What many seeds found of one variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantSurvey {
    /// Its name.
    pub name: Arc<str>,
    /// The configuration error that kept it from running, if any.
    pub refused: Option<RefusedConfig>,
    /// Its numbers by name.
    pub metrics: BTreeMap<String, Spread>,
    /// The first guarantee that broke, and its seed.
    pub broken: Option<(u64, Violation)>,
}

/// One number over many seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The value of each seed that had it, in the order of seeds; sorted by [`Spread::median`].
    values: Vec<i64>,
    /// In how many seeds it was more than 0.
    pub seeds_over_zero: u64,
    /// The smallest.
    pub min: i64,
    /// The largest.
    pub max: i64,
    /// The first seed with the worst value: the largest, or the smallest where less is worse.
    pub worst_seed: u64,
}

impl Spread {
    fn new(seed: u64, value: i64) -> Self {
        Self {
            values: vec![value],
            seeds_over_zero: u64::from(value > 0),
            min: value,
            max: value,
            worst_seed: seed,
        }
    }

    fn add(&mut self, seed: u64, value: i64, less_is_worse: bool) {
        let worse = if less_is_worse {
            value < self.min
        } else {
            value > self.max
        };
        if worse {
            self.worst_seed = seed;
        }
        self.values.push(value);
        self.seeds_over_zero += u64::from(value > 0);
        self.min = value.min(self.min);
        self.max = value.max(self.max);
    }

    /// The middle value; of an even number of seeds the lower of the two.
    pub fn median(&self) -> i64 {
        let mut values = self.values.clone();
        let middle = (values.len() - 1) / 2;
        *values.select_nth_unstable(middle).1
    }

    /// How many seeds had this number.
    pub fn seeds(&self) -> u64 {
        self.values.len() as u64
    }
}

impl<'a> Survey<'a> {
    /// No seed yet. `variants` are those that will run, in the file's order.
    pub fn new(scenario: &'a Scenario, variants: &[Arc<str>], seeds: Range<u64>) -> Self {
        Self {
            scenario,
            seeds,
            judge: Judge::new(scenario, variants),
            variants: variants
                .iter()
                .map(|name| VariantSurvey {
                    name: Arc::clone(name),
                    refused: None,
                    metrics: BTreeMap::new(),
                    broken: None,
                })
                .collect(),
        }
    }

    /// Takes in one seed's outcomes, one for each variant. Seeds come in order.
    pub fn add(&mut self, seed: u64, outcomes: &[Outcome]) {
        self.judge.add(seed, outcomes);
        assert_eq!(outcomes.len(), self.variants.len(), "every variant runs");
        for (variant, outcome) in self.variants.iter_mut().zip(outcomes) {
            variant.refused.clone_from(&outcome.refused);
            if variant.broken.is_none()
                && let Some(violation) = outcome.violations.first()
            {
                variant.broken = Some((seed, violation.clone()));
            }
            for (name, value) in metrics::all(outcome) {
                match variant.metrics.get_mut(&name) {
                    Some(spread) => spread.add(seed, value, metrics::less_is_worse(&name)),
                    None => {
                        variant.metrics.insert(name, Spread::new(seed, value));
                    }
                }
            }
        }
    }

    /// All seeds are in.
    pub fn finish(self) -> SurveyReport<'a> {
        SurveyReport {
            scenario: self.scenario,
            seeds: self.seeds,
            variants: self.variants,
            judgement: self.judge.finish(),
        }
    }
}

/// The whole result of one scenario over many seeds.
pub fn print(report: &SurveyReport<'_>, target: &str, style: Style) -> String {
    let seeds = &report.seeds;
    let right = format!("seeds {}..{}   Kafka 4.x semantics", seeds.start, seeds.end);
    let mut out = style.edges(&report.scenario.name, &right);
    if !report.scenario.question.is_empty() {
        out.push_str(&style.plain(&report.scenario.question));
    }
    let base = report.variants.first();
    if let Some(lost) = base.and_then(|base| base.metrics.get("lost")) {
        let most = (lost.max.unsigned_abs(), lost.worst_seed);
        let all = seeds.end - seeds.start;
        let mut answer = answer::of_seeds(report.scenario, lost.seeds_over_zero, all, most);
        let others = report.variants[1..].iter().filter_map(|variant| {
            let losing = variant.metrics.get("lost")?.seeds_over_zero;
            let words = format!("some were in {} of {}", thousands(losing), thousands(all));
            Some((&*variant.name, losing, words))
        });
        answer.extend(answer::of_others(lost.seeds_over_zero, others));
        for line in style.plain(&answer).lines() {
            out.push_str(&style.paint(Tone::Strong, line));
            out.push('\n');
        }
    }
    out.push('\n');
    out.push_str(&table(report, style).print(style));
    out.push('\n');
    for variant in &report.variants {
        if let Some((seed, violation)) = &variant.broken {
            let text = format!(
                "{}: {}, first in seed {seed}: {}",
                variant.name,
                violation.guarantee,
                violation.evidence.join("; ")
            );
            out.push_str(&style.paragraph("BROKEN", Tone::Bad, &text));
        }
    }
    out.push_str(&judgement(&report.judgement, style));
    out.push_str(&teaching(report.scenario, style));
    if let Some(base) = base {
        let worst = base
            .metrics
            .get("lost")
            .map_or(seeds.start, |lost| lost.worst_seed);
        let next = format!("retrial run {target} --seed {worst}");
        out.push_str(&style.paragraph("next", Tone::Faint, &next));
    }
    out
}

/// The numbers that say something: loss always, others where some seed of some variant has any.
fn words(variants: &[VariantSurvey]) -> Vec<(String, String)> {
    const WORDS: [(&str, &str); 9] = [
        ("lost", "LOST"),
        ("refused", "refused"),
        ("unknown", "unknown"),
        ("duplicated", "dup"),
        ("reordered", "reordered"),
        ("reordered_keys", "key order"),
        ("late", "late"),
        ("expired", "expired"),
        ("unsettled", "unsettled"),
    ];
    let says = |name: &str| {
        name == "lost"
            || (variants.iter())
                .filter_map(|variant| variant.metrics.get(name))
                .any(|spread| spread.max > 0)
    };
    let mut words: Vec<(String, String)> = WORDS
        .iter()
        .map(|(name, head)| ((*name).to_owned(), (*head).to_owned()))
        .collect();
    let mut more: Vec<String> = (variants.iter())
        .flat_map(|variant| variant.metrics.keys())
        .filter(|name| {
            let of_group = name.starts_with("groups.");
            let word = name.rsplit('.').next().unwrap_or(name);
            *name == "e2e_p99_ns"
                || (of_group
                    && matches!(
                        word,
                        "max_lag" | "reprocessed" | "skipped" | "unread_expired"
                    ))
        })
        .cloned()
        .collect();
    more.sort_unstable();
    more.dedup();
    words.extend(more.into_iter().map(|name| {
        let head = name.strip_prefix("groups.").unwrap_or(&name);
        let head = match head.rsplit_once('.') {
            Some((group, word)) => format!("{}, group {group}", word.replace('_', " ")),
            None => "p99 e2e".to_owned(),
        };
        (name, head)
    }));
    words.retain(|(name, _)| says(name));
    words
}

/// The numbers that claims are about and that are not the same everywhere.
fn claimed(report: &SurveyReport<'_>) -> Vec<String> {
    let claims = report.scenario.claims.iter();
    let named = claims.filter_map(|claim| match &claim.kind {
        ClaimKind::Compare { metric, .. } => Some(metric.to_string()),
        ClaimKind::Hit(_) | ClaimKind::RefusedConfig(_) => None,
    });
    let varies = |name: &String| {
        let spreads = || (report.variants.iter()).filter_map(|variant| variant.metrics.get(name));
        let least = spreads().map(|spread| spread.min).min();
        least != spreads().map(|spread| spread.max).max()
    };
    named.filter(varies).collect()
}

/// For each word a row for each variant.
fn table(report: &SurveyReport<'_>, style: Style) -> Table {
    let variants = &report.variants;
    let mut rows = Vec::new();
    let mut shown = words(variants);
    for name in claimed(report) {
        if shown.iter().all(|(known, _)| *known != name) {
            shown.push((name.clone(), name));
        }
    }
    for (name, head) in shown {
        rows.push(Row::Heading(head));
        for variant in variants {
            let label = format!("  {}", variant.name);
            if let Some(spread) = variant.metrics.get(&name) {
                rows.push(Row::Cells(label, spread.cells(&name)));
            }
        }
    }
    for variant in variants {
        if let Some(refused) = &variant.refused {
            let text = format!("Kafka refuses this configuration: {}", refused.message);
            rows.push(Row::Sentence(variant.name.to_string(), text));
        }
    }
    let mut table = Table {
        label_width: 0,
        heads: vec!["seeds over 0", "min", "median", "max", "worst seed"],
        rows,
    };
    let names = variants.iter().map(|variant| 2 + columns(&variant.name));
    let room = style.width.saturating_sub(1 + table.cells_width());
    table.label_width = names.fold(12, usize::max).min(room.max(12));
    table
}

impl Spread {
    /// The cells of this number's row.
    fn cells(&self, name: &str) -> Vec<Cell> {
        let over = format!(
            "{} of {}",
            thousands(self.seeds_over_zero),
            thousands(self.seeds())
        );
        let worst = if self.max > 0 {
            self.worst_seed.to_string()
        } else {
            "-".to_owned()
        };
        vec![
            if name == "lost" && self.max > 0 {
                Cell::toned(over, Tone::Bad)
            } else {
                Cell::plain(over)
            },
            Cell::plain(metric(name, self.min)),
            Cell::plain(metric(name, self.median())),
            Cell::plain(metric(name, self.max)),
            Cell::plain(worst),
        ]
    }
}
