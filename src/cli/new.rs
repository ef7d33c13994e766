//! `retrial new`: the scenario file of a question of one's own, ready to run and to change.
//!
//! What no flag says is asked for where somebody can answer, else it is the default. The file says
//! of each part what it is for. Nothing is written that `retrial check` would not accept.

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::cli::Session;
use crate::cli::output::replace;
use crate::scenario::drawing::draw;
use crate::scenario::file::parse;
use crate::sim::time::SimDuration;

/// Arguments of `retrial new`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to write it: a path that ends in .toml
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// What the runs shall answer
    #[arg(long, value_name = "TEXT")]
    question: Option<String>,
    /// How many brokers [3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    brokers: Option<u32>,
    /// How many partitions the topic has [1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    partitions: Option<u32>,
    /// How many replicas each partition has [3, or as many as there are brokers]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    replication_factor: Option<u32>,
    /// The producer's acks in the base; a variant has the other, to compare [1]
    #[arg(long, value_enum)]
    acks: Option<Acks>,
    /// What breaks [crash]
    #[arg(long, value_enum)]
    fault: Option<Fault>,
    /// In how many racks the brokers stand, a, b, … in turn [none; 3 where a rack breaks]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=26))]
    racks: Option<u32>,
    /// How long the topic keeps records, as in 1h [Kafka's 7d]
    #[arg(long, value_name = "DURATION", value_parser = SimDuration::parse)]
    retention: Option<SimDuration>,
    /// How many members the group has [1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    members: Option<u32>,
    /// How long a member works on a record, as in 20ms [2ms]
    #[arg(long, value_name = "DURATION", value_parser = SimDuration::parse)]
    handler: Option<SimDuration>,
    /// Overwrite the file if there is one
    #[arg(long)]
    force: bool,
}

/// Whose copy a success means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Acks {
    /// The leader's
    #[value(name = "1")]
    Leader,
    /// All in-sync replicas'
    All,
}

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Fault {
    /// kill -9 of the leader; its page cache survives
    Crash,
    /// Power loss at the leader; what was not flushed is gone
    PowerLoss,
    /// Nothing arrives at the leader or from it
    Isolate,
    /// The leader stands still, as in a long garbage collection
    Pause,
    /// The leader's disk is slow
    SlowDisk,
    /// Power loss in the first rack
    RackPowerLoss,
    /// One broker after the other is stopped in good order and started again
    RollingRestart,
    /// Nothing
    None,
}

/// Everything that a file is made of.
#[derive(Clone, Debug)]
struct Plan {
    question: String,
    brokers: u32,
    partitions: u32,
    replication_factor: u32,
    acks: Acks,
    fault: Fault,
    racks: u32,
    retention: Option<SimDuration>,
    members: u32,
    handler: SimDuration,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args, session: &mut Session<'_>, out: &mut dyn Write) -> io::Result<u8> {
    let (file, plan) = match decide(args, session)? {
        Ok(decided) => decided,
        Err(message) => {
            writeln!(session.stderr, "error: {message}")?;
            return Ok(2);
        }
    };
    let name = file.display().to_string();
    let text = plan.text(&name);
    if let Err(problems) = parse(&name, &text, &[]) {
        let drawing = draw(&problems, session.problem_style, session.style.width);
        session.stderr.write_all(drawing.as_bytes())?;
        return Ok(2);
    }
    write(&file, &text, args.force)?;
    writeln!(out, "wrote {name}")?;
    writeln!(
        out,
        "next: retrial run {name} · retrial explain {name} · retrial check {name}"
    )?;
    Ok(0)
}

/// Puts the file in its place, whole; one that is there already only by force.
fn write(file: &Path, text: &str, force: bool) -> io::Result<()> {
    let written = if !force && file.exists() {
        let why = "it is there already; --force overwrites it";
        Err(io::Error::new(io::ErrorKind::AlreadyExists, why))
    } else {
        replace(file, text.as_bytes())
    };
    written.map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        io::Error::new(error.kind(), message)
    })
}

