//! The audit log as it is stored: the writer's chain and its signatures, and their check.

use domain::RotationId;
use domain::audit::{self, Broken, Hash, Head, Line, Record};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rusqlite::{Connection, OptionalExtension, params};
use seal::Key;

use crate::JournalError;
use crate::column::json;

/// The chain as the writer goes on with it.
///
/// The end is kept in memory after it has been checked once, so whoever changes the stored one
/// meanwhile does not get a signature of ours on it.
pub(crate) struct AuditLog {
    key: SigningKey,
    seq: u64,
    hash: Hash,
}

impl AuditLog {
    /// The head of an empty log. It is always there, so a log without one has lost it.
    pub(crate) fn begin(connection: &Connection, key: &Key) -> Result<(), JournalError> {
        let log = Self { key: signing_key(key), seq: 0, hash: Hash::ZERO };
        log.write_head(connection)
    }

    /// Reads the end of the log and checks that it is what we wrote.
    pub(crate) fn load(connection: &Connection, key: &Key) -> Result<Self, JournalError> {
        let key = signing_key(key);
        let signed = verifier(key.verifying_key());
        let head = head(connection)?.ok_or(JournalError::Audit(Broken::Head))?;
        let text = Head::signed_text(head.seq, head.hash);
        if !signed(text.as_bytes(), &head.signature) {
            return Err(JournalError::Audit(Broken::Head));
        }
        let last = lines(connection, "ORDER BY seq DESC LIMIT 1", [])?.pop();
        let found = last.as_ref().map_or((0, Hash::ZERO), |line| (line.seq, line.hash));
        if found != (head.seq, head.hash) {
            let cut = Broken::Cut { expected: head.seq, found: found.0 };
            return Err(JournalError::Audit(cut));
        }
        Ok(Self { key, seq: head.seq, hash: head.hash })
    }

    /// How many records there are.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Where the chain is, for going back there when a savepoint is rolled back.
    pub(crate) fn mark(&self) -> (u64, Hash) {
        (self.seq, self.hash)
    }

    /// Goes back.
    pub(crate) fn rewind(&mut self, (seq, hash): (u64, Hash)) {
        (self.seq, self.hash) = (seq, hash);
    }

    /// Adds records to the chain. The head follows once a transaction.
    pub(crate) fn append(
        &mut self,
        connection: &Connection,
        records: &[Record],
    ) -> Result<(), JournalError> {
        for record in records {
            let body = json("an audit record", record)?;
            (self.seq, self.hash) = (self.seq + 1, self.hash.after(&body));
            let signature = self.key.sign(&self.hash.0).to_bytes();
            connection
                .prepare_cached(
                    "INSERT INTO audit (seq, body, hash, signature) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![self.seq, body, self.hash.0, signature])?;
        }
        Ok(())
    }

    /// Signs and writes where the chain ends.
    pub(crate) fn write_head(&self, connection: &Connection) -> Result<(), JournalError> {
        let text = Head::signed_text(self.seq, self.hash);
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO audit_head (one, seq, hash, signature)
                 VALUES (1, ?1, ?2, ?3)",
            )?
            .execute(params![self.seq, self.hash.0, signature])?;
        Ok(())
    }
}

/// A log that was checked from its first record to its head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// How many records it has.
    pub events: u64,
    /// The newest record's hash in hexadecimal. Noted elsewhere, it shows later that an older
    /// copy of the whole database was put in its place.
    pub head: String,
}

/// Why a log is not what this installation wrote.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditProblem {
    /// The chain is broken.
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
            Self::Unread(error) => error.hint(),
        }
    }
}

impl From<rusqlite::Error> for AuditProblem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unread(error.into())
    }
}

/// Checks the whole log, and that no journal entry lacks its record. Everything is read from
/// one snapshot: the caller's transaction.
pub(crate) fn verify(connection: &Connection, key: &Key) -> Result<Verified, AuditProblem> {
    let signed = verifier(signing_key(key).verifying_key());
    let lines = lines(connection, "ORDER BY seq", [])?;
    let head = head(connection)?.ok_or(Broken::Head)?;
    let events = audit::verify(lines.iter(), Some(&head), signed)?;
    // After the chain was found whole, the bodies are known to be ours and well formed.
    let short = connection
        .query_row(
            "WITH recorded AS MATERIALIZED (
                 SELECT body ->> '$.rotation' AS id, count(*) AS records FROM audit GROUP BY id
             ), written AS (
                 SELECT rotation AS id, count(*) AS entries FROM events GROUP BY rotation
             )
             SELECT id, entries, coalesce(records, 0) FROM written LEFT JOIN recorded USING (id)
             WHERE coalesce(records, 0) < entries LIMIT 1",
            [],
            |row| Ok((RotationId(row.get(0)?), row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    match short {
        None => Ok(Verified { events, head: head.hash.to_string() }),
        Some((rotation, entries, records)) => {
            Err(AuditProblem::Unrecorded { rotation, entries, records })
        }
    }
}

/// The lines that a clause selects.
pub(crate) fn lines(
    connection: &Connection,
    clause: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Line>, JournalError> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT seq, body, hash, signature FROM audit {clause}"))?;
    let lines = statement.query_map(params, |row| {
        let (seq, body) = (row.get(0)?, row.get(1)?);
        Ok(Line { seq, body, hash: Hash(row.get(2)?), signature: row.get(3)? })
    })?;
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The stored head.
fn head(connection: &Connection) -> Result<Option<Head>, JournalError> {
    let head = connection
        .query_row("SELECT seq, hash, signature FROM audit_head", [], |row| {
            Ok(Head { seq: row.get(0)?, hash: Hash(row.get(1)?), signature: row.get(2)? })
        })
        .optional()?;
    Ok(head)
}

/// The public half of the key that audit records are signed with, in hexadecimal.
pub(crate) fn verifying_key_hex(key: &Key) -> String {
    Hash(signing_key(key).verifying_key().to_bytes()).to_string()
}

fn signing_key(key: &Key) -> SigningKey {
    SigningKey::from_bytes(key.derive("audit signature").bytes())
}

/// Says whether a text was signed with this key.
fn verifier(key: VerifyingKey) -> impl Fn(&[u8], &[u8]) -> bool {
    move |text, signature| {
        Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify_strict(text, &signature).is_ok())
    }
}
