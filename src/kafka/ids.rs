//! Ids, offsets and epochs, one type each. `-1` of the wire protocol is `Option::None` here.

use std::fmt;

/// A broker: `b1` is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerId(pub u32);

/// A log directory of a broker, numbered from 0 in the order of log.dirs; stands for Kafka's UUID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectoryId(pub u32);

/// Some log directories of one broker; their numbers are below 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectorySet(u64);

/// A rack or availability zone (broker.rack, client.rack), numbered by the cluster's builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rack(pub u32);

/// A topic, numbered from 0 in the order of creation; stands for Kafka's topic UUID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub u32);

/// One partition of one topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicId,
    /// The partition's index within the topic.
    pub partition: u32,
}

/// The position of a record in a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// How many leaders a partition has had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaderEpoch(pub u32);

/// How many times a partition's registration has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionEpoch(pub u32);

/// The offset of a broker's registration record: one per registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerEpoch(pub u64);

/// One life of a broker process (Kafka's incarnation UUID).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u32);

/// A producer id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(pub u64);

/// The epoch of a producer id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerEpoch(pub u16);

/// The sequence number of a record in (producer id, epoch, partition); wraps from 2^31-1 to 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u32);

impl DirectoryId {
    /// The first directory is metadata.log.dir too.
    pub const METADATA: Self = Self(0);
}

impl fmt::Display for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "d{}", self.0 + 1)
    }
}

impl DirectorySet {
    /// Adds one.
    pub fn insert(&mut self, dir: DirectoryId) {
        self.0 |= 1 << dir.0;
    }

    /// True when this one is among them.
    pub const fn contains(self, dir: DirectoryId) -> bool {
        self.0 >> dir.0 & 1 == 1
    }
}

impl Offset {
    /// The offset `count` further on.
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }
}

impl LeaderEpoch {
    /// The next leader's epoch.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl PartitionEpoch {
    /// The epoch after one more change.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Sequence {
    /// The largest sequence number.
    pub const MAX: Self = Self(i32::MAX as u32);

    /// The sequence `count` further on, wrapping from 2^31-1 to 0.
    pub const fn plus(self, count: u32) -> Self {
        Self(((self.0 as u64 + count as u64) % (1 << 31)) as u32)
    }
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for LeaderEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_wrap_to_zero() {
        assert_eq!(Sequence::MAX.plus(1), Sequence(0));
        assert_eq!(Sequence(5).plus(3), Sequence(8));
    }
}
