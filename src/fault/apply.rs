//! What each action does to the world, in which words, and how it is undone.

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::cluster::names::Role;
use crate::cluster::spec::CommandSpec;
use crate::fault::course::Course;
use crate::fault::{Action, Event, Node, Set, Target};
use crate::kafka::api::admin::AdminRequest;
use crate::kafka::ids::{BrokerId, DirectoryId, TopicPartition};
use crate::kafka::quota::{QuotaChange, QuotaType};
use crate::sim::clock::WallClock;
use crate::sim::disk::{DiskFault, DiskProfile};
use crate::sim::process::{Crash, HostId};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;
use crate::workload::Command;

/// What an action did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// False when there was nothing to act on: a dead node, no leader.
    pub hit: bool,
    /// In words, with the nodes that its selectors meant.
    pub what: String,
    /// How to undo it, where that is possible: all of it at one instant.
    pub undo: Vec<Undo>,
    /// What goes on from here by itself.
    pub course: Option<Course>,
}

/// The undoing of an action, with its nodes resolved.
#[derive(Clone, Debug)]
pub enum Undo {
    /// Start the host's process.
    Start(HostId),
    /// Let the host's process go on.
    Resume(HostId),
    /// Heal these directed paths.
    Heal(Vec<(HostId, HostId)>),
    /// Take the extra delay back.
    Unslow(HostId, HostId, SimDuration),
    /// Damage this share less of what travels between the two; how many messages were damaged when
    /// it began.
    Uncorrupt([HostId; 2], Ratio, u64),
    /// Give the host its disk back as it was.
    Disk(HostId, DiskProfile),
    /// Repair the host's disk.
    Repair(HostId),
    /// Set the host's clock as it was.
    Clock(HostId, WallClock),
}

