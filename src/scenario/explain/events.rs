//! Events of a timeline and random faults, in English.

use std::sync::Arc;

use crate::cluster::moment::Moment;
use crate::fault::random::RandomFaults;
use crate::fault::{Action, Event, Node, Occurrence, Set, Target, When};
use crate::kafka::ids::TopicPartition;
use crate::scenario::admin;
use crate::scenario::explain::{Fact, Facts, count, listed, span};
use crate::scenario::selector::partition_name;
use crate::scenario::value::{grouped, print_bandwidth, print_signed_duration};
use crate::workload::Command;

pub(super) fn event(all: &mut Vec<Fact>, event: &Event, topics: &[Arc<str>]) {
    let mut facts = Facts {
        all,
        subject: format!("Event {}", event.id),
    };
    let when = match &event.when {
        When::At(at) => format!("at {}", span(*at)),
        When::Between(from, to) => {
            let (from, to) = (span(*from), span(*to));
            format!("between {from} and {to}, as the seed draws it")
        }
        When::On {
            moment,
            occurrence,
            after,
        } => {
            let which = match occurrence {
                Occurrence::Nth(1) => "the first time".to_owned(),
                Occurrence::Nth(nth) => format!("the {} time", ordinal(*nth)),
                Occurrence::Every => "each time".to_owned(),
                Occurrence::Chance(chance) => format!("each time, with a chance of {chance},"),
            };
            let after = if after.is_zero() {
                String::new()
            } else {
                format!(" after {}", span(*after))
            };
            format!("{which}{after} that {}", self::moment(moment, topics))
        }
    };
    facts.say("when", format!("{when}, {}", action(&event.action, topics)));
    match (event.lasts, &event.action) {
        (
            None,
            Action::Start(_)
            | Action::Reset(..)
            | Action::RollingRestart { .. }
            | Action::Command(_)
            | Action::CorruptMessage,
        ) => {}
        (Some(lasts), _) => facts.say("for", format!("undone after {}", span(lasts))),
        (None, _) => facts.say("for", "until everything heals".to_owned()),
    }
}

pub(super) fn random(all: &mut Vec<Fact>, faults: &RandomFaults, topics: &[Arc<str>]) {
    let mut facts = Facts {
        all,
        subject: "Random faults".to_owned(),
    };
    let kinds: Vec<&str> = faults.kinds.iter().map(|kind| kind.name()).collect();
    let some = if faults.swarm {
        ", of which each seed uses some"
    } else {
        ""
    };
    facts.say("kinds", format!("{}{some}", listed(&kinds)));
    facts.say("whom", format!("among {}", targets(&faults.among, topics)));
    facts.say("rate", format!("one in {} on average", faults.every));
    let (from, to) = faults.lasts;
    facts.say(
        "for",
        if from == to {
            format!("each for {from}")
        } else {
            format!("each for {from} to {to}")
        },
    );
    let nodes = count(u64::from(faults.at_once), "node");
    facts.say("at once", format!("at most {nodes} broken at once"));
    facts.say("max", format!("{} in all", grouped(u64::from(faults.max))));
}

/// `2nd`, `3rd`, `11th`.
fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn moment(moment: &Moment, topics: &[Arc<str>]) -> String {
    let name = |partition: &TopicPartition| partition_name(*partition, topics);
    match moment {
        Moment::ProduceSent(at) => format!("a producer has sent a batch of {}", name(at)),
        Moment::LeaderAppended(at) => format!("the leader of {} has appended", name(at)),
        Moment::FollowerAppended(at) => format!("a follower of {} has appended", name(at)),
        Moment::ProduceAnswered(at) => {
            format!("the leader of {} is about to confirm a produce", name(at))
        }
        Moment::HighWatermarkAdvanced(at) => {
            format!("the high watermark of {} has advanced", name(at))
        }
        Moment::IsrShrunk(at) => format!("the in-sync set of {} has shrunk", name(at)),
        Moment::IsrExpanded(at) => format!("the in-sync set of {} has grown", name(at)),
        Moment::LeaderElected(at) => format!("{} has another leader", name(at)),
        Moment::Truncated(at) => format!("a replica of {} has truncated", name(at)),
        Moment::Read(at) => format!("a group was handed records of {}", name(at)),
        Moment::Fenced(broker) => format!("the controller has fenced b{broker}"),
    }
}

fn node(node: &Node, topics: &[Arc<str>]) -> String {
    let name = |partition: &TopicPartition| partition_name(*partition, topics);
    match node {
        Node::Named(name) => name.to_string(),
        Node::Leader(at) => format!("the leader of {}", name(at)),
        Node::Follower(at) => format!("a follower of {}", name(at)),
        Node::Replica(at, nth) => format!("the {} replica of {}", ordinal(*nth), name(at)),
        Node::Controller => "the active controller".to_owned(),
        Node::Here => "the host where that happened".to_owned(),
    }
}

