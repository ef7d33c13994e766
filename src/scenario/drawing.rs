//! Problems drawn with the lines that they are about, for a terminal of a given width.

use miette::{GraphicalReportHandler, GraphicalTheme, ThemeCharacters, ThemeStyles};

use crate::scenario::diagnostics::{Diagnostics, Located};

/// The most problems that are drawn; more are counted.
const DRAWN_MAX: usize = 100;
/// Longer lines are not shown, and their problem is told in one line.
const LINE_MAX: usize = 1_000;

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No colour codes.
    Plain,
    /// Colours of the terminal.
    Coloured,
}

/// The problems, one after the other, and how many there are.
pub fn draw(diagnostics: &Diagnostics, style: Style, width: usize) -> String {
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles: match style {
            Style::Plain => ThemeStyles::none(),
            Style::Coloured => ThemeStyles::ansi(),
        },
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_links(false)
        .without_cause_chain()
        .without_syntax_highlighting();
    let mut text = String::new();
    for problem in diagnostics.problems.iter().take(DRAWN_MAX) {
        if has_short_lines(problem) {
            handler
                .render_report(&mut text, problem)
                .expect("a problem's place lies in its own source, and a string takes all text");
        } else {
            text.push_str(&format!(
                "{}\n\n  {}\n",
                problem.problem.code(),
                problem.line()
            ));
        }
        text.push('\n');
    }
    let count = diagnostics.problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    text.push_str(&format!("{count} {noun}"));
    if count > DRAWN_MAX {
        text.push_str(&format!(", the first {DRAWN_MAX} shown"));
    }
    text.push('\n');
    text
}

/// True when the lines that would be drawn, the problem's and its neighbours, can be read.
fn has_short_lines(problem: &Located) -> bool {
    let text = &problem.source.text;
    if text.len() <= LINE_MAX {
        return true;
    }
    let (line, _) = problem.line_and_column();
    (text.lines().skip(line.saturating_sub(2)).take(3)).all(|line| line.len() <= LINE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::file::parse;

    fn drawn(text: &str) -> String {
        draw(&parse("x.toml", text, &[]).unwrap_err(), Style::Plain, 100)
    }

    #[test]
    fn a_flood_of_problems_is_counted_and_its_first_are_drawn() {
        let keys: Vec<String> = (0..150).map(|i| format!("k{i} = {i}\n")).collect();
        let text = drawn(&format!("question = \"?\"\n{}", keys.concat()));
        assert!(text.contains("no key `k99`") && !text.contains("no key `k100`"));
        assert!(text.ends_with("\n150 problems, the first 100 shown\n"));
    }

    #[test]
    fn a_line_that_nobody_can_read_is_not_drawn() {
        let text = drawn(&format!("question = \"?\"\nx = [{}]\n", "1,".repeat(9_000)));
        assert_eq!(
            text.lines()
                .nth(2)
                .map(|line| line.split(" (").next().unwrap()),
            Some("  x.toml:2:1: the top of the file has no key `x`")
        );
        assert!(drawn(&"#".repeat(1 << 21)).len() < 200);
    }
}
