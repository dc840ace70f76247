//! gzip, zip and tar.

use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;

/// What a member of an archive is called, and what it holds.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// What could not be read of a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Missed {
    /// Members that are encrypted, broken, or compressed in another way.
    pub(crate) unread: u64,
    /// Whether more would have come out than is allowed.
    pub(crate) cut: bool,
}

/// What a gzip file holds, as far as it can be read; `left` bytes may come out.
pub(crate) fn gunzip(bytes: &[u8], left: &mut u64) -> (Vec<u8>, Missed) {
    let mut missed = Missed::default();
    let out = read(MultiGzDecoder::new(bytes), left, &mut missed);
    (out, missed)
}

/// The members of a zip file.
pub(crate) fn unzip(bytes: &[u8], left: &mut u64, mut found: impl FnMut(Member)) -> Missed {
    let mut missed = Missed::default();
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else {
        missed.unread += 1;
        return missed;
    };
    for index in 0..archive.len().min(MEMBERS_MAX) {
        match archive.by_index(index) {
            Ok(file) => {
                let name = String::from_utf8_lossy(file.name_raw()).into_owned();
                let bytes = read(file, left, &mut missed);
                found(Member { name, bytes });
            }
            Err(_) => missed.unread += 1,
        }
    }
    missed.cut |= archive.len() > MEMBERS_MAX;
    missed
}

/// The members of a tar file that are containers themselves; what the others hold stands in the
/// file as it is.
pub(crate) fn untar(bytes: &[u8], left: &mut u64, mut found: impl FnMut(Member)) -> Missed {
    let mut missed = Missed::default();
    let mut archive = tar::Archive::new(Cursor::new(bytes));
    let Ok(entries) = archive.entries() else {
        missed.unread += 1;
        return missed;
    };
    for entry in entries.take(MEMBERS_MAX) {
        let Ok(entry) = entry else {
            missed.unread += 1;
            break;
        };
        let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        let head = bytes.get(start..).unwrap_or_default();
        if super::container(&head[..head.len().min(512)]).is_none() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let bytes = read(entry, left, &mut missed);
        found(Member { name, bytes });
    }
    missed
}

/// So many members of one archive are looked at.
const MEMBERS_MAX: usize = 100_000;

/// All that comes out, up to what is left.
fn read(from: impl Read, left: &mut u64, missed: &mut Missed) -> Vec<u8> {
    let mut out = Vec::new();
    // One byte more than is allowed shows that there is more.
    let ended = from.take(left.saturating_add(1)).read_to_end(&mut out);
    missed.unread += u64::from(ended.is_err());
    let came = out.len() as u64;
    missed.cut |= came > *left;
    *left = left.saturating_sub(came);
    out
}
