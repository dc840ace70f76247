//! Which events can happen in which state. What stands here cannot be talked around: not by a
//! driver with a bug, not by a journal that was edited.

use jiff::Timestamp;

use super::{Rotation, StepState, millis_between};
use crate::{Action, Direction, Entry, Event, Evidence, Mode, Outcome, Which};

/// An event that could not have happened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IllegalEvent {
    /// A journal without entries.
    #[error("the journal of this rotation is empty")]
    Empty,
    /// The first entry is not the plan.
    #[error("the journal of this rotation does not begin with its plan")]
    NotPlanned,
    /// An entry is missing or doubled.
    #[error("entry {expected} should come next, not {found}")]
    Order {
        /// The place that should come.
        expected: u64,
        /// The place that came.
        found: u64,
    },
    /// The rotation has ended.
    #[error("the rotation has ended")]
    Closed,
    /// The event does not fit the state.
    #[error("entry {seq}: {what}")]
    Unfit {
        /// Its place.
        seq: u64,
        /// What does not fit.
        what: String,
    },
}

impl Rotation {
    /// Whether the entry can happen now.
    pub(super) fn check(&self, entry: &Entry) -> Result<(), IllegalEvent> {
        if entry.seq != self.next_seq {
            return Err(IllegalEvent::Order { expected: self.next_seq, found: entry.seq });
        }
        if self.outcome.is_some() {
            return Err(IllegalEvent::Closed);
        }
        self.fits(&entry.event, entry.at)
            .map_err(|what| IllegalEvent::Unfit { seq: entry.seq, what })
    }

    pub(super) fn fits(&self, event: &Event, at: Timestamp) -> Result<(), String> {
        let must = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        match event {
            Event::Planned { .. } => Err("a second plan".into()),
            Event::Began { action } => {
                must(action.is_effect(), "only effects begin")?;
                must(self.ready(action), &format!("{action} is not due"))
            }
            Event::Done { action, evidence } => {
                self.open(action)?;
                self.fits_evidence(action, evidence, at)
            }
            Event::NotDone { action, .. } => {
                must(self.state(action) == StepState::Begun, "it was not begun")
            }
            Event::Refused { action, .. }
            | Event::Unsure { action, .. }
            | Event::Later { action, .. } => self.open(action),
            Event::Orphaned { .. } => {
                must(self.state(&Action::Create) == StepState::Begun, "create was not begun")
            }
            Event::Drifted { consumer, .. } => must(
                self.direction == Direction::Forward && self.is_done(&self.plan.write(consumer)),
                "the consumer was not written",
            ),
            Event::StoreDrifted { .. } => must(
                self.direction == Direction::Forward
                    && self.plan.store_write().is_some_and(|write| self.is_done(&write)),
                "the store was not written",
            ),
            Event::Looked { look } => match look.which {
                Which::Old => must(self.is_done(&Action::Revoke), "nothing was revoked yet"),
                Which::New => must(self.begun(&Action::Discard), "nothing was discarded yet"),
            },
            Event::Approved { by } => {
                must(self.may_be_agreed_to(), "there is no revocation to agree to")?;
                must(
                    !self.plan.gates.second_person || *by != self.started_by,
                    "whoever started it may not agree to its revocation",
                )
            }
            Event::TurnedBack { .. } => must(self.may_turn_back(), "the way back is closed"),
            Event::Resumed { .. } => Ok(()),
            Event::Doubted { action } => {
                must(self.may_be_doubted(action), &format!("{action} cannot have come next"))
            }
            // A person's word, where the machine has none: it knows nothing of the world then.
            Event::Closed { outcome: Outcome::Abandoned { .. } } => Ok(()),
            Event::Closed { outcome } => {
                must(self.due_outcome().as_ref() == Some(outcome), "this end is not due")
            }
        }
    }

    /// Whether a step can end now: an effect that has begun, or a look that is due.
    #[must_use]
    pub fn is_under_way(&self, action: &Action) -> bool {
        self.outcome.is_none() && self.open(action).is_ok()
    }

    /// A step that can end: an effect that has begun, or a look that is due.
    fn open(&self, action: &Action) -> Result<(), String> {
        let open = if action.is_effect() {
            self.state(action) == StepState::Begun
        } else {
            self.ready(action) || self.repeats(action)
        };
        if open { Ok(()) } else { Err(format!("{action} is not under way")) }
    }

