//! The texts that `rollover init` writes.

use std::fmt::Write as _;

use domain::proposal::quoted;

use super::at_hand::{AtHand, INFISICAL, Whose};

/// The kind of issuer of account tokens.
const ACCOUNT: &str = "postmark-account";

/// What stands where a person has to decide.
pub(super) const FILL_IN: &str = "# fill in";

/// What the inventory is made of.
pub(super) struct Facts<'a> {
    /// The organisation's name.
    pub(super) org: &'a str,
    /// Addresses other than the vendors' own, by kind.
    pub(super) urls: &'a [(String, String)],
    /// What was found.
    pub(super) found: &'a AtHand,
}

impl Facts<'_> {
    /// The lines of a connection, its login's left out where there is none.
    fn connection(&self, kind: &str, auth: Option<&str>) -> String {
        let url = self.urls.iter().rev().find(|(own, _)| own == kind);
        let url = url.map(|(_, url)| format!("url = {}\n", quoted(url))).unwrap_or_default();
        let auth = auth.map(|auth| format!("auth = {auth}\n")).unwrap_or_default();
        format!("\n[connections.{kind}]\nkind = \"{kind}\"\n{url}{auth}")
    }
}

/// The inventory itself.
pub(super) fn main(facts: &Facts<'_>, whose: &Whose) -> String {
    let org = quoted(facts.org);
    let found = facts.found;
    let mut text = format!(
        r#"# What rollover rotates for {}. One file a secret lies in secrets/.
# No value of a secret ever stands in these files, only where it is found:
# {{ env = "NAME" }}, {{ file = "PATH" }}, {{ keyring = "NAME" }} or {{ secret = "prod/NAME" }}.
schema = 1
org = {org}

[state]
database = "rollover.db"
key = {{ file = "rollover.key" }}   # or {{ keyring = "rollover" }}, {{ passphrase = "rollover.salt" }}

[policy]
max_age = "90d"
soak = "10m"            # both tokens live, watched, before anybody may revoke
"#,
        facts.org.replace(['\n', '\r'], " "),
    );
    let env = |name: &str| format!("{{ env = \"{name}\" }}");
    let heroku = match found.heroku {
        Some(name) => env(name),
        None => format!(
            "{{ file = \"credentials/heroku\" }}   {FILL_IN}: a token that may create authorizations"
        ),
    };
    text.push_str(&facts.connection("postmark", None));
    text.push_str(&facts.connection("heroku", Some(&heroku)));
    if let Some(name) = found.github {
        text.push_str(&facts.connection("github", Some(&env(name))));
    }
    if found.infisical {
        let [id, secret] = INFISICAL;
        let auth = format!("{{ client_id = {}, client_secret = {} }}", env(id), env(secret));
        text.push_str(&facts.connection("infisical", Some(&auth)));
    }
    let server = match &whose.server {
        Some(server) => quoted(server),
        None => format!(
            "{}   {FILL_IN}: the server's name in Postmark",
            quoted(&format!("{}-prod", facts.org))
        ),
    };
    let account = match &whose.account {
        Some(account) => quoted(account),
        None => format!("\"ops@example.com\"   {FILL_IN}: the account's e-mail address"),
    };
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r#"
[issuers.postmark]
kind = "postmark-server"
via = "postmark"
server = {server}

[issuers.heroku]
kind = "heroku-authorization"
via = "heroku"
account = {account}

[stores.local]
kind = "sealed"         # a local file, sealed with the installation's key
file = "secrets.sealed"
"#
    );
    if found.in_dotenv.iter().any(|(_, kind)| *kind == ACCOUNT) {
        let _ = write!(
            text,
            r#"
[issuers.postmark-account]
kind = "{ACCOUNT}"
via = "postmark"
server = {}   {FILL_IN}: a server of the account, by which it is known
"#,
            quoted(&format!("{}-prod", facts.org))
        );
    }
    if found.infisical {
        let _ = write!(
            text,
            r#"
[stores.infisical]
kind = "infisical"
via = "infisical"
project = "my-project"  {FILL_IN}: the project's id
environment = "prod"
"#
        );
    }
    text
}

/// A secret of a name that was found in `.env`.
pub(super) fn secret(name: &str, kind: &str) -> String {
    let (issuer, role, probes) = match kind {
        "postmark-server" => ("postmark", "ops", MAIL_PROBES),
        ACCOUNT => ("postmark-account", "superadmin", ""),
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
{probes}"#
    )
}

const MAIL_PROBES: &str = r#"
# What has to be seen of the new token before the old one is revoked; fill in what fits.
# [[verify]]
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

const PLATFORM_PROBES: &str = r#"
# What has to be seen of the new token before the old one is revoked; fill in what fits.
# [[verify]]
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
