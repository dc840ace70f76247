//! What is remembered of a secret: its tokens, whose the others are, and our last writes.

use std::collections::BTreeMap;

use domain::audit::Record;
use domain::drift::{Memory, UseEnds, Whose};
use domain::inventory::Secret;
use domain::{
    Action, ConsumerId, Event, Evidence, Fingerprint, Handle, LiveToken, Outcome, SecretName,
};
use jiff::{SignedDuration, Timestamp};
use journal::{RotationFilter, TokenRow, TokenState};

use crate::sync::Begun;
use crate::{Engine, EngineError};

/// How many rotations back a last write is looked for.
const ROTATIONS_MAX: u32 = 20;

/// The audit's records of what was written beside rotations.
pub(crate) struct Past(Vec<Record>);

impl Engine {
    pub(crate) fn past(&self) -> Result<Past, EngineError> {
        Ok(Past(self.reader.audit_records(&["secret.import.", "secret.sync."])?))
    }

    /// What is known beforehand of a secret. `tokens` are those that the issuer lists.
    pub(super) fn memory(
        &self,
        past: &Past,
        secret: &Secret,
        stored: Option<Fingerprint>,
        tokens: Option<&Option<Vec<LiveToken>>>,
    ) -> Result<Memory, EngineError> {
        let name = &secret.name;
        let rows = self.reader.tokens(name)?;
        let active = rows.iter().filter(|row| row.state == TokenState::Active);
        let active = active.max_by_key(|row| row.since);
        let imported = past.imported(name);
        let decommissioned = self.reader.decommissioned(name)?;
        let current = match (active, imported) {
            _ if decommissioned.is_some() => None,
            (Some(row), Some((at, imported))) if at > row.since => Some(imported),
            (Some(row), _) => Some(row.fingerprint),
            (None, imported) => imported.map(|(_, imported)| imported),
        };
        let row = rows.iter().find(|row| Some(row.fingerprint) == current.or(stored));
        let tokens = tokens.and_then(Option::as_deref).unwrap_or_default();
        let listed = listed(secret, row, stored, tokens);
        let mut memory = Memory {
            current,
            handle: row
                .and_then(|row| row.handle.clone())
                .or_else(|| listed.and_then(|token| token.handle.clone())),
            since: row
                .filter(|row| row.state == TokenState::Active)
                .map(|row| row.since)
                .or_else(|| listed.and_then(|token| token.created)),
            open: None,
            tokens: Vec::new(),
            handles: Vec::new(),
            answered: secret.known.clone(),
            watched_until: self.watched_until(name)?,
            use_ends: decommissioned.map(UseEnds::Since),
        };
        for row in &rows {
            let whose = match Some(row.fingerprint) == current {
                true => Whose::Current,
                false => Whose::Former(row.state.to_string()),
            };
            memory.tokens.push((row.fingerprint, whose.clone()));
            memory.handles.extend(row.handle.clone().map(|handle| (handle, whose)));
        }
        self.remember_others(secret, &mut memory)?;
        if let Some(id) = self.open_rotation(name)? {
            let rotation = self.rotation(&id)?;
            let plan = rotation.plan();
            if !plan.mode.takes_current() {
                // That it lives is known; whoever holds it is drift all the same.
                memory.answered.push(plan.old.fingerprint.hex());
                memory.answered.extend(plan.old.handle.as_ref().map(ToString::to_string));
                return Ok(memory);
            }
            let mut both = vec![rotation.plan().old.fingerprint];
            both.extend(rotation.new_fingerprint());
            if rotation.plan().mode.ends_use() {
                memory.use_ends = Some(UseEnds::Now);
            }
            memory.open = Some((id, both));
        }
        Ok(memory)
    }

    /// Tokens of the inventory's other secrets, and those that somebody answers for.
    fn remember_others(&self, secret: &Secret, memory: &mut Memory) -> Result<(), EngineError> {
        for other in self.inventory.secrets.values().filter(|other| other.name != secret.name) {
            let rows = self.reader.tokens(&other.name)?;
            let whose = || Whose::Of(other.name.clone());
            memory.tokens.extend(rows.iter().map(|row| (row.fingerprint, whose())));
            if other.issuer != secret.issuer {
                continue;
            }
            let handles = rows.iter().filter_map(|row| row.handle.clone());
            memory.handles.extend(handles.map(|handle: Handle| (handle, whose())));
            memory.answered.extend(other.known.iter().cloned());
            if rows.is_empty() {
                memory.answered.extend(other.old_description.clone());
            }
        }
        let logins = self.world.logins.values().filter_map(connectors::Login::get);
        memory.answered.extend(logins.map(|login| self.fingerprints.of(&login).hex()));
        Ok(())
    }

