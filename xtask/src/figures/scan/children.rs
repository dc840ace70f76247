//! What a process that is started here costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::super::Result;
use super::text;

/// What one run of a process has cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// User and system time of all its threads and children, in seconds.
    pub(super) cpu: f64,
    /// By the clock, in seconds.
    pub(super) wall: f64,
    /// Peak of its memory, in MiB.
    pub(super) peak: u64,
    /// Its exit code.
    pub(super) code: i32,
}

/// Runs a process to its end; its output goes into a file, or nowhere.
pub(super) fn run(command: &mut Command, output: Option<&Path>) -> Result<Cost> {
    let stdout = match output {
        Some(path) => Stdio::from(fs::File::create(path).map_err(text)?),
        None => Stdio::null(),
    };
    let before = children_cpu()?;
    let begun = Instant::now();
    let started = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null()).spawn();
    let mut child = started.map_err(|error| format!("{command:?}: {error}"))?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    // A look every few milliseconds sees the peak: the kernel keeps it.
    let ended = loop {
        peak = peak.max(high_water(Path::new(&status)));
        if let Some(ended) = child.try_wait().map_err(text)? {
            break ended;
        }
        thread::sleep(Duration::from_millis(1));
    };
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), children_cpu()? - before);
    Ok(Cost { cpu, wall, peak, code: ended.code().unwrap_or(-1) })
}

/// The run whose CPU time is the median of several.
pub(super) fn median(times: usize, mut one: impl FnMut() -> Result<Cost>) -> Result<Cost> {
    let mut all = (0..times).map(|_| one()).collect::<Result<Vec<Cost>>>()?;
    all.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    Ok(all[times / 2])
}

/// CPU seconds of this process: utime and stime, proc_pid_stat(5).
pub(super) fn own_cpu() -> Result<f64> {
    ticks(&[11, 12])
}

/// CPU seconds of the children that were waited for: cutime and cstime.
fn children_cpu() -> Result<f64> {
    ticks(&[13, 14])
}

fn ticks(fields: &[usize]) -> Result<f64> {
    // The kernel tells in units of USER_HZ, which is 100 on every Linux.
    const PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").map_err(text)?;
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let words: Vec<&str> = rest.split_whitespace().collect();
    let number = |field: &usize| words.get(*field).and_then(|word| word.parse::<f64>().ok());
    let sum: Option<f64> = fields.iter().map(number).sum();
    sum.map(|ticks| ticks / PER_SECOND)
        .ok_or_else(|| "/proc/self/stat is not as it is known".into())
}

fn high_water(status: &Path) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Another scanner, where it is there.
pub(super) fn peer(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("ROLLOVER_PEERS")?).join(name);
    path.is_file().then_some(path)
}

/// Other scanners, and how they look at a repository: by their defaults, values on standard output.
pub(super) const PEERS: &[(&str, &[&str])] = &[
    ("kingfisher", &["scan", ".", "--format", "json", "--no-validate", "--no-update-check"]),
    ("betterleaks", &["git", ".", "--no-banner", "--jsonl"]),
    ("gitleaks", &["git", ".", "--no-banner", "--report-format", "json", "--report-path", "-"]),
];
