//! One line per config: its name, its field, its values and what it means.

use crate::kafka::api::produce::Acks;
use crate::kafka::compression::{Codec, TopicCompression};
use crate::kafka::config::broker::{LEADER_SELECTOR, RACK_AWARE_SELECTOR, ReplicaSelector};
use crate::kafka::config::consumer::AutoOffsetReset;
use crate::kafka::config::text::Text;
use crate::kafka::config::value::{Bounds, Kind, Limit, Value};
use crate::kafka::partitioner::PartitionerClass;
use crate::kafka::records::TimestampType;
use crate::sim::time::SimDuration;

/// compression.type of a producer.
pub(crate) const CODECS: &[&str] = &["none", "gzip", "snappy", "lz4", "zstd"];
/// compression.type of a topic or a broker.
pub(crate) const BROKER_COMPRESSION: &[&str] =
    &["producer", "uncompressed", "zstd", "lz4", "snappy", "gzip"];
/// Levels of gzip (KIP-390): -1 leaves it to gzip, and there is no 0.
pub(crate) const GZIP_LEVELS: &[&str] = &["-1", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
/// Levels of lz4.
pub(crate) const LZ4_LEVELS: Bounds = Bounds { min: 1, max: 17 };
/// Levels of zstd.
pub(crate) const ZSTD_LEVELS: Bounds = Bounds {
    min: -131_072,
    max: 22,
};

/// A config of the component whose configs are in `C`.
#[derive(Debug)]
pub struct Entry<C: 'static> {
    /// Kafka's name.
    pub name: &'static str,
    /// The values that it takes.
    pub kind: Kind,
    /// What it means, in a line.
    pub doc: &'static str,
    /// Kafka's class that defines it.
    pub source: &'static str,
    /// Puts a value into its field.
    pub set: fn(&mut C, Value),
    /// Reads its field; none where a topic leaves it to the broker.
    pub get: fn(&C) -> Option<Value>,
}

/// The type of a config's field. Values come in Kafka's unit and within the config's bounds.
pub(crate) trait Field: Sized {
    fn from_value(value: Value) -> Self;
    fn to_value(&self) -> Value;
}

/// The table of a component: a class of Kafka, then its configs, a line each:
/// name, field, kind, meaning. A `?` marks a field that may be left open, as most of topics are.
macro_rules! entries {
    ($($source:literal { $($name:literal $([$optional:tt])? $field:ident $kind:expr, $doc:literal;)* })*) => {
        &[$($($crate::kafka::config::entry::Entry {
            name: $name,
            kind: $kind,
            doc: $doc,
            source: $source,
            set: |config, value| entries!(@set config, $field, value $(, $optional)?),
            get: |config| entries!(@get config, $field $(, $optional)?),
        },)*)*]
    };
    (@set $config:ident, $field:ident, $value:ident) => {
        $config.$field = $crate::kafka::config::entry::Field::from_value($value)
    };
    (@set $config:ident, $field:ident, $value:ident, ?) => {
        $config.$field = Some($crate::kafka::config::entry::Field::from_value($value))
    };
    (@get $config:ident, $field:ident) => {
        Some($crate::kafka::config::entry::Field::to_value(&$config.$field))
    };
    (@get $config:ident, $field:ident, ?) => {
        $config.$field.as_ref().map($crate::kafka::config::entry::Field::to_value)
    };
}
pub(crate) use entries;

fn integer(value: Value) -> i64 {
    let Value::Integer(number) = value else {
        panic!("a field takes values of its config's kind: {value:?}");
    };
    number
}

fn word(value: Value) -> &'static str {
    let Value::Word(word) = value else {
        panic!("a field takes values of its config's kind: {value:?}");
    };
    word
}

impl Field for u32 {
    fn from_value(value: Value) -> Self {
        Self::try_from(integer(value)).expect("an INT config has a lower bound of at least 0")
    }

    fn to_value(&self) -> Value {
        Value::Integer(i64::from(*self))
    }
}

/// A level of compression, as a number or as one of the words that are numbers.
impl Field for i32 {
    fn from_value(value: Value) -> Self {
        match value {
            Value::Integer(number) => Self::try_from(number).expect("levels are small"),
            Value::Word(word) => word
                .parse()
                .expect("the words of gzip's levels are numbers"),
            Value::Bool(_) | Value::ByDuration(_) | Value::Text(_) => {
                panic!("a field takes values of its config's kind: {value:?}")
            }
        }
    }

    fn to_value(&self) -> Value {
        Value::Integer(i64::from(*self))
    }
}

impl Field for u64 {
    fn from_value(value: Value) -> Self {
        Self::try_from(integer(value)).expect("a LONG config has a lower bound of at least 0")
    }

