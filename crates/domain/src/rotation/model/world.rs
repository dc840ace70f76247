//! A small world around the real machine: an issuer, a store, consumers, calls in flight, one
//! engine that works and one that thinks it does, a copy of the journal. What may never be in it
//! stands here; what may happen next in `steps.rs`, how calls end in `calls.rs`, what becomes of
//! it when the copy is put back in `set_back.rs`.
//!
//! Time stands still (all waits are zero); what time would do, the order of steps does.

use jiff::Timestamp;

use super::compact::{CONSUMERS_MAX, Calls, Tokens, Way, effect, slot};
use super::known::Known;
use super::plan::plan;
use crate::rotation::{Rotation, StepState};
use crate::{Action, Direction, Doer, Entry, Event, Fingerprint, Mode, Outcome, Plan, Span};

/// What keeps a rotation safe, for switching off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Guard {
    /// An effect whose end is unknown is settled by looking before it is made again.
    Settle,
    /// Each consumer is verified by the fingerprint that it holds.
    Verify,
    /// Undo runs for every effect that was ever begun.
    UndoAll,
    /// The old token is looked at until it is dead.
    Prove,
    /// An engine that lost its lease can write nothing, so it begins nothing.
    Fence,
    /// An engine asks for its lease right before each change, so that one that was taken over
    /// makes no call whose beginning it wrote before.
    Ask,
    /// Where two people are needed, whoever started it does not agree to the revocation.
    SecondPerson,
    /// What a journal that was set back does not tell of is doubted, and settled by looking.
    Doubt,
    /// So is a write that it calls done, which may have been made once more.
    DoubtDone,
    /// Which revocation could have been sent last decides whether it goes on or back then.
    SentLast,
    /// Every probe has shown what it should before anything is revoked.
    Probes,
}

impl Guard {
    pub(super) const ALL: [Self; 11] = [
        Self::Settle,
        Self::Verify,
        Self::UndoAll,
        Self::Prove,
        Self::Fence,
        Self::Ask,
        Self::SecondPerson,
        Self::Doubt,
        Self::DoubtDone,
        Self::SentLast,
        Self::Probes,
    ];
}

pub(super) const OLD: u8 = 0;

/// What a place holds that holds no token; also the new token where there is none.
pub(super) const NOTHING: u8 = u8::MAX;

/// Who started the rotation, and who else is there.
pub(super) const STARTER: &str = "ops-1";
pub(super) const OTHER: &str = "ops-2";

/// One state of the world.
#[derive(Clone)]
pub(super) struct World {
    pub(super) rotation: Known,
    /// Live tokens at the issuer, by number; the old one is 0.
    pub(super) live: Tokens,
    /// Tokens that were revoked and still answer.
    pub(super) dying: Tokens,
    pub(super) minted: u8,
    pub(super) store: u8,
    /// What each consumer of the plan holds; those that it does not have hold nothing.
    pub(super) held: [u8; CONSUMERS_MAX],
    pub(super) calls: Calls,
    /// Calls that an engine was stopped before, and makes whenever it goes on. Only where nobody
    /// asks for the lease.
    pub(super) stopped: Calls,
    pub(super) crashes: u8,
    pub(super) faults: u8,
    pub(super) drifts: u8,
    pub(super) rivals: u8,
    /// What an engine that was taken over still believes.
    pub(super) rival: Option<Known>,
    /// How many entries were written since it was.
    pub(super) behind: u64,
    /// How often the journal may be set back.
    pub(super) set_backs: u8,
    /// A copy of the journal, to be put back.
    pub(super) copy: Option<Known>,
    /// The journal was set back at some time.
    pub(super) was_set_back: bool,
    pub(super) without: Option<Guard>,
    /// Consumers of one wave are taken for alike in the key of a state.
    pub(super) sorted: bool,
    /// The old token was revoked while somebody was not on the new one.
    pub(super) revoked_early: bool,
    /// How often in a row the old token was seen dead, up to two.
    pub(super) proofs: u8,
    /// Two people are needed, whatever the plan says.
    pub(super) two: bool,
    /// People agree before they are asked, too.
    pub(super) early: bool,
    /// What the probe has come to, in flags; [`SHOWN`] where there is none.
    pub(super) shown: u8,
}

