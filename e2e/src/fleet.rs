//! Many secrets on a few apps: where campaigns are run, killed and timed.
//!
//! The secrets are tokens of one Heroku account, kept at Infisical, each in use at one app. What became of them is read from the lab.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::{FaultKind, FaultRule, FleetSecret, Lab, LabConfig, Org};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::ground::Ground;
use crate::{Result, Rollover};

/// How large it is, and how fast.
#[derive(Clone, Debug)]
pub struct Size {
    /// How many secrets.
    pub secrets: usize,
    /// How many apps.
    pub apps: usize,
    /// How long both tokens live side by side, as the inventory writes it.
    pub soak: String,
    /// How far apart the two answers are that prove a death.
    pub proof_interval: String,
    /// How long a dyno starts.
    pub dyno_start: Duration,
    /// What is written before `[policy]` and the connections, such as a schedule.
    pub more: String,
}

impl Size {
    /// So many secrets on so many apps, at the lab's fastest.
    #[must_use]
    pub fn of(secrets: usize, apps: usize) -> Self {
        Self {
            secrets,
            apps,
            soak: "0s".into(),
            proof_interval: "10ms".into(),
            dyno_start: Duration::from_millis(5),
            more: String::new(),
        }
    }
}

/// A lab and an inventory with many secrets.
pub struct Fleet {
    // Stopped before the runtime that it runs on.
    lab: Lab,
    runtime: Runtime,
    binary: PathBuf,
    size: Size,
    place: TempDir,
    takes: u32,
}

impl Fleet {
    /// A lab with everything in its place, and an inventory of it.
    ///
    /// # Errors
    /// The lab cannot start, or the files cannot be written.
    pub fn new(binary: &Path, size: Size) -> Result<Self> {
        let config = LabConfig {
            dyno_start: size.dyno_start,
            seed: Org::fleet(size.secrets, size.apps),
            ..LabConfig::default()
        };
        let Ground { lab, runtime, binary, place } = Ground::new(binary, config, "fleet", 2)?;
        let mut fleet = Self { lab, runtime, binary, size, place, takes: 0 };
        fleet.furnish()?;
        Ok(fleet)
    }

