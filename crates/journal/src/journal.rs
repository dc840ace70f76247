//! The handle that everybody writes through.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use domain::audit::Record;
use domain::leak::Case;
use domain::{Fingerprint, Remark, RotationId, SecretName};
use jiff::Timestamp;
use seal::Key;
use tokio::sync::oneshot;

use crate::fence::{Fence, Standing};
use crate::lease::{Claim, Holder};
use crate::writer::{self, Answer, Request, Work};
use crate::{Appended, Batch, JournalError, Reader, Remarks, SetBack, TokenChange};

/// What tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Is told of every commit that carries a batch, on the writer's own thread; for rehearsing
/// crashes at exactly these instants. Renewals of the lease are not told.
pub trait WriteObserver: Send + Sync {
    /// The batches are written and not yet durable.
    fn before_commit(&self);
    /// They are durable, and nobody has been answered yet.
    fn after_commit(&self);
    /// One of the instants around what else becomes durable: the tables, the lease, the emptied
    /// write-ahead log.
    fn around(&self, _instant: &str) {}
}

/// How a journal is opened.
#[derive(Clone)]
pub struct Options {
    /// Takes the lease from a process that stopped renewing it but still has its lock, such as a
    /// suspended one. It finds out when it goes on.
    pub take_over: bool,
    /// How long the lease holds without a renewal.
    pub ttl: Duration,
    /// How often it is renewed when nothing else is written.
    pub renew_every: Duration,
    /// The largest database, in pages of 4 KiB.
    pub size_pages_max: Option<u32>,
    /// A directory outside of the database's for a second mark of how far the database is; see
    /// [`SetBack`].
    pub marks: Option<PathBuf>,
    /// Opens a database that was set back too, for looking at the world on its behalf.
    pub reconcile: bool,
    /// What tells the time.
    pub clock: Clock,
    /// Who is told of commits.
    pub observer: Option<Arc<dyn WriteObserver>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            take_over: false,
            ttl: Duration::from_secs(10),
            renew_every: Duration::from_secs(3),
            size_pages_max: None,
            marks: None,
            reconcile: false,
            clock: Arc::new(Timestamp::now),
            observer: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("take_over", &self.take_over)
            .field("ttl", &self.ttl)
            .field("renew_every", &self.renew_every)
            .field("size_pages_max", &self.size_pages_max)
            .finish_non_exhaustive()
    }
}

