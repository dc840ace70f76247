//! Postmark's servers: the two APIs that show them, and the tokens that only the dashboard makes and deletes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Holder, Postmark, error, invalid};
use crate::gate::Gate;
use crate::wire::{Call, Reply, text};
use crate::world::Turn;
use crate::{Listing, PostmarkKnobs, random};

/// How many tokens a server may have, or an account.
pub(crate) const TOKENS_MAX: usize = 3;

/// A server: one sender's settings, mail streams and tokens.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) tokens: Vec<Token>,
    pub(crate) delivery_type: String,
    settings: Map<String, Value>,
}

/// A token as the dashboard lists it.
#[derive(Clone)]
pub(crate) struct Token {
    /// The row in the dashboard; the API knows no such thing.
    pub(crate) row: String,
    pub(crate) value: String,
    pub(crate) created: Timestamp,
}

impl Token {
    pub(super) fn new(value: String, created: Timestamp) -> Self {
        Self { row: random::hex(12), value, created }
    }
}

/// Why the dashboard refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    NoServer,
    NoToken,
    Full,
}

impl Server {
    pub(super) fn new(id: u64, name: &str, delivery_type: &str) -> Self {
        let hash = random::hex(32);
        let settings = json!({
            "Color": "blue",
            "SmtpApiActivated": true,
            "RawEmailEnabled": false,
            "InboundAddress": format!("{hash}@inbound.postmarkapp.com"),
            "InboundHookUrl": "",
            "BounceHookUrl": "",
            "OpenHookUrl": "",
            "DeliveryHookUrl": "",
            "PostFirstOpenOnly": false,
            "InboundDomain": "",
            "InboundHash": hash,
            "InboundSpamThreshold": 0,
            "TrackOpens": false,
            "TrackLinks": "None",
            "IncludeBounceContentInHook": true,
            "ClickHookUrl": "",
            "EnableSmtpApiErrorHooks": false,
        });
        let settings = match settings {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        Self {
            id,
            name: name.to_owned(),
            tokens: Vec::new(),
            delivery_type: delivery_type.to_owned(),
            settings,
        }
    }

    fn add_token(
        &mut self,
        gate: &mut Gate<Holder>,
        value: String,
        created: Timestamp,
        live_from: Timestamp,
    ) {
        gate.admit(&value, Holder::Server(self.id), live_from);
        self.tokens.push(Token::new(value, created));
    }

    fn object(&self, knobs: &PostmarkKnobs, turn: &Turn<'_>) -> Value {
        let mut object = self.settings.clone();
        object.insert("ID".to_owned(), json!(self.id));
        object.insert("Name".to_owned(), json!(self.name));
        object.insert("DeliveryType".to_owned(), json!(self.delivery_type));
        let link = format!("{}/postmark/servers/{}/streams", turn.urls.dashboard, self.id);
        object.insert("ServerLink".to_owned(), json!(link));
        let tokens: Vec<_> = self.tokens.iter().map(|token| token.value.as_str()).collect();
        match knobs.listing {
            Listing::Full => object.insert("ApiTokens".to_owned(), json!(tokens)),
            Listing::Masked => {
                let masked: Vec<_> = tokens.iter().map(|value| masked(value)).collect();
                object.insert("ApiTokens".to_owned(), json!(masked))
            }
            Listing::Absent => None,
        };
        Value::Object(object)
    }
}

fn masked(value: &str) -> String {
    let tail: String = value.chars().skip(value.chars().count().saturating_sub(4)).collect();
    format!("********-****-****-****-********{tail}")
}

impl Postmark {
    /// A new server with these tokens, honoured at once.
    pub(crate) fn add_server(
        &mut self,
        name: &str,
        delivery_type: &str,
        tokens: Vec<String>,
        created: Timestamp,
        live_from: Timestamp,
    ) -> u64 {
        let id = self.servers.keys().next_back().map_or(1_400_001, |last| last + 1);
        let mut server = Server::new(id, name, delivery_type);
        for token in tokens {
            server.add_token(&mut self.gate, token.to_ascii_lowercase(), created, live_from);
        }
        self.servers.insert(id, server);
        id
    }

    /// What a person's click on "Generate another token" does.
    pub(crate) fn generate_token(
        &mut self,
        server: u64,
        turn: &mut Turn<'_>,
    ) -> Result<(), TokenError> {
        let gate = &mut self.gate;
        let server = self.servers.get_mut(&server).ok_or(TokenError::NoServer)?;
        if server.tokens.len() >= TOKENS_MAX {
            return Err(TokenError::Full);
        }
        let live_from = turn.live_from();
        server.add_token(gate, random::uuid(), turn.now, live_from);
        turn.effect();
        Ok(())
    }

