//! `retrial explain`: a scenario read back in English.

use std::io::{self, Write};

use crate::cli::{Session, source};
use crate::scenario::drawing::{Style, draw};
use crate::scenario::explain::explain;
use crate::scenario::file::parse;
use crate::scenario::set::SetFlag;

/// Arguments of `retrial explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The path of a file that ends in .toml, or a name from the library
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// Change a value of the file, by its path; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args, session: &mut Session<'_>, out: &mut dyn Write) -> io::Result<u8> {
    let sets: Vec<SetFlag> = args.sets.iter().cloned().map(SetFlag).collect();
    let scenario = source::read(&args.scenario).and_then(|text| {
        parse(&args.scenario, &text, &sets)
            .map_err(|problems| draw(&problems, Style::Plain, session.style.width))
    });
    match scenario {
        Ok(scenario) => {
            out.write_all(explain(&scenario, session.style.width).as_bytes())?;
            Ok(0)
        }
        Err(message) => {
            writeln!(session.stderr, "error: {message}")?;
            Ok(2)
        }
    }
}
