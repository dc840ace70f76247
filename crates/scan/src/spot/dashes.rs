//! Two dashes, five bytes apart, as the first two of a UUID are.

use memchr::memchr_iter;

const DISTANCE: usize = 5;

/// The first dash, from a byte on, that has another one five bytes behind it.
pub(super) fn five_apart(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let found = match fast(rest) {
        Some(found) => found,
        None => memchr_iter(b'-', rest).find(|at| rest.get(at + DISTANCE) == Some(&b'-')),
    };
    found.map(|at| from + at)
}

/// The same by both bytes at once, 32 places at a time; `None` where the processor cannot, and
/// where there are too few bytes for that.
#[cfg(target_arch = "x86_64")]
fn fast(bytes: &[u8]) -> Option<Option<usize>> {
    use std::sync::LazyLock;

    use memchr::arch::all::packedpair::Pair;
    use memchr::arch::x86_64::avx2::packedpair::Finder;

    // Of the needle only the first and the last byte are compared.
    static FINDER: LazyLock<Option<Finder>> = LazyLock::new(|| {
        let needle = b"-0000-";
        Finder::with_pair(needle, Pair::with_indices(needle, 0, DISTANCE as u8)?)
    });
    let finder = FINDER.as_ref()?;
    (bytes.len() >= finder.min_haystack_len()).then(|| finder.find_prefilter(bytes))
}

#[cfg(not(target_arch = "x86_64"))]
fn fast(_bytes: &[u8]) -> Option<Option<usize>> {
    None
}

#[cfg(test)]
mod tests {
    use super::five_apart;

    /// Goal: none is missed, and none is made up. Method: two dashes at every place of texts of
    /// every length, asked from every byte.
    #[test]
    fn every_place_of_every_length() {
        for length in 6..140 {
            for at in 0..length - 5 {
                let mut bytes = vec![b'0'; length];
                (bytes[at], bytes[at + 5]) = (b'-', b'-');
                for from in 0..length {
                    let expected = (from <= at).then_some(at);
                    assert_eq!(five_apart(&bytes, from), expected, "{length} {at} {from}");
                }
            }
            let mut bytes = vec![b'-'; length];
            bytes[5..].fill(b'.');
            assert_eq!(five_apart(&bytes, 0), None);
        }
    }
}
