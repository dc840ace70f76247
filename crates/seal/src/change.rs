//! One key in the place of another, so that being killed at any instant leaves one of them whole.
//!
//! The new key waits *beside* the place that it is for: in the file `PATH.next`, or in the
//! keyring under `NAME.next`. There it is durable before anything is sealed with it. When
//! everything is, it takes the place, and only by that is the old one gone. `instant` is told of
//! every moment at which a crash could matter.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use domain::Token;
use domain::inventory::KeySource;
use zeroize::Zeroizing;

use crate::key_file::{from_hex, read_private, to_hex, write_private};
use crate::{Key, KeyError, keyring, passphrase};

/// Is told of every moment at which a crash could matter.
pub type Instant<'a> = &'a dyn Fn();

impl Key {
    /// Makes a new random key and lets it wait beside `source`. One that waits there already is
    /// replaced, so the caller must know that nothing is sealed with it.
    ///
    /// # Errors
    /// No passphrase was given, or the place cannot be written.
    pub fn stage(
        source: &KeySource,
        base: &Path,
        passphrase: impl FnOnce() -> io::Result<Token>,
        instant: Instant<'_>,
    ) -> Result<Self, KeyError> {
        let key = Self::random().map_err(KeyError::Random)?;
        key.put(&waiting(source, base), base, passphrase, instant)?;
        Ok(key)
    }

