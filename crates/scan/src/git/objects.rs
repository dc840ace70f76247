//! Every object of a repository: packs, loose ones, those that it borrows, reachable or not.
//!
//! Packs are read in the order of their deltas, each base and each delta once, on all cores; what
//! that costs is measured against in the figures. Nothing is verified on the way: whoever wants
//! to know whether a repository is whole asks `git fsck`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use gix_hash::{Kind as Hash, ObjectId, oid};
use gix_object::commit::ref_iter::Token;
use gix_object::{Find, Kind};
use gix_pack::cache::lru::MemoryCappedHashmap;
use gix_pack::index::traverse::{Algorithm, Options, SafetyCheck};

use super::{GitError, InObject, Repository};
use crate::Scanner;

/// The largest object that is read, in bytes.
const OBJECT_MAX: usize = 1 << 30;
/// So many bytes of objects are kept, a thread, for those that are made of them.
const CACHE_BYTES: usize = 16 << 20;
/// So many sightings are kept; whoever has more has other worries.
const SIGHTINGS_MAX: usize = 200_000;

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

/// What threads write into.
struct Sink {
    seen: Mutex<Vec<InObject>>,
    commits: Mutex<Vec<(i64, ObjectId, ObjectId)>>,
    objects: AtomicU64,
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
    let sink = Sink {
        seen: Mutex::new(Vec::new()),
        commits: Mutex::new(Vec::new()),
        objects: AtomicU64::new(0),
    };
    let mut packs = Packs::default();
    for directory in &repository.object_dirs {
        for index in pack_indexes(directory) {
            let name = name_of(&index);
            if remembered.contains(&name) {
                packs.remembered += 1;
                continue;
            }
            let before = lock(&sink.seen).len();
            match one_pack(&index, repository.hash, scanner, &sink, threads) {
                Ok(whole) => {
                    packs.packs += 1;
                    packs.unread.extend(whole.as_ref().err().cloned());
                    if whole.is_ok() && lock(&sink.seen).len() == before {
                        packs.clean.insert(name);
                    }
                }
                Err(why) => packs.unread.push(format!("{}: {why}", index.display())),
            }
        }
        loose(directory, repository.hash, scanner, &sink, &mut packs);
    }
    packs.objects = sink.objects.load(Ordering::Relaxed);
    packs.commits = sink.commits.into_inner().unwrap_or_else(PoisonError::into_inner);
    packs.commits.sort_unstable();
    packs.commits.dedup();
    Ok((sink.seen.into_inner().unwrap_or_else(PoisonError::into_inner), packs))
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

/// Reads one pack. The inner error is that not all of it could be read.
fn one_pack(
    index: &Path,
    hash: Hash,
    scanner: &Scanner,
    sink: &Sink,
    threads: Option<usize>,
) -> Result<Result<(), String>, String> {
    let pack = gix_pack::data::File::at(index.with_extension("pack"), hash)
        .map_err(|error| error.to_string())?
        .with_alloc_limit_bytes(Some(OBJECT_MAX));
    let index = gix_pack::index::File::at(index, hash).map_err(|error| error.to_string())?;
    let run = |traversal| {
        let mut own = One { scanner: scanner.clone(), found: Vec::new() };
        let options = Options {
            traversal,
            thread_limit: threads,
            check: SafetyCheck::SkipFileAndObjectChecksumVerificationAndNoAbortOnDecodeError,
            alloc_limit_bytes: Some(OBJECT_MAX),
            make_pack_lookup_cache: || MemoryCappedHashmap::new(CACHE_BYTES),
        };
        let each = move |kind: Kind,
                         bytes: &[u8],
                         entry: &gix_pack::index::Entry,
                         _: &dyn gix_utils::progress::Progress| {
            own.look(&entry.oid, kind, bytes, hash, sink);
            Ok(())
        };
        index.traverse(
            &pack,
            &mut gix_utils::progress::Discard,
            &AtomicBool::new(false),
            each,
            options,
        )
    };
    let before = (lock(&sink.seen).len(), sink.objects.load(Ordering::Relaxed));
    let Err(first) = run(Algorithm::DeltaTreeLookup) else { return Ok(Ok(())) };
    // A pack with one object that is broken or too large is read one object after the other, and
    // what cannot be read is left out.
    lock(&sink.seen).truncate(before.0);
    sink.objects.store(before.1, Ordering::Relaxed);
    let why = format!("{}: not all of it could be read: {first}", name_of(index.path()));
    match run(Algorithm::Lookup) {
        Ok(_) => Ok(Err(why)),
        Err(second) => Err(format!("{why}; {second}")),
    }
}

/// A thread's own scanner.
#[derive(Clone)]
struct One {
    scanner: Scanner,
    found: Vec<crate::Sighting>,
}

impl One {
    fn look(&mut self, id: &oid, kind: Kind, bytes: &[u8], hash: Hash, sink: &Sink) {
        match kind {
            Kind::Tree => self.scanner.names(bytes, &mut self.found),
            Kind::Blob | Kind::Commit | Kind::Tag => {
                self.scanner.document(bytes, None, &mut self.found);
            }
        }
        sink.objects.fetch_add(1, Ordering::Relaxed);
        if kind == Kind::Commit
            && let Some((time, tree)) = commit(bytes, hash)
        {
            lock(&sink.commits).push((time, id.to_owned(), tree));
        }
        if self.found.is_empty() {
            return;
        }
        let mut seen = lock(&sink.seen);
        let room = SIGHTINGS_MAX.saturating_sub(seen.len());
        let found = self.found.drain(..).take(room);
        seen.extend(found.map(|sighting| InObject { id: id.to_owned(), kind, sighting }));
    }
}

/// When a commit was made, and its tree.
fn commit(bytes: &[u8], hash: Hash) -> Option<(i64, ObjectId)> {
    let mut tree = None;
    for token in gix_object::CommitRefIter::from_bytes(bytes, hash) {
        match token.ok()? {
            Token::Tree { id } => tree = Some(id),
            Token::Committer { signature } => return Some((signature.seconds(), tree?)),
            _ => {}
        }
    }
    None
}

/// Looks at the objects that lie in files of their own.
fn loose(directory: &Path, hash: Hash, scanner: &Scanner, sink: &Sink, packs: &mut Packs) {
    let store = gix_odb::loose::Store::at(directory, hash);
    let mut one = One { scanner: scanner.clone(), found: Vec::new() };
    let mut buffer = Vec::new();
    for id in store.iter() {
        let Ok(id) = id else { continue };
        if store
            .try_header(&id)
            .is_ok_and(|header| header.is_some_and(|(size, _)| size > OBJECT_MAX as u64))
        {
            packs.too_large += 1;
            continue;
        }
        match store.try_find(&id, &mut buffer) {
            Ok(Some(object)) => {
                packs.loose += 1;
                one.look(&id, object.kind, object.data, hash, sink);
            }
            Ok(None) => {}
            Err(error) => packs.unread.push(format!("object {id}: {error}")),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
