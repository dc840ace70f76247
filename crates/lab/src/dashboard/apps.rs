//! The demo apps' own endpoints, answered by really using the token of a running dyno.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::browser::{Ask, once};
use crate::heroku::ProcessState;
use crate::lab::Shared;
use crate::wire::{APP_AGENT, Call, Reply, text};

/// A running dyno: its name, its release, and its two tokens.
struct Dyno {
    name: String,
    release: u64,
    postmark: Option<String>,
    heroku: Option<String>,
}

/// A dyno that is up; `Err` is the answer when there is none.
fn running(shared: &Shared, app: &str) -> Result<Dyno, Reply> {
    shared.world(|world, now| {
        let Some(app) = world.scene.heroku.apps.get(app) else {
            return Err(Reply::json(404, &json!({ "error": "no such app" })));
        };
        let up = app.processes.iter().find(|process| process.state(now) == ProcessState::Up);
        let Some(process) = up else {
            return Err(Reply::json(503, &json!({ "status": "starting" })));
        };
        Ok(Dyno {
            name: process.name.clone(),
            release: process.release,
            postmark: process.env.get("POSTMARK_SERVER_TOKEN").cloned(),
            heroku: process.env.get("HEROKU_API_KEY").cloned(),
        })
    })
}

/// `{status, postmark, heroku_api, release}`; what the app has no token for is `null`.
pub(crate) async fn health(shared: &Arc<Shared>, app: &str) -> Reply {
    let dyno = match running(shared, app) {
        Ok(dyno) => dyno,
        Err(reply) => return reply,
    };
    let agent = format!("{APP_AGENT}health/{app}");
    let postmark = match &dyno.postmark {
        None => Value::Null,
        Some(token) => {
            let headers = [
                ("user-agent", agent.as_str()),
                ("accept", "application/json"),
                ("x-postmark-server-token", token.as_str()),
            ];
            look(&shared.urls.postmark, "/server", &headers).await
        }
    };
    let heroku_api = match &dyno.heroku {
        None => Value::Null,
        Some(token) => {
            let bearer = format!("Bearer {token}");
            let headers = [
                ("user-agent", agent.as_str()),
                ("accept", "application/vnd.heroku+json; version=3"),
                ("authorization", bearer.as_str()),
            ];
            look(&shared.urls.heroku, "/apps", &headers).await
        }
    };
    let well = [&postmark, &heroku_api].into_iter().all(|part| part.is_null() || part == "ok");
    Reply::json(
        200,
        &json!({
            "status": if well { "ok" } else { "degraded" },
            "postmark": postmark,
            "heroku_api": heroku_api,
            "release": dyno.release,
            "dyno": dyno.name,
        }),
    )
}

async fn look(base: &str, path: &str, headers: &[(&str, &str)]) -> Value {
    let answer = once(base, Ask { method: "GET", path, headers, body: Vec::new() }).await;
    json!(match answer.map(|answer| answer.status) {
        Ok(200..=299) => "ok",
        Ok(401) => "unauthorized",
        _ => "unknown",
    })
}

/// Sends a mail as the app would, and writes into its log what Postmark said.
pub(crate) async fn test_email(shared: &Arc<Shared>, app: &str, call: &Call) -> (Reply, bool) {
    let dyno = match running(shared, app) {
        Ok(dyno) => dyno,
        Err(reply) => return (reply, false),
    };
    let Some(token) = dyno.postmark else {
        return (Reply::json(501, &json!({ "error": "this app sends no mail" })), false);
    };
    let asked = call.json().unwrap_or_default();
    let from = shared.world(|world, _| {
        world.scene.postmark.domains.first().map(|domain| format!("noreply@{domain}"))
    });
    let mail = json!({
        "From": from,
        "To": text(&asked, "to").unwrap_or("ops@example.com"),
        "Subject": text(&asked, "subject").unwrap_or("test"),
        "TextBody": "This mail was asked for by a person who wants to see that mail works.",
        "Tag": "test-email",
    });
    let agent = format!("{APP_AGENT}test-email/{app}");
    let headers = [
        ("user-agent", agent.as_str()),
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("x-postmark-server-token", token.as_str()),
    ];
    let body = mail.to_string().into_bytes();
    let ask = Ask { method: "POST", path: "/email", headers: &headers, body };
    let (line, reply) = match once(&shared.urls.postmark, ask).await {
        Ok(answer) if answer.status == 200 => {
            let id = answer.json()["MessageID"].clone();
            let line = format!("postmark 200 MessageID={}", id.as_str().unwrap_or_default());
            (line, Reply::json(200, &json!({ "message_id": id, "release": dyno.release })))
        }
        Ok(answer) => {
            let error = if answer.status == 401 { "InvalidAPIToken" } else { "postmark" };
            let body = json!({ "error": error, "status": answer.status, "release": dyno.release });
            (format!("postmark {} {error}", answer.status), Reply::json(502, &body))
        }
        Err(_) => {
            let body = json!({ "error": "connection", "release": dyno.release });
            ("postmark connection failed".to_owned(), Reply::json(502, &body))
        }
    };
    shared.world(|world, now| {
        if let Some(app) = world.scene.heroku.apps.get_mut(app) {
            app.log(now, "app", &dyno.name, &line);
        }
    });
    let sent = reply.status == 200;
    (reply, sent)
}
