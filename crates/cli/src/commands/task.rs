//! `rollover task`: what waits for people. A task is derived from the state of its rotation; an
//! answer goes into the rotation's inbox, and a look at the issuer proves it. Who has a task is
//! written beside it, for every process to see at once.

mod claim;
mod show;

use domain::{Act, Remark, Rotation, RotationId, Task as Waits, TaskKind};
use engine::Command;
use jiff::Timestamp;
use journal::{Inbox, Reader};
use serde_json::json;

use crate::args::{Global, Task, TokenWay};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;
use crate::people;

pub(crate) async fn run(args: Task, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    match args {
        Task::Ls { mine, role } => show::list(&home, mine, role.as_deref(), output),
        Task::Show { id } => show::one(&home, &id, output),
        Task::Claim { id, r#for } => claim::claim(&home, &id, r#for, output),
        Task::Release { id, to } => claim::release(&home, &id, to.as_deref(), output),
        Task::Done { id, confirm, no, token } => {
            done(&home, &id, &Said { confirm, no }, &token, output)
        }
        Task::Fail { id, why } => claim::fail(&home, &id, &why, output),
    }
}

/// A task that waits, its rotation, and what was said of it.
struct Open {
    rotation: Rotation,
    task: Waits,
    remark: Remark,
}

fn open_tasks(reader: &Reader) -> Result<Vec<Open>> {
    let now = Timestamp::now();
    let mut remarks = reader.remarks()?;
    let mut tasks = Vec::new();
    for row in reader.open_rotations()? {
        let rotation = Rotation::replay(&reader.events(&row.id)?)
            .map_err(|error| Fail::new(Exit::Failed, error.to_string()))?;
        for task in rotation.tasks(now) {
            let remark = remarks.remove(&task.id).unwrap_or_default();
            tasks.push(Open { rotation: rotation.clone(), task, remark });
        }
    }
    Ok(tasks)
}

fn find(reader: &Reader, id: &str) -> Result<Open> {
    let found = open_tasks(reader)?.into_iter().find(|open| open.task.id == id);
    found.ok_or_else(|| {
        Fail::usage(format!("there is no task {id}")).hint("`rollover task ls` lists what waits")
    })
}

impl Open {
    /// Whether whoever runs this may answer it, and nobody else has it.
    fn mine_to_answer(&self, home: &Home, act: Act) -> Result<()> {
        home.allow_in(act, &self.rotation)?;
        let free = self.remark.free_for(&self.task, &home.actor.name, Timestamp::now());
        free.map_err(|held| {
            Fail::new(Exit::Failed, held.to_string()).hint(format!(
                "ask for it: rollover task release {} --to {}",
                self.task.id, home.actor.name
            ))
        })
    }
}

/// What is said besides that it is done.
struct Said {
    confirm: Option<String>,
    no: bool,
}

fn done(home: &Home, id: &str, said: &Said, way: &TokenWay, output: Output) -> Result<Exit> {
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let open = find(&reader, id)?;
    let act = match open.task.kind {
        TaskKind::Create if way.is_given() => Act::EnterToken,
        kind => Act::answer(kind),
    };
    open.mine_to_answer(home, act)?;
    let Open { rotation, task, .. } = &open;
    let by = home.actor.name.clone();
    if said.no && task.kind != TaskKind::Receipt {
        return Err(Fail::usage(
            "`--no` answers whether something arrived; this task asks nothing",
        )
        .hint(format!("what could not be done is said with: rollover task fail {id} --why ...")));
    }
    let command = match (task.kind, people::token(way)?) {
        (TaskKind::Create, Some(token)) => Command::Enter { by, token },
        (_, Some(_)) => return Err(Fail::usage("this task takes no token")),
        (TaskKind::Approve, None) => {
            let name = rotation.plan().secret.to_string();
            if said.confirm.as_deref() != Some(name.as_str()) {
                return Err(Fail::usage("agreeing to a revocation needs the secret's name")
                    .hint(format!("rollover task done {id} --confirm {name}")));
            }
            Command::Approve { by }
        }
        (TaskKind::Fetch, None) => {
            let name = &rotation.plan().secret;
            return Err(Fail::usage("fetching the value is the answer, and its proof")
                .hint(format!("at the workstation: rollover env pull {name}")));
        }
        (TaskKind::Receipt, None) => {
            let probe = task.probe.clone();
            let probe = probe.ok_or_else(|| Fail::usage("this task is about no probe"))?;
            Command::Receipt { by, probe, arrived: !said.no }
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
    let now = Timestamp::now();
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
