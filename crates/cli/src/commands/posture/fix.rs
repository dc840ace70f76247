//! `rollover posture --fix`: what is safe to put right is shown, agreed, recorded and done.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use domain::audit::Record;
use domain::posture::{Change, Facts, changes, lacks_hooks};
use jiff::Timestamp;
use journal::Journal;

use super::Posture;
use crate::args::Global;
use crate::commands::hook;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::gate::Pass;
use crate::home::Home;
use crate::output::Output;
use crate::people;

/// Puts right what is safe to put right.
pub(super) async fn fix(
    args: &Posture,
    pass: &Pass,
    global: &Global,
    home: &Home,
    facts: &Facts,
    root: &Path,
    output: Output,
) -> Result<()> {
    let all = changes(facts);
    let hooks = match lacks_hooks(facts) {
        true => hook::plan(root, global),
        false => Ok(hook::Plan::default()),
    };
    // What git does not say is no reason to leave the rest as it is.
    let hooks = hooks.unwrap_or_else(|fail| {
        output.say(&format!("no hooks are installed: {}", fail.what));
        hook::Plan::default()
    });
    if all.is_empty() && hooks.is_empty() {
        output.say("nothing that is safe to put right by itself");
        return Ok(());
    }
    for change in &all {
        output.say(&format!("{}: added to its end:", root.join(&change.file).display()));
        for line in change.added.lines() {
            output.say(&format!("  + {line}"));
        }
    }
    hooks.show(output);
    agreed(args, global)?;
    let key = home.key()?;
    let journal = home
        .open_journal(pass, &key, "posture --fix", false)
        .map_err(|error| home.failed(&error))?;
    for change in &all {
        recorded(&journal, home, &change.file, change.check, || {
            add(root, change).map_err(|error| {
                Fail::new(Exit::Failed, format!("failed to write {}: {error}", change.file))
            })
        })
        .await?;
    }
    for part in hooks.parts() {
        let file = part.path.display().to_string();
        recorded(&journal, home, &file, "hooks", || part.install()).await?;
    }
    Ok(())
}

fn agreed(args: &Posture, global: &Global) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    if !people::can_ask(global.no_input) {
        return Err(Fail::new(Exit::Waiting, "files are changed only when somebody agrees")
            .hint("add --yes, or run it at a terminal"));
    }
    match people::line("change these files? [y/N] ").as_deref() {
        Some("y" | "Y" | "yes") => Ok(()),
        _ => Err(Fail::new(Exit::Failed, "nothing was changed")),
    }
}

/// Does something to a file, with its record of intent before and of outcome after it.
async fn recorded(
    journal: &Journal,
    home: &Home,
    file: &str,
    check: &str,
    does: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let record = |action: &str, more: Option<String>| {
        let about = [("file", file.to_owned()), ("check", check.to_owned())];
        let context = about.into_iter().chain(more.map(|result| ("result", result)));
        Record {
            at: Timestamp::now(),
            action: action.to_owned(),
            actor: home.actor.name.clone(),
            secret: None,
            rotation: None,
            context: context.map(|(name, value)| (name.to_owned(), value)).collect(),
        }
    };
    journal.append_audit(vec![record("posture.fix.intent", None)]).await?;
    let done = does();
    let result = done.as_ref().map_or_else(|fail| fail.what.clone(), |()| "done".to_owned());
    journal.append_audit(vec![record("posture.fix.outcome", Some(result))]).await?;
    done
}

fn add(root: &Path, change: &Change) -> std::io::Result<()> {
    let path = root.join(&change.file);
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(change.added.as_bytes())
}
