//! One step of a rotation, as it is written: all of it in one transaction, or nothing.

use domain::audit::Record;
use domain::{Entry, Outcome, RotationId, SecretName, Token};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::audit_log::AuditLog;
use crate::column::{json, time};
use crate::values::{Slot, Values};
use crate::{JournalError, TokenChange, remarks, token};

/// One step of a rotation.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which rotation.
    pub rotation: RotationId,
    /// How many entries the writer thinks that the rotation has.
    pub expected_seq: u64,
    /// What happened, numbered from there.
    pub entries: Vec<Entry>,
    /// What the audit says of it.
    pub audit: Vec<Record>,
    /// Values to keep until the rotation closes.
    pub seal: Vec<(Slot, Token)>,
    /// Tokens that came into a state.
    pub tokens: Vec<TokenChange>,
    /// The secret, in the batch that begins the rotation.
    pub open: Option<SecretName>,
    /// The end, in the batch that closes the rotation: its values and their key are destroyed.
    pub close: Option<Outcome>,
    /// The answer of the inbox that this step used.
    pub took: Option<i64>,
}

impl Batch {
    /// An empty batch for a rotation that has this many entries.
    #[must_use]
    pub fn new(rotation: RotationId, expected_seq: u64) -> Self {
        Self {
            rotation,
            expected_seq,
            entries: Vec::new(),
            audit: Vec::new(),
            seal: Vec::new(),
            tokens: Vec::new(),
            open: None,
            close: None,
            took: None,
        }
    }
}

/// Where the journal stands after a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// How many entries the rotation has; 0 where none was named.
    pub seq: u64,
    /// How many records the audit log has.
    pub audit: u64,
}

/// Writes a batch inside the caller's savepoint.
pub(crate) fn write(
    connection: &Connection,
    values: &Values,
    audit: &mut AuditLog,
    batch: &Batch,
    now: Timestamp,
) -> Result<Appended, JournalError> {
    let rotation = &batch.rotation;
    if let Some(secret) = &batch.open {
        open(connection, batch, secret, now)?;
        values.begin(connection, rotation)?;
    } else {
        require_open(connection, rotation)?;
    }
    let seq = append(connection, batch)?;
    for (slot, token) in &batch.seal {
        values.put(connection, rotation, *slot, token)?;
    }
    for change in &batch.tokens {
        token::put(connection, change)?;
    }
    if let Some(id) = batch.took {
        take(connection, rotation, id, now)?;
    }
    if let Some(outcome) = &batch.close {
        close(connection, batch, outcome, now)?;
    }
    audit.append(connection, &batch.audit)?;
    Ok(Appended { seq, audit: audit.seq() })
}

fn open(
    connection: &Connection,
    batch: &Batch,
    secret: &SecretName,
    now: Timestamp,
) -> Result<(), JournalError> {
    let rotation = &batch.rotation;
    if state(connection, rotation)?.is_some() {
        return Err(JournalError::Exists { rotation: rotation.clone() });
    }
    // The unique index refuses this too; asked here for the other rotation's id.
    let other: Option<String> = connection
        .prepare_cached("SELECT id FROM rotations WHERE secret = ?1 AND closed_at IS NULL")?
        .query_row([secret.to_string()], |row| row.get(0))
        .optional()?;
    if let Some(other) = other {
        let (secret, rotation) = (secret.clone(), RotationId(other));
        return Err(JournalError::AlreadyOpen { secret, rotation });
    }
    let started_at = batch.entries.first().map_or(now, |entry| entry.at);
    connection
        .prepare_cached("INSERT INTO rotations (id, secret, started_at) VALUES (?1, ?2, ?3)")?
        .execute(params![rotation.0, secret.to_string(), time(started_at)])?;
    Ok(())
}

/// Writes the entries and answers with the number that the rotation has then.
fn append(connection: &Connection, batch: &Batch) -> Result<u64, JournalError> {
    let rotation = &batch.rotation;
    let found: u64 = connection
        .prepare_cached("SELECT coalesce(max(seq) + 1, 0) FROM events WHERE rotation = ?1")?
        .query_row([&rotation.0], |row| row.get(0))?;
    if found != batch.expected_seq {
        let (rotation, expected) = (rotation.clone(), batch.expected_seq);
        return Err(JournalError::Conflict { rotation, expected, found });
    }
    let mut insert = connection
        .prepare_cached("INSERT INTO events (rotation, seq, at, body) VALUES (?1, ?2, ?3, ?4)")?;
    let mut seq = found;
    for entry in &batch.entries {
        if entry.seq != seq {
            let (rotation, found) = (rotation.clone(), entry.seq);
            return Err(JournalError::Misnumbered { rotation, expected: seq, found });
        }
        insert.execute(params![rotation.0, seq, time(entry.at), json("an entry", entry)?])?;
        seq += 1;
    }
    Ok(seq)
}

fn take(
    connection: &Connection,
    rotation: &RotationId,
    id: i64,
    now: Timestamp,
) -> Result<(), JournalError> {
    let taken = connection
        .prepare_cached(
            "UPDATE inbox SET taken_at = ?3, sealed = NULL
             WHERE id = ?1 AND rotation = ?2 AND taken_at IS NULL",
        )?
        .execute(params![id, rotation.0, time(now)])?;
    if taken == 1 {
        return Ok(());
    }
    Err(JournalError::Taken { id, rotation: rotation.clone() })
}

fn close(
    connection: &Connection,
    batch: &Batch,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), JournalError> {
    let id = &batch.rotation.0;
    let closed_at = time(batch.entries.last().map_or(now, |entry| entry.at));
    Values::destroy(connection, &batch.rotation)?;
    remarks::forget(connection, &batch.rotation)?;
    // Whatever was still asked of it is moot, and its values go the same way.
    connection
        .prepare_cached(
            "UPDATE inbox SET sealed = NULL, taken_at = coalesce(taken_at, ?2)
             WHERE rotation = ?1",
        )?
        .execute(params![id, closed_at])?;
    connection
        .prepare_cached("UPDATE rotations SET closed_at = ?2, outcome = ?3 WHERE id = ?1")?
        .execute(params![id, closed_at, json("an outcome", outcome)?])?;
    Ok(())
}

/// Refuses a rotation that does not exist or has ended.
pub(crate) fn require_open(
    connection: &Connection,
    rotation: &RotationId,
) -> Result<(), JournalError> {
    let rotation = rotation.clone();
    match state(connection, &rotation)? {
        Some(true) => Ok(()),
        Some(false) => Err(JournalError::Closed { rotation }),
        None => Err(JournalError::Unknown { rotation }),
    }
}

/// Whether a rotation is open; `None` if it does not exist.
fn state(connection: &Connection, rotation: &RotationId) -> Result<Option<bool>, JournalError> {
    let open = connection
        .prepare_cached("SELECT closed_at IS NULL FROM rotations WHERE id = ?1")?
        .query_row([&rotation.0], |row| row.get(0))
        .optional()?;
    Ok(open)
}
