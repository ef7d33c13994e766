//! Scenarios as the command line names them: by a name of the library, or by the path of a file.

use std::fs;
use std::path::Path;

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

/// True for the path of a file: it ends in `.toml`.
pub(super) fn is_file(target: &str) -> bool {
    Path::new(target).extension().is_some_and(|it| it == "toml")
}

/// The text of a scenario.
pub(super) fn read(target: &str) -> Result<String, String> {
    if is_file(target) {
        let bytes = fs::read(target).map_err(|error| format!("cannot read {target}: {error}"))?;
        String::from_utf8(bytes).map_err(|error| {
            let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + sound.iter().filter(|byte| **byte == b'\n').count();
            format!("cannot read {target}: line {line} is not UTF-8 text; save the file as UTF-8")
        })
    } else {
        find(target)
            .map(|entry| entry.source.to_owned())
            .map_err(|error| {
                let file = format!("{target}.toml");
                if Path::new(&file).is_file() {
                    format!("the library has no scenario {target}; did you mean the file {file}?")
                } else {
                    error.to_string()
                }
            })
    }
}
