//! A small world around the real machine: an issuer, a store, consumers, calls in flight.
//!
//! Time stands still (all waits are zero); what time would do, the order of steps does. A call
//! in flight can end in every way that a call can end: done and told, done and the answer lost,
//! not done and the answer lost, refused, or with the process dead before or after its effect.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::rotation::{Next, Rotation, StepState};
use crate::{
    Action, ConsumerId, ConsumerPart, Direction, Doer, Entry, Event, Evidence, Fingerprint, Handle,
    IssuerPart, Limits, LiveToken, Liveness, Look, Mode, OldToken, Outcome, Overlap, Plan, Proof,
    RotationId, Seen, Span, StorePart, Which,
};

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
}

impl Guard {
    pub(super) const ALL: [Self; 4] = [Self::Settle, Self::Verify, Self::UndoAll, Self::Prove];
}

const OLD: u8 = 0;

/// One state of the world.
#[derive(Clone)]
pub(super) struct World {
    rotation: Rotation,
    /// Live tokens at the issuer, by number; the old one is 0.
    live: BTreeSet<u8>,
    /// Tokens that were revoked and still answer.
    dying: BTreeSet<u8>,
    minted: u8,
    store: u8,
    consumers: Vec<u8>,
    in_flight: BTreeSet<(Action, bool)>,
    crashes: u8,
    faults: u8,
    drifts: u8,
    without: Option<Guard>,
    /// The old token was revoked while somebody was not on the new one.
    revoked_early: bool,
}

impl World {
    pub(super) fn new(consumers: u8) -> Self {
        let event = Event::Planned { plan: Box::new(plan(consumers)), by: "ops-1".into() };
        let entry = Entry { seq: 0, at: Timestamp::UNIX_EPOCH, event };
        let rotation = Rotation::replay([&entry]).unwrap();
        Self {
            rotation,
            live: BTreeSet::from([OLD]),
            dying: BTreeSet::new(),
            minted: 0,
            store: OLD,
            consumers: vec![OLD; usize::from(consumers)],
            in_flight: BTreeSet::new(),
            crashes: 0,
            faults: 0,
            drifts: 0,
            without: None,
            revoked_early: false,
        }
    }

    pub(super) fn with_budget(mut self, crashes: u8, faults: u8, drifts: u8) -> Self {
        (self.crashes, self.faults, self.drifts) = (crashes, faults, drifts);
        self
    }

    pub(super) fn without(mut self, guard: Guard) -> Self {
        self.without = Some(guard);
        self
    }

    pub(super) fn by_operator(mut self) -> Self {
        let mut plan = (*self.rotation.plan).clone();
        plan.issuer.creates = Doer::Operator;
        plan.issuer.revokes = Doer::Operator;
        self.rotation.plan = plan.into();
        self
    }

    /// Everything that tells two states apart. Places in the journal and notes do not.
    pub(super) fn key(&self) -> Vec<u8> {
        use std::fmt::Write;
        let mut text = String::new();
        let r = &self.rotation;
        for (action, step) in &r.steps {
            write!(text, "{action}{:?}{};", step.state, step.attempts.min(1)).unwrap();
        }
        let looks: Vec<bool> = r.looks.iter().map(|(_, look)| look.liveness.is_dead()).collect();
        write!(
            text,
            "|{:?}|{:?}|{:?}|{}|{}|{looks:?}|{:?}",
            r.direction == Direction::Forward,
            r.ever_begun,
            r.new.as_ref().map(|new| new.fingerprint.hex()),
            r.sweep_due,
            r.approved.is_some(),
            r.outcome.is_some(),
        )
        .unwrap();
        write!(
            text,
            "|{:?}{:?}{}{}{:?}{:?}{}{}{}{}",
            self.live,
            self.dying,
            self.minted,
            self.store,
            self.consumers,
            self.in_flight,
            self.crashes,
            self.faults,
            self.drifts,
            self.revoked_early
        )
        .unwrap();
        text.into_bytes()
    }

    fn off(&self, guard: Guard) -> bool {
        self.without == Some(guard)
    }

    fn answers(&self, token: u8) -> bool {
        self.live.contains(&token) || self.dying.contains(&token)
    }

