//! Exact fractions, for probabilities, shares and factors.
//!
//! Modelled: `numerator / denominator` in lowest terms, so that `"1%"`, `"0.01"` and `"1/100"` are
//! one value; comparison without rounding.
//! Left out: negative numbers and arithmetic: a ratio is compared, drawn against or multiplied into
//! an integer.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A fraction in lowest terms; zero is `0/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ratio {
    numerator: u64,
    denominator: u64,
}

/// Why a text is no ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseRatioError {
    /// Not digits, one point, one slash or a percent sign.
    #[error("a ratio is written \"1%\", \"0.01\" or \"1/100\"")]
    NoNumber,
    /// The part after the slash is 0.
    #[error("a ratio cannot have the denominator 0")]
    ZeroDenominator,
    /// More digits than 64 bits hold.
    #[error("a ratio has at most 19 digits")]
    TooLong,
}

impl Ratio {
    /// Never.
    pub const ZERO: Self = Self {
        numerator: 0,
        denominator: 1,
    };
    /// Always.
    pub const ONE: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// `numerator / denominator`, reduced; `None` when the denominator is 0.
    pub const fn new(numerator: u64, denominator: u64) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = greatest_common_divisor(numerator, denominator);
        Some(Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        })
    }

    /// `percent` hundredths.
    pub const fn percent(percent: u64) -> Self {
        let divisor = greatest_common_divisor(percent, 100);
        Self {
            numerator: percent / divisor,
            denominator: 100 / divisor,
        }
    }

    /// The upper number, in lowest terms.
    pub const fn numerator(self) -> u64 {
        self.numerator
    }

    /// The lower number, in lowest terms; never 0.
    pub const fn denominator(self) -> u64 {
        self.denominator
    }

    /// True for 0.
    pub const fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// True for what can be a probability: at most 1.
    pub const fn is_probability(self) -> bool {
        self.numerator <= self.denominator
    }

    /// `whole` times this ratio, rounded down, at most `u64::MAX`.
    pub const fn of(self, whole: u64) -> u64 {
        let product = whole as u128 * self.numerator as u128 / self.denominator as u128;
        if product > u64::MAX as u128 {
            u64::MAX
        } else {
            product as u64
        }
    }

    /// Reads `"1%"`, `"2.5%"`, `"0.01"`, `"1/100"`, `"3"`.
    pub fn parse(text: &str) -> Result<Self, ParseRatioError> {
        let text = text.trim();
        if let Some((above, below)) = text.split_once('/') {
            let below = whole_number(below.trim())?;
            return Self::new(whole_number(above.trim())?, below)
                .ok_or(ParseRatioError::ZeroDenominator);
        }
        let (number, scale) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100),
            None => (text, 1),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = u32::try_from(fraction.len()).map_err(|_| ParseRatioError::TooLong)?;
        let tens = 10_u64.checked_pow(digits).ok_or(ParseRatioError::TooLong)?;
        let numerator = whole_number(whole)?
            .checked_mul(tens)
            .and_then(|n| n.checked_add(whole_number(fraction).ok()?))
            .ok_or(ParseRatioError::TooLong);
        whole_number(fraction)?;
        let denominator = tens.checked_mul(scale).ok_or(ParseRatioError::TooLong)?;
        Self::new(numerator?, denominator).ok_or(ParseRatioError::ZeroDenominator)
    }
}

/// Digits only: no sign, no point, not empty; underscores are separators.
fn whole_number(text: &str) -> Result<u64, ParseRatioError> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseRatioError::NoNumber);
    }
    digits.parse().map_err(|_| ParseRatioError::TooLong)
}

const fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl fmt::Display for Ratio {
    /// As a percentage where that is exact with at most four decimals, else as a fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SCALE: u128 = 10_000;
        let scaled = u128::from(self.numerator) * 100 * SCALE;
        let below = u128::from(self.denominator);
        if !scaled.is_multiple_of(below) {
            return write!(f, "{}/{}", self.numerator, self.denominator);
        }
        let (whole, fraction) = (scaled / below / SCALE, scaled / below % SCALE);
        if fraction == 0 {
            return write!(f, "{whole}%");
        }
        let digits = format!("{fraction:04}");
        write!(f, "{whole}.{}%", digits.trim_end_matches('0'))
    }
}

impl FromStr for Ratio {
    type Err = ParseRatioError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = u128::from(self.numerator) * u128::from(other.denominator);
        let right = u128::from(other.numerator) * u128::from(self.denominator);
        left.cmp(&right)
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Default for Ratio {
    fn default() -> Self {
        Self::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_are_one_value() {
        let one_percent = Ratio::new(1, 100);
        for text in ["1%", "0.01", "1/100", " 1 / 100 ", "1.0%", "10/1_000"] {
            assert_eq!(Ratio::parse(text).ok(), one_percent, "{text}");
        }
        assert_eq!(Ratio::parse("100%"), Ok(Ratio::ONE));
        assert_eq!(Ratio::parse("0"), Ok(Ratio::ZERO));
        assert_eq!(Ratio::percent(250), Ratio::parse("2.5").unwrap());
    }

    #[test]
    fn what_is_no_ratio_says_why() {
        assert_eq!(Ratio::parse("1/0"), Err(ParseRatioError::ZeroDenominator));
        for text in [
            "", "%", ".", "1.", ".5", "-1", "1.2.3", "1/2/3", "a", "1e3", "+1",
        ] {
            assert_eq!(Ratio::parse(text), Err(ParseRatioError::NoNumber), "{text}");
        }
        assert_eq!(
            Ratio::parse("0.00000000000000000001"),
            Err(ParseRatioError::TooLong)
        );
        assert_eq!(
            Ratio::parse("99999999999999999999"),
            Err(ParseRatioError::TooLong)
        );
    }

    #[test]
    fn a_printed_ratio_reads_back_as_itself() {
        for text in [
            "0%",
            "1%",
            "0.5%",
            "12.3456%",
            "100%",
            "250%",
            "1/3",
            "1/30000000",
        ] {
            let ratio = Ratio::parse(text).unwrap();
            assert_eq!(ratio.to_string(), text);
            assert_eq!(Ratio::parse(&ratio.to_string()), Ok(ratio));
        }
    }

    #[test]
    fn ratios_are_ordered_by_value_and_multiply_rounding_down() {
        assert!(Ratio::parse("1/3").unwrap() < Ratio::parse("34%").unwrap());
        assert!(Ratio::parse("1/3").unwrap() > Ratio::parse("33%").unwrap());
        assert_eq!(Ratio::parse("1/3").unwrap().of(100), 33);
        assert_eq!(Ratio::parse("3").unwrap().of(u64::MAX), u64::MAX);
    }
}
