//! Config vars of a Heroku app as a place that holds a token.
//!
//! Writing any config var makes one release and restarts every dyno once, so all keys are
//! written in one call, and nothing is sent where they hold the value already. A release takes
//! effect when its status is `succeeded`; an app with a release phase is `pending` before. A
//! dyno reads its config vars when it starts, so an app runs on a token once every dyno is `up`
//! on a release that carries it. Every answer of this API holds all secrets of the app; only
//! our own keys are taken out of it.
//!
//! <https://devcenter.heroku.com/articles/config-vars>,
//! <https://devcenter.heroku.com/articles/platform-api-reference#config-vars>,
//! <https://devcenter.heroku.com/articles/platform-api-reference#dyno>

mod running;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Token;
use futures_util::future::{join, join3};
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;

use super::{said, send};
use crate::hidden::{Exposed, wanted};
use crate::http::{Answer, Http, Request};
use crate::shown::shown;
use crate::{Adoption, Consumer, Fault, Held, Login, Receipt, Running};

/// The receipt of a write that changed nothing, where the current release is not known.
const UNCHANGED: &str = "unchanged";
/// The receipt of a write after which the release could not be read.
const RELEASE_UNKNOWN: &str = "release unknown";

/// The newest releases, newest first. Ten, because releases of others may have failed since.
const NEWEST_RELEASES: &str = "version ..; order=desc,max=10";

/// The config vars of one app.
pub(crate) struct HerokuConfig {
    http: Arc<Http>,
    login: Login,
    app: String,
    keys: Vec<String>,
}

impl HerokuConfig {
    /// `keys` are the config vars that hold the token.
    pub(crate) fn new(http: Arc<Http>, login: Login, app: String, keys: Vec<String>) -> Self {
        Self { http, login, app, keys }
    }

    async fn get(&self, what: &str, range: Option<&str>) -> Result<Answer, Fault> {
        self.get_at(&[what], range).await
    }

    async fn get_at(&self, what: &[&str], range: Option<&str>) -> Result<Answer, Fault> {
        let mut request = Request::get(&[&["apps", &self.app], what].concat());
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let call = format!("GET /apps/{}/{}", self.app, what.join("/"));
        send(&self.http, &self.login, &call, request).await
    }

    async fn values(&self) -> Result<Vec<Option<Token>>, Fault> {
        read_config(&self.get("config-vars", None).await?, &self.keys)
    }

    async fn releases(&self) -> Result<Vec<Release>, Fault> {
        read_releases(&self.get("releases", Some(NEWEST_RELEASES)).await?)
    }

    async fn dynos(&self) -> Result<Vec<Dyno>, Fault> {
        read_dynos(&self.get("dynos", None).await?)
    }

    /// The newest release as a receipt. Not knowing it does not undo the write before.
    async fn receipt(&self, otherwise: &str) -> Receipt {
        let newest = self.releases().await.ok();
        let newest = newest.and_then(|releases| releases.first().map(|release| release.version));
        Receipt(newest.map_or_else(|| otherwise.to_owned(), |version| format!("v{version}")))
    }
}

#[async_trait]
impl Consumer for HerokuConfig {
    async fn look(&self) -> Result<Held, Fault> {
        self.values().await.map(Held::Values)
    }

    async fn write(&self, token: &Token) -> Result<Receipt, Fault> {
        let held = self.values().await.map_err(Fault::before_change)?;
        if all_hold(&held, token) {
            return Ok(self.receipt(UNCHANGED).await);
        }
        let body: BTreeMap<&str, Exposed<'_>> =
            self.keys.iter().map(|key| (key.as_str(), Exposed(token))).collect();
        let path = ["apps", &self.app, "config-vars"];
        let request = Request::change(Method::PATCH, &path).json(&body);
        let call = format!("PATCH /apps/{}/config-vars", self.app);
        let answer = send(&self.http, &self.login, &call, request).await?;
        read_write(&answer, &self.keys, token)?;
        Ok(self.receipt(RELEASE_UNKNOWN).await)
    }

    async fn adopted(&self, token: &Token, receipt: Option<&str>) -> Result<Adoption, Fault> {
        let (values, releases, dynos) = join3(self.values(), self.releases(), self.dynos()).await;
        let values = values?;
        if let Some(key) = differing(&self.keys, &values, token) {
            return Ok(Adoption::Differs(format!("`{}` holds another value", shown(key))));
        }
        Ok(runs_on(&releases?, &dynos?, receipt.and_then(release_of)))
    }

    async fn lagging(&self) -> Result<Option<String>, Fault> {
        let (releases, dynos) = join(self.releases(), self.dynos()).await;
        match runs_on(&releases?, &dynos?, None) {
            Adoption::NotYet(what) => Ok(Some(what)),
            _ => Ok(None),
        }
    }

    async fn running(&self, receipt: Option<&str>) -> Result<Running, Fault> {
        self.what_runs(receipt).await
    }

    fn reads_back(&self) -> bool {
        true
    }

    fn restarts(&self) -> bool {
        true
    }
}

fn all_hold(held: &[Option<Token>], token: &Token) -> bool {
    held.iter().all(|value| value.as_ref() == Some(token))
}

