//! Names of nodes and selectors: `b1`, `billing-1`, `leader(orders-0)`, `controller`, `here`, and
//! of several nodes at once: `brokers`, `controllers`, `site`, `rack(a)`.

use std::sync::Arc;

use crate::fault::{Node, Set, Target};
use crate::scenario::diagnostics::{Problem, Problems, nearest};
use crate::scenario::names::{Host, Names};
use crate::scenario::reader::Text;

/// The selectors with an argument.
const FUNCTIONS: [&str; 5] = ["leader", "follower", "replica", "coordinator", RACK];
/// The one that selects several nodes.
const RACK: &str = "rack";
/// What is wrong with several nodes where one is meant.
const SEVERAL: &str =
    "it is several, and one is meant here; `isolate` cuts several off from the rest";

/// Reads a node, or notes what is wrong with it.
pub(in crate::scenario) fn node(
    text: Text<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Option<Node> {
    let trimmed = text.text.trim();
    match trimmed.split_once('(') {
        Some((function, rest)) => match rest.strip_suffix(')') {
            Some(argument) => call(text, function.trim(), argument.trim(), names, problems),
            None => bad(text, "the bracket is not closed".to_owned(), problems),
        },
        None => named(text, trimmed, names, problems),
    }
}

/// Reads one of the nodes of an action, which may be a set.
pub(in crate::scenario) fn target(
    text: Text<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Option<Target> {
    let trimmed = text.text.trim();
    if let Some(set) = Set::ALL.into_iter().find(|set| set.name() == trimmed) {
        return Some(Target::All(set));
    }
    match rack_named(trimmed) {
        Some(name) => rack(text, name, names, problems),
        None => node(text, names, problems).map(Target::One),
    }
}

/// `a` of `rack(a)`.
fn rack_named(text: &str) -> Option<&str> {
    let (function, rest) = text.split_once('(')?;
    let name = rest.strip_suffix(')')?;
    (function.trim() == RACK).then(|| name.trim())
}

fn rack(text: Text<'_>, name: &str, names: &Names, problems: &mut Problems) -> Option<Target> {
    if let Some(rack) = names.racks.iter().find(|rack| ***rack == *name) {
        return Some(Target::Rack(Arc::clone(rack)));
    }
    if names.racks.is_empty() {
        let why = "no broker has a rack: name them in [cluster], as in racks = [\"a\", \"b\"]";
        bad(text, why.to_owned(), problems);
    } else {
        problems.add(
            text.place,
            Problem::UnknownName {
                kind: "rack",
                name: name.to_owned(),
                known: names.racks.iter().map(ToString::to_string).collect(),
            },
        );
    }
    None
}

/// True when it has no disk: an application by its name.
pub(in crate::scenario) fn lacks_a_disk(target: &Target, names: &Names) -> bool {
    if let Target::One(Node::Named(name)) = target {
        names.host(name) == Some(Host::Application)
    } else {
        false
    }
}

/// As [`target`] reads it.
pub(in crate::scenario) fn print_target(target: &Target, topics: &[Arc<str>]) -> String {
    match target {
        Target::One(node) => print(node, topics),
        Target::All(set) => set.name().to_owned(),
        Target::Rack(name) => format!("{RACK}({name})"),
    }
}

/// As [`node`] reads it.
pub(in crate::scenario) fn print(node: &Node, topics: &[Arc<str>]) -> String {
    match node {
        Node::Named(name) => name.to_string(),
        Node::Leader(partition) => format!("leader({})", partition_name(*partition, topics)),
        Node::Follower(partition) => format!("follower({})", partition_name(*partition, topics)),
        Node::Replica(partition, nth) => {
            format!("replica({}, {nth})", partition_name(*partition, topics))
        }
        Node::Controller => "controller".to_owned(),
        Node::Here => "here".to_owned(),
    }
}

/// `orders-0`.
pub(in crate::scenario) fn partition_name(
    partition: crate::kafka::ids::TopicPartition,
    topics: &[Arc<str>],
) -> String {
    let topic = topics
        .get(partition.topic.0 as usize)
        .expect("a scenario's partitions belong to its topics");
    format!("{topic}-{}", partition.partition)
}

fn bad(text: Text<'_>, why: String, problems: &mut Problems) -> Option<Node> {
    let place = text.place;
    let text = text.text.to_owned();
    problems.add(place, Problem::BadSelector { text, why });
    None
}

fn named(text: Text<'_>, name: &str, names: &Names, problems: &mut Problems) -> Option<Node> {
    match name {
        "controller" => return Some(Node::Controller),
        "here" => return Some(Node::Here),
        RACK => {
            return bad(
                text,
                "`rack` needs a name, as in rack(a)".to_owned(),
                problems,
            );
        }
        _ if FUNCTIONS.contains(&name) => {
            let why = format!("`{name}` needs what it selects by, as in {name}(orders-0)");
            return bad(text, why, problems);
        }
        _ if Set::ALL.iter().any(|set| set.name() == name) => {
            return bad(text, SEVERAL.to_owned(), problems);
        }
        _ => {}
    }
    if names.host(name).is_some() {
        return Some(Node::Named(Arc::from(name)));
    }
    problems.add(
        text.place,
        Problem::UnknownName {
            kind: "node",
            name: name.to_owned(),
            known: names.hosts(),
        },
    );
    None
}

fn call(
    text: Text<'_>,
    function: &str,
    argument: &str,
    names: &Names,
    problems: &mut Problems,
) -> Option<Node> {
    let argument_text = Text {
        text: argument,
        ..text
    };
    match function {
        "leader" => Some(Node::Leader(names.partition(argument_text, problems)?)),
        "follower" => Some(Node::Follower(names.partition(argument_text, problems)?)),
        "replica" => replica(text, argument, names, problems),
        RACK => bad(text, SEVERAL.to_owned(), problems),
        "coordinator" => {
            problems.add(
                text.place,
                Problem::NoGroupProtocol {
                    what: format!("`{}`", text.text),
                },
            );
            None
        }
        _ => {
            let why = match nearest(function, FUNCTIONS.into_iter()) {
                Some(known) => {
                    format!("there is no selector `{function}`; did you mean `{known}`?")
                }
                None => format!(
                    "there is no selector `{function}`: there are leader(orders-0), \
                     follower(orders-0) and replica(orders-0, 2), and for several nodes brokers, \
                     controllers, site, rack(a), or an array"
                ),
            };
            bad(text, why, problems)
        }
    }
}

fn replica(text: Text<'_>, argument: &str, names: &Names, problems: &mut Problems) -> Option<Node> {
    let Some((partition, nth)) = argument.split_once(',') else {
        let why = "`replica` needs a partition and which of its replicas, from 1".to_owned();
        return bad(text, why, problems);
    };
    let partition = names.partition(
        Text {
            text: partition.trim(),
            ..text
        },
        problems,
    )?;
    let replicas = names.topics[partition.topic.0 as usize].replication_factor;
    match nth.trim().parse::<u32>() {
        Ok(nth) if (1..=replicas).contains(&nth) => Some(Node::Replica(partition, nth)),
        Ok(_) | Err(_) => {
            let why = format!("its replicas are numbered 1 to {replicas}");
            bad(text, why, problems)
        }
    }
}
