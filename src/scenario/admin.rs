//! What an administrator does in a timeline: read, written back, and said in words.

use std::sync::Arc;

use crate::kafka::api::admin::{AdminRequest, ElectionType};
use crate::kafka::ids::{BrokerId, TopicPartition};
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::names::Names;
use crate::scenario::quotas;
use crate::scenario::reader::{Reader, Text};
use crate::scenario::selector::partition_name;
use crate::scenario::tree::{Entry, Item, Place, Table, Value};
use crate::scenario::value::print_bandwidth;
use crate::workload::Command;

/// Reads the request of an administrator that stands under `name`.
pub(in crate::scenario) fn read(
    name: &str,
    reader: &Reader<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Option<Command> {
    if name == "alter_quotas" {
        return quotas::alteration(reader, names, problems).map(Command::Admin);
    }
    let text = reader.text(name, problems)?;
    Some(Command::Admin(match name {
        "elect" => AdminRequest::ElectLeaders {
            tp: names.partition(text, problems)?,
            election: match reader.word("election", problems)? {
                "unclean" => ElectionType::Unclean,
                _ => ElectionType::Preferred,
            },
        },
        "grow" => AdminRequest::CreatePartitions {
            topic: names.topic(text, problems)?.0,
            count: reader.count_u32("to", problems),
        },
        "reassign" => {
            let tp = names.partition(text, problems);
            let target = target(reader, names, problems).ok()?;
            let rate = throttle(reader, target.as_deref(), problems).ok()?;
            let tp = tp?;
            match (target, rate) {
                (Some(target), Some(rate)) => {
                    return Some(Command::ThrottledReassignment { tp, target, rate });
                }
                (target, _) => AdminRequest::AlterPartitionReassignments { tp, target },
            }
        }
        _ => AdminRequest::UnregisterBroker {
            broker: broker(text, names, problems)?,
        },
    }))
}

/// It was noted.
struct Mistake;

/// Bytes per second, if there is a limit.
fn throttle(
    reader: &Reader<'_>,
    target: Option<&[BrokerId]>,
    problems: &mut Problems,
) -> Result<Option<u64>, Mistake> {
    if reader.item("throttle").is_none() {
        return Ok(None);
    }
    if target.is_none() {
        problems.add(
            reader.place("throttle"),
            Problem::UnusedKey {
                key: "throttle".to_owned(),
                beside: "a reassignment that is taken back".to_owned(),
                help: "it goes with `replicas`",
            },
        );
        return Err(Mistake);
    }
    reader.bytes("throttle", problems).map(Some).ok_or(Mistake)
}

/// The brokers; none is the way back.
fn target(
    reader: &Reader<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Result<Option<Arc<[BrokerId]>>, Mistake> {
    if reader.item("replicas").is_none() {
        return Ok(None);
    }
    let mut brokers = Vec::new();
    for text in reader.texts("replicas", problems) {
        let broker = broker(text, names, problems).ok_or(Mistake)?;
        if brokers.contains(&broker) {
            let what = reader.name("replicas");
            let why = format!("`{}` stands there twice", text.text);
            let help = None;
            problems.add(text.place, Problem::BadValue { what, why, help });
            return Err(Mistake);
        }
        brokers.push(broker);
    }
    if brokers.is_empty() {
        let what = reader.name("replicas");
        let why = "a partition has at least one replica".to_owned();
        let help = Some("leave it out to take back what is under way".to_owned());
        problems.add(
            reader.place("replicas"),
            Problem::BadValue { what, why, help },
        );
        return Err(Mistake);
    }
    Ok(Some(brokers.into()))
}

fn broker(text: Text<'_>, names: &Names, problems: &mut Problems) -> Option<BrokerId> {
    let known = (1..=names.brokers).find(|number| format!("b{number}") == text.text);
    if known.is_none() {
        problems.add(
            text.place,
            Problem::UnknownName {
                kind: "broker",
                name: text.text.to_owned(),
                known: (1..=names.brokers).map(|i| format!("b{i}")).collect(),
            },
        );
    }
    known.map(BrokerId)
}

/// The largest number of partitions that the events of a timeline give a topic.
pub(in crate::scenario) fn grows_to(timeline: Option<&Item>, topic: &str) -> u32 {
    let Some(Value::Array(events)) = timeline.map(|item| &item.value) else {
        return 0;
    };
    let counts = events.iter().filter_map(|event| {
        let table = event.table()?;
        let is_its = table.get("grow")?.item.text() == Some(topic);
        if let Value::Integer(Some(count)) = table.get("to")?.item.value
            && is_its
        {
            u32::try_from(count).ok()
        } else {
            None
        }
    });
    counts.max().unwrap_or(0)
}

/// Writes a request as it is read.
pub(in crate::scenario) fn write(table: &mut Table, request: &AdminRequest, topics: &[Arc<str>]) {
    let mut put = |key: &str, value: Value| {
        table.put(Entry {
            key: key.to_owned(),
            place: Place::TOP,
            item: item(value),
        });
    };
    match request {
        AdminRequest::ElectLeaders { tp, election } => {
            put("elect", Value::Text(partition_name(*tp, topics)));
            if *election == ElectionType::Unclean {
                put("election", Value::Text("unclean".to_owned()));
            }
        }
        AdminRequest::CreateTopics { .. } | AdminRequest::ListPartitionReassignments { .. } => {
            unreachable!("no event asks for that")
        }
        AdminRequest::CreatePartitions { topic, count } => {
            put("grow", Value::Text(topics[topic.0 as usize].to_string()));
            put("to", Value::Integer(Some(i64::from(*count))));
        }
        AdminRequest::AlterPartitionReassignments { tp, target } => {
            put("reassign", Value::Text(partition_name(*tp, topics)));
            if let Some(target) = target {
                put("replicas", brokers(target));
            }
        }
        AdminRequest::AlterClientQuotas { entity, changes } => {
            let mut inner = Table::default();
            for (key, text) in quotas::altered(entity, changes) {
                inner.put(Entry {
                    key: key.to_owned(),
                    place: Place::TOP,
                    item: item(Value::Text(text)),
                });
            }
            put("alter_quotas", Value::Table(inner));
        }
        AdminRequest::UnregisterBroker { broker } => {
            put("unregister", Value::Text(format!("b{}", broker.0)));
        }
    }
}

/// Writes a throttled move as it is read.
pub(in crate::scenario) fn write_throttled(
    table: &mut Table,
    (tp, target, rate): (TopicPartition, &[BrokerId], u64),
    topics: &[Arc<str>],
) {
    for (key, value) in [
        ("reassign", Value::Text(partition_name(tp, topics))),
        ("replicas", brokers(target)),
        ("throttle", Value::Text(print_bandwidth(rate))),
    ] {
        table.put(Entry {
            key: key.to_owned(),
            place: Place::TOP,
            item: item(value),
        });
    }
}

fn brokers(target: &[BrokerId]) -> Value {
    let names = target
        .iter()
        .map(|id| item(Value::Text(format!("b{}", id.0))));
    Value::Array(names.collect())
}

fn item(value: Value) -> Item {
    Item {
        place: Place::TOP,
        value,
    }
}

/// A request in words.
pub(in crate::scenario) fn explain(request: &AdminRequest, topics: &[Arc<str>]) -> String {
    let name = |tp: &TopicPartition| partition_name(*tp, topics);
    match request {
        AdminRequest::ElectLeaders { tp, election } => match election {
            ElectionType::Preferred => {
                format!(
                    "an administrator asks for the preferred leader of {}",
                    name(tp)
                )
            }
            ElectionType::Unclean => {
                format!("an administrator asks for any leader of {}", name(tp))
            }
        },
        AdminRequest::CreateTopics { .. } | AdminRequest::ListPartitionReassignments { .. } => {
            unreachable!("no event asks for that")
        }
        AdminRequest::CreatePartitions { topic, count } => {
            format!("topic {} gets {count} partitions", topics[topic.0 as usize])
        }
        AdminRequest::AlterPartitionReassignments { tp, target } => match target {
            Some(target) => explain_move(*tp, target, topics),
            None => format!("the reassignment of {} is taken back", name(tp)),
        },
        AdminRequest::AlterClientQuotas { entity, changes } => quotas::explain(entity, changes),
        AdminRequest::UnregisterBroker { broker } => {
            format!("the controller strikes b{} off", broker.0)
        }
    }
}

/// A move in words.
pub(in crate::scenario) fn explain_move(
    tp: TopicPartition,
    target: &[BrokerId],
    topics: &[Arc<str>],
) -> String {
    let brokers: Vec<String> = target.iter().map(|id| format!("b{}", id.0)).collect();
    let name = partition_name(tp, topics);
    format!("{name} is to move to {}", brokers.join(", "))
}
