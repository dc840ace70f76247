//! The machine: what a rotation is, told one event at a time.
//!
//! ```text
//! ┌──────────────────────────────────────────────────────────────────────────────────────┐
//! │ Every event is durable before anything acts on it, the journal alone decides what is │
//! │ legal next, and recovery is the same code as running.                                │
//! └──────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The loop around it, wherever it runs:
//!
//! 1. replay the journal through [`Rotation::apply`];
//! 2. ask [`Rotation::next`] what is due;
//! 3. journal that an effect begins, then make it; look where it says look;
//! 4. journal how it ended, apply that, and go to 2.
//!
//! [`Next::Do`] is an effect that never began. [`Next::Settle`] is one that began and whose end
//! nobody knows, because the process died or the answer was lost: it is settled by looking, and
//! only a look that shows nothing leads to another try. An issuer shows a token once, so an
//! effect is never repeated blindly.
//!
//! ```text
//! create > validate > store > propagate > verify > probe > soak > gate | revoke > prove > close
//!     <---------- restore > recheck, unstore > discard                 point of no return
//! ```
//!
//! A decommission has no new token, and comes to the same gate another way:
//!
//! ```text
//! remove > absent > clear > soak > gate | revoke > prove > close
//!     <------- restore > recheck, unstore   point of no return
//! ```
//!
//! The removal of a token that nobody answers for writes nothing before that gate, so its way back
//! is to close:
//!
//! ```text
//! soak > gate | revoke > prove > close
//! ```

mod legal;
mod next;
mod probes;
mod view;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    Action, Direction, Entry, Event, Evidence, Fingerprint, Handle, LiveToken, Liveness, Look,
    Mode, Outcome, Plan, Which,
};

use legal::after;

pub use legal::IllegalEvent;
#[cfg(test)]
pub(crate) use model::plan::plan as sample_plan;
pub use next::Next;
pub use view::Waiting;

/// One rotation, as its journal tells it so far.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rotation {
    plan: Arc<Plan>,
    started_by: String,
    started: Timestamp,
    next_seq: u64,
    direction: Direction,
    steps: BTreeMap<Action, Step>,
    /// Effects that were ever begun. Undo runs for every one of them, whatever became of it.
    ever_begun: BTreeSet<Action>,
    /// The new token, once it is known.
    new: Option<NewToken>,
    /// A create left tokens behind whose values nobody knows.
    sweep_due: bool,
    approved: Option<String>,
    /// Looks at the old token since its revocation, or at the new one since its discarding.
    looks: Vec<(Timestamp, Look)>,
    outcome: Option<(Timestamp, Outcome)>,
    /// Live tokens at the issuer that nobody knew at the end.
    unknown: Vec<LiveToken>,
    /// The issuer showed no tokens at the end, so nobody knows whether others live there.
    unlisted: bool,
    /// A rehearsal has come as far as it goes.
    rehearsed: bool,
}

/// The token that a rotation brought about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct NewToken {
    fingerprint: Fingerprint,
    handle: Option<Handle>,
}

/// How far one step is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Step {
    /// Its state.
    pub state: StepState,
    /// How often it was tried without an end since the rotation was last picked up.
    pub attempts: u32,
    /// Not to be tried before.
    pub not_before: Option<Timestamp>,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// What was last said of it.
    pub note: Option<String>,
}

/// The states of a step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StepState {
    /// Not begun, or settled as not done.
    Idle,
    /// Begun; the end is not known yet.
    Begun,
    /// Ended well.
    Done,
    /// The vendor said no.
    Refused,
}

impl Rotation {
    /// The rotation that a journal tells of.
    ///
    /// # Errors
    /// The first entry that could not have happened.
    pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self, IllegalEvent> {
        let mut entries = entries.into_iter();
        let first = entries.next().ok_or(IllegalEvent::Empty)?;
        let Event::Planned { plan, by } = &first.event else {
            return Err(IllegalEvent::NotPlanned);
        };
        let mut rotation = Self {
            plan: Arc::new((**plan).clone()),
            started_by: by.clone(),
            started: first.at,
            next_seq: 1,
            direction: Direction::Forward,
            steps: BTreeMap::new(),
            ever_begun: BTreeSet::new(),
            new: None,
            sweep_due: false,
            approved: None,
            looks: Vec::new(),
            outcome: None,
            unknown: Vec::new(),
            unlisted: false,
            rehearsed: false,
        };
        for entry in entries {
            rotation.apply(entry)?;
        }
        Ok(rotation)
    }

