//! Who leads each partition, and how many of its replicas are in sync, over time.

use crate::report::chart::axis::{Axis, Labels, time_axis};
use crate::report::chart::svg::{Anchor, Svg, width_of};
use crate::report::chart::{Chart, GAP, HEAD, LEFT, RIGHT, Recorded, head};
use crate::report::numbers::{duration, instant};
use crate::run::record::{Leader, PartitionHistory, Recording};
use crate::sim::time::SimTime;

/// The most partitions of a variant that are drawn: those with the most changes.
const PARTITIONS_MAX: usize = 6;
/// Height of the band of leaders.
const BAND: i64 = 18;
/// Height of the plot of the in-sync set.
const PLOT: i64 = 30;
/// Height of all of a partition.
const ROW: i64 = BAND + PLOT + 30;

/// The chart.
pub(super) fn draw(recorded: &Recorded<'_>) -> Chart {
    let time = recorded.time();
    let mut svg = Svg::default();
    let title = recorded.title("Leaders and in-sync replicas");
    let below = "a band of leaders, hatched while there is none that serves; below it the size of \
                 the in-sync set (ISR)";
    head(&mut svg, &title, below);
    let mut y = HEAD;
    for (name, run) in recorded.runs() {
        let labels = Labels::of(&run.outcome.marks, &time);
        let shown = most_eventful(&run.partitions);
        let mut heading = name.to_owned();
        let all = run.partitions.len();
        if shown.len() < all {
            let count = shown.len();
            heading.push_str(&format!(
                ": {count} of {all} partitions, those with most changes"
            ));
        }
        svg.text("panel", (LEFT, y + 14), Anchor::Start, &heading);
        let top = y + 22 + labels.height();
        let bottom = top + ROW * shown.len() as i64 - 10;
        for (row, partition) in (0..).zip(&shown) {
            draw_one(&mut svg, run, partition, &time, top + ROW * row);
        }
        labels.draw(&mut svg, top, bottom, RIGHT);
        time_axis(&mut svg, &time, bottom);
        y = bottom + GAP;
    }
    let says = recorded.words(below, |run| {
        let shown = most_eventful(&run.partitions);
        let mut said: Vec<String> = (shown.iter())
            .map(|partition| words(partition, run.outcome.ended_at))
            .collect();
        if shown.len() < run.partitions.len() {
            let more = run.partitions.len() - shown.len();
            said.push(format!("{more} partitions with fewer changes"));
        }
        said.join(". ")
    });
    Chart::new("partitions", svg, y, title, says)
}

/// The partitions with the most changes, in their own order.
fn most_eventful(partitions: &[PartitionHistory]) -> Vec<&PartitionHistory> {
    let mut indices: Vec<usize> = (0..partitions.len()).collect();
    let changes = |i: &usize| partitions[*i].leader.len() + partitions[*i].in_sync.len();
    indices.sort_by_key(|i| (std::cmp::Reverse(changes(i)), *i));
    indices.truncate(PARTITIONS_MAX);
    indices.sort_unstable();
    indices.into_iter().map(|i| &partitions[i]).collect()
}

fn draw_one(svg: &mut Svg, run: &Recording, partition: &PartitionHistory, time: &Axis, y: i64) {
    let end = run.outcome.ended_at;
    svg.text("", (LEFT, y + 11), Anchor::Start, &partition.name);
    let band = y + 16;
    svg.text("soft", (LEFT - 8, band + 13), Anchor::End, "leader");
    for (from, to, leader) in spans(&partition.leader, end) {
        let (x, width) = (time.time(from), (time.time(to) - time.time(from)).max(1));
        let (class, label) = look(leader);
        let says = format!("{label} from {} to {}", at(from), at(to));
        svg.rect(class, (x, band), (width, BAND), &says);
        if width_of(&label) <= width - 4 {
            svg.text("halo", (x + 5, band + 13), Anchor::Start, &label);
        }
    }
    let size = Axis {
        zero: band + BAND + PLOT,
        end: band + BAND + 6,
        top: u64::from(partition.replicas.max(1)),
    };
    svg.text("soft", (LEFT - 22, size.zero - 8), Anchor::End, "ISR");
    for tick in [0, size.top] {
        let y = size.at(tick);
        svg.line("grid", (LEFT, y), (RIGHT, y));
        svg.text("soft", (LEFT - 8, y + 4), Anchor::End, &tick.to_string());
    }
    let points: Vec<(i64, i64)> = (partition.in_sync.iter())
        .map(|(from, count)| (time.time(*from), size.at(u64::from(*count))))
        .collect();
    svg.steps("solid", &points, time.time(end));
    for (from, to, count) in spans(&partition.in_sync, end) {
        let x = time.time(from);
        // A number beside the line where there is room for it.
        if time.time(to) - x >= 14 {
            let y = size.at(u64::from(count));
            // Above the line, or below it where the band of leaders is too near.
            let above = if y - 18 < size.end - 6 { y + 12 } else { y - 3 };
            svg.text("halo", (x + 4, above), Anchor::Start, &count.to_string());
        }
    }
}

/// A value and the stretch of time in which it held; instants of no length are left out.
fn spans<T: Copy>(
    changes: &[(SimTime, T)],
    end: SimTime,
) -> impl Iterator<Item = (SimTime, SimTime, T)> + '_ {
    (changes.iter().enumerate())
        .map(move |(i, (from, value))| {
            let to = changes.get(i + 1).map_or(end, |(next, _)| *next);
            (*from, to, *value)
        })
        .filter(|(from, to, _)| from < to)
}

/// How a leader is drawn and called. Neighbours by number differ in grey; the name decides.
fn look(leader: Leader) -> (&'static str, String) {
    match leader {
        Leader::Serves(broker) => {
            let class = match broker.0 % 4 {
                0 => "lead0",
                1 => "lead1",
                2 => "lead2",
                _ => "lead3",
            };
            (class, broker.to_string())
        }
        Leader::Away(broker) => ("gone", format!("{broker} is away")),
        Leader::Nobody => ("gone", "no leader".to_owned()),
    }
}

fn at(time: SimTime) -> String {
    instant(time.as_nanos())
}

fn words(partition: &PartitionHistory, end: SimTime) -> String {
    let mut led: Vec<String> = Vec::new();
    let mut without = 0;
    for (from, to, leader) in spans(&partition.leader, end) {
        match leader {
            Leader::Serves(broker) => led.push(format!("{broker} from {}", at(from))),
            Leader::Away(_) | Leader::Nobody => without += to.since(from).as_nanos(),
        }
    }
    let least = partition.in_sync.iter().map(|(_, size)| *size).min();
    let mut led_by: Vec<String> = led.iter().take(8).cloned().collect();
    if led.len() > led_by.len() {
        led_by.push(format!("{} more", led.len() - led_by.len()));
    }
    format!(
        "{} is led by {}; no leader that serves for {}; at least {} of {} in sync",
        partition.name,
        if led_by.is_empty() {
            "nobody".to_owned()
        } else {
            led_by.join(", ")
        },
        duration(without),
        least.unwrap_or(0),
        partition.replicas
    )
}
