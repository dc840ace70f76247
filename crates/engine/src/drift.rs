//! Looks at everything that a secret rests on, and lets the domain say what differs. Reads only.

mod memory;

use std::collections::BTreeMap;

use connectors::{Consumer, Fault, Held, Issuer};
use domain::drift::{ConsumerLook, Looked, Memory, Report, Running, StoreLook, Whose, judge};
use domain::inventory::{Consumer as ConsumerConf, ConsumerKind, Secret};
use domain::{
    ConsumerId, Fingerprint, FingerprintKey, Holding, LiveToken, Liveness, SecretName, Token,
};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;

use crate::observe::{holding, live};
use crate::{Engine, EngineError};

/// How many secrets are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// Connections that have no login now, with the reason.
type Shut = BTreeMap<String, String>;

/// One secret as it was seen, before it is compared.
struct Seen {
    store: StoreLook,
    live: Liveness,
    tokens: Result<Option<Vec<LiveToken>>, String>,
    consumers: Vec<ConsumerLook>,
    login_is_current: bool,
}

impl Engine {
    /// Compares what these secrets' stores, consumers and issuers have with what they should.
    /// Nothing is changed. What does not answer is reported as unknown, and is no error.
    ///
    /// # Errors
    /// A secret is not in the inventory, or the journal cannot be read.
    pub async fn drift(&self, names: &[SecretName]) -> Result<Vec<Report>, EngineError> {
        let past = self.past()?;
        let looks = names.iter().map(|name| async {
            let secret = self.secret(name)?;
            let issuer =
                self.issuer(&secret.issuer).ok_or_else(|| EngineError::NoSecret(name.clone()))?;
            let seen = self.see(secret, issuer.as_ref(), &past.receipts(self, name)?).await?;
            Ok::<_, EngineError>((secret, issuer, seen))
        });
        let seen: Vec<_> = stream::iter(looks).buffered(SIDE_BY_SIDE).collect().await;
        let seen = seen.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut memories = Vec::new();
        for (secret, _, seen) in &seen {
            memories.push(self.memory(&past, secret, stored(seen), seen.tokens.as_ref().ok())?);
        }
        let stores = self.stores_now(&seen, &memories).await;
        let mut reports = Vec::new();
        for ((secret, issuer, seen), mut memory) in seen.into_iter().zip(memories) {
            let others = stores.iter().filter(|(name, _)| **name != secret.name);
            let held = others.map(|(name, fp)| (*fp, Whose::Of((*name).clone())));
            memory.tokens.extend(held);
            let looked = Looked {
                at: self.clock.now(),
                store: seen.store,
                live: seen.live,
                tokens: seen.tokens,
                consumers: seen.consumers,
                login_is_current: seen.login_is_current,
                memory,
            };
            reports.push(judge(&self.inventory, secret, issuer.profile().overlap.slots(), &looked));
        }
        Ok(reports)
    }

    /// The store first, because the token it holds is what everybody else is asked with, and then
    /// everything else side by side. Where it gives none, the consumers are looked at all the
    /// same: the journal knows what they should hold.
    async fn see(
        &self,
        secret: &Secret,
        issuer: &dyn Issuer,
        receipts: &BTreeMap<ConsumerId, String>,
    ) -> Result<Seen, EngineError> {
        let (store, token) = self.store_look(secret).await;
        let shut = self.fill_what_logins_there_are((&secret.name, token.as_ref())).await?;
        let consumers = join_all(secret.consumers.iter().map(|part| {
            let receipt = receipts.get(&part.id).map(String::as_str);
            self.consumer_look(secret, part, issuer, token.as_ref(), &shut, receipt)
        }));
        let (live, tokens, consumers) = match &token {
            None => {
                let why = "the store gave no token".to_owned();
                (Liveness::Unknown { why }, Ok(None), consumers.await)
            }
            Some(token) => {
                let listing = self.tokens_look(secret, issuer, token, &shut);
                let (live, tokens, consumers) =
                    tokio::join!(issuer.look(token), listing, consumers);
                let tokens = match &live {
                    Liveness::Alive { identity } if identity == issuer.expected_identity() => {
                        tokens
                    }
                    // A dead token is shown no list, and another's list is not ours.
                    Liveness::Alive { .. } | Liveness::Dead { .. } => Ok(None),
                    Liveness::Unknown { .. } => tokens,
                };
                (live, tokens, consumers)
            }
        };
        let login_is_current =
            token.as_ref().is_some_and(|token| !self.logins_with(token).is_empty());
        Ok(Seen { store, live, tokens, consumers, login_is_current })
    }

    async fn store_look(&self, secret: &Secret) -> (StoreLook, Option<Token>) {
        let Some(store) = self.store(&secret.store) else {
            return (StoreLook::Unknown("it is not in the inventory".into()), None);
        };
        match store.read(&secret.store_key).await {
            Ok(Some(stored)) => {
                let fingerprint = self.fingerprints.of(&stored.token);
                let managed = stored.managed;
                (StoreLook::Holds { fingerprint, managed }, Some(stored.token))
            }
            Ok(None) => (StoreLook::Empty, None),
            Err(fault @ Fault::Refused { .. }) => (StoreLook::Refuses(fault.to_string()), None),
            Err(fault) => (StoreLook::Unknown(fault.to_string()), None),
        }
    }

