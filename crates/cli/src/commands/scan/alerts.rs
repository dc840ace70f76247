//! `--github`: GitHub's own secret-scanning alerts, held against the inventory; those of tokens
//! that are proven dead can be resolved as revoked.

use std::collections::BTreeMap;
use std::path::Path;

use connectors::Alerts;
use domain::Act;
use domain::audit::Record;
use jiff::Timestamp;
use journal::TokenState;
use scan::import::Reported;
use scan::{Report, Scanner};

use super::imported::matched;
use super::told::Told;
use super::{Among, Scan};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::output::Output;

pub(super) async fn scan(
    repository: &str,
    args: &Scan,
    among: &Among,
    scanner: &Scanner,
    output: Output,
) -> Result<Report> {
    let alerts = open(repository, args, among)?.open().await.map_err(refused)?;
    output.say(&format!("{} open alerts at {repository}", alerts.len()));
    let reported = alerts
        .into_iter()
        .map(|alert| Reported {
            rule: alert.kind,
            text: alert.secret,
            path: alert.number.to_string(),
            line: 0,
            commit: None,
        })
        .collect();
    Ok(matched(reported, Path::new("."), scanner))
}

/// Resolves the alerts of tokens that are proven dead.
pub(super) async fn resolve(
    repository: &str,
    args: &Scan,
    among: &Among,
    told: &Told,
    output: Output,
) -> Result<()> {
    let Some(home) = &among.home else { return Ok(()) };
    let dead = told.all.iter().filter(|one| {
        !one.rows.is_empty() && one.rows.iter().all(|row| row.state == TokenState::ProvenDead)
    });
    let numbers: Vec<(u64, domain::SecretName)> = dead
        .flat_map(|one| {
            let secret = one.rows[0].secret.clone();
            let numbers = one.finding.places.iter().filter_map(|place| place.path.parse().ok());
            numbers.map(move |number| (number, secret.clone())).collect::<Vec<_>>()
        })
        .collect();
    if numbers.is_empty() {
        output.say("no alert is of a token that is proven dead; none was resolved");
        return Ok(());
    }
    let key = home.key()?;
    let Some((_, first)) = numbers.first() else { return Ok(()) };
    let pass = home.allow(Act::LeakRespond, Some(first))?;
    for (_, secret) in &numbers {
        home.allow(Act::LeakRespond, Some(secret))?;
    }
    let journal = home
        .open_journal(&pass, &key, "scan --github --resolve", false)
        .map_err(|error| home.failed(&error))?;
    let connection = open(repository, args, among)?;
    for (number, secret) in numbers {
        let record = |action: &str, result: &str| Record {
            at: Timestamp::now(),
            action: action.to_owned(),
            actor: home.actor.name.clone(),
            secret: Some(secret.clone()),
            rotation: None,
            context: BTreeMap::from([
                ("repository".to_owned(), repository.to_owned()),
                ("alert".to_owned(), number.to_string()),
                ("result".to_owned(), result.to_owned()),
            ]),
        };
        journal.append_audit(vec![record("secret.alert.intent", "resolve as revoked")]).await?;
        let done = connection.resolve_revoked(number).await;
        let result = done.as_ref().map_or_else(ToString::to_string, |()| "done".to_owned());
        journal.append_audit(vec![record("secret.alert.outcome", &result)]).await?;
        done.map_err(refused)?;
        output.say(&format!("alert {number}: resolved as revoked, {secret} is proven dead"));
    }
    Ok(())
}

fn open(repository: &str, args: &Scan, among: &Among) -> Result<Alerts> {
    let Some(home) = &among.home else { return Err(Fail::usage("there is no inventory")) };
    let (inventory, directory) = (&home.inventory, &home.directory);
    Alerts::connect(inventory, directory, &args.via, repository).map_err(|error| {
        Fail::usage(crate::fail::chain(&error)).hint("name the connection to GitHub: --via NAME")
    })
}

fn refused(fault: connectors::Fault) -> Fail {
    Fail::new(Exit::Failed, fault.to_string())
        .hint("reading alerts wants `secret_scanning_alerts: read`, resolving them `write`")
}
