//! What was found: for each cause an answer, and the one that it is.

use serde::Serialize;

use super::{Cause, Fix};

/// Whether a cause is it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered {
    /// It is.
    Yes,
    /// It could be, and was not found out.
    Unknown,
    /// It is not.
    No,
}

/// How sure a yes is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sure {
    /// Seen: nothing else explains it.
    Certain,
    /// Nothing speaks against it.
    Likely,
    /// It fits, as other things would.
    Possible,
}

/// One cause and its answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// Which cause.
    pub cause: Cause,
    /// Whether it is it.
    pub answer: Answered,
    /// How sure, of a yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sure: Option<Sure>,
    /// What was seen. Never a value.
    pub evidence: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl Finding {
    pub(super) fn yes(cause: Cause, sure: Sure, evidence: impl Into<String>, fix: Fix) -> Self {
        let (answer, evidence) = (Answered::Yes, evidence.into());
        Self { cause, answer, sure: Some(sure), evidence, fix: Some(fix) }
    }

    pub(super) fn no(cause: Cause, evidence: impl Into<String>) -> Self {
        Self { cause, answer: Answered::No, sure: None, evidence: evidence.into(), fix: None }
    }

    pub(super) fn unknown(cause: Cause, evidence: impl Into<String>) -> Self {
        Self { cause, answer: Answered::Unknown, sure: None, evidence: evidence.into(), fix: None }
    }

    /// Whether it is a yes.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        self.answer == Answered::Yes
    }
}

/// How a token stands in a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// The token is refused, or is the wrong one there.
    Invalid,
    /// The token is taken, and something else stands in the way.
    InTheWay,
    /// It was not found out: the vendor was not reached.
    Unknown,
    /// Nothing is wrong.
    Fine,
}

/// Everything that was found about one value in one place.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// How it stands.
    pub health: Health,
    /// Every cause that applies to this kind and place, the yes first, the surest of them first.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// The cause that it is, if one was found.
    #[must_use]
    pub fn first(&self) -> Option<&Finding> {
        self.findings.first().filter(|finding| finding.is_yes())
    }
}
