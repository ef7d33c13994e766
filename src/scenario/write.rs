//! The file of a scenario: what a run has found becomes a file that people read and run again.
//!
//! What has its default is left out; a variant is what differs from the base. A variant that Kafka
//! refuses has no set-up to write, so it is left out with its claims.

use std::collections::BTreeSet;
mod timeline;

use std::sync::Arc;

use crate::cluster::spec::{
    ClusterSpec, GroupSpec, LatencySpec, ProducerSpec, QuotaSpec, TopicOrigin,
};
use crate::fault::Event;
use crate::kafka::config::value::ConfigValue;
use crate::kafka::config::{Component, Settings, value::Value as ConfigLeaf};
use crate::kafka::cpu::CpuCosts;
use crate::kafka::quota::Limits;
use crate::scenario::faults::{self, Written};
use crate::scenario::file;
use crate::scenario::keys::{self, Absent, TableDoc};
use crate::scenario::model::{Scenario, Setup};
use crate::scenario::print::document;
use crate::scenario::quotas;
use crate::scenario::tree::{Entry, Item, Place, Table, Value};
use crate::scenario::value::{self, Instant, Rate};
use crate::workload::{Arrivals, Behaviour, Keys, OnRestart, Placement, SendMode};

/// The canonical text of a scenario; none where a file cannot say it: the base is refused by
/// Kafka, or a variant lacks what the base has.
pub fn write(scenario: &Scenario) -> Option<String> {
    let mut expected = scenario.clone();
    expected.variants.retain(|variant| variant.setup.is_ok());
    let kept: BTreeSet<Arc<str>> = expected
        .variants
        .iter()
        .map(|variant| Arc::clone(&variant.name))
        .collect();
    expected
        .claims
        .retain(|claim| kept.contains(&claim.variant));
    let text = text(&expected)?;
    // The reader is the judge of what the writer can say.
    let read = file::parse(&scenario.name, &text, &[]).ok()?;
    (read == expected).then_some(text)
}

fn text(scenario: &Scenario) -> Option<String> {
    let mut variants = scenario.variants.iter();
    let base = variants.next()?;
    let base_setup = base.setup.as_ref().ok()?;
    let mut root = Table::default();
    put(&mut root, "question", text_value(&scenario.question));
    if !scenario.answers.is_empty() {
        put(
            &mut root,
            "answers",
            texts(scenario.answers.iter().map(|answer| &**answer)),
        );
    }
    if let Some(catalogue) = &scenario.catalogue {
        put(&mut root, "catalogue", text_value(catalogue));
    }
    put(
        &mut root,
        "seed",
        Value::Integer(Some(i64::try_from(scenario.seed).ok()?)),
    );
    put(&mut root, "base_label", text_value(&base.name));
    let full = set_up(base_setup, &Configs::of(base_setup, None));
    root.entries.extend(full.entries.iter().cloned());
    let mut overlays = Table::default();
    for variant in variants {
        let setup = variant.setup.as_ref().ok()?;
        let configs = Configs::of(setup, Some(base_setup));
        let mut overlay = difference(&full, &set_up(setup, &configs));
        overlay_timeline(&mut overlay, base_setup, setup);
        put(&mut overlays, &variant.name, Value::Table(overlay));
    }
    if !overlays.entries.is_empty() {
        put(&mut root, "variants", Value::Table(overlays));
    }
    prune(&mut root, &keys::top::TOP);
    claims(&mut root, scenario);
    let mut teach = Table::default();
    for (key, said) in [
        ("say", &scenario.teach.say),
        ("model", &scenario.teach.model),
    ] {
        if let Some(said) = said {
            put(&mut teach, key, text_value(said));
        }
    }
    if !teach.entries.is_empty() {
        put(&mut root, "teach", Value::Table(teach));
    }
    Some(join_lines(&root))
}

fn join_lines(root: &Table) -> String {
    let mut text = String::new();
    for line in document(root, None, &[]) {
        if line.apart {
            text.push('\n');
        }
        text.push_str(&" ".repeat(line.indent));
        text.push_str(&line.text);
        text.push('\n');
    }
    text
}

