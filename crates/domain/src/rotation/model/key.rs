//! What tells two states of the world apart, in a few bytes.
//!
//! Left out is what changes nothing that can still happen: places in the journal, notes, moments
//! (time stands still), numbers of tokens beyond who is old and new and in which order the others
//! were made. Consumers of one wave are alike, so they are sorted: states that differ only in which
//! of them is where are one.

use std::hash::{DefaultHasher, Hasher};

use super::compact::{ALONE_EFFECTS, CONSUMERS_MAX, Call, Numbers, SEND, Tokens, Way};
use super::plan::FOR_EVER;
use super::world::{Guard, NOTHING, OLD, World, number};
use crate::rotation::{Rotation, Step, StepState};
use crate::{Action, Direction, Outcome, Which};

const ALONE: [Action; 12] = [
    Action::Create,
    Action::Validate,
    Action::Store,
    Action::Soak,
    Action::Gate,
    Action::Revoke,
    Action::Prove,
    Action::Confirm,
    Action::Sweep,
    Action::Unstore,
    Action::Discard,
    Action::Clear,
];

impl World {
    /// A hash of 128 bits: with a hundred million states the odds of a collision are 1 in 10^22.
    pub(super) fn key(&self) -> u128 {
        let bytes = self.bytes();
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(salt);
            hasher.write(&bytes);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }

    fn bytes(&self) -> Vec<u8> {
        let numbers = self.numbers();
        let mut bytes = Vec::with_capacity(96);
        let mut views = vec![&self.rotation];
        if let (Some(rival), Some(Guard::Fence)) = (&self.rival, self.without) {
            views.push(rival);
        }
        views.extend(self.copy.as_deref());
        for view in &views {
            self.write_alone(view, numbers, &mut bytes);
        }
        self.write_consumers(&views, numbers, &mut bytes);
        let masks = |tokens: Tokens| {
            let numbered = tokens.iter().map(|token| numbers.of(token));
            numbered.fold(0_u16, |all, number| all | 1 << number).to_le_bytes()
        };
        bytes.extend(masks(self.live));
        bytes.extend(masks(self.dying));
        for sweep in [&self.calls, &self.stopped].map(|calls| calls.get(self.slot(&Action::Sweep)))
        {
            let reach = sweep.map_or(0, |sweep| sweep.last);
            let mut reached = self.live;
            reached.keep(|token| token <= reach);
            bytes.extend(masks(reached));
        }
        for slot in (0..ALONE_EFFECTS).chain([SEND]) {
            bytes.push(call(self.calls.get(slot), numbers));
            bytes.push(call(self.stopped.get(slot), numbers));
        }
        bytes.extend([
            numbers.of(self.store),
            flags(&[
                self.revoked_early,
                self.rival.is_some(),
                self.copy.is_some(),
                self.was_set_back,
            ]),
            self.crashes << 4 | self.faults,
            self.drifts << 4 | self.rivals,
            self.set_backs << 4 | self.proofs,
            self.shown,
        ]);
        bytes
    }

    /// Numbers for the tokens that still matter to somebody.
    fn numbers(&self) -> Numbers {
        let new = self.new_token();
        let of_copy = self.copy.as_ref().and_then(|copy| copy.new.as_ref());
        let of_copy = of_copy.map(|new| number(new.fingerprint));
        let called = self.calls.iter().chain(self.stopped.iter()).map(|(_, call)| call.new);
        let held = self.held().iter().copied().chain([self.store]).chain(of_copy).chain(called);
        let known = Tokens::of(held.filter(|token| *token != NOTHING));
        let mut others = self.live.and(self.dying).and(known);
        others.keep(|token| token != OLD && token != new);
        Numbers { new, others }
    }

