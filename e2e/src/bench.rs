//! A lab and an inventory of one pairing: one secret, one store, one consumer.
//!
//! What is on it can be kept, at any stage of a rotation, and put back as often as one likes: the
//! lab's world and every file. So each case begins where the one before began, and a stage that
//! takes long to come to is come to once.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::inventory::{Inventory, SourceFile, load};
use lab::{Inspection, Lab, LabConfig, Traffic, TrafficConfig};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::ground::Ground;
use crate::pairing::{APP, FILE, organisation};
use crate::{Does, Enter, Fetch, Operator, Pairing, Result, Rollover};

/// A lab and an inventory of one pairing.
pub struct Bench {
    // Stopped before the runtime that it runs on.
    lab: Lab,
    runtime: Runtime,
    binary: PathBuf,
    pairing: Pairing,
    place: TempDir,
    takes: u32,
}

/// How the engine logs in at Heroku.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogsIn {
    /// With the token that is rotated, where it is one of Heroku's.
    WithTheToken,
    /// With a token of its own.
    WithItsOwn,
}

/// How long a vendor may take to answer.
const TIMEOUT: &str = "2s";

impl Bench {
    /// A lab with everything in its place, and an inventory of the pairing.
    ///
    /// # Errors
    /// The lab cannot start, or the files cannot be written.
    pub fn new(binary: &Path, pairing: Pairing, logs_in: LogsIn) -> Result<Self> {
        Self::with_timeout(binary, pairing, logs_in, TIMEOUT)
    }

    /// The same, with vendors that may take so long to answer.
    ///
    /// # Errors
    /// As [`Bench::new`].
    pub fn with_timeout(
        binary: &Path,
        pairing: Pairing,
        logs_in: LogsIn,
        timeout: &str,
    ) -> Result<Self> {
        let config = LabConfig {
            dyno_start: Duration::from_millis(5),
            run_queue: Duration::from_millis(5),
            run_duration: Duration::from_millis(5),
            seed: organisation(),
            ..LabConfig::default()
        };
        let Ground { lab, runtime, binary, place } = Ground::new(binary, config, "bench", 1)?;
        let mut bench = Self { lab, runtime, binary, pairing, place, takes: 0 };
        bench.furnish(logs_in, timeout)?;
        bench.keep()?;
        Ok(bench)
    }

    fn furnish(&self, logs_in: LogsIn, timeout: &str) -> Result<()> {
        let directory = self.directory();
        for made in [directory.join("secrets"), directory.join("credentials"), self.home()] {
            fs::create_dir_all(&made).map_err(|error| format!("{}: {error}", made.display()))?;
        }
        let credentials = self.lab.credentials();
        let Pairing { issuer, store, consumer, clean } = self.pairing;
        self.put("rollover.toml", &self.main_toml(logs_in, timeout))?;
        self.put(
            "secrets/it.toml",
            &format!(
                "name = \"{}\"\nenvironment = \"prod\"\nissuer = \"it\"\nstore = {{ in = \"it\" }}\n\n{}\n\
                 [[consumers]]\n{}keys = [\"{}\"]\n",
                issuer.key,
                issuer.secret,
                consumer.toml,
                self.pairing.name_there(),
            ),
        )?;
        // The key of an installation that exists for one test.
        self.put("rollover.key", &format!("{}\n", "5a".repeat(32)))?;
        self.put("credentials/infisical-id", &credentials.infisical_client_id)?;
        self.put("credentials/infisical-secret", &credentials.infisical_client_secret)?;
        self.put("credentials/github", &credentials.github_token)?;
        self.put("credentials/heroku", &credentials.heroku_management_token)?;
        let token = (issuer.token)(&credentials);
        if consumer.is_file && !clean {
            let text = format!("# Before.\nOTHER=untouched\n{}={token}\n", issuer.key);
            self.put(FILE, &text)?;
        }
        if consumer.is_fetched {
            self.put_members()?;
        }
        if store.is_empty {
            let name = self.pairing.secret();
            let import = ["secret", "import", &name, "--token-stdin"];
            let _ = self.rollover(&import).input(&token).run()?.is(0)?;
        }
        Ok(())
    }

