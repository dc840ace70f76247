//! Many cases side by side: each worker has a stage of its own.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::{Pace, Result, Stage};

/// Whether everything is to be tried rather than a sample: `ROLLOVER_FULL=1`.
#[must_use]
pub fn full() -> bool {
    std::env::var("ROLLOVER_FULL").is_ok_and(|value| value == "1")
}

/// Tries every case on a stage that was set anew, on as many stages as said, and answers what
/// came of each, in the order of the cases. Where there is nothing to answer, no further case is
/// begun. Most of a case is waiting, so that more stages than processors pay.
///
/// # Errors
/// A stage cannot be set up.
pub fn spread<C: Sync, R: Send>(
    binary: &Path,
    pace: &Pace,
    stages: usize,
    cases: &[C],
    attempt: impl Fn(&Stage, &C) -> Option<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        let mut stage = None;
        loop {
            let place = next.fetch_add(1, Ordering::SeqCst);
            let Some(case) = cases.get(place) else {
                return Ok(());
            };
            let stage = match &mut stage {
                None => stage.insert(Stage::at_pace(binary, pace.clone())?),
                Some(stage) => {
                    stage.again()?;
                    stage
                }
            };
            let Some(result) = attempt(stage, case) else {
                next.store(cases.len(), Ordering::SeqCst);
                return Ok(());
            };
            results.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..stages.min(cases.len()).max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err("a worker panicked".into()))
        })
    })?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// Does something with every item, so many side by side, and answers in the order of the items.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    workers: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers.min(items.len()).max(1) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::SeqCst);
                    let Some(item) = items.get(place) else { return };
                    let result = work(item);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}
