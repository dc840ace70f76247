//! Upkeep that is no part of the product: `cargo xtask tidy`, `figures`, `fuzz` and `picture`.

mod figures;
mod fuzz;
mod picture;
mod tidy;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  tidy      check what no compiler checks: layers, documents, house rules
  figures   measure, and write docs/figures.md
  fuzz      look for inputs that break a reader: fuzz [SECONDS] [TARGET]...
  picture   draw a demo's transcript from standard input as an SVG to standard output
";

fn main() -> ExitCode {
    // The process whose power is cut is this program again; see `figures/disks.rs`.
    match e2e::appends::live_if_asked() {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => {
            said(&format!("xtask: {error}\n"));
            return ExitCode::FAILURE;
        }
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("tidy") => tidy(),
        Some("figures") => figures::run(&arguments[1..]),
        Some("fuzz") => fuzz::run(&arguments[1..]),
        Some("picture") => draw(),
        _ => {
            said(USAGE);
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            said(&format!("xtask: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn tidy() -> Result<(), String> {
    let problems = tidy::check(&root()).map_err(|error| error.to_string())?;
    for problem in &problems {
        said(&format!("{problem}\n"));
    }
    match problems.len() {
        0 => {
            said("tidy\n");
            Ok(())
        }
        count => Err(format!("{count} things are not tidy")),
    }
}

fn draw() -> Result<(), String> {
    let mut transcript = String::new();
    io::stdin()
        .read_to_string(&mut transcript)
        .map_err(|error| format!("failed to read standard input: {error}"))?;
    io::stdout()
        .write_all(picture::svg(&transcript).as_bytes())
        .map_err(|error| format!("failed to write: {error}"))
}

/// The repository: the directory above this crate.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn said(text: &str) {
    // Nobody is there to be told when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}
