//! What people tell a running rotation, and what they are told.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{
    Act, Action, Denied, Direction, Entry, Event, Evidence, Guarded, Liveness, ProbeName, Seen,
    Shape, StepState, TaskKind, Token, Waiting,
};
use journal::Pending;

use super::{Drive, Running};
use crate::writers::Life;
use crate::{Command, EngineError, Progress};

/// How often the inbox is looked at for what was said at other terminals.
const INBOX: Duration = Duration::from_millis(250);

const CLOSED: &str = "the way back is closed: a revocation has begun, or the old token is dead";

/// A command and the inbox item that it came from.
pub(super) struct Told {
    command: Command,
    item: Option<i64>,
}

impl Drive {
    /// The next thing that a person says, here or elsewhere. What was left elsewhere before is
    /// [`Drive::said`]'s, which is asked before every step.
    pub(super) async fn next_command(&mut self) -> Result<Told, EngineError> {
        loop {
            tokio::select! {
                told = self.commands.recv() => match told {
                    Some(command) => return Ok(Told { command, item: None }),
                    None => tokio::time::sleep(INBOX).await,
                },
                () = tokio::time::sleep(INBOX) => {}
            }
            if let Some(told) = self.inbox()? {
                return Ok(told);
            }
            self.show_said()?;
        }
    }

    /// What was said already: nobody is asked again for what they have answered.
    pub(super) fn said(&mut self) -> Result<Option<Told>, EngineError> {
        match self.commands.try_recv() {
            Ok(command) => Ok(Some(Told { command, item: None })),
            Err(_) => self.inbox(),
        }
    }

    /// The oldest word that was left at another terminal. One that a newer rollover left is
    /// passed over.
    fn inbox(&self) -> Result<Option<Told>, EngineError> {
        let pending = self.engine.reader.inbox_pending(&self.rotation.plan().id)?;
        let known =
            |item: &Pending| Some(Told { command: Command::of(item)?, item: Some(item.id) });
        Ok(pending.iter().find_map(known))
    }

    /// Does as told. Answers whether watches of people are to be dropped and begun anew.
    pub(super) async fn obey(
        &mut self,
        told: Result<Told, EngineError>,
    ) -> Result<bool, EngineError> {
        let Told { command, item } = told?;
        if let Some(denied) = self.denied(&command) {
            self.refuse(&denied, item).await?;
            return Ok(false);
        }
        if let Some(held) = self.held(&command)? {
            let _ = self.progress.send(Progress::Rejected(held.to_string()));
            self.answer_silently(item).await?;
            return Ok(false);
        }
        match command {
            Command::Approve { by } => {
                let fits = self.rotation.approved().is_none();
                let events = if fits { vec![Event::Approved { by }] } else { Vec::new() };
                self.answer(events, item, "there is no revocation to agree to").await?;
                Ok(false)
            }
            Command::Receipt { by, probe, arrived } => {
                let event = receipt(&by, probe, arrived);
                self.answer(vec![event], item, "nothing waits for this receipt").await?;
                Ok(false)
            }
            Command::Done { by } => {
                let events = self.none_was_created(&by);
                self.bell.notify_waiters();
                self.answer(events, item, "").await?;
                Ok(true)
            }
            Command::Enter { .. } if self.comes_early() => {
                self.early = Some(command);
                self.answer(Vec::new(), item, "").await?;
                Ok(false)
            }
            Command::Enter { by: _, token } => {
                let events = match self.entered(token).await {
                    Ok(events) => events,
                    Err(why) => {
                        let _ = self.progress.send(Progress::Rejected(why));
                        Vec::new()
                    }
                };
                self.answer(events, item, "").await?;
                Ok(true)
            }
            Command::Back { by, why } => {
                let events = vec![Event::TurnedBack { by, why }];
                self.answer(events, item, CLOSED).await?;
                Ok(true)
            }
            Command::Retry { by } => {
                self.answer(vec![Event::Resumed { by }], item, "").await?;
                Ok(false)
            }
            Command::Stop => {
                self.stopping = true;
                Ok(true)
            }
        }
    }

