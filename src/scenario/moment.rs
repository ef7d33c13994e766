//! Moments of the protocol, as a timeline names them: `leader appended orders-0`.

use std::sync::Arc;

use crate::cluster::moment::Moment;
use crate::kafka::ids::TopicPartition;
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::names::Names;
use crate::scenario::reader::Text;
use crate::scenario::selector::partition_name;

/// A moment of a partition: its words, and what it is.
type OfPartition = (&'static str, fn(TopicPartition) -> Moment, &'static str);

/// Every moment of a partition: words, meaning, and what it says.
pub const OF_PARTITION: [OfPartition; 10] = [
    (
        "produce sent",
        Moment::ProduceSent,
        "a producer has sent a batch; it is on its way",
    ),
    (
        "leader appended",
        Moment::LeaderAppended,
        "the leader has appended a batch; nothing is answered yet",
    ),
    (
        "follower appended",
        Moment::FollowerAppended,
        "a follower has appended a batch",
    ),
    (
        "produce answered",
        Moment::ProduceAnswered,
        "the leader is about to answer a produce with success",
    ),
    (
        "high watermark advanced",
        Moment::HighWatermarkAdvanced,
        "the leader's high watermark has advanced",
    ),
    (
        "isr shrunk",
        Moment::IsrShrunk,
        "the controller has committed a smaller in-sync set",
    ),
    (
        "isr expanded",
        Moment::IsrExpanded,
        "the controller has committed a larger in-sync set",
    ),
    (
        "leader elected",
        Moment::LeaderElected,
        "the controller has committed another leader",
    ),
    (
        "replica truncated",
        Moment::Truncated,
        "a replica has truncated its log",
    ),
    ("group read", Moment::Read, "a group was handed records"),
];

/// The one moment of a broker.
pub const FENCED: (&str, &str) = ("broker fenced", "the controller has fenced the broker");

/// Reads a moment, or notes what is wrong with it.
pub(in crate::scenario) fn moment(
    text: Text<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Option<Moment> {
    let mut words: Vec<&str> = text.text.split_whitespace().collect();
    let object = words.pop().unwrap_or("");
    let phrase = words.join(" ");
    let object_text = Text {
        text: object,
        ..text
    };
    if phrase == FENCED.0 {
        return fenced(object_text, names, problems);
    }
    if let Some((_, make, _)) = OF_PARTITION.iter().find(|(known, ..)| *known == phrase) {
        return names.partition(object_text, problems).map(make);
    }
    let known = OF_PARTITION
        .iter()
        .map(|(phrase, ..)| format!("{phrase} {}", example(object)))
        .chain([format!("{} b1", FENCED.0)])
        .collect();
    problems.add(
        text.place,
        Problem::BadMoment {
            text: text.text.to_owned(),
            known,
        },
    );
    None
}

/// What the user wrote for a partition, if it may be one.
fn example(object: &str) -> &str {
    if object.contains('-') {
        object
    } else {
        "orders-0"
    }
}

fn fenced(broker: Text<'_>, names: &Names, problems: &mut Problems) -> Option<Moment> {
    let number = broker
        .text
        .strip_prefix('b')
        .and_then(|digits| digits.parse::<u32>().ok())
        .filter(|number| (1..=names.brokers).contains(number));
    if number.is_none() {
        problems.add(
            broker.place,
            Problem::UnknownName {
                kind: "broker",
                name: broker.text.to_owned(),
                known: (1..=names.brokers).map(|i| format!("b{i}")).collect(),
            },
        );
    }
    number.map(Moment::Fenced)
}

/// As [`moment`] reads it.
pub(in crate::scenario) fn print(moment: &Moment, topics: &[Arc<str>]) -> String {
    let (phrase, partition) = match moment {
        Moment::ProduceSent(partition) => ("produce sent", partition),
        Moment::LeaderAppended(partition) => ("leader appended", partition),
        Moment::FollowerAppended(partition) => ("follower appended", partition),
        Moment::ProduceAnswered(partition) => ("produce answered", partition),
        Moment::HighWatermarkAdvanced(partition) => ("high watermark advanced", partition),
        Moment::IsrShrunk(partition) => ("isr shrunk", partition),
        Moment::IsrExpanded(partition) => ("isr expanded", partition),
        Moment::LeaderElected(partition) => ("leader elected", partition),
        Moment::Truncated(partition) => ("replica truncated", partition),
        Moment::Read(partition) => ("group read", partition),
        Moment::Fenced(broker) => return format!("{} b{broker}", FENCED.0),
    };
    format!("{phrase} {}", partition_name(*partition, topics))
}
