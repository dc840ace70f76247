//! `rollover support`: one file that an operator may send to whoever helps.
//!
//! It is for the day on which something is broken, so each part stands alone: what cannot be told
//! is told as why not. Nothing is opened that is sealed, no login is read and no vendor is asked,
//! so there is no value that could get in; and whatever looks like one is hidden all the same.

mod facts;
mod names;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use domain::{Event, Rotation};
use engine::RotationSummary;
use journal::{Reader, RotationFilter};
use serde_json::{Map, Value, json};

use self::names::Names;
use crate::args::{Global, Support};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;
use crate::output::Output;

/// How many rotations that have ended are told of, newest first.
const CLOSED_MAX: usize = 5;
/// How many entries of one rotation are told of, newest last.
const ENTRIES_MAX: usize = 500;
/// How many of the last errors are told of.
const ERRORS_MAX: usize = 50;

pub(crate) fn run(args: &Support, global: &Global, output: Output) -> Result<Exit> {
    let directory = Home::directory_of(global);
    let home = Home::find(global);
    let mut names = if args.hash_names { Names::hashed()? } else { Names::plain() };
    let mut parts = Map::new();
    parts.insert("what".into(), json!("a rollover support bundle"));
    parts.insert("format".into(), json!(1));
    parts.insert("made_at".into(), json!(jiff::Timestamp::now()));
    parts.insert("names".into(), json!(if args.hash_names { "hashed" } else { "plain" }));
    parts.insert("version".into(), json!(env!("CARGO_PKG_VERSION")));
    parts.insert("platform".into(), facts::platform());
    parts.insert("process".into(), facts::process());
    match &home {
        Ok(home) => {
            names.of_inventory(&home.directory, &home.inventory);
            parts.insert("inventory".into(), facts::inventory(&home.inventory));
            parts.insert("files".into(), facts::files(home));
            parts.insert("database".into(), facts::database(&home.database()));
            parts.extend(memory(home, &mut names));
        }
        Err(fail) => {
            if let Some(directory) = &directory {
                names.add(&directory.display().to_string());
            }
            parts.insert("inventory".into(), json!({ "error": fail.what }));
        }
    }
    let text = names.cleaned(&Value::Object(parts));
    let bytes = serde_json::to_vec_pretty(&text)
        .map_err(|error| Fail::new(Exit::Failed, format!("failed to write JSON: {error}")))?;
    write(&args.file, &bytes)?;
    tell(&args.file, bytes.len(), args.hash_names, home.is_ok(), output)
}

/// What the journal remembers, or why it cannot be read.
fn memory(home: &Home, names: &mut Names) -> Map<String, Value> {
    let mut parts = Map::new();
    let reader = match opened(home) {
        Ok(reader) => reader,
        Err(why) => {
            parts.insert("journal".into(), json!({ "error": why }));
            return parts;
        }
    };
    let or_why = |told: std::result::Result<Value, String>| {
        told.unwrap_or_else(|why| json!({ "error": why }))
    };
    parts.insert("lease".into(), or_why(lease(&reader, names)));
    parts.insert("tokens".into(), or_why(tokens(home, &reader)));
    parts.insert(
        "audit".into(),
        match reader.verify_audit() {
            Ok(verified) => json!({ "verified": true, "records": verified.events }),
            Err(problem) => json!({ "verified": false, "error": chain(&problem) }),
        },
    );
    parts.insert("rotations".into(), or_why(rotations(&reader, names)));
    parts
}

/// The journal, for looking; it is not made where there is none.
fn opened(home: &Home) -> std::result::Result<Reader, String> {
    let key = home.key().map_err(|fail| fail.what)?;
    Reader::open(&home.database(), &key).map_err(|error| chain(&error))
}

fn lease(reader: &Reader, names: &mut Names) -> std::result::Result<Value, String> {
    let Some(lease) = reader.lease().map_err(|error| chain(&error))? else {
        return Ok(Value::Null);
    };
    names.add(&lease.holder.user);
    names.add(&lease.holder.host);
    Ok(json!({
        "epoch": lease.epoch, "holder": lease.holder.to_string(), "since": lease.since,
        "renewed_at": lease.renewed_at, "released": lease.released,
    }))
}

