//! A key behind a passphrase.
//!
//! The passphrase becomes a key by Argon2id (RFC 9106), and that key seals the installation's
//! random one in the file. Sealing is the check value too: a wrong passphrase does not open it
//! and is told at once. The parameters are part of the seal's place, so they cannot be changed
//! unseen, and a passphrase can be changed without sealing everything again.

use std::fmt::Write;
use std::io;
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Token;

use crate::key_file::{read_private, refuse_existing, write_private};
use crate::{Key, KeyError};

/// Opens the key in a file with a passphrase.
pub(crate) fn open(
    path: &Path,
    passphrase: impl FnOnce() -> io::Result<Token>,
) -> Result<Key, KeyError> {
    let text = read_private(path)?;
    let format = || KeyError::PassphraseFormat { path: path.to_owned() };
    let (cost, salt, sealed) = parse(&text).ok_or_else(format)?;
    let passphrase = passphrase().map_err(KeyError::Passphrase)?;
    let stretched = stretch(cost, &salt, &passphrase).ok_or_else(format)?;
    let plain = stretched
        .open_sealed(&place(cost), &sealed)
        .map_err(|_| KeyError::PassphraseWrong { path: path.to_owned() })?;
    let bytes: &[u8; 32] = plain.as_slice().try_into().map_err(|_| format())?;
    Ok(Key::from_bytes(bytes))
}

/// Makes a new key in a file that did not exist.
pub(crate) fn create(
    path: &Path,
    passphrase: impl FnOnce() -> io::Result<Token>,
) -> Result<Key, KeyError> {
    refuse_existing(path)?;
    let key = Key::random().map_err(KeyError::Random)?;
    write_private(path, &render_key(&key, path, passphrase)?)?;
    Ok(key)
}

/// A key as its file holds it, behind a passphrase.
pub(crate) fn render_key(
    key: &Key,
    path: &Path,
    passphrase: impl FnOnce() -> io::Result<Token>,
) -> Result<String, KeyError> {
    let passphrase = passphrase().map_err(KeyError::Passphrase)?;
    if passphrase.is_empty() {
        return Err(KeyError::PassphraseEmpty);
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(KeyError::Random)?;
    let format = || KeyError::PassphraseFormat { path: path.to_owned() };
    let stretched = stretch(COST, &salt, &passphrase).ok_or_else(format)?;
    let sealed = stretched.seal(&place(COST), key.bytes()).map_err(|_| format())?;
    Ok(render(COST, &salt, &sealed))
}

/// What one guess costs: memory in KiB, passes over it, lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

fn stretch(cost: Cost, salt: &[u8], passphrase: &Token) -> Option<Key> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let passphrase = passphrase.expose().as_bytes();
    Key::filled(|bytes| argon.hash_password_into(passphrase, salt, bytes)).ok()
}

fn place(cost: Cost) -> String {
    format!("passphrase key {} {} {}", cost.memory_kib, cost.passes, cost.lanes)
}

fn render(cost: Cost, salt: &[u8], sealed: &[u8]) -> String {
    let mut text = format!("{TITLE}\n");
    let (salt, sealed) = (STANDARD.encode(salt), STANDARD.encode(sealed));
    let Cost { memory_kib, passes, lanes } = cost;
    // Writing to a string cannot fail.
    let _written =
        write!(text, "argon2id {memory_kib} {passes} {lanes}\nsalt {salt}\nkey {sealed}\n");
    text
}

fn parse(text: &str) -> Option<(Cost, Vec<u8>, Vec<u8>)> {
    let mut lines = text.lines();
    if lines.next()? != TITLE {
        return None;
    }
    let mut numbers = lines.next()?.strip_prefix("argon2id ")?.split(' ').map(str::parse);
    let mut number = || numbers.next()?.ok();
    let cost = Cost { memory_kib: number()?, passes: number()?, lanes: number()? };
    let salt = STANDARD.decode(lines.next()?.strip_prefix("salt ")?).ok()?;
    let sealed = STANDARD.decode(lines.next()?.strip_prefix("key ")?).ok()?;
    let bounded = cost.memory_kib <= MEMORY_KIB_MAX
        && cost.passes <= PASSES_MAX
        && cost.lanes <= LANES_MAX
        && salt.len() >= 16;
    (bounded && lines.next().is_none()).then_some((cost, salt, sealed))
}

const TITLE: &str = "rollover passphrase key 1";

/// RFC 9106's second recommended option: 64 MiB, three passes, four lanes.
const COST: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

/// A changed file must not be able to take all memory or an hour before it is refused.
const MEMORY_KIB_MAX: u32 = 2 * 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use domain::inventory::KeySource;

    use super::*;

    fn ask(passphrase: &str) -> impl FnOnce() -> io::Result<Token> {
        let passphrase = Token::from(passphrase);
        move || Ok(passphrase)
    }

    /// Goal: the right passphrase opens, a wrong one is told at once and opens nothing, and a
    /// key is not replaced.
    #[test]
    fn only_the_right_passphrase_opens() {
        let base = tempfile::tempdir().unwrap();
        let source = KeySource::Passphrase("key".into());
        let key = Key::create(&source, base.path(), ask("correct horse")).unwrap();
        let again = Key::open(&source, base.path(), ask("correct horse")).unwrap();
        assert_eq!(key.bytes(), again.bytes());
        for wrong in ["", "correct horsf", "correct horse "] {
            let error = Key::open(&source, base.path(), ask(wrong)).unwrap_err();
            assert!(matches!(error, KeyError::PassphraseWrong { .. }), "{error}");
        }
        let replaced = Key::create(&source, base.path(), ask("correct horse"));
        assert!(matches!(replaced, Err(KeyError::Exists { .. })));
        let broken = Key::open(&source, base.path(), || Err(io::Error::other("no terminal")));
        assert!(matches!(broken, Err(KeyError::Passphrase(_))));
    }

    #[test]
    fn an_empty_passphrase_makes_no_key() {
        let base = tempfile::tempdir().unwrap();
        let made = Key::create(&KeySource::Passphrase("key".into()), base.path(), ask(""));
        assert!(matches!(made, Err(KeyError::PassphraseEmpty)));
        assert!(!base.path().join("key").exists());
    }

    /// Goal: neither a cheaper cost nor a damaged line passes. Cheap parameters, for speed.
    #[test]
    fn a_changed_file_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("key");
        let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let salt = [3; 16];
        let sealed = stretch(cost, &salt, &Token::from("p")).unwrap().seal(&place(cost), &[9; 32]);
        let text = render(cost, &salt, &sealed.unwrap());
        let open_as = |text: &str| {
            let _gone = std::fs::remove_file(&path);
            write_private(&path, text).unwrap();
            open(&path, ask("p"))
        };
        assert_eq!(open_as(&text).unwrap().bytes(), &[9; 32]);
        for (from, to) in [
            ("64 1 1", "64 2 1"),
            ("64 1 1", "4294967295 1 1"),
            ("64 1 1", "64 1"),
            ("salt A", "salt B"),
            ("salt ", "pepper "),
            (TITLE, "rollover passphrase key 2"),
            ("key A", "key B"),
        ] {
            assert!(open_as(&text.replace(from, to)).is_err(), "{from} -> {to}");
        }
        assert!(open_as(&format!("{text}more\n")).is_err());
    }
}
