//! The lab's time: real, or standing still until told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::ClockMode;

/// The time that dynos, expiries, delays and lockouts follow.
#[derive(Clone, Debug)]
pub struct Clock {
    mode: ClockMode,
    start: Timestamp,
    ahead_ms: Arc<AtomicU64>,
}

impl Clock {
    pub(crate) fn new(mode: ClockMode) -> Self {
        Self { mode, start: Timestamp::now(), ahead_ms: Arc::new(AtomicU64::new(0)) }
    }

    /// What time it is in the lab.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let base = match self.mode {
            ClockMode::Real => Timestamp::now(),
            ClockMode::Explicit => self.start,
        };
        later(base, Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst)))
    }

    /// Moves time forward; in real mode the lab stays ahead of the machine by that much.
    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Real or explicit.
    #[must_use]
    pub fn mode(&self) -> ClockMode {
        self.mode
    }
}

/// `at` plus `by`, stopping at the end of time instead of panicking.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// `at` minus `by`, stopping at the beginning of time.
pub(crate) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// `2026-01-31T12:00:00Z`, as Heroku and GitHub write times.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-01-31T12:00:00.123Z`, as Infisical writes times.
pub(crate) fn millis(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// `2026-01-31`, as Postmark groups its statistics.
pub(crate) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explicit_time_moves_only_when_told() {
        let clock = Clock::new(ClockMode::Explicit);
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), later(before, Duration::from_secs(5)));
    }
}
