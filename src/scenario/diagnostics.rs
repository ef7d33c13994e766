//! What can be wrong with a scenario file or a `--set` flag: each problem with its place, a code,
//! and what to do about it; all problems of a file at once.
//!
//! Left out: drawing, which is in `drawing` and needs a terminal's crate.

use std::fmt;
use std::sync::Arc;

use crate::scenario::tree::{Place, SourceId};

/// The most problems that are told of a file: looking for a place takes as long as the file is.
const PROBLEMS_MAX: usize = 200;

/// One thing wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message says what each field is")]
pub enum Problem {
    #[error("this is not TOML: {0}")]
    Syntax(String),
    #[error("the file is empty")]
    Empty,
    #[error("the file is longer than {0}")]
    TooLong(&'static str),
    #[error("{table} has no key `{key}`")]
    UnknownKey {
        key: String,
        table: String,
        known: Vec<String>,
        misplaced: Option<Misplaced>,
    },
    #[error("{table} lacks `{key}`")]
    MissingKey {
        key: String,
        table: String,
        example: String,
    },
    #[error("{what} must be {expected}, not {found}")]
    WrongType {
        what: String,
        expected: String,
        found: &'static str,
        help: Option<String>,
    },
    #[error("{what}: {why}")]
    BadValue {
        what: String,
        why: String,
        help: Option<String>,
    },
    #[error("{what} is {value}, outside {range}")]
    OutOfRange {
        what: String,
        value: String,
        range: String,
    },
    #[error("{what} cannot be `{word}`")]
    UnknownWord {
        what: String,
        word: String,
        known: Vec<String>,
    },
    #[error("`{name}` cannot be the name of {kind}")]
    BadName {
        kind: &'static str,
        name: String,
        help: &'static str,
    },
    #[error("the name `{name}` is taken: {by} has it already")]
    NameTaken { name: String, by: String },
    #[error("there is no {kind} `{name}`")]
    UnknownName {
        kind: &'static str,
        name: String,
        known: Vec<String>,
    },
    #[error("`{topic}` has no partition {partition}: its partitions are 0 to {last}")]
    UnknownPartition {
        topic: String,
        partition: String,
        last: u32,
    },
    #[error("`{text}` is no node: {why}")]
    BadSelector { text: String, why: String },
    #[error("{what} belongs to the group protocols that elect a coordinator")]
    NoGroupProtocol { what: String },
    #[error("`{text}` is no moment of the protocol")]
    BadMoment { text: String, known: Vec<String> },
    #[error("`here` is where a moment happened, and this event waits for none")]
    HereWithoutMoment,
    #[error("two events of the timeline are called `{id}`")]
    DuplicateEvent { id: String, by_default: bool },
    #[error("the event `{id}` has no time")]
    NoTime { id: String },
    #[error("the event `{id}` has both `{first}` and `{second}`")]
    TwoOf {
        id: String,
        first: String,
        second: String,
        help: &'static str,
    },
    #[error("the event `{id}` does nothing")]
    NoAction { id: String, known: Vec<String> },
    #[error("`{key}` means nothing beside {beside}")]
    UnusedKey {
        key: String,
        beside: String,
        help: &'static str,
    },
    #[error("{what} comes after the end: run_for is {run_for}")]
    AfterEnd {
        what: String,
        run_for: String,
        help: &'static str,
    },
    #[error(
        "`{topic}` wants {replication_factor} replicas of each partition, and there are {brokers} brokers"
    )]
    ReplicationFactor {
        topic: String,
        replication_factor: u32,
        brokers: u32,
    },
    #[error("{message}")]
    UnknownConfig {
        message: String,
        help: Option<String>,
    },
    #[error("{0}")]
    ConfigValue(String),
    #[error("Kafka refuses this configuration: {message}")]
    Refused { name: String, message: String },
    #[error("two variants are called `{label}`")]
    DuplicateVariant { label: String },
    #[error("this is no claim: {why}")]
    BadClaim { why: String, help: String },
    #[error("--set {why}")]
    BadFlag { why: String, help: String },
    #[error("{what}: together {sum}, more than {limit}")]
    TooMany {
        what: &'static str,
        sum: String,
        limit: String,
    },
    #[error("these are the first {PROBLEMS_MAX} problems; there are more")]
    More,
}

/// Where a key would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// Above the first header.
    Top,
    /// In the table `config`.
    Config,
}

