//! Git repositories, read without git: every object that lies there, reachable or not, and every
//! place beside the objects.

mod attribution;
mod delta;
mod families;
mod kin;
mod meta;
mod objects;
mod range;
mod reader;
mod refs;
mod repository;
mod staged;

pub use attribution::Attribution;
pub use delta::{Broken, Delta};
pub use meta::meta;
pub use objects::{Objects, Packs, every_object, unread_bytes};
pub use range::{Range, range, resolve};
pub use refs::{Ref, refs};
pub use repository::{GitError, Repository};
pub use staged::staged;

pub use gix_hash::ObjectId;
use gix_object::Kind;

use crate::Sighting;

/// Something that was seen in an object.
#[derive(Clone, Debug)]
pub struct InObject {
    /// The object.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
    /// What was seen.
    pub sighting: Sighting,
}
