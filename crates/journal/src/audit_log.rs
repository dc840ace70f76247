//! The audit log as it is stored: the writer's tree and its signed checkpoint, their check, and
//! proofs from it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::RotationId;
use domain::audit::{
    Broken, Check, Checkpoint, Hash, Note, NoteError, NoteKey, Proof, Prover, Record, Tree,
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rusqlite::{Connection, OptionalExtension, Row, params};
use seal::Key;
use serde::Deserialize;

use crate::JournalError;
use crate::column::json;

/// A record as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its place, from 1 without a gap.
    pub seq: u64,
    /// The JSON text of its [`Record`].
    pub body: String,
    /// Its leaf in the tree, as it was kept.
    pub leaf: Hash,
}

/// The log as the writer goes on with it.
///
/// The tree's right edge is kept in memory after it has been checked once, so whoever changes
/// the stored one meanwhile does not get a signature of ours on it.
pub(crate) struct AuditLog {
    key: SigningKey,
    name: NoteKey,
    tree: Tree,
}

impl AuditLog {
    /// The checkpoint of an empty log, under a name of its own: two databases of one key are two
    /// logs. It is always there, so a log without one has lost it.
    pub(crate) fn begin(connection: &Connection, key: &Key) -> Result<(), JournalError> {
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(|error| JournalError::Unreadable {
            what: "the system's random numbers".into(),
            why: error.to_string(),
        })?;
        let origin = format!("rollover/{:016x}", u64::from_be_bytes(id));
        let key = signing_key(key);
        let name = named(&origin, &key.verifying_key()).map_err(|_| broken(Broken::Head))?;
        Self { key, name, tree: Tree::default() }.write_head(connection)
    }

    /// Reads the end of the log and checks that it is what we wrote.
    pub(crate) fn load(connection: &Connection, key: &Key) -> Result<Self, JournalError> {
        let key = signing_key(key);
        let head = head(connection, &key.verifying_key())?;
        let tree = Tree::from_edge(head.checkpoint.size, &head.edge)
            .filter(|tree| tree.root() == head.checkpoint.root)
            .ok_or(broken(Broken::Edge))?;
        let (expected, found) = (tree.size(), newest(connection)?);
        if found != expected {
            return Err(broken(Broken::Cut { expected, found }));
        }
        Ok(Self { key, name: head.key, tree })
    }

    /// How many records there are.
    pub(crate) fn seq(&self) -> u64 {
        self.tree.size()
    }

    /// Where the log is, for going back there when a savepoint is rolled back.
    pub(crate) fn mark(&self) -> Tree {
        self.tree.clone()
    }

    /// Goes back.
    pub(crate) fn rewind(&mut self, mark: Tree) {
        self.tree = mark;
    }

    /// Adds records to the log. The checkpoint follows once a transaction.
    pub(crate) fn append(
        &mut self,
        connection: &Connection,
        records: &[Record],
    ) -> Result<(), JournalError> {
        for record in records {
            let body = json("an audit record", record)?;
            let leaf = Hash::leaf(body.as_bytes());
            self.tree.push(leaf);
            connection
                .prepare_cached("INSERT INTO audit (seq, body, leaf) VALUES (?1, ?2, ?3)")?
                .execute(params![self.tree.size(), body, leaf.0])?;
        }
        Ok(())
    }

    /// Signs and writes what the log is now: one signature, however many records were added.
    pub(crate) fn write_head(&self, connection: &Connection) -> Result<(), JournalError> {
        let text = Checkpoint::of(self.name.name(), &self.tree).text();
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let note = Note::sign(&text, &self.name, &signature).map_err(|_| broken(Broken::Head))?;
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO audit_head (one, checkpoint, edge) VALUES (1, ?1, ?2)",
            )?
            .execute(params![note.as_str(), self.tree.edge()])?;
        Ok(())
    }
}

/// A log that was checked from its first record to its checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// How many records it has.
    pub events: u64,
    /// The root over them.
    pub root: Hash,
    /// Both, signed. Kept elsewhere, it shows later that an older copy of the whole database was
    /// put in its place.
    pub checkpoint: Note,
}

