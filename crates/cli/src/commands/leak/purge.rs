//! `rollover leak purge`: takes tokens out of a repository's history by `git filter-repo`, and
//! proves place by place what became of them.
//!
//! The work is done on a fresh mirror clone; the repository itself is touched by `--push` alone.
//! What is replaced stands in one file of mode 0600, in memory where the system has a directory for
//! that, and is destroyed whichever way it ends. The proof is a scan of every object of a fresh
//! clone with all decoders, and never the word of the program that rewrote.

mod rewrite;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use domain::Act;
use domain::leak::{Case, Happened};
use scan::git::Repository;
use scan::purge::{Became, Verdict, verdicts};
use scan::{Finding, How, Place, Scanner};
use serde_json::json;

use super::{Purge, close, found, keep};
use crate::args::Global;
use crate::commands::scan::{Among, git_fail};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::gate::Pass;
use crate::home::Home;
use crate::output::Output;
use crate::programs::git;

/// What holds whatever the scan finds: nobody can look there.
const BEYOND: [&str; 4] = [
    "objects that no ref of the host leads to: they stay until the host collects them; ask its support",
    "pages, caches and pull requests of the host that show old commits: ask its support",
    "forks and other clones: each has to be cloned again; one old clone that is merged brings it back",
    "releases, build logs and artifacts that were made from the old history",
];

pub(super) async fn run(args: &Purge, global: &Global, output: Output) -> Result<Exit> {
    let among = Among::find(global, args.case.is_some())?;
    let mut case = match (&args.case, &among.home) {
        (Some(id), Some(home)) => Some(found(home, id)?),
        _ => None,
    };
    let pass = match (&case, &among.home) {
        (Some(case), Some(home)) if args.yes => Some(home.allow(Act::Purge, Some(&case.secret))?),
        _ => None,
    };
    if args.into.exists() {
        return Err(Fail::usage(format!("{} is there already", args.into.display()))
            .hint("name another directory: --into DIR"));
    }
    let scanner = scanner(args, &among, case.as_ref())?;
    let place = Private::new()?;
    output.say(&format!("cloning {}", args.repository));
    let before_dir = place.path.join("before.git");
    clone(&args.repository, &before_dir)?;
    let before = scanned(&before_dir, &scanner)?;
    let local = beside(&args.repository, &scanner)?;
    if before.is_empty() && local.is_empty() {
        output.json(&json!({ "found": 0, "purged": false }))?;
        output.text("no ref of it leads to such a token: there is nothing to purge")?;
        return Ok(Exit::Ok);
    }
    if !args.yes {
        return plan(&before, &local, args, output);
    }
    rewrite::check()?;
    // The lease is taken first: where the audit cannot be written, nothing is rewritten.
    let journal = match (&pass, &among.home) {
        (Some(pass), Some(home)) => Some(lease(home, pass)?),
        _ => None,
    };
    if let (Some(journal), Some(case), Some(home)) = (&journal, &mut case, &among.home) {
        keep(home, journal, case, Happened::Said(format!("purge of {} begun", args.repository)))
            .await?;
    }
    output.say("rewriting");
    clone(&args.repository, &args.into)?;
    rewrite::rewrite(&args.into, &before, &place.path)?;
    let own_proof = prove(&args.into, &before, &scanner, &place.path.join("after.git"))?;
    tell("in the rewritten history", &own_proof, output)?;
    let clean = own_proof.iter().all(|verdict| verdict.became == Became::Gone);
    if args.push && !clean {
        return Err(Fail::new(
            Exit::Attention,
            "the rewritten history still holds it; nothing was pushed",
        )
        .hint(format!("look at {}", args.into.display())));
    }
    let there = if args.push {
        push(args)?;
        prove_there(args, &before, &scanner, &place.path.join("there.git"))?
    } else {
        pinned(&before_dir, &before)
    };
    tell("at the repository", &there, output)?;
    let pinned = count(&there, |became| matches!(became, Became::Pinned(_)));
    let unknown = count(&there, |became| matches!(became, Became::Unknown(_)));
    if let (Some(journal), Some(case), Some(home)) = (&journal, &mut case, &among.home) {
        let place = args.repository.clone();
        keep(home, journal, case, Happened::Purged { place, pinned, unknown }).await?;
    }
    output.json(&json!({
        "found": before.len(), "purged": true, "pushed": args.push, "into": args.into,
        "rewritten": own_proof, "there": there, "local": words(&local), "beyond": BEYOND,
    }))?;
    after(args, &local, output)?;
    Ok(if pinned + unknown == 0 && clean { Exit::Ok } else { Exit::Attention })
}

