//! Lag as a row of bars, and the moments that explain it, above the columns where they happened.

use crate::check::tally::LagSeries;
use crate::report::marks::Moment;
use crate::report::style::columns;
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

    /// Moments as rows of labels, each beginning in its column; at most `rows` rows of `room`
    /// columns: the first row where a label finds room, so that few rows do. What finds no place
    /// is counted at the end. `names` are the variants'.
    pub(super) fn axis(
        &self,
        moments: &[Moment],
        names: &[&str],
        room: usize,
        rows: usize,
    ) -> Vec<String> {
        let mut lines: Vec<Vec<(usize, String)>> = vec![Vec::new()];
        if moments.iter().all(|moment| moment.at > SimTime::ZERO) {
            lines[0].push((0, "0s".to_owned()));
        }
        let mut omitted = 0;
        for moment in moments {
            let label = label(moment, names);
            let start = self.column(moment.at);
            let end = start + columns(&label);
            let fits = |line: &Vec<(usize, String)>| {
                (line.iter())
                    .all(|(from, text)| end + 2 <= *from || from + columns(text) + 2 <= start)
            };
            let line = match lines.iter().position(fits) {
                _ if end > room => None,
                Some(line) => Some(line),
                None if lines.len() < rows => {
                    lines.push(Vec::new());
                    Some(lines.len() - 1)
                }
                None => None,
            };
            match line {
                Some(line) => lines[line].push((start, label)),
                None => omitted += moment.count,
            }
        }
        let mut lines: Vec<String> = lines.into_iter().map(line).collect();
        if omitted > 0 {
            lines.push(format!("and {omitted} more"));
        }
        lines
    }
}

/// `11.4s b2 leads orders-0 in acks=1`: a moment of some variants only is said to be theirs.
fn label(moment: &Moment, names: &[&str]) -> String {
    match moment.only[..] {
        [] => moment.text.clone(),
        [one] => format!("{} in {}", moment.text, names[one]),
        _ => format!(
            "{} in {} of {}",
            moment.text,
            moment.only.len(),
            names.len()
        ),
    }
}

/// Texts in their columns.
fn line(mut texts: Vec<(usize, String)>) -> String {
    texts.sort_by_key(|(from, _)| *from);
    let mut line = String::new();
    for (from, text) in texts {
        line.push_str(&" ".repeat(from.saturating_sub(columns(&line))));
        line.push_str(&text);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::marks::moments;
    use crate::run::Mark;
    use crate::sim::time::SimDuration;

    fn series(values: &[u64], peak: u64, peak_at: u64) -> LagSeries {
        LagSeries {
            step: SimDuration::from_secs(1),
            values: values.to_vec(),
            peak,
            peak_at: SimTime::from_nanos(peak_at * 1_000_000_000),
            peak_gone_at: None,
            caught_up_at: None,
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
            scale(40, 1, 40).axis(&moments(&[&marks]), &["base"], 60, 3),
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
            scale(40, 1, 40).axis(&moments(&[&marks]), &["base"], 60, 3),
            [
                "0s   5s b1 leads orders-0 (+2)",
                "     5s b2 back     20s b1 leads orders-1",
            ]
        );
    }

    #[test]
    fn a_moment_of_some_variants_names_them() {
        let (crash, b2, b3) = (
            mark(3, "crash b1"),
            mark(20, "b2 leads"),
            mark(30, "b3 leads"),
        );
        let base = [crash.clone(), b2.clone()];
        let same = [crash.clone(), b2];
        let other = [crash, b3];
        let moments = moments(&[&base, &same, &other]);
        assert_eq!(
            scale(40, 1, 40).axis(&moments, &["x", "y", "z"], 60, 3),
            [
                "0s                  20s b2 leads in 2 of 3",
                "   3s crash b1                30s b3 leads in z"
            ]
        );
    }

    #[test]
    fn marks_without_a_place_are_counted() {
        let marks = [mark(1, "a"), mark(1, "b"), mark(1, "c")];
        assert_eq!(
            scale(40, 1, 40).axis(&moments(&[&marks]), &["base"], 60, 2),
            ["0s", " 1s a", "and 2 more"]
        );
    }
}
