//! What people tell a running rotation, from this terminal or from another.

use domain::{RotationId, Token};
use jiff::Timestamp;
use journal::{Item, Pending};
use serde_json::json;

/// One thing that a person tells a rotation.
#[derive(Clone, Debug)]
pub enum Command {
    /// I agree to the revocation.
    Approve {
        /// Who.
        by: String,
    },
    /// The operator step is done; have a look at once.
    Done {
        /// Who.
        by: String,
    },
    /// Here is the new token.
    Enter {
        /// Who.
        by: String,
        /// The value.
        token: Token,
    },
    /// Turn back.
    Back {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// Try again what was given up.
    Retry {
        /// Who.
        by: String,
    },
    /// Stop at the next safe boundary and leave the rotation for later.
    Stop,
}

const APPROVE: &str = "approve";
const DONE: &str = "done";
const ENTER: &str = "enter";
const BACK: &str = "back";
const RETRY: &str = "retry";

impl Command {
    /// The command as an item for the inbox of a rotation that another process runs; `None` for
    /// [`Command::Stop`], which is a matter of the own process.
    #[must_use]
    pub fn item(self, rotation: &RotationId) -> Option<Item> {
        let (kind, actor, why, token) = match self {
            Self::Approve { by } => (APPROVE, by, String::new(), None),
            Self::Done { by } => (DONE, by, String::new(), None),
            Self::Enter { by, token } => (ENTER, by, String::new(), Some(token)),
            Self::Back { by, why } => (BACK, by, why, None),
            Self::Retry { by } => (RETRY, by, String::new(), None),
            Self::Stop => return None,
        };
        Some(Item {
            rotation: rotation.clone(),
            kind: kind.to_owned(),
            body: json!({ "why": why }),
            token,
            actor,
            at: Timestamp::now(),
        })
    }

    /// An item of the inbox as a command; `None` where a newer rollover wrote it.
    pub(crate) fn of(pending: &Pending) -> Option<Self> {
        let by = pending.item.actor.clone();
        Some(match pending.item.kind.as_str() {
            APPROVE => Self::Approve { by },
            DONE => Self::Done { by },
            ENTER => Self::Enter { by, token: pending.item.token.clone()? },
            BACK => {
                let why = pending.item.body["why"].as_str().unwrap_or_default().to_owned();
                Self::Back { by, why }
            }
            RETRY => Self::Retry { by },
            _ => return None,
        })
    }
}
