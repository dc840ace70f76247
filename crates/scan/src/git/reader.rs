//! A thread's own look at objects, and what it has met; nothing is shared until it is done.

use std::ops::Range;

use gix_hash::{Kind as Hash, ObjectId, oid};
use gix_object::Kind;
use gix_object::commit::ref_iter::Token;

use super::InObject;
use crate::quiet::{quiet_document, quiet_names};
use crate::{Scanner, Sighting};

/// So many sightings are kept; whoever has more has other worries.
pub(super) const SIGHTINGS_MAX: usize = 200_000;

/// What was met.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) seen: Vec<InObject>,
    /// Commits: when, which, and their trees.
    pub(super) commits: Vec<(i64, ObjectId, ObjectId)>,
    /// How many objects were looked at.
    pub(super) objects: u64,
}

impl Met {
    /// Adds what another thread has met.
    pub(super) fn join(&mut self, other: Self) {
        let room = SIGHTINGS_MAX.saturating_sub(self.seen.len());
        self.seen.extend(other.seen.into_iter().take(room));
        self.commits.extend(other.commits);
        self.objects += other.objects;
    }
}

/// Looks at one object after the other.
pub(super) struct Reader {
    scanner: Scanner,
    hash: Hash,
    found: Vec<Sighting>,
    pub(super) met: Met,
    /// Bytes of quiet objects, which the scanner has not counted itself.
    quiet: u64,
}

impl Reader {
    pub(super) fn new(scanner: &Scanner, hash: Hash) -> Self {
        let (scanner, found) = (scanner.clone(), Vec::new());
        Self { scanner, hash, found, met: Met::default(), quiet: 0 }
    }

    /// What it has met.
    pub(super) fn done(self) -> Met {
        self.scanner.count(self.quiet);
        self.met
    }

    /// Looks at a whole object, and tells whether it is quiet.
    pub(super) fn look(&mut self, id: &oid, kind: Kind, bytes: &[u8]) -> bool {
        let quiet = match kind {
            Kind::Tree => self.scanner.names(bytes, &mut self.found),
            Kind::Blob | Kind::Commit | Kind::Tag => {
                self.scanner.document(bytes, None, &mut self.found)
            }
        };
        self.passed(id, kind, bytes);
        let room = SIGHTINGS_MAX.saturating_sub(self.met.seen.len());
        let found = self.found.drain(..).take(room);
        let seen = found.map(|sighting| InObject { id: id.to_owned(), kind, sighting });
        self.met.seen.extend(seen);
        quiet
    }

    /// Looks at an object that was made of a quiet one by these edits: as a whole only where one of
    /// them is not quiet.
    pub(super) fn look_at_edits(
        &mut self,
        id: &oid,
        kind: Kind,
        bytes: &[u8],
        edits: &[Range<usize>],
    ) -> bool {
        let quiet = match kind {
            Kind::Tree => quiet_names(bytes, edits),
            Kind::Blob | Kind::Commit | Kind::Tag => quiet_document(bytes, edits),
        };
        if !quiet {
            return self.look(id, kind, bytes);
        }
        self.quiet += bytes.len() as u64;
        self.passed(id, kind, bytes);
        true
    }

    /// Counts an object, and remembers a commit.
    fn passed(&mut self, id: &oid, kind: Kind, bytes: &[u8]) {
        self.met.objects += 1;
        if kind == Kind::Commit
            && let Some((time, tree)) = commit(bytes, self.hash)
        {
            self.met.commits.push((time, id.to_owned(), tree));
        }
    }
}

/// When a commit was made, and its tree.
pub(super) fn commit(bytes: &[u8], hash: Hash) -> Option<(i64, ObjectId)> {
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
