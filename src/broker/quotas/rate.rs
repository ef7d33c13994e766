//! A rate over sliding windows, and how long to be silent until it is within its quota.
//!
//! Modelled: samples begin with the first value after the last one is full, so that silence makes
//! no samples; one sample more than configured is kept where it overlaps the oldest window; the
//! rate is taken over all full windows and what has passed of the current one, however young.
//! Source: Rate, SampledStat, WindowedSum, QuotaUtils.throttleTime (4.2).

use crate::sim::time::SimTime;

/// How many windows of which length: quota.window.num, quota.window.size.seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct Windows {
    /// How many, the current one among them.
    pub(in crate::broker) count: u64,
    /// The length of one.
    pub(in crate::broker) size_ms: u64,
}

/// One window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    start_ms: u64,
    last_ms: u64,
    sum: i128,
}

impl Sample {
    fn begin(at_ms: u64) -> Self {
        Self {
            start_ms: at_ms,
            last_ms: at_ms,
            sum: 0,
        }
    }
}

/// What was recorded lately.
#[derive(Clone, Debug, Default)]
pub(in crate::broker) struct Rate {
    samples: Vec<Sample>,
    current: usize,
}

/// A rate over its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct Violation {
    /// Per second, rounded down.
    pub(in crate::broker) rate: u64,
    /// The silence after which it is within the quota.
    pub(in crate::broker) throttle_ms: u64,
}

impl Rate {
    /// Adds a value; a negative one takes an earlier one back.
    pub(in crate::broker) fn record(&mut self, windows: Windows, now: SimTime, value: i64) {
        let now = now.as_millis();
        let is_full = |sample: &Sample| now.saturating_sub(sample.start_ms) >= windows.size_ms;
        match self.samples.get(self.current) {
            None => self.samples.push(Sample::begin(now)),
            Some(sample) if is_full(sample) => {
                self.current = (self.current + 1) % (windows.count as usize + 1);
                match self.samples.get_mut(self.current) {
                    Some(sample) => *sample = Sample::begin(now),
                    None => self.samples.push(Sample::begin(now)),
                }
            }
            Some(_) => {}
        }
        let sample = &mut self.samples[self.current];
        sample.sum += i128::from(value);
        sample.last_ms = now;
    }

    /// Whether the rate is above so much per second now.
    pub(in crate::broker) fn above(
        &mut self,
        windows: Windows,
        now: SimTime,
        per_second: u64,
    ) -> Option<Violation> {
        let now = now.as_millis();
        self.forget_old(windows, now);
        let sum: i128 = self.samples.iter().map(|sample| sample.sum).sum();
        let span = i128::from(self.span_ms(windows, now));
        let bound = i128::from(per_second.max(1));
        let excess = sum * 1_000 - bound * span;
        if excess <= 0 {
            return None;
        }
        // (rate - bound) / bound * span, rounded to the nearest millisecond.
        let throttle = (2 * excess + bound) / (2 * bound);
        Some(Violation {
            rate: u64::try_from(sum * 1_000 / span).unwrap_or(u64::MAX),
            throttle_ms: u64::try_from(throttle).unwrap_or(u64::MAX),
        })
    }

    fn forget_old(&mut self, windows: Windows, now: u64) {
        for sample in &mut self.samples {
            if now.saturating_sub(sample.last_ms) >= windows.count.saturating_mul(windows.size_ms) {
                *sample = Sample::begin(now);
            }
        }
    }

    /// The time over which the rate is taken: never less than all windows but the current one.
    fn span_ms(&self, windows: Windows, now: u64) -> u64 {
        let oldest = self.samples.iter().map(|sample| sample.start_ms).min();
        let elapsed = now.saturating_sub(oldest.unwrap_or(now));
        let (full, least) = (elapsed / windows.size_ms, windows.count - 1);
        let missing = least.saturating_sub(full).saturating_mul(windows.size_ms);
        elapsed.saturating_add(missing).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::time::SimDuration;
    use proptest::prelude::*;

    const WINDOWS: Windows = Windows {
        count: 11,
        size_ms: 1_000,
    };

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(millis)
    }

