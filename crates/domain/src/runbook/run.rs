//! A run as a runbook needs it: which steps, how long, with which evidence; from its journal.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Shape, Shown, length};
use crate::{
    Action, Doer, Entry, Event, Evidence, Mode, Outcome, Plan, Proof, RotationId, Seen, Span,
};

/// A run of a rotation, so far.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its id.
    pub id: RotationId,
    /// Why it was made.
    pub mode: Mode,
    /// Who started it.
    pub by: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What it went through.
    pub shape: Shape,
    /// How long it took, without the time in which nobody ran it.
    pub active: Span,
    /// Of that, what was waited for people.
    pub people: Span,
    /// Of that, the soak.
    pub soak: Span,
    /// Its steps that ended well, by their names; `approve` is a person's agreement.
    pub steps: BTreeMap<String, StepRun>,
    showings: Vec<(Timestamp, Shown, bool)>,
}

/// A step that ended well.
#[derive(Clone, PartialEq, Debug)]
pub struct StepRun {
    /// When.
    pub at: Timestamp,
    /// How long it took, where its beginning is known.
    pub took: Option<Span>,
    /// What showed that it had ended well.
    pub evidence: String,
}

/// The name of a person's agreement among the steps.
pub(super) const APPROVE: &str = "approve";

impl Run {
    /// The run that a journal tells of; `None` where it does not begin with a plan.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Option<Self> {
        let first = entries.first()?;
        let Event::Planned { plan, by } = &first.event else {
            return None;
        };
        // It is a run of another token, and says nothing of how this one is rotated.
        if !plan.mode.takes_current() {
            return None;
        }
        let mut reading = Reading::new(plan, by, first.at);
        entries.iter().skip(1).for_each(|entry| reading.entry(entry));
        Some(reading.run)
    }

    /// When it showed a claim, and whether it showed it to be true.
    pub(super) fn shows(&self, shown: Shown) -> Option<(Timestamp, bool)> {
        let told = self.showings.iter().rev().find(|(_, what, _)| *what == shown);
        told.map(|(at, _, is)| (*at, *is)).or_else(|| self.shows_consumer(shown))
    }

    /// What is claimed of a kind of consumers is shown by any of them.
    fn shows_consumer(&self, shown: Shown) -> Option<(Timestamp, bool)> {
        let (verb, prefix) = match shown {
            Shown::Written(prefix) => ("propagate", prefix),
            _ => return None,
        };
        let name = format!("{verb} {prefix}");
        let mut steps = self.steps.iter().filter(|(step, _)| step.starts_with(&name));
        steps.next().map(|(_, step)| (step.at, true))
    }

    /// The run, in a sentence.
    pub(super) fn told(&self) -> String {
        let took = length(self.active);
        let day = self.started.strftime("%F %H:%M UTC");
        match &self.outcome {
            Some(Outcome::Completed) => format!("{} on {day}, completed in {took}", self.id),
            Some(Outcome::Decommissioned) => {
                format!("{} on {day}, decommissioned in {took}", self.id)
            }
            Some(Outcome::Removed) => format!("{} on {day}, removed in {took}", self.id),
            Some(Outcome::Rehearsed) => format!("{} on {day}, rehearsed in {took}", self.id),
            Some(Outcome::RolledBack { why }) => {
                format!("{} on {day}, rolled back after {took}: {why}", self.id)
            }
            Some(Outcome::Abandoned { why }) => format!("{} on {day}, abandoned: {why}", self.id),
            None => format!("{} since {day}, still open", self.id),
        }
    }
}

/// A journal while it is read.
struct Reading<'a> {
    plan: &'a Plan,
    run: Run,
    last: Timestamp,
    /// How long nobody ran it, so far.
    idle: u64,
    /// When each step began, on the run's own clock, which stands still while nobody runs it.
    began: BTreeMap<Action, u64>,
    /// When each step ended, on the same clock.
    ended: BTreeMap<Action, u64>,
    approved: Option<u64>,
}

impl<'a> Reading<'a> {
    fn new(plan: &'a Plan, by: &str, at: Timestamp) -> Self {
        let zero = Span::from_millis(0);
        let mut run = Run {
            id: plan.id.clone(),
            mode: plan.mode,
            by: by.to_owned(),
            started: at,
            ended: None,
            outcome: None,
            shape: Shape::planned(plan),
            active: zero,
            people: zero,
            soak: zero,
            steps: BTreeMap::new(),
            showings: Vec::new(),
        };
        run.showings.push((at, Shown::Listed, plan.issuer.listed));
        let (began, ended) = (BTreeMap::new(), BTreeMap::new());
        Self { plan, run, last: at, idle: 0, began, ended, approved: None }
    }

    fn entry(&mut self, entry: &Entry) {
        let gap = between(self.last, entry.at);
        self.last = self.last.max(entry.at);
        if matches!(entry.event, Event::Resumed { .. }) {
            self.idle += gap;
        }
        let now = between(self.run.started, entry.at).saturating_sub(self.idle);
        match &entry.event {
            Event::Began { action } => {
                self.began.entry(action.clone()).or_insert(now);
            }
            Event::Done { action, evidence } => self.done(action, evidence, entry.at, now),
            Event::Approved { by } => self.agreed(by, entry.at, now),
            Event::Looked { look } if look.liveness.is_dead() => {
                self.run.showings.push((entry.at, Shown::Died, true));
            }
            Event::Closed { outcome } => {
                self.run.outcome = Some(outcome.clone());
                self.run.ended = Some(entry.at);
            }
            _ => {}
        }
        self.run.active = Span::from_millis(now);
    }

