//! A scenario read back in plain English: the cheapest check that it says what was meant.
//!
//! A set-up is a list of facts, each about one aspect of one subject; a variant is read back as
//! the facts in which it differs from the base. What has its default is said only where a file
//! need not say it but a run depends on it: network, disks and costs.

mod events;
mod quotas;

use std::sync::Arc;

use crate::cluster::spec::{
    ClusterSpec, DiskSpec, GroupSpec, LatencySpec, ProducerSpec, TopicOrigin,
};
use crate::kafka::config::Component;
use crate::kafka::cpu::{CpuCosts, SecurityProtocol};
use crate::scenario::claims::unit;
use crate::scenario::model::{
    Claim, ClaimKind, Comparison, Operand, Scenario, SeedQuantifier, Setup, Variant,
};
use crate::scenario::value::{
    Rate, grouped, print_bandwidth, print_parts_per_million, print_rate, print_size,
};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;
use crate::workload::{Arrivals, Behaviour, Keys, OnRestart, Placement, SendMode, StartAt};

/// One thing that holds of a set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fact {
    /// `topic orders`.
    subject: String,
    /// What kind of fact it is: facts of one subject and aspect exclude one another.
    aspect: String,
    /// `3 replicas of each`.
    text: String,
    /// Not worth saying of the base.
    silent: bool,
}

/// The scenario in English, in lines of at most `width` columns.
pub fn explain(scenario: &Scenario, width: usize) -> String {
    let mut page = Page {
        text: String::new(),
        width: width.max(40),
    };
    let number = scenario.catalogue.as_ref();
    let number = number.map_or(String::new(), |number| format!(" ({number})"));
    page.line(&format!("{}{number}", scenario.name));
    page.paragraph("", &scenario.question);
    let mut about = format!("Without --seed, the seed is {}.", scenario.seed);
    if !scenario.answers.is_empty() {
        let answers: Vec<&str> = scenario.answers.iter().map(|answer| &**answer).collect();
        about = format!("It answers {}. {about}", listed(&answers));
    }
    page.paragraph("", &about);
    let mut base: Option<Vec<Fact>> = None;
    for variant in &scenario.variants {
        page.text.push('\n');
        match (&variant.setup, &base) {
            (Ok(setup), None) => {
                page.base(&variant.name, setup);
                base = Some(facts(setup));
            }
            (Ok(setup), Some(base)) => page.variant(variant, base, &facts(setup)),
            (Err(refused), _) => {
                page.line(&format!("Variant \"{}\"", variant.name));
                let text = format!("Kafka refuses {}: {}.", refused.name, refused.message);
                page.paragraph("- ", &text);
            }
        }
    }
    page.claims(scenario);
    for (heading, said) in [
        ("To say", &scenario.teach.say),
        ("To mind", &scenario.teach.model),
    ] {
        if let Some(said) = said {
            page.text.push('\n');
            page.line(heading);
            page.paragraph("", said);
        }
    }
    page.text
}

