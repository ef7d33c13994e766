//! Every verdict fires, and each for its own reason.

use crate::report::claims::{Finding, Judge, Judgement, Verdict, judge};
use crate::report::hand_made::{outcome, scenario, with_lost};
use crate::run::{Outcome, Violation};
use crate::scenario::model::RefusedConfig;
use crate::sim::time::SimTime;

/// One seed of both variants, two and none lost.
fn both() -> Vec<Outcome> {
    vec![with_lost("base", 2), with_lost("other", 0)]
}

fn of_one_seed(claims: &str, outcomes: &[Outcome]) -> Judgement {
    judge(&scenario(claims), 7, outcomes)
}

/// Over seeds 0, 1, …, with so many records lost in each.
fn over_seeds(claims: &str, lost: &[u64]) -> Judgement {
    let scenario = scenario(claims);
    let mut judge = Judge::new(
        &scenario,
        scenario.variants.iter().map(|variant| &variant.name),
    );
    for (seed, lost) in lost.iter().enumerate() {
        judge.add(
            seed as u64,
            &[with_lost("base", *lost), with_lost("other", 0)],
        );
    }
    judge.finish()
}

/// What was never put to the test, a sentence each.
fn vacuous(judgement: &Judgement) -> Vec<String> {
    let missed = judgement.missed.iter();
    let missed = missed.map(|missed| format!("{}: {} hit nothing", missed.variant, missed.event));
    let idle = judgement.idle.iter();
    let idle = idle.map(|variant| format!("{variant}: its producers sent nothing"));
    let claims = judgement
        .claims
        .iter()
        .filter_map(|claim| match &claim.finding {
            Finding::Vacuous(why) => Some(format!("{}: {}: {why}", claim.variant, claim.text)),
            Finding::Held(_) | Finding::Failed(_) => None,
        });
    missed.chain(idle).chain(claims).collect()
}

fn verdict_and_code(judgement: &Judgement) -> (Verdict, u8) {
    (judgement.verdict, judgement.verdict.code())
}

#[test]
fn claims_that_hold_are_held_with_their_numbers() {
    let claims = "base = [\"lost >= 1 in >= 60% of seeds\", \"lost > other.lost\", \
                  \"groups.billing.max_lag == 680\", \"e2e_p99_ns < 9s\", \"hit crash\"]";
    let judgement = of_one_seed(claims, &both());
    assert_eq!(verdict_and_code(&judgement), (Verdict::Held, 0));
    let actual: Vec<_> = judgement
        .claims
        .iter()
        .map(|claim| claim.finding.actual())
        .collect();
    assert_eq!(
        actual,
        [Some(2), Some(2), Some(680), Some(8_610_000_000), Some(1)]
    );
    assert!(
        judgement
            .claims
            .iter()
            .all(|claim| (claim.held_in, claim.of) == (1, 1))
    );
    assert_eq!(vacuous(&judgement), Vec::<String>::new());
}

#[test]
fn each_comparison_compares() {
    for (op, holds) in [
        ("==", [false, true, false]),
        ("!=", [true, false, true]),
        ("<", [true, false, false]),
        ("<=", [true, true, false]),
        (">", [false, false, true]),
        (">=", [false, true, true]),
    ] {
        let found = [1, 2, 3].map(|lost| {
            let claims = format!("base = [\"lost {op} 2\"]");
            of_one_seed(&claims, &[with_lost("base", lost), outcome("other")]).claims[0]
                .finding
                .held()
        });
        assert_eq!(found, holds, "{op}");
    }
}

#[test]
fn one_claim_that_fails_fails_the_run() {
    let claims = "base = [\"lost == 0\", \"hit crash\"]";
    let judgement = of_one_seed(claims, &both());
    assert_eq!(verdict_and_code(&judgement), (Verdict::Failed, 1));
    assert_eq!(judgement.claims[0].finding, Finding::Failed(2));
    assert_eq!(judgement.claims[0].first_against, Some(7));
    assert!(judgement.claims[1].finding.held());
}

