//! Looks at what a team has set up at its vendors, and at what happens there: webhooks, daily
//! statistics and mails of a Postmark server, settings of a GitHub repository, releases of a
//! Heroku app. Reads only; addresses, logins and headers of webhooks are not kept, of mails only
//! domains and times.
//!
//! <https://postmarkapp.com/developer/api/webhooks-api>,
//! <https://postmarkapp.com/developer/api/stats-api>,
//! <https://docs.github.com/en/rest/repos/repos#get-a-repository>,
//! <https://docs.github.com/en/rest/deployments/environments>

use std::collections::BTreeMap;
use std::path::Path;

use domain::Token;
use domain::inventory::Connection;
use domain::posture::WebhookFacts;
use domain::usage::{Counts, Mail};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::Fault;
use crate::http::{Answer, Http, Request, Said, SetupError};
use crate::shown::shown;

/// How many mails a page of a search holds; Postmark allows 500.
const MAILS_PAGE: usize = 500;
/// How many pages of mails are read at most; Postmark searches no further than 10,000.
const MAILS_PAGES_MAX: usize = 4;
/// How many releases of an app are read at most: a page of Heroku's has no more.
pub const RELEASES_MAX: usize = 1_000;
/// How many environments of a repository are read.
const ENVIRONMENTS_MAX: &str = "100";

/// One way to a vendor, for looking at what is set up there.
pub struct Survey {
    http: Http,
}

/// A release of a Heroku app, as its list tells.
#[derive(Clone, Debug)]
pub struct ReleaseSeen {
    /// Its version.
    pub version: u64,
    /// What it did, made fit to be shown.
    pub description: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Survey {
    /// Builds the client of a connection; nothing is sent. Relative paths start at `directory`.
    ///
    /// # Errors
    /// An address that no token may be sent to, or a CA or proxy that cannot be used.
    pub fn new(connection: &Connection, directory: &Path) -> Result<Self, SetupError> {
        Ok(Self { http: Http::new(connection, directory, None)? })
    }

    /// Over answers that are made up; what the fuzz targets read.
    pub(crate) fn over(http: Http) -> Self {
        Self { http }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Whether a Postmark server is a sandbox.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn is_sandbox(&self, token: &Token) -> Result<bool, Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Server {
            delivery_type: String,
        }
        let answer = self.http.send(postmark(Request::get(&["server"]), token)).await?;
        let server: Server = success(&answer, "a server's kind")?;
        Ok(server.delivery_type.eq_ignore_ascii_case("sandbox"))
    }

    /// The name of the Postmark server that a token belongs to.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn server_name(&self, token: &Token) -> Result<String, Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Server {
            name: String,
        }
        let answer = self.http.send(postmark(Request::get(&["server"]), token)).await?;
        Ok(shown(&success::<Server>(&answer, "a server's name")?.name))
    }

    /// The webhooks of a Postmark server.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn webhooks(&self, token: &Token) -> Result<Vec<WebhookFacts>, Fault> {
        let answer = self.http.send(postmark(Request::get(&["webhooks"]), token)).await?;
        read_webhooks(&answer)
    }

    /// What a Postmark server did, day by day; days without anything may be missing.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn daily(
        &self,
        token: &Token,
        from: Date,
        to: Date,
    ) -> Result<BTreeMap<Date, Counts>, Fault> {
        let mut days = BTreeMap::new();
        for what in ["sends", "bounces", "spam"] {
            let request = Request::get(&["stats", "outbound", what])
                .query("fromdate", &from.to_string())
                .query("todate", &to.to_string());
            let answer = self.http.send(postmark(request, token)).await?;
            read_days(&answer, &mut days)?;
        }
        Ok(days)
    }

    /// The newest mails of a Postmark server.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn mails(&self, token: &Token) -> Result<Vec<Mail>, Fault> {
        let mut mails = Vec::new();
        for page in 0..MAILS_PAGES_MAX {
            let request = Request::get(&["messages", "outbound"])
                .query("count", &MAILS_PAGE.to_string())
                .query("offset", &(page * MAILS_PAGE).to_string());
            let answer = self.http.send(postmark(request, token)).await?;
            let (total, more) = read_mails(&answer)?;
            let is_last = more.is_empty();
            mails.extend(more);
            if is_last || mails.len() >= total {
                break;
            }
        }
        Ok(mails)
    }

    /// Whether a repository is public, and whether secret scanning is on where that is told.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn repository(
        &self,
        login: &Token,
        name: &str,
    ) -> Result<(bool, Option<bool>), Fault> {
        let path: Vec<&str> = std::iter::once("repos").chain(name.split('/')).collect();
        read_repository(&self.http.send(github(Request::get(&path), login)).await?)
    }

    /// The environments of a repository, and whether each is protected.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn environments(
        &self,
        login: &Token,
        name: &str,
    ) -> Result<Vec<(String, bool)>, Fault> {
        let path: Vec<&str> =
            std::iter::once("repos").chain(name.split('/')).chain(["environments"]).collect();
        let request = Request::get(&path).query("per_page", ENVIRONMENTS_MAX);
        read_environments(&self.http.send(github(request, login)).await?)
    }

    /// The newest releases of a Heroku app, newest first, at most [`RELEASES_MAX`].
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn releases(&self, login: &Token, app: &str) -> Result<Vec<ReleaseSeen>, Fault> {
        let request = Request::get(&["apps", app, "releases"])
            .header("accept", "application/vnd.heroku+json; version=3")
            .header("range", &format!("version ..; order=desc,max={RELEASES_MAX}"))
            .token("authorization", "Bearer ", login);
        read_releases(&self.http.send(request).await?)
    }
}

