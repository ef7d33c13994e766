//! What goes on by itself once it has begun: a rolling restart, a flapping link.
//!
//! Modelled: the next step of a course depends on what the cluster has done meanwhile, so it is
//! taken when it is due, not planned: a node of a rolling restart is started a while after its
//! process has really ended, however long its shutdown took.

use crate::cluster::Cluster;
use crate::fault::apply::{names, start_again};
use crate::sim::process::HostId;
use crate::sim::time::{SimDuration, SimTime};

/// How often it is looked whether a process that was asked to stop has ended.
pub(super) const LOOK_EVERY: SimDuration = SimDuration::from_millis(10);

/// Something that goes on.
#[derive(Clone, Debug)]
pub enum Course {
    /// Nodes are stopped in good order and started again, one after the other.
    Rolling(Rolling),
    /// A link is cut and healed, again and again.
    Flap(Flap),
}

/// A rolling restart.
#[derive(Clone, Debug)]
pub struct Rolling {
    /// Who comes next is last.
    pub(super) to_come: Vec<HostId>,
    pub(super) down: SimDuration,
    pub(super) gap: SimDuration,
    pub(super) phase: Phase,
}

/// Where a rolling restart is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The next node is to be stopped.
    Next,
    /// This node was asked to stop.
    Stopping(HostId),
    /// This node is down until it is its time.
    Down(HostId),
}

/// A flapping link.
#[derive(Clone, Debug)]
pub struct Flap {
    pub(super) pair: [HostId; 2],
    pub(super) down: SimDuration,
    pub(super) up: SimDuration,
    pub(super) is_down: bool,
}

/// What a step of a course has done.
#[derive(Clone, Debug, Default)]
pub struct Stepped {
    /// In words, where that is worth a label.
    pub what: Option<String>,
    /// When the next step is due; none when it is over.
    pub next: Option<SimTime>,
}

impl Course {
    /// A rolling restart of these nodes, which begins with its first step.
    pub fn rolling(hosts: &[HostId], down: SimDuration, gap: SimDuration) -> Self {
        Self::Rolling(Rolling {
            to_come: hosts.iter().rev().copied().collect(),
            down,
            gap,
            phase: Phase::Next,
        })
    }

    /// A link that is cut with its first step.
    pub fn flap(pair: [HostId; 2], down: SimDuration, up: SimDuration) -> Self {
        Self::Flap(Flap {
            pair,
            down,
            up,
            is_down: false,
        })
    }

    /// Takes the step that is due.
    pub fn step(&mut self, cluster: &mut Cluster) -> Stepped {
        match self {
            Self::Rolling(rolling) => rolling.step(cluster),
            Self::Flap(flap) => flap.step(cluster),
        }
    }

    /// Ends it where it is and undoes what it has done; a node that is still on its way down is
    /// the schedule's to start.
    pub fn end(&mut self, cluster: &mut Cluster) -> Option<String> {
        match self {
            Self::Rolling(rolling) => {
                rolling.to_come.clear();
                match rolling.phase {
                    Phase::Down(host) => back(cluster, host),
                    Phase::Next | Phase::Stopping(_) => None,
                }
            }
            Self::Flap(flap) => {
                if flap.is_down {
                    flap.turn(cluster);
                }
                Some(format!("{} stop flapping", names(cluster, &flap.pair)))
            }
        }
    }
}

impl Rolling {
    fn step(&mut self, cluster: &mut Cluster) -> Stepped {
        let now = cluster.world.now();
        match self.phase {
            Phase::Next => self.stop_next(cluster),
            Phase::Stopping(host) if cluster.world.is_stopping(host) => Stepped {
                what: None,
                next: Some(now + LOOK_EVERY),
            },
            Phase::Stopping(host) => {
                self.phase = Phase::Down(host);
                let due = cluster.world.ended_at(host) + self.down;
                Stepped {
                    what: None,
                    next: Some(due.max(now)),
                }
            }
            Phase::Down(host) => {
                self.phase = Phase::Next;
                let next = (!self.to_come.is_empty()).then_some(now + self.gap);
                let what = back(cluster, host);
                Stepped { what, next }
            }
        }
    }

    /// Stops the next node that runs; those that do not are left out.
    fn stop_next(&mut self, cluster: &mut Cluster) -> Stepped {
        while let Some(host) = self.to_come.pop() {
            if cluster.world.is_running(host) {
                cluster.world.terminate(host);
                self.phase = Phase::Stopping(host);
                return Stepped {
                    what: Some(format!("stop {}", cluster.hosts.name(host))),
                    next: Some(cluster.world.now() + LOOK_EVERY),
                };
            }
        }
        Stepped::default()
    }
}

/// Starts a host that is down; says so.
fn back(cluster: &mut Cluster, host: HostId) -> Option<String> {
    start_again(cluster, host).then(|| format!("{} back", cluster.hosts.name(host)))
}

impl Flap {
    fn step(&mut self, cluster: &mut Cluster) -> Stepped {
        self.turn(cluster);
        let lasts = if self.is_down { self.down } else { self.up };
        Stepped {
            what: None,
            next: Some(cluster.world.now() + lasts),
        }
    }

    fn turn(&mut self, cluster: &mut Cluster) {
        let [one, other] = self.pair;
        for (from, to) in [(one, other), (other, one)] {
            if self.is_down {
                cluster.world.heal(from, to);
            } else {
                cluster.world.cut(from, to);
            }
        }
        self.is_down = !self.is_down;
    }
}
