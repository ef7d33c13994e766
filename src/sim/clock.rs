//! Wall clocks: what a host believes the time is.
//!
//! Modelled: a constant skew and a drift against virtual time, millisecond resolution.
//! Left out: steps and slewing by a time daemon.

use crate::sim::time::{SimDuration, SimTime};

/// Milliseconds as a host's clock shows them; virtual time 0 is 0 on a true clock. Can be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub i64);

/// A host's clock: virtual time plus skew plus drift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallClock {
    /// Constant offset in nanoseconds; positive when the clock is ahead.
    pub skew_nanos: i64,
    /// Parts per million by which the clock runs fast; negative when it runs slow.
    pub drift_ppm: i64,
}

impl WallClock {
    /// A clock that is ahead by `skew`.
    pub fn ahead(skew: SimDuration) -> Self {
        Self {
            skew_nanos: i64::try_from(skew.as_nanos()).unwrap_or(i64::MAX),
            drift_ppm: 0,
        }
    }

    /// What the clock shows at `now`.
    pub fn read(&self, now: SimTime) -> WallTime {
        if self.skew_nanos == 0 && self.drift_ppm == 0 {
            return WallTime(now.as_millis() as i64);
        }
        let true_nanos = i128::from(now.as_nanos());
        let drift = true_nanos * i128::from(self.drift_ppm) / 1_000_000;
        let shown = true_nanos + i128::from(self.skew_nanos) + drift;
        WallTime(shown.div_euclid(1_000_000) as i64)
    }
}
