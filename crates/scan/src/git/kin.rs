//! Which object of a pack is made of which.

use std::path::Path;

use gix_hash::{Kind as Hash, oid};
use gix_pack::data::File as Pack;
use gix_pack::data::entry::Header;
use gix_pack::index::File as Index;

/// A pack, and how its objects are related. They are numbered as they lie in it.
pub(super) struct Kin {
    pub(super) pack: Pack,
    index: Index,
    members: Vec<Member>,
    /// Those that are stored whole.
    pub(super) roots: Vec<u32>,
}

/// An object of a pack.
struct Member {
    /// Where it lies in the pack.
    offset: u64,
    /// Its place in the index.
    place: u32,
    /// Of the objects that are made of it the one that most others come from.
    heir: u32,
    /// Another object that is made of what it is made of.
    sibling: u32,
    /// How many objects come from it, with itself.
    size: u32,
}

/// No object: no index of a pack counts so far.
const NONE: u32 = u32::MAX;

impl Kin {
    /// Reads the head of every object, and tells which have none, or are made of what is not in the
    /// pack.
    ///
    /// # Errors
    /// The pack or its index cannot be opened.
    pub(super) fn of(index: &Path, hash: Hash) -> Result<(Self, Vec<String>), String> {
        let pack = Pack::at(index.with_extension("pack"), hash).map_err(text)?;
        let index = Index::at(index, hash).map_err(text)?;
        let member = |place| Member {
            offset: index.pack_offset_at_index(place),
            place,
            heir: NONE,
            sibling: NONE,
            size: 1,
        };
        let mut members: Vec<Member> = (0..index.num_objects()).map(member).collect();
        members.sort_unstable_by_key(|member| member.offset);
        let mut kin = Self { pack, index, members, roots: Vec::new() };
        let unread = kin.relate();
        Ok((kin, unread))
    }

    /// Puts every object under the one that it is made of. That one mostly lies before it, and so
    /// learns of all that come from it if the last ones go first.
    fn relate(&mut self) -> Vec<String> {
        let mut unread = Vec::new();
        for number in (0..self.members.len()).rev() {
            match self.base(number) {
                Ok(Some(base)) => self.adopt(base, number),
                Ok(None) => self.roots.push(number as u32),
                Err(why) => unread.push(format!("object {}: {why}", self.id(number))),
            }
        }
        self.roots.reverse();
        unread
    }

    /// The object that another one is made of; none where it is stored whole.
    fn base(&self, number: usize) -> Result<Option<usize>, String> {
        let offset = self.members[number].offset;
        let (before, base) = match self.pack.entry(offset).map_err(text)?.header {
            Header::OfsDelta { base_distance } => (number, offset.checked_sub(base_distance)),
            Header::RefDelta { base_id } => {
                let place = self.index.lookup(base_id);
                let offset = place.map(|place| self.index.pack_offset_at_index(place));
                (self.members.len(), offset)
            }
            Header::Blob | Header::Tree | Header::Commit | Header::Tag => return Ok(None),
        };
        let found = base.and_then(|base| {
            self.members[..before].binary_search_by_key(&base, |member| member.offset).ok()
        });
        found.map(Some).ok_or_else(|| "what it is made of is not in this pack".to_owned())
    }

    fn adopt(&mut self, base: usize, child: usize) {
        let (heir, size) = (self.members[base].heir, self.members[child].size);
        self.members[base].size = self.members[base].size.saturating_add(size);
        match self.members.get_mut(heir as usize) {
            Some(elder) if elder.size >= size => {
                let sibling = std::mem::replace(&mut elder.sibling, child as u32);
                self.members[child].sibling = sibling;
            }
            _ => {
                self.members[child].sibling = heir;
                self.members[base].heir = child as u32;
            }
        }
    }

    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Where an object lies in the pack.
    pub(super) fn offset(&self, number: usize) -> u64 {
        self.members[number].offset
    }

    /// How an object is called.
    pub(super) fn id(&self, number: usize) -> &oid {
        self.index.oid_at_index(self.members[number].place)
    }

    /// Of the objects that are made of one that from which most others come.
    pub(super) fn heir(&self, number: usize) -> Option<usize> {
        some(self.members[number].heir)
    }

    /// The next of an heir's siblings.
    pub(super) fn sibling(&self, number: usize) -> Option<usize> {
        some(self.members[number].sibling)
    }
}

fn some(number: u32) -> Option<usize> {
    (number != NONE).then_some(number as usize)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
