//! Infisical as the place that holds the current values.
//!
//! A machine identity logs in with its client id and secret and gets an access token for a
//! while. Three failed logins within 30 s lock the identity for 300 s, so a login that was
//! refused is not sent again with the same secret. An access token that ended is answered with
//! 403 `TokenError`, not 401. A write that needs an approval is answered with 200 and
//! `{"approval": ...}` and is not stored. Values are trimmed by the server. A secret that
//! Infisical rotates itself (`isRotatedSecret`) is not ours to write. Two generations of the
//! secrets API are in use: v3 names the project `workspaceId`, v4 `projectId`.
//!
//! <https://infisical.com/docs/api-reference/endpoints/secrets/read>,
//! <https://infisical.com/docs/documentation/platform/identities/universal-auth>

pub(crate) mod manual;
mod read;
mod session;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Token;
use reqwest::Method;
use serde::Serialize;

use self::read::{Entry, Written};
use crate::gather::{Gather, Gathering};
use crate::hidden::Exposed;
use crate::http::{Answer, Http, Request};
use crate::{Fault, Store, StoreWrite, Stored};

pub(crate) use session::Session;

/// A folder of one environment of one project.
pub(crate) struct Infisical {
    http: Arc<Http>,
    session: Arc<Session>,
    place: Arc<Place>,
    /// The keys of the inventory there.
    keys: Arc<Vec<String>>,
    folder: Gather<BTreeMap<String, Entry>>,
}

/// Which folder, and in which generation of the API it is spoken of.
pub(crate) struct Place {
    /// The project's id.
    pub(crate) project: String,
    /// The environment's slug.
    pub(crate) environment: String,
    /// The folder, such as `/`.
    pub(crate) path: String,
    /// 3 or 4.
    pub(crate) api: u8,
}

