//! `rollover plan`: what a rotation would do. Reads only.

use domain::{Mode, Plan};
use engine::EngineError;
use serde_json::json;

use crate::args::{self, Global};
use crate::exit::Exit;
use crate::fail::{Result, refused};
use crate::home::Home;
use crate::output::Output;

pub(crate) async fn run(args: &args::Plan, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let mut names = Vec::new();
    for text in &args.secrets {
        names.push(home.secret(text)?);
    }
    if names.is_empty() {
        names.extend(home.inventory.secrets.keys().cloned());
    }
    let engine = home.looking().await?;
    let mode = if args.repair {
        Mode::Repair
    } else {
        Mode::Scheduled
    };
    let (mut plans, mut refusals) = (Vec::new(), Vec::new());
    for name in &names {
        match engine.plan(name, mode).await {
            Ok(planned) => {
                output.text(&render(&planned.plan))?;
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
    let listed: Vec<_> = refusals
        .iter()
        .map(|(secret, refusals, _)| {
            let reasons = refusals
                .iter()
                .map(|r| json!({ "code": r.code(), "why": r.to_string(), "hint": r.hint() }));
            json!({ "secret": secret, "refusals": reasons.collect::<Vec<_>>() })
        })
        .collect();
    output.json(&json!({ "plans": plans, "refused": listed }))?;
    if let Some((_, _, fail)) = refusals.pop() {
        return Ok(fail.exit);
    }
    Ok(if args.detailed_exitcode && !plans.is_empty() {
        Exit::Changes
    } else {
        Exit::Ok
    })
}

/// A plan as a page of at most 80 columns, as far as names allow.
pub(crate) fn render(plan: &Plan) -> String {
    let mut lines = vec![format!(
        "{}   {} {}   as {}",
        plan.secret, plan.issuer.title, plan.issuer.identity, plan.id
    )];
    let since = plan
        .old
        .since
        .map(|at| format!("  since {at:.0}"))
        .unwrap_or_default();
    lines.push(format!(
        "\n  now    fp {}  active{since}{}",
        plan.old.fingerprint,
        slots(plan)
    ));
    for token in &plan.unknown {
        let shown = token.fingerprint.map(|fp| format!("fp {fp}"));
        let shown = shown.or_else(|| token.handle.as_ref().map(ToString::to_string));
        let about = token.description.as_deref().unwrap_or("no description");
        lines.push(format!(
            "  other  {}  {about}; not this secret's, left alone",
            shown.unwrap_or_default()
        ));
    }
    for warning in &plan.warnings {
        lines.push(format!("  (!)    {warning}"));
    }
    lines.push(format!(
        "\n  #  {:<11} {:<10} {:<48} undo",
        "step", "who", "what"
    ));
    let mut returned = false;
    for step in plan.steps() {
        if step.after_no_return && !returned {
            returned = true;
            lines.push("     ------------------ point of no return ------------------".into());
        }
        let number = if step.number == 0 {
            "  ".into()
        } else {
            format!("{:>2}", step.number)
        };
        let name = if step.number == 0 {
            String::new()
        } else {
            step.step.clone()
        };
        let undo = if step.undo.is_empty() {
            "-"
        } else {
            &step.undo
        };
        lines.push(format!(
            " {number}  {:<9} {} {:<10} {:<48} {undo}",
            name,
            step.sign.mark(),
            step.who,
            step.what
        ));
    }
    lines.push(format!(
        "\nPlan: 1 to create, 1 to store, {} consumer(s) to update, {} restart(s), 1 to revoke.",
        plan.consumers.len(),
        plan.restarts()
    ));
    let people = [plan.issuer.creates, plan.issuer.revokes]
        .iter()
        .filter(|doer| **doer == domain::Doer::Operator)
        .count();
    if people > 0 {
        lines.push(format!(
            "Needs: {} {people} time(s) at the issuer's dashboard.",
            plan.role
        ));
    }
    lines.push(format!(
        "Nothing was changed. To do it:  rollover rotate {}\n",
        plan.secret
    ));
    lines.join("\n")
}

fn slots(plan: &Plan) -> String {
    match plan.issuer.overlap.slots() {
        Some(max) if plan.issuer.listed => {
            format!("   {} of {max} slots used", plan.baseline.len())
        }
        _ => String::new(),
    }
}
