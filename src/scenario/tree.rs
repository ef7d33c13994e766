//! A TOML file as a tree of our own in which every key and value knows its place.
//!
//! Modelled: entries in the order of the file, from whichever syntax (header, dotted, inline);
//! under `config`, nested keys are one Kafka name; `--set` flags are sources of their own.
//! Left out: comments and layout, which only `fmt` wants (see `comments`).

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Which text: the file is 0, the nth `--set` flag is n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A stretch of a source, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The text.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where the value stands; for a table with a header, the header.
    pub place: Place,
    /// The value.
    pub value: Value,
}

/// The kinds of TOML values.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer; none when it does not fit into 64 bits.
    Integer(Option<i64>),
    /// A number with a point, or an exponent, as written.
    Float(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A date or time.
    Datetime,
    /// An array.
    Array(Vec<Item>),
    /// A table.
    Table(Table),
}

/// A table's entries, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The entries; no key twice.
    pub entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// Its value.
    pub item: Item,
}

impl SourceId {
    /// The file itself.
    pub const FILE: Self = Self(0);
}

impl Place {
    /// The very start of the file.
    pub const TOP: Self = Self {
        source: SourceId::FILE,
        start: 0,
        end: 0,
    };

    /// A stretch of bytes of a source.
    pub fn new(source: SourceId, range: std::ops::Range<usize>) -> Self {
        Self {
            source,
            start: u32::try_from(range.start).unwrap_or(u32::MAX),
            end: u32::try_from(range.end).unwrap_or(u32::MAX),
        }
    }

    /// True when `other` lies within this stretch.
    pub fn contains(self, other: Self) -> bool {
        self.source == other.source && self.start <= other.start && other.end <= self.end
    }
}

impl Value {
    /// What a reader calls this kind of value.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number with a point",
            Self::Boolean(_) => "true or false",
            Self::Datetime => "a date",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

impl Item {
    /// The table, if it is one.
    pub fn table(&self) -> Option<&Table> {
        if let Value::Table(table) = &self.value {
            Some(table)
        } else {
            None
        }
    }

    /// The string, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value {
            Some(text)
        } else {
            None
        }
    }
}

impl Table {
    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entry of a key, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index))
    }

    /// Puts an entry in the place of the one with its key, or at the end.
    pub fn put(&mut self, entry: Entry) {
        match self.get_mut(&entry.key) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// The names of the entries.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }
}

/// What is wrong with a text that is no TOML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub place: Place,
    /// What.
    pub message: String,
}

/// Reads a whole file. At most one error a line: what follows an error on its line is an echo.
pub fn parse_file(text: &str) -> Result<Table, Vec<SyntaxError>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let mut root = table(SourceId::FILE, root.get_ref());
        let mut twice = Vec::new();
        join_config_names(&mut root, &mut twice);
        return if twice.is_empty() {
            Ok(root)
        } else {
            Err(twice)
        };
    }
    let mut found: Vec<SyntaxError> = Vec::new();
    let mut last: Option<usize> = None;
    for error in errors {
        let range = error.span().unwrap_or(text.len()..text.len());
        let start = range.start.min(text.len());
        // One error a line; only what lies between two is searched, or many errors take for ever.
        let same_line = last.is_some_and(|last| {
            let between = &text.as_bytes()[last.min(start)..last.max(start)];
            !between.contains(&b'\n')
        });
        if !same_line {
            found.push(SyntaxError {
                message: message(error.message(), &text[range.clone()]),
                place: Place::new(SourceId::FILE, range),
            });
        }
        last = Some(start);
    }
    Err(found)
}

/// What TOML's reader says about a piece of text, made plain where it is not.
fn message(said: &str, about: &str) -> String {
    if said.starts_with("string values must be quoted") && about.trim().is_empty() {
        "there is no value after the `=`".to_owned()
    } else if said == "duplicate key" {
        format!("duplicate key `{about}`")
    } else {
        said.to_owned()
    }
}

/// Reads the value of a flag: TOML where it is TOML, else the text itself (`40s`, `all`).
pub fn parse_flag_value(source: SourceId, text: &str, offset: usize) -> Item {
    let value = match DeValue::parse(text) {
        Ok(parsed) => value(source, parsed.get_ref()),
        Err(_) => Value::Text(text.to_owned()),
    };
    let mut item = Item {
        place: Place::new(source, 0..text.len()),
        value,
    };
    shift(&mut item, source, offset);
    item
}

/// Moves all places of a flag's value behind its path; inner places become the whole value's.
fn shift(item: &mut Item, source: SourceId, offset: usize) {
    let whole = Place::new(
        source,
        offset..offset + (item.place.end - item.place.start) as usize,
    );
    move_all(item, whole);
}

/// Puts an item and all in it at one place.
fn move_all(item: &mut Item, whole: Place) {
    item.place = whole;
    match &mut item.value {
        Value::Array(items) => items.iter_mut().for_each(|item| move_all(item, whole)),
        Value::Table(table) => table.entries.iter_mut().for_each(|entry| {
            entry.place = whole;
            move_all(&mut entry.item, whole);
        }),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime => {}
    }
}

