//! A value for whoever may have it: for a workstation's owner, or for a program that a person runs.

use domain::{Fingerprint, SecretName, Token};
use journal::Slot;

use crate::{Engine, EngineError};

impl Engine {
    /// The token of a secret with this fingerprint, from the open rotation or from the store.
    ///
    /// # Errors
    /// The store cannot be read, or neither of the two has it any more.
    pub async fn value_of(
        &self,
        name: &SecretName,
        wanted: Fingerprint,
    ) -> Result<Token, EngineError> {
        if let Some(id) = self.rotating(name)? {
            for slot in [Slot::New, Slot::Old] {
                let value = self.reader.open_value(&id, slot)?;
                if let Some(value) = value.filter(|value| self.fingerprints.of(value) == wanted) {
                    return Ok(value);
                }
            }
        }
        let stored = self.stored_value(name).await?;
        match self.fingerprints.of(&stored) == wanted {
            true => Ok(stored),
            false => Err(EngineError::NotStored {
                name: name.clone(),
                why: format!("it no longer has the token with fp {wanted}"),
            }),
        }
    }

    /// The token that the store of a secret holds.
    ///
    /// # Errors
    /// The store cannot be read, or holds nothing.
    pub async fn stored_value(&self, name: &SecretName) -> Result<Token, EngineError> {
        let secret = self.secret(name)?;
        let not = |why: String| EngineError::NotStored { name: name.clone(), why };
        let store = self.store(&secret.store).ok_or_else(|| not("there is none".into()))?;
        self.fill_logins(None).await?;
        match store.read(&secret.store_key).await {
            Ok(Some(stored)) => Ok(stored.token),
            Ok(None) => Err(not("it holds nothing".into())),
            Err(fault) => Err(not(fault.to_string())),
        }
    }
}
