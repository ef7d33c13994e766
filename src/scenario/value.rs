//! The values of scenario files, from text and back: rates, sizes, instants, latencies, ratios.
//!
//! Modelled: integers only; `"1.5k/s"` and `"16KiB"` are exact or refused. Durations are
//! [`SimDuration::parse`]'s. What is printed reads back as itself.

use crate::cluster::spec::LatencySpec;
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;
use crate::workload::StartAt;

/// How often records come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// One each period, on average.
    Every(SimDuration),
    /// As fast as memory lets.
    Flood,
}

/// An instant, or two between which one is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instant {
    /// One.
    At(SimDuration),
    /// Evenly between these.
    Between(SimDuration, SimDuration),
}

/// Sizes that a file may use, larger ones first within a family.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// A decimal number, exactly: `numerator / 10^digits`.
struct Decimal {
    numerator: u128,
    denominator: u128,
}

/// Splits `"1.5k/s"` into the number and the rest.
fn decimal(text: &str) -> Result<(Decimal, &str), String> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let number: String = number.chars().filter(|c| *c != '_').collect();
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return Err("it starts with a number, as in \"1.5\"".to_owned());
    }
    if whole.len() + fraction.len() > 24 {
        return Err("it has too many digits".to_owned());
    }
    let numerator = format!("{whole}{fraction}")
        .parse()
        .map_err(|_| "it has too many digits".to_owned())?;
    let denominator = 10_u128.pow(fraction.len() as u32);
    Ok((
        Decimal {
            numerator,
            denominator,
        },
        rest.trim(),
    ))
}

/// Reads `"16KiB"`, `"1.25GB"`, `"100B"`; a unit is required.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = decimal(text.trim())?;
    if unit.is_empty() {
        return Err("a size needs a unit, as in \"16KiB\" or \"100B\"".to_owned());
    }
    let known = |name: &str| name == unit || (name == "kB" && unit == "KB");
    let Some((_, scale)) = SIZE_UNITS.iter().find(|(name, _)| known(name)) else {
        return Err("the units of a size are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB".to_owned());
    };
    let scaled = number.numerator * u128::from(*scale);
    if !scaled.is_multiple_of(number.denominator) {
        return Err("a size has no parts smaller than a byte".to_owned());
    }
    u64::try_from(scaled / number.denominator).map_err(|_| "it is too large".to_owned())
}

/// The shortest exact form with one unit.
pub fn print_size(bytes: u64) -> String {
    SIZE_UNITS
        .iter()
        .filter(|(_, scale)| bytes > 0 && bytes.is_multiple_of(*scale))
        .map(|(unit, scale)| format!("{}{unit}", bytes / scale))
        .min_by_key(String::len)
        .unwrap_or_else(|| format!("{bytes}B"))
}

/// Reads `"1.25GB/s"`.
pub fn bandwidth(text: &str) -> Result<u64, String> {
    let Some(amount) = text.trim().strip_suffix("/s") else {
        return Err("a bandwidth is a size per second, as in \"1GB/s\"".to_owned());
    };
    size(amount)
}

/// As [`bandwidth`] reads it.
pub fn print_bandwidth(bytes_per_second: u64) -> String {
    format!("{}/s", print_size(bytes_per_second))
}

/// Reads `"-1h"`, so long ago, and `"10s"`, a moment of the run.
pub fn start_at(text: &str) -> Result<StartAt, String> {
    let text = text.trim();
    let (back, span) = match text.strip_prefix('-') {
        Some(span) => (true, span),
        None => (false, text),
    };
    let span = SimDuration::parse(span.trim()).map_err(|_| {
        "it is how long ago, as in \"-1h\", or a moment of the run, as in \"10s\"".to_owned()
    })?;
    Ok(if back {
        StartAt::Back(span)
    } else {
        StartAt::At(span)
    })
}

/// As [`start_at`] reads it.
pub fn print_start_at(start_at: StartAt) -> String {
    match start_at {
        StartAt::Back(span) => format!("-{span}"),
        StartAt::At(span) => span.to_string(),
    }
}

