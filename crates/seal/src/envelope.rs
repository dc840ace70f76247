//! A whole document sealed for somebody outside of the installation: an age file
//! (<https://age-encryption.org/v1>), which the program `age` opens too.
//!
//! It is for a passphrase, or for a public key whose private half need not be on this machine.

use std::io::{self, Read, Write};

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt, x25519};
use domain::Token;
use zeroize::Zeroizing;

/// Who can open it.
#[derive(Debug)]
pub enum For {
    /// Whoever knows this passphrase.
    Passphrase(Token),
    /// Whoever has the private half of one of these, `age1…`.
    Recipients(Vec<String>),
}

/// Why something cannot be sealed for somebody, or does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not a public key of age.
    #[error("`{0}` is no recipient of age")]
    Recipient(String),
    /// Not a private key of age.
    #[error("the identity file holds no private key of age")]
    Identity,
    /// The passphrase is empty.
    #[error("the passphrase is empty")]
    Empty,
    /// It is for a passphrase, and a private key was given, or the other way about.
    #[error("it was made for {0}")]
    Other(&'static str),
    /// Another passphrase, or another private key.
    #[error("it does not open with this")]
    Wrong,
    /// It is not an age file, or was changed or cut.
    #[error("it is no whole age file: it was cut, changed, or is something else")]
    Damaged,
    /// It cannot be sealed.
    #[error("it cannot be sealed")]
    Seal(#[source] io::Error),
}

impl EnvelopeError {
    /// The next move.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Recipient(_) => "a recipient begins with `age1`; `age-keygen` makes one",
            Self::Identity => "an identity begins with `AGE-SECRET-KEY-1`; comments are allowed",
            Self::Empty => "choose a passphrase of several words",
            Self::Other(_) => "use the passphrase for the one, --identity FILE for the other",
            Self::Wrong => "try again; nothing was changed",
            Self::Damaged => "take another copy of the backup",
            Self::Seal(_) => "wait until the machine has finished starting",
        }
        .into()
    }
}

/// Seals a document.
///
/// # Errors
/// A recipient is none, or the operating system gives no random numbers.
pub fn close(plain: &[u8], whom: &For) -> Result<Vec<u8>, EnvelopeError> {
    let encryptor = match whom {
        For::Passphrase(passphrase) if passphrase.is_empty() => return Err(EnvelopeError::Empty),
        For::Passphrase(passphrase) => Encryptor::with_user_passphrase(secret(passphrase)),
        For::Recipients(recipients) => {
            let parse = |text: &String| {
                text.parse::<x25519::Recipient>()
                    .map_err(|_| EnvelopeError::Recipient(text.clone()))
            };
            let recipients: Vec<_> = recipients.iter().map(parse).collect::<Result<_, _>>()?;
            let each = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
            Encryptor::with_recipients(each)
                .map_err(|_| EnvelopeError::Recipient("nobody".into()))?
        }
    };
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(EnvelopeError::Seal)?;
    writer.write_all(plain).map_err(EnvelopeError::Seal)?;
    writer.finish().map_err(EnvelopeError::Seal)?;
    Ok(sealed)
}

/// Whether a document is for a passphrase rather than for a private key.
///
/// # Errors
/// It is no age file.
pub fn wants_passphrase(sealed: &[u8]) -> Result<bool, EnvelopeError> {
    let decryptor = Decryptor::new(sealed).map_err(|_| EnvelopeError::Damaged)?;
    Ok(decryptor.is_scrypt())
}

/// Opens a document with a passphrase.
///
/// # Errors
/// It is another, or the document is not whole.
pub fn open_with_passphrase(
    sealed: &[u8],
    passphrase: &Token,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    if !wants_passphrase(sealed)? {
        return Err(EnvelopeError::Other("a private key"));
    }
    open(sealed, &scrypt::Identity::new(secret(passphrase)))
}

/// Opens a document with the private keys in the text of an identity file.
///
/// # Errors
/// There is none among them that fits, or the document is not whole.
pub fn open_with_identity(
    sealed: &[u8],
    identities: &str,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    if wants_passphrase(sealed)? {
        return Err(EnvelopeError::Other("a passphrase"));
    }
    let lines = identities.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed: Result<Vec<x25519::Identity>, _> = lines.map(str::parse).collect();
    let identities = parsed.map_err(|_| EnvelopeError::Identity)?;
    let mut last = EnvelopeError::Identity;
    for identity in &identities {
        match open(sealed, identity) {
            Ok(plain) => return Ok(plain),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn open(sealed: &[u8], identity: &dyn age::Identity) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let decryptor = Decryptor::new(sealed).map_err(|_| EnvelopeError::Damaged)?;
    let mut reader = decryptor.decrypt(std::iter::once(identity)).map_err(|error| match error {
        DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed => EnvelopeError::Wrong,
        _ => EnvelopeError::Damaged,
    })?;
    // Reserved at once, because a growing buffer leaves copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut plain).map_err(|_| EnvelopeError::Damaged)?;
    Ok(plain)
}

fn secret(passphrase: &Token) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;

    use super::*;

    /// Goal: only its own key opens it, and nothing that was cut, changed or made longer opens.
    #[test]
    fn only_whole_and_only_with_its_key() {
        let (mine, other) = (x25519::Identity::generate(), x25519::Identity::generate());
        let (mine_text, other_text) = (mine.to_string(), other.to_string());
        let (mine_text, other_text) = (mine_text.expose_secret(), other_text.expose_secret());
        let sealed = close(b"a document", &For::Recipients(vec![mine.to_public().to_string()]));
        let sealed = sealed.unwrap();
        let both = format!("# made today\n{other_text}\n{mine_text}\n");
        assert_eq!(open_with_identity(&sealed, &both).unwrap().as_slice(), b"a document");
        assert!(matches!(open_with_identity(&sealed, other_text), Err(EnvelopeError::Wrong)));
        assert!(matches!(open_with_identity(&sealed, "x"), Err(EnvelopeError::Identity)));
        let passphrase = open_with_passphrase(&sealed, &Token::from("x"));
        assert!(matches!(passphrase, Err(EnvelopeError::Other(_))));
        for length in 0..sealed.len() {
            assert!(open_with_identity(&sealed[..length], mine_text).is_err(), "{length}");
        }
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open_with_identity(&flipped, mine_text).is_err(), "bit {bit}");
        }
        let longer = [sealed.as_slice(), b"x"].concat();
        assert!(open_with_identity(&longer, mine_text).is_err());
        assert!(close(b"x", &For::Recipients(vec!["age1x".into()])).is_err());
    }

    #[test]
    fn a_passphrase_opens_it_and_another_does_not() {
        let phrase = Token::from("one two three four");
        let sealed = close(b"a document", &For::Passphrase(phrase.clone())).unwrap();
        assert_eq!(open_with_passphrase(&sealed, &phrase).unwrap().as_slice(), b"a document");
        let wrong = open_with_passphrase(&sealed, &Token::from("one two three"));
        assert!(matches!(wrong, Err(EnvelopeError::Wrong)));
        let empty = close(b"x", &For::Passphrase(Token::from("")));
        assert!(matches!(empty, Err(EnvelopeError::Empty)));
    }
}
