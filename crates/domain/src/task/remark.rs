//! What people say of a task: I have it, I could not do it. It decides nothing in the machine.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Task;
use crate::Span;

/// What was said of a task so far.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Remark {
    /// Who has taken it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub claim: Option<Claim>,
    /// Who could not do it, and why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed: Option<Failure>,
    /// Since when it has waited for too long, once that was told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub overdue: Option<Timestamp>,
}

/// Somebody has taken a task, for a while.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// Who.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; then it is anybody's again.
    pub until: Timestamp,
    /// Who handed it over, if somebody did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
}

/// Somebody could not do a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub why: String,
}

/// Why a task is not taken or given back.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClaimError {
    /// Somebody else has it.
    #[error("{by} has this task until {until:.0}")]
    Held {
        /// Who.
        by: String,
        /// Until when.
        until: Timestamp,
    },
    /// Nobody has it.
    #[error("nobody has taken this task")]
    Free,
}

impl Remark {
    /// Who has the task now. What was said before the task came up, such as in an earlier round
    /// of the same step, is said of another one.
    #[must_use]
    pub fn held(&self, task: &Task, now: Timestamp) -> Option<&Claim> {
        self.claim.as_ref().filter(|claim| claim.until > now && claim.since >= task.since)
    }

    /// Who could not do it.
    #[must_use]
    pub fn failure(&self, task: &Task) -> Option<&Failure> {
        self.failed.as_ref().filter(|failed| failed.at >= task.since)
    }

    /// Refuses what somebody wants to do with a task that somebody else has.
    ///
    /// # Errors
    /// Who has it.
    pub fn free_for(&self, task: &Task, who: &str, now: Timestamp) -> Result<(), ClaimError> {
        match self.held(task, now) {
            Some(claim) if claim.by != who => {
                Err(ClaimError::Held { by: claim.by.clone(), until: claim.until })
            }
            _ => Ok(()),
        }
    }

    /// Somebody takes it, or keeps it for longer.
    ///
    /// # Errors
    /// Somebody else has it.
    pub fn take(
        &mut self,
        task: &Task,
        who: &str,
        span: Span,
        now: Timestamp,
    ) -> Result<(), ClaimError> {
        self.free_for(task, who, now)?;
        self.claim = Some(claim(who, span, now));
        Ok(())
    }

    /// Whoever has it gives it back, or hands it over.
    ///
    /// # Errors
    /// Nobody has it.
    pub fn give(
        &mut self,
        task: &Task,
        to: Option<&str>,
        span: Span,
        now: Timestamp,
    ) -> Result<(), ClaimError> {
        let from = self.held(task, now).ok_or(ClaimError::Free)?.by.clone();
        self.claim = to.map(|to| Claim { from: Some(from), ..claim(to, span, now) });
        Ok(())
    }

    /// Somebody could not do it; it is anybody's again.
    pub fn fail(&mut self, who: &str, why: &str, now: Timestamp) {
        self.claim = None;
        self.failed = Some(Failure { by: who.to_owned(), at: now, why: why.to_owned() });
    }
}

fn claim(by: &str, span: Span, now: Timestamp) -> Claim {
    let length = SignedDuration::from_millis(i64::try_from(span.millis()).unwrap_or(i64::MAX));
    let until = now.checked_add(length).unwrap_or(Timestamp::MAX);
    Claim { by: by.to_owned(), since: now, until, from: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RotationId, Takes, TaskKind};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn task() -> Task {
        Task {
            id: "r-1.create".into(),
            rotation: RotationId("r-1".into()),
            secret: "prod/X".parse().unwrap(),
            kind: TaskKind::Create,
            role: "ops".into(),
            not_by: None,
            only: None,
            since: at(100),
            deadline: at(200),
            title: String::new(),
            page: None,
            takes: Takes::Nothing,
            probe: None,
        }
    }

    #[test]
    fn a_task_is_one_persons_until_it_is_given_back_handed_over_or_too_late() {
        let (task, mut remark, span) = (task(), Remark::default(), Span::from_secs(10));
        remark.take(&task, "ops-1", span, at(100)).unwrap();
        let held = remark.take(&task, "ops-2", span, at(109)).unwrap_err();
        assert_eq!(held.to_string(), "ops-1 has this task until 1970-01-01T00:01:50Z");
        // Whoever has it keeps it for longer.
        remark.take(&task, "ops-1", span, at(109)).unwrap();
        assert!(remark.free_for(&task, "ops-2", at(118)).is_err());
        // A claim that is over holds nobody up.
        remark.take(&task, "ops-2", span, at(119)).unwrap();
        remark.give(&task, Some("ops-3"), span, at(120)).unwrap();
        let claim = remark.held(&task, at(120)).unwrap();
        assert_eq!((claim.by.as_str(), claim.from.as_deref()), ("ops-3", Some("ops-2")));
        remark.give(&task, None, span, at(121)).unwrap();
        assert_eq!(remark.give(&task, None, span, at(121)), Err(ClaimError::Free));
        assert!(remark.free_for(&task, "ops-1", at(121)).is_ok());
    }

    #[test]
    fn what_was_said_of_an_earlier_round_is_not_said_of_this_one() {
        let (mut task, mut remark) = (task(), Remark::default());
        remark.take(&task, "ops-1", Span::from_secs(1_000), at(100)).unwrap();
        remark.fail("ops-1", "no second factor", at(101));
        assert!(remark.held(&task, at(101)).is_none());
        assert_eq!(remark.failure(&task).map(|failed| failed.by.as_str()), Some("ops-1"));
        remark.take(&task, "ops-2", Span::from_secs(1_000), at(102)).unwrap();
        task.since = at(150);
        assert!(remark.held(&task, at(151)).is_none() && remark.failure(&task).is_none());
        assert!(!task.is_overdue(at(199)) && task.is_overdue(at(200)));
    }
}
