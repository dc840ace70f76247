//! `rollover plan`: what a rotation would do. Reads only.

use domain::{Doer, Mode, Plan, PlanStep, Refusal, SecretName};
use engine::EngineError;
use serde_json::json;

use crate::args::{self, Global};
use crate::commands::rotate;
use crate::exit::Exit;
use crate::fail::{Result, refused};
use crate::home::Home;
use crate::output::Output;

pub(crate) async fn run(args: &args::Plan, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let mode = args.why.mode();
    if args.which.is_several() {
        return together(args, &home, output).await;
    }
    let mut names = Vec::new();
    for text in &args.which.secrets {
        names.push(home.secret(text)?);
    }
    if names.is_empty() {
        names.extend(home.inventory.secrets.keys().cloned());
    }
    let engine = home.looking()?;
    if args.which.secrets.is_empty() {
        let used = rotate::in_use(engine.reader(), names.into_iter().collect())?;
        names = used.into_iter().collect();
    }
    let (mut plans, mut refusals) = (Vec::new(), Vec::new());
    for name in &names {
        match engine.plan(name, mode).await {
            Ok(planned) => {
                output.text(&render(&planned.plan))?;
                let option = args.why.option();
                output.text(&format!(
                    "Nothing was changed. To do it:  rollover rotate {name}{option}\n"
                ))?;
                plans.push(json!({ "plan": planned.plan, "steps": planned.plan.steps() }));
            }
            Err(EngineError::Plan(error)) => {
                let fail = refused(&name.to_string(), &error.refusals);
                output.text(&fail.text().replacen("error: ", "", 1))?;
                refusals.push((name.clone(), error.refusals, fail));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let listed: Vec<_> =
        refusals.iter().map(|(secret, refusals, _)| refused_object(secret, refusals)).collect();
    output.json(&json!({ "plans": plans, "refused": listed }))?;
    if let Some((_, _, fail)) = refusals.pop() {
        return Ok(fail.exit);
    }
    Ok(if args.detailed_exitcode && !plans.is_empty() { Exit::Changes } else { Exit::Ok })
}

/// What several rotations would come to as one campaign.
async fn together(args: &args::Plan, home: &Home, output: Output) -> Result<Exit> {
    let engine = home.looking()?;
    let names: Vec<SecretName> = args.which.names(home, engine.reader())?.into_iter().collect();
    if names.is_empty() {
        output.json(&json!({ "campaign": null, "refused": [] }))?;
        output.text("nothing is due")?;
        return Ok(Exit::Ok);
    }
    let (mut plans, mut refusals) = (Vec::new(), Vec::new());
    for (name, planned) in engine.plan_all(&names, args.why.mode()).await {
        match planned {
            Ok(planned) => plans.push(planned.plan),
            Err(EngineError::Plan(error)) => refusals.push((name, error.refusals)),
            Err(error) => return Err(error.into()),
        }
    }
    let campaign = engine.campaign_plan(&plans.iter().collect::<Vec<_>>());
    output.text(&rotate::summary(&campaign))?;
    let mut exit = Exit::Ok;
    let mut listed = Vec::new();
    for (name, refusals) in &refusals {
        let fail = refused(&name.to_string(), refusals);
        output.text(&fail.text().replacen("error: ", "", 1))?;
        exit = fail.exit;
        listed.push(refused_object(name, refusals));
    }
    output.json(&json!({ "campaign": campaign, "refused": listed }))?;
    let would_change = args.detailed_exitcode && !plans.is_empty() && exit == Exit::Ok;
    Ok(if would_change { Exit::Changes } else { exit })
}

fn refused_object(secret: &SecretName, refusals: &[Refusal]) -> serde_json::Value {
    let reasons = refusals
        .iter()
        .map(|one| json!({ "code": one.code(), "why": one.to_string(), "hint": one.hint() }));
    json!({ "secret": secret, "refusals": reasons.collect::<Vec<_>>() })
}

/// A plan as a page of text.
pub(crate) fn render(plan: &Plan) -> String {
    let mut lines = now(plan);
    lines.extend(steps(plan));
    let (consumers, restarts) = (plan.consumers.len(), plan.restarts());
    lines.push(match plan.mode {
        Mode::Removal => {
            "\nPlan: 1 to revoke; nothing else is changed, and nothing takes its place.".to_owned()
        }
        Mode::Decommission => format!(
            "\nPlan: {consumers} consumer(s) to remove it from, {restarts} restart(s), 1 to remove \
             from the store, 1 to revoke; nothing takes its place."
        ),
        _ => format!(
            "\nPlan: 1 to create, 1 to store, {consumers} consumer(s) to update, {restarts} \
             restart(s), 1 to revoke."
        ),
    });
    let creates = plan.mode.creates().then_some(plan.issuer.creates);
    let doers = [creates, Some(plan.issuer.revokes)].into_iter().flatten();
    let people = doers.filter(|doer| *doer == Doer::Operator).count();
    if people > 0 {
        lines.push(format!("Needs: {} {people} time(s) at the issuer's dashboard.", plan.role));
    }
    if plan.owes_reissue() {
        lines.push("And once more after it: the leaked token could read its replacement.".into());
    }
    lines.join("\n")
}

/// How things stand: the current token, other live ones, what a person should know.
fn now(plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!(
        "{}   {} {}   as {}",
        plan.secret, plan.issuer.title, plan.issuer.identity, plan.id
    )];
    let since = plan.old.since.map(|at| format!("  since {at:.0}")).unwrap_or_default();
    let slots = slots(plan);
    let (what, state) = match plan.mode.takes_current() {
        true => ("now ", "active"),
        false => ("goes", "nobody answers for it"),
    };
    lines.push(format!("\n  {what}   fp {}  {state}{since}{slots}", plan.old.fingerprint));
    for token in &plan.unknown {
        let shown = token.fingerprint.map(|fp| format!("fp {fp}"));
        let shown = shown.or_else(|| token.handle.as_ref().map(ToString::to_string));
        let shown = shown.unwrap_or_default();
        let about = token.description.as_deref().unwrap_or("no description");
        lines.push(format!("  other  {shown}  {about}; not known, left alone"));
    }
    if !plan.unknown.is_empty() {
        lines.push("         one that is known: known = [\"ID\"] in the secret's file".into());
    }
    lines.extend(plan.warnings.iter().map(|warning| format!("  (!)    {warning}")));
    lines
}

/// The steps, with the point of no return between them.
fn steps(plan: &Plan) -> Vec<String> {
    let steps = plan.steps();
    let widest = |of: fn(&PlanStep) -> &str| {
        steps.iter().map(|step| of(step).chars().count()).max().unwrap_or(0)
    };
    let who = widest(|step| &step.who);
    let mut lines = vec![format!("\n  #  {:<11} {:<who$}  {:<9}  what", "step", "who", "undo")];
    let mut returned = false;
    for step in &steps {
        if step.after_no_return && !returned {
            returned = true;
            lines.push("     ------------------ point of no return ------------------".into());
        }
        let (number, name) = match step.number {
            0 => (String::new(), ""),
            number => (number.to_string(), step.step.as_str()),
        };
        let undo = if step.undo.is_empty() { "-" } else { &step.undo };
        let mark = step.sign.mark();
        lines.push(format!(
            " {number:>2}  {name:<9} {mark} {:<who$}  {undo:<9}  {}",
            step.who, step.what
        ));
    }
    lines
}

fn slots(plan: &Plan) -> String {
    match plan.issuer.overlap.slots() {
        Some(max) if plan.issuer.listed => {
            format!("   {} of {max} slots used", plan.baseline.len())
        }
        _ => String::new(),
    }
}
