//! Numbers as people read them. Integers throughout.

/// `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1,234` or `-1,234`.
pub(super) fn signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", thousands(number.unsigned_abs()))
}

/// A metric's number: times in ns as durations, all else with separators.
pub(super) fn metric(name: &str, number: i64) -> String {
    match u64::try_from(number) {
        Ok(nanos) if name.ends_with("_ns") => duration(nanos),
        Ok(_) | Err(_) => signed(number),
    }
}

/// Bytes, to a tenth of their unit: `3.1 MB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let fitting = UNITS.into_iter().find(|(unit, _)| bytes >= *unit);
    let Some((unit, name)) = fitting else {
        return format!("{bytes} B");
    };
    match bytes / (unit / 10) % 10 {
        0 => format!("{} {name}", bytes / unit),
        tenth => format!("{}.{tenth} {name}", bytes / unit),
    }
}

/// Three digits that matter and a unit: `8.61 s`, `450 ms`, `12.0 µs`.
pub(super) fn duration(nanos: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (60_000_000_000, "min"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "µs"),
        (1, "ns"),
    ];
    // Rounding may carry into the next unit: 999.6 ms are 1.00 s. Minutes begin at ten.
    for (i, (unit, name)) in UNITS.iter().enumerate() {
        let floor = if i == 0 { 10 * unit } else { *unit };
        let step = if nanos < *unit {
            unit / 1_000
        } else if nanos < 10 * unit {
            unit / 100
        } else if nanos < 100 * unit {
            unit / 10
        } else {
            *unit
        };
        let step = step.max(1);
        let rounded = (nanos + step / 2) / step * step;
        if rounded >= floor {
            return format!("{} {name}", three_digits(rounded, *unit));
        }
    }
    "0 s".to_owned()
}

/// An instant on a time axis, at most one decimal: `3s`, `11.4s`, `450ms`.
pub(super) fn instant(nanos: u64) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        return format!("{}ms", (nanos + 500_000) / 1_000_000);
    }
    let tenths = (nanos + 50_000_000) / 100_000_000;
    match tenths % 10 {
        0 => format!("{}s", tenths / 10),
        tenth => format!("{}.{tenth}s", tenths / 10),
    }
}

/// `number / unit` with as many decimals as make three digits.
fn three_digits(number: u64, unit: u64) -> String {
    let (whole, rest) = (number / unit, number % unit);
    match whole {
        _ if unit == 1 => whole.to_string(),
        0..=9 => format!("{whole}.{:02}", rest * 100 / unit),
        10..=99 => format!("{whole}.{}", rest * 10 / unit),
        _ => thousands(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let shown = [0, 999, 1_000, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(signed(-1_234), "-1,234");
    }

    #[test]
    fn a_duration_has_three_digits_and_a_unit() {
        let shown = [
            0,
            999,
            1_500,
            12_345_678,
            450_000_000,
            999_700_000,
            8_612_000_000,
            8_615_000_000,
            45_060_000_000,
            125_400_000_000,
            754_000_000_000,
        ]
        .map(duration);
        assert_eq!(
            shown,
            [
                "0 s", "999 ns", "1.50 µs", "12.3 ms", "450 ms", "1.00 s", "8.61 s", "8.62 s",
                "45.1 s", "125 s", "12.6 min"
            ]
        );
    }

    #[test]
    fn an_instant_has_at_most_one_decimal() {
        let shown = [0, 450_000_000, 3_000_000_000, 11_402_000_000].map(instant);
        assert_eq!(shown, ["0s", "450ms", "3s", "11.4s"]);
    }

    #[test]
    fn a_metric_in_nanoseconds_is_a_duration() {
        assert_eq!(metric("ack_p99_ns", 1_500_000), "1.50 ms");
        assert_eq!(metric("requests", 1_500_000), "1,500,000");
    }
}
