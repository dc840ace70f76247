//! What exists at the vendors that may hold a token: apps with the names of their config vars, and
//! the names of GitHub's secrets. Reads only. Of an app's config vars only those come out that
//! somebody asks for by name or by form; the rest is wiped with the answer.
//!
//! <https://devcenter.heroku.com/articles/platform-api-reference#app-list>,
//! <https://devcenter.heroku.com/articles/platform-api-reference#ranges>,
//! <https://docs.github.com/en/rest/actions/secrets>

use std::collections::BTreeMap;

use domain::Token;
use jiff::Timestamp;
use serde::Deserialize;

use crate::Fault;
use crate::hidden::Hidden;
use crate::http::{Answer, Request};
use crate::shown::shown;
use crate::survey::{Survey, github, success};

/// How many apps a page holds; Heroku's most.
const APPS_RANGE: &str = "name ..; max=1000";
/// How many pages of a list are read at most.
const PAGES_MAX: usize = 20;
/// How many secrets a page of GitHub's list holds.
const PAGE_SIZE: usize = 100;

/// A secret that GitHub keeps, as its list tells: never its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretSeen {
    /// Its name.
    pub name: String,
    /// When it was written last.
    pub updated: Timestamp,
}

impl Survey {
    /// The e-mail address of the Heroku account that a login belongs to.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn account(&self, login: &Token) -> Result<String, Fault> {
        #[derive(Deserialize)]
        struct Account {
            email: String,
        }
        let answer = self.http().send(heroku(Request::get(&["account"]), login)).await?;
        Ok(shown(&success::<Account>(&answer, "an account")?.email))
    }

    /// The names of all Heroku apps that a login reaches.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn apps(&self, login: &Token) -> Result<Vec<String>, Fault> {
        let mut apps = Vec::new();
        let mut range = APPS_RANGE.to_owned();
        for _ in 0..PAGES_MAX {
            let request = heroku(Request::get(&["apps"]), login).header("range", &range);
            let answer = self.http().send(request).await?;
            apps.extend(read_apps(&answer)?);
            match answer.header("next-range").filter(|_| answer.status == 206) {
                Some(next) => range = next.to_owned(),
                None => break,
            }
        }
        Ok(apps)
    }

    /// The config vars of an app that `wanted` says yes to, by name and value.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn config_vars(
        &self,
        login: &Token,
        app: &str,
        wanted: impl Fn(&str, &Token) -> bool,
    ) -> Result<Vec<(String, Token)>, Fault> {
        let request = heroku(Request::get(&["apps", app, "config-vars"]), login);
        let answer = self.http().send(request).await?;
        let all: BTreeMap<String, Option<Hidden>> = success(&answer, "config vars")?;
        let all = all.into_iter().filter_map(|(name, value)| Some((name, value?.0)));
        Ok(all.filter(|(name, value)| wanted(name, value)).collect())
    }

    /// The Actions secrets of a repository, or of one of its environments.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    pub async fn secrets(
        &self,
        login: &Token,
        repository: &str,
        environment: Option<&str>,
    ) -> Result<Vec<SecretSeen>, Fault> {
        let mut path: Vec<&str> = std::iter::once("repos").chain(repository.split('/')).collect();
        match environment {
            Some(name) => path.extend(["environments", name, "secrets"]),
            None => path.extend(["actions", "secrets"]),
        }
        let mut all = Vec::new();
        for page in 1..=PAGES_MAX {
            let request = Request::get(&path)
                .query("per_page", &PAGE_SIZE.to_string())
                .query("page", &page.to_string());
            let (total, more) = read_secrets(&self.http().send(github(request, login)).await?)?;
            let is_last = more.is_empty();
            all.extend(more);
            if is_last || all.len() >= total {
                break;
            }
        }
        Ok(all)
    }
}

fn heroku(request: Request, login: &Token) -> Request {
    request.header("accept", "application/vnd.heroku+json; version=3").token(
        "authorization",
        "Bearer ",
        login,
    )
}

fn read_apps(answer: &Answer) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct App {
        name: String,
    }
    let apps: Vec<App> = success(answer, "a list of apps")?;
    Ok(apps.into_iter().map(|app| shown(&app.name)).collect())
}

fn read_secrets(answer: &Answer) -> Result<(usize, Vec<SecretSeen>), Fault> {
    #[derive(Deserialize)]
    struct Raw {
        name: String,
        updated_at: Timestamp,
    }
    #[derive(Deserialize)]
    struct Page {
        total_count: usize,
        secrets: Vec<Raw>,
    }
    let page: Page = success(answer, "a list of secrets")?;
    let seen = |raw: Raw| SecretSeen { name: shown(&raw.name), updated: raw.updated_at };
    Ok((page.total_count, page.secrets.into_iter().map(seen).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::answer;

    #[test]
    fn names_come_out_and_nothing_else() {
        let body = r#"[{"name":"acme-api","owner":{"email":"x"}},{"name":"acme-web"}]"#;
        assert_eq!(read_apps(&answer("Heroku", 206, body)).unwrap(), ["acme-api", "acme-web"]);
        let body = r#"{"total_count":1,"secrets":[{"name":"K","created_at":"2026-01-01T00:00:00Z",
            "updated_at":"2026-02-01T00:00:00Z"}]}"#;
        let (total, seen) = read_secrets(&answer("GitHub", 200, body)).unwrap();
        assert_eq!((total, seen[0].name.as_str()), (1, "K"));
        assert_eq!(seen[0].updated.to_string(), "2026-02-01T00:00:00Z");
        assert!(read_apps(&answer("Heroku", 403, "<html>")).is_err());
    }
}
