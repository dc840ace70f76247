//! Keeps what comes out of the program, each piece with the kind of place that it was found in.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::terminal::{Typed, at_terminal};
use super::{Canary, Search, Sight, Sink, Tap, Watch, sqlite};
use crate::{Ended, Result, Rollover};

/// How long a process may take to come to where it is made to crash.
const CRASH_SECONDS_MAX: Duration = Duration::from_secs(10);

/// Everything that was kept.
#[derive(Default)]
pub struct Catch {
    pieces: Vec<(Sink, String, Vec<u8>)>,
}

impl Catch {
    /// One more piece.
    pub fn keep(&mut self, sink: Sink, place: &str, bytes: Vec<u8>) {
        self.pieces.push((sink, place.to_owned(), bytes));
    }

    /// Looks for these in all of it.
    #[must_use]
    pub fn search(&self, canaries: Vec<Canary>) -> Search {
        let mut search = Search::of(canaries);
        for (sink, place, bytes) in &self.pieces {
            search.bytes(*sink, place, bytes);
        }
        search
    }

    /// Runs it and keeps what it prints, and what the process table shows of it meanwhile.
    ///
    /// # Errors
    /// It cannot be started, or takes too long.
    pub fn run(&mut self, (out, err): (Sink, Sink), name: &str, run: Rollover) -> Result<Ended> {
        let running = run.start()?;
        let watch = Watch::over(running.pid());
        let ended = running.finish()?;
        self.sights(name, watch.end());
        // What is refused is told on standard error; with `--json` on standard output, too.
        let refused = !matches!(ended.code, Some(0 | 3 | 10 | 11 | 12) | None);
        let err = if refused && err == Sink::Errors { Sink::Refusals } else { err };
        let [stdout, stderr] = ended.bytes.clone();
        self.keep(out, &format!("{name}, standard output"), stdout);
        self.keep(err, &format!("{name}, standard error"), stderr);
        Ok(ended)
    }

    /// Runs it at a terminal and keeps what that shows. `None` where there is no `setsid` to give
    /// a terminal to a process.
    ///
    /// # Errors
    /// It does not ask for what is typed, or does not end.
    pub fn run_at_terminal(
        &mut self,
        name: &str,
        run: &Rollover,
        typed: &[Typed<'_>],
    ) -> Result<Option<i32>> {
        let (screen, code) = at_terminal(&mut run.under("setsid", &["--ctty"]), typed)?;
        self.keep(Sink::Terminal, name, screen);
        Ok(code)
    }

    /// Keeps what the process table showed.
    pub fn sights(&mut self, name: &str, sights: Vec<Sight>) {
        for sight in sights {
            self.keep(sight.sink, &format!("{name}, process {}", sight.pid), sight.bytes);
        }
    }

    /// Keeps a database as it is now, with everything that SQLite and we put beside it.
    pub fn database(&mut self, path: &Path, when: &str) {
        let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
        if let Ok(bytes) = fs::read(path) {
            self.keep(Sink::FreePages, when, sqlite::free_pages(&bytes));
            self.keep(Sink::Slack, when, sqlite::slack(&bytes));
            self.keep(Sink::Database, when, bytes);
        }
        for (suffix, sink) in
            [("-wal", Sink::WriteAhead), ("-shm", Sink::SharedMemory), (".lock", Sink::Locks)]
        {
            if let Ok(bytes) = fs::read(beside(suffix)) {
                self.keep(sink, when, bytes);
            }
        }
    }

    /// Keeps one file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn file(&mut self, sink: Sink, path: &Path) -> Result<()> {
        let place = path.display().to_string();
        let bytes = fs::read(path).map_err(|error| format!("{place}: {error}"))?;
        self.keep(sink, &place, bytes);
        Ok(())
    }

    /// Whether a process that crashed has left a dump.
    #[must_use]
    pub fn holds_a_dump(&self) -> bool {
        self.pieces.iter().any(|(sink, _, bytes)| *sink == Sink::CoreDumps && !bytes.is_empty())
    }

