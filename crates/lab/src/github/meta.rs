//! GitHub's small answers: who one is, what there is, limits, and the revocation of leaked tokens.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Ask, Github, ORG_ID, REPO_ID, error, unprocessable};
use crate::GithubKnobs;
use crate::clock::{later, seconds};
use crate::wire::{Call, Reply, text};
use crate::world::Turn;

/// Requests an hour.
pub(crate) const HOURLY_MAX: u64 = 5_000;
/// Unauthenticated revocations an hour.
const REVOCATIONS_MAX: u64 = 60;
/// Tokens in one revocation.
const CREDENTIALS_MAX: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// Requests in the current hour.
#[derive(Clone)]
pub(crate) struct Window {
    since: Timestamp,
    count: u64,
}

impl Window {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { since: now, count: 0 }
    }

    /// An hour that begins now, with so many requests in it already.
    pub(crate) fn used_up_to(count: u64, now: Timestamp) -> Self {
        Self { since: now, count }
    }

    /// Counts one and answers how many there were.
    pub(crate) fn count(&mut self, now: Timestamp) -> u64 {
        if later(self.since, HOUR) <= now {
            *self = Self::new(now);
        }
        self.count += 1;
        self.count
    }

    pub(crate) fn used(&self, now: Timestamp) -> u64 {
        if later(self.since, HOUR) <= now { 0 } else { self.count }
    }

    /// When the next hour begins, in seconds of the epoch.
    pub(crate) fn reset(&self) -> i64 {
        later(self.since, HOUR).as_second()
    }
}

/// What the command line asks to learn which server it talks to.
pub(crate) fn meta(prefix: &str) -> Reply {
    let mut body = json!({ "verifiable_password_authentication": false });
    if !prefix.is_empty() {
        body["installed_version"] = json!("3.17.0");
    }
    Reply::json(200, &body)
}

pub(crate) fn root(ask: &Ask<'_>) -> Reply {
    let base = &ask.base;
    Reply::json(
        200,
        &json!({
            "current_user_url": format!("{base}/user"),
            "repository_url": format!("{base}/repos/{{owner}}/{{repo}}"),
            "rate_limit_url": format!("{base}/rate_limit"),
        }),
    )
    .header("x-oauth-scopes", scopes(ask))
}

