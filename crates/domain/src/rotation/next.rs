//! What is due.

use jiff::Timestamp;

use super::legal::after;
use super::{Rotation, StepState};
use crate::{Action, Direction, Liveness, Mode, Outcome, ProbeName, Which, retry_delay};

/// One thing that is due. Several may be due at once; consumers go side by side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// It never began: journal that it begins (an effect), then do it.
    Do(Action),
    /// It began and its end is unknown: look what became of it.
    Settle(Action),
    /// Not before this moment.
    Wait {
        /// What waits.
        action: Action,
        /// Until when.
        until: Timestamp,
    },
    /// A person has to agree to the revocation.
    Ask,
    /// A person has to say whether what this probe sent has arrived.
    AskReceipt(ProbeName),
    /// A person has to look into this; nothing is lost, and nothing is undone by waiting.
    Attend {
        /// The step that does not go on.
        action: Action,
        /// What was seen.
        why: String,
    },
    /// Everything is done: journal this end.
    Close(Outcome),
}

impl Rotation {
    /// What is due at this moment. Empty only once the rotation has ended.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Vec<Next> {
        if self.outcome.is_some() {
            return Vec::new();
        }
        if let Some(outcome) = self.due_outcome() {
            return vec![Next::Close(outcome)];
        }
        let mut due: Vec<Next> =
            self.candidates().into_iter().filter_map(|action| self.next_of(action, now)).collect();
        if self.asks() {
            due.push(Next::Ask);
        }
        due.extend(self.overdue_death(now));
        due
    }

    /// Every step that may be due in this direction, in order.
    fn candidates(&self) -> Vec<Action> {
        let each = |make: fn(crate::ConsumerId) -> Action| {
            self.plan.consumers.iter().map(move |consumer| make(consumer.id.clone()))
        };
        let mut actions = vec![Action::Create];
        match self.direction {
            Direction::Forward => {
                actions.extend([Action::Validate, Action::Store]);
                actions.extend(each(Action::Propagate));
                actions.extend(each(Action::Verify));
                actions.extend(each(Action::Remove));
                actions.extend(each(Action::Absent));
                actions.push(Action::Clear);
                actions.extend(self.plan.probes.iter().flat_map(|part| {
                    let name = || part.name.clone();
                    [Action::Send(name()), Action::Probe(name()), Action::Receipt(name())]
                }));
                actions.extend([Action::Soak, Action::Gate, Action::Revoke]);
                actions.extend([Action::Prove, Action::Confirm, Action::Sweep]);
            }
            Direction::Back { .. } => {
                actions.extend(self.plan.store_write());
                let writes = self.plan.consumers.iter().map(|part| self.plan.write(&part.id));
                actions.extend(writes);
                actions.extend(each(Action::Restore));
                actions.extend(each(Action::Recheck));
                actions.extend([Action::Unstore, Action::Discard, Action::Sweep]);
            }
        }
        actions
    }

    fn next_of(&self, action: Action, now: Timestamp) -> Option<Next> {
        let step = self.steps.get(&action);
        let state = step.map_or(StepState::Idle, |step| step.state);
        let due = match state {
            StepState::Done if self.repeats(&action) => Next::Do(action.clone()),
            StepState::Done => return None,
            StepState::Refused => return self.refused(action),
            // What may still arrive is looked for first: a sweep that has looked before misses it.
            StepState::Begun if action == Action::Sweep && !self.may_sweep() => return None,
            StepState::Begun => Next::Settle(action.clone()),
            StepState::Idle if self.ready(&action) => match action {
                Action::Receipt(name) => return Some(Next::AskReceipt(name)),
                _ => Next::Do(action.clone()),
            },
            StepState::Idle => return None,
        };
        if let Some(step) = step
            && step.attempts >= self.plan.limits.attempts_max
        {
            let why = step.note.clone().unwrap_or_default();
            return Some(Next::Attend { action, why });
        }
        match self.earliest(&action) {
            Some(until) if until > now => Some(Next::Wait { action, until }),
            _ => Some(due),
        }
    }

    /// A refusal that did not turn the rotation back needs a person; one that did needs nobody.
    fn refused(&self, action: Action) -> Option<Next> {
        let undoing = matches!(
            action,
            Action::Restore(_) | Action::Recheck(_) | Action::Unstore | Action::Discard
        );
        let turned = matches!(self.direction, Direction::Back { .. });
        if turned && !undoing && action != Action::Sweep {
            return None;
        }
        let why = self.steps.get(&action)?.note.clone().unwrap_or_default();
        Some(Next::Attend { action, why })
    }

    /// The moment before which a step is not to be tried.
    fn earliest(&self, action: &Action) -> Option<Timestamp> {
        let own = self.steps.get(action).and_then(|step| step.not_before);
        let by_nature = match action {
            Action::Soak => self.soak_until(),
            Action::Prove => self.next_look(Which::Old),
            _ => None,
        };
        own.max(by_nature)
    }

    /// When the next look at a revoked token is worth making: the proof's interval after a first
    /// `Dead`, a growing while after anything else.
    fn next_look(&self, which: Which) -> Option<Timestamp> {
        let looks = || self.looks.iter().rev().filter(|(_, look)| look.which == which);
        let (at, last) = looks().next()?;
        let wait = match last.liveness {
            Liveness::Dead { .. } => self.plan.limits.proof_interval.millis(),
            _ => {
                let misses = looks().take_while(|(_, look)| !look.liveness.is_dead()).count();
                let misses = u32::try_from(misses).unwrap_or(u32::MAX);
                u64::try_from(retry_delay(misses, None).as_millis()).unwrap_or(u64::MAX)
            }
        };
        Some(after(*at, wait))
    }

    /// Whether the agreement to the revocation is all that is missing.
    fn asks(&self) -> bool {
        let due = match self.plan.mode {
            Mode::RevokeFirst => true,
            Mode::Rehearsal => false,
            _ => self.is_done(&Action::Soak) && self.all_verified(),
        };
        due && self.direction == Direction::Forward
            && self.approved.is_none()
            && self.state(&Action::Revoke) == StepState::Idle
    }

    /// An old token that goes on answering too long is a person's business too; the engine goes
    /// on looking all the same.
    fn overdue_death(&self, now: Timestamp) -> Option<Next> {
        let waiting = self.is_done(&Action::Revoke) && !self.is_done(&Action::Prove);
        let waited = self.waited(&Action::Revoke, now);
        (waiting && waited >= self.plan.limits.proof_timeout.millis()).then(|| {
            let last = self.looks.last().map(|(_, look)| look.liveness.to_string());
            Next::Attend {
                action: Action::Prove,
                why: format!("the old token is {}", last.unwrap_or_else(|| "not looked at".into())),
            }
        })
    }
}
