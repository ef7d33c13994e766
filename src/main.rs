//! The `retrial` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(retrial::cli::run(std::env::args_os()))
}
