//! Which replica a consumer is sent to for its reads (KIP-392).
//!
//! Modelled: RackAwareReplicaSelector at the leader: the leader where it stands in the consumer's
//! rack, else of that rack's in-sync, unfenced followers that have the offset the one furthest on.
//! Left out: selectors of one's own; log start offsets of followers.
//! Source: ReplicaManager.findPreferredReadReplica, RackAwareReplicaSelector (4.2); KIP-392.

use crate::broker::Broker;
use crate::broker::partition::Slot;
use crate::kafka::config::broker::ReplicaSelector;
use crate::kafka::ids::{BrokerId, Offset, Rack};

impl Broker {
    /// The replica that a consumer of this rack is to read from; none where that is this leader.
    pub(super) fn preferred_read_replica(
        &self,
        slot: Slot,
        rack: Rack,
        offset: Offset,
    ) -> Option<BrokerId> {
        if self.config.replica_selector == ReplicaSelector::Leader || self.rack == Some(rack) {
            return None;
        }
        let leading = self.replicas[slot].leading()?;
        let in_rack = |broker: BrokerId| {
            let registration = self.registrations.find(broker);
            registration.is_some_and(|known| !known.fenced && known.rack == Some(rack))
        };
        let candidates = leading.followers.iter().filter(|follower| {
            follower.log_end >= Some(offset)
                && leading.isr.contains(&follower.broker)
                && in_rack(follower.broker)
        });
        let best = candidates.max_by_key(|f| (f.log_end, f.last_caught_up, f.broker));
        best.map(|follower| follower.broker)
    }
}
