//! One limiter an account at a vendor, shared by all who call there: how many calls are under way
//! at once, and when the next one may leave.
//!
//! It slows down before it is refused. Where the vendor tells how many calls are left (Heroku,
//! GitHub) the last ones are spread over the time in which more are allowed; where it only
//! documents a number (Infisical) no more are made in that time. A refusal all the same (429, or
//! GitHub's 403) holds up everybody for as long as the vendor asks, and not each once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::campaign::{Allowance, allowance};
use domain::inventory::ConnectionKind;
use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::{Answer, Quota};

/// How many calls to one account may be under way at once. GitHub allows 100 to everybody
/// together, and asks for fewer
/// (<https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>).
/// Heroku and Infisical count calls, not how many there are at once; a campaign of hundreds of
/// rotations makes most of its calls there.
const fn calls_max(kind: ConnectionKind) -> usize {
    match kind {
        ConnectionKind::Heroku | ConnectionKind::Infisical => 128,
        ConnectionKind::Github | ConnectionKind::Postmark => 16,
    }
}

/// So many calls are left to others: below that, one leaves only when one more is allowed. More
/// than can be under way when the vendor tells.
const RESERVE: u64 = 160;
const _: () = assert!(RESERVE > calls_max(ConnectionKind::Heroku) as u64, "some are under way");

/// The first pause after a refusal that names none; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_LONGEST: Duration = Duration::from_secs(60);

/// How long a call waits here to be let out. Whoever would have to wait longer is told so, and
/// the machine waits where people see it.
const WAIT_MAX: Duration = Duration::from_secs(90);

pub(crate) struct Limiter {
    calls_max: usize,
    allowed: Option<Allowance>,
    permits: Semaphore,
    quota: Quota,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Nothing leaves before.
    not_before: Option<Instant>,
    /// When the next of the last calls may leave.
    next: Option<Instant>,
    /// When calls left, as far back as the vendor counts; kept where it does not tell.
    left_at: VecDeque<Instant>,
    /// Refusals since the last call that was none.
    refusals: u32,
}

impl Limiter {
    pub(crate) fn new(kind: ConnectionKind) -> Self {
        let calls_max = calls_max(kind);
        Self {
            calls_max,
            allowed: allowance(kind),
            permits: Semaphore::new(calls_max),
            quota: Quota::unknown(),
            state: Mutex::default(),
        }
    }

