//! `rollover scan`: tokens where they should not be.

mod alerts;
mod among;
mod imported;
mod list;
mod ours;
mod told;
mod verify;

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use domain::Fingerprint;
use jiff::civil::Date;
use scan::git::{Objects, Repository, resolve, unread_bytes};
use scan::{Finding, How, Remembered, Report};

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::output::Output;

pub(crate) use among::Among;
pub(crate) use told::whose;

/// Look for tokens in files, in git's history, in what is staged, in standard input
#[derive(Args, Debug, Default)]
pub(crate) struct Scan {
    /// A directory, a file or a repository; the directory here without one
    pub(crate) path: Option<PathBuf>,
    /// What the next commit would bring
    #[arg(long, group = "what")]
    pub(crate) staged: bool,
    /// Every object of the git repository, reachable or not, and everything beside the objects
    #[arg(long, group = "what")]
    pub(crate) history: bool,
    /// What the commits since this one have brought
    #[arg(long, group = "what", value_name = "REV")]
    pub(crate) since: Option<String>,
    /// Standard input, such as a log
    #[arg(long, group = "what")]
    pub(crate) stdin: bool,
    /// What a push to this remote would bring; reads what git tells a pre-push hook
    #[arg(long, group = "what", value_name = "REMOTE")]
    pub(crate) pre_push: Option<String>,
    /// What a push brings here; reads what git tells a pre-receive hook
    #[arg(long, group = "what")]
    pub(crate) pre_receive: bool,
    /// The report of another scanner
    #[arg(long, group = "what", value_names = ["TOOL", "FILE"], num_args = 2)]
    pub(crate) import: Option<Vec<String>>,
    /// The open secret-scanning alerts of this repository at GitHub, `owner/name`
    #[arg(long, group = "what", value_name = "REPOSITORY")]
    pub(crate) github: Option<String>,
    /// Which connection of the inventory leads to GitHub
    #[arg(long, requires = "github", value_name = "CONNECTION", default_value = "github")]
    pub(crate) via: String,
    /// Resolve the alerts of tokens that are proven dead as revoked
    #[arg(long, requires = "github")]
    pub(crate) resolve: bool,
    /// Ask the issuers whether what is not ours is alive; sends each candidate to its issuer
    #[arg(long)]
    pub(crate) verify: bool,
    /// Look into the stores and consumers first, so that tokens that were never rotated are known
    #[arg(long)]
    pub(crate) learn: bool,
    /// Only what may be a token of ours
    #[arg(long)]
    pub(crate) ours: bool,
    /// Show what is hardly a token, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Leave out files that git ignores
    #[arg(long)]
    pub(crate) tracked: bool,
    /// Read every pack again, also those in which nothing was the last time
    #[arg(long)]
    pub(crate) fresh: bool,
    /// How many threads; as many as there are cores without it
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Print SARIF 2.1.0
    #[arg(long, conflicts_with = "json")]
    pub(crate) sarif: bool,
    /// The list of what may stay; `.rollover-allow` at the root of the tree without it
    #[arg(long, value_name = "FILE")]
    pub(crate) allow_list: Option<PathBuf>,
    /// Put the token with this fingerprint onto the list of what may stay
    #[arg(long, value_name = "FINGERPRINT", requires = "reason")]
    pub(crate) allow: Option<String>,
    /// Why it may stay
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// The last day on which it may stay; a year from now without it
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<Date>,
    /// Only what is not in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write everything that is found into this file, to be left out from now on
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub(crate) write_baseline: Option<PathBuf>,
}

/// Whose report is read
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    /// gitleaks, `-f json`
    Gitleaks,
    /// betterleaks, `-f json`
    Betterleaks,
    /// kingfisher, `--format json` or `jsonl`
    Kingfisher,
    /// trufflehog, `--json`
    Trufflehog,
    /// SARIF 2.1.0 of whomever
    Sarif,
}

pub(crate) async fn run(args: &Scan, global: &Global, output: Output) -> Result<Exit> {
    let among = Among::find(global, args.verify || args.learn || args.github.is_some())?;
    if args.learn {
        among.learn(output).await?;
    }
    let mut lists = list::Lists::open(args, &among)?;
    let scanner = among.scanner(args, lists.key())?;
    let mut report = match (&args.import, &args.github) {
        (Some(import), _) => imported::scan(import, args, &scanner)?,
        (None, Some(repository)) => {
            alerts::scan(repository, args, &among, &scanner, output).await?
        }
        (None, None) => look(args, &among, &scanner, output)?,
    };
    among.check()?;
    report.not_scanned.splice(0..0, among.not_known());
    let mut said = told::Told::new(report, &among, &lists, args)?;
    if args.verify {
        verify::verify(&mut said, &among, output).await?;
    }
    if let Some(fingerprint) = &args.allow {
        return lists.allow(fingerprint, args, &said, output);
    }
    if let Some(path) = &args.write_baseline {
        return list::write_baseline(path, &said, output);
    }
    if args.resolve
        && let Some(repository) = &args.github
    {
        alerts::resolve(repository, args, &among, &said, output).await?;
    }
    said.print(args, output)?;
    Ok(if said.counted() > 0 { Exit::Found } else { Exit::Ok })
}

/// What is found and counts and may not stay, and what was not looked at: for whoever judges it.
pub(crate) fn counted(
    args: &Scan,
    among: &Among,
    output: Output,
) -> Result<(Vec<Finding>, Vec<String>)> {
    let lists = list::Lists::open(args, among)?;
    let scanner = among.scanner(args, lists.key())?;
    let mut report = look(args, among, &scanner, output)?;
    among.check()?;
    report.not_scanned.splice(0..0, among.not_known());
    report.findings.retain(|found| found.counts() && lists.stays(found).is_none());
    Ok((report.findings, report.not_scanned))
}

