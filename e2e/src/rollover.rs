//! One run of the real binary: a child with a scrubbed environment, a home of its own and a limit
//! on its time.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::Result;

/// What anybody may write into the environment, and nobody is believed.
const ANYBODY: &str = "somebody";
const LIMIT: Duration = Duration::from_secs(90);
const SIGKILL: i32 = 9;

/// A run that is about to start.
pub struct Rollover {
    command: Command,
    limit: Duration,
    input: Option<String>,
    ear: Option<Sender<String>>,
}

impl Rollover {
    /// `binary -C inventory`, with `home` as its home and its directory for temporary files.
    #[must_use]
    pub fn new(binary: &Path, inventory: &Path, home: &Path) -> Self {
        Self::of(Command::new(binary), inventory, home)
    }

    /// The same, in a shell that is told this first, such as a limit.
    #[must_use]
    pub fn after(told: &str, binary: &Path, inventory: &Path, home: &Path) -> Self {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("{told}; exec \"$0\" \"$@\"")).arg(binary);
        Self::of(command, inventory, home)
    }

    fn of(mut command: Command, inventory: &Path, home: &Path) -> Self {
        Self::surround(&mut command, home);
        command.arg("-C").arg(inventory);
        Self { command, limit: LIMIT, input: None, ear: None }
    }

    /// Another program in its place, with the same surroundings.
    #[must_use]
    pub fn stand_in(program: &str, home: &Path) -> Self {
        let mut command = Command::new(program);
        Self::surround(&mut command, home);
        Self { command, limit: LIMIT, input: None, ear: None }
    }

    fn surround(command: &mut Command, home: &Path) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home)
            .env("TMPDIR", home)
            .env("USER", ANYBODY)
            .env("LC_ALL", "C.UTF-8")
            .current_dir(home)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    /// The same, started by another program that is given these arguments first.
    #[must_use]
    pub fn under(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).arg(self.command.get_program()).args(self.command.get_args());
        command.env_clear();
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        if let Some(directory) = self.command.get_current_dir() {
            command.current_dir(directory);
        }
        command
    }

    /// As [`Rollover::under`], to be run as this would have been.
    #[must_use]
    pub fn wrapped(mut self, program: &str, arguments: &[&str]) -> Self {
        let mut command = self.under(program, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command = command;
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// One more variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The process kills itself at this instant; see `ROLLOVER_CRASH_AT`.
    #[must_use]
    pub fn crash_at(self, point: u64) -> Self {
        self.env("ROLLOVER_CRASH_AT", point.to_string())
    }

    /// The process stops, by SIGSTOP, right before its n-th change; see `ROLLOVER_STOP_BEFORE`.
    #[must_use]
    pub fn stop_before(self, change: u64) -> Self {
        self.env("ROLLOVER_STOP_BEFORE", change.to_string())
    }

    /// The same under strace, which writes these system calls of all threads into a file.
    #[must_use]
    pub fn traced(mut self, calls: &str, to: &Path) -> Self {
        let mut command = Command::new("strace");
        command.env_clear().args(["-f", "-qq", "-s", "200", "-e", calls, "-o"]).arg(to);
        command.arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            command.envs(value.map(|value| (name, value)));
        }
        if let Some(directory) = self.command.get_current_dir() {
            command.current_dir(directory);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command = command;
        self
    }

    /// What it reads from standard input.
    #[must_use]
    pub fn input(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    /// Who hears each line of its standard error as it comes.
    #[must_use]
    pub fn heard_by(mut self, ear: Sender<String>) -> Self {
        self.ear = Some(ear);
        self
    }

    /// Where its standard output goes; it is not kept then.
    #[must_use]
    pub fn stdout(mut self, to: Stdio) -> Self {
        self.command.stdout(to);
        self
    }

    /// It is killed when it takes longer.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It cannot be started, or takes too long.
    pub fn run(self) -> Result<Ended> {
        self.start()?.finish()
    }

    /// Starts it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut self) -> Result<Running> {
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = self
            .command
            .stdin(stdin)
            .spawn()
            .map_err(|error| format!("failed to start {:?}: {error}", self.command))?;
        if let (Some(text), Some(mut stdin)) = (self.input, child.stdin.take()) {
            // A child that does not want to hear it ends by itself.
            let _ = stdin.write_all(text.as_bytes());
        }
        let errors = Arc::new(Mutex::new(String::new()));
        let readers = [
            child.stdout.take().map(whole),
            child.stderr.take().map(|stderr| by_line(stderr, Arc::clone(&errors), self.ear)),
        ];
        Ok(Running { child, errors, readers, started: Instant::now(), limit: self.limit })
    }
}

fn whole(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before a pipe broke is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn by_line(
    pipe: impl Read + Send + 'static,
    so_far: Arc<Mutex<String>>,
    ear: Option<Sender<String>>,
) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            all.extend_from_slice(&line);
            all.push(b'\n');
            let line = String::from_utf8_lossy(&line).into_owned();
            let mut held = so_far.lock().unwrap_or_else(PoisonError::into_inner);
            held.push_str(&line);
            held.push('\n');
            drop(held);
            if let Some(ear) = &ear {
                // A person who has gone home hears nothing.
                let _ = ear.send(line);
            }
        }
        all
    })
}

