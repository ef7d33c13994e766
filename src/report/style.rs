//! How text looks: its width, colour that repeats what words say, paragraphs and columns.

/// Columns and colour of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns; at least 40.
    pub width: usize,
    /// True for ANSI colour. Without it the text says the same.
    pub color: bool,
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// A heading, a name.
    Strong,
    /// Of little weight.
    Faint,
    /// Something went wrong.
    Bad,
    /// It did not.
    Good,
}

impl Style {
    /// The text in its colour.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Bad => "1;31",
            Tone::Good => "32",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// A paragraph that begins with a word in a column of its own and is wrapped beside it.
    pub(super) fn paragraph(self, heading: &str, tone: Tone, text: &str) -> String {
        const COLUMN: usize = 12;
        let mut out = String::new();
        let room = self.width.saturating_sub(COLUMN + 1).max(20);
        for (i, line) in wrap(text, room).iter().enumerate() {
            let heading = if i == 0 { heading } else { "" };
            let gap = " ".repeat(COLUMN.saturating_sub(columns(heading) + 1).max(1));
            let painted = if heading.is_empty() {
                String::new()
            } else {
                self.paint(tone, heading)
            };
            out.push_str(format!(" {painted}{gap}{line}").trim_end());
            out.push('\n');
        }
        out
    }

    /// Plain lines, one column in.
    pub(super) fn plain(self, text: &str) -> String {
        let mut out = String::new();
        for line in wrap(text, self.width.saturating_sub(1).max(20)) {
            out.push_str(&format!(" {line}\n"));
        }
        out
    }

    /// One text at the left edge and one at the right; on two lines where they do not fit on one.
    pub(super) fn edges(self, left: &str, right: &str) -> String {
        let used = 1 + columns(left) + columns(right);
        let strong = self.paint(Tone::Strong, left);
        let faint = self.paint(Tone::Faint, right);
        if used + 2 <= self.width {
            let gap = " ".repeat(self.width - used);
            format!(" {strong}{gap}{faint}\n")
        } else {
            let gap = " ".repeat(self.width.saturating_sub(columns(right)));
            format!(" {strong}\n{gap}{faint}\n")
        }
    }
}

/// How many columns a text takes. Names and labels have no wide characters.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The text with its first letter in upper case.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// At most so many columns, cut with an ellipsis.
pub(super) fn clip(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(room.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Lines of at most `room` columns, broken at spaces; a longer word has a line of its own. All
/// lines of a paragraph begin as far in as its first.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.trim_end().split('\n') {
        let indent = paragraph.len() - paragraph.trim_start().len();
        let mut line = " ".repeat(indent);
        for word in paragraph.split_whitespace() {
            if line.len() > indent && columns(&line) + 1 + columns(word) > room {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            }
            if line.len() > indent {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three\nfour", 8), ["one two", "three", "four"]);
        assert_eq!(wrap("incomprehensible a", 4), ["incomprehensible", "a"]);
        assert_eq!(wrap("  one two", 6), ["  one", "  two"]);
    }

    #[test]
    fn colour_adds_codes_and_changes_no_word() {
        let style = Style {
            width: 40,
            color: true,
        };
        assert_eq!(style.paint(Tone::Bad, "LOST"), "\u{1b}[1;31mLOST\u{1b}[0m");
        let plain = Style {
            color: false,
            ..style
        };
        assert_eq!(plain.paint(Tone::Bad, "LOST"), "LOST");
    }

    #[test]
    fn what_does_not_fit_beside_goes_below() {
        let style = Style {
            width: 40,
            color: false,
        };
        assert_eq!(columns(style.edges("left", "right").trim_end()), 40);
        assert_eq!(
            style
                .edges("a name of twenty-six chars", "seed 7   run 0123")
                .lines()
                .count(),
            2
        );
    }
}
