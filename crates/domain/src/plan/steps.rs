//! A plan as people read it: numbered steps with who, what and what undoes it.

use serde::{Deserialize, Serialize};

use super::{Mode, Plan};
use crate::Doer;

/// One line of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlanStep {
    /// Its number; `0` continues the step above.
    pub number: u8,
    /// The verb.
    pub step: String,
    /// What it does to the world.
    pub sign: Sign,
    /// `rollover`, or the role that is asked.
    pub who: String,
    /// What happens.
    pub what: String,
    /// What undoes it; empty where nothing has to be undone.
    pub undo: String,
    /// Whether the point of no return lies before it.
    pub after_no_return: bool,
}

/// What a step does to the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Only looks.
    Look,
    /// Adds something.
    Add,
    /// Changes something.
    Change,
    /// Removes something.
    Remove,
}

impl Sign {
    /// The mark in front of the step.
    #[must_use]
    pub fn mark(self) -> &'static str {
        match self {
            Self::Look => " ",
            Self::Add => "+",
            Self::Change => "~",
            Self::Remove => "-",
        }
    }
}

impl Plan {
    /// The steps, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<PlanStep> {
        let mut steps = Vec::new();
        match self.mode {
            Mode::RevokeFirst => {
                self.step_preflight(&mut steps);
                self.step_approve(&mut steps);
                let before = steps.len();
                self.step_revoke(&mut steps);
                self.steps_to_everybody(&mut steps);
                self.steps_to_the_end(&mut steps);
                no_return(&mut steps[before..]);
            }
            Mode::Rehearsal => {
                self.step_preflight(&mut steps);
                self.steps_to_everybody(&mut steps);
                let soak = format!("{}, both tokens live", self.limits.soak);
                push(&mut steps, "soak", Sign::Look, engine(), soak, "");
                let gate = "the last look: the store and every consumer".to_owned();
                push(&mut steps, "gate", Sign::Look, engine(), gate, "");
                self.steps_back(&mut steps);
            }
            Mode::Removal => {
                self.step_preflight(&mut steps);
                let soak = format!("{}, the token alive; who uses it shows", self.limits.soak);
                push(&mut steps, "soak", Sign::Look, engine(), soak, "");
                self.step_approve(&mut steps);
                let gate = "the last look: nobody in the inventory holds it".to_owned();
                push(&mut steps, "gate", Sign::Look, engine(), gate, "");
                let before = steps.len();
                self.step_revoke(&mut steps);
                self.steps_to_the_end(&mut steps);
                no_return(&mut steps[before..]);
            }
            Mode::Decommission => {
                self.step_preflight(&mut steps);
                self.steps_from_everybody(&mut steps);
                self.step_approve(&mut steps);
                let gate = "the last look: the store and every consumer hold nothing".to_owned();
                push(&mut steps, "gate", Sign::Look, engine(), gate, "");
                let before = steps.len();
                self.step_revoke(&mut steps);
                self.steps_to_the_end(&mut steps);
                no_return(&mut steps[before..]);
            }
            _ => {
                self.step_preflight(&mut steps);
                self.steps_to_everybody(&mut steps);
                let soak = format!("{}, both tokens live", self.limits.soak);
                push(&mut steps, "soak", Sign::Look, engine(), soak, "");
                self.step_approve(&mut steps);
                let gate = "the last look: the store and every consumer".to_owned();
                push(&mut steps, "gate", Sign::Look, engine(), gate, "");
                let before = steps.len();
                self.step_revoke(&mut steps);
                self.steps_to_the_end(&mut steps);
                no_return(&mut steps[before..]);
            }
        }
        steps
    }

    /// The engine, or the role that is asked.
    fn who(&self, doer: Doer, own: Option<&String>) -> String {
        match doer {
            Doer::Api => engine(),
            Doer::Operator => own.unwrap_or(&self.role).clone(),
        }
    }

    fn step_preflight(&self, steps: &mut Vec<PlanStep>) {
        let preflight = match self.mode {
            Mode::Repair => "the current token is dead; there is nothing to lose".into(),
            Mode::Removal => {
                format!("the token answers as {}, and nobody holds it", self.issuer.identity)
            }
            _ => format!("the current token answers as {}", self.issuer.identity),
        };
        push(steps, "preflight", Sign::Look, engine(), preflight, "");
    }

    fn step_approve(&self, steps: &mut Vec<PlanStep>) {
        let mut approve = "agrees to the revocation by the secret's name".to_owned();
        if self.gates.second_person {
            approve.push_str("; not whoever starts it");
        }
        let who = self.who(Doer::Operator, self.gates.approve.as_ref());
        push(steps, "approve", Sign::Look, who, approve, "");
    }

    fn steps_to_everybody(&self, steps: &mut Vec<PlanStep>) {
        let identity = &self.issuer.identity;
        // What is to be undone is undone only where there is a way back.
        let undo = |how: &'static str| if self.mode.overlaps() { how } else { "" };
        let create = match self.issuer.creates {
            Doer::Api => format!("{}: new token, marked {}", self.issuer.title, self.id),
            Doer::Operator => format!("dashboard of {identity}: generate another token"),
        };
        let who = self.who(self.issuer.creates, self.gates.create.as_ref());
        push(steps, "create", Sign::Add, who, create, undo("revoke it"));
        let validate = format!("the new token answers as {identity}");
        push(steps, "validate", Sign::Look, engine(), validate, "");
        let store = format!("{} {}", self.store.name, self.store.key);
        push(steps, "store", Sign::Change, engine(), store, undo("put back"));
        for (i, consumer) in self.consumers.iter().enumerate() {
            let restart = if consumer.restarts { ", one restart" } else { "" };
            let what = format!("{} ({}){restart}", consumer.id, consumer.keys.join(", "));
            push(steps, "propagate", Sign::Change, engine(), what, undo("put back"));
            continue_step(steps, i);
        }
        let unread = self.consumers.iter().filter(|consumer| !consumer.reads_back).count();
        let mut verify = format!(
            "{} of {} consumers show the new fingerprint",
            self.consumers.len() - unread,
            self.consumers.len()
        );
        if unread > 0 {
            verify.push_str("; the rest is write-only, proven by its write");
        }
        push(steps, "verify", Sign::Look, engine(), verify, "");
        self.steps_of_probes(steps);
    }

    fn steps_of_probes(&self, steps: &mut Vec<PlanStep>) {
        for (i, probe) in self.probes.iter().enumerate() {
            let what = format!("{}: {}", probe.name, probe.what);
            push(steps, "probe", Sign::Look, engine(), what, "");
            continue_step(steps, i);
        }
        for (i, probe) in self.probes.iter().filter(|probe| probe.confirm).enumerate() {
            let what = format!("{}: says whether it arrived", probe.name);
            push(steps, "receipt", Sign::Look, self.role.clone(), what, "");
            continue_step(steps, i);
        }
    }

    /// Out of every consumer and out of the store, and a while in which somebody forgotten shows.
    fn steps_from_everybody(&self, steps: &mut Vec<PlanStep>) {
        for (i, consumer) in self.consumers.iter().enumerate() {
            let restart = if consumer.restarts { ", one restart" } else { "" };
            let what = format!("{} ({}){restart}", consumer.id, consumer.keys.join(", "));
            push(steps, "remove", Sign::Remove, engine(), what, "put back");
            continue_step(steps, i);
        }
        let absent = match self.consumers.len() {
            0 => "the inventory names no consumer".to_owned(),
            count => format!("{count} consumer(s) hold nothing, and nothing runs that had it"),
        };
        push(steps, "absent", Sign::Look, engine(), absent, "");
        let store = format!("{} {}", self.store.name, self.store.key);
        push(steps, "clear", Sign::Remove, engine(), store, "put back");
        let soak = format!("{}, the name gone everywhere and the token alive", self.limits.soak);
        push(steps, "soak", Sign::Look, engine(), soak, "");
    }

    fn steps_back(&self, steps: &mut Vec<PlanStep>) {
        for (i, consumer) in self.consumers.iter().enumerate() {
            let restart = if consumer.restarts { ", one restart" } else { "" };
            let what = format!("{} has the old token again{restart}", consumer.id);
            push(steps, "restore", Sign::Change, engine(), what, "");
            continue_step(steps, i);
        }
        let recheck = "every consumer shows the old fingerprint".to_owned();
        push(steps, "recheck", Sign::Look, engine(), recheck, "");
        let unstore = format!("{} {} as before", self.store.name, self.store.key);
        push(steps, "unstore", Sign::Change, engine(), unstore, "");
        let discard = "the new token is revoked, and dead".to_owned();
        push(
            steps,
            "discard",
            Sign::Remove,
            self.who(self.issuer.revokes, self.gates.revoke.as_ref()),
            discard,
            "",
        );
        push(steps, "sweep", Sign::Remove, engine(), self.sweeps().to_owned(), "");
        push(steps, "close", Sign::Look, engine(), "secret.rotate.rehearsed".into(), "");
    }

    fn step_revoke(&self, steps: &mut Vec<PlanStep>) {
        let which = match &self.old.handle {
            Some(handle) => format!("authorization {handle}, fp {}", self.old.fingerprint),
            None => format!("the token with fp {}", self.old.fingerprint),
        };
        let who = self.who(self.issuer.revokes, self.gates.revoke.as_ref());
        let what = match self.issuer.revokes {
            Doer::Api => which,
            Doer::Operator => format!("dashboard of {}: delete {which}", self.issuer.identity),
        };
        push(steps, "revoke", Sign::Remove, who, what, "none");
    }

    fn steps_to_the_end(&self, steps: &mut Vec<PlanStep>) {
        let prove =
            format!("the {} answers 401, twice, {} apart", self.goes(), self.limits.proof_interval);
        push(steps, "prove", Sign::Look, engine(), prove, "");
        let confirm = match self.mode.takes_current() {
            true => "the store and every consumer, once more",
            false => "nobody in the inventory holds it, once more",
        };
        let confirm = confirm.to_owned();
        push(steps, "confirm", Sign::Look, engine(), confirm, "");
        let (sweep, sign) = match self.mode.creates() {
            true => (self.sweeps(), Sign::Remove),
            false => ("other live tokens of the issuer are listed", Sign::Look),
        };
        push(steps, "sweep", sign, engine(), sweep.to_owned(), "");
        push(steps, "close", Sign::Look, engine(), format!("{}.completed", self.mode.deed()), "");
    }

    /// What the sweep finds out.
    fn sweeps(&self) -> &'static str {
        // Revoked first, the list of before could not be kept; the new token shows it again.
        match self.issuer.listed || self.mode == Mode::RevokeFirst {
            true => "nothing of this rotation is left at the issuer",
            false => "what else lives at the issuer is not known: it does not show its tokens",
        }
    }

    /// What people call the token that goes.
    fn goes(&self) -> &'static str {
        if self.mode.creates() { "old token" } else { "token" }
    }
}

fn engine() -> String {
    "rollover".to_owned()
}

fn no_return(steps: &mut [PlanStep]) {
    for step in steps {
        step.after_no_return = true;
    }
}

fn push(steps: &mut Vec<PlanStep>, step: &str, sign: Sign, who: String, what: String, undo: &str) {
    let number = steps.iter().map(|step| step.number).max().unwrap_or(0) + 1;
    steps.push(PlanStep {
        number,
        step: step.to_owned(),
        sign,
        who,
        what,
        undo: undo.to_owned(),
        after_no_return: false,
    });
}

/// Makes the newest line continue the one above, unless it is the first of its kind.
fn continue_step(steps: &mut [PlanStep], place: usize) {
    if place > 0
        && let Some(last) = steps.last_mut()
    {
        last.number = 0;
    }
}
