//! Kafka's configs: names, defaults and ranges as in Apache Kafka 4.2, one struct per kind of node.
//!
//! A config has one name everywhere: `replica.lag.time.max.ms` in scenarios and output,
//! `replica_lag_time_max` in Rust. Each component has one table, a line per config; reading,
//! checking, printing and explaining all go by it.

pub mod broker;
pub mod consumer;
pub mod entry;
mod iso8601;
mod planned;
pub mod problem;
pub mod producer;
pub mod text;
pub mod topic;
pub mod unmodelled;
pub mod value;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::kafka::config::entry::Entry;
use crate::kafka::config::problem::{ConfigException, ConfigProblem};
use crate::kafka::config::value::{ConfigValue, Kind, Value};

/// What has configs of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComponentKind {
    /// A Java producer.
    Producer,
    /// A Java consumer.
    Consumer,
    /// A topic.
    Topic,
    /// A broker or controller.
    Broker,
}

/// A config struct and its table.
pub trait Component: Clone + Default + 'static {
    /// Whose configs they are.
    const KIND: ComponentKind;
    /// Its configs.
    const ENTRIES: &'static [Entry<Self>];

    /// Kafka's checks across configs, and what it derives from them.
    fn resolve(settings: &Settings<Self>) -> Result<Self, ConfigException>;

    /// What Kafka would log about valid but doubtful settings.
    fn notices(settings: &Settings<Self>) -> Vec<String>;
}

/// What a user has set for one component, and which names of it.
#[derive(Clone, Debug, Default)]
pub struct Settings<C> {
    /// The defaults with the set values in place, before any cross-check.
    values: C,
    /// The names that were set, in order.
    set: Vec<&'static str>,
}

/// What can be told of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: &'static str,
    /// Whose config it is.
    pub component: ComponentKind,
    /// Its values.
    pub kind: Kind,
    /// Kafka's default; none where the broker's config decides.
    pub default: Option<Value>,
    /// What it means.
    pub doc: &'static str,
    /// Kafka's class that defines it.
    pub source: &'static str,
}

/// The configs of a component by name, in the order of its table.
pub fn names<C: Component>() -> impl Iterator<Item = &'static str> {
    C::ENTRIES.iter().map(|entry| entry.name)
}

/// What can be told of the config `name`, if it is modelled.
pub fn describe<C: Component>(name: &str) -> Option<Description> {
    let entry = find::<C>(name)?;
    Some(Description {
        name: entry.name,
        component: C::KIND,
        kind: entry.kind,
        default: (entry.get)(&C::default()),
        doc: entry.doc,
        source: entry.source,
    })
}

/// The canonical form of a user's value: `2000` for `"2s"`, `all` for `-1`.
pub fn canonical<C: Component>(name: &str, given: ConfigValue<'_>) -> Result<Value, ConfigProblem> {
    let mut settings = Settings::<C>::default();
    settings.set(name, given)?;
    let value = settings.get(name);
    Ok(value.expect("a config that was just set has a value"))
}

/// What both clients say of backoffs that can't grow.
fn backoff_notices<C: Component>(settings: &Settings<C>) -> Vec<String> {
    let mut notices = Vec::new();
    if settings.lacks_reconnect_maximum() {
        notices.push(
            "reconnect.backoff.max.ms follows reconnect.backoff.ms, as only that one is set: \
             the backoff does not grow"
                .to_owned(),
        );
    }
    for (first, most) in [
        ("retry.backoff.ms", "retry.backoff.max.ms"),
        (
            "socket.connection.setup.timeout.ms",
            "socket.connection.setup.timeout.max.ms",
        ),
    ] {
        if let (Some(Value::Integer(low)), Some(Value::Integer(high))) =
            (settings.get(first), settings.get(most))
            && low > high
        {
            notices.push(format!(
                "{first} ({low}) is above {most} ({high}): always {high} ms"
            ));
        }
    }
    notices
}

/// What is to be said of levels of compression: sizes and costs are declared.
fn level_notices<C: Component>(settings: &Settings<C>) -> Vec<String> {
    let names = ["gzip", "lz4", "zstd"].map(|codec| format!("compression.{codec}.level"));
    let set = names.iter().filter(|name| settings.is_set(name));
    set.map(|name| {
        format!(
            "{name} changes neither size nor cost by itself: declare what the level does in \
             compression_ratio and [costs]"
        )
    })
    .collect()
}

fn find<C: Component>(name: &str) -> Option<&'static Entry<C>> {
    C::ENTRIES.iter().find(|entry| entry.name == name)
}

impl ComponentKind {
    /// What holds where a config is left open.
    pub const fn open(self) -> &'static str {
        match self {
            Self::Topic => "the broker's",
            Self::Producer | Self::Consumer | Self::Broker => "none",
        }
    }

    /// All of them.
    pub const ALL: [Self; 4] = [Self::Producer, Self::Consumer, Self::Topic, Self::Broker];
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Broker => "broker",
            Self::Topic => "topic",
        })
    }
}

impl<C: Component> Settings<C> {
    /// Nothing set: all defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one config; a second value for the same name replaces the first.
    pub fn set(&mut self, name: &str, given: ConfigValue<'_>) -> Result<(), ConfigProblem> {
        let Some(entry) = find::<C>(name) else {
            planned::check(C::KIND, name, given)?;
            let modelled: Vec<_> = names::<C>().collect();
            return Err(ConfigProblem::of_name(C::KIND, &modelled, name));
        };
        let value = entry.kind.read(entry.name, given)?;
        (entry.set)(&mut self.values, value);
        if !self.is_set(name) {
            self.set.push(entry.name);
        }
        Ok(())
    }

    /// True when the user set it, be it to its default.
    pub fn is_set(&self, name: &str) -> bool {
        self.set.contains(&name)
    }

    /// Its value, set or default; none for an unknown name and where a topic leaves it open.
    pub fn get(&self, name: &str) -> Option<Value> {
        let entry = find::<C>(name)?;
        (entry.get)(&self.values)
    }

    /// What was set, in order: name, canonical value, and the value for people.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Value, String)> {
        self.set.iter().map(|name| {
            let entry = find::<C>(name).expect("only names of the table are set");
            let value = (entry.get)(&self.values).expect("a config that was set has a value");
            (*name, value, entry.kind.pretty(value))
        })
    }

    /// A client whose first reconnect backoff is set and whose largest is not: they are the same.
    fn lacks_reconnect_maximum(&self) -> bool {
        self.is_set("reconnect.backoff.ms") && !self.is_set("reconnect.backoff.max.ms")
    }

    /// The values before any cross-check.
    pub fn values(&self) -> &C {
        &self.values
    }

    /// The config that the component starts with, or the error with which Kafka refuses to start.
    pub fn resolve(&self) -> Result<C, ConfigException> {
        C::resolve(self)
    }

    /// What Kafka would log about these settings.
    pub fn notices(&self) -> Vec<String> {
        C::notices(self)
    }
}
