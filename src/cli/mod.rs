//! L10, the command line: one file per subcommand, each with its arguments and what it does.
//!
//! A subcommand is `Args` and `run(&Args, &mut dyn Write) -> io::Result<u8>`: results go into the
//! writer, the number is the exit code. 0: all claims held, or there were none; 1: a claim failed
//! or a guarantee broke; 2: wrong arguments, a bad scenario or a vacuous run; 3: nondeterminism.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Puts event streaming on trial: questions about Kafka, answered by runs.
#[derive(Debug, Parser)]
#[command(name = "retrial", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Where the result goes and how it looks.
    #[command(flatten)]
    pub console: Console,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {}

/// Flags that every command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Console {
    /// Write the result to this file instead of standard output
    #[arg(long, global = true, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print no progress and no timing
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Colour the text
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub color: ColorChoice,
    /// Columns of the text; never detected
    #[arg(long, global = true, default_value_t = 100, value_name = "COLUMNS",
          value_parser = clap::value_parser!(u16).range(40..=1000))]
    pub width: u16,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

/// Flags that change the scenario before it is used; a command flattens them into its `Args`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Changes {
    /// The seed, instead of the scenario's own
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Only this variant; may be given several times
    #[arg(long = "variant", value_name = "NAME")]
    pub variants: Vec<String>,
    /// Change a value of the file, by its path; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
}

/// Runs one command line; the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let code = error.exit_code() as u8;
            // Nothing can be done about a closed terminal.
            let _ = error.print();
            return code;
        }
    };
    match dispatch(&cli.command, &mut io::stdout().lock()) {
        Ok(code) => code,
        Err(_) => 2,
    }
}

/// Runs the subcommand.
fn dispatch(command: &Command, _out: &mut dyn Write) -> io::Result<u8> {
    match *command {}
}
