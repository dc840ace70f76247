//! A tiny HTTP client of the tests' own, and the comparison of answers with the fixtures.

use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use lab::{ClockMode, Credentials, Lab, LabConfig};
use serde_json::{Value, json};

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The status, and a body of the fixture's shape.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, fixture: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        same_shape(&load(fixture), &body, fixture);
        body
    }
}

/// One request on a connection of its own; the error is the connection's.
pub(crate) async fn try_ask(
    base: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Result<Answer, hyper::Error> {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let host = base.trim_start_matches("http://");
    let stream = tokio::net::TcpStream::connect(host).await.expect("connects");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let mut request = hyper::Request::builder().method(method).uri(path).header("host", host);
    if !body.is_null() {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(bytes))).expect("a request");
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    driver.abort();
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
}

pub(crate) async fn ask(
    base: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Answer {
    try_ask(base, method, path, headers, &body).await.expect("an answer")
}

/// A lab with a clock that stands still, and everything in it.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) it: Credentials,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(LabConfig { clock: ClockMode::Explicit, ..LabConfig::default() }).await
    }

    pub(crate) async fn with(config: LabConfig) -> Self {
        let lab = Lab::start(config).await.expect("starts");
        let it = lab.credentials();
        Self { lab, it }
    }

    pub(crate) fn advance_ms(&self, ms: u64) {
        self.lab.advance(Duration::from_millis(ms));
    }

    /// Postmark with a server token.
    pub(crate) async fn postmark(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        let headers = [("accept", "application/json"), ("x-postmark-server-token", token)];
        ask(&self.lab.urls().postmark, method, path, &headers, body).await
    }

    /// Postmark with the account token.
    pub(crate) async fn account(&self, method: &str, path: &str, body: Value) -> Answer {
        let token = self.it.postmark_account_token.as_str();
        let headers = [("accept", "application/json"), ("x-postmark-account-token", token)];
        ask(&self.lab.urls().postmark, method, path, &headers, body).await
    }

    pub(crate) async fn heroku(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        self.try_heroku(token, method, path, &body).await.expect("an answer")
    }

    pub(crate) async fn try_heroku(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Answer, hyper::Error> {
        let bearer = format!("Bearer {token}");
        let headers = [("accept", HEROKU_ACCEPT), ("authorization", bearer.as_str())];
        try_ask(&self.lab.urls().heroku, method, path, &headers, body).await
    }

    /// Heroku with the management token.
    pub(crate) async fn manage(&self, method: &str, path: &str, body: Value) -> Answer {
        self.heroku(&self.it.heroku_management_token, method, path, body).await
    }

    pub(crate) async fn github(&self, method: &str, path: &str, body: Value) -> Answer {
        self.github_as(&self.it.github_token, method, path, body).await
    }

    pub(crate) async fn github_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        let bearer = format!("token {token}");
        let headers =
            [("accept", "application/vnd.github+json"), ("authorization", bearer.as_str())];
        ask(&self.lab.urls().github, method, path, &headers, body).await
    }

    pub(crate) async fn infisical(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        ask(&self.lab.urls().infisical, method, path, &headers, body).await
    }

    pub(crate) async fn login(&self, path: &str, secret: &str) -> Answer {
        let body = json!({ "clientId": self.it.infisical_client_id, "clientSecret": secret });
        ask(&self.lab.urls().infisical, "POST", path, &[], body).await
    }

    pub(crate) async fn infisical_token(&self) -> String {
        let secret = self.it.infisical_client_secret.clone();
        let answer = self.login("/api/v1/auth/universal-auth/login", &secret).await;
        answer.json()["accessToken"].as_str().expect("a token").to_owned()
    }
}

pub(crate) const HEROKU_ACCEPT: &str = "application/vnd.heroku+json; version=3";

pub(crate) fn load(fixture: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(fixture);
    let text = std::fs::read_to_string(&path).expect("the fixture is there");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

/// Every key of the documented answer is there, with a value of the same type. More keys may be there.
#[track_caller]
fn same_shape(documented: &Value, ours: &Value, at: &str) {
    match (documented, ours) {
        (Value::Object(documented), Value::Object(ours)) => {
            for (key, value) in documented {
                let at = format!("{at}.{key}");
                let ours = ours.get(key);
                assert!(ours.is_some(), "{at} is missing");
                same_shape(value, ours.unwrap_or(&Value::Null), &at);
            }
        }
        (Value::Array(documented), Value::Array(ours)) => {
            if let (Some(documented), Some(ours)) = (documented.first(), ours.first()) {
                same_shape(documented, ours, &format!("{at}[0]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (documented, ours) => {
            let kind = std::mem::discriminant(documented) == std::mem::discriminant(ours);
            assert!(kind, "{at}: {documented} is documented, not {ours}");
        }
    }
}