/// Why a log is not what this installation wrote.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditProblem {
    /// The log is not what was signed.
    #[error("the audit log is broken")]
    Broken(#[from] Broken),
    /// The journal holds more than the audit says.
    #[error("rotation {rotation} has {entries} journal entries, the audit has {records} records")]
    Unrecorded {
        /// Which rotation.
        rotation: RotationId,
        /// How many entries its journal has.
        entries: u64,
        /// How many records speak of it.
        records: u64,
    },
    /// An anchor cannot be believed, so nothing was compared with it.
    #[error("anchor {number} cannot be believed")]
    Anchor {
        /// Its place among the anchors, from 1.
        number: usize,
        /// Why.
        #[source]
        why: NoteError,
    },
    /// There is no such record.
    #[error("there is no record {number}, the log has {records}")]
    NoRecord {
        /// Its number, from 1.
        number: u64,
        /// How many there are.
        records: u64,
    },
    /// The log could not be read.
    #[error("the audit log cannot be read")]
    Unread(#[from] JournalError),
}

impl AuditProblem {
    /// The next move.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Broken(_) | Self::Unrecorded { .. } => {
                "keep the file as evidence, compare with a backup from before, and find out who \
                 could write it"
                    .into()
            }
            Self::Anchor { .. } => {
                "take the anchor from another place that it was kept at; if all say so, find out \
                 who could write there"
                    .into()
            }
            Self::NoRecord { .. } => "`rollover audit ls` lists them with their numbers".into(),
            Self::Unread(error) => error.hint(),
        }
    }
}

impl From<rusqlite::Error> for AuditProblem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unread(error.into())
    }
}

/// Checks the whole log against its checkpoint and against anchors, and that no journal entry
/// lacks its record. Everything is read from one snapshot, the caller's transaction, one record
/// at a time.
pub(crate) fn verify(
    connection: &Connection,
    key: &Key,
    anchors: &[Note],
) -> Result<Verified, AuditProblem> {
    let head = checked_head(connection, key)?;
    let anchors = anchored(&head, anchors)?;
    let mut records = BTreeMap::new();
    let verified = walk(connection, head, anchors, |_, body| count(&mut records, body))?;
    let mut statement =
        connection.prepare("SELECT rotation, count(*) FROM events GROUP BY rotation")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (rotation, entries): (String, u64) = (row.get(0)?, row.get(1)?);
        let records = records.get(&rotation).copied().unwrap_or(0);
        if records < entries {
            let rotation = RotationId(rotation);
            return Err(AuditProblem::Unrecorded { rotation, entries, records });
        }
    }
    Ok(verified)
}

/// The proof of one record, by its number from 1. The whole log is checked on the way.
pub(crate) fn prove(
    connection: &Connection,
    key: &Key,
    number: u64,
) -> Result<Proof, AuditProblem> {
    let head = checked_head(connection, key)?;
    let none = AuditProblem::NoRecord { number, records: head.checkpoint.size };
    let index = number.checked_sub(1).ok_or(none.clone())?;
    let mut prover = Prover::new(index, head.checkpoint.size).ok_or(none.clone())?;
    let mut extra = None;
    let mut seen = 0;
    let verified = walk(connection, head, Vec::new(), |leaf, body| {
        prover.push(leaf);
        seen += 1;
        if seen == number {
            extra = Some(body.to_vec());
        }
    })?;
    let path = prover.path().ok_or(none)?;
    Ok(Proof { extra, index, path, checkpoint: verified.checkpoint })
}

/// The key that the log's checkpoints are checked with.
pub(crate) fn verifier(connection: &Connection, key: &Key) -> Result<NoteKey, AuditProblem> {
    Ok(checked_head(connection, key)?.key)
}

/// Shows every record, in order, and holds them against the checkpoint.
fn walk(
    connection: &Connection,
    head: Head,
    anchors: Vec<Checkpoint>,
    mut each: impl FnMut(Hash, &[u8]),
) -> Result<Verified, AuditProblem> {
    let mut check = Check::new(head.checkpoint, anchors)?;
    let mut statement = connection.prepare("SELECT seq, body, leaf FROM audit ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let body = bytes(row, 1)?;
        // A number that is none of ours is in nobody's place.
        let leaf =
            check.record(row.get::<_, i64>(0)?.try_into().unwrap_or(0), body, bytes(row, 2)?)?;
        each(leaf, body);
    }
    let tree = check.end()?;
    if tree.edge() != head.edge {
        return Err(Broken::Edge.into());
    }
    Ok(Verified { events: tree.size(), root: tree.root(), checkpoint: head.note })
}

/// A column as it lies there; text may be anything after somebody changed it.
fn bytes<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], AuditProblem> {
    let value = row.get_ref(column)?;
    value.as_bytes().map_err(|error| {
        let what = format!("column {column} of an audit record");
        AuditProblem::Unread(JournalError::Unreadable { what, why: error.to_string() })
    })
}

/// One more record of a rotation.
fn count(records: &mut BTreeMap<String, u64>, body: &[u8]) {
    #[derive(Deserialize)]
    struct Of<'a> {
        #[serde(borrow, default)]
        rotation: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        action: Cow<'a, str>,
    }
    // What people said and were refused stands beside the entries, and makes up for none.
    let beside = |action: &str| ["access.", "task."].iter().any(|of| action.starts_with(of));
    // What is not JSON is not ours: the root will tell.
    if let Ok(Of { rotation: Some(rotation), action }) = serde_json::from_slice(body)
        && !beside(&action)
    {
        match records.get_mut(rotation.as_ref()) {
            Some(count) => *count += 1,
            None => {
                records.insert(rotation.into_owned(), 1);
            }
        }
    }
}

