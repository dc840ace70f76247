//! The one thread that writes.
//!
//! Group commit: everything that waits is written in one transaction, so many rotations share
//! one fsync. A batch that is refused is rolled back alone. A commit that fails poisons the
//! journal, because memory must never be ahead of the disk.

mod rekey;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use domain::audit::Record;
use domain::leak::Case;
use domain::{Fingerprint, SecretName};
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use seal::Key;

use crate::audit_log::{self, AuditLog};
use crate::fence::{Moment, Standing};
use crate::kept::Kept;
use crate::lease::{self, Claim, Lock};
use crate::mark::{self, Marks, Position, SetBack};
use crate::seals::Seals;
use crate::values::Values;
use crate::{
    Appended, Batch, JournalError, Options, TokenChange, batch, case, connection, notes, schema,
    token,
};

pub use rekey::Rekey;

/// What is to be written.
pub(crate) enum Work {
    /// A step of a rotation.
    Batch(Box<Batch>),
    /// What belongs to none.
    Note { records: Vec<Record>, tokens: Vec<TokenChange> },
    /// A leak's case as it is now, and what is said of it.
    Case { case: Box<Case>, records: Vec<Record> },
    /// Tokens that were seen somewhere.
    Learned { tokens: Vec<(SecretName, Fingerprint)>, records: Vec<Record> },
    /// The world was looked at: the database is taken at its word again.
    Reconciled { record: Box<Record> },
}

/// How whoever asked is answered.
pub(crate) type Answer = Box<dyn FnOnce(Result<Appended, JournalError>) + Send>;

/// Something to write, and whom to tell.
pub(crate) struct Request {
    pub(crate) work: Work,
    pub(crate) answer: Answer,
}

/// The state of the writing thread.
pub(crate) struct Writer {
    path: PathBuf,
    connection: Connection,
    lock: Lock,
    epoch: u64,
    /// What others are told of it.
    standing: Arc<Standing>,
    key: Key,
    values: Values,
    seals: Seals,
    audit: AuditLog,
    marks: Marks,
    /// Why the database is not taken at its word, and how far it was once.
    set_back: Option<(SetBack, Position)>,
    options: Options,
    renewed: Instant,
    /// Something was destroyed that the write-ahead log still holds.
    shred_due: bool,
    /// When there was nothing to empty, or it was tried.
    shredded: Instant,
    /// Why nothing is written any more.
    poison: Option<JournalError>,
}

