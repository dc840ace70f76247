//! A leak and how it is answered: what happened, in order, and what has to be proven before the
//! case may be closed.
//!
//! A case changes nothing by itself. It says what is due and remembers what was done; a token's
//! death is proven by its rotation, and what a scan or a purge found is told to the case.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observed::typed;
use crate::{Fingerprint, RotationId, SecretName};

#[cfg(test)]
mod tests;

/// The audit's word for a case that is opened.
pub const OPENED: &str = "secret.leak.opened";

/// Identity of a case, `l-7k2q9d`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(pub String);

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A leak of one token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Its identity.
    pub id: CaseId,
    /// Whose token leaked.
    pub secret: SecretName,
    /// Which token. It counts as compromised from when the case was opened.
    pub fingerprint: Fingerprint,
    /// When the case was opened.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: String,
    /// Where it was seen, in words; never the value.
    pub places: Vec<String>,
    /// Other secrets whose tokens the leaked one could read.
    pub reached: Vec<SecretName>,
    /// Live tokens at the issuer that nobody here knows, when the case was opened: each by its
    /// fingerprint or its handle, which come first, with what is said of it.
    pub strangers: Vec<String>,
    /// What happened, oldest first.
    pub history: Vec<Note>,
    /// How it was closed, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

/// Something that happened to a case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who did or saw it.
    pub by: String,
    /// What.
    pub what: Happened,
}

/// What can happen to a case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happened {
    /// A rotation was begun because of it.
    Rotating(RotationId),
    /// A rotation that was begun because of it has ended, in these words.
    Rotated(RotationId, String),
    /// A place was scanned: how many places still hold the token.
    Scanned {
        /// What was scanned.
        place: String,
        /// In how many places it still was.
        still: u64,
    },
    /// A history was rewritten, with what stays unproven.
    Purged {
        /// Which repository.
        place: String,
        /// Places that still hold it.
        pinned: u64,
        /// Places of which nobody can say.
        unknown: u64,
    },
    /// A secret that the leaked token could read need not be rotated, for a reason.
    Justified {
        /// The secret.
        secret: SecretName,
        /// The reason.
        why: String,
    },
    /// Somebody was told.
    Told(String),
    /// Somebody has noted something.
    Said(String),
}

/// How a case was closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What was proven, in words.
    pub proof: Vec<String>,
}

/// Something that is to be done before a case may be closed, or is better done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Due {
    /// Which step of the answer it is.
    pub step: Stage,
    /// Whether it is done, as far as is known.
    pub done: bool,
    /// Whether the case cannot be closed without it.
    pub required: bool,
    /// What is known, or what to do, in words.
    pub what: String,
    /// The commands of which one comes next, as long as it depends on what a person finds out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<Next>,
}

/// A command that comes next in one case of several.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Next {
    /// In which case.
    pub when: &'static str,
    /// The command.
    pub command: String,
}

/// The steps of an answer, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The leaked token is replaced and revoked.
    Rotate,
    /// It is proven dead.
    Prove,
    /// So is every token that it could read.
    Reached,
    /// Live tokens that nobody knows are looked at.
    Strangers,
    /// It is taken out of the tree.
    Remove,
    /// It is taken out of the history.
    Purge,
    /// Whoever has to know is told.
    Tell,
}

impl Stage {
    /// One word for a table.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Rotate => "rotate",
            Self::Prove => "prove",
            Self::Reached => "reached",
            Self::Strangers => "strangers",
            Self::Remove => "remove",
            Self::Purge => "purge",
            Self::Tell => "tell",
        }
    }
}

/// What is known of a token's life, as the journal has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// It lives, or nobody has proven otherwise.
    Lives,
    /// It is revoked, and its death not yet proven.
    Revoked,
    /// It is proven dead.
    Dead,
}

