//! Events that start a command-line tool: `alter_config`, `delete_records`, `verify_reassignment`.

use std::collections::BTreeSet;

use crate::kafka::ids::Offset;
use crate::scenario::config;
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::names::Names;
use crate::scenario::reader::{Reader, Text, wrong_type};
use crate::scenario::tree::Table;
use crate::workload::Command;

const EXAMPLE: &str = "alter_config = { topic = \"orders\", \"retention.ms\" = \"1m\" }";

/// Reads what an event's tool asks for.
pub(in crate::scenario) fn read(
    table: &Table,
    reader: &Reader<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Option<Command> {
    if table.get("alter_config").is_some() {
        return alter_config(table, reader, names, problems);
    }
    if reader.item("verify_reassignment").is_some() {
        let partition = reader.text("verify_reassignment", problems)?;
        return names
            .partition(partition, problems)
            .map(Command::VerifyReassignment);
    }
    let partition = reader.text("delete_records", problems)?;
    let tp = names.partition(partition, problems)?;
    let before = table
        .get("before")
        .and_then(|_| reader.count("before", problems));
    Some(Command::DeleteRecords {
        tp,
        before: before.map(Offset),
    })
}

fn alter_config(
    table: &Table,
    reader: &Reader<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Option<Command> {
    let item = &table.get("alter_config")?.item;
    let Some(inner) = item.table() else {
        let what = reader.name("alter_config");
        let expected = "a table, as in { topic = \"orders\", \"retention.ms\" = \"1m\" }";
        problems.add(item.place, wrong_type(what, expected, item));
        return None;
    };
    let mut topic = None;
    let mut changes = Vec::new();
    for entry in &inner.entries {
        if entry.key == "topic" {
            let Some(text) = entry.item.text() else {
                let problem = wrong_type("`topic`".to_owned(), "a string", &entry.item);
                problems.add(entry.item.place, problem);
                return None;
            };
            let place = entry.item.place;
            topic = names.topic(Text { text, place }, problems);
        } else {
            changes.extend(config::change(entry, &BTreeSet::new(), problems));
        }
    }
    let what = reader.name("alter_config");
    if inner.get("topic").is_none() {
        let (key, example) = ("topic".to_owned(), EXAMPLE.to_owned());
        let table = what;
        problems.add(
            item.place,
            Problem::MissingKey {
                key,
                table,
                example,
            },
        );
    } else if inner.entries.len() == 1 {
        let why = "it changes no config".to_owned();
        let help = Some(format!("for example, {EXAMPLE}"));
        problems.add(item.place, Problem::BadValue { what, why, help });
    }
    Some(Command::AlterConfig {
        topic: topic?.0,
        changes: changes.into(),
    })
}
