//! GitHub's secrets: written sealed, listed by name, never read back; one store and one key pair per scope.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::pages::paged;
use super::seal::KeyPair;
use super::{Ask, Github, REPO_ID, error, not_found, unprocessable};
use crate::GithubKnobs;
use crate::clock::seconds;
use crate::wire::{Reply, text};
use crate::world::Turn;

/// Where a secret is set. An environment's secret shadows the repository's, and that the organisation's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretScope {
    /// Actions secrets of the repository.
    Repo,
    /// Secrets of one environment of the repository.
    Environment(String),
    /// Actions secrets of the organisation.
    Org,
    /// Dependabot secrets of the repository: the only ones that its runs see.
    Dependabot,
    /// Dependabot secrets of the organisation.
    DependabotOrg,
    /// Codespaces secrets of the repository.
    Codespaces,
}

impl SecretScope {
    fn of_organisation(&self) -> bool {
        matches!(self, Self::Org | Self::DependabotOrg)
    }

    fn secrets_max(&self) -> usize {
        if self.of_organisation() { 1_000 } else { 100 }
    }
}

/// The secrets of one scope.
#[derive(Clone)]
pub(crate) struct Store {
    key: KeyPair,
    pub(crate) secrets: BTreeMap<String, Secret>,
}

/// One secret. The lab keeps what it decrypted, for tests to look at.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) value: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    visibility: String,
    repositories: Vec<u64>,
}

/// Bytes of a value.
const VALUE_BYTES_MAX: usize = 48 * 1024;

impl Store {
    pub(crate) fn new() -> Self {
        Self { key: KeyPair::new(), secrets: BTreeMap::new() }
    }

    pub(crate) fn rotate_key(&mut self) {
        self.key = KeyPair::new();
    }

    /// Sets a secret without the API.
    pub(crate) fn set(&mut self, name: &str, value: &str, now: Timestamp) {
        let secret = Secret {
            value: value.to_owned(),
            created: now,
            updated: now,
            visibility: "all".to_owned(),
            repositories: Vec::new(),
        };
        self.secrets.insert(name.to_ascii_uppercase(), secret);
    }
}

impl Github {
    /// The values that a job of the repository sees in this scope.
    pub(crate) fn visible(&self, scope: &SecretScope) -> BTreeMap<String, String> {
        let Some(store) = self.stores.get(scope) else {
            return BTreeMap::new();
        };
        store
            .secrets
            .iter()
            .filter(|(_, secret)| {
                secret.visibility != "selected" || secret.repositories.contains(&REPO_ID)
            })
            .map(|(name, secret)| (name.clone(), secret.value.clone()))
            .collect()
    }
}

/// `…/secrets` of one scope and what is below it; `rest` is the path after that word.
pub(crate) fn api(
    github: &mut Github,
    scope: &SecretScope,
    rest: &[&str],
    ask: &Ask<'_>,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let store = github.stores.get_mut(scope).ok_or_else(not_found)?;
    let method = ask.call.method.as_str();
    match (method, rest) {
        ("GET", []) => Ok(list(store, scope, ask)),
        ("GET", ["public-key"]) => {
            let key = json!({ "key_id": store.key.id, "key": store.key.public() });
            Ok(Reply::json(200, &key))
        }
        ("GET", [name]) => {
            let name = name.to_ascii_uppercase();
            let secret = store.secrets.get(&name).ok_or_else(not_found)?;
            Ok(Reply::json(200, &object(&name, secret, scope, ask)))
        }
        ("PUT", [name]) => put(store, scope, name, ask, turn),
        ("DELETE", [name]) => {
            store.secrets.remove(&name.to_ascii_uppercase()).ok_or_else(not_found)?;
            turn.effect();
            Ok(Reply::empty(204))
        }
        ("GET" | "PUT", [name, "repositories"]) if scope.of_organisation() => {
            repositories(store, name, ask, turn)
        }
        _ => Err(not_found()),
    }
}

fn put(
    store: &mut Store,
    scope: &SecretScope,
    name: &str,
    ask: &Ask<'_>,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let name = check_name(name)?;
    let body = ask.call.json().ok_or_else(|| error(400, "Problems parsing JSON"))?;
    let (Some(sealed), Some(key_id)) = (text(&body, "encrypted_value"), text(&body, "key_id"))
    else {
        return Err(unprocessable(
            "Invalid request.\n\n\"encrypted_value\", \"key_id\" weren't supplied.",
        ));
    };
    let visibility = text(&body, "visibility").unwrap_or("all");
    if scope.of_organisation()
        && !matches!(text(&body, "visibility"), Some("all" | "private" | "selected"))
    {
        return Err(unprocessable("Invalid request.\n\n\"visibility\" wasn't supplied."));
    }
    if key_id != store.key.id {
        return Err(unprocessable("The key_id provided is not the current public key."));
    }
    let value = store
        .key
        .open(sealed)
        .ok_or_else(|| unprocessable("The encrypted_value could not be decrypted."))?;
    if value.len() > VALUE_BYTES_MAX {
        return Err(unprocessable("Secrets may not be larger than 48 KB."));
    }
    let full = store.secrets.len() >= scope.secrets_max();
    let known = store.secrets.get(&name).map(|secret| secret.created);
    if known.is_none() && full {
        return Err(unprocessable("The limit of secrets is reached."));
    }
    let repositories = ids(body.get("selected_repository_ids"));
    store.secrets.insert(
        name,
        Secret {
            value,
            created: known.unwrap_or(turn.now),
            updated: turn.now,
            visibility: visibility.to_owned(),
            repositories,
        },
    );
    turn.effect();
    // The official command line stumbles over a 201 without a body.
    Ok(if known.is_some() { Reply::empty(204) } else { Reply::json(201, &json!({})) })
}

