//! Looks at the repository and at the files of the installation.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use domain::inventory::{Auth, ConsumerKind, Source, StoreKind};
use domain::posture::{Facts, Looked, Spot, TreeFacts};
use domain::{Fingerprint, SecretName, Shape, Token};
use journal::Reader;
use zeroize::Zeroizing;

use super::git;
use crate::commands::template;
use crate::fail::Result;
use crate::home::Home;

/// How many files are read at most.
const FILES_MAX: usize = 5_000;
/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 512 << 10;
/// The longest history of a shell that is read.
const HISTORY_BYTES_MAX: u64 = 16 << 20;
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
/// Histories of shells and interpreters, from the home directory.
const HISTORIES: [&str; 6] = [
    ".bash_history",
    ".zsh_history",
    ".local/share/fish/fish_history",
    ".python_history",
    ".node_repl_history",
    ".psql_history",
];

/// Fills in what is seen on this machine.
pub(super) fn fill(
    facts: &mut Facts,
    home: &Home,
    reader: &Reader,
    root: &Path,
    shell: bool,
) -> Result<()> {
    let ours = ours(home, reader)?;
    let (files, whole) = files(root);
    let found: Vec<Spot> =
        files.iter().flat_map(|(path, text)| spots(path, text, reader, &ours)).collect();
    // Nothing found says little: only what rollover knows was looked for, and only in what was read.
    facts.in_tree = match found.is_empty() {
        false => Looked::Seen(found),
        true => {
            Looked::Not("none of our own tokens stands there; others were not looked for".into())
        }
    };
    facts.in_history = Looked::Not("the history was not looked at".into());
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
    facts.in_shell = match shell {
        true => Looked::Seen(in_histories(reader, &ours)),
        false => Looked::Not("not asked for: --shell-history".into()),
    };
    facts.private = private(home);
    names_beside(facts, home);
    Ok(())
}

/// Every token that rollover remembers, with its secret and what became of it.
fn ours(home: &Home, reader: &Reader) -> Result<BTreeMap<Fingerprint, (SecretName, String)>> {
    let mut ours = BTreeMap::new();
    for name in home.inventory.secrets.keys() {
        for row in reader.tokens(name)? {
            ours.insert(row.fingerprint, (name.clone(), row.state.to_string()));
        }
    }
    Ok(ours)
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

/// Where tokens of ours stand in a text.
fn spots(
    file: &str,
    text: &str,
    reader: &Reader,
    ours: &BTreeMap<Fingerprint, (SecretName, String)>,
) -> Vec<Spot> {
    let key = reader.fingerprint_key();
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut found = Vec::new();
    // A consumer's own file is where its token belongs.
    if ours.is_empty() || file.ends_with(".env") {
        return found;
    }
    for (i, line) in text.lines().enumerate() {
        for word in line.split(|c| !in_word(c)).filter(|word| word.len() >= 36) {
            if !Shape::Heroku.fits(word) {
                continue;
            }
            if let Some((name, state)) = ours.get(&key.of(&Token::from(word))) {
                let what = format!("a token of {name}, {state}");
                found.push(Spot { file: file.to_owned(), line: i + 1, what });
            }
        }
    }
    found
}

fn in_histories(reader: &Reader, ours: &BTreeMap<Fingerprint, (SecretName, String)>) -> Vec<Spot> {
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else { return Vec::new() };
    let read = |name: &&str| {
        let path = home.join(name);
        let small = fs::metadata(&path).is_ok_and(|about| about.len() <= HISTORY_BYTES_MAX);
        let bytes = small.then(|| fs::read(&path).ok()).flatten().map(Zeroizing::new)?;
        Some(spots(name, &String::from_utf8_lossy(&bytes), reader, ours))
    };
    HISTORIES.iter().filter_map(read).flatten().collect()
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

/// The names that stand beside a secret's in the files that hold it.
fn names_beside(facts: &mut Facts, home: &Home) {
    for (name, path) in dotenv_files(home) {
        let Ok(text) = fs::read_to_string(home.directory.join(path)).map(Zeroizing::new) else {
            continue;
        };
        let names = connectors::dotenv_names(&text).into_iter().map(|(name, _)| name);
        if let Some(secret) = facts.secrets.iter_mut().find(|secret| secret.name == *name) {
            secret.names_beside = names.collect();
        }
    }
}
