//! What logs, screens and the audit show instead of a value.

use std::fmt;
use std::str::FromStr;

use hmac::{HmacReset, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Token;

/// A keyed hash of a token: HMAC-SHA-256 (RFC 2104) under a key of this installation, cut to
/// 128 bits. Without the key it can be neither computed nor tried out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 16]);

/// The key that fingerprints are made with; one per installation.
#[derive(Clone)]
pub struct FingerprintKey(Zeroizing<[u8; 32]>);

impl FingerprintKey {
    /// Wraps 32 secret bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The fingerprint of a token.
    #[must_use]
    pub fn of(&self, token: &Token) -> Fingerprint {
        self.maker().of(token.expose().as_bytes())
    }

    /// Something that makes many fingerprints at half the price: the key is taken in once.
    #[must_use]
    pub fn maker(&self) -> FingerprintMaker {
        // HMAC takes a key of any length, so this cannot fail; an all-zero fallback would merge
        // tokens, hence the explicit construction from the block-sized key.
        let mut block = Zeroizing::new([0_u8; 64]);
        block[..32].copy_from_slice(self.0.as_slice());
        FingerprintMaker(<HmacReset<Sha256> as KeyInit>::new((&*block).into()))
    }
}

/// The key, ready for many fingerprints. Wiped when it is dropped.
#[derive(Clone)]
pub struct FingerprintMaker(HmacReset<Sha256>);

impl FingerprintMaker {
    /// The fingerprint of a token's characters.
    pub fn of(&mut self, characters: &[u8]) -> Fingerprint {
        self.0.update(characters);
        // The token is in the state's buffer. By reference, because what is moved leaves its old
        // place on the stack as it was; the state itself is wiped when it is dropped.
        let digest = self.0.finalize_reset().into_bytes();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        Fingerprint(short)
    }
}

impl fmt::Debug for FingerprintMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintMaker(hidden)")
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(hidden)")
    }
}

impl Fingerprint {
    /// A fingerprint from its bytes, for models and tests that have no tokens.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// All 32 hexadecimal digits, as stored.
    #[must_use]
    pub fn hex(&self) -> String {
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
    }

    /// Its bits. Over many tokens they are spread evenly and each is independent of the others,
    /// since HMAC is a pseudorandom function.
    #[must_use]
    pub fn bits(&self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

/// The short form for people: the first 32 bits, `3f9a-12c7`.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b = &self.0;
        f.pad(&format!("{:02x}{:02x}-{:02x}{:02x}", b[0], b[1], b[2], b[3]))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fp {self}")
    }
}

/// Why a text is not a fingerprint.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a fingerprint is 32 hexadecimal digits")]
pub struct ParseFingerprintError;

impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    fn from_str(text: &str) -> Result<Self, ParseFingerprintError> {
        // Digits only: the number's own reader would take a sign as well.
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseFingerprintError);
        }
        let mut bytes = [0; 16];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16)
                .map_err(|_| ParseFingerprintError)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = ParseFingerprintError;

    fn try_from(text: String) -> Result<Self, ParseFingerprintError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.hex()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 test case 2 uses a key shorter than ours, so the vector is checked with the
    /// key padded by zeros, which HMAC defines to be the same key.
    #[test]
    fn it_is_hmac_sha_256() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let fingerprint = FingerprintKey::new(key).of(&Token::from("what do ya want for nothing?"));
        assert_eq!(fingerprint.hex(), "5bdcc146bf60754e6a042426089575c7");
        assert_eq!(fingerprint.to_string(), "5bdc-c146");
        assert_eq!(fingerprint.hex().parse(), Ok(fingerprint));
        assert!("+1".repeat(16).parse::<Fingerprint>().is_err());
    }
}