    fn to_value(&self) -> Value {
        Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl Field for Text {
    fn from_value(value: Value) -> Self {
        let Value::Text(text) = value else {
            panic!("a field takes values of its config's kind: {value:?}");
        };
        text
    }

    fn to_value(&self) -> Value {
        Value::Text(*self)
    }
}

/// A number whose largest value, 2^63-1, means never.
impl Field for Option<u64> {
    fn from_value(value: Value) -> Self {
        let number = u64::from_value(value);
        (number < i64::MAX as u64).then_some(number)
    }

    fn to_value(&self) -> Value {
        self.unwrap_or(i64::MAX as u64).to_value()
    }
}

impl Field for bool {
    fn from_value(value: Value) -> Self {
        let Value::Bool(truth) = value else {
            panic!("a field takes values of its config's kind: {value:?}");
        };
        truth
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Field for SimDuration {
    fn from_value(value: Value) -> Self {
        Self::from_millis(u64::from_value(value))
    }

    fn to_value(&self) -> Value {
        if *self == Self::MAX {
            return Value::Integer(i64::MAX);
        }
        self.as_millis().to_value()
    }
}

impl<T: Field> Field for Limit<T> {
    fn from_value(value: Value) -> Self {
        Self((integer(value) >= 0).then(|| T::from_value(value)))
    }

    fn to_value(&self) -> Value {
        self.0.as_ref().map_or(Value::Integer(-1), T::to_value)
    }
}

impl Field for TimestampType {
    fn from_value(value: Value) -> Self {
        match word(value) {
            "CreateTime" => Self::CreateTime,
            "LogAppendTime" => Self::LogAppendTime,
            other => panic!("message.timestamp.type takes no word but its own: {other}"),
        }
    }

    fn to_value(&self) -> Value {
        Value::Word(match self {
            Self::CreateTime => "CreateTime",
            Self::LogAppendTime => "LogAppendTime",
        })
    }
}

impl Field for Acks {
    fn from_value(value: Value) -> Self {
        match word(value) {
            "all" | "-1" => Self::All,
            "1" => Self::Leader,
            "0" => Self::None,
            other => panic!("acks takes no word but its own: {other}"),
        }
    }

    fn to_value(&self) -> Value {
        Value::Word(match self {
            Self::All => "all",
            Self::Leader => "1",
            Self::None => "0",
        })
    }
}

impl Field for ReplicaSelector {
    fn from_value(value: Value) -> Self {
        match word(value) {
            RACK_AWARE_SELECTOR => Self::RackAware,
            LEADER_SELECTOR => Self::Leader,
            other => panic!("replica.selector.class takes no word but its own: {other}"),
        }
    }

    fn to_value(&self) -> Value {
        Value::Word(match self {
            Self::Leader => LEADER_SELECTOR,
            Self::RackAware => RACK_AWARE_SELECTOR,
        })
    }
}

impl Field for AutoOffsetReset {
    fn from_value(value: Value) -> Self {
        if let Value::ByDuration(span) = value {
            return Self::ByDuration(span);
        }
        match word(value) {
            "earliest" => Self::Earliest,
            "latest" => Self::Latest,
            "none" => Self::None,
            other => panic!("auto.offset.reset takes no word but its own: {other}"),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Earliest => Value::Word("earliest"),
            Self::Latest => Value::Word("latest"),
            Self::ByDuration(span) => Value::ByDuration(*span),
            Self::None => Value::Word("none"),
        }
    }
}

impl Field for Codec {
    fn from_value(value: Value) -> Self {
        let word = word(value);
        let compressing = Self::COMPRESSING.into_iter();
        let mut all = compressing.chain([Self::None]);
        all.find(|codec| codec.name() == word)
            .unwrap_or_else(|| panic!("compression.type takes no word but its own: {word}"))
    }

    fn to_value(&self) -> Value {
        Value::Word(self.name())
    }
}

impl Field for TopicCompression {
    fn from_value(value: Value) -> Self {
        match word(value) {
            "producer" => Self::Producer,
            "uncompressed" => Self::To(Codec::None),
            other => Self::To(Codec::from_value(Value::Word(other))),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Producer => Value::Word("producer"),
            Self::To(Codec::None) => Value::Word("uncompressed"),
            Self::To(codec) => codec.to_value(),
        }
    }
}

impl Field for PartitionerClass {
    fn from_value(value: Value) -> Self {
        let word = word(value);
        Self::of_name(word)
            .unwrap_or_else(|| panic!("partitioner.class takes no word but its own: {word}"))
    }

    fn to_value(&self) -> Value {
        Value::Word(self.name())
    }
}
