//! `[quotas.NAME]`: what a client.id may take of each broker, read and written.

use std::sync::Arc;

use crate::cluster::spec::{ClusterSpec, QuotaSpec};
use crate::kafka::quota::{Limits, QuotaType};
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::keys::quotas::QUOTA;
use crate::scenario::lower::named;
use crate::scenario::names::Names;
use crate::scenario::reader::Reader;
use crate::scenario::value;
use crate::sim::ratio::Ratio;

/// The table of every client.id that has none of its own.
pub(in crate::scenario) const DEFAULT: &str = "default";
/// The least request_percentage.
const LEAST: Ratio = Ratio::percent(1);
/// The most: a thousand threads.
const MOST: Ratio = Ratio::percent(100_000);

/// Reads `[quotas]`.
pub(in crate::scenario) fn lower(
    top: &Reader<'_>,
    names: &Names,
    problems: &mut Problems,
) -> QuotaSpec {
    let mut quotas = QuotaSpec::default();
    for (entry, table) in named(top, "quotas", "a client.id", problems) {
        let path = format!("quotas.{}", entry.key);
        let reader = Reader::new(table, entry.item.place, &path, &QUOTA, problems);
        let limits = limits(&reader, problems);
        if entry.key == DEFAULT {
            quotas.default = limits;
            continue;
        }
        let known = clients(names);
        if !known.contains(&entry.key) {
            let (kind, name) = ("client.id", entry.key.clone());
            problems.add(entry.place, Problem::UnknownName { kind, name, known });
        }
        quotas.clients.push((Arc::from(&*entry.key), limits));
    }
    quotas
}

/// All client.ids of a scenario, and the word for those without a table.
fn clients(names: &Names) -> Vec<String> {
    let producers = names.producers.iter().map(ToString::to_string);
    let groups = names.groups.iter().map(|(group, _)| group.to_string());
    producers
        .chain(groups)
        .chain([ClusterSpec::TOOLS, DEFAULT].map(str::to_owned))
        .collect()
}

fn limits(reader: &Reader<'_>, problems: &mut Problems) -> Limits {
    let mut rate = |key: &str| {
        let given = reader.item(key).is_some();
        given.then(|| reader.bytes(key, problems)).flatten()
    };
    Limits {
        producer_byte_rate: rate(QuotaType::Produce.name()),
        consumer_byte_rate: rate(QuotaType::Fetch.name()),
        request_percentage: percentage(reader, problems),
    }
}

fn percentage(reader: &Reader<'_>, problems: &mut Problems) -> Option<Ratio> {
    let key = QuotaType::Request.name();
    reader.item(key)?;
    reader.form(key, "a share of one thread", problems, |text| {
        let share = Ratio::parse(text).map_err(|error| error.to_string())?;
        if share < LEAST || share > MOST {
            return Err(format!("it is from {LEAST} to {MOST}"));
        }
        Ok(share)
    })
}

/// The quotas of a client.id as a file gives them.
pub(in crate::scenario) fn written(limits: &Limits) -> Vec<(&'static str, String)> {
    let rate = |quota: QuotaType, bytes: Option<u64>| {
        bytes.map(|bytes| (quota.name(), value::print_bandwidth(bytes)))
    };
    let share = limits.request_percentage.map(|share| {
        let name = QuotaType::Request.name();
        (name, share.to_string())
    });
    [
        rate(QuotaType::Produce, limits.producer_byte_rate),
        rate(QuotaType::Fetch, limits.consumer_byte_rate),
        share,
    ]
    .into_iter()
    .flatten()
    .collect()
}
