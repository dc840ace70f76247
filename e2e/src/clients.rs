//! The vendors' own clients before the lab: if it answers as the vendor does, they see what they
//! would see there, and call each error by the name that they have for it.
//!
//! They come from their registries, in the versions that `e2e/clients` pins, into a folder beside
//! what is built. A client runs behind a script that reads a call a line and says what came of it:
//! what is to come of it stands in the test, in the vendor's words. Tokens go in on that line or
//! by the environment.

mod command;
mod install;
mod session;

use std::path::{Path, PathBuf};

use lab::{Lab, LabConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::Result;

pub use command::{Command, Ended};
pub use install::{Set, installed};
pub use session::Session;

/// A lab, and the clients that are installed before it.
pub struct Counter {
    // Stopped before the runtime that it runs on.
    lab: Lab,
    runtime: Runtime,
    place: TempDir,
    installed: PathBuf,
    set: Set,
}

impl Counter {
    /// A new lab, and these clients in `beside` (the folder of what is built); `None`, said
    /// loudly, where they cannot be had here.
    ///
    /// # Errors
    /// The lab does not start, or what was installed is not what is pinned.
    pub fn new(set: Set, beside: &Path) -> Result<Option<Self>> {
        let Some(installed) = installed(set, beside)? else { return Ok(None) };
        let fail = |error: &dyn std::fmt::Display| format!("no lab: {error}");
        let place = tempfile::tempdir().map_err(|error| fail(&error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| fail(&error))?;
        let config = LabConfig {
            github_socket: Some(place.path().join("github.sock")),
            ..LabConfig::default()
        };
        let lab = runtime.block_on(Lab::start(config)).map_err(|error| fail(&error))?;
        Ok(Some(Self { lab, runtime, place, installed, set }))
    }

    /// The lab.
    #[must_use]
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// What the lab runs on.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// A directory of this test's own.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// A client behind this script; every call carries what is in `always`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn session(&self, script: &str, always: Value) -> Result<Session> {
        let program = self.set.interpreter(&self.installed);
        let script = self.set.script(&self.installed, script);
        Session::start(&program, &script, self.place(), always)
    }

    /// A program that was installed.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        Command::new(&self.set.program(&self.installed, name), self.place())
    }
}

/// This one call, for a [`Session`].
#[must_use]
pub fn call(name: &str, given: Value) -> Value {
    let mut call = json!({ "call": name });
    if let (Some(call), Value::Object(given)) = (call.as_object_mut(), given) {
        call.extend(given);
    }
    call
}
