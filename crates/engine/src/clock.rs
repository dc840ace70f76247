//! What tells the engine the time.
//!
//! The wall's clock is asked once, at the start; from there on the time is counted by the clock
//! of the machine's boot, which nobody can set and which goes on while the machine sleeps. So a
//! clock that is set while a rotation runs neither shortens nor lengthens anything: not the soak,
//! not the pause between the two answers that prove a death. Between two runs there is no such
//! clock; there the machine counts nothing (see `Rotation`, `Resumed`), and a clock that was set
//! back behind the journal goes on from the journal's last entry.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// The time of one process.
#[derive(Debug)]
pub(crate) struct Clock {
    /// What the wall's clock said at the start.
    wall: Timestamp,
    /// How long the machine had been up then.
    up: Duration,
    /// How far we are ahead of the two, in milliseconds.
    ahead_millis: AtomicI64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { wall: Timestamp::now(), up: up(), ahead_millis: AtomicI64::new(0) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let since = SignedDuration::try_from(up().saturating_sub(self.up)).unwrap_or_default();
        let ahead = SignedDuration::from_millis(self.ahead_millis.load(Ordering::Relaxed));
        self.wall.saturating_add(since.saturating_add(ahead)).unwrap_or(Timestamp::MAX)
    }

    /// From now on it is not before this moment; answers what the clock said, where it was.
    pub(crate) fn not_before(&self, moment: Timestamp) -> Option<Timestamp> {
        let now = self.now();
        let behind = moment.as_millisecond().saturating_sub(now.as_millisecond());
        if behind <= 0 {
            return None;
        }
        // One more, because both are cut to milliseconds.
        self.ahead_millis.fetch_add(behind.saturating_add(1), Ordering::Relaxed);
        Some(now)
    }
}

/// How long the machine has been up, asleep or not.
fn up() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_from_a_later_moment_and_never_back() {
        let clock = Clock::start();
        let day = SignedDuration::from_hours(24);
        assert_eq!(clock.not_before(clock.now() - day), None);
        let tomorrow = clock.now() + day;
        assert!(clock.not_before(tomorrow).is_some_and(|said| said < tomorrow));
        assert!(clock.now() >= tomorrow && clock.now() < tomorrow + SignedDuration::from_hours(1));
        assert_eq!(clock.not_before(tomorrow), None);
        clock.not_before(Timestamp::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