/// A run that has not ended. Dropped before its end, it is killed.
pub struct Running {
    child: Child,
    errors: Arc<Mutex<String>>,
    readers: [Option<JoinHandle<Vec<u8>>>; 2],
    started: Instant,
    limit: Duration,
}

impl Running {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// What it has said so far on standard error.
    #[must_use]
    pub fn said(&self) -> String {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has said this on standard error.
    ///
    /// # Errors
    /// It ends or its time is over before.
    pub fn wait_for(&mut self, words: &str) -> Result<()> {
        while !self.said().contains(words) {
            if self.has_ended() || self.started.elapsed() > self.limit {
                return Err(format!("it never said {words:?}, but: {}", self.said()));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Waits until it is stopped by a signal, and answers `true`; `false` where it ends first.
    ///
    /// # Errors
    /// Its time is over before.
    pub fn stops(&self) -> Result<bool> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let either = WaitIdOptions::STOPPED | WaitIdOptions::EXITED;
        // Left to be waited for by `finish`.
        let look = either | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        loop {
            match waitid(WaitId::Pid(Pid::from_child(&self.child)), look) {
                Ok(Some(status)) => return Ok(status.stopped()),
                Ok(None) if self.started.elapsed() > self.limit => {
                    return Err(format!("it neither stopped nor ended: {}", self.said()));
                }
                Ok(None) => thread::sleep(Duration::from_millis(2)),
                Err(error) => return Err(format!("failed to wait for it: {error}")),
            }
        }
    }

    /// Lets it go on where it was stopped.
    ///
    /// # Errors
    /// It is not there any more.
    pub fn wake(&self) -> Result<()> {
        let told = kill_process(Pid::from_child(&self.child), Signal::CONT);
        told.map_err(|error| format!("failed to wake it: {error}"))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It takes too long; it is killed then.
    pub fn finish(mut self) -> Result<Ended> {
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if self.started.elapsed() > self.limit => {
                    let said = self.said();
                    return Err(format!("it did not end in {:?}: {said}", self.limit));
                }
                Ok(None) => thread::sleep(Duration::from_millis(2)),
                Err(error) => return Err(format!("failed to wait for it: {error}")),
            }
        };
        let took = self.started.elapsed();
        let readers = self.readers.each_mut().map(Option::take);
        let bytes = readers.map(|reader| {
            reader.map(|reader| reader.join().unwrap_or_default()).unwrap_or_default()
        });
        let [stdout, stderr] =
            bytes.each_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Ok(Ended { code: status.code(), signal: status.signal(), stdout, stderr, bytes, took })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a run ended.
#[must_use = "say which end is right: `is`, `was_killed`"]
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none where it was killed.
    pub code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Both as they came, for whoever looks for what is no text.
    pub bytes: [Vec<u8>; 2],
    /// How long it ran.
    pub took: Duration,
}

impl Ended {
    /// The same, if it ended with this code.
    ///
    /// # Errors
    /// It ended otherwise; with everything it said.
    pub fn is(self, code: i32) -> Result<Self> {
        if self.code == Some(code) { Ok(self) } else { Err(format!("not exit {code}: {self}")) }
    }

    /// Whether it was killed by SIGKILL.
    #[must_use]
    pub fn was_killed(&self) -> bool {
        self.signal == Some(SIGKILL)
    }

    /// Standard output as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).map_err(|error| format!("no JSON ({error}): {self}"))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, signal, stdout, stderr, took, .. } = self;
        write!(
            f,
            "code {code:?}, signal {signal:?}, after {took:.1?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}