/// Something was sent.
pub(super) const SENT: u8 = 1;
/// A look has shown what it should.
pub(super) const LOOKED: u8 = 2;
/// A person has said that it arrived.
pub(super) const ARRIVED: u8 = 4;
/// All of that.
pub(super) const SHOWN: u8 = SENT | LOOKED | ARRIVED;

impl World {
    /// A rotation of so many consumers that has just been planned.
    pub(super) fn new(consumers: u8) -> Self {
        Self::of(&plan(consumers))
    }

    pub(super) fn of(plan: &Plan) -> Self {
        // Time stands still, so what takes too long takes too long at once.
        let mut plan = plan.clone();
        plan.limits.proof_timeout = Span::from_millis(0);
        let event = Event::Planned { plan: Box::new(plan.clone()), by: STARTER.into() };
        let entry = Entry { seq: 0, at: Timestamp::UNIX_EPOCH, event };
        let live = (plan.mode != Mode::Repair).then_some(OLD);
        Self {
            rotation: Known::first(Rotation::replay([&entry]).unwrap()),
            live: Tokens::of(live),
            dying: Tokens::default(),
            minted: 0,
            // What nobody answers for stands in no store.
            store: if plan.mode.takes_current() { OLD } else { NOTHING },
            held: [OLD; CONSUMERS_MAX],
            calls: Calls::default(),
            stopped: Calls::default(),
            crashes: 0,
            faults: 0,
            drifts: 0,
            rivals: 0,
            rival: None,
            behind: 0,
            set_backs: 0,
            copy: None,
            was_set_back: false,
            without: None,
            sorted: true,
            revoked_early: false,
            proofs: 0,
            two: false,
            early: false,
            shown: if plan.probes.is_empty() { SHOWN } else { 0 },
        }
    }

    pub(super) fn with_budget(mut self, crashes: u8, faults: u8, drifts: u8) -> Self {
        (self.crashes, self.faults, self.drifts) = (crashes, faults, drifts);
        self
    }

    /// So many times another engine takes over while this one lives on.
    pub(super) fn with_rivals(mut self, rivals: u8) -> Self {
        self.rivals = rivals;
        self
    }

    /// Once, a copy of the journal is made and put back later.
    pub(super) fn with_set_back(mut self) -> Self {
        self.set_backs = 1;
        self
    }

    pub(super) fn without(mut self, guard: Guard) -> Self {
        self.without = Some(guard);
        if guard == Guard::Probes {
            self = self.with_probe().planned(|plan| plan.probes.clear());
        }
        if guard == Guard::SecondPerson {
            self = self.with_second_person().planned(|plan| plan.gates.second_person = false);
        }
        if matches!(guard, Guard::Doubt | Guard::SentLast) {
            self = self.with_budget(0, 1, 0).with_rivals(0).with_set_back();
        }
        if guard == Guard::DoubtDone {
            self = self.with_budget(0, 0, 1).with_rivals(0).with_set_back();
        }
        self
    }

    /// With a probe that sends, looks again and again, and asks a person.
    pub(super) fn with_probe(mut self) -> Self {
        self.shown = 0;
        self.planned(|plan| plan.probes = vec![super::plan::probe()])
    }

    /// Whoever started it must not agree to its revocation, and tries.
    pub(super) fn with_second_person(mut self) -> Self {
        self.two = true;
        self.planned(|plan| plan.gates.second_person = true)
    }

    /// People agree to the revocation whenever the machine takes it.
    pub(super) fn with_early_agreement(mut self) -> Self {
        self.early = true;
        self
    }

    /// Each consumer is told apart, which is what the key of a state else leaves out.
    pub(super) fn unsorted(mut self) -> Self {
        self.sorted = false;
        self
    }

