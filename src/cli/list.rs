//! `retrial list`: the scenarios of the library, by theme and by question.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::json;

use crate::cli::{Format, Session};
use crate::report::style::wrap;
use crate::scenario::file::parse;
use crate::scenario::library::library;
use crate::scenario::model::Scenario;

/// Arguments of `retrial list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the scenarios that answer this question: A1 to A14, B1 to B50
    #[arg(long, value_name = "A5", value_parser = question)]
    question: Option<String>,
    /// Only the scenarios of this theme
    #[arg(long, value_name = "THEME", value_parser = theme)]
    theme: Option<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args, session: &Session<'_>, out: &mut dyn Write) -> io::Result<u8> {
    let asked = |scenario: &Scenario| match &args.question {
        Some(question) => scenario.answers.iter().any(|answer| **answer == **question),
        None => true,
    };
    let of_theme = |theme: &str| args.theme.as_ref().is_none_or(|asked| *asked == *theme);
    let mut found = Vec::new();
    for entry in library().iter().filter(|entry| of_theme(entry.theme)) {
        let scenario = parse(entry.name, entry.source, &[])
            .expect("a test reads every scenario of the library");
        if asked(&scenario) {
            found.push((entry.theme, scenario));
        }
    }
    match args.format {
        Format::Json => {
            let scenarios: Vec<_> = found
                .iter()
                .map(|(theme, scenario)| {
                    json!({
                        "name": &*scenario.name,
                        "theme": theme,
                        "question": &*scenario.question,
                        "answers": answers(scenario),
                    })
                })
                .collect();
            writeln!(out, "{}", json!({ "scenarios": scenarios }))?;
        }
        Format::Text => {
            text(&found, session.style.width, out)?;
            if let (Some(question), true) = (&args.question, found.is_empty()) {
                let theme = args.theme.iter().map(|theme| format!(" of theme {theme}"));
                let theme: String = theme.collect();
                writeln!(out, "no scenario{theme} answers {question} yet")?;
            }
        }
    }
    Ok(0)
}

fn answers(scenario: &Scenario) -> Vec<&str> {
    scenario.answers.iter().map(|answer| &**answer).collect()
}

/// The scenarios by theme, then the names by question.
fn text(found: &[(&str, Scenario)], width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut theme = "";
    for (of, scenario) in found {
        if *of != theme {
            if !theme.is_empty() {
                writeln!(out)?;
            }
            writeln!(out, "{of}")?;
            theme = of;
        }
        let mut tags = answers(scenario);
        tags.splice(0..0, scenario.catalogue.iter().map(|number| &**number));
        let line = format!("  {:<28} {}", scenario.name, tags.join(" "));
        writeln!(out, "{}", line.trim_end())?;
        for line in wrap(&scenario.question, width.saturating_sub(4)) {
            writeln!(out, "    {line}")?;
        }
    }
    let mut by_question: BTreeMap<(char, u32), Vec<&str>> = BTreeMap::new();
    for (_, scenario) in found {
        for answer in &scenario.answers {
            let names = by_question.entry(number(answer)).or_default();
            names.push(&scenario.name);
        }
    }
    if !by_question.is_empty() {
        writeln!(out, "\nby question")?;
    }
    for ((document, number), names) in by_question {
        let question = format!("{document}{number}");
        for (i, line) in wrap(&names.join(", "), width.saturating_sub(7))
            .iter()
            .enumerate()
        {
            let question = if i == 0 { &question } else { "" };
            writeln!(out, "  {question:<4} {line}")?;
        }
    }
    Ok(())
}

/// `A5` as something that sorts before `A10`.
fn number(answer: &str) -> (char, u32) {
    let mut chars = answer.chars();
    let document = chars.next().unwrap_or(' ');
    (document, chars.as_str().parse().unwrap_or(0))
}

/// Reads a theme's name.
fn theme(text: &str) -> Result<String, String> {
    let themes: BTreeSet<&str> = library().iter().map(|entry| entry.theme).collect();
    if themes.contains(text) {
        return Ok(text.to_owned());
    }
    let themes: Vec<&str> = themes.into_iter().collect();
    Err(format!("the themes are {}", themes.join(", ")))
}

/// Reads a question's number.
fn question(text: &str) -> Result<String, String> {
    let upper = text.to_uppercase();
    let (document, number) = number(&upper);
    let last = match document {
        'A' => 14,
        'B' => 50,
        _ => 0,
    };
    if (1..=last).contains(&number) && upper == format!("{document}{number}") {
        Ok(upper)
    } else {
        Err("the questions are A1 to A14 and B1 to B50".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_named_as_in_its_document() {
        assert_eq!(question("a5"), Ok("A5".to_owned()));
        assert_eq!(question("B50"), Ok("B50".to_owned()));
        for bad in ["A0", "A15", "B51", "A05", "C1", "", "A", "5"] {
            assert!(question(bad).is_err(), "{bad}");
        }
    }
}
