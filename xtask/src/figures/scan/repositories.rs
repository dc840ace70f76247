//! Repositories that are scanned for their size.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::corpus::Random;

use super::super::{Means, Result};
use super::text;

/// A repository with a name.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// Those that the environment names, or one that is made.
pub(super) fn all(means: &Means, place: &Path) -> Result<Vec<Named>> {
    if let Some(paths) = std::env::var_os("ROLLOVER_SCAN_REPOS") {
        let named = |path: PathBuf| {
            let shown = path.canonicalize().unwrap_or_else(|_| path.clone());
            let parts: Vec<String> =
                shown.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            let useful = parts.iter().rev().find(|part| !matches!(part.as_str(), "repo" | ".git"));
            Named { name: useful.cloned().unwrap_or_default(), path }
        };
        return Ok(std::env::split_paths(&paths).map(named).collect());
    }
    let path = place.join("made.git");
    made(&path, if means.full { 20_000 } else { 3_000 })?;
    Ok(vec![Named { name: "made here".into(), path }])
}

/// A repository of so many commits, each of which changes a few of some hundred files.
pub(super) fn made(path: &Path, commits: u64) -> Result<()> {
    git(Path::new("."), &["init", "--quiet", "--bare", &path.to_string_lossy()])?;
    let mut import = Command::new("git")
        .arg("-C")
        .arg(path)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(text)?;
    let mut stdin = import.stdin.take().ok_or("no pipe")?;
    let mut random = Random::new(3);
    for commit in 0..commits {
        let mut said = format!(
            "commit refs/heads/main\ncommitter ops-1 <ops@example.com> {} +0000\ndata 7\nchange\n",
            1_700_000_000 + commit * 60
        );
        for _ in 0..3 {
            let file = random.number() % 400;
            let text = lines(&mut random);
            // Writing to a String cannot fail.
            let _ = write!(
                said,
                "M 100644 inline src/{}/{file}.txt\ndata {}\n{text}\n",
                file % 20,
                text.len()
            );
        }
        stdin.write_all(said.as_bytes()).map_err(text)?;
    }
    drop(stdin);
    let ended = import.wait().map_err(text)?;
    if !ended.success() {
        return Err(format!("git fast-import ended with {ended}"));
    }
    git(path, &["gc", "--quiet"])
}

/// Lines that look like code: words, names, here and there an id.
fn lines(random: &mut Random) -> String {
    const WORDS: [&str; 12] = [
        "let",
        "mail",
        "request-id",
        "value",
        "=",
        "(",
        ")",
        "return",
        "state",
        "// note",
        "deliver",
        "queue",
    ];
    let mut text = String::new();
    for line in 0..120 {
        for _ in 0..9 {
            text.push_str(WORDS[(random.number() % 12) as usize]);
            text.push(' ');
        }
        if line % 40 == 0 {
            text.push_str(&random.uuid());
        }
        text.push('\n');
    }
    text
}

pub(super) fn git(directory: &Path, arguments: &[&str]) -> Result<()> {
    let ended = Command::new("git")
        .args(["-c", "user.name=ops-1", "-c", "user.email=ops@example.com", "-C"])
        .arg(directory)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .map_err(text)?;
    let said = String::from_utf8_lossy(&ended.stderr);
    if ended.status.success() {
        Ok(())
    } else {
        Err(format!("git {}: {said}", arguments.join(" ")))
    }
}
