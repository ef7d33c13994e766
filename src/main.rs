//! The `retrial` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(retrial::cli::main(retrial::run::drive::run))
}
