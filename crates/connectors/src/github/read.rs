//! What GitHub's answers say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use std::time::Duration;

use super::Alert;
use crate::Fault;
use crate::hidden::Hidden;
use crate::http::{Answer, Said};
use crate::shown::shown;

/// How long a secondary rate limit lasts where no header says so, as GitHub's documentation asks.
const SECONDARY_LIMIT_SECONDS: u64 = 60;

#[derive(Deserialize)]
struct Envelope {
    message: String,
}

fn said(answer: &Answer) -> Option<Said> {
    let Envelope { message } = answer.json()?;
    Some(Said { code: String::new(), message })
}

/// An answer that is no success of its call. A secondary rate limit may come as a bare 403.
fn failure(answer: &Answer) -> Fault {
    let said = said(answer);
    let limited = |said: &Said| said.message.to_ascii_lowercase().contains("rate limit");
    match answer.failure(said.as_ref()) {
        Fault::Refused { why, .. }
            if answer.status == 403 && said.as_ref().is_some_and(limited) =>
        {
            answer.later(why, Some(Duration::from_secs(SECONDARY_LIMIT_SECONDS)))
        }
        fault => fault,
    }
}

fn success<T: DeserializeOwned>(answer: &Answer, what: &str) -> Result<T, Fault> {
    match answer.status {
        200 => answer.json().ok_or_else(|| answer.nonsense(what)),
        _ => Err(failure(answer)),
    }
}

/// The public key of a place.
pub(super) struct PublicKey {
    pub(super) key_id: String,
    pub(super) key: [u8; 32],
}

/// `GET .../secrets/public-key`.
pub(super) fn public_key(answer: &Answer) -> Result<PublicKey, Fault> {
    #[derive(Deserialize)]
    struct Raw {
        key_id: String,
        key: String,
    }
    let raw: Raw = success(answer, "a public key")?;
    let key = STANDARD.decode(raw.key).ok().and_then(|bytes| bytes.try_into().ok());
    let key = key.ok_or_else(|| answer.nonsense("a public key of 32 bytes"))?;
    Ok(PublicKey { key_id: raw.key_id, key })
}

/// `GET .../secret-scanning/alerts`: those of which nothing is left out.
pub(super) fn alerts(answer: &Answer) -> Result<Vec<Alert>, Fault> {
    #[derive(Deserialize)]
    struct Raw {
        number: u64,
        secret_type: String,
        #[serde(default)]
        secret: Option<Hidden>,
    }
    let raw: Vec<Raw> = success(answer, "alerts")?;
    let alert = |Raw { number, secret_type, secret }| {
        let secret = secret.map(|Hidden(token)| token);
        Alert { number, kind: shown(&secret_type), secret }
    };
    Ok(raw.into_iter().map(alert).collect())
}

/// `PATCH .../secret-scanning/alerts/{number}`: 200 with the alert as it is now.
pub(super) fn resolved(answer: &Answer) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Raw {
        state: String,
    }
    let raw: Raw = success(answer, "an alert")?;
    if raw.state == "resolved" { Ok(()) } else { Err(answer.nonsense("a resolved alert")) }
}

/// What GitHub tells of a secret.
#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) updated_at: Timestamp,
    /// `all`, `private` or `selected`; of an organisation's secret only.
    pub(super) visibility: Option<String>,
}

/// `GET .../secrets/{name}`; `None` where GitHub says that there is none.
pub(super) fn metadata(answer: &Answer) -> Result<Option<Metadata>, Fault> {
    match (answer.status, said(answer)) {
        (404, Some(_)) => Ok(None),
        _ => success(answer, "a secret's times").map(Some),
    }
}

/// `PUT .../secrets/{name}`: 201 created, 204 updated. A 422 about the `key_id` means that the
/// public key changed since it was read; the next write reads it anew.
pub(super) fn put(answer: &Answer) -> Result<(), Fault> {
    match (answer.status, said(answer)) {
        (201 | 204, _) => Ok(()),
        (422, Some(said)) if said.message.contains("key_id") => {
            Err(answer.later("422 the public key has changed", None))
        }
        _ => Err(failure(answer)),
    }
}

/// `DELETE .../secrets/{name}`: 204, or 404 where there is none. The time is that of the answer.
pub(super) fn deleted(answer: &Answer) -> Result<Option<Timestamp>, Fault> {
    match (answer.status, said(answer)) {
        (204, _) | (404, Some(_)) => {
            let date = answer.header("date").and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
            Ok(date.map(|date| date.timestamp()))
        }
        _ => Err(failure(answer)),
    }
}

