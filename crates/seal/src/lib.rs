//! Values under a key, bound to their place.
//!
//! One [`Key`] per installation: opened from a file, the system's keyring or a passphrase, and
//! never used twice for two purposes ([`Key::derive`]). What is sealed with it carries the name
//! of its place, so that a value which was moved, swapped, cut or replayed does not open.

mod key;

mod key_file;
mod keyring;
mod passphrase;

mod change;

pub mod envelope;

mod value;

mod error;

pub use change::Instant;
pub use envelope::{EnvelopeError, For};
pub use error::{KeyError, SealError};
pub use key::Key;
