//! Claims against what happened, over one seed or many, and the verdict.
//!
//! A claim holds, fails, or has compared nothing. What compared nothing fails the run as loudly
//! as a failure: a number that is not there, a word counted over no record, a fault that hit
//! nothing, producers that sent nothing.

use std::sync::Arc;

use crate::report::metrics;
use crate::run::{FaultReport, Outcome};
use crate::scenario::model::{
    Claim, ClaimKind, Comparison, Operand, Scenario, SeedQuantifier, Setup, Variant,
};

/// What one seed says of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It holds; the left side's number.
    Held(i64),
    /// It does not; the left side's number.
    Failed(i64),
    /// It compared nothing, and why.
    Vacuous(String),
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its variant.
    pub variant: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// The finding: the number is the left side's for one seed, and for many that of the seeds
    /// in which it held.
    pub finding: Finding,
    /// In how many seeds it held.
    pub held_in: u64,
    /// In how many seeds there was something to compare.
    pub of: u64,
    /// The first seed in which it did not hold.
    pub first_against: Option<u64>,
}

/// What became of all claims, and what that makes of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How many seeds were judged.
    pub seeds: u64,
    /// The claims about variants that ran, in the file's order.
    pub claims: Vec<Judged>,
    /// Events of the timeline that hit nothing.
    pub missed: Vec<Missed>,
    /// Variants that have producers and sent nothing.
    pub idle: Vec<Arc<str>>,
    /// How many guarantees broke that hold whatever the settings.
    pub violations: u64,
    /// All in one word.
    pub verdict: Verdict,
}

/// An event of the timeline that hit nothing in any seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The variant.
    pub variant: Arc<str>,
    /// The event's id.
    pub event: Arc<str>,
    /// Why.
    pub why: &'static str,
}

/// The outcome of a run in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All claims held.
    Held,
    /// A claim failed or a guarantee broke.
    Failed,
    /// Nothing failed, but something was never put to the test.
    Vacuous,
    /// There were no claims.
    None,
}

/// Judges a scenario's claims seed by seed. Feed the seeds in order.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    claims: Vec<Counted<'a>>,
    /// The events of the timelines.
    events: Vec<Shot>,
    /// Variants that have something to send, with what they sent.
    senders: Vec<(Arc<str>, u64)>,
    violations: u64,
    seeds: u64,
}

/// One event's seeds.
#[derive(Clone, Debug)]
struct Shot {
    variant: Arc<str>,
    event: Arc<str>,
    /// In how many seeds it hit.
    hits: u64,
    /// Why it did not, by the last seed in which it did not.
    why: &'static str,
}

/// One claim's seeds.
#[derive(Clone, Debug)]
struct Counted<'a> {
    claim: &'a Claim,
    held: u64,
    failed: u64,
    first_against: Option<u64>,
    last: Option<Finding>,
    vacuous: Option<String>,
}

impl Verdict {
    /// Its word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Vacuous => "vacuous",
            Self::None => "none",
        }
    }

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Held | Self::None => 0,
            Self::Failed => 1,
            Self::Vacuous => 2,
        }
    }
}

impl Finding {
    /// True when it holds.
    pub fn held(&self) -> bool {
        matches!(self, Self::Held(_))
    }

    /// The number, where something was compared.
    pub fn actual(&self) -> Option<i64> {
        match self {
            Self::Held(actual) | Self::Failed(actual) => Some(*actual),
            Self::Vacuous(_) => None,
        }
    }
}