fn scopes(ask: &Ask<'_>) -> &'static str {
    if ask.user.has_rights { "admin:org, repo, workflow" } else { "" }
}

pub(crate) fn user(ask: &Ask<'_>) -> Reply {
    let login = &ask.user.login;
    Reply::json(
        200,
        &json!({
            "login": login,
            "id": 700_100,
            "node_id": "U_700100",
            "type": "User",
            "site_admin": false,
            "name": null,
            "email": null,
            "url": format!("{}/users/{login}", ask.base),
            "html_url": format!("https://github.com/{login}"),
        }),
    )
    .header("x-oauth-scopes", scopes(ask))
}

pub(crate) fn org(github: &Github, ask: &Ask<'_>) -> Reply {
    Reply::json(
        200,
        &json!({
            "login": github.owner,
            "id": ORG_ID,
            "node_id": "O_800001",
            "url": format!("{}/orgs/{}", ask.base, github.owner),
            "type": "Organization",
        }),
    )
}

pub(crate) fn repo(github: &Github, knobs: &GithubKnobs, ask: &Ask<'_>) -> Reply {
    let full_name = format!("{}/{}", github.owner, github.repo);
    Reply::json(
        200,
        &json!({
            "id": REPO_ID,
            "node_id": "R_900001",
            "name": github.repo,
            "full_name": full_name,
            "private": !knobs.public,
            "visibility": if knobs.public { "public" } else { "private" },
            "security_and_analysis": {
                "secret_scanning": {
                    "status": if knobs.secret_scanning { "enabled" } else { "disabled" },
                },
            },
            "owner": { "login": github.owner, "id": ORG_ID, "type": "Organization" },
            "url": format!("{}/repos/{full_name}", ask.base),
            "html_url": format!("https://github.com/{full_name}"),
            "default_branch": "main",
            "archived": false,
            "created_at": seconds(github.created),
            "updated_at": seconds(github.created),
            "pushed_at": seconds(github.created),
            "permissions": { "admin": true, "push": true, "pull": true },
        }),
    )
}

pub(crate) fn rate_limit(github: &Github, now: Timestamp) -> Reply {
    let used = github.rate.used(now);
    let core = json!({
        "limit": HOURLY_MAX,
        "used": used,
        "remaining": HOURLY_MAX.saturating_sub(used),
        "reset": github.rate.reset(),
    });
    Reply::json(200, &json!({ "resources": { "core": core }, "rate": core }))
}

/// The two questions that the command line asks in GraphQL before it uses the REST API.
pub(crate) fn graphql(github: &Github, ask: &Ask<'_>) -> Reply {
    let body = ask.call.json().unwrap_or_default();
    let query = text(&body, "query").unwrap_or_default();
    let mut data = serde_json::Map::new();
    if let Some(viewer) = viewer(query, &ask.user.login) {
        data.insert("viewer".to_owned(), viewer);
    }
    if query.contains("repository(") || query.contains("repository (") {
        let repository = if ask.user.has_rights { repository(github) } else { Value::Null };
        // Aliases (`repo_000: repository(…)`) are how several repositories are asked for at once.
        for name in aliases(query) {
            data.insert(name, repository.clone());
        }
    }
    Reply::json(200, &json!({ "data": data })).header("x-oauth-scopes", scopes(ask))
}

/// The fields of `viewer { … }` that are asked for: GraphQL answers with no others, and the command
/// line takes offence at one.
fn viewer(query: &str, login: &str) -> Option<Value> {
    let fields = query.split_once("viewer")?.1.trim_start().strip_prefix('{')?;
    let fields = fields.split('}').next()?.split(|c: char| !c.is_alphanumeric());
    let known = json!({ "login": login, "id": "U_700100" });
    let asked = fields.filter_map(|name| Some((name.to_owned(), known.get(name)?.clone())));
    Some(Value::Object(asked.collect()))
}

fn repository(github: &Github) -> Value {
    json!({
        "id": "R_900001",
        "databaseId": REPO_ID,
        "name": github.repo,
        "nameWithOwner": format!("{}/{}", github.owner, github.repo),
        "owner": { "id": "O_800001", "login": github.owner },
        "hasIssuesEnabled": true,
        "isPrivate": true,
        "description": "",
        "viewerPermission": "ADMIN",
        "defaultBranchRef": { "name": "main", "target": { "oid": "0123456789abcdef0123456789abcdef01234567" } },
        "parent": null,
        "mergeCommitAllowed": true,
        "rebaseMergeAllowed": true,
        "squashMergeAllowed": true,
    })
}

fn aliases(query: &str) -> Vec<String> {
    let before_each = query.split("repository").filter(|part| !part.is_empty());
    let mut names: Vec<String> = before_each
        .filter_map(|part| part.trim_end().strip_suffix(':'))
        .filter_map(|part| part.split(|c: char| !(c == '_' || c.is_alphanumeric())).next_back())
        .map(str::to_owned)
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        names.push("repository".to_owned());
    }
    names
}

/// Anybody may report leaked GitHub tokens; somebody who is signed in may not.
pub(crate) fn revoke_credentials(github: &mut Github, call: &Call, turn: &mut Turn<'_>) -> Reply {
    if call.header("authorization").is_some() {
        return error(403, "This endpoint does not accept authenticated requests.");
    }
    if github.revocations.count(turn.now) > REVOCATIONS_MAX {
        return error(429, "API rate limit exceeded.");
    }
    let body = call.json().unwrap_or_default();
    let Some(Value::Array(items)) = body.get("credentials") else {
        return unprocessable("Invalid request.\n\n\"credentials\" wasn't supplied.");
    };
    if items.is_empty() || items.len() > CREDENTIALS_MAX {
        return unprocessable("Between 1 and 1000 credentials are expected.");
    }
    let dead_from = turn.dead_from();
    for token in items.iter().filter_map(Value::as_str) {
        if github.gate.who(token, turn.now).is_some() {
            github.gate.close(token, dead_from);
            turn.effect();
        }
    }
    Reply::json(202, &json!({}))
}
