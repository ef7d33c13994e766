//! Latencies: a histogram of whole nanoseconds, three digits exact, and what is read from it.

use hdrhistogram::Histogram;

use crate::sim::time::SimDuration;

/// How long something took, at four ranks. Each but the last is at most 0.1 % too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latencies {
    /// Half of all took at most this.
    pub p50: SimDuration,
    /// 99 of 100 took at most this.
    pub p99: SimDuration,
    /// 999 of 1,000 took at most this.
    pub p999: SimDuration,
    /// The longest, exactly.
    pub max: SimDuration,
}

/// Latencies as they come in.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    spread: Histogram<u64>,
    max: SimDuration,
}

/// Puts runs of equal latencies into a histogram at once.
#[derive(Debug)]
pub(super) struct RunLength<'a> {
    into: &'a mut Latency,
    value: SimDuration,
    count: u64,
}

impl Latency {
    /// Nothing took any time yet.
    pub(super) fn new() -> Self {
        Self {
            spread: Histogram::new(3).expect("three digits are allowed"),
            max: SimDuration::ZERO,
        }
    }

    /// `count` more took this long.
    #[inline]
    pub(super) fn record(&mut self, value: SimDuration, count: u64) {
        self.max = value.max(self.max);
        self.spread
            .record_n(value.as_nanos(), count)
            .expect("the histogram grows with its values");
    }

    /// Takes over what another holds.
    pub(super) fn merge(&mut self, other: &Self) {
        self.max = other.max.max(self.max);
        self.spread
            .add(&other.spread)
            .expect("the histogram grows with its values");
    }

    /// What took how long; none when nothing did.
    pub(super) fn percentiles(&self) -> Option<Latencies> {
        (!self.spread.is_empty()).then(|| Latencies {
            p50: self.at_rank(500),
            p99: self.at_rank(990),
            p999: self.at_rank(999),
            max: self.max,
        })
    }

    /// The smallest value that this many of 1,000 do not exceed. With integers only.
    fn at_rank(&self, per_mille: u64) -> SimDuration {
        let rank = (u128::from(self.spread.len()) * u128::from(per_mille)).div_ceil(1_000);
        let mut seen = 0_u128;
        for step in self.spread.iter_recorded() {
            seen += u128::from(step.count_since_last_iteration());
            if seen >= rank {
                return SimDuration::from_nanos(step.value_iterated_to()).min(self.max);
            }
        }
        self.max
    }
}

impl<'a> RunLength<'a> {
    /// No run yet.
    pub(super) fn new(into: &'a mut Latency) -> Self {
        Self {
            into,
            value: SimDuration::ZERO,
            count: 0,
        }
    }

    /// One more.
    #[inline]
    pub(super) fn push(&mut self, value: SimDuration) {
        if value != self.value {
            self.flush();
            self.value = value;
        }
        self.count += 1;
    }

    fn flush(&mut self) {
        if self.count > 0 {
            self.into.record(self.value, self.count);
            self.count = 0;
        }
    }
}

impl Drop for RunLength<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(nanos: impl IntoIterator<Item = u64>) -> Option<Latencies> {
        let mut latency = Latency::new();
        let mut run = RunLength::new(&mut latency);
        nanos
            .into_iter()
            .for_each(|nanos| run.push(SimDuration::from_nanos(nanos)));
        drop(run);
        latency.percentiles()
    }

    #[test]
    fn nothing_has_no_percentiles() {
        assert_eq!(latencies([]), None);
    }

    #[test]
    fn a_percentile_is_the_smallest_value_that_enough_do_not_exceed() {
        let found = latencies(1..=1_000).expect("there are values");
        assert_eq!(
            [found.p50, found.p99, found.p999, found.max].map(SimDuration::as_nanos),
            [500, 990, 999, 1_000]
        );
        let found = latencies([7]).expect("there is a value");
        assert_eq!([found.p50, found.max].map(SimDuration::as_nanos), [7, 7]);
    }

    #[test]
    fn a_percentile_is_at_most_a_thousandth_too_large_and_the_largest_is_exact() {
        let found = latencies([8_612_345_678, 8_612_345_678, 8_700_000_001]).expect("values");
        let p50 = found.p50.as_nanos();
        assert!((8_612_345_678..8_621_000_000).contains(&p50), "{p50}");
        assert_eq!(found.max.as_nanos(), 8_700_000_001);
    }
}
