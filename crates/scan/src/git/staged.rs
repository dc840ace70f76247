//! What the next commit would bring: entries of the index that differ from the last commit.

use std::collections::HashMap;
use std::path::Path;

use gix_hash::ObjectId;
use gix_index::extension::Tree as Cached;

use super::objects::Entry;
use super::{GitError, Objects, Repository};

/// The paths that are staged and changed, with their objects.
///
/// # Errors
/// The index cannot be read.
pub fn staged(
    repository: &Repository,
    objects: &Objects,
    index: Option<&Path>,
) -> Result<Vec<(String, ObjectId)>, GitError> {
    // `git commit FILE` makes the commit from an index of its own.
    let path = index.map_or_else(|| repository.git_dir.join("index"), Path::to_owned);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let options = gix_index::decode::Options::default();
    let index = gix_index::File::at(&path, repository.hash, true, options)
        .map_err(|error| GitError::Objects { path, why: error.to_string() })?;
    let mut last = Last { objects, files: HashMap::new(), same: Vec::new() };
    let head = super::refs::head(repository).and_then(|id| objects.commit(&id, &mut Vec::new()));
    if let Some((_, tree, _)) = head {
        last.tree(tree, "", index.tree());
    }
    let changed = index.entries().iter().filter_map(|entry| {
        let path = entry.path(&index).to_string();
        let submodule = entry.mode.is_submodule();
        let same = last.same.iter().any(|prefix| path.starts_with(prefix.as_str()))
            || last.files.get(&path) == Some(&entry.id);
        (!submodule && !same).then_some((path, entry.id))
    });
    Ok(changed.collect())
}

/// The last commit's files, as far as the index does not say itself that they are the same.
struct Last<'a> {
    objects: &'a Objects,
    files: HashMap<String, ObjectId>,
    /// Directories in which nothing is changed, with a slash at the end.
    same: Vec<String>,
}

impl Last<'_> {
    fn tree(&mut self, tree: ObjectId, path: &str, cached: Option<&Cached>) {
        // The index remembers trees of directories in which nothing was staged since.
        if let Some(cached) = cached
            && cached.num_entries.is_some()
            && cached.id == tree
        {
            self.same.push(path.to_owned());
            return;
        }
        for (name, id, kind) in self.objects.tree(&tree, &mut Vec::new()) {
            let below = cached.and_then(|cached| {
                cached.children.iter().find(|child| child.name.as_slice() == name.as_slice())
            });
            let path = format!("{path}{}", String::from_utf8_lossy(&name));
            match kind {
                Entry::Tree => self.tree(id, &format!("{path}/"), below),
                Entry::Blob => {
                    self.files.insert(path, id);
                }
                Entry::Submodule => {}
            }
        }
    }
}
