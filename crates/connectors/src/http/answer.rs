//! What came back, and how an answer that is no success is told apart.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::Kind;
use crate::Fault;
use crate::shown::shown;

/// The longest wait that a vendor's header may ask for.
const WAIT_SECONDS_MAX: u64 = 86_400;

/// Everything that came back. Has no `Debug`: a body may hold every secret of an app.
pub(crate) struct Answer {
    pub(crate) vendor: &'static str,
    pub(crate) call: String,
    pub(crate) kind: Kind,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// What a vendor said in its own form of an error. Proves that the vendor itself answered.
pub(crate) struct Said {
    /// The vendor's id or code of the error; empty where it has none.
    pub(crate) code: String,
    /// The vendor's message.
    pub(crate) message: String,
}

impl Said {
    fn words(&self) -> String {
        [shown(&self.code), shown(&self.message)]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(": ")
    }
}

impl Answer {
    /// The body as JSON of a known form; other keys are skipped and never kept.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The vendor said no.
    pub(crate) fn refused(&self, why: impl Into<String>) -> Fault {
        Fault::Refused { vendor: self.vendor, call: self.call.clone(), why: why.into() }
    }

    /// Nothing happened; asking later may work.
    pub(crate) fn later(&self, why: impl Into<String>, after: Option<Duration>) -> Fault {
        Fault::Later { vendor: self.vendor, call: self.call.clone(), why: why.into(), after }
    }

    /// Nobody knows.
    pub(crate) fn unsure(&self, why: impl Into<String>) -> Fault {
        Fault::Unsure { vendor: self.vendor, call: self.call.clone(), why: why.into() }
    }

    /// A success by its status whose body makes no sense.
    pub(crate) fn nonsense(&self, missing: &str) -> Fault {
        self.unsure(format!("{} with {}, without {missing}", self.status, self.looks()))
    }

    /// Reads an answer that is not one of the successes of its call. `said` is what the vendor's
    /// own form of an error held, if the body had that form.
    pub(crate) fn failure(&self, said: Option<&Said>) -> Fault {
        let status = self.status;
        let why = match said {
            Some(said) => format!("{status} {}", said.words()),
            None => format!("{status} with {}, not {}'s answer", self.looks(), self.vendor),
        };
        match (status, self.kind) {
            (429, _) => self.later(why, self.wait(Timestamp::now())),
            (403, _) if self.is_rate_limit() => self.later(why, self.wait(Timestamp::now())),
            (500.., Kind::Read) => self.later(why, self.wait(Timestamp::now())),
            // 301 in the vendor's own form: what was asked for has moved to another name.
            (300..500, _) if said.is_some() => self.refused(why),
            // A firewall or a proxy in between answered; the vendor never saw the call.
            (400..500, _) | (300..400, Kind::Read) => self.later(why, None),
            _ => self.unsure(why),
        }
    }

    /// What the body looks like, for messages that must not show it.
    pub(crate) fn looks(&self) -> &'static str {
        let start = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        match start {
            None => "an empty body",
            Some(b'<') => "a page of HTML",
            Some(b'{' | b'[') => "other JSON",
            Some(_) => "some text",
        }
    }

    /// Whether the vendor says that the account makes too many calls.
    pub(crate) fn is_too_many(&self) -> bool {
        self.status == 429 || (self.status == 403 && self.is_rate_limit())
    }

    /// How long it takes until all calls are allowed again, where the vendor tells (GitHub).
    pub(crate) fn resets_in(&self, now: Timestamp) -> Option<Duration> {
        let at: i64 = self.header("x-ratelimit-reset")?.parse().ok()?;
        let seconds = u64::try_from(at.saturating_sub(self.vendors_now(now).as_second())).ok()?;
        Some(Duration::from_secs(seconds.min(WAIT_SECONDS_MAX)))
    }

    /// A moment is one of the vendor's clock, which the answer tells; ours may be set.
    fn vendors_now(&self, now: Timestamp) -> Timestamp {
        let date = self.header("date").and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        date.map_or(now, |date| date.timestamp())
    }

    fn is_rate_limit(&self) -> bool {
        self.header("x-ratelimit-remaining") == Some("0") || self.header("retry-after").is_some()
    }

    /// How long the vendor asks us to wait: `Retry-After` in seconds or as a date (RFC 9110
    /// section 10.2.3), or GitHub's `x-ratelimit-reset` in seconds since 1970. Heroku's 429 has
    /// neither.
    pub(crate) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let now = self.vendors_now(now);
        let until = |at: Timestamp| u64::try_from(at.as_second() - now.as_second()).unwrap_or(0);
        let asked = self.header("retry-after").and_then(|text| match text.parse::<u64>() {
            Ok(seconds) => Some(seconds),
            Err(_) => jiff::fmt::rfc2822::parse(text).ok().map(|at| until(at.timestamp())),
        });
        let reset = || {
            let exhausted = self.header("x-ratelimit-remaining") == Some("0");
            let at = self.header("x-ratelimit-reset").filter(|_| exhausted)?.parse().ok()?;
            Timestamp::from_second(at).ok().map(until)
        };
        let seconds = asked.or_else(reset)?;
        Some(Duration::from_secs(seconds.min(WAIT_SECONDS_MAX)))
    }
}
