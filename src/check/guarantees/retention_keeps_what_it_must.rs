//! Retention removes nothing above the high watermark and nothing by age that is not old enough,
//! and a log start only moves forward. Holds whatever happens.
//!
//! A restart may find a log start offset that is a minute old, and a follower that starts anew takes
//! its leader's: neither counts as a step back.
//! Source: UnifiedLog.deletableSegments, maybeIncrementLogStartOffset; KIP-107.

use std::collections::BTreeMap;

use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::fact::{DeletionReason, Fact, Removal};
use crate::kafka::ids::{BrokerId, Offset, TopicPartition};
use crate::kafka::view::ReplicaView;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct RetentionKeepsWhatItMust {
    /// Where each log began when it was last looked at.
    starts: BTreeMap<(TopicPartition, BrokerId), (Offset, EventId)>,
    breaches: Breaches,
}

impl Default for RetentionKeepsWhatItMust {
    fn default() -> Self {
        Self::new()
    }
}

impl RetentionKeepsWhatItMust {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            starts: BTreeMap::new(),
            breaches: Breaches::of("retention_keeps_what_it_must"),
        }
    }

    /// Something happened in the cluster.
    pub fn fact(&mut self, at: SimTime, event: EventId, fact: &Fact) {
        if let Fact::SegmentsDeleted {
            broker,
            tp,
            removal,
            ..
        } = fact
        {
            let Removal {
                below,
                high_watermark,
                now,
                retention,
                batches,
                ..
            } = &**removal;
            if below > high_watermark {
                let words = format!(
                    "{broker} deletes {} below {below}, committed to {high_watermark}",
                    name(*tp)
                );
                self.breaches.add(at, vec![(event, words)]);
            }
            let keeps = |age: i64| {
                retention.is_none_or(|keep| u64::try_from(age).unwrap_or(0) <= keep.as_millis())
            };
            let age = |made: i64| now.0.saturating_sub(made);
            let young = batches
                .iter()
                .find(|stored| keeps(age(stored.batch.times.max.0)));
            if let Some(stored) = young.filter(|_| removal.reason == DeletionReason::Time) {
                let words = format!(
                    "{broker} deletes the batch at {} of {}, which is {} ms old",
                    stored.base_offset,
                    name(*tp),
                    age(stored.batch.times.max.0)
                );
                self.breaches.add(at, vec![(event, words)]);
            }
        } else if let Fact::LogStartMoved {
            broker,
            tp,
            from,
            to,
            high_watermark,
            ..
        } = fact
        {
            if to <= from || to > high_watermark {
                let words = format!(
                    "{broker} moves the start of {} from {from} to {to}, committed to \
                     {high_watermark}",
                    name(*tp)
                );
                self.breaches.add(at, vec![(event, words)]);
            }
            self.starts_at(at, (*tp, *broker), *to, event);
        } else if let Fact::BecameLeader { broker, tp, .. }
        | Fact::BecameFollower { broker, tp, .. }
        | Fact::Truncated { broker, tp, .. } = fact
        {
            self.starts.remove(&(*tp, *broker));
        }
    }

    /// All replicas, between two events.
    pub fn inspect(&mut self, at: SimTime, views: &[ReplicaView<'_>]) {
        for view in views {
            let event = EventId::default();
            self.starts_at(at, (view.tp, view.broker), view.log_start, event);
        }
    }

    fn starts_at(
        &mut self,
        at: SimTime,
        log: (TopicPartition, BrokerId),
        start: Offset,
        event: EventId,
    ) {
        let before = self.starts.insert(log, (start, event));
        if let Some((before, earlier)) = before.filter(|(before, _)| *before > start) {
            let (tp, broker) = log;
            let evidence = vec![
                (
                    earlier,
                    format!("{} on {broker} began at {before}", name(tp)),
                ),
                (event, format!("and begins at {start} now")),
            ];
            self.breaches.add(at, evidence);
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
        Replica, TP, became_follower, breaches, stored, views,
    };
    use crate::kafka::fact::{LogStartCause, Role};
    use crate::sim::clock::WallTime;
    use crate::sim::time::SimDuration;
    use std::sync::Arc;

    /// Everything below 5 goes; its records were made at 0 ms.
    fn deleted(reason: DeletionReason, high_watermark: u64, now: i64) -> Fact {
        Fact::SegmentsDeleted {
            broker: BrokerId(1),
            role: Role::Leader,
            tp: TP,
            removal: Arc::new(Removal {
                reason,
                segments: 1,
                below: Offset(5),
                high_watermark: Offset(high_watermark),
                now: WallTime(now),
                retention: Some(SimDuration::from_millis(100)),
                batches: vec![stored(4, &[1])],
            }),
        }
    }

    fn moved(from: u64, to: u64, high_watermark: u64) -> Fact {
        Fact::LogStartMoved {
            broker: BrokerId(1),
            role: Role::Leader,
            tp: TP,
            from: Offset(from),
            to: Offset(to),
            high_watermark: Offset(high_watermark),
            why: LogStartCause::SegmentDeletion,
        }
    }

    fn observe(facts: &[Fact]) -> String {
        let mut checker = RetentionKeepsWhatItMust::new();
        for (event, fact) in (1..).zip(facts) {
            checker.fact(SimTime::ZERO, EventId(event), fact);
        }
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_something_above_the_high_watermark_goes() {
        assert_eq!(
            observe(&[deleted(DeletionReason::Size, 4, 0)]),
            "b1 deletes partition 0 of topic 0 below 5, committed to 4"
        );
    }

    #[test]
    fn it_fires_when_something_goes_by_age_that_is_not_old_enough() {
        assert_eq!(
            observe(&[deleted(DeletionReason::Time, 5, 100)]),
            "b1 deletes the batch at 4 of partition 0 of topic 0, which is 100 ms old"
        );
    }

    #[test]
    fn it_fires_when_a_log_start_goes_back_or_beyond_the_high_watermark() {
        assert_ne!(observe(&[moved(5, 5, 9)]), "");
        assert_ne!(observe(&[moved(5, 10, 9)]), "");
        assert_ne!(observe(&[moved(0, 5, 9), moved(1, 3, 9)]), "");
        let mut checker = RetentionKeepsWhatItMust::new();
        checker.fact(SimTime::ZERO, EventId(1), &moved(0, 5, 9));
        checker.inspect(SimTime::ZERO, &views(&[Replica::new(1).starts_at(4)]));
        assert_eq!(
            breaches(checker.violations()),
            "partition 0 of topic 0 on b1 began at 5; and begins at 4 now"
        );
    }

    #[test]
    fn it_is_silent_about_what_is_old_or_too_much_and_about_a_restart() {
        let facts = [
            deleted(DeletionReason::Time, 5, 101),
            deleted(DeletionReason::Size, 5, 0),
            moved(0, 5, 5),
            became_follower(1, 1, None),
            moved(0, 3, 5),
        ];
        assert_eq!(observe(&facts), "");
    }
}