#[test]
fn without_claims_there_is_nothing_to_hold() {
    assert_eq!(
        verdict_and_code(&of_one_seed("", &both())),
        (Verdict::None, 0)
    );
}

#[test]
fn a_broken_guarantee_fails_the_run_whatever_is_claimed() {
    let mut outcomes = both();
    outcomes[1].violations.push(Violation {
        guarantee: "high_watermark_is_monotone",
        at: SimTime::ZERO,
        evidence: Vec::new(),
    });
    let judgement = of_one_seed("", &outcomes);
    assert_eq!(verdict_and_code(&judgement), (Verdict::Failed, 1));
    assert_eq!(judgement.violations, 1);
}

#[test]
fn a_fault_that_hit_nothing_is_vacuous_even_where_nothing_is_claimed() {
    let mut outcomes = both();
    outcomes[1].faults[0].hit = false;
    let judgement = of_one_seed("base = [\"lost == 2\"]", &outcomes);
    assert_eq!(verdict_and_code(&judgement), (Verdict::Vacuous, 2));
    assert_eq!(vacuous(&judgement), ["other: crash hit nothing"]);
    assert_eq!(
        verdict_and_code(&of_one_seed("", &outcomes)),
        (Verdict::Vacuous, 2)
    );
}

#[test]
fn a_failure_outranks_what_was_not_tested() {
    let mut outcomes = both();
    outcomes[0].faults[0].hit = false;
    let judgement = of_one_seed("base = [\"lost == 0\"]", &outcomes);
    assert_eq!(judgement.verdict, Verdict::Failed);
    assert_eq!(vacuous(&judgement), ["base: crash hit nothing"]);
}

#[test]
fn a_number_that_is_not_there_is_vacuous() {
    let judgement = of_one_seed("base = [\"throttled_ms.p1 < 9s\"]", &both());
    assert_eq!(judgement.verdict, Verdict::Vacuous);
    assert_eq!(
        vacuous(&judgement),
        ["base: throttled_ms.p1 < 9s: base has no throttled_ms.p1"]
    );
}

#[test]
fn a_word_counted_over_no_record_is_vacuous() {
    let mut outcomes = both();
    outcomes[1].delivery.acked = 0;
    let judgement = of_one_seed("other = [\"lost == 0\"]", &outcomes);
    assert_eq!(judgement.verdict, Verdict::Vacuous);
    assert_eq!(
        vacuous(&judgement),
        ["other: lost == 0: lost was counted over no record"]
    );
}

#[test]
fn producers_that_sent_nothing_are_vacuous() {
    let mut outcomes = both();
    outcomes[0].delivery.sent = 0;
    let judgement = of_one_seed("other = [\"lost == 0\"]", &outcomes);
    assert_eq!(judgement.verdict, Verdict::Vacuous);
    assert_eq!(vacuous(&judgement), ["base: its producers sent nothing"]);
}

#[test]
fn claims_on_variants_that_did_not_run_are_left_out() {
    let claims = "base = [\"lost == 2\", \"lost > other.lost\"]\nother = [\"lost == 1\"]";
    let judgement = of_one_seed(claims, &both()[..1]);
    let texts: Vec<&str> = judgement.claims.iter().map(|claim| &*claim.text).collect();
    assert_eq!(texts, ["lost == 2"]);
    assert_eq!(judgement.verdict, Verdict::Held);
    let only_other = of_one_seed("base = [\"lost == 2\"]", &both()[1..]);
    assert_eq!(only_other.verdict, Verdict::None);
}

