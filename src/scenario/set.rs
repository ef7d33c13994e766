//! `--set path=value`: one key of the base and of all variants, by the same path as in the file.
//!
//! After `config.` the rest of a path is one Kafka name; names with dots elsewhere are quoted:
//! `topics."orders.v1".partitions=3`.

use crate::scenario::diagnostics::{Problem, Problems, Source};
use crate::scenario::tree::{Entry, Item, Place, SourceId, Table, Value, parse_flag_value};

/// A flag as it was given: `producers.p1.config.acks=all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFlag(pub String);

impl SetFlag {
    /// The text that problems of this flag point into.
    pub(in crate::scenario) fn source(&self) -> Source {
        Source {
            name: "--set".to_owned(),
            text: self.0.clone(),
        }
    }

    /// The flag as an overlay with one leaf, or a problem.
    pub(in crate::scenario) fn overlay(
        &self,
        source: SourceId,
        problems: &mut Problems,
    ) -> Option<Table> {
        match split(&self.0) {
            Ok((path, value_at)) => {
                let value = self.0[value_at..].trim();
                let offset = self.0.len() - self.0[value_at..].trim_start().len();
                let value = parse_flag_value(source, value, offset);
                Some(nest(source, &path, value))
            }
            Err(why) => {
                let place = Place::new(source, 0..self.0.len());
                let help = "--set PATH=VALUE, with a path as in the file: \
                            --set producers.p1.config.acks=all"
                    .to_owned();
                problems.add(place, Problem::BadFlag { why, help });
                None
            }
        }
    }
}

/// One name of a path, and where it stands.
struct Step {
    name: String,
    start: usize,
    end: usize,
}

/// The path, and where the value begins.
fn split(flag: &str) -> Result<(Vec<Step>, usize), String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut at = 0;
    loop {
        let in_config = steps.len() >= 2
            && steps
                .last()
                .is_some_and(|step| step.name == "config" || step.name == "features")
            && config_depth(&steps);
        let (name, end) = step(flag, at, in_config)?;
        steps.push(Step {
            name,
            start: at,
            end,
        });
        match flag[end..].chars().next() {
            Some('.') => at = end + 1,
            Some('=') => return Ok((steps, end + 1)),
            Some(_) => {
                return Err("has something between a quoted name and the next dot".to_owned());
            }
            None => return Err("needs a value: there is no `=`".to_owned()),
        }
    }
}

/// True where `config` is a key, not the name of a topic.
fn config_depth(steps: &[Step]) -> bool {
    match steps[0].name.as_str() {
        "cluster" => steps.len() == 2,
        _ => steps.len() == 3,
    }
}

fn step(flag: &str, at: usize, whole_rest: bool) -> Result<(String, usize), String> {
    let rest = &flag[at..];
    for quote in ['"', '\''] {
        if let Some(inner) = rest.strip_prefix(quote) {
            let Some(length) = inner.find(quote) else {
                return Err("has a quote that is not closed".to_owned());
            };
            return Ok((inner[..length].to_owned(), at + length + 2));
        }
    }
    let stops: &[char] = if whole_rest { &['='] } else { &['.', '='] };
    let end = rest.find(stops).map_or(flag.len(), |length| at + length);
    let name = flag[at..end].trim();
    if name.is_empty() {
        return Err("has an empty name in its path".to_owned());
    }
    Ok((name.to_owned(), end))
}

fn nest(source: SourceId, path: &[Step], value: Item) -> Table {
    let mut item = value;
    for step in path.iter().rev() {
        let place = Place::new(source, step.start..step.end);
        let entry = Entry {
            key: step.name.clone(),
            place,
            item,
        };
        item = Item {
            place,
            value: Value::Table(Table {
                entries: vec![entry],
            }),
        };
    }
    match item.value {
        Value::Table(table) => table,
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime
        | Value::Array(_) => Table::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(flag: &str) -> Result<Vec<String>, String> {
        split(flag).map(|(steps, _)| steps.into_iter().map(|step| step.name).collect())
    }

    #[test]
    fn after_config_the_rest_is_one_kafka_name() {
        assert_eq!(
            path("topics.orders.config.min.insync.replicas=2").unwrap(),
            ["topics", "orders", "config", "min.insync.replicas"]
        );
        assert_eq!(
            path("cluster.config.num.io.threads=2").unwrap(),
            ["cluster", "config", "num.io.threads"]
        );
        assert_eq!(
            path("topics.config.partitions=2").unwrap(),
            ["topics", "config", "partitions"]
        );
    }

    #[test]
    fn a_name_with_dots_is_quoted() {
        assert_eq!(
            path("topics.\"orders.v1\".partitions=3").unwrap(),
            ["topics", "orders.v1", "partitions"]
        );
    }

    #[test]
    fn a_flag_without_value_or_name_says_so() {
        assert!(path("run_for").is_err());
        assert!(path("=3").is_err());
        assert!(path("topics..x=3").is_err());
        assert!(path("topics.\"x=3").is_err());
    }
}
