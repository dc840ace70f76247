//! What is done at a vendor that tells of single acts: how many on each day, and who does something
//! for the first time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Something that was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// By whom, as the vendor says it; empty where it does not.
    pub by: String,
}

/// Somebody who was not seen before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Newcomer {
    /// Who, as the vendor says it.
    pub by: String,
    /// When it was first seen.
    pub since: Timestamp,
    /// How often it did something.
    pub acts: usize,
}

/// How many of these fall on each day (UTC) from the first to the last, oldest day first.
#[must_use]
pub fn daily(acts: &[Act], from: Date, to: Date) -> Vec<(Date, u64)> {
    let mut counts: BTreeMap<Date, u64> = BTreeMap::new();
    for act in acts {
        *counts.entry(act.at.to_zoned(TimeZone::UTC).date()).or_default() += 1;
    }
    let days = from.series(jiff::Span::new().days(1)).take_while(|day| *day <= to);
    days.map(|day| (day, counts.get(&day).copied().unwrap_or(0))).collect()
}

/// Who did something first at `since` or later, where older acts are known.
#[must_use]
pub fn newcomers(acts: &[Act], since: Timestamp) -> Vec<Newcomer> {
    if acts.iter().all(|act| act.at >= since) {
        return Vec::new();
    }
    let mut seen: BTreeMap<&str, (Timestamp, usize)> = BTreeMap::new();
    for act in acts.iter().filter(|act| !act.by.is_empty()) {
        let entry = seen.entry(&act.by).or_insert((act.at, 0));
        entry.0 = entry.0.min(act.at);
        entry.1 += 1;
    }
    let mut new: Vec<Newcomer> = seen
        .into_iter()
        .filter(|(_, (first, _))| *first >= since)
        .map(|(by, (since, acts))| Newcomer { by: by.to_owned(), since, acts })
        .collect();
    new.sort_by_key(|one| one.since);
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(at: &str, by: &str) -> Act {
        Act { at: at.parse().unwrap(), by: by.into() }
    }

    #[test]
    fn days_without_anything_count_as_none() {
        let acts = [act("2026-01-01T23:59:59Z", "a"), act("2026-01-03T00:00:00Z", "a")];
        let day = |day| jiff::civil::date(2026, 1, day);
        let found = daily(&acts, day(1), day(4));
        assert_eq!(found, [(day(1), 1), (day(2), 0), (day(3), 1), (day(4), 0)]);
    }

    #[test]
    fn somebody_new_is_told_where_there_is_a_past() {
        let since = "2026-01-08T00:00:00Z".parse().unwrap();
        let old = act("2026-01-01T00:00:00Z", "ops@example.com");
        let known = act("2026-01-09T00:00:00Z", "ops@example.com");
        let new = act("2026-01-09T12:00:00Z", "dev@example.com");
        let nobody = act("2026-01-09T12:00:00Z", "");
        let found = newcomers(&[old, known.clone(), new.clone(), nobody], since);
        let told: Vec<_> = found.iter().map(|one| (one.by.as_str(), one.acts)).collect();
        assert_eq!(told, [("dev@example.com", 1)]);
        assert_eq!(newcomers(&[known, new], since), [], "without a past nobody is new");
    }
}
