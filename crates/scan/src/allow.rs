//! The list of what may stay: `.rollover-allow`, and baselines in the same form.
//!
//! One value a line, by its fingerprint, with the day on which that ends and the reason. Not by
//! commit and line: a rewritten history would bring an entry back, and a *different* token on an
//! allowed line would stay hidden. The lines are sorted, so that two branches that add one each
//! merge without a conflict. The key that fingerprints are made with stands in the file, because
//! everybody who has the file has to come to the same fingerprints; a value cannot be found by
//! it, as it has more than 120 random bits.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::{Fingerprint, FingerprintKey};
use jiff::civil::Date;

/// A list of what may stay.
#[derive(Clone)]
pub struct Allow {
    key: [u8; 32],
    entries: BTreeMap<Fingerprint, Allowed>,
}

/// Why a value may stay, and how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allowed {
    /// The last day on which it may; `None` for ever.
    pub until: Option<Date>,
    /// Why, in one line.
    pub reason: String,
}

/// What is wrong with a list.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct AllowError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl std::fmt::Debug for Allow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allow").field("entries", &self.entries).finish_non_exhaustive()
    }
}

const HEAD: &str = "# rollover-allow 1 ";

impl Allow {
    /// An empty list under a key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, entries: BTreeMap::new() }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// The line that is not one of a list.
    pub fn parse(text: &str) -> Result<Self, AllowError> {
        let at = |line: usize, what: &str| AllowError { line: line + 1, what: what.to_owned() };
        let mut lines = text.lines().enumerate();
        let key = lines.next().and_then(|(_, line)| key(line.strip_prefix(HEAD)?));
        let mut own =
            Self::new(key.ok_or_else(|| at(0, "the first line is not `# rollover-allow 1 KEY`"))?);
        for (number, line) in lines {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.splitn(3, ' ');
            let (fingerprint, until, reason) = (words.next(), words.next(), words.next());
            let fingerprint: Fingerprint =
                fingerprint.unwrap_or_default().parse().map_err(|_| {
                    at(number, "does not begin with a fingerprint of 32 hexadecimal digits")
                })?;
            let until = match until.unwrap_or_default() {
                "-" => None,
                day => Some(day.parse::<Date>().map_err(|_| {
                    at(
                        number,
                        "the second word is not the last day, as 2027-01-31, or `-` for ever",
                    )
                })?),
            };
            let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
            let reason = reason.ok_or_else(|| at(number, "there is no reason"))?.to_owned();
            own.entries.insert(fingerprint, Allowed { until, reason });
        }
        Ok(own)
    }

    /// The list as a file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        self.key.iter().for_each(|byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        });
        text.push('\n');
        for (fingerprint, Allowed { until, reason }) in &self.entries {
            let until = until.map_or_else(|| "-".to_owned(), |day| day.to_string());
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{} {until} {reason}", fingerprint.hex());
        }
        text
    }

    /// What its fingerprints are made with.
    #[must_use]
    pub fn key(&self) -> FingerprintKey {
        FingerprintKey::new(self.key)
    }

    /// The key itself, for another list of the same tree.
    #[must_use]
    pub fn key_bytes(&self) -> [u8; 32] {
        self.key
    }

    /// Adds an entry, or replaces it. The reason is one line.
    pub fn add(&mut self, fingerprint: Fingerprint, until: Option<Date>, reason: &str) {
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        self.entries.insert(fingerprint, Allowed { until, reason });
    }

    /// Why a value may stay today.
    #[must_use]
    pub fn allows(&self, fingerprint: &Fingerprint, today: Date) -> Option<&Allowed> {
        self.entries.get(fingerprint).filter(|entry| entry.until.is_none_or(|until| today <= until))
    }

    /// The entry of a value, even if its time is over.
    #[must_use]
    pub fn entry(&self, fingerprint: &Fingerprint) -> Option<&Allowed> {
        self.entries.get(fingerprint)
    }

    /// Every entry, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&Fingerprint, &Allowed)> {
        self.entries.iter()
    }
}

fn key(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_sorted_and_read_again() {
        let mut list = Allow::new([7; 32]);
        let (a, b) = (Fingerprint::from_bytes([1; 16]), Fingerprint::from_bytes([2; 16]));
        let day = |text: &str| text.parse::<Date>().unwrap();
        list.add(b, Some(day("2027-01-31")), "a token of the lab,\n that everybody has");
        list.add(a, None, "an id of an app");
        let text = list.text();
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().nth(1).unwrap().ends_with(" - an id of an app"));
        let read = Allow::parse(&text).unwrap();
        assert_eq!(read.text(), text);
        assert!(read.allows(&b, day("2027-01-31")).is_some());
        assert!(read.allows(&b, day("2027-02-01")).is_none(), "its time is over");
        assert!(read.entry(&b).is_some());
        assert_eq!(read.entry(&b).unwrap().reason, "a token of the lab, that everybody has");
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        let head = Allow::new([7; 32]).text();
        let print = "0".repeat(32);
        for (text, line) in [
            (String::new(), 1),
            ("# rollover-allow 1 77\n".to_owned(), 1),
            (format!("{head}\n# words\nsomething\n"), 4),
            (format!("{head}{print} tomorrow because\n"), 2),
            (format!("{head}{print} -\n"), 2),
        ] {
            assert_eq!(Allow::parse(&text).unwrap_err().line, line, "{text}");
        }
    }
}
