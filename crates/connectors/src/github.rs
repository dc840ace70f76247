//! Secrets of GitHub Actions and Dependabot as places that hold a token.
//!
//! A secret is written as a libsodium sealed box for the public key of its place and can never
//! be read back; only its `updated_at` shows. A workflow run reads the repository's and the
//! organisation's secrets when it is queued, an environment's when its job starts, so runs from
//! before a write still carry the value before. An environment's secret shadows the
//! repository's of the same name, and the organisation's. A 404 may mean "not allowed"; a 403
//! may be a rate limit. Names are kept in upper case.
//!
//! <https://docs.github.com/en/rest/actions/secrets>,
//! <https://docs.github.com/en/rest/dependabot/secrets>,
//! <https://docs.github.com/en/actions/reference/security/secrets>,
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>

mod alerts;
pub(crate) mod manual;
mod read;
mod sealed_box;
#[cfg(test)]
mod tests;
pub(crate) mod workflow;

pub use alerts::{Alert, Alerts};

use std::sync::Arc;

use async_trait::async_trait;
use domain::Token;
use domain::drift::Wrote;
use domain::inventory::GithubScope;
use futures_util::future::{try_join, try_join_all, try_join3};
use jiff::Timestamp;
use reqwest::Method;
use serde::Serialize;

use self::read::{Metadata, PublicKey, Runs};
use crate::http::{Answer, Http, Request};
use crate::shown::shown;
use crate::{Adoption, Consumer, Fault, Held, Login, Receipt, Running};

/// The version of the API that is spoken.
const API_VERSION: &str = "2022-11-28";

/// Runs in these states have read the secrets, or may have, and have not ended.
const UNFINISHED: [&str; 5] = ["queued", "in_progress", "waiting", "pending", "requested"];

/// How many entries a page of a list holds at most.
const PAGE_SIZE: usize = 100;

/// How many pages of an organisation secret's repositories are read at most.
const PAGES_MAX: usize = 50;

const RECEIPT: &str = "updated ";
const REMOVED: &str = "removed ";
const REMOVED_UNKNOWN: &str = "removed at an unknown time";
const RECEIPT_UNKNOWN: &str = "updated at an unknown time";

/// One secret, under all of its names, in one of GitHub's places.
pub(crate) struct GithubSecret {
    http: Arc<Http>,
    login: Login,
    scope: GithubScope,
    names: Vec<String>,
    known_environments: Vec<String>,
}

impl GithubSecret {
    /// `names` are the secret's names there. `known_environments` are the environments of the
    /// same repository that the inventory names for these names; only others shadow it unseen.
    pub(crate) fn new(
        http: Arc<Http>,
        login: Login,
        scope: GithubScope,
        names: &[String],
        known_environments: Vec<String>,
    ) -> Self {
        let names = names.iter().map(|name| name.to_ascii_uppercase()).collect();
        Self { http, login, scope, names, known_environments }
    }

    /// The path of the place's secrets.
    fn place(&self) -> Vec<&str> {
        match &self.scope {
            GithubScope::Repository(name) => repository(name, &["actions", "secrets"]),
            GithubScope::Environment(name, environment) => {
                repository(name, &["environments", environment, "secrets"])
            }
            GithubScope::Organisation(name) => vec!["orgs", name, "actions", "secrets"],
            GithubScope::Dependabot(name) => repository(name, &["dependabot", "secrets"]),
        }
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut path = self.place();
        path.extend_from_slice(rest);
        path
    }

    async fn send(&self, request: Request) -> Result<Answer, Fault> {
        send(&self.http, &self.login, request).await
    }

    async fn public_key(&self) -> Result<PublicKey, Fault> {
        read::public_key(&self.send(Request::get(&self.path(&["public-key"]))).await?)
    }

    /// What GitHub tells of each name; `None` where there is no such secret.
    async fn metadata(&self) -> Result<Vec<Option<Metadata>>, Fault> {
        try_join_all(
            self.names.iter().map(async |name| {
                read::metadata(&self.send(Request::get(&self.path(&[name]))).await?)
            }),
        )
        .await
    }

