//! How fast a broker sends and receives copies of throttled replicas.
//!
//! Modelled: the rate over the last replication.quota.window.num windows, the one under way included;
//! bytes of throttled replicas count whether they are in sync or not, but only those that are not are
//! held back: the leader leaves them out of its answers, the follower out of its requests.
//! Left out: throttles between the log directories of one broker.
//! Source: ReplicationQuotaManager, SimpleRate, SampledStat (4.2); KIP-73.

use std::collections::VecDeque;

use crate::broker::Broker;
use crate::broker::partition::Slot;
use crate::kafka::api::fetch::Fetcher;
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::ids::TopicPartition;
use crate::kafka::throttled_replicas::{PerSide, Side};
use crate::sim::time::{SimDuration, SimTime};

/// A broker's two throttles.
#[derive(Clone, Debug)]
pub(super) struct Throttles {
    sides: PerSide<Throttle>,
}

/// A throttle.
#[derive(Clone, Debug)]
struct Throttle {
    /// Bytes per second; none without a limit.
    rate: Option<u64>,
    window: SimDuration,
    windows: u32,
    /// The oldest first.
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    begins: SimTime,
    last: SimTime,
    bytes: u64,
}

impl Throttles {
    /// Without limits.
    pub(super) fn new(config: &BrokerConfig) -> Self {
        let throttle = Throttle {
            rate: None,
            window: SimDuration::from_secs(config.replication_quota_window_size_seconds),
            windows: config.replication_quota_window_num,
            samples: VecDeque::new(),
        };
        Self {
            sides: PerSide {
                leader: throttle.clone(),
                follower: throttle,
            },
        }
    }

    /// The limits as the metadata has them now.
    pub(super) fn set_rates(&mut self, rates: PerSide<Option<u64>>) {
        for side in Side::ALL {
            self.sides.at_mut(side).rate = *rates.at(side);
        }
    }

    /// Forgets what was measured, as the process does when it dies.
    pub(super) fn reset(&mut self) {
        for side in Side::ALL {
            self.sides.at_mut(side).samples.clear();
        }
    }

    /// True when one end has a limit at all.
    pub(super) fn is_limited(&self, side: Side) -> bool {
        self.sides.at(side).rate.is_some()
    }

    /// True while more was copied than the limit allows.
    pub(super) fn is_exceeded(&self, side: Side, now: SimTime) -> bool {
        self.sides.at(side).is_exceeded(now)
    }

    /// Bytes of a throttled replica were copied.
    pub(super) fn record(&mut self, side: Side, bytes: u64, now: SimTime) {
        self.sides.at_mut(side).record(bytes, now);
    }
}

impl Throttle {
    fn is_exceeded(&self, now: SimTime) -> bool {
        let Some(rate) = self.rate else {
            return false;
        };
        let monitored = self.window.saturating_mul(u64::from(self.windows));
        let kept = || (self.samples.iter()).filter(|sample| now.since(sample.last) < monitored);
        let bytes: u64 = kept().map(|sample| sample.bytes).sum();
        let begins = kept().map(|sample| sample.begins).min().unwrap_or(now);
        let elapsed = now.since(begins).max(self.window);
        let copied = u128::from(bytes) * u128::from(SimDuration::from_secs(1).as_nanos());
        copied > u128::from(rate) * u128::from(elapsed.as_nanos())
    }

    fn record(&mut self, bytes: u64, now: SimTime) {
        match self.samples.back_mut() {
            Some(sample) if now.since(sample.begins) < self.window => {
                sample.bytes += bytes;
                sample.last = now;
            }
            _ => {
                // One more is kept, which overlaps the beginning of the monitored time.
                if self.samples.len() > self.windows as usize {
                    self.samples.pop_front();
                }
                self.samples.push_back(Sample {
                    begins: now,
                    last: now,
                    bytes,
                });
            }
        }
    }
}

impl Broker {
    /// True when this broker's replica of the partition is listed at that end.
    pub(super) fn is_listed(&self, side: Side, tp: TopicPartition) -> bool {
        let topic = self.image().topic(tp.topic);
        topic.is_some_and(|topic| topic.throttled.at(side).contains(tp.partition, self.id))
    }

    /// True when a follower's part of a fetch is left empty for now.
    pub(super) fn holds_back(&self, slot: Slot, fetcher: Fetcher, now: SimTime) -> bool {
        let Fetcher::Follower { broker, .. } = fetcher else {
            return false;
        };
        let partition = &self.replicas[slot];
        let is_in_sync =
            || (partition.leading()).is_some_and(|leading| leading.isr.contains(&broker));
        self.throttles.is_limited(Side::Leader)
            && self.is_listed(Side::Leader, partition.tp)
            && !is_in_sync()
            && self.throttles.is_exceeded(Side::Leader, now)
    }

    /// True when a follower's replica is not asked for now.
    pub(super) fn waits_for_throttle(&self, slot: Slot, now: SimTime) -> bool {
        let partition = &self.replicas[slot];
        self.throttles.is_exceeded(Side::Follower, now)
            && self.is_listed(Side::Follower, partition.tp)
            && !partition.is_caught_up()
    }

    /// Counts what was copied of a replica, if it is listed at that end.
    pub(super) fn count_copied(
        &mut self,
        side: Side,
        tp: TopicPartition,
        bytes: u64,
        now: SimTime,
    ) {
        if bytes > 0 && self.throttles.is_limited(side) && self.is_listed(side, tp) {
            self.throttles.record(side, bytes, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(millis)
    }

    fn throttles(rate: u64) -> Throttles {
        let mut throttles = Throttles::new(&BrokerConfig::default());
        throttles.set_rates(PerSide {
            leader: Some(rate),
            follower: None,
        });
        throttles
    }

    #[test]
    fn the_first_window_counts_as_a_whole_one() {
        let mut throttles = throttles(1_000);
        throttles.record(Side::Leader, 1_000, at(0));
        assert!(
            !throttles.is_exceeded(Side::Leader, at(0)),
            "1,000 bytes a second"
        );
        throttles.record(Side::Leader, 1, at(1));
        assert!(throttles.is_exceeded(Side::Leader, at(2)));
        assert!(!throttles.is_exceeded(Side::Leader, at(1_001)));
    }

    #[test]
    fn a_burst_is_paid_off_at_the_rate() {
        let mut throttles = throttles(1_000);
        throttles.record(Side::Leader, 5_000, at(0));
        assert!(throttles.is_exceeded(Side::Leader, at(4_999)));
        assert!(!throttles.is_exceeded(Side::Leader, at(5_000)));
    }

    #[test]
    fn what_is_older_than_all_windows_is_forgotten() {
        let mut throttles = throttles(1_000);
        throttles.record(Side::Leader, 500_000, at(0));
        assert!(throttles.is_exceeded(Side::Leader, at(10_999)));
        assert!(!throttles.is_exceeded(Side::Leader, at(11_000)));
    }

    #[test]
    fn without_a_limit_nothing_is_exceeded() {
        let mut throttles = throttles(1);
        throttles.record(Side::Follower, 1 << 40, at(0));
        assert!(!throttles.is_exceeded(Side::Follower, at(0)));
    }
}
