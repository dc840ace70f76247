//! What is found and what is not.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use connectors::ALL_PROFILES;
use domain::FingerprintKey;
use e2e::corpus::{self, Sample, Score};
use e2e::hiding::{self, Hidden};
use scan::git::Repository;
use scan::{How, Known, Limits, Nothing, Rules, Scanner, scan_history};

use super::super::{Means, Result, Section};
use super::children::{self, peer};
use super::text;

fn key() -> FingerprintKey {
    FingerprintKey::new([7; 32])
}

fn scanner(known: Arc<dyn Known>, strangers: bool) -> Scanner {
    Scanner::new(Arc::new(Rules {
        profiles: ALL_PROFILES,
        key: key(),
        allow_key: None,
        known,
        strangers,
        keep_values: true,
        limits: Limits::default(),
    }))
}

fn knowing<'a>(tokens: impl Iterator<Item = &'a String>) -> Arc<dyn Known> {
    let mut maker = key().maker();
    Arc::new(tokens.map(|token| maker.of(token.as_bytes())).collect::<HashSet<_>>())
}

/// Every hiding place.
pub(super) fn places(place: &Path, section: &mut Section) -> Result<()> {
    let home = place.join("hiding");
    fs::create_dir_all(&home).map_err(text)?;
    let hidden = hiding::build(&home)?;
    let repository = Repository::discover(&home.join("repository")).map_err(text)?;
    let known = knowing(hidden.iter().map(|one| &one.token));
    let report =
        scan_history(&repository, &scanner(known, false), &How::default()).map_err(text)?;
    let values = report.findings.iter().filter_map(|finding| finding.value.as_ref());
    let found: BTreeSet<String> = values.map(|value| value.expose().to_owned()).collect();
    let missed: Vec<&str> =
        hidden.iter().filter(|one| !found.contains(&one.token)).map(|one| one.place).collect();
    section.add("hiding places in one repository", hidden.len(), "");
    section.add("hiding places found by rollover", hidden.len() - missed.len(), "");
    others(&home, &hidden, section)?;
    if missed.is_empty() { Ok(()) } else { Err(format!("not found: {}", missed.join(", "))) }
}

/// What others find of the same places: how many of the tokens are anywhere in their reports.
fn others(home: &Path, hidden: &[Hidden], section: &mut Section) -> Result<()> {
    let root = home.join("repository");
    for (name, arguments) in children::PEERS {
        let Some(program) = peer(name) else { continue };
        let report = home.join(format!("{name}.json"));
        let mut command = Command::new(program);
        command.current_dir(&root).args(*arguments);
        children::run(&mut command, Some(&report))?;
        let said = fs::read_to_string(&report).map_err(text)?;
        let found = hidden.iter().filter(|one| said.contains(&one.token)).count();
        section.add(format!("hiding places found by {name}"), found, "");
    }
    Ok(())
}

/// The labelled corpus.
pub(super) fn corpus(means: &Means, section: &mut Section) -> Result<()> {
    let times = if means.full { 40 } else { 8 };
    let mut wrong = Vec::new();
    for (part, samples) in
        [("tuning", corpus::tuning(times)), ("held out", corpus::held_out(times))]
    {
        let known = scored(&samples, true);
        section.add(format!("corpus, {part}: tokens"), known.tokens, "");
        section.add(format!("corpus, {part}: what only looks like one"), known.others, "");
        section.add(format!("corpus, {part}: found of our own"), known.found, "");
        section.add(format!("corpus, {part}: wrongly called our own"), known.wrong, "");
        if known.found != known.tokens || known.wrong != 0 {
            wrong.extend(known.told);
        }
        let score = scored(&samples, false);
        section.add(
            format!("corpus, {part}: recall of somebody's"),
            format!("{:.1}", score.recall()),
            "%",
        );
        section.add(
            format!("corpus, {part}: precision of somebody's"),
            format!("{:.1}", score.precision()),
            "%",
        );
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn scored(samples: &[Sample], known: bool) -> Score {
    let ours: Arc<dyn Known> = match known {
        true => knowing(samples.iter().flat_map(|sample| &sample.tokens)),
        false => Arc::new(Nothing),
    };
    corpus::score(samples, scanner(ours, true), known)
}