    /// Who may use each name. Only an organisation's secret says so, and a write must repeat it.
    async fn reaches(&self) -> Result<Vec<Option<Reach>>, Fault> {
        if !matches!(self.scope, GithubScope::Organisation(_)) {
            return Ok(self.names.iter().map(|_| None).collect());
        }
        let metadata = self.metadata().await?;
        try_join_all(self.names.iter().zip(metadata).map(async |(name, found)| {
            let visibility = found.and_then(|found| found.visibility);
            let visibility = visibility.unwrap_or_else(|| "private".to_owned());
            let selected = match visibility.as_str() {
                "selected" => Some(self.selected(name).await?),
                _ => None,
            };
            Ok(Some(Reach { visibility, selected }))
        }))
        .await
    }

    async fn selected(&self, name: &str) -> Result<Vec<u64>, Fault> {
        let path = self.path(&[name, "repositories"]);
        let mut ids = Vec::new();
        for page in 1..=PAGES_MAX {
            let request = Request::get(&path)
                .query("per_page", &PAGE_SIZE.to_string())
                .query("page", &page.to_string());
            let (total, more) = read::repositories(&self.send(request).await?)?;
            let is_last = more.is_empty();
            ids.extend(more);
            if ids.len() >= total {
                return Ok(ids);
            }
            if is_last {
                break;
            }
        }
        Err(self.http.refusal("reading its repositories", "the list never ends"))
    }

    async fn put(
        &self,
        name: &str,
        key: &PublicKey,
        reach: Option<&Reach>,
        token: &Token,
    ) -> Result<(), Fault> {
        let Some(encrypted_value) = sealed_box::seal(&key.key, token) else {
            return Err(self.http.refusal("PUT of a secret", "GitHub's public key is unusable"));
        };
        let body = Put {
            encrypted_value,
            key_id: &key.key_id,
            visibility: reach.map(|reach| reach.visibility.as_str()),
            selected_repository_ids: reach.and_then(|reach| reach.selected.as_deref()),
        };
        let request = Request::change(Method::PUT, &self.path(&[name])).json(&body);
        read::put(&self.send(request).await?)
    }

    /// One removal; when GitHub says that it was, by its own clock. One that is not there is
    /// removed already.
    async fn delete(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        let answer = self.send(Request::change(Method::DELETE, &self.path(&[name]))).await?;
        read::deleted(&answer)
    }

    /// The unfinished runs, or none to look at for an organisation.
    async fn runs(&self) -> Result<Vec<Runs>, Fault> {
        let name = match &self.scope {
            GithubScope::Repository(name)
            | GithubScope::Environment(name, _)
            | GithubScope::Dependabot(name) => name,
            GithubScope::Organisation(_) => return Ok(Vec::new()),
        };
        let path = repository(name, &["actions", "runs"]);
        try_join_all(UNFINISHED.iter().map(async |status| {
            let request = Request::get(&path)
                .query("status", status)
                .query("per_page", &PAGE_SIZE.to_string());
            read::runs(&self.send(request).await?)
        }))
        .await
    }

    /// An environment, unknown to the inventory, that has a secret of one of our names.
    async fn shadow(&self) -> Result<Option<(String, String)>, Fault> {
        let GithubScope::Repository(repository_name) = &self.scope else {
            return Ok(None);
        };
        let path = repository(repository_name, &["environments"]);
        let request = Request::get(&path).query("per_page", &PAGE_SIZE.to_string());
        let environments = read::environments(&self.send(request).await?)?;
        let unknown = environments.iter().filter(|name| !self.known_environments.contains(name));
        let found = try_join_all(unknown.map(async |environment| {
            let path = repository(repository_name, &["environments", environment, "secrets"]);
            let request = Request::get(&path).query("per_page", &PAGE_SIZE.to_string());
            let names = read::secret_names(&self.send(request).await?)?;
            let name = self.names.iter().find(|name| names.contains(name));
            Ok::<_, Fault>(name.map(|name| (environment.clone(), name.clone())))
        }))
        .await?;
        Ok(found.into_iter().flatten().next())
    }
}

#[async_trait]
impl Consumer for GithubSecret {
    async fn look(&self) -> Result<Held, Fault> {
        // The key proves that the place exists and may be used; then a 404 on the secret is true.
        let (_, metadata, shadow) =
            try_join3(self.public_key(), self.metadata(), self.shadow()).await?;
        if let Some((environment, name)) = shadow {
            return Ok(Held::Shadowed(format!(
                "environment `{}` has its own {name}, which shadows it; add it as a consumer",
                shown(&environment)
            )));
        }
        Ok(Held::Unreadable(oldest(&metadata)))
    }

