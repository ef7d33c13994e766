//! The plain answer: one sentence out of the base variant's numbers.
//!
//! It never says more than the run showed. YES and NOT stand before it only where the question
//! asks whether a record can be lost: one lost record proves that it can, while a run that lost
//! none proves nothing beyond itself, so there is no NO.

use crate::report::metrics;
use crate::report::numbers::{duration, thousands};
use crate::report::style::capital;
use crate::run::Outcome;
use crate::scenario::model::{ClaimKind, Scenario};

/// Words by which a question asks about loss.
const LOSS: [&str; 9] = [
    "lose",
    "loses",
    "losing",
    "lost",
    "loss",
    "vanish",
    "disappear",
    "gone",
    "missing",
];

/// Words that turn a question round, or may: then its sentence stands alone.
const TURNING: [&str; 9] = [
    "not", "no", "never", "without", "cannot", "safe", "survive", "avoid", "prevent",
];

/// The answer of one seed.
pub(super) fn of_run(scenario: &Scenario, base: &Outcome) -> String {
    if let Some(refused) = &base.refused {
        return format!("Kafka refuses this configuration: {}", refused.message);
    }
    let fact = fact(scenario, base);
    let prefix = match (asks_about_loss(&scenario.question), base.delivery.lost) {
        (false, _) => return capital(&fact),
        (true, 0) => "NOT IN THIS RUN",
        (true, _) => "YES",
    };
    format!("{prefix}: {fact}")
}

/// The answer of many seeds: in how many the base lost something, at most how much, and when.
pub(super) fn of_seeds(scenario: &Scenario, losing: u64, seeds: u64, most: (u64, u64)) -> String {
    let (seeds, (most, worst)) = (thousands(seeds), most);
    let fact = match losing {
        0 => format!("no acknowledged record was lost in {seeds} seeds"),
        _ => format!(
            "acknowledged records were lost in {} of {seeds} seeds, at most {} (seed {worst})",
            thousands(losing),
            thousands(most)
        ),
    };
    match (asks_about_loss(&scenario.question), losing) {
        (false, _) => capital(&fact),
        (true, 0) => format!("NOT IN THESE RUNS: {fact}"),
        (true, _) => format!("YES: {fact}"),
    }
}

/// What to add when the base has lost nothing and other variants have: the worst of them, by
/// `(name, how bad, in words)`.
pub(super) fn of_others<'v>(
    base_lost: u64,
    others: impl Iterator<Item = (&'v str, u64, String)>,
) -> Option<String> {
    let losing: Vec<_> = others.filter(|(_, lost, _)| *lost > 0).collect();
    // Of equals the first.
    let (name, _, words) = losing.iter().rev().max_by_key(|(_, lost, _)| *lost)?;
    let more = match losing.len() - 1 {
        0 => String::new(),
        more => format!(
            " ({more} more {} too)",
            plural(more as u64, "variant", "variants")
        ),
    };
    (base_lost == 0).then(|| format!("; with \"{name}\" {words}{more}"))
}

/// The count that the answer speaks of, where it counts records and loss is not what it says.
pub(super) fn counted(scenario: &Scenario, base: &Outcome) -> Option<&'static str> {
    let about = about(scenario, base)?;
    let counts = [
        "duplicated",
        "refused",
        "reordered",
        "reordered_keys",
        "late",
    ];
    counts.into_iter().find(|word| *word == about)
}

/// True when the question's last sentence asks whether records can be lost.
fn asks_about_loss(question: &str) -> bool {
    let question = question.trim().to_lowercase();
    let Some(question) = question.strip_suffix('?') else {
        return false;
    };
    let last = question.rsplit(['.', ':', '?', '!']).next().unwrap_or("");
    let words: Vec<&str> = last
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .collect();
    let asks = matches!(words.first(), Some(&("can" | "could")));
    let turned = words
        .iter()
        .any(|word| TURNING.contains(word) || word.ends_with("n't"));
    asks && !turned && words.iter().any(|word| LOSS.contains(word))
}

/// What the base's first claim is about.
fn about<'s>(scenario: &'s Scenario, base: &Outcome) -> Option<&'s str> {
    scenario.claims.iter().find_map(|claim| match &claim.kind {
        ClaimKind::Compare { metric, .. } if claim.variant == base.variant => Some(&**metric),
        ClaimKind::Compare { .. } | ClaimKind::Hit(_) | ClaimKind::RefusedConfig(_) => None,
    })
}

