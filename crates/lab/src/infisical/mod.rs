//! Infisical: a machine identity that logs in, and secrets with versions, over two generations of routes.
//!
//! Rules: <https://infisical.com/docs/api-reference/overview>. An expired or malformed access token is 403;
//! three bad logins lock the identity; 200 with `approval` means that nothing was stored yet.

mod login;
mod secrets;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::wire::{Call, Reply};
use crate::world::Turn;
use crate::{InfisicalKnobs, random};

pub(crate) use login::Identity;
pub(crate) use secrets::{Place, Secret};

/// All that Infisical knows about one project.
#[derive(Clone)]
pub(crate) struct Infisical {
    /// Access tokens; they speak for the one identity.
    pub(crate) gate: Gate<()>,
    pub(crate) identity: Identity,
    pub(crate) project_id: String,
    pub(crate) project: String,
    pub(crate) environments: Vec<String>,
    pub(crate) secrets: BTreeMap<Place, Secret>,
    /// Changes that wait for an approval, oldest first.
    pub(crate) pending: VecDeque<(Place, Option<String>)>,
    minute: (Timestamp, u32),
}

impl Infisical {
    pub(crate) fn new(
        project: &str,
        project_id: &str,
        environments: Vec<String>,
        identity: Identity,
        now: Timestamp,
    ) -> Self {
        Self {
            gate: Gate::new(),
            identity,
            project_id: project_id.to_owned(),
            project: project.to_owned(),
            environments,
            secrets: BTreeMap::new(),
            pending: VecDeque::new(),
            minute: (now, 0),
        }
    }

    /// Counts a request; the seconds to wait when there were too many in this minute.
    fn count(&mut self, now: Timestamp, max: u32) -> Option<u64> {
        let passed = now.duration_since(self.minute.0).as_secs();
        if passed >= 60 {
            self.minute = (now, 0);
        }
        self.minute.1 += 1;
        let wait = u64::try_from(60 - passed.clamp(0, 59)).unwrap_or(60);
        (self.minute.1 > max).then_some(wait)
    }
}

pub(crate) fn answer(
    infisical: &mut Infisical,
    knobs: &InfisicalKnobs,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    if let Some(wait) = infisical.count(turn.now, knobs.requests_per_minute) {
        return too_many(wait).header("retry-after", wait.to_string());
    }
    let segments = call.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["api", rest @ ..] = parts.as_slice() else {
        return no_route(call);
    };
    match (call.method.as_str(), rest) {
        ("GET", ["status"]) => {
            Reply::json(200, &json!({ "date": turn.now.to_string(), "message": "Ok" }))
        }
        ("POST", ["v1", "auth", "universal-auth", "login"]) => {
            login::login(infisical, knobs, call, turn)
        }
        _ => match let_in(infisical, call, turn.now) {
            Ok(()) => route(infisical, knobs, call, rest, turn).unwrap_or_else(|reply| reply),
            Err(reply) => reply,
        },
    }
}

fn let_in(infisical: &Infisical, call: &Call, now: Timestamp) -> Result<(), Reply> {
    let Some(token) = call.authorization() else {
        return Err(error(401, "Unauthorized", "Token missing"));
    };
    match infisical.gate.who(&token, now) {
        Some(()) => Ok(()),
        None if infisical.gate.ever_knew(&token) => {
            Err(error(403, "TokenError", "Your token has expired. Please re-authenticate."))
        }
        None => Err(error(
            403,
            "TokenError",
            "Your token is invalid. Please check the provided token or re-authenticate.",
        )),
    }
}

fn route(
    infisical: &mut Infisical,
    knobs: &InfisicalKnobs,
    call: &Call,
    rest: &[&str],
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    match rest {
        ["v1", "auth", "universal-auth", "identities", identity, rest @ ..] => {
            login::identity_api(infisical, identity, rest, call, turn)
        }
        ["v1", "auth", "token", "renew"] => Ok(login::renew(infisical, knobs, call, turn)),
        ["v1", "workspace" | "projects", id] | ["v2", "workspace", id] => project(infisical, id),
        ["v3", "secrets", "raw", rest @ ..] => {
            secrets::api(infisical, knobs, secrets::Edition::V3, rest, call, turn)
        }
        ["v4", "secrets", "batch"] => secrets::batch(infisical, knobs, call, turn),
        ["v4", "secrets", rest @ ..] => {
            secrets::api(infisical, knobs, secrets::Edition::V4, rest, call, turn)
        }
        _ => Err(no_route(call)),
    }
}

fn project(infisical: &Infisical, id: &str) -> Result<Reply, Reply> {
    if id != infisical.project_id {
        return Err(error(404, "NotFound", &format!("Project with ID '{id}' not found")));
    }
    let environments: Vec<_> = infisical
        .environments
        .iter()
        .map(|slug| json!({ "name": slug, "slug": slug, "id": slug }))
        .collect();
    let project = json!({
        "id": infisical.project_id,
        "_id": infisical.project_id,
        "name": infisical.project,
        "slug": infisical.project,
        "environments": environments,
    });
    Ok(Reply::json(200, &json!({ "workspace": project, "project": project })))
}

fn no_route(call: &Call) -> Reply {
    let message = format!("Route {}:{} not found", call.method, call.path);
    error(404, "Not Found", &message)
}

/// The envelope of every error.
fn error(status: u16, kind: &str, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({
            "reqId": format!("req-{}", random::alnum(14)),
            "statusCode": status,
            "message": message,
            "error": kind,
        }),
    )
}

/// A request that does not fit the schema: the message is a list of issues.
fn malformed(path: &str, message: &str) -> Reply {
    let issue = json!({
        "code": "invalid_type",
        "expected": "string",
        "received": "undefined",
        "path": [path],
        "message": message,
    });
    Reply::json(
        422,
        &json!({
            "reqId": format!("req-{}", random::alnum(14)),
            "statusCode": 422,
            "message": Value::Array(vec![issue]),
            "error": "ValidationFailure",
        }),
    )
}

pub(crate) fn too_many(seconds: u64) -> Reply {
    let message = format!("Rate limit exceeded. Please try again in {seconds} seconds");
    error(429, "RateLimitExceeded", &message)
}

/// A definite no.
pub(crate) fn refused(status: u16) -> Reply {
    match status {
        422 => error(422, "ValidationFailure", "The request is not valid"),
        _ => error(403, "PermissionDenied", "You are not allowed to do this"),
    }
}

pub(crate) fn server_error(status: u16) -> Reply {
    error(status, "InternalServerError", "Something went wrong")
}
