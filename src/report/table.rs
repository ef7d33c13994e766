//! Tables without lines: a label at the left, numbers at the right edge of their columns.
//!
//! Columns that do not fit beside the others go into a block below, under the same labels.

use crate::report::style::{Style, Tone, clip, columns, wrap};

/// A cell: its text and, where it matters, its tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    tone: Option<Tone>,
}

/// One row.
#[derive(Clone, Debug)]
pub(super) enum Row {
    /// A label and a cell for each column.
    Cells(String, Vec<Cell>),
    /// A label and a sentence instead.
    Sentence(String, String),
    /// What the rows below have in common.
    Heading(String),
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Columns for the labels.
    pub(super) label_width: usize,
    /// The heads of the columns.
    pub(super) heads: Vec<&'static str>,
    /// The rows.
    pub(super) rows: Vec<Row>,
}

impl Cell {
    /// A cell without a tone.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone: None,
        }
    }

    /// A cell that stands out.
    pub(super) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone: Some(tone),
        }
    }
}

impl Table {
    /// How many columns of text the numbers need, gaps included.
    pub(super) fn cells_width(&self) -> usize {
        (0..self.heads.len())
            .map(|column| 2 + self.column_width(column))
            .sum()
    }

    /// The table as text.
    pub(super) fn print(&self, style: Style) -> String {
        let widths: Vec<usize> = (0..self.heads.len())
            .map(|column| self.column_width(column))
            .collect();
        let mut out = String::new();
        let mut from = 0;
        while from < widths.len() {
            let mut used = 1 + self.label_width + 2 + widths[from];
            let mut to = from + 1;
            while to < widths.len() && used + 2 + widths[to] <= style.width {
                used += 2 + widths[to];
                to += 1;
            }
            self.head(style, from, &widths[from..to], &mut out);
            for row in &self.rows {
                self.row(style, row, from, &widths[from..to], &mut out);
            }
            from = to;
        }
        out
    }

    /// How wide a column must be.
    fn column_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| match row {
            Row::Cells(_, cells) => Some(columns(&cells[column].text)),
            Row::Sentence(..) | Row::Heading(_) => None,
        });
        let head = columns(self.heads[column]);
        cells.fold(head, usize::max)
    }

    /// Prints the heads of the columns from `from` on that have these widths.
    fn head(&self, style: Style, from: usize, widths: &[usize], out: &mut String) {
        let mut line = format!(" {}", " ".repeat(self.label_width));
        for (head, width) in self.heads[from..].iter().zip(widths) {
            line.push_str(&format!("  {head:>width$}"));
        }
        out.push_str(&style.paint(Tone::Faint, &line));
        out.push('\n');
    }

    /// Prints one row of such a block.
    fn row(&self, style: Style, row: &Row, from: usize, widths: &[usize], out: &mut String) {
        let (label, lines) = match row {
            Row::Cells(label, cells) => {
                let mut line = String::new();
                for (cell, width) in cells[from..].iter().zip(widths) {
                    line.push_str("  ");
                    line.push_str(&" ".repeat(width - columns(&cell.text)));
                    match cell.tone {
                        Some(tone) => line.push_str(&style.paint(tone, &cell.text)),
                        None => line.push_str(&cell.text),
                    }
                }
                (label, vec![line])
            }
            Row::Heading(text) => {
                out.push_str(&format!(" {}\n", style.paint(Tone::Strong, text)));
                return;
            }
            Row::Sentence(..) if from > 0 => return,
            Row::Sentence(label, sentence) => {
                let room = style.width.saturating_sub(1 + self.label_width + 2).max(20);
                let lines = wrap(sentence, room).into_iter();
                (label, lines.map(|line| format!("  {line}")).collect())
            }
        };
        out.push_str(&beside(label, self.label_width, &lines));
    }
}

/// Lines beside a label, which takes as many lines as it needs in its column.
pub(super) fn beside(label: &str, width: usize, lines: &[String]) -> String {
    let labels = wrap(label, width);
    let mut out = String::new();
    for i in 0..labels.len().max(lines.len()) {
        let label = labels.get(i).map_or("", String::as_str);
        let label = clip(label, width);
        let line = lines.get(i).map_or("", String::as_str);
        out.push_str(format!(" {label:width$}{line}").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |label: &str, cells: [&str; 3]| {
            Row::Cells(label.to_owned(), cells.map(Cell::plain).to_vec())
        };
        Table {
            label_width: 12,
            heads: vec!["sent", "acked", "p99 e2e"],
            rows: vec![
                row("acks=1", ["1,000", "999", "8.61 s"]),
                Row::Sentence("acks=7".to_owned(), "refused".to_owned()),
            ],
        }
    }

    #[test]
    fn numbers_stand_at_the_right_edge_of_their_column() {
        let style = Style {
            width: 100,
            color: false,
        };
        assert_eq!(
            table().print(style),
            "                sent  acked  p99 e2e\n\
             \u{20}acks=1        1,000    999   8.61 s\n\
             \u{20}acks=7        refused\n"
        );
    }

    #[test]
    fn columns_that_do_not_fit_go_below_under_the_same_labels() {
        let style = Style {
            width: 30,
            color: false,
        };
        assert_eq!(
            table().print(style),
            "                sent  acked\n\
             \u{20}acks=1        1,000    999\n\
             \u{20}acks=7        refused\n\
             \u{20}              p99 e2e\n\
             \u{20}acks=1         8.61 s\n"
        );
    }

    #[test]
    fn a_long_label_takes_several_lines() {
        let lines = ["  1".to_owned()];
        assert_eq!(
            beside("acks=all + min.insync.replicas=2", 12, &lines),
            " acks=all +    1\n min.insync.…\n"
        );
    }
}