/// Letters, digits and underscores, no digit first, not `GITHUB_`; stored in upper case.
fn check_name(name: &str) -> Result<String, Reply> {
    let upper = name.to_ascii_uppercase();
    let word = upper.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    let wrong_start =
        upper.starts_with(|c: char| c.is_ascii_digit()) || upper.starts_with("GITHUB_");
    if upper.is_empty() || !word || wrong_start {
        return Err(unprocessable(
            "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or \
             underscores (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or \
             underscores (_), and not with GITHUB_.",
        ));
    }
    Ok(upper)
}

fn repositories(
    store: &mut Store,
    name: &str,
    ask: &Ask<'_>,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let secret = store.secrets.get_mut(&name.to_ascii_uppercase()).ok_or_else(not_found)?;
    if ask.call.method == "PUT" {
        let body = ask.call.json().unwrap_or_default();
        secret.repositories = ids(body.get("selected_repository_ids"));
        turn.effect();
        return Ok(Reply::empty(204));
    }
    let found: Vec<_> = secret.repositories.iter().map(|id| json!({ "id": id })).collect();
    Ok(Reply::json(200, &json!({ "total_count": found.len(), "repositories": found })))
}

/// Ids as numbers or, from some clients, as strings.
fn ids(value: Option<&Value>) -> Vec<u64> {
    let Some(Value::Array(items)) = value else {
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|id| id.as_u64().or_else(|| id.as_str().and_then(|text| text.parse().ok())))
        .collect()
}

fn list(store: &Store, scope: &SecretScope, ask: &Ask<'_>) -> Reply {
    let all: Vec<_> =
        store.secrets.iter().map(|(name, secret)| object(name, secret, scope, ask)).collect();
    paged(ask, &all, |page| json!({ "total_count": all.len(), "secrets": page }))
}

fn object(name: &str, secret: &Secret, scope: &SecretScope, ask: &Ask<'_>) -> Value {
    let mut object = json!({
        "name": name,
        "created_at": seconds(secret.created),
        "updated_at": seconds(secret.updated),
    });
    if scope.of_organisation() {
        object["visibility"] = json!(secret.visibility);
        if secret.visibility == "selected" {
            let url = format!("{}{}/repositories", ask.base, ask.call.path);
            object["selected_repositories_url"] = json!(url);
        }
    }
    object
}

pub(crate) fn org_secrets_of_repo(github: &Github) -> Reply {
    let names = github.visible(&SecretScope::Org);
    let Some(store) = github.stores.get(&SecretScope::Org) else {
        return not_found();
    };
    let found: Vec<_> = store
        .secrets
        .iter()
        .filter(|(name, _)| names.contains_key(*name))
        .map(|(name, secret)| {
            json!({
                "name": name,
                "created_at": seconds(secret.created),
                "updated_at": seconds(secret.updated),
            })
        })
        .collect();
    Reply::json(200, &json!({ "total_count": found.len(), "secrets": found }))
}

pub(crate) fn environments(github: &Github, knobs: &GithubKnobs) -> Reply {
    let found: Vec<_> = environment_names(github).map(|name| show(github, knobs, name)).collect();
    Reply::json(200, &json!({ "total_count": found.len(), "environments": found }))
}

pub(crate) fn environment(
    github: &Github,
    knobs: &GithubKnobs,
    wanted: &str,
) -> Result<Reply, Reply> {
    let name = environment_names(github).find(|name| *name == wanted).ok_or_else(not_found)?;
    Ok(Reply::json(200, &show(github, knobs, name)))
}

fn environment_names(github: &Github) -> impl Iterator<Item = &str> {
    github.stores.keys().filter_map(|scope| match scope {
        SecretScope::Environment(name) => Some(name.as_str()),
        _ => None,
    })
}

fn show(github: &Github, knobs: &GithubKnobs, name: &str) -> Value {
    let place = environment_names(github).position(|have| have == name).unwrap_or_default();
    let rules = match knobs.environments_protected {
        true => json!([{ "id": 1, "type": "required_reviewers", "reviewers": [] }]),
        false => json!([]),
    };
    json!({
        "id": 700_001 + place,
        "name": name,
        "created_at": seconds(github.created),
        "updated_at": seconds(github.created),
        "protection_rules": rules,
        "deployment_branch_policy": null,
    })
}
