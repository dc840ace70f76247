//! `rollover rekey`: another key for the installation.
//!
//! The new key waits beside its place, durably, before anything is sealed with it. One
//! transaction of the journal puts everything under it. Only then does it take the place, and
//! only by that is the old one gone. Killed at any instant, one of the two opens the database,
//! and which one it is tells how to go on.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use connectors::SealedFiles;
use domain::audit::Record;
use domain::inventory::KeySource;
use domain::{Act, Token};
use journal::JournalError;
use seal::{Key, KeyError};
use serde_json::json;

use crate::args::{Global, PassphraseWay, Rekey};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;
use crate::output::Output;
use crate::people;
use crate::rehearsal::Rehearsal;

pub(crate) fn run(args: &Rekey, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    home.allow(Act::Rekey, None)?;
    let files = SealedFiles::of(&home.inventory, &home.directory);
    let places = Places {
        to: &home.inventory.state.key,
        from: args.from.as_ref().filter(|from| **from != home.inventory.state.key),
        base: &home.directory,
        args,
        no_input: global.no_input,
        passphrase: OnceCell::new(),
    };
    if !home.database().exists() {
        return Err(Fail::usage(format!("there is no database at {}", home.database().display()))
            .hint("nothing is sealed yet: remove the key, and `rollover init` makes another"));
    }
    let (mut rekey, key, old) = match begin(&home, &places, &files)? {
        Begun::Old(rekey, old) => {
            let new = places.stage()?;
            rekey.may_go_on()?;
            files.double(&old, &new, &Rehearsal::instant).map_err(sealed_file)?;
            (rekey, new, Some(old))
        }
        Begun::New(rekey, new) => (rekey, new, None),
    };
    let resumed = old.is_none();
    if !resumed {
        rekey.commit(&key, record(&home, &places))?;
    }
    rekey.may_go_on()?;
    places.finish(&rekey, old)?;
    rekey.may_go_on()?;
    files.halve(&key, &Rehearsal::instant).map_err(sealed_file)?;
    output.json(&json!({ "rekeyed": true, "resumed": resumed, "key": told(places.to) }))?;
    output.text(&format!(
        "everything is sealed under a new key, {}; the old one is gone{}",
        told(places.to),
        if resumed { " (an interrupted change was finished)" } else { "" }
    ))?;
    output.say("copies of the old key, and backups that hold it, are yours to destroy");
    Ok(Exit::Ok)
}

/// Which key opens the database.
enum Begun {
    /// The one that is to be replaced: nothing is under a new one yet.
    Old(journal::Rekey, Key),
    /// One that was made by a run which was interrupted: only the rest is to be done.
    New(journal::Rekey, Key),
}

/// Finds out how far an earlier run came, by which key opens the database.
fn begin(home: &Home, places: &Places<'_>, files: &SealedFiles) -> Result<Begun> {
    let open = |key: &Key| {
        journal::Rekey::open(&home.database(), key, home.holder("rekey"), home.options())
    };
    // Whatever waits is the newer one; if the database is under it, the rest is to be done.
    let mut first = None;
    let waits = Key::is_staged(places.to, places.base);
    if waits {
        match Key::staged(places.to, places.base, || places.new_passphrase()) {
            Ok(Some(staged)) => match open(&staged) {
                Ok(rekey) => return Ok(Begun::New(rekey, staged)),
                Err(JournalError::WrongKey { .. }) => {}
                Err(other) => return Err(other.into()),
            },
            Ok(None) => {}
            // Half written, or behind a passphrase that was mistyped.
            Err(error) => first = Some(error),
        }
    }
    let error = match places.old() {
        Ok(old) => match open(&old) {
            // Both keys are in the files, none waits, and this is the second of them: the new one
            // is in its place. Where it is the first, somebody has removed the one that waited.
            Ok(rekey) if !waits && files.wait_for(&old).map_err(sealed_file)? => {
                return Ok(Begun::New(rekey, old));
            }
            Ok(rekey) => return Ok(Begun::Old(rekey, old)),
            Err(JournalError::WrongKey { .. }) => None,
            Err(other) => return Err(other.into()),
        },
        Err(error) => Some(error),
    };
    if places.from.is_some()
        && let Ok(key) = Key::open(places.to, places.base, || places.new_passphrase())
        && let Ok(rekey) = open(&key)
    {
        return Ok(Begun::New(rekey, key));
    }
    match error.or(first) {
        Some(error) => Err(key_fail(&error)),
        None => Err(JournalError::WrongKey { path: home.database() }.into()),
    }
}

