//! Tables of Kafka's configs: values by Kafka's own tables, then Kafka's own cross-checks.
//!
//! What Kafka refuses to start with is a problem of the file, unless the file claims
//! `refused_config` for it: then it is the variant's outcome.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::kafka::api::incremental_alter_configs::ConfigChange;
use crate::kafka::config::problem::ConfigProblem;
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::config::value::ConfigValue;
use crate::kafka::config::{Component, Settings, describe};
use crate::kafka::throttled_replicas::{Side, ThrottledReplicas};
use crate::scenario::diagnostics::{Problem, Problems};
use crate::scenario::model::RefusedConfig;
use crate::scenario::reader::wrong_type;
use crate::scenario::tree::{Entry, Place, Table, Value};

/// Reads a table of configs of `owner`. `presets` hold where the table says nothing.
pub(in crate::scenario) fn lower<C: Component>(
    owner: &str,
    table: Option<(&Table, Place)>,
    presets: &[(&str, ConfigValue<'_>)],
    refusals: &BTreeSet<String>,
    problems: &mut Problems,
) -> Result<C, RefusedConfig> {
    let mut settings = Settings::<C>::new();
    for (name, value) in presets {
        settings
            .set(name, *value)
            .expect("a preset is a valid value of a modelled config");
    }
    let mut refused = None;
    for entry in table.into_iter().flat_map(|(table, _)| &table.entries) {
        if let Err(refusal) = set(&mut settings, entry, refusals, problems) {
            refused.get_or_insert(refusal);
        }
    }
    if let Some(refusal) = refused {
        return Err(refusal);
    }
    for notice in settings.notices() {
        problems.notice(&format!("{owner}: {notice}"));
    }
    settings.resolve().or_else(|exception| {
        if refusals.contains(exception.name) {
            return Err(RefusedConfig {
                name: Arc::from(exception.name),
                message: Arc::from(exception.message),
            });
        }
        let named = table.and_then(|(table, _)| table.get(exception.name));
        let place = named
            .map(|entry| entry.item.place)
            .or(table.map(|(_, place)| place));
        problems.add(
            place.unwrap_or(Place::TOP),
            Problem::Refused {
                name: exception.name.to_owned(),
                message: exception.message,
            },
        );
        Ok(C::default())
    })
}

/// Reads the change of one config of a topic; `"default"` takes the topic's own value back.
pub(in crate::scenario) fn change(
    entry: &Entry,
    refusals: &BTreeSet<String>,
    problems: &mut Problems,
) -> Option<ConfigChange> {
    if Side::of_replicas_config(&entry.key).is_some() {
        return throttled_replicas(entry, problems);
    }
    let is_taken_back = entry.item.text() == Some("default");
    let known = describe::<TopicConfig>(&entry.key).is_some();
    let mut settings = Settings::<TopicConfig>::new();
    if !(is_taken_back && known) {
        let found = problems.count();
        let refused = set(&mut settings, entry, refusals, problems).is_err();
        if refused || problems.count() > found {
            return None;
        }
    }
    let value = settings.get(&entry.key);
    Some(ConfigChange {
        name: Arc::from(entry.key.as_str()),
        value: value.map(|value| Arc::from(value.to_string())),
    })
}

/// A change of the list of replicas that a throttle is for, which no topic of a file starts with.
fn throttled_replicas(entry: &Entry, problems: &mut Problems) -> Option<ConfigChange> {
    let Some(text) = entry.item.text() else {
        let expected = "a string, as in \"*\" or \"0:1,0:4\"";
        let problem = wrong_type(format!("`{}`", entry.key), expected, &entry.item);
        problems.add(entry.item.place, problem);
        return None;
    };
    let value = match (text, ThrottledReplicas::parse(text)) {
        ("default", _) => None,
        (_, Ok(list)) => Some(Arc::from(list.to_string())),
        (_, Err(why)) => {
            let message = format!("{} {why}", entry.key);
            problems.add(entry.item.place, Problem::ConfigValue(message));
            return None;
        }
    };
    Some(ConfigChange {
        name: Arc::from(entry.key.as_str()),
        value,
    })
}

fn set<C: Component>(
    settings: &mut Settings<C>,
    entry: &Entry,
    refusals: &BTreeSet<String>,
    problems: &mut Problems,
) -> Result<(), RefusedConfig> {
    let value = match &entry.item.value {
        Value::Text(text) => ConfigValue::Text(text),
        Value::Integer(Some(number)) => ConfigValue::Integer(*number),
        Value::Boolean(truth) => ConfigValue::Bool(*truth),
        Value::Integer(None) => {
            let message = format!("{} is larger than any number of Kafka's", entry.key);
            problems.add(entry.item.place, Problem::ConfigValue(message));
            return Ok(());
        }
        Value::Float(_) | Value::Datetime | Value::Array(_) | Value::Table(_) => {
            let expected = "a whole number, a string, true or false";
            let problem = wrong_type(format!("`{}`", entry.key), expected, &entry.item);
            problems.add(entry.item.place, problem);
            return Ok(());
        }
    };
    let Err(problem) = settings.set(&entry.key, value) else {
        return Ok(());
    };
    let (message, help) = (problem.to_string(), problem.help());
    match problem {
        ConfigProblem::Invalid { name, .. } if refusals.contains(name) => {
            return Err(RefusedConfig {
                name: Arc::from(name),
                message: Arc::from(message),
            });
        }
        ConfigProblem::Invalid { .. } => {
            problems.add(entry.item.place, Problem::ConfigValue(message));
        }
        ConfigProblem::Unknown { .. }
        | ConfigProblem::NotModelled { .. }
        | ConfigProblem::NotYet { .. }
        | ConfigProblem::Removed { .. } => {
            problems.add(entry.place, Problem::UnknownConfig { message, help });
        }
    }
    Ok(())
}
