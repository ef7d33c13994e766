//! The names of a scenario: topics and hosts, for whatever speaks of them.

use std::sync::Arc;

use crate::kafka::ids::{TopicId, TopicPartition};
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::reader::Text;

/// What a name may be looked up in.
#[derive(Debug, Default)]
pub(in crate::scenario) struct Names {
    /// Topics by id.
    pub(in crate::scenario) topics: Vec<Topic>,
    /// How many brokers.
    pub(in crate::scenario) brokers: u32,
    /// The racks that brokers stand in, each once.
    pub(in crate::scenario) racks: Vec<Arc<str>>,
    /// How many log directories each broker has.
    pub(in crate::scenario) log_dirs: u32,
    /// How many controllers.
    pub(in crate::scenario) controllers: u32,
    /// Producer applications.
    pub(in crate::scenario) producers: Vec<Arc<str>>,
    /// The client.ids of producers and groups.
    pub(in crate::scenario) client_ids: Vec<Arc<str>>,
    /// Groups with their members.
    pub(in crate::scenario) groups: Vec<(Arc<str>, u32)>,
}

/// A topic, as far as names go.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct Topic {
    /// Its name.
    pub(in crate::scenario) name: Arc<str>,
    /// How many partitions it has, those that it gets later included.
    pub(in crate::scenario) partitions: u32,
    /// How many replicas each has.
    pub(in crate::scenario) replication_factor: u32,
}

/// What kind of host a name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum Host {
    /// A broker or a controller: it has a disk.
    Server,
    /// An application: it has none.
    Application,
}

/// `name` with a number from 1 after `prefix`: `b3`.
fn numbered(name: &str, prefix: &str, count: u32) -> bool {
    name.strip_prefix(prefix).is_some_and(|digits| {
        digits.starts_with(|c: char| ('1'..='9').contains(&c))
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && digits.parse::<u32>().is_ok_and(|number| number <= count)
    })
}

impl Names {
    /// The host of this name, if there is one.
    pub(in crate::scenario) fn host(&self, name: &str) -> Option<Host> {
        if numbered(name, "b", self.brokers) || numbered(name, "c", self.controllers) {
            return Some(Host::Server);
        }
        let member = |(group, members): &(Arc<str>, u32)| {
            name.strip_prefix(&**group)
                .is_some_and(|rest| numbered(rest, "-", *members))
        };
        let application = self.producers.iter().any(|producer| **producer == *name)
            || self.groups.iter().any(member);
        application.then_some(Host::Application)
    }

    /// All hosts, brokers first.
    pub(in crate::scenario) fn hosts(&self) -> Vec<String> {
        let brokers = (1..=self.brokers).map(|i| format!("b{i}"));
        let controllers = (1..=self.controllers).map(|i| format!("c{i}"));
        let producers = self.producers.iter().map(ToString::to_string);
        let members = self
            .groups
            .iter()
            .flat_map(|(group, members)| (1..=*members).map(move |i| format!("{group}-{i}")));
        brokers
            .chain(controllers)
            .chain(producers)
            .chain(members)
            .collect()
    }

    /// Looks a topic up, or notes that there is none.
    pub(in crate::scenario) fn topic(
        &self,
        name: Text<'_>,
        problems: &mut Problems,
    ) -> Option<(TopicId, u32)> {
        let found = self
            .topics
            .iter()
            .position(|topic| *topic.name == *name.text);
        if found.is_none() {
            problems.add(
                name.place,
                Problem::UnknownName {
                    kind: "topic",
                    name: name.text.to_owned(),
                    known: self
                        .topics
                        .iter()
                        .map(|topic| topic.name.to_string())
                        .collect(),
                },
            );
        }
        found.map(|index| (TopicId(index as u32), self.topics[index].partitions))
    }

    /// Reads `orders-0`, or notes what is wrong with it.
    pub(in crate::scenario) fn partition(
        &self,
        name: Text<'_>,
        problems: &mut Problems,
    ) -> Option<TopicPartition> {
        let Some((topic, number)) = name.text.rsplit_once('-').filter(|(topic, number)| {
            !topic.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
        }) else {
            let known = self
                .topics
                .iter()
                .map(|topic| format!("{}-0", topic.name))
                .collect();
            problems.add(
                name.place,
                Problem::UnknownName {
                    kind: "partition",
                    name: name.text.to_owned(),
                    known,
                },
            );
            return None;
        };
        let (id, partitions) = self.topic(
            Text {
                text: topic,
                ..name
            },
            problems,
        )?;
        match number.parse::<u32>() {
            Ok(partition) if partition < partitions => Some(TopicPartition {
                topic: id,
                partition,
            }),
            Ok(_) | Err(_) => {
                problems.add(
                    name.place,
                    Problem::UnknownPartition {
                        topic: topic.to_owned(),
                        partition: number.to_owned(),
                        last: partitions - 1,
                    },
                );
                None
            }
        }
    }
}