/// `b1 and every controller`
fn targets(on: &[Target], topics: &[Arc<str>]) -> String {
    let words: Vec<String> = on
        .iter()
        .map(|target| match target {
            Target::One(one) => node(one, topics),
            Target::All(Set::Brokers) => "every broker".to_owned(),
            Target::All(Set::Controllers) => "every controller".to_owned(),
            Target::All(Set::Site) => "every broker and every controller".to_owned(),
            Target::Rack(rack) => format!("the brokers in rack {rack}"),
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    listed(&words)
}

#[expect(clippy::too_many_lines, reason = "one arm per action")]
fn action(action: &Action, topics: &[Arc<str>]) -> String {
    let name = |node: &Node| self::node(node, topics);
    let all = |on: &[Target]| targets(on, topics);
    let several = |on: &[Target]| on.len() > 1;
    let verb = |on: &[Target], one: &'static str, many: &'static str| {
        if several(on) { many } else { one }
    };
    match action {
        Action::Crash(on) => format!("kill -9 of {}", all(on)),
        Action::PowerLoss(on) => format!("power loss of {}", all(on)),
        Action::LoseDisk(on) => {
            let verb = verb(on, "dies and loses its disk", "die and lose their disks");
            format!("{} {verb}", all(on))
        }
        Action::Stop(on) => {
            format!(
                "{} {} stopped in good order",
                all(on),
                verb(on, "is", "are")
            )
        }
        Action::Start(on) => format!("{} {} started", all(on), verb(on, "is", "are")),
        Action::RollingRestart { on, down, gap } => {
            let (who, is) = (all(on), verb(on, "is", "are"));
            format!(
                "{who} {is} restarted one after the other: stopped in good order, started {down} \
                 after the process has ended, and the next one {gap} later"
            )
        }
        Action::Pause(on) => format!("{} {} still", all(on), verb(on, "stands", "stand")),
        Action::CutOneWay(from, to) => {
            format!("nothing from {} arrives at {}", name(from), name(to))
        }
        Action::Cut(one, other) => {
            format!("nothing arrives between {} and {}", name(one), name(other))
        }
        Action::Isolate(on) if several(on) => {
            format!("nothing arrives between {} and the rest", all(on))
        }
        Action::Isolate(on) => format!("nothing reaches or leaves {}", all(on)),
        Action::SlowLink(from, to, delay) => {
            format!(
                "messages from {} to {} take {} longer",
                name(from),
                name(to),
                span(*delay)
            )
        }
        Action::Flap {
            one,
            other,
            down,
            up,
        } => {
            let (one, other) = (name(one), name(other));
            let (down, up) = (span(*down), span(*up));
            format!("the link between {one} and {other} flaps: cut for {down}, whole for {up}")
        }
        Action::Corrupt(one, other, share) => {
            let (one, other) = (name(one), name(other));
            format!("{share} of the messages with batches between {one} and {other} arrive damaged")
        }
        Action::CorruptMessage => "its message arrives damaged".to_owned(),
        Action::Reset(one, other) => {
            format!(
                "the connections of {} and {} are reset",
                name(one),
                name(other)
            )
        }
        Action::Command(Command::ThrottledReassignment { tp, target, rate }) => format!(
            "{}, each broker copying at most {}: it never ends while more than that is written",
            admin::explain_move(*tp, target, topics),
            print_bandwidth(*rate)
        ),
        Action::Command(Command::Admin(request)) => admin::explain(request, topics),
        Action::Command(Command::AlterConfig { topic, changes }) => {
            let changes = changes.iter().map(|change| match &change.value {
                Some(value) => format!("{} to {value}", change.name),
                None => format!("{} back to the broker's", change.name),
            });
            let changes: Vec<String> = changes.collect();
            let topic = topics.get(topic.0 as usize).map_or("?", |topic| topic);
            format!("somebody sets {} for {topic}", changes.join(", "))
        }
        Action::Command(Command::VerifyReassignment(tp)) => format!(
            "somebody verifies the reassignment of {}, which takes its throttle back if it is over",
            partition_name(*tp, topics)
        ),
        Action::Command(Command::DeleteRecords { tp, before }) => {
            let partition = partition_name(*tp, topics);
            match before {
                Some(offset) => {
                    format!("somebody deletes the records of {partition} below {offset}")
                }
                None => format!("somebody deletes all committed records of {partition}"),
            }
        }
        Action::SlowDisk(on, delay) => {
            format!("flushes of {} take {} longer", all(on), span(*delay))
        }
        Action::FillDisk(on, Some(dir)) => {
            format!(
                "the disk of log directory {} of {} is full",
                dir.0 + 1,
                all(on)
            )
        }
        Action::FailDisk(on, Some(dir)) => {
            format!(
                "the disk of log directory {} of {} fails",
                dir.0 + 1,
                all(on)
            )
        }
        Action::FillDisk(on, None) => {
            let (noun, is) = (verb(on, "disk", "disks"), verb(on, "is", "are"));
            format!("the {noun} of {} {is} full", all(on))
        }
        Action::FailDisk(on, None) => {
            let (noun, fails) = (verb(on, "disk", "disks"), verb(on, "fails", "fail"));
            format!("the {noun} of {} {fails}", all(on))
        }
        Action::SkewClock(on, by) => {
            let (noun, jumps) = (verb(on, "clock", "clocks"), verb(on, "jumps", "jump"));
            let by = print_signed_duration(*by);
            format!("the wall {noun} of {} {jumps} by {by}", all(on))
        }
    }
}