/// What happened, in the words of what the base variant's first claim is about; loss before all.
#[expect(clippy::too_many_lines, reason = "one arm per metric")]
fn fact(scenario: &Scenario, base: &Outcome) -> String {
    let tally = &base.delivery;
    if tally.lost > 0 {
        return format!(
            "{} of {} acknowledged records {} gone",
            thousands(tally.lost),
            thousands(tally.acked),
            plural(tally.lost, "is", "are")
        );
    }
    let about = about(scenario, base);
    if let Some(sentence) = about.and_then(|about| time(base, about)) {
        return sentence;
    }
    let sent = thousands(tally.sent);
    let one = |count: u64, what: &str| match count {
        0 => format!("none of {sent} records {what}"),
        _ => format!("{} of {sent} records {what}", thousands(count)),
    };
    let was = |count: u64| plural(count, "was", "were");
    let unread = (base.groups.iter())
        .map(|(name, group)| (name, group.unread_expired))
        .filter(|(_, unread)| *unread > 0)
        .max_by_key(|(_, unread)| *unread);
    match about {
        Some("duplicated") => match tally.duplicated {
            0 => format!(
                "no record has a second copy among {}",
                thousands(tally.readable)
            ),
            count => format!(
                "{} surplus {} of {} records",
                thousands(count),
                plural(count, "copy", "copies"),
                thousands(tally.readable)
            ),
        },
        Some("refused") => one(tally.refused, &format!("{} refused", was(tally.refused))),
        Some("unknown") => format!(
            "the application does not know the fate of {} of {sent} records",
            thousands(tally.unknown)
        ),
        Some("reordered") => one(
            tally.reordered,
            &format!("{} read after a later one", was(tally.reordered)),
        ),
        Some("reordered_keys") => one(
            tally.reordered_keys,
            &format!(
                "{} processed after a later one of their key",
                was(tally.reordered_keys)
            ),
        ),
        Some("late") => one(
            tally.late,
            &format!("{} read only after all faults had healed", was(tally.late)),
        ),
        Some("expired") => one(tally.expired, &format!("{} expired", was(tally.expired))),
        Some(_) | None => match (tally.acked, tally.expired) {
            (0, _) => format!("none of {sent} records was acknowledged"),
            (acked, 0) => format!("all {} acknowledged records can be read", thousands(acked)),
            (acked, expired) => match unread {
                Some((group, unread)) => format!(
                    "{} of {} acknowledged records expired before group {group} had read them",
                    thousands(unread),
                    thousands(acked)
                ),
                None => format!(
                    "none of {} acknowledged records is lost; {} expired",
                    thousands(acked),
                    thousands(expired)
                ),
            },
        },
    }
}

/// What a time of the outcome says; none for another metric, or where nothing was measured.
fn time(base: &Outcome, name: &str) -> Option<String> {
    let share = match name.rsplit_once('_').map_or(name, |(name, _)| name) {
        "ack_p50" | "e2e_p50" => "half of the records",
        "ack_p99" | "e2e_p99" => "99 of 100 records",
        "ack_p999" | "e2e_p999" => "999 of 1,000 records",
        "unavailable_partition" => {
            let millis = metrics::find(base, name)?;
            let nanos = u64::try_from(millis).ok()?.checked_mul(1_000_000)?;
            return Some(match nanos {
                0 => "no partition was without a leader that runs".to_owned(),
                _ => format!(
                    "partitions were without a leader that runs for {} in all",
                    duration(nanos)
                ),
            });
        }
        _ => return None,
    };
    let nanos = u64::try_from(metrics::find(base, name)?).ok()?;
    let what = if name.starts_with("ack") {
        "acknowledged"
    } else {
        "processed"
    };
    Some(format!("{share} were {what} within {}", duration(nanos)))
}

fn plural<'w>(count: u64, one: &'w str, many: &'w str) -> &'w str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_not_answer_only_whether_a_record_can_be_lost() {
        for question in [
            "The producer got an ack for every order. Can an order still vanish?",
            "The producer uses acks=all. Can a confirmed record still be lost?",
            "could a message go missing?",
        ] {
            assert!(asks_about_loss(question), "{question}");
        }
        for question in [
            "",
            "Can an order vanish",
            "How many records are lost?",
            "Can no record be lost?",
            "Can acks=all keep a record from getting lost, so that none isn't safe?",
            "Can a record be read twice?",
            "Records get lost. Can we sleep?",
        ] {
            assert!(!asks_about_loss(question), "{question}");
        }
    }

    #[test]
    fn a_base_that_lost_nothing_does_not_speak_for_the_others() {
        let others = |lost: [u64; 3]| {
            let all = [("a", lost[0]), ("b", lost[1]), ("c", lost[2])];
            all.into_iter()
                .map(|(name, lost)| (name, lost, format!("{lost} are gone")))
        };
        assert_eq!(of_others(0, others([0, 0, 0])), None);
        assert_eq!(
            of_others(1, others([0, 2, 0])),
            None,
            "the base has said it"
        );
        assert_eq!(
            of_others(0, others([0, 2, 0])).as_deref(),
            Some("; with \"b\" 2 are gone")
        );
        assert_eq!(
            of_others(0, others([1, 2, 2])).as_deref(),
            Some("; with \"b\" 2 are gone (2 more variants too)")
        );
    }

    #[test]
    fn numbers_and_verbs_agree() {
        assert_eq!(capital("2 of 3"), "2 of 3");
        assert_eq!(capital("none"), "None");
        assert_eq!(
            (plural(1, "is", "are"), plural(2, "is", "are")),
            ("is", "are")
        );
    }
}
