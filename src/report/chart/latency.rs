//! How long records took, to the acknowledgement and to the reader: shares over a logarithmic
//! axis, with the ranks that everybody asks for.

use crate::report::chart::axis::{Axis, ticks};
use crate::report::chart::svg::{Anchor, Svg, width_of};
use crate::report::chart::{Chart, GAP, HEAD, LEFT, RIGHT, Recorded, head};
use crate::report::numbers::{duration, thousands};
use crate::run::record::{PARTS_OF_A_DOUBLING, Recording, Spread};

/// Height of a panel's plot.
const PLOT: i64 = 90;
/// Between the two columns.
const BETWEEN: i64 = 48;
/// Rows of labels of ranks.
const RANKS: i64 = 3 * 13;
/// Shares are drawn in thousandths.
const WHOLE: u128 = 1_000;

/// One of the two columns.
struct Column {
    says: &'static str,
    metric: &'static str,
    spread: fn(&Recording) -> &Spread,
    from: i64,
}

/// The part of the axis that is shown: from one part of a doubling up to another.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: u32,
    last: u32,
}

/// The chart.
pub(super) fn draw(recorded: &Recorded<'_>) -> Chart {
    let width = (RIGHT - LEFT - BETWEEN) / 2;
    let columns = [
        Column {
            says: "from send to the acknowledgement",
            metric: "ack",
            spread: |run| &run.ack,
            from: LEFT,
        },
        Column {
            says: "from send until it is processed",
            metric: "e2e",
            spread: |run| &run.end_to_end,
            from: LEFT + width + BETWEEN,
        },
    ];
    let spreads = || (recorded.runs()).flat_map(|(_, run)| [&run.ack, &run.end_to_end]);
    let range = Range::of(spreads());
    let shares =
        spreads().flat_map(|spread| spread.parts.iter().map(move |n| share(*n, spread.count)));
    let shares = ticks(shares.max().unwrap_or(0), 3);
    let mut svg = Svg::default();
    let title = recorded.title("Latency");
    let below = "share of records (%) by how long they took; the time axis is logarithmic, the \
                 same everywhere";
    head(&mut svg, &title, below);
    let mut y = HEAD;
    for (name, run) in recorded.runs() {
        svg.text("panel", (LEFT, y + 14), Anchor::Start, name);
        let top = y + 38 + RANKS;
        for column in &columns {
            let place = (column.from, column.from + width);
            svg.text("soft", (column.from, y + 32), Anchor::Start, column.says);
            panel(&mut svg, run, column, place, top, range, &shares);
        }
        y = top + PLOT + GAP;
    }
    let says = recorded.words(below, |run| {
        columns
            .each_ref()
            .map(|column| words(run, column))
            .join("; ")
    });
    Chart::new("latency", svg, y, title, says)
}

fn panel(
    svg: &mut Svg,
    run: &Recording,
    column: &Column,
    (left, right): (i64, i64),
    top: i64,
    range: Range,
    shares: &[u64],
) {
    let floor = top + PLOT;
    let share_axis = Axis {
        zero: floor,
        end: top,
        top: shares.last().copied().unwrap_or(1),
    };
    for tick in shares {
        let y = share_axis.at(*tick);
        svg.line("grid", (left, y), (right, y));
        if left == LEFT {
            svg.text("soft", (left - 8, y + 4), Anchor::End, &percent(*tick));
        }
    }
    let axis = range.axis(left, right);
    let spread = (column.spread)(run);
    for (part, count) in (0_u32..)
        .zip(&spread.parts)
        .filter(|(_, count)| **count > 0)
    {
        let from = range.at(&axis, Spread::begins(part).as_nanos());
        let to = range.at(&axis, Spread::begins(part + 1).as_nanos());
        // What is not nothing is never drawn as nothing.
        let y = share_axis.at(share(*count, spread.count)).min(floor - 1);
        let (low, high) = (Spread::begins(part), Spread::begins(part + 1));
        let says = format!(
            "{} to {}: {} records",
            duration(low.as_nanos()),
            duration(high.as_nanos()),
            thousands(*count)
        );
        svg.rect("bar", (from, y), ((to - from - 1).max(1), floor - y), &says);
    }
    svg.line("axis", (left, floor), (right, floor));
    for nanos in range.decades() {
        let x = range.at(&axis, nanos);
        svg.line("axis", (x, floor), (x, floor + 4));
        svg.text("soft", (x, floor + 16), Anchor::Middle, &decade(nanos));
    }
    if spread.count == 0 {
        let middle = (i64::midpoint(left, right), floor - PLOT / 2);
        svg.text("soft", middle, Anchor::Middle, "no record");
    }
    draw_ranks(svg, run, column, (&axis, range), (top, floor));
}

