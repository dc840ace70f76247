//! A local file as the place that holds the current values, sealed with the installation's key.
//!
//! JSON: `{"version":1,"entries":{KEY:{"version":N,"sealed":BASE64}}}`. Each value is bound to its
//! key and its version, so that sealed values cannot be swapped within the file. The file is of
//! mode 0600, replaced in one step, and changed by one program at a time.
//!
//! While the installation's key is replaced, the file holds everything twice, `entries` under the
//! one key and `next` under the other, so that it opens with whichever of them is in force.

pub(crate) mod manual;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Token;
use domain::inventory::{Inventory, StoreKind};
use serde::{Deserialize, Serialize};

use crate::files::{self, FileCall, Replace};
use crate::http::Observer;
use crate::{Fault, Store, StoreWrite, Stored};

const VENDOR: &str = "the sealed file";

/// The version of the file's form that is written and read.
const FORM: u32 = 1;

/// One sealed file.
#[derive(Clone)]
pub(crate) struct SealedFile {
    path: PathBuf,
    key: seal::Key,
    observer: Observer,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    entries: Entries,
    /// The same under the key that is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Entries>,
}

type Entries = BTreeMap<String, Entry>;

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    version: u64,
    sealed: String,
}

impl SealedFile {
    /// A store in the file at `path`, which need not exist yet.
    pub(crate) fn new(path: PathBuf, key: &seal::Key, observer: Observer) -> Self {
        Self { path, key: key.derive(PURPOSE), observer }
    }

    fn call(&self, what: &str, key: &str) -> FileCall {
        let call = format!("{what} `{key}` in {}", self.path.display());
        FileCall { vendor: VENDOR, call, observer: self.observer.clone() }
    }

    fn read_now(&self, key: &str, call: &FileCall) -> Result<Option<Stored>, Fault> {
        let path = files::resolve(&self.path).map_err(|error| call.failed(&error))?;
        self.open(&content(&path, call)?.own(&self.key), key, call)
    }

    fn open(&self, held: &Entries, key: &str, call: &FileCall) -> Result<Option<Stored>, Fault> {
        let Some(entry) = held.get(key) else {
            return Ok(None);
        };
        let wrong = || call.refused("it was sealed with another key, or was changed");
        let sealed = STANDARD.decode(&entry.sealed).map_err(|_| wrong())?;
        let plain =
            self.key.open_sealed(&place(key, entry.version), &sealed).map_err(|_| wrong())?;
        let text = std::str::from_utf8(&plain).map_err(|_| wrong())?;
        Ok(Some(Stored {
            token: Token::from(text),
            version: entry.version.to_string(),
            managed: None,
        }))
    }

    fn write_now(&self, key: &str, token: &Token, call: &FileCall) -> Result<StoreWrite, Fault> {
        call.may_change()?;
        let path = files::resolve(&self.path).map_err(|error| call.failed(&error))?;
        let lock = files::lock(files::directory_of(&path)).map_err(|error| call.failed(&error))?;
        files::clear_beside(&path, &lock).map_err(|error| call.failed(&error))?;
        let mut held = content(&path, call)?.own(&self.key);
        // A value that cannot be opened may still be replaced: it is lost either way.
        if let Ok(Some(stored)) = self.open(&held, key, call)
            && stored.token == *token
        {
            return Ok(StoreWrite::Done(stored.version));
        }
        self.put(&mut held, key, token, call)?;
        self.save(&path, &Content { version: FORM, entries: held, next: None }, call)?;
        match self.read_now(key, call) {
            Ok(Some(stored)) if stored.token == *token => Ok(StoreWrite::Done(stored.version)),
            _ => Err(call.unsure("it does not hold what was written")),
        }
    }

    fn remove_now(&self, key: &str, call: &FileCall) -> Result<StoreWrite, Fault> {
        call.may_change()?;
        let path = files::resolve(&self.path).map_err(|error| call.failed(&error))?;
        let lock = files::lock(files::directory_of(&path)).map_err(|error| call.failed(&error))?;
        files::clear_beside(&path, &lock).map_err(|error| call.failed(&error))?;
        let mut held = content(&path, call)?.own(&self.key);
        if held.remove(key).is_none() {
            return Ok(StoreWrite::Done("nothing was there".to_owned()));
        }
        self.save(&path, &Content { version: FORM, entries: held, next: None }, call)?;
        match self.read_now(key, call) {
            Ok(None) => Ok(StoreWrite::Done("removed".to_owned())),
            _ => Err(call.unsure("it still holds a value")),
        }
    }

