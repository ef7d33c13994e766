//! `retrial completions`: what a shell completes after `retrial`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Arguments of `retrial completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell; its manual says where the script belongs
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> io::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "retrial", &mut script);
    out.write_all(&script)?;
    Ok(0)
}
