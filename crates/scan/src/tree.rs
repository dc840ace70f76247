//! Files of a directory, in parallel.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use ignore::{WalkBuilder, WalkState};
use zeroize::Zeroizing;

use crate::{Scanner, Sighting};

/// What was read of a directory.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// What was seen: the file, whether it was seen in its name, and what.
    pub seen: Vec<(PathBuf, bool, Sighting)>,
    /// How many files were looked at.
    pub files: u64,
    /// Files and directories that could not be read, with why.
    pub unread: Vec<String>,
}

enum Told {
    File(PathBuf, Vec<Sighting>, Vec<Sighting>),
    Unread(String),
}

/// Looks at every file under a path. Files that git ignores are looked at, too, unless `tracked_only`:
/// a `.env` lies there. `.git` is not: that is what the history is for.
#[must_use]
pub fn tree(root: &Path, scanner: &Scanner, tracked_only: bool, threads: usize) -> Tree {
    let mut builder = WalkBuilder::new(root);
    builder
        .standard_filters(false)
        .hidden(false)
        .follow_links(false)
        .threads(threads)
        .filter_entry(|entry| entry.file_name() != ".git");
    if tracked_only {
        builder.git_ignore(true).git_exclude(true).git_global(true).parents(true);
    }
    let (send, told) = mpsc::channel();
    builder.build_parallel().run(|| {
        let (send, mut scanner) = (send.clone(), scanner.clone());
        Box::new(move |entry| {
            let said = match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    one(entry.path(), &mut scanner)
                }
                Ok(_) => return WalkState::Continue,
                Err(error) => Told::Unread(error.to_string()),
            };
            // Whoever listens is there until everybody has said everything.
            let _ = send.send(said);
            WalkState::Continue
        })
    });
    drop(send);
    let mut tree = Tree::default();
    for said in told {
        match said {
            Told::File(path, named, held) => {
                tree.files += 1;
                let named = named.into_iter().map(|one| (path.clone(), true, one));
                tree.seen.extend(named);
                tree.seen.extend(held.into_iter().map(|one| (path.clone(), false, one)));
            }
            Told::Unread(why) => tree.unread.push(why),
        }
    }
    tree.seen.sort_by(|a, b| (&a.0, a.2.line, a.2.column).cmp(&(&b.0, b.2.line, b.2.column)));
    tree
}

fn one(path: &Path, scanner: &mut Scanner) -> Told {
    let name = path.to_string_lossy();
    let (mut named, mut held) = (Vec::new(), Vec::new());
    scanner.names(name.as_bytes(), &mut named);
    let read = File::open(path).and_then(|file| stream(file, Some(&name), scanner, &mut held));
    match read {
        Ok(()) => Told::File(path.to_owned(), named, held),
        Err(error) => Told::Unread(format!("{}: {error}", path.display())),
    }
}

/// So much is held in memory at once.
const CHUNK: usize = 64 << 20;
/// So much of a chunk is looked at once more with the next one, for what lies across the border.
const OVERLAP: usize = 64 << 10;

/// Looks at everything that can be read from somewhere, in bounded memory.
///
/// # Errors
/// It cannot be read.
pub fn stream(
    mut from: impl Read,
    path: Option<&str>,
    scanner: &mut Scanner,
    found: &mut Vec<Sighting>,
) -> std::io::Result<()> {
    let mut buffer = Zeroizing::new(Vec::new());
    let (mut lines_before, mut kept) = (0_u64, 0_usize);
    loop {
        let room = CHUNK - buffer.len();
        let came = from.by_ref().take(room as u64).read_to_end(&mut buffer)?;
        let last = came < room;
        let before = found.len();
        scanner.document(&buffer, path, found);
        if kept > 0 {
            // What lies wholly in what was looked at already was found already.
            let border = memchr::memchr_iter(b'\n', &buffer[..kept]).count() as u64 + 1;
            let mut at = 0;
            found.retain(|one| {
                at += 1;
                at <= before || one.line == 0 || one.line >= border
            });
        }
        found[before..]
            .iter_mut()
            .filter(|one| one.line > 0)
            .for_each(|one| one.line += lines_before);
        dedup(found, before);
        if last {
            return Ok(());
        }
        let from = buffer.len() - OVERLAP;
        // The overlap begins with a line, if there is one in it.
        let from = memchr::memchr(b'\n', &buffer[from..]).map_or(from, |feed| from + feed + 1);
        lines_before += memchr::memchr_iter(b'\n', &buffer[..from]).count() as u64;
        buffer.drain(..from);
        kept = buffer.len();
    }
}

/// One that lies in the overlap is found twice, in the same place.
fn dedup(found: &mut Vec<Sighting>, from: usize) {
    let (old, new) = found.split_at(from);
    let twice: Vec<bool> = new
        .iter()
        .map(|one| {
            old.iter().any(|other| {
                (other.fingerprint, other.line, other.column)
                    == (one.fingerprint, one.line, one.column)
            })
        })
        .collect();
    let mut at = 0;
    found.retain(|_| {
        at += 1;
        at <= from || !twice[at - from - 1]
    });
}