impl Writer {
    pub(crate) fn open(
        path: &Path,
        key: &Key,
        claim: &Claim,
        options: Options,
    ) -> Result<Self, JournalError> {
        let around = |instant| around(&options, instant);
        around("before its place is made");
        let path = connection::ensure_private(path)?;
        around("after its place is made");
        let lock = lock(&path, claim, &options)?;
        around("before the database is opened");
        let mut connection = connection::writing(&path)?;
        around("after the database is opened");
        if lock.held() {
            let unmarked = schema::found(&connection, &path)? < MARKED;
            let id = if unmarked {
                around("before the mark");
                let id = mark::begin(&path, options.marks.as_deref())?;
                around("after the mark");
                id
            } else {
                String::new()
            };
            around("before the tables");
            schema::migrate(&mut connection, &path, |transaction, reached| {
                complete(transaction, &path, key, &id, reached)
            })?;
            around("after the tables");
        }
        schema::require_current(&connection, &path)?;
        let kept = Kept::load(&connection, &path, key)?;
        let silent = lease::watch(&connection, claim, lock.held(), (options.clock)())?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let audit = AuditLog::load(&transaction, &kept.audit)?;
        let elsewhere = options.marks.as_deref();
        let (standing, top) = mark::standing(&transaction, &path, elsewhere)?;
        if let Some(why) = standing {
            if !options.reconcile {
                return Err(JournalError::SetBack { path, why });
            }
            // From here on the database may pass the mark without anybody having looked.
            transaction
                .execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('set_back', '1')", [])?;
        }
        let begun = Moment::now();
        let epoch = lease::take(&transaction, claim, lock.held(), silent, (options.clock)())?;
        let seals = Seals::load(&transaction, key)?;
        let installation = mark::installation(&transaction)?;
        around("before the lease is taken");
        transaction.commit()?;
        around("after the lease is taken");
        let mut marks = Marks::open(&path, elsewhere, installation)?;
        let set_back = standing.map(|why| (why, top));
        if set_back.is_none() {
            around("before the mark");
            marks.begin(Position { epoch, audit: audit.seq() })?;
            around("after the mark");
        }
        if let Some(pages) = options.size_pages_max {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        let mut writer = Self {
            path,
            connection,
            lock,
            epoch,
            standing: Arc::new(Standing::new(epoch, begun)),
            key: key.clone(),
            values: Values::new(key),
            seals,
            audit,
            marks,
            set_back,
            options,
            renewed: Instant::now(),
            shred_due: true,
            shredded: Instant::now(),
            poison: None,
        };
        writer.shred();
        writer.take_notes();
        Ok(writer)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }

    pub(crate) fn set_back(&self) -> Option<SetBack> {
        self.set_back.map(|(why, _)| why)
    }

    /// Writes until the last handle is dropped.
    pub(crate) fn run(mut self, requests: &Receiver<Request>) {
        loop {
            match self.next(requests) {
                Ok(first) => {
                    let more = requests.try_iter().take(GROUP_MAX - 1);
                    self.commit(std::iter::once(first).chain(more).collect());
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.renew();
                    self.take_notes();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.take_notes();
        self.rest();
    }

    /// What is to be written next. Whoever waits goes before the emptying of the log, for a while.
    fn next(&mut self, requests: &Receiver<Request>) -> Result<Request, RecvTimeoutError> {
        if self.shredded.elapsed() < SHRED_LATER_MAX
            && let Ok(waiting) = requests.try_recv()
        {
            return Ok(waiting);
        }
        self.shred();
        let until = self.options.renew_every.saturating_sub(self.renewed.elapsed());
        requests.recv_timeout(until)
    }

    /// Gives the lease back.
    fn rest(&self) {
        around(&self.options, "before the lease is released");
        self.marks.rest();
        // A lease that cannot be given back is given up by its lock.
        let _unreleased = lease::release(&self.connection, self.epoch);
        around(&self.options, "after the lease is released");
    }

    /// Says outside of the database how far it is, once a commit is durable. One that was set
    /// back says so until somebody has looked at the world.
    fn raise_mark(&mut self) -> Result<(), JournalError> {
        if self.set_back.is_some() {
            return Ok(());
        }
        around(&self.options, "before the mark");
        self.marks.raise(Position { epoch: self.epoch, audit: self.audit.seq() })?;
        around(&self.options, "after the mark");
        Ok(())
    }

    /// Writes a group and answers everybody in it.
    fn commit(&mut self, group: Vec<Request>) {
        let (work, answers): (Vec<Work>, Vec<Answer>) =
            group.into_iter().map(|request| (request.work, request.answer)).unzip();
        let results = match self.poisoned() {
            Some(error) => Err(error),
            None => self.write(&work),
        };
        match results {
            Ok(results) => {
                answers.into_iter().zip(results).for_each(|(answer, result)| answer(result));
            }
            Err(error) => {
                self.poison(&error);
                answers.into_iter().for_each(|answer| answer(Err(error.clone())));
            }
        }
    }

    /// Makes records of what other processes have left, where nothing else is written.
    fn take_notes(&mut self) {
        if self.poison.is_none() && matches!(notes::any(&self.connection), Ok(true)) {
            // What goes wrong here goes wrong in the next write, too, which tells.
            self.commit(Vec::new());
        }
    }

    /// One transaction. Refusals are answers; an error here means that nothing was written, or
    /// that nobody knows.
    fn write(
        &mut self,
        group: &[Work],
    ) -> Result<Vec<Result<Appended, JournalError>>, JournalError> {
        let (now, locked) = ((self.options.clock)(), self.locked());
        let begun = Moment::now();
        let mut transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        lease::keep(&transaction, self.epoch, locked, now)?;
        let seals = group.iter().any(Work::seals);
        if seals {
            self.seals.unchanged(&transaction)?;
        }
        let mut results = Vec::with_capacity(group.len());
        for work in group {
            let mark = self.audit.mark();
            let savepoint = transaction.savepoint()?;
            match write_one(&savepoint, &self.values, &mut self.audit, work, now) {
                Ok(appended) => {
                    savepoint.commit()?;
                    self.shred_due |= work.destroys();
                    results.push(Ok(appended));
                }
                Err(refusal) if refusal.is_refusal() => {
                    savepoint.finish()?;
                    self.audit.rewind(mark);
                    results.push(Err(refusal));
                }
                Err(error) => return Err(error),
            }
        }
        let noted = notes::take(&transaction, &mut self.audit, &self.key, now)?;
        if !noted && results.iter().all(Result::is_err) {
            return Ok(results);
        }
        self.audit.write_head(&transaction)?;
        if seals {
            self.seals.renew(&transaction)?;
        }
        self.seals.write(&transaction, self.audit.seq())?;
        let reconciled = group.iter().any(|work| matches!(work, Work::Reconciled { .. }));
        let top = self.set_back.map(|(_, top)| top).filter(|_| reconciled);
        let epoch = match top {
            Some(top) => lease::pass(&transaction, self.epoch, top.epoch)?,
            None => self.epoch,
        };
        if let Some(observer) = &self.options.observer {
            observer.before_commit();
        }
        transaction.commit()?;
        self.renewed = Instant::now();
        self.epoch = epoch;
        self.standing.renewed(epoch, begun);
        if top.is_some() {
            self.set_back = None;
            self.marks.begin(Position { epoch, audit: self.audit.seq() })?;
        }
        self.raise_mark()?;
        if let Some(observer) = &self.options.observer {
            observer.after_commit();
        }
        Ok(results)
    }

    /// Says that we still live. One renewal that fails is tried again; the next write tells.
    fn renew(&mut self) {
        self.renewed = Instant::now();
        if self.poison.is_some() {
            return;
        }
        let (now, locked) = ((self.options.clock)(), self.locked());
        let begun = Moment::now();
        let renewed = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(JournalError::from)
            .and_then(|transaction| {
                lease::keep(&transaction, self.epoch, locked, now)?;
                Ok(transaction.commit()?)
            });
        match renewed {
            Ok(()) => self.standing.renewed(self.epoch, begun),
            Err(fenced @ JournalError::Fenced { .. }) => self.poison(&fenced),
            Err(_) => {}
        }
    }

    /// Empties the write-ahead log after something was destroyed; tried again later while
    /// another process reads from it.
    fn shred(&mut self) {
        self.shredded = Instant::now();
        if !self.shred_due || self.poison.is_some() {
            return;
        }
        around(&self.options, "before the log is emptied");
        let done = self.connection.busy_timeout(SHRED_WAIT).and_then(|()| {
            self.connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        });
        around(&self.options, "after the log is emptied");
        self.shred_due = !matches!(done, Ok(0));
        // If this fails, the next write waits less for others; nothing is lost.
        let _unchanged = self.connection.busy_timeout(connection::BUSY);
    }

    /// Whether we have the lock. After a take-over it becomes free when the other process ends;
    /// a lock that cannot be asked for is one that we do not have.
    fn locked(&mut self) -> bool {
        self.lock.try_again().unwrap_or(false)
    }

    fn poisoned(&self) -> Option<JournalError> {
        match &self.poison {
            Some(fenced @ JournalError::Fenced { .. }) => Some(fenced.clone()),
            Some(first) => Some(JournalError::Poisoned(Arc::new(first.clone()))),
            None => None,
        }
    }

    /// Stops all writing from here. A database that was only busy is not changed by us, so that
    /// one failure is told and forgotten.
    fn poison(&mut self, error: &JournalError) {
        if self.poison.is_none() && !matches!(error, JournalError::Busy(_)) {
            if !matches!(error, JournalError::Fenced { .. }) {
                // The last chance of what was put off.
                self.shred();
            }
            self.poison = Some(error.clone());
            self.standing.fallen();
        }
    }
}

impl Work {
    /// Whether it leaves something in the write-ahead log that must not stay.
    fn destroys(&self) -> bool {
        match self {
            Self::Batch(batch) => batch.close.is_some() || batch.took.is_some(),
            Self::Note { .. }
            | Self::Case { .. }
            | Self::Learned { .. }
            | Self::Reconciled { .. } => false,
        }
    }

    /// Whether it changes what is sealed, or what was taken.
    fn seals(&self) -> bool {
        match self {
            Self::Batch(batch) => {
                batch.open.is_some()
                    || batch.close.is_some()
                    || batch.took.is_some()
                    || !batch.seal.is_empty()
            }
            Self::Note { .. }
            | Self::Case { .. }
            | Self::Learned { .. }
            | Self::Reconciled { .. } => false,
        }
    }
}

/// Tells whoever rehearses crashes that something else than a batch becomes durable now.
fn around(options: &Options, instant: &str) {
    if let Some(observer) = &options.observer {
        observer.around(instant);
    }
}

fn write_one(
    connection: &Connection,
    values: &Values,
    audit: &mut AuditLog,
    work: &Work,
    now: Timestamp,
) -> Result<Appended, JournalError> {
    match work {
        Work::Batch(batch) => batch::write(connection, values, audit, batch, now),
        Work::Note { records, tokens } => {
            for change in tokens {
                token::put(connection, change)?;
            }
            audit.append(connection, records)?;
            Ok(Appended { seq: 0, audit: audit.seq() })
        }
        Work::Case { case, records } => {
            case::put(connection, case)?;
            audit.append(connection, records)?;
            Ok(Appended { seq: 0, audit: audit.seq() })
        }
        Work::Learned { tokens, records } => {
            for (secret, fingerprint) in tokens {
                case::learn(connection, secret, fingerprint, now)?;
            }
            audit.append(connection, records)?;
            Ok(Appended { seq: 0, audit: audit.seq() })
        }
        Work::Reconciled { record } => {
            connection.execute("DELETE FROM meta WHERE key = 'set_back'", [])?;
            audit.append(connection, std::slice::from_ref(record))?;
            Ok(Appended { seq: 0, audit: audit.seq() })
        }
    }
}

/// What a migration needs that SQL cannot do.
fn complete(
    connection: &Connection,
    path: &Path,
    key: &Key,
    installation: &str,
    reached: u32,
) -> Result<(), JournalError> {
    let meta = |name: &str, value: &str| {
        connection.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", [name, value])
    };
    match reached {
        2 => {
            let kept = Kept::first(key);
            AuditLog::begin(connection, &kept.audit)?;
            meta("verifying_key", &audit_log::verifying_key_hex(&kept.audit))?;
        }
        MARKED => {
            Kept::load(connection, path, key)?;
            meta("installation", installation)?;
            Seals::begin(connection, key)?;
        }
        _ => {}
    }
    Ok(())
}

/// The lock; or no lock but the right to take over; or who holds it.
fn lock(path: &Path, claim: &Claim, options: &Options) -> Result<Lock, JournalError> {
    let deadline = Instant::now() + CHANGING_WAIT;
    loop {
        let lock = Lock::beside(path)?;
        if lock.held() {
            return Ok(lock);
        }
        let now = (options.clock)();
        let lease = peek(path)?;
        match lease {
            Some(lease) if claim.take_over && (lease.released || lease.is_doubtful(now)) => {
                return Ok(lock);
            }
            // The row of one that was killed says nothing of whoever has the lock: its own row comes.
            Some(lease)
                if !lease.released
                    && (!lease.holder.is_dead(&claim.holder) || Instant::now() > deadline) =>
            {
                return Err(lease.held(now));
            }
            _ if Instant::now() > deadline => {
                return Err(JournalError::Changing { path: path.to_owned() });
            }
            _ => thread::sleep(CHANGING_LOOK),
        }
    }
}

/// The lease of a database that another process may be just making.
fn peek(path: &Path) -> Result<Option<lease::LeaseInfo>, JournalError> {
    let connection = connection::reading(path)?;
    if schema::found(&connection, path)? == 0 {
        return Ok(None);
    }
    lease::read(&connection)
}

/// The schema from which on a database has a mark.
const MARKED: u32 = 3;

/// The most batches in one transaction.
const GROUP_MAX: usize = 512;

/// How long emptying the write-ahead log waits for readers before it is put off.
const SHRED_WAIT: Duration = Duration::from_millis(20);

/// How long those who write may put it off.
const SHRED_LATER_MAX: Duration = Duration::from_millis(250);

/// How long a process may be seen between its lock and its row, and how often we look.
const CHANGING_WAIT: Duration = Duration::from_secs(2);
const CHANGING_LOOK: Duration = Duration::from_millis(10);
