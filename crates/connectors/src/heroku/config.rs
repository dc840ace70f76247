//! Config vars of a Heroku app as a place that holds a token.
//!
//! Writing any config var makes one release and restarts every dyno once, so all keys are
//! written in one call, those of several secrets too, and nothing is sent where they hold the
//! value already. A release takes
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
use crate::gather::{Gather, Gathering};
use crate::hidden::{Exposed, wanted};
use crate::http::{Answer, Http, Request};
use crate::shown::shown;
use crate::traits::disputed;
use crate::{Adoption, Consumer, Fault, Held, Login, Place, Placed, PlacedWrite, Receipt, Running};

/// The receipt of a write that changed nothing, where the current release is not known.
const UNCHANGED: &str = "unchanged";
/// The receipt of a write after which the release could not be read.
const RELEASE_UNKNOWN: &str = "release unknown";

/// The newest releases, newest first. Ten, because releases of others may have failed since.
const NEWEST_RELEASES: &str = "version ..; order=desc,max=10";

/// One app, as all secrets of the inventory see it that it holds.
pub(crate) struct App {
    http: Arc<Http>,
    login: Login,
    name: String,
    /// The config vars that hold a token of the inventory; no others are taken out of an answer.
    keys: Vec<String>,
    values: Gather<Values>,
    releases: Gather<Vec<Release>>,
    dynos: Gather<Vec<Dyno>>,
}

/// What the config vars hold; those that are not there are missing.
type Values = BTreeMap<String, Token>;

impl App {
    /// `keys` are the config vars of all secrets of the inventory there.
    pub(crate) fn new(
        http: Arc<Http>,
        login: Login,
        name: String,
        keys: Vec<String>,
        gathering: &Gathering,
    ) -> Self {
        let (values, releases) = (Gather::new(gathering), Gather::new(gathering));
        Self { http, login, name, keys, values, releases, dynos: Gather::new(gathering) }
    }

    async fn values(self: &Arc<Self>) -> Result<Arc<Values>, Fault> {
        let app = Arc::clone(self);
        let read = || async move { read_config(&app.get("config-vars", None).await?, &app.keys) };
        self.values.ask(read).await
    }

    async fn releases(self: &Arc<Self>) -> Result<Arc<Vec<Release>>, Fault> {
        let app = Arc::clone(self);
        let read =
            || async move { read_releases(&app.get("releases", Some(NEWEST_RELEASES)).await?) };
        self.releases.ask(read).await
    }

    async fn dynos(self: &Arc<Self>) -> Result<Arc<Vec<Dyno>>, Fault> {
        let app = Arc::clone(self);
        self.dynos.ask(|| async move { read_dynos(&app.get("dynos", None).await?) }).await
    }

    async fn get(&self, what: &str, range: Option<&str>) -> Result<Answer, Fault> {
        self.get_at(&[what], range).await
    }

    async fn get_at(&self, what: &[&str], range: Option<&str>) -> Result<Answer, Fault> {
        let mut request = Request::get(&[&["apps", &self.name], what].concat());
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let call = format!("GET /apps/{}/{}", self.name, what.join("/"));
        send(&self.http, &self.login, &call, request).await
    }

    /// The newest release as a receipt. Not knowing it does not undo the write before.
    async fn receipt(self: &Arc<Self>, otherwise: &str) -> Receipt {
        let newest = self.releases().await.ok();
        let newest = newest.and_then(|releases| releases.first().map(|release| release.version));
        Receipt(newest.map_or_else(|| otherwise.to_owned(), |version| format!("v{version}")))
    }

    /// Sends what differs, in one call; nothing where everything is there already.
    async fn write(self: &Arc<Self>, writes: &[PlacedWrite]) -> Result<Receipt, Fault> {
        let call = format!("PATCH /apps/{}/config-vars", self.name);
        if let Some(key) = disputed(writes) {
            let why = format!("two secrets are to be written as `{}`", shown(key));
            return Err(self.http.refusal(&call, why));
        }
        let held = self.values().await.map_err(Fault::before_change)?;
        let due: Vec<&PlacedWrite> =
            writes.iter().filter(|write| differing(&held, write).is_some()).collect();
        if due.is_empty() {
            return Ok(self.receipt(UNCHANGED).await);
        }
        let body: BTreeMap<&str, Exposed<'_>> = due
            .iter()
            .flat_map(|write| write.keys.iter().map(|key| (key.as_str(), Exposed(&write.token))))
            .collect();
        let request =
            Request::change(Method::PATCH, &["apps", &self.name, "config-vars"]).json(&body);
        let answer = send(&self.http, &self.login, &call, request).await?;
        read_write(&answer, &due)?;
        Ok(self.receipt(RELEASE_UNKNOWN).await)
    }

