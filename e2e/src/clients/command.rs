//! A client that is a program, run once a call.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};

use crate::Result;

/// One run of an installed program, in an environment of its own.
pub struct Command {
    program: PathBuf,
    home: PathBuf,
    env: Vec<(String, String)>,
    input: Option<String>,
}

/// How it ended.
pub struct Ended {
    /// Its exit code; `None` where it was killed.
    pub code: Option<i32>,
    /// What it wrote.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {:?}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

impl Ended {
    /// This, where it ended with this code.
    ///
    /// # Errors
    /// It ended otherwise.
    pub fn is(self, code: i32) -> Result<Self> {
        if self.code == Some(code) { Ok(self) } else { Err(format!("not {code}: {self}")) }
    }
}

impl Command {
    pub(super) fn new(program: &Path, home: &Path) -> Self {
        Self { program: program.to_owned(), home: home.to_owned(), env: Vec::new(), input: None }
    }

    /// With this in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// With this on its standard input.
    #[must_use]
    pub fn input(mut self, text: &str) -> Self {
        self.input = Some(text.into());
        self
    }

    /// Runs it with these arguments, which hold no token.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(&self, args: &[&str]) -> Result<Ended> {
        let fail = |error: std::io::Error| format!("{}: {error}", self.program.display());
        let mut child = process::Command::new(&self.program)
            .args(args)
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(fail)?;
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), &self.input) {
            // One that does not read ends by itself, and says why.
            let _ = pipe.write_all(text.as_bytes());
        }
        let ended = child.wait_with_output().map_err(fail)?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Ended {
            code: ended.status.code(),
            stdout: text(ended.stdout),
            stderr: text(ended.stderr),
        })
    }
}
