//! Claims: `lost >= 1 in >= 60% of seeds`, `p99 <= "acks=1".p99`, `hit crash`,
//! `refused_config acks`.
//!
//! Every name is checked here, before anything runs, and a time is turned into the metric's unit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::model::{Claim, ClaimKind, Comparison, Operand, SeedQuantifier};
use crate::scenario::reader::{Text, as_table, texts};
use crate::scenario::tree::{Item, Place};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;

/// The words of the audit.
pub const DELIVERY: [&str; 12] = [
    "sent",
    "acked",
    "refused",
    "unknown",
    "told_timeout",
    "readable",
    "lost",
    "expired",
    "duplicated",
    "reordered",
    "reordered_keys",
    "late",
];

/// The words of a group of readers.
pub const GROUP: [&str; 7] = [
    "processed",
    "reprocessed",
    "skipped",
    "unread_expired",
    "max_lag",
    "rebalances",
    "paused_partition_ms",
];

/// When the lag of a group was gone; absent where it was not.
pub const GROUP_TIMES: [&str; 2] = ["max_lag_gone_at_ns", "caught_up_at_ns"];

/// The other metrics of a run that stand alone; `report::metrics` and `run::metrics` fill them in.
pub const PLAIN: [&str; 36] = [
    "requests",
    "produce_requests",
    "fetch_requests",
    "bytes",
    "batches",
    "batch_bytes",
    "replicated_batches",
    "duplicates_detected",
    "produce_refused",
    "retries",
    "truncated_records",
    "elections",
    "unclean_elections",
    "isr_changes",
    "brokers_fenced",
    "position_resets",
    "config_changes",
    "commands_failed",
    "segments_rolled",
    "segments_deleted",
    "log_start_moves",
    "disk_reads",
    "disk_read_bytes",
    "log_dirs_failed",
    "disk_bytes_max",
    "disk_bytes_end",
    "throttled_ms",
    "request_queue_max",
    "request_queue_full",
    "unavailable_partition_ms",
    "unwritable_partition_ms",
    "untold",
    "events",
    "virtual_ns",
    "violations",
    "unsettled",
];

/// Beginnings of the names of latencies; a group has the second too.
const LATENCIES: [&str; 2] = ["ack", "e2e"];
/// Their ends.
const RANKS: [&str; 4] = ["p50_ns", "p99_ns", "p999_ns", "max_ns"];

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

const FORMS: &str = "a claim is \"METRIC OP NUMBER\", \"METRIC OP VARIANT.METRIC\", \"hit EVENT\" \
                     or \"refused_config NAME\", and a comparison may end in \"in all seeds\", \
                     \"in any seed\" or \"in >= 60% of seeds\"";

/// What claims may speak of.
#[derive(Debug, Default)]
pub(in crate::scenario) struct Vocabulary {
    /// The variants, the base first, with the events of each.
    pub(in crate::scenario) variants: Vec<(Arc<str>, BTreeSet<Arc<str>>)>,
    /// The groups of any variant.
    pub(in crate::scenario) groups: BTreeSet<Arc<str>>,
    /// The client.ids of any variant that Kafka accepts.
    pub(in crate::scenario) clients: BTreeSet<Arc<str>>,
    /// How many brokers those variants have at most.
    pub(in crate::scenario) brokers: u32,
}

/// The configs that variants claim to be refused for, before anything else is read.
pub(in crate::scenario) fn refusals(claims: Option<&Item>) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in claims
        .and_then(Item::table)
        .into_iter()
        .flat_map(|table| &table.entries)
    {
        let crate::scenario::tree::Value::Array(items) = &entry.item.value else {
            continue;
        };
        for text in items.iter().filter_map(Item::text) {
            if let Some(name) = text.trim().strip_prefix("refused_config ") {
                let names = found.entry(entry.key.clone()).or_default();
                names.insert(name.trim().to_owned());
            }
        }
    }
    found
}