    fn watched_until(&self, name: &SecretName) -> Result<Option<Timestamp>, EngineError> {
        let filter = RotationFilter {
            secret: Some(name.clone()),
            open: Some(false),
            limit: Some(ROTATIONS_MAX),
        };
        let watch = SignedDuration::try_from(self.inventory.policy.watch.duration())
            .unwrap_or(SignedDuration::ZERO);
        let rows = self.reader.rotations(&filter)?;
        let is_completed = |outcome: &Option<Outcome>| {
            matches!(outcome, Some(Outcome::Completed | Outcome::Decommissioned))
        };
        let completed = rows.into_iter().filter(|row| is_completed(&row.outcome));
        let ended = completed.filter_map(|row| row.closed_at).max();
        Ok(ended.and_then(|at| at.checked_add(watch).ok()))
    }
}

impl Past {
    /// The last value that a person put into the store of a secret.
    fn imported(&self, name: &SecretName) -> Option<(Timestamp, Fingerprint)> {
        let of_it = self.0.iter().filter(|record| {
            record.action == "secret.import.outcome" && record.secret.as_ref() == Some(name)
        });
        let mut done = of_it.filter(|record| {
            record.context.get("result").is_some_and(|result| result.starts_with("Done("))
        });
        let last = done.next_back()?;
        Some((last.at, last.context.get("fingerprint")?.parse().ok()?))
    }

    /// Consumers of a secret of which a sync began a write and no end is known.
    pub(crate) fn begun(&self, name: &SecretName) -> Begun {
        let mut begun = Begun::new();
        for record in self.0.iter().filter(|record| record.secret.as_ref() == Some(name)) {
            let Some(consumer) = record.context.get("consumer") else { continue };
            let id = ConsumerId::from(consumer.as_str());
            match record.action.as_str() {
                "secret.sync.intent" => drop(begun.insert(id)),
                "secret.sync.outcome" => drop(begun.remove(&id)),
                _ => {}
            }
        }
        begun
    }

    /// What our last write of each consumer answered, whoever made it: a rotation or a sync.
    pub(crate) fn receipts(
        &self,
        engine: &Engine,
        name: &SecretName,
    ) -> Result<BTreeMap<ConsumerId, String>, EngineError> {
        let mut last: BTreeMap<ConsumerId, (Timestamp, String)> = BTreeMap::new();
        let mut put = |id: ConsumerId, at: Timestamp, receipt: &str| {
            let newer = last.get(&id).is_none_or(|(known, _)| *known <= at);
            if newer {
                last.insert(id, (at, receipt.to_owned()));
            }
        };
        let filter =
            RotationFilter { secret: Some(name.clone()), open: None, limit: Some(ROTATIONS_MAX) };
        for row in engine.reader.rotations(&filter)? {
            for entry in engine.reader.events(&row.id)? {
                if let Event::Done {
                    action: Action::Propagate(id) | Action::Remove(id) | Action::Restore(id),
                    evidence: Evidence::Written { receipt },
                } = entry.event
                {
                    put(id, entry.at, &receipt);
                }
            }
        }
        for record in &self.0 {
            let of_it = record.action == "secret.sync.outcome"
                && record.secret.as_ref() == Some(name)
                && record.context.get("result").is_some_and(|result| result == "done");
            if let (true, Some(consumer), Some(receipt)) =
                (of_it, record.context.get("consumer"), record.context.get("receipt"))
            {
                put(ConsumerId::from(consumer.as_str()), record.at, receipt);
            }
        }
        Ok(last.into_iter().map(|(id, (_, receipt))| (id, receipt)).collect())
    }
}

/// The issuer's entry for the current token: by its value, by its handle, or, where it was never
/// rotated here, by the description that the inventory gives it.
fn listed<'a>(
    secret: &Secret,
    row: Option<&TokenRow>,
    stored: Option<Fingerprint>,
    tokens: &'a [LiveToken],
) -> Option<&'a LiveToken> {
    let by_value = tokens.iter().find(|token| stored.is_some() && token.fingerprint == stored);
    let by_handle = || {
        let handle = row?.handle.as_ref()?;
        tokens.iter().find(|token| token.handle.as_ref() == Some(handle))
    };
    let by_description = || {
        let words = secret.old_description.as_ref().filter(|_| row.is_none())?;
        let mut fits = tokens.iter().filter(|token| token.description.as_ref() == Some(words));
        match (fits.next(), fits.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    };
    by_value.or_else(by_handle).or_else(by_description)
}
