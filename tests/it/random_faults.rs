//! Random faults: what was drawn can be said again, and within its budget nothing promised breaks.

use std::sync::Arc;

use retrial::check::guarantees::Promises;
use retrial::run::Outcome;
use retrial::run::drive::Run;
use retrial::run::guarantees::Checked;
use retrial::scenario::file::parse;
use retrial::scenario::model::{Scenario, Setup, Variant};
use retrial::scenario::write::write;

/// Three brokers and a topic of this many replicas on them, under these random faults.
fn scenario(replicas: u32, faults: &str) -> Scenario {
    let minimum = replicas - 1;
    let text = format!(
        "question = \"?\"\nrun_for = \"120s\"\n[faults]\n{faults}\n\
         [topics.orders]\npartitions = 2\nreplication_factor = {replicas}\n\
         config = {{ \"min.insync.replicas\" = {minimum} }}\n\
         [producers.p1]\ntopic = \"orders\"\nrate = \"10/s\"\ncount = 1100\n\
         config = {{ \"delivery.timeout.ms\" = 600000 }}\n\
         [groups.billing]\ntopics = [\"orders\"]\nmembers = 1\nprotocol = \"assign\"\n"
    );
    parse("faults.toml", &text, &[]).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))
}

fn setup(scenario: &Scenario) -> Setup {
    scenario.variants[0]
        .setup
        .clone()
        .expect("nothing is refused")
}

/// The end of a run that promises that nothing acknowledged is lost.
fn run(scenario: &Scenario, seed: u64) -> Outcome {
    let mut run = Run::new(Arc::new(setup(scenario)), seed);
    run.checked = Checked::promising(Promises {
        acks_all: true,
        acks_survive: true,
    });
    run.to_the_end(&mut ());
    run.finish(&Arc::from("base"))
}

const ANY: &str = "like = \"heavy\"\nrate = \"1/4s\"\nfor = \"1s..20s\"\n";

#[test]
fn a_seed_draws_its_own_faults_and_reports_each() {
    let scenario = scenario(3, ANY);
    let outcome = run(&scenario, 1);
    let ids: Vec<&str> = outcome.faults.iter().map(|fault| &*fault.id).collect();
    assert_eq!(&ids[..3], ["faults", "random-1", "random-2"]);
    let number = ids.len() - 1;
    assert!((3..=40).contains(&number), "{number}");
    assert!(outcome.faults.iter().take(3).all(|fault| fault.hit));
    assert_eq!(outcome.faults[0].what, format!("{number} random faults"));
    assert_eq!(outcome.faults[0].at, outcome.faults[1].at);
    let labelled = |what: &str| outcome.marks.iter().any(|mark| mark.label == what);
    assert!(labelled(&outcome.faults[1].what), "{:?}", outcome.marks);
    let other = run(&scenario, 2);
    assert_ne!(outcome.faults[1], other.faults[1]);
}

#[test]
fn what_was_drawn_is_a_timeline_that_does_the_same() {
    let scenario = scenario(3, ANY);
    for seed in 0..4 {
        let mut drawn = Run::new(Arc::new(setup(&scenario)), seed);
        drawn.to_the_end(&mut ());
        let mut said = setup(&scenario);
        said.faults = None;
        said.timeline = drawn
            .schedule
            .fired()
            .map(|(event, _)| event.clone())
            .collect();
        let number = said.timeline.len();
        let mut again = Run::new(Arc::new(said), seed);
        again.to_the_end(&mut ());
        let (one, two) = (&drawn.cluster.world, &again.cluster.world);
        assert_eq!(
            one.fingerprint(),
            two.fingerprint(),
            "seed {seed}, {number} faults"
        );
        assert_eq!(one.events(), two.events());
    }
}

#[test]
fn one_fault_more_leaves_the_others_alone() {
    let first = |max: u32| {
        let faults = format!("{ANY}max = {max}\n");
        let outcome = run(&scenario(3, &faults), 3);
        let faults = outcome.faults.into_iter().skip(1);
        faults
            .map(|fault| (fault.id, fault.what, fault.at))
            .collect::<Vec<_>>()
    };
    let (few, more) = (first(2), first(4));
    assert_eq!(few.len(), 2);
    assert_eq!(more.len(), 4);
    assert_eq!(few, more[..2]);
}

#[test]
fn no_fault_comes_while_the_budget_is_used_up() {
    // Each lasts to the end: there is room for two, and for no third.
    let faults = "kinds = [\"pause\"]\nrate = \"1/1s\"\nfor = \"200s\"\nat_once = 2\n";
    let outcome = run(&scenario(3, faults), 5);
    assert_eq!(outcome.faults.len(), 3, "{:?}", outcome.faults);
}

#[test]
fn a_run_within_its_budget_keeps_what_its_settings_promise() {
    let scenario = scenario(3, &format!("{ANY}at_once = 1\n"));
    let mut hit = 0;
    for seed in 0..25 {
        let outcome = run(&scenario, seed);
        assert!(
            outcome.violations.is_empty(),
            "seed {seed}: {:#?}",
            outcome.violations
        );
        assert!(outcome.settled, "seed {seed}: {:?}", outcome.unsettled);
        let delivery = &outcome.delivery;
        assert_eq!((delivery.lost, delivery.reordered), (0, 0), "seed {seed}");
        hit += outcome
            .faults
            .iter()
            .skip(1)
            .filter(|fault| fault.hit)
            .count();
    }
    assert!(
        hit > 100,
        "{hit} faults in 25 runs are too few to say anything"
    );
}

#[test]
fn two_replicas_survive_one_broken_broker_and_not_two() {
    let lost = |at_once: u32| {
        let faults = format!(
            "kinds = [\"power_loss\", \"crash\", \"stop\"]\nrate = \"1/3s\"\nfor = \"1s..15s\"\n\
             max = 100\nat_once = {at_once}\n"
        );
        let scenario = scenario(2, &faults);
        let losing = (0..40).filter(|seed| run(&scenario, *seed).delivery.lost > 0);
        losing.count()
    };
    let (one, two) = (lost(1), lost(2));
    assert_eq!(one, 0, "one at a time loses nothing");
    assert!(two > 0, "two at once lose something in some seed");
}

#[test]
fn random_faults_are_written_and_read_back() {
    let scenario = scenario(3, ANY);
    let text = write(&scenario).expect("a file can say it");
    assert!(text.contains("[faults]"), "{text}");
    let again = parse("faults.toml", &text, &[]).expect("it is valid");
    assert_eq!(again, scenario);
    let off = Variant {
        name: Arc::from("off"),
        setup: Ok(Setup {
            faults: None,
            ..setup(&scenario)
        }),
    };
    let quiet = retrial::run::drive::run(&off, 1);
    assert!(quiet.faults.is_empty());
}
