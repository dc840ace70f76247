//! Probes: when they are due, when they are made once more, and what of them is made anew.
//!
//! A probe is up to three steps: something is sent, it is looked at, and a person says that it
//! arrived. Nothing is revoked before all steps of all probes are done.

use super::{Rotation, Step, StepState};
use crate::{Action, Direction, ProbeName, ProbePart};

impl Rotation {
    /// Whether a step of a probe is due, as far as the steps before it go.
    pub(super) fn ready_probe(&self, action: &Action) -> bool {
        match action {
            Action::Send(name) => self.is_part(name, |part| part.sends) && self.all_verified(),
            Action::Probe(name) => {
                let sent = self.is_part(name, |part| !part.sends)
                    || self.is_done(&Action::Send(name.clone()));
                self.is_part(name, |part| part.looks) && sent && self.all_verified()
            }
            Action::Receipt(name) => {
                self.is_part(name, |part| part.confirm) && self.is_done(&Action::Send(name.clone()))
            }
            _ => false,
        }
    }

    fn is_part(&self, name: &ProbeName, is: fn(&ProbePart) -> bool) -> bool {
        self.plan.probe(name).is_some_and(is)
    }

    /// Everything that every probe consists of is done.
    pub(super) fn probed(&self) -> bool {
        self.plan.probes.iter().all(|part| {
            let name = || part.name.clone();
            (!part.sends || self.is_done(&Action::Send(name())))
                && (!part.looks || self.is_done(&Action::Probe(name())))
                && (!part.confirm || self.is_done(&Action::Receipt(name())))
        })
    }

    /// Whether a probe that succeeded is to be made again: it costs little, and both tokens live.
    pub(super) fn repeats(&self, action: &Action) -> bool {
        let Action::Probe(name) = action else { return false };
        self.outcome.is_none()
            && self.direction == Direction::Forward
            && self.is_done(action)
            && self.is_part(name, |part| part.repeats)
            && self.all_verified()
            && !self.is_done(&Action::Soak)
    }

    /// A probe that succeeded and does not any more has not succeeded.
    pub(super) fn no_longer_seen(&mut self, action: &Action) {
        if let (Action::Probe(_), Some(step)) = (action, self.steps.get_mut(action)) {
            step.state = StepState::Idle;
        }
    }

    /// What came of something that was sent, and was not what it should be, is another thing only
    /// where it is sent again.
    pub(super) fn send_again(&mut self) {
        let refused = |(action, step): (&Action, &Step)| match action {
            Action::Probe(name) | Action::Receipt(name) if step.state == StepState::Refused => {
                Some(name.clone())
            }
            _ => None,
        };
        let names: Vec<ProbeName> = self.steps.iter().filter_map(refused).collect();
        for name in names {
            self.steps.remove(&Action::Send(name.clone()));
            self.steps.remove(&Action::Probe(name.clone()));
            self.steps.remove(&Action::Receipt(name));
        }
    }

    /// What a probe has sent, in the words of whoever took it.
    #[must_use]
    pub fn sent(&self, probe: &ProbeName) -> Option<&str> {
        self.steps.get(&Action::Send(probe.clone()))?.note.as_deref()
    }
}