/// The text so far.
struct Page {
    text: String,
    width: usize,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Wrapped and indented, after a bullet.
    fn paragraph(&mut self, bullet: &str, text: &str) {
        let indent = 2 + bullet.len();
        let room = self.width - indent;
        let mut line = String::new();
        let mut first = true;
        let flush = |line: &mut String, first: &mut bool, out: &mut String| {
            let lead = if *first { bullet } else { "" };
            out.push_str(&format!("{lead:>indent$}{line}"));
            out.push('\n');
            line.clear();
            *first = false;
        };
        for word in text.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                flush(&mut line, &mut first, &mut self.text);
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            flush(&mut line, &mut first, &mut self.text);
        }
    }

    fn base(&mut self, name: &str, setup: &Setup) {
        self.line(&format!("The set-up, \"{name}\""));
        let facts = facts(setup);
        self.facts(&facts, |fact| !fact.silent);
    }

    /// One bullet per subject: its facts in a row.
    fn facts(&mut self, facts: &[Fact], say: impl Fn(&Fact) -> bool) {
        let mut subjects: Vec<&str> = Vec::new();
        for fact in facts.iter().filter(|fact| say(fact)) {
            if !subjects.contains(&fact.subject.as_str()) {
                subjects.push(&fact.subject);
            }
        }
        for subject in subjects {
            let texts: Vec<&str> = facts
                .iter()
                .filter(|fact| fact.subject == subject && say(fact))
                .map(|fact| fact.text.as_str())
                .collect();
            self.paragraph("- ", &format!("{subject}: {}.", texts.join("; ")));
        }
    }

    fn variant(&mut self, variant: &Variant, base: &[Fact], own: &[Fact]) {
        self.line(&format!("Variant \"{}\": the same, but", variant.name));
        let changed = |fact: &Fact| !base.contains(fact);
        self.facts(own, changed);
        let mut gone: Vec<&str> = Vec::new();
        for fact in base {
            let known = own.iter().any(|other| other.subject == fact.subject);
            if !known && !gone.contains(&fact.subject.as_str()) {
                gone.push(&fact.subject);
            }
        }
        for subject in &gone {
            self.paragraph("- ", &format!("{subject}: not in this variant."));
        }
        if gone.is_empty() && !own.iter().any(changed) {
            self.paragraph("- ", "nothing changes.");
        }
    }

    fn claims(&mut self, scenario: &Scenario) {
        self.text.push('\n');
        if scenario.claims.is_empty() {
            self.line("Nothing is claimed");
            return;
        }
        self.line("What must hold");
        for variant in &scenario.variants {
            let claims: Vec<String> = scenario
                .claims
                .iter()
                .filter(|claim| claim.variant == variant.name)
                .map(claim)
                .collect();
            if !claims.is_empty() {
                let text = format!("\"{}\": {}.", variant.name, claims.join("; "));
                self.paragraph("- ", &text);
            }
        }
    }
}

fn claim(claim: &Claim) -> String {
    match &claim.kind {
        ClaimKind::Hit(id) => format!("the event {id} has something to act on"),
        ClaimKind::RefusedConfig(name) => format!("Kafka refuses the config {name}"),
        ClaimKind::Compare {
            metric,
            op,
            right,
            seeds,
        } => {
            let how = match op {
                Comparison::Equal => "is",
                Comparison::NotEqual => "is not",
                Comparison::Less => "is less than",
                Comparison::LessOrEqual => "is at most",
                Comparison::Greater => "is more than",
                Comparison::GreaterOrEqual => "is at least",
            };
            let right = match right {
                Operand::Number(number) if *number > 0 && unit(metric).is_some() => {
                    let nanos = unit(metric)
                        .unwrap_or(1)
                        .saturating_mul(number.unsigned_abs());
                    span(SimDuration::from_nanos(nanos))
                }
                Operand::Number(number) if *number < 0 => number.to_string(),
                Operand::Number(number) => grouped(number.unsigned_abs()),
                Operand::Metric { variant, metric } => format!("the {metric} of \"{variant}\""),
            };
            let seeds = match seeds {
                SeedQuantifier::All => "in every seed".to_owned(),
                SeedQuantifier::Any => "in some seed".to_owned(),
                SeedQuantifier::AtLeast(share) => format!("in at least {share} of seeds"),
            };
            format!("{metric} {how} {right} {seeds}")
        }
    }
}

/// Facts of one subject, being listed.
struct Facts<'f> {
    all: &'f mut Vec<Fact>,
    subject: String,
}

