//! What earlier runs came to: a small file beside the database, one line a run.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use domain::posture::{Report, Score};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;

/// How many runs are told of.
const RUNS_MAX: usize = 30;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// When.
    pub(super) at: Timestamp,
    /// Of a hundred.
    pub(super) percent: u32,
    /// How many passed.
    pub(super) passed: usize,
    /// How many failed.
    pub(super) failed: usize,
    /// How many are unknown.
    pub(super) unknown: usize,
}

fn place(home: &Home) -> PathBuf {
    home.database().with_extension("posture")
}

/// The runs before, oldest first, after this one was added.
pub(super) fn remembered(home: &Home, report: &Report, at: Timestamp) -> Result<Vec<Remembered>> {
    let path = place(home);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut runs: Vec<Remembered> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let Score { percent, passed, failed, unknown } = report.score;
    let now = Remembered { at, percent, passed, failed, unknown };
    let fail = |error: std::io::Error| {
        Fail::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
    };
    let line = serde_json::to_string(&now)
        .map_err(|error| Fail::new(Exit::Failed, format!("failed to write JSON: {error}")))?;
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(&path).map_err(fail)?;
    writeln!(file, "{line}").map_err(fail)?;
    let skipped = runs.len().saturating_sub(RUNS_MAX);
    runs.drain(..skipped);
    Ok(runs)
}

/// How the score went.
pub(super) fn trend(before: &[Remembered]) -> String {
    match before.last() {
        Some(last) => {
            let scores: Vec<String> =
                before.iter().rev().take(5).rev().map(|run| run.percent.to_string()).collect();
            format!("; before: {} ({:.10})", scores.join(" "), last.at.to_string())
        }
        None => String::new(),
    }
}
