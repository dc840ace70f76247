//! Looks at the repository and at the files of the installation.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use domain::inventory::{Auth, ConsumerKind, Source, StoreKind};
use domain::posture::{Beside, Facts, Looked, TreeFacts};
use domain::{SecretName, Shape, Token};
use engine::Engine;
use journal::TokenState;
use zeroize::Zeroizing;

use super::git;
use crate::commands::template;
use crate::fail::Result;
use crate::home::Home;

/// How many files are read at most.
const FILES_MAX: usize = 5_000;
/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 512 << 10;
/// Folders that others fill.
const SKIPPED: [&str; 10] = [
    ".git",
    "node_modules",
    "target",
    "vendor",
    "dist",
    "build",
    ".venv",
    "venv",
    "__pycache__",
    ".next",
];
/// Fills in what is seen on this machine, but for tokens.
pub(super) fn fill(facts: &mut Facts, home: &Home, root: &Path) -> Result<()> {
    let (files, whole) = files(root);
    let entries = template::entries(home, None)?;
    facts.tree = match whole {
        true => Looked::Seen(TreeFacts {
            files,
            tracked: git::tracked(root),
            hooks: git::hooks(root),
            needed: entries.into_iter().map(|entry| entry.key).collect(),
        }),
        false => Looked::Not(format!("{} has more than {FILES_MAX} files", root.display())),
    };
    facts.private = private(home);
    Ok(())
}

/// The text files of a repository, and whether that is all of them.
fn files(root: &Path) -> (BTreeMap<String, String>, bool) {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
            let name = entry.file_name();
            // Links are not followed: they may lead out, or in circles.
            if kind.is_dir() && !SKIPPED.iter().any(|skipped| name == *skipped) {
                open.push(path);
            } else if kind.is_file() {
                if found.len() >= FILES_MAX {
                    return (found, false);
                }
                if let (Some(text), Ok(relative)) = (text_of(&path), path.strip_prefix(root)) {
                    found.insert(relative.display().to_string(), text);
                }
            }
        }
    }
    (found, true)
}

fn text_of(path: &Path) -> Option<String> {
    let small = fs::metadata(path).is_ok_and(|about| about.len() <= FILE_BYTES_MAX);
    small.then(|| fs::read_to_string(path).ok()).flatten()
}

/// The installation's files that hold values: keys, logins, sealed files, dotenv files.
fn private(home: &Home) -> Vec<(String, u32)> {
    let mut paths: Vec<String> = Vec::new();
    let inventory = &home.inventory;
    if let domain::inventory::KeySource::File(path) = &inventory.state.key {
        paths.push(path.clone());
    }
    paths.push(inventory.state.database.clone());
    for connection in inventory.connections.values() {
        let sources = match &connection.auth {
            Auth::None => Vec::new(),
            Auth::Token(source) => vec![source],
            Auth::Client { id, secret } => vec![id, secret],
        };
        paths.extend(sources.into_iter().filter_map(|source| match source {
            Source::File(path) => Some(path.clone()),
            _ => None,
        }));
    }
    paths.extend(inventory.stores.values().filter_map(|store| match &store.kind {
        StoreKind::Sealed { file } => Some(file.clone()),
        StoreKind::Infisical { .. } => None,
    }));
    paths.extend(dotenv_files(home).map(|(_, path)| path));
    paths.sort();
    paths.dedup();
    let mode = |path: String| {
        let mode = fs::metadata(home.directory.join(&path)).ok()?.mode();
        Some((path, mode))
    };
    paths.into_iter().filter_map(mode).collect()
}

fn dotenv_files(home: &Home) -> impl Iterator<Item = (&SecretName, String)> {
    home.inventory.secrets.iter().flat_map(|(name, secret)| {
        secret.consumers.iter().filter_map(move |part| match &part.kind {
            ConsumerKind::Dotenv { path } => Some((name, path.clone())),
            _ => None,
        })
    })
}

/// The variables that stand beside each secret's own in the files that hold it: their names, and
/// what their values are by fingerprint and form. No value is kept.
pub(super) fn beside(facts: &mut Facts, home: &Home, engine: &Engine) -> Result<()> {
    for (name, file) in dotenv_files(home) {
        let Some(secret) = facts.secrets.iter().position(|secret| secret.name == *name) else {
            continue;
        };
        let text = match fs::read_to_string(home.directory.join(&file)).map(Zeroizing::new) {
            Ok(text) => text,
            // Nothing stands in a file that is not there.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                facts.secrets[secret].unread.push(format!("{file} cannot be read: {error}"));
                continue;
            }
        };
        let mut all = Vec::new();
        for (name, value) in connectors::dotenv_names(&text) {
            let (of, fits) = (whose(facts, engine, &value)?, Shape::Uuid.fits(value.expose()));
            all.push(Beside { name, file: file.clone(), of, fits });
        }
        facts.secrets[secret].beside.extend(all);
    }
    Ok(())
}

/// Whose token a value is: one that a store holds, or one that the journal has as alive.
fn whose(facts: &Facts, engine: &Engine, value: &Token) -> Result<Option<SecretName>> {
    let print = engine.fingerprints().of(value);
    if let Some(secret) = facts.secrets.iter().find(|one| one.fingerprint == Some(print)) {
        return Ok(Some(secret.name.clone()));
    }
    let gone = [TokenState::Revoked, TokenState::ProvenDead, TokenState::Discarded];
    let rows = engine.reader().tokens_of(&print)?.into_iter();
    let mut alive = rows.filter(|row| !gone.contains(&row.state));
    Ok(alive.next().map(|row| row.secret))
}
