//! A lab and an inventory of it: where one rotation is put through something.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::{Lab, LabConfig, Traffic, TrafficConfig, TrafficSource};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::ground::Ground;
use crate::{HEROKU, POSTMARK, Result, Rollover, Secret};

/// How fast everything goes.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How long a dyno starts.
    pub dyno_start: Duration,
    /// How long both tokens live side by side, as the inventory writes it.
    pub soak: String,
    /// How far apart the two answers are that prove a death.
    pub proof_interval: String,
    /// How long a consumer may take.
    pub adopt_timeout: String,
    /// How long a vendor may take to answer.
    pub timeout: String,
}

impl Default for Pace {
    /// So fast that a rotation takes a second.
    fn default() -> Self {
        Self {
            dyno_start: Duration::from_millis(30),
            soak: "0s".into(),
            proof_interval: "50ms".into(),
            adopt_timeout: "20s".into(),
            timeout: "2s".into(),
        }
    }
}

/// A lab of this process, and an inventory of it in a directory of its own.
pub struct Stage {
    // Stopped before the runtime that it runs on.
    lab: Lab,
    runtime: Runtime,
    binary: PathBuf,
    pace: Pace,
    place: TempDir,
    takes: u32,
}

impl Stage {
    /// A lab at its fastest.
    ///
    /// # Errors
    /// The lab cannot start, or `rollover init` does not work.
    pub fn new(binary: &Path) -> Result<Self> {
        Self::at_pace(binary, Pace::default())
    }

    /// A lab at this pace.
    ///
    /// # Errors
    /// As [`Stage::new`].
    pub fn at_pace(binary: &Path, pace: Pace) -> Result<Self> {
        let config = LabConfig {
            dyno_start: pace.dyno_start,
            run_queue: Duration::from_millis(10),
            run_duration: Duration::from_millis(20),
            ..LabConfig::default()
        };
        let Ground { lab, runtime, binary, place } = Ground::new(binary, config, "stage", 2)?;
        let stage = Self { lab, runtime, binary, pace, place, takes: 0 };
        stage.set()?;
        Ok(stage)
    }

    /// Everything as in the beginning: the lab's world, and a new inventory in a new directory.
    ///
    /// # Errors
    /// `rollover init` does not work.
    pub fn again(&mut self) -> Result<()> {
        self.lab.clear_moment_hook();
        self.lab.reset();
        self.takes += 1;
        self.set()
    }

    fn set(&self) -> Result<()> {
        let (directory, home) = (self.directory(), self.home());
        for made in [&directory, &home] {
            fs::create_dir_all(made).map_err(|error| format!("{}: {error}", made.display()))?;
        }
        let state = serde_json::to_vec(&self.lab.state()).map_err(|error| error.to_string())?;
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(directory.join("lab.json"))
            .and_then(|mut file| file.write_all(&state))
            .map_err(|error| format!("failed to write lab.json: {error}"))?;
        let _ = self.rollover(&["init", "--lab"]).run()?.is(0)?;
        // From here on the inventory is all that is known of the lab.
        fs::remove_file(directory.join("lab.json")).map_err(|error| error.to_string())?;
        let pace = &self.pace;
        self.edit("rollover.toml", |text| {
            let policy = format!(
                "soak = \"{}\"\nproof_interval = \"{}\"\nadopt_timeout = \"{}\"\n",
                pace.soak, pace.proof_interval, pace.adopt_timeout
            );
            let text: String = text
                .lines()
                .filter(|line| !line.starts_with("soak =") && !line.starts_with("proof_interval ="))
                .map(|line| format!("{line}\n"))
                .collect();
            let text = text.replace("[policy]\n", &format!("[policy]\n{policy}"));
            ["postmark", "heroku", "github", "infisical"].iter().fold(text, |text, name| {
                let head = format!("[connections.{name}]\n");
                text.replace(&head, &format!("{head}timeout = \"{}\"\n", pace.timeout))
            })
        })
    }

    /// Changes a file of the inventory.
    ///
    /// # Errors
    /// The file cannot be read or written, or the change changes nothing.
    pub fn edit(&self, file: &str, change: impl FnOnce(String) -> String) -> Result<()> {
        let path = self.directory().join(file);
        let fail = |error: std::io::Error| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(fail)?;
        let changed = change(text.clone());
        if changed == text {
            return Err(format!("{file} has nothing of what was to be changed"));
        }
        fs::write(&path, changed).map_err(fail)
    }

    /// Where the inventory lies.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.place.path().join(format!("take-{}", self.takes))
    }

    /// The home of those who run the binary, and their place for temporary files.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.place.path().join(format!("home-{}", self.takes))
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

    /// Where the binary is.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The binary with these arguments, on this inventory.
    #[must_use]
    pub fn rollover(&self, args: &[&str]) -> Rollover {
        Rollover::new(&self.binary, &self.directory(), &self.home()).args(args)
    }

    /// The same, in a shell that is told this first, such as a limit.
    #[must_use]
    pub fn after(&self, told: &str, args: &[&str]) -> Rollover {
        Rollover::after(told, &self.binary, &self.directory(), &self.home()).args(args)
    }

    /// The command that a rotation is begun and gone on with: it stays for people, where people
    /// have a part in it, and has the agreement to the revocation.
    #[must_use]
    pub fn rotate(&self, secret: &Secret) -> Rollover {
        self.rollover(&self.rotate_args(secret))
    }

    /// Its arguments.
    #[must_use]
    pub fn rotate_args(&self, secret: &Secret) -> [&'static str; 5] {
        let stay = if secret.by_operator { "--wait" } else { "--no-wait" };
        ["rotate", secret.name, "--confirm", secret.name, stay]
    }

    /// Every app and every program on this machine at work, with whatever token they hold.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let _on = self.runtime.enter();
        let mail = |app: &str| TrafficSource::Mail { app: app.into() };
        let platform = |app: &str| TrafficSource::Platform { app: app.into() };
        let file = |secret: &Secret| TrafficSource::Dotenv {
            name: secret.file.into(),
            path: self.directory().join(secret.file),
            key: secret.key.into(),
        };
        self.lab.traffic(TrafficConfig {
            sources: vec![
                (mail("acme-api-prod"), 25.0),
                (mail("acme-api-staging"), 10.0),
                (platform("acme-console-prod"), 5.0),
                (platform("acme-rotation-pipeline"), 5.0),
                (file(&POSTMARK), 8.0),
                (file(&HEROKU), 4.0),
            ],
        })
    }

    /// Ends the traffic and answers what it met.
    #[must_use]
    pub fn end_traffic(&self, traffic: Traffic) -> lab::TrafficReport {
        self.runtime.block_on(traffic.stop())
    }
}
