//! What other processes ask of the one that holds the lease: an approval, an answer to a task,
//! a token that a person pasted.
//!
//! Posting needs no lease, because an item is a request and no fact: it becomes one when the
//! engine takes it, in the transaction that says what came of it. Each item is sealed with
//! everything that it says as its place, so whoever can write the database but has no key can
//! neither forge an approval nor change who gave it.

use std::path::Path;

use domain::{RotationId, Token};
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use seal::{Key, SealError};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::column::{Json, Text, json, time};
use crate::kept::Kept;
use crate::values;
use crate::{JournalError, batch, connection, mark, schema};

/// Something that is asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// Of which rotation.
    pub rotation: RotationId,
    /// What is asked, such as `approve`; the engine's words.
    pub kind: String,
    /// Its details; never a value.
    pub body: Value,
    /// The token that came with it; sealed until it is taken.
    pub token: Option<Token>,
    /// Who asks.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

/// Something that waits to be taken.
#[derive(Clone, PartialEq, Debug)]
pub struct Pending {
    /// What [`crate::Batch::took`] names it by.
    pub id: i64,
    /// What it is.
    pub item: Item,
}

/// Where items are posted.
#[derive(Debug)]
pub struct Inbox;

impl Inbox {
    /// Posts an item, durably, from any process.
    ///
    /// # Errors
    /// The rotation does not exist or has ended, or the database cannot be written.
    pub fn post(path: &Path, key: &Key, item: &Item) -> Result<i64, JournalError> {
        let mut connection = connection::writing(path)?;
        schema::require_current(&connection, path)?;
        Kept::load(&connection, path, key)?;
        if let (Some(why), _) = mark::standing(&connection, path, None)? {
            return Err(JournalError::SetBack { path: path.to_owned(), why });
        }
        let number = format!("{:016x}", getrandom::u64().map_err(SealError::Random)?);
        let body = json("an item of the inbox", &item.body)?;
        let sealed = inbox_key(key).seal(&place(item, &number, &body), &plain(item))?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        batch::require_open(&transaction, &item.rotation)?;
        transaction.execute(
            "INSERT INTO inbox (rotation, kind, body, number, sealed, actor, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![item.rotation.0, item.kind, body, number, sealed, item.actor, time(item.at),],
        )?;
        let id = transaction.last_insert_rowid();
        transaction.commit()?;
        Ok(id)
    }
}

/// Whether something waits for a rotation.
pub(crate) fn waits(connection: &Connection, rotation: &RotationId) -> Result<bool, JournalError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM inbox WHERE rotation = ?1 AND taken_at IS NULL LIMIT 1")?;
    Ok(statement.exists([&rotation.0])?)
}

/// What waits for a rotation, oldest first.
pub(crate) fn pending(
    connection: &Connection,
    key: &Key,
    rotation: &RotationId,
) -> Result<Vec<Pending>, JournalError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, kind, body, number, sealed, actor, at FROM inbox
         WHERE rotation = ?1 AND taken_at IS NULL ORDER BY id",
    )?;
    let rows = statement.query_map([&rotation.0], |row| {
        let item = Item {
            rotation: rotation.clone(),
            kind: row.get(1)?,
            body: row.get::<_, Json<Value>>(2)?.0,
            token: None,
            actor: row.get(5)?,
            at: row.get::<_, Text<Timestamp>>(6)?.0,
        };
        let place = place(&item, &row.get::<_, String>(3)?, &row.get::<_, String>(2)?);
        let sealed: Option<Vec<u8>> = row.get(4)?;
        Ok((Pending { id: row.get(0)?, item }, place, sealed.unwrap_or_default()))
    })?;
    let key = inbox_key(key);
    rows.map(|row| {
        let (mut pending, place, sealed) = row?;
        let mut plain = key.open_sealed(&place, &sealed)?;
        // The first byte says whether a token follows.
        if plain.first() == Some(&WITH_TOKEN) {
            plain.remove(0);
            pending.item.token = Some(values::text(&place, plain)?);
        }
        Ok(pending)
    })
    .collect()
}

/// Seals what waits under another key of the installation.
pub(crate) fn reseal(connection: &Connection, old: &Key, new: &Key) -> Result<(), JournalError> {
    let mut statement = connection.prepare(
        "SELECT id, rotation, kind, body, number, sealed, actor, at FROM inbox
         WHERE sealed IS NOT NULL",
    )?;
    let rows = statement.query_map([], |row| {
        let item = Item {
            rotation: RotationId(row.get(1)?),
            kind: row.get(2)?,
            body: Value::Null,
            token: None,
            actor: row.get(6)?,
            at: row.get::<_, Text<Timestamp>>(7)?.0,
        };
        let place = place(&item, &row.get::<_, String>(4)?, &row.get::<_, String>(3)?);
        Ok((row.get::<_, i64>(0)?, place, row.get::<_, Vec<u8>>(5)?))
    })?;
    let (old, new) = (inbox_key(old), inbox_key(new));
    for row in rows {
        let (id, place, sealed) = row?;
        let plain = old.open_sealed(&place, &sealed)?;
        let sealed = new.seal(&place, &plain)?;
        connection.execute("UPDATE inbox SET sealed = ?2 WHERE id = ?1", params![id, sealed])?;
    }
    Ok(())
}

fn plain(item: &Item) -> Zeroizing<Vec<u8>> {
    let value = item.token.as_ref().map_or(&[][..], |token| token.expose().as_bytes());
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + value.len()));
    plain.push(if item.token.is_some() { WITH_TOKEN } else { WITHOUT });
    plain.extend_from_slice(value);
    plain
}

fn inbox_key(key: &Key) -> Key {
    key.derive("inbox values")
}

/// Where an item stands: a random number, because the row's id is not known yet, and all it
/// says. Quoted, so that no text can pass for the end of another.
fn place(item: &Item, number: &str, body: &str) -> String {
    let Item { rotation, kind, actor, at, .. } = item;
    format!("inbox/{rotation}/{number} {kind:?} {actor:?} {at} {body}")
}

const WITHOUT: u8 = 0;
const WITH_TOKEN: u8 = 1;
