//! What people have fetched for their own machines, and what waits for them. Beside the journal and
//! not in it, because whoever fetches does not hold the lease; the machine sees it by looking, as
//! it sees any consumer.
//!
//! One row a secret and workstation, changed in one transaction that also leaves its audit record
//! ([`Notes`]). Each row has a code that only the installation's key makes; one that somebody else
//! wrote is as if it were not there.
//!
//! [`Notes`]: crate::Notes

use std::path::PathBuf;

use domain::audit::Record;
use domain::{ConsumerId, SecretName, Workstation};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use seal::Key;

use crate::column::json;
use crate::kept::Kept;
use crate::{JournalError, connection, mark, notes, schema};

/// The workstations of an installation, from any process.
#[derive(Clone)]
pub struct Workstations {
    path: PathBuf,
    key: Key,
}

impl Workstations {
    pub(crate) fn new(path: PathBuf, key: Key) -> Self {
        Self { path, key }
    }

    /// What is known of a secret at a workstation.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn at(
        &self,
        secret: &SecretName,
        consumer: &ConsumerId,
    ) -> Result<Workstation, JournalError> {
        let connection = connection::reading(&self.path)?;
        Ok(read(&connection, &self.key, secret, consumer)?.unwrap_or_default())
    }

    /// Changes it, durably. `decide` is given what is known, and nobody else changes it before it
    /// has answered, with the audit record if there is to be one.
    ///
    /// # Errors
    /// Outside: the database cannot be written. Inside: what `decide` says against it; nothing
    /// has changed then.
    pub fn change<E>(
        &self,
        secret: &SecretName,
        consumer: &ConsumerId,
        decide: impl FnOnce(&mut Workstation) -> Result<Option<Record>, E>,
    ) -> Result<Result<Workstation, E>, JournalError> {
        let Self { path, key } = self;
        let mut connection = connection::writing(path)?;
        schema::require_current(&connection, path)?;
        if let (Some(why), _) = mark::standing(&connection, path, None)? {
            return Err(JournalError::SetBack { path: path.clone(), why });
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked under the write lock, so that no key is replaced meanwhile.
        Kept::load(&transaction, path, key)?;
        let before = read(&transaction, key, secret, consumer)?.unwrap_or_default();
        let mut after = before.clone();
        let record = match decide(&mut after) {
            Ok(record) => record,
            Err(refused) => return Ok(Err(refused)),
        };
        if after != before {
            write(&transaction, key, secret, consumer, &json("a workstation", &after)?)?;
        }
        if let Some(record) = record {
            notes::leave(&transaction, key, &record)?;
        }
        transaction.commit()?;
        Ok(Ok(after))
    }
}

impl std::fmt::Debug for Workstations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workstations").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Gives the rows codes of another key of the installation.
pub(crate) fn recode(connection: &Connection, old: &Key, new: &Key) -> Result<(), JournalError> {
    let mut statement =
        connection.prepare("SELECT secret, consumer, body, code FROM workstations")?;
    let rows = statement
        .query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?
        .collect::<Result<Vec<[String; 4]>, _>>()?;
    let (old, new) = (rows_key(old), rows_key(new));
    for [secret, consumer, body, found] in rows {
        let next = opened(&old, &secret, &consumer, &body, &found)
            .map(|_| code(&new, &secret, &consumer, &body));
        connection.execute(
            "UPDATE workstations SET code = ?3 WHERE secret = ?1 AND consumer = ?2",
            [secret, consumer, next.unwrap_or_default()],
        )?;
    }
    Ok(())
}

fn read(
    connection: &Connection,
    key: &Key,
    secret: &SecretName,
    consumer: &ConsumerId,
) -> Result<Option<Workstation>, JournalError> {
    let (secret, consumer) = (secret.to_string(), consumer.as_str());
    let row: Option<(String, String)> = connection
        .prepare_cached("SELECT body, code FROM workstations WHERE secret = ?1 AND consumer = ?2")?
        .query_row([secret.as_str(), consumer], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(row.and_then(|(body, code)| opened(&rows_key(key), &secret, consumer, &body, &code)))
}

fn write(
    connection: &Connection,
    key: &Key,
    secret: &SecretName,
    consumer: &ConsumerId,
    body: &str,
) -> Result<(), JournalError> {
    let (secret, consumer) = (secret.to_string(), consumer.as_str());
    connection.execute(
        "INSERT OR REPLACE INTO workstations (secret, consumer, body, code) VALUES (?1, ?2, ?3, ?4)",
        params![secret, consumer, body, code(&rows_key(key), &secret, consumer, body)],
    )?;
    Ok(())
}

fn opened(key: &Key, secret: &str, consumer: &str, body: &str, found: &str) -> Option<Workstation> {
    (found == code(key, secret, consumer, body)).then(|| serde_json::from_str(body).ok()).flatten()
}

fn rows_key(key: &Key) -> Key {
    key.derive("workstations")
}

/// A keyed code over all that a row says.
fn code(key: &Key, secret: &str, consumer: &str, body: &str) -> String {
    let bytes = key.derive(&format!("{secret:?} {consumer:?} {body}"));
    bytes.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