    fn new_token(&self) -> u8 {
        self.rotation.new.as_ref().map_or(u8::MAX, |new| number(new.fingerprint))
    }

    fn place(&self, id: &ConsumerId) -> usize {
        self.rotation.plan.consumers.iter().position(|part| part.id == *id).unwrap()
    }

    /// What may never be, in any state.
    pub(super) fn check(&self) -> Result<(), String> {
        for (i, held) in self.consumers.iter().enumerate() {
            if !self.live.contains(held) {
                return Err(format!("outage: consumer c{i} holds token {held}, which is dead"));
            }
        }
        if self.live.len() > 2 {
            return Err(format!("a slot too many: tokens {:?} live at once", self.live));
        }
        if self.revoked_early {
            return Err("the old token was revoked before everybody was on the new one".into());
        }
        if let Some((_, outcome)) = &self.rotation.outcome {
            let stays = match outcome {
                Outcome::Completed => self.new_token(),
                Outcome::RolledBack { .. } => OLD,
            };
            let left: Vec<u8> =
                self.live.iter().chain(&self.dying).copied().filter(|t| *t != stays).collect();
            if !left.is_empty() {
                return Err(format!("closed as {outcome:?}, and tokens {left:?} still live"));
            }
            if self.store != stays || self.consumers.iter().any(|held| *held != stays) {
                return Err(format!("closed as {outcome:?}, and not everybody is on {stays}"));
            }
        }
        Ok(())
    }

    /// A state without a next step must be an end.
    pub(super) fn check_end(&self) -> Result<(), String> {
        if self.rotation.outcome.is_some() {
            return Ok(());
        }
        let next = self.rotation.next(now());
        Err(format!("it goes no further and has not ended: {next:?}"))
    }

    /// Every next state, with what happened.
    pub(super) fn steps(&self) -> Vec<(String, Self)> {
        let mut steps = Vec::new();
        if self.rotation.outcome.is_some() {
            return steps;
        }
        self.steps_of_engine(&mut steps);
        for (action, settle) in &self.in_flight {
            self.steps_of_call(action, *settle, &mut steps);
        }
        self.steps_of_people(&mut steps);
        self.steps_of_nature(&mut steps);
        steps
    }

    fn steps_of_engine(&self, steps: &mut Vec<(String, Self)>) {
        for next in self.rotation.next(now()) {
            let (action, settle) = match next {
                Next::Do(action) => (action, false),
                Next::Settle(action) => (action, !self.off(Guard::Settle)),
                Next::Close(outcome) => {
                    let mut world = self.clone();
                    world.apply(Event::Closed { outcome });
                    steps.push(("the rotation is closed".into(), world));
                    continue;
                }
                // A person tries again what was refused on the way back or after it.
                Next::Attend { .. } => {
                    let mut world = self.clone();
                    world.apply(Event::Resumed { by: "ops-1".into() });
                    steps.push(("a person has it tried again".into(), world));
                    continue;
                }
                Next::Wait { .. } | Next::Ask => continue,
            };
            if self.in_flight.iter().any(|(other, _)| *other == action) {
                continue;
            }
            let mut world = self.clone();
            if action.is_effect() && self.rotation.state(&action) == StepState::Idle {
                world.apply(Event::Began { action: action.clone() });
            }
            let verb = if settle { "settles" } else { "begins" };
            let told = format!("the engine {verb} {action}");
            world.in_flight.insert((action, settle));
            steps.push((told, world));
        }
    }

    fn steps_of_people(&self, steps: &mut Vec<(String, Self)>) {
        if self.rotation.approved.is_none() && self.rotation.next(now()).contains(&Next::Ask) {
            let mut world = self.clone();
            world.apply(Event::Approved { by: "ops-1".into() });
            steps.push(("a person agrees to the revocation".into(), world));
        }
        if self.rotation.may_turn_back() {
            let mut world = self.clone();
            world.apply(Event::TurnedBack { by: "ops-1".into(), why: "asked".into() });
            steps.push(("a person turns it back".into(), world));
        }
    }

