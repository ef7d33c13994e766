//! Reports of hand-made outcomes, as people and programs see them.

use std::path::Path;
use std::sync::Arc;

use crate::report::claims::{Finding, Verdict, judge};
use crate::report::fixtures::{outcome, outcomes, report, scenario};
use crate::report::style::{Style, columns};
use crate::report::survey::{self, Survey, SurveyReport};
use crate::report::{json, metrics, run_id, summary};
use crate::run::{Outcome, Violation};
use crate::scenario::model::{ClaimKind, Comparison, Operand, Scenario, SeedQuantifier};
use crate::sim::time::SimTime;

const PLAIN: Style = Style {
    width: 100,
    color: false,
};

/// Compares with a file of `snapshots/cli`.
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/cli"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn survey_of(scenario: &Scenario, lost: impl IntoIterator<Item = u64>) -> SurveyReport<'_> {
    let names: Vec<Arc<str>> = (scenario.variants.iter())
        .map(|variant| Arc::clone(&variant.name))
        .collect();
    let lost: Vec<u64> = lost.into_iter().collect();
    let mut survey = Survey::new(scenario, &names, 10..10 + lost.len() as u64);
    for (seed, lost) in (10..).zip(lost) {
        survey.add(seed, &outcomes(scenario, lost));
    }
    survey.finish()
}

/// A claim about the base with this comparison.
fn compare(scenario: &mut Scenario, metric: &str, op: Comparison, right: i64) {
    scenario.claims.truncate(1);
    scenario.claims[0].text = Arc::from("as in the test");
    scenario.claims[0].kind = ClaimKind::Compare {
        metric: Arc::from(metric),
        op,
        right: Operand::Number(right),
        seeds: SeedQuantifier::All,
    };
}

fn fits(text: &str, width: usize) {
    for line in text.lines() {
        assert!(columns(line) <= width, "{}: {line}", columns(line));
    }
}

/// The text without its colour codes.
fn uncoloured(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').expect("a colour code ends in m").1;
    }
    out + rest
}

#[test]
fn a_result_says_question_answer_numbers_lag_and_what_to_say() {
    let scenario = scenario();
    let text = summary::print(&report(&scenario, outcomes(&scenario, 2)), PLAIN);
    fits(&text, 100);
    snapshot("result", &text);
}

#[test]
fn a_narrow_result_says_the_same_in_more_lines() {
    let scenario = scenario();
    let style = Style { width: 60, ..PLAIN };
    let text = summary::print(&report(&scenario, outcomes(&scenario, 2)), style);
    fits(&text, 60);
    snapshot("result-narrow", &text);
}

#[test]
fn colour_repeats_what_words_say() {
    let scenario = scenario();
    let style = Style {
        color: true,
        ..PLAIN
    };
    let report = report(&scenario, outcomes(&scenario, 2));
    let coloured = summary::print(&report, style);
    assert!(coloured.contains('\u{1b}'));
    assert_eq!(uncoloured(&coloured), summary::print(&report, PLAIN));
    let survey = survey_of(&scenario, [0, 2]);
    assert_eq!(
        uncoloured(&survey::print(&survey, "x", style)),
        survey::print(&survey, "x", PLAIN)
    );
}

#[test]
fn a_result_hides_no_trouble() {
    let scenario = scenario();
    let mut outcomes = outcomes(&scenario, 0);
    outcomes[0].faults[0].hit = false;
    outcomes[0].delivery.acked = 988;
    outcomes[0].delivery.refused = 5;
    outcomes[0].delivery.unknown = 7;
    outcomes[0].delivery.readable = 994;
    outcomes[0].delivery.told_timeout = 4;
    outcomes[0].metrics.insert("untold".to_owned(), 1);
    outcomes[1].settled = false;
    outcomes[1].unsettled = vec!["p1 waits for 3 answers".to_owned()];
    outcomes[1].violations = vec![Violation {
        guarantee: "acked_records_survive",
        at: SimTime::from_nanos(11_402_000_000),
        evidence: vec!["orders-0 offset 239".to_owned(), "epoch 5".to_owned()],
    }];
    outcomes[1].metrics.remove("e2e_p99_ns");
    let report = report(&scenario, outcomes);
    let text = summary::print(&report, PLAIN);
    fits(&text, 100);
    snapshot("result-troubles", &text);
    let json: serde_json::Value = serde_json::from_str(&json::run(&report)).unwrap();
    assert_eq!(
        json["vacuous"],
        serde_json::json!([
            "acks=1: hit crash: crash hit nothing: there was nothing to act on",
            "acks=all: e2e_p99_ns >= acks=1.e2e_p99_ns: acks=all has no e2e_p99_ns",
        ])
    );
}