    /// Everything as in the beginning.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn again(&mut self) -> Result<()> {
        self.lab.clear_moment_hook();
        self.lab.reset();
        self.takes += 1;
        self.furnish()
    }

    fn furnish(&mut self) -> Result<()> {
        let directory = self.directory();
        for made in [directory.join("secrets"), directory.join("credentials"), self.home()] {
            fs::create_dir_all(&made).map_err(|error| format!("{}: {error}", made.display()))?;
        }
        let credentials = self.lab.credentials();
        self.put("rollover.toml", &self.main_toml())?;
        self.put("credentials/infisical-id", &credentials.infisical_client_id)?;
        self.put("credentials/infisical-secret", &credentials.infisical_client_secret)?;
        self.put("credentials/heroku", &credentials.heroku_management_token)?;
        // The key of an installation that exists for one test.
        self.put("rollover.key", &format!("{}\n", "5a".repeat(32)))?;
        for FleetSecret { key, description, app } in self.secrets() {
            let text = format!(
                "name = \"{key}\"\nenvironment = \"prod\"\nissuer = \"it\"\n\
                 store = {{ in = \"it\" }}\n[old]\ndescription = \"{description}\"\n\
                 [[consumers]]\nkind = \"heroku-config\"\nvia = \"heroku\"\napp = \"{app}\"\n"
            );
            self.put(&format!("secrets/{key}.toml"), &text)?;
        }
        Ok(())
    }

    fn main_toml(&self) -> String {
        let (urls, credentials) = (self.lab.urls(), self.lab.credentials());
        let Size { soak, proof_interval, more, .. } = &self.size;
        format!(
            "schema = 1\norg = \"acme\"\n{more}\n\
             [state]\ndatabase = \"rollover.db\"\nkey = {{ file = \"rollover.key\" }}\n\n\
             [policy]\nsoak = \"{soak}\"\nproof_interval = \"{proof_interval}\"\n\
             adopt_timeout = \"60s\"\n\n\
             [connections.heroku]\nkind = \"heroku\"\nurl = \"{}\"\n\
             auth = {{ file = \"credentials/heroku\" }}\n\n\
             [connections.infisical]\nkind = \"infisical\"\nurl = \"{}/api\"\n\
             auth = {{ client_id = {{ file = \"credentials/infisical-id\" }}, \
             client_secret = {{ file = \"credentials/infisical-secret\" }} }}\n\n\
             [issuers.it]\nkind = \"heroku-authorization\"\nvia = \"heroku\"\n\
             account = \"{}\"\nscope = [\"global\"]\n\n\
             [stores.it]\nkind = \"infisical\"\nvia = \"infisical\"\nproject = \"{}\"\n\
             environment = \"prod\"\n",
            urls.heroku, urls.infisical, credentials.heroku_email, credentials.infisical_project_id
        )
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

    /// Where the inventory lies.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.place.path().join(format!("take-{}", self.takes))
    }

    fn home(&self) -> PathBuf {
        self.place.path().join(format!("home-{}", self.takes))
    }

    /// Where a run writes down its instants.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.place.path().join(format!("instants-{}", self.takes))
    }

    /// What the lab runs on.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The lab.
    #[must_use]
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The secrets.
    #[must_use]
    pub fn secrets(&self) -> Vec<FleetSecret> {
        Org::fleet_secrets(self.size.secrets, self.size.apps)
    }

    /// Every call to every vendor takes so long.
    pub fn slow_down(&self, latency: Duration) {
        let ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.lab.fault(FaultRule::everywhere(FaultKind::Latency { ms }));
    }

    /// The binary with these arguments, on this inventory.
    #[must_use]
    pub fn rollover(&self, args: &[&str]) -> Rollover {
        Rollover::new(&self.binary, &self.directory(), &self.home()).args(args)
    }

    /// The command that rotates all of them.
    #[must_use]
    pub fn rotate_all(&self) -> Rollover {
        let all = format!("all:{}", self.size.secrets);
        self.rollover(&["rotate", "--issuer", "it", "--confirm", &all, "--no-wait"])
    }

    /// The token that each secret has at its app.
    ///
    /// # Errors
    /// An app has none.
    pub fn tokens(&self) -> Result<BTreeMap<String, String>> {
        let world = self.lab.inspect();
        let of = |one: FleetSecret| {
            let held = world.config_vars(&one.app).remove(&one.key);
            held.map(|held| (one.key.clone(), held)).ok_or(format!("{} holds nothing", one.app))
        };
        self.secrets().into_iter().map(of).collect()
    }

    /// How often each app was restarted.
    #[must_use]
    pub fn restarts(&self) -> BTreeMap<String, usize> {
        let world = self.lab.inspect();
        let apps: Vec<String> = self.secrets().into_iter().map(|one| one.app).collect();
        apps.into_iter().map(|app| (app.clone(), world.restarts(&app).len())).collect()
    }

    /// Every secret is on one new token, at its app, in its dyno and in the store; the old ones
    /// are dead, nothing else lives, and no app was restarted more often than this.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn completed(&self, before: &BTreeMap<String, String>, restarts_max: usize) -> Result<()> {
        let (world, mut wrong) = (self.lab.inspect(), Vec::new());
        let now = self.tokens()?;
        for FleetSecret { key, app, .. } in self.secrets() {
            let (old, new) = (&before[&key], &now[&key]);
            if old == new {
                wrong.push(format!("{key} was not rotated"));
            }
            if !world.heroku_honours(new) {
                wrong.push(format!("OUTAGE: the token of {key} is refused"));
            }
            if old != new && world.heroku_honours(old) {
                wrong.push(format!("FALSE DONE: the old token of {key} still answers"));
            }
            if world.infisical_value("prod", &key).as_ref() != Some(new) {
                wrong.push(format!("{key}: the store holds something else"));
            }
            if world.dynos(&app).iter().any(|dyno| dyno.env.get(&key) != Some(new)) {
                wrong.push(format!("{key}: a dyno of {app} runs on something else"));
            }
        }
        // Three are not of the fleet.
        let (live, due) = (world.heroku_authorizations().len(), now.len() + 3);
        if live != due {
            wrong.push(format!("ORPHANS or LOST: {live} authorizations live, not {due}"));
        }
        for (app, times) in self.restarts() {
            if times > restarts_max {
                wrong.push(format!("{app} was restarted {times} times"));
            }
        }
        let verified = self.rollover(&["audit", "verify", "--json"]).run()?.is(0)?.json()?;
        if verified["verified"] != Value::Bool(true) {
            wrong.push("the audit log does not verify".into());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    /// Nobody has a token that is refused.
    ///
    /// # Errors
    /// Who has one.
    pub fn nobody_out(&self) -> Result<()> {
        let world = self.lab.inspect();
        let out: Vec<String> = self
            .tokens()?
            .into_iter()
            .filter(|(_, token)| !world.heroku_honours(token))
            .map(|(key, _)| format!("OUTAGE: the token of {key} is refused"))
            .collect();
        if out.is_empty() { Ok(()) } else { Err(out.join("; ")) }
    }

    /// The last object that a command printed.
    ///
    /// # Errors
    /// It is none.
    pub fn last_object(printed: &str) -> Result<Value> {
        let last = printed.lines().last().unwrap_or_default();
        serde_json::from_str(last).map_err(|error| format!("no JSON ({error}): {last}"))
    }
}
