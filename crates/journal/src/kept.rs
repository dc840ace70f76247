//! The two secrets of an installation that outlive its key: the one that fingerprints are made
//! with, because those in the journal must stay comparable, and the one that audit records are
//! signed with, because the log is one log.
//!
//! They begin as derivations of the first key. When the key is replaced they are sealed under
//! the new one, and so they stay.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use seal::{Key, SealError};

use crate::{JournalError, audit_log};

/// The secrets that stay.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// For making fingerprints.
    pub(crate) fingerprint: Key,
    /// For signing audit records.
    pub(crate) audit: Key,
}

impl Kept {
    /// Those of a new installation.
    pub(crate) fn first(key: &Key) -> Self {
        Self { fingerprint: key.derive("fingerprint"), audit: key.derive("audit signature") }
    }

    /// Those of this database; a key that is not its own is refused.
    pub(crate) fn load(
        connection: &Connection,
        path: &Path,
        key: &Key,
    ) -> Result<Self, JournalError> {
        let wrong = || JournalError::WrongKey { path: path.to_owned() };
        let read = |name: &str| -> Result<Option<Key>, JournalError> {
            let sealed: Option<Vec<u8>> = connection
                .query_row("SELECT sealed FROM kept WHERE name = ?1", [name], |row| row.get(0))
                .optional()?;
            sealed.map(|sealed| open(key, name, &sealed).ok_or_else(wrong)).transpose()
        };
        let kept = match (read(FINGERPRINT)?, read(AUDIT)?) {
            (Some(fingerprint), Some(audit)) => Self { fingerprint, audit },
            (None, None) => Self::first(key),
            _ => return Err(wrong()),
        };
        let stored: Option<String> = connection
            .query_row("SELECT value FROM meta WHERE key = 'verifying_key'", [], |row| row.get(0))
            .optional()?;
        if stored.is_some_and(|stored| stored == audit_log::verifying_key_hex(&kept.audit)) {
            return Ok(kept);
        }
        Err(wrong())
    }

    /// Seals them under a key, instead of whatever they were sealed under before.
    pub(crate) fn store(&self, connection: &Connection, key: &Key) -> Result<(), JournalError> {
        for (name, secret) in [(FINGERPRINT, &self.fingerprint), (AUDIT, &self.audit)] {
            let sealed = kept_key(key).seal(&place(name), secret.bytes())?;
            connection.execute(
                "INSERT OR REPLACE INTO kept (name, sealed) VALUES (?1, ?2)",
                params![name, sealed],
            )?;
        }
        Ok(())
    }
}

fn open(key: &Key, name: &str, sealed: &[u8]) -> Option<Key> {
    let plain = kept_key(key).open_sealed(&place(name), sealed);
    let plain = plain.and_then(|plain| {
        let bytes: Result<&[u8; 32], _> = plain.as_slice().try_into();
        bytes.map(Key::from_bytes).map_err(|_| SealError::Refused { place: place(name) })
    });
    plain.ok()
}

fn kept_key(key: &Key) -> Key {
    key.derive("kept secrets")
}

fn place(name: &str) -> String {
    format!("kept/{name}")
}

const FINGERPRINT: &str = "fingerprint";
const AUDIT: &str = "audit";
