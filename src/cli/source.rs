//! Scenarios as the command line names them: by a name of the library, or by the path of a file.

use std::fs;

use crate::scenario::drawing;
use crate::scenario::file::parse;
use crate::scenario::library::find;
use crate::scenario::model::Scenario;
use crate::scenario::set::SetFlag;

/// Reads a scenario; what is wrong comes as text, ready to print.
pub(super) fn load(
    target: &str,
    sets: &[SetFlag],
    style: drawing::Style,
    width: usize,
) -> Result<Scenario, String> {
    let text = read(target).map_err(|why| format!("error: {why}\n"))?;
    parse(target, &text, sets).map_err(|problems| drawing::draw(&problems, style, width))
}

/// The text of a scenario. A path ends in `.toml`.
pub(super) fn read(target: &str) -> Result<String, String> {
    if target.ends_with(".toml") {
        fs::read_to_string(target).map_err(|error| format!("cannot read {target}: {error}"))
    } else {
        find(target)
            .map(|entry| entry.source.to_owned())
            .map_err(|error| error.to_string())
    }
}
