//! `rollover audit`: what happened, and that nobody has changed the telling of it.

use domain::audit::Record;
use journal::AuditProblem;
use serde_json::json;

use crate::args::{Audit, Global};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;
use crate::output::{Output, table};

pub(crate) fn run(args: &Audit, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    match args {
        Audit::Ls { number } => list(&home, *number, output),
        Audit::Verify { expect } => verify(&home, expect.as_deref(), output),
    }
}

fn list(home: &Home, number: u64, output: Output) -> Result<Exit> {
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let newest = newest(&reader)?;
    let from = newest.saturating_sub(number) + 1;
    let limit = u32::try_from(number).unwrap_or(u32::MAX);
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    for line in reader.audit_lines(from, limit)? {
        let record: Record = serde_json::from_str(&line.body).map_err(|error| {
            Fail::new(Exit::Tampered, format!("record {} cannot be read: {error}", line.seq))
        })?;
        objects.push(json!({ "seq": line.seq, "hash": line.hash.to_string(), "record": record }));
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

/// The place of the newest record, found by halving.
fn newest(reader: &journal::Reader) -> Result<u64> {
    let (mut low, mut high) = (0_u64, 1_u64);
    while !reader.audit_lines(high, 1)?.is_empty() {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if reader.audit_lines(middle, 1)?.is_empty() { high = middle } else { low = middle }
    }
    Ok(low)
}

fn verify(home: &Home, expect: Option<&str>, output: Output) -> Result<Exit> {
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let verified = reader.verify_audit().map_err(broken)?;
    if let Some(expect) = expect {
        let (seq, hash) = expect
            .split_once(':')
            .and_then(|(seq, hash)| Some((seq.parse::<u64>().ok()?, hash)))
            .ok_or_else(|| {
                Fail::usage("--expect wants RECORDS:HASH, as `audit verify` prints it")
            })?;
        let held = reader.audit_lines(seq, 1)?;
        if held.first().map(|line| line.hash.to_string()).as_deref() != Some(hash) {
            return Err(Fail::new(
                Exit::Tampered,
                format!("the log does not contain the noted head {seq}:{hash}"),
            )
            .hint("the database was replaced or set back since that head was noted"));
        }
    }
    output.json(&json!({
        "verified": true, "events": verified.events, "head": verified.head,
    }))?;
    output.text(&format!(
        "{} records, none changed, removed, inserted or moved\nhead {}:{}",
        verified.events, verified.events, verified.head
    ))?;
    Ok(Exit::Ok)
}

fn broken(problem: AuditProblem) -> Fail {
    Fail::new(Exit::Tampered, chain(&problem)).hint(problem.hint())
}
