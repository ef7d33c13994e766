//! The scenarios of the library, parsed.

use retrial::scenario::model::Scenario;

/// All but the scale scenarios.
pub fn quick() -> Vec<Scenario> {
    retrial::scenario::library()
        .iter()
        .filter(|entry| entry.theme != "scale")
        .map(|entry| {
            retrial::scenario::parse(entry.name, entry.source, &[])
                .unwrap_or_else(|problems| panic!("{}: {problems:?}", entry.name))
        })
        .collect()
}
