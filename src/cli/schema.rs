//! `retrial schema`: the JSON Schema of scenario files, for editors.

use std::io::{self, Write};

use crate::scenario::schema::schema;

/// Arguments of `retrial schema`: none of its own. An editor with Taplo takes the file by a first
/// line `#:schema PATH`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the subcommand.
pub(super) fn run(_args: &Args, out: &mut dyn Write) -> io::Result<u8> {
    serde_json::to_writer_pretty(&mut *out, &schema())?;
    writeln!(out)?;
    Ok(0)
}
