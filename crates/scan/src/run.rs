//! A whole scan: of a tree, of what is staged, of a history, of a range, of a stream.

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use gix_hash::ObjectId;
use gix_object::Kind;
use serde::Serialize;

use crate::finding::{Finding, Place, PlaceKind, findings};
use crate::git::{
    Attribution, GitError, InObject, Objects, Repository, every_object, meta, range, refs, staged,
};
use crate::{Scanner, Sighting, stream, tree};

/// What was found, what was looked at, and what was not.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was found, ours first.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub scanned: Scanned,
    /// What was not, in words.
    pub not_scanned: Vec<String>,
    /// The packs in which nothing was seen.
    pub clean_packs: BTreeSet<String>,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Scanned {
    /// Files of a tree.
    pub files: u64,
    /// Objects of a repository.
    pub objects: u64,
    /// Packs that were read.
    pub packs: u64,
    /// Packs in which nothing was seen the last time, and which were not read again.
    pub packs_remembered: u64,
    /// Commits of a range.
    pub commits: u64,
    /// Files of `.git` that are no objects.
    pub git_files: u64,
    /// Bytes, with what came out of encodings.
    pub bytes: u64,
    /// Values of a token's form.
    pub candidates: u64,
}

/// How a history is read.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// Packs in which nothing was seen before.
    pub remembered: BTreeSet<String>,
    /// How many threads; as many as there are cores without it.
    pub threads: Option<usize>,
}

/// What a look at a tree leaves out where it is a repository's.
pub const GIT_APART: &str = "what git keeps in .git: --history looks there";

/// Every file under a path.
#[must_use]
pub fn scan_tree(root: &Path, scanner: &Scanner, tracked_only: bool, threads: usize) -> Report {
    let tree = tree(root, scanner, tracked_only, threads);
    let named = |path: &Path| {
        path.strip_prefix(root).ok().filter(|path| *path != Path::new("")).map_or_else(
            || path.to_string_lossy().into_owned(),
            |path| path.to_string_lossy().into_owned(),
        )
    };
    let seen = tree.seen.into_iter().map(|(path, name, sighting)| {
        let kind = if name { PlaceKind::Name } else { PlaceKind::File };
        (Place::new(kind, named(&path), &sighting), sighting)
    });
    let scanned = Scanned { files: tree.files, ..Scanned::default() };
    let mut not_scanned = several(&tree.unread, "could not be read");
    if root.join(".git").exists() {
        not_scanned.push(GIT_APART.into());
    }
    done(findings(seen), scanned, not_scanned, scanner)
}

/// What comes from somewhere, such as standard input.
///
/// # Errors
/// It cannot be read.
pub fn scan_stream(from: impl Read, name: &str, scanner: &Scanner) -> std::io::Result<Report> {
    let mut found = Vec::new();
    stream(from, None, &mut scanner.clone(), &mut found)?;
    let seen = found.into_iter().map(|one| (Place::new(PlaceKind::Input, name, &one), one));
    Ok(done(findings(seen), Scanned::default(), Vec::new(), scanner))
}

