//! What people are told who do not watch: which messages follow from a journal, and what they say.
//!
//! A message is derived, never stored: its id follows from what it tells of, so every process
//! that looks comes to the same messages, and only that one was *sent* has to be remembered. It
//! is made of names, fingerprints, numbers and times. Nothing that a vendor said gets in, so no
//! value can.

mod channel;
mod says;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    ConsumerId, Entry, Event, Fingerprint, Mode, Outcome, Rotation, RotationId, SecretName, Task,
    TaskKind,
};

pub use channel::{Channel, ChannelKind};

/// What a message is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum About {
    /// A person is asked to do something at an issuer.
    TaskWaiting,
    /// A person is asked to agree to a revocation.
    ApprovalNeeded,
    /// A token will soon be too old.
    SecretDue,
    /// A token is too old.
    SecretOverdue,
    /// A rotation began.
    RunStarted,
    /// A rotation completed.
    RunDone,
    /// A rotation went back.
    RunRolledBack,
    /// A rotation does not go on by itself.
    RunNeedsAttention,
    /// A consumer, the store or the issuer is not as it should be: on another token, shadowed, gone.
    Drift,
    /// A token was found where none may be.
    LeakFound,
    /// A grant was redeemed a second time.
    PullAgain,
    /// The audit log is not what was written.
    AuditBroken,
    /// A channel's own login is refused.
    ChannelDead,
    /// How everything stands, once a week.
    Digest,
    /// A test of a channel.
    Test,
}

impl About {
    /// Every kind, with its word.
    pub const ALL: [(Self, &'static str); 15] = [
        (Self::TaskWaiting, "task.waiting"),
        (Self::ApprovalNeeded, "approval.needed"),
        (Self::SecretDue, "secret.due"),
        (Self::SecretOverdue, "secret.overdue"),
        (Self::RunStarted, "run.started"),
        (Self::RunDone, "run.done"),
        (Self::RunRolledBack, "run.rolled_back"),
        (Self::RunNeedsAttention, "run.needs_attention"),
        (Self::Drift, "drift"),
        (Self::LeakFound, "leak.found"),
        (Self::PullAgain, "pull.again"),
        (Self::AuditBroken, "audit.broken"),
        (Self::ChannelDead, "channel.dead"),
        (Self::Digest, "digest"),
        (Self::Test, "test"),
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(about, _)| *about == self).map_or("", |(_, word)| word)
    }

    /// Whether it wakes people: quiet hours do not hold it.
    #[must_use]
    pub fn is_urgent(self) -> bool {
        matches!(
            self,
            Self::RunRolledBack
                | Self::RunNeedsAttention
                | Self::LeakFound
                | Self::PullAgain
                | Self::AuditBroken
                | Self::ChannelDead
                | Self::Test
        )
    }
}

