//! `rollover runbook`: runbooks that nobody writes. They are made of the inventory and of what
//! the journal tells; no vendor is asked, and no login is read.

mod pages;
mod replay;
mod shape;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use domain::runbook::{Format, Method, length};
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::Result;
use crate::home::Home;
use crate::output::{Output, table};
use pages::Pages;

#[derive(Subcommand, Debug)]
pub(crate) enum Runbook {
    /// List runbooks: when each was validated, how, and how long it takes
    Ls,
    /// Show the runbook of a secret
    Show {
        /// The secret, as `prod/NAME`
        secret: String,
    },
    /// Write runbooks as Markdown or HTML
    Render(Render),
    /// Rotate in a lab of the same shape, and note that the runbook is right
    Validate(Validate),
}

/// Write runbooks as Markdown or HTML
#[derive(Args, Debug)]
pub(crate) struct Render {
    /// The secrets, as `prod/NAME`; all of them without one
    pub(crate) secrets: Vec<String>,
    /// How they are written
    #[arg(long, value_enum, default_value_t = Form::Md)]
    pub(crate) format: Form,
    /// Write one file a secret into this directory, instead of standard output
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

/// Rotate in a lab of the same shape, and note that the runbook is right
#[derive(Args, Debug)]
pub(crate) struct Validate {
    /// The secret, as `prod/NAME`
    pub(crate) secret: String,
    /// Keep the lab's inventory and memory in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

/// How a runbook is written
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// For a terminal
    Text,
    /// Markdown
    Md,
    /// One HTML file that needs nothing else
    Html,
}

impl Form {
    fn format(self) -> Format {
        match self {
            Self::Text => Format::Text,
            Self::Md => Format::Markdown,
            Self::Html => Format::Html,
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Md => "md",
            Self::Html => "html",
        }
    }
}

pub(crate) async fn run(args: Runbook, global: &Global, output: Output) -> Result<Exit> {
    match args {
        Runbook::Ls => list(global, output),
        Runbook::Show { secret } => show(&secret, global, output),
        Runbook::Render(args) => render(&args, global, output),
        Runbook::Validate(args) => replay::run(&args, global, output).await,
    }
}

fn list(global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let pages = Pages::open(&home)?;
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    for name in home.inventory.secrets.keys() {
        let page = pages.of(name)?;
        let validated = page.validated.as_ref();
        let method = validated.map_or(Method::ReadOnlyDocs, |one| one.method);
        let stands = if page.stale.is_empty() { "ok" } else { "(!) amber" };
        rows.push(vec![
            page.secret.clone(),
            validated.map_or_else(|| "never".into(), |one| one.at.strftime("%F").to_string()),
            method.to_string(),
            page.duration.map_or_else(|| "-".into(), |took| length(took.whole.average)),
            page.role.clone(),
            if validated.is_none() { "-" } else { stands }.to_owned(),
        ]);
        objects.push(json!({
            "secret": page.secret, "validated": validated.map(|one| one.at), "method": method,
            "duration": page.duration, "role": page.role, "stale": page.stale,
            "changed": page.changed,
        }));
    }
    output.json(&objects)?;
    output.text(&table(&["NAME", "VALIDATED", "METHOD", "AVERAGE", "ROLE", "STANDS"], &rows))?;
    Ok(Exit::Ok)
}

fn show(secret: &str, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let page = Pages::open(&home)?.of(&home.secret(secret)?)?;
    output.json(&page)?;
    output.text(page.render(Format::Text).trim_end())?;
    Ok(Exit::Ok)
}

fn render(args: &Render, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let pages = Pages::open(&home)?;
    let mut names = Vec::new();
    for text in &args.secrets {
        names.push(home.secret(text)?);
    }
    if names.is_empty() {
        names.extend(home.inventory.secrets.keys().cloned());
    }
    let mut written = Vec::new();
    for name in &names {
        let text = pages.of(name)?.render(args.format.format());
        match &args.output {
            Some(directory) => {
                written.push(pages::write(directory, name, args.format.ending(), &text)?);
            }
            None if output.json => written.push(json!({ "secret": name, "text": text })),
            None => output.file(&crate::text::clean(&text))?,
        }
    }
    output.json(&written)?;
    if args.output.is_some() {
        output.text(&format!("wrote {} runbook(s)", written.len()))?;
    }
    Ok(Exit::Ok)
}
