//! Into the journal: events, their audit records, values and the history of tokens, in one
//! write that is durable before anything acts on it.

use domain::audit::{Record, describe};
use domain::{Action, Direction, Entry, Event, Evidence, Mode, Next, Outcome, Rotation, Token};
use jiff::Timestamp;
use journal::{Batch, Journal, Slot, TokenChange, TokenState};

use super::Drive;
use crate::writers::Life;
use crate::{Engine, EngineError, Progress};

/// Journals the first entry: plan, old token, audit record.
pub(super) async fn begin(
    engine: &Engine,
    rotation: &Rotation,
    entry: &Entry,
    old: &Token,
) -> Result<(), EngineError> {
    let plan = rotation.plan();
    let batch = Batch {
        rotation: plan.id.clone(),
        expected_seq: 0,
        entries: vec![entry.clone()],
        audit: vec![describe(rotation, &engine.actor, entry)],
        seal: vec![(Slot::Old, old.clone())],
        // A token whose age nobody knows is not given one by being looked at.
        tokens: plan
            .old
            .since
            // One that nobody answers for was never the current one.
            .filter(|_| plan.mode.takes_current())
            .and_then(|since| change(rotation, Which::Old, TokenState::Active, since))
            .into_iter()
            .collect(),
        open: Some(plan.secret.clone()),
        close: None,
        took: None,
    };
    journal(engine)?.append(batch).await?;
    Ok(())
}

enum Which {
    Old,
    New,
}

pub(super) fn journal(engine: &Engine) -> Result<&Journal, EngineError> {
    engine.journal.as_ref().ok_or(EngineError::ReadOnly)
}

fn change(
    rotation: &Rotation,
    which: Which,
    state: TokenState,
    at: Timestamp,
) -> Option<TokenChange> {
    let plan = rotation.plan();
    let (fingerprint, handle) = match which {
        Which::Old => (plan.old.fingerprint, plan.old.handle.clone()),
        Which::New => (rotation.new_fingerprint()?, rotation.new_handle().cloned()),
    };
    let rotation = Some(plan.id.clone());
    Some(TokenChange { secret: plan.secret.clone(), fingerprint, handle, state, at, rotation })
}

impl Drive {
    /// Journals events and applies them. An event that the machine does not allow is never
    /// written: it is applied to a copy first.
    pub(super) async fn record(&mut self, events: Vec<Event>) -> Result<(), EngineError> {
        self.write(events, None).await
    }

    /// The same, with the inbox item that led to it.
    pub(super) async fn write(
        &mut self,
        events: Vec<Event>,
        took: Option<i64>,
    ) -> Result<(), EngineError> {
        self.write_with(events, took, Vec::new()).await
    }

    /// The same, with audit records that belong to no event.
    pub(super) async fn write_with(
        &mut self,
        events: Vec<Event>,
        took: Option<i64>,
        audit: Vec<Record>,
    ) -> Result<(), EngineError> {
        let mut draft = Draft { audit, ..self.draft() };
        for event in events {
            draft.add(self, event)?;
        }
        self.commit(draft, took).await
    }

    /// Journals how a step ended, and in the same write what follows from it without anybody doing
    /// anything: that the second death is the proof, and that the rotation is over.
    pub(super) async fn record_end(
        &mut self,
        action: &Action,
        events: Vec<Event>,
    ) -> Result<(), EngineError> {
        let mut draft = self.draft();
        for event in events {
            draft.add(self, event)?;
        }
        if *action == Action::Prove && draft.after.old_is_proven_dead() {
            let apart = draft.after.plan().limits.proof_interval;
            let detail = format!("answered as dead twice, at least {apart} apart");
            draft.add(self, crate::act::checked(action, detail))?;
        }
        if let [Next::Close(outcome)] = draft.after.next(draft.at).as_slice() {
            draft.add(self, Event::Closed { outcome: outcome.clone() })?;
        }
        self.commit(draft, None).await
    }

    fn draft(&self) -> Draft {
        Draft {
            first: self.rotation.next_seq(),
            at: self.engine.clock.now(),
            after: self.rotation.clone(),
            entries: Vec::new(),
            audit: Vec::new(),
            tokens: Vec::new(),
            seal: Vec::new(),
            close: None,
        }
    }