/// What the anchors say, if they can be believed.
fn anchored(head: &Head, anchors: &[Note]) -> Result<Vec<Checkpoint>, AuditProblem> {
    let keys = std::slice::from_ref(&head.key);
    let open = |(number, note): (usize, &Note)| {
        Checkpoint::open(note, keys, &signed).map_err(|why| match Checkpoint::claimed(note) {
            Some(Checkpoint { origin: anchored, .. }) if anchored != head.checkpoint.origin => {
                Broken::Other { anchored, found: head.checkpoint.origin.clone() }.into()
            }
            _ => AuditProblem::Anchor { number, why },
        })
    };
    (1..).zip(anchors).map(open).collect()
}

/// What stands beside the log, its signature checked.
struct Head {
    note: Note,
    checkpoint: Checkpoint,
    key: NoteKey,
    edge: Vec<u8>,
}

fn checked_head(connection: &Connection, key: &Key) -> Result<Head, AuditProblem> {
    head(connection, &signing_key(key).verifying_key()).map_err(|error| match error {
        JournalError::Audit(broken) => AuditProblem::Broken(broken),
        other => AuditProblem::Unread(other),
    })
}

fn head(connection: &Connection, key: &VerifyingKey) -> Result<Head, JournalError> {
    let (text, edge): (String, Vec<u8>) = connection
        .query_row("SELECT CAST(checkpoint AS BLOB), edge FROM audit_head", [], |row| {
            Ok((String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned(), row.get(1)?))
        })
        .optional()?
        .ok_or(broken(Broken::Head))?;
    let read = || {
        let note = Note::parse(&text).ok()?;
        // The name is what the checkpoint itself says: it is signed with the rest.
        let key = named(&Checkpoint::claimed(&note)?.origin, key).ok()?;
        let checkpoint = Checkpoint::open(&note, std::slice::from_ref(&key), &signed).ok()?;
        Some((note, checkpoint, key))
    };
    let (note, checkpoint, key) = read().ok_or(broken(Broken::Head))?;
    Ok(Head { note, checkpoint, key, edge })
}

/// The newest records, oldest of them first.
pub(crate) fn newest_lines(
    connection: &Connection,
    number: u64,
) -> Result<Vec<Line>, JournalError> {
    let from = newest(connection)?.saturating_sub(number) + 1;
    lines(connection, from, number)
}

/// Records from a place on, oldest first.
pub(crate) fn lines(
    connection: &Connection,
    from: u64,
    limit: u64,
) -> Result<Vec<Line>, JournalError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT seq, body, leaf FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
    )?;
    let lines = statement.query_map(params![from, limit], |row| {
        Ok(Line { seq: row.get(0)?, body: row.get(1)?, leaf: Hash(row.get(2)?) })
    })?;
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The newest records of one action, newest first; of one secret, where one is named.
pub(crate) fn lines_of(
    connection: &Connection,
    action: &str,
    secret: Option<&str>,
    number: u64,
) -> Result<Vec<Line>, JournalError> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT seq, body, leaf FROM audit
         WHERE body ->> '$.action' = ?1 AND (?2 IS NULL OR body ->> '$.secret' = ?2)
         ORDER BY seq DESC LIMIT ?3",
    )?;
    let lines = statement.query_map(params![action, secret, number], |row| {
        Ok(Line { seq: row.get(0)?, body: row.get(1)?, leaf: Hash(row.get(2)?) })
    })?;
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The place of the newest record; 0 if there is none.
pub(crate) fn newest(connection: &Connection) -> Result<u64, JournalError> {
    let sql = "SELECT coalesce(max(seq), 0) FROM audit";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The public half of the key that checkpoints are signed with, in hexadecimal.
pub(crate) fn verifying_key_hex(key: &Key) -> String {
    let public = signing_key(key).verifying_key().to_bytes();
    public.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn signing_key(key: &Key) -> SigningKey {
    SigningKey::from_bytes(key.bytes())
}

fn named(origin: &str, key: &VerifyingKey) -> Result<NoteKey, NoteError> {
    NoteKey::new(origin, key.to_bytes())
}

/// Whether an Ed25519 signature (RFC 8032) of a text is by a public key.
#[must_use]
pub fn signed(public: &[u8; 32], text: &[u8], signature: &[u8]) -> bool {
    let (key, signature) = (VerifyingKey::from_bytes(public), Signature::from_slice(signature));
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_strict(text, &signature).is_ok())
}

fn broken(broken: Broken) -> JournalError {
    JournalError::Audit(broken)
}
