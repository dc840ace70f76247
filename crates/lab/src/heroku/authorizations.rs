//! Heroku's OAuth authorizations: what a token is, who made it, how long it lives, and its end.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Heroku, Holder, invalid, not_found, problem, range};
use crate::clock::{later, seconds};
use crate::wire::{Call, Reply, text};
use crate::world::Turn;
use crate::{HerokuKnobs, SecretLook, random};

/// A direct authorization of the account.
#[derive(Clone)]
pub(crate) struct Authorization {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) scope: Vec<String>,
    pub(crate) token_id: String,
    pub(crate) token: String,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// The scopes that exist.
const SCOPES: [&str; 6] =
    ["global", "identity", "read", "write", "read-protected", "write-protected"];

/// How many make the list too long for the lab; the vendor publishes no limit.
const AUTHORIZATIONS_MAX: usize = 1_000;

impl Heroku {
    /// A new authorization whose token is honoured from `live_from` on.
    pub(crate) fn authorize(
        &mut self,
        description: &str,
        scope: Vec<String>,
        token: String,
        expires_in: Option<u64>,
        now: Timestamp,
        live_from: Timestamp,
    ) -> String {
        let id = random::uuid();
        let expires = expires_in.map(|seconds| later(now, Duration::from_secs(seconds)));
        self.admit(&scope, &token, expires, live_from);
        self.authorizations.insert(
            id.clone(),
            Authorization {
                id: id.clone(),
                description: description.to_owned(),
                scope,
                token_id: random::uuid(),
                token,
                expires,
                created: now,
                updated: now,
            },
        );
        id
    }

    /// Ends an authorization, as the API and the account page do.
    pub(crate) fn revoke(&mut self, id: &str, turn: &mut Turn<'_>) -> Option<Authorization> {
        let authorization = self.authorizations.remove(id)?;
        self.gate.close(&authorization.token, turn.dead_from());
        turn.effect();
        Some(authorization)
    }

    fn admit(
        &mut self,
        scope: &[String],
        token: &str,
        expires: Option<Timestamp>,
        live_from: Timestamp,
    ) {
        let holder = Holder { scope: scope.to_vec() };
        self.gate.admit(token, holder, live_from);
        if let Some(expires) = expires {
            self.gate.close(token, expires);
        }
    }
}

/// `/oauth/authorizations` and what is below it; `rest` is the path after that word.
pub(crate) fn api(
    heroku: &mut Heroku,
    knobs: &HerokuKnobs,
    method: &str,
    rest: &[&str],
    call: &Call,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    if let Some(code) = &knobs.two_factor_code
        && method != "GET"
        && call.header("heroku-two-factor-code") != Some(code.as_str())
    {
        return Err(problem(403, "two_factor", "A second authentication factor is required."));
    }
    match (method, rest) {
        ("POST", []) => create(heroku, call, turn),
        ("GET", []) => Ok(list(heroku, knobs, call, turn.now)),
        ("GET", [id]) => {
            let found = find(heroku, id)?;
            Ok(with_warning(show(heroku, &found, knobs.list_tokens, turn.now), knobs))
        }
        ("PATCH", [id]) => edit(heroku, knobs, id, call, turn),
        ("DELETE", [id]) => {
            find(heroku, id)?;
            let gone = heroku.revoke(id, turn).ok_or_else(unknown)?;
            Ok(Reply::json(200, &object(heroku, &gone, knobs.list_tokens, turn.now)))
        }
        ("POST", [id, "actions", "regenerate-tokens"]) => regenerate(heroku, knobs, id, turn),
        _ => Err(not_found("resource", "The requested API endpoint was not found.")),
    }
}

fn create(heroku: &mut Heroku, call: &Call, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let body = call
        .json()
        .filter(Value::is_object)
        .ok_or_else(|| problem(400, "bad_request", "Unable to parse the request body."))?;
    let scope = read_scope(&body)?;
    let expires_in = read_expires_in(&body)?;
    if heroku.authorizations.len() >= AUTHORIZATIONS_MAX {
        return Err(invalid("Too many authorizations."));
    }
    let description = text(&body, "description").unwrap_or("Long-lived user authorization");
    let live_from = turn.live_from();
    let token = random::heroku_token();
    let id = heroku.authorize(description, scope, token, expires_in, turn.now, live_from);
    turn.effect();
    let made = find(heroku, &id)?;
    Ok(Reply::json(201, &object(heroku, &made, SecretLook::Visible, turn.now)))
}