/// How many bytes a look at the history would have to read: what was read before and held nothing
/// is remembered. `None` where there is no history.
pub(crate) fn history_bytes(args: &Scan, among: &Among) -> Option<u64> {
    let here = args.path.clone().unwrap_or_else(|| ".".into());
    let repository = Repository::discover(&here).ok()?;
    let remembered = among.remembered(&repository, args).ok().flatten();
    Some(unread_bytes(&repository, &remembered.map(|one| one.packs).unwrap_or_default()))
}

/// Looks at what the command line names.
fn look(args: &Scan, among: &Among, scanner: &scan::Scanner, output: Output) -> Result<Report> {
    let here = args.path.clone().unwrap_or_else(|| ".".into());
    if args.stdin {
        return scan::scan_stream(standard_input()?, "standard input", scanner)
            .map_err(|error| Fail::usage(format!("failed to read standard input: {error}")));
    }
    if args.staged {
        let index = std::env::var_os("GIT_INDEX_FILE").map(PathBuf::from);
        let report = scan::scan_staged(&repository(&here)?, index.as_deref(), scanner);
        return report.map_err(|error| git_fail(&error));
    }
    if let Some(revision) = &args.since {
        let repository = repository(&here)?;
        let objects = Objects::open(&repository).map_err(|error| git_fail(&error))?;
        let named =
            |text: &str| resolve(&repository, &objects, text).map_err(|error| git_fail(&error));
        let (tip, from) = (named("HEAD")?, named(revision)?);
        return scan::scan_range(&repository, &[tip], &[from], scanner)
            .map_err(|error| git_fail(&error));
    }
    if let Some(remote) = &args.pre_push {
        return pushed(&repository(&here)?, Some(remote), scanner);
    }
    if args.pre_receive {
        let repository = repository(&here)?;
        let repository = repository.with_objects(quarantine()).map_err(|error| git_fail(&error))?;
        return pushed(&repository, None, scanner);
    }
    if args.history {
        return history(&here, args, among, scanner, output);
    }
    if !here.exists() {
        return Err(Fail::usage(format!("there is no {}", here.display())));
    }
    let threads = args.threads.unwrap_or(0);
    Ok(scan::scan_tree(&here, scanner, args.tracked, threads))
}

fn history(
    here: &Path,
    args: &Scan,
    among: &Among,
    scanner: &scan::Scanner,
    output: Output,
) -> Result<Report> {
    let repository = repository(here)?;
    let mut remembered = among.remembered(&repository, args)?;
    let packs = match &remembered {
        Some(remembered) if !args.fresh => remembered.packs.clone(),
        _ => std::collections::BTreeSet::new(),
    };
    let how = How { remembered: packs, threads: args.threads };
    let report =
        scan::scan_history(&repository, scanner, &how).map_err(|error| git_fail(&error))?;
    let kept = remembered
        .as_mut()
        .map(|remembered: &mut Remembered| remembered.keep(report.clean_packs.clone()));
    if let Some(Err(error)) = kept {
        output.say(&format!("what was read is not remembered, and will be read again: {error}"));
    }
    Ok(report)
}

/// What a push brings: what git tells its hooks on standard input.
fn pushed(
    repository: &Repository,
    remote: Option<&str>,
    scanner: &scan::Scanner,
) -> Result<Report> {
    let mut text = String::new();
    standard_input()?
        .take(64 << 20)
        .read_to_string(&mut text)
        .map_err(|error| Fail::usage(format!("failed to read standard input: {error}")))?;
    let (new, old) = scan::hook::pushed(&text);
    let ids = |texts: &[String]| -> Vec<scan::git::ObjectId> {
        texts
            .iter()
            .filter_map(|text| scan::git::ObjectId::from_hex(text.as_bytes()).ok())
            .collect()
    };
    let mut hidden = ids(&old);
    // What the other side has already: its branches as far as they are known here, or all that
    // is here where this is the other side.
    let theirs = remote.map(|remote| format!("refs/remotes/{remote}/"));
    hidden.extend(scan::git::refs(repository).into_iter().filter_map(|one| {
        let known = match &theirs {
            Some(prefix) => one.name.starts_with(prefix),
            None => one.name.starts_with("refs/"),
        };
        known.then_some(one.id)
    }));
    scan::scan_range(repository, &ids(&new), &hidden, scanner).map_err(|error| git_fail(&error))
}

/// Where git puts what a push brings until its hooks have agreed.
fn quarantine() -> Vec<PathBuf> {
    let own = std::env::var_os("GIT_OBJECT_DIRECTORY").map(PathBuf::from);
    let others = std::env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
    own.into_iter().chain(std::env::split_paths(&others).filter(|path| path.is_dir())).collect()
}

pub(crate) fn repository(here: &Path) -> Result<Repository> {
    Repository::discover(here).map_err(|error| git_fail(&error))
}

pub(crate) fn git_fail(error: &scan::git::GitError) -> Fail {
    Fail::usage(crate::fail::chain(error)).hint(error.hint())
}

/// Standard input, past the library's buffer of it, which nobody can wipe.
fn standard_input() -> Result<std::fs::File> {
    let input = io::stdin().as_fd().try_clone_to_owned();
    input
        .map(std::fs::File::from)
        .map_err(|error| Fail::usage(format!("failed to read standard input: {error}")))
}

/// The finding that a fingerprint means, whole or as its first digits.
pub(crate) fn means(fingerprint: &Fingerprint, text: &str) -> bool {
    let text: String = text.chars().filter(|c| *c != '-').collect();
    text.len() >= 8 && fingerprint.hex().starts_with(&text.to_ascii_lowercase())
}
