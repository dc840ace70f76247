//! `rollover secret import` without a secret: what exists and could be in the inventory. Nothing
//! is written before it was shown, and nothing is ever overwritten.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use domain::Act;
use domain::inventory::{SourceFile, load};
use domain::proposal::{Addition, Proposal, names_in_workflow, propose};
use engine::{Existing, Here, Stranger};
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;
use crate::people;

/// The longest file that is read here.
const BYTES_MAX: u64 = 1 << 20;

/// What exists, what could be written of it, and what a person has to add himself.
struct Shown {
    existing: Existing,
    proposals: Vec<Proposal>,
    additions: Vec<Addition>,
    /// Names that workflows read and that nothing holds.
    missing: Vec<String>,
}

/// Shows what exists, and writes what is agreed to.
pub(crate) async fn run(
    repositories: &[String],
    yes: bool,
    global: &Global,
    output: Output,
) -> Result<Exit> {
    let home = Home::find(global)?;
    let shown = look(&home, repositories).await?;
    tell(&shown, output)?;
    let files: Vec<&String> = shown.proposals.iter().map(|one| &one.file).collect();
    let object = |written: bool| {
        json!({
            "proposals": shown.proposals, "additions": shown.additions,
            "unknown_tokens": shown.existing.strangers, "unseen": shown.existing.unseen,
            "missing": shown.missing, "written": if written { files.clone() } else { Vec::new() },
        })
    };
    if shown.proposals.is_empty() {
        output.json(&object(false))?;
        output.text("nothing to propose")?;
        return Ok(Exit::Ok);
    }
    if !yes && !agreed(shown.proposals.len(), global, output) {
        output.json(&object(false))?;
        output.say("nothing was written");
        return Ok(Exit::Waiting);
    }
    let _pass = home.allow(Act::Import, None)?;
    for one in &shown.proposals {
        write_new(&home.directory, &one.file, &one.text)?;
        output.text(&format!("wrote {}", one.file))?;
    }
    output.json(&object(true))?;
    output.say("next: see whether each is right, then: rollover config check, rollover plan");
    Ok(Exit::Ok)
}

async fn look(home: &Home, repositories: &[String]) -> Result<Shown> {
    let key = home.key()?;
    let engine = home.looking_with(&key)?;
    let here = here(&home.directory, repositories);
    let existing = engine.existing(&here, &home.directory, &key).await?;
    let (main, files) = home.files()?;
    let taken: BTreeSet<String> = files.iter().filter_map(|file| under(&file.path)).collect();
    let (mut proposals, additions) = propose(&home.inventory, &existing.sightings, &taken);
    // One that the inventory would not take is no proposal.
    let mut so_far = files;
    proposals.retain(|one| {
        so_far.push(SourceFile { path: one.file.clone(), text: one.text.clone() });
        let right = load(&main, &so_far).is_ok();
        if !right {
            so_far.pop();
        }
        right
    });
    let known: BTreeSet<&String> = existing.sightings.iter().map(|one| &one.name).collect();
    let secrets = home.inventory.secrets.values();
    let keys: BTreeSet<&String> = secrets
        .flat_map(|secret| secret.consumers.iter().flat_map(|consumer| &consumer.keys))
        .collect();
    let missing = here.workflows.iter().filter(|name| {
        let usual = connectors_name(name);
        usual && !known.contains(name) && !keys.contains(name)
    });
    let missing = missing.cloned().collect();
    Ok(Shown { existing, proposals, additions, missing })
}

/// Whether a name is one that programs usually read a token from.
fn connectors_name(name: &str) -> bool {
    connectors::ALL_PROFILES.iter().any(|profile| profile.usual_names.contains(&name))
}

/// `secrets/x.toml` of a path.
fn under(path: &str) -> Option<String> {
    let name = Path::new(path).file_name()?.to_str()?;
    Some(format!("secrets/{name}"))
}

