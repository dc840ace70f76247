//! What a person is asked to do. Derived from the state of open rotations, never stored; what
//! people say of a task is kept beside it ([`Remark`]).

mod remark;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ProbeName, RotationId, SecretName};

pub use remark::{Claim, ClaimError, Failure, Remark};

/// A task that waits for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Its id: the rotation's and the kind, `r-7k2q9d.create`; behind it whose it is, where only
    /// one can do it.
    pub id: String,
    /// The rotation it belongs to.
    pub rotation: RotationId,
    /// The secret.
    pub secret: SecretName,
    /// What is asked.
    pub kind: TaskKind,
    /// The least role.
    pub role: String,
    /// Who may not, although they may have the role: whoever started it, where a second person
    /// must agree.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_by: Option<String>,
    /// The one person who can do it, where that is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub only: Option<String>,
    /// Since when it waits.
    pub since: Timestamp,
    /// Until when it should be done; it is overdue from there, and goes on waiting.
    pub deadline: Timestamp,
    /// What and why, one line.
    pub title: String,
    /// The vendor's page where it is done, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page: Option<String>,
    /// What an answer has to bring.
    pub takes: Takes,
    /// The probe that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub probe: Option<ProbeName>,
}

impl Task {
    /// Whether it should have been done by now.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        now >= self.deadline
    }
}

/// What an answer to a task has to bring. That something was done is proven by looking.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Takes {
    /// Nothing but the word that it is done.
    Nothing,
    /// Yes or no: whether it has arrived.
    Arrival,
    /// The new token, hidden: a prompt, standard input or a file of mode 0600.
    HiddenToken,
    /// The secret's whole name.
    SecretName {
        /// The name.
        name: SecretName,
    },
    /// Nothing: fetching the value with `rollover env pull` is the answer.
    Fetch {
        /// The secret.
        name: SecretName,
    },
}

/// What is asked of a person.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Create a token at the issuer; proven by seeing it.
    Create,
    /// Agree to the revocation.
    Approve,
    /// Say whether what a probe sent has arrived; nobody else can know.
    Receipt,
    /// Revoke the old token at the issuer; proven by its death.
    Revoke,
    /// Revoke the new token at the issuer, on the way back; proven by its death.
    Discard,
    /// Fetch the value for one's own workstation; proven by the fetch itself, which reads back
    /// what it wrote.
    Fetch,
    /// Look into a step that does not go on by itself.
    Attend,
}

impl TaskKind {
    /// The word in the task's id.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Approve => "approve",
            Self::Receipt => "receipt",
            Self::Revoke => "revoke",
            Self::Discard => "discard",
            Self::Fetch => "fetch",
            Self::Attend => "attend",
        }
    }
}