    fn put(
        &self,
        held: &mut Entries,
        key: &str,
        token: &Token,
        call: &FileCall,
    ) -> Result<(), Fault> {
        let version = held.get(key).map_or(Some(1), |entry| entry.version.checked_add(1));
        let version = version.ok_or_else(|| call.refused("its version is the last there is"))?;
        let sealed = self.key.seal(&place(key, version), token.expose().as_bytes());
        let sealed = STANDARD.encode(sealed.map_err(|_| call.refused("it cannot be sealed"))?);
        held.insert(key.to_owned(), Entry { version, sealed });
        Ok(())
    }

    /// The value under a key of a file's text.
    pub(crate) fn read_text(&self, text: &[u8], key: &str) -> Result<Option<Stored>, Fault> {
        let call = self.call("reading", key);
        self.open(&parsed(text, &call)?.own(&self.key), key, &call)
    }

    /// Seals a token into a file's text and opens it again.
    pub(crate) fn with_value(&self, text: &[u8], key: &str, token: &Token) -> Result<(), Fault> {
        let call = self.call("writing", key);
        let mut held = parsed(text, &call)?.own(&self.key);
        self.put(&mut held, key, token, &call)?;
        match self.open(&held, key, &call) {
            Ok(Some(stored)) if stored.token == *token => Ok(()),
            _ => Err(call.unsure("it does not hold what was written")),
        }
    }

    fn save(&self, path: &Path, held: &Content, call: &FileCall) -> Result<(), Fault> {
        let text = serde_json::to_vec_pretty(held).map_err(|_| call.refused("not JSON"))?;
        if let Some(observer) = &self.observer {
            observer.before(VENDOR, &call.call);
        }
        let saved = files::replace(path, &text, 0o600, call);
        if let Some(observer) = &self.observer {
            observer.after(VENDOR, &call.call);
        }
        saved.map_err(|replace| match replace {
            Replace::Before(error) => call.failed(&error),
            Replace::After(error) => call.unsure(error.to_string()),
        })
    }
}

#[async_trait]
impl Store for SealedFile {
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault> {
        let (file, name, call) = (self.clone(), key.to_owned(), self.call("reading", key));
        call.clone().blocking(move || file.read_now(&name, &call)).await
    }

    async fn write(&self, key: &str, token: &Token) -> Result<StoreWrite, Fault> {
        let (file, name, call) = (self.clone(), key.to_owned(), self.call("writing", key));
        let token = token.clone();
        call.clone().blocking(move || file.write_now(&name, &token, &call)).await
    }

    async fn remove(&self, key: &str) -> Result<StoreWrite, Fault> {
        let (file, name, call) = (self.clone(), key.to_owned(), self.call("removing", key));
        call.clone().blocking(move || file.remove_now(&name, &call)).await
    }
}

impl Content {
    /// What this key opens, of the two that may be there.
    fn own(self, key: &seal::Key) -> Entries {
        match self.next {
            Some(next) if !opened(&self.entries, key) && opened(&next, key) => next,
            _ => self.entries,
        }
    }

    /// Whether this key opens what is to come, and not what was.
    fn waits_for(&self, key: &seal::Key) -> bool {
        self.next.as_ref().is_some_and(|next| !opened(&self.entries, key) && opened(next, key))
    }

    /// The same values under another key.
    fn under(entries: &Entries, old: &seal::Key, new: &seal::Key) -> Option<Entries> {
        let reseal = |(name, entry): (&String, &Entry)| {
            let place = place(name, entry.version);
            let plain = old.open_sealed(&place, &STANDARD.decode(&entry.sealed).ok()?).ok()?;
            let sealed = STANDARD.encode(new.seal(&place, &plain).ok()?);
            Some((name.clone(), Entry { version: entry.version, sealed }))
        };
        entries.iter().map(reseal).collect()
    }
}

/// The sealed files of an inventory, when its key is replaced.
#[derive(Clone, Debug)]
pub struct SealedFiles(Vec<PathBuf>);

impl SealedFiles {
    /// Those that its stores lie in, and that exist.
    #[must_use]
    pub fn of(inventory: &Inventory, directory: &Path) -> Self {
        let paths = inventory.stores.values().filter_map(|store| match &store.kind {
            StoreKind::Sealed { file } => Some(directory.join(file)),
            StoreKind::Infisical { .. } => None,
        });
        let mut paths: Vec<PathBuf> = paths.filter(|path| path.exists()).collect();
        paths.sort();
        paths.dedup();
        Self(paths)
    }