/// Lines at the ranks, each with its label at its top, all on one side: the line that stands
/// farthest on that side is the shortest, so that no line runs through a label.
fn draw_ranks(
    svg: &mut Svg,
    run: &Recording,
    column: &Column,
    (axis, range): (&Axis, Range),
    (top, floor): (i64, i64),
) {
    let mut labels: Vec<(i64, String)> = ranks(run, column)
        .map(|(label, nanos)| {
            let text = format!("{label} {}", duration(nanos));
            (range.at(axis, nanos), text)
        })
        .collect();
    let fits = |(x, text): &(i64, String)| x + 4 + width_of(text) <= axis.end + 24;
    let right = labels.iter().all(fits);
    if !right {
        labels.reverse();
    }
    let rows = || (0_i64..).map(|row| top - RANKS + 13 * row + 10);
    for (y, (x, _)) in rows().zip(&labels) {
        svg.line("rank", (*x, y - 8), (*x, floor));
    }
    for (y, (x, text)) in rows().zip(&labels) {
        let (x, anchor) = if right {
            (x + 4, Anchor::Start)
        } else {
            (x - 4, Anchor::End)
        };
        svg.text("halo", (x, y), anchor, text);
    }
}

/// The ranks of a column, as the result has them.
fn ranks(run: &Recording, column: &Column) -> impl Iterator<Item = (&'static str, u64)> {
    ["p50", "p99", "max"].into_iter().filter_map(|rank| {
        let name = format!("{}_{rank}_ns", column.metric);
        let value = run.outcome.metrics.get(&name)?;
        Some((rank, u64::try_from(*value).ok()?))
    })
}

impl Range {
    /// From the shortest to the longest.
    fn of<'s>(spreads: impl Iterator<Item = &'s Spread>) -> Self {
        let (mut first, mut last) = (u32::MAX, 0);
        for spread in spreads {
            for (part, _) in (0_u32..)
                .zip(&spread.parts)
                .filter(|(_, count)| **count > 0)
            {
                first = first.min(part);
                last = last.max(part);
            }
        }
        // At least a few doublings, so that one value alone is a bar and not a wall.
        let first = first.min(last).saturating_sub(2 * PARTS_OF_A_DOUBLING);
        let last = (last + PARTS_OF_A_DOUBLING).max(first + 8 * PARTS_OF_A_DOUBLING);
        Self { first, last }
    }

    /// An axis in 64ths of a part.
    fn axis(self, left: i64, right: i64) -> Axis {
        Axis {
            zero: left,
            end: right,
            top: u64::from(self.last - self.first) * 64,
        }
    }

    /// Where a span stands: even within a part, and parts side by side.
    fn at(self, axis: &Axis, nanos: u64) -> i64 {
        let nanos = nanos.max(1);
        let doubling = nanos.ilog2();
        let over = u128::from(nanos - (1 << doubling)) * u128::from(PARTS_OF_A_DOUBLING) * 64;
        let at = u64::from(doubling * PARTS_OF_A_DOUBLING) * 64 + (over >> doubling) as u64;
        axis.at(at.saturating_sub(u64::from(self.first) * 64))
    }

    /// The powers of ten in it, in nanoseconds.
    fn decades(self) -> impl Iterator<Item = u64> {
        let (first, last) = (Spread::begins(self.first), Spread::begins(self.last));
        (0..=19)
            .map(|power| 10_u64.pow(power))
            .filter(move |nanos| (first.as_nanos()..=last.as_nanos()).contains(nanos))
    }
}

/// `10 ms`, without decimals.
fn decade(nanos: u64) -> String {
    let (number, unit) = match nanos {
        0..1_000 => (nanos, "ns"),
        1_000..1_000_000 => (nanos / 1_000, "\u{b5}s"),
        1_000_000..1_000_000_000 => (nanos / 1_000_000, "ms"),
        _ => (nanos / 1_000_000_000, "s"),
    };
    format!("{} {unit}", thousands(number))
}

/// A count among all, in thousandths.
fn share(count: u64, all: u64) -> u64 {
    (u128::from(count) * WHOLE / u128::from(all.max(1))) as u64
}

/// Thousandths as percent: `12.5`.
fn percent(thousandths: u64) -> String {
    match thousandths % 10 {
        0 => (thousandths / 10).to_string(),
        tenth => format!("{}.{tenth}", thousandths / 10),
    }
}

fn words(run: &Recording, column: &Column) -> String {
    let ranks: Vec<String> = ranks(run, column)
        .map(|(label, nanos)| format!("{label} {}", duration(nanos)))
        .collect();
    let ranks = if ranks.is_empty() {
        "no record".to_owned()
    } else {
        ranks.join(", ")
    };
    format!("{} {ranks}", column.says)
}
