//! Infisical's secrets: trimmed, versioned, sometimes held back for an approval.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Infisical, error, malformed};
use crate::clock::millis;
use crate::wire::{Call, Reply, text};
use crate::world::Turn;
use crate::{InfisicalKnobs, random};

/// Which generation of the routes; they differ in the name of the project's parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    V3,
    V4,
}

/// Where a secret is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) environment: String,
    pub(crate) path: String,
    pub(crate) key: String,
}

/// A secret with all its versions, the oldest first.
#[derive(Clone)]
pub(crate) struct Secret {
    id: String,
    pub(crate) versions: Vec<Version>,
    created: Timestamp,
    pub(crate) is_rotated: bool,
}

/// One value that a secret has had.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) value: String,
    comment: String,
    pub(crate) at: Timestamp,
}

impl Infisical {
    /// Stores a value as the next version, without the API.
    pub(crate) fn store(
        &mut self,
        place: Place,
        value: &str,
        comment: Option<&str>,
        now: Timestamp,
    ) {
        let secret = self.secrets.entry(place).or_insert_with(|| Secret {
            id: random::uuid(),
            versions: Vec::new(),
            created: now,
            is_rotated: false,
        });
        let last = secret.versions.last();
        let number = last.map_or(1, |last| last.number + 1);
        let comment = comment
            .map(str::to_owned)
            .or_else(|| last.map(|last| last.comment.clone()))
            .unwrap_or_default();
        secret.versions.push(Version { number, value: trim(value), comment, at: now });
    }

    /// Applies the oldest change that waits; false when there is none.
    pub(crate) fn approve_oldest(&mut self, now: Timestamp) -> bool {
        let Some((place, value)) = self.pending.pop_front() else {
            return false;
        };
        match value {
            Some(value) => self.store(place, &value, None, now),
            None => {
                self.secrets.remove(&place);
            }
        }
        true
    }
}

/// White space goes, but one line feed at the end stays.
fn trim(value: &str) -> String {
    let line_feed = if value.ends_with('\n') { "\n" } else { "" };
    format!("{}{line_feed}", value.trim())
}

/// `/secrets/…` of either edition; `rest` is the path after that.
pub(crate) fn api(
    infisical: &mut Infisical,
    knobs: &InfisicalKnobs,
    edition: Edition,
    rest: &[&str],
    call: &Call,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let method = call.method.as_str();
    let body = if method == "GET" {
        Value::Null
    } else {
        call.json().ok_or_else(|| error(400, "BadRequest", "Body is not valid JSON"))?
    };
    let where_ = where_(infisical, edition, &body, call)?;
    match (method, rest) {
        ("GET", []) => Ok(list(infisical, &where_, call)),
        ("GET", [name]) => show(infisical, &where_.place(name), call),
        ("POST", [name]) => create(infisical, knobs, &where_.place(name), &body, turn),
        ("PATCH", [name]) => update(infisical, knobs, &where_.place(name), &body, turn),
        ("DELETE", [name]) => delete(infisical, knobs, &where_.place(name), turn),
        _ => Err(super::no_route(call)),
    }
}

/// Several secrets in one request; the first refusal refuses all.
pub(crate) fn batch(
    infisical: &mut Infisical,
    knobs: &InfisicalKnobs,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let body = call.json().ok_or_else(|| error(400, "BadRequest", "Body is not valid JSON"))?;
    let where_ = where_(infisical, Edition::V4, &body, call)?;
    let Some(Value::Array(items)) = body.get("secrets") else {
        return Err(malformed("secrets", "Required"));
    };
    // All or nothing: the changes are tried on a copy.
    let mut draft = infisical.clone();
    let mut shown = Vec::new();
    for item in items {
        let key = text(item, "secretKey").ok_or_else(|| malformed("secretKey", "Required"))?;
        let place = where_.place(key);
        let reply = match call.method.as_str() {
            "POST" => create(&mut draft, knobs, &place, item, turn)?,
            "PATCH" => update(&mut draft, knobs, &place, item, turn)?,
            _ => delete(&mut draft, knobs, &place, turn)?,
        };
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        if answer.get("approval").is_some() {
            *infisical = draft;
            return Ok(Reply::json(200, &answer));
        }
        shown.push(answer["secret"].clone());
    }
    *infisical = draft;
    Ok(Reply::json(200, &json!({ "secrets": shown })))
}

