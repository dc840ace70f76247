//! `rollover usage`: what happens with a token at its vendor, and what is out of the ordinary.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use connectors::{Fault, ReleaseSeen};
use domain::SecretName;
use domain::usage::{Counts, Mail, Measure, New, Spike, bars, news, spikes, svg, whole};
use engine::Used;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;

/// Show what happens with tokens at their vendors, and what is out of the ordinary
#[derive(Args, Debug)]
pub(crate) struct Usage {
    /// The secrets, as `prod/NAME`; all of them without one
    pub(crate) secrets: Vec<String>,
    /// How many days back
    #[arg(long, default_value_t = 90, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=400))]
    pub(crate) days: i64,
    /// Of how many last days spikes and news are told
    #[arg(long, default_value_t = 7, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=400))]
    pub(crate) recent: i64,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Write a picture of the mails sent into this new file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// End with code 3 where something is out of the ordinary
    #[arg(long)]
    pub(crate) check: bool,
}

/// What was found about one secret.
struct Told {
    lines: Vec<String>,
    object: Value,
    unusual: bool,
}

pub(crate) async fn run(args: &Usage, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let mut names = Vec::new();
    for text in &args.secrets {
        names.push(home.secret(text)?);
    }
    if names.is_empty() {
        names.extend(home.inventory.secrets.keys().cloned());
    }
    let engine = home.looking()?;
    // Postmark's days are those of its own zone, near New York's; a day more does no harm.
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let from = today
        .checked_sub(Span::new().days(args.days))
        .map_err(|error| Fail::usage(format!("too many days: {error}")))?;
    let mut told = Vec::new();
    for name in &names {
        let used = engine.usage(name, &home.directory, from, today).await?;
        told.push(tell(args, name, used, from, today)?);
    }
    output.json(&told.iter().map(|one| &one.object).collect::<Vec<_>>())?;
    let parts: Vec<String> = told.iter().map(|one| one.lines.join("\n")).collect();
    output.text(&parts.join("\n\n"))?;
    let unusual = told.iter().any(|one| one.unusual);
    Ok(if args.check && unusual { Exit::Changes } else { Exit::Ok })
}

fn tell(args: &Usage, name: &SecretName, used: Used, from: Date, today: Date) -> Result<Told> {
    match used {
        Used::Unseen(why) => Ok(Told {
            lines: vec![format!("{name}: the store gave no token to ask with: {why}")],
            object: json!({ "secret": name, "unseen": why }),
            unusual: false,
        }),
        Used::Heroku { account, authorizations, releases } => {
            Ok(heroku(name, &account, authorizations, &releases, args.recent))
        }
        Used::Postmark { server, days, mails } => {
            postmark(args, name, &server, days, mails, (from, today))
        }
    }
}

fn postmark(
    args: &Usage,
    name: &SecretName,
    server: &str,
    days: std::result::Result<std::collections::BTreeMap<Date, Counts>, Fault>,
    mails: std::result::Result<Vec<Mail>, Fault>,
    (from, today): (Date, Date),
) -> Result<Told> {
    let mut lines = vec![format!("{name}   Postmark server {server}, {from} to {today}")];
    let mut object = json!({ "secret": name, "server": server, "from": from, "to": today });
    let mut unusual = false;
    match days {
        Err(fault) => lines.push(format!("  not seen: {fault}")),
        Ok(days) => {
            let recent = today.saturating_sub(Span::new().days(args.recent));
            let mut measures = Vec::new();
            for measure in Measure::ALL {
                let all = whole(&days, measure, from, today);
                let found: Vec<Spike> =
                    spikes(&all).into_iter().filter(|spike| spike.date > recent).collect();
                let sum: u64 = all.iter().map(|(_, value)| value).sum();
                lines.push(format!(
                    "  {:<11} {sum:>8}  |{}|",
                    measure.title(),
                    bars(&all, args.ascii)
                ));
                for spike in &found {
                    unusual = true;
                    lines.push(format!(
                        "  (!) {}: {} {}, usual for this day of the week: {:.0}",
                        spike.date,
                        spike.value,
                        measure.title(),
                        spike.baseline.expected
                    ));
                }
                if let (Measure::Sent, Some(path)) = (measure, &args.svg) {
                    drawn(path, &svg(&format!("{server}: mails sent"), &all, &found))?;
                }
                measures.push(json!({ "measure": measure, "days": all, "spikes": found }));
            }
            object["measures"] = json!(measures);
        }
    }
    match mails {
        Err(fault) => lines.push(format!("  mails not seen: {fault}")),
        Ok(mails) => {
            let since = Timestamp::now() - jiff::SignedDuration::from_hours(24 * args.recent);
            let found = news(&mails, since);
            lines.push(format!("  {} mails searched for new recipients", mails.len()));
            unusual |= found.iter().any(|new| new.bcc);
            lines.extend(found.iter().map(new_line));
            object["new"] = json!(found);
        }
    }
    lines
        .push("  Postmark counts by server: it does not tell which of its tokens was used.".into());
    Ok(Told { lines, object, unusual })
}

fn new_line(new: &New) -> String {
    match new.bcc {
        true => format!(
            "  (!) hidden copies to {} since {:.0}: {} mail(s)",
            new.domain, new.since, new.mails
        ),
        false => format!("      first mails to {} at {:.0}: {}", new.domain, new.since, new.mails),
    }
}

fn drawn(path: &PathBuf, text: &str) -> Result<()> {
    let made = fs::OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())).map_err(
        |error| {
            Fail::usage(format!("failed to write {}: {error}", path.display()))
                .hint("nothing is overwritten; name a file that is not there")
        },
    )
}

fn heroku(
    name: &SecretName,
    account: &str,
    authorizations: std::result::Result<Vec<(Timestamp, String)>, Fault>,
    releases: &[(String, std::result::Result<Vec<ReleaseSeen>, Fault>)],
    recent: i64,
) -> Told {
    let since = Timestamp::now() - jiff::SignedDuration::from_hours(24 * recent);
    let mut lines = vec![format!("{name}   Heroku account {account}, the last {recent} days")];
    let mut made = Vec::new();
    match authorizations {
        Err(fault) => lines.push(format!("  authorizations not seen: {fault}")),
        Ok(all) => {
            lines.push(format!("  {} authorizations live", all.len()));
            for (at, description) in all.into_iter().filter(|(at, _)| *at >= since) {
                lines.push(format!("      made {at:.0}: {description}"));
                made.push(json!({ "at": at, "description": description }));
            }
        }
    }
    let mut apps = Vec::new();
    for (app, seen) in releases {
        match seen {
            Err(fault) => lines.push(format!("  {app}: releases not seen: {fault}")),
            Ok(all) => {
                let new: Vec<_> = all.iter().filter(|one| one.at >= since).collect();
                lines.push(format!("  {app}: {} release(s)", new.len()));
                lines.extend(new.iter().take(5).map(|one| {
                    format!(
                        "      v{} {:.0} {} by {}",
                        one.version, one.at, one.description, one.by
                    )
                }));
                apps.push(json!({ "app": app, "releases": new.len() }));
            }
        }
    }
    lines.push("  Heroku tells of releases and authorizations, not of reads.".into());
    let object = json!({ "secret": name, "account": account, "made": made, "apps": apps });
    Told { lines, object, unusual: false }
}
