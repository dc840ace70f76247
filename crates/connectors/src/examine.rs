//! Asks a vendor about one token, and hears in what way it answers: for finding out what is
//! wrong, where a connector's [`domain::Liveness`] says only that something is.
//!
//! Postmark reads one of two headers, and says alike to whatever it does not know; so a token
//! that one API refuses is tried on the other, one header at a time. Heroku answers 403
//! `forbidden` to a token that it knows and that may not. Bodies are read for a name and a code
//! and never kept: `GET /server` lists every token of the server, config vars are all secrets of
//! an app.
//!
//! <https://postmarkapp.com/developer/api/overview#error-codes>,
//! <https://devcenter.heroku.com/articles/platform-api-reference#error-responses>

use std::collections::BTreeMap;
use std::path::Path;

use domain::Token;
use domain::diagnosis::{Heard, Need, Silence};
use domain::inventory::{Connection, is_on_this_machine};
use jiff::Timestamp;
use serde::Deserialize;

use crate::http::egress::{Surroundings, System};
use crate::http::{Answer, CallObserver, Http, Missed, Request, SetupError};
use crate::postmark::account;
use crate::postmark::email::Email;
use crate::shown::shown;

const POSTMARK_SERVER: &str = "x-postmark-server-token";
const POSTMARK_ACCOUNT: &str = "x-postmark-account-token";
const HEROKU_ACCEPT: &str = "application/vnd.heroku+json; version=3";

/// One way to a vendor, for asking about tokens.
pub struct Examiner {
    http: Http,
    proxied: bool,
}

/// What was heard, and when by the vendor's clock.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What was heard.
    pub heard: Heard,
    /// The vendor's time, where its answer told.
    pub date: Option<Timestamp>,
}

/// A mail that is sent to see whether one can be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestMail {
    /// The sending address.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
}

impl Examiner {
    /// Builds the client of a connection; nothing is sent. Relative paths start at `directory`.
    ///
    /// # Errors
    /// An address that no token may be sent to, or a CA or proxy that cannot be used.
    pub fn new(
        connection: &Connection,
        directory: &Path,
        observer: Option<std::sync::Arc<dyn CallObserver>>,
    ) -> Result<Self, SetupError> {
        let local = url::Url::parse(&connection.url).is_ok_and(|url| is_on_this_machine(&url));
        let proxied = connection.proxy.is_some() || !local && !System.proxies().is_empty();
        Ok(Self { http: Http::new(connection, directory, observer)?, proxied })
    }

    /// Over answers that are made up; what the fuzz targets read.
    pub(crate) fn over(http: Http) -> Self {
        Self { http, proxied: false }
    }

    /// Postmark's `GET /server` with the token as a server's.
    pub async fn postmark_server(&self, token: &Token) -> Answered {
        let request = json(Request::get(&["server"])).token(POSTMARK_SERVER, "", token);
        self.ask(request, read_server).await
    }

    /// Postmark's `GET /servers` with the token as an account's; the identity is told where the
    /// account is to have this server.
    pub async fn postmark_account(&self, token: &Token, server: Option<&str>) -> Answered {
        if let Some(server) = server {
            let named = account::servers_named(server, token);
            let read = |answer: &Answer| {
                let identity = account::read_account(answer, server)?;
                Some(Heard::Accepted { identity, sandbox: None })
            };
            return self.ask(named, |answer| postmark(answer, read)).await;
        }
        let request = json(Request::get(&["servers"]))
            .query("count", "1")
            .query("offset", "0")
            .token(POSTMARK_ACCOUNT, "", token);
        self.ask(request, |answer| postmark(answer, nameless)).await
    }

    /// Sends a mail through Postmark. The answer alone is read.
    pub async fn postmark_mail(&self, token: &Token, mail: &TestMail) -> Heard {
        let email = Email {
            from: &mail.from,
            to: &mail.to,
            subject: &mail.subject,
            text_body: "Sent by `rollover doctor` to see whether mail can be sent.",
            message_stream: "outbound",
            tag: "rollover-doctor",
            metadata: BTreeMap::new(),
        };
        self.ask(email.with(token), |answer| postmark(answer, nameless)).await.heard
    }

    /// Heroku's `GET /account`.
    pub async fn heroku(&self, token: &Token) -> Answered {
        self.ask(heroku_get(&["account"], token), read_account).await
    }

    /// A call that needs a scope of Heroku's. `app` is one whose config vars may be asked for.
    pub async fn heroku_need(&self, token: &Token, need: Need, app: Option<&str>) -> Heard {
        let one = "id ..; max=1";
        let request = match (need, app) {
            (Need::Identity, _) => heroku_get(&["account"], token),
            (Need::Read, _) => heroku_get(&["apps"], token).header("range", one),
            (Need::Global, _) => {
                heroku_get(&["oauth", "authorizations"], token).header("range", one)
            }
            (Need::ReadProtected, Some(app)) => heroku_get(&["apps", app, "config-vars"], token),
            (Need::ReadProtected, None) => return Heard::NotAsked,
        };
        self.ask(request, |answer| heroku(answer, nameless)).await.heard
    }

    async fn ask(&self, request: Request, read: impl Fn(&Answer) -> Heard) -> Answered {
        match self.http.hear(request).await {
            Ok(answer) => Answered { heard: read(&answer), date: date_of(&answer) },
            Err(missed) => Answered { heard: self.silence(missed), date: None },
        }
    }

