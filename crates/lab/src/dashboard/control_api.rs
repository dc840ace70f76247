//! The control API under `/lab/`: JSON, and a control token for whatever changes something.

use std::time::Duration;

use serde_json::{Value, json};

use super::is_local;
use crate::lab::Shared;
use crate::wire::{Call, Reply};
use crate::{ClockMode, FaultRule};

/// How long the answer to "stop" has to reach whoever asked.
const LAST_WORDS: Duration = Duration::from_millis(100);

pub(crate) fn answer(shared: &Shared, call: &Call) -> Reply {
    if !is_local(call) {
        return error(421, "use the address of the loopback interface");
    }
    let token = call.header("x-lab-control").unwrap_or_default();
    if call.method != "GET" && token != shared.control_token {
        return error(403, "the control token of the state file is missing or wrong");
    }
    let segments = call.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).skip(1).collect();
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["status"]) => Reply::json(200, &status(shared)),
        ("GET", ["faults"]) => ok(json!({ "faults": shared.faults.list() })),
        ("POST", ["faults"]) => match call.json().map(serde_json::from_value::<FaultRule>) {
            Some(Ok(rule)) => ok(json!({ "id": shared.faults.add(rule) })),
            Some(Err(why)) => error(422, &format!("no such fault: {why}")),
            None => error(400, "the body is not JSON"),
        },
        ("DELETE", ["faults"]) => {
            shared.faults.clear();
            ok(json!({}))
        }
        ("DELETE", ["faults", id]) => {
            let removed = id.parse().is_ok_and(|id| shared.faults.remove(id));
            ok(json!({ "removed": removed }))
        }
        ("GET", ["requests"]) => ok(json!({ "requests": shared.log.records() })),
        ("POST", ["clock", "advance"]) => {
            let body = call.json().unwrap_or_default();
            match body.get("ms").and_then(Value::as_u64) {
                Some(ms) => {
                    shared.clock.advance(Duration::from_millis(ms));
                    shared.world(|_, _| ());
                    ok(json!({ "now": shared.clock.now() }))
                }
                None => error(422, "ms is missing"),
            }
        }
        ("POST", ["reset"]) => {
            shared.reset();
            ok(json!({}))
        }
        ("POST", ["stop"]) => {
            let stop = shared.stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(LAST_WORDS).await;
                let _nobody_waits = stop.send(true);
            });
            ok(json!({ "stopping": true }))
        }
        _ => error(404, "no such control call"),
    }
}

fn ok(body: Value) -> Reply {
    Reply::json(200, &body)
}

fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": message }))
}

/// What runs where, and how it is; no value of any token.
fn status(shared: &Shared) -> Value {
    let seen = shared.inspect();
    let scene = seen.scene();
    let apps: Value = scene
        .heroku
        .apps
        .keys()
        .map(|name| {
            let dynos: Vec<_> = seen
                .dynos(name)
                .into_iter()
                .map(|dyno| json!({ "name": dyno.name, "state": dyno.state, "release": dyno.release }))
                .collect();
            json!({ "name": name, "dynos": dynos, "restarts": seen.restarts(name).len() })
        })
        .collect();
    let servers: Value = scene
        .postmark
        .servers
        .values()
        .map(
            |server| json!({ "id": server.id, "name": server.name, "tokens": server.tokens.len() }),
        )
        .collect();
    let clock = match shared.clock.mode() {
        ClockMode::Real => "real",
        ClockMode::Explicit => "explicit",
    };
    json!({
        "org": shared.org,
        "pid": std::process::id(),
        "urls": *shared.urls,
        "started": shared.started,
        "clock": { "mode": clock, "now": seen.now() },
        "postmark_servers": servers,
        "heroku_authorizations": scene.heroku.authorizations.len(),
        "apps": apps,
        "faults": shared.faults.list(),
        "counters": shared.log.counters(),
    })
}