    /// A person is told after so many tries.
    pub(super) fn with_tries(self, tries: u32) -> Self {
        self.planned(|plan| plan.limits.attempts_max = tries)
    }

    pub(super) fn by_operator(self) -> Self {
        self.planned(|plan| {
            (plan.issuer.creates, plan.issuer.revokes) = (Doer::Operator, Doer::Operator);
        })
    }

    /// With another plan.
    fn planned(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = (*self.rotation.plan).clone();
        change(&mut plan);
        self.rotation = self.rotation.changed(|rotation| rotation.plan = plan.into());
        self
    }

    pub(super) fn in_mode(self, mode: Mode) -> Self {
        let mut plan = (*self.rotation.plan).clone();
        plan.mode = mode;
        if mode.hurries() {
            plan.consumers.iter_mut().for_each(|consumer| consumer.wave = 0);
        }
        Self { crashes: self.crashes, faults: self.faults, drifts: self.drifts, ..Self::of(&plan) }
    }

    pub(super) fn off(&self, guard: Guard) -> bool {
        self.without == Some(guard)
    }

    pub(super) fn answers(&self, token: u8) -> bool {
        self.live.contains(token) || self.dying.contains(token)
    }

    pub(super) fn new_token(&self) -> u8 {
        self.rotation.parts().new_token().unwrap_or(NOTHING)
    }

    /// The consumers of the plan, with what each holds.
    pub(super) fn held(&self) -> &[u8] {
        &self.held[..self.rotation.plan.consumers.len()]
    }

    pub(super) fn slot(&self, action: &Action) -> usize {
        slot(&self.rotation.plan, action)
    }

    pub(super) fn is_done(&self, action: &Action) -> bool {
        self.rotation.state(action) == StepState::Done
    }

    /// What may never be, in any state. The numbers are those of `docs/safety.md`.
    pub(super) fn check(&self) -> Result<(), String> {
        self.check_service()?;
        self.check_values()?;
        self.check_engines()?;
        self.check_people()?;
        self.check_close()
    }

    /// 1 and 2: nobody is put out of service, nothing is revoked early.
    fn check_service(&self) -> Result<(), String> {
        let overlaps = self.rotation.plan.mode.overlaps();
        for (i, held) in self.held().iter().enumerate() {
            let agreed = match *held {
                OLD => !overlaps,
                // Whoever uses it was told that it goes.
                NOTHING => self.rotation.plan.mode.ends_use(),
                _ => !overlaps && self.was_set_back,
            };
            if !self.live.contains(*held) && !agreed {
                return Err(format!("outage: consumer c{i} holds token {held}, which is dead"));
            }
        }
        if self.revoked_early && overlaps {
            let what = "the old token was revoked before everybody was shown to be off it";
            return Err(what.into());
        }
        Ok(())
    }

    /// 3 and 4: no slot is over-booked, and each token that nobody holds the value of is one
    /// that a step yet to come finds.
    fn check_values(&self) -> Result<(), String> {
        if self.is_abandoned() {
            return Ok(());
        }
        if self.live.len() > 2 {
            let live: Vec<u8> = self.live.iter().collect();
            return Err(format!("a slot too many: tokens {live:?} live at once"));
        }
        let new = self.new_token();
        let unheld = self.live.iter().any(|token| token != OLD && token != new);
        let back = matches!(self.rotation.direction, Direction::Back { .. });
        let found = self.rotation.state(&Action::Create) == StepState::Begun
            || self.rotation.sweep_due
            || (back && !self.is_done(&Action::Sweep));
        if unheld && !found {
            return Err("a token lives whose value nobody has and which nobody looks for".into());
        }
        Ok(())
    }