/// Reads `"80/s"`, `"1.5k/s"`, `"10/m"`, `"1/1500ms"`, `"flood"`. The time between two records is
/// rounded down to the nanosecond.
pub fn rate(text: &str) -> Result<Rate, String> {
    let text = text.trim();
    if text == "flood" || text == "as fast as possible" {
        return Ok(Rate::Flood);
    }
    let form = "a rate is records per time, as in \"80/s\", \"1k/s\" or \"10/m\", or \"flood\"";
    let Some((amount, per)) = text.split_once('/') else {
        return Err(form.to_owned());
    };
    let (number, suffix) = decimal(amount.trim()).map_err(|_| form.to_owned())?;
    let scale: u128 = match suffix {
        "" => 1,
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        _ => return Err("the multiples of a rate are k and M".to_owned()),
    };
    let per = per.trim();
    let span = match SimDuration::parse(&format!("1{per}")) {
        Ok(unit) if !per.starts_with(|c: char| c.is_ascii_digit() || c == '.') => unit,
        Ok(_) | Err(_) => SimDuration::parse(per).map_err(|_| form.to_owned())?,
    };
    if number.numerator == 0 {
        return Err("a rate is more than 0; leave the producer out instead".to_owned());
    }
    let Some(spans) = u128::from(span.as_nanos()).checked_mul(number.denominator) else {
        return Err("it has too many digits".to_owned());
    };
    match u64::try_from(spans / (number.numerator * scale)) {
        Ok(0) => {
            Err("a rate is at most one record a nanosecond; \"flood\" has no limit".to_owned())
        }
        Ok(period) => Ok(Rate::Every(SimDuration::from_nanos(period))),
        Err(_) => Err("it is too slow".to_owned()),
    }
}

/// As [`rate`] reads it.
pub fn print_rate(rate: Rate) -> String {
    let Rate::Every(period) = rate else {
        return "flood".to_owned();
    };
    let period = period.as_nanos();
    for (span, unit) in [
        (1_000_000_000_u64, "s"),
        (60_000_000_000, "m"),
        (3_600_000_000_000, "h"),
    ] {
        let Some(count) = span.checked_div(period) else {
            continue;
        };
        if count > 0 && span / count == period {
            return if count.is_multiple_of(1_000) {
                format!("{}k/{unit}", count / 1_000)
            } else {
                format!("{count}/{unit}")
            };
        }
    }
    format!("1/{}", SimDuration::from_nanos(period))
}

/// Reads a duration.
pub fn duration(text: &str) -> Result<SimDuration, String> {
    SimDuration::parse(text).map_err(|error| error.to_string())
}

/// Reads `"-8d"`, `"+2h"`, `"90s"` into nanoseconds.
pub fn signed_duration(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let (negative, size) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let nanos =
        i64::try_from(duration(size)?.as_nanos()).map_err(|_| "it is too long".to_owned())?;
    Ok(if negative { -nanos } else { nanos })
}

/// As [`signed_duration`] reads it.
pub fn print_signed_duration(nanos: i64) -> String {
    let span = SimDuration::from_nanos(nanos.unsigned_abs());
    if nanos < 0 {
        format!("-{span}")
    } else {
        span.to_string()
    }
}

/// Reads `"3s"` or `"10s..20s"`.
pub fn instant(text: &str) -> Result<Instant, String> {
    match text.split_once("..") {
        None => Ok(Instant::At(duration(text)?)),
        Some((from, to)) => {
            let (from, to) = (duration(from)?, duration(to)?);
            if from < to {
                Ok(Instant::Between(from, to))
            } else {
                Err("a range goes from the earlier to the later, as in \"10s..20s\"".to_owned())
            }
        }
    }
}

/// As [`instant`] reads it.
pub fn print_instant(instant: Instant) -> String {
    match instant {
        Instant::At(at) => at.to_string(),
        Instant::Between(from, to) => format!("{from}..{to}"),
    }
}

