//! Hand-made scenarios and outcomes, for the tests of this module.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::tally::{GroupTally, Tally};
use crate::run::{FaultReport, Outcome};
use crate::scenario::file::parse;
use crate::scenario::model::{RefusedConfig, Scenario};
use crate::sim::time::SimTime;

/// A scenario of two variants, `base` and `other`, with one fault and these claims.
pub(super) fn scenario(claims: &str) -> Scenario {
    let text = format!(
        "question = \"Is it gone?\"\nseed = 7\nrun_for = \"10s\"\n\
         timeline = [{{ id = \"crash\", at = \"3s\", crash = \"b1\" }}]\n\
         cluster.brokers = 3\n\
         topics.orders = {{ partitions = 1, replication_factor = 3 }}\n\
         producers.p1 = {{ topic = \"orders\", rate = \"80/s\", count = 100 }}\n\
         groups.billing = {{ topics = [\"orders\"], members = 1, protocol = \"assign\" }}\n\
         variants.other.producers.p1.config.acks = \"all\"\n\
         [claims]\n{claims}\n"
    );
    match parse("hand-made", &text, &[]) {
        Ok(scenario) => scenario,
        Err(problems) => panic!("{problems}"),
    }
}

/// An outcome in which the fault hit and two of a thousand acked records are lost.
pub(super) fn outcome(variant: &str) -> Outcome {
    let name: Arc<str> = Arc::from(variant);
    let nothing = RefusedConfig {
        name: Arc::from(""),
        message: Arc::from(""),
    };
    let delivery = Tally {
        sent: 1_000,
        acked: 1_000,
        readable: 998,
        lost: 2,
        told_timeout: 1,
        ..Tally::default()
    };
    let billing = GroupTally {
        processed: 998,
        max_lag: 680,
        ..GroupTally::default()
    };
    let metrics = [("e2e_p99_ns", 8_610_000_000), ("requests", 4_711)];
    Outcome {
        refused: None,
        fingerprint: 0x0123_4567_89ab_cdef,
        ended_at: SimTime::from_nanos(41_000_000_000),
        events: 31_234,
        delivery,
        groups: BTreeMap::from([(Arc::from("billing"), billing)]),
        metrics: metrics.map(|(name, value)| (name.to_owned(), value)).into(),
        faults: vec![FaultReport {
            id: Arc::from("crash"),
            hit: true,
            at: Some(SimTime::from_nanos(3_000_000_000)),
            what: "crash b1".to_owned(),
        }],
        ..Outcome::refused(&name, &nothing)
    }
}

/// The same with another count of lost records.
pub(super) fn with_lost(variant: &str, lost: u64) -> Outcome {
    let mut outcome = outcome(variant);
    outcome.delivery.lost = lost;
    outcome.delivery.readable = 1_000 - lost;
    outcome
}
