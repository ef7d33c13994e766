//! Within a leader epoch a replica's high watermark never falls, and it lies within its log.
//! Holds whatever happens; across leaders the visible high watermark may well fall.
//!
//! Source: Partition.maybeIncrementLeaderHW, UnifiedLog.maybeUpdateHighWatermark; KIP-101.

use std::collections::BTreeMap;

use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::fact::{Fact, Role};
use crate::kafka::ids::{BrokerId, LeaderEpoch, Offset, TopicPartition};
use crate::kafka::view::ReplicaView;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct HighWatermarkIsMonotone {
    last: BTreeMap<(TopicPartition, BrokerId), Last>,
    breaches: Breaches,
}

/// The high watermark that a replica said last.
#[derive(Clone, Copy, Debug)]
struct Last {
    epoch: LeaderEpoch,
    high_watermark: Offset,
    event: EventId,
}

impl Default for HighWatermarkIsMonotone {
    fn default() -> Self {
        Self::new()
    }
}

impl HighWatermarkIsMonotone {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            last: BTreeMap::new(),
            breaches: Breaches::of("high_watermark_is_monotone_within_a_leader_epoch"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, at: SimTime, event: EventId, fact: &Fact) {
        if let Fact::HighWatermarkAdvanced {
            broker,
            role,
            tp,
            leader_epoch,
            high_watermark,
        } = fact
        {
            let now = Last {
                epoch: *leader_epoch,
                high_watermark: *high_watermark,
                event,
            };
            let before = self.last.insert((*tp, *broker), now);
            let fell = before.filter(|before| {
                before.epoch == now.epoch && before.high_watermark >= now.high_watermark
            });
            if let Some(before) = fell {
                let role = match role {
                    Role::Leader => "leader",
                    Role::Follower => "follower",
                };
                let (from, to) = (before.high_watermark, now.high_watermark);
                let where_ = format!("{broker}, {role} of {} in epoch {leader_epoch}", name(*tp));
                self.breaches.add(
                    at,
                    vec![
                        (before.event, format!("{where_}, was at {from}")),
                        (event, format!("and advanced to {to}")),
                    ],
                );
            }
        } else if let Fact::BecameLeader {
            broker,
            tp,
            leader_epoch,
            high_watermark,
            ..
        } = fact
        {
            // From here on it may not fall; that it advances above this is not said here.
            let below = high_watermark.0.checked_sub(1).map(Offset);
            self.last.remove(&(*tp, *broker));
            if let Some(high_watermark) = below {
                let last = Last {
                    epoch: *leader_epoch,
                    high_watermark,
                    event,
                };
                self.last.insert((*tp, *broker), last);
            }
        } else if let Fact::BecameFollower { broker, tp, .. } = fact {
            // A restarted follower begins at its checkpoint.
            self.last.remove(&(*tp, *broker));
        } else if let Fact::Truncated { broker, tp, to, .. } = fact
            && let Some(last) = self.last.get_mut(&(*tp, *broker))
            && last.high_watermark > *to
        {
            self.last.remove(&(*tp, *broker));
        }
    }

    /// All replicas, between two events.
    pub fn inspect(&mut self, at: SimTime, views: &[ReplicaView<'_>]) {
        for view in views {
            let (start, end) = (view.log_start, view.log_end);
            if !(start..=end).contains(&view.high_watermark) {
                let (broker, hw) = (view.broker, view.high_watermark);
                let partition = name(view.tp);
                let words =
                    format!("{broker} has {partition} from {start} to {end}, committed to {hw}");
                self.breaches.add(at, vec![(EventId::default(), words)]);
            }
        }
    }

    /// What did not hold.
    pub fn violations(&self) -> &[Breach] {
        &self.breaches.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::guarantees::testing::{
        Replica, advanced, became_follower, became_leader, breaches, truncated, views,
    };
    use crate::kafka::fact::TruncationCause;

    fn observe(facts: &[Fact]) -> String {
        let mut checker = HighWatermarkIsMonotone::new();
        for (event, fact) in (1..).zip(facts) {
            checker.fact(SimTime::ZERO, EventId(event), fact);
        }
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_a_leaders_high_watermark_falls() {
        assert_eq!(
            observe(&[
                advanced(1, Role::Leader, 3, 10),
                advanced(1, Role::Leader, 3, 9)
            ]),
            "b1, leader of partition 0 of topic 0 in epoch 3, was at 10; and advanced to 9"
        );
    }

    #[test]
    fn it_fires_when_a_leader_falls_below_where_it_began() {
        let facts = [became_leader(1, 3, 20, 10), advanced(1, Role::Leader, 3, 9)];
        assert_ne!(observe(&facts), "");
    }

    #[test]
    fn it_fires_when_a_high_watermark_is_beyond_the_log() {
        let mut checker = HighWatermarkIsMonotone::new();
        let replica = Replica::new(1).batch(0, &[1, 2]).committed(3);
        checker.inspect(SimTime::ZERO, &views(&[replica]));
        assert_eq!(
            breaches(checker.violations()),
            "b1 has partition 0 of topic 0 from 0 to 2, committed to 3"
        );
    }

    #[test]
    fn it_is_silent_about_a_fall_across_leaders_truncations_and_restarts() {
        let facts = [
            advanced(1, Role::Leader, 3, 10),
            advanced(2, Role::Follower, 3, 8),
            became_leader(2, 4, 9, 8),
            advanced(2, Role::Leader, 4, 9),
            became_follower(1, 4, Some(2)),
            advanced(1, Role::Follower, 4, 9),
            truncated(1, 12, 7, TruncationCause::DivergingEpoch),
            advanced(1, Role::Follower, 4, 8),
            became_follower(1, 4, Some(2)),
            advanced(1, Role::Follower, 4, 6),
        ];
        assert_eq!(observe(&facts), "");
        let mut checker = HighWatermarkIsMonotone::new();
        let replica = Replica::new(1).batch(0, &[1, 2]).committed(2);
        checker.inspect(SimTime::ZERO, &views(&[replica]));
        assert_eq!(breaches(checker.violations()), "");
    }
}
