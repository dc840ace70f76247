//! `rollover posture`: does a team follow the rules for its tokens?

mod fix;
mod git;
mod html;
mod look;
mod memory;
mod pages;
mod tokens;

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use domain::Act;
use domain::posture::{Evidence, Judgement, Report, Verdict, judge, sarif};
use jiff::Timestamp;
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;

/// Check whether the rules for tokens are followed; reads only, but for `--fix`
#[derive(Args, Debug)]
pub(crate) struct Posture {
    /// The repository to look at; otherwise the one that the inventory lies in
    pub(crate) repository: Option<PathBuf>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Write the report to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Put right what is safe to put right; it is shown first, and you are asked
    #[arg(long)]
    pub(crate) fix: bool,
    /// Put it right without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Read all of git's history, however much of it was not read before
    #[arg(long)]
    pub(crate) history: bool,
    /// Look for tokens of ours in the histories of your shells, too
    #[arg(long)]
    pub(crate) shell_history: bool,
    /// Ask no vendor
    #[arg(long)]
    pub(crate) offline: bool,
    /// End with code 3 where a check fails
    #[arg(long)]
    pub(crate) check: bool,
    /// Print the page of a check, or `all` for the list of them
    #[arg(long, value_name = "CHECK", exclusive = true)]
    pub(crate) explain: Option<String>,
}

/// How a report is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// One page
    Html,
}

pub(crate) async fn run(args: &Posture, global: &Global, output: Output) -> Result<Exit> {
    if let Some(check) = &args.explain {
        return pages::explain(check, output);
    }
    let home = Home::find(global)?;
    let pass = args.fix.then(|| home.allow(Act::FixPosture, None)).transpose()?;
    let root = match &args.repository {
        Some(root) => root.clone(),
        None => git::root(&home.directory).unwrap_or_else(|| home.directory.clone()),
    };
    let engine = home.looking()?;
    let mut facts = engine.posture(&home.directory, args.offline).await?;
    look::beside(&mut facts, &home, &engine)?;
    drop(engine);
    look::fill(&mut facts, &home, &root)?;
    let asked = tokens::Asked { history: args.history, shells: args.shell_history };
    tokens::fill(&mut facts, global, &root, asked, output)?;
    if let Some(pass) = &pass {
        fix::fix(args, pass, global, &home, &facts, &root, output).await?;
        look::fill(&mut facts, &home, &root)?;
    }
    let report = judge(&facts);
    let before = memory::remembered(&home, &report, Timestamp::now())?;
    let text = match args.format {
        Format::Text => told(&report, &before),
        Format::Sarif => format!("{:#}\n", sarif(&report, env!("CARGO_PKG_VERSION"))),
        Format::Html => html::page(&home.inventory.org, &report, &before),
    };
    match &args.output {
        Some(path) => fs::write(path, text)
            .map_err(|error| Fail::usage(format!("failed to write {}: {error}", path.display())))?,
        None if args.format == Format::Text => output.text(text.trim_end())?,
        None => output.file(&text)?,
    }
    output.json(&json!({
        "score": report.score, "judgements": report.judgements, "history": before,
    }))?;
    Ok(if args.check && report.score.failed > 0 { Exit::Changes } else { Exit::Ok })
}

fn told(report: &Report, before: &[memory::Remembered]) -> String {
    let score = report.score;
    let mut lines = vec![format!(
        "Score {} of 100: {} passed, {} failed, {} unknown{}",
        score.percent,
        score.passed,
        score.failed,
        score.unknown,
        memory::trend(before),
    )];
    let width = report.judgements.iter().map(|one| one.check.len()).max().unwrap_or(0);
    for one in &report.judgements {
        lines.push(format!(
            "{:<4} {:<8}  {:<width$}  {}",
            word(one.verdict),
            one.severity.to_string(),
            one.check,
            one.title
        ));
        match one.verdict {
            Verdict::Fail => {
                lines.extend(
                    one.evidence.iter().map(|evidence| format!("       {}", shown(evidence))),
                );
                lines.push(format!("       fix: {}", one.fix));
                lines.push(format!(
                    "       docs/posture/{0}.md, rollover posture --explain {0}",
                    one.check
                ));
            }
            Verdict::Unknown => lines.extend(why(one)),
            Verdict::Pass | Verdict::NotApplicable => {}
        }
    }
    lines.join("\n")
}

fn why(one: &Judgement) -> impl Iterator<Item = String> {
    one.evidence.iter().map(|evidence| format!("       {}", shown(evidence)))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "?",
        Verdict::Pass => "ok",
        Verdict::NotApplicable => "-",
    }
}

/// Where and what, in one line.
fn shown(evidence: &Evidence) -> String {
    match (&evidence.file, evidence.line) {
        (Some(file), Some(line)) => format!("{file}:{line}: {}", evidence.what),
        (Some(file), None) => format!("{file}: {}", evidence.what),
        _ => evidence.what.clone(),
    }
}
