//! Three answers about a token: alive, dead, unknown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What one look at a token showed.
///
/// Only [`Liveness::Dead`] proves death. A 403, a 404, a 429, any 5xx, a page of HTML and a
/// time-out are all [`Liveness::Unknown`]: calling a live token dead is worse than saying
/// nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Liveness {
    /// The issuer accepted it, as this identity (a server's name, an account's e-mail).
    Alive {
        /// Who the token is, in the issuer's words.
        identity: String,
    },
    /// The issuer said that it does not know the token: 401 in the issuer's own form.
    Dead {
        /// The evidence, such as `401 ErrorCode 10`.
        evidence: String,
    },
    /// Anything else.
    Unknown {
        /// What was seen instead.
        why: String,
    },
}

impl Liveness {
    /// Whether this is the one answer that proves death.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        matches!(self, Self::Dead { .. })
    }

    /// Whether the issuer accepted the token.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self, Self::Alive { .. })
    }
}

impl fmt::Display for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alive { identity } => write!(f, "alive as {identity}"),
            Self::Dead { evidence } => write!(f, "dead ({evidence})"),
            Self::Unknown { why } => write!(f, "unknown ({why})"),
        }
    }
}
