//! The sealed boxes of libsodium (X25519, XSalsa20-Poly1305, nonce = BLAKE2b of both public keys).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dryoc::classic::crypto_box::{PublicKey, SecretKey, crypto_box_keypair, crypto_box_seal_open};
use dryoc::constants::CRYPTO_BOX_SEALBYTES;

use crate::random;

/// The key pair of one scope.
#[derive(Clone)]
pub(crate) struct KeyPair {
    pub(crate) id: String,
    public: PublicKey,
    secret: SecretKey,
}

impl KeyPair {
    pub(crate) fn new() -> Self {
        let (public, secret) = crypto_box_keypair();
        let id = format!("{}{}", 568, random_digits());
        Self { id, public, secret }
    }

    /// The public key as the API shows it.
    pub(crate) fn public(&self) -> String {
        BASE64.encode(self.public)
    }

    /// What was sealed for this key, if it was.
    pub(crate) fn open(&self, sealed: &str) -> Option<String> {
        let sealed = BASE64.decode(sealed).ok()?;
        let mut plain = vec![0; sealed.len().checked_sub(CRYPTO_BOX_SEALBYTES)?];
        crypto_box_seal_open(&mut plain, &sealed, &self.public, &self.secret).ok()?;
        String::from_utf8(plain).ok()
    }
}

/// GitHub's key ids are long decimal numbers.
fn random_digits() -> String {
    random::hex(16).bytes().map(|digit| char::from(b'0' + digit % 10)).collect()
}

#[cfg(test)]
mod tests {
    use dryoc::classic::crypto_box::crypto_box_seal;

    use super::*;

    #[test]
    fn a_box_sealed_by_us_opens_and_another_does_not() {
        let pair = KeyPair::new();
        let mut sealed = vec![0; 5 + CRYPTO_BOX_SEALBYTES];
        crypto_box_seal(&mut sealed, b"hello", &pair.public).expect("seals");
        assert_eq!(pair.open(&BASE64.encode(&sealed)).as_deref(), Some("hello"));
        assert_eq!(KeyPair::new().open(&BASE64.encode(&sealed)), None);
        assert_eq!(pair.open("AAAA"), None);
    }

    /// PyNaCl 1.6 (libsodium) sealed this for the secret key 00 01 02 … 1f, so the two agree on the wire.
    #[test]
    fn a_box_that_libsodium_sealed_opens() {
        let secret: SecretKey = std::array::from_fn(|n| u8::try_from(n).expect("below 32"));
        let public = BASE64.decode("j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=").expect("base64");
        let public: PublicKey = public.try_into().expect("32 bytes");
        let pair = KeyPair { id: String::new(), public, secret };
        let sealed = "eZVJqDmIZfIjgc/+vu1I99N2oLyN8pqTkTWBcUgcNB1TBjbnD0ZffdR+2qOh4yW36ax/BZOatUxbSHnsXiqWbw==";
        assert_eq!(pair.open(sealed).as_deref(), Some("sealed elsewhere"));
    }
}
