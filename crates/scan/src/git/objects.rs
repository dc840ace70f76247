//! Every object of a repository: packs, loose ones, those that it borrows, reachable or not.
//!
//! Packs are read in the order of their deltas, each base and each delta once, on all cores, and of
//! what is made of something else mostly what differs from it (`families.rs`). Nothing is verified on
//! the way: whoever wants to know whether a repository is whole asks `git fsck`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use gix_hash::{Kind as Hash, ObjectId, oid};
use gix_object::{Find, Kind};
use gix_pack::cache::lru::MemoryCappedHashmap;

use super::families::{OBJECT_MAX, families};
use super::reader::{Met, Reader, commit};
use super::{GitError, InObject, Repository};
use crate::Scanner;

/// So many bytes of objects are kept, a thread, for those that are made of them.
const CACHE_BYTES: usize = 16 << 20;

/// What was read of the objects, and what was not.
#[derive(Clone, Debug, Default)]
pub struct Packs {
    /// Objects that were looked at.
    pub objects: u64,
    /// Packs that were read.
    pub packs: u64,
    /// The names of those in which nothing was seen; they need not be read again.
    pub clean: BTreeSet<String>,
    /// Packs that were read before and are left out.
    pub remembered: u64,
    /// Loose objects that were looked at.
    pub loose: u64,
    /// Objects and packs that could not be read, with why.
    pub unread: Vec<String>,
    /// Objects that are too large.
    pub too_large: u64,
    /// Commits that were met, oldest first: when, which, and their trees.
    pub commits: Vec<(i64, ObjectId, ObjectId)>,
}

/// Looks at every object. Packs whose names are in `remembered` are left out; `threads` is how
/// many work at once, as many as there are cores without it.
///
/// # Errors
/// A directory of objects cannot be listed.
pub fn every_object(
    repository: &Repository,
    scanner: &Scanner,
    remembered: &BTreeSet<String>,
    threads: Option<usize>,
) -> Result<(Vec<InObject>, Packs), GitError> {
    let (mut met, mut packs) = (Met::default(), Packs::default());
    for directory in &repository.object_dirs {
        for index in pack_indexes(directory) {
            let name = name_of(&index);
            if remembered.contains(&name) {
                packs.remembered += 1;
                continue;
            }
            match families(&index, repository.hash, scanner, threads) {
                Ok(read) => {
                    packs.packs += 1;
                    if read.met.seen.is_empty() && read.whole() {
                        packs.clean.insert(name.clone());
                    }
                    let told = read.unread.into_iter().map(|why| format!("{name}: {why}"));
                    packs.unread.extend(told);
                    packs.too_large += read.too_large;
                    met.join(read.met);
                }
                Err(why) => packs.unread.push(format!("{}: {why}", index.display())),
            }
        }
        met.join(loose(directory, repository.hash, scanner, &mut packs));
    }
    packs.objects = met.objects;
    packs.commits = met.commits;
    packs.commits.sort_unstable();
    packs.commits.dedup();
    Ok((met.seen, packs))
}

/// How many bytes of packs and loose objects a look at every object would read, as they lie on the
/// disk; packs whose names are in `remembered` are left out.
#[must_use]
pub fn unread_bytes(repository: &Repository, remembered: &BTreeSet<String>) -> u64 {
    let length = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
    let of_packs = |directory: &Path| -> u64 {
        let indexes = pack_indexes(directory).into_iter();
        let left = indexes.filter(|index| !remembered.contains(&name_of(index)));
        left.map(|index| length(&index.with_extension("pack"))).sum()
    };
    let of_loose = |directory: &Path| -> u64 {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let fans = entries.filter(|entry| entry.file_name().len() == 2);
        let files = fans.flat_map(|fan| fs::read_dir(fan.path()).into_iter().flatten().flatten());
        files.map(|file| length(&file.path())).sum()
    };
    repository.object_dirs.iter().map(|one| of_packs(one) + of_loose(one)).sum()
}

/// The indexes of a directory's packs.
fn pack_indexes(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory.join("pack")) else { return Vec::new() };
    let mut indexes: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension() == Some(OsStr::new("idx")))
        .collect();
    indexes.sort();
    indexes
}

