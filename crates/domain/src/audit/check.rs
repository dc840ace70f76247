//! The check of a whole log, record by record as it goes by.

use super::checkpoint::Checkpoint;
use super::tree::{Hash, Tree};

/// Where and how a log is broken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    /// A record is missing, or two have changed places.
    #[error("record {expected} is missing; {found} stands in its place")]
    Order {
        /// The place that should come.
        expected: u64,
        /// The place that came.
        found: u64,
    },
    /// A record is not what its leaf was made of.
    #[error("record {0} and its hash do not fit: one of them was changed")]
    Record(u64),
    /// The log ends somewhere else than its checkpoint says.
    #[error("the log ends at record {found}, its checkpoint says {expected}")]
    Cut {
        /// Where the checkpoint says that it ends.
        expected: u64,
        /// Where it ends.
        found: u64,
    },
    /// The records are others than those that were signed.
    #[error("the {0} records are not those that were signed: some were changed or exchanged")]
    Root(u64),
    /// What the writer goes on from is not what the records give.
    #[error("the kept edge of the tree was changed; the records are those that were signed")]
    Edge,
    /// The checkpoint is missing, or not signed by this installation.
    #[error("the log's checkpoint is missing or not signed by this installation")]
    Head,
    /// The log is older than an anchor.
    #[error(
        "the log has {found} records, the anchor was made when it had {anchored}: it was set back"
    )]
    Behind {
        /// How many there were.
        anchored: u64,
        /// How many there are.
        found: u64,
    },
    /// The log does not go on from an anchor.
    #[error(
        "the first {0} records are not those of the anchor: the log was set back and written anew"
    )]
    Forked(u64),
    /// The anchor is of another log.
    #[error(
        "the anchor is of the log {anchored}, this is {found}: the database was replaced, or the anchor is another installation's"
    )]
    Other {
        /// Which log the anchor is of.
        anchored: String,
        /// Which log this is.
        found: String,
    },
}

/// A log that is being checked: against its own checkpoint, and against anchors, which are
/// earlier checkpoints that were kept elsewhere.
#[derive(Clone, Debug)]
pub struct Check {
    head: Checkpoint,
    /// By size, largest first: the next one is at the end.
    anchors: Vec<Checkpoint>,
    tree: Tree,
}

impl Check {
    /// Begins. The checkpoints' signatures were checked before.
    ///
    /// # Errors
    /// An anchor is of another log, or of a longer one.
    pub fn new(head: Checkpoint, mut anchors: Vec<Checkpoint>) -> Result<Self, Broken> {
        if let Some(other) = anchors.iter().find(|anchor| anchor.origin != head.origin) {
            return Err(Broken::Other { anchored: other.origin.clone(), found: head.origin });
        }
        anchors.sort_by_key(|anchor| std::cmp::Reverse(anchor.size));
        if let Some(Checkpoint { size: anchored, .. }) = anchors.first()
            && *anchored > head.size
        {
            return Err(Broken::Behind { anchored: *anchored, found: head.size });
        }
        let mut check = Self { head, anchors, tree: Tree::default() };
        check.pass()?;
        Ok(check)
    }

    /// The next record: its place from 1, its bytes, and the leaf that was kept with it.
    ///
    /// # Errors
    /// It is not the next one, does not fit its leaf, or ends what an anchor signs otherwise.
    pub fn record(&mut self, seq: u64, record: &[u8], kept: &[u8]) -> Result<Hash, Broken> {
        let expected = self.tree.size() + 1;
        if seq != expected {
            return Err(Broken::Order { expected, found: seq });
        }
        let leaf = Hash::leaf(record);
        if leaf.0 != kept {
            return Err(Broken::Record(seq));
        }
        self.leaf(leaf)?;
        Ok(leaf)
    }

    /// The next record, by its leaf.
    ///
    /// # Errors
    /// It ends what an anchor signs otherwise.
    pub fn leaf(&mut self, leaf: Hash) -> Result<(), Broken> {
        self.tree.push(leaf);
        self.pass()
    }

    /// No more records: the tree over them.
    ///
    /// # Errors
    /// They are fewer, more or others than the checkpoint signs.
    pub fn end(self) -> Result<Tree, Broken> {
        let (expected, found) = (self.head.size, self.tree.size());
        if expected != found {
            return Err(Broken::Cut { expected, found });
        }
        if self.head.root != self.tree.root() {
            return Err(Broken::Root(found));
        }
        Ok(self.tree)
    }

    /// Holds the tree against the anchors of this size.
    fn pass(&mut self) -> Result<(), Broken> {
        let size = self.tree.size();
        while let Some(anchor) = self.anchors.pop_if(|anchor| anchor.size <= size) {
            if anchor.root != self.tree.root() {
                return Err(Broken::Forked(size));
            }
        }
        Ok(())
    }
}
