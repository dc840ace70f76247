//! Values of tokens while a rotation needs them, and their destruction when it does not.
//!
//! Each rotation has a random data key, wrapped under the installation's key. Closing destroys
//! the wrapped key and the rows, so what a backup or a log of the file system still holds of
//! them opens no more.

use std::fmt;

use domain::{RotationId, Token};
use rusqlite::{Connection, OptionalExtension, params};
use seal::{Key, SealError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::JournalError;

/// Which of a rotation's two values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// The one that is rotated away.
    Old,
    /// The one that takes its place.
    New,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Old => "old",
            Self::New => "new",
        })
    }
}

/// What data keys are wrapped with.
#[derive(Clone, Debug)]
pub(crate) struct Values(Key);

impl Values {
    pub(crate) fn new(key: &Key) -> Self {
        Self(key.derive("journal values"))
    }

    /// Gives a new rotation its data key.
    pub(crate) fn begin(
        &self,
        connection: &Connection,
        rotation: &RotationId,
    ) -> Result<(), JournalError> {
        let key = Key::random().map_err(SealError::Random)?;
        let wrapped = self.0.seal(&key_place(rotation), key.bytes())?;
        connection
            .prepare_cached("INSERT INTO data_keys (rotation, wrapped) VALUES (?1, ?2)")?
            .execute(params![rotation.0, wrapped])?;
        Ok(())
    }

    /// Seals a value into its slot, in place of an older one.
    pub(crate) fn put(
        &self,
        connection: &Connection,
        rotation: &RotationId,
        slot: Slot,
        token: &Token,
    ) -> Result<(), JournalError> {
        let wrapped: Option<Vec<u8>> = connection
            .prepare_cached("SELECT wrapped FROM data_keys WHERE rotation = ?1")?
            .query_row([&rotation.0], |row| row.get(0))
            .optional()?;
        let refused = || SealError::Refused { place: key_place(rotation) };
        let key = self.unwrap(rotation, &wrapped.ok_or_else(refused)?)?;
        let last: Option<u64> = connection
            .prepare_cached("SELECT version FROM sealed WHERE rotation = ?1 AND slot = ?2")?
            .query_row(params![rotation.0, slot.to_string()], |row| row.get(0))
            .optional()?;
        let version = last.unwrap_or(0) + 1;
        let blob = key.seal(&value_place(rotation, slot, version), token.expose().as_bytes())?;
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO sealed (rotation, slot, version, blob)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![rotation.0, slot.to_string(), version, blob])?;
        Ok(())
    }

    /// Gives a rotation a new data key, under another key of the installation, and seals its
    /// values under it.
    pub(crate) fn hand_over(
        &self,
        other: &Self,
        connection: &Connection,
        rotation: &RotationId,
    ) -> Result<(), JournalError> {
        let values =
            [Slot::Old, Slot::New].map(|slot| (slot, self.get(connection, rotation, slot)));
        let key = Key::random().map_err(SealError::Random)?;
        let wrapped = other.0.seal(&key_place(rotation), key.bytes())?;
        connection.execute(
            "UPDATE data_keys SET wrapped = ?2 WHERE rotation = ?1",
            params![rotation.0, wrapped],
        )?;
        for (slot, value) in values {
            if let Some(value) = value? {
                other.put(connection, rotation, slot, &value)?;
            }
        }
        Ok(())
    }

    /// The value in a slot; `None` when there is none, or no longer.
    pub(crate) fn get(
        &self,
        connection: &Connection,
        rotation: &RotationId,
        slot: Slot,
    ) -> Result<Option<Token>, JournalError> {
        let row: Option<(Vec<u8>, u64, Vec<u8>)> = connection
            .prepare_cached(
                "SELECT wrapped, version, blob FROM sealed JOIN data_keys USING (rotation)
                 WHERE rotation = ?1 AND slot = ?2",
            )?
            .query_row(params![rotation.0, slot.to_string()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((wrapped, version, blob)) = row else {
            return Ok(None);
        };
        let place = value_place(rotation, slot, version);
        let plain = self.unwrap(rotation, &wrapped)?.open_sealed(&place, &blob)?;
        text(&place, plain).map(Some)
    }

    /// Destroys a rotation's key and values. They are overwritten where they stand before they
    /// are deleted, so that nothing depends on how SQLite reuses the space.
    pub(crate) fn destroy(
        connection: &Connection,
        rotation: &RotationId,
    ) -> Result<(), JournalError> {
        for statement in [
            "UPDATE sealed SET blob = zeroblob(length(blob)) WHERE rotation = ?1",
            "DELETE FROM sealed WHERE rotation = ?1",
            "UPDATE data_keys SET wrapped = zeroblob(length(wrapped)) WHERE rotation = ?1",
            "DELETE FROM data_keys WHERE rotation = ?1",
        ] {
            connection.prepare_cached(statement)?.execute([&rotation.0])?;
        }
        Ok(())
    }

    fn unwrap(&self, rotation: &RotationId, wrapped: &[u8]) -> Result<Key, SealError> {
        let place = key_place(rotation);
        let bytes = self.0.open_sealed(&place, wrapped)?;
        let bytes: &[u8; 32] =
            bytes.as_slice().try_into().map_err(|_| SealError::Refused { place })?;
        Ok(Key::from_bytes(bytes))
    }
}

/// An opened value as a token, without a copy that stays behind.
pub(crate) fn text(place: &str, mut plain: Zeroizing<Vec<u8>>) -> Result<Token, JournalError> {
    String::from_utf8(std::mem::take(&mut *plain)).map(Token::new).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        SealError::Refused { place: place.to_owned() }.into()
    })
}

fn key_place(rotation: &RotationId) -> String {
    format!("data-key/{rotation}")
}

fn value_place(rotation: &RotationId, slot: Slot, version: u64) -> String {
    format!("rotation/{rotation}/{slot}/{version}")
}
