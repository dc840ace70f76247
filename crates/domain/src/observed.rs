//! What the engine saw of the world before it made a plan.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ConsumerId, Fingerprint, Handle, Liveness, RotationId, SecretName};

/// The world around one secret, at one moment. Holds fingerprints, never values.
#[derive(Clone, Debug)]
pub struct Observed {
    /// When it was looked at.
    pub at: Timestamp,
    /// The rotation of this secret that is still open.
    pub open: Option<RotationId>,
    /// When the secret went out of use, where it has.
    pub decommissioned: Option<Timestamp>,
    /// What the engine remembers of the current token.
    pub remembered: Option<Baseline>,
    /// The store and what it holds.
    pub store: StoreSeen,
    /// One look at the token that the store holds.
    pub old: Liveness,
    /// The issuer and its tokens.
    pub issuer: IssuerSeen,
    /// The consumers, in the inventory's order.
    pub consumers: Vec<ConsumerSeen>,
    /// Whether the engine logs in somewhere with the very token to be rotated.
    pub login_is_old: bool,
    /// Connections that log in with it by a copy of their own: a file, a variable, a keyring.
    pub loose_logins: Vec<String>,
    /// Another secret of the inventory that has the same token.
    pub shared_with: Option<SecretName>,
}

/// A token that the engine knows from an earlier rotation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Baseline {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its handle at the issuer, where there is one.
    pub handle: Option<Handle>,
    /// Since when it is the current one.
    pub since: Timestamp,
}

/// The store and what it holds.
#[derive(Clone, Debug)]
pub enum StoreSeen {
    /// It holds a value.
    Holds {
        /// The value's fingerprint.
        fingerprint: Fingerprint,
        /// The store's version of it.
        version: String,
    },
    /// It was asked and holds nothing under the key.
    Empty,
    /// It may not be written, and says why.
    Refuses(String),
    /// It could not be asked, or what it said was not understood.
    Unknown(String),
}

/// The issuer and its tokens.
#[derive(Clone, Debug)]
pub struct IssuerSeen {
    /// The live tokens, as far as the issuer lists them.
    pub tokens: Vec<LiveToken>,
    /// Whether the list was really seen; an issuer that masks its list shows nothing.
    pub listed: bool,
    /// Whether a token can be created with what the engine has.
    pub mint: Mint,
    /// The issuer's own page of these tokens, where it tells.
    pub page: Option<String>,
}

/// Whether the engine's login may create a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mint {
    /// It may, or a person does it.
    Allowed,
    /// The issuer said no, with this reason.
    Refused(String),
    /// It could not be found out.
    Unknown(String),
}

/// A token that is live at the issuer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LiveToken {
    /// Its fingerprint, where the issuer shows the value.
    pub fingerprint: Option<Fingerprint>,
    /// Its handle, where the issuer gives one.
    pub handle: Option<Handle>,
    /// Its description, where the issuer keeps one.
    pub description: Option<String>,
    /// When it was created, where the issuer tells.
    pub created: Option<Timestamp>,
}

/// The fewest characters of a name's beginning that stand for the whole.
const BEGINNING_MIN: usize = 8;

impl LiveToken {
    /// Whether this is its name: the issuer's id of it, or its fingerprint.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.handle.as_ref().is_some_and(|handle| handle.0 == name)
            || self.fingerprint.is_some_and(|fp| fp.hex() == name || fp.to_string() == name)
    }

    /// Whether somebody means it by this: its name, or how that begins.
    #[must_use]
    pub fn is_meant(&self, text: &str) -> bool {
        let begins = |name: &str| text.len() >= BEGINNING_MIN && name.starts_with(text);
        self.is_called(text)
            || self.handle.as_ref().is_some_and(|handle| begins(&handle.0))
            || self.fingerprint.is_some_and(|fp| begins(&fp.hex()))
    }

    /// What it is called in a command. A vendor's id may have the form of a token, which no
    /// argument may have; then how it begins.
    #[must_use]
    pub fn typed(&self) -> String {
        if let Some(fingerprint) = self.fingerprint {
            return fingerprint.to_string();
        }
        typed(self.handle.as_ref().map(|handle| handle.0.as_str()).unwrap_or_default()).to_owned()
    }
}

/// A token's name as a command may have it: an id without its last part, and a fingerprint as
/// people read it, which is too short to have one to spare.
pub(crate) fn typed(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((beginning, _)) if beginning.len() >= BEGINNING_MIN => beginning,
        _ => name,
    }
}

/// One consumer, as seen.
#[derive(Clone, Debug)]
pub struct ConsumerSeen {
    /// Which one.
    pub id: ConsumerId,
    /// What it holds.
    pub holding: Holding,
}

/// What a consumer holds under its keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Holding {
    /// This token, under every key.
    Token(Fingerprint),
    /// Different values under its keys, or nothing under some.
    Mixed(Vec<Option<Fingerprint>>),
    /// Something that cannot be read back; last written then, where the vendor tells.
    Unreadable(Option<Timestamp>),
    /// Nothing yet.
    Nothing,
    /// It may hold the token, but something else is in front of it; says what.
    Shadowed(String),
    /// It may not be written or does not exist; the vendor said so.
    Refused(String),
    /// It could not be looked at.
    Unknown(String),
}