/// The codes of all problems.
pub const CODES: [&str; 32] = [
    "toml_syntax",
    "empty_file",
    "file_too_long",
    "unknown_key",
    "missing_key",
    "wrong_type",
    "bad_value",
    "out_of_range",
    "unknown_word",
    "bad_name",
    "name_taken",
    "unknown_name",
    "unknown_partition",
    "bad_selector",
    "no_group_protocol",
    "bad_moment",
    "here_without_moment",
    "duplicate_event",
    "no_time",
    "two_of",
    "no_action",
    "unused_key",
    "after_end",
    "replication_factor",
    "unknown_config",
    "config_value",
    "refused_config",
    "duplicate_variant",
    "bad_claim",
    "bad_flag",
    "too_many",
    "more_problems",
];

/// A problem at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// What is wrong.
    pub problem: Problem,
    /// Where.
    pub place: Place,
    /// The variant in which it is wrong, where the base has no such problem.
    pub variant: Option<Arc<str>>,
    /// The text with the problem, and its name.
    pub source: Arc<Source>,
}

/// A text and what to call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `scenarios/acks/x.toml` or `--set`.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Everything wrong with a file and its flags, in the order of the text; at least one problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// The problems.
    pub problems: Vec<Located>,
}

/// Collects problems while a file is read.
#[derive(Debug)]
pub(in crate::scenario) struct Problems {
    sources: Vec<Arc<Source>>,
    found: Vec<Located>,
    variant: Option<Arc<str>>,
    notices: Vec<String>,
}

impl Problems {
    /// Notes nothing yet of the same texts: for what is tried and may be dropped.
    pub(in crate::scenario) fn scratch(&self) -> Self {
        Self {
            sources: self.sources.clone(),
            found: Vec::new(),
            variant: None,
            notices: Vec::new(),
        }
    }

    /// Takes over what another collection has noted.
    pub(in crate::scenario) fn absorb(&mut self, other: Self) {
        for problem in other.found {
            self.add(problem.place, problem.problem);
        }
    }

    /// Of a file and flags, in the order of their [`SourceId`]s.
    pub(in crate::scenario) fn new(sources: Vec<Source>) -> Self {
        Self {
            sources: sources.into_iter().map(Arc::new).collect(),
            found: Vec::new(),
            variant: None,
            notices: Vec::new(),
        }
    }

    /// From here on, problems are those of a variant; what the base has too is not said again.
    pub(in crate::scenario) fn enter(&mut self, variant: Option<Arc<str>>) {
        self.variant = variant;
    }

    /// Notes a problem, once.
    pub(in crate::scenario) fn add(&mut self, place: Place, problem: Problem) {
        if self.found.len() > PROBLEMS_MAX {
            return;
        }
        let problem = if self.found.len() == PROBLEMS_MAX {
            Problem::More
        } else {
            problem
        };
        if self
            .found
            .iter()
            .any(|known| known.place == place && known.problem == problem)
        {
            return;
        }
        let source = Arc::clone(&self.sources[place.source.0 as usize]);
        self.found.push(Located {
            problem,
            place,
            variant: self.variant.clone(),
            source,
        });
    }

    /// Notes what is valid but doubtful; what the base has too is not said again.
    pub(in crate::scenario) fn notice(&mut self, text: &str) {
        let of_variant = match &self.variant {
            Some(label) => format!("{text} (variant \"{label}\")"),
            None => text.to_owned(),
        };
        if !self.notices.iter().any(|known| known == text) && !self.notices.contains(&of_variant) {
            self.notices.push(of_variant);
        }
    }

    /// What is valid but doubtful, so far.
    pub(in crate::scenario) fn notices(&self) -> &[String] {
        &self.notices
    }

    /// How many there are.
    pub(in crate::scenario) fn count(&self) -> usize {
        self.found.len()
    }

    /// The problems, or `value` if there are none.
    pub(in crate::scenario) fn or<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.found.is_empty() {
            Ok(value)
        } else {
            Err(self.all())
        }
    }

    /// The problems, in the order of the text.
    pub(in crate::scenario) fn all(mut self) -> Diagnostics {
        self.found.sort_by_key(|problem| problem.place);
        Diagnostics {
            problems: self.found,
        }
    }
}

