//! Heroku OAuth authorizations as tokens.
//!
//! An account has as many as it likes. The token is shown when it is created; the list shows it
//! masked or not at all, but always the authorization's id, which is how it is revoked. A new
//! one carries our marker in its description, because a creation whose answer was lost is found
//! again only by that. There is an action that replaces a token in place (`regenerate-tokens`);
//! it promises no overlap, so it is not used here.
//!
//! <https://devcenter.heroku.com/articles/platform-api-reference#oauth-authorization>,
//! <https://devcenter.heroku.com/articles/oauth#prefixed-oauth-tokens>

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Doer, Handle, Liveness, Overlap, Profile, Shape, Span, Token, Traces};
use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{said, said_id, send, signed};
use crate::gather::{Gather, Gathering};
use crate::hidden::Hidden;
use crate::http::{Answer, Http, Request};
use crate::shown::shown;
use crate::{Fault, Found, Issuer, ListedToken, Listing, Login, MintOrder, MintRight, Minted};

/// Where people see and revoke authorizations.
const PAGE: &str = "https://dashboard.heroku.com/account/applications";

/// What Heroku declares.
pub(crate) const PROFILE: Profile = Profile {
    kind: "heroku-authorization",
    title: "Heroku OAuth authorization",
    overlap: Overlap::Unlimited,
    creates: Doer::Api,
    revokes: Doer::Api,
    lists: true,
    reads_siblings: true,
    shape: Shape::Heroku,
    activation_max: Span::from_secs(30),
    usual_names: &["HEROKU_API_KEY", "HEROKU_API_TOKEN", "HEROKU_PLATFORM_API_TOKEN"],
    // The id of an authorization is the handle that it is revoked by, and no secret.
    traces: Traces {
        words: &["heroku", "hroku"],
        ids: &["authorization", "authorizationid", "app", "appid", "dyno", "dynoid", "addonid"],
    },
};

/// How many authorizations a page holds; Heroku allows 1,000, which may exceed the limit on
/// answers.
const PAGE_SIZE: u32 = 500;

/// How many pages are read at most.
const PAGES_MAX: usize = 40;

/// The longest id that is taken.
const ID_BYTES_MAX: usize = 128;

/// The authorizations of one account.
pub(crate) struct HerokuAuthorizations {
    http: Arc<Http>,
    login: Login,
    account: String,
    scope: Vec<String>,
    expires_in: Option<Span>,
    lists: Gather<Authorizations>,
    rights: Gather<MintRight>,
}

impl HerokuAuthorizations {
    /// `account` is the e-mail address that every token answers with; `scope` and `expires_in`
    /// are what new tokens get.
    pub(crate) fn new(
        http: Arc<Http>,
        login: Login,
        account: String,
        scope: Vec<String>,
        expires_in: Option<Span>,
        gathering: &Gathering,
    ) -> Self {
        let (lists, rights) = (Gather::new(gathering), Gather::new(gathering));
        Self { http, login, account, scope, expires_in, lists, rights }
    }

    async fn all(&self) -> Result<Arc<Authorizations>, Fault> {
        let (http, login) = (Arc::clone(&self.http), self.login.clone());
        self.lists.ask(|| async move { every_page(&http, &login).await }).await
    }
}

/// All authorizations of an account, or the first of very many.
struct Authorizations {
    complete: bool,
    found: Vec<Authorization>,
    /// The same, as they are told.
    listed: Arc<[ListedToken]>,
}

impl Authorizations {
    fn new(complete: bool, found: Vec<Authorization>) -> Self {
        let listed = found.iter().map(listed).collect();
        Self { complete, found, listed }
    }
}

async fn every_page(http: &Http, login: &Login) -> Result<Authorizations, Fault> {
    let mut range = format!("id ..; max={PAGE_SIZE}");
    let mut found = Vec::new();
    for _ in 0..PAGES_MAX {
        let request = Request::get(&["oauth", "authorizations"]).header("range", &range);
        let page = read_page(&send(http, login, "GET /oauth/authorizations", request).await?)?;
        found.extend(page.authorizations);
        match page.next {
            Some(next) => range = next,
            None => return Ok(Authorizations::new(true, found)),
        }
    }
    Ok(Authorizations::new(false, found))
}

async fn right_to_mint(http: &Http, login: &Login) -> MintRight {
    let request = Request::get(&["oauth", "authorizations"]).header("range", "id ..; max=1");
    match send(http, login, "GET /oauth/authorizations", request).await {
        Ok(answer) => read_may_mint(&answer),
        Err(Fault::Refused { why, .. }) => MintRight::Refused(why),
        Err(fault) => MintRight::Unknown(fault.why().to_owned()),
    }
}