    fn done(&mut self, action: &Action, evidence: &Evidence, at: Timestamp, now: u64) {
        if action.probe().is_some() && self.ended.contains_key(action) {
            // Made once more while both tokens live: what counts is how long the first took.
            return;
        }
        let from = self.began.get(action).copied().or_else(|| self.since(action));
        let took = from.map(|from| Span::from_millis(now.saturating_sub(from)));
        self.ended.insert(action.clone(), now);
        if let Some(took) = took {
            self.counts(action, took);
        }
        self.shows(action, evidence, at);
        let step = StepRun { at, took, evidence: told(evidence) };
        self.run.steps.insert(action.to_string(), step);
    }

    /// A person agreed: what passed since they could have is theirs.
    fn agreed(&mut self, by: &str, at: Timestamp, now: u64) {
        self.approved = Some(now);
        let asked = match self.plan.mode {
            Mode::RevokeFirst => Some(0),
            _ => self.ended.get(&Action::Soak).copied(),
        };
        let took = Span::from_millis(asked.map_or(0, |asked| now.saturating_sub(asked)));
        self.run.people = sum(self.run.people, took);
        let evidence = format!("agreed by {by}");
        self.run.steps.insert(APPROVE.to_owned(), StepRun { at, took: Some(took), evidence });
    }

    /// Whose time it was.
    fn counts(&mut self, action: &Action, took: Span) {
        let doer = match action {
            Action::Create => self.plan.issuer.creates,
            Action::Revoke | Action::Discard => self.plan.issuer.revokes,
            Action::Soak => {
                self.run.soak = sum(self.run.soak, took);
                return;
            }
            Action::Receipt(_) => Doer::Operator,
            _ => return,
        };
        if doer == Doer::Operator {
            self.run.people = sum(self.run.people, took);
        }
    }

    /// Looks are not journaled when they begin; they begin when what they look at has ended.
    fn since(&self, action: &Action) -> Option<u64> {
        let ended = |action: &Action| self.ended.get(action).copied();
        let verified = || {
            let is_proof = |one: &Action| matches!(one, Action::Verify(_) | Action::Absent(_));
            let all = self.ended.iter().filter(|(one, _)| is_proof(one));
            all.map(|(_, at)| *at).max()
        };
        let probed = || {
            let all = self.ended.iter().filter(|(one, _)| matches!(one, Action::Probe(_)));
            all.map(|(_, at)| *at).max()
        };
        match action {
            Action::Validate => ended(&Action::Create),
            Action::Verify(id) => ended(&Action::Propagate(id.clone())),
            Action::Probe(name) => ended(&Action::Send(name.clone())).or_else(verified),
            Action::Receipt(name) => ended(&Action::Send(name.clone())),
            Action::Absent(id) => ended(&Action::Remove(id.clone())),
            Action::Soak => verified().max(probed()).max(ended(&Action::Clear)),
            Action::Gate => ended(&Action::Soak).max(self.approved),
            Action::Prove | Action::Confirm => ended(&Action::Revoke),
            Action::Recheck(id) => ended(&Action::Restore(id.clone())),
            _ => None,
        }
    }

    /// What the end of a step shows of the vendors.
    fn shows(&mut self, action: &Action, evidence: &Evidence, at: Timestamp) {
        let mut show = |shown| self.run.showings.push((at, shown, true));
        match (action, evidence) {
            (Action::Create, Evidence::Created { seen, .. }) => {
                show(Shown::Created(*seen));
                // It was seen in a list that only the old token was asked for.
                if *seen == Seen::Watched {
                    show(Shown::SideBySide);
                }
            }
            (Action::Store, _) => show(Shown::Stored),
            // Until the agreement the engine logs in with the old token, if it ever did.
            (Action::Propagate(id), _)
                if self.plan.login_is_old && id.as_str().starts_with("heroku:") =>
            {
                show(Shown::SideBySide);
            }
            (Action::Verify(id), Evidence::Proven { proof, .. }) => {
                let kinds = ["heroku:", "github:", "dotenv:"];
                let kind = kinds.into_iter().find(|kind| id.as_str().starts_with(kind));
                if let Some(kind) = kind {
                    show(Shown::Proven(kind, *proof));
                }
            }
            _ => {}
        }
    }
}

fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or(0)
}

fn sum(one: Span, other: Span) -> Span {
    Span::from_millis(one.millis() + other.millis())
}

/// Evidence in words.
fn told(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Created { fingerprint, handle, seen } => {
            let how = match seen {
                Seen::Minted => "made by the API",
                Seen::Watched => "seen in the issuer's list",
                Seen::Entered => "entered by a person",
                Seen::Found => "found by its marker",
            };
            let id = handle.as_ref().map(|id| format!(", id {id}")).unwrap_or_default();
            format!("fp {fingerprint}, {how}{id}")
        }
        Evidence::Written { receipt } => receipt.clone(),
        Evidence::Proven { proof: Proof::Fingerprint, detail } => {
            format!("on the right fingerprint, {detail}")
        }
        Evidence::Proven { proof: Proof::Write, detail } | Evidence::Checked { detail } => {
            detail.clone()
        }
        Evidence::Swept { removed, unknown, unlisted } => {
            let unlisted = if *unlisted { "; the issuer does not show its tokens" } else { "" };
            format!("{} removed, {} unknown{unlisted}", removed.len(), unknown.len())
        }
    }
}
