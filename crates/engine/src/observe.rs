//! A look at the world around one secret, and the plan that follows from it. Reads only.

use connectors::{Fault, Held, Issuer, ListedToken, MintRight};
use domain::inventory::{Auth, Consumer as ConsumerConf, Secret, Source};
use domain::{
    Baseline, ConsumerSeen, Declared, Fingerprint, FingerprintKey, Holding, IssuerSeen, LiveToken,
    Liveness, Mint, Mode, Observed, Plan, RotationId, SecretName, Span, StoreSeen, Token,
};
use futures_util::future::join_all;
use journal::{TokenRow, TokenState};

use crate::{Engine, EngineError};

/// A plan and the old token that it was made for. The token goes into the journal, sealed, when
/// the rotation begins.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What was seen while planning.
    pub observed: Observed,
    pub(crate) old: Token,
}

impl Engine {
    /// Looks at the world and plans the rotation of a secret. Nothing is changed.
    ///
    /// # Errors
    /// Every refusal found; a journal that cannot be read.
    pub async fn plan(&self, name: &SecretName, mode: Mode) -> Result<Planned, EngineError> {
        let secret = self.secret(name)?;
        let issuer = self.issuer(&secret.issuer).ok_or_else(|| self.missing(name))?;
        let (observed, old) = self.observe(secret, issuer.as_ref()).await?;
        let id = new_id()?;
        let declared = Declared {
            profile: issuer.profile(),
            create_text: match &secret.create_text {
                Some(text) => vec![text.clone()],
                None => issuer.how_to_create(),
            },
            consumers: secret.consumers.iter().map(|part| self.declared(name, part)).collect(),
        };
        let mut plan = Plan::make(&self.inventory, secret, mode, declared, &observed, id)?;
        let others = self.others(name)?;
        plan.unknown.retain(|token| !others.has(token));
        if plan.issuer.overlap.slots().is_none() {
            // Hundreds of them would stand in every plan; what is of others is known anyway.
            plan.baseline.retain(|token| !others.has(token));
        }
        match old {
            Some(old) => Ok(Planned { plan, observed, old }),
            None => Err(self.missing(name)),
        }
    }

