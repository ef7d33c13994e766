//! How many records each broker appended as a leader, in all: who carries the load.

use crate::report::chart::axis::{Axis, ticks};
use crate::report::chart::svg::{Anchor, Svg};
use crate::report::chart::{Chart, GAP, HEAD, LEFT, RIGHT, Recorded, head};
use crate::report::numbers::thousands;
use crate::run::record::Recording;

/// Height of a broker's row.
const ROW: i64 = 18;
/// Height of a bar.
const BAR: i64 = 12;
/// The most brokers of a variant that are drawn: those with the most records.
const BROKERS_MAX: usize = 12;
/// Room at the right for a number beside the longest bar.
const NUMBER: i64 = 110;

/// The chart; none where there is but one broker.
pub(super) fn draw(recorded: &Recorded<'_>) -> Option<Chart> {
    let loads = || recorded.runs().map(|(_, run)| load(run));
    if loads().all(|load| load.len() < 2) {
        return None;
    }
    let steps = ticks(loads().flatten().map(|(_, n)| n).max().unwrap_or(0), 6);
    let axis = Axis {
        zero: LEFT,
        end: RIGHT - NUMBER,
        top: steps.last().copied().unwrap_or(1),
    };
    let mut svg = Svg::default();
    let title = recorded.title("Load");
    let below =
        "records that each broker appended as a leader, in the whole run; one scale for all";
    head(&mut svg, &title, below);
    let mut y = HEAD;
    for (name, run) in recorded.runs() {
        let load = load(run);
        let shown = busiest(&load);
        let mut heading = name.to_owned();
        if shown.len() < load.len() {
            let (count, all) = (shown.len(), load.len());
            heading.push_str(&format!(
                ": {count} of {all} brokers, those with most records"
            ));
        }
        svg.text("panel", (LEFT, y + 14), Anchor::Start, &heading);
        let (top, sum) = (y + 24, load.iter().map(|(_, n)| n).sum());
        let floor = top + ROW * shown.len() as i64;
        for tick in &steps {
            let x = axis.at(*tick);
            svg.line("grid", (x, top), (x, floor));
            svg.line("axis", (x, floor), (x, floor + 4));
            svg.text("soft", (x, floor + 16), Anchor::Middle, &thousands(*tick));
        }
        svg.line("axis", (LEFT, top), (LEFT, floor));
        for (row, (broker, records)) in (0..).zip(&shown) {
            let y = top + ROW * row + (ROW - BAR) / 2;
            let end = axis.at(*records);
            svg.text("", (LEFT - 8, y + 10), Anchor::End, &format!("b{broker}"));
            let says = format!("b{broker}: {}", number(*records, sum));
            if *records > 0 {
                svg.rect("bar", (LEFT, y), ((end - LEFT).max(1), BAR), &says);
            }
            let beside = (end + 6, y + 10);
            svg.text("halo", beside, Anchor::Start, &number(*records, sum));
        }
        y = floor + GAP;
    }
    let says = recorded.words(below, |run| {
        let load = load(run);
        let sum = load.iter().map(|(_, n)| n).sum();
        let shown = busiest(&load);
        let mut said: Vec<String> = (shown.iter())
            .map(|(broker, records)| format!("b{broker} {}", number(*records, sum)))
            .collect();
        if shown.len() < load.len() {
            said.push(format!("and {} brokers more", load.len() - shown.len()));
        }
        said.join(", ")
    });
    Some(Chart::new("load", svg, y, title, says))
}

/// Each broker's number and records, in order of number.
fn load(run: &Recording) -> Vec<(u32, u64)> {
    let mut load: Vec<(u32, u64)> = (run.outcome.metrics.iter())
        .filter_map(|(name, records)| {
            let broker = name.strip_prefix("appended_records.b")?.parse().ok()?;
            Some((broker, u64::try_from(*records).ok()?))
        })
        .collect();
    load.sort_unstable();
    load
}

/// Those with the most records, in order of number.
fn busiest(load: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let mut shown = load.to_vec();
    shown.sort_by_key(|(broker, records)| (std::cmp::Reverse(*records), *broker));
    shown.truncate(BROKERS_MAX);
    shown.sort_unstable();
    shown
}

/// `3,200 (33%)`
fn number(records: u64, sum: u64) -> String {
    let percent = (u128::from(records) * 100 + u128::from(sum / 2)) / u128::from(sum.max(1));
    format!("{} ({percent}%)", thousands(records))
}
