//! What people see of a rotation: what it waits for, what is asked of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::legal::after;
use super::{Next, Rotation, StepState};
use crate::{
    Act, Action, Answer, ConsumerId, Direction, Doer, Guarded, Mode, ProbeName, Takes, Task,
    TaskKind, Which,
};

/// What a rotation waits for. Waiting is a state that people can see: paused, safe, resumable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "on")]
pub enum Waiting {
    /// For a person, who is asked to do this.
    Operator {
        /// What is asked.
        kind: TaskKind,
        /// Whose place it is about, where it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        consumer: Option<ConsumerId>,
        /// Since when.
        since: Timestamp,
    },
    /// For a person, who is to say whether what a probe sent has arrived.
    Receipt {
        /// Which probe.
        probe: ProbeName,
        /// Since when.
        since: Timestamp,
    },
    /// For a moment.
    Time {
        /// What is waiting.
        step: String,
        /// For which moment.
        until: Timestamp,
    },
    /// For a person, because a step does not go on by itself.
    Attention {
        /// Which step.
        step: String,
        /// What was seen.
        why: String,
    },
}

impl Rotation {
    /// What it waits for now; empty where it is working or has ended.
    #[must_use]
    pub fn waiting(&self, now: Timestamp) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> = self
            .next(now)
            .into_iter()
            .filter_map(|next| match next {
                // That a probe is made once more is nothing that is waited for.
                Next::Wait { action, .. } if self.repeats(&action) => None,
                Next::Wait { action, until } => {
                    Some(Waiting::Time { step: action.to_string(), until })
                }
                Next::Attend { action, why } => {
                    Some(Waiting::Attention { step: action.to_string(), why })
                }
                Next::Ask => Some(Waiting::Operator {
                    kind: TaskKind::Approve,
                    consumer: None,
                    since: self.soak_until().unwrap_or(self.started),
                }),
                Next::AskReceipt(probe) => {
                    let sent = self.steps.get(&Action::Send(probe.clone()));
                    let since = sent.map_or(self.started, |step| step.since);
                    Some(Waiting::Receipt { probe, since })
                }
                Next::Do(_) | Next::Settle(_) | Next::Close(_) => None,
            })
            .collect();
        waiting.extend(self.operator_steps());
        waiting
    }

    /// The steps that people are doing right now: at the issuer, or at their own machines.
    fn operator_steps(&self) -> impl Iterator<Item = Waiting> {
        self.steps.iter().filter(|(_, step)| step.state == StepState::Begun).filter_map(
            |(action, step)| {
                let kind = self.asked_of_operator(action)?;
                let consumer = action.consumer().cloned();
                Some(Waiting::Operator { kind, consumer, since: step.since })
            },
        )
    }

    /// What is asked of a person for this step, where a person does it.
    #[must_use]
    pub fn asked_of_operator(&self, action: &Action) -> Option<TaskKind> {
        let (doer, kind) = match action {
            Action::Propagate(id) | Action::Restore(id) => {
                return self.fetched_by(id).map(|_| TaskKind::Fetch);
            }
            Action::Create => (self.plan.issuer.creates, TaskKind::Create),
            // One that is only doubted, or was begun in an earlier sitting, is looked at first.
            Action::Revoke if !self.looked_last() => return None,
            Action::Revoke => (self.plan.issuer.revokes, TaskKind::Revoke),
            Action::Discard => (self.plan.issuer.revokes, TaskKind::Discard),
            _ => return None,
        };
        (doer == Doer::Operator).then_some(kind)
    }

    /// Who fetches the value for a consumer that nobody else can reach.
    fn fetched_by(&self, consumer: &ConsumerId) -> Option<&str> {
        self.plan.consumer(consumer)?.fetched_by.as_deref()
    }

    /// The tasks that wait for people now.
    #[must_use]
    pub fn tasks(&self, now: Timestamp) -> Vec<Task> {
        self.waiting(now).into_iter().filter_map(|waiting| self.task(waiting)).collect()
    }

    fn task(&self, waiting: Waiting) -> Option<Task> {
        let server = format!("{} {}", self.plan.issuer.title, self.plan.issuer.identity);
        let mut only = None;
        let probe = match &waiting {
            Waiting::Receipt { probe, .. } => Some(probe.clone()),
            _ => None,
        };
        let (kind, since, title) = match waiting {
            Waiting::Operator { kind: TaskKind::Fetch, consumer, since } => {
                only = Some(self.fetched_by(&consumer?)?.to_owned());
                let whose = only.as_deref().unwrap_or_default();
                (TaskKind::Fetch, since, format!("{whose}: fetch the value for your workstation"))
            }
            Waiting::Operator { kind: TaskKind::Create, since, .. } => {
                let title = match self.direction {
                    Direction::Forward => format!("create a token at {server}"),
                    Direction::Back { .. } => {
                        format!(
                            "enter the token that was created at {server}, or say that none was"
                        )
                    }
                };
                (TaskKind::Create, since, title)
            }
            Waiting::Operator { kind: TaskKind::Revoke, since, .. } => {
                let fp = self.plan.old.fingerprint;
                (TaskKind::Revoke, since, format!("delete the token with fp {fp} at {server}"))
            }
            Waiting::Operator { kind: TaskKind::Discard, since, .. } => {
                let fp = self.new_fingerprint()?;
                (TaskKind::Discard, since, format!("delete the token with fp {fp} at {server}"))
            }
            Waiting::Operator { kind, since, .. } => {
                let fp = self.plan.old.fingerprint;
                let which = match self.plan.mode {
                    Mode::Decommission => "the last token",
                    Mode::Removal => "a token that nobody answers for",
                    _ => "the old token",
                };
                (kind, since, format!("agree to revoking {which}, fp {fp}"))
            }
            Waiting::Receipt { ref probe, since } => {
                let what = &self.plan.probe(probe)?.what;
                (TaskKind::Receipt, since, format!("say whether it arrived: {what}"))
            }
            Waiting::Attention { step, why } => {
                let action = step.parse().ok();
                let since = action.and_then(|action: Action| Some(self.steps.get(&action)?.since));
                let title = format!("{step} does not go on: {why}");
                (TaskKind::Attend, since.unwrap_or(self.started), title)
            }
            Waiting::Time { .. } => return None,
        };
        Some(Task {
            id: self.task_id(kind, probe.as_ref(), only.as_deref()),
            rotation: self.plan.id.clone(),
            secret: self.plan.secret.clone(),
            kind,
            role: Guarded::rotation(self)
                .role_for(Act::answer(kind))
                .unwrap_or(&self.plan.role)
                .to_owned(),
            not_by: (kind == TaskKind::Approve && self.plan.gates.second_person)
                .then(|| self.started_by.clone()),
            only,
            since,
            deadline: after(since, self.plan.limits.task_deadline.millis()),
            title,
            page: self.page_for(kind),
            takes: self.takes(kind),
            probe,
        })
    }

    /// The id of a task; several probes may wait for their receipts, so those are numbered, and
    /// a fetch is of whoever fetches.
    fn task_id(&self, kind: TaskKind, probe: Option<&ProbeName>, only: Option<&str>) -> String {
        let place =
            probe.and_then(|name| self.plan.probes.iter().position(|part| part.name == *name));
        let number = place.map(|place| format!("-{}", place + 1)).unwrap_or_default();
        let whose = only.map(|member| format!(".{member}")).unwrap_or_default();
        format!("{}.{}{number}{whose}", self.plan.id, kind.word())
    }

    /// The vendor's page where a task is done.
    fn page_for(&self, kind: TaskKind) -> Option<String> {
        match kind {
            TaskKind::Create | TaskKind::Revoke | TaskKind::Discard => {
                self.plan.issuer.page.clone()
            }
            TaskKind::Approve | TaskKind::Receipt | TaskKind::Fetch | TaskKind::Attend => None,
        }
    }

    /// What the answer to a task has to bring.
    fn takes(&self, kind: TaskKind) -> Takes {
        match kind {
            TaskKind::Create if !self.plan.issuer.listed => Takes::HiddenToken,
            TaskKind::Receipt => Takes::Arrival,
            TaskKind::Approve => Takes::SecretName { name: self.plan.secret.clone() },
            TaskKind::Fetch => Takes::Fetch { name: self.plan.secret.clone() },
            _ => Takes::Nothing,
        }
    }

    /// The issuer's answers about the old token since its revocation.
    #[must_use]
    pub fn death_answers(&self) -> Vec<Answer> {
        self.looks
            .iter()
            .filter(|(_, look)| look.which == Which::Old)
            .map(|(at, look)| Answer { at: *at, liveness: look.liveness.clone() })
            .collect()
    }

    /// The step that the rotation is at, one word for tables.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        if let Some((_, outcome)) = &self.outcome {
            return match outcome {
                crate::Outcome::Completed => "completed",
                crate::Outcome::RolledBack { .. } => "rolled-back",
                crate::Outcome::Rehearsed => "rehearsed",
                crate::Outcome::Decommissioned => "decommissioned",
                crate::Outcome::Removed => "removed",
                crate::Outcome::Abandoned { .. } => "abandoned",
            };
        }
        if let Direction::Back { .. } = self.direction {
            return "going-back";
        }
        if self.plan.mode == Mode::RevokeFirst {
            return self.stage_after_revoking();
        }
        if !self.plan.mode.creates() {
            return self.stage_of_ending();
        }
        let order = [
            (Action::Prove, Action::Sweep, "close"),
            (Action::Revoke, Action::Prove, "prove"),
            (Action::Gate, Action::Revoke, "revoke"),
            (Action::Store, Action::Gate, "propagate"),
            (Action::Validate, Action::Store, "store"),
            (Action::Create, Action::Validate, "validate"),
        ];
        if self.is_done(&Action::Soak) && !self.past_return() {
            return if self.approved.is_none() { "approve" } else { "revoke" };
        }
        if self.all_verified() && !self.past_return() {
            return if self.probed() { "soak" } else { "probe" };
        }
        order
            .iter()
            .find(|(before, _, _)| self.is_done(before))
            .map_or("create", |(_, _, name)| *name)
    }

    fn stage_of_ending(&self) -> &'static str {
        let write = self.plan.store_write().map(|write| (write, "clear"));
        let after = [(Action::Soak, "soak"), (Action::Revoke, "revoke")];
        let order: Vec<_> = write.into_iter().chain(after).collect();
        if !self.past_return() && !self.all_verified() {
            return "remove";
        }
        match order.iter().find(|(step, _)| !self.is_done(step)) {
            Some((Action::Revoke, _)) if self.approved.is_none() => "approve",
            Some((_, name)) => name,
            None if self.is_done(&Action::Prove) => "close",
            None => "prove",
        }
    }

    fn stage_after_revoking(&self) -> &'static str {
        if self.approved.is_none() {
            return "approve";
        }
        let order = [
            (Action::Revoke, "revoke"),
            (Action::Create, "create"),
            (Action::Validate, "validate"),
            (Action::Store, "store"),
            (Action::Soak, if self.all_verified() { "probe" } else { "propagate" }),
            (Action::Prove, "prove"),
        ];
        order.iter().find(|(step, _)| !self.is_done(step)).map_or("close", |(_, name)| *name)
    }
}
