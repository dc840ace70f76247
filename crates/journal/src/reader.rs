//! Looking at the journal: from any process, without the lease, while another one writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::audit::{Note, NoteKey, Proof, Record};
use domain::leak::Case;
use domain::{Entry, Fingerprint, FingerprintKey, Outcome, Remark, RotationId, SecretName, Token};
use jiff::Timestamp;
use rusqlite::{Connection, Params, Row, params};
use seal::Key;

use crate::column::{Json, Text};
use crate::kept::Kept;
use crate::seals::Seals;
use crate::values::{Slot, Values};
use crate::{
    AuditProblem, JournalError, LeaseInfo, Line, Notice, Pending, SetBack, TokenRow, Verified,
    Workstations, audit_log, case, connection, inbox, lease, mark, notified, remarks, schema,
    token,
};

/// A connection that cannot write. It may be shared between threads; they take turns.
pub struct Reader {
    path: PathBuf,
    key: Key,
    kept: Kept,
    values: Values,
    connection: Mutex<Connection>,
}

/// A rotation, as the list shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RotationRow {
    /// Its id.
    pub id: RotationId,
    /// Its secret.
    pub secret: SecretName,
    /// When its first entry was written.
    pub started_at: Timestamp,
    /// When its last entry was written, if it is closed.
    pub closed_at: Option<Timestamp>,
    /// How it ended, if it is closed.
    pub outcome: Option<Outcome>,
}

/// Which rotations are listed. The default is all of them.
#[derive(Clone, Default, Debug)]
pub struct RotationFilter {
    /// Those of one secret.
    pub secret: Option<SecretName>,
    /// Those that are open, or those that are closed.
    pub open: Option<bool>,
    /// The newest ones only.
    pub limit: Option<u32>,
}

impl Reader {
    /// Opens a database for reading. It is neither made nor changed.
    ///
    /// # Errors
    /// There is none, it is of another schema, or the key is another installation's.
    pub fn open(path: &Path, key: &Key) -> Result<Self, JournalError> {
        let connection = connection::reading(path)?;
        schema::require_current(&connection, path)?;
        let kept = Kept::load(&connection, path, key)?;
        Ok(Self {
            kept,
            path: path.to_owned(),
            key: key.clone(),
            values: Values::new(key),
            connection: Mutex::new(connection),
        })
    }