/// Applies an event's action; `here` is where the moment that the event waited for happened.
#[expect(clippy::too_many_lines, reason = "one arm per action")]
pub fn apply(cluster: &mut Cluster, event: &Event, here: Option<HostId>) -> Applied {
    match &event.action {
        Action::Command(command) => run(cluster, &event.id, command),
        Action::Crash(on) => crash(cluster, on, here, Crash::Kill),
        Action::PowerLoss(on) => crash(cluster, on, here, Crash::PowerLoss),
        Action::LoseDisk(on) => crash(cluster, on, here, Crash::DiskLost),
        Action::Stop(on) => on_running(cluster, "stop", on, here, |cluster, host| {
            cluster.world.terminate(host);
            Undo::Start(host)
        }),
        Action::Pause(on) => on_running(cluster, "pause", on, here, |cluster, host| {
            cluster.world.pause(host);
            Undo::Resume(host)
        }),
        Action::Start(on) => start(cluster, on, here),
        Action::RollingRestart { on, down, gap } => {
            let mut hosts = targets(cluster, on, here);
            hosts.retain(|host| cluster.world.is_running(*host));
            Applied {
                hit: !hosts.is_empty(),
                what: words(cluster, "rolling restart", &hosts),
                undo: Vec::new(),
                course: Some(Course::rolling(&hosts, *down, *gap)),
            }
        }
        Action::CutOneWay(from, to) => {
            between(cluster, "cut", [from, to], here, " to ", |c, a, b| {
                c.world.cut(a, b);
                Some(Undo::Heal(vec![(a, b)]))
            })
        }
        Action::Cut(one, other) => {
            between(cluster, "cut", [one, other], here, " and ", |c, a, b| {
                c.world.cut(a, b);
                c.world.cut(b, a);
                Some(Undo::Heal(vec![(a, b), (b, a)]))
            })
        }
        Action::Isolate(on) => {
            let inside = targets(cluster, on, here);
            on_running(cluster, "isolate", on, here, |cluster, host| {
                let all = cluster.hosts.all().map(|(other, _)| other);
                let outside = all.filter(|other| !inside.contains(other));
                let pairs: Vec<_> = outside
                    .flat_map(|other| [(host, other), (other, host)])
                    .collect();
                for (from, to) in &pairs {
                    cluster.world.cut(*from, *to);
                }
                Undo::Heal(pairs)
            })
        }
        Action::SlowLink(from, to, by) => {
            between(cluster, "slow", [from, to], here, " to ", |c, a, b| {
                c.world.slow(a, b, *by);
                Some(Undo::Unslow(a, b, *by))
            })
        }
        Action::Flap {
            one,
            other,
            down,
            up,
        } => {
            let mut course = None;
            let begin = |_: &mut Cluster, a, b| {
                course = Some(Course::flap([a, b], *down, *up));
                None
            };
            let applied = between(cluster, "flap", [one, other], here, " and ", begin);
            Applied { course, ..applied }
        }
        Action::Corrupt(one, other, share) => {
            let applied = between(
                cluster,
                "corrupt",
                [one, other],
                here,
                " and ",
                |c, a, b| {
                    let before = damaged(c, [a, b]);
                    c.world.corrupt(a, b, *share);
                    c.world.corrupt(b, a, *share);
                    Some(Undo::Uncorrupt([a, b], *share, before))
                },
            );
            // Whether it has hit shows when it is over.
            Applied {
                hit: false,
                ..applied
            }
        }
        Action::CorruptMessage => corrupt_message(cluster, here),
        Action::Reset(one, other) => {
            between(cluster, "reset", [one, other], here, " and ", |c, a, b| {
                c.world.reset_between(a, b);
                None
            })
        }
        Action::SlowDisk(on, by) => on_running(cluster, "slow disk", on, here, |cluster, host| {
            let before = *cluster.world.host_state(host).disk.profile();
            let slower = DiskProfile {
                flush_latency: before.flush_latency + *by,
                ..before
            };
            cluster.world.set_disk(host, slower);
            Undo::Disk(host, before)
        }),
        Action::FillDisk(on, dir) => break_disk(cluster, "fill", (on, *dir), here, DiskFault::Full),
        Action::FailDisk(on, dir) => {
            break_disk(cluster, "fail", (on, *dir), here, DiskFault::Failed)
        }
        Action::SkewClock(on, nanos) => {
            on_running(cluster, "skew clock", on, here, |cluster, host| {
                let before = cluster.world.host_state(host).clock;
                let skew_nanos = before.skew_nanos.saturating_add(*nanos);
                cluster.world.set_clock(
                    host,
                    WallClock {
                        skew_nanos,
                        ..before
                    },
                );
                Undo::Clock(host, before)
            })
        }
    }
}

/// What the undoing of an action did.
#[derive(Clone, Debug, Default)]
pub struct Undone {
    /// In words, where that is worth a label.
    pub what: Option<String>,
    /// The action has hit: what shows only now.
    pub hit: bool,
}

/// Starts the process of a host unless it runs; true when it did not.
pub(super) fn start_again(cluster: &mut Cluster, host: HostId) -> bool {
    let is_down = !cluster.world.is_running(host);
    if is_down {
        cluster.world.start(host);
    }
    is_down
}

/// Undoes an action.
pub fn undo(cluster: &mut Cluster, steps: &[Undo]) -> Undone {
    let mut hosts = Vec::new();
    let mut what = None;
    let mut hit = false;
    for step in steps {
        let (host, words) = match step {
            Undo::Start(host) => {
                if !start_again(cluster, *host) {
                    continue;
                }
                (Some(*host), "back")
            }
            Undo::Resume(host) => {
                cluster.world.resume(*host);
                (Some(*host), "goes on")
            }
            Undo::Heal(pairs) => {
                for (from, to) in pairs {
                    cluster.world.heal(*from, *to);
                }
                (None, "cut healed")
            }
            Undo::Unslow(from, to, by) => {
                cluster.world.unslow(*from, *to, *by);
                continue;
            }
            Undo::Uncorrupt([one, other], share, before) => {
                cluster.world.uncorrupt(*one, *other, *share);
                cluster.world.uncorrupt(*other, *one, *share);
                hit |= damaged(cluster, [*one, *other]) > *before;
                continue;
            }
            Undo::Disk(host, profile) => {
                cluster.world.set_disk(*host, *profile);
                continue;
            }
            Undo::Repair(host) => {
                cluster.world.set_disk_fault(*host, DiskFault::None);
                (Some(*host), "disk repaired")
            }
            Undo::Clock(host, clock) => {
                cluster.world.set_clock(*host, *clock);
                continue;
            }
        };
        hosts.extend(host);
        what = Some(words);
    }
    let words = |what: &str| match hosts.len() {
        0 => what.to_owned(),
        1 => format!("{} {what}", names(cluster, &hosts)),
        _ if what == "goes on" => format!("{} go on", names(cluster, &hosts)),
        _ => format!("{} {what}", names(cluster, &hosts)),
    };
    Undone {
        what: what.map(words),
        hit,
    }
}

