//! Spans of time as Java's Duration writes them: `P2DT3H4M5.678S`.
//!
//! Source: java.time.Duration.parse; KIP-1106.

use crate::sim::time::SimDuration;

/// The parts, largest first, with their seconds.
const PARTS: [(char, u64); 4] = [('D', 86_400), ('H', 3_600), ('M', 60), ('S', 1)];

/// Reads a span that is not negative; letters may be small.
pub(super) fn read(text: &str) -> Option<SimDuration> {
    let upper = text.to_ascii_uppercase();
    let rest = upper.strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None if rest.is_empty() => return None,
        None => (rest, ""),
    };
    let days = fields(date, &PARTS[..1])?;
    Some(days + fields(time, &PARTS[1..])?)
}

/// Numbers before these letters, each at most once and in this order.
fn fields(text: &str, parts: &[(char, u64)]) -> Option<SimDuration> {
    let mut rest = text;
    let mut sum = SimDuration::ZERO;
    for (letter, seconds) in parts {
        let Some((number, after)) = rest.split_once(*letter) else {
            continue;
        };
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) if *letter == 'S' => (whole, fraction),
            Some(_) => return None,
            None => (number, "0"),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
            return None;
        }
        let nanos: u64 = format!("{fraction:0<9}").parse().ok()?;
        let whole: u64 = whole.parse().ok()?;
        let whole =
            SimDuration::from_secs(whole.checked_mul(*seconds)?.min(u64::MAX / 2_000_000_000));
        sum = sum
            .saturating_add(whole)
            .saturating_add(SimDuration::from_nanos(nanos));
        rest = after;
    }
    rest.is_empty().then_some(sum)
}

/// Prints a span so that [`read`] reads it back.
pub(super) fn print(span: SimDuration) -> String {
    let (seconds, nanos) = (
        span.as_nanos() / 1_000_000_000,
        span.as_nanos() % 1_000_000_000,
    );
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = "PT".to_owned();
    if hours > 0 {
        text += &format!("{hours}H");
    }
    if minutes > 0 {
        text += &format!("{minutes}M");
    }
    if nanos > 0 {
        let fraction = format!("{nanos:09}");
        text += &format!("{seconds}.{}S", fraction.trim_end_matches('0'));
    } else if seconds > 0 || text == "PT" {
        text += &format!("{seconds}S");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_read_as_java_reads_them() {
        let millis = |text| read(text).map(SimDuration::as_millis);
        assert_eq!(millis("PT5M"), Some(300_000));
        assert_eq!(millis("P2DT3H4M5.678S"), Some(183_845_678));
        assert_eq!(millis("p1d"), Some(86_400_000));
        assert_eq!(millis("PT0S"), Some(0));
        for text in [
            "", "P", "PT", "5M", "PT5", "PT-5M", "PT1.5M", "PT5S3M", "P1H", "PT1X",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_span_reads_back(nanos in any::<u64>(), shift in 0_u32..64) {
            let span = SimDuration::from_nanos((nanos >> shift) / 4);
            prop_assert_eq!(read(&print(span)), Some(span));
        }
    }
}
