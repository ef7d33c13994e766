//! From the tree of one set-up to what runs: names, ranges, cross-checks.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::spec::{
    ClusterSpec, CommandSpec, DiskSpec, Features, LatencySpec, NetworkSpec, TopicOrigin, TopicSpec,
};
use crate::fault::{Action, Event};
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::cpu::{CpuCosts, SecurityProtocol};
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::keys::hosts::{
    CLUSTER, COMPRESS, COSTS, DECOMPRESS, DISKS, FEATURES, LATENCY, NETWORK, TOPIC,
};
use crate::scenario::keys::top::TOP;
use crate::scenario::keys::{LEAST_ROUND_TRIP, LONGEST, MAX_REPLICAS, TableDoc};
use crate::scenario::model::{RefusedConfig, Setup};
use crate::scenario::names::{Names, Topic};
use crate::scenario::reader::{Reader, as_table, wrong_type};
use crate::scenario::tree::{Entry, Place, Table, Value};
use crate::scenario::value;
use crate::scenario::{admin, apps, config, faults, quotas, timeline};
use crate::sim::time::SimDuration;

/// A set-up, read, and the names that claims may use.
#[derive(Debug)]
pub(in crate::scenario) struct Lowered {
    /// What runs, or what Kafka refuses.
    pub(in crate::scenario) setup: Result<Setup, RefusedConfig>,
    /// The events of its timeline.
    pub(in crate::scenario) events: BTreeSet<Arc<str>>,
    /// Its groups.
    pub(in crate::scenario) groups: Vec<Arc<str>>,
}

/// The first config of a set-up that Kafka refuses.
#[derive(Debug, Default)]
pub(in crate::scenario) struct Refused(Option<RefusedConfig>);

impl Refused {
    /// The config, or a default in the place of a refused one.
    pub(in crate::scenario) fn or_default<C: Default>(
        &mut self,
        config: Result<C, RefusedConfig>,
    ) -> C {
        config.unwrap_or_else(|refusal| {
            self.0.get_or_insert(refusal);
            C::default()
        })
    }
}

/// Reads one set-up: the file itself, or the file under a variant. `refusals` are the configs that
/// the file claims to be refused here.
pub(in crate::scenario) fn set_up(
    tree: &Table,
    refusals: &BTreeSet<String>,
    problems: &mut Problems,
) -> Lowered {
    let top = Reader::new(tree, Place::TOP, "", &TOP, problems);
    let run_for = top.duration("run_for", problems);
    let drain_for = top.duration("drain_for", problems).unwrap_or_default();
    let mut refused = Refused::default();
    let mut names = Names::default();
    let servers = cluster(&top, refusals, &mut refused, problems);
    (names.brokers, names.controllers) = (servers.brokers, servers.controllers);
    let topics = topics(
        &top,
        &servers,
        &mut names,
        (refusals, &mut refused),
        problems,
    );
    names.brokers += servers.spare_brokers;
    for rack in servers.racks.iter().take(names.brokers as usize) {
        if !names.racks.contains(rack) {
            names.racks.push(Arc::clone(rack));
        }
    }
    let mut context = apps::Context {
        names: &mut names,
        run_for,
        refusals,
        refused: &mut refused,
    };
    let producers = apps::producers(&top, &mut context, problems);
    let groups = apps::groups(&top, &mut context, problems);
    let mut cluster = ClusterSpec {
        mutation: None,
        commands: Vec::new(),
        brokers: servers.brokers,
        spare_brokers: servers.spare_brokers,
        racks: servers.racks,
        controllers: servers.controllers,
        broker_config: servers.config,
        security_protocol: servers.security_protocol,
        features: servers.features,
        topics,
        producers,
        groups,
        quotas: quotas::lower(&top, &names, problems),
        network: network(&top, problems),
        disks: disks(&top, problems),
        costs: costs(&top, problems),
    };
    names.log_dirs = cluster.disks.log_dirs;
    check_time_passes(&top, &cluster, problems);
    let run_for = run_for.unwrap_or(LONGEST);
    let (timeline, events) = timeline::lower(top.item("timeline"), run_for, &names, problems);
    cluster.commands = commands(&timeline);
    let faults = faults::lower(top.table("faults", problems), &names, problems);
    let together = faults.iter().map(|_| Arc::from(faults::TOGETHER));
    Lowered {
        events: events.into_iter().chain(together).collect(),
        groups: names.groups.into_iter().map(|(group, _)| group).collect(),
        setup: match refused.0 {
            Some(refusal) => Err(refusal),
            None => Ok(Setup {
                cluster,
                timeline,
                faults,
                run_for,
                drain_for,
            }),
        },
    }
}

