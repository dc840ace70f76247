//! A disk and a clock that lie, under the real program.
//!
//! A small library in C (`e2e/shim/shim.c`) is built here and put between the program and its C
//! library by `LD_PRELOAD`. It writes down every operation on the files of an inventory with the
//! bytes it carried, makes them fail from one of them on, kills the process right before one, and
//! shifts the wall's clock while it runs.
//!
//! Why so: what has to survive is the program as it is, with SQLite's own file system, its real
//! write-ahead log and shared memory, and the files that are written beside it. A file system for
//! SQLite alone would see the database and nothing else, and there is none to use: `sqlite-vfs`
//! knows no write-ahead log, `sqlite-plugin` needs libclang to be built, and one of our own would
//! be unsafe code. `strace` sees as much but is not installed everywhere. A C compiler is, because
//! SQLite is built with it. The library is in no program of ours; a program that is linked without
//! a dynamic C library would not notice it, so every use asks whether it was [noticed](Shim::ops).

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Result, Rollover};

const SOURCE: &str = include_str!("../shim/shim.c");

/// The library, and what it writes down of one run after the other.
pub struct Shim {
    place: TempDir,
    root: PathBuf,
}

/// Something that was done with a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Op {
    /// Since the beginning of time, on the true clock.
    pub at: Duration,
    /// The file.
    pub path: PathBuf,
    /// What.
    pub what: What,
}

/// What was done with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// It was made.
    Made,
    /// So many bytes were written at this place.
    Wrote(u64, Vec<u8>),
    /// It was cut or lengthened to this size.
    Sized(u64),
    /// It, or the directory that it is, was made durable.
    Synced,
    /// It was given this name.
    Renamed(PathBuf),
    /// It was given this name, too.
    Linked(PathBuf),
    /// The name was removed.
    Unlinked,
    /// The directory was made.
    MadeDirectory,
    /// Nothing, because the disk failed.
    Failed,
    /// Nothing, because the process was killed.
    Killed,
}

impl Shim {
    /// Builds the library; the files below `root` are the ones that matter.
    ///
    /// # Errors
    /// There is no C compiler, or it does not take the source.
    pub fn build(root: &Path) -> Result<Self> {
        static LIBRARY: OnceLock<Result<Vec<u8>>> = OnceLock::new();
        let library = LIBRARY.get_or_init(compiled).clone()?;
        let place = tempfile::tempdir().map_err(|error| format!("no place for it: {error}"))?;
        fs::write(place.path().join(LIBRARY_NAME), library).map_err(|error| error.to_string())?;
        let root = root.canonicalize().map_err(|error| error.to_string())?;
        Ok(Self { place, root })
    }

    /// The variables that put it under a program.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("LD_PRELOAD", self.place.path().join(LIBRARY_NAME).into()),
            ("SHIM_ROOT", self.root.clone().into()),
            ("SHIM_LOG", self.log().into()),
        ]
    }

    /// A run whose operations are written down.
    #[must_use]
    pub fn under(&self, run: Rollover) -> Rollover {
        self.variables().into_iter().fold(run, |run, (name, value)| run.env(name, value))
    }

    /// A run whose disk fails with this error, so many times from its n-th operation on.
    #[must_use]
    pub fn failing(&self, run: Rollover, first: usize, errno: i32, times: usize) -> Rollover {
        self.under(run).env("SHIM_FAIL", format!("{first} {errno} {times}"))
    }

    /// A run that is killed right before its n-th operation.
    #[must_use]
    pub fn killed(&self, run: Rollover, at: usize) -> Rollover {
        self.under(run).env("SHIM_KILL", at.to_string())
    }

    /// A run whose clock is as far off as [`Shim::set_clock`] says, at any time.
    #[must_use]
    pub fn off_the_clock(&self, run: Rollover) -> Rollover {
        self.under(run).env("SHIM_CLOCK", self.clock())
    }

    /// Sets the clock of the runs, those that go on among them: so many seconds off the true one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_clock(&self, seconds: i64) -> Result<()> {
        // In place: whoever runs has it mapped.
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.clock())
            .and_then(|mut file| file.write_all(&seconds.to_ne_bytes()))
            .map_err(|error| format!("the clock cannot be set: {error}"))
    }

    /// What was done so far. Nothing is an error: then the library is not in force.
    ///
    /// # Errors
    /// Nothing was written down, or it cannot be read.
    pub fn ops(&self) -> Result<Vec<Op>> {
        let bytes =
            fs::read(self.log()).map_err(|error| format!("the shim wrote nothing: {error}"))?;
        let mut rest = bytes.as_slice();
        let mut ops = Vec::new();
        while !rest.is_empty() {
            // A process that was killed may have left half of its last record.
            let Some(op) = take_op(&mut rest) else { break };
            ops.push(op);
        }
        if ops.is_empty() { Err("the shim is not in force".into()) } else { Ok(ops) }
    }

    /// Forgets what was done so far.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(&self) -> Result<()> {
        match fs::remove_file(self.log()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
            _ => Ok(()),
        }
    }

    fn log(&self) -> PathBuf {
        self.place.path().join("ops")
    }

    fn clock(&self) -> PathBuf {
        self.place.path().join("clock")
    }
}

const LIBRARY_NAME: &str = "shim.so";

fn compiled() -> Result<Vec<u8>> {
    let place = tempfile::tempdir().map_err(|error| format!("no place for it: {error}"))?;
    let library = place.path().join(LIBRARY_NAME);
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut child = Command::new(&compiler)
        .args(["-x", "c", "-O1", "-shared", "-fPIC", "-pthread", "-o"])
        .arg(&library)
        .args(["-", "-ldl"])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| format!("failed to start {}: {error}", compiler.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(SOURCE.as_bytes()).map_err(|error| format!("the compiler: {error}"))?;
    }
    match child.wait() {
        Ok(status) if status.success() => fs::read(&library).map_err(|error| error.to_string()),
        other => Err(format!("{} does not build the shim: {other:?}", compiler.display())),
    }
}

fn take_op(rest: &mut &[u8]) -> Option<Op> {
    let mut number = || take(rest, 8).and_then(|b| Some(u64::from_ne_bytes(b.try_into().ok()?)));
    let (what, at, name, place, length) = (number()?, number()?, number()?, number()?, number()?);
    let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
    let name = path(take(rest, name)?);
    let bytes = take(rest, length)?;
    let what = match u8::try_from(what).ok()? {
        b'C' => What::Made,
        b'W' => What::Wrote(place, bytes.to_vec()),
        b'T' => What::Sized(place),
        b'S' => What::Synced,
        b'R' => What::Renamed(path(bytes)),
        b'L' => What::Linked(path(bytes)),
        b'U' => What::Unlinked,
        b'D' => What::MadeDirectory,
        b'E' => What::Failed,
        b'K' => What::Killed,
        _ => return None,
    };
    Some(Op { at: Duration::from_nanos(at), path: name, what })
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = tail;
    Some(head)
}
