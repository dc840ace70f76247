//! What the process table shows of a process and of all that it starts.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Sink;

/// What the process table showed of a process.
#[derive(Clone)]
pub struct Sight {
    /// Of which process.
    pub pid: u32,
    /// Arguments or environment.
    pub sink: Sink,
    /// What.
    pub bytes: Vec<u8>,
}

/// Watches what the process table shows, until it is told to end.
pub struct Watch {
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Sight>>>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Watches a process and its descendants.
    #[must_use]
    pub fn over(pid: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (told, book) = (Arc::clone(&over), Arc::clone(&seen));
        let thread = thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                look(pid, &book);
                thread::sleep(Duration::from_millis(3));
            }
        });
        Self { over, seen, thread }
    }

    /// What was seen so far.
    #[must_use]
    pub fn so_far(&self) -> Vec<Sight> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the watch and answers what was seen.
    #[must_use]
    pub fn end(self) -> Vec<Sight> {
        self.over.store(true, Ordering::SeqCst);
        // A watch that panicked has seen what it has seen.
        let _ = self.thread.join();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn look(pid: u32, book: &Mutex<Vec<Sight>>) {
    let mut wanted = vec![pid];
    while let Some(pid) = wanted.pop() {
        for (file, sink) in [("cmdline", Sink::Arguments), ("environ", Sink::Environment)] {
            // Unreadable is as good as empty: nobody else can read it either.
            if let Ok(bytes) = fs::read(format!("/proc/{pid}/{file}"))
                && !bytes.is_empty()
            {
                let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
                let new = |one: &Sight| one.sink != sink || one.bytes != bytes;
                if book.iter().all(new) {
                    book.push(Sight { pid, sink, bytes });
                }
            }
        }
        for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            wanted.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
}