    async fn tokens_look(
        &self,
        secret: &Secret,
        issuer: &dyn Issuer,
        token: &Token,
        shut: &Shut,
    ) -> Result<Option<Vec<LiveToken>>, String> {
        let via = self.inventory.issuers.get(&secret.issuer).map(|issuer| &issuer.via);
        if let Some(why) = via.and_then(|via| shut.get(via)) {
            return Err(why.clone());
        }
        match issuer.list(token).await {
            Ok(listing) if listing.complete => {
                let tokens = listing.tokens.iter();
                Ok(Some(tokens.map(|token| live(&self.fingerprints, token)).collect()))
            }
            Ok(_) => Ok(None),
            Err(fault) => Err(fault.to_string()),
        }
    }

    async fn consumer_look(
        &self,
        secret: &Secret,
        part: &ConsumerConf,
        issuer: &dyn Issuer,
        stored: Option<&Token>,
        shut: &Shut,
        receipt: Option<&str>,
    ) -> ConsumerLook {
        let id = part.id.clone();
        let unknown = |why: String| ConsumerLook {
            id: id.clone(),
            holding: Holding::Unknown(why.clone()),
            held: None,
            running: Err(why),
        };
        if let Some(why) = via(part).and_then(|via| shut.get(via)) {
            return unknown(why.clone());
        }
        let Some(consumer) = self.consumer(&secret.name, &part.id) else {
            return unknown("it is not in the inventory".into());
        };
        let (held, running) = tokio::join!(consumer.look(), self.running(&*consumer, receipt));
        let (holding, held) = match held {
            Ok(held) => {
                let strange = strange(&held, stored, issuer);
                let says = match &strange {
                    Some(token) => Some(issuer.look(token).await),
                    None => None,
                };
                (holding(&self.fingerprints, held), says)
            }
            Err(fault @ Fault::Refused { .. }) => (Holding::Refused(fault.to_string()), None),
            Err(fault) => (Holding::Unknown(fault.to_string()), None),
        };
        ConsumerLook { id, holding, held, running }
    }

    async fn running(
        &self,
        consumer: &dyn Consumer,
        receipt: Option<&str>,
    ) -> Result<Running, String> {
        let seen = consumer.running(receipt).await.map_err(|fault| fault.to_string())?;
        let older =
            seen.older.iter().map(|(name, held)| (name.clone(), one(&self.fingerprints, held)));
        Ok(Running {
            older: older.collect(),
            rolled_back: seen.rolled_back,
            waits: seen.waits,
            wrote: seen.wrote,
        })
    }

    /// What the stores of all secrets hold now, so that a token of another secret is recognised.
    /// Those that were not looked at are only asked where somebody holds what nobody knows.
    async fn stores_now<'a>(
        &'a self,
        seen: &[(&'a Secret, std::sync::Arc<dyn Issuer>, Seen)],
        memories: &[Memory],
    ) -> Vec<(&'a SecretName, Fingerprint)> {
        let mut now: Vec<(&SecretName, Fingerprint)> = seen
            .iter()
            .filter_map(|(secret, _, seen)| Some((&secret.name, stored(seen)?)))
            .collect();
        let known = |memory: &Memory, fp: Fingerprint| {
            memory.whose(fp).is_some() || now.iter().any(|(_, held)| *held == fp)
        };
        let strange = seen.iter().zip(memories).any(|((_, _, seen), memory)| {
            seen.consumers.iter().any(|consumer| match consumer.holding {
                Holding::Token(fp) => !known(memory, fp),
                _ => false,
            }) || stored(seen).is_some_and(|fp| memory.whose(fp).is_none())
        });
        if strange {
            let looked: Vec<&SecretName> = seen.iter().map(|(secret, ..)| &secret.name).collect();
            let others = self.inventory.secrets.values().filter(|one| !looked.contains(&&one.name));
            let asked = join_all(others.map(|secret| async move {
                let (_, token) = self.store_look(secret).await;
                Some((&secret.name, self.fingerprints.of(&token?)))
            }));
            now.extend(asked.await.into_iter().flatten());
        }
        now
    }
}

fn stored(seen: &Seen) -> Option<Fingerprint> {
    match seen.store {
        StoreLook::Holds { fingerprint, .. } => Some(fingerprint),
        _ => None,
    }
}

fn via(part: &ConsumerConf) -> Option<&String> {
    match &part.kind {
        ConsumerKind::HerokuConfig { via, .. } | ConsumerKind::GithubSecret { via, .. } => {
            Some(via)
        }
        ConsumerKind::Dotenv { .. } | ConsumerKind::Workstation { .. } => None,
    }
}

/// The one token under all keys, where it is not what the store holds and has the form of one of
/// this issuer's: only that is shown to the issuer, whatever else somebody may have put there.
fn strange(held: &Held, stored: Option<&Token>, issuer: &dyn Issuer) -> Option<Token> {
    let Held::Values(values) = held else { return None };
    let first = values.first()?.as_ref()?;
    let same = values.iter().all(|value| value.as_ref() == Some(first));
    let fits = issuer.profile().shape.fits(first.expose());
    (same && fits && stored != Some(first)).then(|| first.clone())
}

/// The fingerprint of what a process has under all of its keys; none where it has nothing, or
/// several things.
fn one(key: &FingerprintKey, held: &[Option<Token>]) -> Option<Fingerprint> {
    let first = held.first()?.as_ref()?;
    held.iter().all(|value| value.as_ref() == Some(first)).then(|| key.of(first))
}
