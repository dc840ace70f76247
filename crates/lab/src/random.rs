//! Token-shaped values from the operating system's random numbers.

use uuid::Uuid;

/// A lower-case UUID: Postmark's tokens, and everybody's identifiers.
pub(crate) fn uuid() -> String {
    Uuid::new_v4().to_string()
}

/// Heroku's third token format: `HRKU-` and 60 characters.
pub(crate) fn heroku_token() -> String {
    format!("HRKU-{}", word(60, HEROKU))
}

/// A classic personal access token of GitHub.
pub(crate) fn github_token() -> String {
    format!("ghp_{}", word(36, ALNUM))
}

/// A word of `len` letters and digits.
pub(crate) fn alnum(len: usize) -> String {
    word(len, ALNUM)
}

/// `len` hexadecimal digits.
pub(crate) fn hex(len: usize) -> String {
    word(len, HEX)
}

/// Something with the shape of a JSON Web Token.
pub(crate) fn jwt() -> String {
    format!("eyJ{}.eyJ{}.{}", word(33, ALNUM), word(120, ALNUM), word(43, HEROKU))
}

fn word(len: usize, alphabet: &[u8]) -> String {
    let mut out = String::with_capacity(len);
    while out.len() < len {
        for byte in Uuid::new_v4().into_bytes().into_iter().enumerate().filter_map(random_byte) {
            // The largest multiple of the alphabet keeps every letter equally likely.
            let fair = 256 - 256 % alphabet.len();
            if usize::from(byte) < fair && out.len() < len {
                out.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
            }
        }
    }
    out
}

/// Bytes 6 and 8 of a version 4 UUID carry its version and variant; the others are random.
fn random_byte((index, byte): (usize, u8)) -> Option<u8> {
    (index != 6 && index != 8).then_some(byte)
}

const ALNUM: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HEROKU: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
const HEX: &[u8] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_the_vendors_lengths() {
        assert_eq!(heroku_token().len(), 65);
        assert_eq!(github_token().len(), 40);
        assert_eq!(uuid().len(), 36);
        assert_eq!(hex(8).len(), 8);
    }
}
