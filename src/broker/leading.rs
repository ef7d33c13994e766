//! What a leader knows of its followers, and how far that lets the high watermark go.
//!
//! Modelled: log end, last caught-up time and broker epoch of each follower, learned from its
//! fetches; the high watermark over the maximal in-sync set and those about to join it; no advance
//! while the in-sync set is below its minimum.
//! Source: Partition.maybeIncrementLeaderHW, checkEnoughReplicasReachOffset, Replica (4.2);
//! KIP-497, KIP-903, KAFKA-15583.

use std::sync::Arc;

use crate::broker::isr::Pending;
use crate::broker::registrations::Registrations;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset};
use crate::kafka::metadata_records::PartitionRegistration;
use crate::sim::time::{SimDuration, SimTime};

/// The state of a replica that leads.
#[derive(Clone, Debug)]
pub(super) struct Leading {
    /// Its epoch.
    pub(super) epoch: LeaderEpoch,
    /// Where that epoch begins in its log.
    pub(super) epoch_start: Offset,
    /// The other replicas, in order of assignment.
    pub(super) followers: Vec<Follower>,
    /// The in-sync set that the controller has committed.
    pub(super) isr: Arc<[BrokerId]>,
    /// The change of it that is under way.
    pub(super) pending: Option<Pending>,
    /// min.insync.replicas, at most the number of replicas.
    pub(super) min_isr: usize,
}

/// What a leader knows of a follower.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    /// The follower.
    pub(super) broker: BrokerId,
    /// True when it is in the maximal in-sync set: the committed one and who is about to join.
    pub(super) in_maximal_isr: bool,
    /// Its log end; unknown until its first fetch.
    pub(super) log_end: Option<Offset>,
    /// Its log start; unknown until its first fetch.
    pub(super) log_start: Option<Offset>,
    /// When it last had everything.
    pub(super) last_caught_up: Option<SimTime>,
    /// The broker epoch of its last fetch.
    pub(super) broker_epoch: Option<BrokerEpoch>,
    last_fetch: Option<SimTime>,
    /// The leader's log end at its last fetch.
    last_fetch_leader_end: Option<Offset>,
}

/// What the leader's own log and host say, for the rules that depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeaderNow<'a> {
    /// The time.
    pub(super) now: SimTime,
    /// The leader's log end.
    pub(super) log_end: Offset,
    /// replica.lag.time.max.ms
    pub(super) max_lag: SimDuration,
    /// The brokers' registrations.
    pub(super) registrations: &'a Registrations,
}

impl Follower {
    fn new(broker: BrokerId) -> Self {
        Self {
            broker,
            in_maximal_isr: false,
            log_end: None,
            log_start: None,
            last_caught_up: None,
            broker_epoch: None,
            last_fetch: None,
            last_fetch_leader_end: None,
        }
    }

    /// True when it has everything, or had at some instant of the last replica.lag.time.max.ms.
    pub(super) fn is_caught_up(&self, leader: &LeaderNow<'_>) -> bool {
        self.log_end == Some(leader.log_end)
            || self
                .last_caught_up
                .is_some_and(|at| leader.now.since(at) <= leader.max_lag)
    }

    /// A fetch from `offset` arrived. True when its log end changed.
    pub(super) fn fetched(
        &mut self,
        offset: Offset,
        broker_epoch: BrokerEpoch,
        leader: &LeaderNow<'_>,
    ) -> bool {
        // A follower that always asks for what was the end a fetch ago keeps up as well: it had
        // everything at the time of that fetch.
        if offset >= leader.log_end {
            self.last_caught_up = self.last_caught_up.max(Some(leader.now));
        } else if Some(offset) >= self.last_fetch_leader_end {
            self.last_caught_up = self.last_caught_up.max(self.last_fetch);
        }
        let moved = self.log_end != Some(offset);
        self.log_end = Some(offset);
        self.last_fetch_leader_end = self.last_fetch_leader_end.max(Some(leader.log_end));
        self.last_fetch = Some(leader.now);
        self.broker_epoch = Some(broker_epoch);
        moved
    }

    /// A new epoch begins: nothing is known of a follower until it fetches, but that one in sync
    /// has as much time to show up as if it had just been caught up.
    fn reset(&mut self, is_new_leader: bool, in_isr: bool, leader: &LeaderNow<'_>) {
        let just_now = in_isr.then_some(leader.now);
        self.last_caught_up = just_now;
        if is_new_leader {
            self.log_end = None;
            self.log_start = None;
            self.last_fetch_leader_end = None;
            self.last_fetch = None;
            self.broker_epoch = None;
        } else {
            self.last_fetch_leader_end = Some(leader.log_end);
            self.last_fetch = just_now;
        }
    }
}

