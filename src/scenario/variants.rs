//! Variants: a variant is a deep overlay on the file's own tree, so every value keeps its place.
//!
//! Tables merge, everything else replaces. The timeline, an array, is addressed by the ids of its
//! events: `timeline.crash.at = "5s"`, `timeline.crash = "off"`; an overlay that gives an event
//! another action or another time takes the old one away.

use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::keys::{COMPANIONS, SET_UP};
use crate::scenario::timeline::{id_of, is_action};
use crate::scenario::tree::{Entry, Item, Place, Table, Value, table_of};

/// What is being laid over the base, for messages.
#[derive(Clone, Copy, Debug)]
pub(in crate::scenario) enum Overlay {
    /// A variant: it may add topics, producers, groups and events.
    Variant,
    /// A flag: it changes what is there.
    Flag,
}

/// Lays `over` on `base`.
pub(in crate::scenario) fn apply(
    base: &mut Table,
    over: &Table,
    kind: Overlay,
    problems: &mut Problems,
) {
    for entry in &over.entries {
        match entry.key.as_str() {
            "timeline" => timeline(base, entry, problems),
            "topics" | "producers" | "groups" => named(base, entry, over, kind, problems),
            "seed" if matches!(kind, Overlay::Flag) => base.put(entry.clone()),
            key if SET_UP.contains(&key) => merge(base, entry),
            _ => {
                let known = SET_UP.into_iter().map(str::to_owned).collect();
                let table = match kind {
                    Overlay::Variant => "a variant",
                    Overlay::Flag => "--set",
                };
                problems.add(
                    entry.place,
                    Problem::UnknownKey {
                        key: entry.key.clone(),
                        table: table.to_owned(),
                        known,
                        misplaced: None,
                    },
                );
            }
        }
    }
}

/// Lays one entry on a table: tables merge, everything else replaces. A producer's `keys` are one
/// thing even as a table, which says either this or that.
fn merge(base: &mut Table, over: &Entry) {
    if let Value::Table(inner) = &over.item.value
        && !(over.key == "keys" && inner.keys().any(|key| ["uniform", "cycle"].contains(&key)))
        && let Some(old) = base.get_mut(&over.key)
        && let Some(table) = table_of(&mut old.item)
    {
        for entry in &inner.entries {
            merge(table, entry);
        }
        return;
    }
    base.put(over.clone());
}

/// Topics, producers and groups: a name that the base lacks is a new one only if it is complete, and
/// a topic only if the variant does something with it.
fn named(base: &mut Table, over: &Entry, all: &Table, kind: Overlay, problems: &mut Problems) {
    let Some(new) = over.item.table() else {
        merge(base, over);
        return;
    };
    let (noun, needs) = match over.key.as_str() {
        "topics" => ("topic", "partitions"),
        "producers" => ("producer", "topic"),
        _ => ("group", "topics"),
    };
    for entry in &new.entries {
        let known: Vec<String> = base
            .get(&over.key)
            .and_then(|old| old.item.table())
            .map(|table| table.keys().map(str::to_owned).collect())
            .unwrap_or_default();
        let complete = entry
            .item
            .table()
            .is_some_and(|table| table.get(needs).is_some());
        let used = noun != "topic" || mentions(all, &entry.key);
        let may_add = matches!(kind, Overlay::Variant) && complete && used;
        if !known.contains(&entry.key) && !may_add {
            let name = entry.key.clone();
            let kind = noun;
            problems.add(entry.place, Problem::UnknownName { kind, name, known });
            continue;
        }
        let one = Table {
            entries: vec![entry.clone()],
        };
        merge(
            base,
            &Entry {
                item: Item {
                    place: over.item.place,
                    value: Value::Table(one),
                },
                ..over.clone()
            },
        );
    }
}

/// True when a text of the table is this topic or one of its partitions.
fn mentions(table: &Table, topic: &str) -> bool {
    fn in_item(item: &Item, topic: &str) -> bool {
        match &item.value {
            Value::Text(text) => text == topic || text.contains(&format!("{topic}-")),
            Value::Array(items) => items.iter().any(|inner| in_item(inner, topic)),
            Value::Table(table) => mentions(table, topic),
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime => false,
        }
    }
    (table.entries.iter()).any(|entry| in_item(&entry.item, topic))
}

