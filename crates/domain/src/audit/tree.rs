//! The Merkle tree over the records: RFC 6962, section 2.1, with SHA-256.
//!
//! A [`Tree`] keeps its right edge alone, the roots of the perfect subtrees that it consists of
//! (at most 64), so that one more record costs a few hashes however long the log is, and the root
//! is known after each. [`Prover`] collects the path of one record while the log goes by.

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// A hash in the tree. It is written in base64, as checkpoints and proofs have it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Of a record: `SHA-256(0x00 || record)` (RFC 6962, section 2.1).
    #[must_use]
    pub fn leaf(record: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(record).finalize().into())
    }

    /// Of two subtrees: `SHA-256(0x01 || left || right)` (RFC 6962, section 2.1).
    #[must_use]
    pub fn node(left: Self, right: Self) -> Self {
        let digest = Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0);
        Self(digest.finalize().into())
    }

    /// Of the tree without records: `SHA-256()` (RFC 6962, section 2.1).
    #[must_use]
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// Reads what `Display` writes; nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(STANDARD.decode(text).ok()?.try_into().ok()?))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A tree that grows to the right.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tree {
    size: u64,
    /// The roots of its perfect subtrees, largest first: one for each 1 in the binary `size`.
    edge: Vec<Hash>,
}

impl Tree {
    /// How many records it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a record by its [`Hash::leaf`].
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each 1 at the end of the size is a subtree as large as what comes from the right.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                hash = Hash::node(left, hash);
            }
        }
        self.edge.push(hash);
        self.size += 1;
    }

    /// The root: `MTH(D[size])` of RFC 6962, section 2.1.
    #[must_use]
    pub fn root(&self) -> Hash {
        let fold = self.edge.iter().rev().copied().reduce(|right, left| Hash::node(left, right));
        fold.unwrap_or_else(Hash::empty)
    }

    /// The right edge as bytes, for keeping it.
    #[must_use]
    pub fn edge(&self) -> Vec<u8> {
        self.edge.iter().flat_map(|hash| hash.0).collect()
    }

    /// The tree with this many records and this edge, if there is one. Whether it is the right
    /// one is said by its root.
    #[must_use]
    pub fn from_edge(size: u64, edge: &[u8]) -> Option<Self> {
        let (hashes, rest) = edge.as_chunks::<32>();
        let fits = rest.is_empty() && hashes.len() as u64 == u64::from(size.count_ones());
        fits.then(|| Self { size, edge: hashes.iter().copied().map(Hash).collect() })
    }
}

/// Collects the path of one record: `PATH(m, D[n])` of RFC 6962, section 2.1.1.
#[derive(Clone, Debug)]
pub struct Prover {
    /// How many records went by.
    seen: u64,
    size: u64,
    /// The subtrees beside the way from the record up to the root.
    siblings: Vec<(Range<u64>, Tree)>,
}

impl Prover {
    /// For the record at this index (from 0) in a tree of this size; `None` if it has no such
    /// record.
    #[must_use]
    pub fn new(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let (mut from, mut to) = (0, size);
        let mut siblings = Vec::new();
        while to - from > 1 {
            // The largest power of two that is smaller than the number of records.
            let split = from + (1 << (to - from - 1).ilog2());
            let (sibling, within) =
                if index < split { (split..to, from..split) } else { (from..split, split..to) };
            siblings.push((sibling, Tree::default()));
            (from, to) = (within.start, within.end);
        }
        siblings.reverse();
        Some(Self { seen: 0, size, siblings })
    }

    /// The next record of the log, by its [`Hash::leaf`].
    pub fn push(&mut self, leaf: Hash) {
        let here = self.seen;
        if let Some((_, tree)) = self.siblings.iter_mut().find(|(range, _)| range.contains(&here)) {
            tree.push(leaf);
        }
        self.seen += 1;
    }

    /// The path, from the record's sibling to the root's child; `None` before every record of the
    /// tree went by.
    #[must_use]
    pub fn path(&self) -> Option<Vec<Hash>> {
        let whole = self.seen >= self.size;
        whole.then(|| self.siblings.iter().map(|(_, tree)| tree.root()).collect())
    }
}

/// Whether the path leads from a record to the root (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn includes(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for &sibling in path {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            hash = Hash::node(sibling, hash);
            // Above a right edge that is not full, there are no siblings for some levels.
            while node % 2 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = Hash::node(hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> String {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn tree(leaves: &[Hash]) -> Tree {
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        tree
    }

    fn numbered(count: u64) -> Vec<Hash> {
        (0..count).map(|number| Hash::leaf(&number.to_be_bytes())).collect()
    }

    /// The tree by its definition, without any cleverness: RFC 6962, section 2.1.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::empty(),
            [one] => *one,
            more => {
                let (left, right) = more.split_at(1 << (more.len() - 1).ilog2());
                Hash::node(defined(left), defined(right))
            }
        }
    }

    /// The records and roots with which Certificate Transparency's own implementations are
    /// tested (`merkle_tree_test.cc`).
    #[test]
    fn the_known_trees_have_the_known_roots() {
        let records: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        assert_eq!(hex(tree.root()), roots[0]);
        for (record, root) in records.iter().zip(&roots[1..]) {
            tree.push(Hash::leaf(record));
            assert_eq!(hex(tree.root()), *root);
        }
    }

    #[test]
    fn a_tree_is_what_the_definition_says_and_goes_on_from_its_edge() {
        let leaves = numbered(130);
        for count in 0..=leaves.len() {
            let grown = tree(&leaves[..count]);
            assert_eq!(grown.root(), defined(&leaves[..count]));
            let kept = Tree::from_edge(count as u64, &grown.edge()).unwrap();
            assert_eq!(kept, grown);
            assert_eq!(Tree::from_edge(count as u64 + 1, &[grown.edge(), vec![0]].concat()), None);
        }
    }

    #[test]
    fn every_path_proves_its_record_and_nothing_else() {
        for size in 0..=35_u64 {
            let leaves = numbered(size);
            let root = tree(&leaves).root();
            assert!(Prover::new(size, size).is_none());
            for (index, leaf) in (0..).zip(&leaves) {
                let mut prover = Prover::new(index, size).unwrap();
                assert!(size == 0 || prover.path().is_none());
                leaves.iter().for_each(|leaf| prover.push(*leaf));
                let path = prover.path().unwrap();
                assert!(includes(*leaf, index, size, &path, root));
                for other in 0..=size {
                    assert_eq!(includes(*leaf, other, size, &path, root), other == index);
                }
                assert!(!includes(Hash::leaf(b"other"), index, size, &path, root));
                assert!(!includes(*leaf, index, size, &path, Hash::empty()));
                let longer = [path.as_slice(), &[Hash::empty()]].concat();
                assert!(!includes(*leaf, index, size, &longer, root));
                for at in 0..path.len() {
                    let mut changed = path.clone();
                    changed[at].0[0] ^= 1;
                    assert!(!includes(*leaf, index, size, &changed, root));
                    changed.remove(at);
                    assert!(!includes(*leaf, index, size, &changed, root));
                }
            }
        }
    }
}