#[test]
fn the_answer_speaks_of_what_the_first_claim_is_about() {
    let mut scenario = scenario();
    let mut outcomes = outcomes(&scenario, 0);
    let millis = "unavailable_partition_ms";
    outcomes[0].metrics.insert(millis.to_owned(), 9_150);
    let mut answer = |metric| {
        compare(&mut scenario, metric, Comparison::GreaterOrEqual, 0);
        crate::report::answer::of_run(&scenario, &outcomes[0])
    };
    let nothing = "NOT IN THIS RUN: ";
    for (metric, expected) in [
        ("lost", "all 1,000 acknowledged records can be read"),
        (
            "ack_p99_ns",
            "99 of 100 records were acknowledged within 1.25 ms",
        ),
        (
            "e2e_p99_ns",
            "99 of 100 records were processed within 8.61 s",
        ),
        (
            millis,
            "partitions were without a leader that runs for 9.15 s in all",
        ),
        ("ack_max_ns", "all 1,000 acknowledged records can be read"),
    ] {
        assert_eq!(
            answer(metric).strip_prefix(nothing),
            Some(expected),
            "{metric}"
        );
    }
}

#[test]
fn a_run_without_readers_tells_the_time_of_an_answer() {
    let scenario = scenario();
    let mut outcomes = outcomes(&scenario, 0);
    for outcome in &mut outcomes {
        outcome.groups.clear();
        outcome.lag.clear();
    }
    let text = summary::print(&report(&scenario, outcomes), PLAIN);
    assert!(
        text.contains("p99 ack\n") && text.contains("1.25 ms\n"),
        "{text}"
    );
}

#[test]
fn a_failed_claim_outweighs_what_was_not_put_to_the_test() {
    let scenario = scenario();
    let mut outcomes = outcomes(&scenario, 0);
    outcomes[1].faults[0].hit = false;
    outcomes[1].faults[0].at = None;
    let judgement = judge(&scenario, 7, &outcomes);
    assert_eq!(judgement.verdict, Verdict::Failed);
    assert_eq!(
        judgement.vacuous(),
        ["acks=all: the event crash hit nothing: its moment never came"]
    );
}

#[test]
fn a_result_as_json_is_one_line_in_the_documented_order() {
    let scenario = scenario();
    let line = json::run(&report(&scenario, outcomes(&scenario, 2)));
    assert_eq!(line.matches('\n').count(), 1);
    snapshot("result-json", &line);
}

#[test]
fn many_seeds_are_counted_by_word() {
    let scenario = scenario();
    let survey = survey_of(&scenario, [0, 2, 9, 9, 1]);
    let text = survey::print(&survey, "leader-crash", PLAIN);
    fits(&text, 100);
    snapshot("seeds", &text);
    snapshot("seeds-json", &json::survey(&survey));
}

#[test]
fn a_spread_has_the_first_worst_seed_and_a_median_that_occurred() {
    let scenario = scenario();
    let survey = survey_of(&scenario, [0, 2, 9, 9]);
    let lost = &survey.variants[0].metrics["lost"];
    assert_eq!(
        (lost.seeds_over_zero, lost.min, lost.median(), lost.max),
        (3, 0, 2, 9)
    );
    assert_eq!(lost.worst_seed, 12);
    let readable = &survey.variants[0].metrics["readable"];
    assert_eq!((readable.min, readable.worst_seed), (991, 12));
}

#[test]
fn the_run_has_the_same_name_whenever_it_found_the_same() {
    let scenario = scenario();
    let of = |lost| run_id(&report(&scenario, outcomes(&scenario, lost)));
    assert_eq!(of(2), of(2));
    assert_ne!(of(2), of(3));
}