/// The folder that a request is about.
struct Folder {
    environment: String,
    path: String,
}

impl Folder {
    fn place(&self, key: &str) -> Place {
        Place {
            environment: self.environment.clone(),
            path: self.path.clone(),
            key: key.to_owned(),
        }
    }
}

fn where_(
    infisical: &Infisical,
    edition: Edition,
    body: &Value,
    call: &Call,
) -> Result<Folder, Reply> {
    let parameter = |name: &str| text(body, name).or_else(|| call.query(name));
    let slug = parameter("workspaceSlug").or_else(|| parameter("projectSlug"));
    let project = match edition {
        Edition::V3 => parameter("workspaceId"),
        Edition::V4 => parameter("projectId"),
    };
    match (project, slug) {
        (Some(id), _) if id == infisical.project_id => {}
        (None, Some(slug)) if slug == infisical.project => {}
        (Some(id), _) => {
            let message = format!("Project with ID '{id}' not found");
            return Err(error(404, "NotFound", &message));
        }
        (None, Some(slug)) => {
            let message = format!("Project with slug '{slug}' not found");
            return Err(error(404, "NotFound", &message));
        }
        (None, None) => return Err(malformed("projectId", "Required")),
    }
    let environment =
        parameter("environment").ok_or_else(|| malformed("environment", "Required"))?;
    if !infisical.environments.iter().any(|known| known == environment) {
        let message = format!("Environment with slug '{environment}' not found");
        return Err(error(404, "NotFound", &message));
    }
    let path = parameter("secretPath").unwrap_or("/").trim_end_matches('/');
    Ok(Folder { environment: environment.to_owned(), path: format!("/{}", path.trim_matches('/')) })
}

fn list(infisical: &Infisical, folder: &Folder, call: &Call) -> Reply {
    let hidden = call.query("viewSecretValue") == Some("false");
    let found: Vec<_> = infisical
        .secrets
        .iter()
        .filter(|(place, _)| place.environment == folder.environment && place.path == folder.path)
        .filter_map(|(place, secret)| {
            secret.versions.last().map(|last| object(infisical, place, secret, last, hidden))
        })
        .collect();
    Reply::json(200, &json!({ "secrets": found, "imports": [] }))
}

fn show(infisical: &Infisical, place: &Place, call: &Call) -> Result<Reply, Reply> {
    let secret = infisical.secrets.get(place).ok_or_else(|| unknown(place))?;
    let wanted = match call.query("version") {
        None => None,
        Some(text) => {
            Some(text.parse::<u64>().map_err(|_| malformed("version", "Expected number"))?)
        }
    };
    let version = match wanted {
        None => secret.versions.last(),
        Some(number) => secret.versions.iter().find(|version| version.number == number),
    };
    let hidden = call.query("viewSecretValue") == Some("false");
    let version = version.ok_or_else(|| unknown(place))?;
    Ok(Reply::json(200, &json!({ "secret": object(infisical, place, secret, version, hidden) })))
}

fn create(
    infisical: &mut Infisical,
    knobs: &InfisicalKnobs,
    place: &Place,
    body: &Value,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let value = text(body, "secretValue").unwrap_or_default();
    if infisical.secrets.contains_key(place) {
        return Err(error(400, "BadRequest", "Secret already exist"));
    }
    if knobs.approval_policy {
        return Ok(ask_for_approval(infisical, place, Some(value), turn));
    }
    infisical.store(place.clone(), value, text(body, "secretComment"), turn.now);
    turn.effect();
    newest(infisical, place)
}

