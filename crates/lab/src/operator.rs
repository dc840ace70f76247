//! The stand-in operator: fetches the dashboard's pages and submits their forms, as a person would.

use std::str::FromStr;

use crate::Urls;
use crate::browser::{Ask, WireError, once};
use crate::dashboard::html::unescape;

/// Plays the person in front of the dashboards.
#[derive(Clone, Debug)]
pub struct StandIn {
    urls: Urls,
}

/// Whose tokens a page of Postmark's shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokensOf {
    /// Those of the server of this name.
    Server(String),
    /// Those of the account.
    Account,
}

/// Which token is meant.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenPick {
    /// The one that ends like this.
    EndsIn(String),
    /// The one whose value is this.
    Is(String),
}

/// What the person is asked to do.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// "generate another token on acme-prod"
    Generate {
        /// The Postmark server's name.
        server: String,
    },
    /// "delete the token that ends in 12c7 on acme-prod"; without a server, the one that has it.
    Delete {
        /// The Postmark server's name.
        server: Option<String>,
        /// Which token.
        token: TokenPick,
    },
}

/// Why the person could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StandInError {
    /// A page did not come.
    #[error("failed to use the dashboard")]
    Wire(#[from] WireError),
    /// There is no such server.
    #[error("there is no server {0} on the dashboard")]
    NoServer(String),
    /// No token or several tokens fit.
    #[error("{0} tokens fit, one was expected")]
    NotOne(usize),
    /// The dashboard said no.
    #[error("the dashboard refused: {0}")]
    Refused(String),
    /// The words make no sense.
    #[error("the stand-in does not understand {0:?}")]
    Words(String),
}

impl FromStr for Request {
    type Err = StandInError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.trim().trim_end_matches('.').split_whitespace().collect();
        let server = words.iter().rposition(|word| *word == "on").and_then(|at| words.get(at + 1));
        match (words.first().map(|word| word.to_ascii_lowercase()).as_deref(), server) {
            (Some("generate"), Some(server)) => Ok(Self::Generate { server: (*server).to_owned() }),
            (Some("delete"), server) => {
                let at = words.iter().position(|word| word.starts_with("end"));
                let ending = at
                    .and_then(|at| words[at + 1..].iter().find(|word| **word != "in"))
                    .ok_or_else(|| StandInError::Words(text.to_owned()))?;
                Ok(Self::Delete {
                    server: server.map(|name| (*name).to_owned()),
                    token: TokenPick::EndsIn((*ending).to_owned()),
                })
            }
            _ => Err(StandInError::Words(text.to_owned())),
        }
    }
}

impl StandIn {
    pub(crate) fn new(urls: Urls) -> Self {
        Self { urls }
    }

    /// A person in front of the dashboards of a lab that another process runs.
    #[must_use]
    pub fn at(urls: &Urls) -> Self {
        Self::new(urls.clone())
    }

    /// Does what the words say: "generate another token on acme-prod", "delete the token that ends
    /// in 12c7". Answers the new token's value, where there is one.
    ///
    /// # Errors
    ///
    /// When the words make no sense, or the dashboard does not let it be done.
    pub async fn tell(&self, words: &str) -> Result<Option<String>, StandInError> {
        self.carry_out(words.parse()?).await
    }

    /// Does what is asked. Answers the new token's value, where there is one.
    ///
    /// # Errors
    ///
    /// When the dashboard does not let it be done.
    pub async fn carry_out(&self, request: Request) -> Result<Option<String>, StandInError> {
        match request {
            Request::Generate { server } => self.generate_token(&server).await.map(Some),
            Request::Delete { server: Some(server), token } => {
                self.delete_token(&server, &token).await.map(|()| None)
            }
            Request::Delete { server: None, token } => {
                let mut found = Vec::new();
                for (name, page) in self.servers().await? {
                    let rows = self.rows(&page).await?;
                    found.extend(
                        rows.into_iter().filter(|row| row.is(&token)).map(|_| name.clone()),
                    );
                }
                match found.as_slice() {
                    [server] => self.delete_token(server, &token).await.map(|()| None),
                    _ => Err(StandInError::NotOne(found.len())),
                }
            }
        }
    }

    /// Clicks "Generate another token" and copies the new value.
    ///
    /// # Errors
    ///
    /// When there is no such server, or it has three tokens already.
    pub async fn generate_token(&self, server: &str) -> Result<String, StandInError> {
        self.generate_of(&TokensOf::Server(server.to_owned())).await
    }

    /// The same on any page with tokens.
    ///
    /// # Errors
    ///
    /// When there is no such server, or three tokens are there already.
    pub async fn generate_of(&self, whose: &TokensOf) -> Result<String, StandInError> {
        let page = self.page_of(whose).await?;
        let before = self.rows(&page).await?;
        let html = self.fetch(&page).await?;
        let form = forms(&html)
            .into_iter()
            .find(|form| form.action == page)
            .ok_or_else(|| StandInError::Refused("there is no button".to_owned()))?;
        self.submit(&form).await?;
        let after = self.rows(&page).await?;
        let mut new =
            after.into_iter().filter(|row| before.iter().all(|old| old.value != row.value));
        new.next().map(|row| row.value).ok_or(StandInError::NotOne(0))
    }

    /// Clicks "Delete" next to a token.
    ///
    /// # Errors
    ///
    /// When there is no such server, or not exactly one such token.
    pub async fn delete_token(&self, server: &str, token: &TokenPick) -> Result<(), StandInError> {
        self.delete_of(&TokensOf::Server(server.to_owned()), token).await
    }