/// The tools that the timeline starts.
fn commands(timeline: &[Event]) -> Vec<CommandSpec> {
    let commands = timeline.iter().filter_map(|event| {
        let Action::Command(command) = &event.action else {
            return None;
        };
        Some(CommandSpec {
            event: Arc::clone(&event.id),
            command: command.clone(),
        })
    });
    commands.collect()
}

/// A reader of a table of the file, or of an empty one.
fn section<'t>(
    top: &Reader<'t>,
    name: &str,
    doc: &'static TableDoc,
    problems: &mut Problems,
) -> Reader<'t> {
    static EMPTY: Table = Table {
        entries: Vec::new(),
    };
    let (table, place) = top.table(name, problems).unwrap_or((&EMPTY, Place::TOP));
    Reader::new(table, place, name, doc, problems)
}

/// The tables of `[topics]`, `[producers]`, `[groups]` or `[quotas]`, with valid names.
pub(in crate::scenario) fn named<'t>(
    top: &Reader<'t>,
    kind: &str,
    noun: &'static str,
    problems: &mut Problems,
) -> Vec<(&'t Entry, &'t Table)> {
    let Some((table, _)) = top.table(kind, problems) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in &table.entries {
        let what = format!("`{kind}.{}`", entry.key);
        let Some(table) = as_table(&entry.item, &what, problems) else {
            continue;
        };
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name = &entry.key;
        let legal = (1..=249).contains(&name.len()) && name.chars().all(fine);
        if !legal || name == "." || name == ".." {
            problems.add(
                entry.place,
                Problem::BadName {
                    kind: noun,
                    name: name.clone(),
                    help: "a name has 1 to 249 letters, digits, `.`, `_` and `-`",
                },
            );
        }
        found.push((entry, table));
    }
    found
}

/// What `[cluster]` says.
struct Servers {
    brokers: u32,
    spare_brokers: u32,
    racks: Vec<Arc<str>>,
    controllers: u32,
    config: BrokerConfig,
    security_protocol: SecurityProtocol,
    features: Features,
}

fn cluster(
    top: &Reader<'_>,
    refusals: &BTreeSet<String>,
    refused: &mut Refused,
    problems: &mut Problems,
) -> Servers {
    let reader = section(top, "cluster", &CLUSTER, problems);
    let table = reader.table("config", problems);
    let config = config::lower("the cluster", table, &[], refusals, problems);
    let racks = match reader.item("racks") {
        Some(_) => reader.texts("racks", problems),
        None => Vec::new(),
    };
    Servers {
        brokers: reader.count_u32("brokers", problems),
        spare_brokers: reader.count_u32("spare_brokers", problems),
        racks: racks.iter().map(|rack| Arc::from(rack.text)).collect(),
        controllers: reader.count_u32("controllers", problems),
        config: refused.or_default(config),
        security_protocol: match reader.word("security_protocol", problems) {
            Some("SSL") => SecurityProtocol::Ssl,
            Some(_) | None => SecurityProtocol::Plaintext,
        },
        features: features(&reader, problems),
    }
}

fn features(reader: &Reader<'_>, problems: &mut Problems) -> Features {
    let Some((table, place)) = reader.table("features", problems) else {
        return Features::default();
    };
    let reader = Reader::new(table, place, "cluster.features", &FEATURES, problems);
    Features {
        eligible_leader_replicas: reader.count_u32("eligible.leader.replicas.version", problems)
            == 1,
    }
}

