//! What the running program lets others see of it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// A user who is nobody else's.
const NOBODY: u32 = 65_534;
const START_SECONDS_MAX: Duration = Duration::from_secs(20);

/// What others were able to see of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The limits on core dumps, soft and hard.
    pub core_limits: (String, String),
    /// Who owns its entries in the process table.
    pub owner: u32,
    /// What another process of the same user could read: of memory, environment, its maps.
    pub readable: Vec<&'static str>,
}

/// Looks at the program, which runs a lab, and for comparison at a program that does nothing for
/// its own safety. Where this process is root, both run as nobody; `None` where it may not start
/// anything as somebody else.
///
/// # Errors
/// They cannot be started.
pub fn look(binary: &Path) -> Result<Option<(Seen, Seen)>> {
    if as_user(&mut Command::new("true"), user()).status().is_err() {
        return Ok(None);
    }
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777))
        .map_err(|error| error.to_string())?;
    // Nobody may not reach the directory that it was built in.
    let own = place.path().join("rollover");
    fs::copy(binary, &own).map_err(|error| format!("{}: {error}", own.display()))?;
    let mut lab = Command::new(&own);
    lab.args(["lab", "up"]).env_clear().current_dir(place.path());
    let (ours, owner) = (place.path().join("lab.json"), user());
    let hardened = seen(&mut lab, owner, &|_| ours.exists())?;
    let mut sleep = Command::new("sleep");
    sleep.arg("60").env_clear().env("PATH", "/usr/bin:/bin");
    let plain = seen(&mut sleep, owner, &|pid| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"))
    })?;
    Ok(Some((hardened, plain)))
}

/// As whom the programs run.
#[must_use]
pub fn user() -> u32 {
    let own = rustix::process::geteuid();
    if own.is_root() { NOBODY } else { own.as_raw() }
}

fn seen(command: &mut Command, user: u32, ready: &dyn Fn(u32) -> bool) -> Result<Seen> {
    let mut child = Killed(as_user(command, user).spawn().map_err(|error| error.to_string())?);
    let started = Instant::now();
    while !ready(child.0.id()) {
        let ended = child.0.try_wait().map_err(|error| error.to_string())?;
        if ended.is_some() || started.elapsed() > START_SECONDS_MAX {
            return Err(format!("{command:?} does not run: {ended:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let entry = format!("/proc/{}", child.0.id());
    let limits =
        fs::read_to_string(format!("{entry}/limits")).map_err(|error| error.to_string())?;
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    let mut core = core.unwrap_or_default().split_whitespace().map(str::to_owned);
    let core_limits = (core.next().unwrap_or_default(), core.next().unwrap_or_default());
    let owner = fs::metadata(format!("{entry}/environ")).map_err(|error| error.to_string())?.uid();
    let mut readable = Vec::new();
    for what in ["environ", "maps", "mem"] {
        let mut reader = Command::new("sh");
        // The beginning of memory is never there; opening it is what is allowed or not.
        reader.args(["-c", &format!("exec 3<{entry}/{what} && test -e /proc/self/fd/3")]);
        reader.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
        let read = as_user(&mut reader, user).stderr(Stdio::null()).status();
        if read.map_err(|error| error.to_string())?.success() {
            readable.push(what);
        }
    }
    Ok(Seen { core_limits, owner, readable })
}

fn as_user(command: &mut Command, user: u32) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(user).gid(user);
    }
    command
}

/// Told loudly where something could not be tried.
pub fn skipped(why: &str) {
    // Tests swallow what is printed; this must be seen.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Both fail only for a child that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
