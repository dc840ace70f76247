//! Leaks and how they were answered: a case is kept as it is now, and the audit tells how it got
//! there.

use domain::leak::Case;
use domain::{Fingerprint, SecretName};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::JournalError;
use crate::column::{Json, json, time};

pub(crate) fn put(connection: &Connection, case: &Case) -> Result<(), JournalError> {
    connection
        .prepare_cached(
            "INSERT INTO cases (id, opened_at, closed_at, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET closed_at = excluded.closed_at, body = excluded.body",
        )?
        .execute(params![
            case.id.0,
            time(case.opened_at),
            case.closed.as_ref().map(|closed| time(closed.at)),
            json("a case", case)?,
        ])?;
    Ok(())
}

/// Remembers that a token of a secret was seen somewhere.
pub(crate) fn learn(
    connection: &Connection,
    secret: &SecretName,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Result<(), JournalError> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO learned (fingerprint, secret, at) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![fingerprint.hex(), secret.to_string(), time(now)])?;
    Ok(())
}

/// Reads `body`.
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Case> {
    Ok(row.get::<_, Json<Case>>(0)?.0)
}
