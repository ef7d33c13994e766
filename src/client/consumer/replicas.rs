//! Reading from a follower near by (KIP-392).
//!
//! Modelled: the leader names a replica, which is kept for metadata.max.age.ms; whoever refuses,
//! hangs up or is no longer listed is left for the leader.
//! Source: AbstractFetch.selectReadReplica, handleFetchFailure, FetchCollector (4.2); KIP-392.

use crate::client::consumer::Consumer;
use crate::client::consumer::subscription::PartitionIndex;
use crate::kafka::api::fetch::FetchResponse;
use crate::rpc::Peer;
use crate::sim::time::SimTime;

impl Consumer {
    /// Takes the replicas that an answer names, and gives up those whose time is over.
    pub(crate) fn choose_replicas(&mut self, now: SimTime, peer: Peer, response: &FetchResponse) {
        let asked: Vec<PartitionIndex> = self.fetcher.asked(peer).collect();
        for (index, fetched) in asked.into_iter().zip(&response.partitions) {
            let named = fetched.preferred_read_replica;
            if let Some(replica) = named.and_then(|broker| self.metadata.peer(broker)) {
                let until = now + self.config.metadata_max_age;
                self.subscription.prefer(index, replica, until);
                self.fetcher
                    .place(index, self.subscription.read_from(index));
            } else if let Some((_, until)) = self.subscription.preferred(index)
                && until <= now
            {
                self.back_to_the_leader(index);
            }
        }
    }

    /// A fetch from the broker has no answer.
    pub(crate) fn leave_replica(&mut self, peer: Peer) {
        self.leave_replicas(|other| other == peer);
    }

    /// The metadata may not list a replica any more.
    pub(crate) fn leave_missing_replicas(&mut self) {
        if self.rack.is_some() {
            let live: Vec<bool> = (0..self.metadata.brokers().len() as u32)
                .map(|index| self.metadata.is_live(Peer(index)))
                .collect();
            self.leave_replicas(|peer| !live[peer.0 as usize]);
        }
    }

    fn leave_replicas(&mut self, is_left: impl Fn(Peer) -> bool) {
        for index in 0..self.membership.partitions().len() as u32 {
            let index = PartitionIndex(index);
            let preferred = self.subscription.preferred(index);
            if preferred.is_some_and(|(peer, _)| is_left(peer)) {
                self.back_to_the_leader(index);
            }
        }
    }

    fn back_to_the_leader(&mut self, index: PartitionIndex) {
        self.subscription.prefer_leader(index);
        self.fetcher
            .place(index, self.subscription.read_from(index));
    }
}