    fn fits_evidence(
        &self,
        action: &Action,
        evidence: &Evidence,
        at: Timestamp,
    ) -> Result<(), String> {
        let fits = match action {
            // A token that was there before cannot be the one that came to be.
            Action::Create => match evidence {
                Evidence::Created { fingerprint, .. } => {
                    *fingerprint != self.plan.old.fingerprint
                        && !self.plan.baseline.iter().any(|t| t.fingerprint == Some(*fingerprint))
                }
                _ => false,
            },
            Action::Verify(_) | Action::Absent(_) | Action::Recheck(_) => {
                matches!(evidence, Evidence::Proven { .. })
            }
            Action::Sweep => matches!(evidence, Evidence::Swept { .. }),
            Action::Soak => self.soak_until().is_some_and(|until| at >= until),
            Action::Prove => self.death_proven(Which::Old),
            Action::Discard => self
                .looks
                .iter()
                .any(|(_, look)| look.which == Which::New && look.liveness.is_dead()),
            _ => true,
        };
        if fits { Ok(()) } else { Err(format!("the evidence does not show {action}")) }
    }

    /// Whether a step is due: everything it rests on is done, and it is not.
    pub(super) fn ready(&self, action: &Action) -> bool {
        if self.outcome.is_some() || self.state(action) != StepState::Idle {
            return false;
        }
        match &self.direction {
            Direction::Forward => self.ready_forward(action),
            Direction::Back { .. } => self.ready_back(action),
        }
    }

    /// Whether a sweep that has begun may go on.
    pub(super) fn may_sweep(&self) -> bool {
        match &self.direction {
            Direction::Forward => self.ready_forward(&Action::Sweep),
            Direction::Back { .. } => self.ready_back(&Action::Sweep),
        }
    }

    fn ready_forward(&self, action: &Action) -> bool {
        let revoke_first = self.plan.mode == Mode::RevokeFirst;
        let ends_use = self.plan.mode.ends_use();
        match action {
            Action::Create if !self.plan.mode.creates() => false,
            Action::Create => !self.sweep_due && (!revoke_first || self.is_done(&Action::Revoke)),
            Action::Validate => self.is_done(&Action::Create),
            Action::Store => self.is_done(&Action::Validate),
            Action::Propagate(id) => self.is_done(&Action::Store) && self.wave_open(id),
            Action::Verify(id) => self.is_done(&Action::Propagate(id.clone())),
            Action::Remove(id) => ends_use && self.wave_open(id),
            Action::Absent(id) => self.is_done(&Action::Remove(id.clone())),
            // Last, so that nobody fetches it from there again.
            Action::Clear => ends_use && self.all_verified(),
            Action::Send(_) | Action::Probe(_) | Action::Receipt(_) => self.ready_probe(action),
            Action::Soak => self.all_in_step() && self.probed(),
            Action::Gate | Action::Revoke if revoke_first => {
                *action == Action::Revoke && self.approved.is_some()
            }
            Action::Gate => {
                let agreed = self.approved.is_some() || self.plan.mode == Mode::Rehearsal;
                self.is_done(&Action::Soak) && agreed && self.all_in_step()
            }
            Action::Revoke if self.plan.mode == Mode::Rehearsal => false,
            Action::Revoke => self.is_done(&Action::Gate) && self.all_in_step(),
            Action::Prove => self.is_done(&Action::Revoke),
            // Where the revocation comes first, nothing else waits for the probes.
            Action::Confirm => self.is_done(&Action::Revoke) && self.all_in_step() && self.probed(),
            Action::Sweep => {
                (self.sweep_due && !self.arrivals_are_open())
                    || (self.is_done(&Action::Prove)
                        && self.is_done(&Action::Confirm)
                        && self.all_in_step())
            }
            Action::Restore(_) | Action::Recheck(_) | Action::Unstore | Action::Discard => false,
        }
    }

