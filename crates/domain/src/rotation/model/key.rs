//! What tells two states of the world apart, in a few bytes.
//!
//! Left out is what changes nothing that can still happen: places in the journal, notes, moments
//! (time stands still), numbers of tokens beyond who is old and new and in which order the others
//! were made.
//!
//! Consumers of one wave are alike, so they are sorted: states that differ only in which of them is
//! where are one, and one of those is looked at. Nothing is lost by that. The machine and the world
//! know of a consumer its wave and what became of it, never its name or its place, and whatever may
//! happen to one may happen to each. What may never be ([`World::check`]) is said of somebody or of
//! everybody; who agreed, what is live and what was sent are of no consumer. So a story that ends
//! badly is one under other names, too, and as long; and what happens first where nothing else does
//! leads to the end by the same steps under other names. That the states left out are only such is
//! counted, in `consumers_of_one_wave_are_alike`.

use std::hash::{DefaultHasher, Hasher};

use super::compact::{ALONE_EFFECTS, CONSUMERS_MAX, Call, Numbers, SEND, Tokens, Way, place};
use super::known::Known;
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
        let mut bytes = Bytes { all: [0; BYTES_MAX], len: 0 };
        self.write(&mut bytes);
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(salt);
            hasher.write(&bytes.all[..bytes.len]);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }

    fn write(&self, bytes: &mut Bytes) {
        let numbers = self.numbers();
        let rival = self.rival.as_ref().filter(|_| self.off(Guard::Fence));
        let mut views = [&self.rotation; VIEWS_MAX];
        let mut others = 1;
        for view in rival.into_iter().chain(&self.copy) {
            views[others] = view;
            others += 1;
        }
        let views = &views[..others];
        for view in views {
            let parts = view.parts();
            bytes.extend(&parts.alone);
            let new = parts.new.map_or(0, |new| numbers.of(new) + 1);
            bytes.push(new << 4 | parts.outcome);
        }
        self.write_consumers(views, numbers, bytes);
        let masks = |tokens: Tokens| {
            let numbered = tokens.iter().map(|token| numbers.of(token));
            numbered.fold(0_u16, |all, number| all | 1 << number).to_le_bytes()
        };
        bytes.extend(&masks(self.live));
        bytes.extend(&masks(self.dying));
        for sweep in [&self.calls, &self.stopped].map(|calls| calls.get(self.slot(&Action::Sweep)))
        {
            let reach = sweep.map_or(0, |sweep| sweep.last);
            let mut reached = self.live;
            reached.keep(|token| token <= reach);
            bytes.extend(&masks(reached));
        }
        for slot in (0..ALONE_EFFECTS).chain([SEND]) {
            let both = [&self.calls, &self.stopped].map(|calls| call(calls.get(slot), numbers));
            bytes.extend(&both);
        }
        bytes.extend(&[
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
    }

    /// Numbers for the tokens that still matter to somebody.
    fn numbers(&self) -> Numbers {
        let new = self.new_token();
        let of_copy = self.copy.as_ref().and_then(|copy| copy.parts().new_token());
        let called = self.calls.iter().chain(self.stopped.iter()).map(|(_, call)| call.new);
        let held = self.held().iter().copied().chain([self.store]).chain(of_copy).chain(called);
        let known = Tokens::of(held.filter(|token| *token != NOTHING));
        let mut others = self.live.and(self.dying).and(known);
        others.keep(|token| token != OLD && token != new);
        Numbers { new, others }
    }

    /// What each consumer holds, and what each view of the rotation says of it.
    fn write_consumers(&self, views: &[&Known], numbers: Numbers, bytes: &mut Bytes) {
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
            for (view, known) in views.iter().enumerate() {
                one[4 + 3 * view..][..3].copy_from_slice(&known.parts().consumers[place]);
            }
        }
        let all = &mut all[..parts.len()];
        if self.sorted {
            all.sort_unstable();
        }
        let used = 4 + 3 * views.len();
        all.iter().for_each(|one| bytes.extend(&one[..used]));
    }
}

/// What a state of the rotation adds to the key, made once.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Parts {
    alone: Vec<u8>,
    consumers: [[u8; 3]; CONSUMERS_MAX],
    new: Option<u8>,
    outcome: u8,
}

impl Parts {
    /// The number of the new token.
    pub(super) fn new_token(&self) -> Option<u8> {
        self.new
    }

    pub(super) fn of(rotation: &Rotation) -> Self {
        let outcome = match &rotation.outcome {
            None => 0,
            Some((_, Outcome::Completed)) => 1,
            Some((_, Outcome::RolledBack { .. })) => 2,
            Some((_, Outcome::Abandoned { .. })) => 3,
            Some((_, Outcome::Rehearsed)) => 4,
            Some((_, Outcome::Decommissioned)) => 5,
            Some((_, Outcome::Removed)) => 6,
        };
        let new = rotation.new.as_ref().map(|new| number(new.fingerprint));
        Self { alone: of_nobody(rotation), consumers: of_consumers(rotation), new, outcome }
    }
}

/// What is of no consumer.
fn of_nobody(rotation: &Rotation) -> Vec<u8> {
    let mut bytes = vec![0; ALONE.len() + 1];
    for (action, step) in &rotation.steps {
        if let Some(place) = alone(action) {
            bytes[place] = in_bits(rotation, step);
        }
    }
    for action in &rotation.ever_begun {
        if let Some(place) = alone(action).and_then(effects_before) {
            bytes[ALONE.len()] |= 1 << place;
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
    let new_looks = || rotation.looks.iter().filter(|(_, look)| look.which == Which::New);
    bytes.push(flags(&[
        rotation.direction == Direction::Forward,
        rotation.sweep_due,
        rotation.rehearsed,
        rotation.approved.is_some(),
        rotation.approved.as_deref() == Some(rotation.started_by.as_str()),
        old_looks().next_back().is_some_and(|(_, look)| look.liveness.is_dead()),
        rotation.old_is_proven_dead(),
        new_looks().any(|(_, look)| look.liveness.is_dead()),
    ]));
    bytes
}

/// What is of each consumer.
fn of_consumers(rotation: &Rotation) -> [[u8; 3]; CONSUMERS_MAX] {
    let mut all = [[0; 3]; CONSUMERS_MAX];
    for (action, step) in rotation.steps.iter().filter(|(one, _)| one.consumer().is_some()) {
        let one = &mut all[place(&rotation.plan, action)];
        let bits = in_bits(rotation, step);
        match action {
            Action::Propagate(_) | Action::Remove(_) => one[0] |= bits << 4,
            Action::Verify(_) | Action::Absent(_) => one[0] |= bits,
            Action::Restore(_) => one[1] |= bits << 4,
            _ => one[1] |= bits,
        }
    }
    for action in rotation.ever_begun.iter().filter(|one| one.consumer().is_some()) {
        let bit = if matches!(action, Action::Restore(_)) { 2 } else { 1 };
        all[place(&rotation.plan, action)][2] |= bit;
    }
    all
}

/// The bytes of a key, on the stack.
struct Bytes {
    all: [u8; BYTES_MAX],
    len: usize,
}

const BYTES_MAX: usize = 192;

impl Bytes {
    fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    fn extend(&mut self, bytes: &[u8]) {
        self.all[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
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
