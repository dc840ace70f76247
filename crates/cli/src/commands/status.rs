//! `rollover status`: every secret on two axes. *In step*: does each consumer hold what the store
//! holds? *Live*: does the issuer accept it?

use domain::{Fingerprint, Holding, Liveness, Observed, SecretName, StoreSeen};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::args::{Global, Status};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::{Output, table};

struct Row {
    name: SecretName,
    cells: Vec<String>,
    notes: Vec<String>,
    object: Value,
    due: bool,
}

pub(crate) async fn run(args: &Status, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let names = match &args.secret {
        Some(text) => vec![home.secret(text)?],
        None => home.inventory.secrets.keys().cloned().collect(),
    };
    let engine = home.looking()?;
    if let Some(why) = engine.reader().set_back(home.marks.as_deref())? {
        output
            .say(&format!("(!) the database is not taken at its word: {why}; rollover reconcile"));
    }
    let now = Timestamp::now();
    let looks = names.iter().map(|name| async {
        let observed = engine.look_around(name).await?;
        Ok::<_, engine::EngineError>((name.clone(), observed))
    });
    let mut rows = Vec::new();
    for looked in join_all(looks).await {
        let (name, observed) = looked?;
        let stage = match &observed.open {
            Some(id) => Some(engine.rotation(id)?.stage()),
            None => None,
        };
        rows.push(row(&home, name, &observed, stage, now)?);
    }
    output.json(&rows.iter().map(|row| row.object.clone()).collect::<Vec<_>>())?;
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.cells.clone()).collect();
    output.text(&table(&["NAME", "AGE", "MAX", "IN-STEP", "LIVE", "RUN", "NEXT"], &cells))?;
    for row in &rows {
        for note in &row.notes {
            output.text(&format!("(!) {}: {note}", row.name))?;
        }
    }
    let due = rows.iter().filter(|row| row.due).count();
    Ok(if args.check && due > 0 { Exit::Changes } else { Exit::Ok })
}

fn row(
    home: &Home,
    name: SecretName,
    observed: &Observed,
    stage: Option<&str>,
    now: Timestamp,
) -> Result<Row> {
    let secret = home
        .inventory
        .secret(&name)
        .ok_or_else(|| Fail::usage(format!("{name} is not in the inventory")))?;
    let stored = match &observed.store {
        StoreSeen::Holds { fingerprint, .. } => Some(*fingerprint),
        _ => None,
    };
    let mut notes = Vec::new();
    let (mut in_step, mut unknown) = (0, 0);
    for seen in &observed.consumers {
        match step(&seen.holding, stored) {
            Step::In => in_step += 1,
            Step::Unknown(why) => {
                unknown += 1;
                notes.push(format!("{}: {why}", seen.id));
            }
            Step::Out(why) => notes.push(format!("{} {why}", seen.id)),
        }
    }
    let total = secret.consumers.len();
    let live = match &observed.old {
        Liveness::Alive { .. } => "yes",
        Liveness::Dead { .. } => "DEAD",
        Liveness::Unknown { why } => {
            notes.push(format!("liveness is unknown: {why}"));
            "unknown"
        }
    };
    if let StoreSeen::Unknown(why) | StoreSeen::Refuses(why) = &observed.store {
        notes.push(format!("the store: {why}"));
    }
    let since = observed.remembered.as_ref().map(|known| known.since);
    let max = secret.max_age.millis();
    let age = since.map(|since| now.as_millisecond() - since.as_millisecond());
    let due_at = since.and_then(|since| {
        let at = since.as_millisecond().checked_add(i64::try_from(max).ok()?)?;
        Timestamp::from_millisecond(at).ok()
    });
    let overdue = due_at.is_some_and(|at| at <= now);
    let next = match due_at {
        Some(_) if overdue => "overdue".into(),
        Some(at) => format!("{:.10}", at.to_string()),
        None => "unknown".to_owned(),
    };
    let out = total - in_step - unknown;
    let due = overdue || out > 0 || observed.old.is_dead();
    let run = match (&observed.open, stage) {
        (Some(id), Some(stage)) => format!("{id} {stage}"),
        _ => "-".into(),
    };
    let object = json!({
        "secret": name, "age_days": age.map(|ms| ms / 86_400_000),
        "max_age": secret.max_age, "in_step": in_step, "unknown": unknown, "consumers": total,
        "live": live, "fingerprint": stored, "run": observed.open, "stage": stage,
        "next_due": due_at, "overdue": overdue, "notes": notes,
    });
    let mark = if out > 0 { " (!)" } else { "" };
    let cells = vec![
        name.to_string(),
        age.map_or_else(|| "?".into(), |ms| format!("{}d", ms / 86_400_000)),
        secret.max_age.to_string(),
        format!("{in_step}/{total}{mark}"),
        live.to_owned(),
        run,
        next,
    ];
    Ok(Row { name, cells, notes, object, due })
}

enum Step {
    In,
    Out(String),
    Unknown(String),
}

fn step(holding: &Holding, stored: Option<Fingerprint>) -> Step {
    match (holding, stored) {
        (Holding::Token(held), Some(stored)) if *held == stored => Step::In,
        (Holding::Token(held), Some(stored)) => {
            Step::Out(format!("holds fp {held}, the store has fp {stored}"))
        }
        (Holding::Mixed(_), _) => Step::Out("holds different values under its names".into()),
        (Holding::Nothing, _) => Step::Out("holds nothing".into()),
        (Holding::Unreadable(None), _) => Step::Out("was never written".into()),
        // Its value cannot be read back; that is no sign of drift, and no proof of step either.
        (Holding::Unreadable(Some(at)), _) => {
            Step::Unknown(format!("cannot be read back; written {at:.0}"))
        }
        (Holding::Token(_), None) => Step::Unknown("the store could not be read".into()),
        (Holding::Refused(why) | Holding::Unknown(why), _) => Step::Unknown(why.clone()),
    }
}
