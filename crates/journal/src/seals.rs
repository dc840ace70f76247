//! Which sealed values are the newest: what an older one that is put back at its own place does
//! not fit.
//!
//! A seal binds a value to its place, so it opens nowhere else. An earlier value of the same
//! place would still open there, and an answer of the inbox that was taken could be made to wait
//! again. So every write says, under the installation's key, what is sealed now, and how many
//! audit records there were: an older saying does not fit the log, and an older value does not
//! fit the saying. Whoever puts back both, and the log, puts back the whole database, which is
//! what [the mark](crate::mark) is for.

use std::fmt::Write;

use rusqlite::{Connection, OptionalExtension, params};
use seal::Key;

use crate::{JournalError, audit_log};

/// What is sealed, as the writer goes on with it.
pub(crate) struct Seals {
    key: Key,
    /// A keyed digest of everything that is sealed.
    digest: [u8; 32],
    /// SQLite's number of what other connections have written, when that was so.
    others: i64,
}

impl Seals {
    /// Says what is sealed for the first time, in a database that has not said it before.
    pub(crate) fn begin(connection: &Connection, key: &Key) -> Result<(), JournalError> {
        let mut seals = Self { key: seals_key(key), digest: [0; 32], others: 0 };
        seals.renew(connection)?;
        seals.write(connection, audit_log::newest(connection)?)
    }

    /// Reads what was said last, and checks that it is so.
    pub(crate) fn load(connection: &Connection, key: &Key) -> Result<Self, JournalError> {
        let key = seals_key(key);
        let others = others(connection)?;
        let digest = digest(connection, &key)?;
        let audit = audit_log::newest(connection)?;
        let stored: Option<(u64, Vec<u8>)> = connection
            .prepare_cached("SELECT audit_seq, mac FROM seals")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let right = mac(&key, audit, &digest);
        match stored {
            Some((seq, mac)) if seq == audit && mac == right => Ok(Self { key, digest, others }),
            _ => Err(JournalError::Replayed),
        }
    }

    /// Refuses a database in which somebody else has changed what is sealed. Asked within a
    /// transaction that writes; where no other connection has written since, there is nothing to
    /// read. Whoever changes the file's bytes under a running process, past SQLite, is found when
    /// the database is opened next, unless the same place was written in between.
    pub(crate) fn unchanged(&mut self, connection: &Connection) -> Result<(), JournalError> {
        let others = others(connection)?;
        if others == self.others {
            return Ok(());
        }
        if digest(connection, &self.key)? != self.digest {
            return Err(JournalError::Replayed);
        }
        self.others = others;
        Ok(())
    }

    /// Takes what is sealed now for what should be.
    pub(crate) fn renew(&mut self, connection: &Connection) -> Result<(), JournalError> {
        self.digest = digest(connection, &self.key)?;
        Ok(())
    }

    /// Says it, once a transaction.
    pub(crate) fn write(&self, connection: &Connection, audit: u64) -> Result<(), JournalError> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO seals (one, audit_seq, mac) VALUES (1, ?1, ?2)",
            )?
            .execute(params![audit, mac(&self.key, audit, &self.digest)])?;
        Ok(())
    }
}

/// Differs from what it was once another connection has committed something, and only then
/// (<https://sqlite.org/pragma.html#pragma_data_version>).
fn others(connection: &Connection) -> Result<i64, JournalError> {
    Ok(connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

/// Everything that is sealed, and what was taken from the inboxes of open rotations.
fn digest(connection: &Connection, key: &Key) -> Result<[u8; 32], JournalError> {
    let mut text = String::new();
    for (name, sql) in SEALED {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (at, sealed) = (row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?);
            // Writing to a string cannot fail.
            let _written = write!(text, "{name} {at:?} ");
            push_hex(&mut text, &sealed);
            text.push('\n');
        }
    }
    Ok(*key.derive(&text).bytes())
}

fn mac(key: &Key, audit: u64, digest: &[u8; 32]) -> [u8; 32] {
    let mut text = format!("{audit} records, ");
    push_hex(&mut text, digest);
    *key.derive(&text).bytes()
}

/// Hexadecimal digits. By hand, because all that is sealed passes here at every write.
fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    text.reserve(2 * bytes.len());
    for byte in bytes {
        text.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn seals_key(key: &Key) -> Key {
    key.derive("newest seals")
}

/// Where something stands and what is sealed there, in an order of its own.
const SEALED: [(&str, &str); 4] = [
    ("kept", "SELECT name, sealed FROM kept ORDER BY name"),
    ("data-key", "SELECT rotation, wrapped FROM data_keys ORDER BY rotation"),
    (
        "value",
        "SELECT rotation || '/' || slot || '/' || version, blob FROM sealed
         ORDER BY rotation, slot",
    ),
    (
        "taken",
        "SELECT number, CAST(id AS BLOB) AS item FROM inbox
         WHERE taken_at IS NOT NULL AND rotation IN (SELECT rotation FROM data_keys)
         ORDER BY number",
    ),
];