#[test]
fn a_number_has_one_name_and_a_refused_variant_has_none() {
    let scenario = scenario();
    let base = outcome(&scenario, "acks=1", 2);
    let all = metrics::all(&base);
    for (name, value) in &all {
        assert_eq!(metrics::find(&base, name), Some(*value), "{name}");
    }
    assert_eq!(metrics::find(&base, "groups.billing.max_lag"), Some(684));
    assert_eq!(metrics::find(&base, "faults.crash.hit"), Some(1));
    assert_eq!(metrics::find(&base, "losses"), None);
    let refused = outcome(&scenario, "acks=1, idempotent", 0);
    assert_eq!(metrics::find(&refused, "lost"), None);
    assert_eq!(metrics::all(&refused), []);
}

fn verdict(scenario: &Scenario, outcomes: &[Outcome]) -> (Verdict, u8) {
    let verdict = judge(scenario, 7, outcomes).verdict;
    (verdict, verdict.code())
}

#[test]
fn claims_that_hold_exit_with_0() {
    let scenario = scenario();
    let judgement = judge(&scenario, 7, &outcomes(&scenario, 2));
    assert!(judgement.claims.iter().all(|claim| claim.finding.held()));
    assert_eq!(
        (judgement.verdict, judgement.verdict.code()),
        (Verdict::Held, 0)
    );
}

#[test]
fn one_failed_claim_exits_with_1_and_says_the_number() {
    let scenario = scenario();
    let judgement = judge(&scenario, 7, &outcomes(&scenario, 0));
    assert_eq!(judgement.claims[0].finding, Finding::Failed(0));
    assert_eq!(
        (judgement.verdict, judgement.verdict.code()),
        (Verdict::Failed, 1)
    );
}

#[test]
fn a_broken_guarantee_exits_with_1_whatever_the_claims_say() {
    let scenario = scenario();
    let mut outcomes = outcomes(&scenario, 2);
    outcomes[1].violations.push(Violation {
        guarantee: "acked_records_survive",
        at: SimTime::ZERO,
        evidence: Vec::new(),
    });
    assert_eq!(verdict(&scenario, &outcomes), (Verdict::Failed, 1));
}

#[test]
fn a_scenario_without_claims_exits_with_0() {
    let mut scenario = scenario();
    scenario.claims.clear();
    let outcomes = outcomes(&scenario, 2);
    assert_eq!(verdict(&scenario, &outcomes), (Verdict::None, 0));
}

#[test]
fn an_event_that_hit_nothing_makes_the_run_vacuous_even_without_a_claim() {
    let mut scenario = scenario();
    scenario.claims.clear();
    let mut outcomes = outcomes(&scenario, 2);
    outcomes[1].faults[0].hit = false;
    assert_eq!(verdict(&scenario, &outcomes), (Verdict::Vacuous, 2));
}

#[test]
fn a_claim_on_a_number_that_is_not_there_has_compared_nothing() {
    let mut scenario = scenario();
    compare(&mut scenario, "losses", Comparison::Equal, 0);
    let outcomes = outcomes(&scenario, 2);
    assert_eq!(verdict(&scenario, &outcomes), (Verdict::Vacuous, 2));
}

#[test]
fn a_claim_counted_over_no_record_has_compared_nothing() {
    let mut scenario = scenario();
    compare(&mut scenario, "lost", Comparison::Equal, 0);
    let mut outcomes = outcomes(&scenario, 0);
    assert_eq!(verdict(&scenario, &outcomes), (Verdict::Held, 0));
    outcomes[0].delivery.acked = 0;
    assert_eq!(verdict(&scenario, &outcomes), (Verdict::Vacuous, 2));
}

#[test]
fn a_claim_on_a_refused_variant_has_compared_nothing() {
    let mut scenario = scenario();
    compare(&mut scenario, "lost", Comparison::Equal, 0);
    scenario.claims[0].variant = Arc::from("acks=1, idempotent");
    let judgement = judge(&scenario, 7, &outcomes(&scenario, 0));
    let why = "acks=1, idempotent did not run: Kafka refuses acks";
    assert_eq!(
        judgement.claims[0].finding,
        Finding::Vacuous(why.to_owned())
    );
}

