//! A dotenv file on this machine as a place that holds a token.
//!
//! There is no standard; what is understood is what the common readers agree on: `KEY=value`,
//! `export`, single and double quotes (over several lines, with escapes in double ones), comments
//! behind a blank and `#`, the last of several entries. The file is replaced in one step. A
//! program that has read it before keeps the value before until it is started again.
//!
//! <https://github.com/motdotla/dotenv#readme>

pub(crate) mod manual;
#[cfg(test)]
mod tests;
pub(crate) mod text;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use domain::Token;
use rustix::fs::{Access, access};
use zeroize::Zeroizing;

use crate::files::{self, FileCall, Replace};
use crate::http::Observer;
use crate::traits::disputed;
use crate::{Adoption, Consumer, Fault, Held, Place, Placed, PlacedWrite, Receipt};

const VENDOR: &str = "the dotenv file";

const UNENDED: &str = "a quote in it never ends, so the value would be read as part of another";

/// The mode of a new file, and the least of a changed one.
const MODE: u32 = 0o600;

/// What a changed file keeps of its mode: what its owner and its group may do.
const MODE_KEPT: u32 = 0o770;

/// Every name in a dotenv text, in order, with its value.
#[must_use]
pub fn dotenv_names(text: &str) -> Vec<(String, Token)> {
    let entries = text::entries(text).into_iter();
    entries.map(|entry| (entry.key.to_owned(), entry.read(text))).collect()
}

/// One dotenv file.
#[derive(Clone)]
pub(crate) struct Dotenv {
    path: PathBuf,
    keys: Vec<String>,
    observer: Observer,
}

impl Dotenv {
    /// The file at `path`, which need not exist yet; `keys` hold the token.
    pub(crate) fn new(path: PathBuf, keys: Vec<String>, observer: Observer) -> Self {
        Self { path, keys, observer }
    }

    /// Writes a token, blocking.
    pub(crate) fn write_own(&self, token: &Token) -> Result<Receipt, Fault> {
        let write = PlacedWrite { keys: self.keys.clone(), token: token.clone() };
        self.write_now(&[write], &self.call("writing"))
    }

    /// Whether it holds a token under all of its keys, blocking.
    pub(crate) fn holds(&self, token: &Token) -> Result<bool, Fault> {
        let held = self.look_now(&self.call("looking at"))?;
        Ok(held.iter().all(|value| value.as_ref() == Some(token)))
    }

    fn call(&self, what: &str) -> FileCall {
        let call = format!("{what} {}", self.path.display());
        FileCall { vendor: VENDOR, call, observer: self.observer.clone() }
    }

    fn look_now(&self, call: &FileCall) -> Result<Vec<Option<Token>>, Fault> {
        let path = files::resolve(&self.path).map_err(|error| call.failed(&error))?;
        let text = text_of(&path, call)?;
        may_write(&path, call)?;
        Ok(self.values(&text))
    }

    fn values(&self, content: &str) -> Vec<Option<Token>> {
        self.keys.iter().map(|key| text::value(content, key)).collect()
    }

    fn write_now(&self, writes: &[PlacedWrite], call: &FileCall) -> Result<Receipt, Fault> {
        if let Some(key) = disputed(writes) {
            return Err(call.refused(format!("two secrets are to be written as `{key}`")));
        }
        self.change(call, |content| {
            let mut changed = None;
            for PlacedWrite { keys, token } in writes {
                let text = changed.as_ref().unwrap_or(content);
                if keys.iter().any(|key| text::value(text, key).as_ref() != Some(token)) {
                    changed = Some(text::exchanged(text, keys, token).ok_or(UNENDED)?);
                }
            }
            Ok(changed)
        })
    }

    fn remove_now(&self, call: &FileCall) -> Result<Receipt, Fault> {
        self.change(call, |content| {
            let is_there = self.values(content).iter().any(Option::is_some);
            is_there.then(|| text::without(content, &self.keys).ok_or(UNENDED)).transpose()
        })
    }

