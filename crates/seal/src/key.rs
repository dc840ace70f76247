//! The key of an installation: where it comes from and what is derived from it.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use domain::inventory::KeySource;
use domain::{FingerprintKey, Token};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::{KeyError, key_file, keyring, passphrase};

/// 32 secret bytes. `Debug` is a fixed word; the memory is wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Key(Arc<Zeroizing<[u8; 32]>>);

impl Key {
    /// Opens the key that the inventory names. A file's path starts at `base`.
    ///
    /// `passphrase` is called only where one is needed.
    ///
    /// # Errors
    /// There is no key, it may not be used as it is, or the passphrase is wrong.
    pub fn open(
        source: &KeySource,
        base: &Path,
        passphrase: impl FnOnce() -> io::Result<Token>,
    ) -> Result<Self, KeyError> {
        match source {
            KeySource::File(path) => key_file::open(&base.join(path)),
            KeySource::Keyring(name) => keyring::open(name),
            KeySource::Passphrase(path) => passphrase::open(&base.join(path), passphrase),
        }
    }

    /// Makes a new random key there. Never replaces one: what is sealed with it would be lost.
    ///
    /// # Errors
    /// There is one already, or it cannot be written.
    pub fn create(
        source: &KeySource,
        base: &Path,
        passphrase: impl FnOnce() -> io::Result<Token>,
    ) -> Result<Self, KeyError> {
        match source {
            KeySource::File(path) => key_file::create(&base.join(path)),
            KeySource::Keyring(name) => keyring::create(name),
            KeySource::Passphrase(path) => passphrase::create(&base.join(path), passphrase),
        }
    }

    /// A key from the operating system's random numbers.
    ///
    /// # Errors
    /// The operating system gives none.
    pub fn random() -> Result<Self, getrandom::Error> {
        Self::filled(getrandom::fill)
    }

    /// A key from its bytes, which stay the caller's to wipe.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(bytes);
        Self(Arc::new(key))
    }

    /// The key for one purpose: HMAC-SHA-256 of the purpose's name under this key.
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        // HMAC pads a short key with zeros to the block's 64 bytes; given as a whole block, the
        // key cannot be of a wrong length, so there is nothing to fail.
        let mut block = Zeroizing::new([0_u8; 64]);
        block[..32].copy_from_slice(self.bytes());
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        mac.update(label.as_bytes());
        let mut digest: [u8; 32] = mac.finalize().into_bytes().into();
        let key = Self::from_bytes(&digest);
        digest.zeroize();
        key
    }

    /// The bytes themselves, for making signing keys and the like.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// This key, for making fingerprints of tokens.
    #[must_use]
    pub fn for_fingerprints(&self) -> FingerprintKey {
        FingerprintKey::new(*self.bytes())
    }

    /// A key whose bytes are written straight to where they stay.
    pub(crate) fn filled<E>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = Arc::new(Zeroizing::new([0; 32]));
        if let Some(bytes) = Arc::get_mut(&mut key) {
            fill(bytes.as_mut_slice())?;
        }
        Ok(Self(key))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_key() {
        assert_eq!(format!("{:?}", Key::from_bytes(&[7; 32])), "Key(hidden)");
    }

    /// Checked against `printf fingerprint | openssl dgst -sha256 -mac HMAC -macopt hexkey:00..00`.
    #[test]
    fn a_derived_key_is_hmac_sha_256_of_its_label() {
        let key = Key::from_bytes(&[0; 32]);
        let hex: String =
            key.derive("fingerprint").bytes().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "2c3767eca98640cc3a0b3c70eb02f1b46b2e465c5d5960db85d7bd254dba9173");
        assert_ne!(key.derive("a").bytes(), key.derive("b").bytes());
        assert_ne!(key.derive("a").bytes(), key.derive("a").derive("a").bytes());
    }

    #[test]
    fn random_keys_differ() {
        assert_ne!(Key::random().unwrap().bytes(), Key::random().unwrap().bytes());
        assert_ne!(Key::random().unwrap().bytes(), &[0; 32]);
    }
}
