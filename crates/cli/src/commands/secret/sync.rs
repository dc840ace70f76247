//! `rollover secret sync`: gives consumers that differ the token that the store holds.

use clap::Args;
use domain::inventory::Secret;
use domain::{Act, ConsumerId};
use engine::{SyncEnd, SyncPlan};
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::{Output, table};
use crate::people;

/// Give consumers that differ the token that the store holds; run again after an interruption
#[derive(Args, Debug)]
pub(crate) struct Sync {
    /// The secret, as `prod/NAME`
    pub(crate) secret: String,
    /// Only these consumers, as `drift` names them
    pub(crate) consumers: Vec<String>,
    /// Write without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
}

pub(super) async fn run(args: &Sync, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let name = home.secret(&args.secret)?;
    let secret =
        home.inventory.secret(&name).ok_or_else(|| Fail::usage(format!("there is no {name}")))?;
    let only = args
        .consumers
        .iter()
        .map(|text| consumer(secret, text))
        .collect::<Result<Vec<ConsumerId>>>()?;
    let pass = home.allow(Act::Sync, Some(&name))?;
    let engine = home.acting(&pass, &format!("secret sync {name}"), false)?;
    let plan = engine.plan_sync(&name, &only).await?;
    output.say(&render(&plan));
    if plan.parts.is_empty() {
        // Writes of a run that was killed get their outcome.
        let _nothing = engine.sync(&plan, &|_, _| {}).await?;
        output.json(&json!({ "plan": plan, "ends": [] }))?;
        output.text("nothing to write")?;
        return Ok(match plan.left.iter().all(|(_, why)| why == "in step") {
            true => Exit::Ok,
            false => Exit::Attention,
        });
    }
    if !args.yes && !agreed(global, output) {
        output.json(&json!({ "plan": plan, "ends": [] }))?;
        output.say("nothing was changed");
        return Ok(Exit::Waiting);
    }
    let ends = engine.sync(&plan, &|id, what| output.say(&format!("  ..  {id}: {what}"))).await?;
    for (id, end) in &ends {
        output.text(&told(id, end))?;
    }
    let ends_of = |(id, end)| json!({ "consumer": id, "end": end });
    let done = ends.len() == plan.parts.len()
        && ends.iter().all(|(_, end)| matches!(end, SyncEnd::Done(_)));
    output.json(&json!({
        "plan": plan, "ends": ends.iter().map(|(id, end)| ends_of((id, end))).collect::<Vec<_>>(),
    }))?;
    if done {
        return Ok(Exit::Ok);
    }
    for part in plan.parts.iter().filter(|part| !ends.iter().any(|(id, _)| *id == part.consumer)) {
        output.say(&format!("  --  {}: not written, because of what came before", part.consumer));
    }
    output.say(&format!("go on with: rollover secret sync {name}"));
    Ok(Exit::Attention)
}

/// A consumer by its id or by what people call it.
fn consumer(secret: &Secret, text: &str) -> Result<ConsumerId> {
    let found = secret.consumers.iter().find(|one| one.id.as_str() == text || one.label == text);
    found.map(|one| one.id.clone()).ok_or_else(|| {
        let known: Vec<&str> = secret.consumers.iter().map(|one| one.id.as_str()).collect();
        Fail::usage(format!("`{text}` is no consumer of {}", secret.name))
            .hint(format!("its consumers: {}", known.join(", ")))
    })
}

fn render(plan: &SyncPlan) -> String {
    let mut lines = vec![format!(
        "{}   the store has fp {}, which lives at the issuer",
        plan.secret, plan.fingerprint
    )];
    let rows: Vec<Vec<String>> = plan
        .parts
        .iter()
        .map(|part| {
            vec![
                format!("  {}", part.consumer),
                part.from.clone(),
                format!("-> fp {}", plan.fingerprint),
                if part.restarts { "one restart" } else { "no restart" }.to_owned(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        lines.push(table(&["  CONSUMER", "NOW", "THEN", ""], &rows));
    }
    lines.extend(plan.left.iter().map(|(id, why)| format!("  left alone: {id}: {why}")));
    let restarts = plan.parts.iter().filter(|part| part.restarts).count();
    lines.push(format!("Plan: {} to write, {restarts} restart(s).", plan.parts.len()));
    lines.join("\n")
}

fn told(id: &ConsumerId, end: &SyncEnd) -> String {
    match end {
        SyncEnd::Done(detail) => format!("  ok  {id}: {detail}"),
        SyncEnd::Late(why) => format!("  ..  {id}: written, not yet on it: {why}"),
        SyncEnd::Refused(why) => format!("  no  {id}: {why}"),
        SyncEnd::Open(why) => format!("  ??  {id}: {why}"),
    }
}

fn agreed(global: &Global, output: Output) -> bool {
    if !people::can_ask(global.no_input) {
        output.say("nobody can be asked; write with --yes");
        return false;
    }
    matches!(people::line("Write? [y/N] ").as_deref(), Some("y" | "Y" | "yes"))
}
