//! Reads the keys of one table by its description: unknown keys, types, ranges, defaults.
//!
//! Every problem is noted and answered with some value of the right type, so that reading goes on
//! and all problems of a file come out together.

use crate::kafka::config::{ComponentKind, unmodelled};
use crate::scenario::diagnostics::{Misplaced, Problem, Problems, moved_up};
use crate::scenario::keys::top::TOP;
use crate::scenario::keys::{Absent, Key, TableDoc, Takes};
use crate::scenario::tree::{Entry, Item, Place, Table, Value};
use crate::scenario::value;
use crate::sim::time::SimDuration;

/// One table, being read.
#[derive(Debug)]
pub(in crate::scenario) struct Reader<'t> {
    table: &'t Table,
    place: Place,
    path: String,
    doc: &'static TableDoc,
}

/// A string and its place.
#[derive(Clone, Copy, Debug)]
pub(in crate::scenario) struct Text<'t> {
    /// The string.
    pub(in crate::scenario) text: &'t str,
    /// Where it stands.
    pub(in crate::scenario) place: Place,
}

impl<'t> Reader<'t> {
    /// A reader of `table`, whose unknown keys are noted at once. `path` is empty for the top.
    pub(in crate::scenario) fn new(
        table: &'t Table,
        place: Place,
        path: &str,
        doc: &'static TableDoc,
        problems: &mut Problems,
    ) -> Self {
        for entry in &table.entries {
            if doc.key(&entry.key).is_some() {
                continue;
            }
            let key = config_of_words(entry, doc).unwrap_or_else(|| entry.key.clone());
            problems.add(
                entry.place,
                Problem::UnknownKey {
                    misplaced: misplaced(&key, path, doc),
                    key,
                    table: if path.is_empty() {
                        "the top of the file".to_owned()
                    } else {
                        format!("`{path}`")
                    },
                    known: doc.keys.iter().map(|key| key.name.to_owned()).collect(),
                },
            );
        }
        Self {
            table,
            place,
            path: path.to_owned(),
            doc,
        }
    }

    /// Where a key's value stands, else the table.
    pub(in crate::scenario) fn place(&self, key: &str) -> Place {
        self.item(key).map_or(self.place, |item| item.place)
    }