/// Dotenv files beside the inventory, and what its workflows read.
fn here(directory: &Path, repositories: &[String]) -> Here {
    let mut here = Here { repositories: repositories.iter().cloned().collect(), ..Here::default() };
    for path in files(directory, |name| name == ".env" || name.ends_with(".env")) {
        if let Some(text) = read(&directory.join(&path)) {
            here.dotenv.push((path, connectors::dotenv_names(&text)));
        }
    }
    let workflows = directory.join(".github/workflows");
    for name in files(&workflows, |name| name.ends_with(".yml") || name.ends_with(".yaml")) {
        let text = read(&workflows.join(name));
        here.workflows.extend(text.iter().flat_map(|text| names_in_workflow(text)));
    }
    here.repositories.extend(origin(directory));
    here
}

fn files(directory: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| wanted(name)).collect();
    names.sort();
    names
}

/// The text of a file that is no longer than what is read here.
fn read(path: &Path) -> Option<zeroize::Zeroizing<String>> {
    let about = fs::metadata(path).ok().filter(|about| about.is_file())?;
    let short = about.len() <= BYTES_MAX;
    short.then(|| fs::read_to_string(path).ok().map(zeroize::Zeroizing::new)).flatten()
}

/// The repository at GitHub that the working copy here came from.
fn origin(directory: &Path) -> Option<String> {
    let config = read(&directory.join(".git/config"))?;
    let url = config.lines().find_map(|line| line.trim().strip_prefix("url = "))?;
    let (_, path) = url.split_once("github.com")?;
    let name = path.strip_prefix([':', '/'])?.trim_end_matches('/').trim_end_matches(".git");
    let parts = name.split('/').filter(|part| !part.is_empty()).count();
    (parts == 2).then(|| name.to_owned())
}

fn tell(shown: &Shown, output: Output) -> Result<()> {
    for one in &shown.proposals {
        output.text(&format!("\n--- {}", one.file))?;
        output.text(one.text.trim_end())?;
        for note in &one.notes {
            output.text(&format!("  (!) {note}"))?;
        }
    }
    for one in &shown.additions {
        let (place, secret, file) = (&one.place, &one.secret, &one.file);
        output.text(&format!(
            "\n{place} holds the token of {secret} and is none of its consumers; add to {file}:"
        ))?;
        output.text(one.text.trim_end())?;
    }
    for Stranger { issuer, token, removal } in &shown.existing.strangers {
        let which = token.typed();
        let since = token.created.map(|at| format!(", created {at:.0}")).unwrap_or_default();
        let about = token.description.as_deref().unwrap_or("no description");
        let next = match removal {
            Some(id) => format!("it is being removed: rollover run show {id}"),
            None => format!(
                "is it somebody's? rollover secret adopt SECRET {which}\n    is it nobody's? \
                 rollover secret remove SECRET {which} --reason TEXT"
            ),
        };
        output.text(&format!(
            "\nissuer {issuer}: a live token that nobody answers for: {which} ({about}{since})\n    \
             {next}"
        ))?;
    }
    for name in &shown.missing {
        output.text(&format!("\na workflow reads `{name}`, and nothing here holds it"))?;
    }
    for (what, why) in &shown.existing.unseen {
        output.text(&format!("\n(?) {what} could not be looked at: {why}"))?;
    }
    Ok(())
}

/// Writes a file that is not there yet.
pub(crate) fn write_new(directory: &Path, file: &str, text: &str) -> Result<()> {
    let path = directory.join(file);
    let made = fs::OpenOptions::new().write(true).create_new(true).open(&path);
    made.and_then(|mut made| made.write_all(text.as_bytes())).map_err(|error| {
        Fail::usage(format!("failed to write {}: {error}", path.display()))
            .hint("nothing is overwritten")
    })
}

fn agreed(count: usize, global: &Global, output: Output) -> bool {
    if !people::can_ask(global.no_input) {
        output.say("nobody can be asked; write with --yes");
        return false;
    }
    let prompt = format!("Write {count} file(s)? [y/N] ");
    matches!(people::line(&prompt).as_deref(), Some("y" | "Y" | "yes"))
}
