//! The numbers of an outcome by their public names: what claims, tables and JSON may speak of.
//!
//! `lost` and the other words of the audit stand alone; `groups.billing.max_lag` belongs to a
//! group; `faults.crash.hit` is 1 or 0; all else are the run's own metrics.

use std::collections::BTreeSet;

use crate::check::tally::{GroupTally, Tally};
use crate::run::Outcome;

/// The words of the audit, in the order of the table.
pub fn delivery(tally: &Tally) -> [(&'static str, u64); 12] {
    [
        ("sent", tally.sent),
        ("acked", tally.acked),
        ("refused", tally.refused),
        ("unknown", tally.unknown),
        ("told_timeout", tally.told_timeout),
        ("readable", tally.readable),
        ("lost", tally.lost),
        ("expired", tally.expired),
        ("duplicated", tally.duplicated),
        ("reordered", tally.reordered),
        ("reordered_keys", tally.reordered_keys),
        ("late", tally.late),
    ]
}

/// The words of a group.
pub fn group(tally: &GroupTally) -> [(&'static str, u64); 7] {
    [
        ("processed", tally.processed),
        ("reprocessed", tally.reprocessed),
        ("skipped", tally.skipped),
        ("unread_expired", tally.unread_expired),
        ("max_lag", tally.max_lag),
        ("rebalances", tally.rebalances),
        ("paused_partition_ms", tally.paused_partition_ms),
    ]
}

/// Every number of an outcome, in a fixed order: the audit, groups, faults, how it ended, the rest.
/// None when Kafka refused the configuration.
pub fn all(outcome: &Outcome) -> Vec<(String, i64)> {
    if outcome.refused.is_some() {
        return Vec::new();
    }
    let mut found: Vec<(String, i64)> = delivery(&outcome.delivery)
        .map(|(word, count)| (word.to_owned(), signed(count)))
        .to_vec();
    for (name, tally) in &outcome.groups {
        let words = group(tally);
        found.extend(words.map(|(word, count)| (format!("groups.{name}.{word}"), signed(count))));
    }
    for fault in &outcome.faults {
        found.push((format!("faults.{}.hit", fault.id), i64::from(fault.hit)));
    }
    found.push(("events".to_owned(), signed(outcome.events)));
    found.push(("virtual_ns".to_owned(), signed(outcome.ended_at.as_nanos())));
    found.push(("violations".to_owned(), outcome.violations.len() as i64));
    found.push(("unsettled".to_owned(), i64::from(!outcome.settled)));
    for (name, value) in &outcome.metrics {
        found.push((name.clone(), *value));
    }
    found
}

/// One number by its name; none where there is no such number.
pub fn find(outcome: &Outcome, name: &str) -> Option<i64> {
    if outcome.refused.is_some() {
        return None;
    }
    if let Some(value) = outcome.metrics.get(name) {
        return Some(*value);
    }
    if let Some((_, count)) = delivery(&outcome.delivery)
        .iter()
        .find(|(word, _)| *word == name)
    {
        return Some(signed(*count));
    }
    all(outcome)
        .into_iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

/// How many records a word was counted over: none where the name says nothing about records.
/// A comparison of such a word over nothing has compared nothing.
pub fn population(outcome: &Outcome, name: &str) -> Option<u64> {
    let tally = &outcome.delivery;
    if let Some((group, word)) = name
        .strip_prefix("groups.")
        .and_then(|rest| rest.rsplit_once('.'))
    {
        let group = outcome.groups.get(group)?;
        return match word {
            "reprocessed" | "skipped" => Some(group.processed),
            "processed" | "max_lag" | "unread_expired" => Some(tally.sent),
            _ => None,
        };
    }
    match name {
        "lost" => Some(tally.acked),
        "duplicated" | "reordered" | "reordered_keys" | "late" => Some(tally.readable),
        "acked" | "refused" | "unknown" | "told_timeout" | "readable" | "expired" => {
            Some(tally.sent)
        }
        _ => None,
    }
}

/// True when a seed is the worse the smaller this number is.
pub fn less_is_worse(name: &str) -> bool {
    let word = name.rsplit('.').next().unwrap_or(name);
    matches!(word, "sent" | "acked" | "readable" | "processed" | "hit")
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).expect("nothing is counted up to 2^63")
}
/// The groups of all variants, by name.
pub(super) fn group_names<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Vec<&'a str> {
    let outcomes = outcomes.into_iter();
    let names: BTreeSet<&str> = outcomes
        .flat_map(|outcome| outcome.lag.keys().map(|name| &**name))
        .collect();
    names.into_iter().collect()
}
