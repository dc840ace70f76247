//! Heroku's apps: a name, a current release, and the processes that run it.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::releases::{Release, ReleaseStatus};
use super::{Heroku, Process, not_found, problem, range};
use crate::clock::seconds;
use crate::random;
use crate::wire::{Call, Reply};

/// An app of the account.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) name: String,
    /// How many web dynos it has.
    pub(crate) dynos: u32,
    /// All releases, oldest first; there is always one.
    pub(crate) releases: Vec<Release>,
    /// The version that dynos run.
    pub(crate) current: u64,
    /// Processes that run, and those that have not quite ended.
    pub(crate) processes: Vec<Process>,
    pub(crate) restarts: Vec<Restart>,
    pub(crate) logs: VecDeque<String>,
    pub(crate) created: Timestamp,
}

/// One time at which dynos were started again.
#[derive(Clone)]
pub(crate) struct Restart {
    pub(crate) release: u64,
    pub(crate) at: Timestamp,
    pub(crate) cause: String,
}

impl App {
    /// An app whose dynos are up already.
    pub(crate) fn new(
        name: &str,
        dynos: u32,
        config: BTreeMap<String, String>,
        email: &str,
        now: Timestamp,
    ) -> Self {
        let release = Release {
            id: random::uuid(),
            version: 1,
            description: "Initial release".to_owned(),
            status: ReleaseStatus::Succeeded,
            email: email.to_owned(),
            created: now,
            due: None,
            config,
        };
        let mut app = Self {
            id: random::uuid(),
            name: name.to_owned(),
            dynos,
            releases: vec![release],
            current: 1,
            processes: Vec::new(),
            restarts: Vec::new(),
            logs: VecDeque::new(),
            created: now,
        };
        app.processes = (1..=dynos).map(|n| app.process(&format!("web.{n}"), now, now)).collect();
        app
    }

    /// The config vars that new processes get.
    pub(crate) fn config(&self) -> BTreeMap<String, String> {
        self.releases
            .iter()
            .find(|release| release.version == self.current)
            .map(|release| release.config.clone())
            .unwrap_or_default()
    }
}

pub(crate) fn list(heroku: &Heroku, call: &Call) -> Reply {
    let items = heroku.apps.values().map(|app| (app.name.clone(), object(heroku, app))).collect();
    range::page(call, "name", items)
}

pub(crate) fn show(heroku: &Heroku, app: &str) -> Reply {
    match heroku.apps.get(app) {
        Some(app) => Reply::json(200, &object(heroku, app)),
        None => unknown(),
    }
}

/// The name of an app given by name or id, if the account may use it.
pub(crate) fn find(heroku: &Heroku, wanted: &str) -> Result<String, Reply> {
    let found = heroku.apps.values().find(|app| app.name == wanted || app.id == wanted);
    if let Some(app) = found {
        return Ok(app.name.clone());
    }
    if heroku.foreign_apps.iter().any(|name| name == wanted) {
        let message = format!("You do not have access to the app {wanted}.");
        return Err(problem(403, "forbidden", &message));
    }
    Err(unknown())
}

pub(crate) fn unknown() -> Reply {
    not_found("app", "Couldn't find that app.")
}

fn object(heroku: &Heroku, app: &App) -> Value {
    let released = app.releases.last().map(|release| seconds(release.created));
    json!({
        "id": app.id,
        "name": app.name,
        "acm": false,
        "archived_at": null,
        "build_stack": { "id": STACK_ID, "name": "heroku-24" },
        "buildpack_provided_description": "Lab",
        "created_at": seconds(app.created),
        "git_url": format!("https://git.heroku.com/{}.git", app.name),
        "internal_routing": null,
        "maintenance": false,
        "organization": null,
        "owner": { "email": heroku.email, "id": heroku.user_id },
        "region": { "id": REGION_ID, "name": "us" },
        "released_at": released,
        "repo_size": null,
        "slug_size": null,
        "space": null,
        "stack": { "id": STACK_ID, "name": "heroku-24" },
        "team": null,
        "updated_at": released,
        "web_url": format!("https://{}.herokuapp.com/", app.name),
    })
}

const STACK_ID: &str = "6f0d9d2e-0000-4000-8000-000000000024";
const REGION_ID: &str = "59accabd-0000-4000-8000-000000000001";
