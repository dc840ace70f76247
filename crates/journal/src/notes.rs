//! Audit records of processes that do not hold the lease: somebody was refused, a task was taken.
//!
//! Only the holder of the lease may add to the log, because its tree and its signature have one
//! writer. So a note is durable here at once, and becomes a record with the holder's next write,
//! or after [`crate::Options::renew_every`] at the latest; where nobody holds the lease, whoever
//! takes it next does that first. Each note has a code that only the installation's key makes: a
//! forged one is not taken, and that is told in its place.

use std::collections::BTreeMap;
use std::path::Path;

use domain::audit::Record;
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use seal::{Key, SealError};

use crate::audit_log::AuditLog;
use crate::column::json;
use crate::kept::Kept;
use crate::{JournalError, connection, schema};

/// Where records are left for whoever holds the lease.
#[derive(Debug)]
pub struct Notes;

impl Notes {
    /// Leaves a record, durably, from any process.
    ///
    /// # Errors
    /// There is no database, the key is another installation's, or it cannot be written.
    pub fn post(path: &Path, key: &Key, record: &Record) -> Result<(), JournalError> {
        let mut connection = connection::writing(path)?;
        schema::require_current(&connection, path)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked under the write lock, so that no key is replaced meanwhile.
        Kept::load(&transaction, path, key)?;
        leave(&transaction, key, record)?;
        Ok(transaction.commit()?)
    }
}

/// Leaves a record inside the caller's transaction.
pub(crate) fn leave(
    connection: &Connection,
    key: &Key,
    record: &Record,
) -> Result<(), JournalError> {
    let number = format!("{:016x}", getrandom::u64().map_err(SealError::Random)?);
    let body = json("a note", record)?;
    connection.execute(
        "INSERT INTO notes (number, body, code) VALUES (?1, ?2, ?3)",
        params![number, body, code(&notes_key(key), &number, &body)],
    )?;
    Ok(())
}

/// Whether any note waits.
pub(crate) fn any(connection: &Connection) -> Result<bool, JournalError> {
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM notes)")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Makes every note that waits a record, in the caller's transaction; says whether there was one.
pub(crate) fn take(
    connection: &Connection,
    audit: &mut AuditLog,
    key: &Key,
    now: Timestamp,
) -> Result<bool, JournalError> {
    if !any(connection)? {
        return Ok(false);
    }
    let key = notes_key(key);
    let mut statement =
        connection.prepare_cached("SELECT number, body, code FROM notes ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let rows: Vec<(String, String, String)> = rows.collect::<Result<_, _>>()?;
    let records: Vec<Record> = rows
        .iter()
        .map(|(number, body, found)| {
            let own = *found == code(&key, number, body);
            let record = own.then(|| serde_json::from_str(body).ok()).flatten();
            record.unwrap_or_else(|| forged(now))
        })
        .collect();
    audit.append(connection, &records)?;
    connection.prepare_cached("DELETE FROM notes")?.execute([])?;
    Ok(true)
}

/// Somebody wrote into the database who does not have the key.
fn forged(at: Timestamp) -> Record {
    Record {
        at,
        action: "audit.note_forged".into(),
        actor: "rollover".into(),
        secret: None,
        rotation: None,
        context: BTreeMap::new(),
    }
}

fn notes_key(key: &Key) -> Key {
    key.derive("notes")
}

/// A keyed code over all that a note says.
fn code(key: &Key, number: &str, body: &str) -> String {
    key.derive(&format!("{number} {body}")).bytes().iter().map(|b| format!("{b:02x}")).collect()
}