/// Reads `[claims]`.
pub(in crate::scenario) fn lower(
    claims: Option<&Item>,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Vec<Claim> {
    let Some(table) = claims.and_then(|item| as_table(item, "`claims`", problems)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in &table.entries {
        let variant = vocabulary
            .variants
            .iter()
            .find(|(label, _)| **label == *entry.key);
        if variant.is_none() {
            let (name, known) = (entry.key.clone(), vocabulary.labels());
            let kind = "variant";
            problems.add(entry.place, Problem::UnknownName { kind, name, known });
        }
        for text in texts(
            &entry.item,
            &format!("`claims.\"{}\"`", entry.key),
            problems,
        ) {
            let claim = claim(
                text,
                variant.map(|(_, events)| events),
                vocabulary,
                problems,
            );
            if let (Some(kind), Some((label, _))) = (claim, variant) {
                found.push(Claim {
                    variant: Arc::clone(label),
                    text: Arc::from(text.text.trim()),
                    kind,
                });
            }
        }
    }
    found
}

impl Vocabulary {
    fn labels(&self) -> Vec<String> {
        self.variants
            .iter()
            .map(|(label, _)| label.to_string())
            .collect()
    }
}

/// Notes why a text is no claim.
fn bad<T>(place: Place, why: String, problems: &mut Problems) -> Option<T> {
    let help = FORMS.to_owned();
    problems.add(place, Problem::BadClaim { why, help });
    None
}

fn claim(
    text: Text<'_>,
    events: Option<&BTreeSet<Arc<str>>>,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Option<ClaimKind> {
    let claim = text.text.trim();
    if let Some(id) = claim.strip_prefix("hit ") {
        let id = id.trim();
        if let Some(events) = events.filter(|events| !events.contains(id)) {
            problems.add(
                text.place,
                Problem::UnknownName {
                    kind: "event",
                    name: id.to_owned(),
                    known: events.iter().map(ToString::to_string).collect(),
                },
            );
        }
        return Some(ClaimKind::Hit(Arc::from(id)));
    }
    if let Some(name) = claim.strip_prefix("refused_config ") {
        return Some(ClaimKind::RefusedConfig(Arc::from(name.trim())));
    }
    let (comparison, seeds) = match quantifier(claim) {
        Ok(split) => split,
        Err(why) => return bad(text.place, why, problems),
    };
    let Some((at, symbol, op)) = operator(comparison) else {
        let why = "it compares nothing: the comparisons are ==, !=, <, <=, > and >=".to_owned();
        return bad(text.place, why, problems);
    };
    let left = comparison[..at].trim();
    let right = comparison[at + symbol.len()..].trim();
    let metric = metric(left, text.place, vocabulary, problems);
    // What is compared with a misspelt metric has a problem of its own, or none.
    let right = operand(right, metric.as_deref(), text.place, vocabulary, problems);
    Some(ClaimKind::Compare {
        metric: metric?,
        op,
        right: right?,
        seeds,
    })
}

/// The first operator: metrics have none of its characters.
fn operator(comparison: &str) -> Option<(usize, &'static str, Comparison)> {
    let at = comparison.find(['=', '!', '<', '>'])?;
    COMPARISONS
        .iter()
        .find(|(symbol, _)| comparison[at..].starts_with(symbol))
        .map(|(symbol, op)| (at, *symbol, *op))
}

/// Takes the seeds off the end of a claim.
fn quantifier(claim: &str) -> Result<(&str, SeedQuantifier), String> {
    if let Some(rest) = claim.strip_suffix(" in all seeds") {
        return Ok((rest, SeedQuantifier::All));
    }
    if let Some(rest) = claim.strip_suffix(" in any seed") {
        return Ok((rest, SeedQuantifier::Any));
    }
    let share = claim
        .strip_suffix(" of seeds")
        .and_then(|rest| rest.rsplit_once(" in >="));
    let Some((rest, share)) = share else {
        return if claim.ends_with("seeds") || claim.ends_with("seed") {
            Err(
                "its end is none of \"in all seeds\", \"in any seed\", \"in >= 60% of seeds\""
                    .to_owned(),
            )
        } else {
            Ok((claim, SeedQuantifier::All))
        };
    };
    match Ratio::parse(share) {
        Ok(share) if share.is_probability() => Ok((rest, SeedQuantifier::AtLeast(share))),
        Ok(_) => Err("a share of seeds is at most 100%".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The name of a metric, if there is such a one.
fn metric(
    name: &str,
    place: Place,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Option<Arc<str>> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if name.is_empty() || !name.chars().all(fine) {
        let why = format!("`{name}` is no name of a metric");
        return bad(place, why, problems);
    }
    match name.split_once('.') {
        Some(("groups", rest)) => group_metric(rest, place, vocabulary, problems)?,
        Some((family, of)) => member_metric(name, family, of, place, vocabulary, problems)?,
        None => {
            let known =
                || (DELIVERY.into_iter().chain(PLAIN).map(str::to_owned)).chain(latencies());
            if !known().any(|word| word == name) {
                return unknown("metric", name, known().collect(), place, problems);
            }
        }
    }
    Some(Arc::from(name))
}

/// The names of all latencies.
fn latencies() -> impl Iterator<Item = String> {
    let ranks = |of| RANKS.into_iter().map(move |rank| format!("{of}_{rank}"));
    LATENCIES.into_iter().flat_map(ranks)
}

/// Notes that there is no such name.
fn unknown<T>(
    kind: &'static str,
    name: &str,
    known: Vec<String>,
    place: Place,
    problems: &mut Problems,
) -> Option<T> {
    let name = name.to_owned();
    problems.add(place, Problem::UnknownName { kind, name, known });
    None
}

/// `appended_records.b1`, `throttled_ms.p1` and `faults.crash.hit`.
fn member_metric(
    name: &str,
    family: &str,
    of: &str,
    place: Place,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Option<()> {
    let is_known = match family {
        "appended_records" => {
            let number = of
                .strip_prefix('b')
                .and_then(|number| number.parse::<u32>().ok());
            number.is_some_and(|number| (1..=vocabulary.brokers).contains(&number))
        }
        "throttled_ms" => vocabulary.clients.contains(of),
        "faults" => of.strip_suffix(".hit").is_some_and(|id| {
            let mut variants = vocabulary.variants.iter();
            variants.any(|(_, events)| events.contains(id))
        }),
        _ => false,
    };
    if is_known {
        return Some(());
    }
    let known = match family {
        "appended_records" => vec![format!("{family}.b1 to {family}.b{}", vocabulary.brokers)],
        "throttled_ms" => {
            let clients = vocabulary.clients.iter();
            clients.map(|client| format!("{family}.{client}")).collect()
        }
        _ => [
            "appended_records.b1",
            "throttled_ms.CLIENT",
            "faults.EVENT.hit",
            "groups.GROUP.max_lag",
        ]
        .map(str::to_owned)
        .to_vec(),
    };
    unknown("metric", name, known, place, problems)
}

fn group_metric(
    rest: &str,
    place: Place,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Option<()> {
    let Some((group, word)) = rest.rsplit_once('.') else {
        let why = "a metric of a group is groups.NAME.WORD".to_owned();
        return bad(place, why, problems);
    };
    let mut found = Some(());
    if !vocabulary.groups.contains(group) {
        let known = vocabulary.groups.iter().map(ToString::to_string).collect();
        found = unknown("group", group, known, place, problems);
    }
    let known: Vec<String> = (GROUP.into_iter().chain(GROUP_TIMES).map(str::to_owned))
        .chain(RANKS.map(|rank| format!("e2e_{rank}")))
        .collect();
    if !known.iter().any(|known| known == word) {
        return unknown("metric of a group", word, known, place, problems);
    }
    found
}

/// The unit of a metric that is a time, in nanoseconds.
pub(in crate::scenario) fn unit(metric: &str) -> Option<u64> {
    if metric.ends_with("_ns") {
        Some(1)
    } else if metric.ends_with("_ms") || metric.starts_with("throttled_ms.") {
        Some(1_000_000)
    } else {
        None
    }
}

/// A number, a duration in the unit of the metric that it is compared with (where that is known),
/// or a metric of another variant.
fn operand(
    text: &str,
    metric_compared: Option<&str>,
    place: Place,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Option<Operand> {
    let plain: String = text.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    if let Ok(number) = plain.parse() {
        return Some(Operand::Number(number));
    }
    if let Ok(span) = SimDuration::parse(text) {
        let metric_compared = metric_compared?;
        let Some(unit) = unit(metric_compared) else {
            let why = format!("`{text}` is a time, and {metric_compared} is none");
            return bad(place, why, problems);
        };
        if span.as_nanos() % unit != 0 {
            let why = format!("{metric_compared} is counted in ms, and `{text}` is finer");
            return bad(place, why, problems);
        }
        return match i64::try_from(span.as_nanos() / unit) {
            Ok(number) => Some(Operand::Number(number)),
            Err(_) => bad(place, format!("`{text}` is too long"), problems),
        };
    }
    let Some((label, rest)) = other_variant(text, vocabulary) else {
        let why = format!("`{text}` is no number, no duration and no VARIANT.METRIC");
        return bad(place, why, problems);
    };
    let Some(variant) = vocabulary
        .variants
        .iter()
        .find(|(known, _)| **known == *label)
    else {
        let (name, known) = (label.to_owned(), vocabulary.labels());
        let kind = "variant";
        problems.add(place, Problem::UnknownName { kind, name, known });
        return None;
    };
    Some(Operand::Metric {
        variant: Arc::clone(&variant.0),
        metric: metric(rest, place, vocabulary, problems)?,
    })
}

/// Splits `"acks=all".lost` or `acks=all.lost`; of several labels that fit, the longest counts.
fn other_variant<'t>(text: &'t str, vocabulary: &'t Vocabulary) -> Option<(&'t str, &'t str)> {
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            let (label, rest) = rest.split_once(quote)?;
            return Some((label, rest.strip_prefix('.')?));
        }
    }
    vocabulary
        .variants
        .iter()
        .filter_map(|(label, _)| Some((&**label, text.strip_prefix(&**label)?.strip_prefix('.')?)))
        .max_by_key(|(label, _)| label.len())
        .or_else(|| text.split_once('.'))
}