fn lease(home: &Home, pass: &Pass) -> Result<journal::Journal> {
    let key = home.key()?;
    home.open_journal(pass, &key, "leak purge", false).map_err(|error| home.failed(&error))
}

fn scanner(args: &Purge, among: &Among, case: Option<&Case>) -> Result<Scanner> {
    match (case, &among.home) {
        (Some(case), Some(home)) => close::scanner(home, case),
        _ => Ok(among.scanner_of(args.others, true, None)),
    }
}

/// A mirror: every ref that the repository shows, and nothing that is only borrowed.
fn clone(from: &str, to: &Path) -> Result<()> {
    let words = ["clone", "--quiet", "--mirror", "--no-local", "--"].map(OsStr::new);
    let mut words = words.to_vec();
    words.extend([OsStr::new(from), to.as_os_str()]);
    git(Path::new("."), &words)
        .map(drop)
        .map_err(|fail| fail.hint("name it as `git clone` takes it; its login is git's own"))
}

/// What a repository's objects and names hold.
fn scanned(directory: &Path, scanner: &Scanner) -> Result<Vec<Finding>> {
    let repository =
        Repository::at(directory.to_owned(), None).map_err(|error| git_fail(&error))?;
    let report = scan::scan_history(&repository, scanner, &How::default());
    Ok(counted(report.map_err(|error| git_fail(&error))?.findings))
}

fn counted(findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().filter(Finding::counts).collect()
}

/// What lies in a repository of this machine and in no clone of it: the index, reflogs, what nothing
/// leads to, settings, hooks.
fn beside(from: &str, scanner: &Scanner) -> Result<Vec<Finding>> {
    let path = Path::new(from);
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let repository = Repository::discover(path).map_err(|error| git_fail(&error))?;
    let report = scan::scan_history(&repository, scanner, &How::default());
    Ok(counted(report.map_err(|error| git_fail(&error))?.findings))
}

fn places(findings: &[Finding]) -> Vec<Place> {
    findings.iter().flat_map(|finding| finding.places.iter().cloned()).collect()
}

fn words(findings: &[Finding]) -> Vec<String> {
    let mut words: Vec<String> = places(findings).iter().map(Place::to_string).collect();
    words.sort();
    words.dedup();
    words
}

fn plan(before: &[Finding], local: &[Finding], args: &Purge, output: Output) -> Result<Exit> {
    let (clone, here) = (words(before), words(local));
    output.json(&json!({
        "found": before.len(), "purged": false, "places": clone, "local": here, "beyond": BEYOND,
    }))?;
    output.text(&format!("{} tokens in {} places of every clone:", before.len(), clone.len()))?;
    clone.iter().try_for_each(|place| output.text(&format!("    {place}")))?;
    if !here.is_empty() {
        output.text("in this copy, with what no clone gets:")?;
        here.iter().try_for_each(|place| output.text(&format!("    {place}")))?;
    }
    output.say("a purge revokes nothing: do that first (rollover leak respond)");
    output.say("every commit from the first of these on gets another id, signatures are lost, notes and replacements are dropped, open pull requests break");
    output.say(&format!("rewrite it: rollover leak purge {} --yes", args.repository));
    Ok(Exit::Waiting)
}

