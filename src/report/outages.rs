//! How long nobody could write, and when readers had worked off their largest lag: a line for each,
//! where variants differ by a second or more.

use crate::report::metrics;
use crate::report::numbers::duration;
use crate::report::style::{Style, Tone};
use crate::run::Outcome;

/// From here on a difference is told.
const LONG_NANOS: u64 = 1_000_000_000;
/// A largest lag of fewer records is what any flow has.
const LAG_MIN: u64 = 100;
/// A lag that was never worked off.
const NEVER: u64 = u64::MAX;

/// The lines of both.
pub(super) fn print(outcomes: &[Outcome], style: Style) -> String {
    let ran: Vec<&Outcome> = (outcomes.iter())
        .filter(|outcome| outcome.refused.is_none())
        .collect();
    let mut out = String::new();
    if differ(ran.iter().map(|outcome| unwritable(outcome))) {
        let times = each(&ran, |outcome| match unwritable(outcome) {
            0 => "0 s".to_owned(),
            nanos => duration(nanos),
        });
        let text = format!(
            "{times} (summed over partitions: no leader that serves, or fewer in sync than \
             min.insync.replicas; a leader that is cut off or stands still serves until the \
             controller moves the lead)"
        );
        out.push_str(&style.paragraph("UNWRITABLE", Tone::Strong, &text));
    }
    if has_much_lag(&ran) && differ(ran.iter().map(|outcome| lag_gone(outcome))) {
        let times = each(&ran, |outcome| match lag_gone(outcome) {
            NEVER => "never".to_owned(),
            nanos => format!("at {}", duration(nanos)),
        });
        let text = format!("{times} (no more than 1% of the largest lag is left)");
        out.push_str(&style.paragraph("CAUGHT UP", Tone::Strong, &text));
    }
    out
}

/// `acks=1: 9.11 s; acks=all: 20.6 s`
fn each(outcomes: &[&Outcome], time: impl Fn(&Outcome) -> String) -> String {
    let words: Vec<String> = (outcomes.iter())
        .map(|outcome| format!("{}: {}", outcome.variant, time(outcome)))
        .collect();
    words.join("; ")
}

/// True for times that deserve a line: of one run a long one, of several those that differ.
fn differ(times: impl ExactSizeIterator<Item = u64> + Clone) -> bool {
    let least = match times.len() {
        1 => 0,
        _ => times.clone().min().unwrap_or(0),
    };
    times.max().unwrap_or(0) - least >= LONG_NANOS
}

/// Partition-time in which nobody could have written with acks=all, in nanoseconds.
fn unwritable(outcome: &Outcome) -> u64 {
    let millis = metrics::find(outcome, "unwritable_partition_ms").unwrap_or(0);
    u64::try_from(millis).unwrap_or(0) * 1_000_000
}

/// True where records waited for long enough to ask when that was over.
fn has_much_lag(outcomes: &[&Outcome]) -> bool {
    let mut series = outcomes.iter().flat_map(|outcome| outcome.lag.values());
    series.any(|lag| {
        let lasted = lag.peak_gone_at.map(|at| at.since(lag.peak_at));
        lag.peak >= LAG_MIN && lasted.is_none_or(|lasted| lasted.as_nanos() >= LONG_NANOS)
    })
}

/// When the last group had worked off its largest lag, in nanoseconds since 0 s.
fn lag_gone(outcome: &Outcome) -> u64 {
    let gone = outcome.lag.values().map(|lag| match lag.peak_gone_at {
        Some(at) => at.as_nanos(),
        None => NEVER,
    });
    gone.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::hand_made::outcome;

    fn text(outcomes: &[Outcome]) -> String {
        let style = Style {
            width: 100,
            color: false,
        };
        print(outcomes, style)
    }

    fn with(variant: &str, unwritable_ms: i64) -> Outcome {
        let mut outcome = outcome(variant);
        let name = "unwritable_partition_ms".to_owned();
        outcome.metrics.insert(name, unwritable_ms);
        outcome.lag.clear();
        outcome
    }

    #[test]
    fn what_differs_by_a_second_is_told_of_each_variant() {
        assert_eq!(text(&[with("a", 500)]), "");
        assert_eq!(text(&[with("a", 2_000), with("b", 2_999)]), "");
        let told = text(&[with("min 1, clean", 0), with("b", 20_100)]);
        let begins = "UNWRITABLE min 1, clean: 0 s; b: 20.1 s (summed over partitions: ";
        assert!(told.trim_start().starts_with(begins), "{told}");
    }
}