#[test]
fn a_refusal_is_claimed_by_the_name_of_the_config() {
    let mut scenario = scenario();
    let outcomes = outcomes(&scenario, 2);
    scenario.claims.drain(..4);
    assert_eq!(verdict(&scenario, &outcomes), (Verdict::Held, 0));
    scenario.claims[0].kind = ClaimKind::RefusedConfig(Arc::from("retries"));
    assert_eq!(verdict(&scenario, &outcomes), (Verdict::Failed, 1));
}

#[test]
fn claims_about_variants_that_did_not_run_are_left_out() {
    let scenario = scenario();
    let only = [outcome(&scenario, "acks=all", 0)];
    let judgement = judge(&scenario, 7, &only);
    let texts: Vec<&str> = judgement.claims.iter().map(|claim| &*claim.text).collect();
    assert_eq!(texts, ["lost == 0 in all seeds"]);
    assert_eq!(judgement.verdict, Verdict::Held);
}

#[test]
fn every_comparison_compares() {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let scenario = scenario();
    let outcomes = outcomes(&scenario, 2);
    let holds = |op, right| {
        let mut scenario = scenario.clone();
        compare(&mut scenario, "lost", op, right);
        judge(&scenario, 7, &outcomes).claims[0].finding.held()
    };
    for (op, expected) in [
        (Equal, [false, true, false]),
        (NotEqual, [true, false, true]),
        (Less, [false, false, true]),
        (LessOrEqual, [false, true, true]),
        (Greater, [true, false, false]),
        (GreaterOrEqual, [true, true, false]),
    ] {
        assert_eq!([1, 2, 3].map(|right| holds(op, right)), expected, "{op:?}");
    }
}

#[test]
fn over_many_seeds_a_claim_holds_in_all_in_any_or_in_enough() {
    use crate::sim::ratio::Ratio;
    let finding = |quantifier, lost: [u64; 5]| {
        let mut scenario = scenario();
        compare(&mut scenario, "lost", Comparison::Greater, 0);
        if let ClaimKind::Compare { seeds, .. } = &mut scenario.claims[0].kind {
            *seeds = quantifier;
        }
        let judged = survey_of(&scenario, lost).judgement.claims.remove(0);
        (judged.finding, Some((judged.of, judged.first_against)))
    };
    let share = |percent| SeedQuantifier::AtLeast(Ratio::percent(percent));
    let three = [0, 2, 2, 0, 2];
    let against = Some((5, Some(10)));
    assert_eq!(
        finding(SeedQuantifier::All, three),
        (Finding::Failed(3), against)
    );
    assert_eq!(
        finding(SeedQuantifier::All, [1; 5]),
        (Finding::Held(5), Some((5, None)))
    );
    assert_eq!(
        finding(SeedQuantifier::Any, three),
        (Finding::Held(3), against)
    );
    assert_eq!(
        finding(SeedQuantifier::Any, [0; 5]),
        (Finding::Failed(0), against)
    );
    assert_eq!(finding(share(60), three), (Finding::Held(3), against));
    assert_eq!(finding(share(61), three), (Finding::Failed(3), against));
}

#[test]
fn one_seed_alone_must_hold_whatever_share_is_claimed() {
    let scenario = scenario();
    let survey = survey_of(&scenario, [0]);
    assert_eq!(survey.judgement.verdict, Verdict::Failed);
}

#[test]
fn an_event_claimed_to_hit_must_hit_in_every_seed() {
    let scenario = scenario();
    let names: Vec<Arc<str>> = (scenario.variants.iter())
        .map(|variant| Arc::clone(&variant.name))
        .collect();
    let mut survey = Survey::new(&scenario, &names, 0..3);
    for seed in 0..3 {
        let mut outcomes = outcomes(&scenario, 2);
        outcomes[0].faults[0].hit = seed != 1;
        survey.add(seed, &outcomes);
    }
    let judgement = survey.finish().judgement;
    assert_eq!(
        judgement.claims[1].finding,
        Finding::Failed(2),
        "it hit in two seeds of three: not vacuous, but not in every seed"
    );
    assert_eq!(
        (
            judgement.claims[1].held_in,
            judgement.claims[1].first_against
        ),
        (2, Some(1))
    );
    assert_eq!(judgement.missed, []);
    assert_eq!(judgement.verdict, Verdict::Failed);
}
