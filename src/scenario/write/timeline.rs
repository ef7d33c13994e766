//! The timeline as tables.

use std::sync::Arc;

use crate::fault::{Action, Event, Occurrence, Target, When};
use crate::scenario::tree::{Table, Value};
use crate::scenario::value::{self, Instant};
use crate::scenario::write::{item, number, put, text_value, texts};
use crate::scenario::{admin, moment, selector};
use crate::workload::Command;

pub(super) fn events(timeline: &[Event], topics: &[Arc<str>]) -> Value {
    let tables = timeline
        .iter()
        .map(|event| item(Value::Table(self::event(event, topics))));
    Value::Array(tables.collect())
}

pub(super) fn event(event: &Event, topics: &[Arc<str>]) -> Table {
    let mut table = Table::default();
    put(&mut table, "id", text_value(&event.id));
    match &event.when {
        When::At(at) => put(&mut table, "at", text_value(&at.to_string())),
        When::Between(from, to) => {
            let range = value::print_instant(Instant::Between(*from, *to));
            put(&mut table, "at", text_value(&range));
        }
        When::On {
            moment,
            occurrence,
            after,
        } => {
            put(&mut table, "on", text_value(&moment::print(moment, topics)));
            match occurrence {
                Occurrence::Nth(1) => {}
                Occurrence::Nth(nth) => put(&mut table, "nth", number(*nth)),
                Occurrence::Every => put(&mut table, "every", Value::Boolean(true)),
                Occurrence::Chance(chance) => {
                    put(&mut table, "chance", text_value(&chance.to_string()));
                }
            }
            if !after.is_zero() {
                put(&mut table, "after", text_value(&after.to_string()));
            }
        }
    }
    action(&mut table, &event.action, topics);
    if let Some(lasts) = event.lasts {
        put(&mut table, "for", text_value(&lasts.to_string()));
    }
    table
}

fn action(table: &mut Table, action: &Action, topics: &[Arc<str>]) {
    if let Action::Command(command) = action {
        return self::command(table, command, topics);
    }
    if *action == Action::CorruptMessage {
        return put(table, "then", text_value("corrupt"));
    }
    let (name, names) = parts(action, topics);
    match names.as_slice() {
        [node] => put(table, name, text_value(node)),
        nodes => put(table, name, texts(nodes.iter().map(String::as_str))),
    }
    if let Action::SlowLink(_, _, delay) | Action::SlowDisk(_, delay) = action {
        put(table, "delay", text_value(&delay.to_string()));
    }
    if let Action::FillDisk(_, Some(dir)) | Action::FailDisk(_, Some(dir)) = action {
        put(table, "log_dir", number(dir.0 + 1));
    }
    if let Action::Corrupt(_, _, share) = action {
        put(table, "share", text_value(&share.to_string()));
    }
    if let Action::SkewClock(_, by) = action {
        put(table, "by", text_value(&value::print_signed_duration(*by)));
    }
    if let Action::RollingRestart { down, gap, .. } = action {
        put(table, "gap", text_value(&gap.to_string()));
        put(table, "for", text_value(&down.to_string()));
    }
    if let Action::Flap { down, up, .. } = action {
        put(table, "down", text_value(&down.to_string()));
        put(table, "up", text_value(&up.to_string()));
    }
}

fn command(table: &mut Table, command: &Command, topics: &[Arc<str>]) {
    match command {
        Command::AlterConfig { topic, changes } => {
            let mut inner = Table::default();
            let topic = topics.get(topic.0 as usize);
            put(
                &mut inner,
                "topic",
                text_value(topic.map_or("", |topic| topic)),
            );
            for change in changes.iter() {
                let value = change.value.as_deref().unwrap_or("default");
                put(&mut inner, &change.name, text_value(value));
            }
            put(table, "alter_config", Value::Table(inner));
        }
        Command::DeleteRecords { tp, before } => {
            let topic = topics.get(tp.topic.0 as usize);
            let name = format!("{}-{}", topic.map_or("", |topic| topic), tp.partition);
            put(table, "delete_records", text_value(&name));
            if let Some(before) = before {
                let before = i64::try_from(before.0).unwrap_or(i64::MAX);
                put(table, "before", Value::Integer(Some(before)));
            }
        }
        Command::ThrottledReassignment { tp, target, rate } => {
            admin::write_throttled(table, (*tp, target, *rate), topics);
        }
        Command::VerifyReassignment(tp) => {
            let name = selector::partition_name(*tp, topics);
            put(table, "verify_reassignment", text_value(&name));
        }
        Command::Admin(request) => admin::write(table, request, topics),
    }
}

/// An action's key and its nodes.
fn parts(action: &Action, topics: &[Arc<str>]) -> (&'static str, Vec<String>) {
    let each = |on: &[Target]| {
        let names = on
            .iter()
            .map(|target| selector::print_target(target, topics));
        names.collect()
    };
    let pair = |from, to| vec![selector::print(from, topics), selector::print(to, topics)];
    match action {
        Action::Crash(on) => ("crash", each(on)),
        Action::PowerLoss(on) => ("power_loss", each(on)),
        Action::LoseDisk(on) => ("lose_disk", each(on)),
        Action::Stop(on) => ("stop", each(on)),
        Action::Start(on) => ("start", each(on)),
        Action::RollingRestart { on, .. } => ("rolling_restart", each(on)),
        Action::Pause(on) => ("pause", each(on)),
        Action::CutOneWay(from, to) => ("cut_one_way", pair(from, to)),
        Action::Cut(from, to) => ("cut", pair(from, to)),
        Action::Isolate(on) => ("isolate", each(on)),
        Action::SlowLink(from, to, _) => ("slow_link", pair(from, to)),
        Action::Flap { one, other, .. } => ("flap", pair(one, other)),
        Action::Corrupt(one, other, _) => ("corrupt", pair(one, other)),
        Action::CorruptMessage => ("corrupt", Vec::new()),
        Action::Reset(from, to) => ("reset", pair(from, to)),
        Action::SlowDisk(on, _) => ("slow_disk", each(on)),
        Action::FillDisk(on, _) => ("fill_disk", each(on)),
        Action::FailDisk(on, _) => ("fail_disk", each(on)),
        Action::SkewClock(on, _) => ("skew_clock", each(on)),
        Action::Command(_) => unreachable!("a command names no node"),
    }
}
