//! Which replicas a throttle is for: `leader.replication.throttled.replicas` and
//! `follower.replication.throttled.replicas` of a topic.
//!
//! Source: ThrottledReplicaListValidator, ConfigHandler.parseThrottledPartitions (4.2); KIP-73.

use std::fmt;
use std::sync::Arc;

use crate::kafka::ids::BrokerId;

/// At which end of a copy a throttle works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The broker that sends.
    Leader,
    /// The broker that receives.
    Follower,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Leader, Self::Follower];

    /// The topic config that lists the replicas.
    pub const fn replicas_config(self) -> &'static str {
        match self {
            Self::Leader => "leader.replication.throttled.replicas",
            Self::Follower => "follower.replication.throttled.replicas",
        }
    }

    /// The side whose list a topic config is.
    pub fn of_replicas_config(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|side| side.replicas_config() == name)
    }
}

/// One value for each end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerSide<T> {
    /// At the leader.
    pub leader: T,
    /// At the follower.
    pub follower: T,
}

impl<T> PerSide<T> {
    /// The value of one end.
    pub fn at(&self, side: Side) -> &T {
        match side {
            Side::Leader => &self.leader,
            Side::Follower => &self.follower,
        }
    }

    /// The value of one end, to change it.
    pub fn at_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Leader => &mut self.leader,
            Side::Follower => &mut self.follower,
        }
    }
}

/// Replicas of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ThrottledReplicas {
    /// None.
    #[default]
    None,
    /// All (`*`).
    All,
    /// Of these partitions on these brokers, sorted (`0:1,0:4`).
    These(Arc<[(u32, BrokerId)]>),
}

impl ThrottledReplicas {
    /// These replicas.
    pub fn of(mut replicas: Vec<(u32, BrokerId)>) -> Self {
        replicas.sort_unstable();
        replicas.dedup();
        if replicas.is_empty() {
            Self::None
        } else {
            Self::These(replicas.into())
        }
    }

    /// Reads the value of a config.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::None);
        }
        if text == "*" {
            return Ok(Self::All);
        }
        let pair = |entry: &str| {
            let (partition, broker) = entry.trim().split_once(':')?;
            Some((partition.parse().ok()?, BrokerId(broker.parse().ok()?)))
        };
        let pairs: Option<Vec<_>> = text.split(',').map(pair).collect();
        pairs.map(Self::of).ok_or_else(|| {
            "must be the literal '*' or a list of replicas in the following format: \
             [partitionId]:[brokerId],[partitionId]:[brokerId],..."
                .to_owned()
        })
    }

    /// True when it names the replica of this partition on this broker.
    pub fn contains(&self, partition: u32, broker: BrokerId) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::These(replicas) => replicas.binary_search(&(partition, broker)).is_ok(),
        }
    }

    /// With more of them (APPEND).
    #[must_use]
    pub fn with(&self, more: &[(u32, BrokerId)]) -> Self {
        match self {
            Self::All => Self::All,
            Self::None => Self::of(more.to_vec()),
            Self::These(replicas) => Self::of([replicas, more].concat()),
        }
    }
}

impl fmt::Display for ThrottledReplicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::All => f.write_str("*"),
            Self::These(replicas) => {
                for (index, (partition, broker)) in replicas.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{partition}:{}", broker.0)?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_kafka_writes_it() {
        let list = ThrottledReplicas::parse("1:4, 0:1,0:1").unwrap();
        assert_eq!(list.to_string(), "0:1,1:4");
        assert!(list.contains(1, BrokerId(4)) && !list.contains(1, BrokerId(1)));
        assert_eq!(ThrottledReplicas::parse(""), Ok(ThrottledReplicas::None));
        let all = ThrottledReplicas::parse("*").unwrap();
        assert!(all.contains(7, BrokerId(9)));
        for bad in ["0", "0:", "a:1", "0:1,", "0:1:2", "**"] {
            assert!(ThrottledReplicas::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn appending_keeps_what_is_there() {
        let list = ThrottledReplicas::of(vec![(0, BrokerId(1))]);
        assert_eq!(
            list.with(&[(1, BrokerId(2)), (0, BrokerId(1))]).to_string(),
            "0:1,1:2"
        );
        assert_eq!(
            ThrottledReplicas::All.with(&[(0, BrokerId(1))]),
            ThrottledReplicas::All
        );
    }
}
