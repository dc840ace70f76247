//! When a rotation is due, and when people want it: windows, freezes, jitter, time zones.
//!
//! A token becomes overdue at an age. Its rotation is placed before that: into the latest window
//! that opens early enough, never into a freeze, and not on the same day as everybody else's.
//! Nothing here looks at a clock; the zones are those of the IANA database that is built in, so
//! two machines place a rotation at the same moment.

mod calendar;
mod opening;
mod window;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::Span;

pub use calendar::{Calendar, CalendarEntry};
pub use opening::Opening;
pub use window::{ParseWindowError, Window};

/// When rotations may run. Without windows they may at any time.
#[derive(Clone, PartialEq, Debug)]
pub struct Schedule {
    /// The zone that windows and freezes are written in.
    pub zone: TimeZone,
    /// When people are there.
    pub windows: Vec<Window>,
    /// When nothing is changed.
    pub freezes: Vec<Freeze>,
    /// How long before it is overdue a rotation is announced.
    pub warn_before: Span,
    /// By how much at most rotations are drawn apart, so that those of tokens of one age do not
    /// fall on one day.
    pub jitter: Span,
}

/// Days on which nothing is changed, both included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Freeze {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Why; people are told.
    pub why: String,
}

/// Where a rotation is placed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    /// From here on the token is too old.
    pub due: Timestamp,
    /// From here on it is announced.
    pub warn: Timestamp,
    /// When the rotation is to begin.
    pub start: Timestamp,
    /// When its window closes; none where there are no windows.
    pub end: Option<Timestamp>,
    /// Whether no window was early enough, so that the token will be overdue before.
    pub late: bool,
}

/// How far windows are looked for: longer than any freeze should be.
const DAYS_MAX: i32 = 400;

impl Default for Schedule {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            windows: Vec::new(),
            freezes: Vec::new(),
            warn_before: Span::from_secs(14 * 86_400),
            jitter: Span::from_secs(0),
        }
    }
}

impl Schedule {
    /// Where the rotation of a token that is current since `since` is placed. `key` is what
    /// draws it apart from others: the secret's name.
    #[must_use]
    pub fn slot(&self, key: &str, since: Timestamp, max_age: Span) -> Slot {
        let due = plus(since, max_age.millis());
        let warn = minus(due, self.warn_before.millis()).max(since);
        let target = minus(due, self.drawn(key)).max(since);
        if self.windows.is_empty() && self.freezes.is_empty() {
            return Slot { due, warn, start: target, end: None, late: false };
        }
        let found = self
            .openings_back(target)
            .find(|opening| opening.start > since)
            .map(|opening| (opening, false))
            .or_else(|| self.openings(target).next().map(|opening| (opening, true)));
        let Some((opening, after)) = found else {
            // Nothing but freezes for more than a year: there is no better moment.
            return Slot { due, warn, start: target, end: None, late: true };
        };
        // Without windows only the days between freezes matter: then the target itself is open.
        let start = if opening.start <= target && target < opening.end && self.windows.is_empty() {
            target
        } else {
            opening.start
        };
        Slot { due, warn, start, end: Some(opening.end), late: after && start > due }
    }

    /// Whether the rotation of a token that is current since `since` is to begin by now. From its
    /// slot on it stays so, whatever the windows say; those are asked for by [`Schedule::closed`].
    #[must_use]
    pub fn is_due(&self, key: &str, since: Timestamp, max_age: Span, now: Timestamp) -> bool {
        self.slot(key, since, max_age).start <= now
    }

    /// Why nothing may begin at this moment; none where it may.
    #[must_use]
    pub fn closed(&self, at: Timestamp) -> Option<String> {
        let local = at.to_zoned(self.zone.clone());
        if let Some(freeze) = self.freeze_on(local.date()) {
            return Some(format!("freeze until {}: {}", freeze.to, freeze.why));
        }
        let open = self.windows.is_empty()
            || self
                .openings_back(at)
                .take_while(|opening| opening.end > minus(at, 2 * DAY))
                .any(|opening| opening.start <= at && at < opening.end);
        (!open).then(|| {
            let next = self.openings(at).next();
            let next = next.map(|opening| {
                let from = opening.start.to_zoned(self.zone.clone());
                format!("; the next window opens {}", from.strftime("%a %F %H:%M %Z"))
            });
            format!("outside of the windows{}", next.unwrap_or_default())
        })
    }

    fn freeze_on(&self, day: Date) -> Option<&Freeze> {
        self.freezes.iter().find(|freeze| freeze.from <= day && day <= freeze.to)
    }

    /// A length of time below the jitter that is always the same for the same key.
    fn drawn(&self, key: &str) -> u64 {
        let digest = Sha256::digest(key.as_bytes());
        let number = digest.iter().take(8).fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        match self.jitter.millis() {
            0 => 0,
            jitter => number % jitter,
        }
    }
}

const DAY: u64 = 86_400_000;

fn plus(at: Timestamp, millis: u64) -> Timestamp {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(at.as_millisecond().saturating_add(millis))
        .unwrap_or(Timestamp::MAX)
}

fn minus(at: Timestamp, millis: u64) -> Timestamp {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(at.as_millisecond().saturating_sub(millis))
        .unwrap_or(Timestamp::MIN)
}
