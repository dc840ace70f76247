//! Replaying the inputs that are kept.

use std::fs;
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Target;

/// What a replay of one target's inputs showed.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// How many inputs there are.
    pub inputs: usize,
    /// The one that took longest, and how long.
    pub slowest: (String, Duration),
    /// Those at which something did not hold.
    pub broken: Vec<String>,
}

/// Where the inputs of a target are kept.
#[must_use]
pub fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

/// Runs a target on every input that is kept for it.
///
/// # Errors
/// The inputs cannot be read.
pub fn replay(target: Target) -> io::Result<Replayed> {
    let mut paths: Vec<PathBuf> = fs::read_dir(corpus(target.name))?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    let (inputs, slowest) = (paths.len(), (String::new(), Duration::ZERO));
    let mut replayed = Replayed { inputs, slowest, broken: Vec::new() };
    for path in paths {
        let data = fs::read(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{}/{name}", target.name);
        let started = Instant::now();
        if panic::catch_unwind(|| (target.run)(&data)).is_err() {
            replayed.broken.push(name.clone());
        }
        let took = started.elapsed();
        if took > replayed.slowest.1 {
            replayed.slowest = (name, took);
        }
    }
    Ok(replayed)
}

/// The most memory that this process has held so far, in MiB, as Linux counts it; `None` where
/// the system does not tell.
#[must_use]
pub fn memory_peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib / 1024)
}