fn claims(root: &mut Table, scenario: &Scenario) {
    let mut claims = Table::default();
    for claim in &scenario.claims {
        if claims.get(&claim.variant).is_none() {
            let of_variant = scenario
                .claims
                .iter()
                .filter(|other| other.variant == claim.variant);
            put(
                &mut claims,
                &claim.variant,
                texts(of_variant.map(|claim| &*claim.text)),
            );
        }
    }
    if !claims.entries.is_empty() {
        put(root, "claims", Value::Table(claims));
    }
}

fn item(value: Value) -> Item {
    Item {
        place: Place::TOP,
        value,
    }
}

fn put(table: &mut Table, key: &str, value: Value) {
    table.put(Entry {
        key: key.to_owned(),
        place: Place::TOP,
        item: item(value),
    });
}

fn text_value(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn texts<'t>(texts: impl Iterator<Item = &'t str>) -> Value {
    Value::Array(texts.map(|text| item(text_value(text))).collect())
}

fn number(number: u32) -> Value {
    Value::Integer(Some(i64::from(number)))
}

/// The config tables of a set-up: what must be set to get each config.
struct Configs {
    broker: Table,
    topics: Vec<Table>,
    producers: Vec<Table>,
    groups: Vec<Table>,
}

impl Configs {
    /// Of a set-up; with a base, what must be set above it.
    fn of(setup: &Setup, base: Option<&Setup>) -> Self {
        let spec = &setup.cluster;
        let base = base.map(|base| (Self::of(base, None), &base.cluster));
        let under = base.as_ref().map(|(configs, _)| configs);
        let empty = Table::default();
        let group_presets = [("auto.offset.reset", ConfigValue::Text("earliest"))];
        let at = |tables: Option<&Vec<Table>>, index: usize| {
            tables
                .and_then(|tables| tables.get(index))
                .cloned()
                .unwrap_or_default()
        };
        Self {
            broker: config(
                &spec.broker_config,
                &[],
                under.map_or(&empty, |under| &under.broker),
            ),
            topics: (spec.topics.iter().enumerate())
                .map(|(i, topic)| config(&topic.config, &[], &at(under.map(|u| &u.topics), i)))
                .collect(),
            producers: (spec.producers.iter().enumerate())
                .map(|(i, producer)| {
                    config(&producer.config, &[], &at(under.map(|u| &u.producers), i))
                })
                .collect(),
            groups: (spec.groups.iter().enumerate())
                .map(|(i, group)| {
                    config(
                        &group.config,
                        &group_presets,
                        &at(under.map(|u| &u.groups), i),
                    )
                })
                .collect(),
        }
    }
}

