//! Another key for everything that is sealed in a database, in one transaction: before it the old
//! key opens everything, after it the new one, and at no instant neither.

use std::path::Path;

use domain::RotationId;
use domain::audit::Record;
use rusqlite::{Connection, TransactionBehavior, params};
use seal::Key;

use crate::kept::Kept;
use crate::lease::{self, Claim, Holder};
use crate::seals::Seals;
use crate::values::Values;
use crate::writer::Writer;
use crate::{JournalError, Options, inbox, notes, remarks, workstations};

/// A database whose key is to be replaced. This process holds the lease until it is dropped, so
/// no engine runs meanwhile.
pub struct Rekey {
    writer: Writer,
    key: Key,
}

impl Rekey {
    /// Takes the lease, with the key that opens the database.
    ///
    /// # Errors
    /// As [`crate::Journal::open`].
    pub fn open(
        path: &Path,
        key: &Key,
        holder: Holder,
        options: Options,
    ) -> Result<Self, JournalError> {
        let claim = Claim { holder, ttl: options.ttl, take_over: options.take_over };
        Ok(Self { writer: Writer::open(path, key, &claim, options)?, key: key.clone() })
    }

    /// Seals everything under another key, and says so in the audit log. Each open rotation gets
    /// a new data key, too, so that whoever has the old key and an old copy of the database can
    /// open nothing that was sealed since.
    ///
    /// # Errors
    /// A value does not open, or the database cannot be written: then nothing has changed.
    pub fn commit(&mut self, new: &Key, record: Record) -> Result<(), JournalError> {
        let writer = &mut self.writer;
        let now = (writer.options.clock)();
        let locked = writer.locked();
        let transaction =
            writer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        lease::keep(&transaction, writer.epoch, locked, now)?;
        writer.seals.unchanged(&transaction)?;
        let kept = Kept::load(&transaction, &writer.path, &self.key)?;
        let (before, after) = (Values::new(&self.key), Values::new(new));
        for rotation in rotations(&transaction)? {
            before.hand_over(&after, &transaction, &rotation)?;
        }
        inbox::reseal(&transaction, &self.key, new)?;
        remarks::recode(&transaction, &self.key, new)?;
        workstations::recode(&transaction, &self.key, new)?;
        kept.store(&transaction, new)?;
        transaction.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('retired_key', ?1)",
            params![proof_of(&self.key)],
        )?;
        notes::take(&transaction, &mut writer.audit, &self.key, now)?;
        writer.audit.append(&transaction, &[record])?;
        writer.audit.write_head(&transaction)?;
        Seals::begin(&transaction, new)?;
        let observer = writer.options.observer.clone();
        if let Some(observer) = &observer {
            observer.before_commit();
        }
        transaction.commit()?;
        writer.raise_mark()?;
        if let Some(observer) = &observer {
            observer.after_commit();
        }
        writer.seals = Seals::load(&writer.connection, new)?;
        writer.values = after;
        writer.key = new.clone();
        self.key = new.clone();
        // What was sealed under the old key is emptied out of the write-ahead log.
        writer.shred_due = true;
        writer.shred();
        Ok(())
    }

    /// Refuses where the lease went to another process, which may be replacing the key as well.
    /// To be asked right before a file of a key, or one that is sealed with it, is changed.
    ///
    /// # Errors
    /// As said, or that cannot be found out.
    pub fn may_go_on(&self) -> Result<(), JournalError> {
        lease::holds(&self.writer.connection, self.writer.epoch)
    }

    /// Whether this is the key that was replaced last, and so may be destroyed.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn has_retired(&self, key: &Key) -> Result<bool, JournalError> {
        let sql = "SELECT count(*) FROM meta WHERE key = 'retired_key' AND value = ?1";
        let connection = &self.writer.connection;
        Ok(connection.query_row(sql, [proof_of(key)], |row| row.get::<_, u64>(0))? > 0)
    }
}

impl std::fmt::Debug for Rekey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rekey").field("path", &self.writer.path).finish_non_exhaustive()
    }
}

impl Drop for Rekey {
    fn drop(&mut self) {
        self.writer.rest();
    }
}

fn rotations(connection: &Connection) -> Result<Vec<RotationId>, JournalError> {
    let mut statement = connection.prepare("SELECT rotation FROM data_keys ORDER BY rotation")?;
    let rows = statement.query_map([], |row| row.get(0).map(RotationId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What shows that one has a key, and says nothing about it.
fn proof_of(key: &Key) -> String {
    key.derive("retired").bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
