//! The in-sync set as its leader sees it: who must leave, who may join, what is under way.
//!
//! Modelled: a member leaves when it was not caught up for replica.lag.time.max.ms; a follower joins
//! when it has all that is committed and the whole of this leader's epoch began before its log end,
//! and its broker is eligible; one change under way per partition. While it is, the maximal set
//! counts: the one that asks for more.
//! Left out: reassignment.
//! Source: Partition.maybeShrinkIsr, maybeExpandIsr, PendingExpandIsr, PendingShrinkIsr (4.2);
//! KIP-497, KIP-841, KIP-903.

use std::sync::Arc;

use crate::broker::leading::{LeaderNow, Leading};
use crate::kafka::ids::{BrokerId, Offset};

/// Names one proposal; never used twice by a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProposalId(pub(super) u64);

/// A change of the in-sync set that the controller has not answered.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// Its name.
    pub(super) id: ProposalId,
    /// What the leader asked for.
    pub(super) isr: Arc<[BrokerId]>,
}

impl Leading {
    /// The in-sync set with the follower, if it may and should join now.
    pub(super) fn expanded(
        &self,
        index: usize,
        high_watermark: Offset,
        leader: &LeaderNow<'_>,
    ) -> Option<Arc<[BrokerId]>> {
        let follower = &self.followers[index];
        // Checked first: the usual case on the hot path.
        if follower.in_maximal_isr || self.pending.is_some() {
            return None;
        }
        let has_what_counts = follower.log_end >= Some(high_watermark.max(self.epoch_start));
        let may_join = leader
            .registrations
            .may_join_isr(follower.broker, follower.broker_epoch);
        (has_what_counts && may_join).then(|| {
            let members = self.isr.iter().copied();
            members.chain([follower.broker]).collect()
        })
    }

    /// The in-sync set without those that lag behind, if there are such.
    pub(super) fn shrunk(&self, own: BrokerId, leader: &LeaderNow<'_>) -> Option<Arc<[BrokerId]>> {
        if self.pending.is_some() {
            return None;
        }
        let keeps_up = |broker: &BrokerId| {
            *broker == own
                || self
                    .position(*broker)
                    .is_some_and(|index| self.followers[index].is_caught_up(leader))
        };
        if self.isr.iter().all(keeps_up) {
            return None;
        }
        Some(self.isr.iter().copied().filter(keeps_up).collect())
    }

    /// A change is under way. A set that grows counts as grown from now on, one that shrinks stays.
    pub(super) fn propose(&mut self, pending: Pending) {
        for follower in &mut self.followers {
            follower.in_maximal_isr |= pending.isr.contains(&follower.broker);
        }
        self.pending = Some(pending);
    }

    /// The change was not made: the committed set is the maximal one again.
    pub(super) fn withdraw(&mut self) {
        self.commit(Arc::clone(&self.isr));
    }

    /// True when this proposal is still the one under way.
    pub(super) fn awaits(&self, id: ProposalId) -> bool {
        self.pending
            .as_ref()
            .is_some_and(|pending| pending.id == id)
    }
}
