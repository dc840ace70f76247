//! Heroku's config vars: one flat map an app, one release and one restart a PATCH.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Heroku, apps, invalid, knobs_of, problem};
use crate::HerokuKnobs;
use crate::wire::{Call, Reply};
use crate::world::Turn;

/// Bytes of all keys and values of an app together.
const CONFIG_BYTES_MAX: usize = 64 * 1024;

impl Heroku {
    /// Sets (or with `None` removes) config vars; answers the map as it will be, and whether a release was made.
    pub(crate) fn change_config(
        &mut self,
        app: &str,
        change: &BTreeMap<String, Option<String>>,
        knobs: &HerokuKnobs,
        now: Timestamp,
    ) -> Option<(BTreeMap<String, String>, bool)> {
        let (start, email) = (self.dyno_start, self.email.clone());
        let app = self.apps.get_mut(app)?;
        let before = app.newest_config();
        let mut after = before.clone();
        for (key, value) in change {
            match value {
                Some(value) => after.insert(key.clone(), value.clone()),
                None => after.remove(key),
            };
        }
        let release = after != before || knobs.release_when_unchanged;
        if release {
            let description = describe(change);
            let knobs = knobs_of(knobs, &app.name);
            app.release(&description, after.clone(), &email, &knobs, start, now);
        }
        Some((after, release))
    }
}

/// `Set A, B config vars`, as the release says it.
fn describe(change: &BTreeMap<String, Option<String>>) -> String {
    let names = |set: bool| {
        let names: Vec<_> = change
            .iter()
            .filter(|(_, value)| value.is_some() == set)
            .map(|(key, _)| key.as_str())
            .collect();
        names.join(", ")
    };
    match (names(true), names(false)) {
        (set, removed) if removed.is_empty() => format!("Set {set} config vars"),
        (set, removed) if set.is_empty() => format!("Remove {removed} config vars"),
        (set, removed) => format!("Set {set} and remove {removed} config vars"),
    }
}

pub(crate) fn show(heroku: &Heroku, app: &str) -> Reply {
    match heroku.apps.get(app) {
        Some(app) => Reply::json(200, &json!(app.config())),
        None => apps::unknown(),
    }
}

pub(crate) fn patch(
    heroku: &mut Heroku,
    knobs: &HerokuKnobs,
    app: &str,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Result<Reply, Reply> {
    let change = read(call)?;
    let size: usize =
        change.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, String::len)).sum();
    if size > CONFIG_BYTES_MAX {
        return Err(invalid("Config vars may not exceed 64 kB."));
    }
    let (after, released) =
        heroku.change_config(app, &change, knobs, turn.now).ok_or_else(apps::unknown)?;
    if released {
        turn.effect();
    }
    Ok(Reply::json(200, &json!(after)))
}

fn read(call: &Call) -> Result<BTreeMap<String, Option<String>>, Reply> {
    let Some(Value::Object(map)) = call.json() else {
        return Err(problem(400, "bad_request", "Unable to parse the request body."));
    };
    map.into_iter()
        .map(|(key, value)| {
            let word = !key.is_empty()
                && key.chars().all(|c| c == '_' || c.is_alphanumeric())
                && !key.starts_with("__");
            if !word {
                return Err(invalid(&format!("Invalid config var name {key}.")));
            }
            match value {
                Value::Null => Ok((key, None)),
                Value::String(text) => Ok((key, Some(text))),
                Value::Number(number) => Ok((key, Some(number.to_string()))),
                Value::Bool(flag) => Ok((key, Some(flag.to_string()))),
                _ => Err(invalid(&format!("The value of {key} must be a string."))),
            }
        })
        .collect()
}
