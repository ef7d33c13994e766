//! L10, the command line: one file per subcommand, each with its arguments and what it does.
//!
//! A subcommand is `Args` and `run(&Args, …, &mut dyn Write) -> io::Result<u8>`: results go into
//! the writer, the number is the exit code. 0: all claims held, or there were none; 1: a claim
//! failed or a guarantee broke; 2: wrong arguments, a bad scenario or a vacuous run; 3:
//! nondeterminism.

mod charts;
mod check;
mod completions;
mod costs;
mod explain;
mod fmt;
mod list;
mod new;
mod output;
mod run;
mod schema;
mod source;

#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::cli::output::Output;
use crate::report::style::Style;
use crate::run::Outcome;
use crate::scenario::drawing;
use crate::scenario::model::Variant;
use crate::scenario::set::SetFlag;

/// What makes a variant and a seed into an outcome.
pub type Runner = fn(&Variant, u64) -> Outcome;

/// Puts event streaming on trial: questions about Kafka, answered by runs.
#[derive(Debug, Parser)]
#[command(name = "retrial", version, term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    console: Console,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run all variants of a scenario, compare them and check the claims
    Run(run::Args),
    /// Show the scenarios of the library, by theme and by question
    List(list::Args),
    /// Read a scenario back in English
    Explain(explain::Args),
    /// Say everything that is wrong with a scenario file
    Check(check::Args),
    /// Print or write the canonical form of a scenario file
    Fmt(fmt::Args),
    /// Write the scenario file of a question of your own, from flags or from answers
    New(new::Args),
    /// Print the JSON Schema of scenario files, for editors
    Schema(schema::Args),
    /// Print the completions of a shell
    Completions(completions::Args),
}

/// Flags that every command takes; its help lists them after its own.
#[derive(Clone, Debug, clap::Args)]
struct Console {
    /// Write the result to this file instead of standard output; all of it or nothing
    #[arg(long, global = true, display_order = 100, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print no progress and no timing
    #[arg(long, global = true, display_order = 101)]
    quiet: bool,
    /// Colour the text
    #[arg(
        long,
        global = true,
        display_order = 102,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    color: ColorChoice,
    /// Columns of the text; never detected
    #[arg(long, global = true, display_order = 103, default_value_t = 100, value_name = "COLUMNS",
          value_parser = width, allow_hyphen_values = true)]
    width: u16,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs: one object a line
    Json,
}

/// Flags that change a scenario before it is used; a command flattens them into its `Args`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Changes {
    /// The seed, instead of the scenario's own
    #[arg(long, value_name = "N", value_parser = seed, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Only this variant; may be given several times
    #[arg(long = "variant", value_name = "NAME")]
    pub variants: Vec<String>,
    /// Change a value of the file, by its path; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
}

/// The world outside: where text goes and what runs a variant.
pub struct Host<'a> {
    /// What runs a variant.
    pub runner: Runner,
    /// Results.
    pub stdout: &'a mut dyn Write,
    /// Errors, progress, timing.
    pub stderr: &'a mut dyn Write,
    /// Answers to questions; none where nobody can answer.
    pub answers: Option<&'a mut dyn BufRead>,
    /// True when results go to a terminal.
    pub stdout_is_terminal: bool,
    /// True when errors go to a terminal.
    pub stderr_is_terminal: bool,
    /// True when the environment asks for no colour.
    pub no_color: bool,
}

/// What a subcommand needs of the world besides a writer for its result.
struct Session<'a> {
    runner: Runner,
    stderr: &'a mut dyn Write,
    /// Who answers questions; none where nobody can.
    answers: Option<&'a mut dyn BufRead>,
    style: Style,
    /// How problems of scenario files look, which go to standard error.
    problem_style: drawing::Style,
    /// True for timing.
    timing: bool,
    /// True for a progress bar.
    progress: bool,
}

impl Session<'_> {
    /// Where it is told what else was done, unless nobody wants to know.
    fn told(&mut self) -> Option<&mut dyn Write> {
        self.timing.then_some(&mut *self.stderr as &mut dyn Write)
    }
}

impl Changes {
    /// The `--set` flags as the scenario reader takes them.
    pub fn set_flags(&self) -> Vec<SetFlag> {
        self.sets.iter().cloned().map(SetFlag).collect()
    }
}

/// Runs the command line of this process; the exit code.
pub fn main(runner: Runner) -> u8 {
    execute(
        std::env::args_os(),
        &mut Host {
            runner,
            stdout: &mut io::stdout().lock(),
            stderr: &mut io::stderr(),
            answers: (io::stdin().is_terminal()).then_some(&mut io::stdin().lock()),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
        },
    )
}

/// Runs one command line; the exit code.
pub fn execute(arguments: impl IntoIterator<Item = OsString>, host: &mut Host<'_>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, host),
    };
    match dispatch(&cli, host) {
        Ok(code) => code,
        Err(error) => {
            // When even this can't be said, the exit code still says it.
            let _ = writeln!(host.stderr, "error: {error}");
            2
        }
    }
}

/// Says why the arguments are wrong, or prints the help that was asked for.
fn refuse(error: &clap::Error, host: &mut Host<'_>) -> u8 {
    let (to, terminal) = if error.use_stderr() {
        (&mut *host.stderr, host.stderr_is_terminal)
    } else {
        (&mut *host.stdout, host.stdout_is_terminal)
    };
    // Nothing can be done about a closed terminal.
    let _ = if terminal && !host.no_color {
        write!(to, "{}", error.render().ansi())
    } else {
        write!(to, "{}", error.render())
    };
    error.exit_code() as u8
}

/// Runs the subcommand and brings its result to where it belongs.
fn dispatch(cli: &Cli, host: &mut Host<'_>) -> io::Result<u8> {
    let console = &cli.console;
    let color = match console.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => host.stdout_is_terminal && !host.no_color && console.out.is_none(),
    };
    let color_problems = match console.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => host.stderr_is_terminal && !host.no_color,
    };
    let mut session = Session {
        runner: host.runner,
        stderr: &mut *host.stderr,
        answers: match &mut host.answers {
            Some(answers) => Some(&mut **answers),
            None => None,
        },
        style: Style {
            width: usize::from(console.width),
            color,
        },
        problem_style: if color_problems {
            drawing::Style::Coloured
        } else {
            drawing::Style::Plain
        },
        timing: !console.quiet,
        progress: !console.quiet && host.stderr_is_terminal,
    };
    let mut output = Output::new(&mut *host.stdout, console.out.clone())?;
    let code = match &cli.command {
        Command::Run(args) => run::run(args, &mut session, &mut output)?,
        Command::List(args) => list::run(args, &session, &mut output)?,
        Command::Explain(args) => explain::run(args, &mut session, &mut output)?,
        Command::Check(args) => check::run(args, &mut session, &mut output)?,
        Command::Fmt(args) => fmt::run(args, &mut session, &mut output)?,
        Command::New(args) => new::run(args, &mut session, &mut output)?,
        Command::Schema(args) => schema::run(args, &mut output)?,
        Command::Completions(args) => completions::run(args, &mut output)?,
    };
    output.finish()?;
    Ok(code)
}

/// Reads a width.
fn width(text: &str) -> Result<u16, String> {
    (text.parse().ok())
        .filter(|columns| (40..=1_000).contains(columns))
        .ok_or_else(|| "a width is from 40 to 1000 columns".to_owned())
}

/// Reads a seed.
fn seed(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "a seed is a whole number from 0 to 18446744073709551615".to_owned())
}
