//! `[quotas.NAME]` and `alter_quotas`: what a client.id may take of each broker, read and written.

use std::sync::Arc;

use crate::cluster::spec::{ClusterSpec, QuotaSpec};
use crate::kafka::api::admin::AdminRequest;
use crate::kafka::quota::{Entity, Limits, QuotaChange, QuotaType};
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::keys::quotas::{ALTERED, QUOTA};
use crate::scenario::lower::named;
use crate::scenario::names::Names;
use crate::scenario::reader::{Reader, wrong_type};
use crate::scenario::tree::{Entry, Place};
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
        check(&entry.key, entry.place, names, problems);
        quotas.clients.push((Arc::from(&*entry.key), limits));
    }
    quotas
}

/// Notes a client.id that nobody has.
fn check(name: &str, place: Place, names: &Names, problems: &mut Problems) {
    let known = clients(names);
    if !known.iter().any(|known| known == name) {
        let (kind, name) = ("client.id", name.to_owned());
        problems.add(place, Problem::UnknownName { kind, name, known });
    }
}

/// Takes a quota back.
const OFF: &str = "off";

const EXAMPLE: &str = "alter_quotas = { client = \"p1\", producer_byte_rate = \"1MB/s\" }";

/// Reads what an event does to somebody's quotas.
pub(in crate::scenario) fn alteration(
    reader: &Reader<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Option<AdminRequest> {
    let item = reader.item("alter_quotas")?;
    let Some(table) = item.table() else {
        let what = reader.name("alter_quotas");
        let expected = "a table, as in { client = \"p1\", producer_byte_rate = \"1MB/s\" }";
        problems.add(item.place, wrong_type(what, expected, item));
        return None;
    };
    let is_off = |entry: &Entry| {
        entry.item.text() == Some(OFF) && QuotaType::ALL.iter().any(|q| q.name() == entry.key)
    };
    let mut set = table.clone();
    set.entries.retain(|entry| !is_off(entry));
    let path = reader.name("alter_quotas");
    let before = problems.count();
    let inner = Reader::new(&set, item.place, path.trim_matches('`'), &ALTERED, problems);
    let limits = limits(&inner, problems);
    let client = inner.text("client", problems);
    if let Some(client) = client.filter(|client| client.text != DEFAULT) {
        check(client.text, client.place, names, problems);
    }
    let changes: Vec<QuotaChange> = (QuotaType::ALL.into_iter())
        .filter(|quota| table.get(quota.name()).is_some())
        .map(|quota| QuotaChange {
            quota,
            value: limits.value(quota),
        })
        .collect();
    if table.entries.iter().all(|entry| entry.key == "client") {
        let why = "it changes no quota".to_owned();
        let help = Some(format!("for example, {EXAMPLE}"));
        let what = path;
        problems.add(item.place, Problem::BadValue { what, why, help });
    }
    if problems.count() > before {
        return None;
    }
    let client = client?.text;
    Some(AdminRequest::AlterClientQuotas {
        entity: (client != DEFAULT).then(|| Arc::from(client)),
        changes: changes.into(),
    })
}

/// What an event does to somebody's quotas, as a file gives it.
pub(in crate::scenario) fn altered(
    entity: &Entity,
    changes: &[QuotaChange],
) -> Vec<(&'static str, String)> {
    let client = entity.as_deref().unwrap_or(DEFAULT).to_owned();
    let mut all = vec![("client", client)];
    for change in changes {
        let mut limits = Limits::default();
        limits.change(*change);
        let name = change.quota.name();
        let value = written(&limits).pop().map(|(_, value)| value);
        all.push((name, value.unwrap_or_else(|| OFF.to_owned())));
    }
    all
}

/// The same in words.
pub(in crate::scenario) fn explain(entity: &Entity, changes: &[QuotaChange]) -> String {
    let whose = match entity {
        Some(client) => format!("client.id {client}"),
        None => "every client.id without one of its own".to_owned(),
    };
    let changes = altered(&None, changes);
    let (set, off): (Vec<_>, Vec<_>) = (changes[1..].iter()).partition(|(_, value)| value != OFF);
    let mut parts: Vec<String> = (set.iter())
        .map(|(name, value)| format!("sets {name} of {whose} to {value}"))
        .collect();
    let off = off.iter();
    parts.extend(off.map(|(name, _)| format!("takes {name} of {whose} away")));
    format!("an administrator {}", parts.join(" and "))
}

/// All client.ids of a scenario, and the word for those without a table.
fn clients(names: &Names) -> Vec<String> {
    let clients = names.client_ids.iter().map(ToString::to_string);
    clients
        .chain([ClusterSpec::TOOLS, DEFAULT].map(str::to_owned))
        .collect()
}

pub(in crate::scenario) fn limits(reader: &Reader<'_>, problems: &mut Problems) -> Limits {
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
