//! Tables without lines: a label at the left, numbers at the right edge of their columns.
//!
//! Columns that do not fit beside the others go into a block below, under the same labels.

use crate::report::style::{Style, Tone, clip, columns};

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
    /// The table as text.
    pub(super) fn print(&self, style: Style) -> String {
        let widths: Vec<usize> = (0..self.heads.len())
            .map(|column| self.column_width(column))
            .collect();
        let mut out = String::new();
        let mut from = 0;
        while from < widths.len() {
            let mut used = 1 + self.label_width + widths[from];
            let mut to = from + 1;
            while to < widths.len() && used + 2 + widths[to] <= style.width {
                used += 2 + widths[to];
                to += 1;
            }
            self.block(style, from, &widths[from..to], &mut out);
            from = to;
        }
        out
    }

    /// How wide a column must be.
    fn column_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| match row {
            Row::Cells(_, cells) => Some(columns(&cells[column].text)),
            Row::Sentence(..) => None,
        });
        cells
            .chain([columns(self.heads[column])])
            .max()
            .unwrap_or(0)
    }

    /// Prints the columns from `from` on that have these widths.
    fn block(&self, style: Style, from: usize, widths: &[usize], out: &mut String) {
        let mut line = format!(" {}", " ".repeat(self.label_width));
        for (i, width) in widths.iter().enumerate() {
            let gap = if i == 0 { "" } else { "  " };
            line.push_str(&format!("{gap}{:>width$}", self.heads[from + i]));
        }
        out.push_str(&style.paint(Tone::Faint, &line));
        out.push('\n');
        for row in &self.rows {
            match row {
                Row::Cells(label, cells) => {
                    out.push_str(&self.label(label));
                    for (i, width) in widths.iter().enumerate() {
                        let cell = &cells[from + i];
                        out.push_str(if i == 0 { "" } else { "  " });
                        out.push_str(&" ".repeat(width - columns(&cell.text)));
                        match cell.tone {
                            Some(tone) => out.push_str(&style.paint(tone, &cell.text)),
                            None => out.push_str(&cell.text),
                        }
                    }
                    out.push('\n');
                }
                Row::Sentence(label, sentence) if from == 0 => {
                    let indent = 1 + self.label_width;
                    let room = style.width.saturating_sub(indent + 2).max(20);
                    for (i, line) in crate::report::style::wrap(sentence, room)
                        .iter()
                        .enumerate()
                    {
                        let start = if i == 0 {
                            self.label(label)
                        } else {
                            " ".repeat(indent)
                        };
                        out.push_str(&format!("{start}  {line}\n"));
                    }
                }
                Row::Sentence(..) => {}
            }
        }
    }

    /// A label in its column.
    fn label(&self, label: &str) -> String {
        let label = clip(label, self.label_width);
        let gap = " ".repeat(self.label_width - columns(&label));
        format!(" {label}{gap}")
    }
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
            "              sent  acked  p99 e2e\n\
             \u{20}acks=1      1,000    999   8.61 s\n\
             \u{20}acks=7        refused\n"
        );
    }

    #[test]
    fn columns_that_do_not_fit_go_below_under_the_same_labels() {
        let style = Style {
            width: 28,
            color: false,
        };
        assert_eq!(
            table().print(style),
            "              sent  acked\n\
             \u{20}acks=1      1,000    999\n\
             \u{20}acks=7        refused\n\
             \u{20}            p99 e2e\n\
             \u{20}acks=1       8.61 s\n"
        );
    }
}
