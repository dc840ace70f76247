//! One step of a rotation, done or settled: from an [`Action`] to the events it ends in.
//!
//! Nothing here decides what comes next, and nothing here is retried: a fault becomes an event,
//! and the machine says when to try again.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::{Consumer, Fault, Issuer, Store};
use domain::{
    Action, ConsumerId, Event, Evidence, Handle, Mode, Plan, ProbeName, Token, retry_delay,
};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use crate::{Engine, Progress};

/// What a step needs to know; cheap to clone, owned by the task that runs the step.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) engine: Arc<Engine>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) issuer: Arc<dyn Issuer>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) old: Token,
    pub(crate) new: Option<Token>,
    pub(crate) new_handle: Option<Handle>,
    /// Whether the rotation goes forward.
    pub(crate) forward: bool,
    /// How often this step was tried before.
    pub(crate) attempts: u32,
    /// What was last said of this step.
    pub(crate) note: Option<String>,
    /// When this step began, where it has.
    pub(crate) began: Option<Timestamp>,
    /// What each probe's sending was answered with.
    pub(crate) receipts_of_probes: BTreeMap<ProbeName, String>,
    /// When each consumer was given the new token.
    pub(crate) given: BTreeMap<ConsumerId, Timestamp>,
    /// What each consumer's last write was answered with.
    pub(crate) receipts: BTreeMap<ConsumerId, String>,
    /// When the new token was seen first.
    pub(crate) created: Timestamp,
    /// Whether everybody was looked at for the last time before the revocation, in this sitting.
    pub(crate) looked_last: bool,
    /// Whether to wait for people at all.
    pub(crate) patient: bool,
    /// Rung when a person says that a step is done.
    pub(crate) bell: Arc<Notify>,
    pub(crate) progress: mpsc::UnboundedSender<Progress>,
}

/// How a step ended: the events to journal, and a value to seal with them.
pub(crate) struct End {
    pub(crate) action: Action,
    pub(crate) events: Vec<Event>,
    pub(crate) created: Option<Token>,
}

impl End {
    pub(crate) fn of(action: &Action, event: Event) -> Self {
        Self { action: action.clone(), events: vec![event], created: None }
    }

    /// A person has not done it yet, and nobody waits.
    pub(crate) fn nothing(action: &Action) -> Self {
        Self { action: action.clone(), events: Vec::new(), created: None }
    }
}

/// Does a step that is due, or settles one whose end is unknown.
pub(crate) async fn act(context: Context, action: Action, settle: bool) -> End {
    let c = &context;
    match &action {
        Action::Create if c.is_operators(&action) => c.watch_create(&action, settle).await,
        Action::Create if settle => c.settle_create(&action).await,
        Action::Create => c.create(&action).await,
        Action::Validate => c.validate(&action).await,
        Action::Store => c.write_store(&action, true, settle).await,
        Action::Unstore => c.write_store(&action, false, settle).await,
        Action::Propagate(id) if c.is_operators(&action) => {
            c.watch_fetch(&action, id, true, settle).await
        }
        Action::Restore(id) if c.is_operators(&action) => {
            c.watch_fetch(&action, id, false, settle).await
        }
        Action::Propagate(id) => c.write_consumer(&action, id, true, settle).await,
        Action::Restore(id) => c.write_consumer(&action, id, false, settle).await,
        Action::Remove(id) => c.remove_from(&action, id, settle).await,
        Action::Clear => c.clear_store(&action, settle).await,
        Action::Verify(id) | Action::Absent(id) => c.adopted(&action, id, true).await,
        Action::Recheck(id) => c.adopted(&action, id, false).await,
        Action::Send(name) => c.send(&action, name, settle).await,
        Action::Probe(name) => c.probe(&action, name).await,
        // A person's: nothing is to be done for it.
        Action::Receipt(_) => End::nothing(&action),
        Action::Soak | Action::Gate | Action::Confirm if !c.plan.mode.takes_current() => {
            c.look_for_users(&action).await
        }
        Action::Soak => End::of(&action, checked(&action, c.soaked())),
        Action::Gate | Action::Confirm => c.look_everywhere(&action).await,
        Action::Revoke if c.is_operators(&action) => c.watch_revoke(&action, settle).await,
        Action::Revoke => c.revoke(&action, settle).await,
        Action::Prove => c.look_at_old(&action).await,
        Action::Discard if c.is_operators(&action) => c.watch_discard(&action).await,
        Action::Discard => c.discard(&action).await,
        Action::Sweep => c.sweep(&action).await,
    }
}

