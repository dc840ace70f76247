//! `rollover runbook validate`: the secret's rotation, from its plan to the proof of death, in a
//! lab of the same shape. What came of it is an audit record; a runbook that is wrong ends in an
//! error.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use domain::audit::Record;
use domain::inventory::{IssuerKind, StoreKind};
use domain::runbook::{Method, Shape, length};
use domain::{Act, Mode, Outcome, SecretName, Span, Token};
use engine::{Ended, RotationSummary};
use lab::{Lab, LabConfig, TokensOf};
use serde_json::json;

use super::pages::VALIDATED;
use super::{Validate, shape};
use crate::args::{Global, How};
use crate::commands::StandIn;
use crate::commands::demo::Place;
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;
use crate::output::Output;
use crate::running::{self, What};

/// What a replay came to.
struct Replayed {
    summary: RotationSummary,
    took: Span,
    /// What is not as it should be; empty where the runbook is right.
    wrong: Vec<String>,
}

pub(super) async fn run(args: &Validate, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let name = home.secret(&args.secret)?;
    let pass = home.allow(Act::ValidateRunbook, Some(&name))?;
    // Before anything: what could not be written down need not be found out.
    let key = home.key()?;
    let shape = match home.inventory.secret(&name) {
        Some(secret) => Shape::of(&home.inventory, secret),
        None => return Err(Fail::usage(format!("`{name}` is not in the inventory"))),
    };
    output.say(&format!("replaying the rotation of {name} in a lab of the same shape"));
    let replayed = replay(&home, &name, args.keep.as_deref(), global, output).await?;
    let right = replayed.wrong.is_empty();
    let journal = home.open_journal(&pass, &key, &format!("runbook validate {name}"), false);
    let journal = journal.map_err(|error| home.failed(&error))?;
    journal.append_audit(vec![record(&home, &name, &replayed, &shape)]).await?;
    output.json(&json!({
        "secret": name, "right": right, "wrong": replayed.wrong, "method": Method::LabRun,
        "took": replayed.took, "rotation": replayed.summary,
    }))?;
    if !right {
        let what = format!("the runbook of {name} is not right: {}", replayed.wrong.join("; "));
        return Err(Fail::new(Exit::Failed, what).hint(
            "keep the lab's journal and look at it: --keep DIR, then rollover -C DIR run ls",
        ));
    }
    let (consumers, took) = (shape.consumers.len(), length(replayed.took));
    output.text(&format!(
        "the runbook of {name} is right: rotated in the lab in {took}, {consumers} consumer(s) in \
         step, the old token proven dead"
    ))?;
    Ok(Exit::Ok)
}

fn record(home: &Home, name: &SecretName, replayed: &Replayed, shape: &Shape) -> Record {
    let result = if replayed.wrong.is_empty() { "right" } else { "wrong" };
    let mut context = vec![
        ("result", result.to_owned()),
        ("method", Method::LabRun.to_string()),
        ("took", replayed.took.to_string()),
        ("shape", serde_json::to_string(shape).unwrap_or_default()),
    ];
    if !replayed.wrong.is_empty() {
        context.push(("why", replayed.wrong.join("; ")));
    }
    Record {
        at: jiff::Timestamp::now(),
        action: VALIDATED.into(),
        actor: home.actor.name.clone(),
        secret: Some(name.clone()),
        rotation: None,
        context: context.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

async fn replay(
    real: &Home,
    name: &SecretName,
    keep: Option<&Path>,
    global: &Global,
    output: Output,
) -> Result<Replayed> {
    let inventory = &real.inventory;
    let secret = inventory.secret(name).ok_or_else(|| Fail::usage(format!("no `{name}`")))?;
    let seed = shape::organisation(inventory, secret)?;
    let lab = Lab::start(LabConfig { seed, ..LabConfig::default() }).await;
    let lab = lab.map_err(|error| Fail::new(Exit::Failed, chain(&error)))?;
    let place = Place::new(keep)?;
    let credentials = lab.credentials();
    let small = shape::inventory(inventory, secret, &lab.urls(), &credentials, &place.directory)?;
    let old = shape::current(inventory, secret, &credentials).to_owned();
    let kinds = (inventory.issuers.get(&secret.issuer), inventory.stores.get(&secret.store));
    let sealed = kinds.1.is_some_and(|store| matches!(store.kind, StoreKind::Sealed { .. }));
    let page = kinds.0.and_then(|issuer| match &issuer.kind {
        IssuerKind::PostmarkServer { server, .. } => Some(TokensOf::Server(server.clone())),
        IssuerKind::PostmarkAccount { .. } => Some(TokensOf::Account),
        IssuerKind::HerokuAuthorization { .. } => None,
    });
    let home = Home::made(place.directory.clone(), small);
    seal::Key::create(&home.inventory.state.key, &home.directory, || {
        Err(std::io::Error::other("not asked"))
    })
    .map_err(|error| Fail::new(Exit::Failed, chain(&error)))?;
    let pass = home.allow(Act::Rotate, Some(name))?;
    let engine = home.acting(&pass, &format!("replay {name}"), false)?;
    if sealed {
        let stored = engine.import(name, &Token::new(old.clone())).await?;
        stored.map_err(|fault| Fail::new(Exit::Failed, chain(&fault)))?;
    }
    let planned = engine.plan(name, Mode::Scheduled).await?;
    let how = How { wait: true, confirm: Some(name.to_string()), ..How::default() };
    let global = Global { no_input: true, ..global.clone() };
    let hands = page.map(|page| StandIn::at(&lab, page, output));
    let started = Instant::now();
    // What the replay prints is talk; the answer of this command is its own.
    let talk = Output { json: false, ..output };
    let what = What::New(Box::new(planned));
    let ran = running::run_with(Arc::clone(&engine), what, &how, &global, talk, Vec::new(), hands)
        .await?;
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let wrong = wrong(&ran.ended, &ran.summary, &lab, &old);
    lab.stop().await;
    Ok(Replayed { summary: ran.summary, took: Span::from_millis(took), wrong })
}

/// What is not as it should be: by the engine's word, and by the lab's.
fn wrong(ended: &Ended, summary: &RotationSummary, lab: &Lab, old: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if !matches!(ended, Ended::Closed(Outcome::Completed)) {
        let why =
            summary.why.clone().unwrap_or_else(|| format!("it stands at {}", summary.outcome));
        wrong.push(format!("it did not complete: {why}"));
    }
    if !summary.old_token.proven_dead {
        wrong.push("the old token is not proven dead".into());
    }
    let out = summary.consumers.iter().filter(|consumer| !consumer.in_step);
    wrong.extend(out.map(|consumer| format!("{} is not in step", consumer.name)));
    let world = lab.inspect();
    if world.postmark_honours(old) || world.heroku_honours(old) {
        wrong.push("the lab still honours the old token".into());
    }
    for app in world.apps() {
        if world.config_vars(&app).values().any(|value| value == old) {
            wrong.push(format!("the lab's app {app} still holds the old token"));
        }
    }
    wrong
}
