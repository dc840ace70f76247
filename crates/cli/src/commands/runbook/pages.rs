//! From an inventory and its journal to runbooks.

use std::fs;
use std::path::Path;

use domain::SecretName;
use domain::audit::Record;
use domain::runbook::{Run, Runbook, Sources, Validation};
use jiff::Timestamp;
use journal::{Reader, RotationFilter};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;

/// What a replay in the lab is recorded as.
pub(super) const VALIDATED: &str = "runbook.validated";

/// How many rotations of a secret are read, newest first.
const RUNS_MAX: u32 = 50;
/// How many replays are.
const REPLAYS_MAX: u64 = 20;

/// The runbooks of one inventory.
pub(super) struct Pages<'a> {
    home: &'a Home,
    /// The journal; none where nothing was ever done here, and then no key is asked for.
    reader: Option<Reader>,
}

impl<'a> Pages<'a> {
    pub(super) fn open(home: &'a Home) -> Result<Self> {
        let reader = match home.database().exists() {
            true => Some(home.reader(&home.key()?)?),
            false => None,
        };
        Ok(Self { home, reader })
    }

    /// The runbook of a secret, as of now.
    pub(super) fn of(&self, name: &SecretName) -> Result<Runbook> {
        let inventory = &self.home.inventory;
        let missing = || Fail::usage(format!("`{name}` is not in the inventory"));
        let secret = inventory.secret(name).ok_or_else(missing)?;
        let issuer = inventory.issuers.get(&secret.issuer).ok_or_else(missing)?;
        let manual = connectors::manual_of(inventory, secret).ok_or_else(missing)?;
        let (runs, replays) = match &self.reader {
            Some(reader) => (runs(reader, name)?, replays(reader, name)?),
            None => (Vec::new(), Vec::new()),
        };
        Ok(Runbook::of(&Sources {
            inventory,
            secret,
            profile: connectors::profile_of(&issuer.kind),
            manual,
            runs: &runs,
            replays: &replays,
            now: Some(Timestamp::now()),
        }))
    }
}

fn runs(reader: &Reader, name: &SecretName) -> Result<Vec<Run>> {
    let filter = RotationFilter { secret: Some(name.clone()), open: None, limit: Some(RUNS_MAX) };
    let mut runs = Vec::new();
    for row in reader.rotations(&filter)? {
        runs.extend(Run::of(&reader.events(&row.id)?));
    }
    Ok(runs)
}

/// Replays that succeeded; a record that this program does not understand counts for nothing.
fn replays(reader: &Reader, name: &SecretName) -> Result<Vec<Validation>> {
    let lines = reader.audit_of(VALIDATED, Some(name), REPLAYS_MAX)?;
    let read = |line: &journal::Line| {
        let record: Record = serde_json::from_str(&line.body).ok()?;
        let part = |key: &str| record.context.get(key).cloned();
        (part("result")? == "right").then_some(())?;
        Some(Validation {
            at: record.at,
            method: part("method")?.parse().ok()?,
            by: record.actor.clone(),
            took: part("took")?.parse().ok()?,
            run: None,
            shape: serde_json::from_str(&part("shape")?).ok()?,
        })
    };
    Ok(lines.iter().filter_map(read).collect())
}

/// One file a secret: `prod-postmark-server-token.md`.
pub(super) fn write(
    directory: &Path,
    name: &SecretName,
    ending: &str,
    text: &str,
) -> Result<Value> {
    let file = name.to_string().to_lowercase().replace(['/', '_'], "-");
    let path = directory.join(format!("{file}.{ending}"));
    let text = crate::text::clean(text);
    fs::create_dir_all(directory).and_then(|()| fs::write(&path, text)).map_err(|error| {
        Fail::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
    })?;
    Ok(json!({ "secret": name, "file": path }))
}