    fn silence(&self, missed: Missed) -> Heard {
        let how = match missed.how {
            Silence::Refused | Silence::Name | Silence::Timeout if self.proxied => Silence::Proxy,
            how => how,
        };
        Heard::Silence { how, why: missed.fault.why().to_owned() }
    }
}

fn json(request: Request) -> Request {
    request.header("accept", "application/json")
}

fn heroku_get(path: &[&str], token: &Token) -> Request {
    Request::get(path).header("accept", HEROKU_ACCEPT).token("authorization", "Bearer ", token)
}

fn date_of(answer: &Answer) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(answer.header("date")?).ok()?;
    Some(date.timestamp())
}

fn stranger(answer: &Answer) -> Heard {
    Heard::Stranger { status: answer.status, looks: answer.looks().to_owned() }
}

/// A success that tells no name.
fn nameless(answer: &Answer) -> Option<Heard> {
    let is_json = answer.json::<serde::de::IgnoredAny>().is_some();
    is_json.then(|| Heard::Accepted { identity: String::new(), sandbox: None })
}

/// An answer of Postmark: a success as it is read, or its envelope, or a stranger's.
fn postmark(answer: &Answer, success: impl Fn(&Answer) -> Option<Heard>) -> Heard {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Envelope {
        error_code: i64,
        #[serde(default)]
        message: String,
    }
    let (status, error) = (answer.status, answer.json::<Envelope>());
    match error {
        Some(Envelope { error_code, message }) if status != 200 || error_code != 0 => {
            // Inside a success a code is an error all the same.
            let status = if status == 200 { 422 } else { status };
            Heard::Said { status, code: error_code.to_string(), message: shown(&message) }
        }
        _ if status == 200 => success(answer).unwrap_or_else(|| stranger(answer)),
        _ => stranger(answer),
    }
}

fn read_server(answer: &Answer) -> Heard {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Server {
        name: String,
        delivery_type: Option<String>,
    }
    postmark(answer, |answer| {
        let Server { name, delivery_type } = answer.json()?;
        let sandbox = delivery_type.map(|kind| kind.eq_ignore_ascii_case("sandbox"));
        (!name.is_empty()).then(|| Heard::Accepted { identity: shown(&name), sandbox })
    })
}

/// An answer of Heroku: a success as it is read, or its envelope, or a stranger's.
fn heroku(answer: &Answer, success: impl Fn(&Answer) -> Option<Heard>) -> Heard {
    #[derive(Deserialize)]
    struct Envelope {
        id: String,
        #[serde(alias = "error")]
        message: String,
    }
    if matches!(answer.status, 200 | 206) {
        return success(answer).unwrap_or_else(|| stranger(answer));
    }
    match answer.json() {
        Some(Envelope { id, message }) => {
            Heard::Said { status: answer.status, code: shown(&id), message: shown(&message) }
        }
        None => stranger(answer),
    }
}

fn read_account(answer: &Answer) -> Heard {
    #[derive(Deserialize)]
    struct Account {
        email: String,
    }
    heroku(answer, |answer| {
        let Account { email } = answer.json()?;
        Some(Heard::Accepted { identity: shown(&email), sandbox: None })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::{answer, fixture};

    const A: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn said(status: u16, code: &str, message: &str) -> Heard {
        Heard::Said { status, code: code.into(), message: message.into() }
    }

    #[test]
    fn postmark_is_told_from_whoever_answers_in_its_place() {
        let read = |status, body: &str| read_server(&answer("Postmark", status, body));
        let body =
            format!(r#"{{"Name":"acme-prod","DeliveryType":"Sandbox","ApiTokens":["{A}"]}}"#);
        let accepted = Heard::Accepted { identity: "acme-prod".into(), sandbox: Some(true) };
        assert_eq!(read(200, &body), accepted);
        let dead = read(401, &fixture("postmark/401.code10.json"));
        assert!(dead.is_unknown_token(), "{dead:?}");
        assert_eq!(
            read(422, r#"{"ErrorCode":405,"Message":"Not allowed to send."}"#),
            said(422, "405", "Not allowed to send.")
        );
        for (status, body) in [(403, "<html>"), (401, "<html>"), (200, "<html>"), (502, "")] {
            assert!(matches!(read(status, body), Heard::Stranger { .. }), "{status} {body}");
        }
        assert!(
            !format!("{:?}", read(401, &format!(r#"{{"ErrorCode":1,"Message":"{A}"}}"#)))
                .contains(A)
        );
    }

    #[test]
    fn an_error_inside_of_a_success_is_one() {
        let heard =
            postmark(&answer("Postmark", 200, r#"{"ErrorCode":406,"Message":"x"}"#), nameless);
        assert_eq!(heard, said(422, "406", "x"));
        let heard =
            postmark(&answer("Postmark", 200, r#"{"ErrorCode":0,"Message":"OK"}"#), nameless);
        assert!(heard.is_accepted());
    }

    #[test]
    fn heroku_says_what_is_missing() {
        let read = |status, body: &str| read_account(&answer("Heroku", status, body));
        assert!(
            read(401, r#"{"id":"unauthorized","message":"Invalid credentials provided."}"#)
                .is_unknown_token()
        );
        assert_eq!(
            read(403, r#"{"id":"forbidden","message":"no"}"#).coded(),
            Some((403, "forbidden"))
        );
        assert_eq!(
            read(402, r#"{"id":"delinquent","message":"no"}"#).coded(),
            Some((402, "delinquent"))
        );
        assert!(matches!(read(403, "<html>"), Heard::Stranger { status: 403, .. }));
        assert!(read(200, r#"{"email":"ops@example.com"}"#).is_accepted());
    }
}