    /// A key's value, if it is given.
    pub(in crate::scenario) fn item(&self, key: &str) -> Option<&'t Item> {
        self.table.get(key).map(|entry| &entry.item)
    }

    /// How a message calls a key: `producers.p1.rate`.
    pub(in crate::scenario) fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            format!("`{key}`")
        } else {
            format!("`{}.{key}`", self.path)
        }
    }

    fn key(&self, key: &str) -> &'static Key {
        self.doc
            .key(key)
            .expect("a reader asks only for keys that the description of its table has")
    }

    /// Notes that the key lacks, if it must be there.
    fn missing(&self, key: &Key, problems: &mut Problems) {
        if key.absent == Absent::Required {
            problems.add(
                self.place,
                Problem::MissingKey {
                    key: key.name.to_owned(),
                    table: if self.path.is_empty() {
                        "the file".to_owned()
                    } else {
                        format!("`{}`", self.path)
                    },
                    example: key.example.to_owned(),
                },
            );
        }
    }

    /// The key's string, or the default's.
    fn source(
        &self,
        name: &str,
        expected: &str,
        problems: &mut Problems,
    ) -> Option<(Text<'t>, bool)> {
        let key = self.key(name);
        let Some(item) = self.item(name) else {
            self.missing(key, problems);
            let Absent::Value(text) = key.absent else {
                return None;
            };
            let place = self.place;
            return Some((Text { text, place }, false));
        };
        let Some(text) = item.text() else {
            let mut problem = wrong_type(self.name(name), expected, item);
            if let Problem::WrongType { help, .. } = &mut problem {
                *help = Some(format!("for example, {}", key.example));
            }
            problems.add(item.place, problem);
            return None;
        };
        let place = item.place;
        Some((Text { text, place }, true))
    }

    /// Reads a key's string with `parse`; what it says of a bad one is noted.
    fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        problems: &mut Problems,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (text, _) = self.source(name, expected, problems)?;
        match parse(text.text) {
            Ok(value) => Some(value),
            Err(why) => {
                let what = format!("{} is \"{}\"", self.name(name), text.text);
                let help = Some(format!("for example, {}", self.key(name).example));
                problems.add(text.place, Problem::BadValue { what, why, help });
                None
            }
        }
    }

    fn outside(&self, name: &str, value: String, range: String, problems: &mut Problems) {
        problems.add(
            self.place(name),
            Problem::OutOfRange {
                what: self.name(name),
                value,
                range,
            },
        );
    }

    /// A string.
    pub(in crate::scenario) fn text(
        &self,
        name: &str,
        problems: &mut Problems,
    ) -> Option<Text<'t>> {
        self.source(name, "a string", problems)
            .map(|(text, _)| text)
    }

    /// An array of strings; none when it is not given.
    pub(in crate::scenario) fn texts(&self, name: &str, problems: &mut Problems) -> Vec<Text<'t>> {
        let Some(item) = self.item(name) else {
            self.missing(self.key(name), problems);
            return Vec::new();
        };
        texts(item, &self.name(name), problems)
    }

    /// A whole number in its range.
    pub(in crate::scenario) fn count(&self, name: &str, problems: &mut Problems) -> Option<u64> {
        let key = self.key(name);
        let Takes::Count { min, max } = key.takes else {
            unreachable!("`{name}` is described as a count");
        };
        let Some(item) = self.item(name) else {
            self.missing(key, problems);
            return match key.absent {
                Absent::Value(text) => text.parse().ok(),
                Absent::Required | Absent::Means(_) => None,
            };
        };
        count(item, &self.name(name), (min, max), problems)
    }

    /// [`Reader::count`] as `u32`, whose ranges all fit.
    pub(in crate::scenario) fn count_u32(&self, name: &str, problems: &mut Problems) -> u32 {
        let count = self.count(name, problems).unwrap_or(1);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// A duration in its range.
    pub(in crate::scenario) fn duration(
        &self,
        name: &str,
        problems: &mut Problems,
    ) -> Option<SimDuration> {
        let Takes::Duration { min, max } = self.key(name).takes else {
            unreachable!("`{name}` is described as a duration");
        };
        let span = self.parsed(name, "a duration with a unit", problems, value::duration)?;
        if span < min || span > max {
            let range = format!("{min} to {max}");
            self.outside(name, span.to_string(), range, problems);
            return None;
        }
        Some(span)
    }

    /// A size or a bandwidth in its range.
    pub(in crate::scenario) fn bytes(&self, name: &str, problems: &mut Problems) -> Option<u64> {
        type Read = fn(&str) -> Result<u64, String>;
        type Print = fn(u64) -> String;
        let takes = self.key(name).takes;
        let (min, max, read, print) = if let Takes::Size { min, max } = takes {
            (min, max, value::size as Read, value::print_size as Print)
        } else if let Takes::Bandwidth { min, max } = takes {
            (
                min,
                max,
                value::bandwidth as Read,
                value::print_bandwidth as Print,
            )
        } else {
            unreachable!("`{name}` is described as a size or a bandwidth");
        };
        let bytes = self.parsed(name, "a size with a unit", problems, read)?;
        if bytes < min || bytes > max {
            let range = format!("{} to {}", print(min), print(max));
            self.outside(name, print(bytes), range, problems);
            return None;
        }
        Some(bytes)
    }

    /// A value with a form of its own.
    pub(in crate::scenario) fn form<T>(
        &self,
        name: &str,
        expected: &str,
        problems: &mut Problems,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.parsed(name, expected, problems, parse)
    }

    /// One of the key's words.
    pub(in crate::scenario) fn word(&self, name: &str, problems: &mut Problems) -> Option<&'t str> {
        let Takes::Word(words) = self.key(name).takes else {
            unreachable!("`{name}` is described as a word");
        };
        let (text, _) = self.source(name, "a string", problems)?;
        if !words.contains(&text.text) {
            problems.add(
                text.place,
                Problem::UnknownWord {
                    what: self.name(name),
                    word: text.text.to_owned(),
                    known: words.iter().map(|word| (*word).to_owned()).collect(),
                },
            );
        }
        Some(text.text)
    }

    /// A table, if it is given.
    pub(in crate::scenario) fn table(
        &self,
        name: &str,
        problems: &mut Problems,
    ) -> Option<(&'t Table, Place)> {
        let item = self.item(name)?;
        let table = as_table(item, &self.name(name), problems)?;
        Some((table, item.place))
    }
}