fn update(
    infisical: &mut Infisical,
    knobs: &InfisicalKnobs,
    place: &Place,
    body: &Value,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let secret = infisical.secrets.get(place).ok_or_else(|| unknown(place))?;
    refuse_rotated(secret)?;
    let old = secret.versions.last().map(|last| last.value.clone()).unwrap_or_default();
    let value = text(body, "secretValue").unwrap_or(&old).to_owned();
    if knobs.approval_policy {
        return Ok(ask_for_approval(infisical, place, Some(&value), turn));
    }
    infisical.store(place.clone(), &value, text(body, "secretComment"), turn.now);
    let mut place = place.clone();
    if let Some(name) = text(body, "newSecretName").filter(|name| *name != place.key) {
        let renamed = Place { key: name.to_owned(), ..place.clone() };
        if infisical.secrets.contains_key(&renamed) {
            return Err(error(400, "BadRequest", "Secret already exist"));
        }
        if let Some(secret) = infisical.secrets.remove(&place) {
            infisical.secrets.insert(renamed.clone(), secret);
        }
        place = renamed;
    }
    turn.effect();
    newest(infisical, &place)
}

fn delete(
    infisical: &mut Infisical,
    knobs: &InfisicalKnobs,
    place: &Place,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    refuse_rotated(infisical.secrets.get(place).ok_or_else(|| unknown(place))?)?;
    if knobs.approval_policy {
        return Ok(ask_for_approval(infisical, place, None, turn));
    }
    let answer = newest(infisical, place)?;
    infisical.secrets.remove(place);
    turn.effect();
    Ok(answer)
}

fn refuse_rotated(secret: &Secret) -> Result<(), Reply> {
    if secret.is_rotated {
        return Err(error(400, "BadRequest", "Cannot update or delete a rotated secret"));
    }
    Ok(())
}

/// 200, and nothing is stored until somebody approves.
fn ask_for_approval(
    infisical: &mut Infisical,
    place: &Place,
    value: Option<&str>,
    turn: &mut Turn<'_>,
) -> Reply {
    infisical.pending.push_back((place.clone(), value.map(str::to_owned)));
    turn.effect();
    let now = millis(turn.now);
    Reply::json(
        200,
        &json!({
            "approval": {
                "id": random::uuid(),
                "slug": random::alnum(10).to_lowercase(),
                "status": "open",
                "hasMerged": false,
                "policyId": random::uuid(),
                "folderId": random::uuid(),
                "committerUserId": null,
                "conflicts": null,
                "createdAt": now,
                "updatedAt": now,
            },
        }),
    )
}

fn newest(infisical: &Infisical, place: &Place) -> Result<Reply, Reply> {
    let secret = infisical.secrets.get(place).ok_or_else(|| unknown(place))?;
    let version = secret.versions.last().ok_or_else(|| unknown(place))?;
    Ok(Reply::json(200, &json!({ "secret": object(infisical, place, secret, version, false) })))
}

fn unknown(place: &Place) -> Reply {
    error(404, "NotFound", &format!("Secret with name '{}' not found", place.key))
}

fn object(
    infisical: &Infisical,
    place: &Place,
    secret: &Secret,
    version: &Version,
    hidden: bool,
) -> Value {
    json!({
        "id": secret.id,
        "_id": secret.id,
        "workspace": infisical.project_id,
        "environment": place.environment,
        "version": version.number,
        "type": "shared",
        "secretKey": place.key,
        "secretValue": if hidden { "<hidden-by-infisical>" } else { version.value.as_str() },
        "secretComment": version.comment,
        "createdAt": millis(secret.created),
        "updatedAt": millis(version.at),
        "secretPath": place.path,
        "tags": [],
        "secretMetadata": [],
        "secretReminderNote": null,
        "secretReminderRepeatDays": null,
        "skipMultilineEncoding": false,
        "secretValueHidden": hidden,
        "isRotatedSecret": secret.is_rotated,
        "rotationId": null,
        "metadata": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_and_one_line_feed_stays() {
        assert_eq!(trim("  a b \t"), "a b");
        assert_eq!(trim("a\n\n"), "a\n");
        assert_eq!(trim("a"), "a");
    }
}
