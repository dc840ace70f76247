//! Whom mails go to: domains that were never written to before, and copies that nobody sees.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

/// One mail: when, and to which domains. Addresses, subjects and texts are not here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// When.
    pub at: Timestamp,
    /// The domains of its recipients.
    pub domains: Vec<String>,
    /// The domains of its hidden copies.
    pub bcc: Vec<String>,
}

/// Something that was not there before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct New {
    /// The domain.
    pub domain: String,
    /// Whether it gets hidden copies.
    pub bcc: bool,
    /// When it was seen first.
    pub since: Timestamp,
    /// How many mails went there.
    pub mails: usize,
}

/// The domains that are first seen at `since` or later, where older mails are known; hidden
/// copies count apart, because a stolen token is used for them.
#[must_use]
pub fn news(mails: &[Mail], since: Timestamp) -> Vec<New> {
    let mut seen: BTreeMap<(bool, &str), (Timestamp, usize)> = BTreeMap::new();
    for mail in mails {
        let plain = mail.domains.iter().map(|domain| (false, domain));
        for (bcc, domain) in plain.chain(mail.bcc.iter().map(|domain| (true, domain))) {
            let entry = seen.entry((bcc, domain)).or_insert((mail.at, 0));
            entry.0 = entry.0.min(mail.at);
            entry.1 += 1;
        }
    }
    let knows_before = mails.iter().any(|mail| mail.at < since);
    let mut found: Vec<New> = seen
        .into_iter()
        .filter(|((bcc, _), (first, _))| *first >= since && (knows_before || *bcc))
        .map(|((bcc, domain), (since, mails))| New { domain: domain.to_owned(), bcc, since, mails })
        .collect();
    found.sort_by_key(|new| (!new.bcc, new.since));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_told_and_hidden_copies_first() {
        let mail = |at: &str, to: &str, bcc: &[&str]| Mail {
            at: at.parse().unwrap(),
            domains: vec![to.to_owned()],
            bcc: bcc.iter().map(|&one| one.to_owned()).collect(),
        };
        let since = "2026-01-08T00:00:00Z".parse().unwrap();
        let old = mail("2026-01-01T00:00:00Z", "example.com", &[]);
        let known = mail("2026-01-09T00:00:00Z", "example.com", &["copies.example"]);
        let new = mail("2026-01-09T00:00:00Z", "new.example", &[]);
        let found = news(&[old, known.clone(), new.clone()], since);
        let told: Vec<_> = found.iter().map(|one| (one.domain.as_str(), one.bcc)).collect();
        assert_eq!(told, [("copies.example", true), ("new.example", false)]);
        let alone = news(&[known, new], since);
        assert_eq!(alone.len(), 1, "without a past nothing is new but hidden copies");
    }
}
