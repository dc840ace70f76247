//! How calls and looks end: what an effect does to the world, what a look sees of it, and which
//! events the engine journals of both.

use jiff::Timestamp;

use super::compact::{self, Call, Way};
use super::plan::fingerprint;
use super::world::{Guard, LOOKED, NOTHING, OLD, SENT, SHOWN, World};
use crate::rotation::StepState;
use crate::{
    Action, ConsumerId, Direction, Doer, Event, Evidence, Handle, Liveness, Look, Proof, Seen,
    Which,
};

impl World {
    pub(super) fn place(&self, action: &Action) -> usize {
        compact::place(&self.rotation.plan, action)
    }

    /// What a call does to the world: it is about the token that was the new one when it was
    /// made.
    pub(super) fn takes_effect(&mut self, action: &Action, call: Call) {
        let new = call.new;
        match action {
            Action::Create => {
                self.minted += 1;
                self.live.insert(self.minted);
            }
            Action::Store => self.store = new,
            Action::Unstore => self.store = OLD,
            Action::Clear => self.store = NOTHING,
            Action::Propagate(_) => self.held[self.place(action)] = new,
            Action::Remove(_) => self.held[self.place(action)] = NOTHING,
            Action::Restore(_) => self.held[self.place(action)] = OLD,
            Action::Revoke => {
                self.revoked_early |= self.held().iter().any(|held| *held != new);
                self.revoked_early |= self.shown != SHOWN;
                self.revoked_early |= self.is_taken_up();
                self.kill(OLD);
            }
            Action::Discard => self.kill(new),
            Action::Send(_) => self.shown |= SENT,
            // The sweep itself looks until they are gone.
            Action::Sweep => {
                self.live.keep(|token| token == OLD || token == new || token > call.last);
            }
            _ => {}
        }
    }

    /// An effect that is made now.
    pub(super) fn effect(&mut self, action: &Action) {
        let call = self.call_of(action);
        self.takes_effect(action, call);
    }

    /// A call that is made now.
    pub(super) fn call_of(&self, action: &Action) -> Call {
        let back = matches!(self.rotation.direction, Direction::Back { .. });
        let new = if back && *action == Action::Sweep { u8::MAX } else { self.new_token() };
        Call { way: Way::Sent, new, last: self.minted }
    }

    /// Somebody looks at what this step is about: what may still arrive there from an effect that
    /// the journal does not tell of arrives before this look or is not promised.
    fn looked_at(&mut self, action: &Action) {
        let plan = &self.rotation.plan;
        let of_store = || plan.store_write().into_iter().chain([Action::Unstore]);
        let of = |id: &ConsumerId| [plan.write(id), Action::Restore(id.clone())];
        let gone: Vec<Action> = match action {
            Action::Create | Action::Validate => vec![Action::Discard],
            Action::Store | Action::Clear | Action::Unstore => of_store().collect(),
            Action::Revoke | Action::Prove => vec![Action::Revoke],
            Action::Gate | Action::Confirm => {
                plan.consumers.iter().flat_map(|part| of(&part.id)).chain(of_store()).collect()
            }
            _ => match action.consumer() {
                Some(id) => of(id).into(),
                None => return,
            },
        };
        for action in gone {
            if self.rotation.state(&action) != StepState::Begun {
                self.calls.remove(self.slot(&action));
            }
        }
    }

    /// Revoked; while there are faults to give away, it may go on answering for a while.
    fn kill(&mut self, token: u8) {
        if self.live.remove(token) && self.faults > 0 && token == OLD {
            self.dying.insert(token);
        }
    }

    /// The answer arrives.
    pub(super) fn ends_well(&mut self, action: &Action) {
        let evidence = match action {
            Action::Create => created(self.minted),
            Action::Sweep => {
                Evidence::Swept { removed: Vec::new(), unknown: Vec::new(), unlisted: false }
            }
            _ => Evidence::Written { receipt: String::new() },
        };
        if *action == Action::Discard {
            self.apply(looked(Which::New, true));
        }
        self.apply(Event::Done { action: action.clone(), evidence });
    }

