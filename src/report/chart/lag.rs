//! How far each group was behind, over time: a line for each variant, told apart by its dashes and
//! by a letter at its peak.

use crate::check::tally::LagSeries;
use crate::report::chart::axis::{Axis, Labels, ticks, time_axis};
use crate::report::chart::svg::{Anchor, Svg};
use crate::report::chart::{Chart, GAP, HEAD, LEFT, RIGHT, Recorded, head};
use crate::report::marks::{Moment, moments};
use crate::report::metrics;
use crate::report::numbers::{instant, thousands};
use crate::run::Outcome;

/// Height of a panel's plot.
const PLOT: i64 = 150;
/// The most lines of a panel: so many looks can be told apart.
const LINES_MAX: usize = 6;
/// What each line looks like.
const LOOKS: [&str; LINES_MAX] = ["v0", "v1", "v2", "v3", "v4", "v5"];
/// Height of a line of the legend.
const ROW: i64 = 15;
/// Between the labels of marks and the plot: room for a letter at a peak.
const ABOVE: i64 = 14;
/// The most rows of labels of marks.
const MARK_ROWS: usize = 6;

/// A line: its letter, its variant and its values.
struct Line<'a> {
    letter: String,
    look: &'static str,
    name: &'a str,
    outcome: &'a Outcome,
    lag: &'a LagSeries,
}

/// The chart; none where nobody reads.
pub(super) fn draw(recorded: &Recorded<'_>) -> Option<Chart> {
    let groups = metrics::group_names(recorded.runs().map(|(_, run)| &run.outcome));
    if groups.is_empty() {
        return None;
    }
    let peaks = (recorded.runs()).flat_map(|(_, run)| run.outcome.lag.values());
    let levels = ticks(peaks.map(|lag| lag.peak).max().unwrap_or(0), 4);
    let mut svg = Svg::default();
    let title = recorded.title("Lag");
    let below = "records sent that a group will process and has not yet, over virtual time; one \
                 scale for all";
    head(&mut svg, &title, below);
    let mut y = HEAD;
    for group in &groups {
        let lines: Vec<Line<'_>> = (recorded.runs())
            .filter_map(|(name, run)| Some((name, &run.outcome, run.outcome.lag.get(*group)?)))
            .enumerate()
            .map(|(index, (name, outcome, lag))| Line {
                letter: letter(index),
                look: LOOKS[index % LINES_MAX],
                name,
                outcome,
                lag,
            })
            .collect();
        for (part, shown) in lines.chunks(LINES_MAX).enumerate() {
            let mut heading = format!("group {group}");
            if lines.len() > LINES_MAX {
                let (before, all) = (part * LINES_MAX, lines.len());
                let (from, to) = (before + 1, before + shown.len());
                heading.push_str(&format!(": variants {from} to {to} of {all}"));
            }
            y = panel(&mut svg, recorded, &heading, shown, &levels, y);
        }
    }
    let says = recorded.words(below, |run| {
        let said = run.outcome.lag.iter().map(|(group, lag)| {
            let words = words(lag);
            format!("group {group}: {words}")
        });
        said.collect::<Vec<_>>().join(". ")
    });
    Some(Chart::new("lag", svg, y, title, says))
}

/// `A` to `Z`, then `A1` and so on.
fn letter(index: usize) -> String {
    let letter = char::from(b'A' + (index % 26) as u8);
    match index / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}