    /// What one view of the rotation holds that is of no consumer.
    fn write_alone(&self, rotation: &Rotation, numbers: Numbers, bytes: &mut Vec<u8>) {
        let from = bytes.len();
        bytes.resize(from + ALONE.len() + 1, 0);
        for (action, step) in &rotation.steps {
            if let Some(place) = alone(action) {
                bytes[from + place] = in_bits(rotation, step);
            }
        }
        for action in &rotation.ever_begun {
            if let Some(place) = alone(action).and_then(effects_before) {
                bytes[from + ALONE.len()] |= 1 << place;
            }
        }
        for part in &rotation.plan.probes {
            let name = || part.name.clone();
            for action in [Action::Send(name()), Action::Probe(name()), Action::Receipt(name())] {
                let step = rotation.steps.get(&action);
                bytes.push(step.map_or(0, |step| in_bits(rotation, step)));
            }
        }
        let old_looks = || rotation.looks.iter().filter(|(_, look)| look.which == Which::Old);
        bytes.push(flags(&[
            rotation.direction == Direction::Forward,
            rotation.sweep_due,
            rotation.rehearsed,
            rotation.approved.is_some(),
            rotation.approved.as_deref() == Some(rotation.started_by.as_str()),
            old_looks().next_back().is_some_and(|(_, look)| look.liveness.is_dead()),
            rotation.old_is_proven_dead(),
            rotation
                .looks
                .iter()
                .any(|(_, look)| look.which == Which::New && look.liveness.is_dead()),
        ]));
        let new = rotation.new.as_ref().map(|new| numbers.of(number(new.fingerprint)) + 1);
        let outcome = match &rotation.outcome {
            None => 0,
            Some((_, Outcome::Completed)) => 1,
            Some((_, Outcome::RolledBack { .. })) => 2,
            Some((_, Outcome::Abandoned { .. })) => 3,
            Some((_, Outcome::Rehearsed)) => 4,
            Some((_, Outcome::Decommissioned)) => 5,
        };
        bytes.push(new.unwrap_or(0) << 4 | outcome);
    }

    /// What each consumer holds, and what each view of the rotation says of it.
    fn write_consumers(&self, views: &[&Rotation], numbers: Numbers, bytes: &mut Vec<u8>) {
        let parts = &self.rotation.plan.consumers;
        let mut all = [[0; 4 + 3 * VIEWS_MAX]; CONSUMERS_MAX];
        for (place, (one, part)) in all.iter_mut().zip(parts).enumerate() {
            let slot = ALONE_EFFECTS + 2 * place;
            one[0] = part.wave << 4 | numbers.of(self.held[place]);
            one[1] = call(self.calls.get(slot), numbers);
            one[2] = call(self.calls.get(slot + 1), numbers);
            // Only where no lease is asked for, and then most are none.
            let stopped = [slot, slot + 1].map(|slot| call(self.stopped.get(slot), numbers));
            one[3] = stopped[0].wrapping_mul(16) ^ stopped[1];
        }
        for (view, rotation) in views.iter().enumerate() {
            let at = 4 + 3 * view;
            for (action, step) in &rotation.steps {
                if action.consumer().is_none() {
                    continue;
                }
                let one = &mut all[self.place(action)];
                let bits = in_bits(rotation, step);
                match action {
                    Action::Propagate(_) | Action::Remove(_) => one[at] |= bits << 4,
                    Action::Verify(_) | Action::Absent(_) => one[at] |= bits,
                    Action::Restore(_) => one[at + 1] |= bits << 4,
                    _ => one[at + 1] |= bits,
                }
            }
            for action in rotation.ever_begun.iter().filter(|one| one.consumer().is_some()) {
                let bit = if matches!(action, Action::Restore(_)) { 2 } else { 1 };
                all[self.place(action)][at + 2] |= bit;
            }
        }
        let all = &mut all[..parts.len()];
        all.sort_unstable();
        bytes.extend(all.as_flattened());
    }
}

/// The rotation, what a rival believes of it, and a copy.
const VIEWS_MAX: usize = 3;

/// The place of a step that is of no consumer.
fn alone(action: &Action) -> Option<usize> {
    ALONE.iter().position(|other| other == action)
}

/// The place of an effect among those.
fn effects_before(place: usize) -> Option<usize> {
    ALONE[place].is_effect().then(|| ALONE[..place].iter().filter(|one| one.is_effect()).count())
}

fn call(call: Option<Call>, numbers: Numbers) -> u8 {
    let Some(Call { way, new, .. }) = call else { return 0 };
    let way = if way == Way::Sent { 1 } else { 2 };
    way << 4 | numbers.of(new)
}

/// State and tries of one step, in four bits.
fn in_bits(rotation: &Rotation, step: &Step) -> u8 {
    let state = match step.state {
        StepState::Idle => 0,
        StepState::Begun => 1,
        StepState::Done => 2,
        StepState::Refused => 3,
    };
    // Tries matter where they can run out.
    let max = rotation.plan.limits.attempts_max;
    let tries = if max < FOR_EVER { step.attempts.min(max) } else { 0 };
    state << 2 | u8::try_from(tries).unwrap()
}

fn flags(flags: &[bool]) -> u8 {
    assert!(flags.len() <= 8);
    flags.iter().fold(0, |all, flag| all << 1 | u8::from(*flag))
}
