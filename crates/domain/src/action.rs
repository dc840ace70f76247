//! The steps that a rotation is made of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ConsumerId, ProbeName};

/// One step of a rotation, forward or on the way back.
///
/// *Effects* change the world and are journaled before they begin. *Looks* change nothing and
/// may be repeated at will; only their end is journaled.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Action {
    /// Effect: the new token comes to be, by API or by an operator.
    Create,
    /// Look: the new token answers as the same identity as the old one.
    Validate,
    /// Effect: the store holds the new token.
    Store,
    /// Effect: a consumer is given the new token.
    Propagate(ConsumerId),
    /// Look: the consumer runs on the new token.
    Verify(ConsumerId),
    /// Effect: a probe sends what it then looks for, such as a mail or an order for a run.
    Send(ProbeName),
    /// Look: a probe succeeds while everybody is on the new token.
    Probe(ProbeName),
    /// A person's look: what a probe sent has arrived.
    Receipt(ProbeName),
    /// Time: both tokens live, and nothing else happens.
    Soak,
    /// Look: the last one before the point of no return, at every consumer.
    Gate,
    /// Effect: the old token is revoked. Its beginning is the point of no return.
    Revoke,
    /// Look: the old token is dead, twice.
    Prove,
    /// Look: every consumer still runs on the new token after the revocation.
    Confirm,
    /// Effect: tokens that carry this rotation's marker and belong to nobody are removed.
    Sweep,
    /// Decommission, effect: a consumer holds nothing under its keys any more.
    Remove(ConsumerId),
    /// Decommission, look: nothing is there, and nothing runs that was started with it.
    Absent(ConsumerId),
    /// Decommission, effect: the store holds nothing under the key any more.
    Clear,
    /// Way back, effect: a consumer is given the old token again.
    Restore(ConsumerId),
    /// Way back, look: the consumer runs on the old token.
    Recheck(ConsumerId),
    /// Way back, effect: the store holds the old token again.
    Unstore,
    /// Way back, effect: the new token is revoked.
    Discard,
}

impl Action {
    /// Whether it changes the world, and so is journaled before it begins.
    #[must_use]
    pub fn is_effect(&self) -> bool {
        match self {
            Self::Create
            | Self::Store
            | Self::Propagate(_)
            | Self::Send(_)
            | Self::Revoke
            | Self::Sweep
            | Self::Remove(_)
            | Self::Clear
            | Self::Restore(_)
            | Self::Unstore
            | Self::Discard => true,
            Self::Validate
            | Self::Verify(_)
            | Self::Probe(_)
            | Self::Receipt(_)
            | Self::Soak
            | Self::Gate
            | Self::Prove
            | Self::Confirm
            | Self::Absent(_)
            | Self::Recheck(_) => false,
        }
    }

    /// The consumer it is about.
    #[must_use]
    pub fn consumer(&self) -> Option<&ConsumerId> {
        match self {
            Self::Propagate(c)
            | Self::Verify(c)
            | Self::Remove(c)
            | Self::Absent(c)
            | Self::Restore(c)
            | Self::Recheck(c) => Some(c),
            _ => None,
        }
    }

    /// The probe it is about.
    #[must_use]
    pub fn probe(&self) -> Option<&ProbeName> {
        match self {
            Self::Send(p) | Self::Probe(p) | Self::Receipt(p) => Some(p),
            _ => None,
        }
    }

    /// What it is about, where several steps have its verb.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        let consumer = self.consumer().map(ConsumerId::as_str);
        consumer.or_else(|| self.probe().map(ProbeName::as_str))
    }

    /// The bare verb, without what it is about.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Validate => "validate",
            Self::Store => "store",
            Self::Propagate(_) => "propagate",
            Self::Verify(_) => "verify",
            Self::Send(_) => "send",
            Self::Probe(_) => "probe",
            Self::Receipt(_) => "receipt",
            Self::Soak => "soak",
            Self::Gate => "gate",
            Self::Revoke => "revoke",
            Self::Prove => "prove",
            Self::Confirm => "confirm",
            Self::Sweep => "sweep",
            Self::Remove(_) => "remove",
            Self::Absent(_) => "absent",
            Self::Clear => "clear",
            Self::Restore(_) => "restore",
            Self::Recheck(_) => "recheck",
            Self::Unstore => "unstore",
            Self::Discard => "discard",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject() {
            Some(subject) => write!(f, "{} {subject}", self.verb()),
            None => f.write_str(self.verb()),
        }
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (verb, subject) = match text.split_once(' ') {
            Some((verb, subject)) => (verb, Some(subject)),
            None => (text, None),
        };
        let action = match (verb, subject) {
            ("create", None) => Self::Create,
            ("validate", None) => Self::Validate,
            ("store", None) => Self::Store,
            ("propagate", Some(c)) => Self::Propagate(c.into()),
            ("verify", Some(c)) => Self::Verify(c.into()),
            ("send", Some(p)) => Self::Send(p.into()),
            ("probe", Some(p)) => Self::Probe(p.into()),
            ("receipt", Some(p)) => Self::Receipt(p.into()),
            ("soak", None) => Self::Soak,
            ("gate", None) => Self::Gate,
            ("revoke", None) => Self::Revoke,
            ("prove", None) => Self::Prove,
            ("confirm", None) => Self::Confirm,
            ("sweep", None) => Self::Sweep,
            ("remove", Some(c)) => Self::Remove(c.into()),
            ("absent", Some(c)) => Self::Absent(c.into()),
            ("clear", None) => Self::Clear,
            ("restore", Some(c)) => Self::Restore(c.into()),
            ("recheck", Some(c)) => Self::Recheck(c.into()),
            ("unstore", None) => Self::Unstore,
            ("discard", None) => Self::Discard,
            _ => return Err(format!("`{text}` is not a step of a rotation")),
        };
        Ok(action)
    }
}

impl TryFrom<String> for Action {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Action> for String {
    fn from(action: Action) -> Self {
        action.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        for action in [
            Action::Create,
            Action::Propagate("heroku:acme-api-prod".into()),
            Action::Recheck("dotenv:/srv/app/.env".into()),
            Action::Unstore,
            Action::Receipt("a mail, from the API".into()),
            Action::Remove("heroku:acme-api-prod".into()),
            Action::Absent("heroku:acme-api-prod".into()),
            Action::Clear,
        ] {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
        assert!("propagate".parse::<Action>().is_err());
        assert!("create x".parse::<Action>().is_err());
    }
}
