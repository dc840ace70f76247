//! Heroku's log sessions: a URL that shows an app's recent lines to whoever has it.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{App, Heroku};
use crate::clock::{later, seconds};
use crate::random;
use crate::wire::{Call, Reply, text};
use crate::world::Turn;

/// How many lines an app keeps.
const LINES_MAX: usize = 1_500;
/// How many lines a session shows when the client does not say.
const LINES: usize = 100;
/// How long a session's URL shows anything.
const SESSION: Duration = Duration::from_secs(300);

/// A URL that was handed out.
#[derive(Clone)]
pub(crate) struct Session {
    app: String,
    until: Timestamp,
}

impl App {
    /// A line as Logplex writes it: `time source[dyno]: text`.
    pub(crate) fn log(&mut self, at: Timestamp, source: &str, dyno: &str, text: &str) {
        push(&mut self.logs, at, source, dyno, text);
    }
}

fn push(logs: &mut VecDeque<String>, at: Timestamp, source: &str, dyno: &str, text: &str) {
    if logs.len() == LINES_MAX {
        logs.pop_front();
    }
    let at = at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00");
    logs.push_back(format!("{at} {source}[{dyno}]: {text}"));
}

pub(crate) fn open(heroku: &mut Heroku, app: &str, call: &Call, turn: &Turn<'_>) -> Reply {
    let body = call.json().unwrap_or_default();
    let id = random::uuid();
    let lines = body.get("lines").and_then(serde_json::Value::as_u64);
    let mut url = format!("{}/logplex/sessions/{id}?srv=1", turn.urls.heroku);
    if let Some(lines) = lines {
        url.push_str(&format!("&num={lines}"));
    }
    if let Some(source) =
        text(&body, "source").filter(|word| word.chars().all(char::is_alphanumeric))
    {
        url.push_str(&format!("&source={source}"));
    }
    let session = Session { app: app.to_owned(), until: later(turn.now, SESSION) };
    heroku.log_sessions.insert(id.clone(), session);
    let now = seconds(turn.now);
    Reply::json(201, &json!({ "id": id, "logplex_url": url, "created_at": now, "updated_at": now }))
}

pub(crate) fn read(heroku: &Heroku, session: &str, call: &Call, now: Timestamp) -> Reply {
    let session = heroku.log_sessions.get(session).filter(|session| now < session.until);
    let app = session.and_then(|session| heroku.apps.get(&session.app));
    let Some(app) = app else {
        return Reply::text(404, "no such session\n");
    };
    let lines = call.query("num").and_then(|num| num.parse().ok()).unwrap_or(LINES);
    let source = call.query("source").map(|source| format!(" {source}["));
    let fits = |line: &&String| source.as_deref().is_none_or(|wanted| line.contains(wanted));
    let found: Vec<_> = app.logs.iter().filter(fits).collect();
    let skip = found.len().saturating_sub(lines);
    let body: String = found.iter().skip(skip).map(|line| format!("{line}\n")).collect();
    Reply::text(200, &body)
}
