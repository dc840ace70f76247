//! What people tell a running rotation, from this terminal or from another.

use domain::{ProbeName, RotationId, Token};
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
    /// What a probe sent has arrived, or has not.
    Receipt {
        /// Who.
        by: String,
        /// Which probe.
        probe: ProbeName,
        /// Whether it has.
        arrived: bool,
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
const RECEIPT: &str = "receipt";
const DONE: &str = "done";
const ENTER: &str = "enter";
const BACK: &str = "back";
const RETRY: &str = "retry";

impl Command {
    /// The command as an item for the inbox of a rotation that another process runs; `None` for
    /// [`Command::Stop`], which is a matter of the own process.
    #[must_use]
    pub fn item(self, rotation: &RotationId) -> Option<Item> {
        let nothing = || json!({});
        let (kind, actor, body, token) = match self {
            Self::Approve { by } => (APPROVE, by, nothing(), None),
            Self::Receipt { by, probe, arrived } => {
                (RECEIPT, by, json!({ "probe": probe, "arrived": arrived }), None)
            }
            Self::Done { by } => (DONE, by, nothing(), None),
            Self::Enter { by, token } => (ENTER, by, nothing(), Some(token)),
            Self::Back { by, why } => (BACK, by, json!({ "why": why }), None),
            Self::Retry { by } => (RETRY, by, nothing(), None),
            Self::Stop => return None,
        };
        Some(Item {
            rotation: rotation.clone(),
            kind: kind.to_owned(),
            body,
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
            RECEIPT => {
                let body = &pending.item.body;
                let (probe, arrived) = (body["probe"].as_str()?, body["arrived"].as_bool()?);
                Self::Receipt { by, probe: probe.into(), arrived }
            }
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