    async fn write(&self, token: &Token) -> Result<Receipt, Fault> {
        let (key, reaches) =
            try_join(self.public_key(), self.reaches()).await.map_err(Fault::before_change)?;
        for (done, (name, reach)) in self.names.iter().zip(&reaches).enumerate() {
            let put = self.put(name, &key, reach.as_ref(), token).await;
            put.map_err(|fault| if done == 0 { fault } else { partly(fault) })?;
        }
        let written = self.metadata().await.ok();
        Ok(receipt(written.and_then(|metadata| Some((oldest(&metadata)?, newest(&metadata)?)))))
    }

    async fn adopted(&self, _token: &Token, receipt: Option<&str>) -> Result<Adoption, Fault> {
        let (metadata, runs) = try_join(self.metadata(), self.runs()).await?;
        Ok(held_by_nothing_older(&self.names, &metadata, &runs, receipt))
    }

    async fn remove(&self) -> Result<Receipt, Fault> {
        // The key proves that the place exists; then a 404 says that the secret is not there.
        let (_, found) =
            try_join(self.public_key(), self.metadata()).await.map_err(Fault::before_change)?;
        let there: Vec<&String> = self
            .names
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_some())
            .map(|(name, _)| name)
            .collect();
        let mut last = None;
        for (done, name) in there.iter().enumerate() {
            let deleted = self.delete(name).await;
            let at = deleted.map_err(|fault| if done == 0 { fault } else { partly(fault) })?;
            last = last.max(at);
        }
        Ok(Receipt(match last {
            Some(at) => format!("{REMOVED}{at}"),
            None => REMOVED_UNKNOWN.to_owned(),
        }))
    }

    async fn absent(&self, receipt: Option<&str>) -> Result<Adoption, Fault> {
        let (_, metadata, runs) =
            try_join3(self.public_key(), self.metadata(), self.runs()).await?;
        Ok(gone_with_nothing_older(&self.names, &metadata, &runs, receipt))
    }

    async fn shadowed(&self) -> Result<Option<String>, Fault> {
        let found = self.shadow().await?;
        Ok(found.map(|(environment, name)| {
            format!("environment `{}` has its own {name}, which is read first", shown(&environment))
        }))
    }

    async fn lagging(&self) -> Result<Option<String>, Fault> {
        let (metadata, runs) = try_join(self.metadata(), self.runs()).await?;
        let Some(last) = newest(&metadata) else { return Ok(None) };
        let older = runs.iter().flat_map(|page| &page.created).filter(|at| **at <= last).count();
        let runs = if older == 1 { "run" } else { "runs" };
        Ok((older > 0).then(|| format!("{older} {runs} from before the write have not ended")))
    }

    async fn running(&self, receipt: Option<&str>) -> Result<Running, Fault> {
        let metadata = self.metadata().await?;
        Ok(Running { wrote: wrote(&metadata, receipt), ..Running::default() })
    }

    fn reads_back(&self) -> bool {
        false
    }

    fn restarts(&self) -> bool {
        false
    }
}

/// Who may use an organisation's secret.
struct Reach {
    visibility: String,
    selected: Option<Vec<u64>>,
}

#[derive(Serialize)]
struct Put<'a> {
    encrypted_value: String,
    key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selected_repository_ids: Option<&'a [u64]>,
}

/// Sends a request with the connection's login.
async fn send(http: &Http, login: &Login, request: Request) -> Result<Answer, Fault> {
    let Some(token) = login.get() else {
        return Err(http.refusal("a call", "the connection has no login yet"));
    };
    let request = request
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", API_VERSION)
        .token("authorization", "Bearer ", &token);
    http.send(request).await
}

/// `owner/name` and what follows, as segments.
fn repository<'a>(name: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    std::iter::once("repos").chain(name.split('/')).chain(rest.iter().copied()).collect()
}

/// The oldest time of update; `None` where one of the secrets does not exist.
fn oldest(metadata: &[Option<Metadata>]) -> Option<Timestamp> {
    let times: Option<Vec<Timestamp>> =
        metadata.iter().map(|found| found.as_ref().map(|found| found.updated_at)).collect();
    times?.into_iter().min()
}

/// The newest time of update.
fn newest(metadata: &[Option<Metadata>]) -> Option<Timestamp> {
    metadata.iter().flatten().map(|found| found.updated_at).max()
}

