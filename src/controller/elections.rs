//! Who leads a partition and who is in sync with it, after one change.
//!
//! Modelled: online, preferred and unclean elections, the last replica standing, eligible leader
//! replicas (KIP-966) with the election of the last known leader, which changes bump the leader
//! epoch, and the end of a reassignment. A pure function from a registration to the next one.
//! Left out: replica directories; lists of last known eligible replicas longer than
//! one (unclean.recovery.strategy other than the default).
//! Source: PartitionChangeBuilder (4.2); KAFKA-15021 (a smaller in-sync set alone is no new epoch).

use std::sync::Arc;

use crate::kafka::ids::BrokerId;
use crate::kafka::metadata_records::{LeaderRecoveryState, PartitionRegistration, Reassignment};

/// How far an election may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Election {
    /// Keep a valid leader, else elect an in-sync replica.
    Online,
    /// Like `Online`, but the first replica leads whenever it is in sync.
    Preferred,
    /// Like `Online`, but rather any replica than none.
    Unclean,
}

/// What is to become of one partition.
#[derive(Debug)]
pub(super) struct PartitionChangeBuilder<'a> {
    /// The registration as it is.
    pub(super) partition: &'a PartitionRegistration,
    /// The replicas that it shall have.
    pub(super) target_replicas: Arc<[BrokerId]>,
    /// The reassignment that shall be under way.
    pub(super) target_reassignment: Option<Arc<Reassignment>>,
    /// The in-sync set that it shall have.
    pub(super) target_isr: Vec<BrokerId>,
    /// How far an election may go.
    pub(super) election: Election,
    /// A replica that came back without a clean-shutdown mark.
    pub(super) unclean_shutdown: Option<BrokerId>,
    /// The recovery state that it shall have unless the election is unclean.
    pub(super) target_recovery: LeaderRecoveryState,
    /// The effective min.insync.replicas.
    pub(super) min_isr: usize,
    /// True when eligible.leader.replicas.version is 1.
    pub(super) eligible_leader_replicas: bool,
}

/// A registration that differs from the one before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BuiltChange {
    /// The new registration, its epochs bumped.
    pub(super) registration: PartitionRegistration,
    /// True when the new leader is not known to have all committed records.
    pub(super) unclean: bool,
}

/// An elected leader.
#[derive(Clone, Copy)]
struct Elected {
    leader: Option<BrokerId>,
    unclean: bool,
}

impl<'a> PartitionChangeBuilder<'a> {
    /// A change that changes nothing yet.
    pub(super) fn new(partition: &'a PartitionRegistration, min_isr: usize) -> Self {
        Self {
            partition,
            target_replicas: Arc::clone(&partition.replicas),
            target_reassignment: partition.reassignment.clone(),
            target_isr: partition.isr.to_vec(),
            election: Election::Online,
            unclean_shutdown: None,
            target_recovery: partition.recovery,
            min_isr,
            eligible_leader_replicas: false,
        }
    }

    /// The next registration, or none when nothing changes. `acceptable` says which brokers may
    /// lead at all: unfenced and not shutting down.
    pub(super) fn build(mut self, acceptable: impl Fn(BrokerId) -> bool) -> Option<BuiltChange> {
        self.complete_reassignment();
        let partition = self.partition;
        let mut target_isr = self.target_isr.clone();
        let mut target_elr = self.target_elr();
        let elected = self.elect(&target_elr, &acceptable);
        let leader_changes = elected.leader != partition.leader;
        let unclean = leader_changes && elected.unclean;

        let mut recovery = self.target_recovery;
        if unclean {
            // Nobody else can be known to agree with the new leader.
            target_isr = elected.leader.into_iter().collect();
            target_elr.clear();
            recovery = LeaderRecoveryState::Recovering;
        } else if let Some(leader) = elected.leader
            && leader_changes
            && let Some(at) = target_elr.iter().position(|replica| *replica == leader)
        {
            target_elr.remove(at);
            target_isr = vec![leader];
        }
        // The last replica standing: without eligible leader replicas the in-sync set is never
        // empty, so that the partition knows who may lead it cleanly.
        if target_isr.is_empty() && !self.eligible_leader_replicas {
            target_isr = partition.isr.to_vec();
        }

        let last_known_leader = self.last_known_leader(elected.leader, leader_changes);
        // A leader must not count on a replica that is gone, whoever leads.
        let target_replicas = &self.target_replicas;
        let loses_replicas = !(partition.replicas.iter()).all(|r| target_replicas.contains(r));
        let changed = leader_changes
            || *target_replicas != partition.replicas
            || self.target_reassignment != partition.reassignment
            || target_isr != *partition.isr
            || target_elr != *partition.elr
            || last_known_leader != partition.last_known_leader
            || recovery != partition.recovery;
        changed.then(|| BuiltChange {
            registration: PartitionRegistration {
                replicas: Arc::clone(target_replicas),
                isr: target_isr.into(),
                elr: target_elr.into(),
                last_known_leader,
                reassignment: self.target_reassignment.clone(),
                leader: elected.leader,
                recovery,
                leader_epoch: if leader_changes || loses_replicas {
                    partition.leader_epoch.next()
                } else {
                    partition.leader_epoch
                },
                partition_epoch: partition.partition_epoch.next(),
            },
            unclean,
        })
    }

