//! Which packs were read and held nothing, so that they need not be read again.
//!
//! A pack never changes: it is called by the hash over its objects. What was remembered holds for
//! one set of rules, one key and one set of known tokens; it is forgotten when one of them changes.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The memory of one repository.
#[derive(Clone, Debug)]
pub struct Remembered {
    path: PathBuf,
    looked_for: String,
    /// The packs.
    pub packs: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    looked_for: String,
    packs: BTreeSet<String>,
}

impl Remembered {
    /// What is remembered in a file; nothing where something else was looked for then.
    /// `looked_for` says what is looked for: rules, key, known tokens.
    #[must_use]
    pub fn load(path: &Path, looked_for: String) -> Self {
        let stored =
            fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok());
        let packs =
            stored.filter(|stored| stored.looked_for == looked_for).map(|stored| stored.packs);
        Self { path: path.to_owned(), looked_for, packs: packs.unwrap_or_default() }
    }

    /// Remembers packs, besides those that are remembered already.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&mut self, packs: BTreeSet<String>) -> std::io::Result<()> {
        self.packs.extend(packs);
        let stored = Stored { looked_for: self.looked_for.clone(), packs: self.packs.clone() };
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let beside = self.path.with_extension(format!("{}.new", std::process::id()));
        let mut file = fs::File::create(&beside)?;
        file.write_all(&serde_json::to_vec(&stored)?)?;
        drop(file);
        fs::rename(&beside, &self.path)
    }
}
