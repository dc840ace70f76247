//! Names that hold on to objects.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gix_hash::ObjectId;

use super::Repository;

/// A name and what it holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ref {
    /// Its whole name, `refs/heads/main`; for an entry of a reflog `refs/heads/main@{2}`.
    pub name: String,
    /// The object.
    pub id: ObjectId,
}

/// Every ref of a repository, its worktrees' heads, and every object that a reflog remembers.
#[must_use]
pub fn refs(repository: &Repository) -> Vec<Ref> {
    let mut named: BTreeMap<String, ObjectId> = BTreeMap::new();
    let packed = fs::read_to_string(repository.common_dir.join("packed-refs")).unwrap_or_default();
    for line in packed.lines().filter(|line| !line.starts_with(['#', '^'])) {
        if let Some((id, name)) = line.split_once(' ')
            && let Ok(id) = ObjectId::from_hex(id.as_bytes())
        {
            named.insert(name.to_owned(), id);
        }
    }
    for root in [&repository.common_dir, &repository.git_dir] {
        files(&root.join("refs"), "refs", &mut |name, path| {
            named.extend(target(path, root).map(|id| (name.to_owned(), id)));
        });
    }
    for name in ["HEAD", "ORIG_HEAD", "MERGE_HEAD", "FETCH_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD"]
    {
        let id = target(&repository.git_dir.join(name), &repository.common_dir);
        let id = id.or_else(|| {
            let text = fs::read_to_string(repository.git_dir.join(name)).ok()?;
            named.get(text.strip_prefix("ref:")?.trim()).copied()
        });
        named.extend(id.map(|id| (name.to_owned(), id)));
    }
    let mut all: Vec<Ref> = named.into_iter().map(|(name, id)| Ref { name, id }).collect();
    for root in [&repository.common_dir, &repository.git_dir] {
        files(&root.join("logs"), "", &mut |name, path| remembered(name, path, &mut all));
        if repository.common_dir == repository.git_dir {
            break;
        }
    }
    all
}

/// What a file of a ref points to, through other names.
fn target(path: &Path, root: &Path) -> Option<ObjectId> {
    const LINKS_MAX: usize = 5;
    let mut text = fs::read_to_string(path).ok()?;
    for _ in 0..LINKS_MAX {
        match text.strip_prefix("ref:") {
            Some(name) => text = fs::read_to_string(root.join(name.trim())).ok()?,
            None => break,
        }
    }
    ObjectId::from_hex(text.split_whitespace().next()?.as_bytes()).ok()
}

/// The objects in a reflog, newest as `@{0}`.
fn remembered(name: &str, path: &Path, all: &mut Vec<Ref>) {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    for (place, line) in text.lines().rev().enumerate() {
        let mut ids =
            line.split(' ').take(2).filter_map(|id| ObjectId::from_hex(id.as_bytes()).ok());
        let (Some(old), Some(new)) = (ids.next(), ids.next()) else { continue };
        for id in [new, old].into_iter().filter(|id| !id.is_null()) {
            all.push(Ref { name: format!("{name}@{{{place}}}"), id });
        }
    }
}

/// Every file under a directory, with its name from there.
fn files(directory: &Path, prefix: &str, found: &mut dyn FnMut(&str, &Path)) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, &name, found),
            Ok(kind) if kind.is_file() => found(&name, &path),
            _ => {}
        }
    }
}

/// The commit that is checked out.
pub(super) fn head(repository: &Repository) -> Option<ObjectId> {
    let text = fs::read_to_string(repository.git_dir.join("HEAD")).ok()?;
    let Some(name) = text.strip_prefix("ref:").map(str::trim) else {
        return ObjectId::from_hex(text.trim().as_bytes()).ok();
    };
    let loose = [&repository.git_dir, &repository.common_dir];
    loose.iter().find_map(|root| target(&root.join(name), root)).or_else(|| {
        let packed = fs::read_to_string(repository.common_dir.join("packed-refs")).ok()?;
        let line = packed.lines().find(|line| line.ends_with(&format!(" {name}")))?;
        ObjectId::from_hex(line.split(' ').next()?.as_bytes()).ok()
    })
}
