//! The program: reads the command line, runs one command, ends with its code.
//!
//! Everything that meets people is here: prompts, colours, exit codes, hints. The crates below
//! know nothing of terminals.

mod args;
mod argv;
mod exit;
mod fail;
mod gate;
mod harden;
mod home;
mod lab_inventory;
mod live;
mod output;
mod people;
mod programs;
mod rehearsal;
mod running;
mod telling;
mod text;

mod commands;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::output::Output;
use crate::text::clean;

fn main() -> ExitCode {
    harden::harden();
    if let Err(fail) = argv::refuse_tokens(arguments()) {
        return failed(&fail, arguments().any(|argument| argument == "--json"));
    }
    if let Err(fail) = harden::enough_files() {
        return failed(&fail, arguments().any(|argument| argument == "--json"));
    }
    let cli = Cli::parse();
    let output = Output { json: cli.global.json, quiet: cli.global.quiet };
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let what = format!("failed to start: {error}");
                let fail = Fail::new(Exit::Failed, what)
                    .hint("raise the limits of files and processes (ulimit -n, ulimit -u)");
                return failed(&fail, output.json);
            }
        };
    let result = runtime.block_on(async {
        let result = commands::run(cli.command, &cli.global, output).await;
        telling::last_words().await;
        result
    });
    // A prompt may still hold a thread; nothing is lost by not waiting for it.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(fail) => failed(&fail, output.json),
    }
}

/// The command line; what is not UTF-8 cannot be a token.
fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned())
}

/// What failed, to standard error; with `--json` as an object on standard output, too.
fn failed(fail: &Fail, json: bool) -> ExitCode {
    // Where nobody can be told, the exit code still tells.
    let _ = writeln!(std::io::stderr().lock(), "{}", clean(&fail.text()));
    if json {
        let object = serde_json::json!({
            "error": clean(&fail.what), "exit": fail.exit as u8,
            "hints": fail.hints.iter().map(|hint| clean(hint)).collect::<Vec<_>>(),
        });
        let _ = writeln!(std::io::stdout().lock(), "{object:#}");
    }
    fail.exit.into()
}
