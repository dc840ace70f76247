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

    /// Which of the forms of one value is known, if one is.
    fn known_form(&self, forms: &[Fingerprint]) -> Option<Fingerprint> {
        forms.iter().find(|form| self.knows(form)).copied()
    }
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

/// What keeps most fingerprints that are not known from being looked up: a Bloom filter, which has
/// the last word where it says no, and never where it says yes.
///
/// All bits of one fingerprint lie in one block, as large as a line of the processor's cache, so
/// that a look at it waits for memory once ("Cache-, Hash- and Space-Efficient Bloom Filters",
/// Putze, Sanders, Singler, 2007).
#[derive(Clone, PartialEq, Eq)]
pub struct Sieve(Box<[Block]>);

type Block = [u64; 8];

/// How many bits there are for a fingerprint, at least: a million take 2 MiB.
const BITS_EACH: usize = 16;
/// How many of them are set. About one of a thousand strangers gets through.
const BITS_SET: usize = 6;

impl Sieve {
    /// One for so many fingerprints.
    #[must_use]
    pub fn for_so_many(fingerprints: usize) -> Self {
        let bits = fingerprints.clamp(32, 1 << 26).next_power_of_two() * BITS_EACH;
        Self(vec![[0; 8]; bits / 512].into_boxed_slice())
    }

    /// Makes a fingerprint known.
    pub fn add(&mut self, fingerprint: &Fingerprint) {
        let (block, bits) = self.place(fingerprint);
        for (word, bits) in self.0[block].iter_mut().zip(bits) {
            *word |= bits;
        }
    }

    /// Whether a fingerprint may be known; `false` is certain.
    #[must_use]
    pub fn lets_through(&self, fingerprint: &Fingerprint) -> bool {
        let (block, bits) = self.place(fingerprint);
        // To the end, whatever the first words say: a branch that nobody can foresee costs more.
        self.0[block].iter().zip(bits).fold(0, |missing, (word, bits)| missing | bits & !word) == 0
    }

    /// The whole filter, to be kept. What comes back from elsewhere must be what was kept: a bit
    /// that is missing is a token that is not found.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.as_flattened().iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// What was kept; nothing where it is of another size than one for so many fingerprints.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], fingerprints: usize) -> Option<Self> {
        let mut sieve = Self::for_so_many(fingerprints);
        let (words, rest) = bytes.as_chunks::<8>();
        let place = sieve.0.as_flattened_mut();
        if words.len() != place.len() || !rest.is_empty() {
            return None;
        }
        for (word, bytes) in place.iter_mut().zip(words) {
            *word = u64::from_le_bytes(*bytes);
        }
        Some(sieve)
    }

    /// One half of a fingerprint says which block, the other one which bits.
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
    fn place(&self, fingerprint: &Fingerprint) -> (usize, Block) {
        let bits = fingerprint.bits();
        // The number of blocks is a power of two.
        let block = (bits >> 64) as usize & (self.0.len() - 1);
        let mut set = [0; 8];
        for n in 0..BITS_SET {
            let bit = (bits >> (9 * n)) as usize % 512;
            set[bit / 64] |= 1 << (bit % 64);
        }
        (block, set)
    }
}

impl fmt::Debug for Sieve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sieve").field("bytes", &(self.0.len() * 64)).finish()
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

#[cfg(test)]
mod tests {
    use domain::FingerprintKey;

    use super::*;

    fn fingerprint(number: u64) -> Fingerprint {
        FingerprintKey::new([7; 32]).maker().of(&number.to_be_bytes())
    }

    #[test]
    fn a_sieve_lets_all_known_ones_through_and_few_others() {
        for many in [0, 1, 9, 1_000, 100_000] {
            let mut sieve = Sieve::for_so_many(usize::try_from(many).expect("small"));
            (1..=many).for_each(|number| sieve.add(&fingerprint(number)));
            assert!((1..=many).all(|number| sieve.lets_through(&fingerprint(number))), "{many}");
            let others = many + 1..=many + 10_000;
            let through = others.filter(|number| sieve.lets_through(&fingerprint(*number))).count();
            assert!(through < 30, "{through} of 10000 strangers beside {many}");
            let number = usize::try_from(many).expect("small");
            let kept = sieve.to_bytes();
            assert_eq!(Sieve::from_bytes(&kept, number).as_ref(), Some(&sieve));
            assert_eq!(Sieve::from_bytes(&kept[1..], number), None, "a piece is missing");
            assert_eq!(Sieve::from_bytes(&kept, 3 * number.max(32)), None, "for more of them");
        }
    }
}
