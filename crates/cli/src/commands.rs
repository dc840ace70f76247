//! One file a command.

mod audit;
mod backup;
mod campaign;
mod config;
mod demo;
pub(crate) mod doctor;
mod drift;
pub(crate) mod env;
mod fingerprint;
pub(crate) mod hook;
pub(crate) mod init;
mod lab;
pub(crate) mod leak;
pub(crate) mod notify;
mod plan;
pub(crate) mod posture;
mod reconcile;
mod rekey;
mod restore;
mod rotate;
mod run;
pub(crate) mod runbook;
pub(crate) mod scan;
mod schedule;
mod secret;
mod status;
mod support;
mod task;
pub(crate) mod template;
pub(crate) mod usage;

pub(crate) use campaign::Campaign;
pub(crate) use demo::StandIn;
pub(crate) use drift::Drift;
pub(crate) use rotate::{Rotate, Which};
pub(crate) use secret::Secret;

use clap::CommandFactory;

use crate::args::{Cli, Command, Global};
use crate::exit::{self, Exit};
use crate::fail::Result;
use crate::output::Output;

/// Runs one command.
pub(crate) async fn run(command: Command, global: &Global, output: Output) -> Result<Exit> {
    match command {
        Command::Demo(args) => demo::run(&args, global, output).await,
        Command::Init(args) => init::run(&args, global, output).await,
        Command::Config(args) => config::run(&args, global, output),
        Command::Notify(args) => notify::run(args, global, output).await,
        Command::Plan(args) => plan::run(&args, global, output).await,
        Command::Rotate(args) => rotate::run(&args, global, output).await,
        Command::Campaign(args) => campaign::run(&args, global, output).await,
        Command::Status(args) => status::run(&args, global, output).await,
        Command::Env(args) => env::run(args, global, output).await,
        Command::Drift(args) => drift::run(&args, global, output).await,
        Command::Run(args) => run::run(args, global, output).await,
        Command::Runbook(args) => runbook::run(args, global, output).await,
        Command::Task(args) => task::run(args, global, output).await,
        Command::Audit(args) => audit::run(&args, global, output),
        Command::Schedule(args) => schedule::run(&args, global, output),
        Command::Secret(args) => secret::run(&args, global, output).await,
        Command::Rekey(args) => rekey::run(&args, global, output),
        Command::Backup(args) => backup::run(&args, global, output),
        Command::Restore(args) => restore::run(&args, global, output),
        Command::Reconcile(args) => reconcile::run(&args, global, output).await,
        Command::Doctor(args) => doctor::run(&args, global, output).await,
        Command::Lab(args) => lab::run(args, output).await,
        Command::Support(args) => support::run(&args, global, output),
        Command::Scan(args) => scan::run(&args, global, output).await,
        Command::Hook(args) => hook::run(&args, global, output),
        Command::Leak(args) => leak::run(&args, global, output).await,
        Command::Posture(args) => posture::run(&args, global, output).await,
        Command::Usage(args) => usage::run(&args, global, output).await,
        Command::Template(args) => template::run(&args, global, output),
        Command::Fingerprint => fingerprint::run(global, output),
        Command::Completion { shell } => {
            let mut cli = Cli::command();
            clap_complete::generate(shell, &mut cli, "rollover", &mut std::io::stdout());
            Ok(Exit::Ok)
        }
        Command::HelpExitCodes => {
            output.json(&exit::HELP.lines().map(str::trim).collect::<Vec<_>>())?;
            output.text(exit::HELP.trim_end())?;
            Ok(Exit::Ok)
        }
    }
}