/// True for what can only have been meant for the top of the file.
fn belongs_on_top(key: &str) -> bool {
    TOP.keys
        .iter()
        .any(|top| top.name == key && top.takes != Takes::Table)
}

/// Where an unknown key would be right, if anywhere.
fn misplaced(key: &str, path: &str, doc: &TableDoc) -> Option<Misplaced> {
    if !path.is_empty() && belongs_on_top(key) {
        return Some(Misplaced::Top);
    }
    is_config(key, doc).then_some(Misplaced::Config)
}

/// True where the table has a `config` and Kafka has a config of this name.
fn is_config(name: &str, doc: &TableDoc) -> bool {
    let knows = |component| unmodelled::is_known(component, name);
    doc.key("config").is_some() && ComponentKind::ALL.into_iter().any(knows)
}

/// The config that was written without quotes: `min.insync.replicas = 2` is a table in a table.
fn config_of_words(entry: &Entry, doc: &TableDoc) -> Option<String> {
    let (mut name, mut item) = (entry.key.clone(), &entry.item);
    while let Some(table) = item.table() {
        let inner = table.entries.first()?;
        (name, item) = (format!("{name}.{}", inner.key), &inner.item);
    }
    is_config(&name, doc).then_some(name)
}

/// The problem of a value of the wrong type.
pub(in crate::scenario) fn wrong_type(what: String, expected: &str, item: &Item) -> Problem {
    let key = what.trim_matches('`').rsplit('.').next().unwrap_or("");
    let help = (expected == "a table" && belongs_on_top(key)).then(|| moved_up(key));
    Problem::WrongType {
        expected: expected.to_owned(),
        found: item.value.kind(),
        what,
        help,
    }
}

/// The table of an item, or a problem.
pub(in crate::scenario) fn as_table<'t>(
    item: &'t Item,
    what: &str,
    problems: &mut Problems,
) -> Option<&'t Table> {
    let table = item.table();
    if table.is_none() {
        problems.add(item.place, wrong_type(what.to_owned(), "a table", item));
    }
    table
}

/// The strings of an array.
pub(in crate::scenario) fn texts<'t>(
    item: &'t Item,
    what: &str,
    problems: &mut Problems,
) -> Vec<Text<'t>> {
    let Value::Array(items) = &item.value else {
        problems.add(
            item.place,
            wrong_type(what.to_owned(), "an array of strings", item),
        );
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items {
        match item.text() {
            Some(text) => found.push(Text {
                text,
                place: item.place,
            }),
            None => problems.add(
                item.place,
                wrong_type(format!("each of {what}"), "a string", item),
            ),
        }
    }
    found
}

/// A whole number between two bounds.
pub(in crate::scenario) fn count(
    item: &Item,
    what: &str,
    (min, max): (u64, u64),
    problems: &mut Problems,
) -> Option<u64> {
    let Value::Integer(number) = item.value else {
        problems.add(
            item.place,
            wrong_type(what.to_owned(), "a whole number", item),
        );
        return None;
    };
    let fitting = number
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| (min..=max).contains(number));
    if fitting.is_none() {
        problems.add(
            item.place,
            Problem::OutOfRange {
                what: what.to_owned(),
                value: number.map_or("larger than any number here".to_owned(), |n| n.to_string()),
                range: format!("{} to {}", value::grouped(min), value::grouped(max)),
            },
        );
    }
    // The nearest bound, so that what depends on this number is not reported as well.
    let nearest = if number.is_some_and(|number| number < 0 || (number as u64) < min) {
        min
    } else {
        max
    };
    fitting.or(Some(nearest))
}