impl Leading {
    /// The state before the first registration is applied.
    pub(super) fn new(epoch: LeaderEpoch, epoch_start: Offset) -> Self {
        Self {
            epoch,
            epoch_start,
            followers: Vec::new(),
            isr: Arc::from([]),
            pending: None,
            min_isr: 1,
        }
    }

    /// Takes over replicas and in-sync set from a registration: what was pending is void.
    pub(super) fn assign(
        &mut self,
        own: BrokerId,
        registration: &PartitionRegistration,
        min_insync_replicas: u32,
    ) {
        let others = || {
            registration
                .replicas
                .iter()
                .filter(|broker| **broker != own)
        };
        let is_replica = |broker: BrokerId| others().any(|other| *other == broker);
        self.followers
            .retain(|follower| is_replica(follower.broker));
        for broker in others() {
            if !self.followers.iter().any(|known| known.broker == *broker) {
                self.followers.push(Follower::new(*broker));
            }
        }
        self.require(min_insync_replicas);
        self.commit(Arc::clone(&registration.isr));
    }

    /// Takes over min.insync.replicas, at most the number of replicas.
    pub(super) fn require(&mut self, min_insync_replicas: u32) {
        let replicas = self.followers.len() + 1;
        self.min_isr = replicas.min(min_insync_replicas as usize);
    }

    /// The in-sync set is committed; nothing is pending.
    pub(super) fn commit(&mut self, isr: Arc<[BrokerId]>) {
        self.isr = isr;
        self.pending = None;
        for follower in &mut self.followers {
            follower.in_maximal_isr = self.isr.contains(&follower.broker);
        }
    }

    /// A new epoch begins.
    pub(super) fn reset_followers(&mut self, is_new_leader: bool, leader: &LeaderNow<'_>) {
        for follower in &mut self.followers {
            let in_isr = self.isr.contains(&follower.broker);
            follower.reset(is_new_leader, in_isr, leader);
        }
    }

    /// The index of a follower.
    pub(super) fn position(&self, broker: BrokerId) -> Option<usize> {
        self.followers
            .iter()
            .position(|follower| follower.broker == broker)
    }

    /// How many brokers the maximal in-sync set has, the leader included.
    fn maximal_isr_size(&self) -> usize {
        1 + self
            .followers
            .iter()
            .filter(|follower| follower.in_maximal_isr)
            .count()
    }

    /// True when the committed in-sync set is smaller than it must be for acks=all.
    pub(super) fn is_under_min_isr(&self) -> bool {
        self.isr.len() < self.min_isr
    }

    /// The offset below which everybody who counts has the records; none while nothing may be
    /// counted: the in-sync set is below its minimum, or a member has not fetched yet.
    pub(super) fn replicated(&self, leader: &LeaderNow<'_>) -> Option<Offset> {
        if self.is_under_min_isr() {
            return None;
        }
        let mut lowest = Some(leader.log_end);
        for follower in &self.followers {
            // Whoever is caught up and may join is waited for: if the high watermark ran on with a
            // leader alone in sync, the follower would chase it and never get in.
            if follower.log_end < lowest
                && (follower.in_maximal_isr
                    || (follower.is_caught_up(leader)
                        && leader
                            .registrations
                            .may_join_isr(follower.broker, follower.broker_epoch)))
            {
                lowest = follower.log_end;
            }
        }
        lowest
    }

    /// Whether a batch that ends before `required` is replicated as acks=all asks for.
    ///
    /// As the high watermark stands still below the minimum, the error is rare: the high watermark
    /// must have passed before the in-sync set shrank.
    pub(super) fn acknowledges(
        &self,
        required: Offset,
        high_watermark: Offset,
    ) -> Option<Result<(), ErrorCode>> {
        if high_watermark < required {
            None
        } else if self.maximal_isr_size() < self.min_isr {
            Some(Err(ErrorCode::NotEnoughReplicasAfterAppend))
        } else {
            Some(Ok(()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// b1 leads b2 and b3; the in-sync set is this one, the minimum 2.
    fn leading(isr: &[u32]) -> Leading {
        let mut leading = Leading::new(LeaderEpoch(0), Offset(0));
        let registration = PartitionRegistration::led_by(1, &[1, 2, 3], isr);
        leading.assign(BrokerId(1), &registration, 2);
        leading
    }

    #[test]
    fn a_committed_batch_of_a_shrunken_isr_is_not_enough_replicas_after_append() {
        let (required, committed, open) = (Offset(5), Offset(5), Offset(4));
        assert_eq!(leading(&[1, 2]).acknowledges(required, open), None);
        assert_eq!(
            leading(&[1, 2]).acknowledges(required, committed),
            Some(Ok(()))
        );
        let error = ErrorCode::NotEnoughReplicasAfterAppend;
        assert_eq!(
            leading(&[1]).acknowledges(required, committed),
            Some(Err(error))
        );
        assert_eq!(
            leading(&[1]).acknowledges(required, open),
            None,
            "it waits until its time-out"
        );
    }
}