/// Of `GET .../secrets/{name}/repositories`: how many there are, and the ids of this page.
pub(super) fn repositories(answer: &Answer) -> Result<(usize, Vec<u64>), Fault> {
    #[derive(Deserialize)]
    struct Repository {
        id: u64,
    }
    #[derive(Deserialize)]
    struct Page {
        total_count: usize,
        repositories: Vec<Repository>,
    }
    let page: Page = success(answer, "a list of repositories")?;
    Ok((page.total_count, page.repositories.into_iter().map(|it| it.id).collect()))
}

/// Workflow runs of one status.
pub(super) struct Runs {
    /// How many there are altogether.
    pub(super) total: usize,
    /// When those of this page were created.
    pub(super) created: Vec<Timestamp>,
}

/// `GET /repos/{owner}/{name}/actions/runs`.
pub(super) fn runs(answer: &Answer) -> Result<Runs, Fault> {
    #[derive(Deserialize)]
    struct Run {
        created_at: Timestamp,
    }
    #[derive(Deserialize)]
    struct Page {
        total_count: usize,
        workflow_runs: Vec<Run>,
    }
    let page: Page = success(answer, "a list of runs")?;
    let created = page.workflow_runs.into_iter().map(|run| run.created_at).collect();
    Ok(Runs { total: page.total_count, created })
}

/// `POST .../workflows/{workflow}/dispatches`: the run's id, where the answer names it.
pub(super) fn dispatched(answer: &Answer) -> Result<Option<u64>, Fault> {
    #[derive(Deserialize)]
    struct Raw {
        workflow_run_id: u64,
    }
    if answer.status == 204 {
        return Ok(None);
    }
    success(answer, "a run's id").map(|raw: Raw| Some(raw.workflow_run_id))
}

/// A run that was dispatched, with the title that it has in lists.
pub(super) struct Started {
    pub(super) id: u64,
    pub(super) title: String,
}

/// `GET .../workflows/{workflow}/runs`, newest first.
pub(super) fn started(answer: &Answer) -> Result<Vec<Started>, Fault> {
    #[derive(Deserialize)]
    struct Run {
        id: u64,
        #[serde(default)]
        display_title: Option<String>,
        #[serde(default)]
        name: Option<String>,
    }
    #[derive(Deserialize)]
    struct Page {
        workflow_runs: Vec<Run>,
    }
    let page: Page = success(answer, "a list of runs")?;
    let title = |run: Run| {
        let words = [run.display_title, run.name];
        Started { id: run.id, title: words.into_iter().flatten().collect::<Vec<_>>().join(" ") }
    };
    Ok(page.workflow_runs.into_iter().map(title).collect())
}

/// How far a run is.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// It has not ended; in GitHub's word.
    Going(String),
    /// It has ended; in GitHub's word.
    Ended(String),
}

/// `GET /repos/{owner}/{name}/actions/runs/{id}`.
pub(super) fn progress(answer: &Answer) -> Result<Progress, Fault> {
    #[derive(Deserialize)]
    struct Raw {
        status: String,
        conclusion: Option<String>,
    }
    let raw: Raw = success(answer, "a run")?;
    match (raw.status.as_str(), raw.conclusion) {
        ("completed", Some(how)) => Ok(Progress::Ended(shown(&how))),
        ("completed", None) => Err(answer.nonsense("a conclusion")),
        (status, _) => Ok(Progress::Going(shown(status))),
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// `GET /repos/{owner}/{name}/environments`. A repository without environments, and a login
/// that may not see them, are answered alike (404); both count as none.
pub(super) fn environments(answer: &Answer) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct Page {
        environments: Vec<Named>,
    }
    optional(answer, |page: Page| page.environments)
}

/// `GET .../environments/{environment}/secrets`.
pub(super) fn secret_names(answer: &Answer) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct Page {
        secrets: Vec<Named>,
    }
    optional(answer, |page: Page| page.secrets)
}

fn optional<T: DeserializeOwned>(
    answer: &Answer,
    names: impl Fn(T) -> Vec<Named>,
) -> Result<Vec<String>, Fault> {
    match success(answer, "a list of names") {
        Ok(page) => Ok(names(page).into_iter().map(|named| named.name).collect()),
        Err(Fault::Refused { .. }) if matches!(answer.status, 403 | 404) => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}
