//! `rollover secret remove`: a live token that nobody answers for is watched, revoked and seen
//! dead; run again to go on.

use clap::Args;
use domain::{LiveToken, Mode, Rotation};

use super::ending::{Command, Ending};
use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;

/// Remove a live token at a secret's issuer that nobody answers for: watch it, revoke it and see it
/// dead; run again to go on after an interruption
#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// A secret of that issuer, as `prod/NAME`; it stays as it is
    pub(crate) secret: String,
    /// The token: its fingerprint or the issuer's id of it, or how one of them begins
    pub(crate) token: String,
    #[command(flatten)]
    pub(crate) ending: Ending,
}

pub(super) async fn run(args: &Remove, global: &Global, output: Output) -> Result<Exit> {
    let name = Home::find(global)?.secret(&args.secret)?;
    let (token, watch) = (args.token.as_str(), args.ending.watch);
    let command = Command {
        name: name.clone(),
        mode: Mode::Removal,
        command: format!("secret remove {name} {token}"),
        what: "rid of this token",
        noun: "the removal of a token",
        ending: &args.ending,
    };
    let plan = async |engine: &engine::Engine| engine.plan_removal(&name, token, watch).await;
    command.run((global, output), plan, |open| is_of(open, token)).await
}

/// Whether an open removal is that of this token.
fn is_of(open: &Rotation, called: &str) -> Result<()> {
    let plan = open.plan();
    let token = LiveToken {
        fingerprint: Some(plan.old.fingerprint),
        handle: plan.old.handle.clone(),
        description: None,
        created: None,
    };
    if plan.mode != Mode::Removal || token.is_meant(called) {
        return Ok(());
    }
    let (id, other) = (&plan.id, plan.old.fingerprint);
    Err(Fail::new(Exit::Failed, format!("{id} is open, and removes fp {other}")).hint(format!(
        "go on with it: rollover run resume {id}; or turn it back first: rollover run rollback \
             {id}"
    )))
}
