//! Postmark: servers, their tokens (listed by the API, made and deleted by people only), and mail.
//!
//! Rules: <https://postmarkapp.com/developer/api/overview>. Tokens are UUIDs in any case; up to three per
//! server, and three of the account, which no API lists; a missing, unknown, deleted or misplaced token is 401 with code 10; nothing else is 401.

mod account;
mod sending;
mod servers;
mod stats;
mod webhooks;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::wire::{Call, Reply};
use crate::world::Turn;
use crate::{PostmarkKnobs, random};

pub(crate) use servers::{Server, TOKENS_MAX, Token, TokenError};
pub(crate) use webhooks::Webhook;

/// All that Postmark knows about one account.
#[derive(Clone)]
pub(crate) struct Postmark {
    pub(crate) gate: Gate<Holder>,
    pub(crate) servers: BTreeMap<u64, Server>,
    /// The account's own tokens.
    pub(crate) account_tokens: Vec<Token>,
    /// The servers of another account.
    elsewhere: BTreeMap<u64, Server>,
    pub(crate) messages: VecDeque<Message>,
    pub(crate) domains: Vec<String>,
    /// What happened, by server and day.
    pub(crate) days: BTreeMap<(u64, String), Day>,
    /// Where events are told to.
    pub(crate) webhooks: Vec<Webhook>,
}

/// One day of a server.
#[derive(Clone, Copy, Default)]
pub(crate) struct Day {
    pub(crate) sent: u64,
    pub(crate) bounced: u64,
    pub(crate) api_errors: u64,
    pub(crate) complaints: u64,
}

/// Whom a token speaks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Account,
    /// Another account, which somebody else has.
    OtherAccount,
    Server(u64),
}

/// A mail that was accepted.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) server: u64,
    pub(crate) id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) bcc: String,
    pub(crate) subject: String,
    pub(crate) tag: String,
    pub(crate) metadata: Value,
    pub(crate) stream: String,
    pub(crate) at: Timestamp,
    /// Whether the server is a sandbox, which delivers nothing.
    pub(crate) sandboxed: bool,
}

/// How many mails are kept for searching.
pub(crate) const MESSAGES_MAX: usize = 2_000;

impl Postmark {
    pub(crate) fn new(account_token: &str, domains: Vec<String>, now: Timestamp) -> Self {
        let mut postmark = Self {
            gate: Gate::new(),
            servers: BTreeMap::new(),
            account_tokens: Vec::new(),
            elsewhere: BTreeMap::new(),
            messages: VecDeque::new(),
            domains,
            days: BTreeMap::new(),
            webhooks: Vec::new(),
        };
        postmark.add_account_token(account_token.to_owned(), now, now);
        postmark
    }
}

/// Who is asking, by the two headers; they are not to be mixed.
enum Asker {
    Account,
    OtherAccount,
    Server(u64),
    /// The literal `POSTMARK_API_TEST`: may send, and nothing is sent.
    DryRun,
}

pub(crate) fn answer(
    postmark: &mut Postmark,
    knobs: &PostmarkKnobs,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let segments = call.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let account_route = matches!(parts.first(), Some(&"servers" | &"domains" | &"senders"));
    let asker = match asker(postmark, call, account_route, turn.now) {
        Ok(asker) => asker,
        Err(reply) => return reply,
    };
    let method = call.method.as_str();
    match (asker, method, parts.as_slice()) {
        (Asker::Account, _, ["servers", rest @ ..]) => {
            servers::account_api(postmark, knobs, method, rest, call, turn)
        }
        (Asker::OtherAccount, "GET", ["servers"]) => {
            servers::list(&postmark.elsewhere, knobs, call, turn)
        }
        (Asker::DryRun, "POST", ["email"]) => sending::dry_run(call, turn.now),
        (Asker::DryRun, "POST", ["email", "batch"]) => sending::dry_batch(call, turn.now),
        (Asker::DryRun, _, _) => no_server_token(),
        (Asker::Server(id), "GET", ["server"]) => servers::show(postmark, knobs, id, turn),
        (Asker::Server(id), "PUT", ["server"]) => servers::edit(postmark, knobs, id, call, turn),
        (Asker::Server(id), "POST", ["email"]) => sending::send(postmark, knobs, id, call, turn),
        (Asker::Server(id), "POST", ["email", "batch"]) => {
            sending::batch(postmark, knobs, id, call, turn)
        }
        (Asker::Server(id), "GET", ["stats", rest @ ..]) => stats::stats(postmark, id, rest, call),
        (Asker::Server(id), "GET", ["deliverystats"]) => stats::delivery(postmark, id),
        (Asker::Server(id), _, ["webhooks", rest @ ..]) => {
            webhooks::api(postmark, id, method, rest, call, turn)
        }
        (Asker::Server(id), "GET", ["bounces"]) => stats::bounces(postmark, id, call),
        (Asker::Server(id), "GET", ["messages", "outbound"]) => stats::search(postmark, id, call),
        (Asker::Server(id), "GET", ["messages", "outbound", message, "details"]) => {
            stats::details(postmark, id, message)
        }
        _ => error(404, 0, "The requested resource was not found."),
    }
}

fn asker(
    postmark: &Postmark,
    call: &Call,
    account_route: bool,
    now: Timestamp,
) -> Result<Asker, Reply> {
    let server = call.header("x-postmark-server-token").map(str::to_ascii_lowercase);
    let account = call.header("x-postmark-account-token").map(str::to_ascii_lowercase);
    match (server, account) {
        (Some(_), Some(_)) => Err(error(
            401,
            10,
            "Please do not include Account API Token for Server API Token calls.",
        )),
        (Some(token), None) if !account_route => {
            if token == "postmark_api_test" {
                return Ok(Asker::DryRun);
            }
            match postmark.gate.who(&token, now) {
                Some(&Holder::Server(id)) => Ok(Asker::Server(id)),
                _ => Err(no_server_token()),
            }
        }
        (None, Some(token)) if account_route => match postmark.gate.who(&token, now) {
            Some(Holder::Account) => Ok(Asker::Account),
            Some(Holder::OtherAccount) => Ok(Asker::OtherAccount),
            _ => Err(no_account_token()),
        },
        _ if account_route => Err(no_account_token()),
        _ => Err(no_server_token()),
    }
}

fn no_server_token() -> Reply {
    error(401, 10, "Request does not contain a valid Server token.")
}

fn no_account_token() -> Reply {
    error(401, 10, "Request does not contain a valid Account token.")
}

/// The envelope of every error.
pub(crate) fn error(status: u16, code: u32, message: &str) -> Reply {
    Reply::json(status, &json!({ "ErrorCode": code, "Message": message }))
}

/// An error that is always 422: the token is fine, the request or the account is not.
fn invalid(code: u32, message: &str) -> Reply {
    error(422, code, message)
}

pub(crate) fn too_many() -> Reply {
    error(429, 429, "Rate limit exceeded.")
}

/// A definite no.
pub(crate) fn refused(status: u16) -> Reply {
    match status {
        422 => invalid(402, "Invalid JSON"),
        _ => error(status, 0, "Forbidden"),
    }
}

pub(crate) fn server_error(status: u16) -> Reply {
    if status == 503 {
        error(503, 100, "The Postmark API is offline for maintenance.")
    } else {
        error(status, 0, "Internal Server Error")
    }
}

/// The instant with seven decimals, as Postmark writes it.
fn submitted_at(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f0Z").to_string()
}

fn message_id() -> String {
    random::uuid()
}