#[test]
fn a_refused_config_is_claimed_by_its_name() {
    let refused = |name: &str| {
        let refused = RefusedConfig {
            name: name.into(),
            message: "no".into(),
        };
        vec![
            Outcome::refused(&"base".into(), &refused),
            with_lost("other", 0),
        ]
    };
    let mut scenario = scenario("other = [\"refused_config acks\"]");
    scenario.claims[0].variant = "base".into();
    scenario.variants[0].setup = Err(RefusedConfig {
        name: "acks".into(),
        message: "no".into(),
    });
    let verdict = |outcomes: &[Outcome]| judge(&scenario, 7, outcomes).verdict;
    assert_eq!(verdict(&refused("acks")), Verdict::Held);
    assert_eq!(verdict(&refused("linger.ms")), Verdict::Failed);
    assert_eq!(verdict(&both()), Verdict::Failed);
    let judgement = of_one_seed("base = [\"lost == 0\"]", &refused("acks"));
    assert_eq!(judgement.verdict, Verdict::Vacuous);
}

#[test]
fn over_many_seeds_the_quantifier_decides() {
    let claims = "base = [\"lost >= 1\", \"lost >= 1 in any seed\", \
                  \"lost >= 1 in >= 60% of seeds\", \"lost >= 1 in >= 61% of seeds\"]";
    let judgement = over_seeds(claims, &[2, 0, 3, 0, 1]);
    let found: Vec<_> = judgement
        .claims
        .iter()
        .map(|c| (c.finding.held(), c.held_in, c.of))
        .collect();
    assert_eq!(
        found,
        [(false, 3, 5), (true, 3, 5), (true, 3, 5), (false, 3, 5)]
    );
    assert_eq!(judgement.verdict, Verdict::Failed);
    assert_eq!(judgement.claims[0].first_against, Some(1));
    assert_eq!(judgement.claims[0].finding, Finding::Failed(3));
}

#[test]
fn one_seed_alone_must_hold_whatever_the_quantifier() {
    for end in [
        "",
        " in any seed",
        " in >= 1% of seeds",
        " in >= 0% of seeds",
    ] {
        let claims = format!("base = [\"lost == 0{end}\"]");
        assert_eq!(over_seeds(&claims, &[2]).verdict, Verdict::Failed, "{end}");
    }
}

#[test]
fn another_variants_metric_is_compared_seed_by_seed() {
    let claims = "base = [\"lost <= other.lost in >= 50% of seeds\"]";
    let judgement = over_seeds(claims, &[0, 5, 0, 5]);
    assert_eq!(
        (judgement.claims[0].held_in, judgement.claims[0].of),
        (2, 4)
    );
    assert_eq!(judgement.verdict, Verdict::Held);
}

#[test]
fn seeds_with_nothing_to_compare_count_neither_way() {
    let scenario = scenario("base = [\"lost == 0 in all seeds\"]");
    let mut judge = Judge::new(&scenario, scenario.variants.iter().map(|v| &v.name));
    let mut nobody_acked = with_lost("base", 0);
    nobody_acked.delivery.acked = 0;
    judge.add(0, &[nobody_acked, with_lost("other", 0)]);
    judge.add(1, &[with_lost("base", 0), with_lost("other", 0)]);
    let judgement = judge.finish();
    assert_eq!(
        (judgement.claims[0].held_in, judgement.claims[0].of),
        (1, 1)
    );
    assert_eq!(judgement.verdict, Verdict::Held);
}

#[test]
fn a_fault_that_missed_in_some_seeds_fails_its_claim_and_is_not_vacuous() {
    let scenario = scenario("base = [\"hit crash\"]");
    let mut judge = Judge::new(&scenario, scenario.variants.iter().map(|v| &v.name));
    let mut missed = with_lost("base", 0);
    missed.faults[0].hit = false;
    judge.add(0, &[with_lost("base", 0), with_lost("other", 0)]);
    judge.add(1, &[missed, with_lost("other", 0)]);
    let judgement = judge.finish();
    assert_eq!(judgement.verdict, Verdict::Failed);
    assert_eq!(
        (judgement.claims[0].held_in, judgement.claims[0].of),
        (1, 2)
    );
    assert_eq!(judgement.claims[0].first_against, Some(1));
    assert_eq!(vacuous(&judgement), Vec::<String>::new());
}