    /// Replaces the text by what it becomes; a text that stays is not written.
    fn change(
        &self,
        call: &FileCall,
        become_: impl Fn(&Zeroizing<String>) -> Result<Option<Zeroizing<String>>, &'static str>,
    ) -> Result<Receipt, Fault> {
        call.may_change()?;
        let path = files::resolve(&self.path).map_err(|error| call.failed(&error))?;
        let lock = files::lock(files::directory_of(&path)).map_err(|error| call.failed(&error))?;
        files::clear_beside(&path, &lock).map_err(|error| call.failed(&error))?;
        match become_(&text_of(&path, call)?).map_err(|why| call.refused(why))? {
            None => Ok(Receipt(format!("{} unchanged", self.path.display()))),
            Some(content) => {
                self.save(&path, &content, call)?;
                Ok(Receipt(format!("wrote {}", self.path.display())))
            }
        }
    }

    fn save(&self, path: &Path, content: &str, call: &FileCall) -> Result<(), Fault> {
        let mode = fs::metadata(path).map_or(MODE, |about| about.mode() & MODE_KEPT | MODE);
        if let Some(observer) = &self.observer {
            observer.before(VENDOR, &call.call);
        }
        let saved = files::replace(path, content.as_bytes(), mode, call);
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
impl Consumer for Dotenv {
    async fn look(&self) -> Result<Held, Fault> {
        let (file, call) = (self.clone(), self.call("looking at"));
        call.clone().blocking(move || file.look_now(&call)).await.map(Held::Values)
    }

    async fn write(&self, token: &Token) -> Result<Receipt, Fault> {
        let write = PlacedWrite { keys: self.keys.clone(), token: token.clone() };
        self.write_all(&[write]).await
    }

    async fn adopted(&self, token: &Token, _receipt: Option<&str>) -> Result<Adoption, Fault> {
        let Held::Values(held) = self.look().await? else {
            return Ok(Adoption::Differs("it cannot be read".to_owned()));
        };
        let other = self.keys.iter().zip(held).find(|(_, value)| value.as_ref() != Some(token));
        Ok(match other {
            None => Adoption::ByFingerprint(format!("{} holds it", self.path.display())),
            Some((key, _)) => Adoption::Differs(format!("`{key}` holds another value")),
        })
    }

    async fn remove(&self) -> Result<Receipt, Fault> {
        let (file, call) = (self.clone(), self.call("writing"));
        call.clone().blocking(move || file.remove_now(&call)).await
    }

    async fn absent(&self, _receipt: Option<&str>) -> Result<Adoption, Fault> {
        let Held::Values(held) = self.look().await? else {
            return Ok(Adoption::Differs("it cannot be read".to_owned()));
        };
        let there = self.keys.iter().zip(held).find(|(_, value)| value.is_some());
        Ok(match there {
            None => Adoption::ByFingerprint(format!("{} does not name it", self.path.display())),
            Some((key, _)) => Adoption::Differs(format!("`{key}` is there")),
        })
    }

    fn reads_back(&self) -> bool {
        true
    }

    fn restarts(&self) -> bool {
        false
    }

    fn placed(&self) -> Option<Placed> {
        Some(Placed { place: Arc::new(self.clone()), keys: self.keys.clone() })
    }
}

#[async_trait]
impl Place for Dotenv {
    async fn write_all(&self, writes: &[PlacedWrite]) -> Result<Receipt, Fault> {
        let (file, call, writes) = (self.clone(), self.call("writing"), writes.to_vec());
        call.clone().blocking(move || file.write_now(&writes, &call)).await
    }
}

/// The text of the file; empty where there is none.
fn text_of(path: &Path, call: &FileCall) -> Result<Zeroizing<String>, Fault> {
    let bytes = files::read(path, call).map_err(|error| call.failed(&error))?.unwrap_or_default();
    let text = std::str::from_utf8(&bytes).map_err(|_| call.refused("it is not UTF-8 text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Whether the file could be replaced, found out without touching it: its directory must be
/// writable, and giving the new file to another owner takes the superuser.
fn may_write(path: &Path, call: &FileCall) -> Result<(), Fault> {
    let directory = files::directory_of(path);
    let reachable = access(directory, Access::WRITE_OK | Access::EXEC_OK);
    reachable.map_err(|error| {
        call.refused(format!("its directory cannot be written: {}", std::io::Error::from(error)))
    })?;
    let own = rustix::process::geteuid();
    match fs::metadata(path) {
        Ok(about) if !own.is_root() && about.uid() != own.as_raw() => {
            Err(call.refused(format!("it belongs to user {}; run as that user", about.uid())))
        }
        _ => Ok(()),
    }
}
