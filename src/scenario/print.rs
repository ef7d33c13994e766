//! A tree as canonical text: keys in the order of their descriptions, one line per event of the
//! timeline, variants as dotted keys, at most 100 columns where that is possible.
//!
//! Each line knows which stretch of the old text it stands for, so that `fmt` can give the old
//! text's comments back.

use std::fmt::Write as _;

use crate::scenario::keys::top::TOP;
use crate::scenario::keys::{self, TableDoc, Takes};
use crate::scenario::tree::{Entry, Item, Place, Table, Value};

/// What fits on a line.
const WIDTH: usize = 100;

/// One line of canonical text (a wrapped string is one line too).
#[derive(Clone, Debug)]
pub(in crate::scenario) struct Line {
    /// The text, without its comments.
    pub(in crate::scenario) text: String,
    /// The spaces before it, and before the comments above it.
    pub(in crate::scenario) indent: usize,
    /// The spaces before the comments above it, where they are others.
    pub(in crate::scenario) comment_indent: usize,
    /// The bytes of the old text that it stands for.
    pub(in crate::scenario) extent: Extent,
    /// A blank line comes before it.
    pub(in crate::scenario) apart: bool,
}

/// A stretch of the old text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) struct Extent {
    /// The first byte.
    pub(in crate::scenario) start: u32,
    /// One past the last byte.
    pub(in crate::scenario) end: u32,
}

impl Extent {
    fn of(place: Place) -> Self {
        Self {
            start: place.start,
            end: place.end,
        }
    }

    fn join(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// True when it has this byte.
    pub(in crate::scenario) fn has(self, position: u32) -> bool {
        self.start <= position && position < self.end
    }
}

/// Prints a tree.
pub(in crate::scenario) struct Printer<'p> {
    /// The old text, for numbers as they were written.
    source: Option<&'p str>,
    /// Where the old text has comments.
    comments: &'p [u32],
    lines: Vec<Line>,
}

/// The lines of a document. Without `source`, numbers are printed from their values.
pub(in crate::scenario) fn document(
    root: &Table,
    source: Option<&str>,
    comments: &[u32],
) -> Vec<Line> {
    let mut printer = Printer {
        source,
        comments,
        lines: Vec::new(),
    };
    let entries = ordered(root, &TOP);
    let (tables, plain): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| is_section(entry));
    for entry in plain {
        printer.pair(&key(&entry.key), entry);
    }
    for entry in tables {
        printer.section(entry);
    }
    printer.lines
}

/// A key as TOML writes it.
pub(in crate::scenario) fn key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        string(key)
    }
}

/// A string as TOML writes it.
pub(in crate::scenario) fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(c)).expect("a string takes all text");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A table of the file that gets a header, not a value of the top.
fn is_section(entry: &Entry) -> bool {
    let plain = TOP
        .key(&entry.key)
        .is_some_and(|key| key.takes != Takes::Table);
    !plain && entry.item.table().is_some()
}

/// The entries of a table, known keys first and in their order.
fn ordered<'t>(table: &'t Table, doc: &TableDoc) -> Vec<&'t Entry> {
    let rank = |entry: &&Entry| {
        doc.keys
            .iter()
            .position(|key| key.name == entry.key)
            .unwrap_or(usize::MAX)
    };
    let mut entries: Vec<&Entry> = table.entries.iter().collect();
    entries.sort_by_key(rank);
    entries
}

/// Everything that an item and what is in it stand for.
fn extent(item: &Item) -> Extent {
    let own = Extent::of(item.place);
    match &item.value {
        Value::Table(table) => table
            .entries
            .iter()
            .fold(own, |whole, entry| whole.join(entry_extent(entry))),
        Value::Array(items) => items
            .iter()
            .fold(own, |whole, item| whole.join(extent(item))),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime => own,
    }
}

fn entry_extent(entry: &Entry) -> Extent {
    Extent::of(entry.place).join(extent(&entry.item))
}

/// A description for tables whose keys are names.
static FREE: TableDoc = TableDoc {
    header: "",
    says: "",
    keys: &[],
};

