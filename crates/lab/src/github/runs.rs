//! GitHub's workflow runs: queued, in progress, completed, each with the secrets it was given.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::pages::paged;
use super::{Ask, Github, REPO_ID, SecretScope, Workflow, error, not_found};
use crate::GithubKnobs;
use crate::clock::{later, seconds};
use crate::wire::Reply;
use crate::world::Turn;

/// One run of a workflow with its one job.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) id: u64,
    number: u64,
    pub(crate) workflow: String,
    workflow_id: u64,
    file: String,
    branch: String,
    pub(crate) inputs: BTreeMap<String, String>,
    actor: String,
    environment: Option<String>,
    uses: Vec<String>,
    pub(crate) created: Timestamp,
    updated: Timestamp,
    started: Option<Timestamp>,
    approved: bool,
    pub(crate) status: Status,
    /// What the job has in its hands; complete once the job has started.
    pub(crate) secrets: BTreeMap<String, String>,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Queued,
    Waiting,
    InProgress,
    Completed { success: bool },
    Cancelled,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::InProgress => "in_progress",
            Self::Completed { .. } | Self::Cancelled => "completed",
        }
    }

    pub(crate) fn conclusion(self) -> Option<&'static str> {
        match self {
            Self::Completed { success: true } => Some("success"),
            Self::Completed { success: false } => Some("failure"),
            Self::Cancelled => Some("cancelled"),
            Self::Queued | Self::Waiting | Self::InProgress => None,
        }
    }
}

impl Run {
    #[expect(clippy::too_many_arguments, reason = "every argument is one fact about the run")]
    pub(crate) fn queued(
        id: u64,
        number: u64,
        workflow: &Workflow,
        branch: &str,
        inputs: BTreeMap<String, String>,
        actor: &str,
        secrets: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            number,
            workflow: workflow.name.clone(),
            workflow_id: workflow.id,
            file: workflow.file.clone(),
            branch: branch.to_owned(),
            inputs,
            actor: actor.to_owned(),
            environment: workflow.environment.clone(),
            uses: workflow.uses.clone(),
            created: now,
            updated: now,
            started: None,
            approved: false,
            status: Status::Queued,
            secrets,
        }
    }
}

/// Whether a token in a run's hands is honoured: name, value, when.
pub(crate) type Works<'a> = &'a dyn Fn(&str, &str, Timestamp) -> bool;

impl Github {
    /// Moves every run on that is due.
    pub(crate) fn settle(&mut self, now: Timestamp, knobs: &GithubKnobs, works: Works<'_>) {
        for index in 0..self.runs.len() {
            while self.step(index, now, knobs, works) {}
        }
    }

    /// Lets waiting runs go on.
    pub(crate) fn approve_waiting(&mut self, now: Timestamp) {
        for run in self.runs.iter_mut().filter(|run| run.status == Status::Waiting) {
            run.approved = true;
            run.status = Status::Queued;
            run.created = run.created.min(now);
        }
    }

    /// One transition of one run; false when nothing is due.
    fn step(
        &mut self,
        index: usize,
        now: Timestamp,
        knobs: &GithubKnobs,
        works: Works<'_>,
    ) -> bool {
        let environment = self.runs[index].environment.clone();
        let (queue, duration) = (self.run_queue, self.run_duration);
        match self.runs[index].status {
            Status::Queued => {
                let run = &mut self.runs[index];
                let due = later(run.created, queue);
                if now < due {
                    return false;
                }
                // A run that waited for its approval starts when somebody looks.
                let at = if run.approved { now } else { due };
                run.updated = at;
                if environment.is_some() && knobs.environments_wait && !run.approved {
                    run.status = Status::Waiting;
                    return true;
                }
                run.status = Status::InProgress;
                run.started = Some(at);
                if let Some(name) = environment {
                    // Environment secrets are read only now, and shadow the others.
                    let more = self.visible(&SecretScope::Environment(name));
                    let run = &mut self.runs[index];
                    run.secrets.extend(more);
                    let uses = run.uses.clone();
                    run.secrets.retain(|name, _| uses.contains(name));
                }
                true
            }
            Status::InProgress => {
                let run = &mut self.runs[index];
                let due = later(run.started.unwrap_or(run.created), duration);
                if now < due {
                    return false;
                }
                let complete = run.uses.iter().all(|name| run.secrets.contains_key(name));
                let honoured = run.secrets.iter().all(|(name, value)| works(name, value, due));
                let success = complete && (honoured || !knobs.runs_use_tokens);
                run.status = Status::Completed { success };
                run.updated = due;
                true
            }
            Status::Waiting | Status::Completed { .. } | Status::Cancelled => false,
        }
    }
}

