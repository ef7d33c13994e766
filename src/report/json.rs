//! The result of `run` as JSON: a public format, its version in `format`. One object a line, keys
//! always in this order.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::claims::Judgement;
use crate::report::survey::SurveyReport;
use crate::report::{Report, run_id};
use crate::run::Outcome;
use crate::scenario::model::RefusedConfig;

/// The version of the format.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Run<'a> {
    format: u32,
    scenario: &'a str,
    seed: u64,
    run: String,
    variants: Vec<Variant<'a>>,
    claims: Vec<Claim<'a>>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vacuous: Vec<String>,
}

#[derive(Serialize)]
struct Variant<'a> {
    name: &'a str,
    fingerprint: String,
    virtual_ns: u64,
    events: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_config: Option<Refused<'a>>,
    delivery: Delivery,
    groups: BTreeMap<&'a str, Group>,
    metrics: BTreeMap<String, i64>,
    faults: Vec<Fault<'a>>,
    violations: Vec<Violation<'a>>,
}

#[derive(Serialize)]
struct Refused<'a> {
    name: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Delivery {
    sent: u64,
    acked: u64,
    refused: u64,
    unknown: u64,
    readable: u64,
    lost: u64,
    expired: u64,
    duplicated: u64,
    reordered: u64,
    late: u64,
}

#[derive(Serialize)]
struct Group {
    processed: u64,
    reprocessed: u64,
    skipped: u64,
    max_lag: u64,
    rebalances: u64,
    paused_partition_ms: u64,
}

#[derive(Serialize)]
struct Fault<'a> {
    id: &'a str,
    hit: bool,
}

#[derive(Serialize)]
struct Violation<'a> {
    guarantee: &'a str,
    at_ns: u64,
    evidence: &'a [String],
}

#[derive(Serialize)]
struct Claim<'a> {
    variant: &'a str,
    claim: &'a str,
    held: bool,
    actual: Option<i64>,
}

#[derive(Serialize)]
struct SeedsClaim<'a> {
    variant: &'a str,
    claim: &'a str,
    held: bool,
    /// The same as `held_in`; null where nothing was compared.
    actual: Option<i64>,
    held_in: u64,
    of: u64,
    first_against: Option<u64>,
}

#[derive(Serialize)]
struct Seeds<'a> {
    format: u32,
    scenario: &'a str,
    seeds: [u64; 2],
    variants: Vec<SeedsVariant<'a>>,
    claims: Vec<SeedsClaim<'a>>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vacuous: Vec<String>,
}

#[derive(Serialize)]
struct SeedsVariant<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_config: Option<Refused<'a>>,
    metrics: BTreeMap<&'a str, Spread>,
}

#[derive(Serialize)]
struct Spread {
    seeds_over_zero: u64,
    min: i64,
    median: i64,
    max: i64,
    worst_seed: u64,
}

/// One seed's result, in one line.
pub fn run(report: &Report<'_>) -> String {
    line(&Run {
        format: FORMAT,
        scenario: &report.scenario.name,
        seed: report.seed,
        run: hex(run_id(report)),
        variants: report.outcomes.iter().map(variant).collect(),
        claims: claims(&report.judgement),
        verdict: report.judgement.verdict.word(),
        vacuous: report.judgement.vacuous(),
    })
}

/// Many seeds' result, in one line.
pub fn survey(report: &SurveyReport<'_>) -> String {
    line(&Seeds {
        format: FORMAT,
        scenario: &report.scenario.name,
        seeds: [report.seeds.start, report.seeds.end],
        variants: (report.variants.iter())
            .map(|variant| SeedsVariant {
                name: &variant.name,
                refused_config: variant.refused.as_ref().map(refused),
                metrics: (variant.metrics.iter())
                    .map(|(name, spread)| {
                        let spread = Spread {
                            seeds_over_zero: spread.seeds_over_zero,
                            min: spread.min,
                            median: spread.median(),
                            max: spread.max,
                            worst_seed: spread.worst_seed,
                        };
                        (name.as_str(), spread)
                    })
                    .collect(),
            })
            .collect(),
        claims: seeds_claims(&report.judgement),
        verdict: report.judgement.verdict.word(),
        vacuous: report.judgement.vacuous(),
    })
}

fn variant(outcome: &Outcome) -> Variant<'_> {
    let tally = &outcome.delivery;
    let mut metrics = outcome.metrics.clone();
    if outcome.refused.is_none() {
        // The two words of the audit that stand beside the others.
        metrics.insert("told_timeout".to_owned(), tally.told_timeout as i64);
        metrics.insert("reordered_keys".to_owned(), tally.reordered_keys as i64);
        metrics.insert("unsettled".to_owned(), i64::from(!outcome.settled));
        for (name, group) in &outcome.groups {
            let name = format!("groups.{name}.unread_expired");
            metrics.insert(name, group.unread_expired as i64);
        }
    }
    Variant {
        name: &outcome.variant,
        fingerprint: hex(outcome.fingerprint),
        virtual_ns: outcome.ended_at.as_nanos(),
        events: outcome.events,
        refused_config: outcome.refused.as_ref().map(refused),
        delivery: Delivery {
            sent: tally.sent,
            acked: tally.acked,
            refused: tally.refused,
            unknown: tally.unknown,
            readable: tally.readable,
            lost: tally.lost,
            expired: tally.expired,
            duplicated: tally.duplicated,
            reordered: tally.reordered,
            late: tally.late,
        },
        groups: (outcome.groups.iter())
            .map(|(name, group)| {
                let group = Group {
                    processed: group.processed,
                    reprocessed: group.reprocessed,
                    skipped: group.skipped,
                    max_lag: group.max_lag,
                    rebalances: group.rebalances,
                    paused_partition_ms: group.paused_partition_ms,
                };
                (&**name, group)
            })
            .collect(),
        metrics,
        faults: (outcome.faults.iter())
            .map(|fault| Fault {
                id: &fault.id,
                hit: fault.hit,
            })
            .collect(),
        violations: (outcome.violations.iter())
            .map(|violation| Violation {
                guarantee: violation.guarantee,
                at_ns: violation.at.as_nanos(),
                evidence: &violation.evidence,
            })
            .collect(),
    }
}

fn refused(refused: &RefusedConfig) -> Refused<'_> {
    Refused {
        name: &refused.name,
        message: &refused.message,
    }
}

fn claims(judgement: &Judgement) -> Vec<Claim<'_>> {
    (judgement.claims.iter())
        .map(|judged| Claim {
            variant: &judged.variant,
            claim: &judged.text,
            held: judged.finding.held(),
            actual: judged.finding.actual(),
        })
        .collect()
}

fn seeds_claims(judgement: &Judgement) -> Vec<SeedsClaim<'_>> {
    (judgement.claims.iter())
        .map(|judged| SeedsClaim {
            variant: &judged.variant,
            claim: &judged.text,
            held: judged.finding.held(),
            actual: judged.finding.actual(),
            held_in: judged.held_in,
            of: judged.of,
            first_against: judged.first_against,
        })
        .collect()
}

fn hex(number: u64) -> String {
    format!("{number:016x}")
}

fn line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("names and integers are JSON");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests;
