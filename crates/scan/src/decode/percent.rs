//! Percent-encoding (RFC 3986): a dash needs none, and some programs encode it all the same.

use memchr::memchr_iter;

/// So far around an encoded dash is looked.
const AROUND: usize = 512;

/// Every part of a text that holds an encoded dash, decoded, with where it lies.
pub(crate) fn parts(bytes: &[u8], mut found: impl FnMut(usize, usize, Vec<u8>)) {
    let mut done = 0;
    for at in dashes(bytes) {
        if at < done {
            continue;
        }
        let start = at.saturating_sub(AROUND).max(done);
        let end = (at + AROUND).min(bytes.len());
        done = end;
        found(start, end, decode(&bytes[start..end]));
    }
}

/// Whether an encoded dash stands in a text.
pub(crate) fn any(bytes: &[u8]) -> bool {
    dashes(bytes).next().is_some()
}

/// Where encoded dashes stand.
fn dashes(bytes: &[u8]) -> impl Iterator<Item = usize> {
    memchr_iter(b'%', bytes).filter(|at| matches!(bytes[*at..], [_, b'2', b'D' | b'd', ..]))
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parts_with_an_encoded_dash_are_decoded() {
        let mut all = Vec::new();
        parts(b"100% a%2Db%2dc%zz%", |start, end, decoded| all.push((start, end, decoded)));
        assert_eq!(all, [(0, 18, b"100% a-b-c%zz%".to_vec())]);
        parts(b"nothing%20here%", |_, _, _| all.clear());
        assert_eq!(all.len(), 1);
    }
}