    /// Where they lie.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.0
    }

    /// Whether one of them still holds everything twice.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn are_doubled(&self) -> Result<bool, Fault> {
        let doubled = |path: &PathBuf| Ok(content(path, &rekeying(path))?.next.is_some());
        self.0.iter().map(doubled).try_fold(false, |any, one| Ok(any | one?))
    }

    /// Whether this key is the second one of a file that holds everything twice: the one that is to
    /// stay.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn wait_for(&self, key: &seal::Key) -> Result<bool, Fault> {
        let key = key.derive(PURPOSE);
        let waits = |path: &PathBuf| Ok(content(path, &rekeying(path))?.waits_for(&key));
        self.0.iter().map(waits).try_fold(false, |any, one| Ok(any | one?))
    }

    /// Seals everything under a second key, too.
    ///
    /// # Errors
    /// A file cannot be written, or holds a value that the old key does not open. Files that
    /// were written before open with the old key as they did.
    pub fn double(
        &self,
        old: &seal::Key,
        new: &seal::Key,
        instant: seal::Instant<'_>,
    ) -> Result<(), Fault> {
        let (old, new) = (old.derive(PURPOSE), new.derive(PURPOSE));
        self.each(instant, |held, call| {
            let entries = held.own(&old);
            let next = Content::under(&entries, &old, &new)
                .ok_or_else(|| call.refused("a value in it does not open with this key"))?;
            Ok(Content { version: FORM, entries, next: Some(next) })
        })
    }

    /// Leaves what the key in force opens.
    ///
    /// # Errors
    /// A file cannot be written; what is in it opens as before.
    pub fn halve(&self, key: &seal::Key, instant: seal::Instant<'_>) -> Result<(), Fault> {
        let key = key.derive(PURPOSE);
        self.each(instant, |held, _| {
            Ok(Content { version: FORM, entries: held.own(&key), next: None })
        })
    }

    fn each(
        &self,
        instant: seal::Instant<'_>,
        change: impl Fn(Content, &FileCall) -> Result<Content, Fault>,
    ) -> Result<(), Fault> {
        for path in &self.0 {
            let call = rekeying(path);
            let failed = |error| call.failed(&error);
            let path = files::resolve(path).map_err(failed)?;
            let lock = files::lock(files::directory_of(&path)).map_err(failed)?;
            files::clear_beside(&path, &lock).map_err(failed)?;
            let changed = change(content(&path, &call)?, &call)?;
            let text = serde_json::to_vec_pretty(&changed).map_err(|_| call.refused("not JSON"))?;
            instant();
            files::replace(&path, &text, 0o600, &call).map_err(|replace| match replace {
                Replace::Before(error) => call.failed(&error),
                Replace::After(error) => call.unsure(error.to_string()),
            })?;
            instant();
        }
        Ok(())
    }
}

fn rekeying(path: &Path) -> FileCall {
    let call = format!("sealing {} under another key", path.display());
    FileCall { vendor: VENDOR, call, observer: None }
}

/// Whether a key opens all of these.
fn opened(entries: &Entries, key: &seal::Key) -> bool {
    entries.iter().all(|(name, entry)| {
        let sealed = STANDARD.decode(&entry.sealed);
        sealed.is_ok_and(|sealed| key.open_sealed(&place(name, entry.version), &sealed).is_ok())
    })
}

/// What the installation's key is derived for.
const PURPOSE: &str = "sealed file";

/// What a value is bound to.
fn place(key: &str, version: u64) -> String {
    format!("sealed file/{version}/{key}")
}

fn content(path: &Path, call: &FileCall) -> Result<Content, Fault> {
    let bytes = files::read(path, call).map_err(|error| call.failed(&error))?;
    let Some(bytes) = bytes else {
        return Ok(Content { version: FORM, entries: Entries::new(), next: None });
    };
    parsed(&bytes, call)
}