    fn steps_of_nature(&self, steps: &mut Vec<(String, Self)>) {
        for token in &self.dying {
            let mut world = self.clone();
            world.dying.remove(token);
            steps.push((format!("the revocation of token {token} bites"), world));
        }
        // The consumers go back to the old token by themselves, up to the last look at them: no
        // look can be newer than itself, so what moves between it and the revocation is not
        // promised (and found by the look after the revocation).
        let looked =
            self.rotation.is_done(&Action::Gate) || self.rotation.is_done(&Action::Confirm);
        if self.drifts > 0 && !looked && self.rotation.is_done(&Action::Store) && self.store != OLD
        {
            let mut world = self.clone();
            world.drifts -= 1;
            world.store = OLD;
            steps.push(("somebody puts the old token into the store".into(), world));
        }
        let given = |i: usize| self.rotation.plan.consumers[i].id.clone();
        if self.drifts > 0 && self.live.contains(&OLD) && !looked {
            for (i, held) in self.consumers.iter().enumerate() {
                if *held != OLD && self.rotation.is_done(&Action::Verify(given(i))) {
                    let mut world = self.clone();
                    world.drifts -= 1;
                    world.consumers[i] = OLD;
                    steps.push((format!("consumer c{i} goes back to the old token"), world));
                }
            }
        }
        if self.crashes > 0 && !self.in_flight.is_empty() {
            let mut dead = self.clone();
            dead.crashes -= 1;
            dead.in_flight.clear();
            let mut after = vec![(String::from("the process is killed"), dead)];
            // Each effect in flight had happened, or had not.
            for (action, settle) in self.in_flight.iter().filter(|(a, s)| a.is_effect() && !s) {
                let _ = settle;
                for (told, world) in after.clone() {
                    let mut done = world;
                    done.effect(action);
                    after.push((format!("{told}, {action} had happened"), done));
                }
            }
            for (told, mut world) in after {
                world.apply(Event::Resumed { by: "ops-1".into() });
                steps.push((told, world));
            }
        }
    }

    fn steps_of_call(&self, action: &Action, settle: bool, steps: &mut Vec<(String, Self)>) {
        let landed = || {
            let mut world = self.clone();
            world.in_flight.remove(&(action.clone(), settle));
            world
        };
        if !self.rotation.is_under_way(action) {
            steps.push((format!("the answer to {action} comes too late to matter"), landed()));
            return;
        }
        if settle {
            let mut world = landed();
            let told = world.settled(action);
            steps.push((format!("{action} is settled: {told}"), world));
            if self.faults > 0 {
                let mut world = landed();
                world.fault(unsure(action));
                steps.push((format!("the look that settles {action} gets no answer"), world));
            }
            return;
        }
        if !action.is_effect() {
            self.steps_of_look(action, &landed, steps);
            return;
        }
        let mut world = landed();
        world.effect(action);
        world.ends_well(action);
        steps.push((format!("{action} is done"), world));
        if self.faults == 0 {
            return;
        }
        let mut world = landed();
        world.effect(action);
        world.fault(unsure(action));
        steps.push((format!("{action} is done, and its answer is lost"), world));
        let mut world = landed();
        world.fault(unsure(action));
        steps.push((format!("{action} is lost"), world));
        let mut world = landed();
        world.fault(Event::Refused { action: action.clone(), why: "no".into() });
        steps.push((format!("{action} is refused"), world));
        let mut world = landed();
        let (why, retry_at) = ("busy".into(), Timestamp::UNIX_EPOCH);
        world.fault(Event::Later { action: action.clone(), why, retry_at });
        steps.push((format!("{action} is put off"), world));
    }

    fn steps_of_look(
        &self,
        action: &Action,
        landed: &dyn Fn() -> Self,
        steps: &mut Vec<(String, Self)>,
    ) {
        let mut world = landed();
        let told = world.look(action);
        steps.push((format!("{action}: {told}"), world));
        if self.faults > 0 {
            let mut world = landed();
            world.fault(unsure(action));
            steps.push((format!("{action} gets no answer"), world));
        }
    }

