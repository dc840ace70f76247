//! Heroku's Platform API: authorizations (the tokens), apps with config vars, releases and dynos.
//!
//! Rules: <https://devcenter.heroku.com/articles/platform-api-reference>. Many authorizations coexist; a
//! token's value is shown when it is made. A PATCH of config vars makes one release and restarts every dyno
//! once. 401 is a bad token, 403 a good one without the scope.

mod account;
mod apps;
mod authorizations;
mod config;
mod dynos;
mod logs;
mod range;
mod releases;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::wire::{Call, Reply};
use crate::world::Turn;
use crate::{AppKnobs, HerokuKnobs, Standing, random};

pub(crate) use apps::App;
pub(crate) use authorizations::Authorization;
pub(crate) use dynos::{Process, ProcessState};

/// All that Heroku knows about one account.
#[derive(Clone)]
pub(crate) struct Heroku {
    pub(crate) gate: Gate<Holder>,
    pub(crate) email: String,
    pub(crate) user_id: String,
    pub(crate) authorizations: BTreeMap<String, Authorization>,
    pub(crate) apps: BTreeMap<String, App>,
    pub(crate) foreign_apps: Vec<String>,
    pub(crate) dyno_start: Duration,
    pub(crate) created: Timestamp,
    log_sessions: BTreeMap<String, logs::Session>,
    rate: account::Bucket,
}

/// How far a token reaches; they all speak for the one account.
#[derive(Clone)]
pub(crate) struct Holder {
    pub(crate) scope: Vec<String>,
}

impl Holder {
    /// Whether the token has one of these scopes; `global` is all of them.
    fn may(&self, scopes: &[&str]) -> bool {
        self.scope.iter().any(|have| have == "global" || scopes.contains(&have.as_str()))
    }
}

/// Scopes that let one look at apps.
const READ: &[&str] = &["read", "write", "read-protected", "write-protected"];
/// Scopes that let one change apps.
const WRITE: &[&str] = &["write", "write-protected"];
/// Scopes that let one look at config vars.
const READ_PROTECTED: &[&str] = &["read-protected", "write-protected"];
/// Scopes that let one change config vars.
const WRITE_PROTECTED: &[&str] = &["write-protected"];

impl Heroku {
    pub(crate) fn new(email: &str, dyno_start: Duration, now: Timestamp) -> Self {
        Self {
            gate: Gate::new(),
            email: email.to_owned(),
            user_id: random::uuid(),
            authorizations: BTreeMap::new(),
            apps: BTreeMap::new(),
            foreign_apps: Vec::new(),
            dyno_start,
            created: now,
            log_sessions: BTreeMap::new(),
            rate: account::Bucket::full(now),
        }
    }

    /// Lets release phases end and dynos come up that are due.
    pub(crate) fn settle(&mut self, now: Timestamp, knobs: &HerokuKnobs) {
        let (start, email) = (self.dyno_start, self.email.clone());
        for app in self.apps.values_mut() {
            let knobs = knobs_of(knobs, &app.name);
            app.end_release_phases(now, &knobs, start, &email);
            app.announce_dynos(now);
        }
    }

    /// Sets what is left of the hour's requests.
    pub(crate) fn set_rate_remaining(&mut self, remaining: u32, now: Timestamp) {
        self.rate.set(remaining, now);
    }

    fn user(&self) -> Value {
        json!({ "id": self.user_id, "email": self.email, "full_name": null })
    }
}

/// The knobs of one app.
fn knobs_of(knobs: &HerokuKnobs, app: &str) -> AppKnobs {
    knobs.apps.get(app).cloned().unwrap_or_default()
}

pub(crate) fn answer(
    heroku: &mut Heroku,
    knobs: &HerokuKnobs,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let segments = call.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let ["logplex", "sessions", session] = parts.as_slice() {
        // Logplex is another service: its URL is the credential.
        return logs::read(heroku, session, call, turn.now);
    }
    let reply = let_in(heroku, knobs, call, &parts, turn);
    let request_id = call.header("request-id").map_or_else(random::uuid, str::to_owned);
    reply
        .header("request-id", request_id)
        .header("ratelimit-multiplier", "1")
        .header("ratelimit-remaining", heroku.rate.remaining(turn.now).to_string())
}

fn let_in(
    heroku: &mut Heroku,
    knobs: &HerokuKnobs,
    call: &Call,
    parts: &[&str],
    turn: &mut Turn<'_>,
) -> Reply {
    if !call.header("accept").is_some_and(names_version_3) {
        return missing_version();
    }
    if call.header("authorization").is_none() {
        return no_credentials();
    }
    let token = call.authorization();
    let holder = token.and_then(|token| heroku.gate.who(&token, turn.now).cloned());
    let Some(holder) = holder else {
        return problem(401, "unauthorized", "Invalid credentials provided.");
    };
    if parts == ["account", "rate-limits"] {
        return account::rate_limits(heroku, turn.now);
    }
    if !heroku.rate.take(turn.now) {
        return too_many();
    }
    match knobs.standing {
        Standing::Good => {}
        Standing::Delinquent => return problem(402, "delinquent", "Your account is delinquent."),
        Standing::Suspended => return problem(403, "suspended", "Your account is suspended."),
    }
    match route(heroku, knobs, call, parts, &holder, turn) {
        Ok(reply) | Err(reply) => reply,
    }
}