impl Problem {
    /// A stable name of this kind of problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "toml_syntax",
            Self::Empty => "empty_file",
            Self::TooLong(_) => "file_too_long",
            Self::UnknownKey { .. } => "unknown_key",
            Self::MissingKey { .. } => "missing_key",
            Self::WrongType { .. } => "wrong_type",
            Self::BadValue { .. } => "bad_value",
            Self::OutOfRange { .. } => "out_of_range",
            Self::UnknownWord { .. } => "unknown_word",
            Self::BadName { .. } => "bad_name",
            Self::NameTaken { .. } => "name_taken",
            Self::UnknownName { .. } => "unknown_name",
            Self::UnknownPartition { .. } => "unknown_partition",
            Self::BadSelector { .. } => "bad_selector",
            Self::NoGroupProtocol { .. } => "no_group_protocol",
            Self::BadMoment { .. } => "bad_moment",
            Self::HereWithoutMoment => "here_without_moment",
            Self::DuplicateEvent { .. } => "duplicate_event",
            Self::NoTime { .. } => "no_time",
            Self::TwoOf { .. } => "two_of",
            Self::NoAction { .. } => "no_action",
            Self::UnusedKey { .. } => "unused_key",
            Self::AfterEnd { .. } => "after_end",
            Self::ReplicationFactor { .. } => "replication_factor",
            Self::UnknownConfig { .. } => "unknown_config",
            Self::ConfigValue(_) => "config_value",
            Self::Refused { .. } => "refused_config",
            Self::DuplicateVariant { .. } => "duplicate_variant",
            Self::BadClaim { .. } => "bad_claim",
            Self::BadFlag { .. } => "bad_flag",
            Self::TooMany { .. } => "too_many",
            Self::More => "more_problems",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Empty => Some(
                "begin with one that stands: `retrial fmt leader-crash-acks1` prints it".to_owned(),
            ),
            Self::TooMany { .. } => Some("a run holds no more: lower it".to_owned()),
            Self::UnknownPartition { topic, .. } => {
                Some(format!("name one of them, or raise `partitions` of `{topic}`"))
            }
            Self::TooLong(_) => Some("leave out what no run needs".to_owned()),
            Self::Syntax(message) => syntax_help(message).map(str::to_owned),
            Self::UnknownKey {
                key,
                known,
                misplaced,
                ..
            } => Some(match misplaced {
                Some(Misplaced::Top) => moved_up(key),
                Some(Misplaced::Config) => {
                    format!("`{key}` is a config of Kafka's: config = {{ \"{key}\" = … }}")
                }
                None => suggestion(key, known, "its keys are"),
            }),
            Self::MissingKey { example, .. } => Some(format!("for example, {example}")),
            Self::WrongType { help, .. } | Self::BadValue { help, .. } => help.clone(),
            Self::UnknownWord { word, known, .. } => {
                Some(suggestion(word, known, "the words are"))
            }
            Self::BadName { help, .. } | Self::TwoOf { help, .. } => Some((*help).to_owned()),
            Self::UnusedKey { help, .. } | Self::AfterEnd { help, .. } => Some((*help).to_owned()),
            Self::NameTaken { .. } => Some("every host has a name of its own".to_owned()),
            Self::UnknownName { name, known, .. } => Some(suggestion(name, known, "there are")),
            Self::BadSelector { .. } => Some(SELECTORS.to_owned()),
            Self::NoGroupProtocol { .. } => Some(
                "groups can only be `protocol = \"assign\"` so far: partitions are split by \
                 member index and nobody coordinates"
                    .to_owned(),
            ),
            Self::BadMoment { text, known } => Some(suggestion(text, known, "the moments are")),
            Self::HereWithoutMoment => {
                Some("name the node, or wait for a moment with `on = …`".to_owned())
            }
            Self::DuplicateEvent { by_default, .. } => Some(if *by_default {
                "an event without an `id` is called after its action: give each an `id`".to_owned()
            } else {
                "variants, claims and --set speak of events by id: give each its own".to_owned()
            }),
            Self::NoTime { .. } => Some(
                "give it `at = \"3s\"`, `at = \"10s..20s\"`, or `on = \"leader appended orders-0\"`"
                    .to_owned(),
            ),
            Self::NoAction { known, .. } => Some(format!("the actions are {}", known.join(", "))),
            Self::ReplicationFactor { .. } => {
                Some("lower `replication_factor`, or add brokers in [cluster]".to_owned())
            }
            Self::UnknownConfig { help, .. } => Some(help.clone().unwrap_or_else(|| {
                "configs have the names of Kafka 4.2; see the scenario reference".to_owned()
            })),
            Self::Refused { name, .. } => Some(format!(
                "if that is the lesson, claim it for this variant: \"refused_config {name}\""
            )),
            Self::DuplicateVariant { .. } => {
                Some("`base_label` names the base; each variant needs another name".to_owned())
            }
            Self::BadClaim { help, .. } | Self::BadFlag { help, .. } => Some(help.clone()),
            Self::OutOfRange { .. } | Self::ConfigValue(_) | Self::More => None,
        }
    }
}

