//! What the journal promises, each promise with the way it is tried.

mod append;
mod audit;
mod failure;
mod inbox;
mod lease;
mod notes;
mod notified;
mod rekey;
mod schema;
mod sealed;
mod set_back;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::audit::Record;
use domain::{Entry, Event, Outcome, RotationId, SecretName, Token};
use jiff::Timestamp;
use rusqlite::Connection;
use seal::Key;
use tempfile::TempDir;

use crate::{Batch, Holder, Journal, JournalError, Options, Reader, Slot};

/// A database in a directory of its own, which goes with it.
struct Home {
    directory: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("rollover.db")
    }

    fn open(&self) -> Journal {
        self.try_open(Options::default()).unwrap()
    }

    fn try_open(&self, options: Options) -> Result<Journal, JournalError> {
        Journal::open(&self.path(), &key(), here(), options)
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.path(), &key()).unwrap()
    }

    /// A connection that knows none of our rules: whoever can write the file.
    fn raw(&self) -> Connection {
        raw(&self.path())
    }
}

fn raw(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
    connection
}

fn key() -> Key {
    Key::from_bytes(&[42; 32])
}

fn here() -> Holder {
    Holder::here("rollover test", "tester")
}

fn id(text: &str) -> RotationId {
    RotationId(text.into())
}

fn secret(key: &str) -> SecretName {
    SecretName::new("prod", key).unwrap()
}

fn now() -> Timestamp {
    "2026-11-21T07:30:00.25Z".parse().unwrap()
}

fn entry(seq: u64) -> Entry {
    Entry { seq, at: now(), event: Event::Approved { by: format!("person {seq}") } }
}

fn record(rotation: &str, action: &str) -> Record {
    Record {
        at: now(),
        action: action.into(),
        actor: "tester".into(),
        secret: None,
        rotation: Some(id(rotation)),
        context: BTreeMap::from([("step".into(), "x".into())]),
    }
}

/// A batch of one entry and its record.
fn step(rotation: &str, seq: u64) -> Batch {
    let mut batch = Batch::new(id(rotation), seq);
    batch.entries.push(entry(seq));
    batch.audit.push(record(rotation, "secret.rotate.revocation_approved"));
    batch
}

/// The first batch of a rotation of the secret with the same name.
fn begin(rotation: &str) -> Batch {
    let mut batch = step(rotation, 0);
    batch.open = Some(secret(rotation));
    batch
}

fn with_values(mut batch: Batch) -> Batch {
    batch.seal.push((Slot::Old, value("old", &batch.rotation)));
    batch.seal.push((Slot::New, value("new", &batch.rotation)));
    batch
}

fn value(which: &str, rotation: &RotationId) -> Token {
    Token::new(format!("{which}-value-of-{rotation}-that-nobody-may-see"))
}

fn end(rotation: &str, seq: u64) -> Batch {
    let mut batch = step(rotation, seq);
    batch.close = Some(Outcome::Completed);
    batch
}

/// A clock that is ahead by some seconds.
fn ahead(seconds: i64) -> crate::Clock {
    Arc::new(move || Timestamp::now() + jiff::SignedDuration::from_secs(seconds))
}

/// Waits for something that another thread or process will make true.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(5));
    }
}
