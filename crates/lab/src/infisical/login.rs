//! Infisical's universal auth: client secrets, access tokens, and the lock after three bad tries.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Infisical, error, malformed};
use crate::clock::{later, millis};
use crate::wire::{Call, Reply, text};
use crate::world::Turn;
use crate::{InfisicalKnobs, random};

/// The one machine identity.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) client_secrets: Vec<ClientSecret>,
    /// Bad tries, and when the last one was.
    bad: (u32, Timestamp),
    locked_until: Option<Timestamp>,
}

/// A client secret; several may coexist.
#[derive(Clone)]
pub(crate) struct ClientSecret {
    pub(crate) id: String,
    pub(crate) value: String,
    description: String,
    created: Timestamp,
    expires: Option<Timestamp>,
    uses_max: u64,
    uses: u64,
    revoked: bool,
}

/// Bad tries until the identity is locked.
const BAD_MAX: u32 = 3;
/// After this long without another bad try the count begins again.
const BAD_RESET: Duration = Duration::from_secs(30);
/// How long it is locked.
const LOCKED: Duration = Duration::from_secs(300);

impl Identity {
    pub(crate) fn new(client_id: &str, client_secret: &str, now: Timestamp) -> Self {
        Self {
            id: random::uuid(),
            client_id: client_id.to_owned(),
            client_secrets: vec![ClientSecret::new(client_secret, "seeded", 0, None, now)],
            bad: (0, now),
            locked_until: None,
        }
    }

    fn note_bad_try(&mut self, now: Timestamp) {
        if later(self.bad.1, BAD_RESET) <= now {
            self.bad.0 = 0;
        }
        self.bad = (self.bad.0 + 1, now);
        if self.bad.0 >= BAD_MAX {
            self.locked_until = Some(later(now, LOCKED));
            self.bad.0 = 0;
        }
    }
}

impl ClientSecret {
    fn new(
        value: &str,
        description: &str,
        uses_max: u64,
        expires: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: random::uuid(),
            value: value.to_owned(),
            description: description.to_owned(),
            created: now,
            expires,
            uses_max,
            uses: 0,
            revoked: false,
        }
    }

    fn data(&self) -> Value {
        let prefix: String = self.value.chars().take(4).collect();
        json!({
            "id": self.id,
            "createdAt": millis(self.created),
            "updatedAt": millis(self.created),
            "isClientSecretRevoked": self.revoked,
            "description": self.description,
            "clientSecretPrefix": prefix,
            "clientSecretNumUses": self.uses,
            "clientSecretNumUsesLimit": self.uses_max,
            "clientSecretTTL": 0,
        })
    }
}

pub(crate) fn login(
    infisical: &mut Infisical,
    knobs: &InfisicalKnobs,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let Some(body) = call.json() else {
        return error(400, "BadRequest", "Body is not valid JSON");
    };
    let Some(client_id) = text(&body, "clientId") else {
        return malformed("clientId", "Required");
    };
    let Some(client_secret) = text(&body, "clientSecret") else {
        return malformed("clientSecret", "Required");
    };
    let identity = &mut infisical.identity;
    if identity.client_id != client_id {
        return error(401, "Unauthorized", "Invalid credentials");
    }
    if identity.locked_until.is_some_and(|until| turn.now < until) {
        let message = "This identity auth method is temporarily locked, please try again later";
        return error(401, "Unauthorized", message);
    }
    let found = identity
        .client_secrets
        .iter_mut()
        .find(|secret| secret.value == client_secret && !secret.revoked);
    let Some(secret) = found else {
        identity.note_bad_try(turn.now);
        return error(401, "Unauthorized", "Invalid credentials");
    };
    if secret.expires.is_some_and(|expires| expires <= turn.now) {
        return error(401, "Unauthorized", "Access denied due to expired client secret");
    }
    if secret.uses_max > 0 && secret.uses >= secret.uses_max {
        let message = "Access denied due to client secret usage limit reached";
        return error(401, "Unauthorized", message);
    }
    secret.uses += 1;
    identity.bad.0 = 0;
    issue(infisical, knobs, turn)
}

/// A new access token for the one that is shown.
pub(crate) fn renew(
    infisical: &mut Infisical,
    knobs: &InfisicalKnobs,
    _call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    issue(infisical, knobs, turn)
}

fn issue(infisical: &mut Infisical, knobs: &InfisicalKnobs, turn: &mut Turn<'_>) -> Reply {
    let token = random::jwt();
    let expires = later(turn.now, knobs.access_token_ttl);
    let live_from = turn.live_from();
    infisical.gate.admit(&token, (), live_from);
    infisical.gate.close(&token, expires);
    turn.effect();
    let ttl = knobs.access_token_ttl.as_secs();
    Reply::json(
        200,
        &json!({
            "accessToken": token,
            "expiresIn": ttl,
            "accessTokenMaxTTL": ttl,
            "tokenType": "Bearer",
        }),
    )
}

/// The client secrets of the identity, which are rotatable themselves.
pub(crate) fn identity_api(
    infisical: &mut Infisical,
    identity: &str,
    rest: &[&str],
    call: &Call,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let known = &mut infisical.identity;
    if known.id != identity {
        let message = format!("Identity with ID {identity} not found");
        return Err(error(404, "NotFound", &message));
    }
    match (call.method.as_str(), rest) {
        ("GET", ["client-secrets"]) => {
            let all: Vec<_> = known
                .client_secrets
                .iter()
                .filter(|secret| !secret.revoked)
                .map(ClientSecret::data)
                .collect();
            Ok(Reply::json(200, &json!({ "clientSecretData": all })))
        }
        ("POST", ["client-secrets"]) => {
            let body = call.json().unwrap_or_default();
            let number = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or(0);
            let ttl = number("ttl");
            let expires = (ttl > 0).then(|| later(turn.now, Duration::from_secs(ttl)));
            let secret = ClientSecret::new(
                &random::hex(64),
                text(&body, "description").unwrap_or_default(),
                number("numUsesLimit"),
                expires,
                turn.now,
            );
            let answer = json!({ "clientSecret": secret.value, "clientSecretData": secret.data() });
            known.client_secrets.push(secret);
            turn.effect();
            Ok(Reply::json(200, &answer))
        }
        ("POST", ["client-secrets", id, "revoke"]) => {
            let secret = known
                .client_secrets
                .iter_mut()
                .find(|secret| secret.id == *id && !secret.revoked)
                .ok_or_else(|| error(404, "NotFound", "Client secret not found"))?;
            secret.revoked = true;
            turn.effect();
            Ok(Reply::json(200, &json!({ "clientSecretData": secret.data() })))
        }
        ("POST", ["clear-lockouts"]) => {
            known.locked_until = None;
            known.bad.0 = 0;
            turn.effect();
            Ok(Reply::json(200, &json!({ "deleted": 1 })))
        }
        _ => Err(error(404, "NotFound", "Not found")),
    }
}
