//! What a disk holds after its power was cut.
//!
//! Nothing is safe before it was synced. Of what was written since, a cut keeps any part: each
//! write whole, torn at a sector's boundary or not at all, in any order; sizes likewise. A name is
//! made, moved or removed for certain only once its directory was synced; before, any of these may
//! be lost. No file system that is in use is as bad as that all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::shim::{Op, What};

/// What is written at once, or not at all.
const SECTOR: usize = 512;

/// A disk, with what is safe on it and what is not.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<Content>,
    /// The names as a running program sees them.
    seen: BTreeMap<PathBuf, usize>,
    /// The names that are safe.
    safe: BTreeMap<PathBuf, usize>,
    /// What happened to names since their directory was synced, in order.
    names: Vec<(PathBuf, Naming)>,
    /// The directories that were made; what lies in one is lost with it.
    made: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug, Default)]
struct Content {
    seen: Vec<u8>,
    safe: Vec<u8>,
    unsafe_yet: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Wrote(u64, Vec<u8>),
    Sized(u64),
}

#[derive(Clone, Debug)]
enum Naming {
    Is(usize),
    Moved(PathBuf, usize),
    Gone,
}

impl Disk {
    /// A disk on which everything below this directory is safe.
    ///
    /// # Errors
    /// Something there cannot be read.
    pub fn of(root: &Path) -> Result<Self> {
        let mut disk = Self::default();
        // As the shim has it: without links.
        let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
        disk.read(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        disk.safe = disk.seen.clone();
        Ok(disk)
    }

    fn read(&mut self, directory: &Path) -> std::io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            if kind.is_dir() {
                self.read(&path)?;
            } else if kind.is_file() {
                let seen = fs::read(&path)?;
                let file = self.add(Content { safe: seen.clone(), seen, unsafe_yet: Vec::new() });
                self.seen.insert(path, file);
            }
        }
        Ok(())
    }

    fn add(&mut self, content: Content) -> usize {
        self.files.push(content);
        self.files.len() - 1
    }

    /// The disk after one more operation.
    pub fn apply(&mut self, op: &Op) {
        let path = &op.path;
        match &op.what {
            What::Made => {
                let file = self.add(Content::default());
                self.seen.insert(path.clone(), file);
                self.names.push((path.clone(), Naming::Is(file)));
            }
            What::Wrote(at, bytes) => self.change(path, Change::Wrote(*at, bytes.clone())),
            What::Sized(size) => self.change(path, Change::Sized(*size)),
            What::Synced => self.sync(path),
            What::Renamed(to) => {
                if let Some(file) = self.seen.remove(path) {
                    self.seen.insert(to.clone(), file);
                    self.names.push((to.clone(), Naming::Moved(path.clone(), file)));
                }
            }
            What::Linked(to) => {
                if let Some(file) = self.seen.get(path).copied() {
                    self.seen.insert(to.clone(), file);
                    self.names.push((to.clone(), Naming::Is(file)));
                }
            }
            What::Unlinked => {
                self.seen.remove(path);
                self.names.push((path.clone(), Naming::Gone));
            }
            What::MadeDirectory => {
                let nothing = self.add(Content::default());
                self.made.insert(path.clone());
                self.names.push((path.clone(), Naming::Is(nothing)));
            }
            What::Failed | What::Killed => {}
        }
    }

    fn change(&mut self, path: &Path, change: Change) {
        let Some(file) = self.seen.get(path).and_then(|file| self.files.get_mut(*file)) else {
            return;
        };
        change.apply_to(&mut file.seen);
        file.unsafe_yet.push(change);
    }

    fn sync(&mut self, path: &Path) {
        if let Some(file) = self.seen.get(path).and_then(|file| self.files.get_mut(*file)) {
            file.safe.clone_from(&file.seen);
            file.unsafe_yet.clear();
            return;
        }
        let (here, elsewhere) = std::mem::take(&mut self.names)
            .into_iter()
            .partition(|(name, _)| name.parent() == Some(path));
        self.names = elsewhere;
        let here: Vec<(PathBuf, Naming)> = here;
        here.into_iter().for_each(|(name, naming)| naming.apply_to(&name, &mut self.safe));
    }

    /// One of the things that the disk may hold after a cut now.
    #[must_use]
    pub fn cut(&self, chance: &mut Chance) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut names = self.safe.clone();
        // All or nothing are likelier than by mere chance: they are what most disks do.
        let how = chance.below(4);
        for (name, naming) in &self.names {
            if how == 0 || (how > 1 && chance.below(2) == 0) {
                naming.apply_to(name, &mut names);
            }
        }
        self.view(&names, |content| content.cut(chance))
    }

    /// What the disk holds for certain: the worst cut, which keeps nothing that was not synced.
    #[must_use]
    pub fn worst(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.view(&self.safe, |content| content.safe.clone())
    }

    /// What a running program sees on it.
    #[must_use]
    pub fn shown(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut names = self.seen.clone();
        // Directories are seen from when they are made; they have no content.
        names.extend(self.made.iter().map(|name| (name.clone(), usize::MAX)));
        self.view(&names, |content| content.seen.clone())
    }

    /// The files that can be reached, with what this shows of them.
    fn view(
        &self,
        names: &BTreeMap<PathBuf, usize>,
        mut part: impl FnMut(&Content) -> Vec<u8>,
    ) -> BTreeMap<PathBuf, Vec<u8>> {
        let is_there =
            |directory: &Path| !self.made.contains(directory) || names.contains_key(directory);
        let mut held = BTreeMap::new();
        for (name, file) in names {
            let reached = name.ancestors().skip(1).all(is_there) && !self.made.contains(name);
            if let Some(content) = self.files.get(*file).filter(|_| reached) {
                held.insert(name.clone(), part(content));
            }
        }
        held
    }
}

