//! The engine's own logins: where they are read from, and a cell that holds each.
//!
//! A login that is itself a secret of the inventory stays empty here until the engine sets it
//! from the store, and is set again when that secret was rotated. No error shows a value.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use domain::Token;
use domain::inventory::Source;
use zeroize::Zeroizing;

/// The name under which the keyring files what belongs to this program.
const KEYRING_SERVICE: &str = "rollover";

/// The longest login that is read from a file.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The token that a connection logs in with. All copies share it.
#[derive(Clone, Debug, Default)]
pub struct Login(Arc<RwLock<Option<Token>>>);

impl Login {
    /// A login that is set later.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A login with this token.
    #[must_use]
    pub fn with(token: Token) -> Self {
        Self(Arc::new(RwLock::new(Some(token))))
    }

    /// Reads a login from its source. Relative paths start at `directory`. [`Source::Secret`]
    /// stays empty.
    ///
    /// # Errors
    /// A source that is missing, empty, or that others may read.
    pub fn read(source: &Source, directory: &Path) -> Result<Self, LoginError> {
        match source {
            Source::Env(name) => read_env(name),
            Source::File(path) => read_file(&directory.join(path)),
            Source::Keyring(name) => read_keyring(name),
            Source::Secret(_) => return Ok(Self::empty()),
        }
        .map(Self::with)
    }

    /// The token, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<Token> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets it.
    pub fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Logs in with this token from now on.
    pub fn set(&self, token: Token) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }
}

/// Why a login cannot be read. Names the place and the next move.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The variable is not set, empty, or not UTF-8.
    #[error("the environment variable `{0}` is not set or empty; set it to the login")]
    Env(String),
    /// The file cannot be read.
    #[error("failed to read the login file `{path}`; create it with mode 0600")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may read the file.
    #[error(
        "the login file `{path}` has mode {mode:04o}, others may use it; run `chmod 600 {path}`"
    )]
    Mode {
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// Nothing in it, or more than a login.
    #[error("the login file `{0}` is empty, too large or not text; write the login into it")]
    Content(String),
    /// The keyring does not give it.
    #[error(
        "the keyring gives no `{name}` of service `rollover`: {why}; store it there, or unlock it"
    )]
    Keyring {
        /// The entry.
        name: String,
        /// What the keyring said.
        why: String,
    },
}

fn read_env(name: &str) -> Result<Token, LoginError> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(Token::new(value)),
        _ => Err(LoginError::Env(name.to_owned())),
    }
}

fn read_file(path: &Path) -> Result<Token, LoginError> {
    let name = || path.display().to_string();
    let wrong = |source| LoginError::File { path: name(), source };
    let file = File::open(path).map_err(wrong)?;
    let about = file.metadata().map_err(wrong)?;
    if !about.is_file() {
        return Err(LoginError::Content(name()));
    }
    let mode = about.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(LoginError::Mode { path: name(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(wrong)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim_end_matches(['\r', '\n']);
    if text.is_empty() || bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(LoginError::Content(name()));
    }
    Ok(Token::from(text))
}

/// The keyring's client blocks and may start a runtime of its own, which it must not do inside
/// ours: hence the thread.
fn read_keyring(name: &str) -> Result<Token, LoginError> {
    let wanted = name.to_owned();
    let asked = std::thread::spawn(move || {
        keyring::Entry::new(KEYRING_SERVICE, &wanted)?.get_password().map(Token::new)
    });
    let wrong = |why: &str| LoginError::Keyring { name: name.to_owned(), why: why.to_owned() };
    match asked.join() {
        Ok(Ok(token)) if token.is_empty() => Err(wrong("it is empty")),
        Ok(Ok(token)) => Ok(token),
        // Its errors may carry the bytes that it could not decode.
        Ok(Err(keyring::Error::NoEntry)) => Err(wrong("no such entry")),
        Ok(Err(keyring::Error::NoDefaultStore)) => Err(wrong("there is no keyring here")),
        Ok(Err(_)) | Err(_) => Err(wrong("it could not be read")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_others_may_read_is_refused_by_name_and_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("login");
        fs::write(&path, "the-login\r\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let source = Source::File("login".into());
        let error = Login::read(&source, directory.path()).unwrap_err().to_string();
        assert!(error.contains("mode 0644") && error.contains("chmod 600"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let login = Login::read(&source, directory.path()).unwrap();
        assert_eq!(login.get().unwrap().expose(), "the-login");
        fs::write(&path, "\n").unwrap();
        assert!(Login::read(&source, directory.path()).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let nowhere = Path::new("/nonexistent");
        let error = Login::read(&Source::Env("ROLLOVER_TEST_UNSET".into()), nowhere).unwrap_err();
        assert!(error.to_string().contains("ROLLOVER_TEST_UNSET"));
        let error = Login::read(&Source::File("x".into()), nowhere).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x"));
    }

    #[test]
    fn a_login_that_is_a_secret_waits_for_the_engine() {
        let name = "prod/HEROKU_API_KEY".parse().unwrap();
        let login = Login::read(&Source::Secret(name), Path::new("/")).unwrap();
        let copy = login.clone();
        assert!(login.get().is_none());
        copy.set(Token::from("later"));
        assert_eq!(login.get().unwrap().expose(), "later");
        assert!(!format!("{login:?}").contains("later"));
    }
}