    pub(crate) fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Waits until a call may leave.
    ///
    /// # Errors
    /// It would have to wait for very long: for how long.
    pub(crate) async fn admit(&self) -> Result<Option<SemaphorePermit<'_>>, Duration> {
        // Never closed; and without a permit a call would only be less held back.
        let permit = self.permits.acquire().await.ok();
        loop {
            let now = Instant::now();
            let at = self.state().leaves(now, self.allowed, &self.quota);
            match at {
                Leaves::Now => return Ok(permit),
                Leaves::At(at) if at - now > WAIT_MAX => return Err(at - now),
                Leaves::At(at) => tokio::time::sleep_until(at).await,
            }
        }
    }

    /// Learns from an answer how many calls are left, and whether that was one too many.
    pub(crate) fn learn(&self, answer: &Answer) {
        self.quota.learn(&answer.headers);
        let now = Instant::now();
        let mut state = self.state();
        if !answer.is_too_many() {
            state.refusals = 0;
            // What comes back all at once is waited for before the last ones are gone.
            if self.quota.remaining().is_some_and(|left| left < self.calls_max as u64)
                && let Some(reset) = answer.resets_in(Timestamp::now())
            {
                state.hold(now + reset);
            }
            return;
        }
        state.refused(now, answer.wait(Timestamp::now()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Leaves {
    Now,
    At(Instant),
}

impl State {
    /// The vendor says that there are too many calls, and may say how long to wait.
    fn refused(&mut self, now: Instant, asked: Option<Duration>) {
        let doubled = PAUSE_FIRST.saturating_mul(1 << self.refusals.min(10)).min(PAUSE_LONGEST);
        // Calls that left together are refused together; they count as one refusal.
        if self.not_before.is_none_or(|until| until <= now) {
            self.refusals += 1;
            self.hold(now + asked.unwrap_or(doubled));
        } else if let Some(asked) = asked {
            self.hold(now + asked);
        }
    }

    fn hold(&mut self, until: Instant) {
        self.not_before = Some(self.not_before.map_or(until, |before| before.max(until)));
    }

    /// When the next call may leave; one that may leave now is counted.
    fn leaves(&mut self, now: Instant, allowed: Option<Allowance>, quota: &Quota) -> Leaves {
        if let Some(until) = self.not_before.filter(|until| *until > now) {
            return Leaves::At(until);
        }
        let Some(allowed) = allowed else { return Leaves::Now };
        if let Some(next) = self.next.filter(|next| *next > now) {
            return Leaves::At(next);
        }
        match quota.remaining() {
            Some(left) if left <= RESERVE && allowed.steady => {
                self.next = Some(now + allowed.each.duration());
            }
            Some(_) => {}
            None => return self.counted(now, allowed),
        }
        Leaves::Now
    }

    /// Where the vendor does not tell, no more calls leave in a time than it documents.
    fn counted(&mut self, now: Instant, allowed: Allowance) -> Leaves {
        let time = allowed.each.duration() * u32::try_from(allowed.burst).unwrap_or(u32::MAX);
        while self.left_at.front().is_some_and(|at| now.duration_since(*at) >= time) {
            self.left_at.pop_front();
        }
        if self.left_at.len() as u64 >= allowed.burst
            && let Some(first) = self.left_at.front()
        {
            return Leaves::At(*first + time);
        }
        self.left_at.push_back(now);
        Leaves::Now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::answer_with;

    const SECOND: Duration = Duration::from_secs(1);

    /// How long so many calls take that wait as they are told.
    fn took(state: &mut State, kind: ConnectionKind, left: Option<&str>, calls: u32) -> Duration {
        let (start, quota) = (Instant::now(), Quota::unknown());
        if let Some(left) = left {
            quota.learn(&answer_with("Heroku", 200, &[("ratelimit-remaining", left)], "").headers);
        }
        let (mut now, mut made) = (start, 0);
        while made < calls {
            match state.leaves(now, allowance(kind), &quota) {
                Leaves::Now => made += 1,
                Leaves::At(at) => now = at,
            }
        }
        now - start
    }

    #[test]
    fn it_slows_down_when_few_calls_are_left_and_only_then() {
        let heroku = ConnectionKind::Heroku;
        assert_eq!(took(&mut State::default(), heroku, Some("4000"), 1_000), Duration::ZERO);
        // The first of them leaves at once, each other one when one more is allowed.
        assert_eq!(took(&mut State::default(), heroku, Some("60"), 11), 8 * SECOND);
    }

    #[test]
    fn a_vendor_that_tells_nothing_is_asked_no_more_than_it_documents() {
        let (infisical, mut state) = (ConnectionKind::Infisical, State::default());
        assert_eq!(took(&mut state, infisical, None, 600), Duration::ZERO);
        let held = took(&mut state, infisical, None, 600);
        assert!(held > 59 * SECOND && held <= 60 * SECOND, "{held:?}");
    }

    #[test]
    fn a_refusal_holds_up_everybody_for_as_long_as_the_vendor_asks() {
        let (postmark, mut state) = (ConnectionKind::Postmark, State::default());
        state.refused(Instant::now(), Some(7 * SECOND));
        let held = took(&mut state, postmark, None, 20);
        assert!(held > 6 * SECOND && held <= 7 * SECOND, "{held:?}");
    }

    #[test]
    fn refusals_that_name_no_time_are_waited_for_longer_and_longer() {
        let (mut state, mut now) = (State::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..9 {
            // Those that left together count once.
            (0..3).for_each(|_| state.refused(now, None));
            let until = state.not_before.unwrap();
            pauses.push(until - now);
            now = until;
        }
        assert_eq!(pauses[..3], [SECOND / 2, SECOND, 2 * SECOND]);
        assert_eq!(pauses[8], PAUSE_LONGEST);
    }

    #[tokio::test]
    async fn a_long_wait_is_told_and_not_sat_out() {
        let limiter = Limiter::new(ConnectionKind::Heroku);
        assert!(limiter.admit().await.is_ok());
        limiter.learn(&answer_with("Heroku", 429, &[("retry-after", "3600")], "{}"));
        let wait = limiter.admit().await.err().unwrap();
        assert!(wait > 3_500 * SECOND, "{wait:?}");
    }
}
