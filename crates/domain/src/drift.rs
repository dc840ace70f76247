//! Drift: whether the store, every consumer and the issuer are still as they should be.
//!
//! After a rotation a consumer can go back to a dead token on its own: by a rollback, a restored
//! backup, a secret of an environment that shadows the repository's. So the world is compared
//! again, by fingerprint, and whatever differs is named together with what it holds instead and
//! with what puts it right. What could not be looked at is *unknown*: never in step, and never
//! drift.

mod changes;
mod judge;

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ConsumerId, Fingerprint, Holding, LiveToken, Liveness, RotationId, SecretName};

pub use changes::{Changes, FOUND, Known, State};
pub use judge::judge;

/// The world around one secret, as it was seen, and what it is compared with. Fingerprints, never
/// values.
#[derive(Clone, Debug)]
pub struct Looked {
    /// When.
    pub at: Timestamp,
    /// The store and what it holds.
    pub store: StoreLook,
    /// One look at the token that the store holds; unknown where it gave none.
    pub live: Liveness,
    /// The issuer's live tokens; `Err` is why they could not be listed, `Ok(None)` where the
    /// issuer masks its list.
    pub tokens: Result<Option<Vec<LiveToken>>, String>,
    /// The consumers, in the inventory's order.
    pub consumers: Vec<ConsumerLook>,
    /// Whether the engine itself logs in with the token that the store holds.
    pub login_is_current: bool,
    /// What is remembered.
    pub memory: Memory,
}

/// What the store answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreLook {
    /// It holds a value.
    Holds {
        /// The value's fingerprint.
        fingerprint: Fingerprint,
        /// Who else writes it there, where somebody does: the store's own rotation.
        managed: Option<String>,
    },
    /// It was asked and holds nothing under the key.
    Empty,
    /// It says no.
    Refuses(String),
    /// It could not be asked.
    Unknown(String),
}

/// One consumer, as it was seen.
#[derive(Clone, Debug)]
pub struct ConsumerLook {
    /// Which.
    pub id: ConsumerId,
    /// What it holds.
    pub holding: Holding,
    /// What the issuer says of what it holds, where that is not what the store holds and looks
    /// like a token of this issuer.
    pub held: Option<Liveness>,
    /// What runs there; `Err` is why that could not be looked at.
    pub running: Result<Running, String>,
}

/// What runs at a consumer beside what it holds.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Running {
    /// Processes that were started with something else than what is held now.
    pub older: Vec<(String, Option<Fingerprint>)>,
    /// The release that is current and goes back to an earlier one, in the vendor's words.
    pub rolled_back: Option<String>,
    /// A write that was taken and is not in force, in the vendor's words.
    pub waits: Option<String>,
    /// Whose the last write is, where the value cannot be read back.
    pub wrote: Wrote,
}

/// Whose write was the last one, as the vendor's times tell.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Wrote {
    /// No write of ours is known.
    #[default]
    NotKnown,
    /// Ours, then.
    Ours(Timestamp),
    /// Somebody else's, then.
    Somebody(Timestamp),
    /// The vendor shows a time before ours.
    Before(Timestamp),
}

/// What is remembered and what everything is compared with.
#[derive(Clone, Default, Debug)]
pub struct Memory {
    /// The token that is believed to be the current one; none where none was ever rotated here.
    pub current: Option<Fingerprint>,
    /// Its handle.
    pub handle: Option<crate::Handle>,
    /// Since when it is the current one, as the journal or else the issuer tells.
    pub since: Option<Timestamp>,
    /// The rotation of the secret that is open, with its tokens: while it is, both are right.
    pub open: Option<(RotationId, Vec<Fingerprint>)>,
    /// Every token of which something is known.
    pub tokens: Vec<(Fingerprint, Whose)>,
    /// Handles at the issuer that are known, with whose they are.
    pub handles: Vec<(crate::Handle, Whose)>,
    /// Handles, fingerprints and descriptions of tokens that somebody answers for.
    pub answered: Vec<String>,
    /// Until when the secret is watched after its last rotation.
    pub watched_until: Option<Timestamp>,
    /// How its use ends, where it does: then to hold nothing is right.
    pub use_ends: Option<UseEnds>,
}

/// How the use of a secret ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UseEnds {
    /// A decommission is open: who holds the token still, or no more, is as it should be.
    Now,
    /// It is decommissioned since then: nobody should hold anything.
    Since(Timestamp),
}

/// Whose a token is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whose {
    /// The current one of this secret.
    Current,
    /// An earlier one of this secret, in this state.
    Former(String),
    /// Of another secret of the inventory.
    Of(SecretName),
}

impl Memory {
    /// Whose a token is, by its fingerprint.
    #[must_use]
    pub fn whose(&self, fingerprint: Fingerprint) -> Option<&Whose> {
        self.tokens.iter().find(|(known, _)| *known == fingerprint).map(|(_, whose)| whose)
    }
}

