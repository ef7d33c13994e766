//! Values of configs: as users write them, as Kafka keeps them, and how they are printed.
//!
//! A bare number is in Kafka's own unit: milliseconds or bytes. `"2s"` and `"16KiB"` work too.
//! Source: ConfigDef.parseType, ConfigDef.Range, ConfigDef.ValidString (4.2).

use std::fmt;

use crate::kafka::config::iso8601;
use crate::kafka::config::problem::ConfigProblem;
use crate::kafka::config::text::Text;
use crate::sim::time::SimDuration;

/// A value as a user writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigValue<'a> {
    /// A bare number.
    Integer(i64),
    /// A string.
    Text(&'a str),
    /// True or false.
    Bool(bool),
}

/// A valid value in Kafka's own unit; the canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Milliseconds, bytes or a count.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// One of the words of the config.
    Word(&'static str),
    /// `by_duration:PT5M`
    ByDuration(SimDuration),
    /// Any string.
    Text(Text),
}

/// A bound that may be absent: Kafka writes -1 for "without limit".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit<T>(pub Option<T>);

/// What values a config takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A time in milliseconds.
    Millis(Bounds),
    /// A size in bytes.
    Bytes(Bounds),
    /// A plain number.
    Count(Bounds),
    /// True or false.
    Boolean,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Where a consumer starts: a word, or a span of ISO 8601 after `by_duration:`.
    OffsetReset,
    /// Any string that is not too long.
    Text,
}

/// The words of auto.offset.reset.
pub const OFFSET_RESETS: &[&str] = &["earliest", "latest", "none"];

/// Inclusive bounds of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least value.
    pub min: i64,
    /// The largest; that of Kafka's INT or LONG where Kafka sets none.
    pub max: i64,
}

/// Bounds of one of Kafka's INT configs.
pub const fn int(min: i64) -> Bounds {
    Bounds {
        min,
        max: i32::MAX as i64,
    }
}

/// Bounds of one of Kafka's LONG configs.
pub const fn long(min: i64) -> Bounds {
    Bounds { min, max: i64::MAX }
}

impl Kind {
    /// Reads a user's value for the config `name`.
    pub fn read(self, name: &'static str, given: ConfigValue<'_>) -> Result<Value, ConfigProblem> {
        let invalid = |why: String| ConfigProblem::Invalid {
            name,
            value: given.to_string(),
            why,
        };
        let expected = || invalid(format!("expected {}", self.expected()));
        match self {
            Self::Millis(bounds) => {
                let millis = match given {
                    ConfigValue::Integer(number) => number,
                    ConfigValue::Text(text) => read_millis(text).ok_or_else(expected)?,
                    ConfigValue::Bool(_) => return Err(expected()),
                };
                bounds.check(millis).map_err(invalid)
            }
            Self::Bytes(bounds) => {
                let bytes = match given {
                    ConfigValue::Integer(number) => number,
                    ConfigValue::Text(text) => read_bytes(text).ok_or_else(expected)?,
                    ConfigValue::Bool(_) => return Err(expected()),
                };
                bounds.check(bytes).map_err(invalid)
            }
            Self::Count(bounds) => {
                let count = match given {
                    ConfigValue::Integer(number) => number,
                    ConfigValue::Text(text) => read_integer(text).ok_or_else(expected)?,
                    ConfigValue::Bool(_) => return Err(expected()),
                };
                bounds.check(count).map_err(invalid)
            }
            Self::Boolean => match given {
                ConfigValue::Bool(value) => Ok(Value::Bool(value)),
                ConfigValue::Text(text) if text.trim().eq_ignore_ascii_case("true") => {
                    Ok(Value::Bool(true))
                }
                ConfigValue::Text(text) if text.trim().eq_ignore_ascii_case("false") => {
                    Ok(Value::Bool(false))
                }
                ConfigValue::Text(_) | ConfigValue::Integer(_) => Err(expected()),
            },
            Self::OffsetReset => {
                let text = given.to_string();
                if let Some(span) = text.trim().strip_prefix("by_duration:") {
                    let span = iso8601::read(span).ok_or_else(expected)?;
                    return Ok(Value::ByDuration(span));
                }
                Self::OneOf(OFFSET_RESETS)
                    .read(name, given)
                    .map_err(|_| expected())
            }
            Self::Text => (Text::new(&given.to_string()))
                .map(Value::Text)
                .ok_or_else(expected),
            Self::OneOf(words) => {
                let text = given.to_string();
                let word = words.iter().find(|word| **word == text.trim());
                word.map(|word| Value::Word(word)).ok_or_else(expected)
            }
        }
    }

