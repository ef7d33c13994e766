//! Which partitions a consumer reads, and where a partition starts without a position.
//!
//! Modelled: manual assignment (`assign`), as fixed as the scenario's split of partitions by
//! member index; no committed offsets, so every start is by auto.offset.reset.
//! Left out for now: the group protocols, whose place this is: a coordinator hands out the
//! partitions and keeps the committed offsets there.
//! Source: KafkaConsumer.assign, ClassicKafkaConsumer.updateFetchPositions.

use std::sync::Arc;

use crate::kafka::ids::{LeaderEpoch, Offset, TopicPartition};

/// How a consumer comes by its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// `assign`: the application named them.
    Assign {
        /// The partitions, in the order in which they are first fetched.
        partitions: Arc<[TopicPartition]>,
    },
}

/// Where a group has got to in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read.
    pub offset: Offset,
    /// The epoch of the record before it, where it is known.
    pub leader_epoch: Option<LeaderEpoch>,
}

impl Membership {
    /// The partitions that the consumer may fetch now.
    pub fn partitions(&self) -> &Arc<[TopicPartition]> {
        match self {
            Self::Assign { partitions } => partitions,
        }
    }

    /// The committed offset of a partition that has no position yet.
    ///
    /// A consumer that assigns partitions and commits nothing finds none, also after a restart:
    /// it starts again where auto.offset.reset says.
    pub fn committed(&self, _tp: TopicPartition) -> Option<Committed> {
        match self {
            Self::Assign { .. } => None,
        }
    }
}
