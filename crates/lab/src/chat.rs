//! Places where people are told: Slack, and somebody's own receiver of signed POSTs.
//!
//! Slack's methods answer with HTTP 200 whatever happened; `ok` and `error` say what. A token that
//! was revoked answers `token_revoked`, one that never was `invalid_auth`. 429 has `Retry-After`.
//! An incoming webhook answers in text. `chat.update` changes a message in its place and answers
//! `message_not_found` where there is none. Rules: <https://docs.slack.dev>.
//!
//! The receiver checks what a careful one checks: HMAC-SHA-256 over time and body, and that the
//! time is not more than five minutes away. It keeps what it refused, too.

use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::random;
use crate::wire::{Call, Reply, text};

/// How far a receiver lets the time of a POST be from its own.
const WINDOW_SECONDS: i64 = 300;

/// A message in the simulated Slack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlackMessage {
    /// The channel.
    pub channel: String,
    /// Its name within the channel.
    pub ts: String,
    /// The message that it answers.
    pub thread: Option<String>,
    /// What it says now.
    pub text: String,
    /// How often it was changed.
    pub edits: u32,
}

/// A POST that came to the receiver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// Its id, as its header says.
    pub id: String,
    /// What it was answered with.
    pub status: u16,
    /// Its body.
    pub body: String,
}

pub(crate) struct Chat {
    state: Mutex<State>,
}

struct State {
    token: String,
    revoked: bool,
    hook: String,
    secret: String,
    busy: u32,
    counter: u64,
    messages: Vec<SlackMessage>,
    received: Vec<Received>,
}

impl Chat {
    pub(crate) fn new() -> Self {
        let state = State {
            token: format!("xoxb-{}", random::alnum(40)),
            revoked: false,
            hook: format!("T{}/B{}/{}", random::alnum(8), random::alnum(8), random::alnum(24)),
            secret: random::alnum(40),
            busy: 0,
            counter: 0,
            messages: Vec::new(),
            received: Vec::new(),
        };
        Self { state: Mutex::new(state) }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn token(&self) -> String {
        self.with(|state| state.token.clone())
    }

    pub(crate) fn hook(&self) -> String {
        self.with(|state| state.hook.clone())
    }

    pub(crate) fn secret(&self) -> String {
        self.with(|state| state.secret.clone())
    }

    pub(crate) fn revoke(&self) {
        self.with(|state| state.revoked = true);
    }

    pub(crate) fn be_busy(&self, times: u32) {
        self.with(|state| state.busy = times);
    }

    pub(crate) fn messages(&self) -> Vec<SlackMessage> {
        self.with(|state| state.messages.clone())
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.with(|state| state.received.clone())
    }

    /// Answers under `/slack/`.
    pub(crate) fn slack(&self, rest: &[&str], call: &Call, now: Timestamp) -> Reply {
        self.with(|state| match (call.method.as_str(), rest) {
            ("POST", ["api", method]) => state.method(method, call, now),
            ("POST", ["services", hook @ ..]) => state.services(&hook.join("/"), call, now),
            _ => Reply::text(404, "not found"),
        })
    }

    /// Answers a POST to the receiver.
    pub(crate) fn receive(&self, call: &Call, now: Timestamp) -> Reply {
        self.with(|state| {
            let id = call.header("x-rollover-id").unwrap_or_default().to_owned();
            let status = state.judge(call, now);
            let body = String::from_utf8_lossy(&call.body).into_owned();
            state.received.push(Received { id, status, body });
            Reply::empty(status)
        })
    }
}

impl State {
    fn method(&mut self, method: &str, call: &Call, now: Timestamp) -> Reply {
        if self.busy > 0 {
            self.busy -= 1;
            let no = json!({ "ok": false, "error": "ratelimited" });
            return Reply::json(429, &no).header("retry-after", "1");
        }
        let no = |error: &str| Reply::json(200, &json!({ "ok": false, "error": error }));
        match call.authorization() {
            None => return no("not_authed"),
            Some(token) if token != self.token => return no("invalid_auth"),
            Some(_) if self.revoked => return no("token_revoked"),
            Some(_) => {}
        }
        let body = call.json().unwrap_or_default();
        let (Some(channel), Some(said)) = (text(&body, "channel"), text(&body, "text")) else {
            return no(if text(&body, "text").is_some() { "channel_not_found" } else { "no_text" });
        };
        match method {
            "chat.postMessage" => {
                let ts = self.post(channel, text(&body, "thread_ts"), said, now);
                Reply::json(200, &yes(channel, &ts, said))
            }
            "chat.update" => {
                let ts = text(&body, "ts").unwrap_or_default();
                let same = |one: &&mut SlackMessage| one.channel == channel && one.ts == ts;
                let Some(message) = self.messages.iter_mut().find(same) else {
                    return no("message_not_found");
                };
                said.clone_into(&mut message.text);
                message.edits += 1;
                Reply::json(200, &yes(channel, ts, said))
            }
            _ => no("unknown_method"),
        }
    }

    fn services(&mut self, hook: &str, call: &Call, now: Timestamp) -> Reply {
        if hook != self.hook {
            return Reply::text(404, "no_service");
        }
        let body = call.json().unwrap_or_default();
        match text(&body, "text") {
            Some(said) => {
                self.post("by-hook", None, said, now);
                Reply::text(200, "ok")
            }
            None => Reply::text(400, "no_text"),
        }
    }

    fn post(&mut self, channel: &str, thread: Option<&str>, said: &str, now: Timestamp) -> String {
        self.counter += 1;
        let ts = format!("{}.{:06}", now.as_second(), self.counter);
        self.messages.push(SlackMessage {
            channel: channel.to_owned(),
            ts: ts.clone(),
            thread: thread.map(str::to_owned),
            text: said.to_owned(),
            edits: 0,
        });
        ts
    }

    fn judge(&self, call: &Call, now: Timestamp) -> u16 {
        let at = call.header("x-rollover-timestamp").unwrap_or_default();
        let given = call.header("x-rollover-signature").unwrap_or_default();
        let Ok(second) = at.parse::<i64>() else { return 400 };
        let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(self.secret.as_bytes()) else {
            return 500;
        };
        mac.update(at.as_bytes());
        mac.update(b".");
        mac.update(&call.body);
        let bytes = mac.finalize().into_bytes();
        let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if given != format!("sha256={expected}") {
            return 401;
        }
        if (now.as_second() - second).abs() > WINDOW_SECONDS {
            return 403;
        }
        // An id that was taken before is taken again: it is the receiver's to do it once.
        200
    }
}

fn yes(channel: &str, ts: &str, said: &str) -> Value {
    json!({ "ok": true, "channel": channel, "ts": ts, "message": { "text": said, "ts": ts } })
}
