//! A copy of a database, made while it is written, and put back where there is none.
//!
//! The copy is made in memory and never stands in a file of its own. What is put back says of
//! itself that it was: it is not taken at its word until somebody has looked at the world.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use rusqlite::Connection;
use seal::Key;
use zeroize::Zeroizing;

use crate::kept::Kept;
use crate::{AuditProblem, JournalError, Verified, audit_log, connection, mark, schema};

/// A database as it was at one moment.
pub struct Snapshot {
    /// The whole of it.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The installation that it belongs to.
    pub installation: String,
    /// How many audit records it has.
    pub audit: u64,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("audit", &self.audit).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Copies a database, from any process, while another one writes.
    ///
    /// # Errors
    /// It cannot be read, or the key is another installation's.
    pub fn of(path: &Path, key: &Key) -> Result<Self, JournalError> {
        let mut connection = connection::reading(path)?;
        schema::require_current(&connection, path)?;
        Kept::load(&connection, path, key)?;
        // One transaction, so that what is said of the copy is said of this one.
        connection.execute_batch("BEGIN")?;
        let installation = mark::installation(&connection)?;
        let audit = audit_log::newest(&connection)?;
        let bytes = connection.serialize("main")?;
        let bytes = Zeroizing::new(bytes.to_vec());
        connection.execute_batch("COMMIT")?;
        Ok(Self { bytes, installation, audit })
    }

    /// Puts a copy where there is no database: whole and checked, or not at all.
    ///
    /// # Errors
    /// There is one, the key is not the copy's, the audit log is broken, or the file cannot be
    /// written.
    pub fn restore(bytes: &[u8], path: &Path, key: &Key) -> Result<Verified, RestoreError> {
        if path.symlink_metadata().is_ok() {
            return Err(RestoreError::Exists);
        }
        // A log that belongs to a database which is gone must not be read into this one.
        for suffix in ["-wal", "-shm", "-journal"] {
            if connection::beside(path, suffix).exists() {
                return Err(RestoreError::Exists);
            }
        }
        let part = connection::beside(path, ".part");
        let written = Self::write(bytes, &part, key).and_then(|verified| {
            fs::rename(&part, path).map_err(|source| JournalError::file(path, source))?;
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let directory = directory.unwrap_or(Path::new("."));
            File::open(directory)
                .and_then(|directory| directory.sync_all())
                .map_err(|source| JournalError::file(directory, source))?;
            Ok(verified)
        });
        if written.is_err() {
            // It is ours and was never a database.
            let _removed = fs::remove_file(&part);
        }
        written
    }

    fn write(bytes: &[u8], part: &Path, key: &Key) -> Result<Verified, RestoreError> {
        match fs::remove_file(part) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(JournalError::file(part, error).into());
            }
            _ => {}
        }
        let part = connection::ensure_private(part)?;
        let mut file = connection::private_file(&part)?;
        file.write_all(bytes).map_err(|source| JournalError::file(&part, source))?;
        let mut database = Connection::open(&part).map_err(JournalError::from)?;
        schema::found(&database, &part)?;
        // Without a write-ahead log, so that one file is all there is to rename.
        database
            .pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))
            .map_err(JournalError::from)?;
        schema::require_current(&database, &part)?;
        let kept = Kept::load(&database, &part, key)?;
        let transaction = database.transaction().map_err(JournalError::from)?;
        let verified = audit_log::verify(&transaction, &kept.audit, &[])?;
        transaction
            .execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('set_back', '1')", [])
            .map_err(JournalError::from)?;
        transaction.commit().map_err(JournalError::from)?;
        database.close().map_err(|(_, error)| JournalError::from(error))?;
        file.sync_all().map_err(|source| JournalError::file(&part, source))?;
        Ok(verified)
    }
}

/// Why a copy is not put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// There is a database already, or what another one has left.
    #[error("there is a database already")]
    Exists,
    /// The copy's audit log is not what this installation wrote.
    #[error(transparent)]
    Audit(#[from] AuditProblem),
    /// It cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}
