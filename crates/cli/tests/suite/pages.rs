//! Goal: what the pages say to type works. Method: every command block of the how-tos, and every
//! command that a page of the doctor or of the posture names, is typed in a lab, in its order; what
//! is left out stands here with its reason. A page that gets another command fails its test.

mod explained;
mod leaks;
mod rotations;
mod upkeep;

use std::path::{Path, PathBuf};

use e2e::pages::{Page, has_commands, pages};
use e2e::{Result, Stage};

/// The pages whose blocks are typed, and where.
const TYPED: [&str; 13] = [
    "audit",
    "how-to-answer-a-leak",
    "how-to-decommission",
    "how-to-find-drift",
    "how-to-get-notified",
    "how-to-import",
    "how-to-keep-and-restore",
    "how-to-read-a-runbook",
    "how-to-rotate-heroku",
    "how-to-rotate-many",
    "how-to-rotate-postmark",
    "how-to-scan",
    "how-to-schedule",
];
/// One more, with people.
const WITH_PEOPLE: &str = "how-to-work-together";

/// Why a command of a page is not run.
const OTHER_PROGRAMS: &str = "by hand, with the vendors' own programs and pages";
const STAYS: &str = "it stays until somebody stops it";
const ASKS: &str = "it asks at a terminal, and has no other way";

fn stage() -> Result<Stage> {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))
}

/// Begins a rotation that waits for people, and answers its id.
fn begun(stage: &Stage, name: &str) -> Result<String> {
    let _waits = stage.rollover(&["rotate", name, "--yes", "--no-wait"]).run()?.is(10)?;
    first(stage, &["run", "ls"], "rotation")
}

/// A field of the first row of a list.
fn first(stage: &Stage, list: &[&str], field: &str) -> Result<String> {
    let rows = stage.rollover(&[list, &["--json"]].concat()).run()?.is(0)?.json()?;
    let found = rows[0][field].as_str().map(str::to_owned);
    found.ok_or_else(|| format!("no `{field}` in {rows:#}"))
}

/// A repository of git in the home of whoever types.
fn repository(stage: &Stage, name: &str) -> Result<PathBuf> {
    let root = stage.home().join(name);
    std::fs::create_dir_all(&root).map_err(|error| error.to_string())?;
    begin(&root)?;
    Ok(root)
}

/// Makes a directory a repository with one commit.
fn begin(root: &Path) -> Result<()> {
    for args in [
        vec!["init", "--quiet", "--initial-branch=main"],
        vec!["config", "user.name", "ops-1"],
        vec!["config", "user.email", "ops@example.com"],
        vec!["commit", "--quiet", "--allow-empty", "--message=begin"],
    ] {
        let mut git = std::process::Command::new("git");
        git.arg("-C").arg(root);
        git.args(&args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let ended = git.output().map_err(|error| error.to_string())?;
        if !ended.status.success() {
            return Err(String::from_utf8_lossy(&ended.stderr).into_owned());
        }
    }
    Ok(())
}

#[test]
fn no_page_with_commands_is_forgotten() -> Result<()> {
    for name in pages("")? {
        let typed = TYPED.contains(&name.as_str()) || name == WITH_PEOPLE;
        assert!(typed || !has_commands(&name)?, "nobody types what stands in docs/{name}.md");
    }
    for folder in ["doctor", "posture"] {
        for name in pages(folder)? {
            assert!(!has_commands(&name)?, "docs/{name}.md: its commands stand in sentences");
        }
    }
    Ok(())
}