/// How many messages between two hosts were damaged so far.
fn damaged(cluster: &mut Cluster, [one, other]: [HostId; 2]) -> u64 {
    cluster.world.damaged(one, other) + cluster.world.damaged(other, one)
}

/// Damages the message that was the moment.
fn corrupt_message(cluster: &mut Cluster, here: Option<HostId>) -> Applied {
    let connection = cluster.world.trip().and_then(|trip| trip.connection);
    let sent = here.zip(connection);
    let hit = sent.is_some_and(|(host, on)| cluster.world.corrupt_last(on, host));
    let from: Vec<HostId> = here.filter(|_| hit).into_iter().collect();
    Applied {
        hit,
        what: words(cluster, "corrupt a batch of", &from),
        undo: Vec::new(),
        course: None,
    }
}

fn crash(cluster: &mut Cluster, on: &[Target], here: Option<HostId>, kind: Crash) -> Applied {
    let verb = match kind {
        Crash::Kill => "crash",
        Crash::PowerLoss => "power loss",
        Crash::DiskLost => "lose disk",
    };
    on_running(cluster, verb, on, here, |cluster, host| {
        cluster.world.crash(host, kind);
        Undo::Start(host)
    })
}

/// Starts the event's tool, unless it still runs from the last time.
fn run(cluster: &mut Cluster, event: &str, command: &Command) -> Applied {
    let host = cluster.hosts.find(&CommandSpec::host(event));
    let host = host.filter(|host| !cluster.world.is_running(*host));
    if let Some(host) = host {
        cluster.world.start(host);
    }
    let what = match command {
        Command::AlterConfig { topic, .. } => {
            let topic = cluster.controller().image().topic(*topic);
            format!("alter config of {}", topic.map_or("?", |topic| &topic.name))
        }
        Command::DeleteRecords { tp, .. } => {
            format!("delete records of {}", cluster.partition_name(*tp))
        }
        Command::ThrottledReassignment { tp, target, rate } => {
            format!("{} at {}", moved(cluster, *tp, target), print_rate(*rate))
        }
        Command::VerifyReassignment(tp) => {
            format!("verify reassignment of {}", cluster.partition_name(*tp))
        }
        Command::Admin(request) => asked(cluster, request),
    };
    // Whether it was granted shows when the tool has its answer.
    Applied {
        hit: host.is_some() && changes_something(cluster, command),
        what,
        undo: Vec::new(),
        course: None,
    }
}

fn start(cluster: &mut Cluster, on: &[Target], here: Option<HostId>) -> Applied {
    let mut down = targets(cluster, on, here);
    down.retain(|host| !cluster.world.is_running(*host));
    for host in &down {
        cluster.world.start(*host);
    }
    Applied {
        hit: !down.is_empty(),
        what: words(cluster, "start", &down),
        undo: Vec::new(),
        course: None,
    }
}