    /// The rotations that a filter lets through, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn rotations(&self, filter: &RotationFilter) -> Result<Vec<RotationRow>, JournalError> {
        self.rows(
            "SELECT id, secret, started_at, closed_at, outcome FROM rotations
             WHERE (?1 IS NULL OR secret = ?1) AND (?2 IS NULL OR (closed_at IS NULL) = ?2)
             ORDER BY started_at DESC, rowid DESC LIMIT ?3",
            params![
                filter.secret.as_ref().map(ToString::to_string),
                filter.open,
                filter.limit.map_or(-1, i64::from),
            ],
            rotation,
        )
    }

    /// A number that is another one after every write: what was read under the same number is
    /// still so.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn state(&self) -> Result<i64, JournalError> {
        // <https://www.sqlite.org/pragma.html#pragma_data_version>
        let connection = self.connection();
        Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// The rotations that have not ended.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn open_rotations(&self) -> Result<Vec<RotationRow>, JournalError> {
        self.rotations(&RotationFilter { open: Some(true), ..RotationFilter::default() })
    }

    /// Everything that happened to a rotation, in order; empty if there is no such rotation.
    ///
    /// # Errors
    /// The database cannot be read, or its entries are not the unbroken list that was written.
    pub fn events(&self, rotation: &RotationId) -> Result<Vec<Entry>, JournalError> {
        let entries = self.rows(
            "SELECT seq, body FROM events WHERE rotation = ?1 ORDER BY seq",
            [&rotation.0],
            |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Json<Entry>>(1)?.0)),
        )?;
        let unbroken = entries
            .iter()
            .zip(0..)
            .all(|((seq, entry), place)| (*seq, entry.seq) == (place, place));
        if !unbroken {
            let what = format!("the journal of rotation {rotation}");
            return Err(JournalError::Unreadable { what, why: "entries are missing".into() });
        }
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    /// A value that a rotation keeps; `None` if it has none, or it has ended.
    ///
    /// # Errors
    /// The value does not open: it was moved, changed or cut.
    pub fn open_value(
        &self,
        rotation: &RotationId,
        slot: Slot,
    ) -> Result<Option<Token>, JournalError> {
        let mut connection = self.connection();
        let snapshot = connection.transaction()?;
        Seals::load(&snapshot, &self.key)?;
        self.values.get(&snapshot, rotation, slot)
    }

    /// What is remembered of a secret's tokens, newest state first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn tokens(&self, secret: &SecretName) -> Result<Vec<TokenRow>, JournalError> {
        self.rows(
            "SELECT secret, fingerprint, handle, state, since, rotation FROM tokens
             WHERE secret = ?1 ORDER BY since DESC, rowid DESC",
            [secret.to_string()],
            token::read,
        )
    }

    /// What is remembered of a token, whosever it is; the cost does not grow with how many there
    /// are. One that was only seen somewhere counts as active since then.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn tokens_of(&self, fingerprint: &Fingerprint) -> Result<Vec<TokenRow>, JournalError> {
        self.rows(
            "SELECT secret, fingerprint, handle, state, since, rotation FROM tokens
             WHERE fingerprint = ?1
             UNION ALL
             SELECT secret, fingerprint, NULL, 'active', at, NULL FROM learned
             WHERE fingerprint = ?1 AND NOT EXISTS (
                 SELECT 1 FROM tokens WHERE tokens.secret = learned.secret
                 AND tokens.fingerprint = learned.fingerprint)",
            [fingerprint.hex()],
            token::read,
        )
    }

    /// When a secret went out of use, where its last rotation was a decommission that came to its
    /// end, and nobody has put a value into its store since.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn decommissioned(&self, secret: &SecretName) -> Result<Option<Timestamp>, JournalError> {
        // The removal of a token that is not its own says nothing of it.
        let closed = self.rows(
            "SELECT id, secret, started_at, closed_at, outcome FROM rotations
             WHERE secret = ?1 AND closed_at IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM events WHERE rotation = rotations.id AND seq = 0
                 AND json_extract(body, '$.plan.mode') = 'removal')
             ORDER BY started_at DESC, rowid DESC LIMIT 1",
            [secret.to_string()],
            rotation,
        )?;
        let last = closed.into_iter().next();
        let ended = last.filter(|row| row.outcome == Some(Outcome::Decommissioned));
        let Some(at) = ended.and_then(|row| row.closed_at) else { return Ok(None) };
        let imports = self.audit_records(&["secret.import.intent"])?;
        let again = |record: &Record| record.secret.as_ref() == Some(secret) && record.at >= at;
        Ok((!imports.iter().any(again)).then_some(at))
    }

    /// Whether any token of a secret is known.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn knows_a_token_of(&self, secret: &SecretName) -> Result<bool, JournalError> {
        let known = self.connection().query_row(
            "SELECT EXISTS (SELECT 1 FROM tokens WHERE secret = ?1)
                 OR EXISTS (SELECT 1 FROM learned WHERE secret = ?1)",
            [secret.to_string()],
            |row| row.get(0),
        )?;
        Ok(known)
    }

    /// How many tokens are known: of rotations, and only seen somewhere. None is ever forgotten, so
    /// where both are as they were, what was looked up before need not be looked up again.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn tokens_known(&self) -> Result<(u64, u64), JournalError> {
        let count = |sql| self.connection().query_row(sql, [], |row| row.get::<_, u64>(0));
        // No row of `tokens` is ever taken out, so that the last one's number is how many there
        // are, and nobody has to count a million.
        let of_rotations = count("SELECT coalesce(max(rowid), 0) FROM tokens")?;
        Ok((of_rotations, count("SELECT count(*) FROM learned")?))
    }

    /// Shows every fingerprint that is remembered, some of them twice: those that were only seen
    /// somewhere, and those of rotations behind the first so many.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn each_fingerprint(
        &self,
        behind: u64,
        mut show: impl FnMut(&Fingerprint),
    ) -> Result<(), JournalError> {
        let connection = self.connection();
        // All of them are in the index alone, which is a third of the table.
        let of_rotations = match behind {
            0 => "SELECT fingerprint FROM tokens WHERE ?1 = 0",
            _ => "SELECT fingerprint FROM tokens WHERE rowid > ?1",
        };
        let seen = "SELECT fingerprint FROM learned WHERE ?1 >= 0";
        for sql in [of_rotations, seen] {
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query([behind])?;
            while let Some(row) = rows.next()? {
                show(&row.get::<_, Text<Fingerprint>>(0)?.0);
            }
        }
        Ok(())
    }

    /// Which token of rotations was the so manieth to be remembered; it stays that for good, save
    /// where the database was set back.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn fingerprint_number(&self, number: u64) -> Result<Option<Fingerprint>, JournalError> {
        let sql = "SELECT fingerprint FROM tokens WHERE rowid = ?1";
        let row = self.rows(sql, [number], |row| Ok(row.get::<_, Text<Fingerprint>>(0)?.0))?;
        Ok(row.into_iter().next())
    }

    /// Every case of a leak, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn cases(&self) -> Result<Vec<Case>, JournalError> {
        self.rows("SELECT body FROM cases ORDER BY opened_at DESC, rowid DESC", [], case::read)
    }

    /// The tokens of all secrets that live, as far as it is known: those in use, about to be, and
    /// about to go.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn tokens_alive(&self) -> Result<Vec<TokenRow>, JournalError> {
        self.rows(
            "SELECT secret, fingerprint, handle, state, since, rotation FROM tokens
             WHERE state IN ('active', 'candidate', 'retiring', 'revoked')",
            [],
            token::read,
        )
    }

    /// Audit records from a place on, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn audit_lines(&self, from: u64, limit: u64) -> Result<Vec<Line>, JournalError> {
        audit_log::lines(&self.connection(), from, limit)
    }

    /// The newest audit records, oldest of them first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn audit_newest(&self, number: u64) -> Result<Vec<Line>, JournalError> {
        audit_log::newest_lines(&self.connection(), number)
    }

    /// The audit records whose actions begin with one of these words, oldest first.
    ///
    /// # Errors
    /// The database cannot be read, or one of them is not as it was written.
    pub fn audit_records(&self, actions: &[&str]) -> Result<Vec<Record>, JournalError> {
        let mut records = Vec::new();
        for action in actions {
            // A quote within a value is escaped, so this is found nowhere but in its place.
            let word = format!("\"action\":\"{action}");
            let sql = "SELECT seq, body FROM audit WHERE instr(body, ?1) > 0 ORDER BY seq";
            records.extend(self.rows(sql, [&word], |row| {
                Ok((row.get::<_, u64>(0)?, row.get::<_, Json<Record>>(1)?.0))
            })?);
        }
        records.sort_by_key(|(seq, _)| *seq);
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    /// The newest audit records of one action, newest first, such as `runbook.validated`; of one
    /// secret, where one is named. They are read in the order of the log, one after the other.
    /// The database cannot be read.
    pub fn audit_of(
        &self,
        action: &str,
        secret: Option<&SecretName>,
        number: u64,
    ) -> Result<Vec<Line>, JournalError> {
        let secret = secret.map(ToString::to_string);
        audit_log::lines_of(&self.connection(), action, secret.as_deref(), number)
    }

    /// What was tried to be said to people and was not.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn unsaid_notices(&self) -> Result<Vec<Notice>, JournalError> {
        notified::unsaid(&self.connection())
    }

    /// Checks the whole audit log: that its records are those that its checkpoint signs, and
    /// that no journal entry lacks its record.
    ///
    /// # Errors
    /// The first place where it is not what this installation wrote.
    pub fn verify_audit(&self) -> Result<Verified, AuditProblem> {
        self.verify_audit_against(&[])
    }

    /// The same, and that the log goes on from anchors: its checkpoints that were kept elsewhere.
    ///
    /// # Errors
    /// The first place where it is not what this installation wrote, or not what an anchor says.
    pub fn verify_audit_against(&self, anchors: &[Note]) -> Result<Verified, AuditProblem> {
        let mut connection = self.connection();
        let snapshot = connection.transaction()?;
        audit_log::verify(&snapshot, &self.kept.audit, anchors)
    }

    /// The proof that a record is in the log, by its number from 1, with the record in it.
    ///
    /// # Errors
    /// There is no such record, or the log is broken.
    pub fn prove_audit(&self, number: u64) -> Result<Proof, AuditProblem> {
        let mut connection = self.connection();
        let snapshot = connection.transaction()?;
        audit_log::prove(&snapshot, &self.kept.audit, number)
    }

    /// The key that the log's checkpoints and proofs are checked with.
    ///
    /// # Errors
    /// The log's checkpoint is missing, or not signed by this installation.
    pub fn audit_key(&self) -> Result<NoteKey, AuditProblem> {
        audit_log::verifier(&self.connection(), &self.kept.audit)
    }

    /// What waits for a rotation, oldest first, with opened tokens.
    ///
    /// # Errors
    /// The database cannot be read, or a token does not open.
    pub fn inbox_pending(&self, rotation: &RotationId) -> Result<Vec<Pending>, JournalError> {
        let mut connection = self.connection();
        // Asked several times a second by every rotation that waits; mostly there is nothing.
        if !inbox::waits(&connection, rotation)? {
            return Ok(Vec::new());
        }
        let snapshot = connection.transaction()?;
        Seals::load(&snapshot, &self.key)?;
        inbox::pending(&snapshot, &self.key, rotation)
    }

    /// What people say of tasks, by the task's id.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn remarks(&self) -> Result<BTreeMap<String, Remark>, JournalError> {
        remarks::all(&self.connection(), &self.key)
    }

    /// What people have fetched for their own machines.
    #[must_use]
    pub fn workstations(&self) -> Workstations {
        Workstations::new(self.path.clone(), self.key.clone())
    }

    /// The key that fingerprints of this installation are made with.
    #[must_use]
    pub fn fingerprint_key(&self) -> FingerprintKey {
        self.kept.fingerprint.for_fingerprints()
    }

    /// Why the database is not to be taken at its word; `None` if it is. `elsewhere` is where a
    /// second mark may lie, as in [`crate::Options::marks`].
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn set_back(&self, elsewhere: Option<&Path>) -> Result<Option<SetBack>, JournalError> {
        let (standing, _) = mark::standing(&self.connection(), &self.path, elsewhere)?;
        Ok(standing)
    }

    /// Who holds the lease, or held it last.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn lease(&self) -> Result<Option<LeaseInfo>, JournalError> {
        lease::read(&self.connection())
    }

    /// A number that is another one after any other connection has committed; cheap to ask.
    /// Renewals of the lease change it too.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn data_version(&self) -> Result<i64, JournalError> {
        let version =
            self.connection().pragma_query_value(None, "data_version", |row| row.get(0))?;
        Ok(version)
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_map(params, read)?.collect::<Result<_, _>>()?)
    }

    /// A thread that panicked while it read has changed nothing.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

fn rotation(row: &Row<'_>) -> rusqlite::Result<RotationRow> {
    Ok(RotationRow {
        id: RotationId(row.get(0)?),
        secret: row.get::<_, Text<SecretName>>(1)?.0,
        started_at: row.get::<_, Text<Timestamp>>(2)?.0,
        closed_at: row.get::<_, Option<Text<Timestamp>>>(3)?.map(|at| at.0),
        outcome: row.get::<_, Option<Json<Outcome>>>(4)?.map(|outcome| outcome.0),
    })
}
