//! Who read what no page cache held any more, and how long that took: a line for each.

use std::cmp::Reverse;

use crate::report::numbers::{duration, instant, size, thousands};
use crate::report::style::{Style, Tone};
use crate::run::watch::DiskReads;
use crate::run::{DiskReadReport, Outcome};

/// The most lines of a variant: those that waited longest.
const LINES_MAX: usize = 4;

/// The lines of all variants.
pub(super) fn print(outcomes: &[Outcome], style: Style) -> String {
    let mut out = String::new();
    let mut heading = "FROM DISK";
    for outcome in outcomes {
        let mut shown: Vec<&DiskReadReport> = outcome.disk_reads.iter().collect();
        shown.sort_by_key(|report| Reverse(report.reads.time));
        let omitted = shown.split_off(shown.len().min(LINES_MAX)).len();
        let mut lines: Vec<String> = shown.into_iter().map(line).collect();
        if omitted > 0 {
            lines.push(format!("and {omitted} more, which waited less"));
        }
        for line in lines {
            let text = format!("{}: {line}", outcome.variant);
            out.push_str(&style.paragraph(heading, Tone::Strong, &text));
            heading = "";
        }
    }
    out
}

fn line(report: &DiskReadReport) -> String {
    let DiskReads {
        first,
        count,
        bytes,
        time,
        longest,
        oldest,
    } = report.reads;
    let reader = match report.reader {
        Some(follower) => format!("follower {follower}"),
        None => "consumers".to_owned(),
    };
    let often = match count {
        1 => "once, at".to_owned(),
        _ => format!("{} times, first at", thousands(count)),
    };
    format!(
        "{reader} of {} on {} {often} {}: records up to {} old, {}; answers waited {} at most, \
         {} in all",
        report.partition,
        report.broker,
        instant(first.as_nanos()),
        duration(oldest.as_nanos()),
        size(bytes),
        duration(longest.as_nanos()),
        duration(time.as_nanos()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ids::BrokerId;
    use crate::report::hand_made::outcome;
    use crate::sim::time::{SimDuration, SimTime};

    fn report(reader: Option<u32>, count: u64) -> DiskReadReport {
        DiskReadReport {
            broker: BrokerId(1),
            reader: reader.map(BrokerId),
            partition: "orders-0".to_owned(),
            reads: DiskReads {
                first: SimTime::from_nanos(20_000_000_000),
                count,
                bytes: 3_123_456 * count,
                time: SimDuration::from_millis(120 * count),
                longest: SimDuration::from_millis(120),
                oldest: SimDuration::from_secs(95),
            },
        }
    }

    #[test]
    fn a_reader_behind_the_page_cache_is_told_with_what_it_waited() {
        insta::assert_snapshot!(line(&report(None, 27)), @"consumers of orders-0 on b1 27 times, first at 20s: records up to 95.0 s old, 84.3 MB; answers waited 120 ms at most, 3.24 s in all");
        insta::assert_snapshot!(line(&report(Some(2), 1)), @"follower b2 of orders-0 on b1 once, at 20s: records up to 95.0 s old, 3.1 MB; answers waited 120 ms at most, 120 ms in all");
    }

    #[test]
    fn those_that_waited_longest_come_first_and_the_others_are_counted() {
        let mut outcome = outcome("base");
        outcome.disk_reads = (1..=6).map(|count| report(None, count)).collect();
        let style = Style {
            width: 100,
            color: false,
        };
        let text = print(&[outcome], style);
        assert!(
            text.trim_start()
                .starts_with("FROM DISK  base: consumers of orders-0 on b1 6 times")
        );
        assert!(
            text.contains("base: and 2 more, which waited less"),
            "{text}"
        );
    }
}
