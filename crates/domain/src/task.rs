//! What a person is asked to do. Derived from the state of open rotations, never stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{RotationId, SecretName};

/// A task that waits for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Its id: the rotation's and the kind, `r-7k2q9d.create`.
    pub id: String,
    /// The rotation it belongs to.
    pub rotation: RotationId,
    /// The secret.
    pub secret: SecretName,
    /// What is asked.
    pub kind: TaskKind,
    /// The least role.
    pub role: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// What and why, one line.
    pub title: String,
}

/// What is asked of a person.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Create a token at the issuer; proven by seeing it.
    Create,
    /// Agree to the revocation.
    Approve,
    /// Revoke the old token at the issuer; proven by its death.
    Revoke,
    /// Revoke the new token at the issuer, on the way back; proven by its death.
    Discard,
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
            Self::Revoke => "revoke",
            Self::Discard => "discard",
            Self::Attend => "attend",
        }
    }
}