/// False for a reassignment to where the partition is already, and for quotas that stand already:
/// both are granted and do nothing.
fn changes_something(cluster: &Cluster, command: &Command) -> bool {
    match command {
        Command::Admin(AdminRequest::AlterPartitionReassignments {
            tp,
            target: Some(target),
        }) => (cluster.registration(*tp)).is_some_and(|known| known.replicas != *target),
        Command::Admin(AdminRequest::AlterClientQuotas { entity, changes }) => {
            let known = cluster.controller().image().client_quotas.get(entity);
            let known = known.copied().unwrap_or_default();
            (changes.iter()).any(|change| known.value(change.quota) != change.value)
        }
        Command::AlterConfig { .. }
        | Command::DeleteRecords { .. }
        | Command::ThrottledReassignment { .. }
        | Command::VerifyReassignment(_)
        | Command::Admin(_) => true,
    }
}

fn moved(cluster: &Cluster, tp: TopicPartition, target: &[BrokerId]) -> String {
    let brokers: Vec<String> = target.iter().map(|id| format!("b{}", id.0)).collect();
    format!(
        "reassign {} to {}",
        cluster.partition_name(tp),
        brokers.join(", ")
    )
}

/// `2MB/s`, `1500B/s`: in the largest unit that says it exactly.
fn print_rate(rate: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let exact = units
        .into_iter()
        .find(|(unit, _)| rate.is_multiple_of(*unit));
    let (unit, name) = exact.unwrap_or((1, "B"));
    format!("{}{name}/s", rate / unit)
}

/// `producer_byte_rate 1MB/s`
fn quota(change: &QuotaChange) -> String {
    let value = match change.value {
        None => "off".to_owned(),
        Some(value) if change.quota == QuotaType::Request => value.to_string(),
        Some(value) => print_rate(value.of(1)),
    };
    format!("{} {value}", change.quota.name())
}

/// What an administrator asks for, in words.
fn asked(cluster: &Cluster, request: &AdminRequest) -> String {
    let name = |tp| cluster.partition_name(tp);
    let broker = |id: &BrokerId| format!("b{}", id.0);
    match request {
        AdminRequest::ElectLeaders { tp, .. } => format!("elect {}", name(*tp)),
        AdminRequest::CreateTopics { .. } => unreachable!("clients create topics"),
        AdminRequest::ListPartitionReassignments { .. } => unreachable!("tools look by themselves"),
        AdminRequest::CreatePartitions { topic, count } => {
            let topic = cluster.controller().image().topic(*topic);
            format!("grow {} to {count}", topic.map_or("?", |topic| &topic.name))
        }
        AdminRequest::AlterPartitionReassignments { tp, target } => match target {
            Some(target) => moved(cluster, *tp, target),
            None => format!("cancel reassignment of {}", name(*tp)),
        },
        AdminRequest::AlterClientQuotas { entity, changes } => {
            let changes: Vec<String> = changes.iter().map(quota).collect();
            let client = entity.as_deref().unwrap_or("default");
            format!("quotas of {client}: {}", changes.join(", "))
        }
        AdminRequest::UnregisterBroker { broker: id } => format!("unregister {}", broker(id)),
    }
}

fn break_disk(
    cluster: &mut Cluster,
    verb: &str,
    (on, dir): (&[Target], Option<DirectoryId>),
    here: Option<HostId>,
    fault: DiskFault,
) -> Applied {
    let words = match dir {
        Some(dir) => format!("{verb} log dir {dir} of"),
        None => format!("{verb} disk"),
    };
    on_running(cluster, &words, on, here, |cluster, host| {
        match dir {
            Some(dir) => cluster.world.set_device_fault(host, dir.0, fault),
            None => cluster.world.set_disk_fault(host, fault),
        };
        Undo::Repair(host)
    })
}

/// An action on nodes, one after the other at this instant; those that do not run are left out.
fn on_running(
    cluster: &mut Cluster,
    verb: &str,
    on: &[Target],
    here: Option<HostId>,
    act: impl Fn(&mut Cluster, HostId) -> Undo,
) -> Applied {
    let mut hosts = targets(cluster, on, here);
    hosts.retain(|host| cluster.world.is_running(*host));
    let undo = hosts.iter().map(|host| act(cluster, *host)).collect();
    Applied {
        hit: !hosts.is_empty(),
        what: words(cluster, verb, &hosts),
        undo,
        course: None,
    }
}