    /// The key that waits beside `source`; `None` if there is none.
    ///
    /// # Errors
    /// What is there is not whole, or the passphrase is wrong.
    pub fn staged(
        source: &KeySource,
        base: &Path,
        passphrase: impl FnOnce() -> io::Result<Token>,
    ) -> Result<Option<Self>, KeyError> {
        match Self::open(&waiting(source, base), base, passphrase) {
            Ok(key) => Ok(Some(key)),
            Err(KeyError::Missing { .. } | KeyError::KeyringMissing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether something waits beside `source`, whole or not.
    #[must_use]
    pub fn is_staged(source: &KeySource, base: &Path) -> bool {
        match waiting(source, base) {
            KeySource::File(path) | KeySource::Passphrase(path) => {
                base.join(path).symlink_metadata().is_ok()
            }
            KeySource::Keyring(name) => {
                !matches!(keyring::open(&name), Err(KeyError::KeyringMissing { .. }))
            }
        }
    }

    /// Lets the key that waits beside `source` take the place. What was there before is gone
    /// afterwards, overwritten as far as the file system does that.
    ///
    /// # Errors
    /// Nothing waits there, or the place cannot be written.
    pub fn promote(source: &KeySource, base: &Path, instant: Instant<'_>) -> Result<(), KeyError> {
        match source {
            KeySource::File(path) | KeySource::Passphrase(path) => {
                let path = real(&base.join(path));
                let write = |source| KeyError::Write { path: path.clone(), source };
                // Kept open, because the name will lead to the new one.
                let old = OpenOptions::new().write(true).open(&path).ok();
                instant();
                fs::rename(beside(&path), &path).map_err(write)?;
                instant();
                sync_directory(&path).map_err(write)?;
                instant();
                if let Some(old) = old {
                    wipe(&old);
                }
                Ok(())
            }
            KeySource::Keyring(name) => {
                let key = keyring::open(&format!("{name}{NEXT}"))?;
                instant();
                keyring::set(name, &key)?;
                instant();
                keyring::remove(&format!("{name}{NEXT}"))
            }
        }
    }

    /// Destroys the key that waits beside `source`, if there is one.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn discard_staged(source: &KeySource, base: &Path) -> Result<(), KeyError> {
        Self::destroy(&waiting(source, base), base)
    }

    /// Destroys the key in a place, if there is one: overwritten as far as the file system does
    /// that, and removed.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn destroy(source: &KeySource, base: &Path) -> Result<(), KeyError> {
        match source {
            KeySource::File(path) | KeySource::Passphrase(path) => {
                let path = real(&base.join(path));
                if let Ok(file) = OpenOptions::new().write(true).open(&path) {
                    wipe(&file);
                }
                let removed = match fs::remove_file(&path) {
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                    other => other.and_then(|()| sync_directory(&path)),
                };
                removed.map_err(|source| KeyError::Write { path, source })
            }
            KeySource::Keyring(name) => keyring::remove(name),
        }
    }

    /// What keeps the key in its place, for a backup: the digits, or the whole file of a key
    /// behind a passphrase, which stays behind it.
    ///
    /// # Errors
    /// There is none, or it may not be used as it is.
    pub fn export(source: &KeySource, base: &Path) -> Result<Zeroizing<String>, KeyError> {
        match source {
            KeySource::File(path) | KeySource::Passphrase(path) => read_private(&base.join(path)),
            KeySource::Keyring(name) => keyring::open(name).map(|key| to_hex(&key)),
        }
    }

    /// Puts what [`Key::export`] gave into a place that is free.
    ///
    /// # Errors
    /// There is a key already, this is none, or the place cannot be written.
    pub fn import(source: &KeySource, base: &Path, text: &str) -> Result<(), KeyError> {
        match source {
            KeySource::File(path) | KeySource::Passphrase(path) => {
                let path = base.join(path);
                crate::key_file::refuse_existing(&path)?;
                replace(&path, text, &|| {})
            }
            KeySource::Keyring(name) => {
                keyring::refuse_existing(name)?;
                let format = || KeyError::KeyringFormat { name: name.clone() };
                keyring::set(name, &from_hex(text).ok_or_else(format)?)
            }
        }
    }

    /// Whether a place is free; answered before anybody is asked for a passphrase.
    #[must_use]
    pub fn is_free(source: &KeySource, base: &Path) -> bool {
        match source {
            KeySource::File(path) | KeySource::Passphrase(path) => {
                crate::key_file::refuse_existing(&base.join(path)).is_ok()
            }
            KeySource::Keyring(name) => keyring::refuse_existing(name).is_ok(),
        }
    }

    fn put(
        &self,
        source: &KeySource,
        base: &Path,
        passphrase: impl FnOnce() -> io::Result<Token>,
        instant: Instant<'_>,
    ) -> Result<(), KeyError> {
        match source {
            KeySource::File(path) => {
                let mut text = to_hex(self);
                text.push('\n');
                replace(&real(&base.join(path)), &text, instant)
            }
            KeySource::Passphrase(path) => {
                let path = real(&base.join(path));
                let text = Zeroizing::new(passphrase::render_key(self, &path, passphrase)?);
                replace(&path, &text, instant)
            }
            KeySource::Keyring(name) => {
                instant();
                keyring::set(name, self)
            }
        }
    }
}

/// Where a new key waits: beside the file itself, where a rename is one step, should the name be
/// a link.
fn waiting(source: &KeySource, base: &Path) -> KeySource {
    let next = |path: &String| beside(&real(&base.join(path))).to_string_lossy().into_owned();
    match source {
        KeySource::File(path) => KeySource::File(next(path)),
        KeySource::Keyring(name) => KeySource::Keyring(format!("{name}{NEXT}")),
        KeySource::Passphrase(path) => KeySource::Passphrase(next(path)),
    }
}

/// Writes a private file in one step: it is there whole, or as it was before.
fn replace(path: &Path, text: &str, instant: Instant<'_>) -> Result<(), KeyError> {
    let write = |source| KeyError::Write { path: path.to_owned(), source };
    let part = with(path, ".part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(write(error)),
        _ => {}
    }
    instant();
    write_private(&part, text)?;
    instant();
    fs::rename(&part, path).map_err(write)?;
    instant();
    sync_directory(path).map_err(write)?;
    instant();
    Ok(())
}

/// Overwrites what stands in a file that nobody needs any more.
fn wipe(mut file: &File) {
    let length = file.metadata().map_or(0, |about| about.len());
    let zeros = vec![0; usize::try_from(length.min(WIPE_MAX)).unwrap_or(0)];
    // The file is gone from its directory either way.
    let _unwiped = file.write_all(&zeros).and_then(|()| file.sync_all());
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// The file itself, where the name is a link to it.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn beside(path: &Path) -> PathBuf {
    with(path, NEXT)
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What is appended to the name of a place for the key that waits beside it.
const NEXT: &str = ".next";

/// More than any key file has.
const WIPE_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn file() -> KeySource {
        KeySource::File("key".into())
    }

    fn phrase(text: &str) -> impl FnOnce() -> io::Result<Token> {
        let text = Token::from(text);
        move || Ok(text)
    }

    fn never() -> io::Result<Token> {
        Err(io::Error::other("nobody is asked"))
    }

    #[test]
    fn a_staged_key_takes_the_place_and_nothing_stays_beside() {
        let base = tempfile::tempdir().unwrap();
        let old = Key::create(&file(), base.path(), never).unwrap();
        let new = Key::stage(&file(), base.path(), never, &|| {}).unwrap();
        let open = || Key::open(&file(), base.path(), never).unwrap();
        assert_eq!(open().bytes(), old.bytes());
        let staged = Key::staged(&file(), base.path(), never).unwrap().unwrap();
        assert_eq!(staged.bytes(), new.bytes());
        Key::promote(&file(), base.path(), &|| {}).unwrap();
        assert_eq!(open().bytes(), new.bytes());
        assert!(!Key::is_staged(&file(), base.path()));
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
    }

    /// Goal: at no instant is there neither the old key nor the new one, and what waits is whole.
    /// Method: the directory is copied at every instant, and read as a new process would.
    #[test]
    fn at_every_instant_a_whole_key_is_there() {
        let base = tempfile::tempdir().unwrap();
        let old = Key::create(&file(), base.path(), never).unwrap();
        let (seen, known) = (Cell::new(0), Cell::new(None::<[u8; 32]>));
        let look = || {
            seen.set(seen.get() + 1);
            let key = Key::open(&file(), base.path(), never).unwrap();
            assert!(key.bytes() == old.bytes() || Some(*key.bytes()) == known.get());
            if let Some(staged) = Key::staged(&file(), base.path(), never).unwrap() {
                known.set(Some(*staged.bytes()));
            }
        };
        let new = Key::stage(&file(), base.path(), never, &look).unwrap();
        assert_eq!(known.get(), Some(*new.bytes()));
        Key::promote(&file(), base.path(), &look).unwrap();
        assert_eq!(seen.get(), 7);
    }

    /// Goal: whatever a crash or a full disk left of a waiting key is never taken for one.
    #[test]
    fn a_half_written_key_is_refused_at_every_length() {
        let base = tempfile::tempdir().unwrap();
        Key::stage(&file(), base.path(), never, &|| {}).unwrap();
        let path = base.path().join("key.next");
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() - 1 {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(Key::staged(&file(), base.path(), never).is_err(), "{length}");
            assert!(Key::is_staged(&file(), base.path()));
        }
        Key::stage(&file(), base.path(), never, &|| {}).unwrap();
        assert!(Key::staged(&file(), base.path(), never).unwrap().is_some());
        Key::discard_staged(&file(), base.path()).unwrap();
        assert!(Key::staged(&file(), base.path(), never).unwrap().is_none());
    }

    #[test]
    fn a_passphrase_key_is_staged_and_promoted() {
        let base = tempfile::tempdir().unwrap();
        let source = KeySource::Passphrase("key".into());
        let new = Key::stage(&source, base.path(), phrase("one two three"), &|| {}).unwrap();
        Key::promote(&source, base.path(), &|| {}).unwrap();
        let open = Key::open(&source, base.path(), phrase("one two three")).unwrap();
        assert_eq!(open.bytes(), new.bytes());
        let text = Key::export(&source, base.path()).unwrap();
        assert!(Key::import(&source, base.path(), &text).is_err(), "never over another");
        Key::destroy(&source, base.path()).unwrap();
        assert!(Key::is_free(&source, base.path()));
        Key::destroy(&source, base.path()).unwrap();
        Key::import(&source, base.path(), &text).unwrap();
        let open = Key::open(&source, base.path(), phrase("one two three")).unwrap();
        assert_eq!(open.bytes(), new.bytes());
    }

    #[test]
    fn a_link_to_a_key_stays_a_link() {
        let base = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        Key::create(&file(), elsewhere.path(), never).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join("key"), base.path().join("key")).unwrap();
        let new = Key::stage(&file(), base.path(), never, &|| {}).unwrap();
        Key::promote(&file(), base.path(), &|| {}).unwrap();
        assert!(base.path().join("key").symlink_metadata().unwrap().is_symlink());
        let open = Key::open(&file(), base.path(), never).unwrap();
        assert_eq!(open.bytes(), new.bytes());
    }
}
