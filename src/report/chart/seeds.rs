//! One metric over many seeds: a dot per seed, stacked where values are alike, a row per variant.

use std::sync::Arc;

use crate::report::chart::axis::{Axis, ticks};
use crate::report::chart::svg::{Anchor, Svg};
use crate::report::chart::{Chart, GAP, HEAD, LEFT, RIGHT, head};
use crate::report::numbers::{duration, metric, thousands};
use crate::report::style::capital;

/// Height of a row's plot.
const PLOT: i64 = 70;
/// The most columns of one stack.
const ABREAST: i64 = 5;
/// Radius of a dot.
const RADIUS: i64 = 3;

/// A metric's value under each seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strip {
    /// The metric.
    pub metric: String,
    /// The seeds, from and to (not included).
    pub seeds: (u64, u64),
    /// By variant: the value under each seed that had one.
    pub variants: Vec<(Arc<str>, Vec<i64>)>,
}

/// The chart.
pub(super) fn draw(scenario: &str, strip: &Strip) -> Chart {
    let values = || strip.variants.iter().flat_map(|(_, values)| values.iter());
    let most = values().copied().max().unwrap_or(0).max(0) as u64;
    let steps = ticks(most, 8);
    let axis = Axis {
        zero: LEFT,
        end: RIGHT,
        top: steps.last().copied().unwrap_or(1),
    };
    let mut svg = Svg::default();
    let (from, to) = strip.seeds;
    let title = format!("{}: {scenario}, seeds {from}..{to}", strip.metric);
    let below = format!(
        "each dot is a seed, where its {} is; the bar is the median",
        strip.metric
    );
    head(&mut svg, &title, &below);
    let mut y = HEAD;
    let mut says = format!("{}.", capital(&below));
    for (name, values) in &strip.variants {
        svg.text("panel", (LEFT, y + 14), Anchor::Start, name);
        let words = words(&strip.metric, values);
        svg.text("", (RIGHT, y + 14), Anchor::End, &words);
        says.push_str(&format!("\n{name}: {words}."));
        let floor = y + 24 + PLOT;
        for tick in &steps {
            let x = axis.at(*tick);
            svg.line("grid", (x, floor - PLOT), (x, floor));
            svg.line("axis", (x, floor), (x, floor + 4));
            let label = if strip.metric.ends_with("_ns") {
                duration(*tick)
            } else {
                thousands(*tick)
            };
            svg.text("soft", (x, floor + 16), Anchor::Middle, &label);
        }
        svg.line("axis", (LEFT, floor), (RIGHT, floor));
        dots(&mut svg, values, &axis, floor);
        y = floor + GAP;
    }
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = strip.metric.chars().map(safe).collect();
    Chart::new(&format!("seeds-{name}"), svg, y, title, says)
}

/// A row's dots: those that would touch stand on each other, in a few columns side by side where
/// they are many, and closer where they are still more.
fn dots(svg: &mut Svg, values: &[i64], axis: &Axis, floor: i64) {
    let step = 2 * RADIUS + 1;
    let mut sorted: Vec<u64> = values
        .iter()
        .map(|v| u64::try_from(*v).unwrap_or(0))
        .collect();
    sorted.sort_unstable();
    if let Some(median) = median(&sorted) {
        let x = axis.at(median);
        svg.line("rank", (x, floor - PLOT - 6), (x, floor));
    }
    let mut rest: &[u64] = &sorted;
    while let Some(first) = rest.first() {
        let x = axis.at(*first);
        let near = rest.partition_point(|value| axis.at(*value) < x + step);
        let abreast = (near as i64 * step).div_euclid(PLOT).clamp(0, ABREAST - 1) + 1;
        let levels = (near as i64 + abreast - 1) / abreast;
        let rise = ((PLOT - step) * 10 / (levels - 1).max(1)).min(step * 10);
        for i in 0..near as i64 {
            let (across, up) = (i % abreast, i / abreast);
            let left = x + (2 * across - (abreast - 1)) * step / 2;
            let y = floor - RADIUS - 1 - up * rise / 10;
            svg.circle("dot", (left, y), RADIUS);
        }
        rest = &rest[near..];
    }
}

/// The lower median.
fn median(sorted: &[u64]) -> Option<u64> {
    let middle = sorted.len().checked_sub(1)? / 2;
    sorted.get(middle).copied()
}

fn words(name: &str, values: &[i64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else {
        return "no seed has it".to_owned();
    };
    let over = values.iter().filter(|value| **value > 0).count();
    let middle = sorted[(sorted.len() - 1) / 2];
    format!(
        "over 0 in {} of {} seeds; least {}, median {}, most {}",
        thousands(over as u64),
        thousands(values.len() as u64),
        metric(name, *least),
        metric(name, middle),
        metric(name, *most)
    )
}
