//! `rollover notify`: the channels, what was said there and what was not.

use clap::{Args, Subcommand};
use domain::Act;
use domain::notify::{About, ChannelKind, Message};
use jiff::Timestamp;
use journal::Notices;
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::{Output, table};
use crate::telling::Teller;

#[derive(Subcommand, Debug)]
pub(crate) enum Notify {
    /// List the channels, and what was not said there
    Ls,
    /// Say something on a channel, to see that it works
    Test(Test),
    /// Say what is to be said and was not; for a scheduler
    Flush,
}

/// Say something on a channel, to see that it works
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// The channel; all of them without one
    pub(crate) channel: Option<String>,
}

pub(crate) async fn run(args: Notify, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    if !matches!(args, Notify::Ls) {
        home.allow(Act::Notify, None)?;
    }
    if home.inventory.notify.is_empty() {
        return Err(Fail::usage("the inventory has no channel")
            .hint("add one: [notify.team] kind = \"slack\", see docs/how-to-get-notified.md"));
    }
    let key = home.key()?;
    drop(home.reader(&key)?);
    let teller = Teller::of(&home, &key);
    match args {
        Notify::Ls => list(&home, &key, output),
        Notify::Test(args) => test(&home, &teller, &args, output).await,
        Notify::Flush => flush(&home, &key, &teller, output).await,
    }
}

fn list(home: &Home, key: &seal::Key, output: Output) -> Result<Exit> {
    let notices = Notices::open(&home.database(), key)?;
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    for channel in home.inventory.notify.values() {
        let known = notices.of(&channel.name)?;
        let said =
            known.iter().filter(|one| one.said_at.is_some() && one.receipt.as_deref() != Some(""));
        let last = said.clone().filter_map(|one| one.said_at).max();
        let failed: Vec<_> = known.iter().filter(|one| one.why.is_some()).collect();
        let why = failed.last().and_then(|one| one.why.clone());
        rows.push(vec![
            channel.name.clone(),
            kind(&channel.kind).to_owned(),
            said.clone().count().to_string(),
            last.map_or_else(|| "-".into(), |at| at.strftime("%F %H:%M").to_string()),
            why.clone().unwrap_or_else(|| "-".into()),
        ]);
        objects.push(json!({
            "channel": channel.name, "kind": kind(&channel.kind), "said": said.count(),
            "last": last, "unsaid": failed.len(), "why": why,
        }));
    }
    output.json(&objects)?;
    output.text(&table(&["CHANNEL", "KIND", "SAID", "LAST", "NOT SAID"], &rows))?;
    Ok(Exit::Ok)
}

fn kind(kind: &ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Slack { .. } => "slack",
        ChannelKind::SlackWebhook { .. } => "slack-webhook",
        ChannelKind::Mail { .. } => "mail",
        ChannelKind::Webhook { .. } => "webhook",
    }
}

async fn test(home: &Home, teller: &Teller, args: &Test, output: Output) -> Result<Exit> {
    let channels: Vec<_> = match &args.channel {
        Some(name) => home.inventory.notify.get(name).into_iter().collect(),
        None => home.inventory.notify.values().collect(),
    };
    if channels.is_empty() {
        let name = args.channel.as_deref().unwrap_or_default();
        return Err(Fail::usage(format!("there is no channel `{name}`"))
            .hint("`rollover notify ls` lists them"));
    }
    let (mut objects, mut wrong) = (Vec::new(), Vec::new());
    for channel in channels {
        let end = teller.test(channel, Timestamp::now()).await;
        objects.push(json!({
            "channel": channel.name, "said": end.is_ok(), "why": end.as_ref().err(),
            "receipt": end.as_ref().ok().filter(|receipt| !receipt.is_empty()),
        }));
        match end {
            Ok(receipt) if receipt.is_empty() => output.text(&format!("{}: said", channel.name))?,
            Ok(receipt) => output.text(&format!("{}: said ({receipt})", channel.name))?,
            Err(why) => wrong.push(format!("{}: {why}", channel.name)),
        }
    }
    output.json(&objects)?;
    ended(&wrong)
}

async fn flush(home: &Home, key: &seal::Key, teller: &Teller, output: Output) -> Result<Exit> {
    Notices::open(&home.database(), key)?.retry_all(Timestamp::now())?;
    let told = teller.tell_besides(broken(home, key)?, Timestamp::now()).await?;
    output.json(&json!({ "said": told.said, "failed": told.failed }))?;
    output.text(&format!("{} message(s) said", told.said))?;
    let wrong: Vec<String> =
        told.failed.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    ended(&wrong)
}

/// A log that is not what was written is said once a day.
fn broken(home: &Home, key: &seal::Key) -> Result<Vec<Message>> {
    let now = Timestamp::now();
    let id = format!("audit.broken@{}", now.strftime("%F"));
    let whole = home.reader(key)?.verify_audit().is_ok();
    Ok(if whole { Vec::new() } else { vec![Message::new(About::AuditBroken, id, now)] })
}

fn ended(wrong: &[String]) -> Result<Exit> {
    if wrong.is_empty() {
        return Ok(Exit::Ok);
    }
    Err(Fail::new(Exit::Failed, format!("not everything was said: {}", wrong.join("; ")))
        .hint("look at the channel's login and address in rollover.toml"))
}
