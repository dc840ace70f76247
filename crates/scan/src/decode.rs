//! Encodings that a token may be hidden under by chance, and the limits on taking them off.
//!
//! Nothing here is trusted: every size is bounded, and what cannot be read is counted.

pub(crate) mod archive;
pub(crate) mod base64;
pub(crate) mod percent;

/// How much is done about encodings.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many encodings may lie over one another.
    pub depth_max: usize,
    /// So many bytes may come out of one document, in all of its encodings together.
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth_max: 5, bytes_max: 256 << 20 }
    }
}

/// What a document is, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Container {
    Gzip,
    Zip,
    Tar,
    /// Compressed in a way that is not read here: xz, zstd, bzip2, 7z.
    Unread,
}

/// The container that a document is, if it is one.
pub(crate) fn container(bytes: &[u8]) -> Option<Container> {
    const UNREAD: [&[u8]; 4] = [b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"BZh9", b"7z\xbc\xaf\x27\x1c"];
    match bytes {
        [0x1f, 0x8b, 0x08, ..] => Some(Container::Gzip),
        [b'P', b'K', 3, 4, ..] => Some(Container::Zip),
        _ if bytes.get(257..262) == Some(b"ustar") => Some(Container::Tar),
        _ if UNREAD.iter().any(|magic| bytes.starts_with(magic)) => Some(Container::Unread),
        _ => None,
    }
}