/// Draws one panel from `y` on; returns where the next begins.
fn panel(
    svg: &mut Svg,
    recorded: &Recorded<'_>,
    heading: &str,
    lines: &[Line<'_>],
    levels: &[u64],
    y: i64,
) -> i64 {
    let time = recorded.time();
    svg.text("panel", (LEFT, y + 14), Anchor::Start, heading);
    let mut row = y + 18;
    for line in lines {
        svg.line(line.look, (LEFT, row + 9), (LEFT + 34, row + 9));
        svg.text("letter", (LEFT + 42, row + 13), Anchor::Start, &line.letter);
        let text = format!("{}: {}", line.name, words(line.lag));
        svg.text("", (LEFT + 60, row + 13), Anchor::Start, &text);
        row += ROW;
    }
    let marks: Vec<&[_]> = lines.iter().map(|line| &line.outcome.marks[..]).collect();
    let moments = moments(&marks);
    let labels = Labels::place(&moments, &time, MARK_ROWS, |moment| label(moment, lines));
    let top = row + 8 + labels.height() + ABOVE;
    let level = Axis {
        zero: top + PLOT,
        end: top,
        top: levels.last().copied().unwrap_or(1),
    };
    for tick in levels {
        let y = level.at(*tick);
        svg.line("grid", (LEFT, y), (RIGHT, y));
        svg.text("soft", (LEFT - 8, y + 4), Anchor::End, &thousands(*tick));
    }
    // The broadest first, so that it hides no other.
    let broad = |line: &&Line<'_>| line.look == "v4";
    let others = lines.iter().filter(|line| !broad(line));
    for line in lines.iter().filter(broad).chain(others) {
        let until = time.time(line.outcome.ended_at);
        svg.steps(line.look, &points(line.lag, &time, &level), until);
    }
    labels.draw(svg, top - ABOVE, level.zero, RIGHT);
    letters(svg, lines, &time, &level);
    time_axis(svg, &time, level.zero);
    level.zero + GAP
}

/// `11.4s b2 leads orders-0 (A, C)`: a moment of some variants only is said to be theirs.
fn label(moment: &Moment, lines: &[Line<'_>]) -> String {
    if moment.only.is_empty() {
        return moment.text.clone();
    }
    let whose: Vec<&str> = (moment.only.iter())
        .map(|index| lines[*index].letter.as_str())
        .collect();
    format!("{} ({})", moment.text, whose.join(", "))
}

/// The steps of a series, and the exact peak between them.
fn points(lag: &LagSeries, time: &Axis, level: &Axis) -> Vec<(i64, i64)> {
    let mut values: Vec<(u64, u64)> = (0_u64..)
        .zip(&lag.values)
        .map(|(i, value)| (i.saturating_mul(lag.step.as_nanos()), *value))
        .filter(|(at, _)| *at <= time.top)
        .collect();
    let peak_at = lag.peak_at.as_nanos();
    let after = values.partition_point(|(at, _)| *at <= peak_at);
    values.insert(after, (peak_at, lag.peak));
    let point = |(at, value): &(u64, u64)| (time.at(*at), level.at(*value));
    values.iter().map(point).collect()
}

/// The letter of each line at its peak; letters that would stand on each other stand side by side.
fn letters(svg: &mut Svg, lines: &[Line<'_>], time: &Axis, level: &Axis) {
    let mut placed: Vec<((i64, i64), String)> = Vec::new();
    for line in lines.iter().filter(|line| line.lag.peak > 0) {
        let (x, y) = (time.time(line.lag.peak_at), level.at(line.lag.peak));
        let near = |((px, py), text): &&mut ((i64, i64), String)| {
            let width = 9 * (1 + text.len() as i64);
            (x - px).abs() < width && (y - py).abs() < 13
        };
        match placed.iter_mut().find(near) {
            Some((_, text)) => text.push_str(&line.letter),
            None => placed.push(((x, y), line.letter.clone())),
        }
    }
    for ((x, y), text) in placed {
        svg.text("letter", (x, y - 4), Anchor::Middle, &text);
    }
}

fn words(lag: &LagSeries) -> String {
    if lag.peak == 0 {
        return "never behind".to_owned();
    }
    let at = |at: crate::sim::time::SimTime| instant(at.as_nanos());
    let gone = match lag.peak_gone_at {
        Some(gone) => format!("gone at {}", at(gone)),
        None => "never gone".to_owned(),
    };
    let caught_up = match lag.caught_up_at {
        Some(caught_up) => format!("caught up for good at {}", at(caught_up)),
        None => "never caught up for good".to_owned(),
    };
    let (peak, peak_at) = (thousands(lag.peak), at(lag.peak_at));
    format!("at most {peak} behind, at {peak_at}; {gone}; {caught_up}")
}
