//! The history of a secret's tokens: fingerprints and states, never values.

use std::fmt;
use std::str::FromStr;

use domain::{Fingerprint, Handle, RotationId, SecretName};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::JournalError;
use crate::column::{Text, time};

/// A token came into a state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenChange {
    /// Whose token.
    pub secret: SecretName,
    /// Which token.
    pub fingerprint: Fingerprint,
    /// Its handle at the issuer. `None` leaves a known one.
    pub handle: Option<Handle>,
    /// The state.
    pub state: TokenState,
    /// Since when.
    pub at: Timestamp,
    /// In which rotation. `None` leaves a known one.
    pub rotation: Option<RotationId>,
}

/// A token as it is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRow {
    /// Whose token.
    pub secret: SecretName,
    /// Which token.
    pub fingerprint: Fingerprint,
    /// Its handle at the issuer.
    pub handle: Option<Handle>,
    /// Its state.
    pub state: TokenState,
    /// Since when it is in it.
    pub since: Timestamp,
    /// The rotation that last changed it.
    pub rotation: Option<RotationId>,
}

/// What a token is, in the words of NIST SP 800-57.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenState {
    /// Minted, and not yet the current one.
    Candidate,
    /// The current one.
    Active,
    /// Still alive, to be revoked.
    Retiring,
    /// Revoked, not yet proven dead.
    Revoked,
    /// Proven dead.
    ProvenDead,
    /// Known, or feared, to be in other hands.
    Compromised,
    /// Minted, and removed again without having served.
    Discarded,
}

impl TokenState {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Candidate, "candidate"),
        (Self::Active, "active"),
        (Self::Retiring, "retiring"),
        (Self::Revoked, "revoked"),
        (Self::ProvenDead, "proven-dead"),
        (Self::Compromised, "compromised"),
        (Self::Discarded, "discarded"),
    ];
}

impl fmt::Display for TokenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL.iter().find(|(state, _)| state == self).map_or("", |(_, word)| word))
    }
}

impl FromStr for TokenState {
    type Err = ParseTokenStateError;

    fn from_str(text: &str) -> Result<Self, ParseTokenStateError> {
        let found = Self::ALL.iter().find(|(_, word)| *word == text);
        found.map(|(state, _)| *state).ok_or(ParseTokenStateError)
    }
}

/// Why a text is not a state of a token.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no state of a token has this name")]
pub struct ParseTokenStateError;

pub(crate) fn put(connection: &Connection, change: &TokenChange) -> Result<(), JournalError> {
    connection
        .prepare_cached(
            "INSERT INTO tokens (secret, fingerprint, handle, state, since, rotation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (secret, fingerprint) DO UPDATE SET
                 handle = coalesce(excluded.handle, handle),
                 state = excluded.state,
                 since = excluded.since,
                 rotation = coalesce(excluded.rotation, rotation)",
        )?
        .execute(params![
            change.secret.to_string(),
            change.fingerprint.hex(),
            change.handle.as_ref().map(|handle| &handle.0),
            change.state.to_string(),
            time(change.at),
            change.rotation.as_ref().map(|rotation| &rotation.0),
        ])?;
    Ok(())
}

/// Reads `secret, fingerprint, handle, state, since, rotation`.
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        secret: row.get::<_, Text<SecretName>>(0)?.0,
        fingerprint: row.get::<_, Text<Fingerprint>>(1)?.0,
        handle: row.get::<_, Option<String>>(2)?.map(Handle),
        state: row.get::<_, Text<TokenState>>(3)?.0,
        since: row.get::<_, Text<Timestamp>>(4)?.0,
        rotation: row.get::<_, Option<String>>(5)?.map(RotationId),
    })
}
