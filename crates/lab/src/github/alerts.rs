//! GitHub's secret scanning alerts: open, looked at, resolved with a reason.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::pages::paged;
use super::{Ask, Github, error, not_found, unprocessable};
use crate::clock::seconds;
use crate::wire::{Reply, text};
use crate::world::Turn;

/// A secret that was found in the repository.
#[derive(Clone)]
pub(crate) struct Alert {
    number: u64,
    secret_type: String,
    secret: String,
    created: Timestamp,
    updated: Timestamp,
    resolution: Option<String>,
    comment: Option<String>,
    resolved: Option<(Timestamp, String)>,
}

const RESOLUTIONS: [&str; 4] = ["false_positive", "wont_fix", "revoked", "used_in_tests"];

impl Github {
    /// Opens an alert and answers its number.
    pub(crate) fn open_alert(&mut self, secret_type: &str, secret: &str, now: Timestamp) -> u64 {
        let number = self.alerts.len() as u64 + 1;
        self.alerts.push(Alert {
            number,
            secret_type: secret_type.to_owned(),
            secret: secret.to_owned(),
            created: now,
            updated: now,
            resolution: None,
            comment: None,
            resolved: None,
        });
        number
    }
}

/// `/secret-scanning/alerts` and what is below it; `rest` is the path after that word.
pub(crate) fn api(
    github: &mut Github,
    rest: &[&str],
    ask: &Ask<'_>,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let method = ask.call.method.as_str();
    let [number, rest @ ..] = rest else {
        let wanted = ask.call.query("state");
        let all: Vec<_> = github
            .alerts
            .iter()
            .rev()
            .filter(|alert| wanted.is_none_or(|wanted| state(alert) == wanted))
            .map(|alert| object(github, alert, ask))
            .collect();
        return Ok(paged(ask, &all, |page| json!(page)));
    };
    let index = github
        .alerts
        .iter()
        .position(|alert| alert.number.to_string() == *number)
        .ok_or_else(not_found)?;
    match (method, rest) {
        ("GET", []) => {}
        ("GET", ["locations"]) => return Ok(Reply::json(200, &json!([]))),
        ("PATCH", []) => edit(&mut github.alerts[index], ask, turn)?,
        _ => return Err(not_found()),
    }
    Ok(Reply::json(200, &object(github, &github.alerts[index], ask)))
}

fn edit(alert: &mut Alert, ask: &Ask<'_>, turn: &mut Turn<'_>) -> Result<(), Reply> {
    let body = ask.call.json().ok_or_else(|| error(400, "Problems parsing JSON"))?;
    match text(&body, "state") {
        Some("open") => {
            alert.resolution = None;
            alert.comment = None;
            alert.resolved = None;
        }
        Some("resolved") => {
            let resolution =
                text(&body, "resolution").filter(|word| RESOLUTIONS.contains(word)).ok_or_else(
                    || unprocessable("A valid resolution is required when the state is resolved."),
                )?;
            alert.resolution = Some(resolution.to_owned());
            alert.comment = text(&body, "resolution_comment").map(str::to_owned);
            alert.resolved = Some((turn.now, ask.user.login.clone()));
        }
        _ => return Err(unprocessable("Invalid state.")),
    }
    alert.updated = turn.now;
    turn.effect();
    Ok(())
}

fn state(alert: &Alert) -> &'static str {
    if alert.resolved.is_some() { "resolved" } else { "open" }
}

fn object(github: &Github, alert: &Alert, ask: &Ask<'_>) -> Value {
    let path = format!("{}/{}", github.owner, github.repo);
    let url = format!("{}/repos/{path}/secret-scanning/alerts/{}", ask.base, alert.number);
    let mut object = json!({
        "number": alert.number,
        "created_at": seconds(alert.created),
        "updated_at": seconds(alert.updated),
        "url": url,
        "html_url": format!("https://github.com/{path}/security/secret-scanning/{}", alert.number),
        "locations_url": format!("{url}/locations"),
        "state": state(alert),
        "resolution": alert.resolution,
        "resolution_comment": alert.comment,
        "resolved_at": alert.resolved.as_ref().map(|(at, _)| seconds(*at)),
        "resolved_by": alert.resolved.as_ref().map(|(_, login)| json!({ "login": login })),
        "secret_type": alert.secret_type,
        "secret_type_display_name": alert.secret_type,
        "validity": "unknown",
        "publicly_leaked": false,
        "multi_repo": false,
        "push_protection_bypassed": false,
    });
    if ask.call.query("hide_secret") != Some("true") {
        object["secret"] = json!(alert.secret);
    }
    object
}
