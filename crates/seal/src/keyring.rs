//! A key in the operating system's own keyring, kept as the same 64 digits as in a file.

use keyring::{Entry, Error};
use zeroize::Zeroizing;

use crate::{Key, KeyError, key_file};

/// Opens the key of that name.
pub(crate) fn open(name: &str) -> Result<Key, KeyError> {
    let wanted = name.to_owned();
    let text = apart(move || entry(&wanted)?.get_password().map(Zeroizing::new))
        .map_err(|error| explain(name, error))?;
    key_file::from_hex(&text).ok_or_else(|| KeyError::KeyringFormat { name: name.to_owned() })
}

/// Makes a new key under a name that is free.
pub(crate) fn create(name: &str) -> Result<Key, KeyError> {
    refuse_existing(name)?;
    let key = Key::random().map_err(KeyError::Random)?;
    set(name, &key)?;
    Ok(key)
}

/// Refuses a name that is taken.
pub(crate) fn refuse_existing(name: &str) -> Result<(), KeyError> {
    match open(name) {
        Err(KeyError::KeyringMissing { .. }) => Ok(()),
        Ok(_) | Err(KeyError::KeyringFormat { .. }) => {
            Err(KeyError::Exists { place: format!("the keyring's `{SERVICE}` / `{name}`") })
        }
        Err(error) => Err(error),
    }
}

/// Puts a key there, over whatever was there.
pub(crate) fn set(name: &str, key: &Key) -> Result<(), KeyError> {
    let (wanted, text) = (name.to_owned(), key_file::to_hex(key));
    apart(move || entry(&wanted)?.set_password(&text)).map_err(|error| explain(name, error))
}

/// Removes a key, if it is there.
pub(crate) fn remove(name: &str) -> Result<(), KeyError> {
    let wanted = name.to_owned();
    match apart(move || entry(&wanted)?.delete_credential()) {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(explain(name, error)),
    }
}

fn entry(name: &str) -> Result<Entry, Error> {
    if let Err(error) = Entry::store_status() {
        return Err(Error::NotSupportedByStore(error.to_string()));
    }
    Entry::new(SERVICE, name)
}

/// Runs a call on a thread of its own: some keyrings block on an executor of their own, which
/// panics on a thread that already drives one.
fn apart<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    std::thread::spawn(call)
        .join()
        .unwrap_or_else(|_| Err(Error::NotSupportedByStore("the keyring's driver failed".into())))
}

/// Some of these errors carry what was read, so only their words are kept, never they.
fn explain(name: &str, error: Error) -> KeyError {
    let name = name.to_owned();
    match error {
        Error::NoEntry => KeyError::KeyringMissing { name },
        Error::BadEncoding(mut bytes) | Error::BadDataFormat(mut bytes, _) => {
            zeroize::Zeroize::zeroize(&mut bytes);
            KeyError::KeyringFormat { name }
        }
        Error::Ambiguous(_) => KeyError::Keyring { name, why: "it has more than one".into() },
        error => KeyError::Keyring { name, why: error.to_string() },
    }
}

/// What our entries are filed under.
const SERVICE: &str = "rollover";

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: nothing that was read from a keyring gets into an error.
    #[test]
    fn errors_carry_no_value() {
        let bytes = b"a-hidden-value".to_vec();
        for error in [Error::BadEncoding(bytes.clone()), Error::BadDataFormat(bytes, "x".into())] {
            let explained = explain("key", error);
            assert!(matches!(explained, KeyError::KeyringFormat { .. }));
            assert!(!format!("{explained}{explained:?}").contains("hidden"));
        }
        assert!(matches!(explain("key", Error::NoEntry), KeyError::KeyringMissing { .. }));
    }
}
