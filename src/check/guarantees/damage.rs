//! Which partitions have lost data in a way that Kafka's settings permit, as far as facts tell.

use std::collections::BTreeSet;

use crate::kafka::fact::{Fact, PartitionChangeCause, TruncationCause};
use crate::kafka::ids::TopicPartition;

/// The partitions for which guarantees about committed data no longer hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage {
    partitions: BTreeSet<TopicPartition>,
}

impl Damage {
    /// Notes an unclean election, or a replica whose log's end was never on stable storage.
    pub(super) fn fact(&mut self, fact: &Fact) {
        if let Fact::PartitionChanged {
            tp,
            why: PartitionChangeCause::UncleanElection,
            ..
        }
        | Fact::Truncated {
            tp,
            why: TruncationCause::NotDurable,
            ..
        } = fact
        {
            self.partitions.insert(*tp);
        }
    }

    /// True when the partition has kept all that was committed, as far as facts tell.
    pub(super) fn spares(&self, tp: TopicPartition) -> bool {
        !self.partitions.contains(&tp)
    }
}
