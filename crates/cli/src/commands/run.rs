//! `rollover run`: rotations, looked at and steered.

use domain::{Entry, Event, RotationId};
use engine::{Command, RotationSummary};
use journal::{Inbox, JournalError, RotationFilter};
use serde_json::json;

use crate::args::{Global, How, Run};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::{Output, table};
use crate::people;
use crate::running::{self, What};

pub(crate) async fn run(args: Run, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    match args {
        Run::Ls => list(&home, output),
        Run::Show { id } => show(&home, &RotationId(id), output),
        Run::Resume { id, how } => {
            let retry = Command::Retry { by: people::actor() };
            go_on(&home, RotationId(id), &how, global, output, retry).await
        }
        Run::Rollback { id, reason, how } => {
            let back = Command::Back { by: people::actor(), why: reason };
            go_on(&home, RotationId(id), &how, global, output, back).await
        }
    }
}

fn list(home: &Home, output: Output) -> Result<Exit> {
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let mut rows = Vec::new();
    let mut objects = Vec::new();
    for row in reader.rotations(&RotationFilter::default())? {
        let rotation = domain::Rotation::replay(&reader.events(&row.id)?)
            .map_err(|error| Fail::new(Exit::Failed, error.to_string()))?;
        let stage = rotation.stage();
        objects.push(RotationSummary::of(&rotation));
        rows.push(vec![
            row.id.to_string(),
            row.secret.to_string(),
            stage.to_owned(),
            format!("{:.0}", row.started_at),
            row.closed_at.map_or_else(|| "-".into(), |at| format!("{at:.0}")),
        ]);
    }
    output.json(&objects)?;
    output.text(&table(&["RUN", "SECRET", "STAGE", "STARTED", "ENDED"], &rows))?;
    Ok(Exit::Ok)
}

fn show(home: &Home, id: &RotationId, output: Output) -> Result<Exit> {
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let entries = reader.events(id)?;
    if entries.is_empty() {
        return Err(
            Fail::usage(format!("there is no rotation {id}")).hint("`rollover run ls` lists them")
        );
    }
    let rotation = domain::Rotation::replay(&entries)
        .map_err(|error| Fail::new(Exit::Failed, error.to_string()))?;
    let now = jiff::Timestamp::now();
    output.json(&json!({
        "summary": RotationSummary::of(&rotation),
        "waiting": rotation.waiting(now),
        "tasks": rotation.tasks(now),
        "entries": entries,
    }))?;
    let plan = rotation.plan();
    output.text(&format!("{id}  {}  {}\n", plan.secret, rotation.stage()))?;
    let rows: Vec<Vec<String>> = entries.iter().map(line).collect();
    output.text(&table(&["#", "AT", "WHAT", ""], &rows))?;
    for task in rotation.tasks(now) {
        output.text(&format!("\nwaits: {}  {}", task.id, task.title))?;
    }
    Ok(Exit::Ok)
}

fn line(entry: &Entry) -> Vec<String> {
    let (what, detail) = match &entry.event {
        Event::Planned { by, .. } => ("planned".to_owned(), format!("by {by}")),
        Event::Began { action } => (format!("begin {action}"), String::new()),
        Event::Done { action, evidence } => {
            (format!("done {action}"), serde_json::to_string(evidence).unwrap_or_default())
        }
        Event::NotDone { action, why } => (format!("not done {action}"), why.clone()),
        Event::Refused { action, why } => (format!("refused {action}"), why.clone()),
        Event::Unsure { action, why, .. } => (format!("unsure {action}"), why.clone()),
        Event::Later { action, why, .. } => (format!("later {action}"), why.clone()),
        Event::Orphaned { handles } => ("orphans found".into(), format!("{}", handles.len())),
        Event::Drifted { consumer, why } => (format!("drift {consumer}"), why.clone()),
        Event::Looked { look } => ("look".into(), look.liveness.to_string()),
        Event::Approved { by } => ("approved".into(), format!("by {by}")),
        Event::TurnedBack { by, why } => ("turned back".into(), format!("by {by}: {why}")),
        Event::Resumed { by } => ("resumed".into(), format!("by {by}")),
        Event::Closed { outcome } => ("closed".into(), format!("{outcome:?}")),
    };
    vec![entry.seq.to_string(), format!("{:.3}", entry.at), what, detail]
}

/// Takes the rotation into this process; where another one has it, leaves the word for that one.
async fn go_on(
    home: &Home,
    id: RotationId,
    how: &How,
    global: &Global,
    output: Output,
    command: Command,
) -> Result<Exit> {
    let key = home.key()?;
    let known = home.reader(&key)?.events(&id)?;
    if known.is_empty() {
        return Err(
            Fail::usage(format!("there is no rotation {id}")).hint("`rollover run ls` lists them")
        );
    }
    match home.journal(&key, &format!("run {id}"), how.take_over) {
        Ok(journal) => drop(journal),
        Err(fail) => return leave_word(home, &key, &id, command, fail, output),
    }
    let engine = home.acting(&format!("run {id}"), how.take_over)?;
    let retry = matches!(command, Command::Retry { .. });
    // Resuming journals that by itself.
    let first = if retry { Vec::new() } else { vec![command] };
    let ran = running::run(engine, What::Open(id), how, global, output, first).await?;
    ran.report(output)
}

fn leave_word(
    home: &Home,
    key: &seal::Key,
    id: &RotationId,
    command: Command,
    held: Fail,
    output: Output,
) -> Result<Exit> {
    let Some(item) = command.item(id) else {
        return Err(held);
    };
    match Inbox::post(&home.database(), key, &item) {
        Ok(_) => {
            output.say("another process runs this rotation; it was told");
            output.json(&json!({ "rotation": id, "told": item.kind }))?;
            Ok(Exit::Ok)
        }
        Err(error @ JournalError::Closed { .. }) => Err(error.into()),
        Err(_) => Err(held),
    }
}
