//! Problems drawn with the lines that they are about, for a terminal of a given width.

use miette::{GraphicalReportHandler, GraphicalTheme, ThemeCharacters, ThemeStyles};

use crate::scenario::diagnostics::Diagnostics;

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No colour codes.
    Plain,
    /// Colours of the terminal.
    Coloured,
}

/// All problems, one after the other, and how many there are.
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
    for problem in &diagnostics.problems {
        handler
            .render_report(&mut text, problem)
            .expect("a problem's place lies in its own source, and a string takes all text");
        text.push('\n');
    }
    let count = diagnostics.problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    text.push_str(&format!("{count} {noun}\n"));
    text
}
