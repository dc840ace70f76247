//! Which fingerprints are ours.

use std::collections::HashSet;
use std::fmt;

use domain::Fingerprint;

/// Tells of a fingerprint whether it is one of this installation's tokens, in whatever state. Asked
/// for every different value that has a token's form, so its cost must not grow with the number
/// of tokens.
pub trait Known: Send + Sync {
    /// Whether it is known.
    fn knows(&self, fingerprint: &Fingerprint) -> bool;
}

impl Known for HashSet<Fingerprint> {
    fn knows(&self, fingerprint: &Fingerprint) -> bool {
        self.contains(fingerprint)
    }
}

/// Nobody's tokens: a scan without an inventory.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Known for Nothing {
    fn knows(&self, _fingerprint: &Fingerprint) -> bool {
        false
    }
}

/// Values that were asked for already and are not ours, by what is left of them when letters'
/// case is taken away. It forgets: a value that shares its place with another one is asked for
/// again, which costs time and nothing else.
#[derive(Clone)]
pub(crate) struct Strangers(Box<[u128]>);

/// How many places there are; 1 MiB a thread.
const PLACES: usize = 1 << 16;

impl Strangers {
    pub(crate) fn new() -> Self {
        Self(vec![0; PLACES].into_boxed_slice())
    }

    /// Whether this UUID was noted.
    pub(crate) fn noted(&self, uuid: u128) -> bool {
        uuid != 0 && self.0[place(uuid)] == uuid
    }

    /// Notes it.
    pub(crate) fn note(&mut self, uuid: u128) {
        self.0[place(uuid)] = uuid;
    }
}

impl fmt::Debug for Strangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Strangers(hidden)")
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn place(uuid: u128) -> usize {
    let mixed = (uuid as u64 ^ (uuid >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 48) as usize % PLACES
}

/// The number that a UUID is.
pub(crate) fn number(characters: &[u8]) -> u128 {
    let digits = characters.iter().filter_map(|byte| char::from(*byte).to_digit(16));
    digits.fold(0, |number, digit| number << 4 | u128::from(digit))
}