impl Facts<'_> {
    fn say(&mut self, aspect: &str, text: String) {
        self.all.push(Fact {
            subject: self.subject.clone(),
            aspect: aspect.to_owned(),
            text,
            silent: false,
        });
    }

    /// Something that is worth saying of the base only when it is not `usual`.
    fn say_unless(&mut self, usual: bool, aspect: &str, text: String) {
        self.say(aspect, text);
        if let Some(fact) = self.all.last_mut() {
            fact.silent = usual;
        }
    }

    fn placement(&mut self, placement: &Placement) {
        let text = match placement {
            Placement::Partitioner => "the partitioner chooses partitions".to_owned(),
            Placement::Fixed(partition) => format!("all to partition {partition}"),
            Placement::KeyModulo => {
                "the key's number modulo the partitions is its place".to_owned()
            }
            Placement::Listed(list) => {
                let list: Vec<String> = list.iter().map(ToString::to_string).collect();
                format!("to partitions {} in turn", list.join(", "))
            }
        };
        self.say_unless(*placement == Placement::Partitioner, "partition", text);
    }

    fn behaviour(&mut self, behaviour: Behaviour) {
        let usual = Behaviour::default();
        let threads = count(u64::from(behaviour.threads), "thread");
        let text = match behaviour.producers {
            1 => format!("{threads} at the producer"),
            several if several == behaviour.threads => {
                format!("{threads}, each with a producer of its own")
            }
            several => format!("{threads} at {several} producers in turn"),
        };
        self.say_unless(behaviour.threads == usual.threads, "threads", text);
        let text = match behaviour.send {
            SendMode::Async => "a thread goes on while a record is on its way",
            SendMode::Sync => "a thread waits for each record's confirmation",
        };
        self.say_unless(behaviour.send == usual.send, "send", text.to_owned());
        let text = match behaviour.flush_every {
            Some(every) => format!("flush() every {}", count(u64::from(every), "record")),
            None => "no flush()".to_owned(),
        };
        self.say_unless(behaviour.flush_every.is_none(), "flush", text);
        let on_error = behaviour.on_error;
        let text = match on_error.resend {
            0 => "a record that fails is given up".to_owned(),
            times => format!(
                "a record that fails is sent again after {}, at most {}",
                on_error.wait,
                count(u64::from(times), "time")
            ),
        };
        self.say_unless(on_error == usual.on_error, "errors", text);
        let text = match behaviour.on_restart {
            OnRestart::Next => "a restart goes on with the next record",
            OnRestart::Resend => "a restart begins with all that was not confirmed",
        };
        let usual = behaviour.on_restart == usual.on_restart;
        self.say_unless(usual, "restart", text.to_owned());
    }

    /// The configs of a component; of the base only acks, on which all else depends, and those that
    /// are not Kafka's default are said.
    fn config<C: Component>(&mut self, config: &C) {
        let default = C::default();
        for entry in C::ENTRIES {
            let Some(value) = (entry.get)(config) else {
                continue;
            };
            let usual = (entry.get)(&default) == Some(value);
            self.all.push(Fact {
                subject: self.subject.clone(),
                aspect: entry.name.to_owned(),
                text: format!("{} is {}", entry.name, entry.kind.pretty(value)),
                silent: usual && entry.name != "acks",
            });
        }
    }
}

/// Everything that holds of a set-up.
fn facts(setup: &Setup) -> Vec<Fact> {
    let mut all = Vec::new();
    let spec = &setup.cluster;
    let topics: Vec<Arc<str>> = spec
        .topics
        .iter()
        .map(|topic| Arc::clone(&topic.name))
        .collect();
    hosts(&mut all, spec);
    for producer in &spec.producers {
        self::producer(&mut all, producer, &topics);
    }
    for group in &spec.groups {
        self::group(&mut all, group, &topics);
    }
    quotas::quotas(&mut all, &spec.quotas);
    assumptions(&mut all, spec);
    for event in &setup.timeline {
        self::events::event(&mut all, event, &topics);
    }
    if let Some(faults) = &setup.faults {
        events::random(&mut all, faults, &topics);
    }
    let mut end = Facts {
        all: &mut all,
        subject: "The end".to_owned(),
    };
    end.say(
        "heal",
        format!("at {} everything heals", span(setup.run_for)),
    );
    end.say(
        "drain",
        format!("then the run drains, for at most {}", span(setup.drain_for)),
    );
    all
}

/// `2.5s`, where that is exact and easier to read than `2500ms`.
fn span(span: SimDuration) -> String {
    let nanos = span.as_nanos();
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")] {
        let (whole, thousandths) = (nanos / unit, nanos % unit / (unit / 1_000));
        let exact = nanos.is_multiple_of(unit / 1_000);
        if whole > 0 && thousandths > 0 && exact {
            let decimals = format!("{thousandths:03}");
            return format!("{whole}.{}{name}", decimals.trim_end_matches('0'));
        }
        if whole > 0 {
            break;
        }
    }
    span.to_string()
}

