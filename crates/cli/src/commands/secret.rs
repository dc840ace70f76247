//! `rollover secret`

mod adopt;
mod decommission;
mod ending;
mod existing;
mod remove;
mod sync;

use domain::Act;
use serde_json::json;

use crate::args::{Global, Secret};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;
use crate::people;

pub(crate) use adopt::Adopt;
pub(crate) use decommission::Decommission;
pub(crate) use remove::Remove;
pub(crate) use sync::Sync;

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
