//! What the secrets of the inventory have at the issuers, as far as the journal tells: how a token
//! that is no secret's is told from all others.
//!
//! Every plan and every sweep asks. It is read once for all that ask of the same state of the
//! journal, because a campaign of hundreds would read hundreds of rows hundreds of times.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Fingerprint, Handle, LiveToken, SecretName};
use journal::TokenState;

use crate::{Engine, EngineError};

/// What is remembered of everybody, and of which state of the journal.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Option<(i64, Arc<Everybody>)>>);

type Of<K> = BTreeMap<K, Vec<SecretName>>;

/// How the tokens of all secrets are recognised, and whose they are.
#[derive(Default)]
struct Everybody {
    fingerprints: Of<Fingerprint>,
    /// Of these, those that somebody uses or is about to use.
    in_use: Of<Fingerprint>,
    handles: Of<Handle>,
    descriptions: Of<String>,
    /// What rotations that are open put into the description of the token they create.
    markers: Of<String>,
}

/// How tokens of other secrets are recognised.
pub(crate) struct Others {
    everybody: Arc<Everybody>,
    /// Whose tokens are not meant.
    but: Option<SecretName>,
}

impl Engine {
    /// What other secrets of the inventory have at the issuers, as far as anybody knows.
    pub(crate) fn others(&self, name: &SecretName) -> Result<Others, EngineError> {
        Ok(Others { everybody: self.remembered_of_all()?, but: Some(name.clone()) })
    }

    /// What all secrets of the inventory have there.
    pub(crate) fn everybody(&self) -> Result<Others, EngineError> {
        Ok(Others { everybody: self.remembered_of_all()?, but: None })
    }

    fn remembered_of_all(&self) -> Result<Arc<Everybody>, EngineError> {
        let mut remembered = self.others.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked first: what is written meanwhile makes the next one read again.
        let state = self.reader.state()?;
        if let Some((of, everybody)) = &*remembered
            && *of == state
        {
            return Ok(Arc::clone(everybody));
        }
        let everybody = Arc::new(self.read_of_all()?);
        *remembered = Some((state, Arc::clone(&everybody)));
        Ok(everybody)
    }

    fn read_of_all(&self) -> Result<Everybody, EngineError> {
        let mut all = Everybody::default();
        for row in self.reader.tokens_alive()? {
            if matches!(row.state, TokenState::Active | TokenState::Candidate)
                && self.inventory.secrets.contains_key(&row.secret)
            {
                all.in_use.entry(row.fingerprint).or_default().push(row.secret.clone());
            }
            if let Some(handle) = row.handle {
                all.handles.entry(handle).or_default().push(row.secret.clone());
            }
            all.fingerprints.entry(row.fingerprint).or_default().push(row.secret);
        }
        for secret in self.inventory.secrets.values() {
            if let Some(text) = &secret.old_description {
                all.descriptions.entry(text.clone()).or_default().push(secret.name.clone());
            }
        }
        for row in self.reader.open_rotations()? {
            let marker = format!("rollover {} {}", row.id, row.secret);
            all.markers.entry(marker).or_default().push(row.secret);
        }
        Ok(all)
    }
}

impl Others {
    /// Whether a token is one of theirs.
    pub(crate) fn has(&self, token: &LiveToken) -> bool {
        let all = &*self.everybody;
        let described = |text: &String| {
            self.of(all.descriptions.get(text)).is_some()
                || self.of(all.markers.get(text.trim())).is_some()
        };
        token.fingerprint.is_some_and(|print| self.of(all.fingerprints.get(&print)).is_some())
            || token.handle.as_ref().is_some_and(|one| self.of(all.handles.get(one)).is_some())
            || token.description.as_ref().is_some_and(described)
    }

    /// Who of them uses, or is about to use, the token with this fingerprint.
    pub(crate) fn user_of(&self, fingerprint: &Fingerprint) -> Option<&SecretName> {
        self.of(self.everybody.in_use.get(fingerprint))
    }

    /// The last of these secrets that is meant.
    fn of<'a>(&self, secrets: Option<&'a Vec<SecretName>>) -> Option<&'a SecretName> {
        secrets?.iter().rev().find(|secret| Some(*secret) != self.but.as_ref())
    }
}
