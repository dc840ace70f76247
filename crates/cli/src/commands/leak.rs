//! `rollover leak`: from a finding to the proof that it can do no harm any more.

mod close;
mod letter;
mod purge;
mod reach;
mod respond;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::audit::Record;
use domain::leak::{Case, CaseId, Due, Happened, Life, Note};
use domain::{Act, SecretName};
use jiff::Timestamp;
use journal::{Journal, Reader, TokenState};
use serde_json::{Value, json};

use crate::args::{Global, How};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::{Output, table};

/// Answer a leak, from the finding to the proof
#[derive(Subcommand, Debug)]
pub(crate) enum Leak {
    /// Open a case for a leaked token, say what it reaches and what to do; with --rotate, begin
    Respond(Respond),
    /// List cases, newest first
    Ls,
    /// Show a case: what is due, and what happened when
    Show {
        /// Its id
        id: String,
        /// Print a text for the people who have to know
        #[arg(long)]
        letter: bool,
    },
    /// Write into a case what somebody has said or done
    Note {
        /// Its id
        id: String,
        /// What
        text: String,
        /// It says who was told
        #[arg(long)]
        told: bool,
        /// It says why this secret, which the leaked token could read, need not be rotated
        #[arg(long, value_name = "NAME", conflicts_with = "told")]
        justifies: Option<String>,
    },
    /// Close a case, if everything is proven
    Close {
        /// Its id
        id: String,
        /// Look first whether the token is still in this tree or repository
        #[arg(long, value_name = "PATH")]
        scan: Vec<PathBuf>,
    },
    /// Take tokens out of a repository's history, and prove place by place what became of them
    Purge(Purge),
}

/// Open a case for a leaked token, say what it reaches and what to do; with --rotate, begin
#[derive(Args, Debug)]
pub(crate) struct Respond {
    /// The secret, as `prod/NAME`, or the fingerprint that a scan has shown
    pub(crate) leaked: String,
    /// Where it was seen; never the value
    #[arg(long, value_name = "TEXT")]
    pub(crate) seen: Vec<String>,
    /// Begin the emergency rotation
    #[arg(long)]
    pub(crate) rotate: bool,
    /// Revoke the token before there is a new one; its consumers are out of service meanwhile
    #[arg(long, requires = "rotate")]
    pub(crate) revoke_first: bool,
    #[command(flatten)]
    pub(crate) how: How,
}

/// Take tokens out of a repository's history, and prove place by place what became of them
#[derive(Args, Debug)]
pub(crate) struct Purge {
    /// The repository, as git would clone it
    pub(crate) repository: String,
    /// Only the token of this case
    #[arg(long, value_name = "ID")]
    pub(crate) case: Option<String>,
    /// Tokens that are not ours and look like somebody's, too
    #[arg(long, conflicts_with = "case")]
    pub(crate) others: bool,
    /// Rewrite; without it only the plan is shown
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Push the rewritten history over the old one
    #[arg(long, requires = "yes")]
    pub(crate) push: bool,
    /// Where the rewritten repository is put; a directory that is not there yet
    #[arg(long, value_name = "DIR", default_value = "purged.git")]
    pub(crate) into: PathBuf,
}

pub(crate) async fn run(args: &Leak, global: &Global, output: Output) -> Result<Exit> {
    match args {
        Leak::Respond(args) => respond::run(args, global, output).await,
        Leak::Ls => ls(&Home::find(global)?, output),
        Leak::Show { id, letter } => show(&Home::find(global)?, id, *letter, output),
        Leak::Note { id, text, told, justifies } => {
            let home = Home::find(global)?;
            let mut case = found(&home, id)?;
            let secret = justifies.as_ref().map(|name| home.secret(name)).transpose()?;
            let why = text.clone();
            let what = match secret {
                Some(secret) => Happened::Justified { secret, why },
                None if *told => Happened::Told(why),
                None => Happened::Said(why),
            };
            let key = home.key()?;
            let pass = home.allow(Act::LeakRespond, Some(&case.secret))?;
            let journal = home
                .open_journal(&pass, &key, "leak note", false)
                .map_err(|error| home.failed(&error))?;
            keep(&home, &journal, &mut case, what).await?;
            output.json(&case)?;
            output.text(&format!("written into {}", case.id))?;
            Ok(Exit::Ok)
        }
        Leak::Close { id, scan } => close::run(id, scan, &Home::find(global)?, output).await,
        Leak::Purge(args) => purge::run(args, global, output).await,
    }
}

fn reader(home: &Home) -> Result<Reader> {
    let key = home.key()?;
    home.reader(&key)
}

/// The case that an id means.
fn found(home: &Home, id: &str) -> Result<Case> {
    let cases = reader(home)?.cases()?;
    cases.into_iter().find(|case| case.id == CaseId(id.to_owned())).ok_or_else(|| {
        Fail::usage(format!("there is no case `{id}`")).hint("`rollover leak ls` lists them")
    })
}