/// What the next commit would bring; `index` is another index than the repository's own.
///
/// # Errors
/// The repository cannot be read.
pub fn scan_staged(
    repository: &Repository,
    index: Option<&Path>,
    scanner: &Scanner,
) -> Result<Report, GitError> {
    let objects = Objects::open(repository)?;
    let changed = staged(repository, &objects, index)?;
    let mut scanner = scanner.clone();
    let (mut seen, mut missing, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
    let mut scanned = Scanned { files: changed.len() as u64, ..Scanned::default() };
    for (path, id) in changed {
        let mut found = Vec::new();
        scanner.names(path.as_bytes(), &mut found);
        seen.extend(found.drain(..).map(|one| (Place::new(PlaceKind::Name, &path, &one), one)));
        let Some((_, bytes)) = objects.find(&id, &mut buffer) else {
            missing.push(format!("{path}: its object {id} is not here"));
            continue;
        };
        scanned.objects += 1;
        scanner.document(bytes, Some(&path), &mut found);
        seen.extend(found.drain(..).map(|one| {
            let mut place = Place::new(PlaceKind::Staged, &path, &one);
            place.object = Some(id.to_string());
            (place, one)
        }));
    }
    Ok(done(findings(seen), scanned, several(&missing, "could not be read"), &scanner))
}

/// What commits bring that are reached from some and not from others.
///
/// # Errors
/// The repository cannot be read.
pub fn scan_range(
    repository: &Repository,
    tips: &[ObjectId],
    hidden: &[ObjectId],
    scanner: &Scanner,
) -> Result<Report, GitError> {
    let objects = Objects::open(repository)?;
    let brought = range(&objects, tips, hidden);
    let mut scanner = scanner.clone();
    let (mut seen, mut missing, mut buffer) = (Vec::new(), brought.missing, Vec::new());
    let mut found = Vec::new();
    for id in &brought.commits {
        let Some((_, bytes)) = objects.find(id, &mut buffer) else { continue };
        scanner.document(bytes, None, &mut found);
        seen.extend(found.drain(..).map(|one| (text_of(PlaceKind::Commit, id, &one), one)));
    }
    // A tag's own text is brought by the tag.
    for id in tips {
        if let Some((Kind::Tag, bytes)) = objects.find(id, &mut buffer) {
            scanner.document(bytes, None, &mut found);
            seen.extend(found.drain(..).map(|one| (text_of(PlaceKind::Tag, id, &one), one)));
        }
    }
    for (commit, path, id) in &brought.files {
        scanner.names(path.as_bytes(), &mut found);
        let place = |kind, one: &Sighting| {
            let mut place = Place::new(kind, path, one);
            (place.commit, place.object) = (Some(commit.to_string()), Some(id.to_string()));
            place
        };
        seen.extend(found.drain(..).map(|one| (place(PlaceKind::Name, &one), one)));
        let Some((_, bytes)) = objects.find(id, &mut buffer) else {
            missing += 1;
            continue;
        };
        scanner.document(bytes, Some(path), &mut found);
        seen.extend(found.drain(..).map(|one| (place(PlaceKind::Committed, &one), one)));
    }
    let scanned = Scanned {
        commits: brought.commits.len() as u64,
        objects: (brought.commits.len() + brought.files.len()) as u64,
        ..Scanned::default()
    };
    let mut not_scanned = cut(repository);
    if missing > 0 {
        not_scanned.push(format!("{missing} objects that are not here"));
    }
    Ok(done(findings(seen), scanned, not_scanned, &scanner))
}

/// Everything that lies in a repository, and in those of its submodules.
///
/// # Errors
/// The repository cannot be read.
pub fn scan_history(
    repository: &Repository,
    scanner: &Scanner,
    how: &How,
) -> Result<Report, GitError> {
    let mut seen = Vec::new();
    let mut scanned = Scanned::default();
    let (mut not_scanned, mut clean_packs) = (Vec::new(), BTreeSet::new());
    let mut repositories = vec![repository.clone()];
    let mut met: HashSet<PathBuf> = HashSet::new();
    while let Some(repository) = repositories.pop() {
        if !met.insert(repository.git_dir.clone()) {
            continue;
        }
        let (in_objects, packs) = every_object(&repository, scanner, &how.remembered, how.threads)?;
        scanned.objects += packs.objects;
        scanned.packs += packs.packs;
        scanned.packs_remembered += packs.remembered;
        not_scanned.extend(several(&packs.unread, "could not be read"));
        if packs.too_large > 0 {
            not_scanned.push(format!("{} objects larger than 1 GiB", packs.too_large));
        }
        not_scanned.extend(cut(&repository));
        seen.extend(placed(&repository, in_objects, &packs.commits)?);
        clean_packs.extend(packs.clean);
        let meta = meta(&repository, scanner);
        scanned.git_files += meta.files;
        not_scanned.extend(several(&meta.unread, "could not be read"));
        let root = repository.git_dir.clone();
        seen.extend(meta.seen.into_iter().map(|one| {
            let path = one.path.strip_prefix(&root).unwrap_or(&one.path);
            let kind = if one.named { PlaceKind::GitName } else { PlaceKind::GitFile };
            (Place::new(kind, format!(".git/{}", path.display()), &one.sighting), one.sighting)
        }));
        repositories
            .extend(meta.inner.into_iter().filter_map(|path| Repository::at(path, None).ok()));
    }
    let mut report = done(findings(seen), scanned, not_scanned, scanner);
    report.clean_packs = clean_packs;
    Ok(report)
}

/// Where what was seen in objects belongs.
fn placed(
    repository: &Repository,
    seen: Vec<InObject>,
    commits: &[(i64, ObjectId, ObjectId)],
) -> Result<Vec<(Place, Sighting)>, GitError> {
    if seen.is_empty() {
        return Ok(Vec::new());
    }
    let objects = Objects::open(repository)?;
    let wanted: HashSet<ObjectId> = seen.iter().map(|one| one.id).collect();
    let refs = refs(repository);
    let known = Attribution::of(&wanted, commits, repository, &objects, &refs);
    let place = |one: &InObject| match one.kind {
        Kind::Commit => text_of(PlaceKind::Commit, &one.id, &one.sighting),
        Kind::Tag => text_of(PlaceKind::Tag, &one.id, &one.sighting),
        Kind::Tree | Kind::Blob => {
            let tree = one.kind == Kind::Tree;
            let found = known.first(&one.id);
            let (kind, path) = match (found, known.staged(&one.id), known.named(&one.id)) {
                (Some((_, path)), ..) if tree => (PlaceKind::Tree, path.to_owned()),
                (Some((_, path)), ..) => (PlaceKind::Committed, path.to_owned()),
                (None, Some(path), _) => (PlaceKind::Staged, path.to_owned()),
                (None, None, Some(name)) => (PlaceKind::Unreached, format!("under {name}")),
                (None, None, None) => (PlaceKind::Unreached, String::new()),
            };
            let mut place = Place::new(kind, path, &one.sighting);
            if tree {
                (place.line, place.column) = (0, 0);
            }
            place.commit = found.map(|(commit, _)| commit.to_string());
            place.object = Some(one.id.to_string());
            place
        }
    };
    Ok(seen.into_iter().map(|one| (place(&one), one.sighting)).collect())
}

fn text_of(kind: PlaceKind, id: &ObjectId, sighting: &Sighting) -> Place {
    let mut place = Place::new(kind, "", sighting);
    match kind {
        PlaceKind::Commit => place.commit = Some(id.to_string()),
        _ => place.object = Some(id.to_string()),
    }
    place
}

fn cut(repository: &Repository) -> Vec<String> {
    let mut not = Vec::new();
    if repository.shallow {
        not.push("commits before the cut of a shallow clone: git fetch --unshallow".to_owned());
    }
    if repository.partial {
        not.push("objects that a partial clone has left at its origin".to_owned());
    }
    if repository.reftable {
        not.push("names of refs: they lie in a reftable".to_owned());
    }
    not
}

/// A few of many in words.
fn several(all: &[String], what: &str) -> Vec<String> {
    const TOLD_MAX: usize = 20;
    let mut told: Vec<String> = all.iter().take(TOLD_MAX).cloned().collect();
    if all.len() > TOLD_MAX {
        told.push(format!("{} more that {what}", all.len() - TOLD_MAX));
    }
    told
}

fn done(
    mut findings: Vec<Finding>,
    mut scanned: Scanned,
    mut not_scanned: Vec<String>,
    scanner: &Scanner,
) -> Report {
    // A place may be named by the very value.
    let mut shown = scanner.clone();
    for place in findings.iter_mut().flat_map(|finding| &mut finding.places) {
        place.path = shown.shown(&place.path);
        place.layers.iter_mut().for_each(|layer| *layer = shown.shown(layer));
    }
    let counts = scanner.counts();
    scanned.bytes = counts.bytes.load(Ordering::Relaxed);
    scanned.candidates = counts.candidates.load(Ordering::Relaxed);
    let unread = counts.unread.load(Ordering::Relaxed);
    let cut = counts.cut.load(Ordering::Relaxed);
    if unread > 0 {
        not_scanned.push(format!(
            "{unread} archives or parts of them that are encrypted, broken or compressed in a way that is not read"
        ));
    }
    if cut > 0 {
        not_scanned
            .push(format!("the rest of {cut} documents that hold more than is taken out of one"));
    }
    Report { findings, scanned, not_scanned, clean_packs: BTreeSet::new() }
}
