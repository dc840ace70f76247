//! `rollover template`: example files, without values.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use domain::template::{self, Entry, Form, Gap, Held, emptied, gaps, of_json, of_lines, render};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;

#[derive(Subcommand, Debug)]
pub(crate) enum Template {
    /// A dotenv file: `.env.example`
    Env(Make),
    /// A JSON object: `config.example.json`
    Json(Make),
    /// An `.envrc` for direnv
    Direnv(Make),
    /// A workflow of GitHub Actions that reads its secrets
    Actions(Make),
    /// An `app.json` of Heroku
    HerokuAppJson(Make),
    /// A file of Docker Compose
    Compose(Make),
    /// Compare committed example files with what they are made from; ends with 3 where they differ
    Check(Check),
}

/// Print an example file, without values
#[derive(Args, Debug)]
pub(crate) struct Make {
    /// Take the names from this file instead of the inventory; its values are left out
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Only the names that this consumer holds
    #[arg(long, value_name = "CONSUMER", conflicts_with = "from")]
    pub(crate) consumer: Option<String>,
    /// Write it to this new file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Compare committed example files with what they are made from; ends with 3 where they differ
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The example files; without one, those of the usual names beside the inventory
    pub(crate) files: Vec<PathBuf>,
    /// The file that they are examples of, instead of the inventory; every name has to agree
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Only the names that this consumer holds
    #[arg(long, value_name = "CONSUMER", conflicts_with = "from")]
    pub(crate) consumer: Option<String>,
}

/// The usual names of example files.
pub(crate) const USUAL: [&str; 7] = [
    ".env.example",
    ".env.sample",
    ".env.template",
    ".envrc.example",
    "config.example.json",
    "app.json",
    "compose.example.yaml",
];

/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

pub(crate) fn run(args: &Template, global: &Global, output: Output) -> Result<Exit> {
    let (form, make) = match args {
        Template::Env(make) => (Form::Env, make),
        Template::Json(make) => (Form::Json, make),
        Template::Direnv(make) => (Form::Direnv, make),
        Template::Actions(make) => (Form::Actions, make),
        Template::HerokuAppJson(make) => (Form::HerokuAppJson, make),
        Template::Compose(make) => (Form::Compose, make),
        Template::Check(args) => return check(args, global, output),
    };
    let text = made(form, make, global)?;
    match &make.output {
        Some(path) => write(path, &text)?,
        None => output.file(&text)?,
    }
    let file = make.output.as_ref().map(|path| path.display().to_string());
    output.json(&json!({ "file": file, "text": text }))?;
    if let Some(file) = file {
        output.say(&format!("wrote {file}; keep it in step in CI with: rollover template check"));
    }
    Ok(Exit::Ok)
}

fn made(form: Form, make: &Make, global: &Global) -> Result<String> {
    let Some(path) = &make.from else {
        let home = Home::find(global)?;
        return Ok(render(form, &entries(&home, make.consumer.as_deref())?));
    };
    let text = read(path)?;
    if form == Form::Json && form_of(path)? == Form::Json {
        let whole: Value = serde_json::from_str(&text).map_err(|error| broken(path, &error))?;
        return Ok(template::written(&emptied(&whole)));
    }
    let entries: Vec<Entry> = names(path, &text)?
        .into_iter()
        .map(|held| Entry { key: held.key, about: String::new() })
        .collect();
    Ok(render(form, &entries))
}

/// The names that the inventory's consumers hold tokens under.
pub(crate) fn entries(home: &Home, consumer: Option<&str>) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for secret in home.inventory.secrets.values() {
        let issuer = home.inventory.issuers.get(&secret.issuer);
        let title = issuer.map_or("a token", |it| connectors::profile_of(&it.kind).title);
        let parts = secret.consumers.iter();
        for part in parts.filter(|part| consumer.is_none_or(|id| part.id.as_str() == id)) {
            for key in &part.keys {
                if !entries.iter().any(|entry| entry.key == *key) {
                    let owner = secret.owner.as_deref().map(|one| format!(", ask {one}"));
                    let about = format!("{title}{}", owner.unwrap_or_default());
                    entries.push(Entry { key: key.clone(), about });
                }
            }
        }
    }
    match (entries.is_empty(), consumer) {
        (true, Some(consumer)) => {
            Err(Fail::usage(format!("no secret has a consumer `{consumer}`"))
                .hint("`rollover plan` names them"))
        }
        _ => Ok(entries),
    }
}