struct Places<'a> {
    /// Where the inventory says that the key is.
    to: &'a KeySource,
    /// Where the old one is, if it is elsewhere.
    from: Option<&'a KeySource>,
    base: &'a Path,
    args: &'a Rekey,
    no_input: bool,
    /// The new key's passphrase, once it was asked for.
    passphrase: OnceCell<Token>,
}

impl Places<'_> {
    fn old(&self) -> std::result::Result<Key, KeyError> {
        Key::open(self.from.unwrap_or(self.to), self.base, || {
            let file = self.args.old_passphrase_file.clone();
            let way = PassphraseWay { passphrase_file: file, passphrase_stdin: false };
            match people::passphrase(&way)? {
                Some(passphrase) => Ok(passphrase),
                None => people::hidden("the old key's passphrase: ", self.no_input),
            }
        })
    }

    fn new_passphrase(&self) -> io::Result<Token> {
        if let Some(passphrase) = self.passphrase.get() {
            return Ok(passphrase.clone());
        }
        let way = &self.args.passphrase;
        let passphrase = people::new_passphrase(way, "the new key's passphrase", self.no_input)?;
        Ok(self.passphrase.get_or_init(|| passphrase).clone())
    }

    /// Makes the new key. What else waits there was never used, because the database is under
    /// the old one.
    fn stage(&self) -> Result<Key> {
        if self.from.is_some() && !Key::is_free(self.to, self.base) {
            return Err(Fail::usage(format!("there is a key already: {}", told(self.to)))
                .hint("it is not this database's, and it is not replaced; name another place"));
        }
        Key::stage(self.to, self.base, || self.new_passphrase(), &Rehearsal::instant)
            .map_err(|error| key_fail(&error))
    }

    /// Lets the new key take its place, and destroys the old one where that is another.
    fn finish(&self, rekey: &journal::Rekey, old: Option<Key>) -> Result<()> {
        if Key::is_staged(self.to, self.base) {
            Key::promote(self.to, self.base, &Rehearsal::instant)
                .map_err(|error| key_fail(&error))?;
        }
        let Some(from) = self.from else { return Ok(()) };
        // Only the very key that was replaced; whatever else lies there is somebody's.
        if let Some(old) = old.or_else(|| self.old().ok())
            && rekey.has_retired(&old)?
        {
            Rehearsal::instant();
            Key::destroy(from, self.base).map_err(|error| key_fail(&error))?;
            Rehearsal::instant();
        }
        Ok(())
    }
}

fn record(home: &Home, places: &Places<'_>) -> Record {
    let from = told(places.from.unwrap_or(places.to));
    Record {
        at: jiff::Timestamp::now(),
        action: "installation.rekeyed".into(),
        actor: home.actor.name.clone(),
        secret: None,
        rotation: None,
        context: BTreeMap::from([("from".into(), from), ("to".into(), told(places.to))]),
    }
}

fn told(source: &KeySource) -> String {
    match source {
        KeySource::File(path) => format!("file {path}"),
        KeySource::Keyring(name) => format!("keyring {name}"),
        KeySource::Passphrase(path) => format!("passphrase {path}"),
    }
}

fn key_fail(error: &KeyError) -> Fail {
    Fail::usage(chain(error)).hint(error.hint())
}

fn sealed_file(fault: connectors::Fault) -> Fail {
    Fail::new(Exit::Failed, fault.to_string())
        .hint("both keys are kept: mend it and run `rollover rekey` again")
}