    /// What a value of this kind looks like, for messages.
    pub fn expected(self) -> String {
        match self {
            Self::Millis(_) => "a time in milliseconds, as in 2000 or \"2s\"".to_owned(),
            Self::Bytes(_) => "a size in bytes, as in 16384 or \"16KiB\"".to_owned(),
            Self::Count(_) => "a whole number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::OffsetReset => format!(
                "one of {} or by_duration:<PnDTnHnMn.nS>",
                OFFSET_RESETS.join(", ")
            ),
            Self::Text => format!("a string of at most {} bytes", Text::MAX_BYTES),
        }
    }

    /// The unit of a bare number.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Millis(_) => "ms",
            Self::Bytes(_) => "bytes",
            Self::Count(_) | Self::Boolean | Self::OneOf(_) | Self::OffsetReset | Self::Text => "",
        }
    }

    /// The values that Kafka accepts, for explanations: `at least 0`.
    pub fn range(self) -> String {
        match self {
            Self::Millis(bounds) | Self::Bytes(bounds) | Self::Count(bounds) => bounds.to_string(),
            Self::Boolean | Self::OneOf(_) | Self::OffsetReset | Self::Text => self.expected(),
        }
    }

    /// `value` for people: `30s` and `16KiB` where Kafka says 30000 and 16384.
    pub fn pretty(self, value: Value) -> String {
        match (self, value) {
            (Self::Millis(_), Value::Integer(millis)) => pretty_millis(millis),
            (Self::Bytes(_), Value::Integer(bytes)) => pretty_bytes(bytes),
            (
                Self::Millis(_) | Self::Bytes(_),
                Value::Bool(_) | Value::Word(_) | Value::ByDuration(_) | Value::Text(_),
            )
            | (
                Self::Count(_) | Self::Boolean | Self::OneOf(_) | Self::OffsetReset | Self::Text,
                _,
            ) => value.to_string(),
        }
    }
}

impl Bounds {
    /// `number` as a value, or what is wrong with it.
    fn check(self, number: i64) -> Result<Value, String> {
        if number < self.min {
            Err(format!("value must be at least {}", self.min))
        } else if number > self.max {
            Err(format!("value must be no more than {}", self.max))
        } else {
            Ok(Value::Integer(number))
        }
    }
}

/// An integer with a sign and `_` between digits.
fn read_integer(text: &str) -> Option<i64> {
    text.trim().replace('_', "").parse().ok()
}

fn read_millis(text: &str) -> Option<i64> {
    if let Some(millis) = read_integer(text) {
        return Some(millis);
    }
    let span = SimDuration::parse(text).ok()?;
    // Kafka has no parts of a millisecond.
    let whole = span.as_nanos().is_multiple_of(1_000_000);
    whole.then(|| span.as_millis() as i64)
}

fn read_bytes(text: &str) -> Option<i64> {
    if let Some(bytes) = read_integer(text) {
        return Some(bytes);
    }
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')?;
    let (number, unit) = text.split_at(split);
    let scale: i64 = match unit.trim() {
        "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = u32::try_from(fraction.len()).ok()?;
    let parts = read_integer(fraction)?.checked_mul(scale)?;
    let of = 10_i64.checked_pow(digits)?;
    let whole = read_integer(whole)?.checked_mul(scale)?;
    // There are no parts of a byte.
    let exact = parts.checked_rem(of) == Some(0);
    exact.then(|| whole.checked_add(parts / of)).flatten()
}

fn pretty_millis(millis: i64) -> String {
    match u64::try_from(millis).ok().map(SimDuration::from_millis) {
        Some(span) if span != SimDuration::MAX => span.to_string(),
        Some(_) | None => format!("{millis}ms"),
    }
}

fn pretty_bytes(bytes: i64) -> String {
    for (scale, unit) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= scale && bytes % scale == 0 {
            return format!("{}{unit}", bytes / scale);
        }
    }
    format!("{bytes}B")
}