/// `from 5s`, or that it is the start.
fn from(start: SimDuration) -> String {
    if start.is_zero() {
        "from the start".to_owned()
    } else {
        format!("from {}", span(start))
    }
}

/// `1 broker`, `3 brokers`.
fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[expect(clippy::too_many_lines, reason = "one fact after the other")]
fn hosts(all: &mut Vec<Fact>, spec: &ClusterSpec) {
    let named = |letter: char, number: u32| {
        if number == 1 {
            format!("{letter}1")
        } else {
            format!("{letter}1 to {letter}{number}")
        }
    };
    let mut cluster = Facts {
        all,
        subject: "Cluster".to_owned(),
    };
    let brokers = count(u64::from(spec.brokers), "broker");
    cluster.say(
        "brokers",
        format!("{brokers}, {}", named('b', spec.brokers)),
    );
    if spec.spare_brokers > 0 {
        let spares = count(u64::from(spec.spare_brokers), "broker");
        let last = spec.brokers + spec.spare_brokers;
        cluster.say(
            "spares",
            format!("{spares} more, up to b{last}, not there yet"),
        );
    }
    if !spec.racks.is_empty() {
        let racks: Vec<&str> = spec.racks.iter().map(|rack| &**rack).collect();
        cluster.say(
            "racks",
            format!("the brokers' racks in turn are {}", listed(&racks)),
        );
    }
    let controllers = count(u64::from(spec.controllers), "controller");
    cluster.say(
        "controllers",
        format!("{controllers}, {}", named('c', spec.controllers)),
    );
    cluster.say_unless(
        spec.security_protocol == SecurityProtocol::Plaintext,
        "protocol",
        format!("security.protocol is {}", spec.security_protocol.name()),
    );
    cluster.config(&spec.broker_config);
    let elr = spec.features.eligible_leader_replicas;
    cluster.all.push(Fact {
        subject: cluster.subject.clone(),
        aspect: "eligible.leader.replicas.version".to_owned(),
        text: format!("eligible.leader.replicas.version is {}", u32::from(elr)),
        silent: elr,
    });
    for topic in &spec.topics {
        let mut facts = Facts {
            all: &mut *cluster.all,
            subject: format!("Topic {}", topic.name),
        };
        if topic.origin == TopicOrigin::AutoCreated {
            let created = "does not exist until a client asks for it".to_owned();
            facts.say("origin", created);
        }
        facts.say(
            "partitions",
            count(u64::from(topic.partitions), "partition"),
        );
        let replicas = count(u64::from(topic.replication_factor), "replica");
        let of_each = if topic.partitions == 1 {
            ""
        } else {
            " of each"
        };
        facts.say("replicas", format!("{replicas}{of_each}"));
        facts.config(&topic.config);
    }
}

fn producer(all: &mut Vec<Fact>, producer: &ProducerSpec, topics: &[Arc<str>]) {
    let plan = &producer.plan;
    let mut facts = Facts {
        all,
        subject: format!("Producer {}", producer.name),
    };
    let topic = topics.get(plan.topic.0 as usize).map_or("", |topic| topic);
    let records = count(u64::from(plan.count), "record");
    facts.say("what", format!("sends {records} to {topic}"));
    let rate = match plan.arrivals {
        Arrivals::Every { period } => format!("evenly, {}", print_rate(Rate::Every(period))),
        Arrivals::Poisson { mean } => {
            format!("at random, {} on average", print_rate(Rate::Every(mean)))
        }
        Arrivals::Flood => "as fast as its memory lets it".to_owned(),
    };
    facts.say("rate", format!("{rate}, {}", from(plan.start)));
    let keys = match plan.keys {
        Keys::Null => "no keys".to_owned(),
        Keys::Uniform { count } => format!("one of {} keys at random", grouped(u64::from(count))),
        Keys::Cycle { count } => format!("{} keys in turn", grouped(u64::from(count))),
    };
    facts.say("keys", keys);
    facts.placement(&plan.placement);
    facts.behaviour(plan.behaviour);
    let size = print_size(u64::from(plan.value_size));
    let payload = if plan.keep_payload {
        "made, kept and checked byte for byte"
    } else {
        "counted in size, without their bytes"
    };
    facts.say("values", format!("values of {size}, {payload}"));
    facts.say_unless(
        plan.compression_ratio == Ratio::ONE,
        "ratio",
        format!("compression leaves {} of them", plan.compression_ratio),
    );
    facts.config(&producer.config);
}

