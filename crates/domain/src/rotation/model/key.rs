//! What tells two states of the world apart, in a few bytes.
//!
//! Left out is what changes nothing that can still happen: places in the journal, notes, moments
//! (time stands still), numbers of tokens beyond who is old, new or neither. Consumers of one
//! wave are alike, so they are sorted: states that differ only in which of them is where are one.

use std::hash::{DefaultHasher, Hasher};

use super::plan::FOR_EVER;
use super::world::{Call, Guard, OLD, World};
use crate::rotation::{Rotation, StepState};
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
        let mut bytes = Vec::with_capacity(64);
        self.write_rotation(&self.rotation, &mut bytes);
        if let (Some(rival), Some(Guard::Fence)) = (&self.rival, self.without) {
            self.write_rotation(rival, &mut bytes);
        }
        let new = self.new_token();
        let others = |tokens: &std::collections::BTreeSet<u8>| {
            u8::try_from(tokens.iter().filter(|t| **t != OLD && **t != new).count()).unwrap()
        };
        bytes.extend([
            self.who(self.store),
            flags(&[
                self.live.contains(&OLD),
                self.dying.contains(&OLD),
                self.live.contains(&new),
                self.dying.contains(&new),
                self.revoked_early,
                self.rival.is_some(),
            ]),
            others(&self.live) << 4 | others(&self.dying),
            self.crashes << 4 | self.faults,
            self.drifts << 4 | self.rivals,
            self.proofs,
            self.shown,
        ]);
        bytes
    }

    fn write_rotation(&self, rotation: &Rotation, bytes: &mut Vec<u8>) {
        for action in &ALONE {
            bytes.push(step(rotation, action) << 3 | self.call(action));
        }
        for part in &rotation.plan.probes {
            let name = || part.name.clone();
            for action in [Action::Send(name()), Action::Probe(name()), Action::Receipt(name())] {
                bytes.push(step(rotation, &action) << 3 | self.call(&action));
            }
        }
        let ever = ALONE.iter().filter(|action| action.is_effect());
        bytes.push(flags(&ever.map(|a| rotation.ever_begun.contains(a)).collect::<Vec<_>>()));
        let old_looks = || rotation.looks.iter().filter(|(_, look)| look.which == Which::Old);
        bytes.push(flags(&[
            rotation.direction == Direction::Forward,
            rotation.new.is_some(),
            rotation.sweep_due,
            rotation.rehearsed,
            rotation.approved.is_some(),
            rotation.approved.as_deref() == Some(rotation.started_by.as_str()),
        ]));
        bytes.push(flags(&[
            old_looks().next_back().is_some_and(|(_, look)| look.liveness.is_dead()),
            rotation.old_is_proven_dead(),
            rotation
                .looks
                .iter()
                .any(|(_, look)| look.which == Which::New && look.liveness.is_dead()),
        ]));
        bytes.push(match &rotation.outcome {
            None => 0,
            Some((_, Outcome::Completed)) => 1,
            Some((_, Outcome::RolledBack { .. })) => 2,
            Some((_, Outcome::Abandoned { .. })) => 3,
            Some((_, Outcome::Rehearsed)) => 4,
            Some((_, Outcome::Decommissioned)) => 5,
        });
        let mut consumers: Vec<[u8; 5]> = rotation
            .plan
            .consumers
            .iter()
            .zip(&self.consumers)
            .map(|(part, held)| {
                let id = || part.id.clone();
                let (give, back) = (rotation.plan.write(&part.id), Action::Restore(id()));
                [
                    part.wave,
                    step(rotation, &give) << 4 | step(rotation, &rotation.plan.proof(&part.id)),
                    step(rotation, &back) << 4 | step(rotation, &Action::Recheck(id())),
                    self.call(&give) << 4 | self.call(&back),
                    self.who(*held) << 4
                        | flags(&[
                            rotation.ever_begun.contains(&give),
                            rotation.ever_begun.contains(&back),
                        ]),
                ]
            })
            .collect();
        // A rival's view would have to be sorted the same way.
        if self.without != Some(Guard::Fence) {
            consumers.sort_unstable();
        }
        bytes.extend(consumers.as_flattened());
    }

    fn call(&self, action: &Action) -> u8 {
        match self.calls.get(action) {
            None => 0,
            Some(Call::Sent) => 1,
            Some(Call::Ghost) => 2,
        }
    }

    /// Old, new, or another.
    fn who(&self, token: u8) -> u8 {
        match token {
            OLD => 0,
            token if token == self.new_token() => 1,
            _ => 2,
        }
    }
}

/// State and tries of one step, in four bits.
fn step(rotation: &Rotation, action: &Action) -> u8 {
    let Some(step) = rotation.steps.get(action) else { return 0 };
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