fn topics(
    top: &Reader<'_>,
    servers: &Servers,
    names: &mut Names,
    (refusals, refused): (&BTreeSet<String>, &mut Refused),
    problems: &mut Problems,
) -> Vec<TopicSpec> {
    let mut topics = Vec::new();
    let mut replicas = 0_u64;
    for (entry, table) in named(top, "topics", "a topic", problems) {
        let path = format!("topics.{}", entry.key);
        let reader = Reader::new(table, entry.item.place, &path, &TOPIC, problems);
        let name: Arc<str> = Arc::from(entry.key.as_str());
        let origin = origin(&reader, table, problems);
        let (partitions, replication_factor) = match origin {
            TopicOrigin::Standing => (
                reader.count_u32("partitions", problems),
                reader.count_u32("replication_factor", problems),
            ),
            TopicOrigin::AutoCreated => (
                servers.config.num_partitions,
                servers.config.default_replication_factor,
            ),
        };
        if origin == TopicOrigin::Standing && replication_factor > names.brokers {
            problems.add(
                reader.place("replication_factor"),
                Problem::ReplicationFactor {
                    topic: entry.key.clone(),
                    replication_factor,
                    brokers: names.brokers,
                },
            );
        }
        let grows_to = admin::grows_to(top.item("timeline"), &name).max(partitions);
        replicas += u64::from(grows_to) * u64::from(replication_factor);
        names.topics.push(Topic {
            name: Arc::clone(&name),
            partitions: grows_to,
            replication_factor,
        });
        let table = reader.table("config", problems);
        let config = config::lower(&path, table, &[], refusals, problems);
        topics.push(TopicSpec {
            name,
            origin,
            partitions,
            grows_to,
            replication_factor,
            config: refused.or_default(config),
        });
    }
    too_many(
        top,
        "topics",
        "replicas of partitions",
        replicas,
        MAX_REPLICAS,
        problems,
    );
    topics
}

/// Where a topic comes from; one that clients create has no properties of its own.
fn origin(reader: &Reader<'_>, table: &Table, problems: &mut Problems) -> TopicOrigin {
    let Some(item) = reader.item("auto_create") else {
        return TopicOrigin::Standing;
    };
    let Value::Boolean(wanted) = item.value else {
        let what = reader.name("auto_create");
        problems.add(item.place, wrong_type(what, "true", item));
        return TopicOrigin::Standing;
    };
    if !wanted {
        return TopicOrigin::Standing;
    }
    for key in ["partitions", "replication_factor", "config"] {
        if let Some(entry) = table.get(key) {
            problems.add(
                entry.place,
                Problem::UnusedKey {
                    key: key.to_owned(),
                    beside: "`auto_create`".to_owned(),
                    help: "the cluster's num.partitions and default.replication.factor decide, and \
                           its other configs hold",
                },
            );
        }
    }
    TopicOrigin::AutoCreated
}

/// Notes that a sum over several tables is more than a run can hold.
pub(in crate::scenario) fn too_many(
    top: &Reader<'_>,
    key: &str,
    what: &'static str,
    sum: u64,
    limit: u64,
    problems: &mut Problems,
) {
    if sum > limit {
        problems.add(
            top.place(key),
            Problem::TooMany {
                what,
                sum: value::grouped(sum),
                limit: value::grouped(limit),
            },
        );
    }
}

fn network(top: &Reader<'_>, problems: &mut Problems) -> NetworkSpec {
    let default = NetworkSpec::default();
    let reader = section(top, "network", &NETWORK, problems);
    let loss_ppm = reader.form("loss", "a share, as in \"0.1%\"", problems, |text| {
        match value::parts_per_million(text)? {
            1_000_000 => Err("at 100% nothing would ever arrive: use cut".to_owned()),
            parts => Ok(parts),
        }
    });
    NetworkSpec {
        latency: latency(&reader, problems).unwrap_or(default.latency),
        bandwidth: reader
            .bytes("bandwidth", problems)
            .unwrap_or(default.bandwidth),
        loss_ppm: loss_ppm.unwrap_or(default.loss_ppm),
    }
}