impl Comparison {
    /// `left op right`.
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// Judges one seed.
pub fn judge(scenario: &Scenario, seed: u64, outcomes: &[Outcome]) -> Judgement {
    let mut judge = Judge::new(scenario, outcomes.iter().map(|outcome| &outcome.variant));
    judge.add(seed, outcomes);
    judge.finish()
}

/// What one seed says of a claim. None when it speaks of a variant that was not run.
pub fn check(claim: &Claim, outcomes: &[Outcome]) -> Option<Finding> {
    let of = |variant: &str| outcomes.iter().find(|outcome| *outcome.variant == *variant);
    let outcome = of(&claim.variant)?;
    let finding = match &claim.kind {
        ClaimKind::RefusedConfig(name) => match &outcome.refused {
            Some(refused) if refused.name == *name => Finding::Held(1),
            Some(_) | None => Finding::Failed(0),
        },
        ClaimKind::Hit(event) => match outcome.faults.iter().find(|fault| fault.id == *event) {
            Some(fault) if fault.hit => Finding::Held(1),
            Some(fault) => Finding::Vacuous(format!("{event} hit nothing: {}", why_missed(fault))),
            None => Finding::Vacuous(
                refusal(outcome).unwrap_or_else(|| format!("the timeline has no event {event}")),
            ),
        },
        ClaimKind::Compare {
            metric, op, right, ..
        } => {
            let right = match right {
                Operand::Number(number) => Ok(*number),
                Operand::Metric { variant, metric } => number(of(variant)?, metric),
            };
            match (number(outcome, metric), right) {
                (Err(why), _) | (_, Err(why)) => Finding::Vacuous(why),
                (Ok(left), Ok(right)) if !op.holds(left, right) => Finding::Failed(left),
                (Ok(left), Ok(_)) => match metrics::population(outcome, metric) {
                    Some(0) => Finding::Vacuous(format!("{metric} was counted over no record")),
                    Some(_) | None => Finding::Held(left),
                },
            }
        }
    };
    Some(finding)
}

/// Why an event hit nothing.
fn why_missed(fault: &FaultReport) -> &'static str {
    match fault.at {
        Some(_) => "there was nothing to act on",
        None => "its moment never came",
    }
}

/// A metric's number, or why there is none.
fn number(outcome: &Outcome, metric: &str) -> Result<i64, String> {
    metrics::find(outcome, metric).ok_or_else(|| {
        refusal(outcome).unwrap_or_else(|| format!("{} has no {metric}", outcome.variant))
    })
}

/// Why a variant has no numbers at all.
fn refusal(outcome: &Outcome) -> Option<String> {
    let refused = outcome.refused.as_ref()?;
    Some(format!(
        "{} did not run: Kafka refuses {}",
        outcome.variant, refused.name
    ))
}

impl<'a> Judge<'a> {
    /// Nothing judged yet. Claims that speak of other variants than these are left out.
    pub fn new<'n>(
        scenario: &'a Scenario,
        variants: impl IntoIterator<Item = &'n Arc<str>>,
    ) -> Self {
        let chosen: Vec<&Arc<str>> = variants.into_iter().collect();
        let runs = |variant: &Arc<str>| chosen.contains(&variant);
        let claims = scenario.claims.iter().filter(|claim| {
            let right = match &claim.kind {
                ClaimKind::Compare {
                    right: Operand::Metric { variant, .. },
                    ..
                } => runs(variant),
                ClaimKind::Compare { .. } | ClaimKind::Hit(_) | ClaimKind::RefusedConfig(_) => true,
            };
            right && runs(&claim.variant)
        });
        let senders = (scenario.variants.iter())
            .filter(|variant| runs(&variant.name) && sends(variant))
            .map(|variant| (Arc::clone(&variant.name), 0));
        Self {
            claims: claims
                .map(|claim| Counted {
                    claim,
                    held: 0,
                    failed: 0,
                    first_against: None,
                    last: None,
                    vacuous: None,
                })
                .collect(),
            events: Vec::new(),
            senders: senders.collect(),
            violations: 0,
            seeds: 0,
        }
    }

    /// Takes one seed's outcomes into account.
    pub fn add(&mut self, seed: u64, outcomes: &[Outcome]) {
        self.seeds += 1;
        for outcome in outcomes {
            self.violations += outcome.violations.len() as u64;
            for (variant, sent) in &mut self.senders {
                if *variant == outcome.variant {
                    *sent += outcome.delivery.sent;
                }
            }
            for fault in &outcome.faults {
                let known = (self.events.iter_mut())
                    .find(|shot| shot.variant == outcome.variant && shot.event == fault.id);
                match known {
                    Some(shot) => {
                        shot.hits += u64::from(fault.hit);
                        shot.why = why_missed(fault);
                    }
                    None => self.events.push(Shot {
                        variant: Arc::clone(&outcome.variant),
                        event: Arc::clone(&fault.id),
                        hits: u64::from(fault.hit),
                        why: why_missed(fault),
                    }),
                }
            }
        }
        for counted in &mut self.claims {
            let Some(finding) = check(counted.claim, outcomes) else {
                continue;
            };
            match &finding {
                Finding::Held(_) => counted.held += 1,
                Finding::Failed(_) => counted.failed += 1,
                Finding::Vacuous(why) => {
                    counted.vacuous.get_or_insert_with(|| why.clone());
                }
            }
            let against = match finding {
                Finding::Held(_) => false,
                Finding::Failed(_) => true,
                Finding::Vacuous(_) => matches!(counted.claim.kind, ClaimKind::Hit(_)),
            };
            if against {
                counted.first_against.get_or_insert(seed);
            }
            counted.last = Some(finding);
        }
    }

    /// The judgement.
    pub fn finish(self) -> Judgement {
        let seeds = self.seeds;
        let claims: Vec<Judged> = (self.claims.into_iter())
            .map(|counted| counted.judged(seeds))
            .collect();
        let missed: Vec<Missed> = (self.events.into_iter())
            .filter(|shot| shot.hits == 0)
            .map(|shot| Missed {
                variant: shot.variant,
                event: shot.event,
                why: shot.why,
            })
            .collect();
        let idle: Vec<Arc<str>> = (self.senders.into_iter())
            .filter(|(_, sent)| *sent == 0 && seeds > 0)
            .map(|(variant, _)| variant)
            .collect();
        let failed = |claim: &Judged| matches!(claim.finding, Finding::Failed(_));
        let vacuous = |claim: &Judged| matches!(claim.finding, Finding::Vacuous(_));
        let verdict = if self.violations > 0 || claims.iter().any(failed) {
            Verdict::Failed
        } else if !missed.is_empty() || !idle.is_empty() || claims.iter().any(vacuous) {
            Verdict::Vacuous
        } else if claims.is_empty() {
            Verdict::None
        } else {
            Verdict::Held
        };
        Judgement {
            seeds,
            claims,
            missed,
            idle,
            violations: self.violations,
            verdict,
        }
    }
}