    /// Records a value and says how long to be silent.
    fn take(rate: &mut Rate, millis: u64, value: i64, quota: u64) -> u64 {
        rate.record(WINDOWS, at(millis), value);
        let found = rate.above(WINDOWS, at(millis), quota);
        found.map_or(0, |violation| violation.throttle_ms)
    }

    #[test]
    fn a_client_may_take_ten_windows_at_once() {
        let mut rate = Rate::default();
        assert_eq!(take(&mut rate, 500, 10_000, 1_000), 0);
        // 11,000 in 10 s is 1,100 a second: a tenth too much for a second.
        assert_eq!(take(&mut rate, 500, 1_000, 1_000), 1_000);
    }

    #[test]
    fn the_rate_is_taken_over_ten_windows_however_young_they_are() {
        let mut rate = Rate::default();
        assert_eq!(take(&mut rate, 0, 13_000, 1_000), 3_000);
        // Only what has passed of the current window counts beside ten full ones.
        let mut throttle_at = |millis| {
            let found = rate.above(WINDOWS, at(millis), 1_000);
            found.map(|violation| violation.throttle_ms)
        };
        assert_eq!(throttle_at(2_990), Some(2_010));
        assert_eq!(throttle_at(3_000), Some(3_000));
        assert_eq!(throttle_at(10_990), Some(2_010));
    }

    #[test]
    fn what_was_taken_back_does_not_count() {
        let mut rate = Rate::default();
        assert!(take(&mut rate, 0, 20_000, 1_000) > 0);
        rate.record(WINDOWS, at(0), -20_000);
        assert_eq!(rate.above(WINDOWS, at(0), 1_000), None);
    }

    #[test]
    fn what_is_older_than_all_windows_is_forgotten() {
        let mut rate = Rate::default();
        assert!(take(&mut rate, 0, 50_000, 1_000) > 0);
        assert!(rate.above(WINDOWS, at(10_999), 1_000).is_some());
        assert_eq!(rate.above(WINDOWS, at(11_000), 1_000), None);
    }

    #[test]
    fn silence_makes_no_samples() {
        let mut rate = Rate::default();
        for second in 0..40 {
            take(&mut rate, second * 3_000, 100, 1_000);
        }
        assert!(rate.samples.len() <= 12);
        // Four samples of the last 11 s, none of the silence between them.
        let kept = rate.samples.iter().filter(|sample| sample.sum > 0).count();
        assert_eq!(kept, 4);
    }

    proptest! {
        /// What a client that honours each throttle time takes at most: the quota, what all windows
        /// lend, one value more, and, each time that all windows have passed, as much again as it
        /// was silent for: the silence paid for what the windows then forget.
        #[test]
        fn over_a_long_time_the_rate_is_the_quota_and_what_the_windows_lend(
            quota in 10_u64..100_000,
            most in 1_u64..1_000,
            values in prop::collection::vec((0_u64..1_000, 0_u64..700), 50..300),
        ) {
            let mut rate = Rate::default();
            let (mut now, mut sum, mut largest, mut longest) = (0, 0_u64, 0, 0_u64);
            for (part, pause) in values {
                let value = 1 + quota * most * part / 100_000;
                let throttle = take(&mut rate, now, value as i64, quota);
                prop_assert!(throttle <= value.div_ceil(quota) * 1_000 + 12_000, "{throttle}");
                (sum, largest) = (sum + value, largest.max(value));
                // Each throttle time is rounded to a millisecond, which a window may gain.
                let rounding = quota * (now / 10_000 + 2) / 1_000;
                let lent = 11_000 + (now / 11_000 + 1) * longest.min(11_000);
                let allowed = quota * (now + lent) / 1_000 + largest + rounding + 1;
                prop_assert!(sum <= allowed, "{sum} of {allowed} at {now} ms");
                longest = longest.max(throttle);
                now += throttle + pause;
            }
        }
    }
}