/// `/actions/runs` and what is below it; `rest` is the path after that word.
pub(crate) fn api(
    github: &mut Github,
    knobs: &GithubKnobs,
    rest: &[&str],
    ask: &Ask<'_>,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let method = ask.call.method.as_str();
    let [id, rest @ ..] = rest else {
        return Ok(list(github, knobs, None, ask, turn.now));
    };
    let index =
        github.runs.iter().position(|run| run.id.to_string() == *id).ok_or_else(not_found)?;
    match (method, rest) {
        ("GET", [] | ["attempts", "1"]) => {
            Ok(Reply::json(200, &object(github, &github.runs[index], ask)))
        }
        ("GET", ["jobs"] | ["attempts", "1", "jobs"]) => {
            let jobs = [job(github, &github.runs[index], ask)];
            Ok(Reply::json(200, &json!({ "total_count": 1, "jobs": jobs })))
        }
        ("GET", ["artifacts"]) => {
            Ok(Reply::json(200, &json!({ "total_count": 0, "artifacts": [] })))
        }
        ("POST", ["cancel"]) => {
            let run = &mut github.runs[index];
            if run.status.conclusion().is_some() {
                return Err(error(409, "Cannot cancel a workflow run that is completed."));
            }
            run.status = Status::Cancelled;
            run.updated = turn.now;
            turn.effect();
            Ok(Reply::json(202, &json!({})))
        }
        _ => Err(not_found()),
    }
}

/// Newest first, filtered as the query says.
pub(crate) fn list(
    github: &Github,
    knobs: &GithubKnobs,
    workflow: Option<u64>,
    ask: &Ask<'_>,
    now: Timestamp,
) -> Reply {
    let query = |name: &str| ask.call.query(name).filter(|text| !text.is_empty());
    let fits = |run: &&Run| {
        let status = query("status").is_none_or(|wanted| {
            run.status.name() == wanted || run.status.conclusion() == Some(wanted)
        });
        status
            && later(run.created, knobs.run_appears_after) <= now
            && workflow.is_none_or(|wanted| run.workflow_id == wanted)
            && query("event").is_none_or(|wanted| wanted == "workflow_dispatch")
            && query("branch").is_none_or(|wanted| run.branch == wanted)
            && query("actor").is_none_or(|wanted| run.actor == wanted)
            && query("created").is_none_or(|wanted| created_fits(run.created, wanted))
    };
    let all: Vec<_> =
        github.runs.iter().rev().filter(fits).map(|run| object(github, run, ask)).collect();
    paged(ask, &all, |page| json!({ "total_count": all.len(), "workflow_runs": page }))
}

/// `>=2026-01-31T12:00:00Z`, `2026-01-01..2026-01-31`, `*..T` and so on. Seconds count, as in the answers.
fn created_fits(created: Timestamp, wanted: &str) -> bool {
    let created = created.as_second();
    let at = |text: &str| instant(text).map(|(second, _)| second);
    let end = |text: &str| instant(text).map(|(_, last)| last);
    if let Some((from, to)) = wanted.split_once("..") {
        let after = from == "*" || at(from).is_some_and(|from| created >= from);
        let before = to == "*" || end(to).is_some_and(|to| created <= to);
        return after && before;
    }
    if let Some(text) = wanted.strip_prefix(">=") {
        at(text).is_some_and(|from| created >= from)
    } else if let Some(text) = wanted.strip_prefix("<=") {
        end(text).is_some_and(|to| created <= to)
    } else if let Some(text) = wanted.strip_prefix('>') {
        end(text).is_some_and(|from| created > from)
    } else if let Some(text) = wanted.strip_prefix('<') {
        at(text).is_some_and(|to| created < to)
    } else {
        instant(wanted).is_some_and(|(first, last)| (first..=last).contains(&created))
    }
}

/// The first and the last second of an instant or a day.
fn instant(text: &str) -> Option<(i64, i64)> {
    // A plus sign that was not encoded arrives as a space.
    let text = text.replace(' ', "+");
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some((at.as_second(), at.as_second()));
    }
    let day: Date = text.parse().ok()?;
    let start = day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Some((start, start + 86_399))
}

