//! Random cases as scenario files: a failure prints a file that `retrial run` takes.

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use retrial::run::drive::Run;
use retrial::scenario::model::{Scenario, Setup};

/// A scenario file of which a test expects that nothing is wrong with it.
pub(crate) fn parse(text: &str) -> Scenario {
    retrial::scenario::file::parse("case.toml", text, &[])
        .unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))
}

/// What the random part of a case may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Faults {
    /// One broker at a time; the next fault comes when the last has long healed.
    OneAtATime,
    /// Whatever the schedule says, overlapping.
    Overlapping,
}

/// One random case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The scenario file.
    pub text: String,
    /// The seed of its run.
    pub seed: u64,
}

#[derive(Clone, Debug)]
struct Draw {
    brokers: u32,
    partitions: u32,
    keys: u32,
    rate: u32,
    count: u32,
    acks_all: bool,
    linger_ms: u32,
    elr: u32,
    faults: Vec<Fault>,
}

#[derive(Clone, Debug)]
struct Fault {
    kind: u8,
    broker: u32,
    other: u32,
    gap_ms: u32,
    lasts_ms: u32,
}

fn fault() -> impl Strategy<Value = Fault> {
    (0_u8..6, 0_u32..5, 1_u32..5, 0_u32..4_000, 200_u32..14_000).prop_map(
        |(kind, broker, other, gap_ms, lasts_ms)| Fault {
            kind,
            broker,
            other,
            gap_ms,
            lasts_ms,
        },
    )
}

/// Random cases; producers are idempotent and, with `Faults::OneAtATime`, safe.
pub(crate) fn cases(faults: Faults) -> impl Strategy<Value = Case> {
    let draw = (
        3_u32..6,
        1_u32..4,
        0_u32..20,
        20_u32..200,
        100_u32..800,
        any::<bool>(),
        (0_u32..20, 0_u32..2),
        prop::collection::vec(fault(), 1..5),
    );
    (draw, any::<u32>()).prop_map(move |(draw, seed)| {
        let (brokers, partitions, keys, rate, count, acks_all, (linger_ms, elr), list) = draw;
        let acks_all = acks_all || faults == Faults::OneAtATime;
        let draw = Draw {
            brokers,
            partitions,
            keys,
            rate,
            count,
            acks_all,
            linger_ms,
            elr,
            faults: list,
        };
        Case {
            text: file(&draw, faults),
            seed: u64::from(seed),
        }
    })
}

/// The case as a scenario file.
fn file(draw: &Draw, faults: Faults) -> String {
    let mut timeline = String::new();
    // The first fault comes when leaders and followers have met.
    let mut at = 1_000;
    for (index, fault) in draw.faults.iter().enumerate() {
        let broker = fault.broker % draw.brokers + 1;
        let other = (fault.broker + 1 + fault.other % (draw.brokers - 1)) % draw.brokers + 1;
        at += fault.gap_ms;
        let what = match fault.kind {
            0 => format!("crash = \"b{broker}\""),
            1 => format!("pause = \"b{broker}\""),
            2 => format!("isolate = \"b{broker}\""),
            3 => format!("stop = \"b{broker}\""),
            4 => "crash = \"leader(orders-0)\"".to_owned(),
            _ if faults == Faults::OneAtATime => format!("crash = \"b{broker}\""),
            _ => format!("cut = [\"b{broker}\", \"b{other}\"]"),
        };
        let lasts = fault.lasts_ms;
        writeln!(
            timeline,
            "  {{ id = \"f{index}\", at = \"{at}ms\", {what}, for = \"{lasts}ms\" }},"
        )
        .expect("a string takes all");
        if faults == Faults::OneAtATime {
            // Registration after a kill may wait for the old session; then the log is copied.
            at += lasts + 30_000;
        }
    }
    let run_for = at + 40_000;
    let keys = if draw.keys == 0 {
        String::new()
    } else {
        format!("keys = {{ uniform = {} }}\n", draw.keys)
    };
    let acks = if draw.acks_all { "\"all\"" } else { "1" };
    // With one fault at a time the workload lasts through all of them.
    let rate = match faults {
        Faults::OneAtATime => (draw.count * 1_000 / at).max(1),
        Faults::Overlapping => draw.rate,
    };
    format!(
        "question = \"Does every guarantee hold?\"\n\
         run_for = \"{run_for}ms\"\n\
         timeline = [\n{timeline}]\n\
         [cluster]\nbrokers = {}\n\
         features = {{ \"eligible.leader.replicas.version\" = {} }}\n\
         [topics.orders]\npartitions = {}\nreplication_factor = 3\n\
         config = {{ \"min.insync.replicas\" = 2 }}\n\
         [producers.p1]\ntopic = \"orders\"\nrate = \"{rate}/s\"\ncount = {}\n{keys}\
         config = {{ acks = {acks}, \"linger.ms\" = {} }}\n\
         [groups.billing]\ntopics = [\"orders\"]\nmembers = 2\nprotocol = \"assign\"\n",
        draw.brokers, draw.elr, draw.partitions, draw.count, draw.linger_ms,
    )
}

impl Case {
    /// The scenario of the file.
    pub(crate) fn scenario(&self) -> Scenario {
        parse(&self.text)
    }

    /// Its base set-up.
    pub(crate) fn setup(&self) -> Setup {
        let scenario = self.scenario();
        scenario.variants[0]
            .setup
            .clone()
            .expect("nothing is refused")
    }

    /// The run at 0 s.
    pub(crate) fn start(&self) -> Run {
        Run::new(Arc::new(self.setup()), self.seed)
    }

    /// What a failure prints.
    pub(crate) fn show(&self, why: &str) -> String {
        format!(
            "{why}\n# retrial run case.toml --seed {}\n{}",
            self.seed, self.text
        )
    }
}
