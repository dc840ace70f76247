//! After the database was set back: looks at the world for every secret, says what differs from
//! what the journal believes, and only then takes the journal at its word again.

use std::collections::BTreeMap;

use domain::audit::{Record, describe};
use domain::inventory::{Auth, Source};
use domain::reconcile::{Verdict, judge};
use domain::{
    Entry, Event, Holding, LiveToken, Liveness, Observed, Outcome, Rotation, RotationId,
    SecretName, StoreSeen, Which,
};
use jiff::Timestamp;
use journal::{Batch, TokenState};
use serde::Serialize;

use crate::engine::{replay_with_time, slot_of};
use crate::{Engine, EngineError};

/// What was found about one secret.
#[derive(Clone, Debug, Serialize)]
pub struct Reconciled {
    /// Which secret.
    pub secret: SecretName,
    /// Its open rotation, as the journal has it.
    pub rotation: Option<RotationId>,
    /// What the world shows that the journal does not believe.
    pub differs: Vec<String>,
    /// Tokens at the issuer that a rotation made which the journal does not know. Their values
    /// are not here.
    pub strays: Vec<LiveToken>,
    /// How it goes on.
    pub end: End,
}

/// How a secret goes on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "why")]
pub enum End {
    /// As the journal has it.
    Right,
    /// Its rotation goes on; what may have been done meanwhile is settled by looking.
    GoesOn,
    /// Its rotation cannot go on, and must be abandoned.
    MovedOn(String),
    /// Its rotation was abandoned.
    Abandoned(String),
    /// It could not be looked at.
    Unseen(String),
}

/// One secret and what is to be journaled of it.
type Found = (Reconciled, Option<(Rotation, Vec<Event>)>);

impl Engine {
    /// Looks at the world for every secret, and takes the journal at its word again if nothing
    /// is left open. The rotations in `abandon` are ended where the world has moved on without
    /// them.
    ///
    /// # Errors
    /// The journal cannot be read or written.
    pub async fn reconcile(&self, abandon: &[RotationId]) -> Result<Vec<Reconciled>, EngineError> {
        self.log_in_with_what_lives().await?;
        let names: Vec<SecretName> = self.inventory.secrets.keys().cloned().collect();
        let mut found = Vec::new();
        for name in &names {
            found.push(self.reconcile_one(name, abandon).await?);
        }
        for row in self.reader.open_rotations()? {
            if !names.contains(&row.secret) {
                found.push(self.homeless(&row.id, abandon)?);
            }
        }
        let settled = found
            .iter()
            .all(|(one, _)| matches!(one.end, End::Right | End::GoesOn | End::Abandoned(_)));
        if settled && let Some(journal) = &self.journal {
            for (_, events) in &found {
                if let Some((rotation, events)) = events {
                    self.tell(rotation, events).await?;
                }
            }
            journal.reconciled(self.record(&found)).await?;
        }
        Ok(found.into_iter().map(|(one, _)| one).collect())
    }

    async fn reconcile_one(
        &self,
        name: &SecretName,
        abandon: &[RotationId],
    ) -> Result<Found, EngineError> {
        let observed = match self.look_around(name).await {
            // A login that is itself a secret of the inventory, and its store holds nothing.
            Err(error @ EngineError::Login { .. }) => {
                let (rotation, end) = (self.open_rotation(name)?, End::Unseen(error.to_string()));
                let (differs, strays) = (Vec::new(), Vec::new());
                let secret = name.clone();
                return Ok((Reconciled { secret, rotation, differs, strays, end }, None));
            }
            other => other?,
        };
        let mut differs = self.differences(name, &observed)?;
        let strays = self.strays(&observed)?;
        let rotation = observed.open.clone();
        let (end, events) = match &rotation {
            None => (unseen(&observed).map_or(End::Right, End::Unseen), None),
            Some(id) => {
                let (end, rotation, events) = self.open_one(id, &observed, abandon).await?;
                if let End::GoesOn = end {
                    differs.push(format!(
                        "{id} may have gone on: {} step(s) are settled by looking",
                        events.len()
                    ));
                }
                (end, Some((rotation, events)))
            }
        };
        Ok((Reconciled { secret: name.clone(), rotation, differs, strays, end }, events))
    }