fn group(all: &mut Vec<Fact>, group: &GroupSpec, topics: &[Arc<str>]) {
    let mut facts = Facts {
        all,
        subject: format!("Group {}", group.name),
    };
    let mut read: Vec<u32> = group
        .members
        .iter()
        .flat_map(|member| member.partitions.iter())
        .map(|partition| partition.topic.0)
        .collect();
    read.sort_unstable();
    read.dedup();
    let names: Vec<&str> = read
        .iter()
        .filter_map(|topic| topics.get(*topic as usize))
        .map(|topic| &**topic)
        .collect();
    let members = count(group.members.len() as u64, "member");
    let verb = if group.members.len() == 1 {
        "reads"
    } else {
        "read"
    };
    facts.say("what", format!("{members} {verb} {}", listed(&names)));
    facts.say(
        "protocol",
        "the partitions are split by member index, once and for all".to_owned(),
    );
    if let Some(first) = group.members.first() {
        facts.say("start", from(first.start));
        match first.start_at {
            None => {}
            Some(StartAt::Back(back)) => {
                let text = format!("begins with what is {} old when it starts", span(back));
                facts.say("start_at", text);
            }
            Some(StartAt::At(at)) => {
                facts.say(
                    "start_at",
                    format!("begins with what is not older than {}", span(at)),
                );
            }
        }
        let handler = if first.handler.is_zero() {
            "the handler takes no time".to_owned()
        } else {
            format!("the handler takes {} a record", span(first.handler))
        };
        facts.say("handler", handler);
        let racks: Vec<&str> = group
            .members
            .iter()
            .filter_map(|m| m.rack.as_deref())
            .collect();
        if !racks.is_empty() {
            facts.say("racks", format!("they stand in {}", listed(&racks)));
        }
        for (i, (from, to)) in first.pauses.iter().enumerate() {
            let pause = format!("paused from {} to {}", span(*from), span(*to));
            facts.say(&format!("pause {i}"), pause);
        }
    }
    facts.config(&group.config);
}

fn assumptions(all: &mut Vec<Fact>, spec: &ClusterSpec) {
    let mut network = Facts {
        all,
        subject: "Network".to_owned(),
    };
    let latency = match spec.network.latency {
        LatencySpec::Constant(at) => format!("{} one way", span(at)),
        LatencySpec::Uniform(from, to) => {
            format!("evenly between {} and {} one way", span(from), span(to))
        }
        LatencySpec::Exponential { base, mean } => format!(
            "{} one way, and on average {} more, exponentially distributed",
            span(base),
            span(mean)
        ),
    };
    network.say("latency", latency);
    let bandwidth = print_bandwidth(spec.network.bandwidth);
    network.say(
        "bandwidth",
        format!("{bandwidth} per connection and direction"),
    );
    let loss = match spec.network.loss_ppm {
        0 => "no transmission is lost".to_owned(),
        parts => format!(
            "{} of transmissions are lost and sent again",
            print_parts_per_million(parts)
        ),
    };
    network.say("loss", loss);
    self::disks(network.all, &spec.disks);
    let mut costs = Facts {
        all: &mut *network.all,
        subject: "CPU time".to_owned(),
    };
    for declared in &CpuCosts::ALL {
        let (span, usual) = (spec.costs.get(declared), CpuCosts::default().get(declared));
        let text = format!("{} takes {span}", declared.of);
        // The requests' own costs are always worth saying.
        let is_request = ["produce", "fetch", "other", "per_kib"].contains(&declared.key);
        costs.say_unless(!is_request && span == usual, declared.of, text);
    }
}