    async fn commit(&mut self, draft: Draft, took: Option<i64>) -> Result<(), EngineError> {
        let Draft { first, at: _, after, entries, audit, tokens, seal, close } = draft;
        let batch = Batch {
            rotation: after.plan().id.clone(),
            expected_seq: first,
            entries: entries.clone(),
            audit,
            seal,
            tokens,
            open: None,
            close,
            took,
        };
        journal(&self.engine)?.append(batch).await?;
        self.rotation = after;
        self.tell_writers(&entries);
        for entry in entries {
            // Nobody may be listening; then there is nobody to tell.
            let _ = self.progress.send(Progress::Entry(Box::new(entry)));
        }
        Ok(())
    }

    /// Others of a campaign may be waiting to write together with this rotation.
    fn tell_writers(&self, entries: &[Entry]) {
        let plan = self.rotation.plan();
        if plan.campaign.is_none() {
            return;
        }
        let (writers, again) = (&self.engine.writers, plan.mode == Mode::Reissue);
        writers.sign(&plan.secret, Life::Works);
        if matches!(self.rotation.direction(), Direction::Back { .. }) {
            writers.leave(&plan.secret, again, None);
        }
        for entry in entries {
            // One that found its token in place need not write any more.
            if let Event::Done { action: Action::Propagate(id), .. } = &entry.event {
                writers.leave(&plan.secret, again, Some(id));
            }
        }
    }

    /// The end: the last event, the new state of both tokens, and no value left in memory.
    pub(super) async fn close(&mut self, outcome: Outcome) -> Result<(), EngineError> {
        self.keep_logins();
        self.record(vec![Event::Closed { outcome }]).await
    }
}

/// What is about to be written, and the rotation as it is then.
struct Draft {
    first: u64,
    at: Timestamp,
    after: Rotation,
    entries: Vec<Entry>,
    audit: Vec<Record>,
    tokens: Vec<TokenChange>,
    seal: Vec<(Slot, Token)>,
    close: Option<Outcome>,
}

impl Draft {
    fn add(&mut self, drive: &Drive, event: Event) -> Result<(), EngineError> {
        let entry = Entry { seq: self.first + self.entries.len() as u64, at: self.at, event };
        let applied = self.after.apply(&entry);
        let id = || self.after.plan().id.clone();
        applied.map_err(|source| EngineError::History { id: id(), source })?;
        self.audit.push(describe(&self.after, &drive.engine.actor, &entry));
        self.tokens.extend(token_changes(&self.after, &entry));
        if let Event::Done { action: Action::Create, .. } = &entry.event
            && let Some(new) = &drive.new
        {
            self.seal.push((Slot::New, new.clone()));
        }
        if let Event::Closed { outcome } = &entry.event {
            self.close = Some(outcome.clone());
        }
        self.entries.push(entry);
        Ok(())
    }
}

/// What an entry changes in the history of the secret's tokens (NIST SP 800-57 key states).
fn token_changes(rotation: &Rotation, entry: &Entry) -> Vec<TokenChange> {
    let of = |which, state| change(rotation, which, state, entry.at);
    let changes = match &entry.event {
        Event::Done { action: Action::Create, evidence: Evidence::Created { .. } } => {
            vec![of(Which::New, TokenState::Candidate)]
        }
        Event::Began { action: Action::Revoke } => {
            vec![of(Which::Old, TokenState::Retiring), of(Which::New, TokenState::Active)]
        }
        Event::Done { action: Action::Revoke, .. } => vec![of(Which::Old, TokenState::Revoked)],
        Event::Done { action: Action::Prove, .. } => vec![of(Which::Old, TokenState::ProvenDead)],
        Event::Done { action: Action::Discard, .. } => {
            vec![of(Which::New, TokenState::Discarded)]
        }
        // Where the revocation came first, or was found to have been made, nobody has said it yet.
        Event::Closed { outcome: domain::Outcome::Completed } => {
            vec![of(Which::New, TokenState::Active)]
        }
        _ => Vec::new(),
    };
    changes.into_iter().flatten().collect()
}