/// The settings from which Kafka's own rules make `target`, over those of `under`: first what
/// differs from the defaults, then whatever a rule has derived otherwise.
fn config<C: Component>(target: &C, presets: &[(&str, ConfigValue<'_>)], under: &Table) -> Table {
    let mut table = under.clone();
    for _ in 0..=C::ENTRIES.len() {
        let Some(got) = resolved::<C>(presets, &table) else {
            break;
        };
        let mut settled = true;
        for entry in C::ENTRIES {
            let wanted = (entry.get)(target);
            if (entry.get)(&got) != wanted
                && let Some(wanted) = wanted
            {
                settled = false;
                put(&mut table, entry.name, leaf(wanted));
            }
        }
        if settled {
            break;
        }
    }
    table
}

fn resolved<C: Component>(presets: &[(&str, ConfigValue<'_>)], table: &Table) -> Option<C> {
    let mut settings = Settings::<C>::new();
    for (name, value) in presets {
        settings.set(name, *value).ok()?;
    }
    for entry in &table.entries {
        let value = match &entry.item.value {
            Value::Integer(Some(number)) => ConfigValue::Integer(*number),
            Value::Boolean(truth) => ConfigValue::Bool(*truth),
            Value::Text(text) => ConfigValue::Text(text),
            Value::Integer(None)
            | Value::Float(_)
            | Value::Datetime
            | Value::Array(_)
            | Value::Table(_) => return None,
        };
        settings.set(&entry.key, value).ok()?;
    }
    // What contradicts itself on the way is shown by the values themselves.
    Some(
        settings
            .resolve()
            .unwrap_or_else(|_| settings.values().clone()),
    )
}

fn leaf(value: ConfigLeaf) -> Value {
    match value {
        ConfigLeaf::Integer(number) => Value::Integer(Some(number)),
        ConfigLeaf::Bool(truth) => Value::Boolean(truth),
        ConfigLeaf::ByDuration(_) | ConfigLeaf::Text(_) => text_value(&value.to_string()),
        ConfigLeaf::Word(word) => match word.parse() {
            Ok(number) => Value::Integer(Some(number)),
            Err(_) => text_value(word),
        },
    }
}

/// A set-up in full: nothing is left to defaults but configs.
fn set_up(setup: &Setup, configs: &Configs) -> Table {
    let spec = &setup.cluster;
    let mut root = Table::default();
    put(&mut root, "run_for", text_value(&setup.run_for.to_string()));
    put(
        &mut root,
        "drain_for",
        text_value(&setup.drain_for.to_string()),
    );
    let topics: Vec<_> = spec
        .topics
        .iter()
        .map(|topic| Arc::clone(&topic.name))
        .collect();
    put(
        &mut root,
        "timeline",
        timeline::events(&setup.timeline, &topics),
    );
    if let Some(faults) = &setup.faults {
        let mut table = Table::default();
        for (key, written) in faults::print(faults, &topics) {
            let value = match written {
                Written::Text(text) => text_value(&text),
                Written::Texts(list) => texts(list.iter().map(String::as_str)),
                Written::Number(count) => number(count),
            };
            put(&mut table, key, value);
        }
        put(&mut root, "faults", Value::Table(table));
    }
    put(
        &mut root,
        "cluster",
        Value::Table(cluster_table(spec, configs)),
    );
    put(
        &mut root,
        "topics",
        Value::Table(topic_tables(spec, configs)),
    );
    let mut producers = Table::default();
    for (producer, config) in spec.producers.iter().zip(&configs.producers) {
        let table = producer_table(producer, &topics, config);
        put(&mut producers, &producer.name, Value::Table(table));
    }
    put(&mut root, "producers", Value::Table(producers));
    let mut groups = Table::default();
    for (group, config) in spec.groups.iter().zip(&configs.groups) {
        let table = group_table(group, &topics, config);
        put(&mut groups, &group.name, Value::Table(table));
    }
    put(&mut root, "groups", Value::Table(groups));
    put(
        &mut root,
        "quotas",
        Value::Table(quota_tables(&spec.quotas)),
    );
    assumptions(&mut root, spec);
    root
}

fn cluster_table(spec: &ClusterSpec, configs: &Configs) -> Table {
    let mut cluster = Table::default();
    put(&mut cluster, "brokers", number(spec.brokers));
    put(&mut cluster, "spare_brokers", number(spec.spare_brokers));
    put(
        &mut cluster,
        "racks",
        texts(spec.racks.iter().map(|rack| &**rack)),
    );
    put(&mut cluster, "controllers", number(spec.controllers));
    let protocol = spec.security_protocol.name();
    put(&mut cluster, "security_protocol", text_value(protocol));
    put(&mut cluster, "config", Value::Table(configs.broker.clone()));
    let elr = number(u32::from(spec.features.eligible_leader_replicas));
    put(
        &mut cluster,
        "features",
        one("eligible.leader.replicas.version", elr),
    );
    cluster
}

fn topic_tables(spec: &ClusterSpec, configs: &Configs) -> Table {
    let mut topics = Table::default();
    for (topic, config) in spec.topics.iter().zip(&configs.topics) {
        let mut table = Table::default();
        if topic.origin == TopicOrigin::AutoCreated {
            put(&mut table, "auto_create", Value::Boolean(true));
            put(&mut topics, &topic.name, Value::Table(table));
            continue;
        }
        put(&mut table, "partitions", number(topic.partitions));
        put(
            &mut table,
            "replication_factor",
            number(topic.replication_factor),
        );
        put(&mut table, "config", Value::Table(config.clone()));
        put(&mut topics, &topic.name, Value::Table(table));
    }
    topics
}

fn producer_table(producer: &ProducerSpec, topics: &[Arc<str>], config: &Table) -> Table {
    let plan = &producer.plan;
    let (rate, arrivals) = match plan.arrivals {
        Arrivals::Every { period } => (Rate::Every(period), "even"),
        Arrivals::Poisson { mean } => (Rate::Every(mean), "poisson"),
        Arrivals::Flood => (Rate::Flood, "even"),
    };
    let topic = topics.get(plan.topic.0 as usize);
    let mut table = Table::default();
    put(
        &mut table,
        "topic",
        text_value(topic.map_or("", |topic| topic)),
    );
    put(&mut table, "rate", text_value(&value::print_rate(rate)));
    put(&mut table, "arrivals", text_value(arrivals));
    put(&mut table, "count", number(plan.count));
    put(&mut table, "start", text_value(&plan.start.to_string()));
    let keys = match plan.keys {
        Keys::Null => text_value("none"),
        Keys::Uniform { count } => one("uniform", number(count)),
        Keys::Cycle { count } => one("cycle", number(count)),
    };
    put(&mut table, "keys", keys);
    let partition = match &plan.placement {
        Placement::Partitioner => text_value("partitioner"),
        Placement::KeyModulo => text_value("key_modulo"),
        Placement::Fixed(partition) => number(*partition),
        Placement::Listed(list) => Value::Array(
            list.iter()
                .map(|partition| item(number(*partition)))
                .collect(),
        ),
    };
    put(&mut table, "partition", partition);
    behaviour(&mut table, plan.behaviour);
    put(
        &mut table,
        "value_size",
        text_value(&value::print_size(u64::from(plan.value_size))),
    );
    let ratio = plan.compression_ratio.to_string();
    put(&mut table, "compression_ratio", text_value(&ratio));
    let payload = if plan.keep_payload {
        "bytes"
    } else {
        "descriptor"
    };
    put(&mut table, "payload", text_value(payload));
    put(&mut table, "config", Value::Table(config.clone()));
    table
}

fn behaviour(table: &mut Table, behaviour: Behaviour) {
    put(table, "threads", number(behaviour.threads));
    put(table, "producers", number(behaviour.producers));
    let send = match behaviour.send {
        SendMode::Async => "async",
        SendMode::Sync => "sync",
    };
    put(table, "send", text_value(send));
    if let Some(every) = behaviour.flush_every {
        put(table, "flush_every", number(every));
    }
    let mut on_error = Table::default();
    put(&mut on_error, "resend", number(behaviour.on_error.resend));
    let wait = behaviour.on_error.wait.to_string();
    put(&mut on_error, "wait", text_value(&wait));
    put(table, "on_error", Value::Table(on_error));
    let on_restart = match behaviour.on_restart {
        OnRestart::Next => "next",
        OnRestart::Resend => "resend",
    };
    put(table, "on_restart", text_value(on_restart));
}

fn one(key: &str, value: Value) -> Value {
    let mut table = Table::default();
    put(&mut table, key, value);
    Value::Table(table)
}

fn group_table(group: &GroupSpec, topics: &[Arc<str>], config: &Table) -> Table {
    let read: BTreeSet<u32> = group
        .members
        .iter()
        .flat_map(|member| member.partitions.iter())
        .map(|partition| partition.topic.0)
        .collect();
    let names = read.iter().filter_map(|topic| topics.get(*topic as usize));
    let mut table = Table::default();
    put(&mut table, "topics", texts(names.map(|name| &**name)));
    put(&mut table, "members", number(group.members.len() as u32));
    put(&mut table, "protocol", text_value("assign"));
    if let Some(first) = group.members.first() {
        put(&mut table, "start", text_value(&first.start.to_string()));
        if let Some(start_at) = first.start_at {
            let start_at = value::print_start_at(start_at);
            put(&mut table, "start_at", text_value(&start_at));
        }
        put(
            &mut table,
            "handler",
            one("takes", text_value(&first.handler.to_string())),
        );
        let racks = group
            .members
            .iter()
            .filter_map(|member| member.rack.as_deref());
        put(&mut table, "racks", texts(racks));
        let pauses: Vec<String> = first
            .pauses
            .iter()
            .map(|(from, to)| value::print_instant(Instant::Between(*from, *to)))
            .collect();
        put(
            &mut table,
            "pauses",
            texts(pauses.iter().map(String::as_str)),
        );
    }
    put(&mut table, "config", Value::Table(config.clone()));
    table
}

fn quota_tables(quotas: &QuotaSpec) -> Table {
    let mut tables = Table::default();
    let mut add = |client: &str, limits: &Limits| {
        let mut table = Table::default();
        for (key, text) in quotas::written(limits) {
            put(&mut table, key, text_value(&text));
        }
        put(&mut tables, client, Value::Table(table));
    };
    for (client, limits) in &quotas.clients {
        add(client, limits);
    }
    if !quotas.default.is_empty() {
        add(quotas::DEFAULT, &quotas.default);
    }
    tables
}

fn assumptions(root: &mut Table, spec: &ClusterSpec) {
    let mut network = Table::default();
    let latency = match spec.network.latency {
        LatencySpec::Constant(at) => text_value(&at.to_string()),
        LatencySpec::Uniform(from, to) => {
            text_value(&value::print_instant(Instant::Between(from, to)))
        }
        LatencySpec::Exponential { base, mean } => {
            let mut table = Table::default();
            put(&mut table, "base", text_value(&base.to_string()));
            put(&mut table, "mean", text_value(&mean.to_string()));
            Value::Table(table)
        }
    };
    put(&mut network, "latency", latency);
    let bandwidth = |bytes| text_value(&value::print_bandwidth(bytes));
    put(&mut network, "bandwidth", bandwidth(spec.network.bandwidth));
    let loss = value::print_parts_per_million(spec.network.loss_ppm);
    put(&mut network, "loss", text_value(&loss));
    put(root, "network", Value::Table(network));
    let mut disks = Table::default();
    put(
        &mut disks,
        "flush_latency",
        text_value(&spec.disks.flush_latency.to_string()),
    );
    put(
        &mut disks,
        "read_latency",
        text_value(&spec.disks.read_latency.to_string()),
    );
    put(&mut disks, "bandwidth", bandwidth(spec.disks.bandwidth));
    put(
        &mut disks,
        "capacity",
        text_value(&value::print_size(spec.disks.capacity)),
    );
    put(
        &mut disks,
        "page_cache",
        text_value(&value::print_size(spec.disks.page_cache)),
    );
    put(
        &mut disks,
        "log_dirs",
        Value::Integer(Some(spec.disks.log_dirs.into())),
    );
    put(root, "disks", Value::Table(disks));
    let mut costs = Table::default();
    for declared in &CpuCosts::ALL {
        let span = text_value(&spec.costs.get(declared).to_string());
        let Some(table) = declared.table else {
            put(&mut costs, declared.key, span);
            continue;
        };
        if costs.get(table).is_none() {
            put(&mut costs, table, Value::Table(Table::default()));
        }
        let inner = costs.get_mut(table).map(|entry| &mut entry.item.value);
        if let Some(Value::Table(inner)) = inner {
            put(inner, declared.key, span);
        }
    }
    put(root, "costs", Value::Table(costs));
}

/// What must be laid over `base` to get `other`; what `other` lacks cannot be taken away.
fn difference(base: &Table, other: &Table) -> Table {
    let mut overlay = Table::default();
    for entry in &other.entries {
        let old = base.get(&entry.key).map(|old| &old.item);
        match (&entry.item.value, old.and_then(Item::table)) {
            (Value::Table(table), Some(old)) => {
                let inner = difference(old, table);
                if !inner.entries.is_empty() {
                    put(&mut overlay, &entry.key, Value::Table(inner));
                }
            }
            (value, _) => {
                if !old.is_some_and(|old| same(&old.value, value)) {
                    put(&mut overlay, &entry.key, value.clone());
                }
            }
        }
    }
    overlay
}

fn same(a: &Value, b: &Value) -> bool {
    let item = |value: &Value| {
        let mut table = Table::default();
        put(&mut table, "k", value.clone());
        join_lines(&table)
    };
    item(a) == item(b)
}

/// Events that a variant only switches off are named so; else it has a timeline of its own.
fn overlay_timeline(overlay: &mut Table, base: &Setup, setup: &Setup) {
    if overlay.get("timeline").is_none() {
        return;
    }
    let kept: Vec<&Event> = base
        .timeline
        .iter()
        .filter(|event| setup.timeline.contains(event))
        .collect();
    if kept.len() != setup.timeline.len() {
        return;
    }
    let mut off = Table::default();
    for event in &base.timeline {
        if !setup.timeline.contains(event) {
            put(&mut off, &event.id, text_value("off"));
        }
    }
    put(overlay, "timeline", Value::Table(off));
}

/// Takes out what is as it would be anyway.
fn prune(root: &mut Table, doc: &'static TableDoc) {
    for (kind, doc) in [
        ("cluster", &keys::hosts::CLUSTER),
        ("network", &keys::hosts::NETWORK),
        ("disks", &keys::hosts::DISKS),
        ("costs", &keys::hosts::COSTS),
    ] {
        prune_in(root, kind, doc);
    }
    for (kind, doc) in [
        ("topics", &keys::hosts::TOPIC),
        ("producers", &keys::apps::PRODUCER),
        ("groups", &keys::apps::GROUP),
    ] {
        let named = root.get_mut(kind);
        let Some(Value::Table(named)) = named.map(|entry| &mut entry.item.value) else {
            continue;
        };
        for entry in &mut named.entries {
            if let Value::Table(table) = &mut entry.item.value {
                prune_table(table, doc);
            }
        }
    }
    prune_table(root, doc);
}

fn prune_in(root: &mut Table, key: &str, doc: &TableDoc) {
    if let Some(Value::Table(table)) = root.get_mut(key).map(|entry| &mut entry.item.value) {
        prune_table(table, doc);
    }
}

fn prune_table(table: &mut Table, doc: &TableDoc) {
    table.entries.retain(|entry| {
        let absent = doc.key(&entry.key).map(|key| key.absent);
        match (&entry.item.value, absent) {
            (_, Some(Absent::Required)) => true,
            (Value::Text(text), Some(Absent::Value(default))) => !same_text(text, default),
            (Value::Integer(Some(number)), Some(Absent::Value(default))) => {
                number.to_string() != default
            }
            (Value::Table(inner), _) => !is_default_table(&entry.key, inner),
            (Value::Array(items), _) => !items.is_empty(),
            _ => true,
        }
    });
}

/// `"300s"` and `"5m"`, `"0s"` and `"0s"`, `"1250MB/s"` and `"1.25GB/s"` are the same.
fn same_text(text: &str, default: &str) -> bool {
    let span = |text| value::duration(text).ok();
    let bytes = |text| value::bandwidth(text).or_else(|_| value::size(text)).ok();
    text == default
        || (span(text).is_some() && span(text) == span(default))
        || (bytes(text).is_some() && bytes(text) == bytes(default))
}

fn is_default_table(key: &str, table: &Table) -> bool {
    let text = |key: &str| table.get(key).and_then(|entry| entry.item.text());
    match key {
        "handler" => text("takes") == Some("0s"),
        "on_error" => has_defaults(table, &keys::apps::ON_ERROR),
        "compress" => has_defaults(table, &keys::hosts::COMPRESS),
        "decompress" => has_defaults(table, &keys::hosts::DECOMPRESS),
        "features" => table.entries.iter().all(|entry| {
            let level = keys::hosts::FEATURES.key(&entry.key).map(|key| key.absent);
            matches!((&entry.item.value, level),
                (Value::Integer(Some(number)), Some(Absent::Value(default)))
                    if number.to_string() == default)
        }),
        "latency" => {
            let LatencySpec::Exponential { base, mean } =
                crate::cluster::spec::NetworkSpec::default().latency
            else {
                return false;
            };
            text("base") == Some(base.to_string().as_str())
                && text("mean") == Some(mean.to_string().as_str())
        }
        _ => table.entries.is_empty(),
    }
}

/// True when every text is the default of its key.
fn has_defaults(table: &Table, doc: &TableDoc) -> bool {
    table.entries.iter().all(|entry| {
        let absent = doc.key(&entry.key).map(|key| key.absent);
        let Some(Absent::Value(default)) = absent else {
            return false;
        };
        if let Value::Integer(Some(number)) = &entry.item.value {
            number.to_string() == default
        } else {
            (entry.item.text()).is_some_and(|text| same_text(text, default))
        }
    })
}
