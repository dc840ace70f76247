//! One rotation, from wherever its journal stands to its end, or to where it waits.
//!
//! Everything that happens goes through [`Drive::record`]: an event is journaled, together with
//! its audit record and the values that belong to it, and only then applied and acted upon.

mod record;
mod remarks;
mod steer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    Act, Action, ConsumerId, Event, Guarded, Mode, Next, Outcome, ProbeName, Remark, Rotation,
    RotationId, SecretName, StepState, Token, Waiting,
};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use crate::act::{Context, End, act};
use crate::engine::{replay_with_time, slot_of};
use crate::{Command, Engine, EngineError, Planned, Progress};

/// How the caller wants a rotation to be run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether to stay while only people are waited for.
    pub wait: bool,
    /// Who has agreed to the revocation beforehand.
    pub approved_by: Option<String>,
}

/// Why a drive stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The rotation has ended.
    Closed(Outcome),
    /// It waits, and the caller does not.
    Waiting(Vec<Waiting>),
    /// It was told to stop; everything begun is journaled.
    Stopped,
}

/// A rotation in the hands of this process.
pub struct Drive {
    engine: Arc<Engine>,
    rotation: Rotation,
    old: Token,
    new: Option<Token>,
    created: Timestamp,
    options: Options,
    bell: Arc<Notify>,
    commands: mpsc::UnboundedReceiver<Command>,
    progress: mpsc::UnboundedSender<Progress>,
    shown: Vec<Waiting>,
    /// What was said of its tasks, as far as it was shown.
    said: BTreeMap<String, Remark>,
    /// Tasks that are overdue, and told to be.
    escalated: BTreeSet<String>,
    stopping: bool,
    /// A token that was entered before it was asked for.
    early: Option<Command>,
}

/// A clock that is so little behind the journal is only being put right.
const CLOCK_STEP_MIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

type Running = FuturesUnordered<BoxFuture<'static, End>>;

