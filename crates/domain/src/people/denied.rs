//! An act that was refused: who, what, why, who may, and the next move.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::Act;
use crate::audit::Record;
use crate::{RotationId, SecretName};

/// Somebody may not do something.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Denied {
    /// Who.
    pub actor: String,
    /// What.
    pub act: Act,
    /// Of which secret, if it is about one.
    pub secret: Option<SecretName>,
    /// Why not.
    pub why: Why,
    /// Who may, by name.
    pub may: Vec<String>,
}

/// Why somebody may not do something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// They are no member.
    Stranger,
    /// They do not have this role.
    Role(String),
    /// They have started the rotation, and somebody else must agree.
    Starter,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { actor, act, secret, why, .. } = self;
        write!(f, "{actor} may not {}", act.phrase())?;
        if let Some(secret) = secret {
            write!(f, " {secret}")?;
        }
        match why {
            Why::Stranger => f.write_str(": only members may change something"),
            Why::Role(role) => write!(f, ": this needs the role {role}"),
            Why::Starter => {
                f.write_str(": whoever started the rotation may not, a second person must")
            }
        }
    }
}

impl Denied {
    /// What can be done now.
    #[must_use]
    pub fn hint(&self) -> String {
        let may = self.may.join(", ");
        match (&self.why, self.may.is_empty()) {
            (Why::Role(role), true) => format!(
                "nobody has the role {role}: give it to somebody under [members] in rollover.toml"
            ),
            (Why::Starter, true) => {
                "nobody else has the role for it: give it to somebody under [members] in \
                 rollover.toml"
                    .into()
            }
            (Why::Stranger, true) => {
                "nobody may: give somebody the role under [members] in rollover.toml".into()
            }
            (Why::Stranger, false) => format!(
                "ask one of these: {may}; or have your user added under [members] in rollover.toml"
            ),
            (_, false) => format!("ask one of these: {may}"),
        }
    }

    /// What the audit says of it.
    #[must_use]
    pub fn record(&self, at: Timestamp, rotation: Option<RotationId>) -> Record {
        let mut context = BTreeMap::from([("act".to_owned(), self.act.word().to_owned())]);
        let (why, role) = match &self.why {
            Why::Stranger => ("not-a-member", None),
            Why::Role(role) => ("role", Some(role)),
            Why::Starter => ("second-person", None),
        };
        context.insert("why".into(), why.into());
        context.extend(role.map(|role| ("role".to_owned(), role.clone())));
        Record {
            at,
            action: "access.denied".into(),
            actor: self.actor.clone(),
            secret: self.secret.clone(),
            rotation,
            context,
        }
    }
}
