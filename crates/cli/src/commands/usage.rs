//! `rollover usage`: what happens with a token at its vendor, and what is out of the ordinary.

mod heroku;
mod postmark;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use domain::SecretName;
use domain::usage::{Counted, Spike, bars, spikes, svg};
use engine::Used;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
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
    /// Write a picture of the mails sent, or of the releases made, into this new file
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

/// A line of bars is no longer than this, so that it fits 80 columns with what stands before it.
const BARS_MAX: usize = 52;

/// Which days are looked at, and how they are told.
struct Window<'a> {
    args: &'a Usage,
    from: Date,
    today: Date,
}

impl Window<'_> {
    /// The first instant of what counts as recent.
    fn since(&self) -> Timestamp {
        Timestamp::now() - SignedDuration::from_hours(24 * self.args.recent)
    }

    /// Days without a gap: their sum and their picture, their spikes; and these as JSON.
    fn series(
        &self,
        told: &mut Told,
        title: &str,
        days: &[(Date, u64)],
        counted: Counted,
    ) -> Vec<Spike> {
        let recent = self.today.saturating_sub(Span::new().days(self.args.recent));
        let mut found = spikes(days, counted);
        found.retain(|spike| spike.date > recent);
        let sum: u64 = days.iter().map(|(_, value)| value).sum();
        let bars = bars(days, BARS_MAX, self.args.ascii);
        told.lines.push(format!("  {title:<14} {sum:>8} |{}|", bars.line));
        told.lines.extend(found.iter().map(|spike| {
            format!(
                "  (!) {}: {} {title}, usual for this day of the week: {:.0}",
                spike.date, spike.value, spike.baseline.expected
            )
        }));
        told.unusual |= !found.is_empty();
        found
    }

    /// What a character of the pictures stands for, where that is more than a day.
    fn scale(&self) -> Option<String> {
        let days = (self.today - self.from).get_days().unsigned_abs() as usize + 1;
        let each = days.div_ceil(BARS_MAX);
        (each > 1).then(|| format!("  Each bar is the highest of {each} days."))
    }

    /// Draws a picture where one is asked for.
    fn drawn(&self, title: &str, days: &[(Date, u64)], spikes: &[Spike]) -> Result<()> {
        self.args.svg.as_ref().map_or(Ok(()), |path| drawn(path, &svg(title, days, spikes)))
    }
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
    let window = Window { args, from, today };
    match used {
        Used::Unseen(why) => Ok(Told {
            lines: vec![format!("{name}: the store gave no token to ask with: {why}")],
            object: json!({ "secret": name, "unseen": why }),
            unusual: false,
        }),
        Used::Untold(why) => Ok(Told {
            lines: vec![format!("{name}: not known: {why}")],
            object: json!({ "secret": name, "untold": why }),
            unusual: false,
        }),
        Used::Heroku { account, authorizations, releases } => {
            heroku::told(&window, name, &account, authorizations, &releases)
        }
        Used::Postmark { server, days, mails } => {
            postmark::told(&window, name, &server, days, mails)
        }
    }
}

fn drawn(path: &Path, text: &str) -> Result<()> {
    let made = fs::OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())).map_err(
        |error| {
            Fail::usage(format!("failed to write {}: {error}", path.display()))
                .hint("nothing is overwritten; name a file that is not there")
        },
    )
}
