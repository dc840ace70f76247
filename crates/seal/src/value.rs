//! Sealing and opening one value: XChaCha20-Poly1305 under a random 24-byte nonce.
//!
//! Layout: version byte, nonce, ciphertext with its 16-byte tag. The associated data is the
//! version's name and the place, so what was sealed for one place opens at no other.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use zeroize::Zeroizing;

use crate::{Key, SealError};

impl Key {
    /// Seals a value for a place, such as `rotation/r-7k2q9d/old/1`.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(SealError::Random)?;
        let associated = associated(place);
        let payload = Payload { msg: plain, aad: associated.as_bytes() };
        let ciphertext = self
            .cipher()
            .encrypt(&nonce.into(), payload)
            .map_err(|_| SealError::Encrypt { place: place.to_owned() })?;
        let mut sealed = Vec::with_capacity(1 + NONCE + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what was sealed for this place with this key.
    ///
    /// # Errors
    /// It was sealed with another key or for another place, or was changed or cut.
    pub fn open_sealed(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let refused = || SealError::Refused { place: place.to_owned() };
        let (version, rest) = sealed.split_first().ok_or_else(refused)?;
        if *version != VERSION {
            return Err(SealError::Version { place: place.to_owned(), found: *version });
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or_else(refused)?;
        let associated = associated(place);
        let payload = Payload { msg: ciphertext, aad: associated.as_bytes() };
        let plain = self.cipher().decrypt(nonce.into(), payload).map_err(|_| refused())?;
        Ok(Zeroizing::new(plain))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.bytes().into())
    }
}

fn associated(place: &str) -> String {
    format!("rollover sealed value {VERSION}\n{place}")
}

/// The layout described above.
const VERSION: u8 = 1;

const NONCE: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "rotation/r-1/old/1";

    fn key() -> Key {
        Key::from_bytes(&[7; 32])
    }

    #[test]
    fn what_is_sealed_opens_at_its_place() {
        for plain in [b"".as_slice(), b"x", b"a-value-of-a-token", &[0xff; 5000]] {
            let sealed = key().seal(PLACE, plain).unwrap();
            assert_eq!(key().open_sealed(PLACE, &sealed).unwrap().as_slice(), plain);
        }
    }

    /// Goal: no two sealings of one value look alike, and none shows the value.
    #[test]
    fn sealing_twice_differs_and_hides() {
        let (one, two) = (key().seal(PLACE, b"hidden").unwrap(), key().seal(PLACE, b"hidden"));
        assert_ne!(one, two.unwrap());
        assert!(!one.windows(6).any(|window| window == b"hidden"));
    }

    #[test]
    fn moved_is_refused() {
        let sealed = key().seal(PLACE, b"value").unwrap();
        for place in ["", "rotation/r-1/old/2", "rotation/r-1/new/1", "rotation/r-2/old/1"] {
            assert!(matches!(
                key().open_sealed(place, &sealed),
                Err(SealError::Refused { place: named }) if named == place
            ));
        }
    }

    #[test]
    fn every_truncation_and_extension_is_refused() {
        let mut sealed = key().seal(PLACE, b"value").unwrap();
        for length in 0..sealed.len() {
            assert!(key().open_sealed(PLACE, &sealed[..length]).is_err(), "cut to {length}");
        }
        sealed.push(0);
        assert!(key().open_sealed(PLACE, &sealed).is_err());
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let sealed = key().seal(PLACE, b"value").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(key().open_sealed(PLACE, &flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_key_is_refused() {
        let sealed = key().seal(PLACE, b"value").unwrap();
        assert!(Key::from_bytes(&[8; 32]).open_sealed(PLACE, &sealed).is_err());
        assert!(key().derive("journal values").open_sealed(PLACE, &sealed).is_err());
    }

    #[test]
    fn an_error_names_the_place_and_the_next_move() {
        let error = key().open_sealed(PLACE, &[9; 60]).unwrap_err();
        assert!(error.to_string().contains(PLACE), "{error}");
        assert!(error.hint().contains("newer"), "{}", error.hint());
    }
}
