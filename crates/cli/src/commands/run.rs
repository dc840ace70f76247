//! `rollover run`: rotations, looked at and steered.

use domain::{Act, Entry, Event, RotationId};
use engine::{Command, RotationSummary};
use journal::{Inbox, JournalError, RotationFilter};
use serde_json::json;

use crate::args::{Global, How, Run};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::{Output, table};
use crate::running::{self, What};

pub(crate) async fn run(args: Run, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    match args {
        Run::Ls => list(&home, output),
        Run::Show { id } => show(&home, &RotationId(id), output),
        Run::Resume { id, how } => {
            let retry = Command::Retry { by: home.actor.name.clone() };
            go_on(&home, RotationId(id), &how, global, output, retry).await
        }
        Run::Rollback { id, reason, how } => {
            let back = Command::Back { by: home.actor.name.clone(), why: reason };
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
            rotation.plan().campaign.as_ref().map_or_else(|| "-".into(), ToString::to_string),
            format!("{:.0}", row.started_at),
            row.closed_at.map_or_else(|| "-".into(), |at| format!("{at:.0}")),
        ]);
    }
    output.json(&objects)?;
    output.text(&table(&["RUN", "SECRET", "STAGE", "CAMPAIGN", "STARTED", "ENDED"], &rows))?;
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
        Event::StoreDrifted { why } => ("drift of the store".into(), why.clone()),
        Event::Looked { look } => ("look".into(), look.liveness.to_string()),
        Event::Approved { by } => ("approved".into(), format!("by {by}")),
        Event::TurnedBack { by, why } => ("turned back".into(), format!("by {by}: {why}")),
        Event::Resumed { by } => ("resumed".into(), format!("by {by}")),
        Event::Doubted { action } => (format!("doubt {action}"), String::new()),
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
    let entries = home.reader(&key)?.events(&id)?;
    let rotation = domain::Rotation::replay(&entries).map_err(|_| {
        Fail::usage(format!("there is no rotation {id}")).hint("`rollover run ls` lists them")
    })?;
    let back = matches!(command, Command::Back { .. });
    let pass = home.allow_in(if back { Act::TurnBack } else { Act::Resume }, &rotation)?;
    home.allow_meanwhile(&rotation, how)?;
    let going_back = matches!(rotation.direction(), domain::Direction::Back { .. });
    if back && !rotation.may_turn_back() && !going_back {
        return Err(no_way_back(&rotation));
    }
    let journal = match home.open_journal(&pass, &key, &format!("run {id}"), how.take_over) {
        Err(JournalError::Held { holder, .. }) => {
            let ours = [id.to_string(), rotation.plan().secret.to_string()];
            let runs_it = ours.iter().any(|name| holder.command.contains(name.as_str()));
            return leave_word(home, &key, &id, command, runs_it, output);
        }
        other => other?,
    };
    drop(journal);
    let engine = home.acting(&pass, &format!("run {id}"), how.take_over)?;
    // Resuming journals a retry by itself, and what goes back needs not be told so again.
    let first = if back && !going_back { vec![command] } else { Vec::new() };
    let ran = running::run(engine, What::Open(id), how, global, output, first).await?;
    ran.report(output)
}

fn no_way_back(rotation: &domain::Rotation) -> Fail {
    let id = &rotation.plan().id;
    let (why, hint) = match rotation.outcome() {
        Some(_) => ("it has ended".into(), format!("rollover run show {id}")),
        None if rotation.past_return() => (
            "its revocation has begun; from there it only goes forward".to_owned(),
            format!("rollover run resume {id}"),
        ),
        None if rotation.plan().mode == domain::Mode::Repair => (
            "it repairs a token that is dead; there is nothing to go back to".to_owned(),
            format!("rollover run resume {id}"),
        ),
        None => ("it is on its way back already".into(), format!("rollover run resume {id}")),
    };
    Fail::new(Exit::Failed, format!("{id} cannot be rolled back: {why}")).hint(hint)
}

/// Leaves a word in the rotation's inbox. `runs_it`: whether the process that holds the lease
/// runs this rotation, and so reads it now.
fn leave_word(
    home: &Home,
    key: &seal::Key,
    id: &RotationId,
    command: Command,
    runs_it: bool,
    output: Output,
) -> Result<Exit> {
    let Some(item) = command.item(id) else { return Ok(Exit::Failed) };
    Inbox::post(&home.database(), key, &item)?;
    output.json(&json!({ "rotation": id, "told": item.kind, "runs": runs_it }))?;
    if runs_it {
        output.say("another process runs this rotation; it was told");
        return Ok(Exit::Ok);
    }
    output.say(&format!(
        "another rotation runs now; this was noted. Afterwards: rollover run resume {id}"
    ));
    Ok(Exit::Waiting)
}
