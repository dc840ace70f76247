//! Checkpoints, as <https://c2sp.org/tlog-checkpoint> has them: which log, how many records, and
//! the root over them, in a signed note. And files that hold one checkpoint after another.

use super::note::{Note, NoteError, NoteKey, Verify};
use super::tree::{Hash, Tree};

/// What a checkpoint says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many records.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Of a log as it is now.
    #[must_use]
    pub fn of(origin: &str, tree: &Tree) -> Self {
        Self { origin: origin.to_owned(), size: tree.size(), root: tree.root() }
    }

    /// The note text (section *Note text*): origin, tree size, root hash, a line each. No
    /// extension lines: they are not recommended.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// Reads a note text. Extension lines are opaque and optional, so they are left alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        if origin.is_empty() || lines.any(str::is_empty) {
            return None;
        }
        Some(Self { origin: origin.to_owned(), size: decimal(size)?, root: Hash::parse(root)? })
    }

    /// What a note says that one of these keys signed.
    ///
    /// # Errors
    /// None of them did, or the note is no checkpoint.
    pub fn open(note: &Note, keys: &[NoteKey], verify: Verify<'_>) -> Result<Self, NoteError> {
        Self::parse(note.open(keys, verify)?)
            .ok_or(NoteError::Malformed("its text is not a checkpoint"))
    }

    /// What a note claims whoever signed it: for messages, never for a decision.
    #[must_use]
    pub fn claimed(note: &Note) -> Option<Self> {
        Self::parse(note.unverified())
    }
}

/// "The ASCII decimal representation, with no leading zeroes".
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading = text.len() > 1 && text.starts_with('0');
    if digits && !leading { text.parse().ok() } else { None }
}

/// A file of checkpoints, one after another, with empty lines between them or none. One
/// checkpoint alone is such a file.
///
/// # Errors
/// The line at which something begins that is not a checkpoint.
pub fn checkpoints(file: &str) -> Result<Vec<Note>, usize> {
    let mut notes = Vec::new();
    let mut lines = file.split_inclusive('\n').zip(1..).peekable();
    while let Some((first, line)) = lines.next() {
        if first == "\n" {
            continue;
        }
        // The text up to its empty line, then all signatures.
        let mut note = first.to_owned();
        let mut signed = false;
        while let Some((next, _)) = lines.peek() {
            let signature = next.starts_with('\u{2014}');
            if signed && !signature {
                break;
            }
            signed |= signature;
            note.push_str(next);
            lines.next();
        }
        match Note::parse(&note) {
            Ok(note) if Checkpoint::claimed(&note).is_some() => notes.push(note),
            _ => return Err(line),
        }
    }
    Ok(notes)
}