/// The file and what goes into it: from flags, then answers, then defaults.
fn decide(
    args: &Args,
    session: &mut Session<'_>,
) -> io::Result<Result<(PathBuf, Plan), &'static str>> {
    let mut asking = Asking {
        answers: match &mut session.answers {
            Some(answers) => Some(&mut **answers),
            None => None,
        },
        terminal: &mut *session.stderr,
    };
    let file = match &args.file {
        Some(file) => file.clone(),
        None => PathBuf::from(asking.text("file", "scenario.toml")?),
    };
    if file.extension().is_none_or(|extension| extension != "toml") {
        return Ok(Err("a scenario file's name ends in .toml"));
    }
    if file.exists() && !args.force {
        // Said by `write`, but nobody should answer questions for nothing.
        asking.answers = None;
    }
    let question = match &args.question {
        Some(question) => question.clone(),
        None => asking.text("question", "What happens to the orders?")?,
    };
    let brokers = asking.number(args.brokers, "brokers", 3)?;
    let partitions = asking.number(args.partitions, "partitions", 1)?;
    let most = brokers.min(3);
    let replication_factor = asking.number(args.replication_factor, "replication factor", most)?;
    let acks = asking.choice(args.acks, "acks", Acks::Leader)?;
    let fault = asking.choice(args.fault, "fault", Fault::Crash)?;
    let racks = match args.racks {
        Some(racks) => racks,
        None if fault == Fault::RackPowerLoss => asking.number(None, "racks", most)?,
        None => 0,
    };
    let racks = racks.min(brokers);
    let plan = Plan {
        question,
        brokers,
        partitions,
        replication_factor,
        acks,
        fault,
        racks,
        retention: args.retention,
        members: asking.number(args.members, "members of the group", 1)?,
        handler: match args.handler {
            Some(handler) => handler,
            None => asking.duration("work on a record", SimDuration::from_millis(2))?,
        },
    };
    Ok(Ok((file, plan)))
}

/// Questions on a terminal; without one, defaults.
struct Asking<'a> {
    answers: Option<&'a mut dyn BufRead>,
    terminal: &'a mut dyn Write,
}

impl Asking<'_> {
    /// One line; an empty one is the default, and so is the end of all answers.
    fn text(&mut self, what: &str, default: &str) -> io::Result<String> {
        let Some(answers) = self.answers.as_deref_mut() else {
            return Ok(default.to_owned());
        };
        write!(self.terminal, "{what} [{default}]: ")?;
        self.terminal.flush()?;
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let answer = line.trim();
        Ok(if answer.is_empty() { default } else { answer }.to_owned())
    }

    /// A number: the flag's, or the first answer that is one.
    fn number(&mut self, flag: Option<u32>, what: &str, default: u32) -> io::Result<u32> {
        if let Some(number) = flag {
            return Ok(number);
        }
        loop {
            match self.text(what, &default.to_string())?.parse() {
                Ok(0) | Err(_) => writeln!(self.terminal, "a whole number from 1, please")?,
                Ok(number) => return Ok(number),
            }
        }
    }

    /// A duration: the first answer that is one.
    fn duration(&mut self, what: &str, default: SimDuration) -> io::Result<SimDuration> {
        loop {
            match SimDuration::parse(&self.text(what, &default.to_string())?) {
                Ok(duration) => return Ok(duration),
                Err(error) => writeln!(self.terminal, "{error}, please")?,
            }
        }
    }

    /// One of some words: the flag's, or the first answer that is one.
    fn choice<T: ValueEnum>(&mut self, flag: Option<T>, what: &str, default: T) -> io::Result<T> {
        if let Some(choice) = flag {
            return Ok(choice);
        }
        let words: Vec<String> = T::value_variants().iter().map(word).collect();
        let what = format!("{what}: {}", words.join(", "));
        loop {
            match T::from_str(&self.text(&what, &word(&default))?, true) {
                Ok(choice) => return Ok(choice),
                Err(_) => writeln!(self.terminal, "one of these words, please")?,
            }
        }
    }
}

/// What a choice is called.
fn word<T: ValueEnum>(choice: &T) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

impl Acks {
    /// The value in a file.
    fn toml(self) -> &'static str {
        match self {
            Self::Leader => "1",
            Self::All => "\"all\"",
        }
    }

    /// What a variant is called after it.
    fn label(self) -> &'static str {
        match self {
            Self::Leader => "acks=1",
            Self::All => "acks=all",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Leader => Self::All,
            Self::All => Self::Leader,
        }
    }
}