fn timeline(base: &mut Table, over: &Entry, problems: &mut Problems) {
    let Some(changes) = over.item.table() else {
        base.put(over.clone());
        return;
    };
    if base.get("timeline").is_none() {
        base.put(Entry {
            item: Item {
                place: over.item.place,
                value: Value::Array(Vec::new()),
            },
            ..over.clone()
        });
    }
    let events = base.get_mut("timeline").map(|entry| &mut entry.item.value);
    let Some(Value::Array(events)) = events else {
        return;
    };
    for change in &changes.entries {
        event(events, change, problems);
    }
}

fn event(events: &mut Vec<Item>, change: &Entry, problems: &mut Problems) {
    let named = |item: &Item| item.table().is_some_and(|table| id_of(table) == change.key);
    let index = events.iter().position(named);
    match (&change.item.value, index) {
        (Value::Text(text), Some(index)) if text == "off" => {
            events.remove(index);
        }
        (Value::Table(over), Some(index)) => {
            if let Some(table) = table_of(&mut events[index]) {
                change_event(table, over, change.place);
            }
        }
        (Value::Table(over), None) if is_event(over) => {
            let mut item = change.item.clone();
            if let Some(table) = table_of(&mut item) {
                keep_id(table, &change.key, change.place);
            }
            events.push(item);
        }
        (_, None) => {
            let known = events.iter().filter_map(Item::table).map(id_of).collect();
            problems.add(
                change.place,
                Problem::UnknownName {
                    kind: "event",
                    name: change.key.clone(),
                    known,
                },
            );
        }
        (_, Some(_)) => problems.add(
            change.item.place,
            Problem::BadValue {
                what: format!("`timeline.{}`", change.key),
                why: "an event is changed key by key, or switched \"off\"".to_owned(),
                help: Some(format!("for example, timeline.{}.at = \"5s\"", change.key)),
            },
        ),
    }
}

/// True for a table that says both when and what.
fn is_event(table: &Table) -> bool {
    let has = |wanted: &[&str]| table.keys().any(|key| wanted.contains(&key));
    has(&["at", "on"]) && (table.keys().any(is_action) || has(&["then"]))
}

/// An event keeps its id, also one that was called after an action that is about to change.
fn keep_id(table: &mut Table, id: &str, place: Place) {
    if table.get("id").is_none() {
        table.put(Entry {
            key: "id".to_owned(),
            place,
            item: Item {
                place,
                value: Value::Text(id.to_owned()),
            },
        });
    }
}

fn change_event(base: &mut Table, over: &Table, place: Place) {
    let id = id_of(base);
    keep_id(base, &id, place);
    let new = |wanted: &dyn Fn(&str) -> bool| over.keys().any(wanted);
    let says_what = |key: &str| is_action(key) || key == "then";
    let same = over
        .keys()
        .any(|key| is_action(key) && base.get(key).is_some());
    if new(&says_what) && !same {
        base.entries.retain(|entry| !says_what(&entry.key));
        base.entries
            .retain(|entry| COMPANIONS.iter().all(|(key, _)| *key != entry.key));
    }
    if new(&|key| key == "at") {
        let waiting = ["on", "nth", "every", "chance", "after"];
        base.entries
            .retain(|entry| !waiting.contains(&entry.key.as_str()));
    }
    if new(&|key| key == "on") {
        base.entries.retain(|entry| entry.key != "at");
    }
    if new(&|key| key == "every") {
        base.entries
            .retain(|entry| !["nth", "chance"].contains(&entry.key.as_str()));
    }
    if new(&|key| key == "nth") {
        base.entries
            .retain(|entry| !["every", "chance"].contains(&entry.key.as_str()));
    }
    if new(&|key| key == "chance") {
        base.entries
            .retain(|entry| !["every", "nth"].contains(&entry.key.as_str()));
    }
    for entry in &over.entries {
        base.put(entry.clone());
    }
}
