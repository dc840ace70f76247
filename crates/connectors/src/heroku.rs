//! Heroku: OAuth authorizations as tokens, config vars as a place that holds them.
//!
//! Every call names version 3 of the API. Errors are `{"id","message"}`; 401 `unauthorized`
//! means that the token is unknown, 403 that it is known and may not. Lists come in pages
//! (`Range`, `Next-Range`, 206). There are no idempotency keys. An account may make 4,500 calls
//! an hour; every answer tells how many are left.
//!
//! <https://devcenter.heroku.com/articles/platform-api-reference>

pub(crate) mod authorizations;
pub(crate) mod config;
pub(crate) mod logs;
pub(crate) mod manual;

use domain::Token;
use serde::Deserialize;

use crate::http::{Answer, Http, Request, Said};
use crate::{Fault, Login};

const ACCEPT: &str = "application/vnd.heroku+json; version=3";

#[derive(Deserialize)]
struct Envelope {
    id: String,
    // Without a version the API answers with `error` in the place of `message`.
    #[serde(alias = "error")]
    message: String,
}

/// The answer in Heroku's own form of an error, if it has that form.
fn said(answer: &Answer) -> Option<Said> {
    let Envelope { id, message } = answer.json()?;
    Some(Said { code: id, message })
}

fn said_id(answer: &Answer) -> Option<String> {
    said(answer).map(|said| said.code)
}

/// A request as the bearer of a token.
fn signed(request: Request, token: &Token) -> Request {
    request.header("accept", ACCEPT).token("authorization", "Bearer ", token)
}

/// Sends a request with the connection's login.
async fn send(http: &Http, login: &Login, call: &str, request: Request) -> Result<Answer, Fault> {
    let Some(token) = login.get() else {
        return Err(http.refusal(call, "the connection has no login yet"));
    };
    http.send(signed(request, &token)).await
}