/// Writes what happened into a case, with its audit record.
async fn keep(home: &Home, journal: &Journal, case: &mut Case, what: Happened) -> Result<()> {
    let (at, by) = (Timestamp::now(), home.actor.name.clone());
    let record = record(home, case, "secret.leak.noted", &[("what", what.to_string())]);
    case.history.push(Note { at, by, what });
    journal.append_case(case.clone(), vec![record]).await?;
    Ok(())
}

fn record(home: &Home, case: &Case, action: &str, context: &[(&str, String)]) -> Record {
    let mut all: std::collections::BTreeMap<String, String> =
        context.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    all.insert("case".into(), case.id.to_string());
    all.insert("fingerprint".into(), case.fingerprint.hex());
    Record {
        at: Timestamp::now(),
        action: action.to_owned(),
        actor: home.actor.name.clone(),
        secret: Some(case.secret.clone()),
        rotation: None,
        context: all,
    }
}

/// What is known of the leaked token's life.
fn life(reader: &Reader, case: &Case) -> Result<Life> {
    let rows = reader.tokens_of(&case.fingerprint)?;
    let of_it = rows.iter().find(|row| row.secret == case.secret);
    Ok(match of_it.map(|row| row.state) {
        Some(TokenState::ProvenDead | TokenState::Discarded) => Life::Dead,
        Some(TokenState::Revoked) => Life::Revoked,
        _ => Life::Lives,
    })
}

/// Of each secret that the leaked token could read, whether every token that lived when the case
/// was opened is dead. One of which no token is known counts as alive.
fn reached(reader: &Reader, case: &Case) -> Result<Vec<(SecretName, bool)>> {
    let dead = |name: &SecretName| -> Result<bool> {
        let rows = reader.tokens(name)?;
        let lived = rows.iter().filter(|row| row.fingerprint != case.fingerprint);
        let alive = lived
            .filter(|row| row.since <= case.opened_at)
            .any(|row| !matches!(row.state, TokenState::ProvenDead | TokenState::Discarded));
        Ok(!rows.is_empty() && !alive)
    };
    case.reached.iter().map(|name| Ok((name.clone(), dead(name)?))).collect()
}

/// What is due.
fn due(reader: &Reader, case: &Case) -> Result<Vec<Due>> {
    Ok(case.due(life(reader, case)?, &reached(reader, case)?))
}

fn ls(home: &Home, output: Output) -> Result<Exit> {
    let reader = reader(home)?;
    let cases = reader.cases()?;
    let mut rows = Vec::new();
    for case in &cases {
        let open = due(&reader, case)?.into_iter().filter(|due| due.required && !due.done).count();
        let state = match &case.closed {
            Some(closed) => format!("closed {:.0}", closed.at),
            None => format!("open, {open} steps to prove"),
        };
        rows.push(vec![
            case.id.to_string(),
            case.secret.to_string(),
            format!("fp {}", case.fingerprint),
            format!("{:.0}", case.opened_at),
            state,
        ]);
    }
    output.json(&cases)?;
    if rows.is_empty() {
        output.text("no leak is known")?;
    } else {
        output.text(&table(&["CASE", "SECRET", "TOKEN", "OPENED", "STATE"], &rows))?;
    }
    Ok(Exit::Ok)
}

fn show(home: &Home, id: &str, letter: bool, output: Output) -> Result<Exit> {
    let reader = reader(home)?;
    let case = found(home, id)?;
    let due = due(&reader, &case)?;
    let text = letter::letter(home, &case, life(&reader, &case)?);
    output.json(&shown(&case, &due, &text))?;
    output.text(&if letter { text } else { told(&case, &due) })?;
    Ok(Exit::Ok)
}

fn shown(case: &Case, due: &[Due], letter: &str) -> Value {
    json!({ "case": case, "due": due, "letter": letter })
}

/// A case as people read it.
fn told(case: &Case, due: &[Due]) -> String {
    let mut lines = vec![format!(
        "{}  {}, fp {}, opened {:.0} by {}",
        case.id, case.secret, case.fingerprint, case.opened_at, case.opened_by
    )];
    lines.extend(case.places.iter().map(|place| format!("    seen: {place}")));
    lines.push("what is due:".into());
    for due in due {
        let mark = match (due.done, due.required) {
            (true, _) => "done",
            (false, true) => "TO DO",
            (false, false) => "open",
        };
        lines.push(format!("  {mark:<6}{:<10}{}", due.step.describe(), due.what));
        let next = due.next.iter().map(|next| format!("{:18}{}: {}", "", next.when, next.command));
        lines.extend(next);
    }
    lines.push("what happened:".into());
    lines.push(format!("  {:.0}  {}  opened", case.opened_at, case.opened_by));
    lines.extend(
        case.history.iter().map(|note| format!("  {:.0}  {}  {}", note.at, note.by, note.what)),
    );
    match &case.closed {
        Some(closed) => {
            lines.push(format!("  {:.0}  {}  closed", closed.at, closed.by));
            lines.extend(closed.proof.iter().map(|proof| format!("    {proof}")));
        }
        None => lines.push(format!("next: the first TO DO; then rollover leak close {}", case.id)),
    }
    lines.join("\n")
}
