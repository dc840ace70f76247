//! `cargo xtask figures`: measures every figure that this project quotes, prints one a line, and
//! writes docs/figures.md. `--full` tries every case where the quick run takes a sample. With the
//! names of sections only these are measured, and the others stay in the page as they are.

mod audit;
mod campaigns;
mod crashes;
mod demo;
mod disks;
mod doctor;
mod drift;
mod fuzz;
mod journal;
mod leaks;
mod model;
mod posture;
mod roles;
mod runbooks;
mod safety;
mod scan;
mod sealing;
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
    let full = arguments.iter().any(|argument| argument == "--full");
    let named: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|argument| *argument != "--full").collect();
    if let Some(unknown) = named.iter().find(|name| !MEASURES.iter().any(|(own, _)| own == *name)) {
        let known: Vec<&str> = MEASURES.iter().map(|(name, _)| *name).collect();
        let known = known.join(", ");
        return Err(format!("no section `{unknown}`: cargo xtask figures [--full] [{known}]"));
    }
    let root = crate::root();
    if cfg!(debug_assertions) {
        // What is measured here runs in this process, too: the journal, the lab. All is built in one
        // go, because another choice of packages would compile most libraries a second time.
        cargo(&root, &["build", "--release", "--quiet", "--workspace", "--bins"])?;
        let measures = release(&root)?.join("xtask");
        return program(Command::new(measures).arg("figures").args(arguments));
    }
    let means = Means { binary: release(&root)?.join("rollover"), root, full };
    let (mut sections, mut wrong) = (Vec::new(), Vec::new());
    for (name, measure) in MEASURES {
        if !named.is_empty() && !named.contains(name) {
            continue;
        }
        match measure(&means) {
            Ok(section) => sections.push((*name, section.text(full))),
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    let path = means.root.join("docs/figures.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, document(&sections, &before))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n\n")) }
}

type Measure = fn(&Means) -> Result<Section>;

/// Every section, in the order of the page.
const MEASURES: &[(&str, Measure)] = &[
    ("demo", demo::measure),
    ("time", time::measure),
    ("journal", journal::measure),
    ("audit", audit::measure),
    ("model", model::measure),
    ("sealing", sealing::measure),
    ("power", disks::power),
    ("disks", disks::bad),
    ("clocks", disks::clocks),
    ("matrix", crashes::matrix),
    ("doubtful", crashes::doubtful),
    ("steps", crashes::steps),
    ("faults", safety::faults),
    ("campaign", campaigns::campaign),
    ("plan", campaigns::plan),
    ("emergency", campaigns::emergency),
    ("schedule", campaigns::schedule),
    ("drift", drift::measure),
    ("doctor", doctor::measure),
    ("posture", posture::checks),
    ("usage", posture::usage),
    ("roles", roles::measure),
    ("leaks", leaks::places),
    ("started", leaks::started),
    ("memory", leaks::memory),
    ("runbooks", runbooks::measure),
    ("scan", scan::measure),
    ("fuzz", fuzz::fuzzing),
    ("addresses", fuzz::addresses),
];

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    program(Command::new(cargo).current_dir(root).args(arguments))
}

fn program(command: &mut Command) -> Result<()> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("failed to start {command:?}: {error}")),
    }
}

/// Where the programs lie that are built for release.
fn release(root: &Path) -> Result<PathBuf> {
    let about = cargo_metadata::MetadataCommand::new().current_dir(root).no_deps().exec();
    let about = about.map_err(|error| format!("failed to ask cargo: {error}"))?;
    Ok(about.target_directory.join("release").into_std_path_buf())
}

impl Section {
    /// The section as it stands in the page.
    fn text(&self, full: bool) -> String {
        let run = if full { "Full run." } else { "Quick run: a sample of what `--full` tries." };
        let mut text = format!(
            "## {}\n\n{}\n\n*{run}*\n\n| figure | value |\n|---|---|\n",
            self.title, self.how
        );
        for Figure { name, value, unit } in &self.figures {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {name} | {} |", format!("{value} {unit}").trim_end());
        }
        text
    }
}

/// The page: sections that were measured now, and those of before in the places of the others.
/// A mark in front of each says which it is.
fn document(measured: &[(&str, String)], before: &str) -> String {
    let mut text = String::from(
        "# Figures\n\nEverything here is measured by `cargo xtask figures`, which writes this page; nothing is written by\nhand. The vendors are the lab's, on loopback; what is said of them is read from the lab, not from\nrollover. Times depend on the machine, so those that matter are ratios to what the same machine does\nwithout rollover.\n",
    );
    for (name, _) in MEASURES {
        let now = measured.iter().find(|(own, _)| own == name).map(|(_, text)| text.as_str());
        if let Some(section) = now.or_else(|| kept(before, name)) {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{}\n{}\n", mark(name), section.trim_end());
        }
    }
    text
}

fn mark(name: &str) -> String {
    format!("<!-- {name} -->")
}

/// A section of the page as it was.
fn kept<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("{}\n", mark(name)))?;
    Some(rest.split_once("\n<!-- ").map_or(rest, |(section, _)| section))
}

fn print(text: &str) {
    // A reader who goes away early misses nothing that is not written down.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
