//! Charts of recorded runs, as SVG: small multiples on one scale, a panel per variant.
//!
//! Drawn with whole pixels and no measured text, so that the same run gives the same bytes
//! everywhere. Every picture says in words what it shows: in its description, and in a text
//! beside it. Nothing depends on colour: lines differ by dash, areas by grey and hatching.
//! The pictures are written here rather than by a library, which would know neither hatching nor
//! descriptions nor whole numbers.

mod axis;
mod lag;
mod latency;
mod load;
mod partitions;
pub mod seeds;
mod svg;
mod throughput;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::report::chart::axis::Axis;
use crate::report::chart::svg::{Anchor, Svg};
use crate::report::style::capital;
use crate::run::record::Recording;
use crate::sim::time::SimTime;

use crate::report::chart::seeds::Strip;

/// Width of every chart.
const WIDTH: i64 = 960;
/// Where panels begin and end.
const LEFT: i64 = 72;
const RIGHT: i64 = WIDTH - 28;
/// Height of the title and what is below it.
const HEAD: i64 = 52;
/// From the bottom of one panel to the title of the next.
const GAP: i64 = 34;

/// A picture and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// The last part of its file's name: `throughput`.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The picture.
    pub svg: String,
    /// The same in words: a line on what is shown, then one for each variant.
    pub says: String,
}

impl Chart {
    /// A picture of this height, with its words inside.
    fn new(name: &str, svg: Svg, height: i64, title: String, says: String) -> Self {
        Self {
            name: name.to_owned(),
            svg: svg.finish((WIDTH, height), name, (&title, &says)),
            title,
            says,
        }
    }
}

/// What the charts of one seed are drawn from.
#[derive(Clone, Debug)]
pub struct Recorded<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// The seed.
    pub seed: u64,
    /// Each variant; none where Kafka refused its config.
    pub variants: Vec<(Arc<str>, Option<Recording>)>,
}

/// The charts of one seed.
pub fn of_run(recorded: &Recorded<'_>) -> Vec<Chart> {
    if recorded.runs().next().is_none() {
        return Vec::new();
    }
    let mut charts = vec![throughput::draw(recorded), latency::draw(recorded)];
    charts.extend(lag::draw(recorded));
    charts.push(partitions::draw(recorded));
    charts.extend(load::draw(recorded));
    charts
}

/// A chart of one metric over many seeds.
pub fn of_seeds(scenario: &str, strip: &Strip) -> Chart {
    seeds::draw(scenario, strip)
}

impl Recorded<'_> {
    /// The variants that ran.
    fn runs(&self) -> impl Iterator<Item = (&str, &Recording)> {
        (self.variants.iter()).filter_map(|(name, recording)| Some((&**name, recording.as_ref()?)))
    }

    /// The time axis that all panels share.
    fn time(&self) -> Axis {
        let ends = self.runs().map(|(_, recording)| recording.outcome.ended_at);
        let end = ends.max().unwrap_or(SimTime::ZERO);
        Axis {
            zero: LEFT,
            end: RIGHT,
            top: end.as_nanos().max(1),
        }
    }

    /// `leader-crash-acks1, seed 5`.
    fn title(&self, what: &str) -> String {
        format!("{what}: {}, seed {}", self.scenario, self.seed)
    }

    /// What a chart says: what it shows, then a line for each variant.
    fn words(&self, below: &str, of: impl Fn(&Recording) -> String) -> String {
        let mut said = format!("{}.", capital(below));
        for (name, recording) in &self.variants {
            let of_it = match recording {
                Some(recording) => of(recording),
                None => "Kafka refuses the config".to_owned(),
            };
            said.push_str(&format!("\n{name}: {of_it}."));
        }
        said
    }
}

/// The title of a chart and what its axes show.
fn head(svg: &mut Svg, title: &str, below: &str) {
    svg.text("title", (LEFT, 24), Anchor::Start, title);
    svg.text("soft", (LEFT, 42), Anchor::Start, below);
}
