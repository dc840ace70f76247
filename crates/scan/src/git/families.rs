//! The objects of a pack by *families*: one that is stored whole, and all that is made of it by
//! deltas.
//!
//! Each delta is inflated once and applied once. A family is walked in depth, and of an object's
//! children the one with the most descendants comes last, when the object itself is needed no
//! more: a chain holds two objects at a time, and a family of n no more than about log n. Where an
//! object is quiet, only what its children insert is looked at (`quiet.rs`).
//!
//! Nothing is verified on the way. What is broken is told, and so is how many objects are left out
//! because of it; all others are read.

use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{panic, thread};

use gix_hash::Kind as Hash;
use gix_object::Kind;
use gix_pack::data::entry::Header;
use gix_zlib::Inflate;

use super::delta::{Broken, Delta};
use super::kin::Kin;
use super::reader::{Met, Reader};
use crate::Scanner;

/// The largest object that is read, in bytes.
pub(super) const OBJECT_MAX: u64 = 1 << 30;
/// A buffer of at most so many bytes is used again.
const KEPT_MAX: usize = 8 << 20;
/// So many buffers are kept for it.
const BUFFERS_MAX: usize = 8;

/// What was read of a pack.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) met: Met,
    /// Objects that could not be read, with why.
    pub(super) unread: Vec<String>,
    /// Objects that are too large.
    pub(super) too_large: u64,
}

impl Read {
    /// Whether nothing was left out.
    pub(super) fn whole(&self) -> bool {
        self.unread.is_empty() && self.too_large == 0
    }

    /// Adds what another thread has read.
    fn join(&mut self, other: Self) {
        self.met.join(other.met);
        self.unread.extend(other.unread);
        self.too_large += other.too_large;
    }
}

/// Why an object was not read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("it is larger than 1 GiB")]
    TooLarge,
    #[error(transparent)]
    Delta(#[from] Broken),
    #[error("{0}")]
    Entry(String),
}

/// Looks at every object of a pack, on so many threads, or on as many as there are cores.
///
/// # Errors
/// The pack or its index cannot be opened.
pub(super) fn families(
    index: &Path,
    hash: Hash,
    scanner: &Scanner,
    threads: Option<usize>,
) -> Result<Read, String> {
    let (kin, unread) = Kin::of(index, hash)?;
    let cores = || thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.unwrap_or_else(cores).clamp(1, kin.roots.len().max(1));
    let next = AtomicUsize::new(0);
    let run = || {
        let mut walk = Walk::new(&kin, Reader::new(scanner, hash));
        while let Some(root) = kin.roots.get(next.fetch_add(1, Ordering::Relaxed)) {
            walk.family(*root as usize);
        }
        walk.done()
    };
    let mut read = Read { unread, ..Read::default() };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        read.join(run());
        for other in others {
            read.join(other.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)));
        }
    });
    let told = read.met.objects + read.unread.len() as u64 + read.too_large;
    let left_out = (kin.len() as u64).saturating_sub(told);
    if left_out > 0 {
        read.unread.push(format!("{left_out} objects that are made of what could not be read"));
    }
    Ok(read)
}

/// A thread's walk over families.
struct Walk<'k> {
    kin: &'k Kin,
    reader: Reader,
    inflate: Inflate,
    delta: Vec<u8>,
    edits: Vec<Range<usize>>,
    /// Buffers that may be used again.
    buffers: Vec<Vec<u8>>,
    unread: Vec<String>,
    too_large: u64,
}

/// An object that others are made of.
struct Base {
    bytes: Vec<u8>,
    quiet: bool,
    /// The next one to be made of it, unless only the heir is left.
    next: Option<usize>,
    heir: usize,
}

impl<'k> Walk<'k> {
    fn new(kin: &'k Kin, reader: Reader) -> Self {
        Self {
            kin,
            reader,
            inflate: Inflate::default(),
            delta: Vec::new(),
            edits: Vec::new(),
            buffers: Vec::new(),
            unread: Vec::new(),
            too_large: 0,
        }
    }

