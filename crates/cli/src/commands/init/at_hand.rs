//! Logins that are at hand: in the environment, and in the `.env` here.

use std::env;
use std::path::Path;

use connectors::{ALL_PROFILES, Survey, dotenv_names};
use domain::Token;
use domain::inventory::Inventory;
use zeroize::Zeroizing;

use crate::fail::chain;

/// The names under which each vendor's own programs read a login.
const HEROKU: &[&str] = &["HEROKU_API_KEY"];
const GITHUB: &[&str] = &["GITHUB_TOKEN", "GH_TOKEN"];
pub(super) const INFISICAL: [&str; 2] =
    ["INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET"];

/// What was found, and not yet sent anywhere.
#[derive(Default)]
pub(super) struct AtHand {
    /// The variable with a Heroku login.
    pub(super) heroku: Option<&'static str>,
    /// The variable with a GitHub login.
    pub(super) github: Option<&'static str>,
    /// Whether both halves of an Infisical login are in the environment.
    pub(super) infisical: bool,
    /// Known names in `.env`, with the kind of issuer that they are usually of.
    pub(super) in_dotenv: Vec<(&'static str, &'static str)>,
    /// A token of a Postmark server, and where it was found.
    server_token: Option<(String, Token)>,
}

/// Whose they are, as their vendors say.
#[derive(Default)]
pub(super) struct Whose {
    /// The Heroku account's e-mail address.
    pub(super) account: Option<String>,
    /// The Postmark server's name.
    pub(super) server: Option<String>,
    /// What could not be asked or did not answer, and why.
    pub(super) unseen: Vec<(String, String)>,
}

impl AtHand {
    /// Looks in the environment and in `.env`. Of other values than those of known names nothing
    /// is kept.
    pub(super) fn look(directory: &Path) -> Self {
        let set = |name: &&'static str| env::var_os(name).is_some_and(|all| !all.is_empty());
        let text =
            Zeroizing::new(std::fs::read_to_string(directory.join(".env")).unwrap_or_default());
        let mut values = dotenv_names(&text);
        let usual: Vec<(&'static str, &'static str)> = ALL_PROFILES
            .iter()
            .flat_map(|profile| profile.usual_names.iter().map(|name| (*name, profile.kind)))
            .collect();
        let in_dotenv =
            usual.iter().filter(|(name, _)| values.iter().any(|(own, _)| own == name)).copied();
        let in_dotenv: Vec<_> = in_dotenv.collect();
        let of_server = |name: &str| usual.contains(&(name, "postmark-server"));
        let place = values.iter().position(|(name, value)| of_server(name) && !value.is_empty());
        let server_token = place.map(|place| values.swap_remove(place));
        let server_token = server_token.map(|(name, value)| (format!("{name} in .env"), value));
        Self {
            heroku: HEROKU.iter().copied().find(|name| set(name)),
            github: GITHUB.iter().copied().find(|name| set(name)),
            infisical: INFISICAL.iter().all(set),
            in_dotenv,
            server_token,
        }
    }

    /// The variables that become logins.
    pub(super) fn logins(&self) -> Vec<&'static str> {
        let infisical = self.infisical.then_some(INFISICAL).into_iter().flatten();
        self.heroku.into_iter().chain(self.github).chain(infisical).collect()
    }

    /// Whether there is one whose vendor could say whose it is.
    pub(super) fn can_tell(&self) -> bool {
        !self.askable().is_empty()
    }

    /// Those whose vendors can say whose they are.
    pub(super) fn askable(&self) -> Vec<String> {
        let heroku = self.heroku.map(|name| format!("{name} in the environment"));
        let server = self.server_token.as_ref().map(|(place, _)| place.clone());
        heroku.into_iter().chain(server).collect()
    }

    /// Asks them. Each token is sent to its own vendor and nowhere else.
    pub(super) async fn whose(&self, inventory: &Inventory, directory: &Path) -> Whose {
        let mut whose = Whose::default();
        let survey = |name| survey(inventory, name, directory);
        if let Some((name, value)) = self.heroku.and_then(|name| Some((name, env::var(name).ok()?)))
        {
            match account(survey("heroku"), &Token::new(value)).await {
                Ok(account) => whose.account = Some(account),
                Err(why) => whose.unseen.push((name.to_owned(), why)),
            }
        }
        if let Some((place, token)) = &self.server_token {
            match server_name(survey("postmark"), token).await {
                Ok(server) => whose.server = Some(server),
                Err(why) => whose.unseen.push((place.clone(), why)),
            }
        }
        whose
    }
}

/// The way to a vendor, or why there is none.
fn survey(inventory: &Inventory, name: &str, directory: &Path) -> Result<Survey, String> {
    let connection = inventory.connections.get(name);
    let connection = connection.ok_or_else(|| format!("there is no connection `{name}`"))?;
    Survey::new(connection, directory)
        .map_err(|error| format!("the connection `{name}` cannot be used: {}", chain(&error)))
}

/// Whose a Heroku login is, or why that is not known.
async fn account(survey: Result<Survey, String>, login: &Token) -> Result<String, String> {
    survey?.account(login).await.map_err(|fault| fault.to_string())
}

/// Which server a Postmark token is of, or why that is not known.
async fn server_name(survey: Result<Survey, String>, token: &Token) -> Result<String, String> {
    survey?.server_name(token).await.map_err(|fault| fault.to_string())
}