    /// Why the word of whoever gave it does not count. They were asked before they could give it;
    /// here it is asked of what the plan says, whatever way the word took.
    fn denied(&self, command: &Command) -> Option<Box<Denied>> {
        let (by, act) = match command {
            Command::Approve { by } => (by, Act::Approve),
            Command::Receipt { by, .. } => (by, Act::ConfirmReceipt),
            Command::Done { by } => (by, self.asked().map_or(Act::Create, Act::answer)),
            Command::Enter { by, .. } => (by, Act::EnterToken),
            Command::Back { by, .. } => (by, Act::TurnBack),
            Command::Retry { by } => (by, Act::Resume),
            Command::Stop => return None,
        };
        let people = &self.engine.inventory.people;
        people.may(&people.named(by), act, Some(Guarded::rotation(&self.rotation))).err()
    }

    /// What a person is asked to do at the issuer now.
    fn asked(&self) -> Option<TaskKind> {
        let begun = |action: &&Action| self.rotation.state(action) == StepState::Begun;
        let steps = [Action::Create, Action::Revoke, Action::Discard];
        steps.iter().filter(begun).find_map(|action| self.rotation.asked_of_operator(action))
    }

    /// Takes a word that does not count: it is in the audit log, and nothing comes of it.
    async fn refuse(&mut self, denied: &Denied, item: Option<i64>) -> Result<(), EngineError> {
        let id = self.rotation.plan().id.clone();
        let record = denied.record(self.engine.clock.now(), Some(id));
        self.write_with(Vec::new(), item, vec![record]).await?;
        let _ = self.progress.send(Progress::Rejected(format!("{denied}; {}", denied.hint())));
        Ok(())
    }

    /// Whether a token is entered for a step that has not begun yet.
    fn comes_early(&self) -> bool {
        self.early.is_none()
            && *self.rotation.direction() == Direction::Forward
            && self.rotation.asked_of_operator(&Action::Create).is_some()
            && self.rotation.state(&Action::Create) == StepState::Idle
    }

    /// Takes up a token that was entered early, once it is asked for; says whether it did, for
    /// then something else may be due.
    pub(super) async fn take_early(
        &mut self,
        running: &mut Running,
        in_flight: &mut BTreeSet<Action>,
    ) -> Result<bool, EngineError> {
        if self.rotation.state(&Action::Create) != StepState::Begun {
            return Ok(false);
        }
        let Some(command) = self.early.take() else {
            return Ok(false);
        };
        self.obey(Ok(Told { command, item: None })).await?;
        self.drop_watches(running, in_flight);
        Ok(true)
    }

    /// On the way back, where the issuer's list cannot be read, a person's word that no token
    /// was created is all there is.
    fn none_was_created(&self, by: &str) -> Vec<Event> {
        let open = self.rotation.state(&Action::Create) == StepState::Begun
            && self.rotation.asked_of_operator(&Action::Create).is_some();
        match self.rotation.direction() {
            Direction::Back { .. } if open => {
                let why = format!("{by} says that no token was created");
                vec![Event::NotDone { action: Action::Create, why }]
            }
            _ => Vec::new(),
        }
    }

    async fn answer(
        &mut self,
        events: Vec<Event>,
        item: Option<i64>,
        otherwise: &str,
    ) -> Result<(), EngineError> {
        // What does not fit is taken and told, never a reason to stop.
        let fits = !events.is_empty() && self.allows(&events);
        if !fits && !otherwise.is_empty() {
            let _ = self.progress.send(Progress::Rejected(otherwise.to_owned()));
        }
        if !fits {
            return self.answer_silently(item).await;
        }
        self.write(events, item).await
    }

    fn allows(&self, events: &[Event]) -> bool {
        let mut after = self.rotation.clone();
        events.iter().all(|event| {
            let (seq, at) = (after.next_seq(), self.engine.clock.now());
            after.apply(&Entry { seq, at, event: event.clone() }).is_ok()
        })
    }

    async fn answer_silently(&mut self, item: Option<i64>) -> Result<(), EngineError> {
        if item.is_some() {
            self.write(Vec::new(), item).await?;
        }
        Ok(())
    }

