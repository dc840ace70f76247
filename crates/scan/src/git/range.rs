//! What a range of commits brings: the objects that their parents had not.

use std::collections::{BinaryHeap, HashMap, HashSet};

use gix_hash::ObjectId;

use super::objects::Entry;
use super::{GitError, Objects, Repository, refs};

/// What a range brings.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Commits, newest first.
    pub commits: Vec<ObjectId>,
    /// New files: commit, path, object.
    pub files: Vec<(ObjectId, String, ObjectId)>,
    /// Objects that are not here.
    pub missing: u64,
}

/// The commits that are reached from `tips` and not from `hidden`, and what they bring.
#[must_use]
pub fn range(objects: &Objects, tips: &[ObjectId], hidden: &[ObjectId]) -> Range {
    let mut range = Range { commits: commits(objects, tips, hidden), ..Range::default() };
    let mut seen = HashSet::new();
    let mut buffer = Vec::new();
    for commit in range.commits.clone() {
        let Some((_, tree, parents)) = objects.commit(&commit, &mut buffer) else {
            range.missing += 1;
            continue;
        };
        let before: Vec<ObjectId> = parents
            .iter()
            .filter_map(|parent| objects.commit(parent, &mut buffer).map(|(_, tree, _)| tree))
            .collect();
        brought(objects, commit, tree, &before, "", &mut seen, &mut range);
    }
    range
}

/// The entries of a tree that no parent has in the same place.
fn brought(
    objects: &Objects,
    commit: ObjectId,
    tree: ObjectId,
    before: &[ObjectId],
    path: &str,
    seen: &mut HashSet<ObjectId>,
    range: &mut Range,
) {
    if before.contains(&tree) {
        return;
    }
    let mut buffer = Vec::new();
    let old: Vec<HashMap<Vec<u8>, ObjectId>> = before
        .iter()
        .map(|tree| {
            objects.tree(tree, &mut buffer).into_iter().map(|(name, id, _)| (name, id)).collect()
        })
        .collect();
    for (name, id, kind) in objects.tree(&tree, &mut buffer) {
        let there: Vec<ObjectId> = old.iter().filter_map(|old| old.get(&name).copied()).collect();
        if there.contains(&id) {
            continue;
        }
        let path = format!("{path}{}", String::from_utf8_lossy(&name));
        match kind {
            Entry::Tree => brought(objects, commit, id, &there, &format!("{path}/"), seen, range),
            Entry::Blob if seen.insert(id) => range.files.push((commit, path, id)),
            Entry::Blob | Entry::Submodule => {}
        }
    }
}

/// The commits that are reached from some and not from others, newest first.
fn commits(objects: &Objects, tips: &[ObjectId], hidden: &[ObjectId]) -> Vec<ObjectId> {
    // Clocks of committers differ: so many more are looked at after the end.
    const SLACK: usize = 256;
    let mut paint = Paint::new(objects);
    for (ids, hide) in [(hidden, true), (tips, false)] {
        for id in ids {
            if let Some(id) = commit_of(objects, *id, &mut paint.buffer) {
                paint.put(id, hide);
            }
        }
    }
    let (mut shown, mut slack) = (Vec::new(), SLACK);
    while let Some((_, id)) = paint.queue.pop() {
        paint.queued.remove(&id);
        let hide = paint.hidden.get(&id).copied().unwrap_or(false);
        if !hide {
            paint.open -= 1;
            shown.push(id);
        }
        let Some((_, _, parents)) = objects.commit(&id, &mut paint.buffer) else { continue };
        parents.into_iter().for_each(|parent| paint.put(parent, hide));
        slack = if paint.open == 0 { slack - 1 } else { SLACK };
        if slack == 0 {
            break;
        }
    }
    shown.retain(|id| paint.hidden.get(id) == Some(&false));
    shown
}

/// Commits that wait to be looked at, by their time, and which of them are hidden. Once nothing
/// but hidden ones wait, all that is behind them is hidden, too.
struct Paint<'a> {
    objects: &'a Objects,
    queue: BinaryHeap<(i64, ObjectId)>,
    queued: HashSet<ObjectId>,
    hidden: HashMap<ObjectId, bool>,
    /// How many of those that wait are not hidden.
    open: usize,
    buffer: Vec<u8>,
}

impl<'a> Paint<'a> {
    fn new(objects: &'a Objects) -> Self {
        Self {
            objects,
            queue: BinaryHeap::new(),
            queued: HashSet::new(),
            hidden: HashMap::new(),
            open: 0,
            buffer: Vec::new(),
        }
    }

    fn put(&mut self, id: ObjectId, hide: bool) {
        match self.hidden.get(&id) {
            Some(true) => return,
            Some(false) if !hide => return,
            // It was thought to be shown; whatever is behind it has to be told.
            Some(false) => self.open -= usize::from(self.queued.contains(&id)),
            None => {}
        }
        self.hidden.insert(id, hide);
        if self.queued.contains(&id) {
            return;
        }
        if let Some((time, ..)) = self.objects.commit(&id, &mut self.buffer) {
            self.queue.push((time, id));
            self.queued.insert(id);
            self.open += usize::from(!hide);
        }
    }
}

fn commit_of(objects: &Objects, id: ObjectId, buffer: &mut Vec<u8>) -> Option<ObjectId> {
    let (kind, bytes) = objects.find(&id, buffer)?;
    match kind {
        gix_object::Kind::Commit => Some(id),
        gix_object::Kind::Tag => {
            let target =
                gix_object::TagRefIter::from_bytes(bytes, objects.hash).target_id().ok()?;
            commit_of(objects, target, buffer)
        }
        _ => None,
    }
}

/// The commit that a person means: a ref, a part of its name, an id, `HEAD~3`.
///
/// # Errors
/// There is no such commit.
pub fn resolve(
    repository: &Repository,
    objects: &Objects,
    text: &str,
) -> Result<ObjectId, GitError> {
    let none = || GitError::NoRevision(text.to_owned());
    let (name, back) = match text.split_once(['~', '^']) {
        Some((name, "")) => (name, 1),
        Some((name, number)) => (name, number.parse().map_err(|_| none())?),
        None => (text, 0_usize),
    };
    let all = refs(repository);
    let named = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"]
        .iter()
        .find_map(|prefix| all.iter().find(|one| one.name == format!("{prefix}{name}")));
    let id = named.map(|one| one.id).or_else(|| ObjectId::from_hex(name.as_bytes()).ok());
    let id = id.or_else(|| objects.by_prefix(name)).ok_or_else(none)?;
    let mut buffer = Vec::new();
    let mut id = commit_of(objects, id, &mut buffer).ok_or_else(none)?;
    for _ in 0..back {
        let (_, _, parents) = objects.commit(&id, &mut buffer).ok_or_else(none)?;
        id = parents.first().copied().ok_or_else(none)?;
    }
    Ok(id)
}
