//! What a runbook rests on. A claim was read in somebody's documents on a day; where a run can
//! show it, the run that showed it last is named, and one that showed the opposite, too.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::Run;
use crate::{Proof, Seen};

/// A claim about a vendor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// What is claimed.
    pub says: &'static str,
    /// Where it was read.
    pub source: &'static str,
    /// When it was last read there.
    pub read: Date,
    /// What in a run shows it.
    pub shown: Shown,
    /// What an older runbook says instead, and what to make of it.
    pub corrects: Option<&'static str>,
}

/// What in a run shows that a claim is true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// Nothing: it rests on documents.
    Never,
    /// The issuer listed its live tokens, with their values.
    Listed,
    /// The new token was made while the old one went on answering.
    SideBySide,
    /// The new token came to be in this way.
    Created(Seen),
    /// The old token was answered as dead.
    Died,
    /// The store took the new token, and was read back.
    Stored,
    /// A consumer whose id begins like this took the new token.
    Written(&'static str),
    /// A consumer whose id begins like this was proven in this way.
    Proven(&'static str, Proof),
}

/// A claim, and when it was last seen true.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DatedClaim {
    /// What is claimed.
    pub says: String,
    /// Where it was read.
    pub source: String,
    /// When it was last read there.
    pub read: String,
    /// Whether a run can show it at all.
    pub observable: bool,
    /// When a run showed it last, and which.
    pub seen: Option<(Timestamp, String)>,
    /// When a later run showed the opposite, and which.
    pub denied: Option<(Timestamp, String)>,
    /// What an older runbook says instead, and what to make of it.
    pub corrects: Option<String>,
}

impl Claim {
    /// The claim, against the runs so far, newest first.
    pub(super) fn dated(&self, runs: &[Run]) -> DatedClaim {
        let found = |wanted: bool| {
            let shows = |run: &&Run| run.shows(self.shown).is_some_and(|(_, is)| is == wanted);
            let run = runs.iter().find(shows)?;
            run.shows(self.shown).map(|(at, _)| (at, run.id.to_string()))
        };
        let (seen, denied) = (found(true), found(false));
        let newest = seen.as_ref().map(|(at, _)| *at);
        DatedClaim {
            says: self.says.to_owned(),
            source: self.source.to_owned(),
            read: self.read.to_string(),
            observable: self.shown != Shown::Never,
            denied: denied.filter(|(at, _)| newest.is_none_or(|newest| *at > newest)),
            seen,
            corrects: self.corrects.map(str::to_owned),
        }
    }
}