pub(crate) fn api_url(github: &Github, ask: &Ask<'_>, id: u64) -> String {
    format!("{}/repos/{}/{}/actions/runs/{id}", ask.base, github.owner, github.repo)
}

pub(crate) fn html_url(github: &Github, id: u64) -> String {
    format!("https://github.com/{}/{}/actions/runs/{id}", github.owner, github.repo)
}

fn object(github: &Github, run: &Run, ask: &Ask<'_>) -> Value {
    let url = api_url(github, ask, run.id);
    let actor = json!({ "login": run.actor, "id": 700_100, "type": "User" });
    json!({
        "id": run.id,
        "name": run.workflow,
        "node_id": format!("WFR_{}", run.id),
        "head_branch": run.branch,
        "head_sha": HEAD_SHA,
        "path": format!(".github/workflows/{}", run.file),
        "display_title": run.inputs.get("title").unwrap_or(&run.workflow),
        "run_number": run.number,
        "run_attempt": 1,
        "event": "workflow_dispatch",
        "status": run.status.name(),
        "conclusion": run.status.conclusion(),
        "workflow_id": run.workflow_id,
        "check_suite_id": run.id + 1,
        "url": url,
        "html_url": html_url(github, run.id),
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "cancel_url": format!("{url}/cancel"),
        "workflow_url": format!("{}/repos/{}/{}/actions/workflows/{}", ask.base, github.owner, github.repo, run.workflow_id),
        "pull_requests": [],
        "created_at": seconds(run.created),
        "updated_at": seconds(run.updated),
        "run_started_at": seconds(run.created),
        "actor": actor,
        "triggering_actor": actor,
        "head_commit": { "id": HEAD_SHA, "message": "Deploy", "timestamp": seconds(github.created) },
        "head_repository": { "id": REPO_ID, "name": github.repo, "owner": { "login": github.owner } },
        "repository": { "id": REPO_ID, "name": github.repo, "full_name": format!("{}/{}", github.owner, github.repo), "owner": { "login": github.owner } },
    })
}

fn job(github: &Github, run: &Run, ask: &Ask<'_>) -> Value {
    let done = run.status.conclusion().is_some();
    let ended = done.then(|| seconds(run.updated));
    let started = seconds(run.started.unwrap_or(run.created));
    json!({
        "id": run.id + 10,
        "run_id": run.id,
        "run_url": api_url(github, ask, run.id),
        "run_attempt": 1,
        "node_id": format!("J_{}", run.id),
        "head_sha": HEAD_SHA,
        "head_branch": run.branch,
        "url": format!("{}/repos/{}/{}/actions/jobs/{}", ask.base, github.owner, github.repo, run.id + 10),
        "html_url": format!("{}/job/{}", html_url(github, run.id), run.id + 10),
        "status": run.status.name(),
        "conclusion": run.status.conclusion(),
        "created_at": seconds(run.created),
        "started_at": started,
        "completed_at": ended,
        "name": "deploy",
        "workflow_name": run.workflow,
        "steps": [{
            "name": "Use the tokens",
            "status": run.status.name(),
            "conclusion": run.status.conclusion(),
            "number": 1,
            "started_at": started,
            "completed_at": ended,
        }],
        "check_run_url": format!("{}/repos/{}/{}/check-runs/{}", ask.base, github.owner, github.repo, run.id + 10),
        "labels": ["ubuntu-latest"],
        "runner_name": "lab",
    })
}

const HEAD_SHA: &str = "0123456789abcdef0123456789abcdef01234567";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_filters_compare_seconds_and_days() {
        let at: Timestamp = "2026-01-31T12:00:00.5Z".parse().expect("a time");
        for yes in [
            ">=2026-01-31T12:00:00Z",
            "2026-01-31",
            ">2026-01-30",
            "<=2026-01-31",
            "*..2026-01-31",
            "2026-01-31T12:00:00Z..*",
            ">=2026-01-31T13:00:00 01:00",
        ] {
            assert!(created_fits(at, yes), "{yes}");
        }
        for no in [">2026-01-31", "<2026-01-31", "2026-01-30", "nonsense"] {
            assert!(!created_fits(at, no), "{no}");
        }
    }
}
