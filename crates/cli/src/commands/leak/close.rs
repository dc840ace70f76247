//! `rollover leak close`: a case is closed with proof, or not at all.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::Act;
use domain::leak::{Case, Closed, Due, Happened, Life};
use jiff::Timestamp;
use scan::git::Repository;
use scan::{How, Limits, Rules, Scanner};
use serde_json::json;

use super::{due, found, keep, life, reader, record};
use crate::commands::scan::git_fail;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;

pub(super) async fn run(id: &str, paths: &[PathBuf], home: &Home, output: Output) -> Result<Exit> {
    let mut case = found(home, id)?;
    if let Some(closed) = &case.closed {
        output.json(&json!({ "case": case, "closed": true }))?;
        output.text(&format!("{id} was closed {:.0} by {}", closed.at, closed.by))?;
        return Ok(Exit::Ok);
    }
    let pass = home.allow(Act::LeakRespond, Some(&case.secret))?;
    let key = home.key()?;
    let journal =
        home.open_journal(&pass, &key, "leak close", false).map_err(|error| home.failed(&error))?;
    for path in paths {
        let still = still(home, &case, path)?;
        let place = path.display().to_string();
        keep(home, &journal, &mut case, Happened::Scanned { place, still }).await?;
    }
    let reader = reader(home)?;
    let due = due(&reader, &case)?;
    let missing: Vec<&Due> = due.iter().filter(|due| due.required && !due.done).collect();
    if !missing.is_empty() {
        output.json(&json!({ "case": case, "closed": false, "due": due }))?;
        for due in &missing {
            output.text(&format!("not proven: {:<10}{}", due.step.describe(), due.what))?;
        }
        output.say(&format!("{id} stays open; run this again after that"));
        return Ok(Exit::Attention);
    }
    let open = due.iter().filter(|due| !due.done);
    let mut proof: Vec<String> =
        due.iter().filter(|due| due.done).map(|due| due.what.clone()).collect();
    proof.extend(open.map(|due| format!("left open: {}", due.what)));
    debug_assert!(life(&reader, &case)? == Life::Dead);
    case.closed =
        Some(Closed { at: Timestamp::now(), by: home.actor.name.clone(), proof: proof.clone() });
    let record = record(home, &case, "secret.leak.closed", &[("proof", proof.join("; "))]);
    journal.append_case(case.clone(), vec![record]).await?;
    output.json(&json!({ "case": case, "closed": true, "due": due }))?;
    for line in &proof {
        output.text(line)?;
    }
    output.text(&format!("{id} is closed"))?;
    Ok(Exit::Ok)
}

/// In how many places under a path the leaked token still is.
fn still(home: &Home, case: &Case, path: &Path) -> Result<u64> {
    if !path.exists() {
        return Err(Fail::usage(format!("there is no {}", path.display())));
    }
    let scanner = scanner(home, case)?;
    let mut report = scan::scan_tree(path, &scanner, false, 0);
    // A subdirectory of a repository stands for itself; its root stands for its history, too.
    let whole = path.join(".git").exists() || path.join("objects").is_dir();
    if whole && let Ok(repository) = Repository::discover(path) {
        let history = scan::scan_history(&repository, &scanner, &How::default());
        report.findings.extend(history.map_err(|error| git_fail(&error))?.findings);
    }
    Ok(report.findings.iter().map(|finding| finding.places_total).sum())
}

/// What looks for the leaked token alone.
pub(super) fn scanner(home: &Home, case: &Case) -> Result<Scanner> {
    Ok(Scanner::new(Arc::new(Rules {
        profiles: &[],
        key: reader(home)?.fingerprint_key(),
        allow_key: None,
        known: Arc::new(HashSet::from([case.fingerprint])),
        strangers: false,
        keep_values: true,
        limits: Limits::default(),
    })))
}
