//! What Infisical's answers say.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Token;
use serde::Deserialize;
use serde_json::Number;

use super::session::LOCKED;
use crate::Fault;
use crate::hidden::Hidden;
use crate::http::{Answer, Said};
use crate::shown::shown;

/// How long an access token is trusted to live at most, whatever the server says.
const ACCESS_SECONDS_MAX: u64 = 86_400;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(rename = "error")]
    code: String,
    status_code: u16,
    // A list of issues where the request was malformed; those may repeat what was sent.
    #[serde(default)]
    message: Option<Message>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Text(String),
    Issues(serde::de::IgnoredAny),
}

fn said(answer: &Answer) -> Option<Said> {
    let Envelope { code, status_code, message } = answer.json()?;
    if status_code != answer.status {
        return None;
    }
    let message = match message {
        Some(Message::Text(text)) => text,
        Some(Message::Issues(_)) | None => String::new(),
    };
    Some(Said { code, message })
}

/// An answer that is no success of its call. The wait of a 429 stands in its text.
fn failure(answer: &Answer) -> Fault {
    let said = said(answer);
    let asked = said.as_ref().and_then(|said| seconds_in(&said.message));
    match answer.failure(said.as_ref()) {
        Fault::Later { why, after: None, .. } if answer.status == 429 => answer.later(why, asked),
        // Refused at the door: nothing was done, and the next login may be let in.
        Fault::Refused { why, .. } if has_ended(answer) => answer.later(why, None),
        fault => fault,
    }
}

fn seconds_in(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("again in ")?;
    let seconds: u64 = rest.split(' ').next()?.parse().ok()?;
    Some(Duration::from_secs(seconds.min(3_600)))
}

/// Whether the access token is not accepted (any more).
pub(super) fn has_ended(answer: &Answer) -> bool {
    match (answer.status, said(answer)) {
        (401, Some(_)) => true,
        (403, Some(said)) => said.code == "TokenError",
        _ => false,
    }
}

/// Whether the server says that there is no such secret. It says the same of a folder or a
/// project, by name.
pub(super) fn is_missing(answer: &Answer) -> bool {
    let elsewhere = ["folder", "project", "environment", "workspace"];
    match (answer.status, said(answer)) {
        (404, Some(said)) => {
            let first = said.message.split(' ').next().unwrap_or_default().to_ascii_lowercase();
            !elsewhere.contains(&first.as_str())
        }
        _ => false,
    }
}

/// `POST /v1/auth/universal-auth/login`: the access token and how long it lives.
pub(super) fn login(answer: &Answer) -> Result<(Token, Duration), Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Access {
        access_token: Hidden,
        expires_in: u64,
    }
    if answer.status != 200 {
        let locked = said(answer).is_some_and(|said| said.message.contains("locked"));
        return Err(match failure(answer) {
            fault if locked => answer.later(fault.why(), Some(LOCKED)),
            // Unlike for other calls, 401 is a real no here.
            Fault::Later { why, .. } if answer.status == 401 && said(answer).is_some() => {
                answer.refused(why)
            }
            fault => fault,
        });
    }
    let access: Access = answer.json().ok_or_else(|| answer.nonsense("an access token"))?;
    let lifetime = Duration::from_secs(access.expires_in.min(ACCESS_SECONDS_MAX));
    Ok((access.access_token.0, lifetime))
}

/// A secret as the store holds it.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) token: Token,
    pub(super) version: String,
    /// Infisical's own rotation writes it.
    pub(super) is_rotated: bool,
}

impl Entry {
    /// Whether it holds the token. The server trims values but keeps one line end.
    pub(super) fn holds(&self, token: &Token) -> bool {
        Token::from(self.token.expose().trim()) == Token::from(token.expose().trim())
    }
}

/// `GET /v3/secrets/raw/{key}` or `GET /v4/secrets/{key}`; `None` where there is no such secret.
pub(super) fn entry(answer: &Answer) -> Result<Option<Entry>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Secret {
        secret_value: Hidden,
        version: Number,
        #[serde(default)]
        secret_value_hidden: bool,
        #[serde(default)]
        is_rotated_secret: Option<bool>,
    }
    #[derive(Deserialize)]
    struct Found {
        secret: Secret,
    }
    if is_missing(answer) {
        return Ok(None);
    }
    if answer.status != 200 {
        return Err(failure(answer));
    }
    let Found { secret } = answer.json().ok_or_else(|| answer.nonsense("a secret"))?;
    if secret.secret_value_hidden {
        return Err(answer.refused("the login may not read the value, only that it is there"));
    }
    Ok(Some(Entry {
        token: secret.secret_value.0,
        version: secret.version.to_string(),
        is_rotated: secret.is_rotated_secret.unwrap_or(false),
    }))
}

/// `GET /v3/secrets/raw` or `GET /v4/secrets`: those of a folder whose value is shown, of these
/// keys only. One that is not among them is asked for by itself.
pub(super) fn folder(answer: &Answer, keys: &[String]) -> Result<BTreeMap<String, Entry>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Secret {
        secret_key: String,
        secret_value: Option<Hidden>,
        version: Number,
        #[serde(default)]
        secret_value_hidden: bool,
        #[serde(default)]
        is_rotated_secret: Option<bool>,
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    #[derive(Deserialize)]
    struct Found {
        secrets: Vec<Secret>,
    }
    if answer.status != 200 {
        return Err(failure(answer));
    }
    let Found { secrets } = answer.json().ok_or_else(|| answer.nonsense("secrets"))?;
    let ours = secrets.into_iter().filter(|secret| {
        let shared = secret.kind.as_deref().is_none_or(|kind| kind == "shared");
        keys.contains(&secret.secret_key) && shared && !secret.secret_value_hidden
    });
    let entries = ours.filter_map(|secret| {
        let entry = Entry {
            token: secret.secret_value?.0,
            version: secret.version.to_string(),
            is_rotated: secret.is_rotated_secret.unwrap_or(false),
        };
        Some((secret.secret_key, entry))
    });
    Ok(entries.collect())
}

/// How a write was answered.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Written {
    /// Taken.
    Stored,
    /// An approval is needed first; its id.
    Waits(String),
}

/// `PATCH` or `POST` of a secret: 200 with the secret, or with an approval and nothing stored.
pub(super) fn written(answer: &Answer) -> Result<Written, Fault> {
    #[derive(Deserialize)]
    struct Approval {
        id: Option<String>,
    }
    #[derive(Deserialize)]
    struct Ended {
        secret: Option<serde::de::IgnoredAny>,
        approval: Option<Approval>,
    }
    if answer.status != 200 {
        return Err(failure(answer));
    }
    match answer.json() {
        Some(Ended { approval: Some(approval), .. }) => {
            Ok(Written::Waits(waiting(approval.id.as_deref())))
        }
        Some(Ended { secret: Some(_), .. }) => Ok(Written::Stored),
        _ => Err(answer.nonsense("a secret or an approval")),
    }
}

fn waiting(id: Option<&str>) -> String {
    match id {
        Some(id) => format!("waits for an approval in Infisical ({})", shown(id)),
        None => "waits for an approval in Infisical".to_owned(),
    }
}
