//! Axes: where a value stands, which values are labelled, and marks on the time axis.

use crate::report::chart::svg::{Anchor, Svg, width_of};
use crate::report::marks::{Moment, moments};
use crate::report::numbers::instant;
use crate::run::Mark;
use crate::sim::time::SimTime;

/// Height of a row of labels of marks.
const ROW: i64 = 13;
/// The most rows of labels in a panel of one variant.
const ROWS_MAX: usize = 4;
/// Between two labels of a row, in pixels.
const APART: i64 = 6;

/// A stretch of pixels that stands for the values from 0 to `top`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// The pixel of 0.
    pub(super) zero: i64,
    /// The pixel of `top`.
    pub(super) end: i64,
    /// The largest value; at least 1.
    pub(super) top: u64,
}

impl Axis {
    /// The pixel of a value.
    pub(super) fn at(&self, value: u64) -> i64 {
        let length = i128::from(self.end - self.zero);
        let value = i128::from(value.min(self.top));
        self.zero + (length * value / i128::from(self.top.max(1))) as i64
    }

    /// The pixel of an instant.
    pub(super) fn time(&self, at: SimTime) -> i64 {
        self.at(at.as_nanos())
    }
}

/// Round values from 0 up to at least `most`, about `count` steps of 1, 2 or 5.
pub(super) fn ticks(most: u64, count: u64) -> Vec<u64> {
    let rough = (most.max(1)).div_ceil(count).max(1);
    let mut scale = 1_u64;
    while scale.saturating_mul(10) <= rough {
        scale *= 10;
    }
    let step = [1, 2, 5, 10]
        .into_iter()
        .map(|factor| scale.saturating_mul(factor))
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let last = most.max(1).div_ceil(step);
    (0..=last).map(|i| i.saturating_mul(step)).collect()
}

/// Round instants from 0 s that do not lie beyond `end`.
pub(super) fn time_ticks(end: SimTime) -> Vec<SimTime> {
    const SECOND: u64 = 1_000_000_000;
    const STEPS: [u64; 8] = [1, 2, 5, 10, 15, 30, 60, 120];
    let end = end.as_nanos().max(1);
    let rough = end.div_ceil(10);
    let step = if rough <= SECOND / 2 {
        ticks(rough, 1)[1]
    } else {
        let seconds = rough.div_ceil(SECOND);
        let known = STEPS.into_iter().find(|step| *step >= seconds);
        // Longer runs: whole minutes by the same rule.
        known.unwrap_or_else(|| ticks(seconds.div_ceil(60), 1)[1] * 60) * SECOND
    };
    (0..=end / step)
        .map(|i| SimTime::from_nanos(i * step))
        .collect()
}

/// The time axis under a panel, with its unit in the labels.
pub(super) fn time_axis(svg: &mut Svg, axis: &Axis, y: i64) {
    svg.line("axis", (axis.zero, y), (axis.end, y));
    for at in time_ticks(SimTime::from_nanos(axis.top)) {
        let x = axis.time(at);
        svg.line("axis", (x, y), (x, y + 4));
        svg.text("soft", (x, y + 16), Anchor::Middle, &instant(at.as_nanos()));
    }
}

/// Rows of labels of marks: which row and side each has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labels {
    placed: Vec<Placed>,
    rows: usize,
    omitted: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    x: i64,
    row: usize,
    anchor: Anchor,
    text: String,
}

impl Labels {
    /// As [`Labels::place`], for the marks of one variant in its own panel.
    pub(super) fn of(marks: &[Mark], axis: &Axis) -> Self {
        let moments = moments(&[marks]);
        Self::place(&moments, axis, ROWS_MAX, |moment| moment.text.clone())
    }