fn postmark(request: Request, token: &Token) -> Request {
    request.header("accept", "application/json").token("x-postmark-server-token", "", token)
}

pub(crate) fn github(request: Request, login: &Token) -> Request {
    request
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28")
        .token("authorization", "Bearer ", login)
}

/// An answer's own form of an error, of whichever vendor.
fn said(answer: &Answer) -> Option<Said> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(alias = "Message", alias = "error")]
        message: String,
    }
    let Envelope { message } = answer.json()?;
    Some(Said { code: String::new(), message })
}

pub(crate) fn success<T: DeserializeOwned>(answer: &Answer, what: &str) -> Result<T, Fault> {
    match answer.status {
        200 | 206 => answer.json().ok_or_else(|| answer.nonsense(what)),
        _ => Err(answer.failure(said(answer).as_ref())),
    }
}

fn read_webhooks(answer: &Answer) -> Result<Vec<WebhookFacts>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Webhook {
        #[serde(rename = "ID")]
        id: u64,
        url: String,
        http_auth: Option<IgnoredAny>,
        #[serde(default)]
        http_headers: Option<Vec<IgnoredAny>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Page {
        webhooks: Vec<Webhook>,
    }
    let page: Page = success(answer, "a list of webhooks")?;
    Ok(page
        .webhooks
        .into_iter()
        .map(|hook| WebhookFacts {
            id: hook.id,
            https: hook.url.to_ascii_lowercase().starts_with("https://"),
            authenticated: hook.http_auth.is_some()
                || hook.http_headers.is_some_and(|headers| !headers.is_empty()),
        })
        .collect())
}

fn read_days(answer: &Answer, days: &mut BTreeMap<Date, Counts>) -> Result<(), Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Day {
        date: Date,
        #[serde(default)]
        sent: u64,
        #[serde(default)]
        hard_bounce: u64,
        #[serde(default)]
        soft_bounce: u64,
        #[serde(default, rename = "SMTPApiError")]
        api_error: u64,
        #[serde(default)]
        spam_complaint: u64,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Page {
        days: Vec<Day>,
    }
    let page: Page = success(answer, "days")?;
    for day in page.days {
        let counts: &mut Counts = days.entry(day.date).or_default();
        counts.sent += day.sent;
        counts.bounced += day.hard_bounce + day.soft_bounce;
        counts.api_errors += day.api_error;
        counts.complaints += day.spam_complaint;
    }
    Ok(())
}