    /// An effect whose end is unknown is looked at.
    pub(super) fn settled(&mut self, action: &Action) -> &'static str {
        if self.was_set_back {
            self.looked_at(action);
        }
        let happened = match action {
            Action::Create => {
                let found: Vec<u8> = self.live.iter().filter(|token| *token != OLD).collect();
                if let Some(token) = found.first() {
                    if self.rotation.plan.issuer.creates == Doer::Operator {
                        let evidence = created(*token);
                        self.apply(Event::Done { action: Action::Create, evidence });
                        return "the token is seen";
                    }
                    let handles = found.iter().map(|token| Handle(token.to_string())).collect();
                    self.apply(Event::Orphaned { handles });
                    return "a token is found whose value nobody knows";
                }
                false
            }
            Action::Store => self.store == self.new_token(),
            Action::Unstore => self.store == OLD,
            Action::Clear => self.store == NOTHING,
            Action::Propagate(_) => self.held[self.place(action)] == self.new_token(),
            Action::Remove(_) => self.held[self.place(action)] == NOTHING,
            Action::Restore(_) => self.held[self.place(action)] == OLD,
            Action::Revoke => !self.live.contains(OLD),
            Action::Send(_) => self.shown & SENT != 0,
            // These may be made again as they are.
            Action::Discard | Action::Sweep => {
                self.effect(action);
                true
            }
            _ => false,
        };
        if happened {
            self.ends_well(action);
            "a look shows that it had happened"
        } else {
            self.apply(Event::NotDone { action: action.clone(), why: String::new() });
            "a look shows that it had not happened"
        }
    }

    /// A look is made and its answer arrives.
    pub(super) fn look(&mut self, action: &Action) -> &'static str {
        if self.was_set_back {
            self.looked_at(action);
        }
        let checked = || Evidence::Checked { detail: String::new() };
        let done = |evidence| Event::Done { action: action.clone(), evidence };
        match action {
            Action::Verify(id) | Action::Absent(id) | Action::Recheck(id) => {
                self.look_at(action, id)
            }
            Action::Soak | Action::Gate | Action::Confirm
                if !self.rotation.plan.mode.takes_current() =>
            {
                self.look_for_holders(action)
            }
            Action::Gate | Action::Confirm => self.look_everywhere(action),
            Action::Prove => {
                let truly = !self.answers(OLD);
                self.proofs = if truly { (self.proofs + 1).min(2) } else { 0 };
                let dead = truly || self.off(Guard::Prove);
                self.apply(looked(Which::Old, dead));
                if self.rotation.old_is_proven_dead() {
                    self.apply(done(checked()));
                }
                if dead { "dead" } else { "still alive" }
            }
            Action::Probe(_) => {
                self.shown |= LOOKED;
                self.apply(done(checked()));
                "it shows what it should"
            }
            _ => {
                self.apply(done(checked()));
                "fine"
            }
        }
    }

    fn look_at(&mut self, action: &Action, id: &ConsumerId) -> &'static str {
        let forward = !matches!(action, Action::Recheck(_));
        let wanted = if forward { self.new_token() } else { OLD };
        if self.held[self.place(action)] == wanted || self.off(Guard::Verify) {
            let evidence = Evidence::Proven { proof: Proof::Fingerprint, detail: String::new() };
            self.apply(Event::Done { action: action.clone(), evidence });
            return "it is";
        }
        let event = if forward {
            Event::Drifted { consumer: id.clone(), why: String::new() }
        } else {
            unsure(action)
        };
        self.apply(event);
        "it is not"
    }

    fn look_everywhere(&mut self, action: &Action) -> &'static str {
        let new = self.new_token();
        let parts = self.rotation.plan.consumers.iter().zip(self.held());
        let astray: Vec<ConsumerId> =
            parts.filter(|(_, held)| **held != new).map(|(part, _)| part.id.clone()).collect();
        let stored = self.store == new;
        if (astray.is_empty() && stored) || self.off(Guard::Verify) {
            let evidence = Evidence::Checked { detail: String::new() };
            self.apply(Event::Done { action: action.clone(), evidence });
            return "everybody is on the new token";
        }
        for consumer in astray {
            self.apply(Event::Drifted { consumer, why: String::new() });
        }
        if !stored {
            self.apply(Event::StoreDrifted { why: String::new() });
        }
        "somebody is not on the new token"
    }

    /// Somebody has taken up the token that nobody answers for.
    pub(super) fn is_taken_up(&self) -> bool {
        !self.rotation.plan.mode.takes_current() && self.store == OLD
    }

    /// Whoever holds a token that is to be removed stops that, as long as anything can be stopped.
    fn look_for_holders(&mut self, action: &Action) -> &'static str {
        let event = match (self.is_taken_up() && !self.off(Guard::Verify), action) {
            (false, _) => Event::Done {
                action: action.clone(),
                evidence: Evidence::Checked { detail: String::new() },
            },
            (true, Action::Confirm) => unsure(action),
            (true, _) => Event::Refused { action: action.clone(), why: String::new() },
        };
        let told = if matches!(event, Event::Done { .. }) { "nobody" } else { "somebody" };
        self.apply(event);
        told
    }

    pub(super) fn fault(&mut self, event: Event) {
        self.faults -= 1;
        self.apply(event);
        if self.off(Guard::UndoAll)
            && let Direction::Back { .. } = self.rotation.direction
        {
            // The classic mistake: what failed is taken as not having happened.
            let steps = &self.rotation.steps;
            let failed = |action: &Action| {
                steps.get(action).is_none_or(|step| step.state != StepState::Done)
            };
            let forgotten: Vec<Action> =
                self.rotation.ever_begun.iter().filter(|action| failed(action)).cloned().collect();
            self.rotation = self.rotation.changed(|rotation| {
                for action in forgotten {
                    rotation.ever_begun.remove(&action);
                    rotation.steps.remove(&action);
                }
            });
        }
    }
}

pub(super) fn unsure(action: &Action) -> Event {
    let retry_at = Timestamp::UNIX_EPOCH;
    Event::Unsure { action: action.clone(), why: String::new(), retry_at }
}

fn looked(which: Which, dead: bool) -> Event {
    let liveness = if dead {
        Liveness::Dead { evidence: String::new() }
    } else {
        Liveness::Alive { identity: String::new() }
    };
    Event::Looked { look: Look { which, liveness } }
}

fn created(token: u8) -> Evidence {
    Evidence::Created {
        fingerprint: fingerprint(token),
        handle: Some(Handle(token.to_string())),
        seen: Seen::Minted,
    }
}
