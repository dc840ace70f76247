//! `rollover secret`

mod adopt;
mod decommission;
mod ending;
mod existing;
mod remove;
mod sync;

use clap::Subcommand;
use domain::Act;
use serde_json::json;

use crate::args::{Global, TokenWay};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;
use crate::people;

use adopt::Adopt;
use decommission::Decommission;
use remove::Remove;
use sync::Sync;

#[derive(Subcommand, Debug)]
pub(crate) enum Secret {
    /// Put the current token into the secret's store; without a secret, look at what exists and
    /// propose entries for the inventory
    Import {
        /// The secret, as `prod/NAME`
        secret: Option<String>,
        #[command(flatten)]
        token: TokenWay,
        /// A repository of GitHub to look at, besides those that are known
        #[arg(long, value_name = "OWNER/NAME", conflicts_with = "secret")]
        repo: Vec<String>,
        /// Write what is proposed without asking
        #[arg(short, long, conflicts_with = "secret")]
        yes: bool,
    },
    /// Answer for a live token at a secret's issuer that nobody knew: it is written into the
    /// secret's file as `known`
    Adopt(Adopt),
    /// Remove a live token at a secret's issuer that nobody answers for: watch it, revoke it and see
    /// it dead; run again to go on after an interruption
    Remove(Remove),
    /// Give consumers that differ the token that the store holds; run again after an interruption
    Sync(Sync),
    /// Take a secret out of use: out of every consumer and the store, then revoke its token and
    /// see it dead; run again to go on after an interruption
    Decommission(Decommission),
}

pub(crate) async fn run(args: &Secret, global: &Global, output: Output) -> Result<Exit> {
    match args {
        Secret::Adopt(args) => adopt::run(args, global, output).await,
        Secret::Import { secret: None, token, repo, yes } => {
            if token.token_stdin || token.token_file.is_some() {
                return Err(Fail::usage("a token is given, and no secret is named")
                    .hint("rollover secret import prod/NAME --token-stdin"));
            }
            existing::run(repo, *yes, global, output).await
        }
        Secret::Import { secret: Some(secret), token, .. } => {
            let home = Home::find(global)?;
            let name = home.secret(secret)?;
            let pass = home.allow(Act::Import, Some(&name))?;
            let token = match people::token(token)? {
                Some(token) => token,
                None => people::hidden("current token (hidden): ", global.no_input).map_err(
                    |error| {
                        Fail::usage(error.to_string())
                            .hint("give it by --token-stdin or --token-file FILE")
                    },
                )?,
            };
            // A store that lost its value may be why the world cannot be looked at; what the
            // journal believes is not asked, and does not change.
            let engine = home.importing(&pass, "secret import")?;
            let fingerprint = engine.fingerprints().of(&token);
            let version = engine
                .import(&name, &token)
                .await?
                .map_err(|fault| Fail::new(Exit::Failed, fault.to_string()))?;
            output.json(&json!({
                "secret": name, "fingerprint": fingerprint, "version": version,
            }))?;
            output.text(&format!("{name} is in its store, version {version}, fp {fingerprint}"))?;
            Ok(Exit::Ok)
        }
        Secret::Sync(args) => sync::run(args, global, output).await,
        Secret::Decommission(args) => decommission::run(args, global, output).await,
        Secret::Remove(args) => remove::run(args, global, output).await,
    }
}