fn disks(all: &mut Vec<Fact>, spec: &DiskSpec) {
    let mut disks = Facts {
        all,
        subject: "Disks".to_owned(),
    };
    disks.say(
        "flush",
        format!("a flush takes {}", span(spec.flush_latency)),
    );
    disks.say("bandwidth", print_bandwidth(spec.bandwidth));
    disks.say("capacity", format!("{} fit", print_size(spec.capacity)));
    let usual = DiskSpec::default();
    disks.say_unless(
        spec.read_latency == usual.read_latency,
        "read",
        format!(
            "a read beyond the page cache takes {}",
            span(spec.read_latency)
        ),
    );
    disks.say_unless(
        spec.page_cache == usual.page_cache,
        "page cache",
        format!(
            "{} of each host are kept in memory",
            print_size(spec.page_cache)
        ),
    );
    disks.say_unless(
        spec.log_dirs == usual.log_dirs,
        "log directories",
        format!(
            "each broker has {} log directories, each on a disk of its own",
            spec.log_dirs
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::file::parse;
    use crate::scenario::library::find;

    fn snapshot(name: &str, text: &str) {
        let mut settings = insta::Settings::new();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        settings.set_snapshot_path(root.join("snapshots/explain"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, text));
    }

    #[test]
    fn a_scenario_is_read_back_in_full() {
        let entry = find("leader-crash-acks1").unwrap();
        let scenario = parse(entry.name, entry.source, &[]).unwrap();
        snapshot("leader-crash-acks1", &explain(&scenario, 100));
    }

    #[test]
    fn every_action_and_moment_has_words() {
        let text = "question = \"?\"\ntimeline = [\n\
            { id = \"a\", on = \"isr shrunk orders-0\", nth = 22, then = \"isolate\", for = \"1s\" },\n\
            { id = \"b\", on = \"broker fenced b2\", every = true, after = \"2s\", \
              reset = [\"p1\", \"here\"] },\n\
            { id = \"c\", at = \"1s..2s\", skew_clock = \"replica(orders-0, 2)\", by = \"-8d\" },\n\
            { id = \"d\", at = \"1s\", stop = [\"b1\", \"leader(orders-0)\"] },\n\
            { id = \"e\", at = \"2s\", power_loss = \"site\" },\n\
            { id = \"m\", at = \"2s\", power_loss = [\"rack(a)\", \"c1\"], for = \"1s\" },\n\
            { id = \"f\", at = \"3s\", rolling_restart = \"brokers\", for = \"5s\", gap = \"9s\" },\n\
            { id = \"k\", at = \"4s\", corrupt = [\"p1\", \"b1\"], share = \"1/3\", for = \"1s\" },\n\
            { id = \"l\", on = \"produce sent orders-0\", chance = \"2.5%\", then = \"corrupt\" },\n\
            { id = \"g\", at = \"4s\", flap = [\"b1\", \"b2\"], down = \"1s\", up = \"2s\" },\n\
            { id = \"h\", at = \"1s\", alter_config = { topic = \"orders\", \"retention.ms\" = \"1m\", \
              \"segment.ms\" = \"default\" } },\n\
            { id = \"i\", at = \"1s\", delete_records = \"orders-0\", before = 500 },\n\
            { id = \"j\", at = \"1s\", delete_records = \"orders-0\" },\n\
            { id = \"n\", at = \"1s\", verify_reassignment = \"orders-0\" },\n\
            { id = \"q\", at = \"5s\", alter_quotas = { client = \"p1\", \
              producer_byte_rate = \"1MB/s\", request_percentage = \"off\" } },\n\
            { id = \"r\", at = \"6s\", alter_quotas = { client = \"default\", \
              consumer_byte_rate = \"10kB/s\" } },\n\
            ]\n[cluster]\nracks = [\"a\", \"b\"]\n[topics.orders]\nreplication_factor = 3\n\
            [producers.p1]\ntopic = \"orders\"\nrate = \"3/m\"\narrivals = \"poisson\"\n\
            keys = { cycle = 2000 }\n\
            [groups.g]\ntopics = [\"orders\"]\nmembers = 2\nprotocol = \"assign\"\n\
            pauses = [\"1s..2s\"]\n\
            [faults]\nlike = \"swarm\"\nkinds = [\"crash\", \"cut\"]\n\
            [variants.quiet]\ntimeline.a = \"off\"\n[variants.same]\n\
            [claims]\nbase = [\"late <= quiet.late in any seed\"]\n";
        let scenario = parse("x", text, &[]).unwrap();
        snapshot("every-action", &explain(&scenario, 72));
    }
}