impl Judgement {
    /// What was never put to the test beside the claims, each in a sentence without its end.
    pub(super) fn untested(&self) -> Vec<String> {
        let claimed = |missed: &&Missed| {
            self.claims.iter().any(|claim| {
                let Missed { variant, event, .. } = missed;
                claim.variant == *variant
                    && *claim.text == *format!("hit {event}")
                    && matches!(claim.finding, Finding::Vacuous(_))
            })
        };
        let missed = (self.missed.iter().filter(|missed| !claimed(missed))).map(|missed| {
            let Missed {
                variant,
                event,
                why,
            } = missed;
            format!("{variant}: the event {event} hit nothing: {why}")
        });
        let idle =
            (self.idle.iter()).map(|variant| format!("{variant}: its producers sent nothing"));
        missed.chain(idle).collect()
    }

    /// All that was never put to the test, claims first.
    pub(super) fn vacuous(&self) -> Vec<String> {
        let claims = self.claims.iter().filter_map(|claim| match &claim.finding {
            Finding::Vacuous(why) => Some(format!("{}: {}: {why}", claim.variant, claim.text)),
            Finding::Held(_) | Finding::Failed(_) => None,
        });
        claims.chain(self.untested()).collect()
    }
}

/// True for a variant that has producers with something to send.
fn sends(variant: &Variant) -> bool {
    let has_work = |setup: &Setup| setup.cluster.producers.iter().any(|p| p.plan.count > 0);
    variant.setup.as_ref().is_ok_and(has_work)
}

impl Counted<'_> {
    /// The finding over all seeds. Seeds in which a comparison compared nothing do not count. An
    /// event that is claimed to hit must hit in every seed: in none is vacuous, in some a failure.
    fn judged(mut self, seeds: u64) -> Judged {
        if matches!(self.claim.kind, ClaimKind::Hit(_)) && self.held > 0 {
            self.failed = seeds - self.held;
        }
        let judged = self.held + self.failed;
        let vacuous = self.vacuous.filter(|_| judged == 0);
        let finding = match (vacuous, self.last) {
            (Some(why), _) => Finding::Vacuous(why),
            (None, Some(only)) if seeds == 1 => only,
            (None, _) => {
                let enough = match &self.claim.kind {
                    ClaimKind::Compare { seeds, .. } => match seeds {
                        SeedQuantifier::All => self.failed == 0,
                        SeedQuantifier::Any => self.held > 0,
                        SeedQuantifier::AtLeast(share) => {
                            u128::from(self.held) * u128::from(share.denominator())
                                >= u128::from(judged) * u128::from(share.numerator())
                        }
                    },
                    ClaimKind::Hit(_) | ClaimKind::RefusedConfig(_) => self.failed == 0,
                };
                let held = self.held as i64;
                if enough {
                    Finding::Held(held)
                } else {
                    Finding::Failed(held)
                }
            }
        };
        Judged {
            variant: Arc::clone(&self.claim.variant),
            text: Arc::clone(&self.claim.text),
            finding,
            held_in: self.held,
            of: judged,
            first_against: self.first_against,
        }
    }
}

#[cfg(test)]
mod tests;
