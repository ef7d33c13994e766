//! Properties over random clusters, workloads and fault schedules.

use proptest::prelude::*;
use proptest::test_runner::Config;
use retrial::check::guarantees::Promises;
use retrial::kafka::api::produce::Acks;
use retrial::run::guarantees::Checked;

use crate::case::{Case, Faults, cases};

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(48))]

    /// Agreement below the high watermark, monotone high watermarks, one leader an epoch, committed
    /// and ordered reads, contiguous sequences: whatever breaks, as long as elections are clean.
    #[test]
    fn guarantees_hold_under_overlapping_faults(case in cases(Faults::Overlapping)) {
        let (violations, unsettled) = outcome(&case, None);
        prop_assert!(violations.is_empty(), "{}", case.show(&format!("{violations:#?}")));
        prop_assert!(unsettled.is_empty(), "{}", case.show(&format!("{unsettled:#?}")));
    }

    /// acks=all, min.insync.replicas=2, three replicas, at most one broker failed at a time.
    #[test]
    fn nothing_acked_is_lost_with_one_broker_failed_at_a_time(case in cases(Faults::OneAtATime)) {
        let promises = Promises { acks_all: true, acks_survive: true };
        let (violations, unsettled) = outcome(&case, Some(promises));
        prop_assert!(violations.is_empty(), "{}", case.show(&format!("{violations:#?}")));
        prop_assert!(unsettled.is_empty(), "{}", case.show(&format!("{unsettled:#?}")));
        let outcome = retrial::run::drive::run(&case.scenario().variants[0], case.seed);
        prop_assert_eq!(outcome.delivery.lost, 0, "{}", case.show("lost"));
        prop_assert_eq!(outcome.delivery.duplicated, 0, "{}", case.show("duplicated"));
        prop_assert_eq!(outcome.delivery.reordered, 0, "{}", case.show("reordered"));
    }

    /// The same case twice, and a clone of a run half-way: the same end.
    #[test]
    fn a_run_is_a_value(case in cases(Faults::Overlapping)) {
        let mut whole = case.start();
        whole.to_the_end(&mut ());
        let mut half = case.start();
        let middle = retrial::sim::time::SimTime::from_nanos(3_000_000_000);
        half.advance(middle, &mut ());
        let mut copy = half.clone();
        half.to_the_end(&mut ());
        copy.to_the_end(&mut ());
        prop_assert_eq!(half.cluster.world.fingerprint(), copy.cluster.world.fingerprint());
        prop_assert_eq!(whole.cluster.world.fingerprint(), half.cluster.world.fingerprint());
    }
}

/// What broke, and what never settled.
fn outcome(case: &Case, promises: Option<Promises>) -> (Vec<String>, Vec<String>) {
    let mut run = case.start();
    let setup = case.setup();
    let all = setup
        .cluster
        .producers
        .iter()
        .all(|p| p.config.acks == Acks::All);
    let promises = promises.unwrap_or(Promises {
        acks_all: all,
        acks_survive: false,
    });
    run.checked = Checked::promising(promises);
    run.to_the_end(&mut ());
    run.checked.finish(&run.cluster);
    let violations = run
        .checked
        .violations()
        .iter()
        .map(|v| format!("{v:?}"))
        .collect();
    (violations, run.cluster.unsettled(4))
}