    fn done(self) -> Read {
        Read { met: self.reader.done(), unread: self.unread, too_large: self.too_large }
    }

    /// Looks at an object that is stored whole, and at all that is made of it.
    fn family(&mut self, root: usize) {
        let mut bytes = self.buffers.pop().unwrap_or_default();
        let kind = match whole(self.kin, root, &mut self.inflate, &mut bytes) {
            Ok(kind) => kind,
            Err(why) => return self.tell(root, &why),
        };
        let quiet = self.reader.look(self.kin.id(root), kind, &bytes);
        let mut bases = Vec::new();
        self.keep(root, bytes, quiet, &mut bases);
        while let Some(base) = bases.last_mut() {
            let number = base.next.unwrap_or(base.heir);
            let last = base.next.is_none();
            base.next = base.next.and_then(|next| self.kin.sibling(next));
            let made = self.child(number, kind, base);
            if last && let Some(base) = bases.pop() {
                self.use_again(base.bytes);
            }
            match made {
                Ok((bytes, quiet)) => self.keep(number, bytes, quiet, &mut bases),
                Err(why) => self.tell(number, &why),
            }
        }
    }

    /// Makes an object and looks at it.
    fn child(&mut self, number: usize, kind: Kind, base: &Base) -> Result<(Vec<u8>, bool), Unread> {
        inflated(self.kin, number, &mut self.inflate, &mut self.delta)?;
        let delta = Delta::read(&self.delta)?;
        if delta.length > OBJECT_MAX {
            return Err(Unread::TooLarge);
        }
        let mut bytes = self.buffers.pop().unwrap_or_default();
        delta.apply(&base.bytes, &mut bytes, &mut self.edits)?;
        let id = self.kin.id(number);
        let quiet = if base.quiet {
            self.reader.look_at_edits(id, kind, &bytes, &self.edits)
        } else {
            self.reader.look(id, kind, &bytes)
        };
        Ok((bytes, quiet))
    }

    /// Keeps an object for those that are made of it.
    fn keep(&mut self, number: usize, bytes: Vec<u8>, quiet: bool, bases: &mut Vec<Base>) {
        match self.kin.heir(number) {
            Some(heir) => bases.push(Base { bytes, quiet, next: self.kin.sibling(heir), heir }),
            None => self.use_again(bytes),
        }
    }

    /// Takes back a buffer.
    fn use_again(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_MAX && self.buffers.len() < BUFFERS_MAX {
            self.buffers.push(buffer);
        }
    }

    /// Tells that an object was not read.
    fn tell(&mut self, number: usize, why: &Unread) {
        match why {
            Unread::TooLarge => self.too_large += 1,
            why => self.unread.push(format!("object {}: {why}", self.kin.id(number))),
        }
    }
}

/// Reads an object that is stored whole.
fn whole(
    kin: &Kin,
    number: usize,
    inflate: &mut Inflate,
    out: &mut Vec<u8>,
) -> Result<Kind, Unread> {
    let header = inflated(kin, number, inflate, out)?;
    header.as_kind().ok_or(Unread::Delta(Broken::Base))
}

/// Inflates what is stored of an object.
fn inflated(
    kin: &Kin,
    number: usize,
    inflate: &mut Inflate,
    out: &mut Vec<u8>,
) -> Result<Header, Unread> {
    let entry =
        kin.pack.entry(kin.offset(number)).map_err(|error| Unread::Entry(error.to_string()))?;
    if entry.decompressed_size > OBJECT_MAX {
        return Err(Unread::TooLarge);
    }
    out.resize(entry.decompressed_size as usize, 0);
    kin.pack
        .decompress_entry(&entry, inflate, out)
        .map_err(|error| Unread::Entry(error.to_string()))?;
    Ok(entry.header)
}

#[cfg(test)]
mod tests;
