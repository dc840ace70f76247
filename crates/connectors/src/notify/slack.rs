//! Slack.
//!
//! `chat.postMessage` and `chat.update` answer with HTTP 200 even where they fail: what counts is
//! `ok`, and `error` says why not. 429 has `Retry-After`. A message is named by its channel's id
//! and its `ts`; a reply carries the first one's `ts` as `thread_ts`. An incoming webhook answers
//! `ok` as text, and its whole address is a secret.
//!
//! <https://docs.slack.dev/reference/methods/chat.postMessage>,
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use domain::Token;
use domain::notify::Message;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::Unsaid;
use crate::http::{Answer, Http, Request};
use crate::shown::shown;

/// What Slack calls a token that does not work any more.
const DEAD: [&str; 5] =
    ["invalid_auth", "token_revoked", "token_expired", "account_inactive", "not_authed"];

#[derive(Serialize)]
struct Post<'a> {
    channel: &'a str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<&'a str>,
    unfurl_links: bool,
}

#[derive(Serialize)]
struct Update<'a> {
    channel: &'a str,
    ts: &'a str,
    text: String,
}

#[derive(Deserialize)]
struct Answered {
    ok: bool,
    error: Option<String>,
    channel: Option<String>,
    ts: Option<String>,
}

pub(super) async fn post(
    http: &Http,
    token: &Token,
    channel: &str,
    message: &Message,
    thread: Option<&str>,
) -> Result<String, Unsaid> {
    let thread_ts = thread.and_then(|first| first.split_once(' ')).map(|(_, ts)| ts);
    let post = Post { channel, text: text(message), thread_ts, unfurl_links: false };
    let request = Request::change(Method::POST, &["chat.postMessage"])
        .token("authorization", "Bearer ", token)
        .json(&post);
    let answer = http.send(request).await?;
    let answered = read(&answer)?;
    match (answered.channel, answered.ts) {
        (Some(channel), Some(ts)) => Ok(format!("{} {}", shown(&channel), shown(&ts))),
        _ => Err(answer.nonsense("`channel` and `ts`").into()),
    }
}

pub(super) async fn update(
    http: &Http,
    token: &Token,
    first: &str,
    message: &Message,
) -> Result<(), Unsaid> {
    let Some((channel, ts)) = first.split_once(' ') else {
        return Ok(());
    };
    let request = Request::change(Method::POST, &["chat.update"])
        .token("authorization", "Bearer ", token)
        .json(&Update { channel, ts, text: text(message) });
    read(&http.send(request).await?).map(drop)
}

pub(super) async fn hook(http: &Http, message: &Message) -> Result<String, Unsaid> {
    #[derive(Serialize)]
    struct Hook {
        text: String,
    }
    let request = Request::change(Method::POST, &[]).json(&Hook { text: text(message) });
    read_hook(&http.send(request).await?)
}

/// 200 `ok`; 403 `invalid_token`, 404 `no_service` and 410 mean that the address is dead.
fn read_hook(answer: &Answer) -> Result<String, Unsaid> {
    let body = String::from_utf8_lossy(&answer.body);
    match (answer.status, body.trim()) {
        (200, "ok") => Ok("ok".into()),
        (403, "invalid_token" | "action_prohibited") | (404, "no_service") | (410, _) => {
            Err(Unsaid::Dead(format!("{} {}", answer.status, shown(&body))))
        }
        (400..=404, said) => {
            Err(answer.refused(format!("{} {}", answer.status, shown(said))).into())
        }
        _ => Err(answer.failure(None).into()),
    }
}

fn read(answer: &Answer) -> Result<Answered, Unsaid> {
    if answer.status != 200 {
        return Err(answer.failure(None).into());
    }
    let Some(answered) = answer.json::<Answered>() else {
        return Err(answer.nonsense("`ok`").into());
    };
    if answered.ok {
        return Ok(answered);
    }
    let error = shown(answered.error.as_deref().unwrap_or("no error named"));
    Err(match error.as_str() {
        dead if DEAD.contains(&dead) => Unsaid::Dead(error),
        "ratelimited" => answer.later(error, None).into(),
        "internal_error" | "fatal_error" | "service_unavailable" => answer.unsure(error).into(),
        _ => answer.refused(error).into(),
    })
}

/// The title in bold, and the lines below it. What Slack gives a meaning is written as it says.
fn text(message: &Message) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let lines: Vec<String> = message.lines().iter().map(|line| escaped(line)).collect();
    format!("*{}*\n{}", escaped(&message.title()), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;
    use crate::http::tests::change;

    #[test]
    fn what_slack_answers() {
        fn read(status: u16, body: &str) -> Result<Option<String>, Unsaid> {
            super::read(&change("Slack", status, body)).map(|one| one.ts)
        }
        let good = r#"{"ok":true,"channel":"C1","ts":"1700000000.000100","message":{}}"#;
        assert_eq!(read(200, good).unwrap().as_deref(), Some("1700000000.000100"));
        let no = |error: &str| format!(r#"{{"ok":false,"error":"{error}"}}"#);
        for dead in DEAD {
            assert_eq!(read(200, &no(dead)).unwrap_err(), Unsaid::Dead(dead.into()));
        }
        let fault = |status, body: &str| match read(status, body) {
            Err(Unsaid::Fault(fault)) => fault,
            other => panic!("{other:?}"),
        };
        assert!(matches!(fault(200, &no("channel_not_found")), Fault::Refused { .. }));
        assert!(matches!(fault(200, &no("ratelimited")), Fault::Later { .. }));
        assert!(matches!(fault(429, ""), Fault::Later { .. }));
        assert!(matches!(fault(200, "<html>"), Fault::Unsure { .. }));
        assert!(matches!(fault(500, ""), Fault::Unsure { .. }));
    }

    #[test]
    fn what_a_hook_answers() {
        let read = |status, body| read_hook(&change("Slack", status, body));
        assert_eq!(read(200, "ok").unwrap(), "ok");
        assert!(matches!(read(404, "no_service"), Err(Unsaid::Dead(_))));
        assert!(matches!(read(403, "invalid_token"), Err(Unsaid::Dead(_))));
        assert!(matches!(read(400, "invalid_payload"), Err(Unsaid::Fault(Fault::Refused { .. }))));
        assert!(matches!(read(500, "rollup_error"), Err(Unsaid::Fault(Fault::Unsure { .. }))));
    }
}
