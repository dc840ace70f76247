//! `rollover restore`: a backup put back where there is no installation.
//!
//! Nothing is overwritten. The database says of itself that it was restored, so nothing is
//! changed on its word until `rollover reconcile` has looked at the world.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Act;
use domain::audit::Record;
use journal::{Journal, Options, RestoreError, Snapshot};
use seal::{EnvelopeError, Key, envelope};
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::{Global, Restore};
use crate::commands::backup::{Document, FORM, write};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::{Home, MAIN};
use crate::output::Output;
use crate::people;

/// Larger than any backup.
const BYTES_MAX: u64 = 4 << 30;

pub(crate) fn run(args: &Restore, global: &Global, output: Output) -> Result<Exit> {
    let directory = global.directory.clone().unwrap_or_else(|| ".".into());
    if directory.join(MAIN).exists() {
        // Without an inventory nobody is anything yet: who can open the backup has all of it.
        Home::at(&directory, global.no_input)?.allow(Act::Restore, None)?;
    }
    let document = opened(args, global)?;
    if document.form != FORM {
        return Err(Fail::usage(format!(
            "the backup has form {}; this program knows {FORM}",
            document.form
        ))
        .hint("run the rollover that wrote it, or a newer one"));
    }
    // Every name is looked at before anything is written.
    for name in document.inventory.keys().chain(document.sealed.keys()) {
        plain(name)?;
    }
    let wrote = inventory(&document, &directory)?;
    let home = Home::at(&directory, global.no_input)?;
    refuse_existing(&home, &document)?;
    // The key first: without it the database could not be checked before it is in its place.
    let imported = import_key(&home, &document)?;
    // The database last: what is there makes another restore refuse.
    sealed_files(&home, &document, output)?;
    let restored = database(&home, &document);
    if restored.is_err() && imported {
        // Nothing of the installation is there; the same command can be run again.
        let source = &home.inventory.state.key;
        Key::destroy(source, &home.directory)
            .map_err(|error| Fail::usage(chain(&error)).hint(error.hint()))?;
    }
    let (key, records) = restored?;
    note(&home, &key, &document)?;
    output.json(&json!({
        "restored": true, "made_at": document.made_at, "records": records,
        "installation": document.installation, "inventory": wrote,
    }))?;
    output.text(&format!(
        "restored the backup of {:.0}: {records} audit records, none changed",
        document.made_at
    ))?;
    output.say("nothing is changed on its word yet. Next: rollover reconcile");
    Ok(Exit::Ok)
}

fn opened(args: &Restore, global: &Global) -> Result<Document> {
    let about = fs::metadata(&args.file).map_err(|error| failed(&args.file, &error))?;
    if about.len() > BYTES_MAX {
        return Err(Fail::usage(format!("{} is no backup", args.file.display())));
    }
    let sealed = fs::read(&args.file).map_err(|error| failed(&args.file, &error))?;
    let refused = |error: EnvelopeError| {
        Fail::usage(format!("{}: {}", args.file.display(), chain(&error))).hint(error.hint())
    };
    let plain = match &args.identity {
        Some(identity) => envelope::open_with_identity(&sealed, &people::private_text(identity)?),
        None if !envelope::wants_passphrase(&sealed).map_err(refused)? => {
            return Err(Fail::usage(format!("{} is for a private key", args.file.display()))
                .hint("name it: --identity FILE"));
        }
        None => {
            let passphrase = people::passphrase(&args.passphrase)
                .and_then(|given| match given {
                    Some(given) => Ok(given),
                    None => people::hidden("the backup's passphrase: ", global.no_input),
                })
                .map_err(|error| {
                    Fail::usage(error.to_string()).hint("give it by --passphrase-file FILE")
                })?;
            envelope::open_with_passphrase(&sealed, &passphrase)
        }
    };
    serde_json::from_slice(&plain.map_err(refused)?)
        .map_err(|_| Fail::usage(format!("{} is no backup of rollover", args.file.display())))
}

/// Writes the inventory where there is none; one that is there stays.
fn inventory(document: &Document, directory: &Path) -> Result<bool> {
    if directory.join(MAIN).exists() {
        return Ok(false);
    }
    // The main file last: where it is there, everything is.
    let (main, others): (Vec<_>, Vec<_>) =
        document.inventory.iter().partition(|(name, _)| *name == MAIN);
    for (name, text) in others.into_iter().chain(main) {
        let path = directory.join(plain(name)?);
        if path.symlink_metadata().is_ok() {
            // What a restore that was cut short has written, or what somebody put there.
            continue;
        }
        put(&path, text.as_bytes())?;
    }
    Ok(true)
}

