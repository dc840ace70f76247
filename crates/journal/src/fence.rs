//! Whether this process still may change something, asked right before it does.
//!
//! The lease keeps whoever lost it from writing to the journal. That is too late for a call whose
//! beginning was written before: a process that is stopped in between and goes on a minute later
//! would still make it. So each change asks here first. Whoever has not renewed for half of the
//! time that the lease holds renews before it is told that it may; nobody can take the lease from
//! it in the other half, in which the change leaves.

use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};

use crate::journal::Inner;
use crate::{Journal, JournalError, connection, lease};

/// Asks for one journal whether its process still holds the lease. It keeps the journal from
/// nothing: the lease is given back although fences are about.
pub struct Fence {
    journal: Weak<Inner>,
    connection: Mutex<Connection>,
}

impl Fence {
    pub(crate) fn of(journal: &std::sync::Arc<Inner>) -> Result<Self, JournalError> {
        let connection = Mutex::new(connection::reading(&journal.path)?);
        Ok(Self { journal: std::sync::Arc::downgrade(journal), connection })
    }

    /// Returns where a change may leave now.
    ///
    /// # Errors
    /// The lease went to somebody else or was given back, nothing can be written any more, or
    /// that cannot be found out.
    pub fn pass(&self) -> Result<(), JournalError> {
        let journal = self.journal.upgrade().map(Journal).ok_or(JournalError::Stopped)?;
        if !journal.0.standing.is_fresh(journal.0.ttl / 2) {
            // An empty write renews, or says why nothing is written any more.
            journal.append_note_blocking(Vec::new(), Vec::new())?;
        }
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        lease::holds(&connection, journal.epoch())
    }
}

impl std::fmt::Debug for Fence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fence").finish_non_exhaustive()
    }
}

/// What the writing thread says of itself to the others.
#[derive(Debug)]
pub(crate) struct Standing(Mutex<Stands>);

#[derive(Clone, Copy, Debug)]
struct Stands {
    epoch: u64,
    /// When the lease was last renewed, by the clock of the machine's boot, which nobody can set;
    /// `None` where nothing is written any more.
    renewed: Option<Duration>,
}

impl Standing {
    pub(crate) fn new(epoch: u64, renewed: Moment) -> Self {
        Self(Mutex::new(Stands { epoch, renewed: Some(renewed.0) }))
    }

    /// The lease was renewed at that moment or later.
    pub(crate) fn renewed(&self, epoch: u64, at: Moment) {
        self.set(Stands { epoch, renewed: Some(at.0) });
    }

    /// Nothing is written any more.
    pub(crate) fn fallen(&self) {
        self.set(Stands { renewed: None, ..self.get() });
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.get().epoch
    }

    fn is_fresh(&self, within: Duration) -> bool {
        self.get().renewed.is_some_and(|at| Moment::now().0.saturating_sub(at) < within)
    }

    fn get(&self) -> Stands {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, stands: Stands) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stands;
    }
}

/// A moment by the clock of the machine's boot, which goes on while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(Duration);

impl Moment {
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Self(Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)))
    }
}