    /// Takes keys away, in one call: a config var goes by being set to `null`.
    async fn remove(self: &Arc<Self>, keys: &[String]) -> Result<Receipt, Fault> {
        let call = format!("PATCH /apps/{}/config-vars", self.name);
        let held = self.values().await.map_err(Fault::before_change)?;
        let there: BTreeMap<&str, Option<()>> = keys
            .iter()
            .filter(|key| held.contains_key(*key))
            .map(|key| (key.as_str(), None))
            .collect();
        if there.is_empty() {
            return Ok(self.receipt(UNCHANGED).await);
        }
        let request =
            Request::change(Method::PATCH, &["apps", &self.name, "config-vars"]).json(&there);
        let answer = send(&self.http, &self.login, &call, request).await?;
        match read_config(&answer, keys)?.keys().next() {
            None => Ok(self.receipt(RELEASE_UNKNOWN).await),
            Some(key) => Err(answer.unsure(format!("200, but `{}` is still there", shown(key)))),
        }
    }
}

/// A handle on an app that can be handed out as a place.
struct AppPlace(Arc<App>);

#[async_trait]
impl Place for AppPlace {
    async fn write_all(&self, writes: &[PlacedWrite]) -> Result<Receipt, Fault> {
        self.0.write(writes).await
    }
}

/// The config vars of one app that hold one secret's token.
pub(crate) struct HerokuConfig {
    app: Arc<App>,
    keys: Vec<String>,
}

impl HerokuConfig {
    /// `keys` are the config vars that hold the token; the app knows them.
    pub(crate) fn new(app: Arc<App>, keys: Vec<String>) -> Self {
        Self { app, keys }
    }

    /// What is there under our own keys.
    fn ours(&self, values: &Values) -> Vec<Option<Token>> {
        self.keys.iter().map(|key| values.get(key).cloned()).collect()
    }

    fn of(&self, token: &Token) -> PlacedWrite {
        PlacedWrite { keys: self.keys.clone(), token: token.clone() }
    }
}

#[async_trait]
impl Consumer for HerokuConfig {
    async fn look(&self) -> Result<Held, Fault> {
        Ok(Held::Values(self.ours(&*self.app.values().await?)))
    }

    async fn write(&self, token: &Token) -> Result<Receipt, Fault> {
        self.app.write(&[self.of(token)]).await
    }

    async fn adopted(&self, token: &Token, receipt: Option<&str>) -> Result<Adoption, Fault> {
        let app = &self.app;
        let (values, releases, dynos) = join3(app.values(), app.releases(), app.dynos()).await;
        if let Some(key) = differing(&*values?, &self.of(token)) {
            return Ok(Adoption::Differs(format!("`{}` holds another value", shown(key))));
        }
        Ok(runs_on(&releases?, &dynos?, receipt.and_then(release_of)))
    }

    async fn remove(&self) -> Result<Receipt, Fault> {
        self.app.remove(&self.keys).await
    }

    async fn absent(&self, receipt: Option<&str>) -> Result<Adoption, Fault> {
        let app = &self.app;
        let (values, releases, dynos) = join3(app.values(), app.releases(), app.dynos()).await;
        let values = values?;
        if let Some(key) = self.keys.iter().find(|key| values.contains_key(*key)) {
            return Ok(Adoption::Differs(format!("`{}` is there", shown(key))));
        }
        Ok(runs_on(&releases?, &dynos?, receipt.and_then(release_of)))
    }

    async fn lagging(&self) -> Result<Option<String>, Fault> {
        let (releases, dynos) = join(self.app.releases(), self.app.dynos()).await;
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

    fn placed(&self) -> Option<Placed> {
        let place = Arc::new(AppPlace(Arc::clone(&self.app)));
        Some(Placed { place, keys: self.keys.clone() })
    }
}

/// The first key that holds something else.
fn differing<'a>(held: &Values, write: &'a PlacedWrite) -> Option<&'a String> {
    write.keys.iter().find(|key| held.get(*key) != Some(&write.token))
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
fn read_config(answer: &Answer, keys: &[String]) -> Result<Values, Fault> {
    if answer.status != 200 {
        return Err(answer.failure(said(answer).as_ref()));
    }
    let values = wanted(&answer.body, keys).ok_or_else(|| answer.nonsense("config vars"))?;
    let named = keys.iter().cloned().zip(values);
    Ok(named.filter_map(|(key, value)| Some((key, value?))).collect())
}

/// `PATCH /apps/{app}/config-vars`: 200 with the vars as they are now.
fn read_write(answer: &Answer, writes: &[&PlacedWrite]) -> Result<(), Fault> {
    let keys: Vec<String> = writes.iter().flat_map(|write| write.keys.iter().cloned()).collect();
    let held = read_config(answer, &keys)?;
    match writes.iter().find_map(|write| differing(&held, write)) {
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
