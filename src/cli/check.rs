//! `retrial check`: is a scenario file valid? All problems at once, each with its place.

use std::io::{self, Write};

use crate::cli::{Session, source};
use crate::scenario::drawing::{Style, draw};
use crate::scenario::file::check;
use crate::scenario::set::SetFlag;

/// Arguments of `retrial check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Paths of files that end in .toml, or names from the library
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Change a value of the file, by its path; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
}

/// Runs the subcommand. Problems are its result; a file with problems makes the exit code 2.
pub(super) fn run(args: &Args, session: &mut Session<'_>, out: &mut dyn Write) -> io::Result<u8> {
    let sets: Vec<SetFlag> = args.sets.iter().cloned().map(SetFlag).collect();
    let style = if session.style.color {
        Style::Coloured
    } else {
        Style::Plain
    };
    let mut code = 0;
    for file in &args.files {
        let text = match source::read(file) {
            Ok(text) => text,
            Err(message) => {
                writeln!(session.stderr, "error: {message}")?;
                code = 2;
                continue;
            }
        };
        match check(file, &text, &sets) {
            Ok((scenario, notices)) => {
                let claims = counted(scenario.claims.len(), "claim");
                let variants = counted(scenario.variants.len(), "variant");
                writeln!(out, "{file}: valid, {variants}, {claims}")?;
                for notice in notices {
                    writeln!(out, "  note: {notice}")?;
                }
            }
            Err(problems) => {
                out.write_all(draw(&problems, style, session.style.width).as_bytes())?;
                code = 2;
            }
        }
    }
    Ok(code)
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