fn differing<'a>(keys: &'a [String], held: &[Option<Token>], token: &Token) -> Option<&'a String> {
    keys.iter().zip(held).find(|(_, value)| value.as_ref() != Some(token)).map(|(key, _)| key)
}

/// `v412` as a number.
fn release_of(receipt: &str) -> Option<u64> {
    receipt.strip_prefix('v')?.parse().ok()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pending,
    Succeeded,
    Failed,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Release {
    version: u64,
    status: Status,
    current: Option<bool>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct User {
    email: String,
}

#[derive(Deserialize)]
struct OfRelease {
    version: u64,
}

#[derive(Deserialize)]
struct Dyno {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    state: String,
    release: Option<OfRelease>,
}

impl Dyno {
    /// Started for one command (`run`, the scheduler) or for a release phase; not restarted by
    /// a release, and it ends by itself.
    fn is_one_off(&self) -> bool {
        matches!(self.kind.as_str(), "run" | "release" | "scheduler")
    }

    fn version(&self) -> u64 {
        self.release.as_ref().map_or(0, |release| release.version)
    }
}

/// Whether all that runs, runs on the release that carries the value. `written` is that release;
/// where it is unknown, the newest one is asked for, which is never too early.
fn runs_on(releases: &[Release], dynos: &[Dyno], written: Option<u64>) -> Adoption {
    let Some(newest) = releases.first() else {
        return Adoption::NotYet("the app has no release".to_owned());
    };
    let needed = written.unwrap_or(newest.version);
    let marked = releases.iter().any(|release| release.current.is_some());
    let is_current = |release: &&Release| {
        release.status == Status::Succeeded && (!marked || release.current == Some(true))
    };
    match releases.iter().find(is_current) {
        Some(current) if current.version >= needed => up_on(needed, current.version, dynos),
        _ => Adoption::NotYet(unfinished(releases, needed)),
    }
}

fn unfinished(releases: &[Release], needed: u64) -> String {
    let status = releases.iter().find(|release| release.version == needed).map(|it| it.status);
    match status {
        Some(Status::Failed) => format!("v{needed} failed in its release phase"),
        Some(Status::Pending) => format!("v{needed} is pending"),
        _ => format!("v{needed} is not the current release"),
    }
}

fn up_on(needed: u64, current: u64, dynos: &[Dyno]) -> Adoption {
    let (one_off, serving): (Vec<&Dyno>, Vec<&Dyno>) =
        dynos.iter().partition(|dyno| dyno.is_one_off());
    // Nothing runs in an idle or stopped dyno; when it starts, it starts on the current release.
    let running: Vec<&Dyno> = serving
        .into_iter()
        .filter(|dyno| !matches!(dyno.state.as_str(), "idle" | "down"))
        .collect();
    if let Some(dyno) = running.iter().find(|dyno| dyno.state == "crashed") {
        return Adoption::NotYet(format!("{} crashed", shown(&dyno.name)));
    }
    let is_up = |dyno: &&&Dyno| dyno.state == "up" && dyno.version() >= needed;
    let up = running.iter().filter(is_up).count();
    if up < running.len() {
        return Adoption::NotYet(format!("v{current}, {up} of {} dynos up", running.len()));
    }
    let older = one_off.iter().filter(|dyno| dyno.version() < needed).count();
    let aside = if older == 0 { String::new() } else { format!(", {older} one-off older") };
    match running.len() {
        0 => Adoption::ByFingerprint(format!("v{current}, no dyno runs{aside}")),
        all => Adoption::ByFingerprint(format!("v{current}, {up} of {all} dynos up{aside}")),
    }
}

/// `GET /apps/{app}/config-vars`: our keys only.
fn read_config(answer: &Answer, keys: &[String]) -> Result<Vec<Option<Token>>, Fault> {
    if answer.status != 200 {
        return Err(answer.failure(said(answer).as_ref()));
    }
    wanted(&answer.body, keys).ok_or_else(|| answer.nonsense("config vars"))
}

/// `PATCH /apps/{app}/config-vars`: 200 with the vars as they are now.
fn read_write(answer: &Answer, keys: &[String], token: &Token) -> Result<(), Fault> {
    let held = read_config(answer, keys)?;
    match differing(keys, &held, token) {
        None => Ok(()),
        Some(key) => Err(answer.unsure(format!("200, but `{key}` does not hold what was sent"))),
    }
}

/// `GET /apps/{app}/releases`: newest first, whatever order the answer came in.
fn read_releases(answer: &Answer) -> Result<Vec<Release>, Fault> {
    if !matches!(answer.status, 200 | 206) {
        return Err(answer.failure(said(answer).as_ref()));
    }
    let mut releases: Vec<Release> = answer.json().ok_or_else(|| answer.nonsense("releases"))?;
    releases.sort_by_key(|release| std::cmp::Reverse(release.version));
    Ok(releases)
}

/// `GET /apps/{app}/dynos`.
fn read_dynos(answer: &Answer) -> Result<Vec<Dyno>, Fault> {
    if !matches!(answer.status, 200 | 206) {
        return Err(answer.failure(said(answer).as_ref()));
    }
    answer.json().ok_or_else(|| answer.nonsense("dynos"))
}

#[cfg(test)]
mod tests;
