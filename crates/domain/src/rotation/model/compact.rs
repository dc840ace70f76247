//! The parts of a world, small enough to be copied a hundred million times.

use super::world::{NOTHING, OLD};
use crate::{Action, Plan};

/// Tokens by number, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Tokens(u16);

impl Tokens {
    pub(super) fn of(tokens: impl IntoIterator<Item = u8>) -> Self {
        let mut all = Self::default();
        tokens.into_iter().for_each(|token| all.insert(token));
        all
    }

    pub(super) fn contains(self, token: u8) -> bool {
        token < 16 && self.0 >> token & 1 == 1
    }

    pub(super) fn insert(&mut self, token: u8) {
        assert!(token < 16, "more tokens than any of these worlds makes");
        self.0 |= 1 << token;
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, token: u8) -> bool {
        let was = self.contains(token);
        if was {
            self.0 &= !(1 << token);
        }
        was
    }

    pub(super) fn keep(&mut self, kept: impl Fn(u8) -> bool) {
        *self = Self::of(self.iter().filter(|token| kept(*token)));
    }

    pub(super) fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// How many of these have a lower number.
    pub(super) fn below(self, token: u8) -> u8 {
        let lower = self.0 & ((1_u16 << token) - 1);
        u8::try_from(lower.count_ones()).unwrap()
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u8> {
        (0..16).filter(move |token| self.contains(*token))
    }
}

/// The most consumers that a world has.
pub(super) const CONSUMERS_MAX: usize = 4;

/// A call that was made and whose effect has not been seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Call {
    pub(super) way: Way,
    /// The new token, when it was made; for a sweep the one that stays.
    pub(super) new: u8,
    /// The last token that there was then: a sweep removes none that came after it.
    pub(super) last: u8,
}

/// Who waits for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// The engine waits for the answer.
    Sent,
    /// Nobody waits any more (a crash, a time-out, an engine that was taken over), and it may
    /// still take effect: until somebody has looked what became of it. What arrives even later
    /// than that look is not promised.
    Ghost,
}

/// At most one call for each effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Calls([Option<Call>; SLOTS]);

/// The effects that are of no consumer. Where the use of a secret ends, the store is cleared in
/// the place of being written.
const ALONE: [Action; ALONE_EFFECTS] = [
    Action::Create,
    Action::Store,
    Action::Revoke,
    Action::Sweep,
    Action::Unstore,
    Action::Discard,
];

pub(super) const ALONE_EFFECTS: usize = 6;

/// The place of what a probe sends, after those of all consumers.
pub(super) const SEND: usize = ALONE_EFFECTS + 2 * CONSUMERS_MAX;

const SLOTS: usize = SEND + 1;

impl Calls {
    pub(super) fn get(&self, slot: usize) -> Option<Call> {
        self.0[slot]
    }

    pub(super) fn set(&mut self, slot: usize, call: Call) {
        self.0[slot] = Some(call);
    }

    pub(super) fn remove(&mut self, slot: usize) {
        self.0[slot] = None;
    }

    /// Nobody waits for any of them any more.
    pub(super) fn haunt(&mut self) {
        self.0.iter_mut().flatten().for_each(|call| call.way = Way::Ghost);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Call)> {
        self.0.iter().enumerate().filter_map(|(slot, call)| Some((slot, (*call)?)))
    }
}

/// The place of an effect among the calls.
pub(super) fn slot(plan: &Plan, action: &Action) -> usize {
    match action {
        Action::Clear => slot(plan, &Action::Store),
        Action::Send(_) => SEND,
        Action::Propagate(_) | Action::Remove(_) => ALONE_EFFECTS + 2 * place(plan, action),
        Action::Restore(_) => ALONE_EFFECTS + 2 * place(plan, action) + 1,
        _ => ALONE.iter().position(|other| other == action).expect("an effect"),
    }
}

/// The effect that has this place.
pub(super) fn effect(plan: &Plan, slot: usize) -> Action {
    if slot == SEND {
        return Action::Send(plan.probes[0].name.clone());
    }
    let Some(of_consumers) = slot.checked_sub(ALONE_EFFECTS) else {
        let alone = &ALONE[slot];
        return match (alone, plan.store_write()) {
            (Action::Store, Some(write)) => write,
            _ => alone.clone(),
        };
    };
    let id = &plan.consumers[of_consumers / 2].id;
    if of_consumers % 2 == 0 { plan.write(id) } else { Action::Restore(id.clone()) }
}

/// The place of the consumer that a step is about.
pub(super) fn place(plan: &Plan, action: &Action) -> usize {
    let id = action.consumer().unwrap();
    plan.consumers.iter().position(|part| part.id == *id).unwrap()
}

/// Which numbers tokens have in the key of a state: who is old and who is new, and the others in
/// the order in which they were made.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub(super) new: u8,
    /// The others that still matter.
    pub(super) others: Tokens,
}

impl Numbers {
    pub(super) fn of(self, token: u8) -> u8 {
        match token {
            OLD => 0,
            token if token == self.new => 1,
            NOTHING => 15,
            token => 2 + self.others.below(token),
        }
    }
}
