//! Why something is not written or not read. Each error names its noun and the next move.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::audit::Broken;
use domain::{RotationId, SecretName};
use jiff::Timestamp;
use rusqlite::ErrorCode;
use seal::SealError;

use crate::{Holder, SetBack};

/// Why something is not written or not read.
///
/// It can be cloned, because one failed commit answers everybody who waited for it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// There is no database yet.
    #[error("no database at `{}`", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A file of the database cannot be made or opened.
    #[error("`{}` cannot be opened", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// It is not a database, or not ours.
    #[error("`{}` is not a database of rollover", path.display())]
    NotOurs {
        /// Which file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("`{}` has schema {found}, this program knows up to {known}", path.display())]
    Newer {
        /// Which database.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// An older program wrote it, and reading must not change it.
    #[error("`{}` still has schema {found}, not {known}", path.display())]
    Older {
        /// Which database.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The key is another installation's.
    #[error("the key does not belong to database `{}`", path.display())]
    WrongKey {
        /// Which database.
        path: PathBuf,
    },
    /// Something sealed is not what was written last.
    #[error("what is sealed in the database is not what was written last")]
    Replayed,
    /// What the database believes may be older than the world.
    #[error("`{}` is not taken at its word: {why}", path.display())]
    SetBack {
        /// Which database.
        path: PathBuf,
        /// What shows it.
        why: SetBack,
    },
    /// Another process writes.
    #[error("the lease is held by {holder}, since {since}, renewed {renewed}")]
    Held {
        /// Who.
        holder: Box<Holder>,
        /// Since when.
        since: Timestamp,
        /// When it last showed that it lives.
        renewed: Timestamp,
        /// Whether that is longer ago than it promised.
        expired: bool,
    },
    /// Another process has the lock but has not said yet who it is.
    #[error("`{}` is just being opened or closed by another process", path.display())]
    Changing {
        /// Which database.
        path: PathBuf,
    },
    /// The lease went to another process while we did not renew it.
    #[error("the lease went to {}", holder.as_ref().map_or("nobody".into(), |h| h.to_string()))]
    Fenced {
        /// Who has it now.
        holder: Option<Box<Holder>>,
    },
    /// The rotation is not where the writer thought it was.
    #[error("rotation {rotation} is at {found}, the batch expected {expected}")]
    Conflict {
        /// Which rotation.
        rotation: RotationId,
        /// The place that the batch begins at.
        expected: u64,
        /// The rotation's next place.
        found: u64,
    },
    /// An entry's own number is not its place.
    #[error("entry {found} of rotation {rotation} stands at place {expected}")]
    Misnumbered {
        /// Which rotation.
        rotation: RotationId,
        /// Its place.
        expected: u64,
        /// Its number.
        found: u64,
    },
    /// One rotation per secret.
    #[error("rotation {rotation} of {secret} is still open")]
    AlreadyOpen {
        /// Which secret.
        secret: SecretName,
        /// Which rotation.
        rotation: RotationId,
    },
    /// The id is taken.
    #[error("rotation {rotation} exists already")]
    Exists {
        /// Which rotation.
        rotation: RotationId,
    },
    /// There is no such rotation.
    #[error("no rotation {rotation}")]
    Unknown {
        /// Which rotation.
        rotation: RotationId,
    },
    /// It has ended.
    #[error("rotation {rotation} is closed")]
    Closed {
        /// Which rotation.
        rotation: RotationId,
    },
    /// It was taken before, or is another rotation's.
    #[error("answer {id} of the inbox is not waiting for rotation {rotation}")]
    Taken {
        /// Which answer.
        id: i64,
        /// Which rotation.
        rotation: RotationId,
    },
    /// A value could not be sealed or does not open.
    #[error("the journal's sealed values cannot be used")]
    Seal(#[source] Arc<SealError>),
    /// The newest end of the audit log is not what we wrote.
    #[error("the audit log is broken")]
    Audit(#[source] Broken),
    /// A row does not say what it should.
    #[error("{what} cannot be understood: {why}")]
    Unreadable {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// A row breaks a rule of the schema, such as naming a rotation that does not exist.
    #[error("the database refuses a row of this batch")]
    Refused(#[source] Arc<rusqlite::Error>),
    /// No space.
    #[error("the disk is full")]
    Full(#[source] Arc<rusqlite::Error>),
    /// The file, its directory or its file system does not take writes.
    #[error("the database may not be written")]
    ReadOnly(#[source] Arc<rusqlite::Error>),
    /// Another process is in the middle of a write and does not end.
    #[error("another process keeps the database locked")]
    Busy(#[source] Arc<rusqlite::Error>),
    /// The disk failed.
    #[error("the disk failed under the database")]
    Disk(#[source] Arc<rusqlite::Error>),
    /// The file is damaged.
    #[error("the database is damaged")]
    Damaged(#[source] Arc<rusqlite::Error>),
    /// Anything else that SQLite says.
    #[error("the database failed")]
    Database(#[source] Arc<rusqlite::Error>),
    /// A write failed earlier; nothing may follow it.
    #[error("an earlier write failed, nothing is written after it")]
    Poisoned(#[source] Arc<Self>),
    /// The writer is gone: it panicked, or could not be started.
    #[error("the journal's writer has stopped")]
    Stopped,
}

impl JournalError {
    /// The next move.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => "check `database` in rollover.toml; the first command that \
                                     writes makes it"
                .into(),
            Self::File { path, source } => file_hint(path, source.kind()),
            Self::NotOurs { .. } => "point `database` in rollover.toml to another path".into(),
            Self::Newer { .. } => "run the newer rollover; an older one must not guess".into(),
            Self::Older { found: 0, .. } => "run any command that writes; it makes the tables".into(),
            Self::Older { .. } => "it was made before the first release: end what is open with the \
                                   rollover that made it, then name a new `database` in rollover.toml"
                .into(),
            Self::WrongKey { .. } => "use the key that the database was made with; check `key` \
                                      and `database` in rollover.toml"
                .into(),
            Self::Replayed => "somebody put an earlier value back: keep the file as evidence, and \
                               restore a backup"
                .into(),
            Self::SetBack { .. } => {
                "nothing is changed on its word: look at the world with `rollover reconcile`".into()
            }
            Self::Held { expired: false, .. } => {
                "wait for it, or stop that process; it goes on where that one ended".into()
            }
            Self::Held { holder, expired: true, .. } => format!(
                "it stopped renewing: kill process {} on {}, or take over",
                holder.pid, holder.host
            ),
            Self::Changing { .. } => "run the same command again; if this stays, a suspended \
                                      process has the lock: end it, or take over"
                .into(),
            Self::Fenced { .. } => {
                "nothing is lost; look at what the other process does before starting again".into()
            }
            Self::Conflict { .. } | Self::Misnumbered { .. } | Self::Refused(_) => {
                "read the rotation again; this is a bug if only one process runs".into()
            }
            Self::AlreadyOpen { rotation, .. } => {
                format!("resume rotation {rotation}, or turn it back, before another one")
            }
            Self::Exists { .. } => "run the same command again; ids are drawn at random".into(),
            Self::Unknown { .. } => "list the rotations for their ids".into(),
            Self::Closed { .. } => "nothing is left to do for it; start a new rotation".into(),
            Self::Taken { .. } => "it was taken before; look at the rotation".into(),
            Self::Seal(source) => source.hint(),
            Self::Audit(_) => {
                "keep the file as evidence, verify the audit log, and restore a backup".into()
            }
            Self::Unreadable { .. } | Self::Damaged(_) => {
                "keep the file, and restore the database from a backup".into()
            }
            Self::Full(_) => "free some space, then run the same command again".into(),
            Self::ReadOnly(_) => {
                "see that the database and its directory are writable for this user, and that \
                 the disk has free space and is not mounted read-only; then run the same command \
                 again"
                    .into()
            }
            Self::Busy(_) => "find the other process that uses the database, and end it".into(),
            Self::Disk(_) | Self::Database(_) => {
                "check the disk: its free space, its mount and the system's log; then run the same \
                 command again"
                    .into()
            }
            Self::Poisoned(first) => first.hint(),
            Self::Stopped => "run the same command again; it goes on where this one ended".into(),
        }
    }

    /// Whether only this batch was refused. The others of its group go on, and so does the
    /// journal.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Conflict { .. }
                | Self::Misnumbered { .. }
                | Self::AlreadyOpen { .. }
                | Self::Exists { .. }
                | Self::Unknown { .. }
                | Self::Closed { .. }
                | Self::Taken { .. }
                | Self::Seal(_)
                | Self::Refused(_)
        )
    }

    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source: Arc::new(source) }
    }

    /// Names the file where SQLite does not.
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            Self::Damaged(source)
                if source.sqlite_error_code() == Some(ErrorCode::NotADatabase) =>
            {
                Self::NotOurs { path: path.to_owned() }
            }
            other => other,
        }
    }
}

fn file_hint(path: &Path, kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::PermissionDenied => {
            format!("run as the user that `{}` belongs to", path.display())
        }
        io::ErrorKind::ReadOnlyFilesystem => "mount it writable, or use another path".into(),
        io::ErrorKind::StorageFull => "free some space, then run the same command again".into(),
        _ => "check `database` in rollover.toml: its directory must exist and be writable; and check \
              the disk: its free space, its mount and the system's log"
            .into(),
    }
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        if let rusqlite::Error::FromSqlConversionFailure(column, _, why) = &error {
            let what = format!("column {column} of a row");
            return Self::Unreadable { what, why: why.to_string() };
        }
        let code = error.sqlite_error_code();
        let source = Arc::new(error);
        match code {
            Some(ErrorCode::DiskFull) => Self::Full(source),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly(source)
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(source),
            Some(ErrorCode::ConstraintViolation) => Self::Refused(source),
            Some(ErrorCode::SystemIoFailure) => Self::Disk(source),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(source),
            _ => Self::Database(source),
        }
    }
}

impl From<SealError> for JournalError {
    fn from(error: SealError) -> Self {
        Self::Seal(Arc::new(error))
    }
}