    /// The one transition function: told an entry, the rotation is afterwards in the state that
    /// the entry leads to.
    ///
    /// # Errors
    /// The entry could not have happened in this state; the rotation is unchanged.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), IllegalEvent> {
        self.check(entry)?;
        let at = entry.at;
        match &entry.event {
            Event::Planned { .. } => {}
            Event::Began { action } => {
                self.ever_begun.insert(action.clone());
                self.set(action, StepState::Begun, at, None);
            }
            Event::Done { action, evidence } => self.done(action, evidence, at),
            Event::NotDone { action, why } => {
                self.set(action, StepState::Idle, at, Some(why.clone()));
                self.not_revoked(action);
            }
            Event::Refused { action, why } => {
                self.set(action, StepState::Refused, at, Some(why.clone()));
                self.not_revoked(action);
                if self.may_turn_back() {
                    self.turn(format!("{action}: {why}"));
                }
            }
            Event::Unsure { action, why, retry_at } => {
                self.tried(action, why, *retry_at, at);
                self.no_longer_seen(action);
            }
            Event::Later { action, why, retry_at } => {
                self.tried(action, why, *retry_at, at);
                if let Some(step) = self.steps.get_mut(action) {
                    step.state = StepState::Idle;
                }
                self.not_revoked(action);
            }
            Event::Orphaned { .. } => {
                self.sweep_due = true;
                self.set(&Action::Create, StepState::Idle, at, None);
            }
            Event::Drifted { consumer, why } => {
                self.drifted(&self.plan.write(consumer), why, at);
                self.steps.remove(&self.plan.proof(consumer));
            }
            Event::StoreDrifted { why } => {
                if let Some(write) = self.plan.store_write() {
                    self.drifted(&write, why, at);
                }
            }
            Event::Looked { look } => self.looks.push((at, look.clone())),
            Event::Approved { by } => self.approved = Some(by.clone()),
            Event::TurnedBack { why, .. } => self.turn(why.clone()),
            Event::Resumed { .. } => self.resumed(at),
            Event::Doubted { action } => {
                self.ever_begun.insert(action.clone());
                self.set(action, StepState::Begun, at, None);
                // What was proven of a write that is in doubt is proven anew.
                if let Some(id) = action.consumer() {
                    self.steps.remove(&self.plan.proof(id));
                }
            }
            Event::Closed { outcome } => self.outcome = Some((at, outcome.clone())),
        }
        self.next_seq += 1;
        Ok(())
    }

    fn done(&mut self, action: &Action, evidence: &Evidence, at: Timestamp) {
        let receipt = match evidence {
            Evidence::Written { receipt } => Some(receipt.clone()),
            _ => None,
        };
        let again = self.repeats(action);
        let since = self.steps.get(action).map_or(at, |step| step.since);
        self.set(action, StepState::Done, at, receipt);
        if let Some(step) = self.steps.get_mut(action) {
            if again {
                // It has been so all the while.
                step.since = since;
            }
            if action.probe().is_some() {
                step.not_before = Some(after(at, self.plan.limits.probe_interval.millis()));
            }
        }
        match (action, evidence) {
            (Action::Create, Evidence::Created { fingerprint, handle, .. }) => {
                self.new = Some(NewToken { fingerprint: *fingerprint, handle: handle.clone() });
            }
            (Action::Revoke | Action::Discard, _) => self.looks.clear(),
            (Action::Gate, _) if self.plan.mode == Mode::Rehearsal => {
                self.rehearsed = true;
                self.turn("the rehearsal is over".into());
            }
            (Action::Sweep, _) if self.sweep_due => {
                // This sweep cleared the way for another create; the one at the end is to come.
                self.sweep_due = false;
                self.steps.remove(&Action::Sweep);
            }
            (Action::Sweep, Evidence::Swept { unknown, unlisted, .. }) => {
                self.unknown.clone_from(unknown);
                self.unlisted = *unlisted;
            }
            _ => {}
        }
    }

    fn resumed(&mut self, at: Timestamp) {
        self.send_again();
        // Between two sittings no clock can be trusted, so what is waited for is waited for in
        // one: the soak, the two answers of a proof, the time after which a person is told.
        let (soaked, proven) = (self.is_done(&Action::Soak), self.is_done(&Action::Prove));
        if !proven {
            self.looks.clear();
        }
        for (action, step) in &mut self.steps {
            let counts = match action {
                Action::Verify(_) | Action::Probe(_) => !soaked,
                Action::Revoke => !proven,
                // The soak of what is only revoked is days long and for people; no process watches it
                // for that long, and nothing rests on its last second.
                _ => false,
            };
            if counts && step.state == StepState::Done {
                step.since = at;
            }
            if step.attempts >= self.plan.limits.attempts_max {
                // A person has looked into it; what was waited for is asked anew.
                step.note = None;
            }
            step.attempts = 0;
            step.not_before = None;
            if step.state == StepState::Refused {
                step.state = StepState::Idle;
            }
        }
        // Looks grow old while nobody is there.
        if !self.is_done(&Action::Revoke) {
            self.steps.remove(&Action::Gate);
        }
        self.steps.remove(&Action::Confirm);
    }

    /// A write is to be made again, and the looks that rested on it with it.
    fn drifted(&mut self, write: &Action, why: &str, at: Timestamp) {
        self.set(write, StepState::Idle, at, Some(why.to_owned()));
        // Somebody who writes against us must not keep us writing for ever.
        if let Some(step) = self.steps.get_mut(write) {
            step.attempts += 1;
        }
        self.steps.remove(&Action::Gate);
        self.steps.remove(&Action::Confirm);
    }

    /// A revocation that certainly was not made is made after another last look, and not before.
    fn not_revoked(&mut self, action: &Action) {
        if *action == Action::Revoke {
            self.steps.remove(&Action::Gate);
        }
    }

    /// Turns back. What was given up on the way forward may be tried anew on the way back.
    fn turn(&mut self, why: String) {
        self.direction = Direction::Back { why };
        for step in self.steps.values_mut() {
            step.attempts = 0;
            step.not_before = None;
        }
    }

    fn set(&mut self, action: &Action, state: StepState, at: Timestamp, note: Option<String>) {
        let attempts = self.steps.get(action).map_or(0, |step| step.attempts);
        let step = Step { state, attempts, not_before: None, since: at, note };
        self.steps.insert(action.clone(), step);
    }

    fn tried(&mut self, action: &Action, why: &str, retry_at: Timestamp, at: Timestamp) {
        let state = self.state(action);
        let step = self.steps.entry(action.clone()).or_insert(Step {
            state,
            attempts: 0,
            not_before: None,
            since: at,
            note: None,
        });
        step.attempts += 1;
        step.not_before = Some(retry_at);
        step.note = Some(why.to_owned());
    }

    /// What it was planned to be.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Who started it.
    #[must_use]
    pub fn started_by(&self) -> &str {
        &self.started_by
    }

    /// The same, to be kept.
    #[must_use]
    pub fn shared_plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan)
    }

    /// When it began.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// The place of the next journal entry.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Which way it goes.
    #[must_use]
    pub fn direction(&self) -> &Direction {
        &self.direction
    }

    /// How it ended and when, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&(Timestamp, Outcome)> {
        self.outcome.as_ref()
    }

    /// The state of a step.
    #[must_use]
    pub fn state(&self, action: &Action) -> StepState {
        self.steps.get(action).map_or(StepState::Idle, |step| step.state)
    }

    /// A step and how far it is, once anything was said of it.
    #[must_use]
    pub fn step(&self, action: &Action) -> Option<&Step> {
        self.steps.get(action)
    }

    /// The new token's fingerprint, once it is known.
    #[must_use]
    pub fn new_fingerprint(&self) -> Option<Fingerprint> {
        self.new.as_ref().map(|new| new.fingerprint)
    }

    /// The new token's handle, where the issuer gives one.
    #[must_use]
    pub fn new_handle(&self) -> Option<&Handle> {
        self.new.as_ref()?.handle.as_ref()
    }

    /// Live tokens at the issuer that nobody knew at the end; reported, never touched.
    #[must_use]
    pub fn unknown(&self) -> &[LiveToken] {
        &self.unknown
    }

    /// Whether the issuer did not show its tokens at the end: what else lives there is not known.
    #[must_use]
    pub fn is_unlisted(&self) -> bool {
        self.unlisted
    }

    /// Who agreed to the revocation.
    #[must_use]
    pub fn approved(&self) -> Option<&str> {
        self.approved.as_deref()
    }

    /// The looks at the token that is to die, since it was revoked.
    #[must_use]
    pub fn looks(&self) -> &[(Timestamp, Look)] {
        &self.looks
    }

    /// Which token the engine logs in with, where it logs in with the one under rotation: the
    /// old one until every consumer has passed the last look, the new one from then on.
    #[must_use]
    pub fn login(&self) -> Which {
        let forward = self.direction == Direction::Forward;
        if forward && (self.past_return() || self.is_done(&Action::Gate)) {
            Which::New
        } else {
            Which::Old
        }
    }

    /// Whether a revocation was ever begun: from there it only goes forward.
    #[must_use]
    pub fn past_return(&self) -> bool {
        self.ever_begun.contains(&Action::Revoke)
    }

    /// Whether everybody was looked at for the last time before the revocation, in this sitting;
    /// where it comes first, whether it was agreed to.
    #[must_use]
    pub fn looked_last(&self) -> bool {
        match self.plan.mode {
            Mode::RevokeFirst => self.approved.is_some(),
            _ => self.is_done(&Action::Gate),
        }
    }

    /// Whether the way back is open.
    #[must_use]
    pub fn may_turn_back(&self) -> bool {
        self.outcome.is_none()
            && self.direction == Direction::Forward
            && !self.past_return()
            && self.plan.mode != Mode::Repair
    }

    /// Whether its revocation can be agreed to: it was not, and may not be made yet. Without an
    /// agreement none begins, so one that has begun all the same is only doubted, because the
    /// journal is old.
    #[must_use]
    pub fn may_be_agreed_to(&self) -> bool {
        self.outcome.is_none()
            && self.approved.is_none()
            && matches!(self.state(&Action::Revoke), StepState::Idle | StepState::Begun)
            && self.direction == Direction::Forward
            && self.plan.mode != Mode::Rehearsal
    }

    /// Whether an effect may have been made after the journal's last entry: one that it does not
    /// tell of, and that could have come next. A write that it calls done may have been made once
    /// more, after somebody had written against it.
    #[must_use]
    pub fn may_be_doubted(&self, action: &Action) -> bool {
        let forward = self.direction == Direction::Forward;
        let (creates, ends_use) = (self.plan.mode.creates(), self.plan.mode.ends_use());
        let writes = matches!(
            action,
            Action::Store | Action::Propagate(_) | Action::Remove(_) | Action::Clear
        );
        let could = match action {
            Action::Create => forward && self.new.is_none() && creates,
            Action::Remove(id) => ends_use && self.plan.consumer(id).is_some(),
            Action::Clear => ends_use,
            // Of a token that the journal does not know yet, too.
            Action::Store => creates && (forward || self.new.is_some()),
            Action::Propagate(id) => {
                creates && (forward || self.new.is_some()) && self.plan.consumer(id).is_some()
            }
            // Where the revocation comes first, there is no new token yet.
            Action::Revoke => match self.plan.mode {
                Mode::RevokeFirst => forward,
                Mode::Rehearsal => false,
                _ => forward && (self.new.is_some() || !creates),
            },
            _ => false,
        };
        let not_told = match self.state(action) {
            StepState::Idle => true,
            StepState::Done => writes && forward,
            // A person may have had it tried again.
            StepState::Refused => forward,
            StepState::Begun => false,
        };
        could && not_told && self.outcome.is_none()
    }

    fn is_done(&self, action: &Action) -> bool {
        self.state(action) == StepState::Done
    }

    fn begun(&self, action: &Action) -> bool {
        self.ever_begun.contains(action)
    }

    /// Whether the old token has answered `Dead` twice since its revocation, far enough apart.
    #[must_use]
    pub fn old_is_proven_dead(&self) -> bool {
        self.death_proven(Which::Old)
    }

    /// Whether the second of two `Dead` answers, far enough apart and with no `Alive` between them,
    /// was given about this token.
    fn death_proven(&self, which: Which) -> bool {
        let apart = self.plan.limits.proof_interval.millis();
        let mut first: Option<Timestamp> = None;
        for (at, look) in self.looks.iter().filter(|(_, look)| look.which == which) {
            match (&look.liveness, first) {
                (Liveness::Dead { .. }, None) => first = Some(*at),
                (Liveness::Dead { .. }, Some(earlier)) => {
                    if millis_between(earlier, *at) >= apart {
                        return true;
                    }
                }
                (Liveness::Alive { .. }, _) => first = None,
                (Liveness::Unknown { .. }, _) => {}
            }
        }
        false
    }
}

/// Milliseconds from one moment to a later one; 0 where the clock was set back.
fn millis_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or(0)
}
