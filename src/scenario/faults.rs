//! `[faults]`: random faults, read and written.

use std::sync::Arc;

use crate::fault::random::{Kind, Preset, RandomFaults};
use crate::fault::{Node, Target};
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::keys::faults::FAULTS;
use crate::scenario::names::Names;
use crate::scenario::reader::{Reader, Text};
use crate::scenario::selector;
use crate::scenario::tree::{Place, Table, Value};
use crate::scenario::value::{self, Instant, Rate};
use crate::sim::time::SimDuration;

/// What claims call all random faults together.
pub const TOGETHER: &str = "faults";

/// True for an id that a random fault may get.
pub(in crate::scenario) fn is_taken(id: &str) -> bool {
    let number = id.strip_prefix("random-");
    id == TOGETHER || number.is_some_and(|n| n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads the table.
pub(in crate::scenario) fn lower(
    table: Option<(&Table, Place)>,
    names: &Names,
    problems: &mut Problems,
) -> Option<RandomFaults> {
    let (table, place) = table?;
    let reader = Reader::new(table, place, "faults", &FAULTS, problems);
    let like = reader.word("like", problems).and_then(Preset::find);
    let mut faults = like.unwrap_or(Preset::Light).faults();
    if reader.item("kinds").is_some() {
        faults.kinds = kinds(&reader, problems);
    }
    if let Some(every) = reader.item("rate").and_then(|_| rate(&reader, problems)) {
        faults.every = every;
    }
    if let Some(lasts) = reader.item("for").and_then(|_| lasts(&reader, problems)) {
        faults.lasts = lasts;
    }
    if reader.item("at_once").is_some() {
        faults.at_once = reader.count_u32("at_once", problems);
    }
    if reader.item("max").is_some() {
        faults.max = reader.count_u32("max", problems);
    }
    if reader.item("among").is_some() {
        faults.among = among(&reader, names, problems);
    }
    let fits = |kind: &Kind| kind.breaks() <= faults.at_once;
    if !faults.kinds.is_empty() && !faults.kinds.iter().any(fits) {
        let what = reader.name("at_once");
        let why = "each of these kinds breaks two nodes, and one is the most".to_owned();
        let help = Some("for example, at_once = 2".to_owned());
        problems.add(
            reader.place("at_once"),
            Problem::BadValue { what, why, help },
        );
    }
    Some(faults)
}

fn kinds(reader: &Reader<'_>, problems: &mut Problems) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    let texts = reader.texts("kinds", problems);
    let names_none = texts.is_empty() && problems.count() == 0;
    for Text { text, place } in texts {
        match Kind::ALL.into_iter().find(|kind| kind.name() == text) {
            Some(kind) => kinds.push(kind),
            None => problems.add(
                place,
                Problem::UnknownWord {
                    what: reader.name("kinds"),
                    word: text.to_owned(),
                    known: Kind::ALL
                        .iter()
                        .map(|kind| kind.name().to_owned())
                        .collect(),
                },
            ),
        }
    }
    if names_none {
        let what = reader.name("kinds");
        let (why, help) = (
            "nothing may break".to_owned(),
            Some("max = 0 switches it off".to_owned()),
        );
        problems.add(reader.place("kinds"), Problem::BadValue { what, why, help });
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn rate(reader: &Reader<'_>, problems: &mut Problems) -> Option<SimDuration> {
    reader.form(
        "rate",
        "a rate, as in \"1/10s\"",
        problems,
        |text| match value::rate(text)? {
            Rate::Every(every) if every >= SimDuration::from_millis(1) => Ok(every),
            Rate::Every(_) | Rate::Flood => Err("at most one a millisecond".to_owned()),
        },
    )
}

fn lasts(reader: &Reader<'_>, problems: &mut Problems) -> Option<(SimDuration, SimDuration)> {
    reader.form("for", "a duration or a range", problems, |text| {
        let (from, to) = match value::instant(text)? {
            Instant::At(span) => (span, span),
            Instant::Between(from, to) => (from, to),
        };
        if from.is_zero() {
            return Err("a fault lasts a while".to_owned());
        }
        Ok((from, to))
    })
}

fn among(reader: &Reader<'_>, names: &Names, problems: &mut Problems) -> Vec<Target> {
    let is_list = reader
        .item("among")
        .is_some_and(|i| matches!(i.value, Value::Array(_)));
    let texts = if is_list {
        reader.texts("among", problems)
    } else {
        reader.text("among", problems).into_iter().collect()
    };
    let mut targets = Vec::new();
    for text in texts {
        match selector::target(text, names, problems) {
            Some(Target::One(Node::Here)) => problems.add(text.place, Problem::HereWithoutMoment),
            target => targets.extend(target),
        }
    }
    targets
}

/// As [`lower`] reads it: all that it says.
pub(in crate::scenario) fn print(
    faults: &RandomFaults,
    topics: &[Arc<str>],
) -> Vec<(&'static str, Written)> {
    let (from, to) = faults.lasts;
    let lasts = if from == to {
        Instant::At(from)
    } else {
        Instant::Between(from, to)
    };
    let kinds = faults.kinds.iter().map(|kind| kind.name().to_owned());
    let among = faults
        .among
        .iter()
        .map(|target| selector::print_target(target, topics));
    let like = if faults.swarm { "swarm" } else { "light" };
    vec![
        ("like", Written::Text(like.to_owned())),
        ("kinds", Written::Texts(kinds.collect())),
        (
            "rate",
            Written::Text(value::print_rate(Rate::Every(faults.every))),
        ),
        ("for", Written::Text(value::print_instant(lasts))),
        ("at_once", Written::Number(faults.at_once)),
        ("max", Written::Number(faults.max)),
        ("among", Written::Texts(among.collect())),
    ]
}

/// A value of the table.
pub(in crate::scenario) enum Written {
    /// A string.
    Text(String),
    /// An array of strings.
    Texts(Vec<String>),
    /// A number.
    Number(u32),
}