impl fmt::Display for ConfigValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Bool(value) => value.fmt(f),
        }
    }
}

impl fmt::Display for Value {
    /// As in a Kafka properties file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::Word(word) => word.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::ByDuration(span) => write!(f, "by_duration:{}", iso8601::print(*span)),
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unbounded = self.max == i64::MAX || self.max == i64::from(i32::MAX);
        if unbounded {
            write!(f, "at least {}", self.min)
        } else {
            write!(f, "{} to {}", self.min, self.max)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(kind: Kind, given: ConfigValue<'_>) -> Result<String, String> {
        let value = kind.read("a.b", given);
        value.map(|v| v.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn times_are_milliseconds_unless_a_unit_says_otherwise() {
        let kind = Kind::Millis(int(0));
        for text in ["2000", "2s", "2000ms", "2_000", " 2s "] {
            assert_eq!(read(kind, ConfigValue::Text(text)).unwrap(), "2000");
        }
        assert_eq!(read(kind, ConfigValue::Integer(2_000)).unwrap(), "2000");
        insta::assert_snapshot!(
            read(kind, ConfigValue::Text("2500us")).unwrap_err(),
            @r#"invalid value 2500us for configuration a.b: expected a time in milliseconds, as in 2000 or "2s""#
        );
    }

    #[test]
    fn sizes_are_bytes_in_decimal_or_binary_units() {
        let kind = Kind::Bytes(long(0));
        for (text, bytes) in [
            ("512", "512"),
            ("512B", "512"),
            ("16KiB", "16384"),
            ("1MB", "1000000"),
            ("1.5 KiB", "1536"),
            ("2GiB", "2147483648"),
        ] {
            assert_eq!(read(kind, ConfigValue::Text(text)).unwrap(), bytes);
        }
        for text in ["", "KiB", "1.0001KiB", "1.KiB", "16kib", "99999999999GiB"] {
            assert!(read(kind, ConfigValue::Text(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_named_with_their_bound() {
        let kind = Kind::Count(int(1));
        insta::assert_snapshot!(
            read(kind, ConfigValue::Integer(0)).unwrap_err(),
            @"invalid value 0 for configuration a.b: value must be at least 1"
        );
        insta::assert_snapshot!(
            read(kind, ConfigValue::Integer(1 << 31)).unwrap_err(),
            @"invalid value 2147483648 for configuration a.b: value must be no more than 2147483647"
        );
    }

    #[test]
    fn words_and_truth_values_are_taken_as_kafka_takes_them() {
        let acks = Kind::OneOf(&["all", "-1", "0", "1"]);
        assert_eq!(read(acks, ConfigValue::Integer(-1)).unwrap(), "-1");
        assert_eq!(read(acks, ConfigValue::Text("all")).unwrap(), "all");
        insta::assert_snapshot!(
            read(acks, ConfigValue::Integer(2)).unwrap_err(),
            @"invalid value 2 for configuration a.b: expected one of all, -1, 0, 1"
        );
        assert_eq!(
            read(Kind::Boolean, ConfigValue::Text("TRUE")).unwrap(),
            "true"
        );
        assert!(read(Kind::Boolean, ConfigValue::Integer(1)).is_err());
    }

    proptest! {
        #[test]
        fn a_pretty_value_reads_back_as_itself(number in any::<i64>(), shift in 0_u32..63) {
            let number = (number >> shift).max(0);
            for kind in [Kind::Millis(long(0)), Kind::Bytes(long(0)), Kind::Count(long(0))] {
                let value = Value::Integer(number);
                let text = kind.pretty(value);
                // Times beyond 584 years print in their own unit, which does not read back.
                if kind != Kind::Millis(long(0)) || number < 1 << 44 {
                    prop_assert_eq!(kind.read("a.b", ConfigValue::Text(&text)).unwrap(), value);
                }
            }
        }
    }
}
