//! Crash rehearsal: with `ROLLOVER_CRASH_AT=N` the process kills itself, by SIGKILL, at the
//! N-th point at which a crash could matter: before and after each journal write and each call
//! to a vendor. Being killed anywhere is safe; this is how one convinces oneself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use connectors::CallObserver;
use journal::WriteObserver;

/// The variable that starts a rehearsal.
pub(crate) const VARIABLE: &str = "ROLLOVER_CRASH_AT";

/// Counts the points and strikes at one of them.
pub(crate) struct Rehearsal {
    at: u64,
    passed: AtomicU64,
}

impl Rehearsal {
    /// The rehearsal that the environment asks for. There is one for the whole process, so that
    /// writes and calls are counted together and every instant has a number of its own.
    pub(crate) fn from_environment() -> Option<Arc<Self>> {
        static ONLY: OnceLock<Option<Arc<Rehearsal>>> = OnceLock::new();
        ONLY.get_or_init(|| {
            let at = std::env::var(VARIABLE).ok()?.parse().ok()?;
            let passed = AtomicU64::new(0);
            Some(Arc::new(Self { at, passed }))
        })
        .clone()
    }

    fn point(&self) {
        if self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            // SIGKILL to oneself returns only if it failed, and then there is no rehearsal.
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
            loop {
                std::thread::park();
            }
        }
    }
}

impl CallObserver for Rehearsal {
    fn before(&self, _vendor: &str, _call: &str) {
        self.point();
    }

    fn after(&self, _vendor: &str, _call: &str) {
        self.point();
    }
}

impl WriteObserver for Rehearsal {
    fn before_commit(&self) {
        self.point();
    }

    fn after_commit(&self) {
        self.point();
    }
}
