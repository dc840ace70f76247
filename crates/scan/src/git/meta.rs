//! Everything of a repository that is no object: its settings, hooks, reflogs, the names of refs
//! and of files in the index, what a commit or a rebase in progress has left.

use std::fs;
use std::path::{Path, PathBuf};

use super::Repository;
use super::repository::is_git_dir;
use crate::{Scanner, Sighting};

/// What was seen in a file beside the objects.
#[derive(Clone, Debug)]
pub struct InFile {
    /// The file.
    pub path: PathBuf,
    /// Whether it was seen in a name: of the file itself, or of one that the index lists.
    pub named: bool,
    /// What was seen.
    pub sighting: Sighting,
}

/// What was read beside the objects.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// What was seen.
    pub seen: Vec<InFile>,
    /// How many files were looked at.
    pub files: u64,
    /// Files that could not be read, with why.
    pub unread: Vec<String>,
    /// Repositories of submodules that lie within this one.
    pub inner: Vec<PathBuf>,
}

/// The largest file beside the objects that is read, in bytes.
const FILE_MAX: u64 = 256 << 20;

/// Looks at everything that is no object.
#[must_use]
pub fn meta(repository: &Repository, scanner: &Scanner) -> Meta {
    let mut meta = Meta::default();
    let mut scanner = scanner.clone();
    walk(&repository.git_dir, &repository.git_dir, &mut scanner, &mut meta);
    if repository.common_dir != repository.git_dir {
        walk(&repository.common_dir, &repository.common_dir, &mut scanner, &mut meta);
    }
    index(repository, &mut scanner, &mut meta);
    meta
}

fn walk(root: &Path, directory: &Path, scanner: &mut Scanner, meta: &mut Meta) {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            meta.unread.push(format!("{}: {error}", directory.display()));
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            let objects = directory == root && entry.file_name() == "objects";
            if !objects && is_git_dir(&path) {
                meta.inner.push(path);
            } else if !objects {
                walk(root, &path, scanner, meta);
            }
        } else if kind.is_file() {
            file(root, &path, scanner, meta);
        }
    }
}

fn file(root: &Path, path: &Path, scanner: &mut Scanner, meta: &mut Meta) {
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    let mut push = |named: bool, found: Vec<Sighting>| {
        let path = path.to_owned();
        meta.seen.extend(found.into_iter().map(|sighting| InFile {
            path: path.clone(),
            named,
            sighting,
        }));
    };
    let mut found = Vec::new();
    scanner.names(name.as_bytes(), &mut found);
    push(true, found);
    let size = fs::metadata(path).map_or(0, |about| about.len());
    let read =
        if size > FILE_MAX { Err(std::io::Error::other("too large")) } else { fs::read(path) };
    match read {
        Ok(bytes) => {
            let mut found = Vec::new();
            scanner.document(&bytes, Some(&format!(".git/{name}")), &mut found);
            // The index is read as what it is, below.
            if name != "index" {
                push(false, found);
            }
            meta.files += 1;
        }
        // What git writes now may be gone a moment later.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => meta.unread.push(format!("{}: {error}", path.display())),
    }
}

/// The names in the index; what they hold are objects.
fn index(repository: &Repository, scanner: &mut Scanner, meta: &mut Meta) {
    let path = repository.git_dir.join("index");
    if !path.is_file() {
        return;
    }
    let options = gix_index::decode::Options::default();
    match gix_index::File::at(&path, repository.hash, true, options) {
        Ok(index) => {
            for entry in index.entries() {
                let mut found = Vec::new();
                scanner.names(entry.path(&index), &mut found);
                let seen = found.into_iter();
                meta.seen.extend(seen.map(|sighting| InFile {
                    path: path.clone(),
                    named: true,
                    sighting,
                }));
            }
        }
        Err(error) => meta.unread.push(format!("{}: {error}", path.display())),
    }
}
