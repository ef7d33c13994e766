//! `retrial fmt`: the canonical form of a scenario file, printed, written back or only compared.

use std::fs;
use std::io::{self, Write};

use crate::cli::{Session, source};
use crate::scenario::drawing::{Style, draw};
use crate::scenario::fmt::format;

/// Arguments of `retrial fmt`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Paths of files that end in .toml, or names from the library
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Write the canonical form back into each file
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// Print only the names of the files that are not in canonical form; exit code 2 if any
    #[arg(long)]
    check: bool,
}

/// Runs the subcommand. Nothing is printed or written unless all files can be formatted.
pub(super) fn run(args: &Args, session: &mut Session<'_>, out: &mut dyn Write) -> io::Result<u8> {
    let mut formatted = Vec::new();
    let mut wrong = false;
    for file in &args.files {
        if args.write && !file.ends_with(".toml") {
            let message = "is no file: --write takes paths that end in .toml";
            writeln!(session.stderr, "error: {file} {message}")?;
            wrong = true;
            continue;
        }
        let canonical = source::read(file).and_then(|text| match format(file, &text) {
            Ok(canonical) => Ok((file, text, canonical)),
            Err(problems) => Err(draw(&problems, Style::Plain, session.style.width)),
        });
        match canonical {
            Ok(formed) => formatted.push(formed),
            Err(message) => {
                writeln!(session.stderr, "error: {message}")?;
                wrong = true;
            }
        }
    }
    if wrong {
        return Ok(2);
    }
    let mut code = 0;
    for (file, text, canonical) in formatted {
        if args.check {
            if text != canonical {
                writeln!(out, "{file}")?;
                code = 2;
            }
        } else if !args.write {
            out.write_all(canonical.as_bytes())?;
        } else if text != canonical {
            fs::write(file, canonical)
                .map_err(|error| io::Error::new(error.kind(), format!("cannot write {file}: {error}")))?;
        }
    }
    Ok(code)
}