#[async_trait]
impl Issuer for HerokuAuthorizations {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn look(&self, token: &Token) -> Liveness {
        match self.http.send(signed(Request::get(&["account"]), token)).await {
            Ok(answer) => read_look(&answer),
            Err(fault) => Liveness::Unknown { why: fault.why().to_owned() },
        }
    }

    fn expected_identity(&self) -> &str {
        &self.account
    }

    async fn list(&self, _with: &Token) -> Result<Listing, Fault> {
        let all = self.all().await?;
        let tokens = Arc::clone(&all.listed);
        Ok(Listing { complete: all.complete, tokens, page: Some(PAGE.into()) })
    }

    async fn may_mint(&self) -> MintRight {
        let (http, login) = (Arc::clone(&self.http), self.login.clone());
        let ask = || async move { Ok(right_to_mint(&http, &login).await) };
        match self.rights.ask(ask).await {
            Ok(right) => (*right).clone(),
            Err(fault) => MintRight::Unknown(fault.why().to_owned()),
        }
    }

    async fn create(&self, order: &MintOrder) -> Result<Minted, Fault> {
        let request = Request::change(Method::POST, &["oauth", "authorizations"]).json(&creation(
            order,
            &self.scope,
            self.expires_in,
        ));
        read_create(&send(&self.http, &self.login, "POST /oauth/authorizations", request).await?)
    }

    async fn find(&self, marker: &str) -> Result<Vec<Found>, Fault> {
        let all = self.all().await?;
        if !all.complete {
            let why = format!("more than {} authorizations", PAGES_MAX * PAGE_SIZE as usize);
            return Err(self.http.refusal("GET /oauth/authorizations", why));
        }
        Ok(marked(&all.found, marker))
    }

    async fn revoke(&self, handle: &Handle) -> Result<(), Fault> {
        let path = ["oauth", "authorizations", &handle.0];
        let request = Request::change(Method::DELETE, &path);
        read_revoke(&send(&self.http, &self.login, "DELETE /oauth/authorizations", request).await?)
    }

    fn how_to_create(&self) -> Vec<String> {
        vec![
            format!("log in as {} with `heroku login`", self.account),
            format!("run `heroku authorizations:create --scope {}`", self.scope.join(",")),
            "note the ID beside the token; it is needed to revoke it".to_owned(),
        ]
    }

    fn how_to_revoke(&self, which: &str) -> Vec<String> {
        vec![
            format!("log in as {} with `heroku login`", self.account),
            format!("run `heroku authorizations` and find {which}"),
            "run `heroku authorizations:revoke ID` with its ID".to_owned(),
        ]
    }
}

#[derive(Serialize)]
struct Creation<'a> {
    description: &'a str,
    // Left out when nothing is said, as Heroku's own client does; it then means `global`.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scope: &'a [String],
    // In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
}

fn creation<'a>(
    order: &'a MintOrder,
    scope: &'a [String],
    expires_in: Option<Span>,
) -> Creation<'a> {
    let expires_in = expires_in.map(|span| span.millis().div_ceil(1_000));
    Creation { description: &order.marker, scope, expires_in }
}

#[derive(Deserialize)]
struct Account {
    email: String,
}

#[derive(Deserialize)]
struct AccessToken {
    token: Option<Hidden>,
}

/// An id: a plain word, because it is shown, and goes into an address. Heroku's are UUIDs.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Id(String);

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        match (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text)),
            false => Err("an id is a plain word"),
        }
    }
}

#[derive(Deserialize)]
struct Authorization {
    id: Id,
    description: Option<String>,
    #[serde(default)]
    scope: Option<Vec<String>>,
    created_at: Option<Timestamp>,
    access_token: Option<AccessToken>,
}

impl Authorization {
    /// The value, unless it is masked, cut or absent.
    fn token(&self) -> Option<Token> {
        let Hidden(token) = self.access_token.as_ref()?.token.as_ref()?;
        PROFILE.shape.fits(token.expose()).then(|| token.clone())
    }
}

impl Authorization {
    /// The value of one that was just created. Its form is not asked for, because Heroku has
    /// changed it twice; whether it is any good is found out by using it.
    fn fresh_token(&mut self) -> Option<Token> {
        let Hidden(token) = self.access_token.take()?.token?;
        let is_plain = |c: char| c.is_ascii_graphic() && c != '*';
        (!token.is_empty() && token.expose().chars().all(is_plain)).then_some(token)
    }
}

