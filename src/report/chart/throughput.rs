//! Records per second over time: sent, acked, processed.

use crate::report::chart::axis::{Axis, Labels, ticks, time_axis};
use crate::report::chart::svg::{Anchor, Svg};
use crate::report::chart::{Chart, GAP, HEAD, LEFT, RIGHT, Recorded, head};
use crate::report::numbers::{duration, instant, thousands};
use crate::run::record::{Recording, Series};
use crate::sim::time::SimDuration;

/// Height of a panel's plot.
const PLOT: i64 = 96;
/// From this ratio of the highest peak to the lowest on, the axis is logarithmic.
const STEEP: u64 = 8;

/// The axis of rates: even, or logarithmic where a burst would flatten everything else.
struct Rates {
    logarithmic: bool,
    ticks: Vec<u64>,
}

/// The chart.
pub(super) fn draw(recorded: &Recorded<'_>) -> Chart {
    let step = (recorded.runs())
        .flat_map(|(_, run)| [run.sent.step, run.acked.step, run.processed.step])
        .max()
        .unwrap_or_default();
    let peaks = (recorded.runs())
        .flat_map(|(_, run)| [&run.sent, &run.acked, &run.processed])
        .map(|series| peak(&series.coarser(step)).0)
        .filter(|rate| *rate > 0);
    let rates = Rates::of(peaks.collect());
    let time = recorded.time();
    let mut svg = Svg::default();
    let title = recorded.title("Throughput");
    let step_words = duration(step.as_nanos());
    let scale = if rates.logarithmic {
        " (logarithmic)"
    } else {
        ""
    };
    let below = format!("records per second{scale}, in steps of {step_words} of virtual time");
    head(&mut svg, &title, &below);
    legend(&mut svg);
    let mut y = HEAD;
    for (name, run) in recorded.runs() {
        let labels = Labels::of(&run.outcome.marks, &time);
        svg.text("panel", (LEFT, y + 14), Anchor::Start, name);
        let top = y + 22 + labels.height();
        let rate = Axis {
            zero: top + PLOT,
            end: top,
            top: rates.level(rates.ticks.last().copied().unwrap_or(1)),
        };
        panel(&mut svg, run, step, &time, &rate, &rates);
        labels.draw(&mut svg, top, rate.zero, RIGHT);
        time_axis(&mut svg, &time, rate.zero);
        y = rate.zero + GAP;
    }
    let says = recorded.words(&below, |run| words(run, step));
    Chart::new("throughput", svg, y, title, says)
}

impl Rates {
    /// An axis for series with these peaks.
    fn of(peaks: Vec<u64>) -> Self {
        let most = peaks.iter().copied().max().unwrap_or(0);
        let least = peaks.iter().copied().min().unwrap_or(0);
        let logarithmic = most > least.saturating_mul(STEEP);
        let ticks = if logarithmic {
            // Not 1: its label would stand on that of 0.
            let powers: Vec<u64> = (1..=19).map(|power| 10_u64.pow(power)).collect();
            let below = powers.partition_point(|power| *power < most);
            let shown = powers.into_iter().take(below + 1);
            [0].into_iter().chain(shown).collect()
        } else {
            ticks(most, 4)
        };
        Self { logarithmic, ticks }
    }

    /// Where a rate stands: itself, or its logarithm in 64ths of a doubling, above 0.
    fn level(&self, rate: u64) -> u64 {
        if !self.logarithmic || rate == 0 {
            return rate;
        }
        let doubling = rate.ilog2();
        let over = u128::from(rate - (1 << doubling)) * 64;
        64 + u64::from(doubling) * 64 + (over >> doubling) as u64
    }
}

fn panel(
    svg: &mut Svg,
    run: &Recording,
    step: SimDuration,
    time: &Axis,
    rate: &Axis,
    rates: &Rates,
) {
    for tick in &rates.ticks {
        let y = rate.at(rates.level(*tick));
        svg.line("grid", (LEFT, y), (RIGHT, y));
        svg.text("soft", (LEFT - 8, y + 4), Anchor::End, &thousands(*tick));
    }
    let until = time.time(run.outcome.ended_at);
    let points = |series: &Series| -> Vec<(i64, i64)> {
        let series = series.coarser(step);
        let mut points: Vec<(i64, i64)> = (0_u64..)
            .zip(&series.counts)
            .map(|(i, count)| {
                (
                    time.at(i * step.as_nanos()),
                    rate.at(rates.level(per_second(*count, step))),
                )
            })
            .collect();
        // After the last record there are none.
        points.push((
            time.at(step.as_nanos() * series.counts.len() as u64),
            rate.zero,
        ));
        points
    };
    let sent = points(&run.sent);
    svg.area("area", &sent, until, rate.zero);
    svg.steps("solid", &points(&run.acked), until);
    svg.steps("dashed", &points(&run.processed), until);
}

/// What each look means, at the top right.
fn legend(svg: &mut Svg) {
    let x = RIGHT - 250;
    svg.rect("area", (x, 33), (22, 10), "");
    svg.text("", (x + 28, 42), Anchor::Start, "sent");
    svg.line("solid", (x + 76, 38), (x + 100, 38));
    svg.text("", (x + 106, 42), Anchor::Start, "acked");
    svg.line("dashed", (x + 160, 38), (x + 184, 38));
    svg.text("", (x + 190, 42), Anchor::Start, "processed");
}

fn per_second(count: u64, step: SimDuration) -> u64 {
    let nanos = u128::from(step.as_nanos().max(1));
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

/// The highest rate of a series and when it was.
fn peak(series: &Series) -> (u64, u64) {
    let highest = (0_u64..)
        .zip(&series.counts)
        .max_by_key(|(i, count)| (**count, std::cmp::Reverse(*i)));
    highest.map_or((0, 0), |(i, count)| {
        (per_second(*count, series.step), i * series.step.as_nanos())
    })
}

fn words(run: &Recording, step: SimDuration) -> String {
    let of = |what: &str, series: &Series| {
        let (rate, at) = peak(&series.coarser(step));
        let sum = series.counts.iter().sum();
        let sum = thousands(sum);
        format!(
            "{what} {sum}, at most {}/s at {}",
            thousands(rate),
            instant(at)
        )
    };
    format!(
        "{}; {}; {}",
        of("sent", &run.sent),
        of("acked", &run.acked),
        of("processed", &run.processed)
    )
}
