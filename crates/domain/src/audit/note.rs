//! Signed notes, as <https://c2sp.org/signed-note> has them: a text, an empty line, signatures.
//!
//! Only Ed25519 (signature type 0x01) is known here. The signing and checking itself is done by
//! whoever has the cryptography; this is the text.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The longest note that is read. "Verifiers SHOULD apply a maximum limit" (section *Format*).
const NOTE_BYTES_MAX: usize = 1 << 20;

/// Signature type 0x01, Ed25519 (section *Signature types*).
const ED25519: u8 = 0x01;

/// Whether an Ed25519 signature (RFC 8032) of a text is by a public key: (key, text, signature).
pub type Verify<'a> = &'a dyn Fn(&[u8; 32], &[u8], &[u8]) -> bool;

/// What is wrong with a note or a key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoteError {
    /// It is no signed note.
    #[error("it is not a signed note: {0}")]
    Malformed(&'static str),
    /// It is no verifier key.
    #[error("it is not a verifier key of the form NAME+ID+KEY: {0}")]
    Key(&'static str),
    /// None of the signatures is by a key that is trusted.
    #[error("it has no signature by a key that is trusted here")]
    Unsigned,
    /// It claims a trusted key's signature, which is wrong.
    #[error("its signature by {0} is wrong")]
    Forged(String),
}

/// Whose signature is believed: the section *Verifier keys*.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteKey {
    name: String,
    public: [u8; 32],
}

impl NoteKey {
    /// An Ed25519 key under a name.
    ///
    /// # Errors
    /// The name is empty, or holds white space or a plus (section *Format*).
    pub fn new(name: impl Into<String>, public: [u8; 32]) -> Result<Self, NoteError> {
        let name = name.into();
        if !named(&name) {
            return Err(NoteError::Key("its name is empty, or holds white space or a plus"));
        }
        Ok(Self { name, public })
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `SHA-256(key name || 0x0A || 0x01 || public key)[:4]` (section *Ed25519 signatures*).
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.public)
            .finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let key = STANDARD.encode([&[ED25519], self.public.as_slice()].concat());
        write!(f, "{}+{id:08x}+{key}", self.name)
    }
}

impl FromStr for NoteKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        // The base64 part may hold a plus itself; the name may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it has fewer than three parts"));
        };
        let key = STANDARD.decode(key).map_err(|_| NoteError::Key("its end is not base64"))?;
        let public = match key.split_first() {
            Some((&ED25519, public)) => {
                public.try_into().map_err(|_| NoteError::Key("its key has not 32 bytes"))?
            }
            _ => return Err(NoteError::Key("it is not for Ed25519")),
        };
        let key = Self::new(name, public)?;
        if id.len() != 8 || u32::from_str_radix(id, 16) != Ok(u32::from_be_bytes(key.id())) {
            return Err(NoteError::Key("its id does not belong to its name and key"));
        }
        Ok(key)
    }
}

/// A text with its signatures, byte for byte as it was read or made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    whole: String,
    /// How long the text is, its last newline included.
    text: usize,
}

impl Note {
    /// Puts a signature under a text.
    ///
    /// # Errors
    /// The text does not end in a newline, or holds control characters.
    pub fn sign(text: &str, key: &NoteKey, signature: &[u8; 64]) -> Result<Self, NoteError> {
        let signature = STANDARD.encode([key.id().as_slice(), signature].concat());
        Self::parse(&format!("{text}\n\u{2014} {} {signature}\n", key.name))
    }

    /// Reads a note. Nothing in it may be believed before [`Note::open`].
    ///
    /// # Errors
    /// It does not have the form of the section *Format*.
    pub fn parse(whole: &str) -> Result<Self, NoteError> {
        if whole.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("it is too long"));
        }
        if whole.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::Malformed("it holds control characters"));
        }
        let Some(blank) = whole.rfind("\n\n") else {
            return Err(NoteError::Malformed("no empty line stands before its signatures"));
        };
        let note = Self { whole: whole.to_owned(), text: blank + 1 };
        let signatures = &whole[blank + 2..];
        if signatures.is_empty() || !signatures.ends_with('\n') {
            return Err(NoteError::Malformed("it does not end in a signature and a newline"));
        }
        if signatures.lines().any(|line| signature(line).is_none()) {
            return Err(NoteError::Malformed("a line after its text is not a signature"));
        }
        Ok(note)
    }

    /// The text, if one of these keys signed it. Signatures by others are ignored; a wrong one
    /// under a known key spoils the note (section *Signatures*).
    ///
    /// # Errors
    /// None of them did.
    pub fn open(&self, keys: &[NoteKey], verify: Verify<'_>) -> Result<&str, NoteError> {
        let text = &self.whole[..self.text];
        let mut signed = false;
        for (name, id, signature) in self.whole[self.text + 1..].lines().filter_map(signature) {
            for key in keys.iter().filter(|key| key.name == name && key.id() == id) {
                if !verify(&key.public, text.as_bytes(), &signature) {
                    return Err(NoteError::Forged(name.to_owned()));
                }
                signed = true;
            }
        }
        if signed { Ok(text) } else { Err(NoteError::Unsigned) }
    }

    /// Its text, which nobody has vouched for yet.
    pub(super) fn unverified(&self) -> &str {
        &self.whole[..self.text]
    }

    /// All of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.whole
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole)
    }
}

/// `— <key name> base64(32-bit key ID || signature)`
fn signature(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, bytes) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = STANDARD.decode(bytes).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    named(name).then(|| (name, *id, signature.to_vec()))
}

/// "Key names MUST be non-empty and MUST NOT contain any Unicode spaces or plus."
fn named(name: &str) -> bool {
    let no = |c: char| c == '+' || c.is_whitespace() || c.is_control();
    !name.is_empty() && !name.contains(no)
}
