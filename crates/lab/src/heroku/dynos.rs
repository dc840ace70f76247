//! Heroku's dynos: processes that take their env along when they start, and keep it until they end.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::apps::Restart;
use super::{App, Heroku, apps, knobs_of, not_found};
use crate::clock::{later, seconds};
use crate::wire::Reply;
use crate::world::Turn;
use crate::{AppKnobs, HerokuKnobs, random};

/// One process of an app. Its state follows from the time.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) release: u64,
    /// What it was started with.
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
    up_at: Timestamp,
    stops_at: Option<Timestamp>,
    crashes: bool,
    announced: bool,
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessState {
    Starting,
    Up,
    Crashed,
    Stopped,
}

impl ProcessState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Crashed => "crashed",
            Self::Stopped => "down",
        }
    }
}

impl Process {
    pub(crate) fn state(&self, now: Timestamp) -> ProcessState {
        if self.stops_at.is_some_and(|stops_at| stops_at <= now) {
            ProcessState::Stopped
        } else if now < self.up_at {
            ProcessState::Starting
        } else if self.crashes {
            ProcessState::Crashed
        } else {
            ProcessState::Up
        }
    }
}

impl App {
    /// A process of the current release that is up at `up_at`.
    pub(crate) fn process(&self, name: &str, now: Timestamp, up_at: Timestamp) -> Process {
        Process {
            id: random::uuid(),
            name: name.to_owned(),
            release: self.current,
            env: self.config(),
            created: now,
            up_at,
            stops_at: None,
            crashes: false,
            announced: up_at <= now,
        }
    }

    /// Starts every dyno again with the current release.
    pub(crate) fn start_all(
        &mut self,
        cause: &str,
        knobs: &AppKnobs,
        dyno_start: Duration,
        now: Timestamp,
    ) {
        let names: Vec<_> = (1..=self.dynos).map(|n| format!("web.{n}")).collect();
        self.start(&names, cause, knobs, dyno_start, now);
    }

    fn start(
        &mut self,
        names: &[String],
        cause: &str,
        knobs: &AppKnobs,
        dyno_start: Duration,
        now: Timestamp,
    ) {
        self.processes.retain(|process| process.state(now) != ProcessState::Stopped);
        for name in names {
            let slow = knobs.slow.get(name).copied().unwrap_or_default();
            let up_at = later(later(now, dyno_start), slow);
            let mut process = self.process(name, now, up_at);
            process.crashes = knobs.crashed.contains(name);
            process.announced = false;
            // Without preboot, the old process is stopped before the new one is up.
            let stops_at = knobs.preboot.map_or(now, |overlap| later(up_at, overlap));
            for old in self.processes.iter_mut().filter(|old| old.name == *name) {
                old.stops_at = Some(old.stops_at.map_or(stops_at, |at| at.min(stops_at)));
            }
            self.processes.push(process);
            self.log(now, "heroku", name, "Restarting");
            self.log(now, "heroku", name, "State changed from up to starting");
        }
        self.restarts.push(Restart { release: self.current, at: now, cause: cause.to_owned() });
    }

    /// Writes into the log which dynos came up since the last look.
    pub(crate) fn announce_dynos(&mut self, now: Timestamp) {
        let mut news = Vec::new();
        for process in &mut self.processes {
            if process.announced || now < process.up_at {
                continue;
            }
            process.announced = true;
            if process.stops_at.is_some_and(|stops_at| stops_at <= process.up_at) {
                continue;
            }
            let state = if process.crashes { "crashed" } else { "up" };
            news.push((process.up_at, process.name.clone(), state));
        }
        for (at, name, state) in news {
            self.log(at, "heroku", &name, &format!("State changed from starting to {state}"));
        }
    }
}

impl Heroku {
    /// Restarts every dyno of an app with its current release.
    pub(crate) fn cycle(&mut self, app: &str, knobs: &HerokuKnobs, now: Timestamp) {
        let start = self.dyno_start;
        if let Some(app) = self.apps.get_mut(app) {
            let knobs = knobs_of(knobs, &app.name);
            app.start_all("Cycling", &knobs, start, now);
        }
    }
}

/// All dynos, or the one of that name.
pub(crate) fn show(
    heroku: &Heroku,
    app: &str,
    name: Option<&str>,
    now: Timestamp,
) -> Result<Reply, Reply> {
    let app = heroku.apps.get(app).ok_or_else(apps::unknown)?;
    let mut found: Vec<_> = app
        .processes
        .iter()
        .filter(|process| process.state(now) != ProcessState::Stopped)
        .filter(|process| name.is_none_or(|name| process.name == name || process.id == name))
        .map(|process| object(app, process, now))
        .collect();
    match name {
        None => Ok(Reply::json(200, &Value::Array(found))),
        Some(_) => match found.pop() {
            Some(process) => Ok(Reply::json(200, &process)),
            None => Err(unknown()),
        },
    }
}

/// Restarts all dynos, the one of that name, or (by `web`) those of that type.
pub(crate) fn restart(
    heroku: &mut Heroku,
    knobs: &HerokuKnobs,
    app: &str,
    name: Option<&str>,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let start = heroku.dyno_start;
    let app = heroku.apps.get_mut(app).ok_or_else(apps::unknown)?;
    let names: Vec<_> = (1..=app.dynos)
        .map(|n| format!("web.{n}"))
        .filter(|have| name.is_none_or(|name| name == have || name == "web"))
        .collect();
    if names.is_empty() {
        return Err(unknown());
    }
    let knobs = knobs_of(knobs, &app.name);
    let cause = name.map_or_else(|| "Restart".to_owned(), |name| format!("Restart of {name}"));
    app.start(&names, &cause, &knobs, start, turn.now);
    turn.effect();
    Ok(Reply::json(202, &json!({})))
}

pub(crate) fn formation(heroku: &Heroku, app: &str) -> Reply {
    match heroku.apps.get(app) {
        Some(app) => Reply::json(200, &json!([formation_object(app)])),
        None => apps::unknown(),
    }
}

pub(crate) fn formation_of(heroku: &Heroku, app: &str, kind: &str) -> Result<Reply, Reply> {
    let app = heroku.apps.get(app).ok_or_else(apps::unknown)?;
    if kind != "web" {
        return Err(not_found("formation", "Couldn't find that process type."));
    }
    Ok(Reply::json(200, &formation_object(app)))
}

fn formation_object(app: &App) -> Value {
    json!({
        "id": app.id,
        "app": { "id": app.id, "name": app.name },
        "command": "bundle exec puma",
        "type": "web",
        "quantity": app.dynos,
        "size": "Standard-1X",
        "created_at": seconds(app.created),
        "updated_at": seconds(app.created),
    })
}

fn unknown() -> Reply {
    not_found("dyno", "Couldn't find that dyno.")
}

fn object(app: &App, process: &Process, now: Timestamp) -> Value {
    let release = app.releases.iter().find(|release| release.version == process.release);
    json!({
        "id": process.id,
        "name": process.name,
        "type": "web",
        "state": process.state(now).name(),
        "release": {
            "id": release.map(|release| release.id.as_str()),
            "version": process.release,
        },
        "app": { "id": app.id, "name": app.name },
        "attach_url": null,
        "command": "bundle exec puma",
        "size": "Standard-1X",
        "created_at": seconds(process.created),
        "updated_at": seconds(process.up_at.min(now).max(process.created)),
    })
}