/// How many tokens of each secret are remembered in each state.
fn tokens(home: &Home, reader: &Reader) -> std::result::Result<Value, String> {
    let mut all = Map::new();
    for name in home.inventory.secrets.keys() {
        let rows = reader.tokens(name).map_err(|error| chain(&error))?;
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "fingerprint": row.fingerprint.to_string(),
                    "state": row.state.to_string(), "since": row.since,
                })
            })
            .collect();
        all.insert(name.to_string(), json!(rows));
    }
    Ok(Value::Object(all))
}

/// Every open rotation and the last ones that have ended, each with its journal.
fn rotations(reader: &Reader, names: &mut Names) -> std::result::Result<Value, String> {
    let rows = reader.rotations(&RotationFilter::default()).map_err(|error| chain(&error))?;
    let closed = rows.iter().filter(|row| row.closed_at.is_some()).take(CLOSED_MAX);
    let mut told = Vec::new();
    for row in rows.iter().filter(|row| row.closed_at.is_none()).chain(closed) {
        let entries = reader.events(&row.id).map_err(|error| chain(&error))?;
        for entry in &entries {
            names.of_event(&entry.event);
        }
        let skipped = entries.len().saturating_sub(ENTRIES_MAX);
        let summary = match Rotation::replay(&entries) {
            Ok(rotation) => json!(RotationSummary::of(&rotation)),
            Err(error) => json!({ "error": error.to_string() }),
        };
        let errors: Vec<String> = entries.iter().filter_map(|one| error_of(&one.event)).collect();
        let first = errors.len().saturating_sub(ERRORS_MAX);
        told.push(json!({
            "rotation": row.id, "secret": row.secret, "summary": summary,
            "last_errors": errors[first..], "entries_left_out": skipped,
            "entries": entries[skipped..],
        }));
    }
    Ok(json!(told))
}

fn error_of(event: &Event) -> Option<String> {
    match event {
        Event::Refused { action, why } => Some(format!("refused {action}: {why}")),
        Event::Unsure { action, why, .. } => Some(format!("unsure {action}: {why}")),
        Event::Later { action, why, .. } => Some(format!("later {action}: {why}")),
        Event::Drifted { consumer, why } => Some(format!("drift {consumer}: {why}")),
        Event::StoreDrifted { why } => Some(format!("drift of the store: {why}")),
        _ => None,
    }
}

/// A new file that only its owner can read; what is there is not overwritten.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| {
        Fail::usage(format!("failed to write {}: {error}", path.display()))
            .hint("nothing is overwritten; name a file that is not there")
    })
}

fn tell(path: &Path, bytes: usize, hashed: bool, whole: bool, output: Output) -> Result<Exit> {
    let mut holds = vec!["version, platform, limits of the process"];
    if whole {
        holds.push("the inventory's shape: kinds, names, policies; no address of a login");
        holds.push("modes and sizes of its files; the database's version; who holds the lease");
        holds.push("open rotations and the last five, with their journals and errors");
        holds.push("whether the audit log is whole; fingerprints of tokens, in short");
    } else {
        holds.push("why the inventory cannot be read");
    }
    let never = "no value, no login, nothing sealed, no key; no vendor was asked";
    output.json(&json!({
        "file": path, "bytes": bytes, "names": if hashed { "hashed" } else { "plain" },
        "holds": holds, "never": never,
    }))?;
    let mut lines = vec![format!("wrote {}, {bytes} bytes of JSON. It holds:", path.display())];
    lines.extend(holds.iter().map(|part| format!("  - {part}")));
    lines.push(format!("It does not hold: {never}."));
    lines.push(if hashed {
        "Names are replaced by hashes that mean nothing outside this file.".into()
    } else {
        "Names are as you wrote them; `--hash-names` replaces them.".to_owned()
    });
    lines.push("Read it before you send it.".into());
    output.text(&lines.join("\n"))?;
    Ok(Exit::Ok)
}

impl Home {
    /// Where an inventory is looked for.
    fn directory_of(global: &Global) -> Option<PathBuf> {
        global.directory.clone().or_else(|| std::env::current_dir().ok())
    }
}
