//! `rollover task`: what waits for people. A task is derived from the state of its rotation; an
//! answer goes into the rotation's inbox, and a look at the issuer proves it.

use domain::{Rotation, RotationId, Task as Waits, TaskKind};
use engine::Command;
use journal::{Inbox, Reader, Slot};
use serde_json::json;

use crate::args::{Global, Task, TokenWay};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::{Output, table};
use crate::people;

pub(crate) async fn run(args: Task, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    match args {
        Task::Ls => list(&home, output).await,
        Task::Done { id, confirm, token } => done(&home, &id, confirm, &token, output),
    }
}

fn open_tasks(reader: &Reader) -> Result<Vec<(Rotation, Waits)>> {
    let now = jiff::Timestamp::now();
    let mut tasks = Vec::new();
    for row in reader.open_rotations()? {
        let rotation = Rotation::replay(&reader.events(&row.id)?)
            .map_err(|error| Fail::new(Exit::Failed, error.to_string()))?;
        for task in rotation.tasks(now) {
            tasks.push((rotation.clone(), task));
        }
    }
    Ok(tasks)
}

async fn list(home: &Home, output: Output) -> Result<Exit> {
    let engine = home.looking()?;
    let tasks = open_tasks(engine.reader())?;
    let mut objects = Vec::new();
    for (rotation, task) in &tasks {
        let value = value_of(engine.reader(), rotation, task.kind)?;
        let how = engine.instructions(rotation, task.kind, value.as_ref());
        objects.push(json!({ "task": task, "instructions": how }));
        output.text(&format!("{}  {}  (role {})", task.id, task.title, task.role))?;
        for (i, line) in how.iter().enumerate() {
            output.text(&format!("   {}. {line}", i + 1))?;
        }
        output.text(&format!("   waits since {:.0}\n", task.since))?;
    }
    output.json(&objects)?;
    if tasks.is_empty() {
        output.text(&table(&["nothing waits for anybody"], &[]))?;
    }
    Ok(Exit::Ok)
}

/// The token that a revocation task is about, for telling it from its siblings.
fn value_of(reader: &Reader, rotation: &Rotation, kind: TaskKind) -> Result<Option<domain::Token>> {
    let slot = match kind {
        TaskKind::Revoke => Slot::Old,
        TaskKind::Discard => Slot::New,
        _ => return Ok(None),
    };
    Ok(reader.open_value(&rotation.plan().id, slot)?)
}

fn done(
    home: &Home,
    id: &str,
    confirm: Option<String>,
    way: &TokenWay,
    output: Output,
) -> Result<Exit> {
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let tasks = open_tasks(&reader)?;
    let Some((rotation, task)) = tasks.iter().find(|(_, task)| task.id == id) else {
        return Err(Fail::usage(format!("there is no task {id}"))
            .hint("`rollover task ls` lists what waits"));
    };
    let by = people::actor();
    let command = match (task.kind, people::token(way)?) {
        (TaskKind::Create, Some(token)) => Command::Enter { by, token },
        (_, Some(_)) => return Err(Fail::usage("this task takes no token")),
        (TaskKind::Approve, None) => {
            let name = rotation.plan().secret.to_string();
            if confirm.as_deref() != Some(name.as_str()) {
                return Err(Fail::usage("agreeing to a revocation needs the secret's name")
                    .hint(format!("rollover task done {id} --confirm {name}")));
            }
            Command::Approve { by }
        }
        (TaskKind::Attend, None) => Command::Retry { by },
        (TaskKind::Create | TaskKind::Revoke | TaskKind::Discard, None) => Command::Done { by },
    };
    post(home, &key, &task.rotation, command)?;
    output.json(&json!({ "task": task.id, "told": true }))?;
    output.text(&format!("noted. {}", next_move(&reader, rotation)?))?;
    Ok(Exit::Ok)
}

fn post(home: &Home, key: &seal::Key, id: &RotationId, command: Command) -> Result<()> {
    if let Some(item) = command.item(id) {
        Inbox::post(&home.database(), key, &item)?;
    }
    Ok(())
}

fn next_move(reader: &Reader, rotation: &Rotation) -> Result<String> {
    let (id, secret) = (&rotation.plan().id, rotation.plan().secret.to_string());
    let now = jiff::Timestamp::now();
    let runs = reader.lease()?.is_some_and(|lease| {
        let command = &lease.holder.command;
        let runs_it = command.contains(&id.0) || command.contains(&secret);
        runs_it && !lease.released && !lease.expired(now)
    });
    Ok(if runs {
        "the running rotation looks for itself now".into()
    } else {
        format!("go on with: rollover run resume {id}")
    })
}
