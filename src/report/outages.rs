//! How long nobody could write, and when readers had worked off their largest lag: a line for each,
//! where variants differ by a second or more.

use crate::report::metrics;
use crate::report::numbers::duration;
use crate::report::style::{Style, Tone};
use crate::run::Outcome;
use crate::sim::time::{SimDuration, SimTime};

/// From here on a difference is told.
const LONG_NANOS: u64 = 1_000_000_000;
/// A largest lag of fewer records is what any flow has.
const LAG_MIN: u64 = 100;

/// The lines of both.
pub(super) fn print(outcomes: &[Outcome], style: Style) -> String {
    let mut out = String::new();
    let ran: Vec<&Outcome> = (outcomes.iter())
        .filter(|outcome| outcome.refused.is_none())
        .collect();
    if differ(&ran, unwritable) {
        let times = each(&ran, |outcome| match unwritable(outcome) {
            0 => "never".to_owned(),
            nanos => duration(nanos),
        });
        let text = format!(
            "{times} (partitions with no leader that serves, or fewer in sync than \
             min.insync.replicas)"
        );
        out.push_str(&style.paragraph("UNWRITABLE", Tone::Strong, &text));
    }
    let most = ran.iter().flat_map(|outcome| outcome.lag.values());
    let most = most.map(|lag| lag.peak).max().unwrap_or(0);
    if most >= LAG_MIN && differ(&ran, lag_lasted) {
        let times = each(&ran, |outcome| {
            let all: Option<Vec<SimTime>> =
                (outcome.lag.values().map(|lag| lag.peak_gone_at)).collect();
            match all.and_then(|gone| gone.into_iter().max()) {
                Some(at) => format!("at {}", duration(at.as_nanos())),
                None => "never".to_owned(),
            }
        });
        let text = format!("{times} (no more than 1% of the largest lag is left)");
        out.push_str(&style.paragraph("CAUGHT UP", Tone::Strong, &text));
    }
    out
}

/// `acks=1 9.11 s, acks=all 20.6 s`
fn each(outcomes: &[&Outcome], time: impl Fn(&Outcome) -> String) -> String {
    let words: Vec<String> = (outcomes.iter())
        .map(|outcome| format!("{} {}", outcome.variant, time(outcome)))
        .collect();
    words.join(", ")
}

/// True for a time that deserves a line: some are long, and where several ran they differ.
fn differ(outcomes: &[&Outcome], nanos: fn(&Outcome) -> u64) -> bool {
    let times: Vec<u64> = outcomes.iter().map(|outcome| nanos(outcome)).collect();
    let least = match times[..] {
        [_] => 0,
        _ => times.iter().copied().min().unwrap_or(0),
    };
    times.into_iter().max().unwrap_or(0) - least >= LONG_NANOS
}

/// Partition-time in which nobody could have written with acks=all, in nanoseconds.
fn unwritable(outcome: &Outcome) -> u64 {
    let millis = metrics::find(outcome, "unwritable_partition_ms").unwrap_or(0);
    u64::try_from(millis).unwrap_or(0) * 1_000_000
}

/// For how long the largest lag of any group was there, in nanoseconds.
fn lag_lasted(outcome: &Outcome) -> u64 {
    let lasted =
        (outcome.lag.values()).filter_map(|lag| Some(lag.peak_gone_at?.since(lag.peak_at)));
    lasted.max().map_or(0, SimDuration::as_nanos)
}
