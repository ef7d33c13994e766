//! Several log directories (JBOD): which replica lies where, and what happens when one fails.
//!
//! Modelled: a new replica goes where the fewest are; the controller learns where it is
//! (AssignReplicasToDirs); a directory that fails takes its replicas offline and is told with the
//! next heartbeat, at once; the first directory is also metadata.log.dir, without which the broker
//! halts, as it does without any directory. A failed directory stays offline until a restart.
//! Left out: moving replicas between directories, directory ids on disk.
//! Source: LogManager.nextLogDirs, ReplicaManager.handleLogDirFailure, BrokerLifecycleManager,
//! AssignmentsManager (4.2); KIP-112, KIP-858.

// Deviation: assignments to directories share the connection of producer ids; Kafka has one for
// them.

// Deviation: log.dir.failure.timeout.ms, 30 s after which a broker that could not tell of a failed
// directory stops, is looked at when a heartbeat fails.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::partition::{Part, Slot};
use crate::broker::timer::Link;
use crate::kafka::api::assign_replicas_to_dirs::{
    AssignReplicasToDirsRequest, AssignReplicasToDirsResponse,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{DirectoryId, DirectorySet, TopicPartition};
use crate::kafka::message::Request;
use crate::sim::disk::{Disk, DiskFault};
use crate::sim::time::{SimDuration, SimTime};

/// log.dir.failure.timeout.ms
const FAILURE_TIMEOUT: SimDuration = SimDuration::from_secs(30);

/// The log directories of one broker.
#[derive(Clone, Debug)]
pub(super) struct LogDirs {
    count: u32,
    /// Failed in this life.
    offline: DirectorySet,
    /// Of these, what the controller has been told.
    told: DirectorySet,
    /// What the heartbeat under way tells.
    telling: DirectorySet,
    /// Since when there is something to tell.
    untold_since: Option<SimTime>,
    /// Failed in this step: their replicas are still to go offline.
    failing: Vec<DirectoryId>,
    /// Assignments that the controller does not know.
    unassigned: Vec<(TopicPartition, DirectoryId)>,
    /// How many of them, from the front, the request under way carries.
    assigning: usize,
}

impl LogDirs {
    /// So many directories, all of them good; at least one.
    pub(super) fn new(count: u32) -> Self {
        Self {
            count: count.max(1),
            offline: DirectorySet::default(),
            told: DirectorySet::default(),
            telling: DirectorySet::default(),
            untold_since: None,
            failing: Vec::new(),
            unassigned: Vec::new(),
            assigning: 0,
        }
    }

    /// The process is gone.
    pub(super) fn end(&mut self) {
        *self = Self::new(self.count);
    }

    /// True when this directory has failed.
    pub(super) fn is_offline(&self, dir: DirectoryId) -> bool {
        self.offline.contains(dir)
    }

    fn all(&self) -> impl Iterator<Item = DirectoryId> + use<> {
        (0..self.count).map(DirectoryId)
    }
}

impl Broker {
    /// Looks which directories work, at the start of a life. False when the broker can't go on.
    pub(super) fn load_log_dirs(&mut self, disk: &Disk) -> bool {
        if self.log_dirs.count == 1 {
            return true;
        }
        for dir in self.log_dirs.all() {
            if disk.fault(dir.0) == DiskFault::Failed {
                self.log_dirs.offline.insert(dir);
            }
        }
        !self.lacks_directories()
    }

    /// True when some of the directories have failed.
    pub fn lacks_log_dirs(&self) -> bool {
        self.log_dirs.offline != DirectorySet::default()
    }

    /// The metadata log's directory is gone, or every other.
    fn lacks_directories(&self) -> bool {
        self.log_dirs.is_offline(DirectoryId::METADATA)
            || self.log_dirs.all().all(|dir| self.log_dirs.is_offline(dir))
    }

    /// True when the replica lies in a directory that failed.
    pub(super) fn is_offline(&self, slot: Slot) -> bool {
        self.log_dirs.is_offline(self.replicas[slot].dir)
    }

    /// The directory of a replica failed: it answers nobody from now on.
    pub(super) fn log_dir_failed(&mut self, slot: Slot) {
        let dir = self.replicas[slot].dir;
        if !self.log_dirs.is_offline(dir) {
            self.log_dirs.offline.insert(dir);
            self.log_dirs.failing.push(dir);
        }
        if self.lacks_directories() {
            self.is_halting = true;
        }
    }

    /// Takes the replicas of directories that failed in this step offline and tells the controller.
    pub(super) fn take_dirs_offline(&mut self, cx: BrokerCx<'_, '_>) {
        while let Some(dir) = self.log_dirs.failing.pop() {
            let slots = self.replicas.slots();
            let lost: Vec<Slot> = slots
                .filter(|slot| self.replicas[*slot].dir == dir && !self.replicas[*slot].is_gone)
                .collect();
            cx.fact(Fact::LogDirFailed {
                broker: self.id,
                dir,
                replicas: lost.len() as u32,
                halts: self.is_halting,
            });
            if self.is_halting {
                continue;
            }
            for slot in lost {
                self.stop_fetching(slot);
                self.replicas[slot].part = Part::Idle;
                self.deposed(cx, slot);
                self.replicas[slot].forget();
            }
            self.close_idle_fetchers(cx);
            self.log_dirs.untold_since.get_or_insert(cx.now());
            self.communicate(cx);
        }
    }

    /// What the next heartbeat says of directories.
    pub(super) fn offline_log_dirs(&mut self) -> DirectorySet {
        self.log_dirs.telling = self.log_dirs.offline;
        self.log_dirs.offline
    }

    /// The controller has heard it.
    pub(super) fn log_dirs_told(&mut self) {
        let dirs = &mut self.log_dirs;
        dirs.told = dirs.telling;
        if dirs.told == dirs.offline {
            dirs.untold_since = None;
        }
    }

    /// True when the controller could not be told of a failed directory for too long.
    pub(super) fn failure_stays_untold(&self, now: SimTime) -> bool {
        let since = self.log_dirs.untold_since;
        since.is_some_and(|since| now.since(since) >= FAILURE_TIMEOUT)
    }

    /// Where a replica lies, or is to lie: where the controller says, else where the fewest are.
    pub(super) fn place_in_dir(&mut self, cx: BrokerCx<'_, '_>, slot: Slot) {
        if self.log_dirs.count == 1 {
            return;
        }
        let tp = self.replicas[slot].tp;
        let assigned = self.image().directory(tp, self.id);
        let dir = assigned.filter(|dir| !self.log_dirs.is_offline(*dir));
        let dir = dir.unwrap_or_else(|| {
            let dirs = self.log_dirs.all();
            let online = dirs.filter(|dir| !self.log_dirs.is_offline(*dir));
            let fewest = online.min_by_key(|dir| self.replicas_in(*dir, slot));
            fewest.expect("a broker without directories halts")
        });
        self.replicas[slot].dir = dir;
        cx.disk().place(self.replicas[slot].file, dir.0);
        if assigned != Some(dir) {
            self.log_dirs.unassigned.push((tp, dir));
        }
    }

    fn replicas_in(&self, dir: DirectoryId, but: Slot) -> usize {
        let slots = self.replicas.slots().filter(|slot| *slot != but);
        let there = slots.filter(|slot| {
            let replica = &self.replicas[*slot];
            replica.dir == dir && !replica.is_gone
        });
        there.count()
    }

    /// Tells the controller where new replicas lie.
    pub(super) fn assign_replicas_to_dirs(&mut self, cx: BrokerCx<'_, '_>) {
        let dirs = &mut self.log_dirs;
        if dirs.unassigned.is_empty() || self.links[Link::ProducerIds.index()].is_busy() {
            return;
        }
        dirs.assigning = dirs.unassigned.len();
        let request = AssignReplicasToDirsRequest {
            broker: self.id,
            broker_epoch: self.lifecycle.epoch().unwrap_or_default(),
            assignments: dirs.unassigned.clone(),
        };
        self.ask(
            cx,
            Link::ProducerIds,
            Request::AssignReplicasToDirs(Box::new(request)),
        );
    }

    /// The controller answered, or another question is out of the way.
    pub(super) fn replicas_assigned(
        &mut self,
        cx: BrokerCx<'_, '_>,
        response: AssignReplicasToDirsResponse,
    ) {
        let count = std::mem::take(&mut self.log_dirs.assigning);
        match response.error {
            None => drop(self.log_dirs.unassigned.drain(..count)),
            // A new registration begins with what the controller knows.
            Some(ErrorCode::StaleBrokerEpoch) => self.log_dirs.unassigned.clear(),
            Some(_) => return,
        }
        self.assign_replicas_to_dirs(cx);
    }
}