    fn ready_back(&self, action: &Action) -> bool {
        match action {
            Action::Restore(id) => self.settled(&self.plan.write(id)),
            Action::Recheck(id) => self.is_done(&Action::Restore(id.clone())),
            Action::Unstore => self.plan.store_write().is_some_and(|write| self.settled(&write)),
            Action::Discard => self.new.is_some() && self.all_restored(),
            Action::Sweep => {
                self.settled(&Action::Create)
                    && self.all_restored()
                    && (self.new.is_none() || self.is_done(&Action::Discard))
            }
            _ => false,
        }
    }

    /// Whether something may still arrive, after a journal was set back, of a token that it knows
    /// nothing of: a token that a sweep would miss, or a write of one that it would remove.
    fn arrivals_are_open(&self) -> bool {
        let consumers = self.plan.consumers.iter();
        let writes = consumers.map(|part| Action::Propagate(part.id.clone()));
        let mut all = writes.chain([Action::Create, Action::Store]);
        all.any(|action| self.state(&action) == StepState::Begun)
    }

    /// Begun at some time, and its end is known by now.
    fn settled(&self, action: &Action) -> bool {
        self.begun(action) && self.state(action) != StepState::Begun
    }

    /// All consumers of lower waves are verified.
    fn wave_open(&self, id: &crate::ConsumerId) -> bool {
        let Some(wave) = self.plan.consumer(id).map(|consumer| consumer.wave) else {
            return false;
        };
        self.plan
            .consumers
            .iter()
            .filter(|other| other.wave < wave)
            .all(|other| self.is_done(&self.plan.proof(&other.id)))
    }

    pub(super) fn all_verified(&self) -> bool {
        self.plan.consumers.iter().all(|c| self.is_done(&self.plan.proof(&c.id)))
    }

    /// The store and everybody.
    fn all_in_step(&self) -> bool {
        self.plan.store_write().is_none_or(|write| self.is_done(&write)) && self.all_verified()
    }

    /// Everybody who was ever written to is proven to be on the old token again.
    fn all_restored(&self) -> bool {
        self.plan.consumers.iter().all(|consumer| {
            !self.begun(&self.plan.write(&consumer.id))
                || self.is_done(&Action::Recheck(consumer.id.clone()))
        }) && (!self.plan.store_write().is_some_and(|write| self.begun(&write))
            || self.is_done(&Action::Unstore))
    }

    /// The end that is due.
    pub(super) fn due_outcome(&self) -> Option<Outcome> {
        match &self.direction {
            // A last look that grew old while nobody was there is made again.
            Direction::Forward => {
                let clean = self.is_done(&Action::Sweep) && self.is_done(&Action::Confirm);
                clean.then(|| match self.plan.mode {
                    Mode::Decommission => Outcome::Decommissioned,
                    Mode::Removal => Outcome::Removed,
                    _ => Outcome::Completed,
                })
            }
            Direction::Back { why } => {
                let swept = !self.begun(&Action::Create) || self.is_done(&Action::Sweep);
                let clean = swept && self.all_restored();
                clean.then(|| match self.rehearsed {
                    true => Outcome::Rehearsed,
                    false => Outcome::RolledBack { why: why.clone() },
                })
            }
        }
    }

    /// When the soak is over: its length after the last verification or probe, or after the store
    /// was cleared; from the beginning where nothing is written.
    pub(super) fn soak_until(&self) -> Option<Timestamp> {
        let verified = self.plan.consumers.iter().map(|c| self.plan.proof(&c.id));
        let probed = self.plan.probes.iter().map(|part| Action::Probe(part.name.clone()));
        let last = verified
            .chain(probed)
            .chain([Action::Clear])
            .filter_map(|action| self.steps.get(&action))
            .map(|step| step.since)
            .max()
            .or_else(|| (!self.plan.mode.takes_current()).then_some(self.started))?;
        Some(after(last, self.plan.limits.soak.millis()))
    }

    /// How long a step has been in its state.
    pub(super) fn waited(&self, action: &Action, now: Timestamp) -> u64 {
        self.steps.get(action).map_or(0, |step| millis_between(step.since, now))
    }
}

/// A moment so many milliseconds later.
pub(super) fn after(at: Timestamp, millis: u64) -> Timestamp {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(at.as_millisecond().saturating_add(millis))
        .unwrap_or(Timestamp::MAX)
}
