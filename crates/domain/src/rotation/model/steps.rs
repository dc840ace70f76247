//! What may happen next in the world: the engine, its calls, people, nature, another engine.

use super::calls::unsure;
use super::compact::{Call, Calls, Way, effect};
use super::told::Told;
use super::world::{ARRIVED, Guard, NOTHING, OLD, OTHER, STARTER, World};
use crate::rotation::{Next, StepState};
use crate::{Action, Event, Evidence};

type Steps = Vec<(Told, World)>;

impl World {
    /// Every next state, with what happened. The first that leads anywhere is what happens if
    /// nothing else does.
    pub(super) fn steps(&self) -> Steps {
        let mut steps = Vec::new();
        if self.rotation.outcome.is_some() {
            self.steps_of_setting_back(&mut steps);
            return steps;
        }
        let due = self.rotation.due();
        self.steps_of_time(&mut steps);
        self.steps_of_engine(due, &mut steps);
        for (slot, call) in self.calls.iter() {
            self.steps_of_call(slot, call, &mut steps);
        }
        self.steps_of_people(due, &mut steps);
        self.steps_of_nature(&mut steps);
        self.steps_of_crash(&mut steps);
        self.steps_of_rival(&mut steps);
        self.steps_of_setting_back(&mut steps);
        steps
    }

    /// The engine journals the beginning of every effect that is due in one write, then makes
    /// the calls. A look is made and answered at once: what it sees is the world at the moment
    /// at which its answer counts, and until then it changes nothing.
    fn steps_of_engine(&self, due: &[Next], steps: &mut Steps) {
        let mut begins = Vec::new();
        for next in due {
            match next {
                Next::Do(action) if action.is_effect() => begins.push(action.clone()),
                Next::Do(action) => self.steps_of_look(action, steps),
                Next::Settle(action) if self.is_waited_for(action) => {}
                Next::Settle(action) => self.steps_of_settling(action, steps),
                Next::Close(outcome) => {
                    let mut world = self.clone();
                    world.apply(Event::Closed { outcome: outcome.clone() });
                    steps.push((Told::Plain("the rotation is closed"), world));
                }
                // A person tries again what was refused on the way back or after it, what was
                // tried too often, what takes too long.
                Next::Attend { .. } => {
                    let mut world = self.clone();
                    if self.is_taken_up() {
                        // Whoever holds it is given another one.
                        world.store = NOTHING;
                    }
                    world.apply(Event::Resumed { by: "ops-1".into() });
                    steps.push((Told::Plain("a person has it tried again"), world));
                }
                Next::AskReceipt(name) => {
                    self.steps_of_receipt(Action::Receipt(name.clone()), steps)
                }
                Next::Wait { .. } | Next::Ask => {}
            }
        }
        if begins.is_empty() {
            return;
        }
        let mut world = self.clone();
        for action in &begins {
            world.apply(Event::Began { action: action.clone() });
            world.calls.set(world.slot(action), world.call_of(action));
        }
        steps.push((Told::Begins(begins), world));
    }

    fn is_waited_for(&self, action: &Action) -> bool {
        self.calls.get(self.slot(action)).is_some_and(|call| call.way == Way::Sent)
    }

    fn steps_of_look(&self, action: &Action, steps: &mut Steps) {
        let mut world = self.clone();
        let told = world.look(action);
        steps.push((Told::Of(action.clone(), told), world));
        if self.faults > 0 {
            let mut world = self.clone();
            world.fault(unsure(action));
            steps.push((Told::Of(action.clone(), "no answer"), world));
        }
        if self.faults > 0 && action.probe().is_some() {
            let mut world = self.clone();
            world.fault(Event::Refused { action: action.clone(), why: String::new() });
            steps.push((Told::Of(action.clone(), "it shows something else"), world));
        }
    }

