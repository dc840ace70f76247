//! A key in a file: 64 hexadecimal digits and a newline, readable by its owner alone.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::{Key, KeyError};

/// Opens the key in a file.
pub(crate) fn open(path: &Path) -> Result<Key, KeyError> {
    let text = read_private(path)?;
    from_hex(&text).ok_or_else(|| KeyError::Format { path: path.to_owned() })
}

/// Makes a new key in a file that did not exist.
pub(crate) fn create(path: &Path) -> Result<Key, KeyError> {
    refuse_existing(path)?;
    let key = Key::random().map_err(KeyError::Random)?;
    let mut text = to_hex(&key);
    text.push('\n');
    write_private(path, &text)?;
    Ok(key)
}

/// Reads a small file that only we can read; anything else is refused before a byte is used.
///
/// The checks are made on the opened file, so it cannot be swapped between check and use, and
/// it is opened without waiting, so a pipe in its place cannot hold us.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| {
        match io::Error::from(errno) {
            error if error.kind() == io::ErrorKind::NotFound => {
                KeyError::Missing { path: path.to_owned() }
            }
            source => KeyError::Read { path: path.to_owned(), source },
        }
    })?);
    let read = |source| KeyError::Read { path: path.to_owned(), source };
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() {
        return Err(KeyError::NotRegular { path: path.to_owned() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & !0o600 != 0 {
        return Err(KeyError::Mode { path: path.to_owned(), mode });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(KeyError::Owner { path: path.to_owned(), owner: metadata.uid() });
    }
    // Reserved at once, because a growing string leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX));
    match file.take(FILE_BYTES_MAX as u64).read_to_string(&mut text) {
        Ok(FILE_BYTES_MAX) => Err(KeyError::Format { path: path.to_owned() }),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(KeyError::Format { path: path.to_owned() })
        }
        Err(source) => Err(read(source)),
    }
}

/// Writes a new file of mode 0600, whatever the umask, and makes it durable. It is there as a
/// whole or not at all, also after a power cut: it is written under another name first, and a
/// link, unlike a renaming, takes nobody's place.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), KeyError> {
    let write = |source| KeyError::Write { path: path.to_owned(), source };
    let directory = directory_of(path);
    ensure_directory(directory).map_err(write)?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(KeyError::Random)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = directory.join(format!(".{name}.{:016x}", u64::from_le_bytes(random)));
    let linked = fill(&beside, text).and_then(|()| std::fs::hard_link(&beside, path));
    // It is ours and new; that it cannot be removed adds nothing to the first error.
    let _removed = std::fs::remove_file(&beside);
    match linked.and_then(|()| File::open(directory)?.sync_all()) {
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
            Err(KeyError::Exists { place: path.display().to_string() })
        }
        other => other.map_err(write),
    }
}

fn fill(beside: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a directory and those above it, durably: a power cut would take it with the key in it.
fn ensure_directory(directory: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<&Path> = directory.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    missing.into_iter().rev().try_for_each(|made| File::open(directory_of(made))?.sync_all())
}

/// Refuses a place that is taken, before anybody is asked for a passphrase.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), KeyError> {
    match path.symlink_metadata() {
        Ok(_) => Err(KeyError::Exists { place: path.display().to_string() }),
        Err(_) => Ok(()),
    }
}

/// 64 hexadecimal digits, and at most a newline after them.
pub(crate) fn from_hex(text: &str) -> Option<Key> {
    let digits = text.strip_suffix('\n').unwrap_or(text).as_bytes();
    let digits: &[u8; 64] = digits.try_into().ok()?;
    Key::filled(|bytes| {
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let nibble = |digit: u8| char::from(digit).to_digit(16).ok_or(());
            let value = nibble(pair[0])? << 4 | nibble(pair[1])?;
            *byte = u8::try_from(value).map_err(drop)?;
        }
        Ok::<(), ()>(())
    })
    .ok()
}

/// The 64 digits of a key.
pub(crate) fn to_hex(key: &Key) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in key.bytes() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(HEX[usize::from(nibble)]));
        }
    }
    text
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// More than any key file has.
const FILE_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use domain::inventory::KeySource;

    use super::*;

    fn file() -> KeySource {
        KeySource::File("keys/key".into())
    }

    fn never() -> io::Result<domain::Token> {
        unreachable!("a file needs no passphrase")
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_created_key_opens_and_is_private() {
        let base = tempfile::tempdir().unwrap();
        let key = Key::create(&file(), base.path(), never).unwrap();
        assert_eq!(Key::open(&file(), base.path(), never).unwrap().bytes(), key.bytes());
        let path = base.path().join("keys/key");
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.len() == 65 && text.ends_with('\n'));
    }

    #[test]
    fn a_key_is_never_replaced() {
        let base = tempfile::tempdir().unwrap();
        let key = Key::create(&file(), base.path(), never).unwrap();
        let again = Key::create(&file(), base.path(), never);
        assert!(matches!(again, Err(KeyError::Exists { .. })));
        assert_eq!(Key::open(&file(), base.path(), never).unwrap().bytes(), key.bytes());
    }

    /// Goal: only 0600 and stricter are taken. Method: every mode that differs in one bit.
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let base = tempfile::tempdir().unwrap();
        Key::create(&file(), base.path(), never).unwrap();
        let path = base.path().join("keys/key");
        for loose in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o700, 0o4600] {
            mode(&path, loose);
            let error = Key::open(&file(), base.path(), never).unwrap_err();
            assert!(matches!(error, KeyError::Mode { mode, .. } if mode == loose), "{loose:o}");
            assert!(error.hint().contains("chmod 600"));
        }
        mode(&path, 0o400);
        assert!(Key::open(&file(), base.path(), never).is_ok());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("key");
        let source = KeySource::File("key".into());
        let open = || Key::open(&source, base.path(), never).unwrap_err();
        assert!(matches!(open(), KeyError::Missing { .. }));
        let digits = "0f".repeat(32);
        for text in [
            String::new(),
            "\n".into(),
            digits[1..].into(),
            format!("{digits}0"),
            format!("{digits}\n\n"),
            format!(" {digits}"),
            format!("+{}", &digits[1..]),
            digits.replace('f', "g"),
            "é".repeat(32),
            "0".repeat(10_000),
        ] {
            std::fs::write(&path, &text).unwrap();
            mode(&path, 0o600);
            let error = open();
            assert!(matches!(error, KeyError::Format { .. }), "{text}");
            assert!(text.len() < 10 || !format!("{error}{error:?}").contains(&text));
        }
        std::fs::write(&path, [0xff; 64]).unwrap();
        assert!(matches!(open(), KeyError::Format { .. }));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(open(), KeyError::NotRegular { .. }));
    }

    /// Goal: a pipe in the place of the key neither blocks nor passes.
    #[test]
    fn a_pipe_is_refused_without_waiting() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("key");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, Mode::from_raw_mode(0o600), 0).unwrap();
        assert!(matches!(open(&path), Err(KeyError::NotRegular { .. })));
    }
}
