//! `retrial explain`: a scenario read back in English.

use std::io::{self, Write};

use crate::cli::{Session, source};
use crate::scenario::explain::explain;
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
    let width = session.style.width;
    match source::load(&args.scenario, &sets, session.problem_style, width) {
        Ok(scenario) => {
            out.write_all(explain(&scenario, session.style.width).as_bytes())?;
            Ok(0)
        }
        Err(message) => {
            session.stderr.write_all(message.as_bytes())?;
            Ok(2)
        }
    }
}
