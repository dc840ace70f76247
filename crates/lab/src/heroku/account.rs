//! Heroku's account, and the bucket of requests that all its tokens share.

use jiff::Timestamp;
use serde_json::json;

use super::Heroku;
use crate::clock::seconds;
use crate::wire::Reply;

/// Requests an hour.
const BUCKET_MAX: f64 = 4_500.0;
/// How many come back each second: 75 a minute.
const REFILL_PER_SECOND: f64 = 75.0 / 60.0;

/// What is left of the account's requests.
#[derive(Clone)]
pub(crate) struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Bucket {
    pub(crate) fn full(now: Timestamp) -> Self {
        Self { left: BUCKET_MAX, at: now }
    }

    pub(crate) fn set(&mut self, remaining: u32, now: Timestamp) {
        *self = Self { left: f64::from(remaining), at: now };
    }

    /// Takes one request out; false when there is none.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        self.left = self.level(now);
        self.at = now;
        let enough = self.left >= 1.0;
        if enough {
            self.left -= 1.0;
        }
        enough
    }

    /// Whole requests left.
    pub(crate) fn remaining(&self, now: Timestamp) -> u32 {
        self.level(now).floor() as u32
    }

    fn level(&self, now: Timestamp) -> f64 {
        let seconds = now.duration_since(self.at).as_secs_f64().max(0.0);
        (self.left + seconds * REFILL_PER_SECOND).min(BUCKET_MAX)
    }
}

pub(crate) fn show(heroku: &Heroku, now: Timestamp) -> Reply {
    Reply::json(
        200,
        &json!({
            "id": heroku.user_id,
            "email": heroku.email,
            "name": null,
            "verified": true,
            "allow_tracking": false,
            "beta": false,
            "country_of_residence": null,
            "two_factor_authentication": false,
            "federated": false,
            "identity_provider": null,
            "default_organization": null,
            "default_team": null,
            "sms_number": null,
            "suspended_at": null,
            "delinquent_at": null,
            "last_login": seconds(now),
            "created_at": seconds(heroku.created),
            "updated_at": seconds(heroku.created),
        }),
    )
}

/// Free of charge.
pub(crate) fn rate_limits(heroku: &Heroku, now: Timestamp) -> Reply {
    Reply::json(200, &json!({ "remaining": heroku.rate.remaining(now) }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::later;

    #[test]
    fn the_bucket_empties_and_refills() {
        let start = Timestamp::UNIX_EPOCH;
        let mut bucket = Bucket::full(start);
        bucket.set(1, start);
        assert!(bucket.take(start));
        assert!(!bucket.take(start));
        let minute = later(start, Duration::from_secs(60));
        assert_eq!(bucket.remaining(minute), 75);
        assert!(bucket.take(minute));
    }
}
