//! `--import`: what another scanner has found, held against the inventory.

use std::fs;
use std::path::Path;

use clap::ValueEnum;
use scan::import::{self, Reported};
use scan::{Place, PlaceKind, Report, Scanned, Scanner, Sighting, findings};

use super::{Scan, Tool};
use crate::fail::{Fail, Result, chain};

/// The largest report that is read, in bytes.
const REPORT_MAX: u64 = 512 << 20;

pub(super) fn scan(import: &[String], args: &Scan, scanner: &Scanner) -> Result<Report> {
    let [tool, file] = import else { return Err(Fail::usage("--import takes a tool and a file")) };
    let tool = Tool::from_str(tool, true).map_err(|_| {
        Fail::usage(format!("`{tool}` is no tool whose reports are read"))
            .hint("gitleaks, betterleaks, kingfisher, trufflehog or sarif")
    })?;
    let fail = |why: String| Fail::usage(format!("failed to read {file}: {why}"));
    let size = fs::metadata(file).map_err(|error| fail(error.to_string()))?.len();
    if size > REPORT_MAX {
        return Err(fail("it is larger than 512 MiB".into()));
    }
    let bytes = fs::read(file).map_err(|error| fail(error.to_string()))?;
    let tool = match tool {
        Tool::Gitleaks => import::Tool::Gitleaks,
        Tool::Betterleaks => import::Tool::Betterleaks,
        Tool::Kingfisher => import::Tool::Kingfisher,
        Tool::Trufflehog => import::Tool::Trufflehog,
        Tool::Sarif => import::Tool::Sarif,
    };
    let reported = import::read(tool, &bytes).map_err(|error| fail(chain(&error)))?;
    let root = args.path.clone().unwrap_or_else(|| ".".into());
    Ok(matched(reported, &root, scanner))
}

/// Holds the entries of a report against the rules. What the report hides is looked for where it
/// says that it stands, if that is here.
pub(super) fn matched(reported: Vec<Reported>, root: &Path, scanner: &Scanner) -> Report {
    let total = reported.len();
    let (mut seen, mut hidden, mut others) = (Vec::new(), 0, 0);
    let mut scanner = scanner.clone();
    for one in reported {
        let mut found = Vec::new();
        match &one.text {
            // The rule's name stands for the vendor's, which the value alone does not have.
            Some(text) => {
                let line =
                    zeroize::Zeroizing::new(format!("{} token = {}", one.rule, text.expose()));
                scanner.document(line.as_bytes(), Some(&one.path), &mut found);
            }
            None => match on_its_line(&one, root, &mut scanner) {
                Some(sightings) => found = sightings,
                None => hidden += 1,
            },
        }
        others += u64::from(found.is_empty());
        seen.extend(found.into_iter().map(|sighting| (place(&one, &sighting), sighting)));
    }
    let scanned = Scanned { files: 1, candidates: total as u64, ..Scanned::default() };
    let mut not_scanned = Vec::new();
    if hidden > 0 {
        not_scanned.push(format!(
            "{hidden} entries whose values the report hides, and whose files are not here"
        ));
    }
    let rest = others - hidden;
    if rest > 0 {
        not_scanned.push(format!("{rest} entries of vendors that rollover cannot rotate"));
    }
    Report { findings: findings(seen), scanned, not_scanned, ..Report::default() }
}

fn place(one: &Reported, sighting: &Sighting) -> Place {
    let mut place = Place::new(PlaceKind::Reported, &one.path, sighting);
    (place.line, place.column) = (one.line, u64::from(one.line > 0));
    place.commit = one.commit.clone();
    place
}

/// What stands on the line that a report names.
fn on_its_line(one: &Reported, root: &Path, scanner: &mut Scanner) -> Option<Vec<Sighting>> {
    if one.line == 0 || one.commit.is_some() {
        return None;
    }
    let bytes = fs::read(root.join(&one.path)).ok()?;
    let mut found = Vec::new();
    scanner.document(&bytes, Some(&one.path), &mut found);
    found.retain(|sighting| sighting.line == one.line);
    (!found.is_empty()).then_some(found)
}
