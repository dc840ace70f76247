//! Tokens in the working tree, in the history and in shells, as `rollover scan` finds them.

use std::fs;
use std::path::{Path, PathBuf};

use domain::posture::{Facts, Looked, Spot};
use scan::{Finding, GIT_APART, Place, PlaceKind, What};
use zeroize::Zeroizing;

use crate::args::Global;
use crate::commands::scan::{Among, Scan, counted, history_bytes, whose};
use crate::fail::Result;
use crate::output::Output;

/// A history of which no more than this is unread is looked at without being asked for.
const HISTORY_BYTES_MAX: u64 = 16 << 20;
/// So many places of one token are told.
const PLACES_MAX: usize = 5;
/// The longest history of a shell that is read.
const SHELL_BYTES_MAX: u64 = 16 << 20;
/// Histories of shells and interpreters, from the home directory.
const SHELLS: [&str; 6] = [
    ".bash_history",
    ".zsh_history",
    ".local/share/fish/fish_history",
    ".python_history",
    ".node_repl_history",
    ".psql_history",
];

/// Where tokens are looked for beside the working tree, if somebody asks for it.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) history: bool,
    pub(super) shells: bool,
}

/// Fills in where tokens stand that should not.
pub(super) fn fill(
    facts: &mut Facts,
    global: &Global,
    root: &Path,
    asked: Asked,
    output: Output,
) -> Result<()> {
    let among = Among::find(global, false)?;
    let tree = Scan { path: Some(root.to_owned()), tracked: true, ..Scan::default() };
    facts.in_tree = looked(&among, counted(&tree, &among, output)?, |place| {
        // A consumer's own file is where its token belongs.
        !place.path.ends_with(".env")
    })?;
    let past = Scan { path: Some(root.to_owned()), history: true, ..Scan::default() };
    facts.in_history = match history_bytes(&past, &among) {
        None => Looked::Not("this is no git repository".into()),
        Some(bytes) if !asked.history && bytes > HISTORY_BYTES_MAX => {
            let size = bytes >> 20;
            Looked::Not(format!("{size} MiB of it were not read before; --history reads them"))
        }
        // What is staged stands in the working tree.
        Some(_) => looked(&among, counted(&past, &among, output)?, |place| {
            place.kind != PlaceKind::Staged
        })?,
    };
    facts.in_shell = match asked.shells {
        true => Looked::Seen(in_shells(&among)?),
        false => Looked::Not("not asked for: --shell-history".into()),
    };
    Ok(())
}

/// The places of what was found that `counts` leaves; where nothing was found, whether everything
/// was looked at.
fn looked(
    among: &Among,
    (found, not_scanned): (Vec<Finding>, Vec<String>),
    counts: impl Fn(&Place) -> bool,
) -> Result<Looked<Vec<Spot>>> {
    let mut spots = Vec::new();
    for finding in &found {
        let what = whose(finding, &among.rows(&finding.fingerprint)?);
        let places = finding.places.iter().filter(|place| counts(place)).take(PLACES_MAX);
        spots.extend(places.map(|place| spot(place, &what)));
    }
    let not_scanned: Vec<String> =
        not_scanned.into_iter().filter(|what| what != GIT_APART).collect();
    Ok(match (spots.as_slice(), not_scanned.as_slice()) {
        ([], [_, ..]) => {
            Looked::Not(format!("nothing was found, and not looked at: {}", not_scanned.join("; ")))
        }
        _ => Looked::Seen(spots),
    })
}

/// A place with what stands there. Of a place that is no file in the tree, its own words say more.
fn spot(place: &Place, what: &str) -> Spot {
    match place.kind {
        PlaceKind::File => Spot {
            file: place.path.clone(),
            line: usize::try_from(place.line).unwrap_or(0),
            what: what.to_owned(),
        },
        _ => Spot { file: place.to_string(), line: 0, what: what.to_owned() },
    }
}

/// Tokens of ours in the histories of shells; others' are not asked about.
fn in_shells(among: &Among) -> Result<Vec<Spot>> {
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else { return Ok(Vec::new()) };
    let mut scanner = among.scanner_of(false, false, None);
    let mut spots = Vec::new();
    for name in SHELLS {
        let path = home.join(name);
        let small = fs::metadata(&path).is_ok_and(|about| about.len() <= SHELL_BYTES_MAX);
        let Some(bytes) = small.then(|| fs::read(&path).ok()).flatten().map(Zeroizing::new) else {
            continue;
        };
        let mut seen = Vec::new();
        scanner.document(&bytes, None, &mut seen);
        let found = scan::findings(
            seen.into_iter().map(|one| (Place::new(PlaceKind::File, name, &one), one)),
        );
        for finding in found.iter().filter(|finding| finding.what == What::Ours) {
            let what = whose(finding, &among.rows(&finding.fingerprint)?);
            spots.extend(finding.places.iter().map(|place| spot(place, &what)));
        }
    }
    among.check()?;
    Ok(spots)
}