/// Reads a share of more than nothing and at most 1.
pub fn share(text: &str) -> Result<Ratio, String> {
    let ratio = Ratio::parse(text).map_err(|error| error.to_string())?;
    if ratio.is_zero() || !ratio.is_probability() {
        return Err("it is more than 0% and at most 100%".to_owned());
    }
    Ok(ratio)
}

/// Reads a share of at most 1 into parts per million, exactly.
pub fn parts_per_million(text: &str) -> Result<u32, String> {
    let ratio = Ratio::parse(text).map_err(|error| error.to_string())?;
    if !ratio.is_probability() {
        return Err("it is at most 100%".to_owned());
    }
    let parts = ratio.of(1_000_000);
    if Ratio::new(parts, 1_000_000) == Some(ratio) {
        Ok(parts as u32)
    } else {
        Err("it is a whole number of millionths, as in \"0.01%\"".to_owned())
    }
}

/// As [`parts_per_million`] reads it.
pub fn print_parts_per_million(parts: u32) -> String {
    Ratio::new(u64::from(parts), 1_000_000)
        .unwrap_or(Ratio::ZERO)
        .to_string()
}

/// Reads the string forms of a latency: `"1ms"` and `"1ms..3ms"`.
pub fn latency(text: &str) -> Result<LatencySpec, String> {
    Ok(match instant(text)? {
        Instant::At(at) => LatencySpec::Constant(at),
        Instant::Between(from, to) => LatencySpec::Uniform(from, to),
    })
}

/// 1234567 as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_and_need_a_unit() {
        assert_eq!(size("16KiB"), Ok(16_384));
        assert_eq!(size("1.25GB"), Ok(1_250_000_000));
        assert_eq!(size("0.5KiB"), Ok(512));
        assert_eq!(size("7 B"), Ok(7));
        for bad in ["16", "KiB", "1.5B", "1e3B", "-1B", "1XB", "99999999999TiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_is_records_per_time() {
        let every = |nanos| Ok(Rate::Every(SimDuration::from_nanos(nanos)));
        assert_eq!(rate("80/s"), every(12_500_000));
        assert_eq!(rate("1k/s"), every(1_000_000));
        assert_eq!(rate("1.5k/s"), every(666_666));
        assert_eq!(rate("10/m"), every(6_000_000_000));
        assert_eq!(rate("2/1500ms"), every(750_000_000));
        assert_eq!(rate("flood"), Ok(Rate::Flood));
        for bad in ["80", "0/s", "2G/s", "80/", "/s", "80/x", "2000M/s", "-1/s"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
        for too_long in [
            "0.0000000000000000000001/100000d",
            "999999999999999999999M/s",
        ] {
            assert!(rate(too_long).is_err(), "{too_long}");
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_itself() {
        for bytes in [
            0,
            1,
            100,
            1_000,
            1_024,
            1_500,
            1 << 30,
            1_250_000_000,
            u64::MAX,
        ] {
            assert_eq!(size(&print_size(bytes)), Ok(bytes));
        }
        for nanos in [1, 3, 12_500_000, 333_333_333, 1_500_000_001, u64::MAX] {
            let every = Rate::Every(SimDuration::from_nanos(nanos));
            assert_eq!(rate(&print_rate(every)), Ok(every));
        }
        for nanos in [0, -1, 7_200_000_000_000, i64::MIN + 1] {
            assert_eq!(signed_duration(&print_signed_duration(nanos)), Ok(nanos));
        }
        for parts in [0, 1, 999, 10_000, 333_333, 1_000_000] {
            assert_eq!(
                parts_per_million(&print_parts_per_million(parts)),
                Ok(parts)
            );
        }
    }

    #[test]
    fn a_range_of_instants_goes_forwards() {
        let s = SimDuration::from_secs;
        assert_eq!(instant("3s"), Ok(Instant::At(s(3))));
        assert_eq!(instant("10s..20s"), Ok(Instant::Between(s(10), s(20))));
        assert!(instant("20s..10s").is_err());
        assert!(instant("5s..5s").is_err());
        assert!(instant("3").is_err());
    }
}
