//! L9, reports: what runs found, as text for people and JSON for programs.
//!
//! Everything here is pure: outcomes in, text out. `metrics` names the numbers, `claims` judges
//! them, `summary` and `survey` print them for one seed and for many, `json` is the public format,
//! `chart` draws.

pub mod chart;
pub mod claims;
pub mod json;
pub mod metrics;
pub mod style;
pub mod summary;
pub mod survey;

mod answer;
mod disk_reads;
mod marks;
mod numbers;
mod outages;
mod spark;
mod table;
mod throttles;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod hand_made;
#[cfg(test)]
mod tests;

use crate::report::claims::Judgement;
use crate::run::Outcome;
use crate::scenario::model::Scenario;
use crate::sim::digest::Digest;

/// What all chosen variants of a scenario did under one seed.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// What the user calls it: its name, or the path of its file.
    pub target: &'a str,
    /// The seed.
    pub seed: u64,
    /// By variant, in the file's order.
    pub outcomes: Vec<Outcome>,
    /// What became of the claims.
    pub judgement: Judgement,
}

/// The name of a run: the same scenario, seed and version always have the same. It names what ran;
/// what was asked, claimed and taught about it has no part in it.
pub fn run_id(report: &Report<'_>) -> u64 {
    let mut digest = Digest::default();
    digest_text(&mut digest, env!("CARGO_PKG_VERSION"));
    digest_text(&mut digest, &report.scenario.name);
    digest.fold(report.seed);
    for outcome in &report.outcomes {
        digest_text(&mut digest, &outcome.variant);
        digest.fold(outcome.fingerprint);
        if let Some(refused) = &outcome.refused {
            digest_text(&mut digest, &refused.name);
            digest_text(&mut digest, &refused.message);
        }
    }
    digest.value()
}

/// Folds a text and its length.
fn digest_text(digest: &mut Digest, text: &str) {
    digest.fold(text.len() as u64);
    for byte in text.bytes() {
        digest.fold(u64::from(byte));
    }
}
