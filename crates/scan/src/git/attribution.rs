//! Where an object belongs: the first commit that had it, and under which path. Asked only for
//! objects in which something was seen.

use std::collections::{HashMap, HashSet};

use gix_hash::ObjectId;

use super::objects::Entry;
use super::{Objects, Ref, Repository};

/// Where objects belong.
#[derive(Clone, Debug, Default)]
pub struct Attribution {
    /// The first commit that had it, and the path there.
    first: HashMap<ObjectId, (ObjectId, String)>,
    /// The path in the index.
    staged: HashMap<ObjectId, String>,
    /// The refs that name it directly.
    named: HashMap<ObjectId, String>,
}

/// Trees may lie in one another so deep.
const DEPTH_MAX: usize = 512;

impl Attribution {
    /// Looks for objects in the trees of these commits, oldest first, in the index and in the refs.
    #[must_use]
    pub fn of(
        wanted: &HashSet<ObjectId>,
        commits: &[(i64, ObjectId, ObjectId)],
        repository: &Repository,
        objects: &Objects,
        refs: &[Ref],
    ) -> Self {
        let mut own = Self::default();
        if wanted.is_empty() {
            return own;
        }
        let mut walk = Walk { wanted, objects, seen: HashSet::new(), first: &mut own.first };
        for (_, commit, tree) in commits {
            walk.tree(*tree, *commit, "", 0);
        }
        let index = gix_index::File::at(
            repository.git_dir.join("index"),
            repository.hash,
            true,
            gix_index::decode::Options::default(),
        );
        if let Ok(index) = index {
            let entries = index.entries().iter().filter(|entry| wanted.contains(&entry.id));
            own.staged = entries.map(|entry| (entry.id, entry.path(&index).to_string())).collect();
        }
        let named = refs.iter().filter(|one| wanted.contains(&one.id));
        own.named = named.map(|one| (one.id, one.name.clone())).collect();
        own
    }

    /// The first commit that had an object, and the path there.
    #[must_use]
    pub fn first(&self, id: &ObjectId) -> Option<(&ObjectId, &str)> {
        self.first.get(id).map(|(commit, path)| (commit, path.as_str()))
    }

    /// The path in the index under which an object lies.
    #[must_use]
    pub fn staged(&self, id: &ObjectId) -> Option<&str> {
        self.staged.get(id).map(String::as_str)
    }

    /// A ref that names an object directly.
    #[must_use]
    pub fn named(&self, id: &ObjectId) -> Option<&str> {
        self.named.get(id).map(String::as_str)
    }
}

struct Walk<'a> {
    wanted: &'a HashSet<ObjectId>,
    objects: &'a Objects,
    seen: HashSet<ObjectId>,
    first: &'a mut HashMap<ObjectId, (ObjectId, String)>,
}

impl Walk<'_> {
    /// Each tree is read once: where it was met first, there its objects belong.
    fn tree(&mut self, tree: ObjectId, commit: ObjectId, path: &str, depth: usize) {
        if depth > DEPTH_MAX || self.first.len() == self.wanted.len() || !self.seen.insert(tree) {
            return;
        }
        if self.wanted.contains(&tree) {
            self.first.entry(tree).or_insert((commit, format!("{path}/")));
        }
        for (name, id, kind) in self.objects.tree(&tree, &mut Vec::new()) {
            let name = String::from_utf8_lossy(&name);
            let path = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            match kind {
                Entry::Tree => self.tree(id, commit, &path, depth + 1),
                Entry::Blob if self.wanted.contains(&id) => {
                    self.first.entry(id).or_insert((commit, path));
                }
                Entry::Blob | Entry::Submodule => {}
            }
        }
    }
}