impl Context {
    fn soaked(&self) -> &'static str {
        match self.plan.mode {
            Mode::Decommission => "nobody had it, and it lived",
            mode if mode.overlaps() => "both tokens lived side by side",
            _ => "everybody was on the new token",
        }
    }

    fn is_operators(&self, action: &Action) -> bool {
        let doer = match action {
            Action::Propagate(id) | Action::Restore(id) => {
                return self.plan.consumer(id).is_some_and(|part| part.fetched_by.is_some());
            }
            Action::Create => self.plan.issuer.creates,
            _ => self.plan.issuer.revokes,
        };
        doer == domain::Doer::Operator
    }

    /// A fault as the event that the machine understands.
    pub(crate) fn fault(&self, action: &Action, fault: &Fault) -> End {
        let (action, why) = (action.clone(), fault.to_string());
        let event = match fault {
            Fault::Refused { .. } => Event::Refused { action: action.clone(), why },
            Fault::Later { after, .. } => {
                let retry_at = self.retry_at(*after);
                Event::Later { action: action.clone(), why, retry_at }
            }
            Fault::Unsure { .. } => {
                let retry_at = self.retry_at(None);
                Event::Unsure { action: action.clone(), why, retry_at }
            }
        };
        End::of(&action, event)
    }

    /// Not known how it ended; to be looked at again.
    pub(crate) fn unsure(&self, action: &Action, why: impl Into<String>) -> End {
        let event = Event::Unsure {
            action: action.clone(),
            why: why.into(),
            retry_at: self.retry_at(None),
        };
        End::of(action, event)
    }

    fn retry_at(&self, asked: Option<std::time::Duration>) -> Timestamp {
        let delay = retry_delay(self.attempts, asked);
        let now = self.engine.clock.now();
        i64::try_from(delay.as_millis())
            .ok()
            .and_then(|millis| now.as_millisecond().checked_add(millis))
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or(now)
    }

    pub(crate) fn consumer(&self, id: &ConsumerId) -> Result<Arc<dyn Consumer>, Fault> {
        self.engine.consumer(&self.plan.secret, id).ok_or_else(|| Fault::Later {
            vendor: "inventory",
            call: id.to_string(),
            why: "this consumer is no longer in the inventory".into(),
            after: None,
        })
    }

    pub(crate) fn seen(&self, action: &Action, what: &str) {
        // Nobody may be listening any more; then there is nobody to tell.
        let _ = self.progress.send(Progress::Seen { step: action.to_string(), what: what.into() });
    }

    /// What everybody is to hold where the rotation goes: the new token, or nothing.
    pub(crate) fn target(&self) -> Option<Token> {
        self.plan.mode.creates().then(|| self.new_token())
    }

    /// The new token; every step that needs it comes after its creation.
    pub(crate) fn new_token(&self) -> Token {
        self.new.clone().unwrap_or_else(|| Token::new(String::new()))
    }
}

/// A look that showed what it should.
pub(crate) fn checked(action: &Action, detail: impl Into<String>) -> Event {
    Event::Done { action: action.clone(), evidence: Evidence::Checked { detail: detail.into() } }
}

/// A write that was taken.
pub(crate) fn written(action: &Action, receipt: impl Into<String>) -> Event {
    Event::Done { action: action.clone(), evidence: Evidence::Written { receipt: receipt.into() } }
}
