//! The scenarios of the library, parsed.

use retrial::scenario::model::Scenario;

/// All but the scale scenarios.
pub(crate) fn quick() -> Vec<Scenario> {
    retrial::scenario::library::library()
        .iter()
        .filter(|entry| entry.theme != "scale")
        .map(|entry| {
            retrial::scenario::file::parse(entry.name, entry.source, &[])
                .unwrap_or_else(|problems| panic!("{}: {problems:?}", entry.name))
        })
        .collect()
}