    /// Keeps every file under a directory, and its name, except what `spared` names: files in
    /// which a value belongs, or which are kept as something else.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn tree(&mut self, sink: Sink, under: &Path, spared: &dyn Fn(&Path) -> bool) -> Result<()> {
        let fail = |error: std::io::Error| format!("{}: {error}", under.display());
        // An empty directory was looked at, too.
        self.keep(sink, &under.display().to_string(), Vec::new());
        for entry in fs::read_dir(under).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let name = path.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
            let place = path.display().to_string();
            self.keep(Sink::FileNames, &place, name);
            if path.is_dir() {
                self.tree(sink, &path, spared)?;
            } else if path.is_file() && !spared(&path) {
                let bytes = fs::read(&path).map_err(|error| format!("{place}: {error}"))?;
                self.keep(sink, &place, bytes);
            }
        }
        Ok(())
    }

    /// Keeps what was asked over a tap.
    pub fn asked(&mut self, name: &str, tap: &Tap) {
        for (sink, bytes) in tap.asked() {
            self.keep(sink, name, bytes);
        }
    }

    /// Starts it with the limit on dumps raised as far as it goes, lets it crash by this signal
    /// once it is `ready`, by its process id, and keeps every dump. Answers whether the system says that it dumped.
    ///
    /// # Errors
    /// It cannot be started, or does not end.
    pub fn crashed(
        &mut self,
        name: &str,
        run: &Rollover,
        signal: rustix::process::Signal,
        at: &Path,
        ready: &dyn Fn(u32) -> bool,
    ) -> Result<bool> {
        let script =
            "ulimit -S -c unlimited 2>/dev/null || ulimit -S -c \"$(ulimit -H -c)\"; exec \"$@\"";
        let mut command = run.under("sh", &["-c", script, "sh"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child =
            command.current_dir(at).spawn().map_err(|error| format!("{name}: {error}"))?;
        let started = Instant::now();
        while !ready(child.id()) && started.elapsed() < CRASH_SECONDS_MAX {
            std::thread::sleep(Duration::from_millis(5));
        }
        let pid = rustix::process::Pid::from_child(&child);
        // Rust's own handler of SIGSEGV looks for an overflow of the stack and takes the first one
        // that somebody sends for nothing.
        let status = loop {
            // One that has ended already has left no dump, and its end says so.
            let _ = rustix::process::kill_process(pid, signal);
            std::thread::sleep(Duration::from_millis(2));
            if let Some(status) = child.try_wait().map_err(|error| format!("{name}: {error}"))? {
                break status;
            }
        };
        if status.signal() != Some(signal.as_raw()) {
            return Err(format!("{name}: it was to crash and ended with {status}"));
        }
        let mut dumps = 0;
        for entry in fs::read_dir(at).into_iter().flatten().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if file == "core" || file.starts_with("core.") {
                dumps += 1;
                let bytes = fs::read(entry.path()).map_err(|error| format!("{file}: {error}"))?;
                self.keep(Sink::CoreDumps, &format!("{name}, {file}"), bytes);
                fs::remove_file(entry.path()).map_err(|error| format!("{file}: {error}"))?;
            }
        }
        if dumps == 0 {
            self.keep(Sink::CoreDumps, &format!("{name}, none"), Vec::new());
        }
        Ok(status.core_dumped())
    }

    /// Runs it under strace and keeps the arguments and the environment of everything that it
    /// starts, itself included. `None` where there is no strace, or it may not trace.
    ///
    /// # Errors
    /// It does not end.
    pub fn traced(
        &mut self,
        name: &str,
        run: Rollover,
        into: &Path,
    ) -> Result<Option<(Ended, usize)>> {
        if !strace_works() {
            return Ok(None);
        }
        let file = into.join("strace.out");
        let path = file.display().to_string();
        let options =
            ["-f", "-qq", "-v", "-xx", "-s", "1000000", "-e", "trace=execve,execveat", "-o", &path];
        let ended = run.wrapped("strace", &options).run()?;
        let trace = fs::read_to_string(&file).map_err(|error| format!("{path}: {error}"))?;
        fs::remove_file(&file).map_err(|error| format!("{path}: {error}"))?;
        let mut calls = 0;
        for line in trace.lines().filter(|line| line.contains("exec")) {
            calls += 1;
            self.keep(Sink::Started, name, unescaped(line));
        }
        Ok(Some((ended, calls)))
    }
}

/// Whether there is a strace that may trace.
#[must_use]
pub fn strace_works() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", "trace=execve", "true"]);
    strace.stdout(Stdio::null()).stderr(Stdio::null());
    strace.status().is_ok_and(|status| status.success())
}

/// The bytes behind strace's `\x48` notation.
fn unescaped(line: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), line.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        let pair = more.get(1..3).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, more.first(), byte) {
            (b'\\', Some(b'x'), Some(byte)) => {
                bytes.push(byte);
                rest = &more[3..];
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    bytes
}
