//! What was seen in one document, before it is known where the document lies.

use std::fmt;

use domain::{Fingerprint, Token};
use serde::{Deserialize, Serialize};

use crate::Form;

/// Something of a token's form that is one of ours, or looks like somebody's.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// What it is.
    pub what: What,
    /// Its form.
    pub form: Form,
    /// Its fingerprint under the scanner's key.
    pub fingerprint: Fingerprint,
    /// Its fingerprint under the key of the allow-list, where there is one.
    pub allowed_as: Option<Fingerprint>,
    /// The line, from 1, in the outermost document; 0 where that has no lines.
    pub line: u64,
    /// The byte in that line, from 1; 0 where there are no lines.
    pub column: u64,
    /// What had to be taken off to see it, outermost first.
    pub layers: Vec<Layer>,
    /// The value, where whoever scans has asked to keep it.
    pub value: Option<Token>,
}

/// Whose token it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// One of this installation's tokens.
    Ours,
    /// Somebody's, as it looks.
    Looks {
        /// The kind of its issuer, as its profile names it.
        issuer: &'static str,
        /// How sure that is.
        confidence: Confidence,
        /// Why.
        reason: Reason,
    },
}

/// How sure it is that something is a token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// It may be; not counted as found.
    Low,
    /// Probably.
    Medium,
    /// It says so itself, or what stands around it does.
    High,
}

/// What speaks for its being a token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Its form is nobody else's.
    Form,
    /// The name that it is assigned to.
    Name,
    /// The name, and the vendor's name on the same line.
    Line,
    /// The vendor's name in a key, section or element around it.
    Parent,
    /// The vendor's name in the path of the file.
    Path,
    /// The name, and the vendor's name on a line nearby.
    Near,
    /// The name, and the vendor's name elsewhere in the same text.
    Text,
    /// Before the `@` of an address of the vendor's.
    UserInfo,
    /// The login and the password of one place.
    Pair,
    /// A password in a `.netrc`.
    Netrc,
}

impl Reason {
    /// In words, after "because".
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Form => "its form is nobody else's",
            Self::Name => "of the name that it is assigned to",
            Self::Line => "of its name and the vendor's on the same line",
            Self::Parent => "the vendor's name stands in a key around it",
            Self::Path => "the vendor's name stands in the file's path",
            Self::Near => "of its name and the vendor's on a line nearby",
            Self::Text => "of its name and the vendor's in the same text",
            Self::UserInfo => "it stands before the @ of an address of the vendor's",
            Self::Pair => "it is the login and the password of one place",
            Self::Netrc => "it is a password in a .netrc",
        }
    }
}

/// An encoding that had to be taken off.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Base64, standard or for addresses.
    Base64,
    /// A gzip file.
    Gzip,
    /// A member of a zip file.
    Zip(String),
    /// A member of a tar file.
    Tar(String),
    /// UTF-16.
    Utf16,
    /// Percent-encoding.
    Percent,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64 => f.write_str("base64"),
            Self::Gzip => f.write_str("gzip"),
            Self::Zip(member) => write!(f, "zip:{member}"),
            Self::Tar(member) => write!(f, "tar:{member}"),
            Self::Utf16 => f.write_str("utf-16"),
            Self::Percent => f.write_str("percent"),
        }
    }
}