impl Fault {
    /// The action and what belongs to it, as keys of an event; none where nothing breaks.
    fn event(self) -> Option<&'static str> {
        match self {
            Self::Crash => Some("crash = \"leader(orders-0)\", for = \"10s\""),
            Self::PowerLoss => Some("power_loss = \"leader(orders-0)\", for = \"10s\""),
            Self::Isolate => Some("isolate = \"leader(orders-0)\", for = \"10s\""),
            Self::Pause => Some("pause = \"leader(orders-0)\", for = \"10s\""),
            Self::SlowDisk => {
                Some("slow_disk = \"leader(orders-0)\", delay = \"50ms\", for = \"10s\"")
            }
            Self::RackPowerLoss => Some("power_loss = \"rack(a)\", for = \"10s\""),
            Self::RollingRestart => {
                Some("rolling_restart = \"brokers\", gap = \"2s\", for = \"1s\"")
            }
            Self::None => None,
        }
    }

    /// True when an order that all in-sync replicas have is still there after it.
    fn spares_what_is_replicated(self) -> bool {
        // Without a flush per message, power loss takes what one replica alone had.
        !matches!(self, Self::PowerLoss | Self::RackPowerLoss)
    }
}

impl Plan {
    /// The file, in canonical form. `name` is what the commands in its comments call it.
    fn text(&self, name: &str) -> String {
        let (base, other) = (self.acks, self.acks.other());
        let (timeline, claims) = (self.timeline(), self.claims());
        let question = toml_string(&self.question);
        let (brokers, partitions) = (self.brokers, self.partitions);
        let (factor, base_label, other_label) =
            (self.replication_factor, base.label(), other.label());
        let (base_acks, other_acks) = (base.toml(), other.toml());
        let (racks, topic_config) = (self.racks(), self.topic_config());
        let (members, handler) = (self.members, self.handler);
        format!(
            "# {name}: change it, then `retrial check` and `retrial run` it.\n\
             # Every key, its range and its default: the scenario reference of the book.\n\
             question = {question}\n\
             seed = 1\n\
             # At this time all faults heal; then the run goes on until everything is at rest.\n\
             run_for = \"30s\"\n\
             # What the set-up below is called in the result.\n\
             base_label = \"{base_label}\"\n\
             {timeline}\n\
             [cluster]\n\
             brokers = {brokers}\n\
             {racks}\n\
             [topics.orders]\n\
             partitions = {partitions}\n\
             replication_factor = {factor}\n\
             # Kafka's own names and units. What is not here has Kafka's default.\n\
             {topic_config}\n\
             # 100 orders a second for 10 s; the producer is idempotent unless acks says otherwise.\n\
             [producers.p1]\n\
             topic = \"orders\"\n\
             rate = \"100/s\"\n\
             count = 1000\n\
             config = {{ acks = {base_acks} }}\n\
             \n\
             [groups.billing]\n\
             topics = [\"orders\"]\n\
             members = {members}\n\
             protocol = \"assign\"\n\
             handler = {{ takes = \"{handler}\" }}\n\
             \n\
             # The same faults and the same seed, with one change. Add variants to compare more.\n\
             [variants.\"{other_label}\"]\n\
             producers.p1.config.acks = {other_acks}\n\
             \n\
             {claims}"
        )
    }

    fn timeline(&self) -> String {
        let Some(event) = self.fault.event() else {
            return String::new();
        };
        format!(
            "# What breaks, and when; each seed draws the instant anew from the range.\n\
             timeline = [\n  {{ id = \"fault\", at = \"3s..4s\", {event} }},\n]\n"
        )
    }

    fn racks(&self) -> String {
        if self.racks == 0 {
            return String::new();
        }
        let names = ('a'..='z').take(self.racks as usize);
        let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
        let racks = names.join(", ");
        format!("# The racks of b1, b2, … in turn.\nracks = [{racks}]\n")
    }

    fn topic_config(&self) -> String {
        let mut configs = String::from("\"min.insync.replicas\" = 1");
        let mut says = "";
        if let Some(retention) = self.retention {
            configs.push_str(&format!(", \"retention.ms\" = \"{retention}\""));
            says = "# Whole segments expire, never the one that is written to: see segment.ms and\n\
                    # segment.bytes, and log.retention.check.interval.ms of the cluster.\n";
        }
        format!("{says}config = {{ {configs} }}\n")
    }

    fn claims(&self) -> String {
        let mut claims = String::from(
            "# What must hold, or `retrial run` exits with 1. Try `--seeds 0..100` for the rest of\n\
             # the truth.\n[claims]\n",
        );
        for acks in [self.acks, self.acks.other()] {
            let mut of = vec!["sent == 1000"];
            if acks == Acks::All && self.fault.spares_what_is_replicated() {
                of.push("lost == 0");
            }
            if self.fault.event().is_some() {
                of.push("hit fault");
            }
            let of: Vec<String> = of.iter().map(|claim| format!("\"{claim}\"")).collect();
            claims.push_str(&format!("\"{}\" = [{}]\n", acks.label(), of.join(", ")));
        }
        claims
    }
}

/// A text as a basic string of TOML.
fn toml_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
