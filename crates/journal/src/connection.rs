//! The files of a database and the connections to it.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::{JournalError, schema};

/// Makes sure that the database's file exists and only we can read it, and answers with its one
/// true path. SQLite gives `-wal` and `-shm` the mode of this file, whatever the umask.
pub(crate) fn ensure_private(path: &Path) -> Result<PathBuf, JournalError> {
    let file = |source| JournalError::file(path, source);
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        ensure_directory(directory).map_err(file)?;
    }
    drop(private_file(path)?);
    path.canonicalize().map_err(file)
}

/// Makes a directory and those above it, durably: SQLite syncs the directory that its files lie
/// in, and a power cut would take it with all of them.
fn ensure_directory(directory: &Path) -> std::io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<&Path> = directory.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    for made in missing.into_iter().rev() {
        let above = made.parent().filter(|above| !above.as_os_str().is_empty());
        File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Opens or makes a file of mode 0600.
pub(crate) fn private_file(path: &Path) -> Result<File, JournalError> {
    let error = |source| JournalError::file(path, source);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(error)?;
    let metadata = file.metadata().map_err(error)?;
    if metadata.mode() & 0o777 != 0o600 && metadata.is_file() {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(error)?;
    }
    Ok(file)
}

/// A path with something appended to its last part.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// A connection that writes durably and leaves nothing of what it deletes.
pub(crate) fn writing(path: &Path) -> Result<Connection, JournalError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Asked first, because the next line would change a database that is not ours.
    schema::found(&connection, path)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let (what, why) = ("the database's journal mode".into(), format!("`{mode}`, not `wal`"));
        return Err(JournalError::Unreadable { what, why });
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS a plain fsync leaves the data in the disk's cache; elsewhere this is nothing.
    connection.pragma_update(None, "fullfsync", "ON")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    Ok(connection)
}

/// A connection that cannot write.
pub(crate) fn reading(path: &Path) -> Result<Connection, JournalError> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, JournalError> {
    match path.metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(JournalError::Missing { path: path.to_owned() });
        }
        Err(source) => return Err(JournalError::file(path, source)),
    }
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(64);
    // Without this promise SQLite prepares a statement anew whenever other values are bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// How long one process waits for another's short transaction.
pub(crate) const BUSY: Duration = Duration::from_secs(5);
