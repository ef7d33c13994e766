//! A scenario and what a run of it might have found, by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::tally::{GroupTally, LagSeries, Tally};
use crate::report::Report;
use crate::report::claims::judge;
use crate::run::{FaultReport, Mark, Outcome};
use crate::scenario::file::parse;
use crate::scenario::model::Scenario;
use crate::sim::time::{SimDuration, SimTime};

/// Three variants: one that loses, one that does not, one that Kafka refuses.
const TEXT: &str = r#"
question = "The producer got an ack for every order. Can an order still vanish?"
answers = ["A5"]
seed = 7
run_for = "40s"
base_label = "acks=1"
timeline = [{ id = "crash", at = "3s", crash = "leader(orders-0)", for = "20s" }]

[cluster]
brokers = 3

[topics.orders]
partitions = 1
replication_factor = 3

[producers.p1]
topic = "orders"
rate = "80/s"
count = 1000
config = { acks = 1, "enable.idempotence" = false }

[groups.billing]
topics = ["orders"]
members = 1
protocol = "assign"
handler = { takes = "2ms" }

[variants."acks=all"]
producers.p1.config.acks = "all"

[variants."acks=1, idempotent"]
producers.p1.config."enable.idempotence" = true

[claims]
"acks=1" = ["lost >= 1 in >= 60% of seeds", "hit crash"]
"acks=all" = ["lost == 0 in all seeds", "e2e_p99_ns >= acks=1.e2e_p99_ns"]
"acks=1, idempotent" = ["refused_config acks"]

[teach]
say = "acks=1 confirms the leader's append, not replication."
model = "a crash here is kill -9: the page cache survives"
"#;

/// The scenario.
pub(crate) fn scenario() -> Scenario {
    parse("leader-crash.toml", TEXT, &[]).expect("the text is a scenario")
}

fn at(millis: u64) -> SimTime {
    SimTime::from_nanos(millis * 1_000_000)
}

/// What the variant of this name might have found. The base loses `lost` records.
#[expect(clippy::too_many_lines, reason = "every field by hand")]
pub(crate) fn outcome(scenario: &Scenario, name: &str, lost: u64) -> Outcome {
    let variant = (scenario.variants.iter())
        .find(|variant| &*variant.name == name)
        .expect("the scenario has the variant");
    let setup = match &variant.setup {
        Ok(setup) => setup,
        Err(refused) => return Outcome::refused(&variant.name, refused),
    };
    let lost = if name == "acks=1" { lost } else { 0 };
    let lag = LagSeries {
        step: SimDuration::from_secs(1),
        values: (0..=46_u64)
            .map(|t| match t {
                0..=2 => 1,
                3..=11 => (t - 2) * 75,
                12..=20 => 680 - (t - 12) * 80,
                _ => 0,
            })
            .collect(),
        peak: 684,
        peak_at: at(11_402),
        peak_gone_at: None,
        caught_up_at: None,
        no_leader_per_mille: 918,
    };
    Outcome {
        variant: Arc::clone(&variant.name),
        refused: None,
        fingerprint: 0x9f3c_21aa_51d0_c37e ^ lost,
        ended_at: at(46_000),
        events: 4_242,
        delivery: Tally {
            sent: 1_000,
            acked: 1_000,
            readable: 1_000 - lost,
            lost,
            duplicated: 3,
            late: 1,
            ..Tally::default()
        },
        groups: BTreeMap::from([(
            Arc::from("billing"),
            GroupTally {
                processed: 1_000 - lost,
                reprocessed: 3,
                max_lag: 684,
                ..GroupTally::default()
            },
        )]),
        metrics: BTreeMap::from([
            ("ack_p99_ns".to_owned(), 1_250_000),
            ("e2e_p99_ns".to_owned(), 8_612_345_678),
        ]),
        faults: (setup.timeline.iter())
            .map(|event| FaultReport {
                id: Arc::clone(&event.id),
                hit: true,
                at: Some(at(3_000)),
                what: "crash b1".to_owned(),
            })
            .collect(),
        violations: Vec::new(),
        lag: BTreeMap::from([(Arc::from("billing"), lag)]),
        marks: [
            (3_000, "crash b1"),
            (11_402, "b2 leads orders-0"),
            (23_000, "b1 back"),
        ]
        .map(|(millis, label)| Mark {
            at: at(millis),
            label: label.to_owned(),
        })
        .to_vec(),
        throttles: Vec::new(),
        disk_reads: Vec::new(),
        settled: true,
        unsettled: Vec::new(),
    }
}

/// All variants under one seed.
pub(crate) fn outcomes(scenario: &Scenario, lost: u64) -> Vec<Outcome> {
    (scenario.variants.iter())
        .map(|variant| outcome(scenario, &variant.name, lost))
        .collect()
}

/// A report of these outcomes.
pub(crate) fn report(scenario: &Scenario, outcomes: Vec<Outcome>) -> Report<'_> {
    Report {
        scenario,
        target: "leader-crash",
        seed: 7,
        judgement: judge(scenario, 7, &outcomes),
        outcomes,
    }
}
