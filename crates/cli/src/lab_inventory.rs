//! The inventory of a lab: both runbooks, written out in full, with every address on loopback.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use lab::{Credentials, Urls};

use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::MAIN;

/// Writes `rollover.toml`, `secrets/*.toml`, the engine's logins and two dotenv files. The logins
/// stand in files of mode 0600, never in the inventory.
pub(crate) fn write(directory: &Path, urls: &Urls, credentials: &Credentials) -> Result<()> {
    for folder in ["secrets", "credentials"] {
        fs::create_dir_all(directory.join(folder)).map_err(|error| failed(folder, &error))?;
    }
    let main = main_toml(urls, credentials);
    put(directory, MAIN, &main, 0o644)?;
    let postmark = postmark_toml(urls);
    put(directory, "secrets/postmark-server-token.toml", &postmark, 0o644)?;
    put(directory, "secrets/heroku-api-key.toml", &heroku_toml(urls, credentials), 0o644)?;
    let logins = [
        ("credentials/infisical-id", &credentials.infisical_client_id),
        ("credentials/infisical-secret", &credentials.infisical_client_secret),
        ("credentials/github", &credentials.github_token),
    ];
    for (path, value) in logins {
        put(directory, path, value, 0o600)?;
    }
    let worker = format!(
        "# The mail worker on this machine.\nPOSTMARK_SERVER_TOKEN={}\nQUEUE=mail # unchanged by a rotation\n",
        credentials.postmark_server_token
    );
    put(directory, "worker.env", &worker, 0o600)?;
    let operator = format!("export HEROKU_API_KEY='{}'\n", credentials.heroku_api_key);
    put(directory, "operator.env", &operator, 0o600)
}

fn put(directory: &Path, name: &str, text: &str, mode: u32) -> Result<()> {
    let path = directory.join(name);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)
        .map_err(|error| failed(name, &error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(name, &error))
}

fn failed(name: &str, error: &std::io::Error) -> Fail {
    let fail = Fail::new(Exit::Usage, format!("failed to write {name}: {error}"));
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            fail.hint("nothing is overwritten; use another directory")
        }
        _ => fail,
    }
}

fn main_toml(urls: &Urls, credentials: &Credentials) -> String {
    let Urls { postmark, heroku, github, infisical, dashboard } = urls;
    let (project, email) = (&credentials.infisical_project_id, &credentials.heroku_email);
    format!(
        r#"# The inventory of a lab. Every address is on this machine, and every wait is short.
schema = 1
org = "acme"

[state]
database = "rollover.db"
key = {{ file = "rollover.key" }}

[policy]
max_age = "90d"
soak = "3s"             # 10m and more outside a lab
proof_interval = "1s"   # 30s and more outside a lab
attempts_max = 8

[connections.postmark]
kind = "postmark"
url = "{postmark}"

[connections.heroku]
kind = "heroku"
url = "{heroku}"
auth = {{ secret = "prod/HEROKU_API_KEY" }}   # the engine logs in with the token it rotates

[connections.github]
kind = "github"
url = "{github}"
auth = {{ file = "credentials/github" }}

[connections.infisical]
kind = "infisical"
url = "{infisical}/api"
auth = {{ client_id = {{ file = "credentials/infisical-id" }}, client_secret = {{ file = "credentials/infisical-secret" }} }}

[issuers.postmark-acme-prod]
kind = "postmark-server"   # no API for tokens: people create and delete them
via = "postmark"
server = "acme-prod"
dashboard = "{dashboard}"

[issuers.heroku-acme]
kind = "heroku-authorization"
via = "heroku"
account = "{email}"
scope = ["global"]         # the console and this engine need all of it
expires_in = "120d"        # ends by itself if no rotation ever comes

[stores.infisical-prod]
kind = "infisical"
via = "infisical"
project = "{project}"
environment = "prod"
"#
    )
}

fn postmark_toml(urls: &Urls) -> String {
    let health = urls.app_health("acme-api-prod");
    format!(
        r#"# The Postmark server token that the API sends mail with.
name = "POSTMARK_SERVER_TOKEN"
environment = "prod"
owner = "team-mail"
issuer = "postmark-acme-prod"
store = {{ in = "infisical-prod" }}
role = "ops"

[[consumers]]
name = "API (staging)"
kind = "heroku-config"
via = "heroku"
app = "acme-api-staging"
production = false         # goes first

[[consumers]]
name = "API (prod)"
kind = "heroku-config"
via = "heroku"
app = "acme-api-prod"

[[consumers]]
name = "Mail worker on this machine"
kind = "dotenv"
path = "worker.env"

[[consumers]]
name = "GitHub Actions"
kind = "github-secret"
via = "github"
repo = "acme/api"
enabled = false            # only where CI sends mail

[[verify]]
name = "API sends through Postmark"
kind = "health"
url = "{health}"
expect = {{ status = 200, json = {{ postmark = "ok" }} }}
"#
    )
}

fn heroku_toml(urls: &Urls, credentials: &Credentials) -> String {
    let (health, repo) = (urls.app_health("acme-console-prod"), &credentials.github_repo);
    format!(
        r#"# The Heroku platform token of the console, the rotation pipeline and CI.
name = "HEROKU_API_KEY"
environment = "prod"
owner = "team-platform"
issuer = "heroku-acme"
store = {{ in = "infisical-prod" }}
role = "superadmin"

[old]
description = "acme-api-prod-platform-token"

[[consumers]]
name = "API (staging)"
kind = "heroku-config"
via = "heroku"
app = "acme-api-staging"
production = false

[[consumers]]
name = "API (prod)"
kind = "heroku-config"
via = "heroku"
app = "acme-api-prod"

[[consumers]]
name = "Console"
kind = "heroku-config"
via = "heroku"
app = "acme-console-prod"

[[consumers]]
name = "Rotation pipeline"
kind = "heroku-config"
via = "heroku"
app = "acme-rotation-pipeline"

[[consumers]]
name = "GitHub Actions (deploy workflows)"
kind = "github-secret"
via = "github"
repo = "{repo}"

[[consumers]]
name = "Operator's shell"
kind = "dotenv"
path = "operator.env"

[[verify]]
name = "console reaches the Heroku API"
kind = "health"
url = "{health}"
expect = {{ status = 200, json = {{ heroku_api = "ok" }} }}
"#
    )
}
