//! L7, scenario files: from TOML to what runs, with every problem at its place.
//!
//! `file` reads a text into a [`model::Scenario`]: `tree` (spanned), `variants` and `set`
//! (overlays), `lower`, `apps`, `timeline`, `claims` (meaning). `fmt` prints the canonical text,
//! `write` the text of a scenario, `explain` its English; `library` holds the scenarios that ship,
//! `schema` is what editors know of a file.

pub mod claims;
pub mod diagnostics;
#[cfg(feature = "cli")]
pub mod drawing;
pub mod explain;
pub mod faults;
pub mod file;
pub mod fmt;
pub mod keys;
pub mod library;
pub mod model;
pub mod moment;
pub mod schema;
pub mod set;
pub mod tree;
pub mod value;
pub mod write;

mod admin;
mod apps;
mod command;
mod comments;
mod config;
mod lower;
mod names;
mod print;
mod quotas;
mod reader;
mod selector;
mod timeline;
mod variants;

#[cfg(all(test, feature = "cli"))]
mod tests;

use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::library::{LibraryEntry, UnknownScenario};
use crate::scenario::model::Scenario;
use crate::scenario::set::SetFlag;

/// Reads the text of a scenario file; see [`file::parse`].
pub fn parse(name: &str, text: &str, sets: &[SetFlag]) -> Result<Scenario, Diagnostics> {
    file::parse(name, text, sets)
}

/// The scenarios that ship; see [`library::library`].
pub fn library() -> &'static [LibraryEntry] {
    library::library()
}

/// One of them by name; see [`library::find`].
pub fn find(name: &str) -> Result<&'static LibraryEntry, UnknownScenario> {
    library::find(name)
}