impl Content {
    fn cut(&self, chance: &mut Chance) -> Vec<u8> {
        let mut held = self.safe.clone();
        let mut changes = self.unsafe_yet.clone();
        match chance.below(4) {
            0 => changes.clear(),
            1 => changes.truncate(chance.below(changes.len() + 1)),
            _ => {
                let sectors = changes.into_iter().flat_map(Change::by_sector);
                changes = sectors.filter(|_| chance.below(2) == 0).collect();
                chance.shuffle(&mut changes);
            }
        }
        changes.iter().for_each(|change| change.apply_to(&mut held));
        held
    }
}

impl Change {
    fn apply_to(&self, content: &mut Vec<u8>) {
        match self {
            Self::Sized(size) => content.resize(usize::try_from(*size).unwrap_or(0), 0),
            Self::Wrote(at, bytes) => {
                let at = usize::try_from(*at).unwrap_or(usize::MAX >> 1);
                if content.len() < at + bytes.len() {
                    content.resize(at + bytes.len(), 0);
                }
                content[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }

    /// The same in pieces, none of which crosses a sector's boundary.
    fn by_sector(self) -> Vec<Self> {
        let Self::Wrote(mut at, bytes) = self else {
            return vec![self];
        };
        let mut rest = bytes.as_slice();
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let into = usize::try_from(at % SECTOR as u64).unwrap_or(0);
            let (piece, after) = rest.split_at(rest.len().min(SECTOR - into));
            pieces.push(Self::Wrote(at, piece.to_vec()));
            at += piece.len() as u64;
            rest = after;
        }
        pieces
    }
}

impl Naming {
    fn apply_to(&self, name: &Path, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Gone => drop(names.remove(name)),
            Self::Is(file) => drop(names.insert(name.to_owned(), *file)),
            Self::Moved(from, file) => {
                names.remove(from);
                names.insert(name.to_owned(), *file);
            }
        }
    }
}

/// Makes the files below a directory what a cut has left of them. What lies at `from` in the
/// names of `held` lies at `to`.
///
/// # Errors
/// A file cannot be written.
pub fn restore(held: &BTreeMap<PathBuf, Vec<u8>>, from: &Path, to: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let fail = |error: std::io::Error| format!("{}: {error}", to.display());
    let from = from.canonicalize().unwrap_or_else(|_| from.to_owned());
    let files = Disk::of(to)?.seen;
    for path in files.keys() {
        fs::remove_file(path).map_err(fail)?;
    }
    for (name, content) in held {
        let path = name.strip_prefix(&from).map_or_else(|_| name.clone(), |rest| to.join(rest));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(fail)?;
        }
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, content))
            .map_err(fail)?;
    }
    Ok(())
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The numbers of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of the numbers below this one; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % (end.max(1) as u64)).unwrap_or(0)
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = self.below(last + 1);
            all.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn disk(ops: &[(&str, What)]) -> Disk {
        let mut disk = Disk::default();
        for (path, what) in ops {
            let at = Duration::ZERO;
            disk.apply(&Op { at, path: PathBuf::from(path), what: what.clone() });
        }
        disk
    }

    fn cuts(disk: &Disk) -> std::collections::BTreeSet<Option<Vec<u8>>> {
        (0..200).map(|seed| disk.cut(&mut Chance::new(seed)).remove(Path::new("/d/f"))).collect()
    }

    /// Goal: the judge is not blind. A write without its sync is lost by some cuts and torn by
    /// others; one that is synced, with its name, is kept by all.
    #[test]
    fn only_what_is_synced_is_safe() {
        let bytes = vec![7; 3 * SECTOR];
        let mut ops = vec![("/d/f", What::Made), ("/d/f", What::Wrote(0, bytes.clone()))];
        let seen = cuts(&disk(&ops));
        assert!(seen.contains(&None) && seen.contains(&Some(bytes.clone())));
        let torn = |held: &Option<Vec<u8>>| {
            held.as_ref().is_some_and(|held| held.contains(&7) && *held != bytes)
        };
        assert!(seen.iter().any(torn));
        ops.push(("/d/f", What::Synced));
        assert_eq!(cuts(&disk(&ops)), [None, Some(bytes.clone())].into());
        ops.push(("/d", What::Synced));
        assert_eq!(cuts(&disk(&ops)), [Some(bytes)].into());
    }

    #[test]
    fn a_rename_is_one_step_and_safe_with_its_directory() {
        let mut ops = vec![
            ("/d/f", What::Made),
            ("/d/f", What::Wrote(0, b"old".into())),
            ("/d/f", What::Synced),
            ("/d", What::Synced),
            ("/d/n", What::Made),
            ("/d/n", What::Wrote(0, b"new".into())),
            ("/d/n", What::Synced),
            ("/d/n", What::Renamed("/d/f".into())),
        ];
        assert_eq!(cuts(&disk(&ops)), [Some(b"old".to_vec()), Some(b"new".to_vec())].into());
        ops.push(("/d", What::Synced));
        assert_eq!(cuts(&disk(&ops)), [Some(b"new".to_vec())].into());
    }
}