    fn steps_of_settling(&self, action: &Action, steps: &mut Steps) {
        let (mut world, slot) = (self.clone(), self.slot(action));
        if self.off(Guard::Settle) {
            world.calls.set(slot, self.call_of(action));
            steps.push((Told::Of(action.clone(), "sent again without a look"), world));
            return;
        }
        world.calls.remove(slot);
        let told = world.settled(action);
        steps.push((Told::Of(action.clone(), told), world));
        if self.faults > 0 {
            let mut world = self.clone();
            world.fault(unsure(action));
            let told = "the look that settles it gets no answer";
            steps.push((Told::Of(action.clone(), told), world));
        }
    }

    fn steps_of_call(&self, slot: usize, call: Call, steps: &mut Steps) {
        let action = &effect(&self.rotation.plan, slot);
        let of = |what| Told::Of(action.clone(), what);
        let without = || {
            let mut world = self.clone();
            world.calls.remove(slot);
            world
        };
        if call.way == Way::Ghost || !self.rotation.is_under_way(action) {
            let mut world = without();
            world.takes_effect(action, call);
            steps.push((of("takes effect, and nobody waits for the answer"), world));
            return;
        }
        let mut world = without();
        world.takes_effect(action, call);
        world.ends_well(action);
        steps.push((of("done"), world));
        if self.faults == 0 {
            return;
        }
        let mut world = without();
        world.calls.set(slot, Call { way: Way::Ghost, ..call });
        world.fault(unsure(action));
        steps.push((of("no answer; it may take effect or not"), world));
        let mut world = without();
        world.fault(Event::Refused { action: action.clone(), why: String::new() });
        steps.push((of("refused"), world));
        let mut world = without();
        let retry_at = jiff::Timestamp::UNIX_EPOCH;
        world.fault(Event::Later { action: action.clone(), why: String::new(), retry_at });
        steps.push((of("put off by the vendor"), world));
    }

    fn steps_of_people(&self, due: &[Next], steps: &mut Steps) {
        if self.rotation.approved.is_none() && (self.early || due.contains(&Next::Ask)) {
            self.steps_of_agreeing(steps);
        }
        if self.rotation.may_turn_back() {
            let mut world = self.clone();
            world.apply(Event::TurnedBack { by: "ops-1".into(), why: String::new() });
            steps.push((Told::Plain("a person turns it back"), world));
        }
    }

    /// A person looks into the mailbox; what did not arrive is a fault of somebody.
    fn steps_of_receipt(&self, action: Action, steps: &mut Steps) {
        let mut world = self.clone();
        world.shown |= ARRIVED;
        let evidence = Evidence::Checked { detail: String::new() };
        world.apply(Event::Done { action: action.clone(), evidence });
        steps.push((Told::Of(action.clone(), "a person says that it arrived"), world));
        if self.faults > 0 {
            let mut world = self.clone();
            world.fault(Event::Refused { action: action.clone(), why: String::new() });
            steps.push((Told::Of(action, "a person says that it did not"), world));
        }
    }

    /// Whoever may agree does; what the machine does not take does not happen.
    fn steps_of_agreeing(&self, steps: &mut Steps) {
        let people = [
            (STARTER, "whoever started it agrees to the revocation"),
            (OTHER, "somebody else agrees to the revocation"),
        ];
        for (by, told) in people.into_iter().take(if self.two { 2 } else { 1 }) {
            let event = Event::Approved { by: by.into() };
            if self.rotation.fits(&event, jiff::Timestamp::UNIX_EPOCH).is_ok() {
                let mut world = self.clone();
                world.apply(event);
                steps.push((Told::Plain(told), world));
            }
        }
    }

    fn steps_of_time(&self, steps: &mut Steps) {
        for token in self.dying.iter() {
            let mut world = self.clone();
            world.dying.remove(token);
            steps.push((Told::Token(token, "its revocation bites"), world));
        }
    }

