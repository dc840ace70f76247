//! `cargo xtask figures`: measures every figure that this project quotes, prints one a line, and
//! writes docs/figures.md. `--full` tries every case where the quick run takes a sample.

mod demo;
mod journal;
mod safety;
mod time;

use std::fmt::{Display, Write as _};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

type Result<T, E = String> = std::result::Result<T, E>;

/// What is measured with.
pub(crate) struct Means {
    /// The program, built for release.
    binary: PathBuf,
    /// The repository.
    root: PathBuf,
    /// Whether every case is tried.
    full: bool,
}

/// Figures that were measured in one way.
pub(crate) struct Section {
    title: &'static str,
    how: String,
    figures: Vec<Figure>,
}

struct Figure {
    name: String,
    value: String,
    unit: &'static str,
}

impl Section {
    fn new(title: &'static str, how: impl Into<String>) -> Self {
        let (how, figures) = (how.into(), Vec::new());
        Self { title, how, figures }
    }

    /// One more figure, printed at once.
    fn add(&mut self, name: impl Into<String>, value: impl Display, unit: &'static str) {
        let (name, value) = (name.into(), value.to_string());
        let unit_apart = if unit.is_empty() { "" } else { " " };
        print(&format!("{name}: {value}{unit_apart}{unit}\n"));
        self.figures.push(Figure { name, value, unit });
    }
}

/// Measures everything.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let full = match arguments {
        [] => false,
        [one] if one == "--full" => true,
        _ => return Err("usage: cargo xtask figures [--full]".into()),
    };
    let root = crate::root();
    if cfg!(debug_assertions) {
        // What is measured here runs in this process, too: the journal, the lab.
        return cargo(
            &root,
            &["run", "--release", "--quiet", "--package", "xtask", "--", "figures"],
            arguments,
        );
    }
    cargo(&root, &["build", "--release", "--quiet", "--package", "rollover"], &[])?;
    let means = Means { binary: binary(&root)?, root, full };
    let (mut sections, mut wrong) = (Vec::new(), Vec::new());
    for measure in [
        demo::measure,
        time::measure,
        journal::measure,
        safety::crashes,
        safety::faults,
        safety::leaks,
    ] {
        match measure(&means) {
            Ok(section) => sections.push(section),
            Err(why) => wrong.push(why),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n\n"));
    }
    let path = means.root.join("docs/figures.md");
    fs::write(&path, document(&sections, full))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn cargo(root: &Path, arguments: &[&str], more: &[String]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).current_dir(root).args(arguments).args(more).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo {} ended with {status}", arguments.join(" "))),
        Err(error) => Err(format!("failed to start cargo: {error}")),
    }
}

fn binary(root: &Path) -> Result<PathBuf> {
    let about = cargo_metadata::MetadataCommand::new().current_dir(root).no_deps().exec();
    let about = about.map_err(|error| format!("failed to ask cargo: {error}"))?;
    Ok(about.target_directory.join("release/rollover").into_std_path_buf())
}

fn document(sections: &[Section], full: bool) -> String {
    let mut text = String::from(
        "# Figures\n\nEverything here is measured by `cargo xtask figures`, which writes this page; nothing is written by\nhand. The vendors are the lab's, on loopback; what is said of them is read from the lab, not from\nrollover. Times depend on the machine, so those that matter are ratios to what the same machine does\nwithout rollover. ",
    );
    text.push_str(if full {
        "This is the full run (`--full`): every case was tried.\n"
    } else {
        "This is the quick run; `--full` tries every case where this one takes a sample.\n"
    });
    for section in sections {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n| figure | value |\n|---|---|\n",
            section.title, section.how
        );
        for Figure { name, value, unit } in &section.figures {
            let _ = writeln!(text, "| {name} | {} |", format!("{value} {unit}").trim_end());
        }
    }
    text
}

fn print(text: &str) {
    // A reader who goes away early misses nothing that is not written down.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
