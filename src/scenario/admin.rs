//! What an administrator does in a timeline: read, written back, and said in words.

use std::sync::Arc;

use crate::fault::Action;
use crate::kafka::api::admin::{AdminRequest, ElectionType};
use crate::kafka::ids::{BrokerId, TopicPartition};
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::names::Names;
use crate::scenario::reader::{Reader, Text};
use crate::scenario::selector::partition_name;
use crate::scenario::tree::{Entry, Item, Place, Table, Value};

/// Reads the request of an administrator that stands under `name`.
pub(in crate::scenario) fn read(
    name: &str,
    reader: &Reader<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Option<Action> {
    let text = reader.text(name, problems)?;
    Some(Action::Ask(match name {
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
        "reassign" => AdminRequest::AlterPartitionReassignments {
            tp: names.partition(text, problems)?,
            target: target(reader, names, problems).ok()?,
        },
        _ => AdminRequest::UnregisterBroker {
            broker: broker(text, names, problems)?,
        },
    }))
}

/// It was noted.
struct Mistake;

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
        AdminRequest::CreatePartitions { topic, count } => {
            put("grow", Value::Text(topics[topic.0 as usize].to_string()));
            put("to", Value::Integer(Some(i64::from(*count))));
        }
        AdminRequest::AlterPartitionReassignments { tp, target } => {
            put("reassign", Value::Text(partition_name(*tp, topics)));
            if let Some(target) = target {
                let brokers = target
                    .iter()
                    .map(|id| item(Value::Text(format!("b{}", id.0))));
                put("replicas", Value::Array(brokers.collect()));
            }
        }
        AdminRequest::UnregisterBroker { broker } => {
            put("unregister", Value::Text(format!("b{}", broker.0)));
        }
    }
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
        AdminRequest::CreatePartitions { topic, count } => {
            format!("topic {} gets {count} partitions", topics[topic.0 as usize])
        }
        AdminRequest::AlterPartitionReassignments { tp, target } => match target {
            Some(target) => {
                let brokers: Vec<String> = target.iter().map(|id| format!("b{}", id.0)).collect();
                format!("{} is to move to {}", name(tp), brokers.join(", "))
            }
            None => format!("the reassignment of {} is taken back", name(tp)),
        },
        AdminRequest::UnregisterBroker { broker } => {
            format!("the controller strikes b{} off", broker.0)
        }
    }
}