/// The schema requires a scope; the real command line leaves it out and gets `global`.
fn read_scope(body: &Value) -> Result<Vec<String>, Reply> {
    let words: Vec<String> = match body.get("scope") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => one.split(',').map(|word| word.trim().to_owned()).collect(),
        Some(Value::Array(many)) => {
            many.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(_) => return Err(invalid("Invalid scope.")),
    };
    if let Some(unknown) = words.iter().find(|word| !SCOPES.contains(&word.as_str())) {
        return Err(invalid(&format!("Invalid scope {unknown}.")));
    }
    Ok(if words.is_empty() { vec!["global".to_owned()] } else { words })
}

/// Seconds, as a number or, from the real command line, as a string.
fn read_expires_in(body: &Value) -> Result<Option<u64>, Reply> {
    let seconds = match body.get("expires_in") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    match seconds {
        Some(seconds) if seconds > 0 => Ok(Some(seconds)),
        _ => Err(invalid("Invalid expires_in.")),
    }
}

fn list(heroku: &Heroku, knobs: &HerokuKnobs, call: &Call, now: Timestamp) -> Reply {
    let items = heroku
        .authorizations
        .values()
        .map(|found| (found.id.clone(), object(heroku, found, knobs.list_tokens, now)))
        .collect();
    with_warning(range::page(call, "id", items), knobs)
}

fn edit(
    heroku: &mut Heroku,
    knobs: &HerokuKnobs,
    id: &str,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let body = call
        .json()
        .ok_or_else(|| problem(400, "bad_request", "Unable to parse the request body."))?;
    let found = heroku.authorizations.get_mut(id).ok_or_else(unknown)?;
    if let Some(description) = text(&body, "description") {
        description.clone_into(&mut found.description);
    }
    found.updated = turn.now;
    turn.effect();
    let found = found.clone();
    Ok(show(heroku, &found, knobs.list_tokens, turn.now))
}

/// A new token in the place of the old one: the id stays, and nothing overlaps unless a knob says so.
fn regenerate(
    heroku: &mut Heroku,
    knobs: &HerokuKnobs,
    id: &str,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let mut found = find(heroku, id)?;
    let dead_from = later(turn.dead_from(), knobs.regenerate_overlap);
    heroku.gate.close(&found.token, dead_from);
    found.token = random::heroku_token();
    found.token_id = random::uuid();
    found.updated = turn.now;
    let live_from = turn.live_from();
    heroku.admit(&found.scope, &found.token, found.expires, live_from);
    heroku.authorizations.insert(id.to_owned(), found.clone());
    turn.effect();
    Ok(show(heroku, &found, SecretLook::Visible, turn.now))
}

fn find(heroku: &Heroku, id: &str) -> Result<Authorization, Reply> {
    heroku.authorizations.get(id).cloned().ok_or_else(unknown)
}

fn unknown() -> Reply {
    not_found("authorization", "Couldn't find that OAuth authorization.")
}

fn show(heroku: &Heroku, found: &Authorization, look: SecretLook, now: Timestamp) -> Reply {
    Reply::json(200, &object(heroku, found, look, now))
}

/// Where tokens are not shown, the vendor says so in a header that its command line prints.
fn with_warning(reply: Reply, knobs: &HerokuKnobs) -> Reply {
    match knobs.list_tokens {
        SecretLook::Visible => reply,
        SecretLook::Masked | SecretLook::Absent => {
            reply.header("x-heroku-warning", "Tokens are visible only once, when they are created.")
        }
    }
}

fn object(heroku: &Heroku, found: &Authorization, look: SecretLook, now: Timestamp) -> Value {
    let expires_in = found.expires.map(|expires| expires.duration_since(now).as_secs().max(0));
    let mut access_token = json!({ "id": found.token_id, "expires_in": expires_in });
    match look {
        SecretLook::Visible => access_token["token"] = json!(found.token),
        SecretLook::Masked => access_token["token"] = json!("HRKU-****************"),
        SecretLook::Absent => {}
    }
    json!({
        "id": found.id,
        "description": found.description,
        "scope": found.scope,
        "created_at": seconds(found.created),
        "updated_at": seconds(found.updated),
        "access_token": access_token,
        "client": null,
        "grant": null,
        "refresh_token": null,
        "session": null,
        "user": heroku.user(),
    })
}
