//! What people say of tasks: I have it, I could not do it. Beside the journal and not in it,
//! because it has to be seen at once from every process, whoever holds the lease, and because it
//! decides nothing: the machine does not know of it.
//!
//! One row a task, changed in one transaction that also leaves its audit record ([`Notes`]). Each
//! row has a code that only the installation's key makes; one that somebody else wrote is as if
//! it were not there. Rows go with their rotation.
//!
//! [`Notes`]: crate::Notes

use std::collections::BTreeMap;
use std::path::Path;

use domain::audit::Record;
use domain::{Remark, RotationId};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use seal::Key;

use crate::column::json;
use crate::kept::Kept;
use crate::{JournalError, batch, connection, mark, notes, schema};

/// Where what people say of tasks is written.
#[derive(Debug)]
pub struct Remarks;

impl Remarks {
    /// Changes what is said of a task, durably, from any process. `decide` is given what was said
    /// so far, and nobody says anything else before it has answered; it gives the audit record.
    ///
    /// # Errors
    /// Outside: the rotation does not exist or has ended, or the database cannot be written.
    /// Inside: what `decide` says against it; nothing has changed then.
    pub fn change<E>(
        path: &Path,
        key: &Key,
        rotation: &RotationId,
        task: &str,
        decide: impl FnOnce(&mut Remark) -> Result<Record, E>,
    ) -> Result<Result<Remark, E>, JournalError> {
        let mut connection = connection::writing(path)?;
        schema::require_current(&connection, path)?;
        if let (Some(why), _) = mark::standing(&connection, path, None)? {
            return Err(JournalError::SetBack { path: path.to_owned(), why });
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked under the write lock, so that no key is replaced meanwhile.
        Kept::load(&transaction, path, key)?;
        batch::require_open(&transaction, rotation)?;
        let mut remark = read(&transaction, key, task)?.unwrap_or_default();
        let record = match decide(&mut remark) {
            Ok(record) => record,
            Err(refused) => return Ok(Err(refused)),
        };
        write(&transaction, key, rotation, task, &json("a remark", &remark)?)?;
        notes::leave(&transaction, key, &record)?;
        transaction.commit()?;
        Ok(Ok(remark))
    }
}

/// What is said of every task, by its id.
pub(crate) fn all(
    connection: &Connection,
    key: &Key,
) -> Result<BTreeMap<String, Remark>, JournalError> {
    let mut statement = connection.prepare_cached("SELECT task, body, code FROM remarks")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let key = remarks_key(key);
    let mut remarks = BTreeMap::new();
    for row in rows {
        let (task, body, code): (String, String, String) = row?;
        if let Some(remark) = opened(&key, &task, &body, &code) {
            remarks.insert(task, remark);
        }
    }
    Ok(remarks)
}

/// Gives what is said codes of another key of the installation.
pub(crate) fn recode(connection: &Connection, old: &Key, new: &Key) -> Result<(), JournalError> {
    let mut statement = connection.prepare("SELECT task, body, code FROM remarks")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows: Vec<(String, String, String)> = rows.collect::<Result<_, _>>()?;
    let (old, new) = (remarks_key(old), remarks_key(new));
    for (task, body, found) in rows {
        let next = opened(&old, &task, &body, &found).map(|_| code(&new, &task, &body));
        let code = next.unwrap_or_default();
        connection.execute("UPDATE remarks SET code = ?2 WHERE task = ?1", [task, code])?;
    }
    Ok(())
}

/// Forgets what was said of a rotation's tasks.
pub(crate) fn forget(connection: &Connection, rotation: &RotationId) -> Result<(), JournalError> {
    connection.prepare_cached("DELETE FROM remarks WHERE rotation = ?1")?.execute([&rotation.0])?;
    Ok(())
}

fn read(connection: &Connection, key: &Key, task: &str) -> Result<Option<Remark>, JournalError> {
    let row: Option<(String, String)> = connection
        .prepare_cached("SELECT body, code FROM remarks WHERE task = ?1")?
        .query_row([task], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(row.and_then(|(body, code)| opened(&remarks_key(key), task, &body, &code)))
}

fn write(
    connection: &Connection,
    key: &Key,
    rotation: &RotationId,
    task: &str,
    body: &str,
) -> Result<(), JournalError> {
    connection.execute(
        "INSERT OR REPLACE INTO remarks (task, rotation, body, code) VALUES (?1, ?2, ?3, ?4)",
        params![task, rotation.0, body, code(&remarks_key(key), task, body)],
    )?;
    Ok(())
}

fn opened(key: &Key, task: &str, body: &str, found: &str) -> Option<Remark> {
    (found == code(key, task, body)).then(|| serde_json::from_str(body).ok()).flatten()
}

fn remarks_key(key: &Key) -> Key {
    key.derive("remarks")
}

/// A keyed code over all that a row says.
fn code(key: &Key, task: &str, body: &str) -> String {
    let bytes = key.derive(&format!("{task:?} {body}"));
    bytes.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
