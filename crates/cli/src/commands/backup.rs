//! `rollover backup`: everything of an installation in one file, sealed for somebody.
//!
//! The file is an age file. In it is one JSON document: the database as it was at one moment, the
//! installation's key unless it is left out, the inventory, and the sealed files of its stores.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::SealedFiles;
use domain::Act;
use domain::audit::Record;
use jiff::Timestamp;
use journal::{JournalError, Notes, Snapshot};
use seal::{For, Key, envelope};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::{Zeroize, Zeroizing};

use crate::args::{Backup, Global};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::gate::Pass;
use crate::home::{Home, MAIN};
use crate::output::Output;
use crate::people;

/// What a backup holds. Its memory is wiped.
#[derive(Serialize, Deserialize)]
pub(crate) struct Document {
    /// The version of this form.
    pub(crate) form: u32,
    pub(crate) made_at: Timestamp,
    pub(crate) installation: String,
    /// How many audit records the database has.
    pub(crate) audit: u64,
    /// The database, in base64.
    pub(crate) database: String,
    /// What keeps the key in its place, if it was not left out.
    pub(crate) key: Option<String>,
    /// The inventory: texts by their paths in its directory.
    pub(crate) inventory: BTreeMap<String, String>,
    /// Sealed files, in base64, by their paths.
    pub(crate) sealed: BTreeMap<String, String>,
}

/// The form that is written and read.
pub(crate) const FORM: u32 = 1;

impl Drop for Document {
    fn drop(&mut self) {
        self.key.zeroize();
        self.database.zeroize();
    }
}

pub(crate) fn run(args: &Backup, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let pass = home.allow(Act::Backup, None)?;
    if args.file.symlink_metadata().is_ok() {
        return Err(Fail::usage(format!("{} is there already", args.file.display()))
            .hint("nothing is overwritten: name another file"));
    }
    let whom = if args.recipient.is_empty() {
        let asked =
            people::new_passphrase(&args.passphrase, "the backup's passphrase", global.no_input);
        For::Passphrase(asked.map_err(|error| {
            Fail::usage(error.to_string())
                .hint("give it by --passphrase-file FILE, or seal it for --recipient age1...")
        })?)
    } else {
        For::Recipients(args.recipient.clone())
    };
    not_replaced(&home)?;
    let key = home.key()?;
    // A database that was never opened is made first, so that there is one.
    drop(home.reader(&key)?);
    let document = document(&home, &key, args.without_key)?;
    // One that has begun meanwhile has changed what the copies were made of.
    not_replaced(&home)?;
    let (audit, installation) = (document.audit, document.installation.clone());
    let plain = Zeroizing::new(
        serde_json::to_vec(&document)
            .map_err(|error| Fail::new(Exit::Failed, error.to_string()))?,
    );
    let sealed = envelope::close(&plain, &whom)
        .map_err(|error| Fail::usage(chain(&error)).hint(error.hint()))?;
    write(&args.file, &sealed)
        .map_err(|error| Fail::new(Exit::Failed, format!("{}: {error}", args.file.display())))?;
    note(&home, &pass, &key, args.without_key)?;
    output.json(&json!({
        "file": args.file, "bytes": sealed.len(), "installation": installation,
        "records": audit, "key": !args.without_key,
    }))?;
    output.text(&format!(
        "wrote {}: the database with {audit} audit records, the inventory{}",
        args.file.display(),
        if args.without_key { "; without the key" } else { ", the key" }
    ))?;
    Ok(Exit::Ok)
}

/// While the key is replaced, database, key and sealed files do not belong together.
fn not_replaced(home: &Home) -> Result<()> {
    let files = SealedFiles::of(&home.inventory, &home.directory);
    let begun = Key::is_staged(&home.inventory.state.key, &home.directory)
        || files.are_doubled().map_err(|fault| Fail::new(Exit::Failed, fault.to_string()))?;
    if !begun {
        return Ok(());
    }
    Err(Fail::usage("the installation's key is being replaced; a copy of now would not open")
        .hint("run `rollover rekey` again, it goes on; then make the backup"))
}

fn document(home: &Home, key: &Key, without_key: bool) -> Result<Document> {
    let snapshot = Snapshot::of(&home.database(), key)?;
    let text = match without_key {
        true => None,
        false => Some(
            Key::export(&home.inventory.state.key, &home.directory)
                .map_err(|error| Fail::usage(chain(&error)).hint(error.hint()))?
                .to_string(),
        ),
    };
    let read = |path: &Path| {
        fs::read(path).map_err(|error| {
            Fail::new(Exit::Failed, format!("failed to read {}: {error}", path.display()))
        })
    };
    let mut inventory = BTreeMap::new();
    let mut files = vec![MAIN.to_owned()];
    if let Ok(entries) = fs::read_dir(home.directory.join("secrets")) {
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let names = names.filter(|name| name.ends_with(".toml"));
        files.extend(names.map(|name| format!("secrets/{name}")));
    }
    for name in files {
        let bytes = read(&home.directory.join(&name))?;
        inventory.insert(name, String::from_utf8_lossy(&bytes).into_owned());
    }
    let mut sealed = BTreeMap::new();
    for path in SealedFiles::of(&home.inventory, &home.directory).paths() {
        let inside = path.strip_prefix(&home.directory).ok();
        let inside = inside.filter(|name| {
            name.components().all(|part| matches!(part, std::path::Component::Normal(_)))
        });
        let Some(inside) = inside else {
            return Err(Fail::usage(format!(
                "{} lies outside of the inventory's directory, where no restore would put it",
                path.display()
            ))
            .hint("name a file inside of it in the store's `file`, and move it there"));
        };
        let name = inside.display().to_string();
        sealed.insert(name, STANDARD.encode(read(path)?));
    }
    Ok(Document {
        form: FORM,
        made_at: Timestamp::now(),
        installation: snapshot.installation.clone(),
        audit: snapshot.audit,
        database: STANDARD.encode(&*snapshot.bytes),
        key: text,
        inventory,
        sealed,
    })
}

/// Says in the audit log that a backup was made. Where an engine runs, it takes the note.
fn note(home: &Home, pass: &Pass, key: &Key, without_key: bool) -> Result<()> {
    let record = Record {
        at: Timestamp::now(),
        action: "installation.backed_up".into(),
        actor: home.actor.name.clone(),
        secret: None,
        rotation: None,
        context: BTreeMap::from([("key".into(), (!without_key).to_string())]),
    };
    match home.open_journal(pass, key, "backup", false) {
        Ok(journal) => {
            journal.append_note_blocking(vec![record], Vec::new())?;
        }
        Err(
            JournalError::Held { .. }
            | JournalError::Changing { .. }
            | JournalError::SetBack { .. },
        ) => Notes::post(&home.database(), key, &record)?,
        Err(other) => return Err(other.into()),
    }
    Ok(())
}

/// Writes a private file that did not exist: whole, or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = Path::new(&name);
    match fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| {
        // A link, unlike a rename, does not take the place of what came there meanwhile.
        fs::hard_link(part, path).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::rename(part, path),
        })
    });
    let _ = fs::remove_file(part);
    written?;
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
