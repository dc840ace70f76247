//! Everything that was seen around one value in one place. Holds fingerprints, never values.

use jiff::Timestamp;
use serde::Serialize;

use super::{Anatomy, Heard, Kind, Likeness, Reported};
use crate::{ConsumerId, Fingerprint, RotationId, SecretName};

/// One value in one place, and what is known of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What kind of token belongs there.
    pub kind: Kind,
    /// Which secret it is meant to be, where that is known.
    pub secret: Option<SecretName>,
    /// Where the value was found.
    pub place: Place,
    /// When it was looked at.
    pub at: Timestamp,
    /// Whether the place serves production.
    pub production: bool,
    /// Who a right token would be, in the vendor's words.
    pub identity: Option<String>,
    /// The value, judged; `None` where the place cannot be read back.
    pub anatomy: Option<Anatomy>,
    /// Its fingerprint, in an installation.
    pub fingerprint: Option<Fingerprint>,
    /// What the vendor said to it.
    pub heard: Heard,
    /// The same value without what is wrong with its form.
    pub repaired: Option<Repaired>,
    /// What the vendor said to it as the other kind: account instead of server, or the reverse.
    pub as_other: Heard,
    /// What the secret's scope needs, each with the answer to a call that needs it.
    pub needs: Vec<(Need, Heard)>,
    /// What is remembered of this value.
    pub known: Vec<Known>,
    /// What the secret's store holds, where this place is not the store.
    pub stored: Option<Stored>,
    /// How the place stands.
    pub placed: Placed,
    /// When the value was made, as far as it is remembered.
    pub made: Option<Timestamp>,
    /// When it was minted, where no rotation has seen it work yet.
    pub minted: Option<Timestamp>,
    /// How long a new token may be refused, in seconds.
    pub activation_seconds: u64,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// Whether rollover itself logs in with this secret.
    pub is_the_login: bool,
    /// Whether a person creates tokens of this kind.
    pub by_operator: bool,
    /// What the vendor said to a test mail.
    pub sent: Heard,
    /// What the program was told.
    pub reported: Option<Reported>,
    /// How far the vendor's clock is ahead of this machine's, in seconds.
    pub ahead_seconds: Option<i64>,
}

/// Where a value was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "name")]
pub enum Place {
    /// A person gave it.
    Given,
    /// The store of this name.
    Store(String),
    /// This consumer.
    Consumer(ConsumerId),
}

impl Place {
    /// The place in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Given => "as given".into(),
            Self::Store(name) => format!("in {name}"),
            Self::Consumer(id) => format!("on {id}"),
        }
    }

    /// What `--at` names it by.
    #[must_use]
    pub fn at(&self) -> Option<&str> {
        match self {
            Self::Given => None,
            Self::Store(_) => Some("store"),
            Self::Consumer(id) => Some(id.as_str()),
        }
    }
}

/// The value without what is wrong with its form.
#[derive(Clone, Debug)]
pub struct Repaired {
    /// Its fingerprint.
    pub fingerprint: Option<Fingerprint>,
    /// What the vendor said to it.
    pub heard: Heard,
}

/// A call that needs a scope.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Looking at the account.
    Identity,
    /// Looking at apps.
    Read,
    /// Looking at config vars.
    ReadProtected,
    /// Everything.
    Global,
}

impl Need {
    /// The scope's own word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Read => "read",
            Self::ReadProtected => "read-protected",
            Self::Global => "global",
        }
    }

    /// Whether a scope of the inventory needs this call to work. Writing is not tried out.
    #[must_use]
    pub fn of(scope: &str) -> Option<Self> {
        match scope {
            "identity" => Some(Self::Identity),
            "read" | "write" => Some(Self::Read),
            "read-protected" | "write-protected" => Some(Self::ReadProtected),
            "global" => Some(Self::Global),
            _ => None,
        }
    }
}

/// What is remembered of a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Known {
    /// Whose token it is or was.
    pub secret: SecretName,
    /// What became of it.
    pub state: KnownState,
    /// Since when.
    pub since: Option<Timestamp>,
    /// In which rotation.
    pub rotation: Option<RotationId>,
    /// Whether this holds of the value as it stands there, and not of the repaired one.
    pub as_it_stands: bool,
}

/// What became of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownState {
    /// It is the current one, or about to be.
    Current,
    /// Another took its place, and it may still live.
    Retiring,
    /// A rotation revoked it.
    Gone,
    /// It was found in another secret's store.
    Stored,
}

/// What the secret's store holds.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The store's name.
    pub name: String,
    /// The fingerprint of its value; `None` where it holds nothing.
    pub fingerprint: Option<Fingerprint>,
    /// What the vendor said to it.
    pub heard: Heard,
    /// Whether that is the token that it should be.
    pub good: bool,
    /// How the value of the place resembles it.
    pub likeness: Likeness,
}

/// How the place stands.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Placed {
    /// Why the place could not be looked at.
    pub unseen: Option<String>,
    /// What holds a value of the same name and is read first.
    pub shadow: Option<String>,
    /// What still runs on a value from before.
    pub lag: Option<String>,
    /// Whether what lags are workflow runs.
    pub lag_is_of_runs: bool,
    /// Whether its value can be read back.
    pub reads_back: bool,
    /// When it was written last, where it cannot be read back; the inner `None`: never.
    pub written: Option<Option<Timestamp>>,
    /// Whether its names hold different values.
    pub mixed: bool,
}
