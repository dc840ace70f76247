//! A client that runs behind a script, and is asked one call after the other.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::Value;

use crate::Result;

/// How long a client may take over one call, with all its own tries.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A client and its script, until it is dropped.
pub struct Session {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
    always: Value,
}

impl Session {
    pub(super) fn start(program: &Path, script: &Path, home: &Path, always: Value) -> Result<Self> {
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", script.display());
        let mut command = Command::new(program);
        command
            .arg(script)
            .current_dir(home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| fail(&error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(fail(&"it has no pipes"));
        };
        let (send, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, answers, always })
    }

    /// Makes this call, as [`super::call`] writes it, and answers what came of it.
    fn asked(&mut self, mut call: Value) -> Result<Value> {
        if let (Some(call), Some(always)) = (call.as_object_mut(), self.always.as_object()) {
            for (name, value) in always {
                call.entry(name).or_insert_with(|| value.clone());
            }
        }
        let name = call["call"].to_string();
        let fail = |error: &dyn std::fmt::Display| format!("{name}: {error}");
        let line = format!("{call}\n");
        self.input.write_all(line.as_bytes()).map_err(|error| fail(&error))?;
        self.input.flush().map_err(|error| fail(&error))?;
        let told = self.answers.recv_timeout(ANSWER_MAX);
        let told = told.map_err(|error| fail(&format!("no answer: {error}")))?;
        serde_json::from_str(&told).map_err(|error| fail(&error))
    }

    /// What the client gives for this call.
    ///
    /// # Errors
    /// It refuses, or does not answer.
    pub fn gives(&mut self, call: Value) -> Result<Value> {
        let name = call["call"].to_string();
        let mut told = self.asked(call)?;
        match told.get_mut("gave") {
            Some(gave) => Ok(gave.take()),
            None => Err(format!("{name} was refused: {told:#}")),
        }
    }

    /// By what the client tells its user that this call was refused.
    ///
    /// # Errors
    /// It gives something, or does not answer.
    pub fn refuses(&mut self, call: Value) -> Result<Value> {
        let name = call["call"].to_string();
        let mut told = self.asked(call)?;
        match told.get_mut("refused") {
            Some(refused) => Ok(refused.take()),
            None => Err(format!("{name} was not refused")),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Both fail only for a child that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
