//! Producer applications and groups of readers: dense ids in the order of the file.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::spec::{GroupSpec, ProducerSpec, client_id};
use crate::delivery::{GroupId, RecordId, SenderId};
use crate::fault::Set;
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::config::value::ConfigValue;
use crate::kafka::ids::{TopicId, TopicPartition};
use crate::scenario::config;
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::keys::apps::{GROUP, HANDLER, KEYS, ON_ERROR, PRODUCER};
use crate::scenario::keys::{LONGEST, MAX_MEMBERS, MAX_PAYLOAD, MAX_PRODUCERS, MAX_RECORDS};
use crate::scenario::lower::{Refused, named, too_many};
use crate::scenario::names::Names;
use crate::scenario::reader::{Reader, Text, count as count_of, texts};
use crate::scenario::tree::{Entry, Item, Value};
use crate::scenario::value::{self, Instant, Rate};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;
use crate::workload::{
    Arrivals, Behaviour, Keys, OnError, OnRestart, Placement, ReadPlan, SendMode, SendPlan,
};

/// What applications are read against.
pub(in crate::scenario) struct Context<'c> {
    /// The names so far.
    pub(in crate::scenario) names: &'c mut Names,
    /// When all faults heal; none where that is not known.
    pub(in crate::scenario) run_for: Option<SimDuration>,
    /// The configs that are claimed to be refused.
    pub(in crate::scenario) refusals: &'c BTreeSet<String>,
    /// What has been refused.
    pub(in crate::scenario) refused: &'c mut Refused,
}

/// The protocols that elect a coordinator.
const COORDINATED: [&str; 3] = ["classic", "consumer", "share"];

/// Reads `[producers]`; their records are numbered on, in the order of the file.
pub(in crate::scenario) fn producers(
    top: &Reader<'_>,
    context: &mut Context<'_>,
    problems: &mut Problems,
) -> Vec<ProducerSpec> {
    let mut producers = Vec::new();
    let (mut records, mut payload) = (0_u64, 0_u64);
    for (entry, table) in named(top, "producers", "a producer", problems) {
        check_host_name(entry, context.names, problems);
        let path = format!("producers.{}", entry.key);
        let reader = Reader::new(table, entry.item.place, &path, &PRODUCER, problems);
        let config = reader.table("config", problems);
        let config = config::lower(&path, config, &[], context.refusals, problems);
        let config: ProducerConfig = context.refused.or_default(config);
        let plan = plan(&reader, producers.len(), records, context, problems);
        let name: Arc<str> = Arc::from(entry.key.as_str());
        context.names.producers.push(Arc::clone(&name));
        let id = client_id(config.client_id.as_ref(), &name);
        context.names.client_ids.push(Arc::from(id));
        records += u64::from(plan.count);
        if plan.keep_payload {
            payload += u64::from(plan.count) * u64::from(plan.value_size);
        }
        producers.push(ProducerSpec { name, plan, config });
    }
    let made = |producer: &ProducerSpec| u64::from(producer.plan.behaviour.producers);
    let count = producers.iter().map(made).sum();
    too_many(
        top,
        "producers",
        "producers",
        count,
        MAX_PRODUCERS,
        problems,
    );
    too_many(top, "producers", "records", records, MAX_RECORDS, problems);
    too_many(
        top,
        "producers",
        "bytes of values that are kept",
        payload,
        MAX_PAYLOAD,
        problems,
    );
    producers
}

