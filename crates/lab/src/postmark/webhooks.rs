//! Postmark's webhooks: where a server tells of events, and how it shows who it is.
//!
//! There is no signature. A receiver can ask for HTTP basic authentication or for headers of its
//! own: <https://postmarkapp.com/developer/api/webhooks-api>.

use serde_json::{Value, json};

use super::{Postmark, error, invalid};
use crate::wire::{Call, Reply, text};
use crate::world::Turn;

/// Where one server tells of events.
#[derive(Clone)]
pub(crate) struct Webhook {
    pub(crate) server: u64,
    pub(crate) id: u64,
    pub(crate) settings: Value,
}

/// `/webhooks` and what is below it; `rest` is the path after that word.
pub(crate) fn api(
    postmark: &mut Postmark,
    server: u64,
    method: &str,
    rest: &[&str],
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let id = match rest {
        [] => None,
        [id] => id.parse().ok(),
        _ => return error(404, 0, "The requested resource was not found."),
    };
    let found = postmark.webhooks.iter().position(|one| one.server == server && Some(one.id) == id);
    match (method, id, found) {
        ("GET", None, _) => {
            let all: Vec<_> =
                postmark.webhooks.iter().filter(|one| one.server == server).map(show).collect();
            Reply::json(200, &json!({ "Webhooks": all }))
        }
        ("POST", None, _) => match call.json() {
            Some(body) if text(&body, "Url").is_some() => {
                let id = postmark.webhooks.iter().map(|one| one.id).max().unwrap_or(1_234_566) + 1;
                let webhook = Webhook { server, id, settings: body };
                let reply = Reply::json(200, &show(&webhook));
                postmark.webhooks.push(webhook);
                turn.effect();
                reply
            }
            _ => invalid(402, "Invalid JSON"),
        },
        ("GET", Some(_), Some(place)) => Reply::json(200, &show(&postmark.webhooks[place])),
        ("PUT", Some(_), Some(place)) => match call.json() {
            Some(Value::Object(changes)) => {
                let webhook = &mut postmark.webhooks[place];
                if let Some(settings) = webhook.settings.as_object_mut() {
                    settings.extend(changes);
                }
                turn.effect();
                Reply::json(200, &show(webhook))
            }
            _ => invalid(402, "Invalid JSON"),
        },
        ("DELETE", Some(_), Some(place)) => {
            postmark.webhooks.remove(place);
            turn.effect();
            Reply::json(200, &json!({ "ErrorCode": 0, "Message": "Webhook removed." }))
        }
        _ => error(404, 0, "The requested resource was not found."),
    }
}

fn show(webhook: &Webhook) -> Value {
    let mut shown = json!({
        "ID": webhook.id, "MessageStream": "outbound", "HttpAuth": null, "HttpHeaders": [],
        "Triggers": {},
    });
    if let (Some(shown), Some(settings)) = (shown.as_object_mut(), webhook.settings.as_object()) {
        shown.extend(settings.clone());
    }
    shown
}
