//! A finding: one token, and every place where it was seen.

use std::collections::BTreeMap;
use std::fmt;

use domain::{Fingerprint, Token};
use serde::Serialize;

use crate::sighting::{Confidence, Layer, Sighting, What};
use crate::spot::Form;

/// Where something was seen.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Place {
    /// What kind of place it is.
    pub kind: PlaceKind,
    /// A path from the root of the tree, a file of `.git`, a ref; empty where nothing is known.
    pub path: String,
    /// The commit, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The object, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The line, from 1; 0 where there is none.
    pub line: u64,
    /// The byte in that line, from 1; 0 where there is none.
    pub column: u64,
    /// What had to be taken off to see it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
}

/// A kind of place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceKind {
    /// A file of the tree.
    File,
    /// The name of a file or directory.
    Name,
    /// What the next commit would bring.
    Staged,
    /// A file in a commit.
    Committed,
    /// A file's content that no commit has.
    Unreached,
    /// The text of a commit: its message, its author.
    Commit,
    /// The text of a tag.
    Tag,
    /// Names in a commit's tree.
    Tree,
    /// A file of `.git` that is no object.
    GitFile,
    /// The name of a ref, or of a file of `.git`.
    GitName,
    /// What came from a pipe.
    Input,
    /// What another program has reported.
    Reported,
}

impl PlaceKind {
    /// In words, in front of the path.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Name => "file name",
            Self::Staged => "staged",
            Self::Committed => "committed file",
            Self::Unreached => "object that no commit has",
            Self::Commit => "text of commit",
            Self::Tag => "text of tag",
            Self::Tree => "file names of commit",
            Self::GitFile => "git's own file",
            Self::GitName => "git's own name",
            Self::Input => "input",
            Self::Reported => "reported",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.describe())?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        match (&self.commit, &self.object) {
            (Some(commit), _) => write!(f, " (commit {})", short(commit))?,
            (None, Some(object)) => write!(f, " (object {})", short(object))?,
            (None, None) => {}
        }
        if !self.layers.is_empty() {
            write!(f, " in {}", self.layers.join(", "))?;
        }
        Ok(())
    }
}

fn short(id: &str) -> &str {
    &id[..id.len().min(12)]
}

impl Place {
    /// A place of a kind, for what was seen in it.
    #[must_use]
    pub fn new(kind: PlaceKind, path: impl Into<String>, sighting: &Sighting) -> Self {
        Self {
            kind,
            path: path.into(),
            commit: None,
            object: None,
            line: sighting.line,
            column: sighting.column,
            layers: sighting.layers.iter().map(Layer::to_string).collect(),
        }
    }
}

/// One token, and where it was seen.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Whose it is, as sure as any of its places makes it.
    pub what: What,
    /// Its form.
    pub form: Form,
    /// Its fingerprint under the scanner's key.
    pub fingerprint: Fingerprint,
    /// Its fingerprint under the allow-list's key.
    pub allowed_as: Option<Fingerprint>,
    /// Where, in order; at most [`PLACES_MAX`].
    pub places: Vec<Place>,
    /// In how many places.
    pub places_total: u64,
    /// The value, where whoever scans has asked to keep it.
    pub value: Option<Token>,
}

/// So many places of one token are listed.
pub const PLACES_MAX: usize = 10_000;

impl Finding {
    /// Whether it counts: it is ours, or probably somebody's.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self.what {
            What::Ours => true,
            What::Looks { confidence, .. } => confidence >= Confidence::Medium,
        }
    }
}

/// Findings, from everything that was seen and where.
#[must_use]
pub fn findings(seen: impl IntoIterator<Item = (Place, Sighting)>) -> Vec<Finding> {
    let mut all: BTreeMap<Fingerprint, Finding> = BTreeMap::new();
    for (place, sighting) in seen {
        let finding = all.entry(sighting.fingerprint).or_insert_with(|| Finding {
            what: sighting.what,
            form: sighting.form,
            fingerprint: sighting.fingerprint,
            allowed_as: sighting.allowed_as,
            places: Vec::new(),
            places_total: 0,
            value: None,
        });
        finding.what = surer(finding.what, sighting.what);
        finding.value = finding.value.take().or(sighting.value);
        finding.places_total += 1;
        if finding.places.len() < PLACES_MAX {
            finding.places.push(place);
        }
    }
    let mut all: Vec<Finding> = all.into_values().collect();
    for finding in &mut all {
        finding.places.sort();
        let before = finding.places.len();
        finding.places.dedup();
        finding.places_total -= (before - finding.places.len()) as u64;
    }
    // Ours first, then by where they stand.
    all.sort_by(|a, b| (a.what != What::Ours, &a.places).cmp(&(b.what != What::Ours, &b.places)));
    all
}

fn surer(a: What, b: What) -> What {
    match (a, b) {
        (What::Looks { confidence: of_a, .. }, What::Looks { confidence: of_b, .. }) => {
            if of_b > of_a { b } else { a }
        }
        (What::Ours, _) | (_, What::Ours) => What::Ours,
    }
}
