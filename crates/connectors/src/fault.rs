//! The three ways in which a call can fail, kept apart by type.

use std::time::Duration;

/// Why a call did not work. The vendor is always named; no text here ever holds a token.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The vendor understood and said no. Nothing happened, and asking again changes nothing.
    #[error("{vendor} refused {call}: {why}")]
    Refused {
        /// Who.
        vendor: &'static str,
        /// Which call, such as `POST /oauth/authorizations`.
        call: String,
        /// The vendor's reason in our words, with the status.
        why: String,
    },
    /// Nothing happened, and asking again later may work: a rate limit, no connection, a
    /// firewall's page.
    #[error("{vendor} could not take {call}: {why}")]
    Later {
        /// Who.
        vendor: &'static str,
        /// Which call.
        call: String,
        /// What was seen.
        why: String,
        /// How long the vendor asks us to wait.
        after: Option<Duration>,
    },
    /// The answer was lost or makes no sense. The call may have taken effect.
    #[error("{vendor} left {call} in doubt: {why}")]
    Unsure {
        /// Who.
        vendor: &'static str,
        /// Which call.
        call: String,
        /// What was seen.
        why: String,
    },
}

impl Fault {
    /// Whether the call certainly took no effect.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Unsure { .. })
    }

    /// The same fault of a reading call that went before a change: the change was never sent, so
    /// nothing is in doubt.
    #[must_use]
    pub fn before_change(self) -> Self {
        match self {
            Self::Unsure { vendor, call, why } => Self::Later { vendor, call, why, after: None },
            certain => certain,
        }
    }

    /// What was seen, without the vendor and the call.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Refused { why, .. } | Self::Later { why, .. } | Self::Unsure { why, .. } => why,
        }
    }
}
