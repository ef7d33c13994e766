//! What each action does to the world, in which words, and how it is undone.

use crate::cluster::Cluster;
use crate::fault::{Action, Node};
use crate::sim::clock::WallClock;
use crate::sim::disk::{DiskFault, DiskProfile};
use crate::sim::process::{Crash, HostId};
use crate::sim::time::SimDuration;

/// What an action did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// False when there was nothing to act on: a dead node, no leader.
    pub hit: bool,
    /// In words, with the nodes that its selectors meant.
    pub what: String,
    /// How to undo it, where that is possible.
    pub undo: Option<Undo>,
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
    /// Give the host its disk back as it was.
    Disk(HostId, DiskProfile),
    /// Repair the host's disk.
    Repair(HostId),
    /// Set the host's clock as it was.
    Clock(HostId, WallClock),
}

/// Applies an action; `here` is where the moment that the event waited for happened.
#[expect(clippy::too_many_lines, reason = "one arm per action")]
pub fn apply(cluster: &mut Cluster, action: &Action, here: Option<HostId>) -> Applied {
    match action {
        Action::Crash(node) => crash(cluster, node, here, Crash::Kill),
        Action::PowerLoss(node) => crash(cluster, node, here, Crash::PowerLoss),
        Action::LoseDisk(node) => crash(cluster, node, here, Crash::DiskLost),
        Action::Stop(node) => on_running(cluster, "stop", node, here, |cluster, host| {
            cluster.world.terminate(host);
            Some(Undo::Start(host))
        }),
        Action::Pause(node) => on_running(cluster, "pause", node, here, |cluster, host| {
            cluster.world.pause(host);
            Some(Undo::Resume(host))
        }),
        Action::Start(node) => start(cluster, node, here),
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
        Action::Isolate(node) => on_running(cluster, "isolate", node, here, |cluster, host| {
            let others = cluster
                .hosts
                .all()
                .map(|(other, _)| other)
                .filter(|h| *h != host);
            let pairs: Vec<_> = others
                .flat_map(|other| [(host, other), (other, host)])
                .collect();
            for (from, to) in &pairs {
                cluster.world.cut(*from, *to);
            }
            Some(Undo::Heal(pairs))
        }),
        Action::SlowLink(from, to, by) => {
            between(cluster, "slow", [from, to], here, " to ", |c, a, b| {
                c.world.slow(a, b, *by);
                Some(Undo::Unslow(a, b, *by))
            })
        }
        Action::Reset(one, other) => {
            between(cluster, "reset", [one, other], here, " and ", |c, a, b| {
                c.world.reset_between(a, b);
                None
            })
        }
        Action::SlowDisk(node, by) => {
            on_running(cluster, "slow disk", node, here, |cluster, host| {
                let before = *cluster.world.host_state(host).disk.profile();
                let slower = DiskProfile {
                    flush_latency: before.flush_latency + *by,
                    ..before
                };
                cluster.world.set_disk(host, slower);
                Some(Undo::Disk(host, before))
            })
        }
        Action::FillDisk(node) => break_disk(cluster, "fill disk", node, here, DiskFault::Full),
        Action::FailDisk(node) => break_disk(cluster, "fail disk", node, here, DiskFault::Failed),
        Action::SkewClock(node, nanos) => {
            on_running(cluster, "skew clock", node, here, |cluster, host| {
                let before = cluster.world.host_state(host).clock;
                let skew_nanos = before.skew_nanos.saturating_add(*nanos);
                cluster.world.set_clock(
                    host,
                    WallClock {
                        skew_nanos,
                        ..before
                    },
                );
                Some(Undo::Clock(host, before))
            })
        }
    }
}

/// Undoes an action; says in words what happened, where that is worth a label.
pub fn undo(cluster: &mut Cluster, step: &Undo) -> Option<String> {
    match step {
        Undo::Start(host) => {
            if cluster.world.is_running(*host) {
                return None;
            }
            cluster.world.start(*host);
            Some(format!("{} back", cluster.hosts.name(*host)))
        }
        Undo::Resume(host) => {
            cluster.world.resume(*host);
            Some(format!("{} goes on", cluster.hosts.name(*host)))
        }
        Undo::Heal(pairs) => {
            for (from, to) in pairs {
                cluster.world.heal(*from, *to);
            }
            Some("cut healed".to_owned())
        }
        Undo::Unslow(from, to, by) => {
            cluster.world.unslow(*from, *to, *by);
            None
        }
        Undo::Disk(host, profile) => {
            cluster.world.set_disk(*host, *profile);
            None
        }
        Undo::Repair(host) => {
            cluster.world.set_disk_fault(*host, DiskFault::None);
            Some(format!("{} disk repaired", cluster.hosts.name(*host)))
        }
        Undo::Clock(host, clock) => {
            cluster.world.set_clock(*host, *clock);
            None
        }
    }
}

fn crash(cluster: &mut Cluster, node: &Node, here: Option<HostId>, kind: Crash) -> Applied {
    let verb = match kind {
        Crash::Kill => "crash",
        Crash::PowerLoss => "power loss",
        Crash::DiskLost => "lose disk",
    };
    on_running(cluster, verb, node, here, |cluster, host| {
        cluster.world.crash(host, kind);
        Some(Undo::Start(host))
    })
}

fn start(cluster: &mut Cluster, node: &Node, here: Option<HostId>) -> Applied {
    let host = resolve(cluster, node, here).filter(|host| !cluster.world.is_running(*host));
    if let Some(host) = host {
        cluster.world.start(host);
    }
    Applied {
        hit: host.is_some(),
        what: words(cluster, "start", host),
        undo: None,
    }
}

fn break_disk(
    cluster: &mut Cluster,
    verb: &str,
    node: &Node,
    here: Option<HostId>,
    fault: DiskFault,
) -> Applied {
    on_running(cluster, verb, node, here, |cluster, host| {
        cluster.world.set_disk_fault(host, fault);
        Some(Undo::Repair(host))
    })
}

/// An action on one node, which must run to be hit.
fn on_running(
    cluster: &mut Cluster,
    verb: &str,
    node: &Node,
    here: Option<HostId>,
    act: impl FnOnce(&mut Cluster, HostId) -> Option<Undo>,
) -> Applied {
    let host = resolve(cluster, node, here).filter(|host| cluster.world.is_running(*host));
    let undo = host.and_then(|host| act(cluster, host));
    Applied {
        hit: host.is_some(),
        what: words(cluster, verb, host),
        undo,
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
            what: words(cluster, verb, None),
            undo: None,
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
        undo: act(cluster, one, other),
    }
}

fn words(cluster: &Cluster, verb: &str, host: Option<HostId>) -> String {
    match host {
        Some(host) => format!("{verb} {}", cluster.hosts.name(host)),
        None => format!("{verb}: nothing to act on"),
    }
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