    /// Plans to take a secret out of use; `watch` is how long its name is gone before its token is
    /// revoked. Nothing is changed.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub async fn plan_decommission(
        &self,
        name: &SecretName,
        watch: Option<Span>,
    ) -> Result<Planned, EngineError> {
        let mut planned = self.plan(name, Mode::Decommission).await?;
        planned.plan.limits.soak = watch.unwrap_or(planned.plan.limits.soak);
        Ok(planned)
    }

    pub(crate) fn missing(&self, name: &SecretName) -> EngineError {
        EngineError::NoSecret(name.clone())
    }

    fn declared(&self, name: &SecretName, part: &ConsumerConf) -> (bool, bool) {
        self.consumer(name, &part.id)
            .map_or((false, false), |consumer| (consumer.reads_back(), consumer.restarts()))
    }

    /// Looks at the store first, because the token it holds is what everybody else is asked
    /// with, and then at everything else side by side.
    pub(crate) async fn observe(
        &self,
        secret: &Secret,
        issuer: &dyn Issuer,
    ) -> Result<(Observed, Option<Token>), EngineError> {
        let (store, old) = self.observe_store(secret).await;
        self.fill_logins(old.as_ref().map(|old| (&secret.name, old))).await?;
        let (liveness, issuer_seen, consumers) = match &old {
            Some(old) => tokio::join!(
                issuer.look(old),
                self.observe_issuer(issuer, old),
                join_all(secret.consumers.iter().map(|part| self.observe_consumer(secret, part))),
            ),
            None => {
                let nothing = Liveness::Unknown { why: "the store gave no token".into() };
                let unseen = IssuerSeen {
                    tokens: Vec::new(),
                    listed: false,
                    mint: Mint::Unknown("not asked".into()),
                    page: None,
                };
                (nothing, unseen, Vec::new())
            }
        };
        let fingerprint = old.as_ref().map(|old| self.fingerprints.of(old));
        let observed = Observed {
            at: self.clock.now(),
            open: self.open_rotation(&secret.name)?,
            decommissioned: self.reader.decommissioned(&secret.name)?,
            remembered: self.remembered(&secret.name, fingerprint)?,
            store,
            old: liveness,
            issuer: issuer_seen,
            consumers,
            login_is_old: old.as_ref().is_some_and(|old| !self.logins_with(old).is_empty()),
            loose_logins: old.as_ref().map(|old| self.loose_logins(old)).unwrap_or_default(),
            shared_with: self.shared_with(&secret.name, fingerprint)?,
        };
        Ok((observed, old))
    }

    async fn observe_store(&self, secret: &Secret) -> (StoreSeen, Option<Token>) {
        let Some(store) = self.store(&secret.store) else {
            return (StoreSeen::Unknown("it is not in the inventory".into()), None);
        };
        match store.read(&secret.store_key).await {
            Ok(Some(stored)) => {
                let fingerprint = self.fingerprints.of(&stored.token);
                if let Some(by) = stored.managed {
                    let why = format!("{by} writes this value itself");
                    return (StoreSeen::Refuses(why), Some(stored.token));
                }
                (StoreSeen::Holds { fingerprint, version: stored.version }, Some(stored.token))
            }
            Ok(None) => (StoreSeen::Empty, None),
            Err(fault @ Fault::Refused { .. }) => (StoreSeen::Refuses(fault.to_string()), None),
            Err(fault) => (StoreSeen::Unknown(fault.to_string()), None),
        }
    }

    async fn observe_issuer(&self, issuer: &dyn Issuer, old: &Token) -> IssuerSeen {
        let (listing, right) = tokio::join!(issuer.list(old), issuer.may_mint());
        let mint = match right {
            MintRight::Allowed => Mint::Allowed,
            MintRight::Refused(why) => Mint::Refused(why),
            MintRight::Unknown(why) => Mint::Unknown(why),
        };
        match listing {
            Ok(listing) => IssuerSeen {
                tokens: listing
                    .tokens
                    .iter()
                    .map(|token| live(&self.fingerprints, token))
                    .collect(),
                listed: listing.complete,
                mint,
                page: listing.page,
            },
            Err(fault) => {
                let mint = match mint {
                    Mint::Allowed => Mint::Unknown(fault.to_string()),
                    other => other,
                };
                IssuerSeen { tokens: Vec::new(), listed: false, mint, page: None }
            }
        }
    }

    pub(crate) async fn observe_consumer(
        &self,
        secret: &Secret,
        part: &ConsumerConf,
    ) -> ConsumerSeen {
        let holding = match self.consumer(&secret.name, &part.id) {
            Some(consumer) => match consumer.look().await {
                Ok(held) => holding(&self.fingerprints, held),
                Err(fault @ Fault::Refused { .. }) => Holding::Refused(fault.to_string()),
                Err(fault) => Holding::Unknown(fault.to_string()),
            },
            None => Holding::Unknown("it is not in the inventory".into()),
        };
        ConsumerSeen { id: part.id.clone(), holding }
    }

    /// What earlier rotations left in memory about this token, where it is the current one.
    fn remembered(
        &self,
        name: &SecretName,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Option<Baseline>, EngineError> {
        let is_it = |row: &TokenRow| {
            row.state == TokenState::Active && Some(row.fingerprint) == fingerprint
        };
        Ok(self.reader.tokens(name)?.into_iter().find(is_it).map(|row| Baseline {
            fingerprint: row.fingerprint,
            handle: row.handle,
            since: row.since,
        }))
    }

    /// Connections that log in with this token by a copy that no rotation reaches.
    fn loose_logins(&self, old: &Token) -> Vec<String> {
        let covered = |auth: &Auth| matches!(auth, Auth::Token(Source::Secret(_)));
        let connections = self.inventory.connections.values();
        let loose = connections.filter(|connection| {
            !covered(&connection.auth)
                && self
                    .world
                    .logins
                    .get(&connection.name)
                    .is_some_and(|login| login.get().is_some_and(|held| held == *old))
        });
        loose.map(|connection| connection.name.clone()).collect()
    }

    /// Another secret whose current token this is, as far as the memory tells.
    fn shared_with(
        &self,
        name: &SecretName,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Option<SecretName>, EngineError> {
        let Some(fingerprint) = fingerprint else { return Ok(None) };
        Ok(self.others(name)?.user_of(&fingerprint).cloned())
    }

    /// What every consumer and the store hold now, for `status`.
    ///
    /// # Errors
    /// The secret is not in the inventory, or the journal cannot be read.
    pub async fn look_around(&self, name: &SecretName) -> Result<Observed, EngineError> {
        let secret = self.secret(name)?;
        let issuer = self.issuer(&secret.issuer).ok_or_else(|| self.missing(name))?;
        Ok(self.observe(secret, issuer.as_ref()).await?.0)
    }
}

/// A listed token without its value.
pub(crate) fn live(key: &FingerprintKey, listed: &ListedToken) -> LiveToken {
    LiveToken {
        fingerprint: listed.token.as_ref().map(|token| key.of(token)),
        handle: listed.handle.clone(),
        description: listed.description.clone(),
        created: listed.created,
    }
}

pub(crate) fn holding(key: &FingerprintKey, held: Held) -> Holding {
    match held {
        Held::Unreadable(at) => Holding::Unreadable(at),
        Held::Known(fingerprint) => Holding::Token(fingerprint),
        Held::Shadowed(why) => Holding::Shadowed(why),
        Held::Values(values) => {
            let seen: Vec<Option<Fingerprint>> =
                values.iter().map(|value| value.as_ref().map(|token| key.of(token))).collect();
            match seen.first() {
                None => Holding::Nothing,
                Some(first) if seen.iter().all(|other| other == first) => {
                    first.map_or(Holding::Nothing, Holding::Token)
                }
                Some(_) => Holding::Mixed(seen),
            }
        }
    }
}

pub(crate) fn new_id() -> Result<RotationId, EngineError> {
    Ok(RotationId(fresh("r-")?))
}

/// A fresh id: 40 random bits in letters that cannot be confused.
pub(crate) fn fresh(kind: &str) -> Result<String, EngineError> {
    const LETTERS: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz0";
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|_| EngineError::Random)?;
    let word: String =
        bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    Ok(format!("{kind}{word}"))
}
