//! GitHub: sealed secrets per scope, workflow runs that keep the secrets they were queued with, and alerts.
//!
//! Rules: <https://docs.github.com/rest>. A secret can be written and never read back. Repository and
//! organisation secrets are read when a run is queued, environment secrets when its job starts. What one may
//! not see is 404.

mod alerts;
mod meta;
mod pages;
mod runs;
mod seal;
mod secrets;
mod workflows;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::gate::Gate;
use crate::wire::{Call, Reply};
use crate::world::Turn;
use crate::{GithubKnobs, random};

pub(crate) use alerts::Alert;
pub(crate) use runs::Run;
pub use secrets::SecretScope;
pub(crate) use secrets::Store;
pub(crate) use workflows::Workflow;

/// All that GitHub knows about one organisation with one repository.
#[derive(Clone)]
pub(crate) struct Github {
    pub(crate) gate: Gate<User>,
    pub(crate) owner: String,
    pub(crate) repo: String,
    pub(crate) stores: BTreeMap<SecretScope, Store>,
    pub(crate) workflows: Vec<Workflow>,
    pub(crate) runs: Vec<Run>,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) run_queue: Duration,
    pub(crate) run_duration: Duration,
    pub(crate) created: Timestamp,
    rate: meta::Window,
    revocations: meta::Window,
}

/// Whom a token speaks for.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) login: String,
    /// Whether the repository and the organisation exist for this user.
    pub(crate) has_rights: bool,
}

/// The id of the one repository.
pub(crate) const REPO_ID: u64 = 900_001;
/// The id of the organisation.
const ORG_ID: u64 = 800_001;

impl Github {
    pub(crate) fn new(
        owner: &str,
        repo: &str,
        environments: &[String],
        durations: (Duration, Duration),
        now: Timestamp,
    ) -> Self {
        let fixed = [
            SecretScope::Repo,
            SecretScope::Org,
            SecretScope::Dependabot,
            SecretScope::DependabotOrg,
            SecretScope::Codespaces,
        ];
        let scopes =
            fixed.into_iter().chain(environments.iter().cloned().map(SecretScope::Environment));
        Self {
            gate: Gate::new(),
            owner: owner.to_owned(),
            repo: repo.to_owned(),
            stores: scopes.map(|scope| (scope, Store::new())).collect(),
            workflows: Vec::new(),
            runs: Vec::new(),
            alerts: Vec::new(),
            run_queue: durations.0,
            run_duration: durations.1,
            created: now,
            rate: meta::Window::new(now),
            revocations: meta::Window::new(now),
        }
    }

    /// Somebody starts the workflow of this file on the main branch; false when there is none.
    pub(crate) fn start_workflow(&mut self, file: &str, by: &str, turn: &Turn<'_>) -> bool {
        let Some(workflow) = self.workflows.iter().find(|one| one.file == file).cloned() else {
            return false;
        };
        workflows::queue(self, &workflow, "main", BTreeMap::new(), by, turn);
        true
    }

    /// Sets what is left of the hour's requests.
    pub(crate) fn set_rate_remaining(&mut self, remaining: u64, now: Timestamp) {
        self.rate = meta::Window::used_up_to(meta::HOURLY_MAX.saturating_sub(remaining), now);
    }

    /// New key pairs for every scope; secrets stay.
    pub(crate) fn rotate_keys(&mut self) {
        for store in self.stores.values_mut() {
            store.rotate_key();
        }
    }
}

/// One request, as the routes need it.
struct Ask<'a> {
    call: &'a Call,
    user: User,
    /// The address under which the client reached us, for links in answers.
    base: String,
}

pub(crate) fn answer(
    github: &mut Github,
    knobs: &GithubKnobs,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let mut segments = call.segments();
    let mut prefix = "";
    if segments.first().is_some_and(|first| first == "api") {
        match segments.get(1).map(String::as_str) {
            Some("v3") => {
                segments.drain(..2);
                prefix = "/api/v3";
            }
            Some("graphql") => {
                segments.drain(..1);
            }
            _ => {}
        }
    }
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let reply = match (call.method.as_str(), parts.as_slice()) {
        ("POST", ["credentials", "revoke"]) => meta::revoke_credentials(github, call, turn),
        ("GET", ["meta"]) => meta::meta(prefix),
        _ => let_in(github, knobs, call, prefix, &parts, turn),
    };
    let used = github.rate.used(turn.now);
    reply
        .header("x-github-request-id", random::hex(16).to_uppercase())
        .header("x-github-media-type", "github.v3; format=json")
        .header("x-ratelimit-limit", meta::HOURLY_MAX.to_string())
        .header("x-ratelimit-used", used.to_string())
        .header("x-ratelimit-remaining", meta::HOURLY_MAX.saturating_sub(used).to_string())
        .header("x-ratelimit-reset", github.rate.reset().to_string())
        .header("x-ratelimit-resource", "core")
}