struct Page {
    authorizations: Vec<Authorization>,
    next: Option<String>,
}

fn listed(authorization: &Authorization) -> ListedToken {
    let scope = authorization.scope.iter().flatten();
    ListedToken {
        token: authorization.token(),
        description: authorization.description.as_deref().map(shown),
        created: authorization.created_at,
        scope: scope.map(|name| shown(name)).collect(),
        handle: Some(Handle(authorization.id.0.clone())),
    }
}

/// Those whose description holds the marker, as a word of its own: the marker of `r-1` is not
/// that of `r-12`.
fn marked(found: &[Authorization], marker: &str) -> Vec<Found> {
    let holds = |text: &String| {
        text.match_indices(marker).any(|(at, _)| {
            let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
            !text[..at].ends_with(part) && !text[at + marker.len()..].starts_with(part)
        })
    };
    found
        .iter()
        .filter(|authorization| authorization.description.as_ref().is_some_and(holds))
        .map(|authorization| Found {
            token: authorization.token(),
            handle: Handle(authorization.id.0.clone()),
        })
        .collect()
}

/// `GET /account`: alive as the e-mail address, dead by 401 `unauthorized`, else unknown. A 401
/// that says that no credentials arrived is no death: something in between took them away.
fn read_look(answer: &Answer) -> Liveness {
    let unknown = |fault: Fault| Liveness::Unknown { why: fault.why().to_owned() };
    let said = said(answer);
    match (answer.status, &said) {
        (200, _) => match answer.json::<Account>() {
            Some(account) if !account.email.is_empty() => {
                Liveness::Alive { identity: shown(&account.email) }
            }
            _ => unknown(answer.nonsense("an account's e-mail address")),
        },
        (401, Some(said)) if said.message.starts_with("There were no credentials") => {
            Liveness::Unknown { why: "401 unauthorized: the token did not arrive".to_owned() }
        }
        (401, Some(said)) if said.code == "unauthorized" => {
            Liveness::Dead { evidence: "401 unauthorized".to_owned() }
        }
        _ => unknown(answer.failure(said.as_ref())),
    }
}

/// One page of `GET /oauth/authorizations`. 206 means that there may be more.
fn read_page(answer: &Answer) -> Result<Page, Fault> {
    if !matches!(answer.status, 200 | 206) {
        return Err(answer.failure(said(answer).as_ref()));
    }
    let authorizations =
        answer.json().ok_or_else(|| answer.nonsense("a list of authorizations"))?;
    let next = answer.header("next-range").filter(|_| answer.status == 206).map(str::to_owned);
    Ok(Page { authorizations, next })
}

/// Only a login that may use everything (`global`) may list authorizations or create one.
fn read_may_mint(answer: &Answer) -> MintRight {
    match answer.status {
        200 | 206 => match read_page(answer) {
            Ok(_) => MintRight::Allowed,
            Err(fault) => MintRight::Unknown(fault.why().to_owned()),
        },
        401 if said(answer).is_some() => {
            MintRight::Refused("401 unauthorized: the login is not valid".to_owned())
        }
        _ => match answer.failure(said(answer).as_ref()) {
            Fault::Refused { why, .. } => MintRight::Refused(why),
            fault => MintRight::Unknown(fault.why().to_owned()),
        },
    }
}

/// `POST /oauth/authorizations`: 201 with an id and a token. A success without them leaves an
/// authorization behind that only the marker finds.
fn read_create(answer: &Answer) -> Result<Minted, Fault> {
    if !matches!(answer.status, 200..300) {
        return Err(answer.failure(said(answer).as_ref()));
    }
    let made: Option<Authorization> = answer.json();
    let mut made = made.ok_or_else(|| answer.nonsense("an authorization"))?;
    match made.fresh_token() {
        Some(token) if token.expose() != made.id.0 => {
            Ok(Minted { token, handle: Handle(made.id.0) })
        }
        _ => Err(answer.nonsense("a readable token")),
    }
}

/// `DELETE /oauth/authorizations/{id}`: 200 with what was deleted, or gone already.
fn read_revoke(answer: &Answer) -> Result<(), Fault> {
    match (answer.status, said_id(answer).as_deref()) {
        (200..300, _) if answer.json::<Authorization>().is_some() => Ok(()),
        (200..300, _) => Err(answer.nonsense("an authorization")),
        (404, Some("not_found")) | (410, Some("gone")) => Ok(()),
        _ => Err(answer.failure(said(answer).as_ref())),
    }
}

#[cfg(test)]
mod tests;
