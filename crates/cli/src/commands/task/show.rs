//! `rollover task ls` and `show`: what is asked, of whom, until when, and who has it.

use domain::{Guarded, Rotation, Takes, TaskKind, Token};
use engine::Engine;
use jiff::Timestamp;
use journal::{Reader, Slot};
use serde_json::{Value, json};

use super::{Open, find, open_tasks};
use crate::exit::Exit;
use crate::fail::Result;
use crate::home::Home;
use crate::output::Output;

pub(super) fn list(home: &Home, mine: bool, role: Option<&str>, output: Output) -> Result<Exit> {
    let engine = home.looking()?;
    let now = Timestamp::now();
    let mut tasks = open_tasks(engine.reader())?;
    tasks.retain(|open| {
        let claim = open.remark.held(&open.task, now);
        let taken = claim.is_some_and(|claim| claim.by == home.actor.name);
        (!mine || taken) && role.is_none_or(|role| open.task.role == role)
    });
    let mut objects = Vec::new();
    for open in &tasks {
        let how = instructions(&engine, open)?;
        objects.push(object(home, open, &how, now));
        output.text(&text(open, &how, now))?;
    }
    output.json(&objects)?;
    if tasks.is_empty() {
        output.text("nothing waits for anybody")?;
    }
    Ok(Exit::Ok)
}

pub(super) fn one(home: &Home, id: &str, output: Output) -> Result<Exit> {
    let engine = home.looking()?;
    let open = find(engine.reader(), id)?;
    let (how, now) = (instructions(&engine, &open)?, Timestamp::now());
    output.json(&object(home, &open, &how, now))?;
    output.text(&text(&open, &how, now))?;
    let may = answerers(home, &open);
    let who = if may.is_empty() { "anybody".to_owned() } else { may.join(", ") };
    output.text(&format!("   who may: {who}\n   {}", takes(&open)))?;
    Ok(Exit::Ok)
}

fn object(home: &Home, open: &Open, how: &[String], now: Timestamp) -> Value {
    json!({
        "task": open.task, "instructions": how, "overdue": open.task.is_overdue(now),
        "claim": open.remark.held(&open.task, now), "failed": open.remark.failure(&open.task),
        "may": answerers(home, open),
    })
}

fn text(open: &Open, how: &[String], now: Timestamp) -> String {
    let Open { task, remark, .. } = open;
    let mut lines = vec![format!("{}  {}  (role {})", task.id, task.title, task.role)];
    lines.extend(how.iter().enumerate().map(|(i, line)| format!("   {}. {line}", i + 1)));
    let due = match task.is_overdue(now) {
        true => format!("OVERDUE since {:.0}", task.deadline),
        false => format!("due {:.0}", task.deadline),
    };
    lines.push(format!("   waits since {:.0}, {due}", task.since));
    if let Some(starter) = &task.not_by {
        lines.push(format!("   not by {starter}, who started it: a second person must agree"));
    }
    if let Some(claim) = remark.held(task, now) {
        let from = claim.from.as_ref().map(|from| format!(", handed over by {from}"));
        lines.push(format!(
            "   {} has it until {:.0}{}",
            claim.by,
            claim.until,
            from.unwrap_or_default()
        ));
    }
    if let Some(failed) = remark.failure(task) {
        lines.push(format!("   {} could not do it: {}", failed.by, failed.why));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Who may answer, by name; nobody is named where everybody may.
fn answerers(home: &Home, open: &Open) -> Vec<String> {
    let people = &home.inventory.people;
    let of = Guarded::rotation(&open.rotation);
    let may = |name: &str| {
        if open.task.only.as_ref().is_some_and(|only| only != name) {
            return false;
        }
        let act = domain::Act::answer(open.task.kind);
        people.may(&people.named(name), act, Some(of)).is_ok()
    };
    people.members().map(|member| member.name.clone()).filter(|name| may(name)).collect()
}

/// What an answer has to bring, as a command.
fn takes(open: &Open) -> String {
    let id = &open.task.id;
    match &open.task.takes {
        Takes::Nothing => format!("when it is done: rollover task done {id}"),
        Takes::Arrival => {
            format!("it arrived: rollover task done {id}; it did not: rollover task done {id} --no")
        }
        Takes::HiddenToken => {
            format!("with the new token on standard input: rollover task done {id} --token-stdin")
        }
        Takes::Fetch { name } => format!("at the workstation: rollover env pull {name}"),
        Takes::SecretName { name } => {
            format!("with the secret's name: rollover task done {id} --confirm {name}")
        }
    }
}

fn instructions(engine: &Engine, open: &Open) -> Result<Vec<String>> {
    let value = value_of(engine.reader(), &open.rotation, open.task.kind)?;
    Ok(engine.instructions(&open.rotation, open.task.kind, value.as_ref()))
}

/// The token that a revocation task is about, for telling it from its siblings.
fn value_of(reader: &Reader, rotation: &Rotation, kind: TaskKind) -> Result<Option<Token>> {
    let slot = match kind {
        TaskKind::Revoke => Slot::Old,
        TaskKind::Discard => Slot::New,
        _ => return Ok(None),
    };
    Ok(reader.open_value(&rotation.plan().id, slot)?)
}
