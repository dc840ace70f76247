//! What people say of a rotation's tasks at other terminals, and what is said of those that wait
//! for too long. Nothing here changes the rotation.

use std::collections::BTreeMap;

use domain::audit::Record;
use domain::{ClaimError, Remark, Task, TaskKind};
use jiff::Timestamp;

use super::Drive;
use crate::{Command, EngineError, Progress};

impl Drive {
    /// Who has the task that a word is an answer to, where that is somebody else.
    pub(super) fn held(&self, command: &Command) -> Result<Option<ClaimError>, EngineError> {
        let (kind, by) = match command {
            Command::Approve { by } => (TaskKind::Approve, by),
            Command::Receipt { by, .. } => (TaskKind::Receipt, by),
            Command::Enter { by, .. } => (TaskKind::Create, by),
            // That something is done is proven by looking, whoever says it.
            _ => return Ok(None),
        };
        let now = self.engine.clock.now();
        let tasks = self.rotation.tasks(now);
        let about = match command {
            Command::Receipt { probe, .. } => Some(probe),
            _ => None,
        };
        let is = |task: &&Task| task.kind == kind && task.probe.as_ref() == about;
        let Some(task) = tasks.iter().find(is) else { return Ok(None) };
        let remarks = self.engine.reader.remarks()?;
        Ok(remarks.get(&task.id).and_then(|remark| remark.free_for(task, by, now).err()))
    }

    /// Shows what was said since the last look.
    pub(super) fn show_said(&mut self) -> Result<(), EngineError> {
        let prefix = format!("{}.", self.rotation.plan().id);
        let mut remarks = self.engine.reader.remarks()?;
        remarks.retain(|task, _| task.starts_with(&prefix));
        if remarks == self.said {
            return Ok(());
        }
        let now = self.engine.clock.now();
        for task in self.rotation.tasks(now) {
            let before = self.said.get(&task.id).and_then(|remark| told(remark, &task, now));
            let what = remarks.get(&task.id).and_then(|remark| told(remark, &task, now));
            if what != before {
                let what = what.unwrap_or_else(|| "nobody has it any more".into());
                let _ = self.progress.send(Progress::Said { task: task.id, what });
            }
        }
        self.said = remarks;
        Ok(())
    }

    /// Tells, once, of each task that should have been done by now.
    pub(super) fn escalate(&mut self) -> Result<(), EngineError> {
        let now = self.engine.clock.now();
        for task in self.rotation.tasks(now) {
            if !task.is_overdue(now) || !self.escalated.insert(task.id.clone()) {
                continue;
            }
            let actor = self.engine.actor.clone();
            let said = super::record::journal(&self.engine)?.remark(
                &task.rotation,
                &task.id,
                |remark: &mut Remark| {
                    if remark.overdue.is_some_and(|at| at >= task.since) {
                        return Err(());
                    }
                    remark.overdue = Some(now);
                    Ok(overdue(&task, &actor, now))
                },
            )?;
            if said.is_ok() {
                let _ = self.progress.send(Progress::Overdue(Box::new(task)));
            }
        }
        Ok(())
    }

    /// When the next task will be overdue.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let tasks = self.rotation.tasks(self.engine.clock.now());
        let waiting = tasks.iter().filter(|task| !self.escalated.contains(&task.id));
        waiting.map(|task| task.deadline).min()
    }
}

/// What was said of a task, in words.
fn told(remark: &Remark, task: &Task, now: Timestamp) -> Option<String> {
    match (remark.held(task, now), remark.failure(task)) {
        (Some(claim), _) => Some(format!("{} has it until {:.0}", claim.by, claim.until)),
        (None, Some(failed)) => Some(format!("{} could not do it: {}", failed.by, failed.why)),
        (None, None) => None,
    }
}

/// What the audit says of a task that waits for too long; notices are made from it, too.
fn overdue(task: &Task, actor: &str, at: Timestamp) -> Record {
    Record {
        at,
        action: "task.overdue".into(),
        actor: actor.to_owned(),
        secret: Some(task.secret.clone()),
        rotation: Some(task.rotation.clone()),
        context: BTreeMap::from([
            ("task".into(), task.id.clone()),
            ("role".into(), task.role.clone()),
            ("since".into(), task.since.to_string()),
        ]),
    }
}
