//! As much of git as is needed: where a repository begins, what is under version control, which
//! hooks run. Nothing is started for it.
//!
//! <https://git-scm.com/docs/index-format>

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use domain::posture::Looked;

/// The longest index that is read.
const INDEX_BYTES_MAX: u64 = 64 << 20;
/// The longest hook that is read.
const HOOK_BYTES_MAX: u64 = 64 << 10;
/// The bytes of an entry before its path, with a SHA-1 id.
const ENTRY_BYTES: usize = 62;

/// The nearest directory from here upwards that a repository begins in.
pub(super) fn root(from: &Path) -> Option<PathBuf> {
    let from = fs::canonicalize(from).ok()?;
    from.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_owned)
}

/// Where git keeps what it knows: a directory, or a file that names one (a worktree).
fn git_directory(root: &Path) -> Option<PathBuf> {
    let path = root.join(".git");
    if path.is_dir() {
        return Some(path);
    }
    let named = fs::read_to_string(&path).ok()?;
    Some(root.join(named.strip_prefix("gitdir:")?.trim()))
}

/// The paths under version control.
pub(super) fn tracked(root: &Path) -> Looked<BTreeSet<String>> {
    let Some(directory) = git_directory(root) else {
        return Looked::Not("this is no git repository".into());
    };
    let path = directory.join("index");
    let Ok(about) = fs::metadata(&path) else { return Looked::Seen(BTreeSet::new()) };
    if about.len() > INDEX_BYTES_MAX {
        return Looked::Not("git's index is too large to be read".into());
    }
    match fs::read(&path).ok().and_then(|bytes| paths(&bytes)) {
        Some(paths) => Looked::Seen(paths),
        None => Looked::Not("git's index is of a form that is not read here".into()),
    }
}

/// The paths in an index of version 2 or 3.
fn paths(bytes: &[u8]) -> Option<BTreeSet<String>> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if bytes.get(..4)? != b"DIRC" || !matches!(number(4)?, 2 | 3) {
        return None;
    }
    let mut found = BTreeSet::new();
    let mut at = 12;
    for _ in 0..number(8)? {
        let flags = u16::from_be_bytes(bytes.get(at + 60..at + 62)?.try_into().ok()?);
        let start = at + ENTRY_BYTES + if flags & 0x4000 != 0 { 2 } else { 0 };
        let rest = bytes.get(start..)?;
        let length = rest.iter().position(|byte| *byte == 0)?;
        found.insert(String::from_utf8_lossy(&rest[..length]).into_owned());
        // Entries are filled up with NULs, at least one, to a multiple of eight bytes.
        at += (start - at + length + 8) / 8 * 8;
    }
    Some(found)
}

/// The hooks that git would run, by name.
pub(super) fn hooks(root: &Path) -> BTreeMap<String, String> {
    let Some(directory) = git_directory(root) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    // `.husky` is where a wide-spread tool points git's `core.hooksPath` to.
    let elsewhere = hooks_path(&directory).map(|path| root.join(path));
    let places = [directory.join("hooks"), root.join(".husky")].into_iter().chain(elsewhere);
    for place in places {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let small = entry.metadata().is_ok_and(|about| about.len() <= HOOK_BYTES_MAX);
            if small
                && !name.ends_with(".sample")
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                found.insert(name, text);
            }
        }
    }
    found
}

/// `core.hooksPath` of the repository's own configuration.
fn hooks_path(directory: &Path) -> Option<String> {
    let config = fs::read_to_string(directory.join("config")).ok()?;
    let named = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let is_it = name.trim().eq_ignore_ascii_case("hookspath");
        is_it.then(|| value.trim().trim_matches('"').to_owned())
    };
    config.lines().find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(names: &[&str]) -> Vec<u8> {
        let mut bytes = b"DIRC\0\0\0\x02".to_vec();
        bytes.extend(u32::try_from(names.len()).unwrap().to_be_bytes());
        for name in names {
            let mut entry = vec![7; 60];
            entry.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            entry.extend(name.as_bytes());
            entry.resize((entry.len() + 8) / 8 * 8, 0);
            bytes.extend(entry);
        }
        bytes
    }

    #[test]
    fn paths_are_read_and_nonsense_is_not() {
        let names = ["a", "b/.env", "config/secrets.json", "1234567"];
        let found = paths(&index(&names)).unwrap();
        assert_eq!(found, names.map(str::to_owned).into());
        for cut in 0..index(&names).len() {
            // A cut index is told from a whole one, or is one that ends before its last padding.
            let _ = paths(&index(&names)[..cut]);
        }
        assert_eq!(paths(b"DIRC\0\0\0\x04\0\0\0\0"), None);
        assert_eq!(paths(b"nonsense"), None);
    }
}