    async fn open_one(
        &self,
        id: &RotationId,
        observed: &Observed,
        abandon: &[RotationId],
    ) -> Result<(End, Rotation, Vec<Event>), EngineError> {
        let rotation = self.rotation(id)?;
        let value = |which| self.reader.open_value(id, slot_of(which));
        let issuer = self.issuer(&rotation.plan().issuer.name);
        let verdict = match (value(Which::Old)?, issuer) {
            (Some(old), Some(issuer)) => {
                let old = issuer.look(&old).await;
                let new: Option<Liveness> = match value(Which::New)? {
                    Some(new) if rotation.new_fingerprint().is_some() => {
                        Some(issuer.look(&new).await)
                    }
                    _ => None,
                };
                judge(&rotation, observed, &old, new.as_ref(), &self.actor)
            }
            (None, _) => Verdict::MovedOn("the journal does not keep its old token".into()),
            (_, None) => Verdict::MovedOn("its issuer is not in the inventory".into()),
        };
        Ok(match verdict {
            Verdict::GoesOn(events) => (End::GoesOn, rotation, events),
            Verdict::Unseen(why) => (End::Unseen(why), rotation, Vec::new()),
            Verdict::MovedOn(why) => {
                let (end, events) = moved(id, why, abandon);
                (end, rotation, events)
            }
        })
    }

    /// An open rotation of a secret that the inventory no longer has.
    fn homeless(&self, id: &RotationId, abandon: &[RotationId]) -> Result<Found, EngineError> {
        let rotation = self.rotation(id)?;
        let why = "its secret is not in the inventory".to_owned();
        let (end, events) = moved(id, why, abandon);
        let secret = rotation.plan().secret.clone();
        let (differs, strays) = (Vec::new(), Vec::new());
        let one = Reconciled { secret, rotation: Some(id.clone()), differs, strays, end };
        Ok((one, Some((rotation, events))))
    }

    /// What the world shows that the journal does not believe, where no rotation is open.
    fn differences(
        &self,
        name: &SecretName,
        observed: &Observed,
    ) -> Result<Vec<String>, EngineError> {
        let mut differs = Vec::new();
        let StoreSeen::Holds { fingerprint, .. } = &observed.store else {
            return Ok(differs);
        };
        let tokens = self.reader.tokens(name)?;
        let active = tokens.iter().find(|row| row.state == TokenState::Active);
        let known = tokens.iter().any(|row| row.fingerprint == *fingerprint);
        if let Some(active) = active
            && active.fingerprint != *fingerprint
        {
            differs.push(format!(
                "the store holds fp {fingerprint}{}; the journal believes fp {} to be current",
                if known { "" } else { ", which the journal does not know" },
                active.fingerprint
            ));
        }
        if observed.old.is_dead() {
            differs.push(format!("what the store holds, fp {fingerprint}, is dead"));
        }
        for seen in &observed.consumers {
            if let Holding::Token(held) = &seen.holding
                && held != fingerprint
            {
                differs.push(format!("{} holds fp {held}, not what the store holds", seen.id));
            }
        }
        Ok(differs)
    }

    /// Tokens with the marker of a rotation that the journal does not know.
    fn strays(&self, observed: &Observed) -> Result<Vec<LiveToken>, EngineError> {
        let mut strays = Vec::new();
        for token in &observed.issuer.tokens {
            let words = token.description.as_deref().unwrap_or_default();
            let Some(id) = words.strip_prefix("rollover ").and_then(|rest| rest.split(' ').next())
            else {
                continue;
            };
            if id.starts_with("r-") && self.reader.events(&RotationId(id.into()))?.is_empty() {
                strays.push(token.clone());
            }
        }
        Ok(strays)
    }

