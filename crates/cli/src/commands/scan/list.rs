//! What may stay: the allow-list and the baseline.

use std::fs;
use std::path::{Path, PathBuf};

use domain::FingerprintKey;
use jiff::Zoned;
use jiff::civil::Date;
use scan::git::Repository;
use scan::{Allow, Allowed, Finding};

use super::told::Told;
use super::{Among, Scan, means};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::output::Output;

/// The name of the list, at the root of a tree.
const NAME: &str = ".rollover-allow";

/// What may stay, and where that is said.
pub(super) struct Lists {
    path: PathBuf,
    allow: Option<Allow>,
    baseline: Option<Allow>,
    today: Date,
}

/// Why a finding does not count.
#[derive(Clone, Debug)]
pub(super) enum Stays {
    /// It is on the list.
    Allowed(Allowed),
    /// It was there before.
    Baseline,
}

impl Lists {
    /// The lists of a scan. With `--allow` and no list yet, one is begun.
    pub(super) fn open(args: &Scan, _among: &Among) -> Result<Self> {
        let path = args.allow_list.clone().unwrap_or_else(|| root(args).join(NAME));
        let baseline = match &args.baseline {
            Some(path) => read(path, true)?,
            None => None,
        };
        let mut allow = read(&path, args.allow_list.is_some() && args.allow.is_none())?;
        if allow.is_none() && (args.allow.is_some() || args.write_baseline.is_some()) {
            // Both lists of a tree have one key.
            let key = baseline.as_ref().map(Allow::key_bytes);
            allow = Some(Allow::new(key.map_or_else(new_key, Ok)?));
        }
        if let (Some(allow), Some(baseline)) = (&allow, &baseline)
            && allow.key_bytes() != baseline.key_bytes()
        {
            let what = format!("{} and the baseline have different keys", path.display());
            return Err(Fail::usage(what)
                .hint("write the baseline again: --write-baseline takes the list's key"));
        }
        Ok(Self { path, allow, baseline, today: Zoned::now().date() })
    }

    /// What the lists' fingerprints are made with.
    pub(super) fn key(&self) -> Option<FingerprintKey> {
        self.allow.as_ref().or(self.baseline.as_ref()).map(Allow::key)
    }

    /// Why a finding may stay.
    pub(super) fn stays(&self, finding: &Finding) -> Option<Stays> {
        let fingerprint = finding.allowed_as.as_ref()?;
        if let Some(allow) = &self.allow
            && let Some(entry) = allow.allows(fingerprint, self.today)
        {
            return Some(Stays::Allowed(entry.clone()));
        }
        self.baseline.as_ref()?.entry(fingerprint).map(|_| Stays::Baseline)
    }

    /// Entries of the list that allow nothing any more: their time is over, or nothing of the kind
    /// is there.
    pub(super) fn stale(&self, findings: &[Finding], whole: bool) -> Vec<String> {
        let Some(allow) = &self.allow else { return Vec::new() };
        let entries = allow.entries().filter_map(|(fingerprint, entry)| {
            let over = entry.until.is_some_and(|until| until < self.today);
            let there = findings.iter().any(|finding| finding.allowed_as == Some(*fingerprint));
            let name = format!("{} ({})", &fingerprint.hex()[..8], entry.reason);
            match (over, there) {
                (true, _) => Some(format!("{name}: its time is over")),
                (false, false) if whole => Some(format!("{name}: it is not here any more")),
                _ => None,
            }
        });
        entries.collect()
    }

    /// Puts a finding onto the list.
    pub(super) fn allow(
        &mut self,
        text: &str,
        args: &Scan,
        said: &Told,
        output: Output,
    ) -> Result<Exit> {
        let matching: Vec<&Finding> =
            said.findings().filter(|finding| means(&finding.fingerprint, text)).collect();
        let [finding] = matching.as_slice() else {
            let what = format!("`{text}` means {} of the tokens that were found", matching.len());
            return Err(Fail::usage(what).hint("give all 32 digits that the scan shows"));
        };
        let (Some(allow), Some(fingerprint)) = (&mut self.allow, finding.allowed_as) else {
            return Err(Fail::new(Exit::Failed, "there is no list to put it onto"));
        };
        let year = jiff::Span::new().years(1);
        let until = args.until.or_else(|| self.today.checked_add(year).ok());
        let reason = args.reason.as_deref().unwrap_or_default();
        if reason.trim().is_empty() {
            return Err(Fail::usage("the reason is empty"));
        }
        allow.add(fingerprint, until, reason);
        write(&self.path, allow)?;
        output.json(&serde_json::json!({
            "list": self.path, "allowed": fingerprint, "until": until.map(|day| day.to_string()),
        }))?;
        let until = until.map_or_else(String::new, |day| format!(" until {day}"));
        output.text(&format!("it may stay{until}: {}", self.path.display()))?;
        Ok(Exit::Ok)
    }
}

/// Writes what was found as a baseline.
pub(super) fn write_baseline(path: &Path, said: &Told, output: Output) -> Result<Exit> {
    let Some(mut baseline) = said.empty_list() else {
        return Err(Fail::new(Exit::Failed, "there is no key for a baseline"));
    };
    let mut count = 0;
    for finding in said.findings() {
        if let Some(fingerprint) = finding.allowed_as {
            baseline.add(fingerprint, None, "was there before");
            count += 1;
        }
    }
    write(path, &baseline)?;
    output.json(&serde_json::json!({ "baseline": path, "entries": count }))?;
    output.text(&format!("{count} tokens are left out from now on: {}", path.display()))?;
    Ok(Exit::Ok)
}

/// The root of the tree that is looked at.
fn root(args: &Scan) -> PathBuf {
    let here = args.path.clone().unwrap_or_else(|| ".".into());
    match Repository::discover(&here) {
        Ok(Repository { work_tree: Some(root), .. }) => root,
        _ if here.is_dir() => here,
        _ => ".".into(),
    }
}

fn read(path: &Path, needed: bool) -> Result<Option<Allow>> {
    match fs::read_to_string(path) {
        Ok(text) => Allow::parse(&text).map(Some).map_err(|error| {
            Fail::usage(format!("{}:{}: {}", path.display(), error.line, error.what))
                .hint("one line a token: fingerprint, last day or `-`, reason")
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !needed => Ok(None),
        Err(error) => Err(Fail::usage(format!("failed to read {}: {error}", path.display()))),
    }
}

fn write(path: &Path, list: &Allow) -> Result<()> {
    let beside = path.with_extension(format!("new.{}", std::process::id()));
    fs::write(&beside, list.text()).and_then(|()| fs::rename(&beside, path)).map_err(|error| {
        Fail::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
    })
}

fn new_key() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fail::new(Exit::Failed, format!("failed to make a key: {error}")))?;
    Ok(bytes)
}

impl Lists {
    /// A list without entries under the same key.
    pub(super) fn emptied(&self) -> Option<Allow> {
        self.allow.as_ref().or(self.baseline.as_ref()).map(|list| Allow::new(list.key_bytes()))
    }
}