/// What names nodes.
const SELECTORS: &str = "a node is a name (b1, c1, p1, billing-1), or leader(orders-0), \
                         follower(orders-0), replica(orders-0, 2), controller, here; several are \
                         an array, brokers, controllers, site, rack(a)";

/// What to do about TOML that is none, where its own message does not say.
fn syntax_help(message: &str) -> Option<&'static str> {
    if message.starts_with("duplicate key") {
        Some("a key is given once in its table: keep one of the two")
    } else if message.starts_with("string values must be quoted") {
        Some("text, durations, sizes and rates stand in quotes: run_for = \"40s\"")
    } else {
        None
    }
}

/// TOML's own trap: after a header, everything belongs to that table.
pub(in crate::scenario) fn moved_up(key: &str) -> String {
    format!(
        "`{key}` belongs to the top of the file: what follows a [table] header is a key of that \
         table, so move the line above the first header"
    )
}

/// "did you mean …?", or all there is.
fn suggestion(word: &str, known: &[String], there_are: &str) -> String {
    if known.is_empty() {
        return "there are none".to_owned();
    }
    match nearest(word, known.iter().map(String::as_str)) {
        None if known.len() == 1 && there_are == "there are" => {
            format!("there is only {}", known[0])
        }
        Some(name) => format!("did you mean `{name}`?"),
        None if known.len() > 24 => {
            format!(
                "{there_are} {}, … ({} in all)",
                known[..24].join(", "),
                known.len()
            )
        }
        None => format!("{there_are} {}", known.join(", ")),
    }
}

/// The known name that `word` is most probably a misspelling of.
pub fn nearest<'n>(word: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.', ' '], "_");
    let word = plain(word);
    let allowed = match word.chars().count() {
        0..3 => 0,
        length => (length / 3).max(1),
    };
    known
        .map(|name| (strsim::osa_distance(&word, &plain(name)), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

impl Located {
    /// Line and column, both from 1; columns count characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let start = (self.place.start as usize).min(self.source.text.len());
        let before = self.source.text.get(..start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// The problem on one line, with its place first and its help last.
    pub fn line(&self) -> String {
        let place = if self.place.source == SourceId::FILE {
            let (line, column) = self.line_and_column();
            format!("{}:{line}:{column}", self.source.name)
        } else {
            format!("{} {}", self.source.name, self.source.text)
        };
        match self.full_help() {
            Some(help) => format!("{place}: {} ({})", self.problem, help.replace('\n', "; ")),
            None => format!("{place}: {}", self.problem),
        }
    }

    /// What to do about it, and where it applies.
    pub fn full_help(&self) -> Option<String> {
        let in_variant = self
            .variant
            .as_ref()
            .map(|label| format!("only in the variant \"{label}\""));
        match (self.problem.help(), in_variant) {
            (Some(help), Some(variant)) => Some(format!("{help}\n{variant}")),
            (help, variant) => help.or(variant),
        }
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&problem.line())?;
        }
        Ok(())
    }
}

impl std::error::Error for Located {}
impl std::error::Error for Diagnostics {}

impl miette::SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let contents = self.text.read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

impl miette::Diagnostic for Located {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.full_help()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let length = self.source.text.len();
        let start = (self.place.start as usize).min(length);
        let end = (self.place.end as usize).clamp(start, length);
        let label = miette::LabeledSpan::new(Some("here".to_owned()), start, end - start);
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_near_one() {
        let known = ["producers", "topics", "timeline", "run_for"];
        let near = |word| nearest(word, known.into_iter());
        assert_eq!(near("producer"), Some("producers"));
        assert_eq!(near("run-for"), Some("run_for"));
        assert_eq!(near("tpoics"), Some("topics"));
        assert_eq!(near("hamsters"), None);
    }
}
