//! How long to wait before the next try. A function of the count alone; the engine adds the
//! vendor's own wish and the clock.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// The wait before try number `attempts + 1`: doubling from 200 ms up to 30 s, or longer where
/// the vendor asks for it (`Retry-After`).
#[must_use]
pub fn retry_delay(attempts: u32, asked: Option<Duration>) -> Duration {
    let doubled = FIRST.saturating_mul(1 << attempts.min(10)).min(LONGEST);
    doubled.max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_limit_and_obeys_the_vendor() {
        assert_eq!(retry_delay(0, None), FIRST);
        assert_eq!(retry_delay(3, None), FIRST * 8);
        assert_eq!(retry_delay(u32::MAX, None), LONGEST);
        assert_eq!(retry_delay(0, Some(Duration::from_secs(60))), Duration::from_secs(60));
        assert_eq!(retry_delay(9, Some(Duration::from_secs(1))), LONGEST);
    }
}