/// Scans a fresh clone of a rewritten repository.
fn prove(
    rewritten: &Path,
    before: &[Finding],
    scanner: &Scanner,
    fresh: &Path,
) -> Result<Vec<Verdict>> {
    clone(&rewritten.to_string_lossy(), fresh)?;
    let after = scanned(fresh, scanner)?;
    Ok(verdicts(&places(before), &places(&after), |id| holder(fresh, id)))
}

/// The same at the place that was pushed to.
fn prove_there(
    args: &Purge,
    before: &[Finding],
    scanner: &Scanner,
    fresh: &Path,
) -> Result<Vec<Verdict>> {
    clone(&args.repository, fresh)?;
    let after = scanned(fresh, scanner)?;
    Ok(verdicts(&places(before), &places(&after), |id| holder(fresh, id)))
}

/// Nothing was pushed: every place is held by whatever held it.
fn pinned(before_dir: &Path, before: &[Finding]) -> Vec<Verdict> {
    let all = places(before);
    verdicts(&all, &all, |id| holder(before_dir, id))
}

/// A ref that leads to a commit or an object.
fn holder(directory: &Path, id: &str) -> Option<String> {
    for by in ["--contains", "--points-at"] {
        let words = ["for-each-ref", "--count=1", "--format=%(refname)", by, id].map(OsStr::new);
        if let Ok(names) = git(directory, &words)
            && let Some(name) = names.lines().next()
        {
            return Some(name.to_owned());
        }
    }
    None
}

fn push(args: &Purge) -> Result<()> {
    let to = std::fs::canonicalize(&args.repository)
        .map_or_else(|_| args.repository.clone(), |path| path.to_string_lossy().into_owned());
    let words = ["push", "--quiet", "--mirror", "--force", "--", &to].map(OsStr::new);
    git(&args.into, &words).map(drop).map_err(|fail| {
        fail.hint("hosts refuse some refs (refs/pull) and protected branches; what was refused still holds it")
    })
}

fn count(all: &[Verdict], of: impl Fn(&Became) -> bool) -> u64 {
    all.iter().filter(|verdict| of(&verdict.became)).count() as u64
}

fn tell(head: &str, all: &[Verdict], output: Output) -> Result<()> {
    output.text(&format!("{head}:"))?;
    for verdict in all {
        let became = match &verdict.became {
            Became::Gone => "gone".to_owned(),
            Became::Pinned(name) => format!("PINNED by {name}"),
            Became::Unknown(why) => format!("UNKNOWN, {why}"),
        };
        output.text(&format!("    {became}: {}", verdict.place))?;
    }
    Ok(())
}

/// What others have to do.
fn after(args: &Purge, local: &[Finding], output: Output) -> Result<()> {
    if !args.push {
        output.text(&format!(
            "the rewritten repository is {}; nothing was pushed. Look at it, then: git -C {} push --mirror --force {}",
            args.into.display(),
            args.into.display(),
            args.repository
        ))?;
    }
    if !local.is_empty() {
        output.text("this copy still holds it (index, reflogs, objects that nothing leads to): move it away and clone again")?;
    }
    output.text("nobody can look at these from here:")?;
    BEYOND.iter().try_for_each(|one| output.text(&format!("    {one}")))
}

/// A directory for its owner alone, in memory where the system has one, gone in the end.
struct Private {
    path: PathBuf,
}

impl Private {
    fn new() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let memory =
            std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_dir());
        let mut bytes = [0_u8; 8];
        getrandom::fill(&mut bytes)
            .map_err(|error| Fail::new(Exit::Failed, format!("failed to make a name: {error}")))?;
        let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = memory.unwrap_or_else(std::env::temp_dir).join(format!("rollover-purge-{name}"));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Fail::new(Exit::Failed, format!("failed to make {}: {error}", path.display()))
        })?;
        Ok(Self { path })
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // What cannot be removed lies where only its owner can read it.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
