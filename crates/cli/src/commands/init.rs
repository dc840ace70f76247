//! `rollover init`: an inventory to start from, and the installation's key.

use std::fs;
use std::path::Path;

use domain::inventory::KeySource;
use lab::StateFile;
use serde_json::json;

use crate::args::{Global, Init};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::MAIN;
use crate::lab_inventory;
use crate::output::Output;

pub(crate) fn run(args: &Init, global: &Global, output: Output) -> Result<Exit> {
    let directory = global.directory.clone().unwrap_or_else(|| ".".into());
    if directory.join(MAIN).exists() {
        return Err(Fail::usage(format!("{} is there already", directory.join(MAIN).display()))
            .hint("nothing is overwritten; `rollover config check` reads it"));
    }
    // First, because the inventory says that all is there: a start that was cut short is made
    // again. It makes the directory, too, durably.
    make_key(&directory)?;
    fs::create_dir_all(directory.join("secrets"))
        .map_err(|error| Fail::usage(format!("failed to make {}: {error}", directory.display())))?;
    let found = if args.lab { Vec::new() } else { names_in(&directory.join(".env")) };
    if args.lab {
        let state = directory.join("lab.json");
        let lab = StateFile::read(&state).or_else(|_| StateFile::read(Path::new("lab.json")));
        let lab = lab.map_err(|error| {
            Fail::usage(format!("failed to read {}: {error}", state.display()))
                .hint("`rollover lab up` starts a lab and writes this file")
        })?;
        lab_inventory::write(&directory, &lab.urls, &lab.credentials)?;
    } else {
        write(&directory.join(MAIN), &template(&args.org))?;
        for (name, kind) in &found {
            let path = format!("secrets/{}.toml", name.to_lowercase().replace('_', "-"));
            write(&directory.join(path), &secret_template(name, kind))?;
        }
    }
    output.json(&json!({
        "inventory": directory.join(MAIN),
        "found": found.iter().map(|(name, _)| name).collect::<Vec<_>>(),
    }))?;
    output.text(&format!("wrote {} and its key", directory.join(MAIN).display()))?;
    for (name, _) in &found {
        output.text(&format!("found {name} in .env: see secrets/"))?;
    }
    let next = if args.lab {
        "rollover plan"
    } else {
        "fill in what is marked, then: rollover secret import, which looks at what exists"
    };
    output.say(&format!("next: {next}"));
    Ok(Exit::Ok)
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

/// The known names in a dotenv file. Only names are read; values are passed over.
fn names_in(path: &Path) -> Vec<(&'static str, &'static str)> {
    let Ok(text) = fs::read_to_string(path) else {
        return Vec::new();
    };
    let text = zeroize::Zeroizing::new(text);
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim_start_matches("export ").split_once('='))
        .map(|(name, _)| name.trim())
        .collect();
    let kinds = connectors::ALL_PROFILES.iter();
    let usual = kinds.flat_map(|kind| kind.usual_names.iter().map(|name| (*name, kind.kind)));
    usual.filter(|(name, _)| names.contains(name)).collect()
}

fn template(org: &str) -> String {
    format!(
        r#"# What rollover rotates for {org}. One file a secret lies in secrets/.
# No value of a secret ever stands in these files, only where it is found:
# {{ env = "NAME" }}, {{ file = "PATH" }}, {{ keyring = "NAME" }} or {{ secret = "prod/NAME" }}.
schema = 1
org = "{org}"

[state]
database = "rollover.db"
key = {{ file = "rollover.key" }}   # or {{ keyring = "rollover" }}, {{ passphrase = "rollover.salt" }}

[policy]
max_age = "90d"
soak = "10m"            # both tokens live, watched, before anybody may revoke

[connections.postmark]
kind = "postmark"

[connections.heroku]
kind = "heroku"
auth = {{ file = "credentials/heroku" }}   # fill in: a token that may create authorizations

[issuers.postmark]
kind = "postmark-server"
via = "postmark"
server = "{org}-prod"   # fill in: the server's name in Postmark

[issuers.heroku]
kind = "heroku-authorization"
via = "heroku"
account = "ops@example.com"   # fill in: the account's e-mail address

[stores.local]
kind = "sealed"         # a local file, sealed with the installation's key
file = "secrets.sealed"
"#
    )
}

fn secret_template(name: &str, kind: &str) -> String {
    let (issuer, role, probes) = match kind {
        "postmark-server" => ("postmark", "ops", MAIL_PROBES),
        _ => ("heroku", "superadmin", PLATFORM_PROBES),
    };
    format!(
        r#"name = "{name}"
environment = "prod"    # fill in: which environment this .env belongs to
issuer = "{issuer}"
store = {{ in = "local" }}
role = "{role}"

[[consumers]]
kind = "dotenv"
path = ".env"

# What has to be seen of the new token before the old one is revoked; fill in what fits.
{probes}"#
    )
}

const MAIL_PROBES: &str = r#"# [[verify]]
# name = "test mail"
# kind = "test-mail"          # sent with the new token
# from = "noreply@example.com"
# to = "ops@example.com"
# confirm_receipt = true      # a person says whether it arrived
#
# [[verify]]
# name = "mail from the app"
# kind = "app-mail"           # sent by an application of yours
# url = "https://api.example.com/api/notifications/test-email"
# json = { to = "ops@example.com" }
# id = "message_id"
"#;

const PLATFORM_PROBES: &str = r#"# [[verify]]
# name = "log of the app"
# kind = "log"                # no 401 in it since the restart
# via = "heroku"
# app = "acme-api-prod"
#
# [[verify]]
# name = "deploy to staging"
# kind = "workflow"           # started with the new token, and watched
# via = "github"
# repo = "acme/api"
# workflow = "deploy-staging.yml"
"#;