impl Printer<'_> {
    fn line(&mut self, text: String, extent: Extent) {
        self.lines.push(Line {
            text,
            indent: 0,
            comment_indent: 0,
            extent,
            apart: false,
        });
    }

    fn header(&mut self, path: &str, place: Place) {
        self.lines.push(Line {
            text: format!("[{path}]"),
            indent: 0,
            comment_indent: 0,
            extent: Extent::of(place),
            apart: true,
        });
    }

    fn section(&mut self, entry: &Entry) {
        let Some(table) = entry.item.table() else {
            return;
        };
        let name = key(&entry.key);
        let doc = match entry.key.as_str() {
            "topics" => return self.named(&name, entry, &keys::hosts::TOPIC),
            "producers" => return self.named(&name, entry, &keys::apps::PRODUCER),
            "groups" => return self.named(&name, entry, &keys::apps::GROUP),
            "quotas" => return self.named(&name, entry, &keys::quotas::QUOTA),
            "variants" => return self.variants(&name, entry),
            "faults" => &keys::faults::FAULTS,
            "cluster" => &keys::hosts::CLUSTER,
            "network" => &keys::hosts::NETWORK,
            "disks" => &keys::hosts::DISKS,
            "costs" => &keys::hosts::COSTS,
            "teach" => &keys::top::TEACH,
            _ => &FREE,
        };
        self.table(&name, entry.item.place, table, doc);
    }

    /// `[topics.a]`, `[topics.b]`, …
    fn named(&mut self, path: &str, entry: &Entry, doc: &TableDoc) {
        let Some(names) = entry.item.table() else {
            return;
        };
        if names.entries.is_empty() {
            self.header(path, entry.item.place);
        }
        let (tables, others): (Vec<_>, Vec<_>) = names
            .entries
            .iter()
            .partition(|named| named.item.table().is_some());
        if !others.is_empty() {
            // Not valid, but not ours to drop.
            self.header(path, entry.item.place);
            for other in others {
                self.pair(&key(&other.key), other);
            }
        }
        for named in tables {
            if let Some(table) = named.item.table() {
                let path = format!("{path}.{}", key(&named.key));
                self.table(&path, named.item.place, table, doc);
            }
        }
    }

    fn variants(&mut self, path: &str, entry: &Entry) {
        let Some(names) = entry.item.table() else {
            return;
        };
        let all_tables = names
            .entries
            .iter()
            .all(|named| named.item.table().is_some());
        if names.entries.is_empty() || !all_tables {
            return self.named(path, entry, &FREE);
        }
        for named in &names.entries {
            let Some(overlay) = named.item.table() else {
                continue;
            };
            self.header(&format!("{path}.{}", key(&named.key)), named.item.place);
            for entry in ordered(overlay, &TOP) {
                self.flat(&key(&entry.key), entry);
            }
        }
    }

    /// A table as dotted keys down to its leaves.
    fn flat(&mut self, path: &str, entry: &Entry) {
        match entry.item.table() {
            Some(table) if !table.entries.is_empty() => {
                for inner in &table.entries {
                    self.flat(&format!("{path}.{}", key(&inner.key)), inner);
                }
            }
            Some(_) | None => self.pair(path, entry),
        }
    }

    /// A header and its keys; inner tables stand on one line if they fit there and nobody has
    /// commented on their parts, else they get a header of their own.
    fn table(&mut self, path: &str, place: Place, table: &Table, doc: &TableDoc) {
        self.header(path, place);
        let mut deferred = Vec::new();
        for entry in ordered(table, doc) {
            let name = key(&entry.key);
            let Some(inner) = entry.item.table() else {
                self.pair(&name, entry);
                continue;
            };
            let text = format!("{name} = {}", self.inline(&entry.item));
            let extent = entry_extent(entry);
            let fits = text.chars().count() <= WIDTH && !self.commented(extent);
            if fits || inner.entries.is_empty() {
                self.line(text, extent);
            } else {
                deferred.push((format!("{path}.{name}"), entry.item.place, inner));
            }
        }
        for (path, place, inner) in deferred {
            self.table(&path, place, inner, &FREE);
        }
    }

    fn commented(&self, extent: Extent) -> bool {
        self.comments.iter().any(|comment| extent.has(*comment))
    }

    /// `key = value`, in as many lines as its value needs.
    fn pair(&mut self, name: &str, entry: &Entry) {
        let whole = entry_extent(entry);
        if let Value::Array(items) = &entry.item.value {
            let text = format!("{name} = {}", self.inline(&entry.item));
            let timeline = entry.key == "timeline";
            let long = timeline || text.chars().count() > WIDTH || self.commented(whole);
            if !items.is_empty() && long {
                return self.array(name, entry, items, timeline);
            }
            return self.line(text, whole);
        }
        let text = format!("{name} = {}", self.inline(&entry.item));
        let wrapped = match &entry.item.value {
            Value::Text(value) if text.chars().count() > WIDTH => wrapped(value),
            Value::Text(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime
            | Value::Array(_)
            | Value::Table(_) => None,
        };
        let text = wrapped.map_or(text, |value| format!("{name} = {value}"));
        self.line(text, whole);
    }

    fn array(&mut self, name: &str, entry: &Entry, items: &[Item], timeline: bool) {
        let open = Extent::of(entry.place);
        // An array of [[headers]] has no brackets to stand for.
        let brackets = self.source.is_some_and(|text| {
            text.as_bytes().get(entry.item.place.start as usize) == Some(&b'[')
                && items
                    .iter()
                    .all(|item| entry.item.place.contains(item.place))
                && !items.iter().any(|item| item.place == entry.item.place)
        });
        let place = entry.item.place;
        let (opening, closing) = if brackets {
            let opening = open.join(Extent {
                start: place.start,
                end: place.start + 1,
            });
            let closing = Extent {
                start: place.end - 1,
                end: place.end,
            };
            (opening, closing)
        } else {
            let nowhere = Extent {
                start: u32::MAX,
                end: u32::MAX,
            };
            (nowhere, nowhere)
        };
        self.line(format!("{name} = ["), opening);
        for item in items {
            let text = match item.table() {
                Some(table) if timeline => self.inline_table(table, &keys::event::EVENT),
                Some(_) | None => self.inline(item),
            };
            self.lines.push(Line {
                text: format!("{text},"),
                indent: 2,
                comment_indent: 2,
                extent: extent(item),
                apart: false,
            });
        }
        self.lines.push(Line {
            text: "]".to_owned(),
            indent: 0,
            comment_indent: 2,
            extent: closing,
            apart: false,
        });
    }

    /// A value on one line.
    fn inline(&self, item: &Item) -> String {
        let written = || {
            let range = item.place.start as usize..item.place.end as usize;
            self.source.and_then(|text| text.get(range))
        };
        match &item.value {
            Value::Text(text) => string(text),
            Value::Integer(number) => written()
                .map(str::to_owned)
                .or(number.map(|number| number.to_string()))
                .unwrap_or_default(),
            Value::Float(number) => written().unwrap_or(number).to_owned(),
            Value::Boolean(truth) => truth.to_string(),
            Value::Datetime => written().unwrap_or_default().to_owned(),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.inline(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Table(table) => self.inline_table(table, &FREE),
        }
    }

    fn inline_table(&self, table: &Table, doc: &TableDoc) -> String {
        if table.entries.is_empty() {
            return "{}".to_owned();
        }
        let pairs: Vec<_> = ordered(table, doc)
            .into_iter()
            .map(|entry| format!("{} = {}", key(&entry.key), self.inline(&entry.item)))
            .collect();
        format!("{{ {} }}", pairs.join(", "))
    }
}

/// A long text over several lines, broken between words; none where that could change it.
fn wrapped(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) || text.contains("\"\"\"") || text.ends_with('"') {
        return None;
    }
    let words: Vec<&str> = text.split(' ').collect();
    let mut lines = vec![String::new()];
    for (i, word) in words.iter().enumerate() {
        let word_text = word.replace('\\', "\\\\");
        let line = lines.last_mut()?;
        // Two spaces in a row, or spaces at an end, would be eaten by a break.
        let may_break = i > 0 && !word.is_empty() && !words[i - 1].is_empty();
        let length = line.chars().count() + 1 + word_text.chars().count();
        if may_break && length + 2 > WIDTH {
            line.push_str(" \\");
            lines.push(word_text);
        } else {
            if i > 0 {
                line.push(' ');
            }
            line.push_str(&word_text);
        }
    }
    (lines.len() > 1).then(|| format!("\"\"\"\n{}\"\"\"", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_text_reads_back_as_itself() {
        let long = format!(
            "{} \\n \"quoted\" and  two spaces {}",
            "word ".repeat(40),
            "x".repeat(120)
        );
        for text in [
            long.as_str(),
            &"word ".repeat(30),
            &format!(" {}", "a b".repeat(60)),
        ] {
            let file = format!("k = {}", wrapped(text).unwrap());
            let tree = crate::scenario::tree::parse_file(&file).unwrap();
            assert_eq!(tree.get("k").unwrap().item.text(), Some(text));
        }
    }

    #[test]
    fn keys_are_bare_where_they_can_be() {
        assert_eq!(key("acks-1_x"), "acks-1_x");
        assert_eq!(key("acks=1"), "\"acks=1\"");
        assert_eq!(key(""), "\"\"");
        assert_eq!(string("a\"\\\n\u{1}"), "\"a\\\"\\\\\\n\\u0001\"");
    }
}