    /// The one user of the operating system that the tests run as is the workstation's owner.
    fn put_members(&self) -> Result<()> {
        let path = self.directory().join("rollover.toml");
        let fail = |error: std::io::Error| format!("{}: {error}", path.display());
        let uid = fs::metadata("/proc/self").map_err(fail)?.uid();
        let mut file = fs::OpenOptions::new().append(true).open(&path).map_err(fail)?;
        write!(file, "\n[members.ops-1]\nusers = [\"uid:{uid}\"]\nroles = [\"superadmin\"]\n")
            .map_err(fail)
    }

    fn main_toml(&self, logs_in: LogsIn, timeout: &str) -> String {
        let (urls, credentials) = (self.lab.urls(), self.lab.credentials());
        let Pairing { issuer, store, .. } = self.pairing;
        let login = match (logs_in, issuer.key) {
            (LogsIn::WithTheToken, "HEROKU_API_KEY") => {
                format!("{{ secret = \"{}\" }}", self.pairing.secret())
            }
            _ => "{ file = \"credentials/heroku\" }".to_owned(),
        };
        let connection = |name: &str, url: &str, auth: &str| {
            let auth = if auth.is_empty() { String::new() } else { format!("auth = {auth}\n") };
            format!(
                "[connections.{name}]\nkind = \"{name}\"\nurl = \"{url}\"\n\
                 timeout = \"{timeout}\"\n{auth}\n"
            )
        };
        let client = "{ client_id = { file = \"credentials/infisical-id\" }, \
                      client_secret = { file = \"credentials/infisical-secret\" } }";
        [
            "schema = 1\norg = \"acme\"\n\n[state]\ndatabase = \"rollover.db\"\n\
             key = { file = \"rollover.key\" }\n\n[policy]\nsoak = \"0s\"\n\
             proof_interval = \"10ms\"\nadopt_timeout = \"20s\"\nattempts_max = 8\n\n"
                .to_owned(),
            connection("postmark", &urls.postmark, ""),
            connection("heroku", &urls.heroku, &login),
            connection("github", &urls.github, "{ file = \"credentials/github\" }"),
            connection("infisical", &format!("{}/api", urls.infisical), client),
            format!(
                "[issuers.it]\nkind = \"{}\"\n{}\n",
                issuer.kind(),
                (issuer.toml)(&urls, &credentials)
            ),
            format!("[stores.it]\nkind = \"{}\"\n{}", store.kind(), (store.toml)(&credentials)),
        ]
        .concat()
    }

