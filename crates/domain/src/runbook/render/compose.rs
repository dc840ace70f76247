//! What stands on the page of a runbook, in which order.

use super::{Block, Page};
use crate::runbook::{ByHand, DatedClaim, Measured, Method, Runbook, StepPage, length};

/// The page of a runbook.
pub(super) fn page(runbook: &Runbook) -> Page {
    let mut blocks = vec![Block::Facts(header(runbook))];
    blocks.extend(warnings(runbook));
    part(&mut blocks, "What shapes it", &runbook.facts);
    part(&mut blocks, "Before you begin", &runbook.needs);
    blocks.push(Block::Heading("Overview".into()));
    blocks.push(overview(runbook));
    blocks.push(Block::Heading("Steps".into()));
    let name = &runbook.secret;
    blocks.push(Block::Text(format!(
        "`rollover rotate {name}` does them; `rollover plan {name}` looks first."
    )));
    blocks.push(Block::Text(
        "What stands under *by hand* is for the day when rollover is not there. Values come in by \
         `read -rs` and go out by `printf`, which is part of the shell: none stands on a command \
         line, in the history, or in a file that others can read."
            .into(),
    ));
    let mut crossed = false;
    for step in &runbook.steps {
        if step.after_no_return && !crossed {
            crossed = true;
            blocks.push(Block::Warning(
                "Point of no return: from here on there is no way back".into(),
            ));
        }
        write_step(&mut blocks, step);
    }
    blocks.push(Block::Heading("Rollback".into()));
    blocks.push(Block::Step("Before the revocation".into()));
    blocks.push(Block::List(runbook.rollback_before.clone()));
    blocks.push(Block::Step("After the revocation".into()));
    blocks.push(Block::List(runbook.rollback_after.clone()));
    blocks.push(Block::Heading("Failure modes".into()));
    blocks.push(failures(runbook));
    blocks.push(Block::Heading("What it rests on".into()));
    blocks.push(claims(runbook));
    Page { title: format!("Runbook: {name}"), blocks }
}

fn header(runbook: &Runbook) -> Vec<(&'static str, String)> {
    let (validated, method) = match &runbook.validated {
        Some(one) => {
            let run = one.run.as_ref().map(|run| format!(", run {run}")).unwrap_or_default();
            (format!("{} (by {}{run})", one.at.strftime("%F UTC"), one.by), one.method)
        }
        None => ("never by a run".to_owned(), Method::ReadOnlyDocs),
    };
    let mut facts = vec![
        ("Mode", runbook.mode.clone()),
        ("Last validated", validated),
        ("Validation method", method.to_string()),
        ("Average duration", runbook.duration.as_ref().map_or("not measured yet".into(), duration)),
        ("Required role", runbook.role.clone()),
        ("Applies to", runbook.applies_to.clone()),
    ];
    facts.push(("Not in scope", runbook.not_in_scope.join("; ")));
    facts.extend(runbook.owner.clone().map(|owner| ("Owner", owner)));
    facts.extend(runbook.last_run.clone().map(|run| ("Last run", run)));
    facts.retain(|(_, what)| !what.is_empty());
    facts
}

fn duration(measured: &Measured) -> String {
    format!(
        "{} (last {}; p95 {}; people {}, soak {}, machine {})",
        length(measured.whole.average),
        measured.whole.times,
        length(measured.whole.p95),
        length(measured.people),
        length(measured.soak),
        length(measured.machine),
    )
}

/// What makes the last validation doubtful, and what is new.
fn warnings(runbook: &Runbook) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !runbook.stale.is_empty() {
        let why = runbook.stale.join("; ");
        blocks.push(Block::Warning(format!("The validation is not to be relied on: {why}")));
    }
    if !runbook.changed.is_empty() {
        let what = runbook.changed.join("; ");
        blocks.push(Block::Warning(format!("Changed since the last run: {what}")));
    }
    for claim in runbook.claims.iter().filter(|claim| claim.denied.is_some()) {
        blocks.push(Block::Warning(format!("A run has shown the opposite of: {}", claim.says)));
    }
    blocks
}

fn part(blocks: &mut Vec<Block>, heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        blocks.push(Block::Heading(heading.to_owned()));
        blocks.push(Block::List(lines.to_vec()));
    }
}

/// All steps at a glance.
fn overview(runbook: &Runbook) -> Block {
    let row = |step: &StepPage| {
        let timing = step
            .timing
            .map(|timing| format!("{} (p95 {})", length(timing.average), length(timing.p95)));
        vec![
            step.number.to_string(),
            step.title.clone(),
            step.who.clone(),
            timing.unwrap_or_else(|| "-".into()),
            if step.after_no_return { "none".into() } else { or_dash(&step.undo) },
        ]
    };
    Block::Table {
        caption: "Every step: who does it, how long it takes, what undoes it",
        head: vec!["#", "Step", "Who", "Average", "Undo"],
        rows: runbook.steps.iter().map(row).collect(),
    }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".into() } else { text.to_owned() }
}

fn write_step(blocks: &mut Vec<Block>, step: &StepPage) {
    blocks.push(Block::Step(format!("{}. {}", step.number, step.title)));
    let mut lines = vec![format!("`{}`, done by {}", step.verb, step.who)];
    lines.extend(step.what.iter().cloned());
    blocks.push(Block::List(lines));
    if !step.last.is_empty() {
        blocks.push(Block::Text("Last time:".into()));
        blocks.push(Block::List(step.last.clone()));
    }
    for ByHand { title, commands, expect } in &step.by_hand {
        blocks.push(Block::Text(format!("*By hand:* {title}")));
        if !commands.is_empty() {
            blocks.push(Block::Commands(commands.clone()));
        }
        if !expect.is_empty() {
            blocks.push(Block::Text(format!("Expect: {expect}")));
        }
    }
}

fn failures(runbook: &Runbook) -> Block {
    let rows = runbook.failures.iter().map(|one| vec![one.what.clone(), one.then.clone()]);
    Block::Table {
        caption: "What can go wrong, and what to do then",
        head: vec!["What is seen", "What to do"],
        rows: rows.collect(),
    }
}

fn claims(runbook: &Runbook) -> Block {
    let row = |claim: &DatedClaim| {
        let seen = match (&claim.denied, &claim.seen) {
            (Some((at, run)), _) => {
                format!("NO: {run} on {} showed the opposite", at.strftime("%F"))
            }
            (None, Some((at, run))) => format!("yes, {} by {run}", at.strftime("%F")),
            (None, None) if claim.observable => "not yet; a run can show it".to_owned(),
            (None, None) => "no run can show it".to_owned(),
        };
        let says = match &claim.corrects {
            Some(note) => format!("{}. {note}", claim.says),
            None => claim.says.clone(),
        };
        vec![says, format!("{}, read {}", claim.source, claim.read), seen]
    };
    Block::Table {
        caption: "Claims about the vendors, where they were read, and when a run last showed them",
        head: vec!["Claim", "Source", "Seen true"],
        rows: runbook.claims.iter().map(row).collect(),
    }
}