/// What was found about one secret.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Which secret.
    pub secret: SecretName,
    /// When it was looked at.
    pub at: Timestamp,
    /// What the store holds.
    pub stored: Option<Fingerprint>,
    /// What the issuer says of that.
    pub live: Liveness,
    /// Since when the current token is current, as far as somebody tells.
    pub since: Option<Timestamp>,
    /// The rotation that is open.
    pub rotation: Option<RotationId>,
    /// Since when it is out of use, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decommissioned: Option<Timestamp>,
    /// Until when the secret is watched after its last rotation.
    pub watched_until: Option<Timestamp>,
    /// Each consumer.
    pub consumers: Vec<Stands>,
    /// What differs, what could not be looked at, and what is worth knowing.
    pub findings: Vec<Finding>,
}

/// How a consumer stands.
#[derive(Clone, Debug, Serialize)]
pub struct Stands {
    /// Which.
    pub consumer: ConsumerId,
    /// How.
    pub standing: Standing,
    /// The token that it holds, where it holds one under all of its keys.
    pub holds: Option<Fingerprint>,
    /// How that is known.
    pub how: String,
}

/// How a consumer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It holds what it should, read back.
    InStep,
    /// It cannot be read back; our write was the last one.
    Written,
    /// It differs.
    Drifted,
    /// It is not known.
    Unknown,
}

/// One thing that was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What, as a stable word.
    pub kind: Kind,
    /// How grave.
    pub grade: Grade,
    /// Which token it is about: a fingerprint or a handle.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<String>,
    /// What, for people.
    pub what: String,
    /// Since when or why, as far as the vendor tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub because: Option<String>,
    /// What puts it right.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fix: Option<String>,
}

/// A place that is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "at", content = "name", rename_all = "kebab-case")]
pub enum Place {
    /// The secret's store.
    Store(String),
    /// The secret's issuer.
    Issuer(String),
    /// A consumer.
    Consumer(ConsumerId),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(name) => write!(f, "store {name}"),
            Self::Issuer(name) => write!(f, "issuer {name}"),
            Self::Consumer(id) => write!(f, "{id}"),
        }
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Something is not as it should be.
    Drift,
    /// It could not be looked at.
    Unknown,
    /// Worth knowing, and nothing to be woken for.
    Note,
}

/// What can be found. The words are stable; machines rest on them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It holds an earlier token of the secret.
    HoldsFormer,
    /// It holds the token of another secret, or of another environment.
    HoldsForeign,
    /// It holds something that nobody here knows.
    HoldsUnknown,
    /// It holds different values under its names.
    Mixed,
    /// It holds nothing.
    Missing,
    /// It holds something although the secret is decommissioned.
    HoldsAgain,
    /// A secret of an environment shadows it.
    Shadowed,
    /// Somebody else has written it since.
    WrittenSince,
    /// Processes run on something else than what is held.
    RunsOlder,
    /// What was written is not in force.
    NotInForce,
    /// The vendor says no.
    Refused,
    /// Somebody else's machine writes the value in the store.
    Managed,
    /// The current token is dead.
    Dead,
    /// The current token answers as somebody else.
    OtherIdentity,
    /// A live token that nobody here knows.
    UnknownToken,
    /// A token that was proven dead, or was removed, is live.
    Revived,
    /// It cannot be read back, and no write of ours is known.
    Unreadable,
    /// It could not be looked at.
    Unseen,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::HoldsFormer,
        Self::HoldsForeign,
        Self::HoldsUnknown,
        Self::Mixed,
        Self::Missing,
        Self::HoldsAgain,
        Self::Shadowed,
        Self::WrittenSince,
        Self::RunsOlder,
        Self::NotInForce,
        Self::Refused,
        Self::Managed,
        Self::Dead,
        Self::OtherIdentity,
        Self::UnknownToken,
        Self::Revived,
        Self::Unreadable,
        Self::Unseen,
    ];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::HoldsFormer => "holds-former",
            Self::HoldsForeign => "holds-foreign",
            Self::HoldsUnknown => "holds-unknown",
            Self::Mixed => "mixed",
            Self::Missing => "missing",
            Self::HoldsAgain => "holds-again",
            Self::Shadowed => "shadowed",
            Self::WrittenSince => "written-since",
            Self::RunsOlder => "runs-older",
            Self::NotInForce => "not-in-force",
            Self::Refused => "refused",
            Self::Managed => "managed",
            Self::Dead => "dead",
            Self::OtherIdentity => "other-identity",
            Self::UnknownToken => "unknown-token",
            Self::Revived => "revived",
            Self::Unreadable => "unreadable",
            Self::Unseen => "unseen",
        }
    }
}

impl Report {
    /// Those of one grade.
    pub fn of(&self, grade: Grade) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.grade == grade)
    }

    /// Whether something is not as it should be.
    #[must_use]
    pub fn drifted(&self) -> bool {
        self.of(Grade::Drift).next().is_some()
    }

    /// Whether something could not be looked at.
    #[must_use]
    pub fn unseen(&self) -> bool {
        self.of(Grade::Unknown).any(|finding| finding.kind == Kind::Unseen)
    }

    /// How many consumers stand so.
    #[must_use]
    pub fn count(&self, standing: Standing) -> usize {
        self.consumers.iter().filter(|one| one.standing == standing).count()
    }
}
