//! Lengths of time as people write them: `30s`, `10m`, `2h`, `90d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time with millisecond resolution, written with its unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    millis: u64,
}

/// Why a text is not a length of time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a length of time; write a number and one of ms, s, m, h, d, such as \"10m\"")]
pub struct ParseSpanError(String);

const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Span {
    /// A span of so many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// A span of so many seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self { millis: secs * 1_000 }
    }

    /// How many milliseconds it is.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.millis
    }

    /// The same, as the standard library's type.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Self, ParseSpanError> {
        let wrong = || ParseSpanError(text.to_owned());
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        number.checked_mul(*factor).map(Self::from_millis).ok_or_else(wrong)
    }
}

/// In the largest unit that holds it without a fraction.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |factor: &u64| self.millis.is_multiple_of(*factor) && self.millis > 0;
        let (name, factor) =
            UNITS.iter().rev().find(|(_, factor)| fits(factor)).unwrap_or(&UNITS[1]);
        f.pad(&format!("{}{name}", self.millis / factor))
    }
}

impl TryFrom<String> for Span {
    type Error = ParseSpanError;

    fn try_from(text: String) -> Result<Self, ParseSpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        for text in ["30s", "10m", "2h", "90d", "250ms", "0s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in ["", "10", "m", "10 m", "1.5h", "-3s", "99999999999999999999d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