/// A later one of several writes failed, so something has happened whatever the fault says.
fn partly(fault: Fault) -> Fault {
    match fault {
        Fault::Refused { vendor, call, why } | Fault::Later { vendor, call, why, .. } => {
            Fault::Unsure { vendor, call, why: format!("{why}; other names were written before") }
        }
        unsure => unsure,
    }
}

/// The first and the last second of our writes; one, where all names were written within it.
fn receipt(written: Option<(Timestamp, Timestamp)>) -> Receipt {
    Receipt(match written {
        None => RECEIPT_UNKNOWN.to_owned(),
        Some((first, last)) if first == last => format!("{RECEIPT}{first}"),
        Some((first, last)) => format!("{RECEIPT}{first} to {last}"),
    })
}

fn times_of(receipt: &str) -> Option<(Timestamp, Timestamp)> {
    let times = receipt.strip_prefix(RECEIPT)?;
    let (first, last) = times.split_once(" to ").unwrap_or((times, times));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// Whose the last write was. Times have a resolution of one second, so a write of somebody else
/// within the second of ours is not told from it.
fn wrote(metadata: &[Option<Metadata>], receipt: Option<&str>) -> Wrote {
    let Some((first, last)) = receipt.and_then(times_of) else { return Wrote::NotKnown };
    match (oldest(metadata), newest(metadata)) {
        (_, Some(newest)) if newest > last => Wrote::Somebody(newest),
        (Some(oldest), Some(_)) if oldest < first => Wrote::Before(oldest),
        (Some(_), Some(newest)) => Wrote::Ours(newest),
        _ => Wrote::NotKnown,
    }
}

/// Whether the write is visible and every run that may carry the value before has ended. Times
/// have a resolution of one second, so a run of the same second counts as older. Without a
/// receipt nothing tells our value from the one before, so the answer is never yes.
fn held_by_nothing_older(
    names: &[String],
    metadata: &[Option<Metadata>],
    runs: &[Runs],
    receipt: Option<&str>,
) -> Adoption {
    if let Some((name, _)) = names.iter().zip(metadata).find(|(_, found)| found.is_none()) {
        return Adoption::Differs(format!("there is no `{name}`"));
    }
    let times = || metadata.iter().flatten().map(|found| found.updated_at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Adoption::Differs("there is no name to look at".to_owned());
    };
    let Some(receipt) = receipt else {
        return Adoption::NotYet("no write of it is known, and it cannot be read back".to_owned());
    };
    if let Some((written_first, written_last)) = times_of(receipt) {
        if first < written_first {
            return Adoption::NotYet(format!("last updated {first}, before the write"));
        }
        if last > written_last {
            return Adoption::Differs(format!("written by somebody else at {last}"));
        }
    }
    nothing_older(runs, Some(last), &format!("written {last}"))
}

/// Whether none of the secrets is there and every run that may have read one has ended. Where
/// nobody knows when they were removed, each run that has not ended may have.
fn gone_with_nothing_older(
    names: &[String],
    metadata: &[Option<Metadata>],
    runs: &[Runs],
    receipt: Option<&str>,
) -> Adoption {
    if let Some((name, _)) = names.iter().zip(metadata).find(|(_, found)| found.is_some()) {
        return Adoption::Differs(format!("`{name}` is there"));
    }
    let at: Option<Timestamp> =
        receipt.and_then(|receipt| receipt.strip_prefix(REMOVED)?.parse().ok());
    let words = at.map_or_else(|| "not there".to_owned(), |at| format!("removed {at}"));
    nothing_older(runs, at, &words)
}

/// Whether no run that is at least as old as a moment goes on.
fn nothing_older(runs: &[Runs], than: Option<Timestamp>, words: &str) -> Adoption {
    if runs.iter().any(|page| page.total > page.created.len()) {
        return Adoption::NotYet(format!("more than {PAGE_SIZE} runs have not ended"));
    }
    if runs.is_empty() {
        return Adoption::ByWrite(format!("{words}; no runs were looked at"));
    }
    let is_older = |at: &&Timestamp| than.is_none_or(|than| **at <= than);
    match runs.iter().flat_map(|page| &page.created).filter(is_older).count() {
        0 => Adoption::ByWrite(format!("{words}, 0 runs older")),
        1 => Adoption::NotYet("1 run still holds the value before".to_owned()),
        older => Adoption::NotYet(format!("{older} runs still hold the value before")),
    }
}