impl Place {
    fn segments<'a>(&self, key: &'a str) -> Vec<&'a str> {
        match self.api {
            3 => vec!["v3", "secrets", "raw", key],
            _ => vec!["v4", "secrets", key],
        }
    }

    /// References are neither followed nor imported: only the value itself counts.
    fn reading(&self, key: Option<&str>) -> Request {
        let (project, imports) = match self.api {
            3 => ("workspaceId", "include_imports"),
            _ => ("projectId", "includeImports"),
        };
        let all: &[&str] =
            if self.api == 3 { &["v3", "secrets", "raw"] } else { &["v4", "secrets"] };
        Request::get(&key.map_or_else(|| all.to_vec(), |key| self.segments(key)))
            .query(project, &self.project)
            .query("environment", &self.environment)
            .query("secretPath", &self.path)
            .query("type", "shared")
            .query("viewSecretValue", "true")
            .query("expandSecretReferences", "false")
            .query(imports, "false")
    }

    /// A write of a value, or a removal of the key.
    fn writing(&self, method: Method, key: &str, token: Option<&Token>) -> Request {
        let (workspace_id, project_id) = match self.api {
            3 => (Some(self.project.as_str()), None),
            _ => (None, Some(self.project.as_str())),
        };
        Request::change(method, &self.segments(key)).json(&Body {
            workspace_id,
            project_id,
            environment: &self.environment,
            secret_path: &self.path,
            secret_value: token.map(Exposed),
            kind: "shared",
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a str>,
    environment: &'a str,
    secret_path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_value: Option<Exposed<'a>>,
    #[serde(rename = "type")]
    kind: &'a str,
}

impl Infisical {
    /// A store whose session may be shared with others of the same connection.
    /// `keys` are those of the inventory; no others are taken out of an answer.
    pub(crate) fn new(
        http: Arc<Http>,
        session: Arc<Session>,
        place: Place,
        keys: Vec<String>,
        gathering: &Gathering,
    ) -> Self {
        let (place, keys) = (Arc::new(place), Arc::new(keys));
        Self { http, session, place, keys, folder: Gather::new(gathering) }
    }

    /// Sends a request with a valid access token. Whatever goes wrong with the login went wrong
    /// before the request was sent.
    async fn send(&self, request: Request) -> Result<Answer, Fault> {
        send(&self.http, &self.session, request).await
    }

    /// What a key holds. Where many ask at once the folder is read once for all of them; what is
    /// not found there is asked for by itself, which tells why.
    async fn entry(&self, key: &str) -> Result<Option<Entry>, Fault> {
        if self.folder.is_on() {
            let (http, session) = (Arc::clone(&self.http), Arc::clone(&self.session));
            let (place, keys) = (Arc::clone(&self.place), Arc::clone(&self.keys));
            let read = || async move {
                read::folder(&send(&http, &session, place.reading(None)).await?, &keys)
            };
            let entry = self.folder.ask(read).await.ok().and_then(|all| all.get(key).cloned());
            if entry.is_some() {
                return Ok(entry);
            }
        }
        read::entry(&self.send(self.place.reading(Some(key))).await?)
    }

    /// One write. A key that vanished since it was looked at is created anew.
    async fn put(&self, key: &str, exists: bool, token: &Token) -> Result<Written, Fault> {
        if exists {
            let answer = self.send(self.place.writing(Method::PATCH, key, Some(token))).await?;
            if !read::is_missing(&answer) {
                return read::written(&answer);
            }
        }
        read::written(&self.send(self.place.writing(Method::POST, key, Some(token))).await?)
    }

    /// What the store answers after a write is what counts, not what the write answered.
    async fn confirm(&self, key: &str, token: &Token) -> Result<StoreWrite, Fault> {
        match self.entry(key).await {
            Ok(Some(entry)) if entry.holds(token) => Ok(StoreWrite::Done(entry.version)),
            Ok(_) => Err(doubt(key, "it does not hold what was written".to_owned())),
            Err(fault) => Err(doubt(key, fault.why().to_owned())),
        }
    }
}

/// A write was taken, and the look after it does not show it.
fn doubt(key: &str, why: String) -> Fault {
    Fault::Unsure { vendor: "Infisical", call: format!("reading back `{key}`"), why }
}

async fn send(http: &Http, session: &Session, request: Request) -> Result<Answer, Fault> {
    let access = session.access(http).await.map_err(Fault::before_change)?;
    let answer = http.send(request.token("authorization", "Bearer ", &access)).await?;
    if read::has_ended(&answer) {
        session.forget(&access).await;
    }
    Ok(answer)
}

#[async_trait]
impl Store for Infisical {
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault> {
        Ok(self.entry(key).await?.map(|entry| Stored {
            token: Token::from(entry.token.expose().trim()),
            version: entry.version,
            managed: entry.is_rotated.then(|| "Infisical's own rotation".to_owned()),
        }))
    }

    async fn write(&self, key: &str, token: &Token) -> Result<StoreWrite, Fault> {
        let before = self.entry(key).await.map_err(Fault::before_change)?;
        match &before {
            Some(entry) if entry.is_rotated => {
                let why = "Infisical rotates this secret itself; it must not be written";
                return Err(self.http.refusal(&format!("writing `{key}`"), why));
            }
            Some(entry) if entry.holds(token) => {
                return Ok(StoreWrite::Done(entry.version.clone()));
            }
            _ => {}
        }
        match self.put(key, before.is_some(), token).await? {
            Written::Stored => self.confirm(key, token).await,
            Written::Waits(approval) => Ok(StoreWrite::PendingApproval(approval)),
        }
    }

    async fn remove(&self, key: &str) -> Result<StoreWrite, Fault> {
        let before = self.entry(key).await.map_err(Fault::before_change)?;
        match before {
            None => return Ok(StoreWrite::Done("nothing was there".to_owned())),
            Some(entry) if entry.is_rotated => {
                let why = "Infisical rotates this secret itself; it must not be removed";
                return Err(self.http.refusal(&format!("removing `{key}`"), why));
            }
            Some(_) => {}
        }
        let answer = self.send(self.place.writing(Method::DELETE, key, None)).await?;
        if !read::is_missing(&answer)
            && let Written::Waits(approval) = read::written(&answer)?
        {
            return Ok(StoreWrite::PendingApproval(approval));
        }
        match self.entry(key).await {
            Ok(None) => Ok(StoreWrite::Done("removed".to_owned())),
            Ok(Some(_)) => Err(doubt(key, "it is still there".to_owned())),
            Err(fault) => Err(doubt(key, fault.why().to_owned())),
        }
    }
}