/// A host's name is its own, and none that nodes and selectors have already.
fn check_host_name(entry: &Entry, names: &Names, problems: &mut Problems) {
    let name = entry.key.as_str();
    let numbered = |prefix| {
        name.strip_prefix(prefix).is_some_and(|rest: &str| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let selects =
        ["controller", "here"].contains(&name) || Set::ALL.iter().any(|set| set.name() == name);
    if numbered("b") || numbered("c") || selects {
        problems.add(
            entry.place,
            Problem::BadName {
                kind: "a producer",
                name: name.to_owned(),
                help: "b1, b2, … are brokers, c1, c2, … controllers; `controller`, `here`, \
                       `brokers`, `controllers` and `site` are selectors",
            },
        );
    } else if names.host(name).is_some() {
        let (name, by) = (name.to_owned(), "another host".to_owned());
        problems.add(entry.place, Problem::NameTaken { name, by });
    }
}

fn plan(
    reader: &Reader<'_>,
    index: usize,
    first: u64,
    context: &Context<'_>,
    problems: &mut Problems,
) -> SendPlan {
    let topic = reader
        .text("topic", problems)
        .and_then(|name| context.names.topic(name, problems));
    let (topic, partitions) = topic.unwrap_or((TopicId(0), 1));
    let start = start(reader, context.run_for, problems);
    let rate = reader.form("rate", "a rate, as in \"80/s\"", problems, value::rate);
    let poisson = reader.word("arrivals", problems) == Some("poisson");
    let arrivals = match rate {
        Some(Rate::Every(mean)) if poisson => Arrivals::Poisson { mean },
        Some(Rate::Every(period)) => Arrivals::Every { period },
        Some(Rate::Flood) | None => Arrivals::Flood,
    };
    if poisson && rate == Some(Rate::Flood) {
        let (what, why) = (
            reader.name("arrivals"),
            "a flood has no rate to be random".to_owned(),
        );
        let help = None;
        problems.add(
            reader.place("arrivals"),
            Problem::BadValue { what, why, help },
        );
    }
    let span = context.run_for.map(|run_for| run_for.saturating_sub(start));
    SendPlan {
        sender: SenderId(index as u32),
        topic,
        partitions,
        first: RecordId(u32::try_from(first).unwrap_or(u32::MAX)),
        count: count(reader, rate, span, problems),
        start,
        arrivals,
        keys: keys(reader, problems).unwrap_or(Keys::Null),
        behaviour: behaviour(reader, problems),
        placement: placement(reader, partitions, problems),
        compression_ratio: compression_ratio(reader, problems),
        value_size: reader.bytes("value_size", problems).unwrap_or(0) as u32,
        keep_payload: reader.word("payload", problems) == Some("bytes"),
    }
}

fn start(
    reader: &Reader<'_>,
    run_for: Option<SimDuration>,
    problems: &mut Problems,
) -> SimDuration {
    let start = reader.duration("start", problems).unwrap_or_default();
    if let Some(run_for) = run_for.filter(|run_for| start >= *run_for) {
        problems.add(
            reader.place("start"),
            Problem::AfterEnd {
                what: reader.name("start"),
                run_for: run_for.to_string(),
                help: "start it earlier, or run longer",
            },
        );
    }
    start
}

/// How many records: as given, else as many as the rate gives until `run_for`.
fn count(
    reader: &Reader<'_>,
    rate: Option<Rate>,
    span: Option<SimDuration>,
    problems: &mut Problems,
) -> u32 {
    let given = reader.count("count", problems);
    if given.is_some() || reader.item("count").is_some() {
        return given.unwrap_or(1) as u32;
    }
    let Some(Rate::Every(period)) = rate else {
        if rate == Some(Rate::Flood) {
            problems.add(
                reader.place("rate"),
                Problem::MissingKey {
                    key: "count".to_owned(),
                    table: format!("a flood, {},", reader.name("rate")),
                    example: "count = 1000".to_owned(),
                },
            );
        }
        return 1;
    };
    // Without a start before `run_for` there is nothing to count.
    let Some(span) = span.filter(|span| !span.is_zero()) else {
        return 1;
    };
    let count = span.as_nanos().checked_div(period.as_nanos()).unwrap_or(0);
    if !(1..=MAX_RECORDS).contains(&count) {
        problems.add(
            reader.place("rate"),
            Problem::OutOfRange {
                what: format!("the count that {} gives by `run_for`", reader.name("rate")),
                value: value::grouped(count),
                range: format!("1 to {}", value::grouped(MAX_RECORDS)),
            },
        );
    }
    count.min(MAX_RECORDS) as u32
}

fn keys(reader: &Reader<'_>, problems: &mut Problems) -> Option<Keys> {
    let expected = "\"none\", { uniform = N } or { cycle = N }";
    let Some((item, table)) = reader
        .item("keys")
        .and_then(|item| Some((item, item.table()?)))
    else {
        return reader.form("keys", expected, problems, |text| match text {
            "none" => Ok(Keys::Null),
            _ => Err(format!("keys are {expected}")),
        });
    };
    let forms = Reader::new(
        table,
        item.place,
        &reader.name("keys").replace('`', ""),
        &KEYS,
        problems,
    );
    let uniform = forms.count("uniform", problems);
    let cycle = forms.count("cycle", problems);
    match (uniform, cycle) {
        (Some(count), None) => Some(Keys::Uniform {
            count: count as u32,
        }),
        (None, Some(count)) => Some(Keys::Cycle {
            count: count as u32,
        }),
        (None, None) if !table.entries.is_empty() => None,
        (None, None) | (Some(_), Some(_)) => {
            problems.add(
                item.place,
                Problem::BadValue {
                    what: reader.name("keys"),
                    why: "it says either `uniform` or `cycle`".to_owned(),
                    help: Some("for example, keys = { uniform = 10000 }".to_owned()),
                },
            );
            None
        }
    }
}

fn compression_ratio(reader: &Reader<'_>, problems: &mut Problems) -> Ratio {
    let ratio = reader.form("compression_ratio", "a share", problems, |text| {
        let ratio = Ratio::parse(text).map_err(|error| error.to_string())?;
        if ratio < Ratio::percent(1) || ratio > Ratio::percent(200) {
            return Err("records shrink to 1% at least and grow to 200% at most".to_owned());
        }
        Ok(ratio)
    });
    ratio.unwrap_or(Ratio::ONE)
}

fn behaviour(reader: &Reader<'_>, problems: &mut Problems) -> Behaviour {
    let on_error = reader.table("on_error", problems).map(|(table, place)| {
        let path = reader.name("on_error").replace('`', "");
        let on_error = Reader::new(table, place, &path, &ON_ERROR, problems);
        OnError {
            resend: on_error.count_u32("resend", problems),
            wait: on_error.duration("wait", problems).unwrap_or_default(),
        }
    });
    let flush_every = reader.count("flush_every", problems);
    let threads = reader.count_u32("threads", problems);
    Behaviour {
        threads,
        producers: producers_of(reader, threads, problems),
        send: match reader.word("send", problems) {
            Some("sync") => SendMode::Sync,
            Some(_) | None => SendMode::Async,
        },
        flush_every: flush_every.map(|every| every as u32),
        on_error: on_error.unwrap_or_default(),
        on_restart: match reader.word("on_restart", problems) {
            Some("resend") => OnRestart::Resend,
            Some(_) | None => OnRestart::Next,
        },
    }
}

/// How many producers the threads use: none has less than a thread.
fn producers_of(reader: &Reader<'_>, threads: u32, problems: &mut Problems) -> u32 {
    let producers = reader.count_u32("producers", problems);
    if producers > threads {
        let have = if threads == 1 {
            "one thread".to_owned()
        } else {
            format!("{threads} threads")
        };
        problems.add(
            reader.place("producers"),
            Problem::BadValue {
                what: reader.name("producers"),
                why: format!("{producers} producers are too many for {have}"),
                help: Some(format!(
                    "a thread uses one producer: threads = {producers}, or producers = {threads}"
                )),
            },
        );
    }
    producers
}

/// Who chooses partitions; a number is a partition of the topic.
fn placement(reader: &Reader<'_>, partitions: u32, problems: &mut Problems) -> Placement {
    let expected = "\"partitioner\", \"key_modulo\", a number or an array of numbers";
    let item = reader.item("partition");
    let mut partition = |item: &Item| {
        let range = (0, u64::from(partitions.max(1) - 1));
        count_of(item, &reader.name("partition"), range, problems).unwrap_or(0) as u32
    };
    match item.map(|item| (item, &item.value)) {
        Some((item, Value::Integer(_))) => Placement::Fixed(partition(item)),
        Some((_, Value::Array(items))) if !items.is_empty() => {
            Placement::Listed(items.iter().map(partition).collect())
        }
        _ => {
            let placement = reader.form("partition", expected, problems, |text| match text {
                "partitioner" => Ok(Placement::Partitioner),
                "key_modulo" => Ok(Placement::KeyModulo),
                _ => Err(format!("it is {expected}")),
            });
            placement.unwrap_or(Placement::Partitioner)
        }
    }
}

/// Reads `[groups]`.
pub(in crate::scenario) fn groups(
    top: &Reader<'_>,
    context: &mut Context<'_>,
    problems: &mut Problems,
) -> Vec<GroupSpec> {
    let mut groups = Vec::new();
    let mut all_members = 0_u64;
    for (entry, table) in named(top, "groups", "a group", problems) {
        let path = format!("groups.{}", entry.key);
        let reader = Reader::new(table, entry.item.place, &path, &GROUP, problems);
        let members = reader.count_u32("members", problems);
        all_members += u64::from(members);
        check_protocol(&reader, problems);
        let earliest = [("auto.offset.reset", ConfigValue::Text("earliest"))];
        let config = reader.table("config", problems);
        let config = config::lower(&path, config, &earliest, context.refusals, problems);
        let name: Arc<str> = Arc::from(entry.key.as_str());
        check_member_names(entry, members, context.names, problems);
        context.names.groups.push((Arc::clone(&name), members));
        let members = read_plans(&reader, groups.len(), members, context, problems);
        let config: ConsumerConfig = context.refused.or_default(config);
        let id = client_id(config.client_id.as_ref(), &name);
        context.names.client_ids.push(Arc::from(id));
        groups.push(GroupSpec {
            name,
            members,
            config,
        });
    }
    too_many(
        top,
        "groups",
        "members of groups",
        all_members,
        MAX_MEMBERS,
        problems,
    );
    groups
}

/// Members are hosts beside the producers.
fn check_member_names(entry: &Entry, members: u32, names: &Names, problems: &mut Problems) {
    for member in 1..=members {
        let name = format!("{}-{member}", entry.key);
        if names.host(&name).is_some() {
            let by = "another host".to_owned();
            problems.add(entry.place, Problem::NameTaken { name, by });
            return;
        }
    }
}

fn check_protocol(reader: &Reader<'_>, problems: &mut Problems) {
    let coordinated = reader
        .item("protocol")
        .and_then(|item| Some((item, item.text()?)))
        .filter(|(_, text)| COORDINATED.contains(text));
    match coordinated {
        Some((item, text)) => {
            let what = format!("protocol = \"{text}\"");
            problems.add(item.place, Problem::NoGroupProtocol { what });
        }
        None => {
            reader.word("protocol", problems);
        }
    }
}

/// What each member does: partitions go round the members.
fn read_plans(
    reader: &Reader<'_>,
    group: usize,
    members: u32,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Vec<ReadPlan> {
    let partitions = partitions(reader, context.names, problems);
    let start = start(reader, context.run_for, problems);
    let start_at = reader.item("start_at").and_then(|_| {
        let form = "a time, as in \"-1h\" or \"10s\"";
        reader.form("start_at", form, problems, value::start_at)
    });
    let handler = reader.table("handler", problems).map(|(table, place)| {
        let path = reader.name("handler").replace('`', "");
        let handler = Reader::new(table, place, &path, &HANDLER, problems);
        handler.duration("takes", problems).unwrap_or_default()
    });
    let pauses = pauses(reader, problems);
    let racks: Vec<Arc<str>> = match reader.item("racks") {
        Some(_) => reader.texts("racks", problems),
        None => Vec::new(),
    }
    .iter()
    .map(|rack| Arc::from(rack.text))
    .collect();
    let stride = members.max(1) as usize;
    (0..members)
        .map(|member| ReadPlan {
            group: GroupId(group as u32),
            member,
            partitions: partitions
                .iter()
                .skip(member as usize)
                .step_by(stride)
                .copied()
                .collect(),
            rack: racks.iter().cycle().nth(member as usize).cloned(),
            start,
            start_at,
            handler: handler.unwrap_or_default(),
            pauses: pauses.clone(),
        })
        .collect()
}

fn partitions(reader: &Reader<'_>, names: &Names, problems: &mut Problems) -> Vec<TopicPartition> {
    let mut topics = BTreeSet::new();
    let given = reader.texts("topics", problems);
    if given.is_empty() && reader.item("topics").is_some_and(|item| {
        matches!(&item.value, crate::scenario::tree::Value::Array(items) if items.is_empty())
    }) {
        let (what, help) = (reader.name("topics"), None);
        let why = "a group reads at least one topic".to_owned();
        problems.add(reader.place("topics"), Problem::BadValue { what, why, help });
    }
    for name in given {
        let Some((topic, partitions)) = names.topic(name, problems) else {
            continue;
        };
        if !topics.insert((topic, partitions)) {
            let (what, help) = (reader.name("topics"), None);
            let why = format!("`{}` stands there twice", name.text);
            problems.add(name.place, Problem::BadValue { what, why, help });
        }
    }
    topics
        .into_iter()
        .flat_map(|(topic, partitions)| {
            (0..partitions).map(move |partition| TopicPartition { topic, partition })
        })
        .collect()
}

fn pauses(reader: &Reader<'_>, problems: &mut Problems) -> Vec<(SimDuration, SimDuration)> {
    let Some(item) = reader.item("pauses") else {
        return Vec::new();
    };
    let what = reader.name("pauses");
    let mut pauses: Vec<(SimDuration, SimDuration)> = Vec::new();
    for text in texts(item, &what, problems) {
        let earliest = pauses.last().map_or(SimDuration::ZERO, |(_, to)| *to);
        match pause(text, earliest) {
            Ok(pause) => pauses.push(pause),
            Err(why) => {
                let what = format!("{what} has \"{}\"", text.text);
                let help = Some("for example, pauses = [\"10s..20s\"]".to_owned());
                problems.add(text.place, Problem::BadValue { what, why, help });
            }
        }
    }
    pauses
}

fn pause(text: Text<'_>, earliest: SimDuration) -> Result<(SimDuration, SimDuration), String> {
    match value::instant(text.text)? {
        Instant::At(_) => Err("a pause is a range, as in \"10s..20s\"".to_owned()),
        Instant::Between(from, _) if from < earliest => {
            Err("pauses follow one another in order of time".to_owned())
        }
        Instant::Between(_, to) if to > LONGEST => Err(format!("a pause ends by {LONGEST}")),
        Instant::Between(from, to) => Ok((from, to)),
    }
}
