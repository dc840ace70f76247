//! The tables, and how an older database becomes a newer one.
//!
//! `PRAGMA user_version` says which of the [`MIGRATIONS`] have been applied. Each is one
//! transaction with its number. A database from a newer program is refused: what it means by its
//! rows is unknown here, and a guess could cost a token.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::JournalError;

/// The version that this program writes.
pub(crate) const VERSION: u32 = 7;

/// Brings a database to [`VERSION`]. `complete` does what SQL cannot, in the transaction of each
/// migration; it is told the version that was reached by it.
pub(crate) fn migrate(
    connection: &mut Connection,
    path: &Path,
    complete: impl Fn(&Transaction<'_>, u32) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    while step(connection, path, &complete)? < VERSION {}
    Ok(())
}

/// Applies the next migration, if there is one, and answers with the version reached. It looks
/// under the write lock, so two programs cannot both apply one.
fn step(
    connection: &mut Connection,
    path: &Path,
    complete: &impl Fn(&Transaction<'_>, u32) -> Result<(), JournalError>,
) -> Result<u32, JournalError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = found(&transaction, path)?;
    if version == VERSION {
        return Ok(version);
    }
    let Some((_, to, migration)) = MIGRATIONS.iter().find(|(from, ..)| *from == version) else {
        let path = path.to_owned();
        return Err(JournalError::Older { path, found: version, known: VERSION });
    };
    transaction.execute_batch(migration)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", to)?;
    complete(&transaction, *to)?;
    transaction.commit()?;
    Ok(*to)
}

/// The version of a database that is ours, or empty; anything else is refused.
pub(crate) fn found(connection: &Connection, path: &Path) -> Result<u32, JournalError> {
    let pragma = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, u32>(0))
            .map_err(|error| JournalError::from(error).at(path))
    };
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let empty = tables == 0 && version == 0 && application == 0;
    if application != APPLICATION && !empty {
        return Err(JournalError::NotOurs { path: path.to_owned() });
    }
    if version > VERSION {
        let path = path.to_owned();
        return Err(JournalError::Newer { path, found: version, known: VERSION });
    }
    Ok(version)
}

/// Refuses a database that this program cannot read without changing it.
pub(crate) fn require_current(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    match found(connection, path)? {
        VERSION => Ok(()),
        // Whoever was making it was killed: there is nothing in it, as if it were not there.
        0 => Err(JournalError::Missing { path: path.to_owned() }),
        found => Err(JournalError::Older { path: path.to_owned(), found, known: VERSION }),
    }
}

/// `roll`, so that a database of something else is not taken for ours.
const APPLICATION: u32 = u32::from_be_bytes(*b"roll");

/// From which version, to which, and how. Once released, one is never changed again. Version 1
/// was before the first release, and nothing leads from it.
const MIGRATIONS: [(u32, u32, &str); 6] =
    [(0, 2, V2), (2, 3, V3), (3, 4, V4), (4, 5, V5), (5, 6, V6), (6, 7, V7)];

const V2: &str = "
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE rotations (
    id TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    started_at TEXT NOT NULL,
    closed_at TEXT,
    outcome TEXT,
    CHECK ((closed_at IS NULL) = (outcome IS NULL))
) STRICT;
-- One rotation per secret.
CREATE UNIQUE INDEX rotation_open ON rotations (secret) WHERE closed_at IS NULL;
CREATE INDEX rotation_started ON rotations (started_at);

CREATE TABLE events (
    rotation TEXT NOT NULL REFERENCES rotations (id),
    seq INTEGER NOT NULL CHECK (seq >= 0),
    at TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rotation, seq)
) STRICT, WITHOUT ROWID;

-- The key of one rotation's values, wrapped by the installation's. Gone when the rotation closes.
CREATE TABLE data_keys (
    rotation TEXT PRIMARY KEY REFERENCES rotations (id),
    wrapped BLOB NOT NULL
) STRICT;