    /// Once the whole target is in sync, what is to go goes, in this very change.
    fn complete_reassignment(&mut self) {
        let Some(reassignment) = &self.target_reassignment else {
            return;
        };
        let stays = |replica: &&BrokerId| !reassignment.removing.contains(replica);
        let isr: Vec<BrokerId> = self.target_isr.iter().filter(stays).copied().collect();
        let replicas: Arc<[BrokerId]> =
            self.target_replicas.iter().filter(stays).copied().collect();
        if !isr.is_empty() && replicas.iter().all(|replica| isr.contains(replica)) {
            self.target_isr = isr;
            self.target_replicas = replicas;
            self.target_reassignment = None;
        }
    }

    /// While the in-sync set is below the minimum, everyone who was in it stays eligible: the high
    /// watermark stands still, so nothing was committed without them.
    fn target_elr(&self) -> Vec<BrokerId> {
        if !self.eligible_leader_replicas || self.target_isr.len() >= self.min_isr {
            return Vec::new();
        }
        let mut elr: Vec<BrokerId> = self
            .partition
            .elr
            .iter()
            .chain(self.partition.isr.iter())
            .copied()
            .filter(|replica| !self.target_isr.contains(replica))
            .filter(|replica| self.unclean_shutdown != Some(*replica))
            .filter(|replica| self.target_replicas.contains(replica))
            .collect();
        elr.sort_unstable();
        elr.dedup();
        elr
    }

    fn elect(&self, elr: &[BrokerId], acceptable: &impl Fn(BrokerId) -> bool) -> Elected {
        let valid = |replica: BrokerId| {
            (self.target_isr.contains(&replica)
                || (self.target_isr.is_empty() && elr.contains(&replica)))
                && acceptable(replica)
        };
        let replicas = &self.target_replicas;
        let preferred = match self.election {
            Election::Preferred => replicas.first().copied().filter(|r| valid(*r)),
            Election::Online | Election::Unclean => None,
        };
        let clean = preferred
            .or_else(|| self.partition.leader.filter(|leader| valid(*leader)))
            .or_else(|| replicas.iter().copied().find(|r| valid(*r)));
        if clean.is_some() {
            return Elected {
                leader: clean,
                unclean: false,
            };
        }
        let last_known = self.partition.last_known_leader.filter(|leader| {
            self.eligible_leader_replicas
                && self.target_isr.is_empty()
                && elr.is_empty()
                && acceptable(*leader)
        });
        let any = match self.election {
            Election::Unclean => replicas.iter().copied().find(|r| acceptable(*r)),
            Election::Online | Election::Preferred => None,
        };
        let leader = last_known.or(any);
        Elected {
            leader,
            unclean: leader.is_some(),
        }
    }

    fn last_known_leader(
        &self,
        leader: Option<BrokerId>,
        leader_changes: bool,
    ) -> Option<BrokerId> {
        let known = self.partition.last_known_leader;
        match leader {
            _ if !self.eligible_leader_replicas || !leader_changes => known,
            Some(_) => None,
            None => known.or(self.partition.leader),
        }
    }
}

#[cfg(test)]
mod tests;