    /// A token that a person entered: it must have the issuer's form, not be the old one, and
    /// answer as the right identity. Otherwise it is not taken, and the person is told why.
    async fn entered(&mut self, token: Token) -> Result<Vec<Event>, String> {
        let plan = self.rotation.plan();
        let asked = self.rotation.asked_of_operator(&Action::Create).is_some();
        if !asked || self.rotation.state(&Action::Create) != StepState::Begun {
            return Err("no token is asked for now".into());
        }
        let issuer = self.engine.issuer(&plan.issuer.name).ok_or("its issuer is gone")?;
        // Postmark takes its tokens in upper case, too; they are one token all the same.
        let trimmed = token.expose().trim();
        let token = Token::new(match issuer.profile().shape {
            Shape::Uuid => trimmed.to_ascii_lowercase(),
            Shape::Heroku => trimmed.to_owned(),
        });
        let shape = issuer.profile().shape;
        if !shape.fits(token.expose()) {
            return Err(format!("this is not a {} token: {}", plan.issuer.title, shape.describe()));
        }
        if token == self.old {
            return Err("this is the old token".into());
        }
        match issuer.look(&token).await {
            Liveness::Alive { identity } if identity == plan.issuer.identity => {}
            other => {
                return Err(format!("the token is {other}, expected {}", plan.issuer.identity));
            }
        }
        let fingerprint = self.engine.fingerprints.of(&token);
        if plan.baseline.iter().any(|before| before.fingerprint == Some(fingerprint)) {
            return Err("this token was there before the rotation began".into());
        }
        let others = self.engine.others(&plan.secret).map_err(|error| error.to_string())?;
        if let Some(other) = others.user_of(&fingerprint) {
            return Err(format!("this is the token of {other}"));
        }
        self.new = Some(token);
        self.created = self.engine.clock.now();
        let evidence = Evidence::Created { fingerprint, handle: None, seen: Seen::Entered };
        Ok(vec![Event::Done { action: Action::Create, evidence }])
    }

    /// Drops the watches of operator steps; the next round begins those that are still due.
    pub(super) fn drop_watches(&self, running: &mut Running, in_flight: &mut BTreeSet<Action>) {
        let is_watch = |action: &Action| self.is_watch(action);
        let others = in_flight.iter().any(|action| !is_watch(action));
        if !others {
            running.clear();
            in_flight.clear();
        }
    }

    fn is_watch(&self, action: &Action) -> bool {
        self.rotation.asked_of_operator(action).is_some()
    }

    /// Tells the person who watches what is to be done at the issuer.
    pub(super) fn tell_operator(&self, action: &Action) {
        // Who fetches is asked once there is something to fetch.
        let Some(kind) =
            self.rotation.asked_of_operator(action).filter(|kind| *kind != TaskKind::Fetch)
        else {
            return;
        };
        let value = if kind == TaskKind::Discard { self.new.as_ref() } else { Some(&self.old) };
        let lines = self.engine.instructions(&self.rotation, kind, value);
        let _ = self.progress.send(Progress::Asked { kind, lines });
    }

    /// Tells the person what is waited for, when that changes.
    pub(super) fn show_waiting(&mut self) {
        let waiting = self.rotation.waiting(self.engine.clock.now());
        if waiting != self.shown {
            self.shown.clone_from(&waiting);
            let people =
                |one: &Waiting| matches!(one, Waiting::Operator { .. } | Waiting::Receipt { .. });
            if waiting.iter().any(people) {
                self.engine.writers.sign(self.secret(), Life::WaitsForPeople);
            }
            if waiting.iter().any(|one| matches!(one, Waiting::Receipt { .. })) {
                let kind = TaskKind::Receipt;
                let lines = self.engine.instructions(&self.rotation, kind, None);
                let _ = self.progress.send(Progress::Asked { kind, lines });
            }
            let _ = self.progress.send(Progress::Waiting(waiting));
        }
    }
}

/// A person's answer about what a probe sent.
fn receipt(by: &str, probe: ProbeName, arrived: bool) -> Event {
    let action = Action::Receipt(probe);
    match arrived {
        true => crate::act::checked(&action, format!("{by} says that it arrived")),
        false => Event::Refused { action, why: format!("{by} says that it did not arrive") },
    }
}