    /// What a person's click on "Delete" does.
    pub(crate) fn delete_token(
        &mut self,
        server: u64,
        row: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), TokenError> {
        let server = self.servers.get_mut(&server).ok_or(TokenError::NoServer)?;
        let index =
            server.tokens.iter().position(|token| token.row == row).ok_or(TokenError::NoToken)?;
        let token = server.tokens.remove(index);
        self.gate.close(&token.value, turn.dead_from());
        turn.effect();
        Ok(())
    }
}

pub(crate) fn show(postmark: &Postmark, knobs: &PostmarkKnobs, id: u64, turn: &Turn<'_>) -> Reply {
    match postmark.servers.get(&id) {
        Some(server) => Reply::json(200, &server.object(knobs, turn)),
        None => error(404, 0, "The requested server was not found."),
    }
}

pub(crate) fn edit(
    postmark: &mut Postmark,
    knobs: &PostmarkKnobs,
    id: u64,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let Some(Value::Object(changes)) = call.json() else {
        return invalid(
            402,
            "Received invalid JSON input. The input you provided is not valid JSON.",
        );
    };
    if let Some(name) = changes.get("Name").and_then(Value::as_str)
        && postmark.servers.values().any(|server| server.id != id && server.name == name)
    {
        return invalid(603, "This server name already exists.");
    }
    let Some(server) = postmark.servers.get_mut(&id) else {
        return error(404, 0, "The requested server was not found.");
    };
    for (key, value) in changes {
        if key == "Name" {
            value.as_str().unwrap_or_default().clone_into(&mut server.name);
        } else if server.settings.contains_key(&key) {
            server.settings.insert(key, value);
        }
    }
    turn.effect();
    Reply::json(200, &server.object(knobs, turn))
}

/// `/servers` and what is below it; `rest` is the path after that word.
pub(crate) fn account_api(
    postmark: &mut Postmark,
    knobs: &PostmarkKnobs,
    method: &str,
    rest: &[&str],
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let id = match rest {
        [] => None,
        [id] => match id.parse() {
            Ok(id) if postmark.servers.contains_key(&id) => Some(id),
            _ => return error(404, 0, "The requested server was not found."),
        },
        _ => return error(404, 0, "The requested resource was not found."),
    };
    match (method, id) {
        ("GET", None) => list(&postmark.servers, knobs, call, turn),
        ("POST", None) => create(postmark, knobs, call, turn),
        ("GET", Some(id)) => show(postmark, knobs, id, turn),
        ("PUT", Some(id)) => edit(postmark, knobs, id, call, turn),
        ("DELETE", Some(id)) => delete(postmark, knobs, id, turn),
        _ => error(404, 0, "The requested resource was not found."),
    }
}

/// The servers of an account, a page of them.
pub(super) fn list(
    servers: &BTreeMap<u64, Server>,
    knobs: &PostmarkKnobs,
    call: &Call,
    turn: &Turn<'_>,
) -> Reply {
    let number = |name: &str| call.query(name).and_then(|text| text.parse::<usize>().ok());
    let (Some(count), Some(offset)) = (number("count"), number("offset")) else {
        return invalid(13, "Required parameters missing or invalid: 'count' and 'offset'.");
    };
    if count > 500 {
        return invalid(600, "The 'count' parameter may not exceed 500.");
    }
    let wanted = call.query("name").map(str::to_lowercase);
    let fits = |server: &&Server| {
        wanted.as_deref().is_none_or(|part| server.name.to_lowercase().contains(part))
    };
    let found: Vec<_> = servers.values().filter(fits).collect();
    let page: Vec<_> =
        found.iter().skip(offset).take(count).map(|server| server.object(knobs, turn)).collect();
    Reply::json(200, &json!({ "TotalCount": found.len(), "Servers": page }))
}

fn create(
    postmark: &mut Postmark,
    knobs: &PostmarkKnobs,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let Some(body) = call.json() else {
        return invalid(
            402,
            "Received invalid JSON input. The input you provided is not valid JSON.",
        );
    };
    let Some(name) = text(&body, "Name").filter(|name| !name.is_empty()) else {
        return invalid(601, "A server name is required.");
    };
    if postmark.servers.values().any(|server| server.name == name) {
        return invalid(603, "This server name already exists.");
    }
    let delivery_type = text(&body, "DeliveryType").unwrap_or("Live");
    if !matches!(delivery_type, "Live" | "Sandbox") {
        return invalid(608, "Invalid server delivery type.");
    }
    let live_from = turn.live_from();
    let id = postmark.add_server(name, delivery_type, vec![random::uuid()], turn.now, live_from);
    turn.effect();
    show(postmark, knobs, id, turn)
}

fn delete(postmark: &mut Postmark, knobs: &PostmarkKnobs, id: u64, turn: &mut Turn<'_>) -> Reply {
    if !knobs.may_delete_servers {
        return invalid(604, "You don't have delete access to this server.");
    }
    if let Some(server) = postmark.servers.remove(&id) {
        let dead_from = turn.dead_from();
        for token in server.tokens {
            postmark.gate.close(&token.value, dead_from);
        }
        turn.effect();
    }
    Reply::json(200, &json!({ "ErrorCode": 0, "Message": "Server removed." }))
}
