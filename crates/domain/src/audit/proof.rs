//! Proofs that a record is in a log, as <https://c2sp.org/tlog-proof> has them. Whoever has the
//! verifier key can check one without the log.
//!
//! The record itself stands in the `extra` line, which is for "additional data necessary to
//! reconstruct the record hash": so one file is the record and its proof.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, decimal};
use super::note::{Note, NoteError, NoteKey, Verify};
use super::tree::{Hash, includes};

/// The first line (section *Format*).
const FIRST: &str = "c2sp.org/tlog-proof@v1";

/// A proof, before it is checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The record's exact bytes. "Applications MUST NOT implicitly trust the extra data": it is
    /// believed when [`Proof::check`] finds its hash under the signed root.
    pub extra: Option<Vec<u8>>,
    /// The record's place, from 0.
    pub index: u64,
    /// From the record's sibling up to the root's child.
    pub path: Vec<Hash>,
    /// The signed root.
    pub checkpoint: Note,
}

/// What is wrong with a proof.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofError {
    /// It does not have the form.
    #[error("it is not a proof of the form {FIRST}: {0}")]
    Malformed(&'static str),
    /// Its checkpoint is not to be believed.
    #[error("its checkpoint cannot be believed")]
    Checkpoint(#[from] NoteError),
    /// The checkpoint is of another log.
    #[error("its checkpoint is of the log {0}, which is not the key's")]
    Origin(String),
    /// The record is not under the root.
    #[error("the record is not number {number} of the {size} that the checkpoint signs")]
    NotThere {
        /// Its number, from 1.
        number: u64,
        /// How many there are.
        size: u64,
    },
}

impl Proof {
    /// Reads a proof.
    ///
    /// # Errors
    /// It does not have the form of the section *Format*.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let malformed = |why| ProofError::Malformed(why);
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(malformed("no empty line stands before a checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST) {
            return Err(malformed("its first line is another one"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(|line| &line[6..]);
        let extra = extra.map(|base64| STANDARD.decode(base64)).transpose();
        let extra = extra.map_err(|_| malformed("its extra data is not base64"))?;
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?));
        let index = index.ok_or(malformed("it has no line `index` with a number"))?;
        let path: Option<Vec<Hash>> = lines.map(Hash::parse).collect();
        let path = path.ok_or(malformed("a line of the path is not a hash"))?;
        Ok(Self { extra, index, path, checkpoint: Note::parse(checkpoint)? })
    }

    /// Checks that a record is where the proof says, in a log whose checkpoint one of the keys
    /// signed (section *Verifying a tlog proof*). No witnesses are asked for.
    ///
    /// # Errors
    /// It is not, or nobody known says so.
    pub fn check(
        &self,
        leaf: Hash,
        keys: &[NoteKey],
        verify: Verify<'_>,
    ) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, keys, verify)?;
        if keys.iter().all(|key| key.name() != checkpoint.origin) {
            return Err(ProofError::Origin(checkpoint.origin));
        }
        let Checkpoint { size, root, .. } = checkpoint;
        if includes(leaf, self.index, size, &self.path, root) {
            return Ok(checkpoint);
        }
        Err(ProofError::NotThere { number: self.index.saturating_add(1), size })
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
