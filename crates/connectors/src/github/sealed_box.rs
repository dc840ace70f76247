//! The sealed box that GitHub wants its secrets in.
//!
//! `crypto_box_seal` of libsodium: a fresh X25519 key pair, then XSalsa20-Poly1305 with the nonce
//! `BLAKE2b-192(ephemeral public key || recipient's public key)`.
//! <https://doc.libsodium.org/public-key_cryptography/sealed_boxes>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Token;
use dryoc::classic::crypto_box::crypto_box_seal;
use dryoc::constants::CRYPTO_BOX_SEALBYTES;

/// Seals a token for a public key, in base64; `None` where the key is no good.
pub(super) fn seal(public: &[u8; 32], token: &Token) -> Option<String> {
    let plain = token.expose().as_bytes();
    let mut sealed = vec![0; plain.len() + CRYPTO_BOX_SEALBYTES];
    crypto_box_seal(&mut sealed, plain, public).ok()?;
    Some(STANDARD.encode(sealed))
}

#[cfg(test)]
mod tests {
    use dryoc::classic::crypto_box::{
        crypto_box_keypair, crypto_box_open_easy, crypto_box_seal_open,
    };
    use dryoc::classic::crypto_generichash::crypto_generichash;

    use super::*;

    const VALUE: &str = "HRKU-01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn the_recipient_opens_it() {
        let (public, secret) = crypto_box_keypair();
        let sealed = STANDARD.decode(seal(&public, &Token::from(VALUE)).unwrap()).unwrap();
        assert_eq!(sealed.len(), 32 + 16 + VALUE.len());
        let mut plain = vec![0; VALUE.len()];
        crypto_box_seal_open(&mut plain, &sealed, &public, &secret).unwrap();
        assert_eq!(plain, VALUE.as_bytes());
        let (other_public, other_secret) = crypto_box_keypair();
        assert!(crypto_box_seal_open(&mut plain, &sealed, &other_public, &other_secret).is_err());
    }

    /// Method: open it by the definition of the sealed box instead of by its inverse.
    #[test]
    fn it_is_what_libsodium_defines() {
        let (public, secret) = crypto_box_keypair();
        let sealed = STANDARD.decode(seal(&public, &Token::from(VALUE)).unwrap()).unwrap();
        let (ephemeral, boxed) = sealed.split_at(32);
        let mut nonce = [0; 24];
        crypto_generichash(&mut nonce, &[ephemeral, &public].concat(), None).unwrap();
        let mut plain = vec![0; VALUE.len()];
        let ephemeral = ephemeral.try_into().unwrap();
        crypto_box_open_easy(&mut plain, boxed, &nonce, ephemeral, &secret).unwrap();
        assert_eq!(plain, VALUE.as_bytes());
    }

    #[test]
    fn a_worthless_key_is_refused() {
        assert!(seal(&[0; 32], &Token::from(VALUE)).is_none());
    }
}
