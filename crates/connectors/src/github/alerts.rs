//! GitHub's secret-scanning alerts of one repository: read with their values, resolved as revoked.
//!
//! An alert has the value that was found in its field `secret`. The login needs
//! `secret_scanning_alerts`, read for looking and write for resolving. A repository where secret
//! scanning is off answers 404, as does one that the login may not see.
//!
//! <https://docs.github.com/en/rest/secret-scanning/secret-scanning>

use std::path::Path;
use std::sync::Arc;

use domain::Token;
use domain::inventory::{Auth, ConnectionKind, Inventory};
use reqwest::Method;
use serde::Serialize;

use super::read;
use super::{API_VERSION, PAGE_SIZE, repository};
use crate::http::{Answer, Http, Request};
use crate::world::WorldError;
use crate::{Fault, Login};

/// So many pages of alerts are read at most.
const PAGES_MAX: usize = 100;

/// What is said of an alert that is resolved.
const COMMENT: &str = "revoked, and proven dead by rollover";

/// The alerts of one repository.
pub struct Alerts {
    http: Arc<Http>,
    login: Login,
    repository: String,
}

/// One alert.
#[derive(Debug)]
pub struct Alert {
    /// Its number in the repository.
    pub number: u64,
    /// GitHub's name for the kind of secret.
    pub kind: String,
    /// The value, where GitHub shows it.
    pub secret: Option<Token>,
}

impl Alerts {
    /// Those of `owner/name`, over a connection of the inventory. Nothing is sent.
    ///
    /// # Errors
    /// There is no such connection to GitHub, or it or its login cannot be used.
    pub fn connect(
        inventory: &Inventory,
        directory: &Path,
        via: &str,
        repository: &str,
    ) -> Result<Self, WorldError> {
        let connection = inventory
            .connections
            .get(via)
            .filter(|connection| connection.kind == ConnectionKind::Github)
            .ok_or_else(|| WorldError::Missing(via.to_owned()))?;
        let name = || connection.name.clone();
        let http = Http::new(connection, directory, None)
            .map_err(|source| WorldError::Connection { connection: name(), source })?;
        let login = match &connection.auth {
            Auth::Token(source) => Login::read(source, directory)
                .map_err(|source| WorldError::Login { connection: name(), source })?,
            _ => Login::empty(),
        };
        Ok(Self { http: Arc::new(http), login, repository: repository.to_owned() })
    }

    async fn send(&self, request: Request) -> Result<Answer, Fault> {
        let Some(token) = self.login.get() else {
            return Err(self.http.refusal("a call", "the connection has no login of its own"));
        };
        let request = request
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", API_VERSION)
            .token("authorization", "Bearer ", &token);
        self.http.send(request).await
    }

    /// Every open alert, newest first.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn open(&self) -> Result<Vec<Alert>, Fault> {
        let path = repository(&self.repository, &["secret-scanning", "alerts"]);
        let mut all = Vec::new();
        for page in 1..=PAGES_MAX {
            let request = Request::get(&path)
                .query("state", "open")
                .query("per_page", &PAGE_SIZE.to_string())
                .query("page", &page.to_string());
            let more = read::alerts(&self.send(request).await?)?;
            let last = more.len() < PAGE_SIZE;
            all.extend(more);
            if last {
                return Ok(all);
            }
        }
        Err(self.http.refusal("reading alerts", "the list never ends"))
    }

    /// Resolves an alert as revoked. One that is resolved already stays as it is.
    ///
    /// # Errors
    /// `Unsure` where it may or may not be resolved.
    pub async fn resolve_revoked(&self, number: u64) -> Result<(), Fault> {
        let number = number.to_string();
        let path = repository(&self.repository, &["secret-scanning", "alerts", &number]);
        let body =
            Resolve { state: "resolved", resolution: "revoked", resolution_comment: COMMENT };
        let request = Request::change(Method::PATCH, &path).json(&body);
        read::resolved(&self.send(request).await?)
    }
}

#[derive(Serialize)]
struct Resolve {
    state: &'static str,
    resolution: &'static str,
    resolution_comment: &'static str,
}