fn check(args: &Check, global: &Global, output: Output) -> Result<Exit> {
    let (needed, directory): (Vec<String>, PathBuf) = match &args.from {
        Some(path) => {
            let held = names(path, &read(path)?)?;
            (held.into_iter().map(|held| held.key).collect(), PathBuf::from("."))
        }
        None => {
            let home = Home::find(global)?;
            let entries = entries(&home, args.consumer.as_deref())?;
            (entries.into_iter().map(|entry| entry.key).collect(), home.directory)
        }
    };
    let files = match args.files.is_empty() {
        false => args.files.clone(),
        true => {
            USUAL.iter().map(|name| directory.join(name)).filter(|path| path.is_file()).collect()
        }
    };
    if files.is_empty() {
        return Err(Fail::new(Exit::Changes, "there is no example file")
            .hint("rollover template env --output .env.example"));
    }
    let mut told = Vec::new();
    for path in &files {
        for gap in gaps_of(path, &needed, args.from.is_some())? {
            told.push((path.display().to_string(), gap));
        }
    }
    output.json(&told.iter().map(|(file, gap)| object(file, gap)).collect::<Vec<_>>())?;
    for (file, gap) in &told {
        output.text(&format!("{file}: {}", words(gap)))?;
    }
    if told.is_empty() {
        output.text(&format!(
            "{} example file(s), {} name(s): in step",
            files.len(),
            needed.len()
        ))?;
    }
    Ok(if told.is_empty() { Exit::Ok } else { Exit::Changes })
}

/// What is not in step in one example file. A workflow and a Compose file name other things, too.
pub(crate) fn gaps_of(path: &Path, needed: &[String], whole: bool) -> Result<Vec<Gap>> {
    let held = names(path, &read(path)?)?;
    let whole = whole && matches!(form_of(path)?, Form::Env | Form::Json);
    Ok(gaps(needed, &held, whole))
}

fn words(gap: &Gap) -> String {
    match gap {
        Gap::Missing(key) => format!("`{key}` is missing"),
        Gap::Unknown(key) => format!("`{key}` is in no file that it is an example of"),
        Gap::Value(key, why) => format!("`{key}` has a value: {why}"),
    }
}

fn object(file: &str, gap: &Gap) -> Value {
    match gap {
        Gap::Missing(key) => json!({ "file": file, "gap": "missing", "name": key }),
        Gap::Unknown(key) => json!({ "file": file, "gap": "unknown", "name": key }),
        Gap::Value(key, why) => json!({ "file": file, "gap": "value", "name": key, "why": why }),
    }
}

/// The names in a file, each once.
fn names(path: &Path, text: &str) -> Result<Vec<Held>> {
    let form = form_of(path)?;
    let held = match form {
        Form::Env => connectors::dotenv_names(text)
            .into_iter()
            .map(|(key, value)| Held { key, worry: template::worry(value.expose()) })
            .collect(),
        Form::Json | Form::HerokuAppJson => {
            of_json(form, text).map_err(|error| broken(path, &error))?
        }
        Form::Direnv | Form::Actions | Form::Compose => of_lines(text),
    };
    let mut seen = BTreeSet::new();
    Ok(held.into_iter().filter(|one| seen.insert(one.key.clone())).collect())
}

fn form_of(path: &Path) -> Result<Form> {
    Form::of_file(&path.to_string_lossy()).ok_or_else(|| {
        Fail::usage(format!("{} is of no form that is known", path.display()))
            .hint("known are .env files, JSON, .envrc, YAML of workflows and Compose")
    })
}

fn broken(path: &Path, why: &dyn std::fmt::Display) -> Fail {
    Fail::usage(format!("failed to read {}: {why}", path.display()))
}

fn read(path: &Path) -> Result<Zeroizing<String>> {
    let length = fs::metadata(path).map_err(|error| broken(path, &error))?.len();
    if length > FILE_BYTES_MAX {
        return Err(Fail::usage(format!("{} is too long", path.display())));
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| broken(path, &error))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        Fail::usage(format!("failed to write {}: {error}", path.display()))
            .hint("nothing is overwritten; name a file that is not there")
    })
}
