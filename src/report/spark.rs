//! Lag as a row of bars, and the moments that explain it, above the columns where they happened.

use crate::check::tally::LagSeries;
use crate::report::numbers::instant;
use crate::report::style::columns;
use crate::run::Mark;
use crate::sim::time::SimTime;

/// Bars by height; the first is nothing at all.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The time and the values that all rows of a block share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The right edge.
    pub(super) end: SimTime,
    /// The highest bar.
    pub(super) top: u64,
    /// How many columns.
    pub(super) columns: usize,
}

impl Scale {
    /// The column of an instant.
    fn column(&self, at: SimTime) -> usize {
        let columns = self.columns as u128;
        let column = u128::from(at.as_nanos()) * columns / u128::from(self.end.as_nanos().max(1));
        column.min(columns.saturating_sub(1)) as usize
    }

    /// A series as bars: each shows the most that its time span has seen.
    pub(super) fn bars(&self, series: &LagSeries) -> String {
        let mut heights = vec![0_u64; self.columns];
        for (i, value) in (0_u64..).zip(&series.values) {
            let at = SimTime::from_nanos(i.saturating_mul(series.step.as_nanos()));
            if at <= self.end {
                let height = &mut heights[self.column(at)];
                *height = (*value).max(*height);
            }
        }
        let peak = &mut heights[self.column(series.peak_at)];
        *peak = series.peak.max(*peak);
        heights.iter().map(|height| self.bar(*height)).collect()
    }

    /// One bar: what is not nothing is never drawn as nothing.
    fn bar(&self, value: u64) -> char {
        let steps = BARS.len() as u128 - 1;
        let height = (u128::from(value) * steps).div_ceil(u128::from(self.top.max(1)));
        BARS[height.min(steps) as usize]
    }

    /// Marks as rows of labels, each beginning in its column; at most `rows` rows of `room`
    /// columns: the first row where a label finds room, so that few rows do. Marks of one instant
    /// that say the same but for their last word are one. What finds no place is counted at the
    /// end.
    pub(super) fn axis(&self, marks: &[Mark], room: usize, rows: usize) -> Vec<String> {
        let at_zero = |mark: &Mark| mark.at == SimTime::ZERO;
        let origin = if marks.first().is_some_and(at_zero) {
            ""
        } else {
            "0s"
        };
        let mut lines: Vec<String> = vec![origin.to_owned()];
        let mut omitted = 0;
        for (mark, more) in joined(marks) {
            let mut label = format!("{} {}", instant(mark.at.as_nanos()), mark.label);
            if more > 0 {
                label.push_str(&format!(" (+{more})"));
            }
            let start = self.column(mark.at);
            let fits = |line: &String| columns(line) + 2 <= start || columns(line) == 0;
            let line = match lines.iter().position(fits) {
                _ if start + columns(&label) > room => None,
                Some(line) => Some(line),
                None if lines.len() < rows => {
                    lines.push(String::new());
                    Some(lines.len() - 1)
                }
                None => None,
            };
            match line {
                Some(line) => {
                    let gap = start.saturating_sub(columns(&lines[line]));
                    lines[line].push_str(&" ".repeat(gap));
                    lines[line].push_str(&label);
                }
                None => omitted += 1 + more,
            }
        }
        if omitted > 0 {
            lines.push(format!("and {omitted} more"));
        }
        lines
    }
}

/// Marks that say the same, but for their last word, at the same instant: the first, and how many
/// more.
fn joined(marks: &[Mark]) -> Vec<(&Mark, usize)> {
    let saying = |mark: &Mark| match mark.label.rsplit_once(' ') {
        Some((most, _)) => most.to_owned(),
        None => mark.label.clone(),
    };
    let mut joined: Vec<(&Mark, usize)> = Vec::new();
    for mark in marks {
        let same =
            |known: &&mut (&Mark, usize)| known.0.at == mark.at && saying(known.0) == saying(mark);
        match joined.iter_mut().rev().find(same) {
            Some((_, more)) => *more += 1,
            None => joined.push((mark, 0)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::time::SimDuration;

    fn series(values: &[u64], peak: u64, peak_at: u64) -> LagSeries {
        LagSeries {
            step: SimDuration::from_secs(1),
            values: values.to_vec(),
            peak,
            peak_at: SimTime::from_nanos(peak_at * 1_000_000_000),
            no_leader_per_mille: 0,
        }
    }

    fn scale(columns: usize, top: u64, secs: u64) -> Scale {
        Scale {
            end: SimTime::from_nanos(secs * 1_000_000_000),
            top,
            columns,
        }
    }

    fn mark(secs: u64, label: &str) -> Mark {
        Mark {
            at: SimTime::from_nanos(secs * 1_000_000_000),
            label: label.to_owned(),
        }
    }

    #[test]
    fn a_bar_shows_the_most_of_its_span_and_one_record_is_seen() {
        let bars = scale(4, 700, 8).bars(&series(&[0, 1, 700, 0, 0, 0, 350, 0, 0], 700, 2));
        assert_eq!(bars, "▂█▁▅");
    }

    #[test]
    fn the_exact_peak_is_shown_where_the_steps_miss_it() {
        assert_eq!(scale(2, 10, 2).bars(&series(&[0, 0, 0], 10, 1)), "▁█");
    }

    #[test]
    fn marks_begin_in_their_column_and_give_way_downwards() {
        let marks = [
            mark(3, "crash b1"),
            mark(4, "b2 leads orders-0"),
            mark(20, "b1 back"),
        ];
        assert_eq!(
            scale(40, 1, 40).axis(&marks, 60, 3),
            [
                "0s  4s b2 leads orders-0",
                "   3s crash b1      20s b1 back"
            ]
        );
    }

    #[test]
    fn marks_of_one_instant_that_say_the_same_are_one() {
        let marks = [
            mark(5, "b1 leads orders-0"),
            mark(5, "b1 leads orders-4"),
            mark(5, "b2 back"),
            mark(5, "b1 leads orders-9"),
            mark(20, "b1 leads orders-1"),
        ];
        assert_eq!(
            scale(40, 1, 40).axis(&marks, 60, 3),
            [
                "0s   5s b1 leads orders-0 (+2)",
                "     5s b2 back     20s b1 leads orders-1",
            ]
        );
    }

    #[test]
    fn marks_without_a_place_are_counted() {
        let marks = [mark(1, "a"), mark(1, "b"), mark(1, "c")];
        assert_eq!(
            scale(40, 1, 40).axis(&marks, 60, 2),
            ["0s", " 1s a", "and 2 more"]
        );
    }
}