fn latency(reader: &Reader<'_>, problems: &mut Problems) -> Option<LatencySpec> {
    let item = reader.item("latency")?;
    if let Some(table) = item.table() {
        let parts = Reader::new(table, item.place, "network.latency", &LATENCY, problems);
        let base = parts.duration("base", problems);
        let mean = parts.duration("mean", problems);
        return Some(LatencySpec::Exponential {
            base: base?,
            mean: mean?,
        });
    }
    let expected = "a duration with a unit, or { base = …, mean = … }";
    reader.form("latency", expected, problems, |text| {
        let latency = value::latency(text)?;
        let longest = match latency {
            LatencySpec::Constant(at) => at,
            LatencySpec::Uniform(_, to) => to,
            LatencySpec::Exponential { base, mean } => base.max(mean),
        };
        if longest > SimDuration::from_secs(60) {
            return Err("a latency is at most 1m".to_owned());
        }
        Ok(latency)
    })
}

/// A request and its answer must take some time: one that fails and is tried again would else do
/// so for ever at one instant.
fn check_time_passes(top: &Reader<'_>, cluster: &ClusterSpec, problems: &mut Problems) {
    let there_and_back = match cluster.network.latency {
        LatencySpec::Constant(at) => at.saturating_mul(2),
        LatencySpec::Uniform(from, to) => from + to,
        LatencySpec::Exponential { base, mean } => (base + mean).saturating_mul(2),
    };
    let costs = &cluster.costs;
    let served = costs.produce.min(costs.fetch).min(costs.other);
    if there_and_back + served >= LEAST_ROUND_TRIP {
        return;
    }
    let key = ["network", "costs"]
        .into_iter()
        .find(|key| top.item(key).is_some())
        .unwrap_or("network");
    problems.add(
        top.place(key),
        Problem::BadValue {
            what: "the shortest request".to_owned(),
            why: format!(
                "there, served and back, it takes {}, less than {LEAST_ROUND_TRIP}",
                there_and_back + served
            ),
            help: Some(
                "give `latency` in [network] or each request in [costs] some time: what fails and \
                 is tried again at once would never come to an end"
                    .to_owned(),
            ),
        },
    );
}

fn disks(top: &Reader<'_>, problems: &mut Problems) -> DiskSpec {
    let default = DiskSpec::default();
    let reader = section(top, "disks", &DISKS, problems);
    DiskSpec {
        flush_latency: reader
            .duration("flush_latency", problems)
            .unwrap_or(default.flush_latency),
        read_latency: reader
            .duration("read_latency", problems)
            .unwrap_or(default.read_latency),
        bandwidth: reader
            .bytes("bandwidth", problems)
            .unwrap_or(default.bandwidth),
        capacity: reader
            .bytes("capacity", problems)
            .unwrap_or(default.capacity),
        page_cache: reader
            .bytes("page_cache", problems)
            .unwrap_or(default.page_cache),
        log_dirs: reader
            .count("log_dirs", problems)
            .map_or(default.log_dirs, |count| count as u32),
    }
}

fn costs(top: &Reader<'_>, problems: &mut Problems) -> CpuCosts {
    static EMPTY: Table = Table {
        entries: Vec::new(),
    };
    let top = section(top, "costs", &COSTS, problems);
    let inner = |key: &str, doc: &'static TableDoc, problems: &mut Problems| {
        let (table, place) = top.table(key, problems).unwrap_or((&EMPTY, Place::TOP));
        Reader::new(table, place, &format!("costs.{key}"), doc, problems)
    };
    let compress = inner("compress", &COMPRESS, problems);
    let decompress = inner("decompress", &DECOMPRESS, problems);
    let mut costs = CpuCosts::default();
    for declared in &CpuCosts::ALL {
        let reader = match declared.table {
            None => &top,
            Some("compress") => &compress,
            Some(_) => &decompress,
        };
        if let Some(span) = reader.duration(declared.key, problems) {
            *(declared.at)(&mut costs) = span;
        }
    }
    costs
}