/// An action on what lies between two nodes, both of which must run to be hit.
fn between(
    cluster: &mut Cluster,
    verb: &str,
    [one, other]: [&Node; 2],
    here: Option<HostId>,
    joined: &str,
    act: impl FnOnce(&mut Cluster, HostId, HostId) -> Option<Undo>,
) -> Applied {
    let running = |node| resolve(cluster, node, here).filter(|h| cluster.world.is_running(*h));
    let pair = running(one).zip(running(other)).filter(|(a, b)| a != b);
    let Some((one, other)) = pair else {
        return Applied {
            hit: false,
            what: words(cluster, verb, &[]),
            undo: Vec::new(),
            course: None,
        };
    };
    let what = format!(
        "{verb} {}{joined}{}",
        cluster.hosts.name(one),
        cluster.hosts.name(other)
    );
    Applied {
        hit: true,
        what,
        undo: act(cluster, one, other).into_iter().collect(),
        course: None,
    }
}

/// How many nodes a label names one by one.
const NAMED_MAX: usize = 4;

/// `b1`, `b1, b2 and b3`, `b1, b2, b3 and 7 more`.
pub(super) fn names(cluster: &Cluster, hosts: &[HostId]) -> String {
    let name = |host: &HostId| cluster.hosts.name(*host).to_string();
    let more = hosts.len().saturating_sub(NAMED_MAX);
    let shown = if more > 0 { NAMED_MAX - 1 } else { hosts.len() };
    let mut parts: Vec<String> = hosts.iter().take(shown).map(name).collect();
    if more > 0 {
        parts.push(format!("{} more", hosts.len() - shown));
    }
    match parts.pop() {
        Some(last) if !parts.is_empty() => format!("{} and {last}", parts.join(", ")),
        last => last.unwrap_or_default(),
    }
}

fn words(cluster: &Cluster, verb: &str, hosts: &[HostId]) -> String {
    if hosts.is_empty() {
        format!("{verb}: nothing to act on")
    } else {
        format!("{verb} {}", names(cluster, hosts))
    }
}

/// The hosts that an action means now, each once, in the order of the action and, within a set,
/// of the hosts.
pub fn targets(cluster: &Cluster, on: &[Target], here: Option<HostId>) -> Vec<HostId> {
    let mut found: Vec<HostId> = Vec::new();
    for target in on {
        match target {
            Target::One(node) => found.extend(resolve(cluster, node, here)),
            Target::All(set) => found.extend(members(cluster, *set)),
            Target::Rack(name) => found.extend(cluster.hosts.in_rack(name)),
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|host| seen.insert(*host));
    found
}

fn members(cluster: &Cluster, set: Set) -> impl Iterator<Item = HostId> {
    let belongs = move |role| match role {
        Role::Broker(_) => matches!(set, Set::Brokers | Set::Site),
        Role::Controller(_) => matches!(set, Set::Controllers | Set::Site),
        Role::Sender(_) | Role::Reader(..) | Role::Tool(_) => false,
    };
    let all = cluster.hosts.all();
    all.filter_map(move |(host, role)| belongs(role).then_some(host))
}

/// The host that a node of the timeline means now.
pub fn resolve(cluster: &Cluster, node: &Node, here: Option<HostId>) -> Option<HostId> {
    match node {
        Node::Named(name) => cluster.hosts.find(name),
        Node::Leader(tp) => cluster.hosts.broker(cluster.registration(*tp)?.leader?),
        Node::Follower(tp) => {
            let registration = cluster.registration(*tp)?;
            let mut in_sync = registration.isr.iter().chain(registration.replicas.iter());
            let follower = in_sync.find(|id| Some(**id) != registration.leader)?;
            cluster.hosts.broker(*follower)
        }
        Node::Replica(tp, nth) => {
            let replicas = &cluster.registration(*tp)?.replicas;
            cluster
                .hosts
                .broker(*replicas.get(nth.checked_sub(1)? as usize)?)
        }
        Node::Controller => Some(cluster.controller_host()),
        Node::Here => here,
    }
}