CREATE TABLE sealed (
    rotation TEXT NOT NULL REFERENCES data_keys (rotation),
    slot TEXT NOT NULL CHECK (slot IN ('old', 'new')),
    version INTEGER NOT NULL,
    blob BLOB NOT NULL,
    PRIMARY KEY (rotation, slot)
) STRICT;

-- One record a row; `leaf` is its hash in the tree.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY CHECK (seq > 0),
    body TEXT NOT NULL,
    leaf BLOB NOT NULL
) STRICT;

-- The signed root over all records, and the right edge of their tree.
CREATE TABLE audit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    checkpoint TEXT NOT NULL,
    edge BLOB NOT NULL
) STRICT;

CREATE TABLE tokens (
    secret TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    handle TEXT,
    state TEXT NOT NULL,
    since TEXT NOT NULL,
    rotation TEXT REFERENCES rotations (id),
    PRIMARY KEY (secret, fingerprint)
) STRICT;

-- What other processes ask of the one that holds the lease. Requests, not facts.
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rotation TEXT NOT NULL REFERENCES rotations (id),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    number TEXT NOT NULL UNIQUE,
    sealed BLOB,
    actor TEXT NOT NULL,
    at TEXT NOT NULL,
    taken_at TEXT
) STRICT;
CREATE INDEX inbox_pending ON inbox (rotation) WHERE taken_at IS NULL;

CREATE TABLE lease (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL,
    holder TEXT NOT NULL,
    since TEXT NOT NULL,
    renewed_at TEXT NOT NULL,
    ttl_ms INTEGER NOT NULL,
    -- Whether the holder has the lock of the operating system too.
    locked INTEGER NOT NULL,
    released INTEGER NOT NULL
) STRICT;
";

const V3: &str = "
-- The secrets that outlive the installation's key, sealed under it once it was replaced.
CREATE TABLE kept (
    name TEXT PRIMARY KEY CHECK (name IN ('audit', 'fingerprint')),
    sealed BLOB NOT NULL
) STRICT;

-- Which sealed values are the newest, under the installation's key.
CREATE TABLE seals (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    audit_seq INTEGER NOT NULL,
    mac BLOB NOT NULL
) STRICT;
";

const V4: &str = "
-- Whose token is it? Asked for everything of a token's form that a scan meets.
CREATE INDEX token_fingerprint ON tokens (fingerprint);

-- Tokens that a store or a consumer was seen to hold, and that no rotation has touched yet. They
-- are known when they leak; how old they are is not known.
CREATE TABLE learned (
    fingerprint TEXT NOT NULL,
    secret TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (fingerprint, secret)
) STRICT, WITHOUT ROWID;

-- Leaks and how they were answered.
CREATE TABLE cases (
    id TEXT PRIMARY KEY,
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    body TEXT NOT NULL
) STRICT;
";

const V5: &str = "
-- Audit records of processes that do not hold the lease, until whoever holds it takes them.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    number TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    code TEXT NOT NULL
) STRICT;

-- What people say of a task: that they have taken it, that they could not do it.
CREATE TABLE remarks (
    task TEXT PRIMARY KEY,
    rotation TEXT NOT NULL REFERENCES rotations (id),
    body TEXT NOT NULL,
    code TEXT NOT NULL
) STRICT;
";

const V6: &str = "
-- What was said to whom; the messages themselves follow from the rest.
CREATE TABLE notified (
    channel TEXT NOT NULL,
    id TEXT NOT NULL,
    rotation TEXT,
    attempts INTEGER NOT NULL,
    not_before TEXT NOT NULL,
    said_at TEXT,
    receipt TEXT,
    why TEXT,
    UNIQUE (channel, id)
) STRICT;
";

const V7: &str = "
-- What people have fetched for their own machines, and what waits for them.
CREATE TABLE workstations (
    secret TEXT NOT NULL,
    consumer TEXT NOT NULL,
    body TEXT NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (secret, consumer)
) STRICT, WITHOUT ROWID;
";