    fn steps_of_nature(&self, steps: &mut Steps) {
        if self.drifts == 0 || self.looked() {
            return;
        }
        let plan = &self.rotation.plan;
        if !plan.mode.takes_current() && self.store != OLD && self.live.contains(OLD) {
            let mut world = self.clone();
            world.drifts -= 1;
            world.store = OLD;
            steps.push((Told::Plain("somebody takes the token up"), world));
        }
        if plan.store_write().is_some_and(|write| self.is_done(&write)) && self.store != OLD {
            let mut world = self.clone();
            world.drifts -= 1;
            world.store = OLD;
            steps.push((Told::Plain("somebody puts the old token into the store"), world));
        }
        if !self.live.contains(OLD) {
            return;
        }
        for (i, held) in self.held().iter().enumerate() {
            if *held != OLD && self.is_done(&plan.proof(&plan.consumers[i].id)) {
                let mut world = self.clone();
                world.drifts -= 1;
                world.held[i] = OLD;
                steps.push((Told::Consumer(i, "goes back to the old token"), world));
            }
        }
    }

    /// Consumers go back to the old token by themselves, up to the last look at them: no look
    /// can be newer than itself, so what moves between it and the revocation is not promised
    /// (and found by the look after the revocation). Nor is it, as long as the old token answers,
    /// where an older copy of the journal is put back, to which that looks like its middle.
    fn looked(&self) -> bool {
        self.is_done(&Action::Gate)
            || self.is_done(&Action::Confirm)
            || (self.copy.is_some() && self.rotation.past_return() && self.answers(OLD))
            || self.calls.get(self.slot(&Action::Revoke)).is_some()
    }

    /// SIGKILL, at any moment. Calls that were under way take effect later, or never.
    fn steps_of_crash(&self, steps: &mut Steps) {
        if self.crashes == 0 {
            return;
        }
        let mut world = self.clone();
        world.crashes -= 1;
        world.picked_up();
        steps.push((Told::Plain("the process is killed and run again"), world));
    }

    pub(super) fn picked_up(&mut self) {
        self.calls.haunt();
        self.apply(Event::Resumed { by: "ops-1".into() });
    }

    /// Another engine takes the lease while this one lives; what this one still does.
    fn steps_of_rival(&self, steps: &mut Steps) {
        if self.rivals > 0 {
            let mut world = self.clone();
            world.rivals -= 1;
            (world.rival, world.behind) = (Some(self.rotation.clone()), 0);
            if self.off(Guard::Ask) {
                // It was stopped right before its calls left, and they leave when it goes on.
                let mut world = world.clone();
                (world.stopped, world.calls) = (world.calls, Calls::default());
                world.picked_up();
                let told =
                    "the first engine is stopped before its calls leave, and taken over from";
                steps.push((Told::Plain(told), world));
            }
            world.picked_up();
            steps.push((Told::Plain("a second engine takes over from the first"), world));
        }
        for (slot, call) in self.stopped.iter() {
            let (mut world, action) = (self.clone(), effect(&self.rotation.plan, slot));
            world.stopped.remove(slot);
            world.takes_effect(&action, call);
            steps.push((Told::Of(action, "is sent by the engine that goes on"), world));
        }
        let Some(rival) = self.rival.as_ref().filter(|_| self.off(Guard::Fence)) else {
            return;
        };
        for next in rival.due() {
            let action = match next.clone() {
                Next::Do(action) => action,
                // It has not lost its calls: their answers reach it.
                Next::Settle(action) => action,
                _ => continue,
            };
            let mut world = self.clone();
            world.as_rival(&action);
            steps.push((Told::Of(action, "done by the engine that was taken over"), world));
        }
    }

    /// The engine that was taken over goes on from what it believes.
    fn as_rival(&mut self, action: &Action) {
        let Some(rival) = self.rival.take() else { return };
        let ours = std::mem::replace(&mut self.rotation, rival);
        if action.is_effect() {
            if self.rotation.state(action) == StepState::Idle {
                self.apply(Event::Began { action: action.clone() });
            }
            self.effect(action);
            self.ends_well(action);
        } else {
            self.look(action);
        }
        self.rival = Some(std::mem::replace(&mut self.rotation, ours));
    }
}