/// The one writer of a database. Cheap to clone; the last clone gives the lease back when it is
/// dropped, after everything handed in before is written.
#[derive(Clone)]
pub struct Journal(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    key: Key,
    pub(crate) standing: Arc<Standing>,
    pub(crate) ttl: Duration,
    set_back: Option<SetBack>,
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Makes the database if there is none, brings it up to the newest schema, takes the lease
    /// and starts the writer.
    ///
    /// # Errors
    /// Another process writes, the key is another installation's, the schema is newer, or the
    /// files cannot be used.
    pub fn open(
        path: &Path,
        key: &Key,
        holder: Holder,
        options: Options,
    ) -> Result<Self, JournalError> {
        let claim = Claim { holder, ttl: options.ttl, take_over: options.take_over };
        let ttl = options.ttl;
        let writer = writer::Writer::open(path, key, &claim, options)?;
        let (path, standing) = (writer.path().to_owned(), writer.standing());
        let set_back = writer.set_back();
        let (requests, inbound) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(&inbound))
            .map_err(|_| JournalError::Stopped)?;
        let (requests, thread) = (Some(requests), Some(thread));
        let key = key.clone();
        Ok(Self(Arc::new(Inner { path, key, standing, ttl, set_back, requests, thread })))
    }

    /// Writes a batch, and returns when it would survive a power cut.
    ///
    /// A dropped future takes nothing back: the batch may have been written.
    ///
    /// # Errors
    /// This batch is refused ([`JournalError::is_refusal`]), or nothing can be written any more.
    pub async fn append(&self, batch: Batch) -> Result<Appended, JournalError> {
        self.submit(Work::Batch(Box::new(batch))).await
    }

    /// [`Journal::append`] for threads that may wait.
    ///
    /// # Errors
    /// As there.
    pub fn append_blocking(&self, batch: Batch) -> Result<Appended, JournalError> {
        self.submit_blocking(Work::Batch(Box::new(batch)))
    }

    /// Writes audit records that belong to no step of a rotation.
    ///
    /// # Errors
    /// Nothing can be written any more.
    pub async fn append_audit(&self, records: Vec<Record>) -> Result<Appended, JournalError> {
        self.append_note(records, Vec::new()).await
    }

    /// Writes audit records and states of tokens that belong to no step of a rotation, such as
    /// a token that is adopted or reported as leaked.
    ///
    /// # Errors
    /// Nothing can be written any more.
    pub async fn append_note(
        &self,
        records: Vec<Record>,
        tokens: Vec<TokenChange>,
    ) -> Result<Appended, JournalError> {
        self.submit(Work::Note { records, tokens }).await
    }

    /// [`Journal::append_note`] for threads that may wait.
    ///
    /// # Errors
    /// As there.
    pub fn append_note_blocking(
        &self,
        records: Vec<Record>,
        tokens: Vec<TokenChange>,
    ) -> Result<Appended, JournalError> {
        self.submit_blocking(Work::Note { records, tokens })
    }

    /// Writes a leak's case as it is now, with what the audit says of it.
    ///
    /// # Errors
    /// Nothing can be written any more.
    pub async fn append_case(
        &self,
        case: Case,
        records: Vec<Record>,
    ) -> Result<Appended, JournalError> {
        self.submit(Work::Case { case: Box::new(case), records }).await
    }

    /// Remembers tokens that were seen somewhere, with what the audit says of it.
    ///
    /// # Errors
    /// Nothing can be written any more.
    pub async fn append_learned(
        &self,
        tokens: Vec<(SecretName, Fingerprint)>,
        records: Vec<Record>,
    ) -> Result<Appended, JournalError> {
        self.submit(Work::Learned { tokens, records }).await
    }

    /// Takes a database that was set back at its word again, after somebody has looked at the
    /// world.
    ///
    /// # Errors
    /// Nothing can be written any more.
    pub async fn reconciled(&self, record: Record) -> Result<Appended, JournalError> {
        self.submit(Work::Reconciled { record: Box::new(record) }).await
    }

    /// Changes what is said of a task; see [`Remarks::change`].
    ///
    /// # Errors
    /// As there.
    pub fn remark<E>(
        &self,
        rotation: &RotationId,
        task: &str,
        decide: impl FnOnce(&mut Remark) -> Result<Record, E>,
    ) -> Result<Result<Remark, E>, JournalError> {
        Remarks::change(&self.0.path, &self.0.key, rotation, task, decide)
    }

    /// Why the database was not taken at its word when it was opened; `None` if it was.
    #[must_use]
    pub fn set_back(&self) -> Option<SetBack> {
        self.0.set_back
    }

    /// A reader of the same database.
    ///
    /// # Errors
    /// The files cannot be used.
    pub fn reader(&self) -> Result<Reader, JournalError> {
        Reader::open(&self.0.path, &self.0.key)
    }

    /// The database's one true path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Which taking of the lease this is.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.standing.epoch()
    }

    /// What is asked right before each change of anything else than the journal.
    ///
    /// # Errors
    /// The files cannot be used.
    pub fn fence(&self) -> Result<Fence, JournalError> {
        Fence::of(&self.0)
    }

    async fn submit(&self, work: Work) -> Result<Appended, JournalError> {
        let (answer, answered) = oneshot::channel();
        // Whoever waits no longer needs no answer.
        self.send(work, Box::new(|result| drop(answer.send(result))))?;
        answered.await.unwrap_or(Err(JournalError::Stopped))
    }

    fn submit_blocking(&self, work: Work) -> Result<Appended, JournalError> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.send(work, Box::new(move |result| drop(answer.send(result))))?;
        answered.recv().unwrap_or(Err(JournalError::Stopped))
    }

    fn send(&self, work: Work, answer: Answer) -> Result<(), JournalError> {
        let requests = self.0.requests.as_ref().ok_or(JournalError::Stopped)?;
        requests.send(Request { work, answer }).map_err(|_| JournalError::Stopped)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.requests.take());
        // Waited for, so that whoever opens the journal next finds the lease free. The observer
        // may hold the last clone; the writer cannot wait for itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // A writer that panicked has answered nobody, which they have noticed.
            let _panicked = thread.join();
        }
    }
}