    /// What an effect does to the world.
    fn effect(&mut self, action: &Action) {
        match action {
            Action::Create => {
                self.minted += 1;
                self.live.insert(self.minted);
            }
            Action::Store => self.store = self.new_token(),
            Action::Unstore => self.store = OLD,
            Action::Propagate(id) => {
                let place = self.place(id);
                self.consumers[place] = self.new_token();
            }
            Action::Restore(id) => {
                let place = self.place(id);
                self.consumers[place] = OLD;
            }
            Action::Revoke => {
                let new = self.new_token();
                self.revoked_early |= self.consumers.iter().any(|held| *held != new);
                self.kill(OLD);
            }
            Action::Discard => {
                let new = self.new_token();
                self.kill(new);
            }
            Action::Sweep => {
                let keep = match self.rotation.direction {
                    Direction::Forward => self.new_token(),
                    Direction::Back { .. } => u8::MAX,
                };
                let leftovers: Vec<u8> =
                    self.live.iter().copied().filter(|t| *t != OLD && *t != keep).collect();
                for token in leftovers {
                    // The sweep itself looks until they are gone.
                    self.live.remove(&token);
                }
            }
            _ => {}
        }
    }

    /// Revoked; while there are faults to give away, it may go on answering for a while.
    fn kill(&mut self, token: u8) {
        if self.live.remove(&token) && self.faults > 0 && token == OLD {
            self.dying.insert(token);
        }
    }

    /// The answer arrives.
    fn ends_well(&mut self, action: &Action) {
        let evidence = match action {
            Action::Create => created(self.minted),
            Action::Sweep => Evidence::Swept { removed: Vec::new(), unknown: Vec::new() },
            _ => Evidence::Written { receipt: String::new() },
        };
        if *action == Action::Discard {
            self.apply(looked(Which::New, true));
        }
        self.apply(Event::Done { action: action.clone(), evidence });
    }

    /// An effect whose end is unknown is looked at.
    fn settled(&mut self, action: &Action) -> &'static str {
        let not_done = Event::NotDone { action: action.clone(), why: String::new() };
        let happened = match action {
            Action::Create => {
                let found: Vec<Handle> = self
                    .live
                    .iter()
                    .filter(|token| **token != OLD)
                    .map(|token| Handle(token.to_string()))
                    .collect();
                if !found.is_empty() {
                    if self.rotation.plan.issuer.creates == Doer::Operator {
                        let token = *self.live.iter().find(|token| **token != OLD).unwrap();
                        let evidence = created(token);
                        self.apply(Event::Done { action: Action::Create, evidence });
                        return "the token is seen";
                    }
                    self.apply(Event::Orphaned { handles: found });
                    return "a token without a known value";
                }
                false
            }
            Action::Store => self.store == self.new_token(),
            Action::Unstore => self.store == OLD,
            Action::Propagate(id) => self.consumers[self.place(id)] == self.new_token(),
            Action::Restore(id) => self.consumers[self.place(id)] == OLD,
            Action::Revoke => !self.live.contains(&OLD),
            // These may be made again as they are.
            Action::Discard | Action::Sweep => {
                self.effect(action);
                true
            }
            _ => false,
        };
        if happened {
            self.ends_well(action);
            "it had happened"
        } else {
            self.apply(not_done);
            "it had not happened"
        }
    }

    /// A look is made and its answer arrives.
    fn look(&mut self, action: &Action) -> String {
        let checked = Evidence::Checked { detail: String::new() };
        let done = |evidence| Event::Done { action: action.clone(), evidence };
        let proven = || Evidence::Proven { proof: Proof::Fingerprint, detail: String::new() };
        match action {
            Action::Verify(id) | Action::Recheck(id) => {
                let forward = matches!(action, Action::Verify(_));
                let wanted = if forward { self.new_token() } else { OLD };
                if self.consumers[self.place(id)] == wanted || self.off(Guard::Verify) {
                    self.apply(done(proven()));
                    return "it is".into();
                }
                let why = String::new();
                let event = if forward {
                    Event::Drifted { consumer: id.clone(), why }
                } else {
                    unsure(action)
                };
                self.apply(event);
                "it is not".into()
            }
            Action::Gate | Action::Confirm => {
                let new = self.new_token();
                let astray: Vec<ConsumerId> = self
                    .rotation
                    .plan
                    .consumers
                    .iter()
                    .zip(&self.consumers)
                    .filter(|(_, held)| **held != new)
                    .map(|(part, _)| part.id.clone())
                    .collect();
                let stored = self.store == new;
                if (astray.is_empty() && stored) || self.off(Guard::Verify) {
                    self.apply(done(checked));
                    return "everybody is".into();
                }
                for consumer in astray {
                    self.apply(Event::Drifted { consumer, why: String::new() });
                }
                if !stored {
                    self.apply(Event::StoreDrifted { why: String::new() });
                }
                "somebody is not".into()
            }
            Action::Prove => {
                let dead = !self.answers(OLD) || self.off(Guard::Prove);
                self.apply(looked(Which::Old, dead));
                if self.rotation.old_is_proven_dead() {
                    self.apply(done(checked));
                }
                if dead { "dead".into() } else { "still alive".into() }
            }
            _ => {
                self.apply(done(checked));
                "fine".into()
            }
        }
    }

    fn fault(&mut self, event: Event) {
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
            for action in forgotten {
                self.rotation.ever_begun.remove(&action);
                self.rotation.steps.remove(&action);
            }
        }
    }

    fn apply(&mut self, event: Event) {
        let seq = self.rotation.next_seq;
        // Looks that follow one another are what a proof is made of; more of them prove no more.
        if self.rotation.looks.len() > 3 {
            self.rotation.looks.remove(0);
        }
        let entry = Entry { seq, at: Timestamp::UNIX_EPOCH, event };
        if let Err(error) = self.rotation.apply(&entry) {
            panic!("the model made an event that cannot be: {error}: {entry:?}");
        }
    }
}