    /// Finds a place for the label of each moment, the first come first, in at most `rows_max`
    /// rows; what finds none is counted.
    pub(super) fn place(
        moments: &[Moment],
        axis: &Axis,
        rows_max: usize,
        label: impl Fn(&Moment) -> String,
    ) -> Self {
        let mut rows: Vec<Vec<(i64, i64)>> = Vec::new();
        let mut placed = Vec::new();
        let mut omitted = 0;
        for moment in moments {
            let x = axis.time(moment.at);
            let text = label(moment);
            let width = width_of(&text);
            let (from, anchor) = if x + 3 + width <= axis.end + 8 {
                (x + 3, Anchor::Start)
            } else {
                (x - 3 - width, Anchor::End)
            };
            let to = from + width;
            let is_free = |row: &Vec<(i64, i64)>| {
                (row.iter()).all(|(start, end)| to + APART <= *start || end + APART <= from)
            };
            let row = rows.iter().position(is_free).or_else(|| {
                (rows.len() < rows_max && from >= 0).then(|| {
                    rows.push(Vec::new());
                    rows.len() - 1
                })
            });
            let Some(row) = row.filter(|_| from >= 0) else {
                omitted += moment.count;
                continue;
            };
            rows[row].push((from, to));
            placed.push(Placed {
                x,
                row,
                anchor,
                text,
            });
        }
        Self {
            placed,
            rows: rows.len(),
            omitted,
        }
    }

    /// How high the rows are.
    pub(super) fn height(&self) -> i64 {
        ROW * self.rows as i64
    }

    /// Draws the labels above a panel and each mark's line down through it.
    pub(super) fn draw(&self, svg: &mut Svg, top: i64, bottom: i64, right: i64) {
        for placed in &self.placed {
            let y = top - self.height() + ROW * placed.row as i64 + 10;
            svg.line("mark", (placed.x, y - 8), (placed.x, bottom));
        }
        for placed in &self.placed {
            let y = top - self.height() + ROW * placed.row as i64 + 10;
            let x = match placed.anchor {
                Anchor::End => placed.x - 3,
                Anchor::Start | Anchor::Middle => placed.x + 3,
            };
            svg.text("halo", (x, y), placed.anchor, &placed.text);
        }
        if self.omitted > 0 {
            let s = if self.omitted == 1 { "" } else { "s" };
            let more = format!("and {} more mark{s}", self.omitted);
            svg.text("soft", (right, top - self.height() - 4), Anchor::End, &more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> SimTime {
        SimTime::from_nanos(secs * 1_000_000_000)
    }

    #[test]
    fn ticks_are_round_and_reach_the_top() {
        assert_eq!(ticks(80, 4), [0, 20, 40, 60, 80]);
        assert_eq!(ticks(0, 4), [0, 1]);
        assert_eq!(ticks(3, 4), [0, 1, 2, 3]);
        assert_eq!(ticks(1_234, 4), [0, 500, 1_000, 1_500]);
        assert!(ticks(u64::MAX, 4).len() < 8);
    }

    #[test]
    fn instants_are_round() {
        assert_eq!(time_ticks(secs(40)).len(), 9);
        assert_eq!(time_ticks(secs(40))[1], secs(5));
        assert_eq!(
            time_ticks(SimTime::from_nanos(950_000_000))[1].as_nanos(),
            100_000_000
        );
        assert_eq!(time_ticks(secs(86_400))[1], secs(12_000));
    }

    #[test]
    fn labels_stand_beside_their_marks_and_never_on_each_other() {
        let axis = Axis {
            zero: 64,
            end: 900,
            top: secs(40).as_nanos(),
        };
        let moment = |at: u64, label: &str| Moment {
            at: secs(at),
            text: format!("{at}s {label}"),
            only: Vec::new(),
            count: 1,
        };
        let place = |moments: &[Moment]| {
            Labels::place(moments, &axis, ROWS_MAX, |moment| moment.text.clone())
        };
        let labels = place(&[
            moment(3, "crash b1"),
            moment(4, "b2 leads orders-0"),
            moment(30, "b1 back"),
            moment(40, "a long label at the very end"),
        ]);
        let rows: Vec<usize> = labels.placed.iter().map(|placed| placed.row).collect();
        assert_eq!(rows, [0, 1, 0, 1]);
        assert_eq!(labels.placed[3].anchor, Anchor::End);
        let many: Vec<Moment> = (0..9).map(|_| moment(1, "the same time")).collect();
        assert_eq!(place(&many).omitted, 5);
        // One that comes later may stand before.
        let labels = place(&[moment(30, "common"), moment(3, "of one variant")]);
        assert_eq!(labels.rows, 1);
    }
}