/// Puts the stores' sealed files back; those that are there stay.
fn sealed_files(home: &Home, document: &Document, output: Output) -> Result<()> {
    for (name, text) in &document.sealed {
        let path = home.directory.join(plain(name)?);
        if path.symlink_metadata().is_ok() {
            output.say(&format!("{} is there already, and stays as it is", path.display()));
            continue;
        }
        put(&path, &decoded(text)?)?;
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
    }
    write(path, bytes).map_err(|error| failed(path, &error))
}

/// Refuses whatever would be in the way, before anything of the installation is written.
fn refuse_existing(home: &Home, document: &Document) -> Result<()> {
    if home.database().symlink_metadata().is_ok() {
        return Err(Fail::usage(format!("there is a database: {}", home.database().display()))
            .hint("nothing is overwritten: move it away, with its -wal, or restore elsewhere"));
    }
    let free = Key::is_free(&home.inventory.state.key, &home.directory);
    match (&document.key, free) {
        (None, true) => Err(Fail::usage("the backup was made without the key, and there is none")
            .hint("put the key where `key` in rollover.toml says, and run this again")),
        (Some(text), false) => {
            let held = Key::export(&home.inventory.state.key, &home.directory);
            let held = held.map_err(|error| Fail::usage(chain(&error)).hint(error.hint()))?;
            if held.trim() == text.trim() {
                return Ok(());
            }
            Err(Fail::usage("there is a key, and it is not the backup's")
                .hint("nothing is overwritten: move it away, or restore elsewhere"))
        }
        _ => Ok(()),
    }
}

/// Puts the key into its place; `false` where it is there.
fn import_key(home: &Home, document: &Document) -> Result<bool> {
    let source = &home.inventory.state.key;
    let Some(text) = document.key.as_ref().filter(|_| Key::is_free(source, &home.directory)) else {
        return Ok(false);
    };
    Key::import(source, &home.directory, text)
        .map_err(|error| Fail::usage(chain(&error)).hint(error.hint()))?;
    Ok(true)
}

fn database(home: &Home, document: &Document) -> Result<(Key, u64)> {
    let key = home.key()?;
    let bytes = decoded(&document.database)?;
    match Snapshot::restore(&bytes, &home.database(), &key) {
        Ok(verified) => Ok((key, verified.events)),
        Err(RestoreError::Exists) => {
            let path = home.database();
            Err(Fail::usage(format!("there is a database, or its log: {}", path.display()))
                .hint("nothing is overwritten: move it away, or restore elsewhere"))
        }
        Err(RestoreError::Audit(problem)) => {
            Err(Fail::new(Exit::Tampered, chain(&problem)).hint(problem.hint()))
        }
        Err(RestoreError::Journal(error)) => Err(error.into()),
        Err(other) => Err(Fail::new(Exit::Failed, chain(&other))),
    }
}

/// Says in the audit log that this is a restored one.
fn note(home: &Home, key: &Key, document: &Document) -> Result<()> {
    let options = Options { reconcile: true, ..home.options() };
    let journal = Journal::open(&home.database(), key, home.holder("restore"), options)?;
    let record = Record {
        at: jiff::Timestamp::now(),
        action: "installation.restored".into(),
        actor: home.actor.name.clone(),
        secret: None,
        rotation: None,
        context: BTreeMap::from([("made_at".into(), document.made_at.to_string())]),
    };
    journal.append_note_blocking(vec![record], Vec::new())?;
    Ok(())
}

fn decoded(text: &str) -> Result<Zeroizing<Vec<u8>>> {
    let bytes = STANDARD.decode(text).map(Zeroizing::new);
    bytes.map_err(|_| Fail::usage("the backup is not well formed"))
}

/// A path that stays where it is put, whatever the backup says.
fn plain(name: &str) -> Result<PathBuf> {
    let path = PathBuf::from(name);
    let stays = path.components().all(|part| matches!(part, Component::Normal(_)));
    if stays { Ok(path) } else { Err(Fail::usage(format!("the backup names the path `{name}`"))) }
}

fn failed(path: &Path, error: &std::io::Error) -> Fail {
    Fail::new(Exit::Failed, format!("{}: {error}", path.display()))
}