fn parsed(text: &[u8], call: &FileCall) -> Result<Content, Fault> {
    let wrong = || call.refused("the file is not a sealed file");
    let content: Content = serde_json::from_slice(text).map_err(|_| wrong())?;
    match content.version {
        FORM => Ok(content),
        other => Err(call.refused(format!("the file has form {other}; this program knows {FORM}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const VALUE: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn store(directory: &Path, key: u8) -> SealedFile {
        SealedFile::new(directory.join("store.json"), &seal::Key::from_bytes(&[key; 32]), None)
    }

    #[tokio::test]
    async fn written_read_back_and_counted() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), 1);
        assert!(store.read("A").await.unwrap().is_none());
        let done = |version: &str| StoreWrite::Done(version.to_owned());
        assert_eq!(store.write("A", &Token::from(VALUE)).await.unwrap(), done("1"));
        assert_eq!(store.write("A", &Token::from(VALUE)).await.unwrap(), done("1"));
        assert_eq!(store.write("B", &Token::from("other")).await.unwrap(), done("1"));
        assert_eq!(store.write("A", &Token::from("next")).await.unwrap(), done("2"));
        assert_eq!(store.read("A").await.unwrap().unwrap().token, Token::from("next"));
        assert_eq!(store.read("B").await.unwrap().unwrap().token, Token::from("other"));
        let gone = |words: &str| StoreWrite::Done(words.to_owned());
        assert_eq!(store.remove("B").await.unwrap(), gone("removed"));
        assert_eq!(store.remove("B").await.unwrap(), gone("nothing was there"));
        assert!(store.read("B").await.unwrap().is_none());
        assert_eq!(store.read("A").await.unwrap().unwrap().token, Token::from("next"));
        let path = directory.path().join("store.json");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(!fs::read_to_string(&path).unwrap().contains("next"));
    }

    #[tokio::test]
    async fn another_key_a_swap_and_nonsense_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.json");
        let mine = store(directory.path(), 1);
        mine.write("A", &Token::from("a-value")).await.unwrap();
        mine.write("B", &Token::from("b-value")).await.unwrap();
        let refused = |read: Result<Option<Stored>, Fault>| {
            assert!(matches!(read, Err(Fault::Refused { .. })), "{read:?}");
        };
        refused(store(directory.path(), 2).read("A").await);
        let swapped = fs::read_to_string(&path).unwrap().replace("\"A\"", "\"X\"");
        fs::write(&path, swapped.replace("\"B\"", "\"A\"")).unwrap();
        refused(mine.read("A").await);
        fs::write(&path, r#"{"version":2,"entries":{}}"#).unwrap();
        refused(mine.read("A").await);
        assert!(
            mine.write("A", &Token::from("x")).await.is_err(),
            "a newer form is not overwritten"
        );
        fs::write(&path, "<html>").unwrap();
        refused(mine.read("A").await);
    }

    /// Goal: while the key is replaced, the file opens with either key, whoever writes to it; and
    /// afterwards with the new one alone.
    #[tokio::test]
    async fn a_file_opens_with_both_keys_while_one_replaces_the_other() {
        let directory = tempfile::tempdir().unwrap();
        let (old, new) = (store(directory.path(), 1), store(directory.path(), 2));
        old.write("A", &Token::from("a-value")).await.unwrap();
        old.write("B", &Token::from("b-value")).await.unwrap();
        let files = SealedFiles(vec![directory.path().join("store.json")]);
        let keys = [1, 2].map(|byte| seal::Key::from_bytes(&[byte; 32]));
        files.double(&keys[0], &keys[1], &|| {}).unwrap();
        assert!(files.are_doubled().unwrap());
        for store in [&old, &new] {
            assert_eq!(store.read("A").await.unwrap().unwrap().token, Token::from("a-value"));
        }
        // The change was given up, and somebody wrote with the old key.
        old.write("A", &Token::from("later")).await.unwrap();
        assert!(new.read("A").await.is_err() && !files.are_doubled().unwrap());
        files.double(&keys[0], &keys[1], &|| {}).unwrap();
        files.double(&keys[0], &keys[1], &|| {}).unwrap();
        files.halve(&keys[1], &|| {}).unwrap();
        assert_eq!(new.read("A").await.unwrap().unwrap().token, Token::from("later"));
        assert_eq!(new.read("B").await.unwrap().unwrap().token, Token::from("b-value"));
        assert!(old.read("A").await.is_err());
        assert!(files.double(&keys[0], &keys[1], &|| {}).is_err(), "not with the old one again");
    }

    #[tokio::test]
    async fn many_writers_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), 1);
        let writes = (0..8).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.write(&format!("K{n}"), &Token::from("v")).await })
        });
        for write in writes.collect::<Vec<_>>() {
            assert!(write.await.unwrap().is_ok());
        }
        for n in 0..8 {
            assert!(store.read(&format!("K{n}")).await.unwrap().is_some());
        }
    }
}
