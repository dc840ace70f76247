//! The removal of a live token that nobody answers for: who might hold it is looked at before it
//! is planned, at the end of its watch, right before it is revoked and once more afterwards.

use std::sync::Arc;

use connectors::{Issuer, ListedToken};
use domain::inventory::Secret;
use domain::{
    Action, Declared, Event, Fingerprint, Handle, Holding, LiveToken, Liveness, Plan, RotationId,
    SecretName, Span, Token, Wanted,
};
use futures_util::future::join_all;
use journal::TokenState;

use crate::act::{Context, End, checked};
use crate::observe::{live, new_id};
use crate::{Engine, EngineError, Planned};

/// Who holds a token, as far as the inventory reaches.
#[derive(Default)]
pub(crate) struct Holders {
    /// Secrets that have it in their stores.
    stores: Vec<SecretName>,
    /// Consumers that have it under one of their names.
    consumers: Vec<String>,
    /// What could not be looked at, and why.
    unseen: Vec<(String, String)>,
    /// What cannot be read back.
    unreadable: Vec<String>,
    /// How many places were looked at.
    places: usize,
}

impl Engine {
    /// Plans to remove a live token that nobody answers for, called by the issuer's id of it or by
    /// its fingerprint; `watch` is how long it is watched before it is revoked. Nothing is changed.
    ///
    /// # Errors
    /// Every refusal found; a journal that cannot be read.
    pub async fn plan_removal(
        &self,
        name: &SecretName,
        called: &str,
        watch: Option<Span>,
    ) -> Result<Planned, EngineError> {
        let secret = self.secret(name)?;
        let issuer = self.issuer(&secret.issuer).ok_or_else(|| self.missing(name))?;
        let (mut observed, current) = self.observe(secret, issuer.as_ref()).await?;
        let ask = current.unwrap_or_else(|| Token::new(String::new()));
        let (mut listed, mut unlisted) = (Arc::default(), None);
        // Where the store holds nothing, the issuer was not asked yet.
        match issuer.list(&ask).await {
            Ok(listing) => {
                let all = listing.tokens.iter().map(|one| live(&self.fingerprints, one));
                (observed.issuer.tokens, observed.issuer.listed) =
                    (all.collect(), listing.complete);
                observed.issuer.page = listing.page;
                listed = listing.tokens;
            }
            Err(fault) => unlisted = Some(fault.to_string()),
        }
        let (mut wanted, value) = self.wanted(secret, issuer.as_ref(), called, &listed).await?;
        wanted.unlisted = unlisted;
        let declared =
            Declared { profile: issuer.profile(), create_text: Vec::new(), consumers: Vec::new() };
        let id = new_id()?;
        let mut plan = Plan::remove(&self.inventory, secret, &declared, &observed, &wanted, id)?;
        let others = self.others(name)?;
        plan.unknown.retain(|token| !others.has(token));
        if plan.issuer.overlap.slots().is_none() {
            plan.baseline.retain(|token| !others.has(token));
        }
        plan.limits.soak = watch.unwrap_or(plan.limits.soak);
        match value {
            Some(old) => Ok(Planned { plan, observed, old }),
            None => Err(self.missing(name)),
        }
    }

    /// The token that is called so, with everything that might speak against its removal.
    async fn wanted(
        &self,
        secret: &Secret,
        issuer: &dyn Issuer,
        called: &str,
        listed: &[ListedToken],
    ) -> Result<(Wanted, Option<Token>), EngineError> {
        let seen = listed.iter().map(|one| (live(&self.fingerprints, one), one.token.clone()));
        let is_it = |(one, _): &(LiveToken, Option<Token>)| one.is_meant(called);
        let (found, mut values): (Vec<LiveToken>, Vec<Option<Token>>) = seen.filter(is_it).unzip();
        let value = if values.len() == 1 { values.pop().flatten() } else { None };
        let (liveness, holders) = match &value {
            Some(value) => {
                tokio::join!(issuer.look(value), self.holders(&secret.issuer, value))
            }
            None => (Liveness::Unknown { why: "not asked".into() }, Holders::default()),
        };
        let (mut of, mut marked) = (holders.stores, None);
        if let [one] = found.as_slice() {
            of.extend(self.believed(one.fingerprint, one.handle.as_ref())?);
            marked = self.marked(one)?;
        }
        of.sort();
        of.dedup();
        let wanted = Wanted {
            name: called.to_owned(),
            found,
            unlisted: None,
            liveness,
            of,
            held_by: holders.consumers,
            unseen: holders.unseen,
            unreadable: holders.unreadable,
            is_login: value.as_ref().is_some_and(|value| !self.logins_with(value).is_empty()),
            by_hand: issuer.how_to_revoke(called),
            marked,
        };
        Ok((wanted, value))
    }

