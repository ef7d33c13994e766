//! What can be wrong with a config, told apart: a mistake in the user's file, or a combination with
//! which Kafka refuses to start.

use crate::kafka::config::{ComponentKind, unmodelled};

/// The user's file is wrong: no such config, or no such value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigProblem {
    /// Kafka 4.2 has no config of that name for this component.
    #[error("a {component} has no config {name}")]
    Unknown {
        /// Whose config it should be.
        component: ComponentKind,
        /// The name as given.
        name: String,
        /// The valid name that looks most like it.
        nearest: Option<&'static str>,
        /// The component that does have it.
        belongs_to: Option<ComponentKind>,
    },
    /// Kafka has it, this simulator does not.
    #[error("{name} is known to Kafka but not modelled here")]
    NotModelled {
        /// Whose config it should be.
        component: ComponentKind,
        /// Its name.
        name: String,
    },
    /// Kafka has it, the value is valid, and what it switches on is still to come here.
    #[error("{name} is valid, but {what} are not simulated yet")]
    NotYet {
        /// Its name.
        name: &'static str,
        /// What it belongs to.
        what: &'static str,
        /// What to do meanwhile.
        help: &'static str,
    },
    /// An older Kafka had it.
    #[error("{name} is gone from Kafka since version {since}")]
    Removed {
        /// Its name.
        name: String,
        /// The first version without it.
        since: &'static str,
    },
    /// The value is of the wrong kind or out of range.
    #[error("invalid value {value} for configuration {name}: {why}")]
    Invalid {
        /// The config.
        name: &'static str,
        /// The value as given.
        value: String,
        /// What it must be.
        why: String,
    },
}

/// Kafka refuses to start with this combination of valid values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigException {
    /// The config that Kafka's error names.
    pub name: &'static str,
    /// Why.
    pub message: String,
}

impl ConfigProblem {
    /// The problem with a name that is not among the `modelled` ones of `component`.
    pub fn of_name(component: ComponentKind, modelled: &[&'static str], name: &str) -> Self {
        if unmodelled::is_known(component, name) || unmodelled::is_security(name) {
            return Self::NotModelled {
                component,
                name: name.to_owned(),
            };
        }
        if let Some(since) = unmodelled::removed_in(name) {
            return Self::Removed {
                name: name.to_owned(),
                since,
            };
        }
        let mut others = ComponentKind::ALL.into_iter();
        Self::Unknown {
            component,
            name: name.to_owned(),
            nearest: nearest(modelled.iter().copied(), name)
                .or_else(|| nearest(unmodelled::of(component), name)),
            belongs_to: others.find(|other| unmodelled::is_known(*other, name)),
        }
    }

    /// What the user can do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown {
                nearest,
                belongs_to,
                ..
            } => match (belongs_to, nearest) {
                (Some(other), _) => Some(format!("it is a config of a {other}")),
                (None, Some(nearest)) => Some(format!("did you mean {nearest}?")),
                (None, None) => None,
            },
            Self::NotModelled { .. } => {
                Some("leave it out: no part of the simulator reads it".to_owned())
            }
            Self::NotYet { help, .. } => Some((*help).to_owned()),
            Self::Removed { .. } | Self::Invalid { .. } => None,
        }
    }
}

/// The candidate that looks most like `name`, if one does.
fn nearest<'a>(candidates: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    // Underscores and capitals come from other clients and from environment variables.
    let name = name.replace('_', ".").to_lowercase();
    let tolerance = 2.max(name.len() / 4);
    let distance = |candidate: &str| {
        let begins = candidate.starts_with(&name) || name.starts_with(candidate);
        let edits = strsim::damerau_levenshtein(candidate, &name);
        if begins { edits.min(tolerance) } else { edits }
    };
    let scored = candidates.map(|candidate| (distance(candidate), candidate));
    let best = scored.min_by_key(|(distance, _)| *distance)?;
    (best.0 <= tolerance && name.len() >= 3).then_some(best.1)
}
