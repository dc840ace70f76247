//! When a runbook was last seen to be right, and how.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Shape;
use crate::Span;

/// How a runbook was validated; each says more than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The vendors' documents were read.
    ReadOnlyDocs,
    /// All of it was done against simulated vendors.
    LabRun,
    /// It was done on production up to the point of no return, and then back.
    DryRunOnProdWithRollback,
    /// It was done on production.
    ProductionRun,
}

impl Method {
    const ALL: [(Self, &'static str); 4] = [
        (Self::ReadOnlyDocs, "read-only-docs"),
        (Self::LabRun, "lab-run"),
        (Self::DryRunOnProdWithRollback, "dry-run-on-prod-with-rollback"),
        (Self::ProductionRun, "production-run"),
    ];
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL.iter().find(|(method, _)| method == self).map_or("", |(_, word)| word))
    }
}

impl FromStr for Method {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|(_, word)| *word == text).map(|(method, _)| *method).ok_or(())
    }
}

/// One validation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Validation {
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub method: Method,
    /// Who did it.
    pub by: String,
    /// How long it took.
    pub took: Span,
    /// Which run, where it is one of the journal.
    pub run: Option<String>,
    /// What was validated.
    pub shape: Shape,
}