/// The routes; an `Err` is an answer, too, only one that `?` may hand through.
fn route(
    heroku: &mut Heroku,
    knobs: &HerokuKnobs,
    call: &Call,
    parts: &[&str],
    holder: &Holder,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let needs = |scopes| {
        if holder.may(scopes) { Ok(()) } else { Err(no_scope()) }
    };
    let method = call.method.as_str();
    match (method, parts) {
        ("GET", ["account"]) => {
            if knobs.account_needs_identity {
                needs(&["identity"])?;
            }
            Ok(account::show(heroku, turn.now))
        }
        ("GET", ["teams" | "enterprise-accounts" | "invitations", ..]) => {
            Ok(Reply::json(200, &json!([])))
        }
        (_, ["oauth", "authorizations", rest @ ..]) => {
            needs(&[])?;
            authorizations::api(heroku, knobs, method, rest, call, turn)
        }
        ("GET", ["apps"] | ["users", "~", "apps"]) => {
            needs(READ)?;
            Ok(apps::list(heroku, call))
        }
        (_, ["apps", app, rest @ ..]) => {
            let app = apps::find(heroku, app)?;
            match (method, rest) {
                ("GET", []) => {
                    needs(READ)?;
                    Ok(apps::show(heroku, &app))
                }
                ("GET", ["config-vars"]) => {
                    needs(READ_PROTECTED)?;
                    Ok(config::show(heroku, &app))
                }
                ("PATCH", ["config-vars"]) => {
                    needs(WRITE_PROTECTED)?;
                    config::patch(heroku, knobs, &app, call, turn)
                }
                ("GET", ["releases"]) => {
                    needs(READ)?;
                    Ok(releases::list(heroku, &app, call))
                }
                ("GET", ["releases", release]) => {
                    needs(READ)?;
                    releases::show(heroku, &app, release)
                }
                ("GET", ["releases", release, "config-vars"]) => {
                    needs(READ_PROTECTED)?;
                    releases::config_vars(heroku, &app, release)
                }
                ("POST", ["releases"]) => {
                    needs(WRITE_PROTECTED)?;
                    releases::roll_back(heroku, knobs, &app, call, turn)
                }
                ("GET", ["dynos", rest @ ..]) => {
                    needs(READ)?;
                    dynos::show(heroku, &app, rest.first().copied(), turn.now)
                }
                ("DELETE", ["dynos" | "formations", rest @ ..]) => {
                    needs(WRITE)?;
                    dynos::restart(heroku, knobs, &app, rest.first().copied(), turn)
                }
                ("GET", ["formation"]) => {
                    needs(READ)?;
                    Ok(dynos::formation(heroku, &app))
                }
                ("GET", ["formation", kind]) => {
                    needs(READ)?;
                    dynos::formation_of(heroku, &app, kind)
                }
                ("POST", ["log-sessions"]) => {
                    needs(READ)?;
                    Ok(logs::open(heroku, &app, call, turn))
                }
                _ => Err(not_found("resource", "The requested API endpoint was not found.")),
            }
        }
        _ => Err(not_found("resource", "The requested API endpoint was not found.")),
    }
}

/// `application/vnd.heroku+json; version=3`, also with an edition behind the three.
fn names_version_3(accept: &str) -> bool {
    accept.contains("application/vnd.heroku+json")
        && accept.split("version=").nth(1).is_some_and(|rest| rest.starts_with('3'))
}

/// The envelope of every error but one.
fn problem(status: u16, id: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "id": id, "message": message }))
}

/// The one error that says `error` where the others say `message`.
fn missing_version() -> Reply {
    let text = "Please specify a version along with Heroku's API MIME type. For example, \
                `Accept: application/vnd.heroku+json; version=3`.\n";
    Reply::json(406, &json!({ "id": "missing_version", "error": text }))
}

fn no_credentials() -> Reply {
    problem(
        401,
        "unauthorized",
        "There were no credentials in your `Authorization` header. Try `Authorization: Bearer \
         <OAuth access token>` or `Authorization: Basic <base64-encoded email + \":\" + password>`.",
    )
}

fn no_scope() -> Reply {
    problem(
        403,
        "forbidden",
        "The scope of this OAuth authorization does not allow access to this resource.",
    )
}

fn not_found(resource: &str, message: &str) -> Reply {
    Reply::json(404, &json!({ "resource": resource, "id": "not_found", "message": message }))
}

fn invalid(message: &str) -> Reply {
    problem(422, "invalid_params", message)
}

pub(crate) fn too_many() -> Reply {
    Reply::json(
        429,
        &json!({
            "id": "rate_limit",
            "message": "Your account reached the API rate limit\nPlease wait a few minutes before making new requests",
            "url": "https://devcenter.heroku.com/articles/platform-api-reference#rate-limits",
        }),
    )
}

/// A definite no.
pub(crate) fn refused(status: u16) -> Reply {
    match status {
        422 => problem(422, "invalid_params", "Invalid parameters."),
        _ => problem(403, "forbidden", "You do not have access to this."),
    }
}

pub(crate) fn server_error(status: u16) -> Reply {
    match status {
        503 => problem(503, "maintenance", "Heroku API is temporarily unavailable."),
        _ => problem(status, "internal_server_error", "Internal server error."),
    }
}
