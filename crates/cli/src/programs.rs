//! Other programs: git and git-filter-repo, without a shell and without the logins that stand in
//! our environment.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Output as Ended, Stdio};

use crate::exit::Exit;
use crate::fail::{Fail, Result};

/// A program on the PATH, without a shell, and without the logins that stand in our environment.
pub(crate) fn program(name: &str) -> Command {
    const KEPT: [&str; 12] = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "GNUPGHOME",
        "SSH_AUTH_SOCK",
    ];
    let kept = |key: &OsStr| {
        let key = key.to_string_lossy();
        KEPT.contains(&key.as_ref())
            || ["GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_"].iter().any(|of| key.starts_with(of))
    };
    let mut command = Command::new(name);
    command.env_clear().envs(std::env::vars_os().filter(|(key, _)| kept(key)));
    command
}

/// What a program said against it, in one line.
pub(crate) fn succeeded(what: &str, ended: io::Result<Ended>, install: &str) -> Result<Ended> {
    const SAID_MAX: usize = 400;
    match ended {
        Ok(ended) if ended.status.success() => Ok(ended),
        Ok(ended) => {
            let said = String::from_utf8_lossy(&ended.stderr);
            let said: Vec<&str> = said.split_whitespace().collect();
            let said: String = said.join(" ").chars().take(SAID_MAX).collect();
            Err(Fail::new(Exit::Failed, format!("{what} ended with {}: {said}", ended.status)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Fail::new(Exit::Failed, format!("{what}: there is no such program on the PATH"))
                .hint(install))
        }
        Err(error) => Err(Fail::new(Exit::Failed, format!("failed to run {what}: {error}"))),
    }
}

/// What git answers in a directory.
pub(crate) fn git(directory: &Path, arguments: &[&OsStr]) -> Result<String> {
    let mut command = program("git");
    // No hook and no monitor of a repository runs with this user's rights.
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-C"]);
    command.arg(directory).args(arguments);
    let ended = command.stdin(Stdio::null()).output();
    let verb = arguments.first().map(|verb| verb.to_string_lossy()).unwrap_or_default();
    let ended = succeeded(&format!("git {verb}"), ended, "install git")?;
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}
