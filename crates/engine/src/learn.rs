//! Looks into stores and consumers for tokens that no rotation has touched yet, so that they are
//! known when they leak. Only fingerprints are remembered.

use std::collections::BTreeSet;
use std::sync::Arc;

use connectors::{Held, Issuer};
use domain::audit::Record;
use domain::leak::Case;
use domain::{Fingerprint, SecretName};

use crate::{Engine, EngineError};

impl Engine {
    /// For each secret, how many tokens are known that were not before, or why nobody could look.
    ///
    /// # Errors
    /// The journal cannot be read or written.
    pub async fn learn(&self) -> Result<Vec<(SecretName, Result<usize, String>)>, EngineError> {
        let mut told = Vec::new();
        for name in self.inventory.secrets.keys() {
            let found = match self.held(name).await {
                Ok(found) => found,
                Err(why) => {
                    told.push((name.clone(), Err(why)));
                    continue;
                }
            };
            let mut new = Vec::new();
            for fingerprint in found {
                let known = self.reader.tokens_of(&fingerprint)?;
                if known.iter().all(|row| row.secret != *name) {
                    new.push((name.clone(), fingerprint));
                }
            }
            let count = new.len();
            if let (Some(journal), true) = (&self.journal, count > 0) {
                let prints: Vec<String> = new.iter().map(|(_, print)| print.hex()).collect();
                let record = Record {
                    at: self.clock.now(),
                    action: "secret.learned".into(),
                    actor: self.actor.clone(),
                    secret: Some(name.clone()),
                    rotation: None,
                    context: [("fingerprints".to_owned(), prints.join(" "))].into(),
                };
                journal.append_learned(new, vec![record]).await?;
            }
            told.push((name.clone(), Ok(count)));
        }
        Ok(told)
    }

    /// The fingerprints of what the store and the consumers of a secret hold.
    async fn held(&self, name: &SecretName) -> Result<BTreeSet<Fingerprint>, String> {
        let secret = self.secret(name).map_err(|error| error.to_string())?;
        let store = self.store(&secret.store).ok_or("its store is not in the inventory")?;
        let stored = store.read(&secret.store_key).await.map_err(|fault| fault.to_string())?;
        let mut held = BTreeSet::new();
        let current = stored.map(|stored| stored.token);
        held.extend(current.as_ref().map(|token| self.fingerprints.of(token)));
        let read = current.as_ref().map(|token| (name, token));
        self.fill_logins(read).await.map_err(|error| error.to_string())?;
        for part in &secret.consumers {
            let Some(consumer) = self.consumer(name, &part.id) else { continue };
            // One that does not answer now is asked the next time.
            if let Ok(Held::Values(values)) = consumer.look().await {
                held.extend(values.iter().flatten().map(|token| self.fingerprints.of(token)));
            }
        }
        Ok(held)
    }

    /// The issuers of the inventory's secrets, by their names.
    #[must_use]
    pub fn issuers(&self) -> Vec<(String, Arc<dyn Issuer>)> {
        self.world.issuers.iter().map(|(name, issuer)| (name.clone(), Arc::clone(issuer))).collect()
    }

    /// Writes a leak's case as it is now, with what the audit says of it.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn keep_case(&self, case: Case, records: Vec<Record>) -> Result<(), EngineError> {
        if let Some(journal) = &self.journal {
            journal.append_case(case, records).await?;
        }
        Ok(())
    }
}