    /// Who holds a token: the stores and the consumers of every secret whose issuer gives tokens
    /// of the same identity.
    pub(crate) async fn holders(&self, issuer: &str, token: &Token) -> Holders {
        let whose = |name: &str| {
            let issuer = self.issuer(name)?;
            Some((issuer.profile().kind, issuer.expected_identity().to_owned()))
        };
        let wanted = whose(issuer);
        let secrets = self.inventory.secrets.values();
        let alike: Vec<&Secret> =
            secrets.filter(|secret| whose(&secret.issuer) == wanted).collect();
        let fingerprint = self.fingerprints.of(token);
        let looked = join_all(alike.into_iter().map(|secret| async move {
            let consumers =
                join_all(secret.consumers.iter().map(|part| self.observe_consumer(secret, part)));
            let (stored, consumers) = tokio::join!(self.look_at_store(secret), consumers);
            (secret, stored, consumers)
        }));
        let mut all = Holders::default();
        for (secret, stored, consumers) in looked.await {
            all.places += 1 + consumers.len();
            if stored.token.as_ref() == Some(token) {
                all.stores.push(secret.name.clone());
            }
            let place = format!("the store of {}", secret.name);
            all.unseen.extend(stored.unseen.map(|why| (place, why)));
            for seen in consumers {
                let place = format!("{} of {}", seen.id, secret.name);
                match seen.holding {
                    Holding::Token(held) if held == fingerprint => all.consumers.push(place),
                    Holding::Mixed(held) if held.contains(&Some(fingerprint)) => {
                        all.consumers.push(place);
                    }
                    Holding::Token(_)
                    | Holding::Mixed(_)
                    | Holding::Nothing
                    | Holding::Unreadable(None) => {}
                    Holding::Unreadable(Some(_)) | Holding::Shadowed(_) => {
                        all.unreadable.push(place);
                    }
                    Holding::Refused(why) | Holding::Unknown(why) => all.unseen.push((place, why)),
                }
            }
        }
        all
    }

    /// The secrets that use a token, or are about to, as the journal believes.
    fn believed(
        &self,
        fingerprint: Option<Fingerprint>,
        handle: Option<&Handle>,
    ) -> Result<Vec<SecretName>, EngineError> {
        let rows = self.reader.tokens_alive()?.into_iter();
        let of_it = rows.filter(|row| {
            let in_use = matches!(row.state, TokenState::Active | TokenState::Candidate);
            let same = Some(row.fingerprint) == fingerprint
                || (handle.is_some() && row.handle.as_ref() == handle);
            in_use && same && self.inventory.secrets.contains_key(&row.secret)
        });
        Ok(of_it.map(|row| row.secret).collect())
    }

    /// The open rotation whose marker a token carries.
    fn marked(&self, token: &LiveToken) -> Result<Option<(RotationId, SecretName)>, EngineError> {
        let words = token.description.as_deref().map(str::trim).unwrap_or_default();
        let open = self.reader.open_rotations()?.into_iter();
        let mut with_it = open.filter(|row| words == format!("rollover {} {}", row.id, row.secret));
        Ok(with_it.next().map(|row| (row.id, row.secret)))
    }

    /// Everybody who uses a token or answers for it, in words.
    async fn users(
        &self,
        plan: &Plan,
        token: &Token,
    ) -> Result<(Vec<String>, Holders), EngineError> {
        let holders = self.holders(&plan.issuer.name, token).await;
        let stores = holders.stores.iter().map(|name| format!("the store of {name} holds it"));
        let consumers = holders.consumers.iter().map(|who| format!("{who} holds it"));
        let mut users: Vec<String> = stores.chain(consumers).collect();
        let believed = self.believed(Some(plan.old.fingerprint), plan.old.handle.as_ref())?;
        users.extend(believed.into_iter().map(|name| format!("{name} uses it")));
        let itself = LiveToken {
            fingerprint: Some(plan.old.fingerprint),
            handle: plan.old.handle.clone(),
            description: None,
            created: None,
        };
        let known = self
            .inventory
            .secrets
            .values()
            .filter(|secret| secret.known.iter().any(|known| itself.is_called(known)));
        users.extend(known.map(|secret| format!("it is known to {}", secret.name)));
        if !self.logins_with(token).is_empty() {
            users.push("rollover itself logs in with it".into());
        }
        Ok((users, holders))
    }
}

impl Context {
    /// Looks for everybody who holds the token that is to be removed. Whoever does stops it as
    /// long as nothing is revoked; afterwards a person is told.
    pub(crate) async fn look_for_users(&self, action: &Action) -> End {
        let (users, seen) = match self.engine.users(&self.plan, &self.old).await {
            Ok(found) => found,
            Err(error) => return self.unsure(action, error.to_string()),
        };
        if !users.is_empty() {
            let why = users.join("; ");
            return match action {
                Action::Confirm => self.unsure(action, format!("{why}, and it is revoked")),
                _ => End::of(action, Event::Refused { action: action.clone(), why }),
            };
        }
        match seen.unseen.first() {
            Some((what, why)) => self.unsure(action, format!("{what}: {why}")),
            None => {
                let detail = format!("nobody holds it, of {} places", seen.places);
                End::of(action, checked(action, detail))
            }
        }
    }
}