fn let_in(
    github: &mut Github,
    knobs: &GithubKnobs,
    call: &Call,
    prefix: &str,
    parts: &[&str],
    turn: &mut Turn<'_>,
) -> Reply {
    if call.header("authorization").is_none() {
        return error(401, "Requires authentication");
    }
    let token = call.authorization();
    let user = token.and_then(|token| github.gate.who(&token, turn.now).cloned());
    let Some(user) = user else {
        return error(401, "Bad credentials");
    };
    if parts == ["rate_limit"] {
        return meta::rate_limit(github, turn.now);
    }
    if github.rate.count(turn.now) > meta::HOURLY_MAX {
        return error(403, "API rate limit exceeded.");
    }
    let base = match call.header("host") {
        Some(host @ "api.github.com") => format!("https://{host}"),
        Some(host) => format!("http://{host}{prefix}"),
        None => format!("{}{prefix}", turn.urls.github),
    };
    let ask = Ask { call, user, base };
    match route(github, knobs, &ask, parts, turn) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn route(
    github: &mut Github,
    knobs: &GithubKnobs,
    ask: &Ask<'_>,
    parts: &[&str],
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let method = ask.call.method.as_str();
    match (method, parts) {
        ("GET", []) => Ok(meta::root(ask)),
        ("GET", ["user"]) => Ok(meta::user(ask)),
        ("POST", ["graphql"]) => Ok(meta::graphql(github, ask)),
        (_, ["repos", owner, repo, rest @ ..]) => {
            let exists = same(owner, &github.owner) && same(repo, &github.repo);
            if !exists || !ask.user.has_rights {
                return Err(not_found());
            }
            repo_route(github, knobs, ask, rest, turn)
        }
        (_, ["orgs", org, rest @ ..]) => {
            if !same(org, &github.owner) || !ask.user.has_rights {
                return Err(not_found());
            }
            match rest {
                [] => Ok(meta::org(github, ask)),
                ["actions", "secrets", rest @ ..] => {
                    secrets::api(github, &SecretScope::Org, rest, ask, turn)
                }
                ["dependabot", "secrets", rest @ ..] => {
                    secrets::api(github, &SecretScope::DependabotOrg, rest, ask, turn)
                }
                _ => Err(not_found()),
            }
        }
        _ => Err(not_found()),
    }
}

fn repo_route(
    github: &mut Github,
    knobs: &GithubKnobs,
    ask: &Ask<'_>,
    rest: &[&str],
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    match rest {
        [] => Ok(meta::repo(github, knobs, ask)),
        ["actions", "secrets", rest @ ..] => {
            secrets::api(github, &SecretScope::Repo, rest, ask, turn)
        }
        ["dependabot", "secrets", rest @ ..] => {
            secrets::api(github, &SecretScope::Dependabot, rest, ask, turn)
        }
        ["codespaces", "secrets", rest @ ..] => {
            secrets::api(github, &SecretScope::Codespaces, rest, ask, turn)
        }
        ["actions", "organization-secrets"] => Ok(secrets::org_secrets_of_repo(github)),
        ["environments"] => Ok(secrets::environments(github, knobs)),
        ["environments", name] => secrets::environment(github, knobs, name),
        ["environments", name, "secrets", rest @ ..] => {
            let scope = SecretScope::Environment((*name).to_owned());
            secrets::api(github, &scope, rest, ask, turn)
        }
        ["actions", "workflows", rest @ ..] => workflows::api(github, knobs, rest, ask, turn),
        ["actions", "runs", rest @ ..] => runs::api(github, knobs, rest, ask, turn),
        ["check-runs", _, "annotations"] => Ok(Reply::json(200, &json!([]))),
        ["secret-scanning", "alerts", rest @ ..] => {
            if !knobs.secret_scanning {
                return Err(error(404, "Secret scanning is disabled on this repository."));
            }
            alerts::api(github, rest, ask, turn)
        }
        _ => Err(not_found()),
    }
}

/// Names of users and repositories do not mind their case.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

fn error(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        }),
    )
}

fn not_found() -> Reply {
    error(404, "Not Found")
}

/// A validation error. It has no list of `errors` here: clients print one wherever it is there.
fn unprocessable(message: &str) -> Reply {
    error(422, message)
}

/// The secondary limit.
pub(crate) fn too_many() -> Reply {
    error(
        429,
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    )
}

/// A definite no.
pub(crate) fn refused(status: u16) -> Reply {
    match status {
        422 => unprocessable("Validation Failed"),
        _ => error(403, "Resource not accessible by personal access token"),
    }
}

pub(crate) fn server_error(status: u16) -> Reply {
    error(status, "Server Error")
}
