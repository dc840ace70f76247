//! Why there is no key, or a value does not open. Names and paths, never a value.

use std::io;
use std::path::PathBuf;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No file stands there.
    #[error("no key file at `{}`", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("key file `{}` cannot be read", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory, pipe or device stands there.
    #[error("key file `{}` is no regular file", path.display())]
    NotRegular {
        /// Which file.
        path: PathBuf,
    },
    /// Others could have read it.
    #[error("key file `{}` has mode {mode:04o}, wider than 0600", path.display())]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is somebody else's.
    #[error("key file `{}` belongs to user {owner}, not to us", path.display())]
    Owner {
        /// Which file.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// It does not hold a key.
    #[error("key file `{}` does not hold 64 hexadecimal digits and a newline", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
    },
    /// There is a key already, and it is not replaced.
    #[error("there is a key already: {place}")]
    Exists {
        /// Where.
        place: String,
    },
    /// It cannot be written.
    #[error("key file `{}` cannot be written", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The keyring has no such key.
    #[error("the keyring holds no key `{name}`")]
    KeyringMissing {
        /// Its name.
        name: String,
    },
    /// What the keyring holds is no key.
    #[error("what the keyring holds as `{name}` is not 64 hexadecimal digits")]
    KeyringFormat {
        /// Its name.
        name: String,
    },
    /// The keyring did not work.
    #[error("the keyring cannot be used for key `{name}`: {why}")]
    Keyring {
        /// Its name.
        name: String,
        /// The keyring's words.
        why: String,
    },
    /// Nobody gave a passphrase.
    #[error("no passphrase was given")]
    Passphrase(#[source] io::Error),
    /// The passphrase was empty.
    #[error("the passphrase is empty")]
    PassphraseEmpty,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the key in `{}`", path.display())]
    PassphraseWrong {
        /// Which file.
        path: PathBuf,
    },
    /// It is no passphrase file of ours.
    #[error("`{}` is no passphrase file of a version that we know", path.display())]
    PassphraseFormat {
        /// Which file.
        path: PathBuf,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

impl KeyError {
    /// The next move.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => {
                "restore it from your backup, or let `rollover init` make one if this installation \
                 is new"
                    .into()
            }
            Self::Read { .. } => "run as the user that the file belongs to".into(),
            Self::NotRegular { .. } => "point `key` in rollover.toml to a regular file".into(),
            Self::Mode { path, .. } => {
                format!("chmod 600 {}; and think about who may have read it", path.display())
            }
            Self::Owner { .. } => "run as its owner, or change the owner with chown".into(),
            Self::Format { .. } | Self::KeyringFormat { .. } | Self::PassphraseFormat { .. } => {
                "restore it from your backup; a new key would not open what the old one sealed"
                    .into()
            }
            Self::Exists { .. } => {
                "use that one; remove it only if nothing was ever sealed with it".into()
            }
            Self::Write { .. } => {
                "check that the directory may be written and the disk is not full".into()
            }
            Self::KeyringMissing { .. } => {
                "log in as the user whose keyring holds it, or let `rollover init` make one if \
                 this installation is new"
                    .into()
            }
            Self::Keyring { .. } => {
                "unlock the keyring; on a machine without one keep the key in a file".into()
            }
            Self::Passphrase(_) => "run where a passphrase can be entered".into(),
            Self::PassphraseEmpty => "choose a passphrase of several words".into(),
            Self::PassphraseWrong { .. } => {
                "enter it again; if it is surely right, the file was changed: restore it".into()
            }
            Self::Random(_) => "wait until the machine has finished starting".into(),
        }
    }
}

/// Why a value was not sealed or does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Random(#[source] getrandom::Error),
    /// The value is longer than the cipher takes.
    #[error("the value for `{place}` cannot be sealed")]
    Encrypt {
        /// Where it should go.
        place: String,
    },
    /// It is of a version that this program does not know.
    #[error("the sealed value at `{place}` is of unknown version {found}")]
    Version {
        /// Where it stands.
        place: String,
        /// Its version byte.
        found: u8,
    },
    /// Another key, another place, a changed or cut ciphertext: the cipher does not say which.
    #[error("the sealed value at `{place}` does not open")]
    Refused {
        /// Where it stands.
        place: String,
    },
}

impl SealError {
    /// The next move.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Random(_) => "wait until the machine has finished starting".into(),
            Self::Encrypt { .. } => "check that the value is a token and not a whole file".into(),
            Self::Version { .. } => {
                "it was written by a newer rollover, or damaged; run the newer one".into()
            }
            Self::Refused { .. } => {
                "check that the key is this installation's; if it is, the value was moved or \
                 changed: restore the database from a backup"
                    .into()
            }
        }
    }
}
