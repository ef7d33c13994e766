//! Who was over a quota, and what it cost them: a line for each.

use crate::kafka::quota::QuotaType;
use crate::report::numbers::{duration, size, thousands};
use crate::report::style::{Style, Tone};
use crate::run::watch::Throttled;
use crate::run::{Outcome, ThrottleReport};

/// The lines of all variants.
pub(super) fn print(outcomes: &[Outcome], style: Style) -> String {
    let mut out = String::new();
    let mut heading = "THROTTLED";
    for outcome in outcomes {
        for report in &outcome.throttles {
            let text = format!("{}: {}", outcome.variant, line(report));
            out.push_str(&style.paragraph(heading, Tone::Strong, &text));
            heading = "";
        }
    }
    out
}

fn line(report: &ThrottleReport) -> String {
    let Throttled {
        count,
        time,
        longest,
        ..
    } = report.throttled;
    let often = match count {
        1 => "once".to_owned(),
        _ => format!("{} times", thousands(count)),
    };
    let taken = amount(report.quota, longest.rate);
    let allowed = amount(report.quota, longest.limit);
    format!(
        "{} {often}, {} in all; at most {}: {taken} over {allowed} ({})",
        report.client,
        duration(time.as_nanos()),
        duration(longest.time.as_nanos()),
        report.quota.name(),
    )
}

/// `3.1 MB/s`, `62%`.
fn amount(quota: QuotaType, per_second: u64) -> String {
    match quota {
        QuotaType::Produce | QuotaType::Fetch => format!("{}/s", size(per_second)),
        // A thread has 10 million nanoseconds for each percent of a second.
        QuotaType::Request if per_second < 10_000_000 => {
            format!("0.{:02}%", per_second / 100_000)
        }
        QuotaType::Request => format!("{}%", per_second / 10_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::quota::Throttle;
    use crate::sim::time::{SimDuration, SimTime};
    use std::sync::Arc;

    fn told(quota: QuotaType, rate: u64, limit: u64, count: u64) -> String {
        line(&ThrottleReport {
            client: Arc::from("bulk"),
            quota,
            throttled: Throttled {
                first: SimTime::ZERO,
                count,
                time: SimDuration::from_millis(312 * count),
                longest: Throttle {
                    quota,
                    time: SimDuration::from_millis(312),
                    rate,
                    limit,
                },
            },
        })
    }

    #[test]
    fn a_throttled_client_is_told_with_its_rate_and_its_quota() {
        insta::assert_snapshot!(told(QuotaType::Produce, 3_123_456, 1_000_000, 27), @"bulk 27 times, 8.42 s in all; at most 312 ms: 3.1 MB/s over 1 MB/s (producer_byte_rate)");
        insta::assert_snapshot!(told(QuotaType::Request, 620_000_000, 255_000_000, 1), @"bulk once, 312 ms in all; at most 312 ms: 62% over 25% (request_percentage)");
    }
}