impl Case {
    /// What is due, in order. `leaked` is the life of the leaked token; `reached` has, for each of
    /// the secrets that it could read, whether every token that lived then is dead by now.
    #[must_use]
    pub fn due(&self, leaked: Life, reached: &[(SecretName, bool)]) -> Vec<Due> {
        let secret = &self.secret;
        let mut due = Vec::new();
        let mut add = |step, done, required, what: String| {
            due.push(Due { step, done, required, what, next: Vec::new() });
        };
        let rotating = self.last(|what| match what {
            Happened::Rotating(id) => Some(id.clone()),
            _ => None,
        });
        let rotate = match (leaked, &rotating) {
            (Life::Lives, Some(id)) => format!("{id} is open: rollover run resume {id}"),
            (Life::Lives, None) => format!("rollover rotate {secret} --emergency"),
            _ => "the leaked token is revoked".to_owned(),
        };
        add(Stage::Rotate, leaked != Life::Lives, true, rotate);
        let prove = match leaked {
            Life::Dead => "the leaked token is proven dead",
            Life::Revoked => "its death is not proven yet",
            Life::Lives => "the leaked token has to answer dead twice",
        };
        add(Stage::Prove, leaked == Life::Dead, true, prove.to_owned());
        for (name, dead) in reached {
            let why = self.last(|what| match what {
                Happened::Justified { secret, why } if secret == name => Some(why.clone()),
                _ => None,
            });
            let what = match (dead, &why) {
                (true, _) => format!("what it could read of {name} is dead"),
                (false, Some(why)) => format!("{name} stays as it is: {why}"),
                (false, None) => {
                    format!("it could read {name}: rollover rotate {name} --emergency")
                }
            };
            add(Stage::Reached, *dead || why.is_some(), true, what);
        }
        due.extend(self.strangers.iter().map(|stranger| self.stranger_due(stranger)));
        self.places_due(&mut due);
        due
    }

    /// A live token that nobody knows is left to people, with the commands that they may want.
    fn stranger_due(&self, stranger: &str) -> Due {
        let done = self.spoken_of(stranger);
        let secret = &self.secret;
        let next = match called(stranger).filter(|_| !done) {
            Some(name) => vec![
                Next {
                    when: "it is somebody's",
                    command: format!("rollover secret adopt {secret} {name}"),
                },
                Next {
                    when: "it is nobody's",
                    command: format!("rollover secret remove {secret} {name} --reason TEXT"),
                },
            ],
            None => Vec::new(),
        };
        let what = format!("live, and nobody knows it: {stranger}");
        Due { step: Stage::Strangers, done, required: false, what, next }
    }

    fn places_due(&self, due: &mut Vec<Due>) {
        let mut add = |step, done, required, what: String| {
            due.push(Due { step, done, required, what, next: Vec::new() });
        };
        let scanned = self.last(|what| match what {
            Happened::Scanned { place, still } => Some((place.clone(), *still)),
            _ => None,
        });
        let (done, what) = match scanned {
            Some((place, 0)) => (true, format!("{place} was scanned, and it is not there")),
            Some((place, still)) => (false, format!("{still} places in {place} still hold it")),
            None => (false, "scan where it was seen: rollover leak close --scan PATH".to_owned()),
        };
        add(Stage::Remove, done, !self.places.is_empty(), what);
        let purged = self.last(|what| match what {
            Happened::Purged { place, pinned, unknown } => {
                Some(format!("{place}: {pinned} places still hold it, {unknown} are unknown"))
            }
            _ => None,
        });
        let what = purged
            .clone()
            .unwrap_or_else(|| "rollover leak purge REPOSITORY, if it is worth it".into());
        add(Stage::Purge, purged.is_some(), false, what);
        let told = self.last(|what| match what {
            Happened::Told(whom) => Some(whom.clone()),
            _ => None,
        });
        let what = told
            .clone()
            .map_or_else(|| "nobody was told yet".into(), |whom| format!("told: {whom}"));
        add(Stage::Tell, told.is_some(), false, what);
    }

    fn last<T>(&self, of: impl Fn(&Happened) -> Option<T>) -> Option<T> {
        self.history.iter().rev().find_map(|note| of(&note.what))
    }

    /// Whether somebody has said something of a stranger since.
    fn spoken_of(&self, stranger: &str) -> bool {
        let name = typed(stranger.split_whitespace().next().unwrap_or(stranger));
        self.history.iter().any(|note| match &note.what {
            Happened::Said(text) => text.contains(name),
            _ => false,
        })
    }
}

/// What a stranger is called in a command. One whose issuer shows neither an id nor the value has
/// no name.
fn called(stranger: &str) -> Option<&str> {
    let name = stranger.split_whitespace().next().filter(|name| !name.starts_with('('))?;
    Some(typed(name))
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotating(id) => write!(f, "rotation {id} begun"),
            Self::Rotated(id, how) => write!(f, "rotation {id} ended: {how}"),
            Self::Scanned { place, still: 0 } => write!(f, "{place} scanned: it is not there"),
            Self::Scanned { place, still } => write!(f, "{place} scanned: {still} places hold it"),
            Self::Purged { place, pinned, unknown } => {
                write!(f, "{place} purged: {pinned} places pinned, {unknown} unknown")
            }
            Self::Justified { secret, why } => write!(f, "{secret} stays as it is: {why}"),
            Self::Told(whom) => write!(f, "told {whom}"),
            Self::Said(text) => f.write_str(text),
        }
    }
}
