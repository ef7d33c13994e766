//! A scenario as it runs: what a file says after every name is resolved and every range checked.

use std::sync::Arc;

use crate::cluster::spec::ClusterSpec;
use crate::fault::Event;
use crate::fault::random::RandomFaults;
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;

/// A question, the set-up that answers it, and what is claimed of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name: the file's stem, or the library name.
    pub name: Arc<str>,
    /// The question.
    pub question: Arc<str>,
    /// Which interview questions it answers: `A5`, `B10`.
    pub answers: Vec<Arc<str>>,
    /// Its number in the catalogue: `S01`.
    pub catalogue: Option<Arc<str>>,
    /// The seed where none is given.
    pub seed: u64,
    /// The variants, the base first.
    pub variants: Vec<Variant>,
    /// The claims, in the file's order.
    pub claims: Vec<Claim>,
    /// What to teach.
    pub teach: Teach,
}

/// One set-up of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its label.
    pub name: Arc<str>,
    /// What to build, or the configuration error that Kafka raises instead.
    pub setup: Result<Setup, RefusedConfig>,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The cluster and its applications.
    pub cluster: ClusterSpec,
    /// What breaks.
    pub timeline: Vec<Event>,
    /// What breaks besides, at random.
    pub faults: Option<RandomFaults>,
    /// When all faults heal.
    pub run_for: SimDuration,
    /// How long the drain may take after that.
    pub drain_for: SimDuration,
}

/// A config that a Kafka client refuses to start with (ConfigException).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedConfig {
    /// The Kafka name of the config.
    pub name: Arc<str>,
    /// What the client says.
    pub message: Arc<str>,
}

/// A statement about the result, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which variant.
    pub variant: Arc<str>,
    /// Its text, as in the file.
    pub text: Arc<str>,
    /// What it says.
    pub kind: ClaimKind,
}

/// What a claim says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// `metric op right`.
    Compare {
        /// A name of the result: `lost`, `groups.billing.max_lag`, a metric.
        metric: Arc<str>,
        /// How it compares.
        op: Comparison,
        /// With what.
        right: Operand,
        /// In how many seeds it must hold.
        seeds: SeedQuantifier,
    },
    /// `hit EVENT`: the event of the timeline had something to act on.
    Hit(Arc<str>),
    /// `refused_config NAME`: Kafka refuses the configuration, naming this config.
    RefusedConfig(Arc<str>),
}

/// The six comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The right side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A number (durations in ns).
    Number(i64),
    /// Another variant's metric.
    Metric {
        /// The variant.
        variant: Arc<str>,
        /// The metric.
        metric: Arc<str>,
    },
}

/// Over many seeds: where the claim must hold. One seed alone must hold it, whatever this says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedQuantifier {
    /// In every seed. The default.
    All,
    /// In at least one.
    Any,
    /// In at least this share.
    AtLeast(Ratio),
}

/// What a scenario teaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teach {
    /// The plain answer in a sentence per outcome is made by the report; this is what to say.
    pub say: Option<Arc<str>>,
    /// The one caveat of the model that matters here.
    pub model: Option<Arc<str>>,
}
