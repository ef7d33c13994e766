//! Virtual time: whole nanoseconds since the start of the run, and spans between two instants.
//!
//! Modelled: one global time line that no process can read exactly (see `clock`); durations as
//! users write them (`"250ms"`), parsed and printed with integers only.
//! Left out: calendar time; 2^64 ns are 584 years.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// An instant of virtual time, in nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(u64);

/// A span of virtual time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimDuration(u64);

impl SimTime {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `nanos` ns after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The span from `earlier` to here; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any run.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// The span in nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The span in whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// True for the empty span.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `self` times `factor`, at most [`SimDuration::MAX`].
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// `self + other`, at most [`SimDuration::MAX`].
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `self - other`, at least zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Reads `"250ms"`, `"1.5s"`, `"2m"`, `"1h"`, `"7d"`, `"10us"`, `"3ns"`; a unit is required.
    pub fn parse(text: &str) -> Result<Self, ParseDurationError> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_');
        let Some(split) = digits else {
            return Err(ParseDurationError::NoUnit);
        };
        let (number, unit) = text.split_at(split);
        let nanos_per_unit: u64 = match unit.trim() {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            // `1m30s`: what follows the first unit is a number again.
            rest if rest.contains(|c: char| c.is_ascii_digit()) => {
                return Err(ParseDurationError::SeveralUnits);
            }
            _ => return Err(ParseDurationError::UnknownUnit),
        };
        parse_decimal(number, nanos_per_unit).map(Self)
    }
}

/// `number` (an unsigned decimal) times `scale`, exactly; an error when a fraction is left over.
fn parse_decimal(number: &str, scale: u64) -> Result<u64, ParseDurationError> {
    let number: String = number.chars().filter(|c| *c != '_').collect();
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if whole.is_empty() || fraction.contains('.') || (fraction.is_empty() && number.contains('.')) {
        return Err(ParseDurationError::NoNumber);
    }
    let whole: u64 = whole.parse().map_err(|_| ParseDurationError::TooLarge)?;
    let mut total = whole
        .checked_mul(scale)
        .ok_or(ParseDurationError::TooLarge)?;
    let mut unit = scale;
    for digit in fraction.bytes() {
        let digit = u64::from(digit - b'0');
        if !unit.is_multiple_of(10) && digit != 0 {
            return Err(ParseDurationError::TooFine);
        }
        unit /= 10;
        total = total
            .checked_add(digit * unit)
            .ok_or(ParseDurationError::TooLarge)?;
    }
    Ok(total)
}

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// A bare number.
    #[error("a duration needs a unit: ns, us, ms, s, m, h or d")]
    NoUnit,
    /// A unit that is not ns, us, ms, s, m, h or d.
    #[error("the units of a duration are ns, us, ms, s, m, h and d")]
    UnknownUnit,
    /// More than one number with a unit, as in `1m30s`.
    #[error("a duration has one number and one unit: 1m30s is \"90s\"")]
    SeveralUnits,
    /// No digits where digits belong.
    #[error("a duration starts with a number, as in \"250ms\"")]
    NoNumber,
    /// More than 2^64 ns.
    #[error("a duration is at most 213503 days")]
    TooLarge,
    /// Finer than a nanosecond.
    #[error("a duration has no parts finer than 1 ns")]
    TooFine,
}

impl fmt::Display for SimDuration {
    /// The shortest exact form with one unit: `1500ms`, `3s`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 7] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        for (nanos, unit) in UNITS {
            if self.0.is_multiple_of(nanos) {
                return write!(f, "{}{unit}", self.0 / nanos);
            }
        }
        Ok(())
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;

    fn add(self, span: SimDuration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, span: SimDuration) {
        *self = *self + span;
    }
}

impl Sub<SimTime> for SimTime {
    type Output = SimDuration;

    fn sub(self, earlier: Self) -> SimDuration {
        self.since(earlier)
    }
}

impl Add for SimDuration {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl Sub for SimDuration {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly_and_need_a_unit() {
        assert_eq!(
            SimDuration::parse("250ms"),
            Ok(SimDuration::from_millis(250))
        );
        assert_eq!(
            SimDuration::parse("1.5s"),
            Ok(SimDuration::from_millis(1_500))
        );
        assert_eq!(
            SimDuration::parse("0.000000001s"),
            Ok(SimDuration::from_nanos(1))
        );
        assert_eq!(SimDuration::parse("40"), Err(ParseDurationError::NoUnit));
        assert_eq!(
            SimDuration::parse("4 lightyears"),
            Err(ParseDurationError::UnknownUnit)
        );
        assert_eq!(
            SimDuration::parse("1m30s"),
            Err(ParseDurationError::SeveralUnits)
        );
        assert_eq!(SimDuration::parse("ms"), Err(ParseDurationError::NoNumber));
        assert_eq!(
            SimDuration::parse("1.5ns"),
            Err(ParseDurationError::TooFine)
        );
        assert_eq!(
            SimDuration::parse("99999999999999999999s"),
            Err(ParseDurationError::TooLarge)
        );
    }

    #[test]
    fn a_printed_duration_reads_back_as_itself() {
        for nanos in [0, 1, 999, 1_000, 1_500_000, 60_000_000_000, 90_000_000_000] {
            let span = SimDuration::from_nanos(nanos);
            assert_eq!(SimDuration::parse(&span.to_string()), Ok(span));
        }
    }
}
