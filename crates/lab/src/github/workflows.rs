//! GitHub's workflows: what a file runs, and how a run of it is asked for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pages::paged;
use super::runs::{self, Run};
use super::{Ask, Github, SecretScope, error, not_found, unprocessable};
use crate::GithubKnobs;
use crate::clock::seconds;
use crate::wire::{Reply, text};
use crate::world::Turn;

/// A workflow with one job.
#[derive(Clone)]
pub(crate) struct Workflow {
    pub(crate) id: u64,
    pub(crate) file: String,
    pub(crate) name: String,
    pub(crate) environment: Option<String>,
    /// The secrets that its job uses.
    pub(crate) uses: Vec<String>,
    /// Whether it has the trigger `workflow_dispatch`.
    pub(crate) dispatch: bool,
}

/// The most inputs of a dispatch.
const INPUTS_MAX: usize = 25;

/// `/actions/workflows` and what is below it; `rest` is the path after that word.
pub(crate) fn api(
    github: &mut Github,
    knobs: &GithubKnobs,
    rest: &[&str],
    ask: &Ask<'_>,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let method = ask.call.method.as_str();
    match (method, rest) {
        ("GET", []) => {
            let all: Vec<_> =
                github.workflows.iter().map(|found| object(github, found, ask)).collect();
            let body = |page: &[Value]| json!({ "total_count": all.len(), "workflows": page });
            Ok(paged(ask, &all, body))
        }
        ("GET", [wanted]) => {
            let found = find(github, wanted)?;
            Ok(Reply::json(200, &object(github, found, ask)))
        }
        ("GET", [wanted, "runs"]) => {
            let id = find(github, wanted)?.id;
            Ok(runs::list(github, knobs, Some(id), ask, turn.now))
        }
        ("POST", [wanted, "dispatches"]) => dispatch(github, knobs, wanted, ask, turn),
        _ => Err(not_found()),
    }
}

/// A workflow by id or by file name.
fn find<'a>(github: &'a Github, wanted: &str) -> Result<&'a Workflow, Reply> {
    github
        .workflows
        .iter()
        .find(|found| found.file == wanted || found.id.to_string() == wanted)
        .ok_or_else(not_found)
}

fn dispatch(
    github: &mut Github,
    knobs: &GithubKnobs,
    wanted: &str,
    ask: &Ask<'_>,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let workflow = find(github, wanted)?.clone();
    let body = ask.call.json().ok_or_else(|| error(400, "Problems parsing JSON"))?;
    if !workflow.dispatch {
        let message = "Workflow does not have 'workflow_dispatch' trigger";
        return Err(unprocessable(message));
    }
    let branch = text(&body, "ref")
        .ok_or_else(|| unprocessable("Invalid request.\n\n\"ref\" wasn't supplied."))?;
    let branch = branch.trim_start_matches("refs/heads/");
    if branch != "main" {
        let message = format!("No ref found for: {branch}");
        return Err(unprocessable(&message));
    }
    let inputs = match body.get("inputs") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(map)) if map.len() <= INPUTS_MAX => map
            .iter()
            .map(|(key, value)| {
                (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect(),
        Some(_) => return Err(unprocessable("Invalid inputs.")),
    };
    let id = queue(github, &workflow, branch, inputs, &ask.user.login, turn);
    turn.effect();
    let details = body.get("return_run_details").and_then(Value::as_bool) == Some(true);
    if !(details && knobs.run_details) {
        return Ok(Reply::empty(204));
    }
    Ok(Reply::json(
        200,
        &json!({
            "workflow_run_id": id,
            "run_url": runs::api_url(github, ask, id),
            "html_url": runs::html_url(github, id),
        }),
    ))
}

/// A queued run has its repository and organisation secrets already.
pub(crate) fn queue(
    github: &mut Github,
    workflow: &Workflow,
    branch: &str,
    inputs: BTreeMap<String, String>,
    actor: &str,
    turn: &Turn<'_>,
) -> u64 {
    let mut secrets = github.visible(&SecretScope::Org);
    secrets.extend(github.visible(&SecretScope::Repo));
    secrets.retain(|name, _| workflow.uses.contains(name));
    let number = github.runs.len() as u64 + 1;
    let id = 5_000_000 + number;
    github.runs.push(Run::queued(id, number, workflow, branch, inputs, actor, secrets, turn.now));
    id
}

fn object(github: &Github, found: &Workflow, ask: &Ask<'_>) -> Value {
    let path = format!(".github/workflows/{}", found.file);
    json!({
        "id": found.id,
        "node_id": format!("W_{}", found.id),
        "name": found.name,
        "path": path,
        "state": "active",
        "created_at": seconds(github.created),
        "updated_at": seconds(github.created),
        "url": format!("{}/repos/{}/{}/actions/workflows/{}", ask.base, github.owner, github.repo, found.id),
        "html_url": format!("https://github.com/{}/{}/blob/main/{path}", github.owner, github.repo),
        "badge_url": format!("https://github.com/{}/{}/workflows/{}/badge.svg", github.owner, github.repo, found.name.replace(' ', "%20")),
    })
}
