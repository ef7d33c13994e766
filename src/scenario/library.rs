//! The scenarios that ship with the program, embedded as text.

use crate::scenario::diagnostics::nearest;

/// A scenario of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibraryEntry {
    /// Its name: the file's stem.
    pub name: &'static str,
    /// Its theme: the file's folder.
    pub theme: &'static str,
    /// The file.
    pub source: &'static str,
}

/// Entries by theme and name; a test compares the table with the folder.
macro_rules! library {
    ($($theme:literal { $($name:literal)* })*) => {
        &[$($(LibraryEntry {
            name: $name,
            theme: $theme,
            source: include_str!(concat!("../../scenarios/", $theme, "/", $name, ".toml")),
        },)*)*]
    };
}

static LIBRARY: &[LibraryEntry] = library! {
    "acks" {
        "acks-ladder"
        "isr-of-one"
        "leader-crash-acks1"
    }
    "availability" {
        "acked-but-invisible"
        "fast-restart"
        "last-replica-standing"
        "slow-follower"
        "zombie-leader"
    }
    "duplicates" {
        "lost-acks"
    }
    "durability" {
        "site-power-loss"
        "two-at-once"
    }
    "load" {
        "noisy-neighbour"
    }
    "ordering" {
        "in-flight-reorder"
    }
    "placement" {
        "broker-joins"
        "keys-move"
        "leader-placement"
        "read-from-nearby"
    }
    "producers" {
        "batching-frontier"
        "keyless-placement"
        "producer-per-thread"
        "resend-is-not-retry"
    }
    "retention" {
        "backlog-against-retention"
        "records-deleted-on-purpose"
        "retention-overtakes-the-reader"
        "retention-raised-in-time"
    }
    "scale" {
        "hundred-brokers"
        "million-records"
        "million-records-bytes"
        "million-records-unbatched"
    }
};

/// There is no scenario of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario {name}{}", self.hint())]
pub struct UnknownScenario {
    /// The name.
    pub name: String,
    /// The known name most like it.
    pub nearest: Option<&'static str>,
}

impl UnknownScenario {
    fn hint(&self) -> String {
        match self.nearest {
            Some(nearest) => format!("; did you mean {nearest}?"),
            None => "; `retrial list` shows the library, and a path ends in .toml".to_owned(),
        }
    }
}

/// All scenarios, by theme and name.
pub fn library() -> &'static [LibraryEntry] {
    LIBRARY
}

/// The scenario of a name.
pub fn find(name: &str) -> Result<&'static LibraryEntry, UnknownScenario> {
    LIBRARY
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| UnknownScenario {
            name: name.to_owned(),
            nearest: nearest(name, LIBRARY.iter().map(|entry| entry.name)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::file::parse;

    #[test]
    fn the_table_is_the_folder() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut files = Vec::new();
        for theme in std::fs::read_dir(&root).unwrap() {
            let theme = theme.unwrap();
            for file in std::fs::read_dir(theme.path()).unwrap() {
                let file = file.unwrap().file_name().into_string().unwrap();
                let theme = theme.file_name().into_string().unwrap();
                files.push((theme, file.strip_suffix(".toml").unwrap().to_owned()));
            }
        }
        files.sort();
        let table: Vec<_> = library()
            .iter()
            .map(|entry| (entry.theme.to_owned(), entry.name.to_owned()))
            .collect();
        assert_eq!(table, files);
    }

    #[test]
    fn every_scenario_of_the_library_is_valid_and_teaches() {
        for entry in library() {
            let scenario = match parse(entry.name, entry.source, &[]) {
                Ok(scenario) => scenario,
                Err(problems) => panic!("{}:\n{problems}", entry.name),
            };
            assert_eq!(*scenario.name, *entry.name);
            let say = scenario.teach.say.unwrap();
            let words = say.split_whitespace().count();
            assert!(words <= 90, "{}: {words} words take over 30 s", entry.name);
            assert!(scenario.teach.model.is_some());
        }
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let error = find("leader-crash-ack1").unwrap_err();
        assert_eq!(error.nearest, Some("leader-crash-acks1"));
        assert!(find("quux").unwrap_err().nearest.is_none());
    }
}
