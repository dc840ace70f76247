//! `rollover audit prove`: the proof of one record, made from the log and checked without it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use domain::audit::{Hash, NoteKey, Proof};
use serde_json::{Value, json};

use super::broken;
use crate::args::{Global, Prove};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;
use crate::output::Output;

pub(super) fn run(args: &Prove, global: &Global, output: Output) -> Result<Exit> {
    match (args.number, &args.check, &args.key) {
        (Some(number), ..) => make(&Home::find(global)?, number, args.output.as_deref(), output),
        (None, Some(path), Some(key)) => check(path, key, output),
        // The command line does not let this through.
        _ => Err(Fail::usage("neither a record nor a proof was named")),
    }
}

fn make(home: &Home, number: u64, to: Option<&Path>, output: Output) -> Result<Exit> {
    let key = home.key()?;
    let proof = home.reader(&key)?.prove_audit(number).map_err(broken)?;
    let text = proof.to_string();
    output.json(&json!({
        "number": number, "record": record(&proof), "proof": text, "file": to,
    }))?;
    match to {
        None => output.text(text.trim_end_matches('\n'))?,
        Some(path) => {
            let written = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(path)
                .and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| {
                Fail::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
                    .hint("name a file that is not there yet, in a directory that you may write")
            })?;
            output.say(&format!("the proof of record {number} is in {}", path.display()));
        }
    }
    Ok(Exit::Ok)
}

/// Needs nothing but the file and the key.
fn check(path: &Path, key: &NoteKey, output: Output) -> Result<Exit> {
    let text = fs::read_to_string(path).map_err(|error| {
        Fail::usage(format!("failed to read the proof {}: {error}", path.display()))
            .hint("`rollover audit prove N --output FILE` writes one")
    })?;
    let untrue = |what: String| {
        Fail::new(Exit::Tampered, format!("{}: {what}", path.display())).hint(
            "ask for the proof and for the key (`rollover audit key`) again, each by another way",
        )
    };
    let proof = Proof::parse(&text).map_err(|error| untrue(chain(&error)))?;
    let Some(bytes) = &proof.extra else {
        return Err(untrue("it does not hold its record (a line `extra`)".into()));
    };
    let keys = std::slice::from_ref(key);
    let checkpoint = proof
        .check(Hash::leaf(bytes), keys, &journal::signed)
        .map_err(|error| untrue(chain(&error)))?;
    let number = proof.index + 1;
    output.json(&json!({
        "proven": true, "number": number, "events": checkpoint.size,
        "origin": checkpoint.origin, "root": checkpoint.root.to_string(), "record": record(&proof),
    }))?;
    output.text(&format!(
        "record {number} of {} in {}\n{}",
        checkpoint.size,
        checkpoint.origin,
        String::from_utf8_lossy(bytes)
    ))?;
    Ok(Exit::Ok)
}

/// The record as it is: an object, or text where it is none.
fn record(proof: &Proof) -> Value {
    let bytes = proof.extra.as_deref().unwrap_or_default();
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}