impl FromStr for About {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|(_, word)| *word == text).map(|(about, _)| *about).ok_or(())
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Serialize for About {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// One message. Every field is a name, a fingerprint, a number or a time.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Message {
    /// The same for the same occasion, whoever derives it; what a receiver tells repetitions by.
    pub id: String,
    /// What it is about.
    pub about: About,
    /// When it happened.
    pub at: Timestamp,
    /// The secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretName>,
    /// The rotation; messages of one rotation belong into one thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationId>,
    /// What the run is, where it ends a token without a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// What a person is asked to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskKind>,
    /// The least role of whoever does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The token that went, or is to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Fingerprint>,
    /// The token that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Fingerprint>,
    /// Which consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<ConsumerId>,
    /// A channel of the inventory, or who did something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Numbers with their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<(&'static str, u64)>,
    /// Whether it was said before and nobody has answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl Message {
    /// A message with nothing but its occasion.
    #[must_use]
    pub fn new(about: About, id: impl Into<String>, at: Timestamp) -> Self {
        Self {
            id: id.into(),
            about,
            at,
            secret: None,
            rotation: None,
            mode: None,
            task: None,
            role: None,
            old: None,
            new: None,
            consumer: None,
            name: None,
            numbers: Vec::new(),
            again: false,
        }
    }

    /// The same, about a secret.
    #[must_use]
    pub fn of_secret(mut self, secret: &SecretName) -> Self {
        self.secret = Some(secret.clone());
        self
    }

    /// The messages that follow from a rotation's journal, in order. A journal that cannot be
    /// followed has those of its readable beginning.
    #[must_use]
    pub fn of_journal(entries: &[Entry]) -> Vec<Self> {
        let mut told = Vec::new();
        let Some(Ok(mut rotation)) = entries.first().map(|first| Rotation::replay([first])) else {
            return told;
        };
        let mut waiting: Vec<String> = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            if i > 0 && rotation.apply(entry).is_err() {
                break;
            }
            told.extend(Self::of_entry(&rotation, entry));
            let tasks = rotation.tasks(entry.at);
            let new = tasks.iter().filter(|task| !waiting.contains(&task.id));
            told.extend(new.map(|task| Self::of_task(&rotation, task, entry)));
            waiting = tasks.into_iter().map(|task| task.id).collect();
        }
        told
    }

    /// What waits at this moment and has waited so long that it is said again.
    #[must_use]
    pub fn escalations(rotation: &Rotation, after: crate::Span, now: Timestamp) -> Vec<Self> {
        let late = |task: &Task| {
            let waited = now.as_millisecond() - task.since.as_millisecond();
            u64::try_from(waited).is_ok_and(|waited| waited >= after.millis())
        };
        let said = |task: &Task| {
            let about = about_task(task.kind);
            let id = format!("{}@{}#again", task.id, task.since.as_millisecond());
            let mut message = Self::about_rotation(about, id, now, rotation);
            message.task = Some(task.kind);
            message.role = Some(task.only.clone().unwrap_or_else(|| task.role.clone()));
            message.again = true;
            message
        };
        rotation.tasks(now).iter().filter(|task| late(task)).map(said).collect()
    }

    fn of_entry(rotation: &Rotation, entry: &Entry) -> Option<Self> {
        let (about, consumer) = match &entry.event {
            Event::Planned { .. } => (About::RunStarted, None),
            Event::Drifted { consumer, .. } => (About::Drift, Some(consumer.clone())),
            Event::StoreDrifted { .. } => (About::Drift, None),
            Event::Closed {
                outcome: Outcome::Completed | Outcome::Decommissioned | Outcome::Removed,
            } => (About::RunDone, None),
            Event::Closed { outcome: Outcome::RolledBack { .. } } => (About::RunRolledBack, None),
            Event::Closed { .. } => (About::RunNeedsAttention, None),
            _ => return None,
        };
        let id = format!("{}@{}", rotation.plan().id, entry.seq);
        let mut message = Self::about_rotation(about, id, entry.at, rotation);
        message.consumer = consumer;
        Some(message)
    }

    fn of_task(rotation: &Rotation, task: &Task, entry: &Entry) -> Self {
        let id = format!("{}@{}", task.id, entry.seq);
        let mut message = Self::about_rotation(about_task(task.kind), id, entry.at, rotation);
        message.task = Some(task.kind);
        message.role = Some(task.role.clone());
        message
    }

    fn about_rotation(about: About, id: String, at: Timestamp, rotation: &Rotation) -> Self {
        let plan = rotation.plan();
        let mut message = Self::new(about, id, at).of_secret(&plan.secret);
        message.rotation = Some(plan.id.clone());
        message.mode = (!plan.mode.creates()).then_some(plan.mode);
        message.old = Some(plan.old.fingerprint);
        message.new = rotation.new_fingerprint();
        let verified = |part: &&crate::ConsumerPart| {
            rotation.state(&plan.proof(&part.id)) == crate::StepState::Done
        };
        let on_it_words = match plan.mode.ends_use() {
            true => "consumers without it",
            false => "consumers on the new token",
        };
        let on_it = plan.consumers.iter().filter(verified).count();
        message.numbers =
            vec![("consumers", plan.consumers.len() as u64), (on_it_words, on_it as u64)];
        message
    }
}

fn about_task(kind: TaskKind) -> About {
    match kind {
        TaskKind::Approve => About::ApprovalNeeded,
        TaskKind::Attend => About::RunNeedsAttention,
        _ => About::TaskWaiting,
    }
}