/// Late enough for every wait between two tries to be over; events themselves stand at zero.
fn now() -> Timestamp {
    Timestamp::from_second(60).unwrap()
}

fn unsure(action: &Action) -> Event {
    let (why, retry_at) = ("lost".into(), Timestamp::UNIX_EPOCH);
    Event::Unsure { action: action.clone(), why, retry_at }
}

fn looked(which: Which, dead: bool) -> Event {
    let liveness = if dead {
        Liveness::Dead { evidence: "401".into() }
    } else {
        Liveness::Alive { identity: "acme".into() }
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

fn fingerprint(token: u8) -> Fingerprint {
    Fingerprint::from_bytes([token; 16])
}

fn number(fingerprint: Fingerprint) -> u8 {
    u8::from_str_radix(&fingerprint.hex()[..2], 16).unwrap()
}

pub(in crate::rotation) fn plan(consumers: u8) -> Plan {
    let part = |i: u8| ConsumerPart {
        id: ConsumerId::from(format!("c{i}")),
        label: String::new(),
        keys: vec!["KEY".into()],
        wave: u8::from(i > 0),
        reads_back: true,
        restarts: true,
        before: None,
    };
    Plan {
        id: RotationId("r-1".into()),
        secret: "prod/KEY".parse().unwrap(),
        mode: Mode::Scheduled,
        issuer: IssuerPart {
            name: "issuer".into(),
            title: "Issuer".into(),
            identity: "acme".into(),
            creates: Doer::Api,
            revokes: Doer::Api,
            overlap: Overlap::Unlimited,
            reads_siblings: false,
            marker: "r-1".into(),
            listed: true,
            activation_max: Span::from_secs(30),
            create_text: Vec::new(),
        },
        store: StorePart { name: "store".into(), key: "KEY".into(), version: "1".into() },
        consumers: (0..consumers).map(part).collect(),
        old: OldToken {
            fingerprint: fingerprint(OLD),
            handle: Some(Handle("0".into())),
            since: None,
        },
        baseline: vec![LiveToken {
            fingerprint: Some(fingerprint(OLD)),
            handle: Some(Handle("0".into())),
            description: None,
            created: None,
        }],
        unknown: Vec::new(),
        probes: 0,
        limits: Limits {
            soak: Span::from_millis(0),
            proof_interval: Span::from_millis(0),
            proof_timeout: Span::from_secs(3_600),
            adopt_timeout: Span::from_secs(60),
            attempts_max: 100,
        },
        role: "ops".into(),
        login_is_old: false,
        audit_context: Vec::new(),
        warnings: Vec::new(),
    }
}
