//! Crash rehearsal: with `ROLLOVER_CRASH_AT=N` the process kills itself, by SIGKILL, at the
//! N-th instant at which a crash could matter: before and after each journal write, each call to
//! a vendor and everything else that makes a file durable. Being killed anywhere is safe; this is
//! how one convinces oneself. With `ROLLOVER_CRASH_LOG=FILE` each instant is written down as it
//! comes, one a line, so that the last line says where the process was killed. With
//! `ROLLOVER_PANIC_AT=N` it panics there instead, with tokens at hand, to see what a panic tells.
//! With `ROLLOVER_STOP_BEFORE=N` it stops, by SIGSTOP, right before the N-th change at a vendor or
//! of a file; another process can take over, and SIGCONT shows whether this one still changes
//! anything.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use connectors::CallObserver;
use journal::WriteObserver;

/// The variable that starts a rehearsal.
pub(crate) const VARIABLE: &str = "ROLLOVER_CRASH_AT";
/// The variable that names the file in which the instants are written down.
const LOG: &str = "ROLLOVER_CRASH_LOG";

/// The variable that starts a rehearsal of a panic.
const PANIC: &str = "ROLLOVER_PANIC_AT";

/// The variable that stops the process before a change.
const STOP: &str = "ROLLOVER_STOP_BEFORE";

/// Counts the instants and strikes at one of them.
pub(crate) struct Rehearsal {
    /// 0 never comes.
    at: u64,
    panics: bool,
    passed: AtomicU64,
    /// Before which change it stops; 0 never comes.
    stop: u64,
    changes: AtomicU64,
    log: Option<File>,
}

impl Rehearsal {
    /// The rehearsal that the environment asks for. There is one for the whole process, so that
    /// writes and calls are counted together and every instant has a number of its own.
    pub(crate) fn from_environment() -> Option<Arc<Self>> {
        static ONLY: OnceLock<Option<Arc<Rehearsal>>> = OnceLock::new();
        ONLY.get_or_init(|| {
            let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
            let panics = number(PANIC);
            let at = number(VARIABLE).or(panics);
            let log = std::env::var_os(LOG)
                .and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
            let stop = number(STOP);
            if at.is_none() && log.is_none() && stop.is_none() {
                return None;
            }
            let panics = panics.is_some() && panics == at;
            let (passed, changes) = (AtomicU64::new(0), AtomicU64::new(0));
            let (at, stop) = (at.unwrap_or(0), stop.unwrap_or(0));
            Some(Arc::new(Self { at, panics, passed, stop, changes, log }))
        })
        .clone()
    }

    /// Whether this process stops before a change. Then its lease holds for a moment only, so that
    /// whoever takes over from it need not wait.
    pub(crate) fn stops(&self) -> bool {
        self.stop > 0
    }

    /// The instant of something that is neither a write to the journal nor a call.
    pub(crate) fn instant() {
        if let Some(rehearsal) = Self::from_environment() {
            rehearsal.point(format_args!("a key takes the place of another"));
        }
    }

    fn point(&self, what: std::fmt::Arguments<'_>) {
        let strikes = self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
        if let Some(mut log) = self.log.as_ref() {
            // One write, so that lines of several threads do not mix. Nothing depends on it.
            let _ = log.write_all(format!("{what}\n").as_bytes());
        }
        if strikes {
            assert!(!self.panics, "a panic was rehearsed: {PANIC}={}", self.at);
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
    /// Bars nothing; it may stop here for a while.
    fn may_change(&self, _vendor: &str, _call: &str) -> Result<(), String> {
        if self.changes.fetch_add(1, Ordering::SeqCst) + 1 == self.stop {
            // To this thread, which goes no further then; one to the process may reach another
            // thread first. Where it fails, whoever waits for the stop sees that it goes on.
            let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP);
        }
        Ok(())
    }

    fn before(&self, vendor: &str, call: &str) {
        self.point(format_args!("call: before {vendor} {call}"));
    }

    fn after(&self, vendor: &str, call: &str) {
        self.point(format_args!("call: after {vendor} {call}"));
    }

    fn within(&self, vendor: &str, instant: &str) {
        self.point(format_args!("sync: {vendor}, {instant}"));
    }
}

impl WriteObserver for Rehearsal {
    fn before_commit(&self) {
        self.point(format_args!("write: before the commit"));
    }

    fn after_commit(&self) {
        self.point(format_args!("write: after the commit"));
    }

    fn around(&self, instant: &str) {
        self.point(format_args!("sync: the journal, {instant}"));
    }
}