fn item(source: SourceId, spanned: &Spanned<DeValue<'_>>) -> Item {
    Item {
        place: Place::new(source, spanned.span()),
        value: value(source, spanned.get_ref()),
    }
}

fn value(source: SourceId, value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) => {
            Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok())
        }
        DeValue::Float(number) => Value::Float(number.as_str().to_owned()),
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|each| item(source, each)).collect())
        }
        DeValue::Table(entries) => Value::Table(table(source, entries)),
    }
}

/// The parser's tables are in the order of the alphabet; the places give back the file's.
fn table(source: SourceId, parsed: &DeTable<'_>) -> Table {
    let mut entries: Vec<Entry> = parsed
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().clone().into_owned(),
            place: Place::new(source, key.span()),
            item: item(source, value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.place);
    Table { entries }
}

/// `config.min.insync.replicas = 1` is three nested tables to TOML and one name to Kafka. Names
/// that are given in both ways are put into `twice`.
fn join_config_names(root: &mut Table, twice: &mut Vec<SyntaxError>) {
    if let Some(cluster) = child(root, "cluster") {
        join_in(cluster, twice);
    }
    for kind in ["topics", "producers", "groups"] {
        for named in child(root, kind).into_iter().flat_map(tables) {
            join_in(named, twice);
        }
    }
    for overlay in child(root, "variants").into_iter().flat_map(tables) {
        join_config_names(overlay, twice);
    }
}

fn child<'t>(table: &'t mut Table, key: &str) -> Option<&'t mut Table> {
    table
        .get_mut(key)
        .and_then(|entry| table_of(&mut entry.item))
}

fn tables(table: &mut Table) -> impl Iterator<Item = &mut Table> {
    table
        .entries
        .iter_mut()
        .filter_map(|entry| table_of(&mut entry.item))
}

/// The table of an item, to change.
pub fn table_of(item: &mut Item) -> Option<&mut Table> {
    if let Value::Table(table) = &mut item.value {
        Some(table)
    } else {
        None
    }
}

fn join_in(owner: &mut Table, twice: &mut Vec<SyntaxError>) {
    for key in ["config", "features"] {
        if let Some(table) = child(owner, key) {
            join_names(table, twice);
        }
    }
}

fn join_names(config: &mut Table, twice: &mut Vec<SyntaxError>) {
    let mut joined = Vec::new();
    for entry in config.entries.drain(..) {
        join_entry(entry, &mut joined);
    }
    joined.sort_by_key(|entry: &Entry| entry.place);
    for entry in joined {
        if config.get(&entry.key).is_some() {
            let message = format!("duplicate key `{}`", entry.key);
            let place = entry.place;
            twice.push(SyntaxError { place, message });
        } else {
            config.entries.push(entry);
        }
    }
}

fn join_entry(entry: Entry, joined: &mut Vec<Entry>) {
    let Entry { key, place, item } = entry;
    match item.value {
        Value::Table(table) if !table.entries.is_empty() => {
            for inner in table.entries {
                let key = format!("{key}.{}", inner.key);
                join_entry(Entry { key, ..inner }, joined);
            }
        }
        value @ (Value::Table(_)
        | Value::Array(_)
        | Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime) => joined.push(Entry {
            key,
            place,
            item: Item {
                place: item.place,
                value,
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_the_order_of_the_file_and_their_places() {
        let text = "z = 1\na = 2\n[m.q]\nk = 'v'\n[m.b]\n";
        let root = parse_file(text).unwrap();
        assert_eq!(root.keys().collect::<Vec<_>>(), ["z", "a", "m"]);
        let m = root.get("m").unwrap().item.table().unwrap();
        assert_eq!(m.keys().collect::<Vec<_>>(), ["q", "b"]);
        let k = m.get("q").unwrap().item.table().unwrap().get("k").unwrap();
        assert_eq!(&text[k.place.start as usize..k.place.end as usize], "k");
        let value = k.item.place;
        assert_eq!(&text[value.start as usize..value.end as usize], "'v'");
    }

    #[test]
    fn dots_under_config_are_part_of_the_kafka_name() {
        let root = parse_file("[topics.config]\nconfig.min.insync.replicas = 2\n").unwrap();
        let topics = root.get("topics").unwrap().item.table().unwrap();
        let topic = topics.get("config").unwrap().item.table().unwrap();
        let config = topic.get("config").unwrap().item.table().unwrap();
        assert_eq!(config.keys().collect::<Vec<_>>(), ["min.insync.replicas"]);
    }

    #[test]
    fn a_flag_value_that_is_no_toml_is_text() {
        let source = SourceId(1);
        assert_eq!(parse_flag_value(source, "40s", 5).text(), Some("40s"));
        assert_eq!(parse_flag_value(source, "all", 5).text(), Some("all"));
        assert_eq!(parse_flag_value(source, "\"x\"", 5).text(), Some("x"));
        let number = parse_flag_value(source, "7", 5);
        assert!(matches!(number.value, Value::Integer(Some(7))));
        assert_eq!((number.place.start, number.place.end), (5, 6));
    }
}