    /// 6 and 7: nothing is under way that was not journaled first, and an engine that was taken
    /// over can journal nothing.
    fn check_engines(&self) -> Result<(), String> {
        // What a journal that was set back has forgotten was journaled once.
        let told = |way| way == Way::Sent || !self.was_set_back;
        for (slot, call) in self.calls.iter() {
            let action = effect(&self.rotation.plan, slot);
            if !self.rotation.ever_begun.contains(&action)
                && told(call.way)
                && !self.off(Guard::UndoAll)
                && self.rotation.outcome.is_none()
            {
                return Err(format!("{action} is under way and was never journaled"));
            }
        }
        if self.rival.is_none() || self.off(Guard::Fence) {
            return Ok(());
        }
        match self.rotation.takes(Event::Resumed { by: OTHER.into() }, self.behind) {
            false => Ok(()),
            true => Err("an engine that was taken over could still write".into()),
        }
    }

    /// Where two people are needed, two have spoken.
    fn check_people(&self) -> Result<(), String> {
        if self.two && self.rotation.approved.as_deref() == Some(STARTER) {
            return Err("whoever started it has agreed to the revocation, alone".into());
        }
        Ok(())
    }

    /// 3 and 5: what is closed is clean, and dead is proven.
    fn check_close(&self) -> Result<(), String> {
        let Some((_, outcome)) = &self.rotation.outcome else {
            return Ok(());
        };
        if !self.rotation.plan.mode.takes_current() {
            return self.check_removed(outcome);
        }
        let stays = match outcome {
            Outcome::Removed => return Err("another token was to be removed".into()),
            Outcome::Completed => self.new_token(),
            Outcome::Decommissioned => NOTHING,
            Outcome::RolledBack { .. } | Outcome::Rehearsed => OLD,
            // A person ends what the world has moved on without, and is told what is left.
            Outcome::Abandoned { .. } if self.was_set_back => return Ok(()),
            Outcome::Abandoned { .. } => return Err("nobody abandoned it".into()),
        };
        let left: Vec<u8> = self.live.and(self.dying).iter().filter(|t| *t != stays).collect();
        if !left.is_empty() {
            return Err(format!("closed as {outcome:?}, and tokens {left:?} still live"));
        }
        if self.store != stays || self.held().iter().any(|held| *held != stays) {
            return Err(format!("closed as {outcome:?}, and not everybody is on {stays}"));
        }
        if stays != NOTHING && !self.live.contains(stays) {
            return Err(format!("closed as {outcome:?}, and token {stays} is dead"));
        }
        let dies = matches!(outcome, Outcome::Completed | Outcome::Decommissioned);
        if dies && self.proofs < 2 {
            return Err("closed, and the old token was not seen dead twice".into());
        }
        Ok(())
    }

    /// The same of a token that nobody answers for: it is dead where it was removed, and lives
    /// where it was not.
    fn check_removed(&self, outcome: &Outcome) -> Result<(), String> {
        match outcome {
            Outcome::Removed if self.answers(OLD) => Err("removed, and it lives".into()),
            Outcome::Removed if self.proofs < 2 => {
                Err("removed, and it was not seen dead twice".into())
            }
            Outcome::Removed => Ok(()),
            Outcome::RolledBack { .. } if self.live.contains(OLD) => Ok(()),
            Outcome::Abandoned { .. } if self.was_set_back => Ok(()),
            other => Err(format!("closed as {other:?}")),
        }
    }

    fn is_abandoned(&self) -> bool {
        matches!(self.rotation.outcome, Some((_, Outcome::Abandoned { .. })))
    }

    /// A state without a next step must be an end.
    pub(super) fn check_end(&self) -> Result<(), String> {
        if self.rotation.outcome.is_some() {
            return Ok(());
        }
        let next = self.rotation.next(now());
        Err(format!("it goes no further and has not ended: {next:?}"))
    }

    pub(super) fn apply(&mut self, event: Event) {
        self.behind += 1;
        match self.rotation.told(event) {
            Ok(next) => self.rotation = next,
            Err(error) => panic!("the model made an event that cannot be: {error}"),
        }
    }
}

/// Late enough for every wait between two tries to be over; events themselves stand at zero.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(60).unwrap()
}

/// The number of a token in this world.
pub(super) fn number(fingerprint: Fingerprint) -> u8 {
    (0..16).find(|token| super::plan::fingerprint(*token) == fingerprint).unwrap()
}
