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

/// What keeps most fingerprints that are not known from being looked up: a table of bits with one
/// for each of them. It has the last word where it says no, and never where it says yes.
pub struct Sieve {
    words: Box<[u64]>,
    /// By how much the first 64 bits are shifted to become a place in the table.
    shift: u32,
}

impl Sieve {
    /// One for so many fingerprints, at 128 to 256 bits each: less than one of a hundred strangers
    /// gets through. A million take 16 MiB.
    #[must_use]
    pub fn for_so_many(fingerprints: usize) -> Self {
        let bits = fingerprints.clamp(8, 1 << 24).next_power_of_two() * 128;
        Self { words: vec![0; bits / 64].into_boxed_slice(), shift: 64 - bits.trailing_zeros() }
    }

    /// Makes a fingerprint known.
    pub fn add(&mut self, fingerprint: &Fingerprint) {
        let (word, bit) = self.place(fingerprint);
        self.words[word] |= bit;
    }

    /// Whether a fingerprint may be known; `false` is certain.
    #[must_use]
    pub fn lets_through(&self, fingerprint: &Fingerprint) -> bool {
        let (word, bit) = self.place(fingerprint);
        self.words[word] & bit != 0
    }

    #[expect(clippy::cast_possible_truncation, reason = "the shift leaves a place in the table")]
    fn place(&self, fingerprint: &Fingerprint) -> (usize, u64) {
        let place = fingerprint.first_64_bits() >> self.shift;
        ((place / 64) as usize, 1 << (place % 64))
    }
}

impl fmt::Debug for Sieve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sieve").field("bytes", &(self.words.len() * 8)).finish()
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
    use super::*;

    fn fingerprint(number: u64) -> Fingerprint {
        let mixed = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        Fingerprint::from_bytes(mixed.to_be_bytes())
    }

    #[test]
    fn a_sieve_lets_all_known_ones_through_and_few_others() {
        for many in [0, 1, 9, 1_000, 100_000] {
            let mut sieve = Sieve::for_so_many(usize::try_from(many).expect("small"));
            (1..=many).for_each(|number| sieve.add(&fingerprint(number)));
            assert!((1..=many).all(|number| sieve.lets_through(&fingerprint(number))), "{many}");
            let others = many + 1..=many + 10_000;
            let through = others.filter(|number| sieve.lets_through(&fingerprint(*number))).count();
            assert!(through < 150, "{through} of 10000 strangers beside {many}");
        }
    }
}
