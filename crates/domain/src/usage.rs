//! What happens with a token at its vendor, and what is out of the ordinary there.
//!
//! Postmark counts by server and day, never by token: a spike says that something happened on the
//! server, and not with which of its tokens. The baseline of a day is the median of the same day
//! of the week before it; how far days usually lie from it is the median of those distances
//! (MAD), so that neither weekends nor an earlier spike blur it.
//!
//! Heroku tells when a release or an authorization was made, and who made a release; of reads it
//! tells nothing.

mod acts;
mod draw;
mod mails;
mod spikes;

pub use acts::{Act, Newcomer, daily, newcomers};
pub use draw::{Bars, bars, svg};
pub use mails::{Mail, New, news};
pub use spikes::{Baseline, Counted, Spike, spikes};

use jiff::civil::Date;
use serde::Serialize;

/// What a server did on one day.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Counts {
    /// Mails sent.
    pub sent: u64,
    /// Mails that came back.
    pub bounced: u64,
    /// Errors of the API and of SMTP.
    pub api_errors: u64,
    /// Complaints about spam.
    pub complaints: u64,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Mails sent.
    Sent,
    /// Mails that came back.
    Bounced,
    /// Errors of the API and of SMTP.
    ApiErrors,
    /// Complaints about spam.
    Complaints,
}

impl Measure {
    /// Everything that is counted.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Bounced, Self::ApiErrors, Self::Complaints];

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Bounced => "bounced",
            Self::ApiErrors => "API errors",
            Self::Complaints => "complaints",
        }
    }

    /// Its part of a day.
    #[must_use]
    pub fn of(self, counts: &Counts) -> u64 {
        match self {
            Self::Sent => counts.sent,
            Self::Bounced => counts.bounced,
            Self::ApiErrors => counts.api_errors,
            Self::Complaints => counts.complaints,
        }
    }
}

/// Every day between two, with zero where nothing was told.
#[must_use]
pub fn whole(
    days: &std::collections::BTreeMap<Date, Counts>,
    measure: Measure,
    from: Date,
    to: Date,
) -> Vec<(Date, u64)> {
    let mut all = Vec::new();
    let mut day = from;
    while day <= to {
        all.push((day, days.get(&day).map_or(0, |counts| measure.of(counts))));
        match day.tomorrow() {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    all
}