/// A pack is called by the hash over what is in it.
fn name_of(index: &Path) -> String {
    index.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Looks at the objects that lie in files of their own.
fn loose(directory: &Path, hash: Hash, scanner: &Scanner, packs: &mut Packs) -> Met {
    let store = gix_odb::loose::Store::at(directory, hash);
    let mut reader = Reader::new(scanner, hash);
    let mut buffer = Vec::new();
    for id in store.iter() {
        let Ok(id) = id else { continue };
        if store
            .try_header(&id)
            .is_ok_and(|header| header.is_some_and(|(size, _)| size > OBJECT_MAX))
        {
            packs.too_large += 1;
            continue;
        }
        match store.try_find(&id, &mut buffer) {
            Ok(Some(object)) => {
                packs.loose += 1;
                reader.look(&id, object.kind, object.data);
            }
            Ok(None) => {}
            Err(error) => packs.unread.push(format!("object {id}: {error}")),
        }
    }
    reader.done()
}

/// Objects by their ids.
pub struct Objects {
    handles: Vec<gix_odb::Handle>,
    /// How objects are named.
    pub hash: Hash,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Objects {
    /// Those of a repository.
    ///
    /// # Errors
    /// They cannot be opened.
    pub fn open(repository: &Repository) -> Result<Self, GitError> {
        let open = |directory: &PathBuf| {
            let mut handle = gix_odb::at(directory.clone(), repository.hash).map_err(|error| {
                GitError::Objects { path: directory.clone(), why: error.to_string() }
            })?;
            handle.set_pack_cache(|| Box::new(MemoryCappedHashmap::new(CACHE_BYTES)));
            Ok(handle)
        };
        let handles: Result<Vec<_>, GitError> = repository.object_dirs.iter().map(open).collect();
        Ok(Self { handles: handles?, hash: repository.hash })
    }

    /// An object, read into the buffer; `None` where it is missing or cannot be read.
    pub fn find<'b>(&self, id: &oid, buffer: &'b mut Vec<u8>) -> Option<(Kind, &'b [u8])> {
        for handle in &self.handles {
            let found = handle.try_find(id, buffer).ok().flatten().map(|object| object.kind);
            if let Some(kind) = found {
                return Some((kind, buffer));
            }
        }
        None
    }

    /// When a commit was made, its tree and its parents.
    pub(crate) fn commit(
        &self,
        id: &oid,
        buffer: &mut Vec<u8>,
    ) -> Option<(i64, ObjectId, Vec<ObjectId>)> {
        let hash = self.hash;
        let (kind, bytes) = self.find(id, buffer)?;
        if kind == Kind::Tag {
            let target = gix_object::TagRefIter::from_bytes(bytes, hash).target_id().ok()?;
            return self.commit(&target, buffer);
        }
        if kind != Kind::Commit {
            return None;
        }
        let (time, tree) = commit(bytes, hash)?;
        let parents = gix_object::CommitRefIter::from_bytes(bytes, hash).parent_ids().collect();
        Some((time, tree, parents))
    }

    /// The entries of a tree: name, id, and whether it is a tree itself.
    pub(crate) fn tree(&self, id: &oid, buffer: &mut Vec<u8>) -> Vec<(Vec<u8>, ObjectId, Entry)> {
        let Some((Kind::Tree, bytes)) = self.find(id, buffer) else { return Vec::new() };
        gix_object::TreeRefIter::from_bytes(bytes, self.hash)
            .filter_map(Result::ok)
            .map(|entry| {
                let kind = match entry.mode {
                    mode if mode.is_tree() => Entry::Tree,
                    mode if mode.is_commit() => Entry::Submodule,
                    _ => Entry::Blob,
                };
                (entry.filename.to_vec(), entry.oid.to_owned(), kind)
            })
            .collect()
    }

    /// The id that a text begins, where there is exactly one.
    pub(crate) fn by_prefix(&self, text: &str) -> Option<ObjectId> {
        let prefix = gix_hash::Prefix::from_hex(text).ok()?;
        self.handles.iter().find_map(|handle| match handle.lookup_prefix(prefix, None) {
            Ok(Some(Ok(id))) => Some(id),
            _ => None,
        })
    }
}

/// What an entry of a tree is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    /// A directory.
    Tree,
    /// A file or a link.
    Blob,
    /// Another repository's commit.
    Submodule,
}
