//! `rollover audit`: what happened, and that nobody has changed the telling of it.

mod anchor;
mod prove;

use std::fs;
use std::path::{Path, PathBuf};

use domain::audit::{Note, Record, checkpoints};
use journal::{AuditProblem, JournalError, Verified};
use serde_json::json;

use crate::args::{Audit, Global};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;
use crate::output::{Output, table};

pub(crate) fn run(args: &Audit, global: &Global, output: Output) -> Result<Exit> {
    match args {
        Audit::Ls { number } => list(&Home::find(global)?, *number, output),
        Audit::Verify { anchor } => verify(&Home::find(global)?, anchor, output),
        Audit::Prove(args) => prove::run(args, global, output),
        Audit::Key => key(&Home::find(global)?, output),
        Audit::Anchor(args) => anchor::run(args, &Home::find(global)?, output),
    }
}

fn list(home: &Home, number: u64, output: Output) -> Result<Exit> {
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    for line in reader.audit_newest(number)? {
        let record: Record = serde_json::from_str(&line.body).map_err(|error| {
            Fail::new(Exit::Tampered, format!("record {} cannot be read: {error}", line.seq))
                .hint("`rollover audit verify` checks the whole log")
        })?;
        objects.push(json!({ "seq": line.seq, "leaf": line.leaf.to_string(), "record": record }));
        let context: Vec<String> =
            record.context.iter().map(|(key, value)| format!("{key}={value}")).collect();
        rows.push(vec![
            line.seq.to_string(),
            format!("{:.0}", record.at),
            record.actor,
            record.action,
            record.rotation.map(|id| id.to_string()).unwrap_or_default(),
            context.join(" "),
        ]);
    }
    output.json(&objects)?;
    output.text(&table(&["#", "AT", "ACTOR", "ACTION", "RUN", "CONTEXT"], &rows))?;
    Ok(Exit::Ok)
}

fn key(home: &Home, output: Output) -> Result<Exit> {
    let key = home.key()?;
    let key = home.reader(&key)?.audit_key().map_err(broken)?;
    output.json(&json!({ "origin": key.name(), "key": key.to_string() }))?;
    output.text(&key.to_string())?;
    Ok(Exit::Ok)
}

fn verify(home: &Home, files: &[PathBuf], output: Output) -> Result<Exit> {
    let mut anchors = Vec::new();
    for path in files {
        anchors.extend(kept(path)?.ok_or_else(|| {
            Fail::usage(format!("there is no anchor in {}", path.display()))
                .hint("`rollover audit anchor --file PATH` makes one")
        })?);
    }
    let verified = verified(home, &anchors)?;
    let (events, root) = (verified.events, verified.root.to_string());
    output.json(&json!({
        "verified": true, "events": events, "root": root, "anchors": anchors.len(),
        "checkpoint": verified.checkpoint.as_str(),
    }))?;
    let mut text =
        format!("{events} records, none changed, removed, inserted or moved\nroot {root}");
    if !anchors.is_empty() {
        text.push_str(&format!("\ngoes on from {} anchored checkpoint(s)", anchors.len()));
    }
    output.text(&text)?;
    if anchors.is_empty() {
        output.say(
            "hint: that the whole database was set back shows only against a checkpoint kept \
             elsewhere: `rollover audit anchor`, then `rollover audit verify --anchor FILE`",
        );
    }
    Ok(Exit::Ok)
}

/// Checks the whole log. A database that is gone is not made anew where an anchor says that
/// there was one.
fn verified(home: &Home, anchors: &[Note]) -> Result<Verified> {
    let database = home.database();
    if !anchors.is_empty() && !database.exists() {
        let what = format!("{} is gone, and an anchor says that it was there", database.display());
        return Err(
            Fail::new(Exit::Tampered, what).hint("restore a backup, and find out who removed it")
        );
    }
    let key = home.key()?;
    home.reader(&key)?.verify_audit_against(anchors).map_err(broken)
}

/// The checkpoints that a file holds; `None` if there is no file, or nothing in it.
fn kept(path: &Path) -> Result<Option<Vec<Note>>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let what = format!("failed to read the anchor {}: {error}", path.display());
            return Err(Fail::usage(what).hint("name a file that this user may read"));
        }
    };
    // A byte that is no text stands in a line that is no checkpoint.
    let notes = checkpoints(&String::from_utf8_lossy(&bytes)).map_err(|line| {
        let what = format!("{}:{line}: this is not a checkpoint", path.display());
        Fail::new(Exit::Tampered, what).hint(
            "an append that was cut short leaves such lines at the end, and so does whoever \
             changed the file: compare it with another copy, then remove them",
        )
    })?;
    Ok(if notes.is_empty() { None } else { Some(notes) })
}

fn broken(problem: AuditProblem) -> Fail {
    let exit = match &problem {
        AuditProblem::NoRecord { .. } => Exit::Usage,
        AuditProblem::Unread(JournalError::Unreadable { .. } | JournalError::Damaged(_)) => {
            Exit::Tampered
        }
        AuditProblem::Unread(_) => Exit::Failed,
        _ => Exit::Tampered,
    };
    Fail::new(exit, chain(&problem)).hint(problem.hint())
}