    /// The same on any page with tokens.
    ///
    /// # Errors
    ///
    /// When there is no such server, or not exactly one such token.
    pub async fn delete_of(&self, whose: &TokensOf, token: &TokenPick) -> Result<(), StandInError> {
        let page = self.page_of(whose).await?;
        let mut rows = self.rows(&page).await?;
        rows.retain(|row| row.is(token));
        match rows.as_slice() {
            [row] => self.submit(&row.delete).await,
            _ => Err(StandInError::NotOne(rows.len())),
        }
    }

    /// The tokens that the dashboard shows for a server.
    ///
    /// # Errors
    ///
    /// When there is no such server.
    pub async fn tokens(&self, server: &str) -> Result<Vec<String>, StandInError> {
        self.tokens_of(&TokensOf::Server(server.to_owned())).await
    }

    /// The tokens that any page shows.
    ///
    /// # Errors
    ///
    /// When there is no such server.
    pub async fn tokens_of(&self, whose: &TokensOf) -> Result<Vec<String>, StandInError> {
        let page = self.page_of(whose).await?;
        Ok(self.rows(&page).await?.into_iter().map(|row| row.value).collect())
    }

    async fn page_of(&self, whose: &TokensOf) -> Result<String, StandInError> {
        let TokensOf::Server(server) = whose else { return Ok("/api_tokens".to_owned()) };
        let mut servers = self.servers().await?.into_iter();
        servers
            .find(|(name, _)| name == server)
            .map(|(_, page)| page)
            .ok_or_else(|| StandInError::NoServer(server.clone()))
    }

    /// Names of servers with the paths of their token pages.
    async fn servers(&self) -> Result<Vec<(String, String)>, StandInError> {
        let html = self.fetch("/postmark/servers").await?;
        let links = elements(&html, "<a ", "</a>");
        Ok(links
            .into_iter()
            .filter_map(|link| {
                let page = attribute(link, "href").filter(|page| page.ends_with("/api-tokens"))?;
                let name = link.split_once('>')?.1;
                Some((unescape(name), page))
            })
            .collect())
    }

    async fn rows(&self, page: &str) -> Result<Vec<Row>, StandInError> {
        let html = self.fetch(page).await?;
        Ok(elements(&html, "<tr", "</tr>")
            .into_iter()
            .filter_map(|row| {
                let value = inputs(row).into_iter().find(|(name, _)| name == "value")?.1;
                Some(Row { value, delete: forms(row).pop()? })
            })
            .collect())
    }

    async fn fetch(&self, path: &str) -> Result<String, StandInError> {
        let ask = Ask { method: "GET", path, headers: AGENT, body: Vec::new() };
        let answer = once(&self.urls.dashboard, ask).await?;
        match answer.status {
            200 => Ok(answer.text()),
            status => Err(StandInError::Refused(format!("{path} answered {status}"))),
        }
    }

    async fn submit(&self, form: &Form) -> Result<(), StandInError> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&form.fields)
            .finish();
        let headers = [AGENT[0], ("content-type", "application/x-www-form-urlencoded")];
        let ask =
            Ask { method: "POST", path: &form.action, headers: &headers, body: body.into_bytes() };
        let answer = once(&self.urls.dashboard, ask).await?;
        match (answer.status, answer.location) {
            (303, Some(_)) => Ok(()),
            (status, _) => {
                let html = String::from_utf8_lossy(&answer.body).into_owned();
                let said = elements(&html, "<p role=\"alert\">", "</p>")
                    .pop()
                    .map(|text| unescape(text.trim_start_matches("<p role=\"alert\">")));
                Err(StandInError::Refused(said.unwrap_or_else(|| format!("status {status}"))))
            }
        }
    }
}

const AGENT: &[(&str, &str)] = &[("user-agent", "lab-operator/1")];

/// One token on the page, with the form that deletes it.
struct Row {
    value: String,
    delete: Form,
}

impl Row {
    fn is(&self, token: &TokenPick) -> bool {
        match token {
            TokenPick::EndsIn(ending) => self.value.ends_with(ending),
            TokenPick::Is(value) => self.value.eq_ignore_ascii_case(value),
        }
    }
}

struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

fn forms(html: &str) -> Vec<Form> {
    elements(html, "<form", "</form>")
        .into_iter()
        .filter_map(|form| {
            let action = attribute(form, "action")?;
            Some(Form { action, fields: inputs(form) })
        })
        .collect()
}

fn inputs(html: &str) -> Vec<(String, String)> {
    elements(html, "<input", ">")
        .into_iter()
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
        .collect()
}

/// The pieces of `html` from `open` up to `close`, without the latter.
fn elements<'a>(html: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find(open) {
        rest = &rest[start..];
        let Some(end) = rest.find(close) else { break };
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
    found
}

fn attribute(element: &str, name: &str) -> Option<String> {
    let start = element.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = element[start..].split('"').next()?;
    Some(unescape(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_understood() {
        let generate: Request = "generate another token on acme-prod".parse().expect("words");
        assert!(generate == Request::Generate { server: "acme-prod".to_owned() });
        let delete: Request = "Delete the token that ends in 12c7.".parse().expect("words");
        let token = TokenPick::EndsIn("12c7".to_owned());
        assert!(delete == Request::Delete { server: None, token });
        assert!("dance".parse::<Request>().is_err());
    }
}
