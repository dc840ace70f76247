//! `rollover status`: every secret on two axes. *In step*: does each consumer hold what the store
//! holds? *Live*: does the issuer accept it? Both are what `rollover drift` sees.

use domain::drift::{Finding, Grade, Kind, Report, Standing};
use domain::{Rotation, SecretName};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::drift::{in_step, live};
use crate::args::{Global, Status};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::{Output, table};

struct Row {
    name: SecretName,
    cells: Vec<String>,
    notes: Vec<Finding>,
    object: Value,
    due: bool,
    /// Tasks that should have been done by now.
    overdue: Vec<String>,
}

pub(crate) async fn run(args: &Status, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let names: Vec<SecretName> = match &args.secret {
        Some(text) => vec![home.secret(text)?],
        None => home.inventory.secrets.keys().cloned().collect(),
    };
    let engine = home.looking()?;
    if let Some(why) = engine.reader().set_back(home.marks.as_deref())? {
        output
            .say(&format!("(!) the database is not taken at its word: {why}; rollover reconcile"));
    }
    output.say(&standing(&home));
    let now = Timestamp::now();
    let mut rows = Vec::new();
    for report in engine.drift(&names).await? {
        let rotation = match &report.rotation {
            Some(id) => Some(engine.rotation(id)?),
            None => None,
        };
        let stage = rotation.as_ref().map(Rotation::stage);
        let mut row = row(&home, &report, stage, now)?;
        let tasks = rotation.iter().flat_map(|rotation| rotation.tasks(now));
        row.overdue.extend(tasks.filter(|task| task.is_overdue(now)).map(|task| {
            format!("task {} is overdue since {:.0} (role {})", task.id, task.deadline, task.role)
        }));
        row.due |= !row.overdue.is_empty();
        rows.push(row);
    }
    output.json(&rows.iter().map(|row| row.object.clone()).collect::<Vec<_>>())?;
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.cells.clone()).collect();
    output.text(&table(&["NAME", "AGE", "MAX", "IN-STEP", "LIVE", "RUN", "NEXT"], &cells))?;
    for row in &rows {
        for task in &row.overdue {
            output.text(&format!("(!) {}: {task}", row.name))?;
        }
        for note in &row.notes {
            for line in super::drift::lines(&row.name, note, None) {
                output.text(&line)?;
            }
        }
    }
    for notice in engine.reader().unsaid_notices()? {
        let why = notice.why.unwrap_or_default();
        output
            .text(&format!("(!) channel {}: {} was not said: {why}", notice.channel, notice.id))?;
    }
    let due = rows.iter().filter(|row| row.due).count();
    Ok(if args.check && due > 0 { Exit::Changes } else { Exit::Ok })
}

/// Who looks at it, and what they may do.
fn standing(home: &Home) -> String {
    let (actor, people) = (&home.actor, &home.inventory.people);
    let member = people.members().find(|member| member.name == actor.name);
    match (actor.standing, member) {
        (domain::Standing::Alone, _) => {
            "no members are declared: whoever can use this installation may do everything".into()
        }
        (domain::Standing::Member, Some(member)) => {
            let roles: Vec<&str> = member.roles.iter().map(String::as_str).collect();
            format!("you are {} ({})", actor.name, roles.join(", "))
        }
        _ => format!("{}: no member; you may look, and change nothing", actor.name),
    }
}

fn row(home: &Home, report: &Report, stage: Option<&str>, now: Timestamp) -> Result<Row> {
    let name = report.secret.clone();
    let secret = home
        .inventory
        .secret(&name)
        .ok_or_else(|| Fail::usage(format!("{name} is not in the inventory")))?;
    let max = secret.max_age.millis();
    let age = report.since.map(|since| now.as_millisecond() - since.as_millisecond());
    let due_at = report.since.and_then(|since| {
        let at = since.as_millisecond().checked_add(i64::try_from(max).ok()?)?;
        Timestamp::from_millisecond(at).ok()
    });
    let overdue = due_at.is_some_and(|at| at <= now);
    let next = match due_at {
        _ if report.decommissioned.is_some() => "decommissioned".into(),
        Some(_) if overdue => "overdue".into(),
        Some(at) => format!("{:.10}", at.to_string()),
        None => "unknown".to_owned(),
    };
    let run = match (&report.rotation, stage) {
        (Some(id), Some(stage)) => format!("{id} {stage}"),
        _ => "-".into(),
    };
    // What is only worth knowing is told by `drift`; here it would drown the rest.
    let notes: Vec<Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.grade != Grade::Note || finding.kind == Kind::Unreadable)
        .cloned()
        .collect();
    let object = json!({
        "secret": name, "age_days": age.map(|ms| ms / 86_400_000),
        "max_age": secret.max_age,
        "in_step": report.count(Standing::InStep) + report.count(Standing::Written),
        "unknown": report.count(Standing::Unknown), "consumers": report.consumers.len(),
        "live": live(report), "fingerprint": report.stored, "run": report.rotation,
        "stage": stage, "decommissioned": report.decommissioned, "next_due": due_at, "overdue": overdue, "drifted": report.drifted(),
        "watched_until": report.watched_until,
        "notes": notes.iter().map(|one| format!("{} {}", one.place, one.what)).collect::<Vec<_>>(),
    });
    let cells = vec![
        name.to_string(),
        age.map_or_else(|| unaged(report).into(), |ms| format!("{}d", ms / 86_400_000)),
        secret.max_age.to_string(),
        in_step(report),
        live(report).to_owned(),
        run,
        next,
    ];
    let due = overdue || report.drifted();
    Ok(Row { name, cells, notes, object, due, overdue: Vec::new() })
}

/// In place of an age that nobody can say.
fn unaged(report: &Report) -> &'static str {
    if report.decommissioned.is_some() { "-" } else { "?" }
}