    /// Where the engine logs in with a secret of the inventory, the journal may name a token
    /// that is dead by now; the first that lives is taken.
    async fn log_in_with_what_lives(&self) -> Result<(), EngineError> {
        for connection in self.inventory.connections.values() {
            let Auth::Token(Source::Secret(name)) = &connection.auth else {
                continue;
            };
            let (Some(login), Ok(secret)) =
                (self.world.logins.get(&connection.name), self.secret(name))
            else {
                continue;
            };
            let (Some(store), Some(issuer)) =
                (self.store(&secret.store), self.issuer(&secret.issuer))
            else {
                continue;
            };
            let mut tokens = Vec::new();
            if let Ok(Some(stored)) = store.read(&secret.store_key).await {
                tokens.push(stored.token);
            }
            if let Some(id) = self.rotating(name)? {
                for which in [Which::New, Which::Old] {
                    tokens.extend(self.reader.open_value(&id, slot_of(which))?);
                }
            }
            for token in tokens {
                if issuer.look(&token).await.is_alive() {
                    login.set(token);
                    break;
                }
            }
        }
        Ok(())
    }

    async fn tell(&self, rotation: &Rotation, events: &[Event]) -> Result<(), EngineError> {
        let Some(journal) = &self.journal else { return Err(EngineError::ReadOnly) };
        if events.is_empty() {
            return Ok(());
        }
        let mut after = rotation.clone();
        let mut batch = Batch::new(after.plan().id.clone(), after.next_seq());
        // Time goes on from the journal's last entry, as it does when a rotation is resumed.
        let (_, last) = replay_with_time(&self.reader, &after.plan().id)?;
        self.clock.not_before(last);
        for event in events {
            let entry = Entry { seq: after.next_seq(), at: self.clock.now(), event: event.clone() };
            after
                .apply(&entry)
                .map_err(|source| EngineError::History { id: after.plan().id.clone(), source })?;
            batch.audit.push(describe(&after, &self.actor, &entry));
            if let Event::Closed { outcome } = &entry.event {
                batch.close = Some(outcome.clone());
            }
            batch.entries.push(entry);
        }
        journal.append(batch).await?;
        Ok(())
    }

    fn record(&self, found: &[Found]) -> Record {
        let count =
            |is: fn(&End) -> bool| found.iter().filter(|(one, _)| is(&one.end)).count().to_string();
        let differ =
            found.iter().map(|(one, _)| one.differs.len() + one.strays.len()).sum::<usize>();
        let context = BTreeMap::from([
            ("abandoned".into(), count(|end| matches!(end, End::Abandoned(_)))),
            ("differences".into(), differ.to_string()),
            ("go_on".into(), count(|end| *end == End::GoesOn)),
            ("secrets".into(), found.len().to_string()),
        ]);
        Record {
            at: Timestamp::now(),
            action: "installation.reconciled".into(),
            actor: self.actor.clone(),
            secret: None,
            rotation: None,
            context,
        }
    }
}

fn moved(id: &RotationId, why: String, abandon: &[RotationId]) -> (End, Vec<Event>) {
    if !abandon.contains(id) {
        return (End::MovedOn(why), Vec::new());
    }
    let outcome = Outcome::Abandoned { why: why.clone() };
    (End::Abandoned(why), vec![Event::Closed { outcome }])
}

/// What could not be looked at of a secret without an open rotation.
fn unseen(observed: &Observed) -> Option<String> {
    if let StoreSeen::Unknown(why) = &observed.store {
        return Some(format!("the store: {why}"));
    }
    if let (StoreSeen::Holds { .. }, Liveness::Unknown { why }) = (&observed.store, &observed.old) {
        return Some(format!("the issuer: {why}"));
    }
    observed.consumers.iter().find_map(|seen| match &seen.holding {
        Holding::Unknown(why) => Some(format!("{}: {why}", seen.id)),
        _ => None,
    })
}