    fn put(&self, name: &str, text: &str) -> Result<()> {
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.directory().join(name))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| format!("failed to write {name}: {error}"))
    }

    /// Keeps everything as it is now, so that [`Bench::again`] leads back here.
    ///
    /// # Errors
    /// The files cannot be copied.
    pub fn keep(&mut self) -> Result<()> {
        self.lab.keep();
        let kept = self.kept();
        // There is nothing kept in the beginning.
        let _ = fs::remove_dir_all(&kept);
        copy(&self.directory(), &kept)
    }

    /// Everything as it was kept.
    ///
    /// # Errors
    /// The files cannot be copied.
    pub fn again(&mut self) -> Result<()> {
        self.lab.clear_moment_hook();
        self.lab.reset();
        // Where it stays, nothing depends on it.
        let _ = fs::remove_dir_all(self.directory());
        // The mark that lies elsewhere would know of what is put back here.
        let _ = fs::remove_dir_all(self.home().join(".local"));
        self.takes += 1;
        copy(&self.kept(), &self.directory())
    }

    fn kept(&self) -> PathBuf {
        self.place.path().join("kept")
    }

    fn home(&self) -> PathBuf {
        self.place.path().join("home")
    }

    /// Where the inventory lies.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.place.path().join(format!("take-{}", self.takes))
    }

    /// Where a run writes down its instants.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.place.path().join(format!("instants-{}", self.takes))
    }

    /// What is paired.
    #[must_use]
    pub fn pairing(&self) -> Pairing {
        self.pairing
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

    /// The binary with these arguments, on this inventory.
    #[must_use]
    pub fn rollover(&self, args: &[&str]) -> Rollover {
        Rollover::new(&self.binary, &self.directory(), &self.home()).args(args)
    }

    /// Somebody in front of the dashboard.
    ///
    /// # Errors
    /// The dashboard does not answer.
    pub fn operator(&self) -> Result<Operator> {
        self.person(true)
    }

    /// Somebody who makes tokens when asked, or does not, because one was entered; and who
    /// fetches the value for the workstation that is the consumer.
    ///
    /// # Errors
    /// The dashboard does not answer.
    pub fn person(&self, makes: bool) -> Result<Operator> {
        let fetch = self.pairing.consumer.is_fetched.then(|| self.fetch());
        let issuer = self.pairing.issuer;
        let known = issuer.entered.then(|| vec![(issuer.token)(&self.lab.credentials())]);
        let enter = issuer.entered.then(|| self.enter());
        let does = Does { whose: (issuer.whose)(), makes, enter, known, fetch };
        Operator::who(self.lab.operator(), self.runtime.handle().clone(), does)
    }

    /// Fetches the value for the workstation that is the consumer. Whoever is asked again has it.
    fn fetch(&self) -> Fetch {
        let (binary, inventory, home) = (self.binary.clone(), self.directory(), self.home());
        let name = self.pairing.secret();
        Box::new(move || {
            let run = Rollover::new(&binary, &inventory, &home);
            let ended = run.args(&["env", "pull", &name]).run()?;
            // By the time it is heard it may have been taken back.
            let gone = |words: &&str| ended.stderr.contains(*words);
            match ended.code {
                Some(0 | 5) => Ok(()),
                Some(1) if ["nothing waits", "changed meanwhile"].iter().any(gone) => Ok(()),
                _ => Err(format!("the value could not be fetched: {ended}")),
            }
        })
    }

    /// Answers a task with the token, or with the word that none was made. Whoever is too late for
    /// it finds no task any more.
    #[must_use]
    pub fn enter(&self) -> Enter {
        let (binary, inventory, home) = (self.binary.clone(), self.directory(), self.home());
        Box::new(move |task, token| {
            let run = Rollover::new(&binary, &inventory, &home).args(&["task", "done", task]);
            let run = match token {
                Some(token) => run.args(&["--token-stdin"]).input(token),
                None => run,
            };
            let ended = run.run()?;
            match ended.code {
                Some(0) => Ok(()),
                _ if ended.stderr.contains("there is no task") => Ok(()),
                _ => Err(format!("the token could not be entered: {ended}")),
            }
        })
    }

    /// The consumer at work, with whatever token it holds.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let _on = self.runtime.enter();
        let source = self.pairing.source(self.directory().join(FILE));
        let sources = source.into_iter().map(|source| (source, 20.0)).collect();
        self.lab.traffic(TrafficConfig { sources })
    }

    /// Ends the traffic and answers what it met.
    #[must_use]
    pub fn end_traffic(&self, traffic: Traffic) -> lab::TrafficReport {
        self.runtime.block_on(traffic.stop())
    }

    /// The inventory, read as the program reads it.
    ///
    /// # Errors
    /// It is wrong.
    pub fn inventory(&self) -> Result<Inventory> {
        let read = |name: &str| {
            let text = fs::read_to_string(self.directory().join(name));
            let text = text.map_err(|error| format!("{name}: {error}"))?;
            Ok::<_, String>(SourceFile { path: name.into(), text })
        };
        load(&read("rollover.toml")?, &[read("secrets/it.toml")?])
            .map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    /// The connectors of this inventory.
    ///
    /// # Errors
    /// They cannot be built.
    pub fn connectors(&self) -> Result<connectors::World> {
        let source = domain::inventory::KeySource::File("rollover.key".into());
        let key = seal::Key::open(&source, &self.directory(), || {
            Err(std::io::Error::other("nobody is asked"))
        })
        .map_err(|error| error.to_string())?;
        connectors::World::build(&self.inventory()?, &self.directory(), &key, None, None)
            .map_err(|error| error.to_string())
    }

    /// Everything that holds a value, with that value: at every vendor, in every process and in
    /// the files.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn everything(&self) -> Result<Vec<(String, String)>> {
        let world = self.lab.inspect();
        let mut all = at_vendors(&world);
        let keys: BTreeSet<&str> =
            ["POSTMARK_SERVER_TOKEN", "POSTMARK_ACCOUNT_TOKEN", "HEROKU_API_KEY"].into();
        for key in keys {
            for environment in ["prod", "staging"] {
                let value = world.infisical_value(environment, key);
                all.extend(value.map(|value| (format!("infisical {environment} {key}"), value)));
            }
        }
        if let Ok(text) = fs::read_to_string(self.directory().join(FILE)) {
            let wanted = format!("{}=", self.pairing.issuer.key);
            for line in text.lines() {
                match line.strip_prefix(&wanted) {
                    Some(value) => all.push((format!("file {FILE}"), value.into())),
                    None => all.push((format!("line of {FILE}"), line.into())),
                }
            }
        }
        if self.pairing.store.is_empty {
            let key = self.pairing.issuer.key;
            let held = self.sealed(key)?;
            all.extend(held.map(|value| (format!("sealed {key}"), value)));
        }
        all.sort();
        Ok(all)
    }

    /// What the sealed file holds; nobody but its own reader can open it.
    fn sealed(&self, key: &str) -> Result<Option<String>> {
        let connectors = self.connectors()?;
        let store = connectors.stores.get("it").ok_or("there is no store")?;
        let held = self.runtime.block_on(store.read(key));
        let held = held.map_err(|fault| fault.to_string())?;
        Ok(held.map(|stored| stored.token.expose().to_owned()))
    }

    /// What lies in the inventory's directory.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn files(&self) -> Result<BTreeSet<String>> {
        let entries = fs::read_dir(self.directory()).map_err(|error| error.to_string())?;
        entries
            .map(|entry| {
                let entry = entry.map_err(|error| error.to_string())?;
                Ok(entry.file_name().to_string_lossy().into_owned())
            })
            .collect()
    }

    /// How often the app that is a consumer was restarted.
    #[must_use]
    pub fn restarts(&self) -> usize {
        self.lab.inspect().restarts(APP).len()
    }
}

fn at_vendors(world: &Inspection) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for app in world.apps() {
        for (key, value) in world.config_vars(&app) {
            all.push((format!("heroku {app} {key}"), value));
        }
        for dyno in world.dynos(&app) {
            for (key, value) in dyno.env {
                all.push((format!("heroku {app} {key} in {}", dyno.name), value));
            }
        }
    }
    for held in world.github_secrets() {
        all.push((format!("github {:?} {}", held.scope, held.name), held.value));
    }
    all
}

/// Copies a directory and all that is in it, with its modes.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let fail = |error: std::io::Error| format!("copying {}: {error}", from.display());
    fs::create_dir_all(to).map_err(fail)?;
    for entry in fs::read_dir(from).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let there = to.join(entry.file_name());
        match entry.file_type().map_err(fail)?.is_dir() {
            true => copy(&entry.path(), &there)?,
            false => drop(fs::copy(entry.path(), &there).map_err(fail)?),
        }
    }
    Ok(())
}
