//! Heroku's releases: what config each version has, whether its release phase let it through, and the way back.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{App, Heroku, apps, invalid, knobs_of, not_found, range};
use crate::clock::{later, seconds};
use crate::wire::{Call, Reply};
use crate::world::Turn;
use crate::{AppKnobs, HerokuKnobs, ReleasePhase, random};

/// One version of an app.
#[derive(Clone)]
pub(crate) struct Release {
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) description: String,
    pub(crate) status: ReleaseStatus,
    pub(crate) email: String,
    pub(crate) created: Timestamp,
    /// When its release phase ends, and whether well.
    pub(crate) due: Option<(Timestamp, bool)>,
    /// Old values stay readable here.
    pub(crate) config: BTreeMap<String, String>,
}

/// What has become of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReleaseStatus {
    Pending,
    Succeeded,
    Failed,
}

impl ReleaseStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

impl App {
    /// The config of the newest release that has not failed: what the next change starts from.
    pub(crate) fn newest_config(&self) -> BTreeMap<String, String> {
        self.releases
            .iter()
            .rev()
            .find(|release| release.status != ReleaseStatus::Failed)
            .map(|release| release.config.clone())
            .unwrap_or_default()
    }

    /// A new version; its dynos start now, or after its release phase.
    pub(crate) fn release(
        &mut self,
        description: &str,
        config: BTreeMap<String, String>,
        email: &str,
        knobs: &AppKnobs,
        dyno_start: Duration,
        now: Timestamp,
    ) -> u64 {
        let version = self.releases.last().map_or(1, |last| last.version + 1);
        let due = match knobs.release_phase {
            ReleasePhase::None => None,
            ReleasePhase::Succeeds(after) => Some((later(now, after), true)),
            ReleasePhase::Fails(after) => Some((later(now, after), false)),
        };
        let status = if due.is_some() { ReleaseStatus::Pending } else { ReleaseStatus::Succeeded };
        self.log(now, "app", "api", &format!("{description} by user {email}"));
        self.log(now, "app", "api", &format!("Release v{version} created by user {email}"));
        self.releases.push(Release {
            id: random::uuid(),
            version,
            description: description.to_owned(),
            status,
            email: email.to_owned(),
            created: now,
            due,
            config,
        });
        if due.is_none() {
            self.current = version;
            self.start_all(description, knobs, dyno_start, now);
        }
        version
    }

    /// Puts releases before all others, whose numbers follow theirs.
    pub(crate) fn put_behind(&mut self, past: &[(Timestamp, &str)]) {
        let Some(first) = self.releases.first().cloned() else { return };
        let behind = (1..).zip(past).map(|(version, (at, email))| Release {
            id: random::uuid(),
            version,
            description: "Deploy".to_owned(),
            email: (*email).to_owned(),
            created: *at,
            ..first.clone()
        });
        let more = past.len() as u64;
        self.releases.iter_mut().for_each(|release| release.version += more);
        self.processes.iter_mut().for_each(|process| process.release += more);
        self.current += more;
        self.releases.splice(0..0, behind);
    }

    /// Ends the release phases that are due, in the order of their versions.
    pub(crate) fn end_release_phases(
        &mut self,
        now: Timestamp,
        knobs: &AppKnobs,
        dyno_start: Duration,
        email: &str,
    ) {
        while let Some(release) =
            self.releases.iter_mut().find(|release| release.due.is_some_and(|(due, _)| due <= now))
        {
            let Some((at, well)) = release.due.take() else {
                return;
            };
            release.status = if well { ReleaseStatus::Succeeded } else { ReleaseStatus::Failed };
            let (version, description) = (release.version, release.description.clone());
            let ended = if well { "succeeded" } else { "failed" };
            self.log(at, "heroku", "release", &format!("v{version} {ended} for {email}"));
            if well && version > self.current {
                self.current = version;
                self.start_all(&description, knobs, dyno_start, at);
            }
        }
    }
}

pub(crate) fn list(heroku: &Heroku, app: &str, call: &Call) -> Reply {
    let Some(app) = heroku.apps.get(app) else {
        return apps::unknown();
    };
    let items = app
        .releases
        .iter()
        .map(|release| (release.version.to_string(), object(heroku, app, release)))
        .collect();
    range::page(call, "version", items)
}

pub(crate) fn show(heroku: &Heroku, app: &str, wanted: &str) -> Result<Reply, Reply> {
    let app = heroku.apps.get(app).ok_or_else(apps::unknown)?;
    Ok(Reply::json(200, &object(heroku, app, find(app, wanted)?)))
}

pub(crate) fn config_vars(heroku: &Heroku, app: &str, wanted: &str) -> Result<Reply, Reply> {
    let app = heroku.apps.get(app).ok_or_else(apps::unknown)?;
    Ok(Reply::json(200, &json!(find(app, wanted)?.config)))
}

/// A new release with the config of an old one; every dyno restarts.
pub(crate) fn roll_back(
    heroku: &mut Heroku,
    knobs: &HerokuKnobs,
    app: &str,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let body = call.json().unwrap_or_default();
    let wanted = match body.get("release") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(invalid("Require params: release.")),
    };
    let (start, email) = (heroku.dyno_start, heroku.email.clone());
    let found = heroku.apps.get_mut(app).ok_or_else(apps::unknown)?;
    let target = find(found, &wanted)?.clone();
    if target.status == ReleaseStatus::Failed {
        return Err(invalid("Cannot roll back to a release that failed."));
    }
    let description = format!("Rollback to v{}", target.version);
    let knobs = knobs_of(knobs, app);
    let version = found.release(&description, target.config, &email, &knobs, start, turn.now);
    turn.effect();
    let found = heroku.apps.get(app).ok_or_else(apps::unknown)?;
    Ok(Reply::json(201, &object(heroku, found, find(found, &version.to_string())?)))
}

/// A release by version (`42` or `v42`), id, or `current`.
fn find<'a>(app: &'a App, wanted: &str) -> Result<&'a Release, Reply> {
    let version = wanted.strip_prefix('v').unwrap_or(wanted).parse::<u64>().ok();
    app.releases
        .iter()
        .find(|release| {
            release.id == wanted
                || Some(release.version) == version
                || (wanted == "current" && release.version == app.current)
        })
        .ok_or_else(|| not_found("release", "Couldn't find that release."))
}

fn object(heroku: &Heroku, app: &App, release: &Release) -> Value {
    json!({
        "id": release.id,
        "version": release.version,
        "status": release.status.name(),
        "current": release.version == app.current,
        "description": release.description,
        "eligible_for_rollback": release.status == ReleaseStatus::Succeeded,
        "addon_plan_names": [],
        "app": { "id": app.id, "name": app.name },
        "artifacts": [],
        "oci_image": null,
        "output_stream_url": null,
        "slug": null,
        "user": { "email": release.email, "id": heroku.user_id },
        "created_at": seconds(release.created),
        "updated_at": seconds(release.created),
    })
}
