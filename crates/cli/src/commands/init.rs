//! `rollover init`: an inventory to start from, and the installation's key.

mod at_hand;
mod text;

use std::fs;
use std::path::Path;

use clap::Args;
use domain::inventory::{Diagnostic, KeySource, SourceFile, load};
use lab::StateFile;
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::MAIN;
use crate::lab_inventory;
use crate::output::Output;
use crate::people;
use at_hand::{AtHand, Whose};

/// Write an inventory to start from
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// The organisation's name
    #[arg(long, default_value = "my-org")]
    pub(crate) org: String,
    /// Write the inventory of a running lab (see `rollover lab up`)
    #[arg(long)]
    pub(crate) lab: bool,
    /// Ask Heroku and Postmark whose the logins are that are found in the environment and in
    /// `.env`, and fill that in
    #[arg(long, conflicts_with = "lab")]
    pub(crate) ask: bool,
    /// Where one is reached at another address than the vendor's own: `infisical=https://...`
    #[arg(long, value_name = "KIND=URL", value_parser = kind_and_url, conflicts_with = "lab")]
    pub(crate) url: Vec<(String, String)>,
}

/// `KIND=URL`, of a kind that a connection may have.
fn kind_and_url(text: &str) -> std::result::Result<(String, String), String> {
    const KINDS: [&str; 4] = ["postmark", "heroku", "github", "infisical"];
    let (kind, url) = text.split_once('=').ok_or("write KIND=URL")?;
    if !KINDS.contains(&kind) {
        return Err(format!("there is no kind `{kind}`; it is one of {}", KINDS.join(", ")));
    }
    Ok((kind.to_owned(), url.to_owned()))
}

pub(crate) async fn run(args: &Init, global: &Global, output: Output) -> Result<Exit> {
    let directory = global.directory.clone().unwrap_or_else(|| ".".into());
    if directory.join(MAIN).exists() {
        return Err(Fail::usage(format!("{} is there already", directory.join(MAIN).display()))
            .hint("nothing is overwritten; `rollover config check` reads it"));
    }
    let found = if args.lab { AtHand::default() } else { AtHand::look(&directory) };
    let facts = text::Facts { org: &args.org, urls: &args.url, found: &found };
    let mut main = text::main(&facts, &Whose::default());
    // Before anything is written: an address that no token may be sent to is refused.
    let inventory = load(&SourceFile { path: MAIN.into(), text: main.clone() }, &[])
        .map_err(|wrong| not_taken(&wrong))?;
    let whose = if found.can_tell() && asked_for(args, &found, global, output) {
        found.whose(&inventory, &directory).await
    } else {
        Whose::default()
    };
    main = text::main(&facts, &whose);
    // First, because the inventory says that all is there: a start that was cut short is made
    // again. It makes the directory, too, durably.
    make_key(&directory)?;
    fs::create_dir_all(directory.join("secrets"))
        .map_err(|error| Fail::usage(format!("failed to make {}: {error}", directory.display())))?;
    if args.lab {
        let state = directory.join("lab.json");
        let lab = StateFile::read(&state).or_else(|_| StateFile::read(Path::new("lab.json")));
        let lab = lab.map_err(|error| {
            Fail::usage(format!("failed to read {}: {error}", state.display()))
                .hint("`rollover lab up` starts a lab and writes this file")
        })?;
        lab_inventory::write(&directory, &lab.urls, &lab.credentials)?;
    } else {
        write(&directory.join(MAIN), &main)?;
        for (name, kind) in &found.in_dotenv {
            let path = format!("secrets/{}.toml", name.to_lowercase().replace('_', "-"));
            write(&directory.join(path), &text::secret(name, kind))?;
        }
    }
    tell(&directory, &found, &whose, output)?;
    let next = match (args.lab, main.contains(text::FILL_IN)) {
        (true, _) => "rollover plan",
        (false, true) => {
            "fill in what is marked, then: rollover secret import, which looks at what exists"
        }
        (false, false) => "rollover secret import, which looks at what exists",
    };
    output.say(&format!("next: {next}"));
    Ok(Exit::Ok)
}

fn tell(directory: &Path, found: &AtHand, whose: &Whose, output: Output) -> Result<()> {
    output.json(&json!({
        "inventory": directory.join(MAIN),
        "found": found.in_dotenv.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "logins": found.logins(),
        "whose": { "heroku": whose.account, "postmark": whose.server },
        "unseen": whose.unseen,
    }))?;
    output.text(&format!("wrote {} and its key", directory.join(MAIN).display()))?;
    for (name, _) in &found.in_dotenv {
        output.text(&format!("found {name} in .env: see secrets/"))?;
    }
    for name in found.logins() {
        output.text(&format!("found {name} in the environment: it is the login there"))?;
    }
    for (what, who) in [("Heroku", &whose.account), ("Postmark", &whose.server)] {
        if let Some(who) = who {
            output.text(&format!("{what} answers as {who}"))?;
        }
    }
    for (what, why) in &whose.unseen {
        output.text(&format!("(?) {what}: {why}"))?;
    }
    Ok(())
}

/// Whether the vendors are asked: a token leaves this machine only when somebody says so.
fn asked_for(args: &Init, found: &AtHand, global: &Global, output: Output) -> bool {
    if args.ask {
        return true;
    }
    let logins = found.askable().join(" and ");
    if people::can_ask(global.no_input) {
        let prompt = format!("Ask its vendor whose {logins} is, to fill that in? [y/N] ");
        return matches!(people::line(&prompt).as_deref(), Some("y" | "Y" | "yes"));
    }
    output.say(&format!("found {logins}; with --ask their vendors say whose they are"));
    false
}

/// What is wrong with a text that is made here can only be what somebody gave.
fn not_taken(wrong: &[Diagnostic]) -> Fail {
    let what = wrong.iter().map(|one| one.message.clone()).collect::<Vec<_>>().join("; ");
    Fail::usage(what).hint("see --url and --org")
}

/// The key that both inventories name. One that is there is kept: it may have sealed something.
fn make_key(directory: &Path) -> Result<()> {
    let source = KeySource::File("rollover.key".into());
    let nobody = || Err(std::io::Error::other("no passphrase here"));
    let made = match seal::Key::create(&source, directory, nobody) {
        Err(seal::KeyError::Exists { .. }) => seal::Key::open(&source, directory, nobody),
        other => other,
    };
    made.map(drop).map_err(|error| Fail::usage(chain(&error)).hint(error.hint()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)
        .map_err(|error| Fail::usage(format!("failed to write {}: {error}", path.display())))
}