fn read_mails(answer: &Answer) -> Result<(usize, Vec<Mail>), Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Person {
        email: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Message {
        received_at: Timestamp,
        #[serde(default)]
        to: Vec<Person>,
        #[serde(default)]
        cc: Vec<Person>,
        #[serde(default)]
        bcc: Vec<Person>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Page {
        total_count: usize,
        messages: Vec<Message>,
    }
    let domain = |person: &Person| {
        let domain = person.email.rsplit_once('@').map_or("", |(_, domain)| domain);
        shown(&domain.trim_end_matches('>').to_lowercase())
    };
    let page: Page = success(answer, "mails")?;
    let mails = page.messages.into_iter().map(|message| Mail {
        at: message.received_at,
        domains: message.to.iter().chain(&message.cc).map(domain).collect(),
        bcc: message.bcc.iter().map(domain).collect(),
    });
    Ok((page.total_count, mails.collect()))
}

fn read_repository(answer: &Answer) -> Result<(bool, Option<bool>), Fault> {
    #[derive(Deserialize)]
    struct Status {
        status: String,
    }
    #[derive(Deserialize)]
    struct Security {
        secret_scanning: Option<Status>,
    }
    #[derive(Deserialize)]
    struct Repository {
        private: bool,
        security_and_analysis: Option<Security>,
    }
    let repository: Repository = success(answer, "a repository")?;
    let scanning = repository.security_and_analysis.and_then(|security| security.secret_scanning);
    Ok((!repository.private, scanning.map(|scanning| scanning.status == "enabled")))
}

fn read_environments(answer: &Answer) -> Result<Vec<(String, bool)>, Fault> {
    #[derive(Deserialize)]
    struct Environment {
        name: String,
        #[serde(default)]
        protection_rules: Vec<IgnoredAny>,
        deployment_branch_policy: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Page {
        environments: Vec<Environment>,
    }
    let page: Page = success(answer, "a list of environments")?;
    let is_protected = |one: &Environment| {
        !one.protection_rules.is_empty() || one.deployment_branch_policy.is_some()
    };
    Ok(page.environments.iter().map(|one| (shown(&one.name), is_protected(one))).collect())
}

fn read_releases(answer: &Answer) -> Result<Vec<ReleaseSeen>, Fault> {
    #[derive(Deserialize)]
    struct User {
        email: String,
    }
    #[derive(Deserialize)]
    struct Release {
        version: u64,
        #[serde(default)]
        description: String,
        user: Option<User>,
        created_at: Timestamp,
    }
    let all: Vec<Release> = success(answer, "a list of releases")?;
    Ok(all
        .into_iter()
        .map(|one| ReleaseSeen {
            version: one.version,
            description: shown(&one.description),
            by: one.user.map(|user| shown(&user.email)).unwrap_or_default(),
            at: one.created_at,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::answer;

    #[test]
    fn a_webhook_is_told_by_its_address_and_its_login() {
        let body = r#"{"Webhooks":[
            {"ID":1,"Url":"https://a.example/x","HttpAuth":{"Username":"u","Password":"p"},"HttpHeaders":[]},
            {"ID":2,"Url":"http://a.example","HttpAuth":null,"HttpHeaders":[{"Name":"x","Value":"v"}]},
            {"ID":3,"Url":"https://a.example","HttpAuth":null}]}"#;
        let found = read_webhooks(&answer("Postmark", 200, body)).unwrap();
        let told: Vec<_> = found.iter().map(|one| (one.id, one.https, one.authenticated)).collect();
        assert_eq!(told, [(1, true, true), (2, false, true), (3, true, false)]);
        assert!(matches!(
            read_webhooks(&answer("Postmark", 403, "<html>")),
            Err(Fault::Later { .. })
        ));
    }

    #[test]
    fn days_of_three_lists_come_together() {
        let mut days = BTreeMap::new();
        for body in [
            r#"{"Days":[{"Date":"2026-01-01","Sent":140}],"Sent":140}"#,
            r#"{"Days":[{"Date":"2026-01-01","HardBounce":3,"SMTPApiError":2}],"HardBounce":3}"#,
            r#"{"Days":[{"Date":"2026-01-02","SpamComplaint":1}]}"#,
        ] {
            read_days(&answer("Postmark", 200, body), &mut days).unwrap();
        }
        let first = days[&jiff::civil::date(2026, 1, 1)];
        assert_eq!((first.sent, first.bounced, first.api_errors), (140, 3, 2));
        assert_eq!(days[&jiff::civil::date(2026, 1, 2)].complaints, 1);
    }

    #[test]
    fn settings_that_are_not_told_are_not_guessed() {
        let read = |body: &str| read_repository(&answer("GitHub", 200, body)).unwrap();
        assert_eq!(read(r#"{"private":true}"#), (false, None));
        let body = r#"{"private":false,"security_and_analysis":{"secret_scanning":{"status":"disabled"}}}"#;
        assert_eq!(read(body), (true, Some(false)));
        let body = r#"{"environments":[{"name":"a","protection_rules":[]},{"name":"b","protection_rules":[{}],"deployment_branch_policy":null}]}"#;
        let found = read_environments(&answer("GitHub", 200, body)).unwrap();
        assert_eq!(found, [("a".to_owned(), false), ("b".to_owned(), true)]);
    }
}
