//! What has been said to whom. Messages are derived, so this is all that has to be remembered.
//!
//! Any process may say something, so nothing here needs the lease. A process *claims* a message
//! before it says it and tells how that ended; a claim that nobody tells the end of runs out, and
//! then the message is said again: at least once, never by two at a time.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use seal::Key;

use crate::column::{Text, time};
use crate::kept::Kept;
use crate::{JournalError, connection, schema};

/// What is remembered of one message on one channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The channel.
    pub channel: String,
    /// The message's id.
    pub id: String,
    /// The rotation that it is about.
    pub rotation: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// Not to be tried before.
    pub not_before: Timestamp,
    /// When it was said.
    pub said_at: Option<Timestamp>,
    /// Where it stands, in the place's own words: a message's id.
    pub receipt: Option<String>,
    /// Why it was not said, the last time.
    pub why: Option<String>,
}

/// Where it is written down what was said.
pub struct Notices {
    connection: Connection,
}

impl Notices {
    /// Opens the database for this, from any process.
    ///
    /// # Errors
    /// There is none, it is of another schema, or the key is another installation's.
    pub fn open(path: &Path, key: &Key) -> Result<Self, JournalError> {
        let connection = connection::writing(path)?;
        schema::require_current(&connection, path)?;
        Kept::load(&connection, path, key)?;
        Ok(Self { connection })
    }

    /// Everything that is remembered of a channel, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn of(&self, channel: &str) -> Result<Vec<Notice>, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT channel, id, rotation, attempts, not_before, said_at, receipt, why
             FROM notified WHERE channel = ?1 ORDER BY rowid",
        )?;
        Ok(statement.query_map([channel], read)?.collect::<Result<_, _>>()?)
    }

    /// Takes a message for saying it, until a moment; `false` where it was said, is not due, or
    /// somebody else has it.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn claim(
        &mut self,
        channel: &str,
        id: &str,
        rotation: Option<&str>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, JournalError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: Option<(Option<String>, Text<Timestamp>)> = transaction
            .query_row(
                "SELECT said_at, not_before FROM notified WHERE channel = ?1 AND id = ?2",
                [channel, id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        if found.is_some_and(|(said, not_before)| said.is_some() || not_before.0 > now) {
            return Ok(false);
        }
        transaction.execute(
            "INSERT INTO notified (channel, id, rotation, attempts, not_before)
             VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT (channel, id) DO UPDATE SET
                 attempts = attempts + 1, not_before = excluded.not_before",
            params![channel, id, rotation, time(until)],
        )?;
        transaction.commit()?;
        Ok(true)
    }

    /// Tells that a claimed message was said, and where it stands.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn said(
        &mut self,
        channel: &str,
        id: &str,
        at: Timestamp,
        receipt: &str,
    ) -> Result<(), JournalError> {
        self.connection.execute(
            "UPDATE notified SET said_at = ?3, receipt = ?4, why = NULL
             WHERE channel = ?1 AND id = ?2",
            params![channel, id, time(at), receipt],
        )?;
        Ok(())
    }

    /// Tells that a claimed message was not said, why, and when it is worth another try.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn unsaid(
        &mut self,
        channel: &str,
        id: &str,
        why: &str,
        retry_at: Timestamp,
    ) -> Result<(), JournalError> {
        self.connection.execute(
            "UPDATE notified SET why = ?3, not_before = ?4 WHERE channel = ?1 AND id = ?2",
            params![channel, id, why, time(retry_at)],
        )?;
        Ok(())
    }

    /// Makes everything that was not said worth another try at once.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn retry_all(&mut self, now: Timestamp) -> Result<(), JournalError> {
        self.connection.execute(
            "UPDATE notified SET not_before = ?1 WHERE said_at IS NULL AND why IS NOT NULL",
            [time(now)],
        )?;
        Ok(())
    }
}

/// What was tried and not said, of every channel, newest last.
pub(crate) fn unsaid(connection: &Connection) -> Result<Vec<Notice>, JournalError> {
    let mut statement = connection.prepare_cached(
        "SELECT channel, id, rotation, attempts, not_before, said_at, receipt, why
         FROM notified WHERE said_at IS NULL AND why IS NOT NULL ORDER BY rowid",
    )?;
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Notice> {
    Ok(Notice {
        channel: row.get(0)?,
        id: row.get(1)?,
        rotation: row.get(2)?,
        attempts: row.get(3)?,
        not_before: row.get::<_, Text<Timestamp>>(4)?.0,
        said_at: row.get::<_, Option<Text<Timestamp>>>(5)?.map(|at| at.0),
        receipt: row.get(6)?,
        why: row.get(7)?,
    })
}