impl Drive {
    /// Begins the rotation of a plan: from here it exists.
    ///
    /// # Errors
    /// The journal does not take it: another rotation of the secret is open, or it cannot write.
    pub async fn start(
        engine: Arc<Engine>,
        planned: Planned,
        options: Options,
        commands: mpsc::UnboundedReceiver<Command>,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> Result<Self, EngineError> {
        let Planned { plan, old, .. } = planned;
        let by = engine.actor.clone();
        if let Some(agreed) = &options.approved_by {
            let people = &engine.inventory.people;
            people.may(&people.named(agreed), Act::Approve, Some(Guarded::planned(&plan, &by)))?;
        }
        let event = Event::Planned { plan: Box::new(plan), by };
        let entry = domain::Entry { seq: 0, at: engine.clock.now(), event };
        let rotation = Rotation::replay([&entry])
            .map_err(|source| EngineError::History { id: RotationId(String::new()), source })?;
        record::begin(&engine, &rotation, &entry, &old).await?;
        // Nobody may be listening; then there is nobody to tell.
        let _ = progress.send(Progress::Entry(Box::new(entry)));
        let mut drive = Self::over(engine, rotation, old, None, options, commands, progress);
        if let Some(by) = drive.options.approved_by.clone() {
            drive.record(vec![Event::Approved { by }]).await?;
        }
        Ok(drive)
    }

    /// Picks up a rotation where its journal stands.
    ///
    /// # Errors
    /// There is no such rotation, its journal cannot be followed, or its values are not there.
    pub async fn resume(
        engine: Arc<Engine>,
        id: &RotationId,
        options: Options,
        commands: mpsc::UnboundedReceiver<Command>,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> Result<Self, EngineError> {
        engine.fill_logins(None).await?;
        let (rotation, last) = replay_with_time(&engine.reader, id)?;
        let value = |which| engine.reader.open_value(id, slot_of(which));
        let (old, new) = (value(domain::Which::Old)?, value(domain::Which::New)?);
        let missing = |which| EngineError::NoValue { id: id.clone(), which };
        let closed = rotation.outcome().is_some();
        let old = match old {
            Some(old) => old,
            None if closed => Token::new(String::new()),
            None => return Err(missing("old")),
        };
        if rotation.new_fingerprint().is_some() && new.is_none() && !closed {
            return Err(missing("new"));
        }
        let mut drive = Self::over(engine, rotation, old, new, options, commands, progress);
        if !closed {
            if let Some(agreed) = &drive.options.approved_by {
                let (people, of) =
                    (&drive.engine.inventory.people, Guarded::rotation(&drive.rotation));
                people.may(&people.named(agreed), Act::Approve, Some(of))?;
            }
            drive.catch_up(last);
            let by = drive.engine.actor.clone();
            let mut events = vec![Event::Resumed { by }];
            if let Some(by) = drive.options.approved_by.clone()
                && drive.rotation.approved().is_none()
                && drive.rotation.may_be_agreed_to()
            {
                events.push(Event::Approved { by });
            }
            drive.record(events).await?;
        }
        Ok(drive)
    }

    /// Time goes on from the journal's last entry where the clock was set back behind it: what
    /// is told now did not happen before that, and nothing waits for the clock to come there.
    fn catch_up(&self, last: Timestamp) {
        if let Some(clock) = self.engine.clock.not_before(last)
            && last.duration_since(clock) > CLOCK_STEP_MIN
        {
            let _ = self.progress.send(Progress::ClockBehind { clock, journal: last });
        }
    }

    fn over(
        engine: Arc<Engine>,
        rotation: Rotation,
        old: Token,
        new: Option<Token>,
        options: Options,
        commands: mpsc::UnboundedReceiver<Command>,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> Self {
        Self {
            created: engine.clock.now(),
            engine,
            rotation,
            old,
            new,
            options,
            bell: Arc::new(Notify::new()),
            commands,
            progress,
            shown: Vec::new(),
            said: BTreeMap::new(),
            escalated: BTreeSet::new(),
            stopping: false,
            early: None,
        }
    }

    /// The rotation, as far as it is.
    #[must_use]
    pub fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// Which secret it rotates.
    #[must_use]
    pub fn secret(&self) -> &SecretName {
        &self.rotation.plan().secret
    }

    /// Runs until the rotation ends, or waits and the caller does not, or is told to stop.
    ///
    /// # Errors
    /// The journal does not take an event; nothing was done that it does not tell of.
    pub async fn run(&mut self) -> Result<Ended, EngineError> {
        let mut running = Running::new();
        let mut in_flight: BTreeSet<Action> = BTreeSet::new();
        loop {
            if let Some((_, outcome)) = self.rotation.outcome() {
                return Ok(Ended::Closed(outcome.clone()));
            }
            while let Some(told) = self.said()? {
                if self.obey(Ok(told)).await? {
                    self.drop_watches(&mut running, &mut in_flight);
                }
            }
            self.keep_logins();
            let due = self.rotation.next(self.engine.clock.now());
            if let [Next::Close(outcome)] = due.as_slice() {
                self.close(outcome.clone()).await?;
                continue;
            }
            if !self.stopping {
                self.launch(&due, &mut in_flight, &mut running).await?;
            }
            if self.take_early(&mut running, &mut in_flight).await? {
                continue;
            }
            self.show_waiting();
            self.escalate()?;
            if running.is_empty() {
                if self.stopping {
                    return Ok(Ended::Stopped);
                }
                if let Some(waiting) = self.waits_for_people_only(&due) {
                    return Ok(Ended::Waiting(waiting));
                }
            }
            let now = self.engine.clock.now();
            let moment = [earliest(&due), self.next_deadline()].into_iter().flatten().min();
            tokio::select! {
                biased;
                Some(end) = running.next(), if !running.is_empty() => {
                    in_flight.remove(&end.action);
                    self.finish(end, &mut in_flight).await?;
                }
                command = self.next_command() => {
                    let stop_watching = self.obey(command).await?;
                    if stop_watching {
                        // Watches of people are looks: they may be dropped at any time.
                        self.drop_watches(&mut running, &mut in_flight);
                    }
                }
                () = until(now, moment) => {}
            }
        }
    }

    /// Journals that the effects among these begin, in one write, and starts what is due.
    async fn launch(
        &mut self,
        due: &[Next],
        in_flight: &mut BTreeSet<Action>,
        running: &mut Running,
    ) -> Result<(), EngineError> {
        let mut begins = Vec::new();
        let mut starts = Vec::new();
        for next in due {
            let (action, settle) = match next {
                Next::Do(action) => (action, false),
                Next::Settle(action) => (action, true),
                // The engine goes on looking for a death that a person was told of.
                _ => continue,
            };
            if in_flight.contains(action) {
                continue;
            }
            if action.is_effect() && !settle {
                begins.push(Event::Began { action: action.clone() });
            }
            starts.push((action.clone(), settle));
        }
        if !begins.is_empty() {
            self.record(begins).await?;
        }
        for (action, settle) in starts {
            in_flight.insert(action.clone());
            self.tell_operator(&action);
            running.push(Box::pin(act(self.context(&action)?, action, settle)));
        }
        Ok(())
    }

    /// Journals how a step ended.
    async fn finish(
        &mut self,
        end: End,
        in_flight: &mut BTreeSet<Action>,
    ) -> Result<(), EngineError> {
        if end.events.is_empty() {
            // A person has not done it yet. The step stays begun; it is looked at again when
            // somebody says so, or by the next process.
            in_flight.insert(end.action);
            return Ok(());
        }
        if !self.rotation.is_under_way(&end.action) {
            // Something else has ended it meanwhile: a person entered the token, or turned back.
            return Ok(());
        }
        if let Some(token) = end.created {
            self.new = Some(token);
            self.created = self.engine.clock.now();
        }
        self.record_end(&end.action, end.events).await
    }

    fn context(&self, action: &Action) -> Result<Context, EngineError> {
        let plan = self.rotation.plan();
        let missing =
            |what: &str| EngineError::NoPart { id: plan.id.clone(), what: what.to_owned() };
        let step = self.rotation.step(action);
        let forward = *self.rotation.direction() == domain::Direction::Forward;
        let receipt = |id: &ConsumerId| {
            let write = if forward { plan.write(id) } else { Action::Restore(id.clone()) };
            Some((id.clone(), self.rotation.step(&write)?.note.clone()?))
        };
        let receipts = plan.consumers.iter().filter_map(|part| receipt(&part.id)).collect();
        let sent = |name: &ProbeName| Some((name.clone(), self.rotation.sent(name)?.to_owned()));
        let given = |id: &ConsumerId| {
            let step = self.rotation.step(&Action::Propagate(id.clone()))?;
            (step.state == StepState::Done).then(|| (id.clone(), step.since))
        };
        Ok(Context {
            engine: Arc::clone(&self.engine),
            issuer: self.engine.issuer(&plan.issuer.name).ok_or_else(|| missing("its issuer"))?,
            store: self.engine.store(&plan.store.name).ok_or_else(|| missing("its store"))?,
            plan: self.rotation.shared_plan(),
            old: self.old.clone(),
            new: self.new.clone(),
            new_handle: self.rotation.new_handle().cloned(),
            forward,
            attempts: step.map_or(0, |step| step.attempts),
            note: step.and_then(|step| step.note.clone()),
            began: step.filter(|step| step.state == StepState::Begun).map(|step| step.since),
            receipts_of_probes: plan.probes.iter().filter_map(|part| sent(&part.name)).collect(),
            given: plan.consumers.iter().filter_map(|part| given(&part.id)).collect(),
            receipts,
            created: self.created,
            looked_last: self.rotation.looked_last(),
            patient: self.options.wait,
            bell: Arc::clone(&self.bell),
            progress: self.progress.clone(),
        })
    }

    /// Where the engine logs in with the token under rotation, it goes over when the machine
    /// says so: before it revokes, and not earlier.
    fn keep_logins(&self) {
        let (from, to) = match self.rotation.login() {
            domain::Which::Old => (self.new.as_ref(), Some(&self.old)),
            domain::Which::New => (Some(&self.old), self.new.as_ref()),
        };
        if let (Some(from), Some(to)) = (from, to)
            && !to.is_empty()
        {
            for login in self.engine.logins_with(from) {
                login.set(to.clone());
            }
        }
    }

    fn waits_for_people_only(&self, due: &[Next]) -> Option<Vec<Waiting>> {
        let overdue =
            due.iter().any(|next| matches!(next, Next::Attend { action: Action::Prove, .. }));
        let people = |next: &Next| match next {
            // The engine goes on looking for a death as long as somebody waits for it.
            Next::Wait { action: Action::Prove, .. } => overdue,
            // Which may take days; whoever is run again then goes on.
            Next::Wait { action: Action::Soak, .. } => !self.rotation.plan().mode.creates(),
            Next::Ask | Next::AskReceipt(_) | Next::Attend { .. } => true,
            Next::Settle(action) | Next::Do(action) => {
                self.rotation.asked_of_operator(action).is_some()
            }
            Next::Wait { .. } | Next::Close(_) => false,
        };
        (!self.options.wait && due.iter().all(people))
            .then(|| self.rotation.waiting(self.engine.clock.now()))
    }

    /// What became of the rotation, for the summary.
    #[must_use]
    pub fn is_repair(&self) -> bool {
        self.rotation.plan().mode == Mode::Repair
    }
}

/// The next moment at which something is due.
fn earliest(due: &[Next]) -> Option<Timestamp> {
    due.iter()
        .filter_map(|next| match next {
            Next::Wait { until, .. } => Some(*until),
            _ => None,
        })
        .min()
}

/// Sleeps until a moment; for ever without one.
async fn until(now: Timestamp, moment: Option<Timestamp>) {
    match moment {
        None => std::future::pending().await,
        Some(moment) => {
            let millis = moment.as_millisecond() - now.as_millisecond();
            // One more, so that the moment has surely come.
            let millis = u64::try_from(millis).unwrap_or(0) + 1;
            tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        }
    }
}
