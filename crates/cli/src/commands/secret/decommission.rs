//! `rollover secret decommission`: takes a secret out of use; run again to go on.

use clap::Args;
use domain::Mode;

use super::ending::{Command, Ending};
use crate::args::Global;
use crate::exit::Exit;
use crate::fail::Result;
use crate::home::Home;
use crate::output::Output;

/// Take a secret out of use: out of every consumer and the store, then revoke its token and see
/// it dead; run again to go on after an interruption
#[derive(Args, Debug)]
pub(crate) struct Decommission {
    /// The secret, as `prod/NAME`
    pub(crate) secret: String,
    #[command(flatten)]
    pub(crate) ending: Ending,
}

pub(super) async fn run(args: &Decommission, global: &Global, output: Output) -> Result<Exit> {
    let name = Home::find(global)?.secret(&args.secret)?;
    let (command, watch) = (format!("secret decommission {name}"), args.ending.watch);
    let command = Command {
        name: name.clone(),
        mode: Mode::Decommission,
        command,
        what: "taken out of use",
        noun: "a decommission",
        ending: &args.ending,
    };
    let plan = async |engine: &engine::Engine| engine.plan_decommission(&name, watch).await;
    command.run((global, output), plan, |_| Ok(())).await
}
